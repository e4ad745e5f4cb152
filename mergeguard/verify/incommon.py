"""The declarations of a layout's translation units: what several units take in first is declared once.

The shards of one body include the same headers: nine tenths of a unit are, byte for byte and from the same
places, the beginning of one shortly before it. What is asked of a declaration there, and of what stands
before it, has one answer for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from mergeguard.cpp.declaration import Declaration
from mergeguard.cpp.definitions import definitions
from mergeguard.cpp.edges import edges_of
from mergeguard.cpp.source import Item, Kind, Source, nested
from mergeguard.values import dataclass
from mergeguard.verify.flatten import FlatUnit

# How many units before it a unit is compared with: the shards of one body stand together.
_NEAR = 8


class Repeated(NamedTuple):
    """How a unit begins: up to byte ``until`` as the one with the number ``unit``, which stands before it."""

    unit: int
    until: int  # 0 if it begins as none does


@dataclass(frozen=True, slots=True)
class UnitDeclarations:
    """The declarations of units, in file order: ``own`` are those of each that none before it has.

    ``heirs`` are, for each unit, those behind it that begin as it does, with up to where.
    """

    own: tuple[list[Declaration], ...]
    repeated: tuple[Repeated, ...]
    heirs: tuple[tuple[Repeated, ...], ...]

    @classmethod
    def by(cls, units: Sequence[FlatUnit], spaces: frozenset[str]) -> UnitDeclarations:
        """Those of ``units``; ``spaces`` are the namespaces that glue makes."""
        repeated = tuple(_repeated(units, number) for number in range(len(units)))
        own = tuple(
            definitions(unit.source, spaces, number, behind=repeated[number].until)
            for number, unit in enumerate(units)
        )
        return cls(own, repeated, _heirs(repeated))

    def where(self, is_kept: Callable[[Declaration], bool]) -> UnitDeclarations:
        """These without some of them; what is asked must have one answer for all units that have it."""
        return UnitDeclarations(tuple([*filter(is_kept, own)] for own in self.own), self.repeated, self.heirs)

    def of(self, unit: int) -> Iterator[Declaration]:
        """All that a unit declares."""
        before, until = self.repeated[unit]
        if until:
            yield from (one for one in self.of(before) if one.item.end <= until)
        yield from self.own[unit]

    def __iter__(self) -> Iterator[Declaration]:
        """Each declaration once."""
        for own in self.own:
            yield from own

    def holders(self, one: Declaration) -> list[int]:
        """The numbers of the units that have it, ascending."""
        end = one.item.end
        return [one.index, *(unit for unit, until in self.heirs[one.index] if end <= until)]


def _heirs(repeated: Sequence[Repeated]) -> tuple[tuple[Repeated, ...], ...]:
    heirs: list[list[Repeated]] = [[] for _ in repeated]
    for number, (before, until) in enumerate(repeated):
        while until:
            heirs[before].append(Repeated(number, until))
            before, until = repeated[before].unit, min(until, repeated[before].until)
    return tuple(map(tuple, heirs))


def _repeated(units: Sequence[FlatUnit], number: int) -> Repeated:
    """As which of the units before it, with the same names in C, a unit begins for longest."""
    unit, best, most = units[number], -1, 0
    for near in range(max(0, number - _NEAR), number):
        other = units[near]
        if other.renamed == unit.renamed and (same := unit.same_up_to(other)) > most:
            best, most = near, same
    return Repeated(best, _read_alike(unit.source, units[best].source, most) if most else 0)


def _read_alike(one: Source, other: Source, same: int) -> int:
    """Up to where two sources that begin with the ``same`` bytes have the same items."""
    if one.problems or other.problems or edges_of(one.text).own != edges_of(other.text).own:
        return 0
    return _alike(one, one.items, other, other.items, same)


def _alike(one: Source, items: Sequence[Item], other: Source, others: Sequence[Item], same: int) -> int:
    until = 0
    for mine, theirs in zip(items, others, strict=False):
        if mine.end < same and (mine is theirs or mine == theirs):
            until = mine.end
        elif mine.kind is theirs.kind is Kind.NAMESPACE and _opens_alike(mine, theirs, same):
            inner = nested(one, mine, calls_end=True), nested(other, theirs, calls_end=True)
            return max(until, _alike(one, inner[0], other, inner[1], same))
        else:
            break
    return until


def _opens_alike(one: Item, other: Item, same: int) -> bool:
    """Whether two blocks that may end differently begin as one."""
    if one.body is None or other.body is None or max(one.body[0], other.body[0]) >= same:
        return False
    return (one.name, one.condition, one.key.condition, one.flags, one.body[0]) == (
        *(other.name, other.condition, other.key.condition, other.flags, other.body[0]),
    )
