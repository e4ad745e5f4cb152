"""What may not come out of a merge, whoever made it: asked by the merge for its file, by the audit for a
tree.

A *gate* looks at the three versions and the result and yields faults, of which neither side has any by
itself. A result with a fault is no success: the merge takes another one, or leaves a conflict at the fault's
places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

from mergeguard.merge.alone import is_one_sides_own
from mergeguard.merge.gates import (
    arms,
    borders,
    calls,
    counted,
    doubled,
    folded,
    formed,
    kept,
    names,
    operands,
    ordered,
    parallel,
    registering,
)
from mergeguard.merge.gates.fault import UNBALANCED, Compared, Fault
from mergeguard.merge.unlike import WORD, Texts, Unlike, unlike
from mergeguard.values import replace

__all__ = ["GATES", "Compared", "Fault", "faults"]

Gate = Callable[[Compared], Iterator[Fault]]

GATES: tuple[Gate, ...] = (
    formed.brackets,
    formed.branches,
    formed.conditions,
    formed.comments,
    formed.blocks,
    doubled.openings,
    formed.emptied,
    formed.stubs,
    formed.separators,
    doubled.statements,
    doubled.labels,
    arms.written,
    doubled.definitions,
    doubled.returned,
    doubled.moved_apart,
    doubled.rows,
    registering.registrations,
    registering.implementations,
    doubled.includes,
    operands.operands,
    operands.returned,
    operands.lost,
    names.listed_twice,
    names.declared_twice,
    names.lost_locals,
    names.hidden,
    names.early,
    calls.misfitting,
    calls.grown,
    counted.raised_alike,
    parallel.shared_value,
    kept.scopes,
    ordered.lost_moves,
    borders.at_the_edge,
    borders.under_the_opposite,
    folded.folded,
)

#: They look at the whole file for what excuses a fault (a pair of words, a statement, a block elsewhere), or
#: name a line or a place elsewhere.
EXCUSED_BY_OTHERS: frozenset[Gate] = frozenset(
    (
        formed.branches,
        formed.comments,
        formed.separators,
        doubled.openings,
        doubled.moved_apart,
        names.listed_twice,
        names.declared_twice,
        names.hidden,
        calls.grown,
        counted.raised_alike,
        kept.scopes,
        borders.at_the_edge,
        borders.under_the_opposite,
    )
)


def faults(
    base: bytes, ours: bytes, theirs: bytes, merged: bytes, renamed: frozenset[bytes] = frozenset()
) -> list[Fault]:
    """The faults of a merged text.

    ``renamed``: names that the merge exchanged in some declarations, so that no side has the words. Where a
    side opens what it does not close, what stands in what is a guess, and so is what is wrong with it.
    """
    return [*_faults((base, ours, theirs, merged), renamed)]


@lru_cache(maxsize=16)  # a sync's audit asks of what the sync has made
def _faults(texts: Texts, renamed: frozenset[bytes]) -> tuple[Fault, ...]:
    found = _of_the_unlike(texts, renamed)
    if found is not None:
        return tuple(found)
    if is_one_sides_own(*texts):
        return ()
    compared = Compared(*texts, renamed)
    return tuple(_graded(compared, [fault for gate in GATES for fault in gate(compared)]))


def _graded(compared: Compared, found: list[Fault]) -> list[Fault]:
    """Faults, with doubt where a side opens what it does not close."""
    if not found or compared.is_sound:
        return found
    return [fault if fault.code == UNBALANCED else replace(fault, doubtful=True) for fault in found]


def _of_the_unlike(texts: Texts, renamed: frozenset[bytes]) -> list[Fault] | None:
    """As ``faults``, by what is left without the functions that all four texts have alike; None where that
    does not tell.

    A fault is something that neither side has by itself, so that an edit of each has a part in it. What a
    gate asks of a function it asks by its name (its statements, labels, locals), or by sums to which all four
    texts contribute alike. So a function that nobody edited, and whose name nothing edited has, has no part.
    """
    cut = unlike(texts)
    if cut is None:
        return None
    if is_one_sides_own(*cut.texts):
        return []
    compared = Compared(*cut.texts, renamed)
    if _may_hide(cut, compared):
        return None
    found: list[Fault] = []
    for gate in GATES:
        for fault in gate(compared):
            there = _in_whole(cut, fault)
            if there is None or gate in EXCUSED_BY_OTHERS:
                return None
            found.append(there)
    return _graded(compared, found)


def _may_hide(cut: Unlike, compared: Compared) -> bool:
    """Whether what was put away may decide what is a fault: blocks or negated tests that are new here may be
    there as well, or a function has the name of another one after all."""
    base = compared.base.frames
    known = base.union(*(side.frames for side in compared.sides))
    return (
        not compared.merged.frames <= known
        or any(b"!" in frame for frame in known - base)
        or not known.isdisjoint(name + b"()" for name in cut.names)
    )


def _in_whole(cut: Unlike, fault: Fault) -> Fault | None:
    """A fault with its places in the whole result; None where it is about a function that was put away."""
    places = [cut.in_whole(*place) for place in fault.places]
    known = tuple(place for place in places if place is not None)
    if len(known) < len(places) or WORD.decode() in fault.name + fault.message:
        return None
    return replace(fault, places=known)
