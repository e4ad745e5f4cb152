"""Which file of the layout each unit of a monolith goes to.

A unit (one item, or a whole top-level ``#if`` group) has exactly one home. Selectors of the rule
decide; what none of them names goes to the header that says ``needed`` if the shards need it, and
stays in the entry otherwise. What can't be decided is a RuleMismatch that names the item.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace
from fnmatch import fnmatchcase
from heapq import heappop, heappush

from mergeguard.cpp.blocks import Opened, closed, opened, qualified_name, space_of, words_of
from mergeguard.cpp.branches import Arm, Branching, branchings
from mergeguard.cpp.definitions import Definition, qualifiers
from mergeguard.cpp.environment import environment_of
from mergeguard.cpp.source import (
    Item,
    ItemScope,
    Kind,
    Source,
    Unit,
    code_tokens,
    identifiers,
    line_of,
    nested,
    units,
)
from mergeguard.errors import Location, RuleMismatch
from mergeguard.lens import signature
from mergeguard.lens.dealing import Declared, deal
from mergeguard.lens.instances import full_name, written_instantiations
from mergeguard.lens.parting import Parted, PartedArms, Unparted, is_of_the_host, part
from mergeguard.lens.reading import opens_blocks
from mergeguard.lens.rule import Instantiate, Over, Partition, Rule, selectors
from mergeguard.lens.selectors import Selector
from mergeguard.lens.sight import overload
from mergeguard.lens.traits import Way, traits_of, walk
from mergeguard.values import dataclass

ENTRY = ""  # the home of what stays in the entry; layout file names are never empty

_DEFINING = frozenset({Kind.FUNCTION, Kind.KERNEL, Kind.TYPE, Kind.ALIAS, Kind.VARIABLE, Kind.MACRO})
# In a group the strongest items decide, the others follow them: definitions, then macros, then the rest.
_STRENGTH = {
    Kind.INCLUDE: 0,
    Kind.UNDEF: 0,
    Kind.PRAGMA: 0,
    Kind.MACRO: 1,
    Kind.ALIAS: 1,
    Kind.USING: 1,
}
_STRONGEST = 2


@dataclass(frozen=True, slots=True)
class DealtPartition:
    """A partition of the rule as it fits this monolith. ``shard_of[i]`` serves ``branching.arms[i]``.

    ``holder`` is the function or the macro at file scope in which the branching stands.
    """

    rule: Partition
    entry: Item
    holder: Item
    branching: Branching
    shard_of: tuple[str, ...]
    unlisted: tuple[Arm, ...]


@dataclass(frozen=True, slots=True)
class DealtInstantiation:
    """An explicit instantiation's shard."""

    rule: Instantiate
    item: Item
    shard: str


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
        return (*found, self.outside[item.start]) if item.start in self.outside else found


def defined_names(source: Source, items: Iterable[Item]) -> frozenset[str]:
    """The unqualified names that the items define, namespaces looked into."""
    names: set[str] = set()
    for item in flattened(source, items):
        if item.kind in _DEFINING and item.name:
            names.add(item.name.rsplit("::", 1)[-1])
    return frozenset(names)


def flattened(source: Source, items: Iterable[Item]) -> Iterable[Item]:
    """The items, and after each namespace block what is in it."""
    for item in items:
        yield item
        if item.kind is Kind.NAMESPACE and item.body is not None:
            yield from flattened(source, nested(source, item))


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
        return assign(rule, path, source, thin=True, opens=opens)
    except Unparted as problem:
        full = _full_instead(rule, path, source, opens, problem)
        note = f"the shards read what the entry reads, as the interface can't be thin: {problem}"
        return replace(full, notes=(*full.notes, note))


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
        self.rule = rule
        self.thin = thin
        self.path = path
        self.source = source
        # Whether names of the rule are qualified names (a rule that only deals has none but selectors).
        self.qualified = rule.is_qualified if opens is None else opens
        self.opened = opened(source) if opens_blocks(rule, opens) else None
        self.units = units(source) if self.opened is None else self.opened.units
        self.environment = environment_of(source)
        self.names = [identifiers(source, u.start, u.end) | words_of(u.scopes) for u in self.units]
        self.private = self._private() if self.qualified else frozenset[str]()
        self.traits = traits_of(source, self.opened) if self.qualified and self.opened is not None else []
        self.declared: list[Declared] = []
        self.called: set[int] = set()  # the units that shards call only: they stay in the entry
        self.notes: list[str] = []
        self.helpers: list[Item] = []

    def run(self) -> Assignment:
        unit_of = {item.start: n for n, unit in enumerate(self.units) for item in unit.items}
        homes: list[str | None] = [None] * len(self.units)
        partitions = [p for rule in self.rule.partition if (p := self._partition(rule)) is not None]
        bound: dict[int, str] = {}
        for partition in partitions:
            for item in (partition.entry, self._function(partition.rule)):
                bound[unit_of[item.start]] = ENTRY if self.thin else partition.rule.body
        instantiations = [d for rule in self.rule.instantiate for d in self._instantiations(rule)]
        for dealt in instantiations:
            unit = unit_of[dealt.item.start]
            if bound.setdefault(unit, dealt.shard) != dealt.shard:
                raise self._mismatch(dealt.item, "instantiations of two shards stand in one #if group")
        if not partitions and not instantiations and not self.rule.deal:
            raise RuleMismatch(
                "the monolith has nothing that the rule deals to shards",
                where=Location(self.path),
                hint=f"`mergeguard init {self.path}` shows what could split it now",
            )
        self._select(homes, partitions)
        if self.thin:
            self._keep_with_the_host(homes)
        for unit, home in bound.items():
            homes[unit] = home
        if self.opened is not None and self.rule.deal:
            return self._dealt(self.opened, homes, tuple(partitions), tuple(instantiations))
        parted = tuple(self._parted(partition) for partition in partitions) if self.thin else ()
        self._take_needed(homes, partitions, parted)
        settled = tuple(ENTRY if home is None else home for home in homes)
        for partition in partitions:
            self._check_macro_users(partition, settled)
        kept = self.units
        if self.opened is not None:
            self._check_objects(settled)
            self._check_overloads(settled)
            functions = {self._function(p.rule).start for p in partitions}
            hosts = {n for n, u in enumerate(self.units) if any(i.start in functions for i in u.items)}
            kept, settled = closed(self.opened, settled, self._wrapped(), hosts)
        return Assignment(
            kept,
            settled,
            tuple(partitions),
            tuple(instantiations),
            tuple(self.notes),
            tuple(sorted(self.declared, key=lambda one: one.item.start)),
            parted=parted,
            helpers=tuple(self.helpers),
            qualified=self.qualified,
            outside=self._outside(parted),
        )

    def _dealt(
        self,
        found: Opened,
        claimed: list[str | None],
        partitions: tuple[DealtPartition, ...],
        instantiations: tuple[DealtInstantiation, ...],
    ) -> Assignment:
        dealt = deal(self.rule, self.path, self.source, found, claimed)
        shards = {*self.rule.shard_files()}
        if shards.isdisjoint(dealt.homes) and not partitions:
            raise RuleMismatch(
                "the monolith has nothing that the rule deals to shards",
                where=Location(self.path),
                hint=f"`mergeguard init {self.path}` shows what could split it now",
            )
        for partition in partitions:
            self._check_macro_users(partition, dealt.homes)
        self.notes += dealt.notes
        kept, homes = closed(found, dealt.homes, self._wrapped() if self.qualified else ())
        return Assignment(
            kept,
            homes,
            partitions,
            instantiations,
            tuple(self.notes),
            dealt.declared,
            qualified=self.qualified,
        )

    def _outside(self, parted: Sequence[Parted]) -> dict[int, ItemScope]:
        """The namespaces of host functions that are defined outside of theirs: ``void app::run() { … }``."""
        known = {space_of(unit.scopes) for unit in self.units} if self.qualified else set()
        found: dict[int, ItemScope] = {}
        for function in dict.fromkeys(one.function for one in parted):
            inner = len(space_of(self._scopes_of(function)).split("::")) if self._scopes_of(function) else 0
            names = list(qualifiers(self.source, function))
            while names and "::".join(names) not in known:
                names.pop()
            if len(names) > inner:
                opening = " ".join(f"namespace {name} {{" for name in names[inner:])
                closing = b" ".join([b"}"] * len(names[inner:]))
                scope = ItemScope(-2, "::".join(names), opening.encode(), closing)
                found[function.start] = scope
        return found

    def _wrapped(self) -> frozenset[str]:
        """The homes that put a namespace of their own inside the blocks, or need the blocks' edges."""
        return frozenset({*(p.body for p in self.rule.partition), *self.rule.shard_files()})

    def _objects(self, unit: Unit) -> Iterable[Item]:
        """The writable objects of a unit that the file keeps to itself: each unit would have its own."""
        for item, hidden in walk(self.source, unit):
            one = Definition(item, self.source, frozenset(), hidden, -1)
            if item.kind is Kind.VARIABLE and one.is_internal and not one.is_constant:
                yield item

    def _private(self) -> frozenset[str]:
        return frozenset(i.name.rpartition("::")[2] for unit in self.units for i in self._objects(unit))

    def _check_objects(self, homes: tuple[str, ...]) -> None:
        """Raises RuleMismatch for an object of the file's own in what several units read."""
        for unit, home in zip(self.units, homes, strict=True):
            for item in self._objects(unit) if home != ENTRY else ():
                raise self._mismatch(
                    item,
                    f"the shards need `{item.name}`, one object that the file keeps to itself: "
                    "each of them would have its own",
                    "deal what uses it to one unit"
                    + ("" if self.thin else ', or say `interface = "thin"`: the entry keeps it then'),
                )

    def _check_overloads(self, homes: tuple[str, ...]) -> None:
        """A shard's own function hides what else has its name: an error where the text may mean that."""
        bodies = {p.body for p in self.rule.partition}
        shared: dict[str, list[Item]] = defaultdict(list)
        own: dict[str, list[Item]] = defaultdict(list)
        words: Counter[str] = Counter()
        for unit, home in zip(self.units, homes, strict=True):
            for item, hidden in walk(self.source, unit):
                if item.kind in (Kind.FUNCTION, Kind.DECLARATION) and item.parameter_list and not hidden:
                    there = own if home in bodies else shared
                    there[item.name.rpartition("::")[2]].append(item)
            if home in bodies:
                words.update(code_tokens(self.source, unit.start, unit.end))
        for name in own.keys() & shared.keys():
            mine = {overload(self.source, item) for item in own[name]}
            others = [i for i in shared[name] if overload(self.source, i) not in mine]
            if others and words[name] > len(own[name]) and not self.thin:
                raise self._mismatch(
                    own[name][0],
                    f"the shards' own `{name}` would hide another, line "
                    f"{line_of(self.source.text, others[0].code_start)}, which their text may call",
                    f"let `{name}` be in the same body, or rename one",
                )

    def _mismatch(self, item: Item | None, message: str, hint: str | None = None) -> RuleMismatch:
        if item is None:
            return RuleMismatch(message, where=Location(self.path), hint=hint)
        line = line_of(self.source.text, item.code_start)
        return RuleMismatch(message, where=Location(self.path, line, item.name or None), hint=hint)

    # -- selectors ---------------------------------------------------------------------------------

    def _select(self, homes: list[str | None], partitions: list[DealtPartition]) -> None:
        offers: list[tuple[Selector, str]] = [
            (selector, move.to) for move in self.rule.move for selector in selectors(move.items)
        ]
        offers += [(s, p.rule.body) for p in partitions for s in selectors(p.rule.items)]
        offers += [
            (s, shard) for d in self.rule.deal for shard, texts in d.shards.items() for s in selectors(texts)
        ]
        used: set[Selector] = set()
        for number, unit in enumerate(self.units):
            by_strength: list[dict[str, Item]] = [{}, {}, {}]
            for item in unit.items:
                best = self._best(unit, item, offers)
                if best is not None:
                    used.add(best[0])
                    by_strength[_STRENGTH.get(item.kind, _STRONGEST)].setdefault(best[1], item)
            claims = next((c for c in reversed(by_strength) if c), {})
            if len(claims) > 1:
                (one, first), (two, second) = list(claims.items())[:2]
                raise self._mismatch(
                    second,
                    f"one #if group has items of two homes: `{first.name}` goes to {one}, "
                    f"`{second.name}` to {two}",
                    "name the group's items in one [[move]]",
                )
            homes[number] = next(iter(claims), None)
        for selector, home in offers:
            if selector.must_match and selector not in used and not self._shadowed(selector):
                raise RuleMismatch(
                    f"selector `{selector.text}` (for {home}) matches nothing",
                    where=Location(self.path),
                    hint=f"end it with `?` if upstream need not have it: `{selector.text}?`",
                )

    def _shadowed(self, selector: Selector) -> bool:
        return any(self._selects(selector, unit, item) for unit in self.units for item in unit.items)

    def _selects(self, selector: Selector, unit: Unit, item: Item) -> bool:
        """Whether a selector names an item; of an opened namespace it names all that stands in it."""
        if not self.qualified or not unit.scopes:
            return selector.selects(item)
        if selector.kind == "namespace":
            return any(fnmatchcase(scope.name, selector.name) for scope in unit.scopes if scope.name)
        return selector.selects(item) or selector.selects(replace(item, name=qualified_name(unit, item)))

    def _best(
        self, unit: Unit, item: Item, offers: list[tuple[Selector, str]]
    ) -> tuple[Selector, str] | None:
        found = [(s, home) for s, home in offers if self._selects(s, unit, item)]
        if not found:
            return None
        top = max(s.specificity for s, _ in found)
        leading = [(s, home) for s, home in found if s.specificity == top]
        for other, home in leading[1:]:
            if home != leading[0][1]:
                raise self._mismatch(
                    item,
                    f"`{item.name}` is selected twice: `{leading[0][0].text}` for {leading[0][1]}, "
                    f"`{other.text}` for {home}",
                    "make one selector more specific",
                )
        return leading[0]

    # -- what the shards need ----------------------------------------------------------------------

    def _take_needed(
        self, homes: list[str | None], partitions: list[DealtPartition], parted: tuple[Parted, ...]
    ) -> None:
        to = next((move.to for move in self.rule.move if move.needed), None)
        defined = [defined_names(self.source, unit.items) for unit in self.units]
        uses = self.names
        # A specialisation needs its primary template, and that may be no more than a declaration.
        declared = [_template_names(unit.items, Kind.DECLARATION) for unit in self.units]
        said = [self._said(unit) if to is not None else frozenset[str]() for unit in self.units]
        every = (i for unit in self.units for i in unit.items)
        primary = set(_template_names(every, Kind.FUNCTION, Kind.KERNEL, Kind.TYPE))
        # A partitioned function is reachable from the entry (by its dispatch), so only from there.
        own = {p.entry.name.rpartition("::")[2] for p in partitions}
        # Without a home for what is needed, a name is missed only if nothing that moves defines it.
        moved = (names for names, home in zip(defined, homes, strict=True) if home)
        settled = frozenset[str]() if to is not None else frozenset[str]().union(*moved)
        open_names = set[str]().union(
            *(names for names, home in zip(uses, homes, strict=True) if home),
            *(identifiers(self.source, *dealt) for one in parted for dealt in one.ranges),
        )
        naming: dict[str, list[int]] = defaultdict(list)
        for number in range(len(homes)):
            for name in defined[number] | declared[number] | said[number]:
                naming[name].append(number)
        # How many of the units that stay in the entry use a name.
        staying = Counter(name for names, home in zip(uses, homes, strict=True) if not home for name in names)

        def take(number: int) -> frozenset[str]:
            """Move a unit to the header; the names that are needed only since."""
            homes[number] = to
            primary.update(declared[number])
            opened = uses[number] - open_names
            open_names.update(opened)
            staying.subtract(uses[number])
            return opened

        def close(opened: Iterable[str]) -> None:
            """Take what the newly needed names need in turn: pass after pass, each in the file's order."""
            passing = sorted({number for name in opened for number in naming[name]})
            while passing:
                later: set[int] = set()
                while passing:
                    number = heappop(passing)
                    # Overloads and specialisations are needed all together, wherever one of them is.
                    wanted = ((defined[number] & open_names) - own - settled) | (
                        (declared[number] & open_names) - primary
                    )
                    wanted |= (said[number] & open_names) - own
                    if homes[number] is not None or not wanted:
                        continue
                    if self._stays_with_the_host(number):
                        homes[number] = ENTRY
                        continue
                    functions = None if to is None else self._called_only(number)
                    if functions is not None:
                        homes[number] = ENTRY
                        self.called.add(number)
                        self.declared += [Declared(f, self.units[number].scopes) for f in functions]
                        names = frozenset[str]().union(*(signature.names(self.source, f) for f in functions))
                        later |= {n for name in names - open_names for n in naming[name]}
                        open_names.update(names)
                        continue
                    if to is None:
                        item = next(i for i in self.units[number].items if i.name)
                        raise self._mismatch(
                            item,
                            f"the shards need `{sorted(wanted)[0]}`, which stays in the entry",
                            "select it in a [[move]], or let one [[move]] say `needed = true`",
                        )
                    for name in take(number):
                        for other in naming[name]:
                            if other > number:
                                heappush(passing, other)
                            else:
                                later.add(other)
                passing = sorted(later)

        close(frozenset(open_names))
        if self.thin:
            self._find_helpers(homes, frozenset(open_names), own)
        if to is None:
            return
        for number in self._directives(homes):
            close(take(number))
        for number, home in enumerate(homes):
            # A helper that nobody uses (yet) is where the others can use it; one of the entry's stays there.
            if home is None and _is_helper(self.units[number]) and not self._stays_with_the_host(number):
                if not any(staying[name] > (name in uses[number]) for name in defined[number]):
                    close(take(number))

    def _called_only(self, number: int) -> Sequence[Item] | None:
        """The functions of a unit that the shards need no more than declared; None if they need its text.

        A function that other files can call stays where it is. One that is defined outside of its class or
        namespace has its declaration there: for that, there is nothing to declare.
        """
        traits = self.traits[number] if self.traits else None
        if traits is None or not traits.root or traits.registers or traits.always_declared:
            return None
        if any(way is not Way.DECLARATION for way in traits.gives.values()):
            return None
        items = [item for item, _ in walk(self.source, self.units[number])]
        return traits.functions if all(item.kind is Kind.FUNCTION for item in items) else None

    def _said(self, unit: Unit) -> frozenset[str]:
        """The names that a unit only declares: by a using-declaration, or for another definition."""
        if not self.qualified:
            return frozenset()
        names: set[str] = set()
        for item in flattened(self.source, unit.items):
            last = item.name.rpartition("::")[2]
            if item.kind is Kind.USING and not _is_directive(self.source, item):
                names.add(last)
            elif item.kind is Kind.DECLARATION and last:
                first = next(iter(code_tokens(self.source, item.code_start, item.code_end)), "")
                names |= {last} if first != last else set()
        return frozenset(names)

    def _directives(self, homes: list[str | None]) -> Iterable[int]:
        """The units with ``using namespace`` lines that are in force where text moves from."""
        if not self.qualified:
            return
        for number, unit in enumerate(self.units):
            if homes[number] is not None or not any(_is_directive(self.source, i) for i in unit.items):
                continue
            depth = len(unit.scopes)
            if any(
                home and self.units[other].scopes[:depth] == unit.scopes
                for other, home in enumerate(homes)
                if other > number
            ):
                yield number

    # -- thin --------------------------------------------------------------------------------------

    def _stays_with_the_host(self, number: int) -> bool:
        """Whether a unit needs what a thin layout's shards do not read, or what there may be only one of."""
        if self.thin and self.qualified and (self.private & self.names[number]):
            return True
        return self.thin and any(
            is_of_the_host(self.source, item, self.rule.thin)
            for item in flattened(self.source, self.units[number].items)
        )

    def _keep_with_the_host(self, homes: list[str | None]) -> None:
        for number, home in enumerate(homes):
            if home and self._stays_with_the_host(number):
                homes[number] = ENTRY

    def _parted(self, partition: DealtPartition) -> Parted:
        branching = partition.branching
        macro = branching.macro or (partition.holder.name if partition.holder.kind is Kind.MACRO else "")
        conditions = tuple(arm.labels[0] for arm in branching.arms if not arm.is_default)
        asked = (branching.subject,) if branching.kind == "switch" else conditions
        dealt = PartedArms(branching.start, branching.end, macro, asked)
        if self.qualified:
            self._note_calls(partition, asked)
        function = self._function(partition.rule)
        return part(
            self.source,
            self.path,
            self.environment,
            self.rule.thin,
            function,
            dealt,
            anywhere=self.qualified,
        )

    def _note_calls(self, partition: DealtPartition, asked: Sequence[str]) -> None:
        """What a choice calls is called by the entry and by the shard: assumed to give the same twice."""
        for text in asked:
            calls = re.findall(r"(?<![\w.>])([A-Za-z_]\w*)\s*\(", text)
            called = [name for name in calls if name not in ("sizeof", "static_cast", "decltype")]
            if called:
                self.notes.append(
                    f"{partition.rule.entry}: assumed that `{text}`, which entry and shard both ask for, "
                    "gives the same twice"
                )

    def _find_helpers(
        self, homes: list[str | None], open_names: frozenset[str], own: Collection[str]
    ) -> None:
        """What the shards need of the entry: functions, which it offers them; anything else can't be."""
        shared = frozenset[str]().union(
            *(
                identifiers(self.source, item.start, item.end)
                for unit, home in zip(self.units, homes, strict=True)
                if home
                for item in unit.items
                if item.kind is not Kind.MACRO
            )
        )
        for number, (unit, home) in enumerate(zip(self.units, homes, strict=True)):
            if home != ENTRY or number in self.called:
                continue
            for item in flattened(self.source, unit.items):
                name = item.name.rsplit("::", 1)[-1]
                if item.kind not in _DEFINING or not name or name not in open_names - frozenset(own):
                    continue
                offered = item.kind is Kind.FUNCTION and item.parameter_list is not None
                if not offered or name in shared or {"template", "device"} & item.flags:
                    raise Unparted(
                        f"the shards need `{item.name}`, which needs what only the entry reads",
                        where=Location(self.path, line_of(self.source.text, item.code_start), item.name),
                    )
                if not any(helper.name == item.name for helper in self.helpers):
                    self.helpers.append(item)

    # -- partition ---------------------------------------------------------------------------------

    def _functions(self, name: str) -> list[Item]:
        return [
            item
            for unit in self.units
            for item in unit.items
            if item.kind in (Kind.FUNCTION, Kind.KERNEL)
            and "definition" in item.flags
            and self._is_named(unit, item, name)
        ]

    def _is_named(self, unit: Unit, item: Item, name: str) -> bool:
        """Whether a rule's name is an item's; an anonymous namespace adds nothing to what is around it."""
        if not self.qualified:
            return fnmatchcase(item.name, name)
        return fnmatchcase(qualified_name(unit, item), name.removeprefix("::"))

    def _only(self, name: str, what: str) -> Item | None:
        found = self._functions(name)
        if len(found) > 1:
            raise self._mismatch(found[1], f"{what} `{name}` is defined {len(found)} times")
        return found[0] if found else None

    def _function(self, rule: Partition) -> Item:
        holder = self._only(rule.over.in_, "the function of `over`")
        if holder is None:
            raise RuleMismatch(
                f"partition of `{rule.entry}`: there is no function `{rule.over.in_}`",
                where=Location(self.path),
                hint=f"`mergeguard init {self.path}` shows the branchings of this file",
            )
        return holder

    def _partition(self, rule: Partition) -> DealtPartition | None:
        entry = self._only(rule.entry, "the entry")
        if entry is None:
            if rule.optional:
                return None
            raise RuleMismatch(
                f"there is no function `{rule.entry}`",
                where=Location(self.path),
                hint="correct `entry`, or say `optional = true` in the [[partition]]",
            )
        for flag, why in (
            ("static", "has internal linkage"),
            ("template", "is a template"),
            ("anonymous", "is in an anonymous namespace"),
        ):
            if flag in self._flags(entry) and not self.thin:
                raise self._mismatch(
                    entry, f"the entry `{rule.entry}` {why}: shards can't be called by its name"
                )
        if self.qualified and not self.thin and (owners := qualifiers(self.source, entry)):
            raise self._mismatch(
                entry,
                f"the entry `{rule.entry}` is defined outside of `{'::'.join(owners)}`: no shard can have "
                "one of its own",
                'say `interface = "thin"`: the function stays in the entry then',
            )
        if entry.parameter_list is None or entry.body is None:
            raise self._mismatch(entry, f"can't read the parameters of `{rule.entry}`")
        holder, branching = self._branching(rule, self._function(rule))
        shard_of, unlisted = self._deal(rule, holder, branching)
        return DealtPartition(rule, entry, holder, branching, shard_of, unlisted)

    def _flags(self, item: Item) -> frozenset[str]:
        """An item's flags, with what the blocks around it say."""
        scopes = self._scopes_of(item) if self.qualified else ()
        return item.flags | ({"anonymous"} if any(scope.hidden for scope in scopes) else set())

    def _scopes_of(self, item: Item) -> tuple[ItemScope, ...]:
        return next(u.scopes for u in self.units if any(i.start == item.start for i in u.items))

    def _branching(self, rule: Partition, function: Item) -> tuple[Item, Branching]:
        """The branching that ``over`` means, and where it stands: the function, or a macro it leads to."""
        over = rule.over
        outer: list[tuple[Item, Branching]] = []
        for holder in (function, *self._macros_of(function)):
            fitting = [c for c in branchings(self.source, holder) if _fits(c, over)]
            outer += [
                (holder, c)
                for c in fitting
                if not any(o is not c and o.start <= c.start and c.end <= o.end for o in fitting)
            ]
            if holder is function and outer:
                break
        spelled = (
            f"switch ({over.switch})"
            if over.switch is not None
            else f"if / else-if chain over `{over.chain}`"
        )
        if len(outer) == 1:
            return outer[0]
        most = max((len(c.arms) for _, c in outer), default=0)
        longest = [(holder, c) for holder, c in outer if len(c.arms) == most]
        if over.chain is not None and len(longest) == 1 and most > 1:
            return longest[0]
        problem = "has no" if not outer else f"has {len(outer)} times a"
        raise self._mismatch(
            function,
            f"partition of `{rule.entry}`: `{over.in_}` {problem} {spelled}",
            f"`mergeguard init {self.path}` shows the branchings of this file",
        )

    def _macros_of(self, function: Item) -> list[Item]:
        """The macros at file scope that a function's text expands to, directly or through each other."""
        words = self.environment.closure(
            identifiers(self.source, function.start, function.end), function.code_end
        )
        return [
            item
            for unit in self.units
            for item in unit.items
            if item.kind is Kind.MACRO and item.name in words
        ]

    def _check_macro_users(self, partition: DealtPartition, homes: tuple[str, ...]) -> None:
        """A dealt macro means another thing in each shard: only what each shard has its own of may use it."""
        macro = partition.holder
        if macro.kind is not Kind.MACRO:
            return
        for unit, home in zip(self.units, homes, strict=True):
            for item in unit.items:
                if home == partition.rule.body or item.kind not in (Kind.FUNCTION, Kind.KERNEL, Kind.TYPE):
                    continue
                if self.thin and item.start == self._function(partition.rule).start:
                    continue  # every use of it in there is dealt
                words = identifiers(self.source, item.start, item.end)
                if macro.name in self.environment.closure(words, item.code_end):
                    raise self._mismatch(
                        item,
                        f"`{item.name}` uses the macro `{macro.name}`, whose arms are dealt to shards",
                        f"give `{item.name}` a [[partition]] of its own, with the same `body`",
                    )

    def _deal(
        self, rule: Partition, holder: Item, branching: Branching
    ) -> tuple[tuple[str, ...], tuple[Arm, ...]]:
        listed = {str(value): shard for shard, values in rule.shards.items() for value in values}
        shard_of: list[str] = []
        unlisted: list[Arm] = []
        for arm in branching.arms:
            if branching.kind == "switch":
                shards = {listed[label] for label in arm.labels if label in listed}
            else:
                shards = {shard for text, shard in listed.items() if text in arm.labels[0]}
            if len(shards) > 1:
                raise self._mismatch(
                    holder, f"the arm `{', '.join(arm.labels)}` is listed for {' and '.join(sorted(shards))}"
                )
            if not shards and not arm.is_default:
                unlisted.append(arm)
            shard_of.append(next(iter(shards), rule.rest))
        if all(arm.is_default or arm in unlisted for arm in branching.arms):
            raise self._mismatch(holder, f"partition of `{rule.entry}`: no shard lists any of its arms")
        for arm, shard, after, following in zip(
            branching.arms, shard_of, branching.arms[1:], shard_of[1:], strict=False
        ):
            if arm.falls_through and shard != following and not after.is_default:
                raise self._mismatch(
                    holder,
                    f"the arm `{', '.join(arm.labels)}` falls through into `{', '.join(after.labels)}`, "
                    f"which {following} serves",
                    "list both for one shard",
                )
        for arm in unlisted:
            self.notes.append(
                f"{rule.entry}: no shard lists the arm `{', '.join(arm.labels)}`; {rule.rest} serves it"
            )
        return tuple(shard_of), tuple(unlisted)

    # -- explicit instantiations -------------------------------------------------------------------

    def _instantiations(self, rule: Instantiate) -> Iterable[DealtInstantiation]:
        found = False
        for unit in self.units:
            for item in unit.items:
                arguments = self._instantiated(rule, unit, item)
                if arguments is None:
                    continue
                found = True
                yield DealtInstantiation(rule, item, self._instantiation_shard(rule, item, arguments))
                if item.kind is Kind.FUNCTION:
                    # Text that does not see a specialisation takes the general one, without a word.
                    self.declared.append(Declared(item, unit.scopes))
        if not found and not rule.add:
            raise RuleMismatch(
                f"`{rule.template}` is not explicitly instantiated{self._elsewhere(rule)}",
                where=Location(self.path),
                hint="list the template arguments in `add`, or correct `template`",
            )

    def _instantiated(self, rule: Instantiate, unit: Unit, item: Item) -> str | None:
        """The arguments with which an item instantiates the rule's template; None if it does not."""
        if not self.qualified:
            named = item.kind is Kind.INSTANTIATION and fnmatchcase(item.name, rule.template)
            return item.arguments if named else None
        for written in written_instantiations(self.source, item):
            if fnmatchcase(full_name(unit, item, written), rule.template.removeprefix("::")):
                return written.asked
        return None

    def _elsewhere(self, rule: Instantiate) -> str:
        """What a rule that does not look into blocks, or macros, misses."""
        last = rule.template.rpartition("::")[2]
        for unit in opened(self.source).units:
            for item in unit.items:
                for written in written_instantiations(self.source, item):
                    name = full_name(unit, item, written)
                    if fnmatchcase(name.rpartition("::")[2], last):
                        name = name if "::" in name else f"::{name}"
                        return f" outside of blocks and macros; `{name}` is, inside"
        return ""

    def _instantiation_shard(self, rule: Instantiate, item: Item, arguments: str) -> str:
        shard = deal_arguments(rule, arguments)
        if shard is None:
            self.notes.append(f"no shard lists {rule.template}<{arguments}>; {rule.rest} has it")
        return shard or rule.rest


def _fits(candidate: Branching, over: Over) -> bool:
    """Whether a branching is of the kind and over the value that the rule names."""
    if over.switch is not None:
        return candidate.kind == "switch" and _squeezed(candidate.subject) == _squeezed(over.switch)
    conditions = [arm for arm in candidate.arms if not arm.is_default]
    return (
        candidate.kind == "chain"
        and bool(conditions)
        and all(over.chain in _words(arm.labels[0]) for arm in conditions)
    )


def _is_directive(source: Source, item: Item) -> bool:
    """Whether an item is a ``using namespace`` line."""
    words = code_tokens(source, item.code_start, item.code_end) if item.kind is Kind.USING else []
    return words[:2] == ["using", "namespace"]


def _is_helper(unit: Unit) -> bool:
    """Whether the unit defines functions only, and none that another file could call."""
    inner = frozenset({"static", "inline", "constexpr", "template", "specialization", "device", "anonymous"})
    defining = [item for item in unit.items if item.kind in _DEFINING]
    return bool(defining) and all(i.kind is Kind.FUNCTION and i.flags & inner for i in defining)


def deal_arguments(rule: Instantiate, arguments: str) -> str | None:
    """The first shard with a glob for these template arguments, both without white space."""
    squeezed = _squeezed(arguments)
    for shard, globs in rule.shards.items():
        if any(fnmatchcase(squeezed, _squeezed(glob)) for glob in globs):
            return shard
    return None


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


def _template_names(items: Iterable[Item], *kinds: Kind) -> frozenset[str]:
    return frozenset(
        item.name.rsplit("::", 1)[-1]
        for item in items
        if item.kind in kinds and "template" in item.flags and "specialization" not in item.flags
    )


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _words(text: str) -> frozenset[str]:
    return frozenset("".join(c if c.isalnum() or c == "_" else " " for c in text).split())
