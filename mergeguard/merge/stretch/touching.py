"""Edits of the two sides that only touch, at the border between two statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from mergeguard.cpp.diff import diff
from mergeguard.cpp.tokens import END_OF_COMMENT, END_OF_DIRECTIVE, Tokens, nesting, units_of
from mergeguard.merge.lines import Region, RegionKind, diff3
from mergeguard.merge.stretch.differences import unit_diff

_Unit = tuple[bytes, ...]
# What ends and what continues a statement, or a group of conditions.
_WHOLE_ENDS = frozenset((b";", b"}", END_OF_DIRECTIVE, END_OF_COMMENT))
_CONTINUING = frozenset((b"else", b"catch", b"while", b"#else", b"#elif", b"#elifdef", b"#elifndef"))
_OPENING = frozenset((b"#if", b"#ifdef", b"#ifndef"))


class Touching:
    """The edits of both sides in a region, by statements; those that only touch are regions of their own."""

    def __init__(self, b: Tokens, o: Tokens, t: Tokens, r: Region) -> None:
        self.texts = (b, o, t)
        self.starts = [
            units_of(x, start, end) or [start]
            for x, start, end in ((b, r.b0, r.b1), (o, r.o0, r.o1), (t, r.t0, r.t1))
        ]
        self.base, self.ours, self.theirs = (
            [x.keys[i:j] for i, j in pairwise(at)] for x, at in zip(self.texts, self.starts, strict=True)
        )
        self.found = diff3(self.base, self.ours, self.theirs, unit_diff, touching=False)

    def _pairs(self) -> Iterator[tuple[Region, Region]]:
        """The neighbouring edits of the two sides."""
        for one, two in pairwise(self.found):
            if {one.kind, two.kind} == {RegionKind.OURS, RegionKind.THEIRS}:
                yield one, two

    def is_doubtful(self) -> bool:
        """Whether one side opens or closes a condition beside what the other added: nobody can tell if it is
        for that as well."""
        for pair in self._pairs():
            for edit, beside in (pair, pair[::-1]):
                if _is_open(self.base[edit.b0 : edit.b1]) or _is_open(self._new(edit)):
                    if self._new(beside):
                        return True
        return False

    def regions(self) -> list[Region] | None:
        """The edits as regions of tokens; None where one reaches into the other, is no whole statement, or
        could as well stand on the other's other side."""
        if len(self.found) < 2 or any(region.kind is RegionKind.CONFLICT for region in self.found):
            return None
        moving = {*_movable(self.base, self.ours), *_movable(self.base, self.theirs)}
        if any(moving & {(one.b0, one.b1), (two.b0, two.b1)} for one, two in self._pairs()):
            return None
        b, o, t = self.texts
        sb, so, st = self.starts
        regions = [
            Region(x.kind, sb[x.b0], sb[x.b1], so[x.o0], so[x.o1], st[x.t0], st[x.t1]) for x in self.found
        ]
        parts = (
            part
            for x in regions
            if x.kind is not RegionKind.SAME
            for part in (b.keys[x.b0 : x.b1], o.keys[x.o0 : x.o1], t.keys[x.t0 : x.t1])
        )
        return regions if all(map(_is_whole, parts)) else None

    def _new(self, region: Region) -> Sequence[_Unit]:
        """What the side that edited a region has there."""
        if region.kind is RegionKind.THEIRS:
            return self.theirs[region.t0 : region.t1]
        return self.ours[region.o0 : region.o1]


def _is_open(units: Sequence[_Unit]) -> bool:
    """Whether units leave a condition of the preprocessor open, or close one that others opened."""
    depth = lowest = 0
    for unit in units:
        word = unit[1] if len(unit) > 1 and unit[0] == b"##" else b""
        depth += (word in _OPENING) - (word == b"#endif")
        lowest = min(lowest, depth)
    return (depth, lowest) != (0, 0)


def _movable(base: Sequence[Any], side: Sequence[Any]) -> set[tuple[int, int]]:
    """The ranges of the base of changes that could as well stand further up or down."""
    return {(c.a0, c.a1) for c in {*unit_diff(base, side)} - {*diff(base, side)}}


def _is_whole(keys: Sequence[bytes]) -> bool:
    """Whether a run of tokens is statements that stand for themselves, whatever is before and behind them."""
    if not keys:
        return True
    first = keys[1] if keys[0] == b"##" and len(keys) > 1 else keys[0]
    return nesting(keys) == (0, 0) and keys[-1] in _WHOLE_ENDS and first not in _CONTINUING
