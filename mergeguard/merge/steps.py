"""The account of a merged text: what each token of base, ours, theirs and the result is taken for.

Between two places where all four agree it is what the two sides' differences make of the base, else what an
exact search finds to be the cheapest. Every token is one of

    kept        in the base, both sides and the result
    ours, theirs, both    added by a side (or alike by both), and in the result
    given up    in the base and one side, removed by the other
    gone        in the base, removed by both
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from typing import NamedTuple

from mergeguard.certify import Text
from mergeguard.merge.alignment import Keys, aligned, complete, matched

_BREAKS = 8  # of so many tokens that both added one may have something before it that one side added
_MOST_STATES = 8_000  # of the search between two anchors
# By how many anchors a stretch without an account is widened, to the left and to the right.
_WIDER = ((0, 0), (1, 0), (0, 1), (4, 0), (0, 4), (4, 4), (16, 16), (64, 64))


class Unaccounted(Exception):
    """No account of the result was found; the message says where."""


class Step(NamedTuple):
    """What the next token of each text is taken for: 1 where a text takes part. See ``_STEPS``."""

    base: int
    ours: int
    theirs: int
    result: int


_KEPT = Step(1, 1, 1, 1)
_BOTH = Step(0, 1, 1, 1)
_OURS, _THEIRS = Step(0, 1, 0, 1), Step(0, 0, 1, 1)
_GIVEN_UP_BY_THEIRS, _GIVEN_UP_BY_OURS = Step(1, 1, 0, 0), Step(1, 0, 1, 0)
_GONE = Step(1, 0, 0, 0)
# The likeliest last: it is tried first.
_STEPS = (_GONE, _OURS, _THEIRS, _GIVEN_UP_BY_THEIRS, _GIVEN_UP_BY_OURS, _BOTH, _KEPT)
# By whether ours and theirs keep a token of the base.
_BASE_STEPS = {
    (True, True): _KEPT,
    (True, False): _GIVEN_UP_BY_THEIRS,
    (False, True): _GIVEN_UP_BY_OURS,
    (False, False): _GONE,
}

Path = list[Step]
State = tuple[int, int, int, int]  # how much of each text is accounted for


def account(keys: Sequence[Keys], result: Text) -> Iterator[Step]:
    """The steps that use up all four texts."""
    ends = [*_anchors(keys), tuple(map(len, keys))]
    done: list[tuple[tuple[int, ...], Path]] = []  # where each stretch begins, and its steps
    start: tuple[int, ...] = (0, 0, 0, 0)
    at = 0
    while at < len(ends):
        if start == ends[at]:  # most tokens: nothing stands between two that are kept
            at += 1
            done.append((start, [_KEPT] if at < len(ends) else []))
            start = (start[0] + 1, start[1] + 1, start[2] + 1, start[3] + 1)
            continue
        for left, right in _WIDER:
            # An anchor may be wrong, where equal tokens stand side by side: take more in.
            first = done[-min(left, len(done))][0] if left and done else start
            last = min(at + right, len(ends) - 1)
            path = _between(keys, first, ends[last])
            if path is not None:
                break
        else:
            last = len(result.tokens) - 1
            place = result.where(min(start[3], last)) if result.tokens else "an empty text"
            raise Unaccounted(f"not clear from which side this is: {place}")
        del done[len(done) - min(left, len(done)) :]
        at = last + 1
        done.append((first, [*path, _KEPT] if at < len(ends) else path))
        start = tuple(i + 1 for i in ends[last])
    return (step for _, path in done for step in path)


def _anchors(keys: Sequence[Keys]) -> list[tuple[int, int, int, int]]:
    """Places at which one token is taken for kept: where the differences of the sides meet the result.

    What the sides' differences make of the base, theirs before ours where both added, is nearly the result:
    they differ little, and what they have in common is the right one of many equal tokens.
    """
    base, ours, theirs, result = keys
    to_ours, to_theirs = (dict(aligned(base, side)) for side in (ours, theirs))
    kept = [(b, to_ours[b], to_theirs[b]) for b in range(len(base)) if b in to_ours and b in to_theirs]
    common_ours, common_theirs = set(to_ours.values()), set(to_theirs.values())
    expected: list[bytes] = []
    at: dict[int, tuple[int, int, int]] = {}
    o = t = 0
    for b, next_o, next_t in [*kept, (len(base), len(ours), len(theirs))]:
        expected += [theirs[i] for i in range(t, next_t) if i not in common_theirs]
        expected += [ours[i] for i in range(o, next_o) if i not in common_ours]
        if b < len(base):
            at[len(expected)] = (b, next_o, next_t)
            expected.append(base[b])
        o, t = next_o + 1, next_t + 1
    return [(*at[e], r) for e, r in sorted(matched(expected, result).items()) if e in at]


def _between(keys: Sequence[Keys], start: Sequence[int], end: Sequence[int]) -> Path | None:
    """The steps from one anchor to the next; None if there are none."""
    b, o, t, r = (list(text[i:j]) for text, i, j in zip(keys, start, end, strict=True))
    if not (b or o or t or r):
        return []
    if t == b:
        return _one_sided(b, o, _OURS, _GIVEN_UP_BY_OURS) if r == o else None
    if o == b:
        return _one_sided(b, t, _THEIRS, _GIVEN_UP_BY_THEIRS) if r == t else None
    if o == t:
        return _one_sided(b, o, _BOTH, _GONE) if r == o else None
    within = None
    if r == t:
        within = _one_within(b, o, t, _THEIRS, _GIVEN_UP_BY_THEIRS)
    elif r == o:
        within = _one_within(b, t, o, _OURS, _GIVEN_UP_BY_OURS)
    path = (within if within and _is_one_addition(within) else None) or _by_differences(b, o, t, r)
    return path or _plausible(b, o, t, _search(b, o, t, r))


def _plausible(b: Keys, o: Keys, t: Keys, path: Path | None) -> Path | None:
    """The steps, if they make no side's edit larger than a difference does, and tell nothing as added by both
    that each added by itself: of few tokens nearly any text is the sum of edits that nobody made."""
    if path is None or not _is_one_addition(path):
        return None
    as_small = (
        sum(step.base and step[side] for step in path) >= len(complete(b, text))
        for side, text in ((1, o), (2, t))
    )
    return path if all(as_small) else None


def _is_one_addition(path: Path) -> bool:
    """Whether what is told to be added by both is hardly broken up by what one side alone added."""
    added = breaks = 0
    before: Step | None = None
    for step in (step for step in path if step.result):
        added += step is _BOTH
        breaks += step is _BOTH and before in (_OURS, _THEIRS)
        before = step
    return breaks * _BREAKS <= added or breaks <= 1


def _one_sided(base: Keys, side: Keys, added: Step, removed: Step) -> Path:
    """Where the result is one side's text: the difference of that side, with nothing removed and added
    again."""
    path: Path = []
    b = s = 0
    for i, j in [*complete(base, side), (len(base), len(side))]:
        path += [removed] * (i - b) + [added] * (j - s)
        if i < len(base):
            path.append(_KEPT)
        b, s = i + 1, j + 1
    return path


def _one_within(base: Keys, small: Keys, large: Keys, added: Step, removed: Step) -> Path | None:
    """Where the result is the text of a side whose edit contains the other's: that edit as one made after the
    other; None where it lacks something of it."""
    before = dict(complete(base, small))
    old_of = {s: b for b, s in before.items()}
    after = dict(complete(small, large))
    path: Path = []
    b = x = 0
    for s in range(len(small) + 1):
        old = old_of.get(s, -1) if s < len(small) else len(base)
        if old >= 0:
            path += [_GONE] * (old - b)
            b = old + 1
        to = after.get(s, -1) if s < len(small) else len(large)
        if to < 0:
            if old < 0:
                return None
            path.append(removed)
            continue
        path += [added] * (to - x)
        x = to + 1
        if s < len(small):
            path.append(_KEPT if old >= 0 else _BOTH)
    return path


def _by_differences(b: Keys, o: Keys, t: Keys, r: Keys) -> Path | None:
    """What the two sides' differences make of the base, if that is the result."""
    to_ours, to_theirs = dict(complete(b, o)), dict(complete(b, t))
    path: Path = []
    at_o = at_t = at_r = 0
    for i in range(len(b) + 1):
        next_o = to_ours.get(i, -1) if i < len(b) else len(o)
        next_t = to_theirs.get(i, -1) if i < len(b) else len(t)
        mine = o[at_o:next_o] if next_o >= 0 else []
        other = t[at_t:next_t] if next_t >= 0 else []
        for run, steps in (
            ([*other, *mine], [_THEIRS] * len(other) + [_OURS] * len(mine)),
            ([*mine, *other], [_OURS] * len(mine) + [_THEIRS] * len(other)),
            (mine, [_BOTH] * len(mine)),
        ):
            if r[at_r : at_r + len(run)] == run and (steps[:1] != [_BOTH] or mine == other):
                break
        else:
            return None
        path += steps
        at_r += len(run)
        if i == len(b):
            break
        path.append(_BASE_STEPS[next_o >= 0, next_t >= 0])
        if next_o >= 0 and next_t >= 0:
            if r[at_r : at_r + 1] != b[i : i + 1]:
                return None
            at_r += 1
        at_o = next_o + 1 if next_o >= 0 else at_o
        at_t = next_t + 1 if next_t >= 0 else at_t
    return path if at_r == len(r) else None


def _search(b: Keys, o: Keys, t: Keys, r: Keys) -> Path | None:
    """The cheapest steps, of which every one but that of a kept token costs one.

    A* (Hart, Nilsson, Raphael, 1968): what is left of the base and of the result must differ by as many
    further steps as one is longer. So a step adds nought or two to the estimate, and a queue of two ends
    keeps the order.
    """
    texts = (b, o, t, r)
    goal = (len(b), len(o), len(t), len(r))
    surplus = len(r) - len(b)
    start: State = (0, 0, 0, 0)
    came: dict[State, tuple[State, Step]] = {}
    costs: dict[State, int] = {start: 0}
    queue: deque[tuple[State, int]] = deque([(start, 0)])
    while queue and len(costs) < _MOST_STATES:
        here, cost = queue.popleft()
        if here == goal:
            return _walked(came, goal)
        if cost > costs[here]:
            continue
        heads = [text[i] if i < n else None for text, i, n in zip(texts, here, goal, strict=True)]
        more = surplus - here[3] + here[0]
        for step in compress(_STEPS, _can_be_taken(*heads)):
            there = (here[0] + step.base, here[1] + step.ours, here[2] + step.theirs, here[3] + step.result)
            dearer = cost + (step is not _KEPT)
            if dearer < costs.get(there, dearer + 1):
                costs[there] = dearer
                came[there] = (here, step)
                nearer = step.result == step.base or (more > 0) == (step.result > step.base) and more != 0
                (queue.appendleft if nearer else queue.append)((there, dearer))
    return None


def _can_be_taken(b: bytes | None, o: bytes | None, t: bytes | None, r: bytes | None) -> tuple[bool, ...]:
    """For each of ``_STEPS`` whether the next tokens (None at an end) of the texts that take part are one."""
    mine, other = o is not None and o == r, t is not None and t == r
    if b is None:
        return False, mine, other, False, False, mine and other, False
    return True, mine, other, b == o, b == t, mine and other, b == r and mine and other


def _walked(came: Mapping[State, tuple[State, Step]], goal: State) -> Path:
    path: Path = []
    here = goal
    while here in came:
        here, step = came[here]
        path.append(step)
    return path[::-1]
