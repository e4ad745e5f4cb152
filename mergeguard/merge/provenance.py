"""Where each token of a merged text is from: the certificate that ``mergeguard.certify`` checks.

Made after the merge, from the four texts alone: what the merge meant to do plays no part. The texts are cut
where all four agree; between two such places an exact search finds the cheapest account, in which every
token is one of

    kept        in the base, both sides and the result
    ours, theirs, both    added by a side (or alike by both), and in the result
    given up    in the base and one side, removed by the other
    gone        in the base, removed by both

Declarations that a side moved are put in the result's order first.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from mergeguard.certify import FORMAT, Rejected, Text, certified
from mergeguard.cpp.diff import matches
from mergeguard.cpp.items import Kind
from mergeguard.cpp.leaves import Leaf, leaves_of, match
from mergeguard.merge.apart import stretches
from mergeguard.merge.declarations.leafmerge import renames_of_both
from mergeguard.merge.renames import exchanged, made_by_both
from mergeguard.merge.result import shown

_OTHER = {"ours": "theirs", "theirs": "ours"}
_MOST_STATES = 8_000  # of the search between two anchors

# What has no place of its own: includes are a set, and what opens or ends a block goes with the block.
_PLACED = frozenset((Kind.INCLUDE, Kind.CONDITIONAL, Kind.OPAQUE))
_WORD = re.compile(rb"[A-Za-z_$][\w$]*")
_MOST_PAIRS = 1_000_000  # of tokens that are compared between two that match
_ENDS = frozenset((b";", b"}", b"#end"))  # of a statement or a line
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

Keys = Sequence[bytes]
Path = list[Step]
Rank = tuple[int, int]
State = tuple[int, int, int, int]  # how much of each text is accounted for


def certificate_of(base: bytes, ours: bytes, theirs: bytes, result: bytes) -> dict[str, Any]:
    """The certificate of a merge's clean result; ``Unaccounted`` or ``Rejected`` if there is none.

    Of several accounts as cheap as each other the search finds one, which need not be one that the checker
    accepts: with the sides exchanged it is another one.
    """
    texts = [Text(text) for text in (base, ours, theirs, result)]
    return _accepted(texts, _renames(base, ours, theirs))


Renamed = list[tuple[str, str, str]]  # side, old name, new name


def _renames(base: bytes, ours: bytes, theirs: bytes) -> Renamed:
    mine, other = renames_of_both(base, ours, theirs)
    alike = made_by_both(base, ours, theirs)
    mine = (*mine, *alike, *exchanged(base, ours, theirs))
    other = (*other, *alike, *exchanged(base, theirs, ours))
    return [
        (side, shown(rename.old), shown(rename.new))
        for side, found in (("ours", mine), ("theirs", other))
        for rename in found
    ]


def _accepted(texts: Sequence[Text], renames: Renamed) -> dict[str, Any]:
    """A certificate of the last of four texts that the checker accepts."""
    try:
        made = certificate(texts[0], texts[1], texts[2], texts[3], renames)
        certified(texts[0], texts[1], texts[2], texts[3], made)
    except (Unaccounted, Rejected) as refused:
        renames = [(_OTHER[side], old, new) for side, old, new in renames]
        try:
            made = _exchanged(certificate(texts[0], texts[2], texts[1], texts[3], renames))
            certified(texts[0], texts[1], texts[2], texts[3], made)
        except (Unaccounted, Rejected):
            raise refused from None
    return made


def _exchanged(made: dict[str, Any]) -> dict[str, Any]:
    """A certificate with the names of the sides exchanged."""
    exchanged_runs = {part: [[n, two, one] for n, one, two in made[part]] for part in ("result", "base")}
    return {
        **made,
        **exchanged_runs,
        "digests": {_OTHER.get(name, name): digest for name, digest in made["digests"].items()},
        "renames": sorted([_OTHER[side], old, new] for side, old, new in made["renames"]),
    }


def unproved(base: bytes, ours: bytes, theirs: bytes, result: bytes) -> str:
    """Why a clean result can't be shown to be the sum of both sides' edits, "" if it can.

    Where the four texts differ first: mostly that is enough, and a few lines.
    """
    renames = _renames(base, ours, theirs)
    apart = stretches((base, ours, theirs, result))
    if apart is not None:
        with suppress(Unaccounted, Rejected):
            for stretch in apart:
                _accepted(stretch.texts, renames)
            return ""
    try:
        _accepted([Text(text) for text in (base, ours, theirs, result)], renames)
    except (Unaccounted, Rejected) as refused:
        return f"it can't be proved that the merged text holds both sides' edits and nothing else: {refused}"
    return ""


def certificate(
    base: Text, ours: Text, theirs: Text, result: Text, renames: Iterable[tuple[str, str, str]] = ()
) -> dict[str, Any]:
    """The certificate of ``result``, to be printed as JSON (see ``certify.check``); ``Unaccounted`` if
    there is none. ``renames`` are (side, old name, new name)."""
    new_names = {old.encode(): new.encode() for _, old, new in renames}

    def key(token: bytes) -> bytes:
        if not new_names or token in new_names or token[:1] not in b'/"':
            return new_names.get(token, token)
        return _WORD.sub(lambda word: new_names.get(word[0], word[0]), token)

    texts = (base, ours, theirs, result)
    includes = _includes(texts)
    apart = [{group[which] for group in includes} for which in range(4)]
    orders = [
        [i for i in order if i not in found] for order, found in zip(_orders(*texts), apart, strict=True)
    ]
    keys = [[key(text.tokens[i]) for i in order] for text, order in zip(texts, orders, strict=True)]
    in_base = [(-1, -1)] * len(base.tokens)
    in_result = [(-1, -1)] * len(result.tokens)
    for b, o, t, r in includes:
        if b >= 0:
            in_base[b] = (o, t)
        if r >= 0:
            in_result[r] = (o, t)
    of_base, of_ours, of_theirs, of_result = orders
    b = o = t = r = 0
    for step in _account(keys, result):
        pair = (of_ours[o] if step[1] else -1, of_theirs[t] if step[2] else -1)
        if step[0]:
            in_base[of_base[b]] = pair
        if step[3]:
            in_result[of_result[r]] = pair
        b, o, t, r = b + step[0], o + step[1], t + step[2], r + step[3]
    return {
        "format": FORMAT,
        "digests": dict(zip(("base", "ours", "theirs", "result"), (x.digest for x in texts), strict=True)),
        "renames": _respelled(texts, in_base, in_result),
        "result": _runs(in_result),
        "base": _runs(in_base),
    }


def _respelled(
    texts: Sequence[Text], in_base: Sequence[tuple[int, int]], in_result: Sequence[tuple[int, int]]
) -> list[list[str]]:
    """The renames as tokens: [side, old, new] where a side's token is another than the base's."""
    found: set[tuple[str, bytes, bytes]] = set()
    for which, side in ((0, "ours"), (1, "theirs")):
        tokens = texts[1 + which].tokens
        for old, pair in enumerate(in_base):
            if pair[which] >= 0 and texts[0].tokens[old] != tokens[pair[which]]:
                found.add((side, texts[0].tokens[old], tokens[pair[which]]))
        for index, pair in enumerate(in_result):
            if pair[1 - which] >= 0:
                word = texts[2 - which].tokens[pair[1 - which]]
                if word != texts[3].tokens[index]:
                    found.add((side, word, texts[3].tokens[index]))
    return [
        [side, *(word.decode("utf-8", "surrogateescape") for word in pair)] for side, *pair in sorted(found)
    ]


def _includes(texts: Sequence[Text]) -> list[tuple[int, ...]]:
    """The includes that no text has twice, wherever they stand: they are a set. Each as its index in the
    base, ours, theirs and the result, -1 where it is not."""
    places: list[dict[bytes, list[int]]] = [{} for _ in texts]
    for text, found in zip(texts, places, strict=True):
        for index, token in enumerate(text.tokens):
            if token.startswith(b"#include"):
                found.setdefault(token, []).append(index)
    groups: list[tuple[int, ...]] = []
    for token in sorted({token for found in places for token in found}):
        group = [found.get(token, [-1]) for found in places]
        if max(map(len, group)) == 1:
            groups.append(tuple(indices[0] for indices in group))
    return groups


def _runs(pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The pairs as runs [count, index in ours, index in theirs], in which the indices step together."""
    runs: list[list[int]] = []
    for one, two in pairs:
        if runs:
            count, first, second = runs[-1]
            if one == (first + count if first >= 0 else -1) and two == (
                second + count if second >= 0 else -1
            ):
                runs[-1][0] += 1
                continue
        runs.append([1, one, two])
    return runs


def _orders(base: Text, ours: Text, theirs: Text, result: Text) -> list[list[int]]:
    """The indices of each text's tokens with its declarations in the order that the result has them in."""
    leaves = [leaves_of(text.text)[0] for text in (base, ours, theirs, result)]
    places = [match(leaves[3], version) for version in leaves[:3]]
    same = [list(range(len(text.tokens))) for text in (base, ours, theirs, result)]
    if all(_in_order(version, place) for version, place in zip(leaves, places, strict=False)):
        return same
    ranks = [_ranks(leaves[0], places[0], {})]
    for which in (1, 2):
        old = match(leaves[0], leaves[which])
        ranks.append(_ranks(leaves[which], places[which], {own: ranks[0][b] for own, b in old.items()}))
    orders = [
        _ordered(text, version, rank)
        for text, version, rank in zip((base, ours, theirs), leaves[:3], ranks, strict=True)
    ]
    return [*orders, same[3]]


def _in_order(leaves: Sequence[Leaf], places: Mapping[int, int]) -> bool:
    wanted = [places[own] for own in sorted(places) if leaves[own].kind not in _PLACED]
    return wanted == sorted(wanted)


def _ranks(leaves: Sequence[Leaf], places: Mapping[int, int], given: Mapping[int, Rank]) -> list[Rank]:
    """Where each leaf is in the result's order. What the result lacks goes where ``given`` says, or behind
    what stands before it; what opens a block, before what comes first in that."""
    ranks: list[Rank] = []
    for index, leaf in enumerate(leaves):
        last = ranks[-1] if ranks else (-1, 0)
        if leaf.kind in _PLACED:
            ranks.append(last)
        elif index in places:
            ranks.append((places[index], 0))
        else:
            ranks.append(given.get(index, (last[0], index + 1)))
    for index in reversed(range(len(leaves) - 1)):
        if leaves[index].name.startswith(("#if", "namespace ")):
            ranks[index] = ranks[index + 1]
    return ranks


def _ordered(text: Text, leaves: Sequence[Leaf], ranks: Sequence[Rank]) -> list[int]:
    """The indices of the tokens, by the rank of the leaf that each is in."""
    same = list(range(len(text.tokens)))
    if all(one <= two for one, two in pairwise(ranks)):
        return same
    ends = [*accumulate(len(leaf.text) for leaf in leaves)]
    groups: list[list[int]] = [[] for _ in leaves]
    leaf = 0
    for index in same:
        while leaf + 1 < len(leaves) and text.offsets[index] >= ends[leaf]:
            leaf += 1
        groups[leaf].append(index)
    return [i for index in sorted(range(len(leaves)), key=lambda i: ranks[i]) for i in groups[index]]


def _account(keys: Sequence[Keys], result: Text) -> Iterator[Step]:
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
    to_ours, to_theirs = (
        dict(_slid(base, side, sorted(_matched(base, side).items()))) for side in (ours, theirs)
    )
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
    return [(*at[e], r) for e, r in sorted(_matched(expected, result).items()) if e in at]


def _matched(a: Keys, b: Keys) -> dict[int, int]:
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
    return within or _by_differences(b, o, t, r) or _search(b, o, t, r)


def _one_sided(base: Keys, side: Keys, added: Step, removed: Step) -> Path:
    """Where the result is one side's text: the difference of that side, with nothing removed and added
    again."""
    path: Path = []
    b = s = 0
    for i, j in [*_complete(base, side), (len(base), len(side))]:
        path += [removed] * (i - b) + [added] * (j - s)
        if i < len(base):
            path.append(_KEPT)
        b, s = i + 1, j + 1
    return path


def _one_within(base: Keys, small: Keys, large: Keys, added: Step, removed: Step) -> Path | None:
    """Where the result is the text of a side whose edit contains the other's: that edit as one made after the
    other; None where it lacks something of it."""
    before = dict(_complete(base, small))
    old_of = {s: b for b, s in before.items()}
    after = dict(_complete(small, large))
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
    to_ours, to_theirs = dict(_complete(b, o)), dict(_complete(b, t))
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


def _slid(a: Keys, b: Keys, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """A common subsequence with each insertion and removal slid up to where it ends a statement or line, if
    it can be: there people make it."""
    inserted = _slid_insertions(a, b, pairs)
    removed = _slid_insertions(b, a, [(j, i) for i, j in inserted])
    return [(i, j) for j, i in removed]


def _slid_insertions(a: Keys, b: Keys, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    for index in range(len(pairs) - 1, -1, -1):
        after, end = pairs[index + 1] if index + 1 < len(pairs) else (len(a), len(b))
        size = end - pairs[index][1] - 1
        if not size or after != pairs[index][0] + 1:
            continue
        first = index
        while (
            b[end - 1] not in _ENDS
            and first >= 0
            and pairs[first] == (after - 1 - (index - first), end - 1 - size)
        ):
            if a[pairs[first][0]] != b[end - 1]:
                break
            first, end = first - 1, end - 1
        if b[end - 1] in _ENDS:
            pairs[first + 1 : index + 1] = [(i, j + size) for i, j in pairs[first + 1 : index + 1]]
    return pairs


def _complete(a: Keys, b: Keys) -> list[tuple[int, int]]:
    """A common subsequence to which no pair can be added."""
    pairs = _slid(a, b, sorted(_matched(a, b).items()))
    found: list[tuple[int, int]] = []
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
        for step in _STEPS:
            taking = {head for head, taken in zip(heads, step, strict=True) if taken}
            if len(taking) != 1 or None in taking:
                continue
            there = (here[0] + step.base, here[1] + step.ours, here[2] + step.theirs, here[3] + step.result)
            dearer = cost + (step is not _KEPT)
            if dearer < costs.get(there, dearer + 1):
                costs[there] = dearer
                came[there] = (here, step)
                nearer = step.result == step.base or (more > 0) == (step.result > step.base) and more != 0
                (queue.appendleft if nearer else queue.append)((there, dearer))
    return None


def _walked(came: Mapping[State, tuple[State, Step]], goal: State) -> Path:
    path: Path = []
    here = goal
    while here in came:
        here, step = came[here]
        path.append(step)
    return path[::-1]
