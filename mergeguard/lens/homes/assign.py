"""Which file of the layout each unit of a monolith goes to.

A unit (one item, or a whole top-level ``#if`` group) has exactly one home. Selectors of the rule
decide; what none of them names goes to the header that says ``needed`` if the shards need it, and
stays in the entry otherwise. What can't be decided is a RuleMismatch that names the item.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from mergeguard.cpp.blocks import Opened, closed, walk
from mergeguard.cpp.declaration import overload
from mergeguard.cpp.edges import edge_at
from mergeguard.cpp.source import Item, Kind, Source, code_tokens
from mergeguard.cpp.text import line_of
from mergeguard.errors import Location, RuleMismatch
from mergeguard.lens.homes.assignment import ENTRY, Assignment, DealtInstantiation, DealtPartition
from mergeguard.lens.homes.claims import Claims
from mergeguard.lens.homes.fitting import RuleFit
from mergeguard.lens.homes.ground import Ground
from mergeguard.lens.homes.hosting import Hosting
from mergeguard.lens.homes.launches import Unparted
from mergeguard.lens.homes.needs import Needs
from mergeguard.lens.homes.pytorch import has_host_words
from mergeguard.lens.rule import Rule
from mergeguard.values import replace


def assign(
    rule: Rule, path: str, source: Source, *, thin: bool = False, opens: bool | None = None
) -> Assignment:
    """Deal the units of the monolith at ``path``. Raises RuleMismatch where the rule does not fit.

    ``thin``: for a layout whose shards do not read what only the entry needs; raises Unparted where
    upstream's text can't be parted so. ``opens`` is an emission's word, see ``reading.opens_blocks``.
    """
    return _Assigner(rule, path, source, thin, opens).run()


def assigned(rule: Rule, path: str, source: Source, *, opens: bool | None = None) -> Assignment:
    """The assignment of new layouts: thin where the rule asks for it and upstream's text can be parted so.

    Raises RuleMismatch where the rule does not fit.
    """
    if rule.interface != "thin" or not rule.partition:
        return assign(rule, path, source, opens=opens)
    try:
        thin = assign(rule, path, source, thin=True, opens=opens)
        return replace(thin, notes=(*thin.notes, *_of_headers(rule, source, thin)))
    except Unparted as problem:
        full = _full_instead(rule, path, source, opens, problem)
        note = f"the shards read what the entry reads, as the interface can't be thin: {problem}"
        return replace(full, notes=(*full.notes, note))


def _of_headers(rule: Rule, source: Source, thin: Assignment) -> Iterator[str]:
    """Notes about what the shards read instead of the host's headers."""
    for one in rule.thin.define:
        yield f"assumed that headers mean the same to the shards, which define `{one.partition(' ')[0]}`"
    words = {
        word for one in thin.parted for start, end in one.ranges for word in code_tokens(source, start, end)
    }
    used = sorted(word for word in words if has_host_words([word]))
    if used and not rule.thin.include:
        yield (
            f"the shards use {', '.join(f'`{word}`' for word in used)} and no longer read what declares it: "
            "name a light header, such as <c10/util/Exception.h>, in [thin] include"
        )


def _full_instead(rule: Rule, path: str, source: Source, opens: bool | None, problem: Unparted) -> Assignment:
    try:
        return assign(rule, path, source, opens=opens)
    except RuleMismatch as other:
        message = f"the interface can't be thin: {problem.message}; nor full: {other.message}"
        raise RuleMismatch(message, where=problem.where, hint=problem.hint or other.hint) from other


class _Assigner:
    def __init__(
        self, rule: Rule, path: str, source: Source, thin: bool = False, opens: bool | None = None
    ) -> None:
        self.ground = Ground(rule, path, source, thin, opens)
        self.fitting = RuleFit(self.ground)
        self.hosting = Hosting(self.ground)

    def run(self) -> Assignment:
        ground, rule = self.ground, self.ground.rule
        partitions = [p for one in rule.partition if (p := self.fitting.partition(one)) is not None]
        instantiations = [d for one in rule.instantiate for d in self.fitting.instantiations(one)]
        self._check_edges()
        bound = self._bound(partitions, instantiations)
        if not partitions and not instantiations and not rule.deal:
            raise self._nothing()
        homes = Claims(ground, partitions).homes()
        if ground.thin:
            self.hosting.keep(homes)
        for unit, home in bound.items():
            homes[unit] = home
        if ground.opened is not None and rule.deal:
            return self._dealt(ground.opened, homes, tuple(partitions), tuple(instantiations))
        return self._settled(homes, partitions, instantiations)

    def _check_edges(self) -> None:
        """Raises RuleMismatch for a macro that opens or closes a block which stays closed, or is none."""
        ground = self.ground
        for item in (item for unit in ground.units for item in unit.items):
            edge = edge_at(ground.source, item)
            if edge is None:
                continue
            if ground.opened is None:
                does = "opens" if edge.opens else "closes"
                raise ground.mismatch(
                    item,
                    f"`{item.name}` {does} a block, which this rule leaves closed",
                    "name what stands in it with `::` (`::run`): then each file opens the block again",
                )
            does = "opens a block that no other closes" if edge.opens else "closes a block that none opened"
            raise ground.mismatch(item, f"`{item.name}`, by its name or its definition, {does} here")

    def _bound(
        self, partitions: list[DealtPartition], instantiations: list[DealtInstantiation]
    ) -> dict[int, str]:
        """The homes of what is dealt, by the number of its unit."""
        unit_of = {item.start: n for n, unit in enumerate(self.ground.units) for item in unit.items}
        bound: dict[int, str] = {}
        for partition in partitions:
            for item in (partition.entry, self.fitting.function(partition.rule)):
                bound[unit_of[item.start]] = ENTRY if self.ground.thin else partition.rule.body
        for dealt in instantiations:
            unit = unit_of[dealt.item.start]
            if bound.setdefault(unit, dealt.shard) != dealt.shard:
                raise self.ground.mismatch(dealt.item, "instantiations of two shards stand in one #if group")
        return bound

    def _nothing(self) -> RuleMismatch:
        return RuleMismatch(
            "the monolith has nothing that the rule deals to shards",
            where=Location(self.ground.path),
            hint=f"`mergeguard init --dry-run {self.ground.path}` shows what could split it now",
        )

    def _settled(
        self,
        homes: list[str | None],
        partitions: list[DealtPartition],
        instantiations: list[DealtInstantiation],
    ) -> Assignment:
        """With what the shards turn out to need."""
        ground = self.ground
        hosts = [self.fitting.function(p.rule) for p in partitions]
        pairs = zip(partitions, hosts, strict=True)
        parted = tuple(self.hosting.parted(*pair) for pair in pairs) if ground.thin else ()
        needs = Needs(ground, self.hosting, homes, partitions, parted)
        needs.take_all()
        settled = tuple(ENTRY if home is None else home for home in homes)
        for partition in partitions:
            self.fitting.check_macro_users(partition, settled)
        kept = ground.units
        if ground.opened is not None:
            self._check_objects(settled)
            self._check_overloads(settled)
            starts = {host.start for host in hosts}
            numbers = {n for n, u in enumerate(ground.units) if any(i.start in starts for i in u.items)}
            kept, settled = closed(ground.opened, settled, self._wrapped(), numbers)
        declared = sorted([*self.fitting.declared, *needs.declared], key=lambda one: one.item.start)
        return Assignment(
            kept,
            settled,
            tuple(partitions),
            tuple(instantiations),
            tuple(ground.notes),
            tuple(declared),
            parted=parted,
            helpers=tuple(self.hosting.helpers),
            qualified=ground.qualified,
            outside=self.hosting.outside(parted),
        )

    def _dealt(
        self,
        found: Opened,
        claimed: list[str | None],
        partitions: tuple[DealtPartition, ...],
        instantiations: tuple[DealtInstantiation, ...],
    ) -> Assignment:
        from mergeguard.lens.homes.dealing import deal  # many modules, for rules that deal alone

        dealt = deal(self.ground.rule, self.ground.path, self.ground.source, found, claimed)
        shards = {*self.ground.rule.shard_files()}
        if shards.isdisjoint(dealt.homes) and not partitions:
            raise self._nothing()
        for partition in partitions:
            self.fitting.check_macro_users(partition, dealt.homes)
        self.ground.notes += dealt.notes
        kept, homes = closed(found, dealt.homes, self._wrapped() if self.ground.qualified else ())
        return Assignment(
            kept,
            homes,
            partitions,
            instantiations,
            tuple(self.ground.notes),
            dealt.declared,
            qualified=self.ground.qualified,
            shared=dealt.shared,
        )

    def _wrapped(self) -> frozenset[str]:
        """The homes that put a namespace of their own inside the blocks, or need the blocks' edges."""
        return frozenset({*(p.body for p in self.ground.rule.partition), *self.ground.rule.shard_files()})

    def _check_objects(self, homes: tuple[str, ...]) -> None:
        """Raises RuleMismatch for an object of the file's own in what several units read."""
        for unit, home in zip(self.ground.units, homes, strict=True):
            for item in self.ground.objects(unit) if home != ENTRY else ():
                raise self.ground.mismatch(
                    item,
                    f"the shards need `{item.name}`, one object that the file keeps to itself: "
                    "each of them would have its own",
                    "deal what uses it to one unit"
                    + ("" if self.ground.thin else ', or say `interface = "thin"`: the entry keeps it then'),
                )

    def _check_overloads(self, homes: tuple[str, ...]) -> None:
        """A shard's own function hides what else has its name: an error where the text may mean that."""
        bodies = {p.body for p in self.ground.rule.partition}
        shared: dict[str, list[Item]] = defaultdict(list)
        own: dict[str, list[Item]] = defaultdict(list)
        words: Counter[str] = Counter()
        for unit, home in zip(self.ground.units, homes, strict=True):
            for item, hidden in walk(self.ground.source, unit):
                if item.kind in (Kind.FUNCTION, Kind.DECLARATION) and item.parameter_list and not hidden:
                    there = own if home in bodies else shared
                    there[item.name.rpartition("::")[2]].append(item)
            if home in bodies:
                words.update(code_tokens(self.ground.source, unit.start, unit.end))
        for name in own.keys() & shared.keys():
            mine = {overload(self.ground.source, item) for item in own[name]}
            others = [i for i in shared[name] if overload(self.ground.source, i) not in mine]
            if others and words[name] > len(own[name]) and not self.ground.thin:
                raise self.ground.mismatch(
                    own[name][0],
                    f"the shards' own `{name}` would hide another, line "
                    f"{line_of(self.ground.source.text, others[0].code_start)}, which their text may call",
                    f"let `{name}` be in the same body, or rename one",
                )
