"""Verification without a compiler: our own layouts are clean, and each seeded fault is named."""

from __future__ import annotations

import pytest

from mergeguard.cpp.definitions import same_tokens
from mergeguard.findings import PROGRAM_CODES, Severity
from mergeguard.verify.flatten import LayoutText, flatten
from mergeguard.verify.same_program import compare, failures
from tests.support import corpus
from tests.support.faults import FAULTS, ROOT, base, caught
from tests.support.spoiling import Fault, layout_of

BASES = sorted({fault.base for fault in FAULTS} | {"skinny_gemms_int8"})


@pytest.mark.parametrize("name", BASES)
def test_our_own_layout_is_the_same_program(name: str) -> None:
    assert failures(base(name).findings()) == ()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_is_named(fault: Fault) -> None:
    assert fault.check in caught(fault)


def test_there_are_enough_faults_and_every_check_has_one() -> None:
    assert len(FAULTS) >= 30
    assert {fault.check for fault in FAULTS} == set(PROGRAM_CODES) - {"unreadable", "fit", *NOTES}


NOTES = {"assumed", "cached state"}
REAL = [
    ("attention", "csrc/rocm/attention.cu", "0.24.0"),
    ("paged_attention_v1", "csrc/attention/paged_attention_v1.cu", "0.22.0"),
    ("paged_attention_v1", "csrc/libtorch_stable/attention/paged_attention_v1.cu", "0.24.0"),
    ("selective_scan_fwd", "csrc/libtorch_stable/mamba/selective_scan_fwd.cu", "0.24.0"),
    ("selective_scan_fwd", "csrc/libtorch_stable/mamba/selective_scan_fwd.cu", "0.30.0"),
    ("skinny_gemms", "csrc/rocm/skinny_gemms.cu", "0.24.0"),
    ("skinny_gemms_int4", "csrc/rocm/skinny_gemms_int4.cu", "0.33.0"),
]


@pytest.mark.parametrize(("rule", "path", "version"), REAL)
def test_real_files_split_to_the_same_program(rule: str, path: str, version: str) -> None:
    corpus.require(version)
    text = (ROOT / "rules" / "vllm" / f"{rule}.toml").read_bytes()
    build = corpus.file(version, "CMakeLists.txt")
    tree = layout_of(text, rule, path, corpus.file(version, path), build)
    assert failures(tree.findings()) == ()
    spoilt = [name for name in tree.files if name not in tree.units]
    tree.files[spoilt[0]] = tree.files[spoilt[0]].replace(b"#pragma once", b"", 1)
    assert "header guard" in {finding.code for finding in tree.findings()}


HAND = b"""template <typename T> int launcher(T x, int n) {
  switch (n) {
#ifdef SMALL
    case 1: return x;
#endif
#ifdef LARGE
    case 2: return x + x;
#endif
  }
  return -1;
}
"""


def test_the_trap_of_a_hand_made_split_is_named() -> None:
    monolith = b"#define SMALL\n#define LARGE\n" + HAND + b"int run(int n) { return launcher<int>(3, n); }\n"
    files = [LayoutText("a/body.h", b"#pragma once\n" + HAND, False)]
    for shard in ("SMALL", "LARGE"):
        name = shard.lower()
        call = f"int run_{name}(int n) {{ return launcher<int>(3, n); }}\n"
        text = f'#define {shard}\n#include "body.h"\n{call}'
        files.append(LayoutText(f"a/{name}.cu", text.encode(), True))
    found = compare("a/m.cu", monolith, files)
    (trap,) = [finding for finding in found if finding.code == "odr"]
    assert trap.name == "launcher"
    assert "SMALL" in trap.message
    assert "a/small.cu and a/large.cu" in trap.message
    assert (trap.path, trap.line) == ("a/body.h", 2)


def test_writable_static_state_in_two_shards_is_named() -> None:
    body = b"static int calls;\ninline int count() { static int n; return ++n + ++calls; }\n"
    files = [
        LayoutText("m.cu", b'#include "s.h"\nint a() { return count(); }\n', True),
        LayoutText("b.cu", b'#include "s.h"\nint b() { return count(); }\n', True),
        LayoutText("s.h", b"#pragma once\n" + body, False),
    ]
    found = compare("m.cu", body + b"int a() { return count(); }\nint b() { return count(); }\n", files)
    assert [(f.code, f.name) for f in failures(found)] == [("divided state", "calls")]
    hidden = [*files[:2], LayoutText("s.h", b"#pragma once\nnamespace {\n" + body + b"}\n", False)]
    monolith = b"namespace {\n" + body + b"}\nint a() { return count(); }\nint b() { return count(); }\n"
    assert [f.name for f in failures(compare("m.cu", monolith, hidden))] == ["calls", "count"]


def test_a_layout_without_units_is_no_program() -> None:
    found = compare("m.cu", b"int f() { return 1; }\n", [])
    assert [f.code for f in found] == ["lost"]
    assert found[0].severity is Severity.ERROR


def test_flattening_resolves_what_glue_defines_and_nothing_else() -> None:
    files = [
        LayoutText(
            "d/one.cu",
            b'#define MG_SHARD_one\n#define MG_NS space\n#include "body.h"\n#include "body.h"\n',
            True,
        ),
        LayoutText(
            "d/body.h",
            b"#pragma once\n#include <map>\nnamespace MG_NS {\n#if defined(MG_SHARD_one)\nint one;\n"
            b"#endif  // MG_SHARD_one\n#if defined(MG_SHARD_two)\nint two;\n#endif  // MG_SHARD_two\n"
            b"#if defined(USER)\nint user;\n#endif\n}\n",
            False,
        ),
    ]
    unit = flatten("d/one.cu", files)
    assert unit.source.text == (
        b"#include <map>\nnamespace space {\nint one;\n#if defined(USER)\nint user;\n#endif\n}\n"
    )
    assert unit.namespace == "space"
    assert unit.problems == ()
    at = unit.source.text.index(b"user;")
    assert unit.place(at) == ("d/body.h", files[1].text.index(b"user;"))
    everything = flatten("d/one.cu", files, everything=True)
    assert b"int one;\nint two;" in everything.source.text


@pytest.mark.parametrize(("line", "problems"), [(b"#\n", 0), (b"#  // alone\n", 0), (b"#odd\n", 1)])
def test_a_directive_without_a_word_is_one_that_does_nothing(line: bytes, problems: int) -> None:
    text = line + b"#define MG_SHARD_one\nint one();\n"
    assert len(flatten("d/one.cu", [LayoutText("d/one.cu", text, True)]).problems) == problems


def test_same_tokens_allows_one_linkage_word() -> None:
    assert same_tokens(["int", "f"], ["int", "f"])
    assert same_tokens(["int", "f"], ["inline", "int", "f"])
    assert same_tokens(["template", "<", ">", "int"], ["template", "<", ">", "inline", "int"])
    assert not same_tokens(["int", "f"], ["extern", "int", "f"])
    assert not same_tokens(["int", "f"], ["inline", "static", "int", "f"])
    assert not same_tokens(["int", "f"], ["inline", "int", "g"])
