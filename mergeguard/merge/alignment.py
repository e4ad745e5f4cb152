"""Which tokens of two texts are the same, as people edit: whole statements first, and brackets in pairs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence, Set
from itertools import pairwise

from mergeguard.cpp.diff import matches, slack

Keys = Sequence[bytes]
Pair = tuple[int, int]

_ENDS = frozenset((b";", b"}", b"#end"))  # of a statement or a line
_END_RANKS = {**dict.fromkeys(_ENDS, 0), b"{": 1, b":": 1, b",": 2}
_MOST_SLIDES = 100_000  # times the tokens that slide
_MOST_PAIRS = 1_000_000  # of tokens that are compared between two that match


def aligned(a: Keys, b: Keys) -> list[Pair]:
    """A common subsequence, as pairs of indices."""
    return _slid(a, b, sorted(matched(a, b).items()))


def complete(a: Keys, b: Keys) -> list[Pair]:
    """A common subsequence to which no pair can be added."""
    pairs = aligned(a, b)
    found: list[Pair] = []
    i = j = 0
    for x, y in [*pairs, (len(a), len(b))]:
        while i < x and j < y and (x - i) * (y - j) < _MOST_PAIRS:
            k = next((k for k in range(j, y) if b[k] == a[i]), -1)
            if k >= 0:
                found.append((i, k))
                j = k + 1
            i += 1
        if x < len(a):
            found.append((x, y))
        i, j = x + 1, y + 1
    return found


def matched(a: Keys, b: Keys) -> dict[int, int]:
    """Pairs of tokens: those of equal statements first, as people edit, then what is equal between these."""
    ends_a, ends_b = _ends_of(a), _ends_of(b)
    found: dict[int, int] = {}
    i = j = 0
    statements = [
        [tuple(keys[k:n]) for k, n in pairwise([0, *ends])] for keys, ends in ((a, ends_a), (b, ends_b))
    ]
    same = [(m.a + k, m.b + k) for m in matches(*statements) for k in range(m.size)]
    for x, y in [*same, (len(ends_a), len(ends_b))]:
        low_a, low_b = (ends[n - 1] if n else 0 for ends, n in ((ends_a, x), (ends_b, y)))
        found |= {i + m.a + k: j + m.b + k for m in matches(a[i:low_a], b[j:low_b]) for k in range(m.size)}
        if x < len(ends_a):
            found |= dict(zip(range(low_a, ends_a[x]), range(low_b, ends_b[y]), strict=True))
            i, j = ends_a[x], ends_b[y]
    return found


def _ends_of(keys: Keys) -> list[int]:
    """Where the statements and lines of a row of tokens end."""
    ends = [index + 1 for index, key in enumerate(keys) if key in _ENDS]
    return ends if ends[-1:] == [len(keys)] else [*ends, len(keys)]


def _slid(a: Keys, b: Keys, pairs: list[Pair]) -> list[Pair]:
    """A common subsequence with each insertion and removal slid to where people make it, if it can be: where
    it closes what it opens, else ends a statement or line, else opens a block, else ends an element."""
    partners = _partners(a), _partners(b)
    inserted = _slid_insertions(a, b, partners[1], _with_partners(*partners, pairs))
    removed = _slid_insertions(b, a, partners[0], [(j, i) for i, j in inserted])
    return [(i, j) for j, i in removed]


def _with_partners(of_a: Mapping[int, int], of_b: Mapping[int, int], pairs: Sequence[Pair]) -> list[Pair]:
    """A common subsequence in which brackets that go together in one text go together in the other, where
    that is only a matter of which of several like brackets between two other pairs is which."""
    found = list(pairs)
    to_b, to_a = dict(found), {j: i for i, j in found}
    for k, (i, j) in enumerate(found):
        opener_a, opener_b = of_a.get(i, i), of_b.get(j, j)
        if opener_a >= i or opener_b >= j or to_b.get(opener_a) == opener_b:
            continue
        ways: list[tuple[int, Pair]] = []  # which pair, and what may take its place
        for_b, for_a = to_b.get(opener_a, -1), to_a.get(opener_b, -1)
        if for_b >= 0:
            ways += [(k, (i, of_b.get(for_b, -1)))]
        if for_a >= 0:
            ways += [(k, (of_a.get(for_a, -1), j)), (_index(found, for_a), (opener_a, opener_b))]
        if for_b >= 0:
            ways += [(_index(found, opener_a), (opener_a, opener_b))]
        for at, new in ways:
            if _fits(found, at, new):
                old = found[at]
                del to_b[old[0]], to_a[old[1]]
                found[at], to_b[new[0]], to_a[new[1]] = new, new[1], new[0]
                break
    return found


def _index(pairs: Sequence[Pair], first: int) -> int:
    return bisect_left(pairs, (first, -1))


def _fits(pairs: Sequence[Pair], at: int, new: Pair) -> bool:
    """Whether a pair can take the place of another one, between the same neighbours."""
    before = pairs[at - 1] if at else (-1, -1)
    return all(
        before[side] < new[side] and (at + 1 == len(pairs) or new[side] < pairs[at + 1][side])
        for side in (0, 1)
    )


def _slid_insertions(a: Keys, b: Keys, partners: Mapping[int, int], pairs: list[Pair]) -> list[Pair]:
    taken = {j for _, j in pairs}
    for index in range(len(pairs) - 1, -1, -1):
        after, end = pairs[index + 1] if index + 1 < len(pairs) else (len(a), len(b))
        start = pairs[index][1] + 1
        if start == end or after != pairs[index][0] + 1:
            continue
        if b[start - 1] != b[end - 1] and b[end : end + 1] != b[start : start + 1]:
            continue
        low, high = (_aligned(pairs, at, step) for at, step in ((index, -1), (index + 1, 1)))
        up, down = slack(b, start, end, start - low, end + high)
        by = _best_slide(b, partners, taken, start, end, range(-up, down + 1))
        size = end - start
        if by < 0:
            pairs[index + 1 + by : index + 1] = [(i, j + size) for i, j in pairs[index + 1 + by : index + 1]]
        elif by > 0:
            pairs[index + 1 : index + 1 + by] = [(i, j - size) for i, j in pairs[index + 1 : index + 1 + by]]
        if by:
            taken.update(range(start + min(by, 0), end + max(by, 0)))
            taken.difference_update(range(start + by, end + by))
    return pairs


def _aligned(pairs: Sequence[Pair], index: int, step: int) -> int:
    """How many pairs from ``index`` on, in that direction, stand side by side in both texts."""
    count = 0
    while 0 <= index + count * step < len(pairs) and pairs[index + count * step] == (
        pairs[index][0] + count * step,
        pairs[index][1] + count * step,
    ):
        count += 1
    return count


def _best_slide(
    b: Keys, partners: Mapping[int, int], taken: Set[int], start: int, end: int, slides: range
) -> int:
    """By how much ``b[start:end]`` is best slid; the least of several as good as each other. ``taken`` is
    what stands in the other text, too."""
    if len(slides) * (end - start) > _MOST_SLIDES:
        return 0

    def cut(by: int) -> tuple[int, int, int]:
        first, last = start + by, end + by
        ends = (partners.get(i, i) for i in range(first, last))
        torn = sum(not first <= i < last and (i in taken or start <= i < end) for i in ends)
        return torn, _END_RANKS.get(b[last - 1], len(_END_RANKS)), abs(by)

    return min(slides, key=cut)


def _partners(keys: Keys) -> dict[int, int]:
    """Which bracket, or ``#if``, goes with which."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for index, key in enumerate(keys):
        if key in (b"(", b"[", b"{") or key.startswith(b"#if"):
            opened.append(index)
        elif key in (b")", b"]", b"}", b"#endif") and opened:
            found[index] = opened.pop()
            found[found[index]] = index
    return found
