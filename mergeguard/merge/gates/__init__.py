"""What may not come out of a merge, whoever made it: asked by the merge for its file, by the audit for a
tree.

A *gate* looks at the three versions and the result and yields faults, of which neither side has any by
itself. A result with a fault is no success: the merge takes another one, or leaves a conflict at the fault's
places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
    parallel,
    registering,
)
from mergeguard.merge.gates.fault import UNBALANCED, Compared, Fault
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
    borders.at_the_edge,
    borders.under_the_opposite,
    folded.folded,
)


def faults(
    base: bytes, ours: bytes, theirs: bytes, merged: bytes, renamed: frozenset[bytes] = frozenset()
) -> list[Fault]:
    """The faults of a merged text.

    ``renamed``: names that the merge exchanged in some declarations, so that no side has the words. Where a
    side opens what it does not close, what stands in what is a guess, and so is what is wrong with it.
    """
    if is_one_sides_own(base, ours, theirs, merged):
        return []
    compared = Compared(base, ours, theirs, merged, renamed)
    found = [fault for gate in GATES for fault in gate(compared)]
    if not found or compared.is_sound:
        return found
    return [fault if fault.code == UNBALANCED else replace(fault, doubtful=True) for fault in found]
