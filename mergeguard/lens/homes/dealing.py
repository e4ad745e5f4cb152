"""[[deal]]: independent definitions to units, each one home; what two units need to the internal header.

A definition that other files can call goes to the unit that a selector names, or that its own name's hash
chooses (rendezvous hashing: Thaler and Ravishankar 1998), so that no edit of another item moves it. What may
be compiled only once and can't be declared again (a static object, a kernel) goes where what uses it goes, so
all of that goes one way. Everything else is text: with the only unit that needs it, or in the header.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b

from mergeguard.cpp.blocks import Opened, opened
from mergeguard.cpp.environment import Environment
from mergeguard.cpp.source import Item, ItemScope, Kind, Source, line_of
from mergeguard.errors import Location, RuleMismatch
from mergeguard.lens import signature
from mergeguard.lens.homes.shared import SharedItem, shared_items, unmatched
from mergeguard.lens.homes.sight import late_names
from mergeguard.lens.homes.traits import Traits, Way, traits_of, walk
from mergeguard.lens.rule import Deal, Rule
from mergeguard.values import dataclass, field

ENTRY = ""


@dataclass(frozen=True, slots=True)
class Declared:
    """A function that another file calls than the one that has it: the header declares it in its place."""

    item: Item
    scopes: tuple[ItemScope, ...]


@dataclass(frozen=True, slots=True)
class Dealt:
    """The home of each unit, and the functions that the header declares, in the file's order."""

    homes: tuple[str, ...]
    declared: tuple[Declared, ...]
    notes: tuple[str, ...] = ()
    shared: Mapping[int, SharedItem] = field(default_factory=dict)


def deal(rule: Rule, path: str, source: Source, found: Opened, claimed: Sequence[str | None]) -> Dealt:
    """Deal the units of ``found``; ``claimed`` are the homes that selectors and other tables gave already.

    Raises RuleMismatch where two homes are asked for what has to stay together, and where an order that
    matters can't be kept.
    """
    return _Dealer(rule, path, source, found, claimed).run()


def sharing(rule: Deal, parts: Sequence[str]) -> tuple[str, ...]:
    """The homes among which names choose: the unit files of ``rule.units``, and the entry if it shares."""
    return (*parts, ENTRY) if rule.entry else tuple(parts)


def unit_for(name: str, units: Sequence[str], seed: int) -> str:
    """The unit that a name's hash chooses. One unit more takes some from each; nothing else moves."""

    def score(unit: str) -> bytes:
        return blake2b(f"{seed}\0{unit}\0{name}".encode("utf-8", "surrogateescape"), digest_size=8).digest()

    return max(units, key=score)


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a deal gives one home, as byte ranges of the file: ``own`` goes where its name's hash says.

    ``helpers`` is text that more than one cluster may need; ``label`` is a definition of the cluster, and
    ``held`` the name by which most of it hangs together ("" if it is one). What stays in the entry has no
    ``key``.
    """

    key: str
    label: str
    own: tuple[tuple[int, int], ...]
    helpers: tuple[tuple[int, int], ...]
    held: str = ""


def clusters(rule: Rule, path: str, source: Source) -> tuple[Cluster, ...]:
    """What a rule with a [[deal]] and without selectors would deal. Raises RuleMismatch as ``deal`` does."""
    found = opened(source)
    return _Dealer(rule, path, source, found, [None] * len(found.units)).clusters()


class _Sets:
    """Disjoint sets of unit numbers (union-find)."""

    def __init__(self, size: int) -> None:
        self.parent = list(range(size))

    def find(self, number: int) -> int:
        while self.parent[number] != number:
            self.parent[number] = self.parent[self.parent[number]]
            number = self.parent[number]
        return number

    def join(self, one: int, other: int) -> bool:
        """Whether they were apart."""
        one, other = self.find(one), self.find(other)
        self.parent[max(one, other)] = min(one, other)
        return one != other


@dataclass(slots=True)
class _Names:
    """Who gives and who uses each name of the file."""

    givers: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    users: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


class _Dealer:
    def __init__(
        self, rule: Rule, path: str, source: Source, found: Opened, claimed: Sequence[str | None]
    ) -> None:
        (self.rule,) = rule.deal
        self.path = path
        self.source = source
        self.units = found.units
        in_c = self.in_c = path.endswith(".c")
        if (idle := unmatched(found, self.rule)) is not None:
            raise RuleMismatch(
                f"selector `{idle.text}` (shared) matches nothing",
                where=Location(path),
                hint=f"end it with `?` if upstream need not have it: `{idle.text}?`",
            )
        self.shared, self.unshared = shared_items(source, found, self.rule, in_c=in_c)
        self.traits: list[Traits] = traits_of(
            source,
            found,
            self.rule.external,
            in_c=in_c,
            overloads=self.rule.overloads,
            shared=self.shared,
        )
        self.claimed = claimed
        self.parts = rule.parts(self.rule)
        shards = {*self.rule.shards, *self.parts, self.rule.rest}
        self.dealt_to = shards - {""}
        for partition in rule.partition:
            self.dealt_to -= {partition.body}
        self.sets = _Sets(len(self.units))
        self.why: dict[int, str] = {}  # of a joined unit: the name that joins it
        self.bound: set[int] = set()  # text that must be where something is compiled
        self.closed: set[str] = set()  # the names that such text gives
        self.joins = 0
        self.raised: set[int] = set()  # text that has to stand in the header, to see what it saw
        self.redefined: set[str] = set()
        self.ends: dict[str, list[int]] = {}  # of names that a macro had, and that mean something else below
        self.names = _Names()
        self.homes: list[str] = [ENTRY] * len(self.units)
        self.declared: dict[int, tuple[Item, ...]] = {}
        self.declaration_names: frozenset[str] = frozenset()

    def run(self) -> Dealt:
        self.refuse_unclear()
        self.read_macros()
        self.read_names()
        self.bind_pragmas()
        self.bind()
        self.bind_initialisers()
        self.place_fixed()
        self.place_text()
        while self.raise_blind():
            self.place_text()
        self.place_idle()
        declared = [
            Declared(item, self.scopes_of(number, item))
            for number, items in sorted(self.declared.items())
            for item in items
        ]
        notes = (*self.alone(), *self.idle_externals())
        return Dealt(tuple(self.homes), tuple(declared), notes, self.shared)

    def scopes_of(self, number: int, item: Item) -> tuple[ItemScope, ...]:
        """The blocks in which a declaration stands: what is shared leaves its anonymous namespace."""
        scopes = self.units[number].scopes
        return tuple(scope for scope in scopes if not scope.hidden) if item.start in self.shared else scopes

    def clusters(self) -> tuple[Cluster, ...]:
        """What goes one way, without saying where."""
        self.refuse_unclear()
        self.read_macros()
        self.read_names()
        self.bind_pragmas()
        self.bind()
        self.bind_initialisers()
        made: list[Cluster] = []
        for together in self.together():
            ranges = tuple((self.units[n].start, self.units[n].end) for n in together)
            dealt = [n for n in together if self.is_dealt(n)]
            label = self.label(next(iter(dealt), together[0]))
            key = self.key(together) if dealt else ""
            made.append(Cluster(key, label, ranges, self.helpers(together), self.held(together)))
        return tuple(made)

    def held(self, together: Sequence[int]) -> str:
        """Of the names that may be in one file only, the one that most of these units use.

        An object that may be once comes before what is bound because it uses one.
        """
        inside = set(together)
        found = [
            (
                not (users := inside.intersection(self.names.users[life]) - {number}),
                not self.traits[number].once,
                -len(users),
                number,
                name,
            )
            for number in together
            for name in self.traits[number].gives
            if self.way(number, life := self.lifetime(name, number)) is Way.NONE
        ]
        idle, *_, name = min(found, default=(True, ""))
        return "" if idle else name

    def refuse_unclear(self) -> None:
        for refused in self.unshared:
            line = line_of(self.source.text, refused.item.code_start)
            raise RuleMismatch(
                f"`{refused.item.name}` can't be shared: {refused.reason}",
                where=Location(self.path, line, refused.item.name),
                hint="take it out of `shared`: what uses it goes one way then",
            )
        for number, traits in enumerate(self.traits):
            if traits.unclear:
                raise self.mismatch(number, traits.unclear)

    def helpers(self, together: Iterable[int]) -> tuple[tuple[int, int], ...]:
        """The text that a cluster needs, from one name to the next."""
        seen: set[int] = set()
        waiting = list(together)
        while waiting:
            for name in self.traits[waiting.pop()].uses:
                more = [n for n in self.names.givers.get(name, ()) if self.is_text(n) and n not in seen]
                seen.update(more)
                waiting += more
        return tuple((self.units[n].start, self.units[n].end) for n in sorted(seen))

    def mismatch(self, number: int, message: str, hint: str | None = None) -> RuleMismatch:
        unit = self.units[number]
        at = unit.items[0].code_start if unit.items else unit.start
        return RuleMismatch(message, where=Location(self.path, line_of(self.source.text, at)), hint=hint)

    def label(self, number: int) -> str:
        """What a unit is called in messages."""
        names = [item.name for item in self.units[number].items if item.name]
        return names[0] if names else "code"

    # -- names ---------------------------------------------------------------------------------------

    def read_macros(self) -> None:
        """Macros that are defined several times are as many names, each for its own stretch of the file."""
        self.environment = Environment(self.source)
        definers: dict[str, list[int]] = defaultdict(list)
        last_include = -1
        for number, unit in enumerate(self.units):
            for item in unit.items:
                if item.kind is Kind.MACRO and (definers[item.name][-1:] != [number]):
                    definers[item.name].append(number)
                if item.kind is Kind.INCLUDE:
                    last_include = number
        self.definers = definers
        self.redefined = {name for name, numbers in definers.items() if len(numbers) > 1}
        self.read_ends()
        for number in range(last_include):
            # A macro before an include may be meant for it.
            if any(item.kind in (Kind.MACRO, Kind.UNDEF) for item in self.units[number].items):
                if not self.traits[number].once:
                    self.traits[number].shown = True

    def read_ends(self) -> None:
        """Macros that are undefined, and whose names are used below: each stretch is a name by itself."""
        givers: dict[str, list[int]] = defaultdict(list)
        for number, traits in enumerate(self.traits):
            for name in traits.gives:
                givers[name].append(number)
        used: frozenset[str] = frozenset()
        for number in range(len(self.units) - 1, -1, -1):
            undefined = {item.name for item in self.units[number].items if item.kind is Kind.UNDEF}
            if self.is_undef(number):
                for name in undefined & used:
                    if any(self.is_ended(giver, number, name) for giver in givers.get(name, ())):
                        self.ends.setdefault(name, []).append(number)
                        self.redefined.add(name)
            else:
                used |= self.traits[number].uses
            used -= {item.name for item in self.units[number].items if item.kind is Kind.MACRO}

    def lifetime(self, name: str, number: int) -> str:
        """The name of a macro at a unit, told apart where the file defines it several times, or ends it."""
        if name not in self.redefined:
            return name
        count = sum(definer <= number for definer in self.definers[name])
        ended = sum(end < number for end in self.ends.get(name, ()))
        return f"{name} #{count}" + (f".{ended}" if ended else "")

    def read_names(self) -> None:
        for number, traits in enumerate(self.traits):
            for name in traits.gives:
                self.names.givers[self.lifetime(name, number)].append(number)
        known = {name.partition(" #")[0] for name in self.names.givers}
        known |= frozenset().union(*(traits.members | traits.near for traits in self.traits))
        for number, (unit, traits) in enumerate(zip(self.units, self.traits, strict=True)):
            used = traits.uses & known
            if used & self.environment.names:
                used |= self.environment.closure(used, unit.end) & known
            traits.uses = frozenset(self.lifetime(name, number) for name in used)
            for name in traits.uses:
                self.names.users[name].append(number)
        for number, unit in enumerate(self.units):
            for item in unit.items:
                if item.kind is Kind.UNDEF:
                    self.follow_definition(number, item.name)

    def follow_definition(self, number: int, name: str) -> None:
        """An #undef stays with the definition that it ends, unless that is all there is."""
        life = self.lifetime(name, number)
        givers = self.names.givers.get(life, ())
        if number in givers and self.macro_lines(number, name):
            return  # defined anew beside it
        if not any(self.is_ended(giver, number, name) for giver in givers):
            self.traits[number].shown = True  # it ends a definition of another file
        elif name in self.redefined and life in self.names.givers:
            self.names.givers[life].append(number)
            self.traits[number].gives[name] = Way.TEXT
        elif not self.traits[number].once:
            after = [u for u in self.names.users[life] if u > number and not self.is_undef(u)]
            if after:
                raise self.mismatch(number, f"`{name}` is undefined here, and used as another name below")
            self.traits[number].idle = True
            self.traits[number].shown = False

    def macro_lines(self, number: int, name: str) -> list[str]:
        """The ``define`` and ``undef`` lines of a name in a unit, at any depth; none if it defines none."""
        unit, lexed = self.units[number], self.source.lexed
        lines = [
            d.name
            for d in lexed.directives_in(unit.start, unit.end)
            if d.name in ("define", "undef") and d.first + 2 < d.last and lexed.word(d.first + 2) == name
        ]
        return lines if "define" in lines else []

    def is_ended(self, giver: int, number: int, name: str) -> bool:
        """Whether an ``#undef`` in unit ``number`` ends what a ``#define`` of unit ``giver`` leaves."""
        return giver < number and self.macro_lines(giver, name)[-1:] == ["define"]

    def is_undef(self, number: int) -> bool:
        return all(item.kind is Kind.UNDEF for item in self.units[number].items)

    def way(self, number: int, name: str) -> Way:
        if number in self.bound:
            return Way.NONE
        way = self.traits[number].gives[name.partition(" #")[0]]
        if way is Way.DECLARATION and self.closed:
            said = (signature.names(self.source, item) for item in self.traits[number].functions)
            if any(not self.closed.isdisjoint(names) for names in said):
                return Way.NONE  # the header can't say a type that one file has for itself
        return way

    # -- what stays together -------------------------------------------------------------------------

    def is_fixed(self, number: int) -> bool:
        """Whether one unit alone compiles it."""
        return self.traits[number].once or number in self.bound or self.claim(number) is not None

    def claim(self, number: int) -> str | None:
        return self.claimed[number]

    def bind(self) -> None:
        while self.bind_macros() | self.bind_users():
            pass

    def bind_macros(self) -> bool:
        """Of a macro's several definitions the header's text sees each in its place, a unit only one."""
        before = len(self.bound)
        for life, givers in self.names.givers.items():
            if " #" in life and any(self.is_fixed(u) for u in self.names.users[life]):
                for number in givers:
                    self.bound.add(number)
                    self.join(givers[0], number, life)
        return len(self.bound) != before

    def bind_users(self) -> bool:
        """What uses something that can be in one file only is in that file."""
        before = len(self.bound), len(self.closed), self.joins
        for number in self.bound:
            self.closed |= self.traits[number].gives.keys()
        waiting = [n for n in range(len(self.units)) if self.traits[n].once or n in self.bound]
        while waiting:
            number = waiting.pop()
            for name in list(self.traits[number].gives):
                life = self.lifetime(name, number)
                if self.way(number, life) is not Way.NONE:
                    continue
                for user in self.names.users[life]:
                    if user == number:
                        continue
                    if not self.traits[user].once and user not in self.bound:
                        self.bound.add(user)
                        waiting.append(user)
                    self.join(number, user, life)
        return before != (len(self.bound), len(self.closed), self.joins)

    def users(self, number: int, name: str) -> list[int]:
        """What may need a unit for a name that it gives: a class also for the names of its members."""
        found = {user for member in self.traits[number].members for user in self.names.users[member]}
        return sorted((found | set(self.names.users[name])) - {number})

    def join(self, one: int, other: int, name: str) -> None:
        if self.sets.join(one, other):
            self.joins += 1
            self.why.setdefault(other, name.partition(" #")[0])
            self.why.setdefault(one, name.partition(" #")[0])

    def bind_pragmas(self) -> None:
        """What stands between a ``push`` and its ``pop`` stays between them."""
        open_at: list[int] = []
        for number, unit in enumerate(self.units):
            for item in unit.items:
                if item.kind is not Kind.PRAGMA:
                    continue
                words = item.name.replace("(", " ").replace(")", " ").split()
                if any(w.startswith("push") for w in words):
                    open_at.append(number)
                elif any(w.startswith("pop") for w in words) and open_at:
                    self.bind_region(open_at.pop(), number, item.name)

    def bind_region(self, first: int, last: int, name: str) -> None:
        if first == last or not any(self.traits[n].once for n in range(first, last + 1)):
            return
        for number in range(first, last + 1):
            if self.units[number].items and not self.traits[number].idle:
                self.traits[number].shown = False
                self.traits[number].once = True
                self.join(first, number, name)

    def bind_initialisers(self) -> None:
        """An object stays with those whose initialisation its own may ask for: units have no order."""
        dynamic = {n for n, traits in enumerate(self.traits) if traits.dynamic}
        for number, traits in enumerate(self.traits):
            if not traits.starts:
                continue
            for other in self.reached(traits.starts) & dynamic:
                if other != number:
                    self.join(other, number, self.label(other))

    def reached(self, names: Iterable[str]) -> set[int]:
        seen: set[int] = set()
        waiting = [n for name in names for n in self.names.givers.get(name, ())]
        while waiting:
            number = waiting.pop()
            if number not in seen:
                seen.add(number)
                for name in self.traits[number].uses:
                    waiting += self.names.givers.get(name, ())
        return seen

    # -- homes ---------------------------------------------------------------------------------------

    def place_fixed(self) -> None:
        for together in self.together():
            home = self.home_of(together)
            for number in together:
                self.homes[number] = home

    def together(self) -> list[list[int]]:
        """The units that one file alone compiles, those that have to be in one file in one list."""
        members: dict[int, list[int]] = defaultdict(list)
        for number in range(len(self.units)):
            if self.is_fixed(number):
                members[self.sets.find(number)].append(number)
        return list(members.values())

    def is_dealt(self, number: int) -> bool:
        """Whether a unit is for a hash to place: a definition, or a macro's call if the rule deals those."""
        traits = self.traits[number]
        return traits.root or (self.rule.calls and traits.registers and bool(traits.key))

    def home_of(self, together: Sequence[int]) -> str:
        claims = {home: n for n in together if (home := self.claim(n)) is not None}
        if len(claims) > 1:
            (one, first), (two, second) = list(claims.items())[:2]
            shared = self.why.get(second) or self.why.get(first) or self.label(first)
            raise self.mismatch(
                second,
                f"`{self.label(first)}` goes to {one or 'the entry'}, `{self.label(second)}` to "
                f"{two or 'the entry'}, but both need `{shared}`, of which there may be only one",
                "name both for one unit",
            )
        if claims:
            return next(iter(claims))
        if not any(self.is_dealt(n) for n in together):
            return ENTRY
        if self.parts:
            return unit_for(self.key(together), sharing(self.rule, self.parts), self.rule.seed)
        return self.rule.rest

    def key(self, together: Sequence[int]) -> str:
        """The name that chooses a unit: of what binds the others, if anything, so that they may change."""
        binding = [
            self.traits[n].key
            for n in together
            if any(way is Way.NONE for way in self.traits[n].gives.values()) and self.traits[n].key
        ]
        return min(binding or [self.traits[n].key for n in together if self.traits[n].key])

    def place_text(self) -> None:
        """The header's text and what only one unit needs, until neither asks for more."""
        text = [n for n in range(len(self.units)) if self.is_text(n)]
        groups = _Sets(len(self.units))
        for givers in self.names.givers.values():
            shared = [n for n in givers if self.is_text(n)]
            for number in shared[1:]:
                groups.join(shared[0], number)
        wanted: dict[int, set[str]] = {groups.find(number): set() for number in text}
        for number in text:
            if self.traits[number].shown or number in self.raised:
                wanted[groups.find(number)].add(self.rule.header)
        while True:
            while self.spread(text, groups, wanted):
                pass
            # What nobody uses is where others can use it.
            if not (unused := [homes for homes in wanted.values() if not homes]):
                return
            for homes in unused:
                homes.add(self.rule.header)

    def spread(self, text: Sequence[int], groups: _Sets, wanted: dict[int, set[str]]) -> bool:
        """Let each text be wanted where what uses it is; whether anything changed."""
        header = self.rule.header
        changed = False
        for number in text:
            homes = wanted[groups.find(number)]
            before = len(homes)
            for user in self.needing(number):
                if not self.is_text(user):
                    homes.add(self.seen_from(self.homes[user]))
                    continue
                theirs = wanted[groups.find(user)]
                homes |= theirs if len(theirs) < 2 else {header}
            if not self.declaration_names.isdisjoint(self.traits[number].gives):
                homes.add(header)
            changed |= len(homes) != before
        for number in text:
            homes = wanted[groups.find(number)]
            self.homes[number] = next(iter(homes)) if len(homes) == 1 else header
        return self.declare() or changed

    def needing(self, number: int) -> set[int]:
        """The units that may need a text: by its names, its members' and those of its class."""
        traits = self.traits[number]
        found = {user for name in traits.near for user in self.names.users[name]}
        for name in traits.gives:
            found.update(self.users(number, self.lifetime(name, number)))
        return found - {number}

    def is_text(self, number: int) -> bool:
        traits = self.traits[number]
        return bool(self.units[number].items) and not self.is_fixed(number) and not traits.idle

    def seen_from(self, home: str) -> str:
        """A unit of the deal, the entry, or the header for every other home."""
        return home if home in self.dealt_to or home == ENTRY else self.rule.header

    def declare(self) -> bool:
        """Find out which functions other files call; whether there are more than before."""
        known = len(self.declared)
        for number, traits in enumerate(self.traits):
            if number in self.declared:
                continue
            items = tuple(item for item in traits.functions if self.is_declared(number, item))
            if items:
                self.declared[number] = items
                for item in items:
                    self.declaration_names |= signature.names(self.source, item)
        return len(self.declared) != known

    def is_declared(self, number: int, item: Item) -> bool:
        name = item.name.rpartition("::")[2]
        if self.has_prototype(number, item, name) or self.is_closed(item, name):
            return False
        if self.traits[number].always_declared and (
            "specialization" in item.flags or not name.isidentifier()
        ):
            return True
        home = self.homes[number]
        return any(
            (user > number or self.traits[user].generic)
            and user != number
            and self.homes[user] != home
            and not self.traits[user].idle
            for user in self.names.users[name]
        )

    def is_closed(self, item: Item, name: str) -> bool:
        """Whether only the file that has it can say it: it names what that file has for itself."""
        if not self.closed.isdisjoint(signature.names(self.source, item)):
            return True
        return "specialization" in item.flags and name in self.closed

    def has_prototype(self, number: int, item: Item, name: str) -> bool:
        """Whether the file itself declares the function before, for all to see."""
        return any(
            (other.key.parameters, other.key.template, other.arguments)
            == (item.key.parameters, item.key.template, item.arguments)
            for giver in self.names.givers[name]
            if giver < number and self.homes[giver] in (self.rule.header, self.homes[number])
            for other in self.units[giver].items
            if other.kind is Kind.DECLARATION and other.name == item.name
        )

    def raise_blind(self) -> bool:
        """Text that would see a name from below goes to the header, in its place; whether there was any.

        Raises RuleMismatch for a definition that can't go there.
        """
        header = self.rule.header
        dealt = {n for n, unit in enumerate(self.units) if unit.items and self.homes[n] != header}
        before = len(self.raised)
        for late in late_names(
            self.source,
            self.units,
            self.names.givers,
            self.names.users,
            lambda n: self.homes[n] == header,
            dealt,
        ):
            if self.in_c and not self.macro_lines(late.giver, late.name):
                continue  # C has one declaration of a name at file scope: the user has seen another of it
            if not self.is_text(late.user):
                raise self.mismatch(
                    late.user,
                    f"`{self.label(late.user)}` would see `{late.name}` of {header}, which stands below it: "
                    "the name could mean another thing there",
                    f"select `{late.name}` and `{self.label(late.user)}` for one unit",
                )
            self.raised.add(late.user)
        return len(self.raised) != before

    def idle_externals(self) -> tuple[str, ...]:
        """What to know of names in ``external`` that are none of the file's constants."""
        items = (item for unit in self.units for item, _ in walk(self.source, unit))
        known = {item.name for item in items if item.kind is Kind.VARIABLE}
        return tuple(
            f"`{name}`, listed as external, is no object of the file"
            for name in self.rule.external
            if name not in known
        )

    def alone(self) -> tuple[str, ...]:
        """What to know of registrations whose file has no function any more that others call."""
        defining = (n for n, traits in enumerate(self.traits) if traits.root and not traits.registers)
        kept = {self.homes[n] for n in defining}
        return tuple(
            f"`{self.label(n)}` is in {self.homes[n] or 'the entry'} beside nothing that others call: "
            "a linker takes no such object out of a static library by itself"
            for n, traits in enumerate(self.traits)
            if traits.registers and self.homes[n] not in kept
        )

    def place_idle(self) -> None:
        """Comments go with what follows them in their block, else with what comes before."""
        following: str | None = None
        for number in range(len(self.units) - 1, -1, -1):
            unit = self.units[number]
            if not unit.items:
                following = None
                continue
            if not self.traits[number].idle:
                following = self.homes[number]
            elif following is not None and unit.scopes and self.is_comment(number):
                self.homes[number] = following
        previous: str | None = None
        for number, unit in enumerate(self.units):
            if not unit.items:
                previous = None
            elif not self.traits[number].idle:
                previous = self.homes[number]
            elif previous is not None and unit.scopes and self.is_comment(number):
                if self.homes[number] == ENTRY:
                    self.homes[number] = previous

    def is_comment(self, number: int) -> bool:
        return all(item.kind is Kind.COMMENT for item in self.units[number].items)
