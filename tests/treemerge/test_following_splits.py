"""Following a split that was made by hand: nothing of an edit is lost, doubled, or under other conditions."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.cpp.leaves import leaves_of
from mergeguard.git.repository import Repository
from mergeguard.merge.moved.loose import plain_code
from tests.support.story import git
from tests.treemerge.test_followededits import merged, texts

MONOLITH = """#include <cstdint>
#include "common.h"

#if defined(FAST)
  #define WIDTH 64
#else
  #define WIDTH 32
#endif

// Rounds up to whole blocks.
int blocks_of(int n) {
  return (n + WIDTH - 1) / WIDTH;
}

#if defined(FAST)
__global__ void scale(float* out, const float* in, int n) {
  int at = threadIdx.x + blockIdx.x * WIDTH;
  if (at < n) {
    out[at] = in[at] * 2;
  }
}
#else
__global__ void scale(float* out, const float* in, int n) {
  unreachable();
}
#endif

// Adds all up.
__global__ void total(float* out, const float* in, int n) {
  float sum = 0;
  for (int at = threadIdx.x; at < n; at += WIDTH) {
    sum += in[at];
  }
  out[blockIdx.x] = block_sum(sum);
}

#define LAUNCH(N) scale<<<blocks_of(n), N>>>(out, in, n)

void run(float* out, const float* in, int n) {
  check_pointer(out);
  check_pointer(in);
  LAUNCH(64);
}
"""
_KERNELS = MONOLITH[MONOLITH.index("#if defined(FAST)\n  #define") : MONOLITH.index("// Adds all up.")]
_REST = MONOLITH[MONOLITH.index("// Adds all up.") : MONOLITH.index("#define LAUNCH")]
_MACRO = MONOLITH[MONOLITH.index("#define LAUNCH") : MONOLITH.index("void run")]
SPLIT = {
    "k.cu": '#include <cstdint>\n#include "k/launch.h"\n\n' + MONOLITH[MONOLITH.index("void run") :],
    "k/kernel.cuh": '#pragma once\n\n#include <cstdint>\n#include "common.h"\n\n'
    + _KERNELS.replace("int blocks_of", "inline int blocks_of"),
    "k/launch.h": '#pragma once\n\n#include "kernel.cuh"\n\n' + _REST + _MACRO.rstrip() + "\n",
}
NEW = (
    "#include <limits>\n",
    "\n// A comment of its own.\n\n",
    "\nint waves_of(int n) {\n  return n / 4;\n}\n",
    "\nusing index_t = int64_t;\n",
    "\n#define MASK 0xff\n",
    "\n#if defined(SLOW)\n#define STEP 1\n#endif\n",
)
LINES = MONOLITH.splitlines(keepends=True)
# Before and after declarations: where an insertion cuts nothing in two.
GAPS = [n for n, line in enumerate(LINES) if n == 0 or not LINES[n - 1].strip()] + [len(LINES)]
CHANGES = (
    ("#if defined(FAST)\n__global__", "#if defined(FAST) || defined(NEW)\n__global__"),
    ("#if defined(FAST)\n  #define", "#if defined(FAST) && !defined(OLD)\n  #define"),
    ("  #define WIDTH 32\n", "  #define WIDTH 16\n"),
    ("// Adds all up.\n", "// Adds everything up.\n"),
    ("    out[at] = in[at] * 2;\n", "    out[at] = in[at] * 3;\n"),
    ("  check_pointer(in);\n", "  check_pointer(in);\n  check_length(n);\n"),
    ('#include "common.h"\n', '#include "common.h"\n#include "more.h"\n'),
    ('#include "common.h"\n', ""),
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    folder = tmp_path_factory.mktemp("splits")
    git(folder, "init", "-q")
    return Repository.discover(folder)


@st.composite
def edited(draw: st.DrawFn) -> str:
    lines = list(LINES)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.sampled_from(GAPS))
        lines[at : at + 1] = [draw(st.sampled_from(NEW)), *lines[at : at + 1]]
    text = "".join(lines)
    for old, new in draw(st.lists(st.sampled_from(CHANGES), max_size=2, unique=True)):
        text = text.replace(old, new, 1)
    return text


def declared(text: str) -> Counter[tuple[object, ...]]:
    """The declarations, linkage words apart, with the conditions that they stand under."""
    leaves = leaves_of(text.encode())[0]
    return Counter(
        (leaf.kind, plain_code(leaf), leaf.condition)
        for leaf in leaves
        if not leaf.placed and leaf.kind != "include"
    )


def conflicts_of(files: dict[str, bytes]) -> list[int]:
    sizes = []
    for text in files.values():
        size = None
        for line in text.splitlines():
            if line.startswith(b"<<<<<<< "):
                size = 0
            elif line.startswith(b">>>>>>> ") and size is not None:
                sizes.append(size)
                size = None
            elif size is not None:
                size += 1
    return sizes


@pytest.mark.parametrize("ours_is_split", [True, False])
@settings(deadline=None, max_examples=25)
@given(text=edited())
def test_an_edit_of_the_old_file_is_in_the_split_once(
    repository: Repository, ours_is_split: bool, text: str
) -> None:
    split = {path: part.encode() for path, part in SPLIT.items()}
    base, whole = {"k.cu": MONOLITH.encode()}, {"k.cu": text.encode()}
    outcome = merged(repository, base, *((split, whole) if ours_is_split else (whole, split)))
    result = texts(repository, outcome.tree)
    assert all(size <= 40 for size in conflicts_of(result))
    if outcome.stages:
        return
    there = sum((declared(part.decode()) for part in result.values()), Counter())
    assert there == declared(text)
    words = b"".join(result.values())
    for line in text.splitlines():
        assert line.strip().encode() in words


def test_a_pair_of_directives_around_what_went_to_two_files_is_a_person_s(repository: Repository) -> None:
    start, end = MONOLITH.index("// Rounds up"), MONOLITH.index("#define LAUNCH")
    text = MONOLITH[:start] + "#if defined(ALL)\n" + MONOLITH[start:end] + "#endif\n\n" + MONOLITH[end:]
    split = {path: part.encode() for path, part in SPLIT.items()}
    outcome = merged(repository, {"k.cu": MONOLITH.encode()}, split, {"k.cu": text.encode()})
    result = texts(repository, outcome.tree)
    assert outcome.stages
    assert sum(conflicts_of(result)) <= 8
