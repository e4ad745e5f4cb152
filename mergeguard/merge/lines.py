"""Three-way merge of sequences, and of lines with git's outcome.

The walk over two difference scripts is the one of git's ``xdiff/xmerge.c`` (itself after GNU diff3):
changes that overlap *or touch* conflict unless both sides did the same.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from mergeguard.cpp.diff import Change, diff, slack
from mergeguard.merge.result import Conflict, Piece, Resolved, join

Differ = Callable[[Sequence[Any], Sequence[Any]], list[Change]]


class RegionKind(IntEnum):
    SAME = 0
    OURS = 1
    THEIRS = 2
    BOTH = 3  # both sides made the same change
    CONFLICT = 4


class Region(NamedTuple):
    """``base[b0:b1]``, ``ours[o0:o1]`` and ``theirs[t0:t1]`` stand for one another."""

    kind: RegionKind
    b0: int
    b1: int
    o0: int
    o1: int
    t0: int
    t1: int


def diff3(
    base: Sequence[Hashable],
    ours: Sequence[Hashable],
    theirs: Sequence[Hashable],
    differ: Differ = diff,
    touching: bool = True,
) -> list[Region]:
    """The three sequences as aligned regions, in order and without gaps.

    ``touching``: whether changes that only touch conflict (as git has it).
    """
    mine, other = differ(base, ours), differ(base, theirs)
    regions: list[Region] = []
    at_b = at_o = at_t = 0
    i = j = 0

    def same_until(b: int) -> None:
        nonlocal at_b, at_o, at_t
        size = b - at_b
        if size > 0:
            regions.append(Region(RegionKind.SAME, at_b, b, at_o, at_o + size, at_t, at_t + size))
            at_b, at_o, at_t = b, at_o + size, at_t + size

    while i < len(mine) or j < len(other):
        a = mine[i] if i < len(mine) else None
        c = other[j] if j < len(other) else None
        if c is None or (
            a is not None and (a.a0, a.a1) <= (c.a0, c.a1)
        ):  # an insertion before what it touches
            assert a is not None
            start, b_end, took_a, took_c = a.a0, a.a1, True, False
        else:
            start, b_end, took_a, took_c = c.a0, c.a1, False, True
        same_until(start)
        # Grow the region as long as a change of the other side reaches into it.
        first_i, first_j = i, j
        i, j = i + took_a, j + took_c
        grown = True
        while grown:
            grown = False
            if i < len(mine) and (i > first_i or j > first_j) and _reaches(mine[i], start, b_end, touching):
                b_end, i, grown = max(b_end, mine[i].a1), i + 1, True
            if j < len(other) and _reaches(other[j], start, b_end, touching):
                b_end, j, grown = max(b_end, other[j].a1), j + 1, True
        o_end = at_o + (b_end - start) + sum(x.b1 - x.b0 - (x.a1 - x.a0) for x in mine[first_i:i])
        t_end = at_t + (b_end - start) + sum(x.b1 - x.b0 - (x.a1 - x.a0) for x in other[first_j:j])
        if j == first_j:
            kind = RegionKind.OURS
        elif i == first_i:
            kind = RegionKind.THEIRS
        elif list(ours[at_o:o_end]) == list(theirs[at_t:t_end]):
            kind = RegionKind.BOTH
        else:
            kind = RegionKind.CONFLICT
        regions.append(Region(kind, start, b_end, at_o, o_end, at_t, t_end))
        at_b, at_o, at_t = b_end, o_end, t_end
    same_until(len(base))
    return regions


def _reaches(change: Change, start: int, end: int, touching: bool) -> bool:
    if touching or change.a0 == change.a1 == start == end:
        return change.a0 <= end
    return change.a0 < end


def line_diff(a: Sequence[Any], b: Sequence[Any]) -> list[Change]:
    """``diff`` with each insertion and deletion at the lowest of the places where it could stand, as git has
    it: what both sides inserted at one place must not come to stand at two."""
    changes = diff(a, b)
    for index in range(len(changes) - 1, -1, -1):
        a0, a1, b0, b1 = changes[index]
        if a0 < a1 and b0 < b1:
            continue
        text, start, end = (b, b0, b1) if a0 == a1 else (a, a0, a1)
        room = (changes[index + 1].a0 if index + 1 < len(changes) else len(a)) - a1
        _, down = slack(text, start, end, start, end + room)
        if down and down == room and index + 1 < len(changes):
            following = changes.pop(index + 1)
            changes[index] = Change(a0 + down, following.a1, b0 + down, following.b1)
        else:
            changes[index] = Change(a0 + down, a1 + down, b0 + down, b1 + down)
    return changes


def split_lines(text: bytes) -> list[bytes]:
    """Lines with their ``\\n``; only ``\\n`` ends a line, as in git."""
    if b"\r" not in text:
        return text.splitlines(keepends=True)  # which takes a lone carriage return for an end, too
    lines = text.split(b"\n")
    last = lines.pop()
    result = [line + b"\n" for line in lines]
    if last:
        result.append(last)
    return result


def merge_lines(base: bytes, ours: bytes, theirs: bytes, *, touching: bool = True) -> tuple[Piece, ...]:
    """A plain three-way merge of lines (what git does, with patience anchors); ``touching`` as in `diff3`."""
    b, o, t = split_lines(base), split_lines(ours), split_lines(theirs)
    pieces: list[Piece] = []
    for region in diff3(b, o, t, line_diff, touching):
        mine, other = b"".join(o[region.o0 : region.o1]), b"".join(t[region.t0 : region.t1])
        if region.kind is RegionKind.CONFLICT:
            pieces.append(Conflict(b"".join(b[region.b0 : region.b1]), mine, other))
        else:
            pieces.append(Resolved(other if region.kind is RegionKind.THEIRS else mine))
    return join(pieces)


def trivial(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """The merge where at most one side changed anything, or both did the same; else None."""
    if ours == theirs or base == theirs:
        return ours
    return theirs if base == ours else None
