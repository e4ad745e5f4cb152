"""A merged text with some of its places given back to a person: each side whole, from where all agree to
where all agree again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mergeguard.cpp.diff import matches
from mergeguard.merge.lines import split_lines
from mergeguard.merge.result import Conflict, Piece, Resolved, join


def contested(
    base: bytes, ours: bytes, theirs: bytes, merged: bytes, places: Iterable[tuple[int, int]]
) -> tuple[Piece, ...]:
    """The pieces of ``merged`` with a conflict around each of ``places`` (byte ranges), by whole lines."""
    now, *versions = (split_lines(text) for text in (merged, base, ours, theirs))
    anchors = [_anchors(now, lines) for lines in versions]
    agreed = [k for k in range(len(now)) if all(k in known for known in anchors)]
    pieces: list[Piece] = []
    at = 0
    for start, end in _regions(_lines(now, places), agreed, len(now)):
        pieces.append(Resolved(b"".join(now[at:start])))
        sides = [
            lines[known[start - 1] + 1 if start else 0 : known[end] if end < len(now) else len(lines)]
            for known, lines in zip(anchors, versions, strict=True)
        ]
        pieces += _trimmed(sides)
        at = end
    pieces.append(Resolved(b"".join(now[at:])))
    return join(pieces)


def _trimmed(sides: Sequence[Sequence[bytes]]) -> list[Piece]:
    """A conflict of three stretches of lines, what all have at its ends outside."""
    least = min(map(len, sides))
    head = next((k for k in range(least) if len({side[k] for side in sides}) > 1), least)
    rest = least - head
    tail = next((k for k in range(rest) if len({side[len(side) - 1 - k] for side in sides}) > 1), rest)
    base, ours, theirs = (b"".join(side[head : len(side) - tail]) for side in sides)
    first = sides[0]
    return [
        Resolved(b"".join(first[:head])),
        Conflict(base, ours, theirs),
        Resolved(b"".join(first[len(first) - tail :])),
    ]


def _anchors(now: Sequence[bytes], lines: Sequence[bytes]) -> dict[int, int]:
    """The lines of the result that a version has, white space apart; blank ones are no anchors."""
    a, b = ([b"".join(line.split()) for line in text] for text in (now, lines))
    return {m.a + k: m.b + k for m in matches(a, b) for k in range(m.size) if a[m.a + k]}


def _lines(now: Sequence[bytes], places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The ranges of lines that ranges of bytes touch."""
    ends: list[int] = []
    at = 0
    for line in now:
        at += len(line)
        ends.append(at)
    found = []
    for start, end in places:
        first = sum(e <= start for e in ends)
        last = sum(e < max(end, start + 1) for e in ends)
        found.append((first, min(last + 1, len(now))))
    return sorted(found)


def _regions(places: Sequence[tuple[int, int]], agreed: Sequence[int], size: int) -> list[tuple[int, int]]:
    """The ranges widened until all versions agree before and behind them, those that touch made one."""
    found: list[tuple[int, int]] = []
    for first, last in places:
        start = max((k + 1 for k in agreed if k < first), default=0)
        end = min((k for k in agreed if k >= last), default=size)
        if found and start <= found[-1][1]:
            start, end = found[-1][0], max(end, found.pop()[1])
        found.append((start, end))
    return found
