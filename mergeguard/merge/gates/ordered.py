"""Statements that one side alone moved within their function stand where it put them, among the others."""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from mergeguard.cpp.diff import increasing
from mergeguard.cpp.scopes import STATEMENT
from mergeguard.merge.gates.doubled import root_of, shown
from mergeguard.merge.gates.fault import Compared, Fault, GateVersion

_One = tuple[bytes, tuple[bytes, ...]]  # the function or class that a statement is in, and what it says
_Places = dict[_One, int]  # the number of a statement in its text


def lost_moves(merge: Compared) -> Iterator[Fault]:
    """A statement that stands where the base has it, though one side moved it and the other did not."""
    for side, other in (merge.sides, merge.sides[::-1]):
        moved = side.of(_moved, merge.base)
        if moved:
            yield from _lost(merge, moved, side.of(_single), other.of(_single))


def _lost(merge: Compared, moved: set[_One], side: _Places, other: _Places) -> Iterator[Fault]:
    before, after = merge.base.of(_single), merge.merged.of(_single)
    shared = before.keys() & side.keys() & other.keys() & after.keys()
    stayed = sorted(shared - moved, key=before.__getitem__)  # for the side they are in this order, too
    for one in sorted(moved & shared, key=after.__getitem__):
        ends = sorted(bisect(stayed, places[one], key=places.__getitem__) for places in (before, side))
        passed = (
            _alike(before, after, one, there)
            for there in stayed[slice(*ends)]
            if there[0] == one[0] and _alike(before, other, one, there)
        )
        # A statement that passed none by its side's doing alone has not moved.
        if next(passed, False) and all(passed):
            # No place: the conflict has to show both, and where it would go is not in the merged text.
            said = shown(one[1])
            message = f"one side moved `{said}`, and it would stand where it was before"
            yield Fault("lost-move", said, message, doubtful=True)


def _alike(first: _Places, second: _Places, a: _One, b: _One) -> bool:
    """Whether two texts have two statements in the same order."""
    return (first[a] < first[b]) == (second[a] < second[b])


def _single(version: GateVersion) -> _Places:
    """The statements that a function or class has once."""
    found = [
        ((root_of(one), one.keys), number)
        for number, one in enumerate(version.statements)
        if one.kind == STATEMENT and root_of(one)
    ]
    counts = Counter(one for one, _ in found)
    return {one: number for one, number in found if counts[one] == 1}


def _moved(side: GateVersion, base: GateVersion) -> set[_One]:
    """The statements that the side moved in their function: as few as tell its order from the base's."""
    before = base.of(_single)
    kept = [one for one in side.of(_single) if one in before]
    order = [before[one] for one in kept]
    if all(a < b for a, b in pairwise(order)):
        return set()
    stayed = {order[at] for at in increasing(order)}
    return {one for one in kept if before[one] not in stayed}
