"""Statements that one side alone moved within their function stand where it put them, among the others."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator
from itertools import chain

from mergeguard.cpp.diff import increasing
from mergeguard.cpp.scopes import STATEMENT
from mergeguard.merge.gates.doubled import root_of, shown
from mergeguard.merge.gates.fault import Compared, Fault, GateVersion

_Keys = tuple[bytes, ...]
_Places = dict[_Keys, int]  # the number of a text's statement, by what it says


def lost_moves(merge: Compared) -> Iterator[Fault]:
    """A statement that stands where the base has it, though one side moved it and the other did not."""
    for side, other in (merge.sides, merge.sides[::-1]):
        moved = side.of(_moved, merge.base)
        if moved:
            yield from _lost(merge, moved, side.of(_single), other.of(_single))


def _lost(merge: Compared, moved: set[_Keys], side: _Places, other: _Places) -> Iterator[Fault]:
    before, after = merge.base.of(_single), merge.merged.of(_single)
    shared = before.keys() & side.keys() & other.keys() & after.keys()
    stayed = sorted(shared - moved, key=before.__getitem__)  # for the side they are in this order, too
    for keys in sorted(moved & shared, key=after.__getitem__):
        ends = sorted(bisect(stayed, places[keys], key=places.__getitem__) for places in (before, side))
        root = _root(merge.base, before[keys])
        passed = (
            one
            for one in stayed[slice(*ends)]
            if _root(merge.base, before[one]) == root and _alike(before, other, keys, one)
        )
        first = next(passed, None)
        if first is None or not all(_alike(before, after, keys, one) for one in chain((first,), passed)):
            continue
        # No place: the conflict has to show both, and where it would go is not in the merged text.
        message = f"one side moved `{shown(keys)}`, and it would stand where it was before"
        yield Fault("lost-move", shown(keys), message, doubtful=True)


def _alike(one: _Places, two: _Places, a: _Keys, b: _Keys) -> bool:
    """Whether two texts have two statements in the same order."""
    return (one[a] < one[b]) == (two[a] < two[b])


def _root(version: GateVersion, number: int) -> bytes:
    return root_of(version.statements[number])


def _single(version: GateVersion) -> _Places:
    """The statements in functions and classes that a text has once, with their numbers."""
    return {
        one.keys: number
        for number, one in enumerate(version.statements)
        if one.kind == STATEMENT and version.counts[one.keys] == 1 and root_of(one)
    }


def _moved(side: GateVersion, base: GateVersion) -> set[_Keys]:
    """The statements that stand among fewest others as they did: those that the side moved in a function."""
    before = base.of(_single)
    kept = [
        keys
        for keys, number in side.of(_single).items()
        if keys in before and _root(side, number) == _root(base, before[keys])
    ]
    order = [before[keys] for keys in kept]
    if all(a < b for a, b in zip(order, order[1:], strict=False)):
        return set()
    stayed = {order[at] for at in increasing(order)}
    return {keys for keys in kept if before[keys] not in stayed}
