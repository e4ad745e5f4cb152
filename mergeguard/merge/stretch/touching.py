"""Edits of the two sides that only touch, at the border between two statements."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from mergeguard.cpp.diff import Change
from mergeguard.cpp.likeness import SAME_STATEMENT, likeness
from mergeguard.cpp.tokens import (
    END_OF_DIRECTIVE,
    Tokens,
    is_comment,
    is_comment_anywhere,
    nesting,
    tokens_of,
    units_of,
)
from mergeguard.merge.lines import Region, RegionKind, diff3
from mergeguard.merge.stretch.differences import movable_changes, unit_diff

_Unit = tuple[bytes, ...]
# What ends and what continues a statement, or a group of conditions.
_WHOLE_ENDS = frozenset((b";", b"}", END_OF_DIRECTIVE))
_NAME = re.compile(rb"\w")
_CONTINUING = frozenset((b"else", b"catch", b"while"))
# What says something of all that follows it (a label to jump to as well).
_LABELS = frozenset((b"case", b"default", b"public", b"private", b"protected"))
_OPENING = frozenset((b"#if", b"#ifdef", b"#ifndef"))
_BRANCHES = frozenset((b"#else", b"#elif", b"#elifdef", b"#elifndef"))


class Touching:
    """The edits of both sides in a region, by statements; those that only touch are regions of their own."""

    def __init__(self, b: Tokens, o: Tokens, t: Tokens, r: Region) -> None:
        self.texts = (b, o, t)
        self.starts = [
            units_of(x, start, end) or [start]
            for x, start, end in ((b, r.b0, r.b1), (o, r.o0, r.o1), (t, r.t0, r.t1))
        ]
        self.base, self.ours, self.theirs = (
            _units(x, at[0], at[-1]) for x, at in zip(self.texts, self.starts, strict=True)
        )
        self.found = diff3(self.base, self.ours, self.theirs, _statement_diff, touching=False)

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
                    if self._new(beside) and not self._rewrites(beside):
                        return True
        return False

    def _rewrites(self, edit: Region) -> bool:
        """Whether a side only edits statements and comments, or takes some away: what is left of them is
        where it was, whatever the other side opens or closes beside it."""
        old, new = (
            [unit for unit in units if not all(map(is_comment_anywhere, unit))]
            for units in (self.base[edit.b0 : edit.b1], self._new(edit))
        )
        left = iter(old)
        return all(any(_is_edit(before, unit) for before in left) for unit in new)

    def regions(self) -> list[Region] | None:
        """The edits as regions of tokens; None where one reaches into the other, is no whole statement, or
        could as well stand on the other's other side."""
        if len(self.found) < 2 or any(region.kind is RegionKind.CONFLICT for region in self.found):
            return None
        movable = movable_changes(self.base, self.ours) | movable_changes(self.base, self.theirs)
        for pair in self._pairs():
            if any((edit.b0, edit.b1) in movable for edit in pair):
                return None
            if all(len(self._new(edit)) > edit.b1 - edit.b0 for edit in pair):
                return None  # both add something there, and which goes first is a choice
        parts = (
            part
            for x in self.found
            if x.kind is not RegionKind.SAME
            for part in (self.base[x.b0 : x.b1], self.ours[x.o0 : x.o1], self.theirs[x.t0 : x.t1])
        )
        if not all(map(_is_whole, parts)):
            return None
        sb, so, st = self.starts
        return [
            Region(x.kind, sb[x.b0], sb[x.b1], so[x.o0], so[x.o1], st[x.t0], st[x.t1]) for x in self.found
        ]

    def is_moved(self) -> bool:
        """Whether one of two edits that touch moves a statement: what stands beside it may belong to it."""
        return any(self._moves(edit) for pair in self._pairs() for edit in pair)

    def takes_away(self) -> bool:
        """Whether one of two edits that touch removes a statement."""
        return any(self._gone(edit) for pair in self._pairs() for edit in pair)

    def _moves(self, edit: Region) -> bool:
        """Whether a side has elsewhere what it takes away here: what stands beside it may have to follow."""
        gone = self._gone(edit)
        side = self.texts[2 if edit.kind is RegionKind.THEIRS else 1]
        return bool(gone) and still_there(gone, self.texts[0], side, self._new(edit))

    def _gone(self, edit: Region) -> list[_Unit]:
        """The statements that an edit takes away."""
        return _taken_away(self.base[edit.b0 : edit.b1], self._new(edit))

    def _new(self, region: Region) -> Sequence[_Unit]:
        """What the side that edited a region has there."""
        if region.kind is RegionKind.THEIRS:
            return self.theirs[region.t0 : region.t1]
        return self.ours[region.o0 : region.o1]


def _is_edit(old: _Unit, new: _Unit) -> bool:
    """Whether a statement is another one edited; a line of the preprocessor never is."""
    return likeness(old, new) >= SAME_STATEMENT and not _is_directive(old) and not _is_directive(new)


def _statement_diff(base: Sequence[_Unit], side: Sequence[_Unit]) -> list[Change]:
    """``unit_diff`` with each run of statements of which a side edits every one as so many edits: what the
    other side adds between two of them is in nobody's way."""
    found: list[Change] = []
    for change in unit_diff(base, side):
        old, new = base[change.a0 : change.a1], side[change.b0 : change.b1]
        if len(old) != len(new) or not _each_edited(old, new):
            found.append(change)
            continue
        steps = range(len(old))
        found += (
            Change(*(at + n for at in (change.a0, change.a0 + 1, change.b0, change.b0 + 1))) for n in steps
        )
    return found


def _each_edited(old: Sequence[_Unit], new: Sequence[_Unit]) -> bool:
    """Whether each of some statements is an edit of its counterpart, and of no neighbour of that rather."""
    for at, unit in enumerate(new):
        alike = likeness(old[at], unit)
        beside = [likeness(other, unit) for other in (*old[max(at - 1, 0) : at], *old[at + 1 : at + 2])]
        if alike < SAME_STATEMENT or max(beside, default=0.0) >= alike:
            return False
    return True


def _taken_away(old: Sequence[_Unit], new: Sequence[_Unit]) -> list[_Unit]:
    """The statements that are in ``old`` more often than in ``new``; an include is nowhere in particular."""
    gone = Counter(old) - Counter(new)
    return [u for u in gone if any(map(_NAME.search, u)) and u[:2] != (b"##", b"#include")]


def still_there(gone: Sequence[_Unit], base: Tokens, side: Tokens, instead: Sequence[_Unit]) -> bool:
    """Whether a side has one of the statements that it took away as often as the base all the same.

    Counted as runs of tokens: a macro's first statement is one unit with the macro's name. A statement is not
    elsewhere where the one ``instead`` of it only says more (`const` before it).
    """
    before, after = (_joined(text.keys) for text in (base, side))
    more = [_joined(unit) for unit in instead if not _is_directive(unit)]
    return any(
        after.count(run) - sum(run in unit for unit in more if unit != run) >= before.count(run)
        for run in map(_joined, gone)
    )


def _joined(keys: Sequence[bytes]) -> bytes:
    """Tokens as one text in which a run of them can be found."""
    return b"".join(b"\0%s" % key for key in keys) + b"\0"


def moved_away(part: tuple[bytes, bytes, bytes], whole: tuple[bytes, bytes, bytes]) -> bool:
    """Whether a side took a statement out of a ``part`` (base, ours, theirs) that it has elsewhere in the
    ``whole`` of its text."""
    old = tokens_of(part[0])
    for index in (1, 2):
        new = tokens_of(part[index])
        instead = _units(new, 0, len(new))
        gone = _taken_away(_units(old, 0, len(old)), instead)
        if gone and still_there(gone, tokens_of(whole[0]), tokens_of(whole[index]), instead):
            return True
    return False


def _is_open(units: Sequence[_Unit]) -> bool:
    """Whether units leave a condition of the preprocessor open, close one that others opened, or begin
    another branch of such a one."""
    depth = 0
    for unit in units:
        word = unit[1] if len(unit) > 1 and unit[0] == b"##" else b""
        depth += (word in _OPENING) - (word == b"#endif")
        if depth < (word in _BRANCHES):
            return True
    return depth != 0


def _is_whole(units: Sequence[_Unit]) -> bool:
    """Whether a run is statements that stand for themselves, whatever is before and behind them: not the
    branch or the comment of something else, nor a pragma or a label before it."""
    if not units:
        return True
    code = [keys for unit in units if (keys := [key for key in unit if not is_comment(key)])]
    if not code:
        return False
    first, last = code[0], code[-1]
    word = first[1] if first[0] == b"##" and len(first) > 1 else first[0]
    return (
        nesting([key for keys in code for key in keys]) == (0, 0)
        and last[-1] in _WHOLE_ENDS
        and last[:2] != [b"##", b"#pragma"]
        and word not in _CONTINUING
        and not any(_LABELS.intersection(keys) or keys[1:2] == [b":"] for keys in code)
    )


def _is_directive(unit: _Unit) -> bool:
    return unit[:1] == (b"##",)


def _units(text: Tokens, start: int, end: int) -> list[_Unit]:
    starts = units_of(text, start, end)
    return [text.keys[i:j] for i, j in pairwise(starts)]
