"""Difference of two sequences: patience anchors first, Myers' algorithm between them.

Patience (Bram Cohen: match the elements that are unique on both sides, keep the longest increasing
run of them) keeps a moved brace or an ``#endif`` from pairing with the wrong twin; what lies between
two anchors is solved by Myers' greedy O(ND) algorithm (E. Myers, "An O(ND) Difference Algorithm and
Its Variations", Algorithmica 1986), bounded so that two unrelated texts cost no quadratic time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from itertools import accumulate, chain, count
from typing import NamedTuple, TypeVar

T = TypeVar("T", bound=Hashable)

# Beyond this many edits between two anchors the stretch counts as replaced as a whole.
_MAX_EDITS = 600


class Change(NamedTuple):
    """``a[a0:a1]`` became ``b[b0:b1]`` (half-open, 0-based); one of the two may be empty."""

    a0: int
    a1: int
    b0: int
    b1: int


class Match(NamedTuple):
    """``a[a : a + size]`` equals ``b[b : b + size]``."""

    a: int
    b: int
    size: int


def diff(a: Sequence[T], b: Sequence[T]) -> list[Change]:
    """The changes that turn ``a`` into ``b``, in order and never touching one another."""
    changes: list[Change] = []
    a_end = b_end = 0
    for match in [*matches(a, b), Match(len(a), len(b), 0)]:
        if match.a > a_end or match.b > b_end:
            changes.append(Change(a_end, match.a, b_end, match.b))
        a_end, b_end = match.a + match.size, match.b + match.size
    return changes


def telling_diff(a: Sequence[T], b: Sequence[T]) -> list[Change]:
    """``diff`` without accidental matches: a common run no longer than the edits on both of its sides is
    noise (a comma between two new arguments), and so part of one edit (the semantic clean-up of N. Fraser's
    "diff strategies")."""
    merged: list[Change] = []
    for change in diff(a, b):
        while merged:
            last = merged[-1]
            common = change.a0 - last.a1
            if common > max(last.a1 - last.a0, last.b1 - last.b0):
                break
            if common > max(change.a1 - change.a0, change.b1 - change.b0):
                break
            merged.pop()
            change = Change(last.a0, change.a1, last.b0, change.b1)
        merged.append(change)
    return merged


def slack(text: Sequence[T], start: int, end: int, low: int, high: int) -> tuple[int, int]:
    """By how much ``text[start:end]``, which was inserted or removed, may as well stand further up and down,
    within ``low`` and ``high``: of equal ones side by side a difference can't tell which."""
    up = down = 0
    while start - up > low and text[start - up - 1] == text[end - up - 1]:
        up += 1
    while end + down < high and text[start + down] == text[end + down]:
        down += 1
    return up, down


def changed_ranges(old: bytes, new: bytes) -> list[tuple[int, int]]:
    """The byte ranges of ``old``, by whole lines, in which ``new`` differs."""
    lines = old.splitlines(keepends=True)
    starts = [0, *accumulate(map(len, lines))]
    return [(starts[c.a0], starts[c.a1]) for c in diff(lines, new.splitlines(keepends=True))]


def in_common(one: bytes, other: bytes) -> int:
    """With how many equal bytes two texts begin."""
    most = min(len(one), len(other))
    if one[:most] == other[:most]:
        return most
    same, differs = 0, most  # they are the same up to the one, and not up to the other
    while differs - same > 1:
        middle = (same + differs) // 2
        if one[same:middle] == other[same:middle]:
            same = middle
        else:
            differs = middle
    return same


def ending_in_common(one: bytes, other: bytes, most: int) -> int:
    """With how many equal bytes two texts end, at most ``most``."""
    first, second = len(one), len(other)
    if one[first - most :] == other[second - most :]:
        return most
    same, differs = 0, most
    while differs - same > 1:
        middle = (same + differs) // 2
        if one[first - middle : first - same] == other[second - middle : second - same]:
            same = middle
        else:
            differs = middle
    return same


def unequal_middle(a: bytes, b: bytes) -> tuple[int, int, int]:
    """The range in which two texts differ, widened to whole lines."""
    start = a.rfind(b"\n", 0, in_common(a, b)) + 1
    tail = ending_in_common(a, b, min(len(a), len(b)) - start)
    cut = a.find(b"\n", len(a) - tail) if tail else -1
    tail = len(a) - cut - 1 if cut >= 0 else 0
    return start, len(a) - tail, len(b) - tail


def matches(a: Sequence[T], b: Sequence[T]) -> list[Match]:
    """The common runs of ``a`` and ``b``, in order, neighbouring runs joined."""
    # Most of two versions is common at their ends: that is compared as it is.
    most = min(len(a), len(b))
    head = _shared_head(a, 0, most, b, 0, most)
    tail = _shared_tail(a, head, len(a), b, head, len(b))
    one, two = a[head : len(a) - tail], b[head : len(b) - tail]
    # Whole statements are compared over and over: their numbers are quicker.
    numbers = dict(zip(dict.fromkeys(chain(one, two)), count()))
    first, second = ([*map(numbers.__getitem__, sequence)] for sequence in (one, two))
    joined: list[Match] = []
    at_a, at_b, size = 0, 0, head
    for i, j, more in chain(_runs(first, second), ((len(one), len(two), tail),)):
        if head + i == at_a + size and head + j == at_b + size:
            size += more
            continue
        if size:
            joined.append(Match(at_a, at_b, size))
        at_a, at_b, size = head + i, head + j, more
    return [*joined, Match(at_a, at_b, size)] if size else joined


_Ranges = tuple[int, int, int, int]  # of both sequences: from where to where


def _runs(a: list[int], b: list[int]) -> Iterator[Match]:
    # An explicit stack: the nesting of anchors is as deep as the input wants.
    stack: list[_Ranges | Match] = [(0, len(a), 0, len(b))]
    while stack:
        task = stack.pop()
        if isinstance(task, Match):
            yield task
            continue
        a0, a1, b0, b1 = task
        head = _shared_head(a, a0, a1, b, b0, b1)
        if head:
            yield Match(a0, b0, head)
            a0, b0 = a0 + head, b0 + head
        tail = _shared_tail(a, a0, a1, b, b0, b1)
        a1, b1 = a1 - tail, b1 - tail
        if tail:
            stack.append(Match(a1, b1, tail))
        if a0 == a1 or b0 == b1:
            continue
        anchors = _unique_common(a, a0, a1, b, b0, b1)
        if anchors:
            stack.extend(reversed([*_between(anchors, (a0, a1, b0, b1))]))
        elif anchors is not None:
            yield from _myers(a, a0, a1, b, b0, b1)


def _between(anchors: Sequence[tuple[int, int]], ranges: _Ranges) -> Iterator[_Ranges | Match]:
    """The anchors, neighbouring ones as one, and what lies between them in both sequences."""
    a0, a1, b0, b1 = ranges
    size = 0  # of the anchors that end before a0 and b0
    for i, j in anchors:
        if i > a0 or j > b0:
            if size:
                yield Match(a0 - size, b0 - size, size)
                size = 0
            if i > a0 and j > b0:
                yield a0, i, b0, j
        a0, b0, size = i + 1, j + 1, size + 1
    yield Match(a0 - size, b0 - size, size)
    if a0 < a1 and b0 < b1:
        yield a0, a1, b0, b1


_STEP = 256  # elements that are compared at once


def _shared_head(a: Sequence[T], a0: int, a1: int, b: Sequence[T], b0: int, b1: int) -> int:
    """How many elements two ranges begin with alike."""
    most, at = min(a1 - a0, b1 - b0), 0
    if not most or a[a0] != b[b0]:
        return 0
    while at < most:
        step = min(_STEP, most - at)
        if a[a0 + at : a0 + at + step] != b[b0 + at : b0 + at + step]:
            break
        at += step
    while at < most and a[a0 + at] == b[b0 + at]:
        at += 1
    return at


def _shared_tail(a: Sequence[T], a0: int, a1: int, b: Sequence[T], b0: int, b1: int) -> int:
    """How many elements two ranges end with alike."""
    most, at = min(a1 - a0, b1 - b0), 0
    if not most or a[a1 - 1] != b[b1 - 1]:
        return 0
    while at < most:
        step = min(_STEP, most - at)
        if a[a1 - at - step : a1 - at] != b[b1 - at - step : b1 - at]:
            break
        at += step
    while at < most and a[a1 - at - 1] == b[b1 - at - 1]:
        at += 1
    return at


def _unique_common(
    a: list[int], a0: int, a1: int, b: list[int], b0: int, b1: int
) -> list[tuple[int, int]] | None:
    """The longest increasing run of elements that are unique in both ranges; None if they have none in
    common."""
    one, two = a[a0:a1], b[b0:b1]
    first, second = Counter(one), Counter(two)
    if first.keys().isdisjoint(second):
        return None
    places = dict(zip(two, range(b0, b1), strict=True))
    candidates = [(i, places[x]) for i, x in enumerate(one, a0) if first[x] == 1 == second[x]]
    return [candidates[k] for k in increasing([j for _, j in candidates])]


def increasing(values: Sequence[int]) -> list[int]:
    """The indices of a longest increasing run of ``values`` (which differ), by patience sorting."""
    tops: list[int] = []
    piles: list[int] = []
    back: list[int] = []
    for index, value in enumerate(values):
        pile = bisect_left(tops, value)
        back.append(piles[pile - 1] if pile else -1)
        if pile == len(tops):
            tops.append(value)
            piles.append(index)
        else:
            tops[pile] = value
            piles[pile] = index
    run: list[int] = []
    at = piles[-1] if piles else -1
    while at >= 0:
        run.append(at)
        at = back[at]
    return run[::-1]


def _myers(a: list[int], a0: int, a1: int, b: list[int], b0: int, b1: int) -> Iterator[Match]:
    n, m = a1 - a0, b1 - b0
    if n == 1 or m == 1:
        # An element that the other range has too is no anchor, or the ends would have matched it.
        yield from _find_one(a, a0, a1, b, b0, b1)
        return
    limit = min(n + m, _MAX_EDITS)
    if n + m > limit and _least_edits(a[a0:a1], b[b0:b1]) > limit:
        return
    # Behind their ends both have what is in neither, so that no index needs a look.
    one, two = [*a[a0:a1], *[-1] * (limit + 2)], [*b[b0:b1], *[-2] * (limit + 2)]
    rounds: list[list[int]] = []  # by the number of edits, how far each diagonal -d, -d + 2, ... was followed
    reached = [0]
    for d in range(limit + 1):
        if d:
            inner = [x if x > left else left + 1 for left, x in zip(reached, reached[1:], strict=False)]
            reached = [reached[0], *inner, reached[-1] + 1]
        offsets = range(d, -d - 1, -2)
        for number in [i for i, x, by in zip(count(), reached, offsets) if one[x] == two[x + by]]:
            x = reached[number]
            reached[number] = x + _shared_head(one, x, n, two, x + offsets[number], m)
        rounds.append(reached)
        last, odd = divmod(n - m + d, 2)
        if not odd and 0 <= last <= d and reached[last] >= n:
            yield from reversed(_walk_back(rounds, n, m, a0, b0))
            return


def _least_edits(a: list[int], b: list[int]) -> int:
    """So many elements at least are in one of two sequences and not in the other."""
    more = Counter(a)
    more.subtract(b)
    return sum(map(abs, more.values()))


def _find_one(a: list[int], a0: int, a1: int, b: list[int], b0: int, b1: int) -> Iterator[Match]:
    for i in range(a0, a1):
        for j in range(b0, b1):
            if a[i] == b[j]:
                yield Match(i, j, 1)
                return


def _walk_back(rounds: list[list[int]], n: int, m: int, a0: int, b0: int) -> list[Match]:
    runs: list[Match] = []
    x, y = n, m
    for d in range(len(rounds) - 1, -1, -1):
        from_x, from_y = 0, -1
        if d:
            before, number = rounds[d - 1], (x - y + d) // 2
            down = number == 0 or (number != d and before[number - 1] < before[number])
            from_x = before[number] if down else before[number - 1]
            from_y = from_x - (x - y) - (1 if down else -1)
        size = min(x - from_x, y - max(from_y, 0))
        if size > 0:
            runs.append(Match(a0 + x - size, b0 + y - size, size))
        x, y = from_x, from_y
    return runs
