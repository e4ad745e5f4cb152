"""Not one line of a hand-made split is lost: it is in the fork's new file, or the report shows it."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mergeguard.adopt.account import macros_of, unaccounted, undefined_macros
from mergeguard.adopt.adopt import adopt
from mergeguard.adopt.model import AdoptedAs, Adoption, Keep
from mergeguard.lens.rule import parse_rule

PATH, FOLDER = "src/scale.cu", "src/scale/"
KERNEL, LAUNCH, DISPATCH = FOLDER + "kernel.cuh", FOLDER + "launch.h", FOLDER + "dispatch.cuh"
RULE_TEXT = b"""schema = 1
monolith = "src/scale.cu"

[includes]
beside = ["check.h"]

[[move]]
to = "common.h"
items = ["include *", "macro *"]

[[move]]
to = "kernel.cuh"
items = ["template *", "kernel *", "device *", "function blocks_of"]

[[partition]]
entry = "scale"
over = { in = "scale", switch = "rows" }
discriminator = "rows"
body = "dispatch.cuh"
rest = "n2.cu"
shards = { "n1.cu" = [1], "n2.cu" = [2] }
"""
RULE = parse_rule(RULE_TEXT, "scale.toml")
MONOLITH = b"""#include <cstdint>
#include "check.h"

#define WIDTH 32

// Rounds up to whole blocks.
int blocks_of(int n) {
  return (n + WIDTH - 1) / WIDTH;
}

#if defined(FAST)
// The fast path.
template <typename T, int ROWS>
__global__ void scale_kernel(T* out, const T* in, int n) {
  int at = threadIdx.x + blockIdx.x * WIDTH;
  for (int row = 0; row < ROWS; ++row) {
    if (at < n) out[at + row * n] = in[at + row * n] * 2;
  }
}
#endif  // FAST

void scale(float* out, const float* in, int n, int rows) {
  CHECK(n > 0, "n must be positive");
#define LAUNCH_ROWS(ROWS)                                  \\
  {                                                        \\
    int grid = blocks_of(n);                               \\
    scale_kernel<float, ROWS><<<grid, WIDTH>>>(out, in, n); \\
  }
  switch (rows) {
    case 1:
      LAUNCH_ROWS(1)
      break;
    case 2:
      LAUNCH_ROWS(2)
      break;
    default:
      CHECK(false, "rows");
  }
#undef LAUNCH_ROWS
}
"""
_DISPATCH = b"""#pragma once

#include "kernel.cuh"

// One function in place of the macros.
template <typename T, int ROWS>
inline void dispatch_rows(T* out, const T* in, int n, int group) {
  int grid = blocks_of(n);
  if (group == 0) {
    scale_kernel<T, ROWS><<<grid, WIDTH>>>(out, in, n);
  } else {
    scale_kernel<T, ROWS><<<grid * group, WIDTH>>>(out, in, n);
  }
}
"""
_SHARD = b"""// Rows: %d.
#include "dispatch.cuh"
#include "launch.h"

template <typename T>
void launch_rows_%d(T* out, const T* in, int n, int group) {
  dispatch_rows<T, %d>(out, in, n, group);
}

template void launch_rows_%d<float>(float*, const float*, int, int);
"""
_LAUNCH = b"""#pragma once

// Defined in the shards.
#define DECLARE_LAUNCH(N) \\
  template <typename T>   \\
  void launch_rows_##N(T* out, const T* in, int n, int group);

DECLARE_LAUNCH(1)
DECLARE_LAUNCH(2)

#undef DECLARE_LAUNCH
"""


def hand_made() -> dict[str, bytes]:
    """Arms become calls of launchers, launchers call one template in place of upstream's macro: with a new
    parameter, so that the split and a feature are one commit."""
    start, end = MONOLITH.index(b"#define WIDTH"), MONOLITH.index(b"void scale(")
    entry = MONOLITH[end:]
    macro = entry[entry.index(b"#define LAUNCH") : entry.index(b"  switch")]
    entry = entry.replace(macro, b"").replace(b"#undef LAUNCH_ROWS\n", b"")
    entry = entry.replace(b"int n, int rows)", b"int n, int rows, int group)")
    for n in (b"1", b"2"):
        entry = entry.replace(b"LAUNCH_ROWS(%s)" % n, b"launch_rows_%s(out, in, n, group);" % n)
    own = b'#include "scale/kernel.cuh"  // helpers\n#include "scale/launch.h"\n\n'
    files = {
        PATH: MONOLITH[:start] + own + entry,
        KERNEL: b"#pragma once\n\n#include <cstdint>\n\n"
        + MONOLITH[start:end].replace(b"int blocks_of", b"inline int blocks_of"),
        LAUNCH: _LAUNCH,
        DISPATCH: _DISPATCH,
    }
    return files | {f"{FOLDER}n{n}.cu": _SHARD % (n, n, n, n) for n in (1, 2)}


def report_of(found: Adoption) -> list[tuple[str, bytes]]:
    return [(taken.path, taken.text) for taken in found.taken]


def lost(files: dict[str, bytes], found: Adoption) -> list[bytes]:
    """Every line of the files that is neither in the new file nor in the report, by plain comparison."""
    there = {
        bytes(line.split()[0]) if len(line.split()) == 1 else b" ".join(line.split())
        for line in found.monolith.replace(b"\\\n", b"\n").splitlines()
        if line.strip()
    }
    told = {
        b" ".join(line.split())
        for _, text in report_of(found)
        for line in text.replace(b"\\\n", b"\n").splitlines()
    }
    missing = []
    for text in files.values():
        for line in text.replace(b"\\\n", b"\n").splitlines():
            plain = b" ".join(line.split())
            bare = re.sub(rb"\binline ", b"", plain)
            if re.search(rb"\w", plain) and not {plain, bare} & (there | told):
                missing.append(plain)
    return missing


def test_one_decision_is_left():
    found = adopt(RULE, PATH, MONOLITH, hand_made())
    assert found.decide == ("scale",) and found.replaces
    assert [t.item for t in found.unplaced if t.path == DISPATCH] == ["dispatch_rows"]
    glue = {(t.path, t.item) for t in found.of(AdoptedAs.GLUE)}
    assert {(LAUNCH, "DECLARE_LAUNCH"), (FOLDER + "n1.cu", "launch_rows_1")} <= glue


def test_upstreams_arms_and_macros_are_kept_and_the_rest_is_listed():
    found = adopt(RULE, PATH, MONOLITH, hand_made(), Keep.UPSTREAM)
    assert not found.unplaced
    assert b"dispatch_rows" in b"".join(t.text for t in found.retype)
    text = found.monolith
    assert b"LAUNCH_ROWS(2)" in text and b"launch_rows" not in text and b"#undef LAUNCH_ROWS" in text
    assert b"int n, int rows, int group)" in text  # the parameter is the fork's own edit
    assert lost(hand_made(), found) == []


def test_the_forks_function_becomes_a_declaration():
    found = adopt(RULE, PATH, MONOLITH, hand_made(), Keep.FORK)
    assert not found.unplaced and not found.retype and found.decide == ("scale",)
    text = found.monolith
    assert (
        text.index(b"dispatch_rows(T* out") < text.index(b"void launch_rows_1(") < text.index(b"void scale(")
    )
    assert b"case 1:\n      launch_rows_1(out, in, n, group);" in text
    assert b"LAUNCH_ROWS" not in text and b"DECLARE_LAUNCH" not in text
    known = macros_of([MONOLITH, *hand_made().values()])
    assert undefined_macros(text, known).keys() <= undefined_macros(MONOLITH, known).keys()
    assert lost(hand_made(), found) == []


COMMENTS = [
    (KERNEL, b"#if defined(FAST)\n", b"// Ours: only where it pays.\n#if defined(FAST)\n"),
    (KERNEL, b"#endif  // FAST\n", b"#endif  // FAST, measured on our cards\n"),
    (KERNEL, b"#define WIDTH 32\n", b"// Ours alone.\n\n#define WIDTH 32\n"),
    (KERNEL, b"#include <cstdint>\n", b"// For the fixed widths.\n#include <cstdint>\n"),
    (KERNEL, b"  int at = threadIdx.x", b"  // Ours: coalesced.\n  int at = threadIdx.x"),
    (FOLDER + "n2.cu", b"// Rows: 2.\n", b"// Rows: 2. Ours.\n\n// Built last.\n"),
    (LAUNCH, b"#undef DECLARE_LAUNCH\n", b"#undef DECLARE_LAUNCH  // ours, too\n"),
    (PATH, b"void scale(", b"// Ours: groups.\nvoid scale("),
]


@pytest.mark.parametrize("keep", [None, *Keep])
@pytest.mark.parametrize(("path", "old", "new"), COMMENTS, ids=[str(n) for n in range(len(COMMENTS))])
def test_no_comment_is_lost(path, old, new, keep):
    files = hand_made()
    assert files[path].count(old) == 1
    files[path] = files[path].replace(old, new)
    found = adopt(RULE, PATH, MONOLITH, files, keep)
    assert lost(files, found) == []


@st.composite
def edits(draw):
    files = hand_made()
    path = draw(st.sampled_from(sorted(files)))
    lines = files[path].splitlines(keepends=True)
    at = draw(st.integers(0, len(lines)))
    new = draw(
        st.sampled_from(
            [
                b"// mine\n",
                b"\n// apart\n\n",
                b"int mine_1 = 1;\n",
                b"#define MINE 1\n",
                b"#undef WIDTH\n",
                b"  mine(1);\n",
                b"int mine_2() { return 2; }\n",
                b"#include <mine>\n",
                b"/* mine */\n",
            ]
        )
    )
    if at and lines[at - 1].rstrip().endswith(b"\\"):
        new = new.rstrip() + b" \\\n"
    files[path] = b"".join([*lines[:at], new, *lines[at:]])
    return files


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(edits(), st.sampled_from([None, *Keep]))
def test_every_line_is_in_the_file_or_in_the_report(files, keep):
    found = adopt(RULE, PATH, MONOLITH, files, keep)
    assert lost(files, found) == []
    assert list(unaccounted(files, found.monolith, report_of(found))) == []


def test_nothing_is_taken_from_a_function_of_which_a_piece_has_no_place():
    found = adopt(RULE, PATH, MONOLITH, hand_made(), Keep.UPSTREAM)
    old = MONOLITH[MONOLITH.index(b"void scale(") :].splitlines()
    new = found.monolith.splitlines()
    kept = [line for line in old if line not in new]
    assert kept == [b"void scale(float* out, const float* in, int n, int rows) {"]  # it got a parameter


def test_what_a_main_unit_alone_compiles_stands_under_no_condition_of_its_own() -> None:
    files = hand_made()
    files[PATH] = b"#define SCALE_MAIN\n" + files[PATH]
    start = files[KERNEL].index(b"// Rounds up")
    end = files[KERNEL].index(b"#if defined(FAST)")
    guarded = (
        b"// Only in scale.cu.\n#ifdef SCALE_MAIN\n" + files[KERNEL][start:end].rstrip() + b"\n#endif\n\n"
    )
    files[KERNEL] = files[KERNEL][:start] + guarded + files[KERNEL][end:]
    plain, found = adopt(RULE, PATH, MONOLITH, hand_made()), adopt(RULE, PATH, MONOLITH, files)
    assert found.monolith == plain.monolith
    assert [taken.text for taken in found.unplaced] == [taken.text for taken in plain.unplaced]
    glue = [taken.item for taken in found.of(AdoptedAs.GLUE) if "one unit" in taken.reason]
    assert glue == ["SCALE_MAIN", "#if defined(SCALE_MAIN)", "#endif"]


def test_includes_that_a_rule_lets_be_either_are_upstreams() -> None:
    either = parse_rule(RULE_TEXT.replace(b'beside = ["check.h"]', b'either = ["*"]'), "scale.toml")
    files = hand_made()
    files[KERNEL] = files[KERNEL].replace(
        b"#include <cstdint>\n", b'#include <cstdint>\n#include "../check.h"\n'
    )
    found = adopt(either, PATH, MONOLITH, files, Keep.UPSTREAM)
    assert found.monolith.count(b"check.h") == 1
    assert [taken.fate for taken in found.taken if "check.h" in taken.item] == [AdoptedAs.UPSTREAM] * 2


def test_the_forks_indentation_inside_of_what_it_edited_stays() -> None:
    files = hand_made()
    start = files[KERNEL].index(b"  for (int row")
    old = files[KERNEL][start : files[KERNEL].index(b"#endif", start)]
    new = old.replace(b"\n  ", b"\n      ").replace(b"* 2;", b"* 3;")
    files[KERNEL] = files[KERNEL].replace(old, new)
    assert new != old
    assert new in adopt(RULE, PATH, MONOLITH, files, Keep.UPSTREAM).monolith
