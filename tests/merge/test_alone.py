"""What one side only laid out anew is the other side's text: no gate has anything to say of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mergeguard.cpp.tokens import tokens_of
from mergeguard.merge import merge
from mergeguard.merge.alone import is_one_sides_own
from mergeguard.merge.gates import GATES, Compared

CASES = sorted((Path(__file__).parents[1] / "scenarios" / "merge" / "working").iterdir())[::4]


def laid_out_anew(text: bytes) -> bytes:
    return re.sub(rb"(?m)^([ \t]+)(?=[A-Za-z])", rb"\1\1", text)


def versions(case: Path) -> tuple[bytes, bytes]:
    base, side = ((case / name).read_bytes() for name in ("base.cu", "theirs.cu"))
    return base, side


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_gate_has_a_fault_where_one_side_only_laid_out_anew(case):
    base, theirs = versions(case)
    ours, result = laid_out_anew(base), laid_out_anew(theirs)
    if tokens_of(base).keys != tokens_of(ours).keys or tokens_of(theirs).keys != tokens_of(result).keys:
        pytest.skip("something in it is no layout: a raw string, a wrapped comment")
    assert is_one_sides_own(base, ours, theirs, result)
    for compared in (Compared(base, ours, theirs, result), Compared(base, theirs, ours, result)):
        assert [fault for gate in GATES for fault in gate(compared)] == []


def test_an_edit_of_a_word_or_of_a_comment_is_more_than_layout():
    base, ours = b"// a note\nint f() { return 1; }\n", b"// a  note\nint f()\n{\n  return 1;\n}\n"
    theirs = base.replace(b"1", b"2")
    result = merge(base, ours, theirs).render()
    assert result == ours.replace(b"1", b"2")
    assert is_one_sides_own(base, ours, theirs, result)
    assert not is_one_sides_own(base, ours.replace(b"note", b"word"), theirs, result)
    assert not is_one_sides_own(base, ours, theirs, result + b"int g();\n")
