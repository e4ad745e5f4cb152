"""What is around the edits of a large text is merged alone, as it is merged with the whole around it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.cpp.leaves import leaves_of
from mergeguard.merge import merge
from mergeguard.merge import neighbourhoods as module
from mergeguard.merge.gates import faults
from mergeguard.merge.gates.around import faults_around
from mergeguard.merge.lines import merge_lines
from mergeguard.merge.neighbourhoods import cut_alike, neighbourhoods
from mergeguard.merge.result import Conflict, MergeResult

FUNCTION = b"""// the one called f@
int f@(int x) {
  int y@ = x + @;
  return y@;
}

"""
COUNT = 60


def function(number: int) -> bytes:
    return FUNCTION.replace(b"@", b"%d" % number)


BASE = [function(number) for number in range(COUNT)]
EDITS = (
    lambda text, who: text,
    lambda text, who: text.replace(b"x + ", b"x - "),
    lambda text, who: text.replace(b"int x", b"long x"),
    lambda text, who: text.replace(b"  return", b"  %s();\n  return" % who),
    lambda text, who: text.replace(b"\n  ", b"\n    "),
    lambda text, who: text + b"int %s;\n\n" % who,
    lambda text, who: b"",
)
SIDE = st.dictionaries(st.integers(0, COUNT - 1), st.integers(1, len(EDITS) - 1), max_size=3)


@pytest.fixture(autouse=True)
def small(monkeypatch) -> None:
    """Texts of a few hundred lines are large ones here."""
    monkeypatch.setattr(module, "_FEW_LINES", 0)
    monkeypatch.setattr(module, "_MARGIN", 8)


def version(edits: dict[int, int], who: bytes) -> bytes:
    return b"".join(
        EDITS[edits.get(number, 0)](text, b"%s%d" % (who, number)) for number, text in enumerate(BASE)
    )


def versions(ours: dict[int, int], theirs: dict[int, int]) -> tuple[bytes, bytes, bytes]:
    return b"".join(BASE), version(ours, b"mine"), version(theirs, b"yours")


@given(SIDE, SIDE)
@settings(max_examples=20)
def test_stretches_are_the_versions_and_merge_as_the_whole_does(ours, theirs):
    three = versions(ours, theirs)
    stretches = neighbourhoods(*three)
    if stretches is None:
        return
    assert [b"".join(parts) for parts in zip(*stretches, strict=True)] == list(three)
    apart = merge(*three)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_FEW_LINES", 1 << 30)
        assert apart.pieces == merge(*three).pieces


def test_what_a_side_took_from_the_end_is_gone():
    base, ours, theirs = versions({1: 1}, {COUNT - 1: len(EDITS) - 1})
    stretches = neighbourhoods(base, ours, theirs)
    assert stretches is not None
    assert tuple(b"".join(parts) for parts in zip(*stretches, strict=True)) == (base, ours, theirs)
    result = merge(base, ours, theirs)
    assert result.clean and result.render() == version({1: 1, COUNT - 1: len(EDITS) - 1}, b"mine")


@given(SIDE, SIDE)
@settings(max_examples=20)
def test_the_audit_asks_the_gates_around_the_edits_what_it_asks_of_the_whole(ours, theirs):
    three = versions(ours, theirs)
    lines = MergeResult(merge_lines(*three))
    if lines.clean:
        asked = (ask(*three, lines.render()) for ask in (faults_around, faults))
        told = [sorted((f.code, f.name, f.places) for f in found) for found in asked]
        assert told[0] == told[1]


@given(SIDE, SIDE, st.lists(st.integers(0, 4), min_size=8, max_size=8), SIDE)
@settings(max_examples=25)
def test_and_so_of_what_a_person_made_of_a_conflict(ours, theirs, taken, more):
    base, mine, other = versions(ours, theirs)
    choices = iter(taken)
    text = b""
    for piece in merge_lines(base, mine, other):
        if isinstance(piece, Conflict):
            by_hand = (
                piece.ours,
                piece.theirs,
                piece.ours + piece.theirs,
                b"",
                piece.base + b"int by_hand;\n",
            )
            text += by_hand[next(choices, 0)]
        else:
            text += piece.text
    for number, edit in more.items():
        text = text.replace(BASE[number], EDITS[edit](BASE[number], b"more%d" % number))
    asked = (ask(base, mine, other, text) for ask in (faults_around, faults))
    told = [sorted((f.code, f.name, f.places) for f in found) for found in asked]
    assert told[0] == told[1]


def test_a_conflict_that_a_person_settled_is_cut_where_the_versions_are():
    three = versions({3: 1, 50: 3}, {3: 2})
    stretches = neighbourhoods(*three)
    assert stretches is not None
    settled = three[1].replace(b"return y3;", b"return x + y3;")
    texts = cut_alike(stretches, settled)
    assert texts is not None
    assert b"".join(texts) == settled
    assert [b"y3" in text for text in texts] == [b"y3" in parts[0] for parts in stretches]
    assert cut_alike(stretches, settled.replace(b"y3;", b"f50(y3);").replace(b"y50;", b"f50(y50);")) is None


def test_what_is_far_from_any_edit_is_not_read(monkeypatch):
    read: list[int] = []

    def counting(text: bytes, home: str = "") -> object:
        read.append(len(text))
        return leaves_of(text, home)

    monkeypatch.setattr(module, "leaves_of", counting)
    three = versions({3: 1, 50: 3}, {3: 4})
    assert neighbourhoods(*three) is not None
    assert 0 < max(read) < len(three[0]) / 4


PAIRS = {
    "signature": ((b"f3(int x)", b"f3(int x, int z)"), (b"x + 50", b"f3(50)")),
    "renamed": ((b"f3", b"g3"), (b"x + 50", b"f3(50)")),
    "both add": ((b"// the one called f0", b"int n;\n// the one called f0"), (b"return y50", b"return n")),
    "moved": ((function(3) + function(4), function(4)), (b"x + 3;", b"x + y;")),
    "redefined": ((b"// the one called f0", b"#define f50 g\n// the one called f0"), (b"x + 50", b"x - 50")),
}


@pytest.mark.parametrize(("mine", "other"), PAIRS.values(), ids=PAIRS)
def test_edits_with_a_name_in_common_are_read_together(mine, other):
    base = b"".join(BASE)
    ours, theirs = base.replace(*mine), base.replace(*other)
    moved = function(3) if mine[0].startswith(function(3)) else b""
    assert ours != base != theirs
    assert neighbourhoods(base, ours + moved, theirs) is None


@pytest.mark.parametrize("start", [b"{\n", b"#if A\n", b"/*\n"])
def test_brackets_that_do_not_pair_are_left_to_the_whole(start):
    base, ours, theirs = versions({3: 1}, {50: 1})
    assert neighbourhoods(start + base, start + ours, start + theirs) is None
    assert neighbourhoods(base, start + ours, theirs) is None


def test_a_note_says_the_line_of_the_whole():
    base, ours, theirs = versions({50: 5}, {50: 5})
    apart = merge(base, ours, theirs)
    assert neighbourhoods(base, ours, theirs) is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_FEW_LINES", 1 << 30)
        assert apart == merge(base, ours, theirs)
    assert apart.notes
