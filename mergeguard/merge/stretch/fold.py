"""What both sides added alike, put into the base first: then only what differs is left to merge.

A cherry-pick on both sides, with more around it on one, is to lines a conflict or a block that goes in twice.
Two new statements are the same only if the blocks that they stand in are: each opening goes with its end, and
what is inside of a new block with that block.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence

from mergeguard.cpp.diff import diff, matches
from mergeguard.cpp.tokens import Tokens, tokens_of, units_of
from mergeguard.merge.lines import RegionKind, diff3
from mergeguard.values import dataclass

_Keys = tuple[bytes, ...]
_IF = (b"#if", b"#ifdef", b"#ifndef")


@dataclass(frozen=True, slots=True)
class _Units:
    """A text in units, and for each unit the one that opened the block that it is in or ends (-1: none)."""

    tokens: Tokens
    starts: list[int]
    keys: list[_Keys]
    opening: list[int]

    def text(self, index: int) -> bytes:
        """The bytes of a unit with the gap before it."""
        gaps, texts = self.tokens.gaps, self.tokens.texts
        return b"".join(gaps[i] + texts[i] for i in range(self.starts[index], self.starts[index + 1]))


def fold(base: bytes, ours: bytes, theirs: bytes) -> bytes:
    """The base with what both sides added alike at one place; ``base`` itself if that is nothing."""
    b, o, t = map(_units, (base, ours, theirs))
    in_ours, in_theirs = _known(b, o), _known(b, t)
    pairs: list[tuple[int, int]] = []
    for region in diff3(b.keys, o.keys, t.keys):
        if region.kind is RegionKind.CONFLICT:
            mine = [i for i in range(region.o0, region.o1) if i not in in_ours]
            other = [j for j in range(region.t0, region.t1) if j not in in_theirs]
            pairs += _same(o, mine, t, other)
    pairs = _whole_blocks(_net(pairs, b, o, t), o, t, in_ours, in_theirs)
    known = _KnownUnits(in_ours), _KnownUnits(in_theirs)
    places = [_place(i, j, *known, len(b.keys)) for i, j in pairs]
    inserted: dict[int, list[bytes]] = {}
    for (_, j), place in zip(pairs, places, strict=True):
        if place is None:
            return base
        inserted.setdefault(place, []).append(t.text(j))
    if not inserted:
        return base
    parts: list[bytes] = []
    for index in range(len(b.keys) + 1):
        parts += inserted.get(index, ())
        if index < len(b.keys):
            parts.append(b.text(index))
    return b"".join(parts) + b.tokens.tail


def _units(text: bytes) -> _Units:
    tokens = tokens_of(text)
    starts = units_of(tokens) or [0]
    keys = [tokens.keys[i:j] for i, j in zip(starts, starts[1:], strict=False)]
    return _Units(tokens, starts, keys, _openings(keys))


def _openings(units: Sequence[_Keys]) -> list[int]:
    """For each unit the number of the opening unit around it; for an end or an ``#else`` that of its own."""
    found: list[int] = []
    braces: list[int] = []
    groups: list[int] = []
    for number, keys in enumerate(units):
        word = keys[1] if keys[0] == b"##" and len(keys) > 1 else b""
        innermost = max(braces[-1:] + groups[-1:], default=-1)
        if word in _IF:
            found.append(innermost)
            groups.append(number)
        elif word in (b"#else", b"#elif", b"#endif"):
            found.append(groups[-1] if groups else -1)
            if word == b"#endif" and groups:
                groups.pop()
        elif keys[-1] == b"{":
            found.append(innermost)
            braces.append(number)
        elif keys[-1] == b"}":
            found.append(braces.pop() if braces else -1)
        else:
            found.append(innermost)
    return found


def _known(base: _Units, side: _Units) -> dict[int, int]:
    """Number of a side's unit -> number of the base's that it is."""
    return {m.b + k: m.a + k for m in matches(base.keys, side.keys) for k in range(m.size)}


def _same(o: _Units, mine: Sequence[int], t: _Units, other: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of new units that say the same, in order."""
    a, b = [o.keys[i] for i in mine], [t.keys[j] for j in other]
    pairs: list[tuple[int, int]] = []
    at_a = at_b = 0
    for change in [*diff(a, b), None]:
        end = change.a0 if change else len(a)
        pairs += ((mine[at_a + k], other[at_b + k]) for k in range(end - at_a))
        if change:
            at_a, at_b = change.a1, change.b1
    return pairs


def _net(pairs: Sequence[tuple[int, int]], b: _Units, o: _Units, t: _Units) -> list[tuple[int, int]]:
    """Those of the pairs that both sides have more often than the base, or both moved: what one side moved
    and the other added is not the same."""
    old, mine, other = Counter(b.keys), Counter(o.keys), Counter(t.keys)
    wanted = Counter(o.keys[i] for i, _ in pairs)
    return [
        (i, j)
        for i, j in pairs
        for key in [o.keys[i]]
        if mine[key] == other[key] or min(mine[key], other[key]) - old[key] >= wanted[key]
    ]


def _whole_blocks(
    pairs: list[tuple[int, int]], o: _Units, t: _Units, in_ours: dict[int, int], in_theirs: dict[int, int]
) -> list[tuple[int, int]]:
    """Those of the pairs that stand in one block, and whose own blocks are whole."""
    while True:
        mine = dict(pairs)
        ends_o = {o.opening[i] for i, _ in pairs if _ends(o.keys[i])}
        ends_t = {t.opening[j] for _, j in pairs if _ends(t.keys[j])}
        left = [
            (i, j)
            for i, j in pairs
            if _in_one_block(o.opening[i], t.opening[j], mine, in_ours, in_theirs)
            and (not _opens(o.keys[i]) or (i in ends_o and j in ends_t))
        ]
        if left == pairs:
            return [] if all(_says_nothing(o.keys[i]) for i, _ in left) else left
        pairs = left


def _in_one_block(
    one: int, two: int, mine: dict[int, int], in_ours: dict[int, int], in_theirs: dict[int, int]
) -> bool:
    """Whether two openings (-1: none) are the base's same one, or new ones that are a pair."""
    if one < 0 or two < 0:
        return one == two
    if one in in_ours or two in in_theirs:
        return in_ours.get(one, -1) == in_theirs.get(two, -2)
    return mine.get(one) == two


def _opens(keys: _Keys) -> bool:
    return keys[-1] == b"{" or (keys[0] == b"##" and keys[1:2] != () and keys[1] in _IF)


def _ends(keys: _Keys) -> bool:
    return keys[-1] == b"}" or keys[:2] == (b"##", b"#endif")


def _says_nothing(keys: _Keys) -> bool:
    return not any(key[:1].isalnum() or key[:1] == b"_" for key in keys)


class _KnownUnits:
    """What of a side is the base's, and what of it stands next to any other unit (differences keep order)."""

    def __init__(self, known: dict[int, int]) -> None:
        self.places = sorted(known)
        self.of_base = [known[place] for place in self.places]

    def around(self, number: int, size: int) -> range:
        """The units of the base (of ``size`` units) that a new unit may stand for; empty if it only came in
        between."""
        at = bisect_left(self.places, number)
        behind = bisect_right(self.places, number)
        return range(
            self.of_base[at - 1] + 1 if at else 0,
            self.of_base[behind] if behind < len(self.places) else size,
        )


def _place(i: int, j: int, ours: _KnownUnits, theirs: _KnownUnits, size: int) -> int | None:
    """Before which unit of the base a pair goes; None where the sides have it at two places, or in the place
    of two different things."""
    gone = ours.around(i, size), theirs.around(j, size)
    low, high = max(span.start for span in gone), min(span.stop for span in gone)
    return low if low < high or (low == high and not all(gone)) else None
