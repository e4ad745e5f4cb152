"""What goes where of a monolith: every unit's home, and what is dealt to shards; and questions about that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mergeguard.cpp.blocks import qualified_name
from mergeguard.cpp.branches import Arm, Branching
from mergeguard.cpp.source import Item, ItemScope, Kind, Source, Unit, flattened
from mergeguard.lens.homes.parting import Parted
from mergeguard.lens.rule import Instantiate, Partition, Rule
from mergeguard.values import dataclass, field

ENTRY = ""  # the home of what stays in the entry; layout file names are never empty

DEFINING = frozenset({Kind.FUNCTION, Kind.KERNEL, Kind.TYPE, Kind.ALIAS, Kind.VARIABLE, Kind.MACRO})


@dataclass(frozen=True, slots=True)
class DealtPlace:
    """A branching whose arms are dealt: ``shard_of[i]`` serves ``branching.arms[i]``.

    ``under`` are the labels of the arm of another switch in which it stands, () where it stands by itself.
    """

    branching: Branching
    shard_of: tuple[str, ...]
    under: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DealtPartition:
    """A partition of the rule as it fits this monolith. ``shard_of[i]`` serves ``branching.arms[i]``.

    ``holder`` is the function or the macro at file scope in which the branching stands. Where inner switches
    are dealt, ``places`` are all of them, the first of which is ``branching``.
    """

    rule: Partition
    entry: Item
    holder: Item
    branching: Branching
    shard_of: tuple[str, ...]
    unlisted: tuple[Arm, ...]
    inner: tuple[DealtPlace, ...] = ()

    @property
    def places(self) -> tuple[DealtPlace, ...]:
        """Every branching that is dealt."""
        return self.inner or (DealtPlace(self.branching, self.shard_of),)

    def place_of(self, region: tuple[int, int]) -> DealtPlace:
        """The branching that a launch function's text comes to."""
        inside = (place for place in self.inner if region[0] <= place.branching.start < region[1])
        return next(inside, self.places[0])


@dataclass(frozen=True, slots=True)
class DealtInstantiation:
    """An explicit instantiation's shard."""

    rule: Instantiate
    item: Item
    shard: str


@dataclass(frozen=True, slots=True)
class Declared:
    """A function that another file calls than the one that has it: the header declares it in its place."""

    item: Item
    scopes: tuple[ItemScope, ...]


@dataclass(frozen=True, slots=True)
class SharedItem:
    """A definition (or a declaration of one before it) that the units share; ``static`` is that word's range.

    ``hidden``: it stands in an anonymous namespace, which has to be left for it.
    """

    item: Item
    hidden: bool
    static: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Assignment:
    """Every unit's home, by index, and what is dealt to shards."""

    units: tuple[Unit, ...]
    homes: tuple[str, ...]
    partitions: tuple[DealtPartition, ...]
    instantiations: tuple[DealtInstantiation, ...]
    notes: tuple[str, ...]
    declared: tuple[Declared, ...] = ()
    # Of a thin layout: what leaves each partition's host function, and the functions of the entry that the
    # dealt text calls.
    parted: tuple[Parted, ...] = ()
    helpers: tuple[Item, ...] = ()
    # Whether the rule names what stands in blocks: `app::run`. Of functions that are defined outside of their
    # namespace (by byte offset): the block that their text reads names in.
    qualified: bool = False
    outside: Mapping[int, ItemScope] = field(default_factory=dict)
    # What the units of a dealing share, by byte offset.
    shared: Mapping[int, SharedItem] = field(default_factory=dict)

    def name_of(self, item: Item) -> str:
        """An item's name with all namespaces around it, where the rule names what stands in them."""
        unit = next((u for u in self.units if any(i is item for i in u.items)), None)
        return qualified_name(unit, item) if unit is not None and self.qualified else item.name

    def scopes(self, item: Item) -> tuple[ItemScope, ...]:
        """The opened blocks around an item that stands in no closed one.

        Of a host function that leaves text to the shards, those that another file can open: what the shards
        and the entry call of each other is not internal.
        """
        found = next((u.scopes for u in self.units if any(i is item for i in u.items)), ())
        if any(parted.function is item for parted in self.parted):
            found = found[: next((n for n, scope in enumerate(found) if scope.hidden), len(found))]
            # Nor has it C linkage, under which a namespace keeps nothing apart.
            found = tuple(scope for scope in found if not scope.is_of_c)
        return (*found, self.outside[item.start]) if item.start in self.outside else found


def defined_names(source: Source, items: Iterable[Item]) -> frozenset[str]:
    """The unqualified names that the items define, namespaces looked into."""
    names: set[str] = set()
    for item in flattened(source, items):
        if item.kind in DEFINING and item.name:
            names.add(item.name.rsplit("::", 1)[-1])
    return frozenset(names)


def needed_headers(
    source: Source, used: frozenset[str], rule: Rule, assignment: Assignment
) -> tuple[str, ...]:
    """The headers that text with these identifiers must include: theirs, and those with the includes.

    What a shard instantiates explicitly is declared, not defined, where it is used.
    """
    wanted: list[str] = []
    instantiated = {i.template for i in rule.instantiate}
    if assignment.qualified:
        instantiated = {name.rpartition("::")[2] for name in instantiated}
        # Where it is called, a specialisation has to be seen.
        instantiated -= {one.item.name.rpartition("::")[2] for one in assignment.declared}
    for move in rule.move:
        items = [
            item
            for unit, home in zip(assignment.units, assignment.homes, strict=True)
            if home == move.to
            for item in unit.items
        ]
        includes = any(i.kind is Kind.INCLUDE and not i.condition for i in items)
        # What a using line brings, no name of the header's own tells.
        includes |= assignment.qualified and any(i.kind is Kind.USING for i in items)
        known = defined_names(source, items)
        if assignment.qualified:
            known |= {item.name.rpartition("::")[2] for item in flattened(source, items)}
        if includes or (known - instantiated) & used:
            wanted.append(move.to)
    return tuple(wanted)
