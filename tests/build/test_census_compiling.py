"""What the census' compiler says of a layout: the same program, another one, or nothing to compare."""

from __future__ import annotations

import shutil

import pytest

from benchmarks.census.compiling import Program, compile_both

ONE, TWO = b"int one() { return 1; }\n", b"int two() { return 2; }\n"
HEADER = b"static int kept() { return 3; }\n"
pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="no g++")


@pytest.mark.parametrize(
    ("entry", "unit", "said"),
    [
        (ONE, TWO, ""),
        (ONE, TWO + ONE, "multiple definition"),
        (ONE, b"", "lost: _Z3twov"),
        (ONE, TWO + b"int three() { return 3; }\n", "added: _Z5threev"),
        (ONE, TWO + b"int four() { return missing(); }\n", "m/part.cpp does not compile"),
        (ONE, TWO + b"int kept();\nint five() { return kept(); }\n", "added: _Z4fivev"),
    ],
)
def test_a_layout_is_held_against_its_monolith(tmp_path, entry, unit, said):
    (tmp_path / "used.h").write_bytes(HEADER)
    whole = b'#include "used.h"\n' + ONE + TWO
    program = Program("m.cpp", whole, {"m.cpp": entry, "m/part.cpp": unit}, ("m.cpp", "m/part.cpp"))
    found = compile_both(tmp_path, program, ["g++", "-O0"])
    assert said in found.problem
    assert found.same == (not said)


def test_what_does_not_compile_whole_proves_nothing(tmp_path):
    program = Program("m.cpp", b'#include "missing.h"\n', {"m.cpp": b""}, ("m.cpp",))
    found = compile_both(tmp_path, program, ["g++", "-O0"])
    assert not found.same and "missing.h" in found.skipped and not found.problem
