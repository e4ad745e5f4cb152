"""What of a thin layout stays with the host function, and what the shards get of it and call in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from mergeguard.cpp.blocks import is_of_a_macro, space_of
from mergeguard.cpp.branches import leaves_always
from mergeguard.cpp.declaration import qualifiers
from mergeguard.cpp.source import Item, ItemScope, Kind, flattened, identifiers
from mergeguard.cpp.text import line_of
from mergeguard.errors import Location
from mergeguard.lens.homes.assignment import DEFINING, ENTRY, DealtPartition
from mergeguard.lens.homes.ground import Ground
from mergeguard.lens.homes.instances import template_arguments, written_instantiations
from mergeguard.lens.homes.launches import Unparted
from mergeguard.lens.homes.parting import Parted, PartedArms, part
from mergeguard.lens.homes.pytorch import is_of_the_host


class Hosting:
    """Of one monolith. ``helpers`` are the functions of the entry that the dealt text calls."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.helpers: list[Item] = []
        self.private = frozenset[str]()
        if ground.thin and ground.qualified:
            objects = (item for unit in ground.units for item in ground.objects(unit))
            self.private = frozenset(item.name.rpartition("::")[2] for item in objects)

    def stays(self, number: int) -> bool:
        """Whether a unit needs what a thin layout's shards do not read, or what there may be only one of."""
        if self.private & self.ground.words[number]:
            return True
        return self.ground.thin and any(
            is_of_the_host(self.ground.source, item, self.ground.rule.thin)
            for item in flattened(self.ground.source, self.ground.units[number].items)
        )

    def keep(self, homes: list[str | None]) -> None:
        for number, home in enumerate(homes):
            if home and self.stays(number):
                homes[number] = ENTRY

    def parted(self, partition: DealtPartition, function: Item) -> Parted:
        branching, places = partition.branching, partition.places
        macro = branching.macro or (partition.holder.name if partition.holder.kind is Kind.MACRO else "")
        conditions = tuple(arm.labels[0] for arm in branching.arms if not arm.is_default)
        asked = (branching.subject,) if branching.kind == "switch" else conditions
        regions = tuple((place.branching.start, place.branching.end) for place in places)
        always = tuple(leaves_always(self.ground.source, place.branching) for place in partition.inner)
        dealt = PartedArms(branching.start, branching.end, macro, asked, regions, always)
        if self.ground.qualified:
            self.note_calls(partition, asked)
        return part(
            self.ground.source,
            self.ground.path,
            self.ground.environment,
            self.ground.rule.thin,
            function,
            dealt,
            anywhere=self.ground.qualified,
            made=self.made(function) if self.ground.qualified else (),
        )

    def made(self, function: Item) -> list[tuple[str, ...]]:
        """The template arguments with which the file instantiates a function, each once."""
        found: dict[tuple[str, ...], None] = {}
        for unit in self.ground.units:
            for item in unit.items:
                for written in written_instantiations(self.ground.source, item):
                    last = written.name.rpartition("::")[2]
                    if item is not function and last == function.name.rpartition("::")[2]:
                        found[template_arguments(written.arguments)] = None
        return [arguments for arguments in found if arguments]

    def note_calls(self, partition: DealtPartition, asked: Sequence[str]) -> None:
        """What a choice calls is called by the entry and by the shard: assumed to give the same twice."""
        for text in asked:
            calls = re.findall(r"(?<![\w.>])([A-Za-z_]\w*)\s*\(", text)
            called = [name for name in calls if name not in ("sizeof", "static_cast", "decltype")]
            if called:
                self.ground.notes.append(
                    f"{partition.rule.entry}: assumed that `{text}`, which entry and shard both ask for, "
                    "gives the same twice"
                )

    def words_but_macros(self, number: int) -> frozenset[str]:
        """The identifiers of a unit's items that are no macros."""
        unit = self.ground.units[number]
        items = [item for item in unit.items if item.kind is not Kind.MACRO]
        if len(items) == len(unit.items) and not unit.scopes:
            return self.ground.words[number]
        source = self.ground.source
        return frozenset[str]().union(*(identifiers(source, item.start, item.end) for item in items))

    def find_helpers(
        self,
        homes: list[str | None],
        open_names: frozenset[str],
        own: Collection[str],
        called: Collection[int],
    ) -> None:
        """What the shards need of the entry: functions, which it offers them; anything else can't be."""
        asked = open_names.difference(own)
        shared = frozenset[str]().union(
            *(self.words_but_macros(number) for number, home in enumerate(homes) if home)
        )
        for number, (unit, home) in enumerate(zip(self.ground.units, homes, strict=True)):
            if home != ENTRY or number in called:
                continue
            for item in flattened(self.ground.source, unit.items):
                name = item.name.rsplit("::", 1)[-1]
                if item.kind not in DEFINING or not name or name not in asked:
                    continue
                offered = item.kind is Kind.FUNCTION and item.parameter_list is not None
                if not offered or name in shared or {"template", "device"} & item.flags:
                    raise Unparted(
                        f"the shards need `{item.name}`, which needs what only the entry reads",
                        where=Location(
                            self.ground.path, line_of(self.ground.source.text, item.code_start), item.name
                        ),
                    )
                if any(map(is_of_a_macro, unit.scopes)):
                    raise Unparted(
                        f"the shards need `{item.name}`, which stands in a block that a macro opens: nobody "
                        "knows its whole name",
                        where=Location(
                            self.ground.path, line_of(self.ground.source.text, item.code_start), item.name
                        ),
                    )
                if not any(helper.name == item.name for helper in self.helpers):
                    self.helpers.append(item)

    def outside(self, parted: Sequence[Parted]) -> dict[int, ItemScope]:
        """The namespaces of host functions that are defined outside of theirs: ``void app::run() { … }``."""
        known = {space_of(unit.scopes) for unit in self.ground.units} if self.ground.qualified else set()
        found: dict[int, ItemScope] = {}
        for function in dict.fromkeys(one.function for one in parted):
            inner = (
                len(space_of(self.ground.scopes_of(function)).split("::"))
                if self.ground.scopes_of(function)
                else 0
            )
            names = list(qualifiers(self.ground.source, function))
            while names and "::".join(names) not in known:
                names.pop()
            if len(names) > inner:
                opening = " ".join(f"namespace {name} {{" for name in names[inner:])
                closing = b" ".join([b"}"] * len(names[inner:]))
                scope = ItemScope(-2, "::".join(names), opening.encode(), closing)
                found[function.start] = scope
        return found
