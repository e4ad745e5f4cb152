"""split: what goes where, and the glue that a move needs, on small monoliths."""

from __future__ import annotations

import subprocess

import pytest

from mergeguard.errors import RuleMismatch, SourceError
from mergeguard.lens.emit import split
from mergeguard.lens.rule import parse_rule
from mergeguard.verify.flatten import LayoutText
from mergeguard.verify.same_program import compare, failures
from tests.support import toolchain

RULE_TEXT = b"""schema = 1
monolith = "src/run.cu"

[includes]
beside = ["local.h"]

[[move]]
to = "common.h"
items = ["include *", "macro *", "template *", "kernel *", "variable *"]
needed = true

[[partition]]
entry = "run"
over = { in = "run", switch = "n" }
discriminator = "n"
body = "dispatch.cuh"
rest = "two.cu"

[partition.shards]
"one.cu" = [1]
"two.cu" = [2]
"""
RULE = parse_rule(RULE_TEXT, "run.toml")

RUN = b"""int run(int n) {
  switch (n) {
    case 1:
      return helper(1);
    case 2:
      return helper(2);
    default:
      return -1;
  }
}
"""
HELPER = b"int helper(int a) { return a; }\n"


def made(text, rule=RULE):
    layout = split(rule, "run", "src/run.cu", text)
    own = {p.source: p.text for f in layout.files for p in f.pieces if p.source is not None}
    assert b"".join(own[start] for start in sorted(own)) == text
    return layout, {f.path.removeprefix("src/").removeprefix("run/"): f.text for f in layout.files}


def layout_texts(layout):
    return [LayoutText(file.path, file.text, file.is_unit) for file in layout.files]


def test_the_files():
    layout, files = made(b"#include <a.h>\n" + HELPER + RUN)
    assert list(files) == ["run.cu", "common.h", "dispatch.cuh", "launch.h", "one.cu", "two.cu"]
    assert files["one.cu"] == (
        b"#define MG_SHARD_one\n#define MG_NS mergeguard_run_one\n" + b'#include "dispatch.cuh"\n'
    )
    assert files["common.h"] == b"#pragma once\n#include <a.h>\ninline\n" + HELPER
    arm = b"    case 2:\n      return helper(2);\n"
    guarded = b"#if defined(MG_SHARD_two)\n" + arm + b"#endif  // MG_SHARD_two\n    default:"
    assert guarded in files["dispatch.cuh"]
    # Every label leads to its shard; what has none to the rest.
    assert b"case 1:\n      return mergeguard_run_one::run(n);\n    default:\n" in files["run.cu"]
    assert not layout.notes


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (b"int helper(int a) { return a; }\n", b"inline\nint helper("),
        (b"static int helper(int a) { return a; }\n", b"\nstatic int helper("),
        (b"template <typename T>\nT helper(T a) { return a; }\n", b"\ntemplate <typename T>\nT helper("),
        (b"const int helper(int a) { return a; }\n", b"inline\nconst int helper("),
        (b"int table[2] = {};\nint helper(int a) { return table[a]; }\n", b"inline\nint table["),
        (b"const int size = 2;\nint helper(int a) { return size; }\n", b"\nconst int size"),
        (b"__constant__ int t[2];\nint helper(int a) { return t[a]; }\n", b"static\n__constant__ int t"),
        (b"__global__ void k() {}\nint helper(int a) { k(); return a; }\n", b"static\n__global__ void k"),
        (
            b"template <typename T> T helper(T a);\ntemplate <> int helper(int a) { return a; }\n",
            b"template <> inline /* MG_LINKAGE */ int helper(int a)",
        ),
        (
            b"int one() { return 1; } int helper(int a) { return one(); }\n",
            b"// MG_LINE\n inline /* MG_LINKAGE */ int",
        ),
    ],
)
def test_linkage_of_what_every_unit_sees(item, expected):
    _, files = made(item + RUN)
    assert expected in files["common.h"]


def test_includes_are_re_based():
    text = b'#include "../up.h"\n#include "local.h"\n#include "search.h"\n#include <system.h>\n'
    _, files = made(text + HELPER + RUN)
    moved = b'#include "../../up.h"\n#include "../local.h"\n#include "search.h"\n#include <system.h>\n'
    assert moved in files["common.h"]


def test_an_arm_that_no_shard_lists_goes_to_the_rest():
    text = HELPER + RUN.replace(b"    default:", b"    case 3:\n      return helper(3);\n    default:")
    layout, files = made(text)
    assert b"case 3" not in files["run.cu"]
    assert (
        b"case 2:\n      return helper(2);\n    case 3:\n      return helper(3);\n#endif"
        in files["dispatch.cuh"]
    )
    assert len(layout.notes) == 1 and "`3`" in layout.notes[0]


def test_a_switch_in_a_macro_keeps_its_continuations():
    macro = RUN.replace(b"  switch", b"#define CHOOSE switch").replace(b"\n    ", b" \\\n    ")
    text = HELPER + macro.replace(b"-1;\n  }\n}\n", b"-1; \\\n  }\n  CHOOSE\n}\n")
    layout, files = made(text)
    assert b"MG_ONLY_one( \\\n    case 1: \\\n" in files["dispatch.cuh"]
    assert b"/* MG_ONLY_one */) \\\nMG_ONLY_two( \\\n" in files["dispatch.cuh"]
    assert b"#define MG_ONLY_one(...) __VA_ARGS__\n#define MG_ONLY_two(...)\n" in files["one.cu"]
    assert len(layout.shards) == 2


MACRO = b"""#define CHOOSE(bias) \\
  switch (n) { \\
    case 1: \\
      return helper(1 + bias); \\
    case 2: \\
      return helper(2 + bias); \\
    default: \\
      return -1; \\
  }
#define CHOOSE_BETWEEN(twice) if (twice) CHOOSE(0) else CHOOSE(1)
"""
USER = b"int run(int n) {\n  CHOOSE_BETWEEN(n == 1)\n}\n"


def test_a_switch_in_a_macro_at_file_scope_is_the_functions_that_expands_it():
    layout, files = made(HELPER + MACRO + USER)
    assert b"#define CHOOSE(bias) \\\n  switch (n) { \\\nMG_ONLY_one( \\\n    case 1: \\" in files["common.h"]
    assert files["dispatch.cuh"].count(b"MG_ONLY_") == 0
    assert b"#define MG_ONLY_two(...) __VA_ARGS__" in files["two.cu"]
    assert not failures(compare(layout.path, layout.monolith, layout_texts(layout)))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (b"int other(int n) { CHOOSE(2) }\n", "`other` uses the macro `CHOOSE`"),
        (b"template <class T> int other(T n) { CHOOSE_BETWEEN(false) }\n", "`other` uses the macro `CHOOSE`"),
        (MACRO.replace(b"CHOOSE", b"OTHER") + b"#undef OTHER\n", None),
        (MACRO.replace(b"CHOOSE(bias)", b"OTHER(bias)").replace(b"CHOOSE_", b"O_"), None),
    ],
)
def test_nothing_else_may_expand_a_dealt_macro(other, message):
    """In the entry, or in a header that all shards read, it would be another program."""
    if message is None:
        made(HELPER + MACRO + other + USER)
        return
    with pytest.raises(RuleMismatch, match=message) as caught:
        made(HELPER + MACRO + other + USER)
    assert "[[partition]] of its own" in str(caught.value.hint)


def test_two_macros_with_the_switch_are_ambiguous():
    twin = MACRO.replace(b"CHOOSE(bias)", b"OTHER(bias)").replace(b"CHOOSE(1)", b"OTHER(1)")
    with pytest.raises(RuleMismatch, match="has 2 times a switch"):
        made(HELPER + MACRO.partition(b"#define CHOOSE_B")[0] + twin + USER)


def test_line_endings_are_those_of_most_lines():
    text = HELPER + RUN
    _, crlf = made(text.replace(b"\n", b"\r\n"))
    assert all(b"\n" not in text.replace(b"\r\n", b"") for text in crlf.values())
    _, mixed = made(text.replace(b"\n", b"\r\n", 1))
    assert mixed["one.cu"].count(b"\r\n") == 0


def test_a_mark_stays_at_the_start_of_the_entry():
    _, files = made(b"\xef\xbb\xbf" + HELPER + RUN)
    assert [name for name, text in files.items() if b"\xef\xbb\xbf" in text] == ["run.cu"]
    assert files["run.cu"].startswith(b"\xef\xbb\xbf")


def test_no_final_newline():
    _, files = made(HELPER + RUN.rstrip(b"\n"))
    assert files["dispatch.cuh"].endswith(b"}\n\n}  // namespace MG_NS\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HELPER, "no function `run`"),
        (HELPER + RUN + RUN.replace(b"int n", b"long n"), "defined 2 times"),
        (HELPER + b"static " + RUN, "internal linkage"),
        (HELPER + RUN.replace(b"switch (n)", b"switch (n + 1)"), "has no switch (n)"),
        (
            HELPER + RUN.replace(b"case 1:\n      return helper(1);", b"case 1:\n      helper(1);"),
            "falls through",
        ),
        (
            HELPER + RUN.replace(b"int n", b"int m, int& n").replace(b"int m, int& n", b"int m"),
            "`n`, which is not a parameter of `run`",
        ),
    ],
)
def test_a_monolith_that_does_not_fit(text, message):
    with pytest.raises(RuleMismatch) as caught:
        made(text)
    assert message in str(caught.value)
    assert caught.value.where is not None and caught.value.where.path == "src/run.cu"


@pytest.mark.parametrize(
    ("text", "message"),
    [(b"a\0b", "binary"), (HELPER + RUN + b"}\n", "bracket"), (HELPER + RUN + b"/* x", "comment")],
)
def test_a_monolith_that_cannot_be_read(text, message):
    with pytest.raises(SourceError) as caught:
        made(text)
    assert message in str(caught.value)


CHAIN = """{lead}{{ {end}
    if (n == 1) {{ {end}
      return helper(1); {end}
    }} else if (n == 2) {{ {end}
      return helper(2); {end}
    }} else {{ {end}
      return -1; {end}
    }} {end}
  }}{tail}
"""
CHAIN_RULE = parse_rule(
    RULE_TEXT.replace(b'switch = "n" }\ndiscriminator = "n"', b'chain = "n" }')
    .replace(b"[1]", b'["== 1"]')
    .replace(b"[2]", b'["== 2"]'),
    "run.toml",
)


def test_a_chain_in_the_arguments_of_a_macro_has_an_if_in_every_shard(tmp_path):
    chain = CHAIN.format(lead="int run(int n) {\n  DISPATCH([&] ", end="", tail=");\n}")
    lead = b"#define DISPATCH(...) return __VA_ARGS__()\n" + HELPER
    layout, files = made(lead + chain.encode(), CHAIN_RULE)
    assert b"#else  // MG_SHARD_one\nif (false) { }  // MG_SHARD_one\n#endif" in files["dispatch.cuh"]
    for file in layout.files:
        place = tmp_path / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.text)
    compiler = toolchain.require_compiler()
    for file in layout.files:
        if file.is_unit:
            options = ("-std=c++17", "-fsyntax-only", "-x", "c++")
            subprocess.run([compiler, *options, str(tmp_path / file.path)], check=True)


def test_a_chain_in_the_body_of_a_macro_is_refused():
    """No directive can stand there, and without one the second arm's `else` would follow nothing."""
    chain = CHAIN.format(lead="int run(int n) {\n#define CHOOSE \\\n  ", end="\\", tail="\n  CHOOSE\n}")
    with pytest.raises(RuleMismatch, match="the chain stands in the macro CHOOSE"):
        made(HELPER + chain.encode(), CHAIN_RULE)
