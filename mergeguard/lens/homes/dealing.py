"""[[deal]]: independent definitions to units, each one home; what two units need to the internal header.

A definition that other files can call goes to the unit that a selector names, or that its own name's hash
chooses (rendezvous hashing: Thaler and Ravishankar 1998), so that no edit of another item moves it. What may
be compiled only once and can't be declared again (a static object, a kernel unless the rule says `kernels`)
goes where what uses it goes, so all of that goes one way. Everything else is text: with the only unit that
needs it, or in the header.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mergeguard.cpp.blocks import Opened, opened, walk
from mergeguard.cpp.source import Item, ItemScope, Kind, Source
from mergeguard.cpp.text import line_of
from mergeguard.digests import blake2b
from mergeguard.errors import Location, RuleMismatch
from mergeguard.lens import signature
from mergeguard.lens.homes.assignment import Declared, SharedItem
from mergeguard.lens.homes.bonds import Bonds, DisjointSets
from mergeguard.lens.homes.filefacts import FileFacts
from mergeguard.lens.homes.names import FileParts, NameTable
from mergeguard.lens.homes.shared import shared_items, unmatched
from mergeguard.lens.homes.sight import late_names
from mergeguard.lens.homes.traits import Traits, Way, traits_of
from mergeguard.lens.rule import Deal, Rule
from mergeguard.values import dataclass, field

ENTRY = ""


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
    ``key``; ``called``: a rule that deals macro calls would deal it.
    """

    key: str
    label: str
    own: tuple[tuple[int, int], ...]
    helpers: tuple[tuple[int, int], ...]
    held: str = ""
    called: bool = False


def clusters(rule: Rule, path: str, source: Source) -> tuple[Cluster, ...]:
    """What a rule with a [[deal]] and without selectors would deal. Raises RuleMismatch as ``deal`` does."""
    found = opened(source)
    return _Dealer(rule, path, source, found, [None] * len(found.units)).clusters()


class _Dealer:
    """One dealing: what stays together goes where selectors or a name's hash say, text where it is needed.

    ``raised`` is text that has to stand in the header, to see what it saw.
    """

    def __init__(
        self, rule: Rule, path: str, source: Source, found: Opened, claimed: Sequence[str | None]
    ) -> None:
        (self.rule,) = rule.deal
        self.path = path
        self.source = source
        self.units = found.units
        self.in_c = path.endswith(".c")
        self.shared = self.what_is_shared(found)
        self.traits = self.read_traits(found)
        parts = FileParts(path, source, found.units, self.traits)
        self.file = parts
        self.refuse_unclear()
        self.names = NameTable(parts)
        self.bonds = Bonds(parts, self.names, claimed)
        self.unit_files = rule.parts(self.rule)
        self.dealt_to = {*self.rule.shards, *self.unit_files, self.rule.rest} - {""}
        self.dealt_to -= {partition.body for partition in rule.partition}
        self.raised: set[int] = set()
        self.homes: list[str] = [ENTRY] * len(self.units)
        self.declared: dict[int, tuple[Item, ...]] = {}
        self.declaration_names: set[str] = set()
        self.prototypes: dict[str, Mapping[tuple[str, ...], Sequence[int]]] = {}

    def read_traits(self, found: Opened) -> list[Traits]:
        """Those of the units, once for each way of reading them: a first rule is found by trying."""
        rule = self.rule
        key = (_Dealer, rule.external, self.in_c, rule.overloads, rule.kernels, frozenset(self.shared))
        if key not in self.source.derived:
            facts = FileFacts(
                self.source,
                found,
                rule.external,
                in_c=self.in_c,
                overloads=rule.overloads,
                kernels=rule.kernels,
                shared=self.shared,
            )
            self.source.derived[key] = traits_of(facts)
        return [traits.copy() for traits in self.source.derived[key]]

    def what_is_shared(self, found: Opened) -> Mapping[int, SharedItem]:
        """Raises RuleMismatch for a selector that shares nothing, or names what can't be shared."""
        if (idle := unmatched(found, self.rule)) is not None:
            raise RuleMismatch(
                f"selector `{idle.text}` (shared) matches nothing",
                where=Location(self.path),
                hint=f"end it with `?` if upstream need not have it: `{idle.text}?`",
            )
        shared, unshared = shared_items(self.source, found, self.rule, in_c=self.in_c)
        for refused in unshared:
            line = line_of(self.source.text, refused.item.code_start)
            raise RuleMismatch(
                f"`{refused.item.name}` can't be shared: {refused.reason}",
                where=Location(self.path, line, refused.item.name),
                hint="take it out of `shared`: what uses it goes one way then",
            )
        return shared

    def run(self) -> Dealt:
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
        made: list[Cluster] = []
        texts: dict[str, list[int]] = {}
        for together in self.bonds.together():
            ranges = tuple((self.units[n].start, self.units[n].end) for n in together)
            dealt = [n for n in together if self.is_dealt(n)]
            label = self.file.label(next(iter(dealt), together[0]))
            key = self.key(together) if dealt else ""
            called = not dealt and any(map(self.is_called, together))
            helpers = self.helpers(together, texts)
            made.append(Cluster(key, label, ranges, helpers, self.held(together), called))
        return tuple(made)

    def held(self, together: Sequence[int]) -> str:
        """Of the names that may be in one file only, the one that most of these units use.

        An object that may be once comes before what is bound because it uses one.
        """
        if len(together) == 1:
            return ""
        inside = set(together)
        users_of: dict[str, set[int]] = {}
        found: list[tuple[bool, int, int, str]] = []
        for number in together:
            for name in self.traits[number].gives:
                life = self.names.lifetime(name, number)
                if self.bonds.way(number, life) is not Way.NONE:
                    continue
                users = users_of.get(life)
                if users is None:
                    users = users_of[life] = inside.intersection(self.names.users[life])
                if others := len(users) - (number in users):
                    found.append((not self.traits[number].once, -others, number, name))
        return min(found)[-1] if found else ""

    def refuse_unclear(self) -> None:
        for number, traits in enumerate(self.traits):
            if traits.unclear:
                raise self.file.mismatch(number, traits.unclear)

    def helpers(self, together: Iterable[int], texts: dict[str, list[int]]) -> tuple[tuple[int, int], ...]:
        """The text that a cluster needs, from one name to the next. ``texts`` keeps by name what gives it as
        text."""
        seen: set[int] = set()
        asked: set[str] = set()
        waiting = list(together)
        while waiting:
            for name in self.traits[waiting.pop()].uses - asked:
                asked.add(name)
                if name not in texts:
                    texts[name] = list(filter(self.is_text, self.names.givers.get(name, ())))
                more = [n for n in texts[name] if n not in seen]
                seen.update(more)
                waiting += more
        return tuple((self.units[n].start, self.units[n].end) for n in sorted(seen))

    def place_fixed(self) -> None:
        for together in self.bonds.together():
            home = self.home_of(together)
            for number in together:
                self.homes[number] = home

    def is_dealt(self, number: int) -> bool:
        """Whether a unit is for a hash to place: a definition, or a macro's call if the rule deals those."""
        return self.traits[number].root or (self.rule.calls and self.is_called(number))

    def is_called(self, number: int) -> bool:
        """Whether a unit is a macro's call that has a name to be dealt by."""
        traits = self.traits[number]
        return traits.registers and bool(traits.key)

    def home_of(self, together: Sequence[int]) -> str:
        claims = {home: n for n in together if (home := self.bonds.claim(n)) is not None}
        if len(claims) > 1:
            (one, first), (two, second) = list(claims.items())[:2]
            shared = self.bonds.why.get(second) or self.bonds.why.get(first) or self.file.label(first)
            raise self.file.mismatch(
                second,
                f"`{self.file.label(first)}` goes to {one or 'the entry'}, `{self.file.label(second)}` to "
                f"{two or 'the entry'}, but both need `{shared}`, of which there may be only one",
                "name both for one unit",
            )
        if claims:
            return next(iter(claims))
        if not any(self.is_dealt(n) for n in together):
            return ENTRY
        if self.unit_files:
            return unit_for(self.key(together), sharing(self.rule, self.unit_files), self.rule.seed)
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
        is_text = set(text)
        groups = DisjointSets(len(self.units))
        for givers in self.names.givers.values():
            shared = [n for n in givers if n in is_text]
            for number in shared[1:]:
                groups.join(shared[0], number)
        homes_of: dict[int, set[str]] = {groups.find(number): set() for number in text}
        wanted = {number: homes_of[groups.find(number)] for number in text}
        for number in text:
            if self.traits[number].shown or number in self.raised:
                wanted[number].add(self.rule.header)
        while True:
            while self.spread(wanted):
                pass
            # What nobody uses is where others can use it.
            if not (unused := [homes for homes in homes_of.values() if not homes]):
                return
            for homes in unused:
                homes.add(self.rule.header)

    def spread(self, wanted: Mapping[int, set[str]]) -> bool:
        """Let each text be wanted where what uses it is; whether anything changed. ``wanted`` is by text, and
        one set for all that give one name."""
        header = self.rule.header
        changed = False
        for number, homes in wanted.items():
            before = len(homes)
            for user in self.needing(number):
                theirs = wanted.get(user)
                if theirs is None:  # no text
                    homes.add(self.seen_from(self.homes[user]))
                elif theirs is not homes or len(homes) > 1:
                    homes |= theirs if len(theirs) < 2 else {header}
            if not self.declaration_names.isdisjoint(self.traits[number].gives):
                homes.add(header)
            changed |= len(homes) != before
        for number, homes in wanted.items():
            self.homes[number] = next(iter(homes)) if len(homes) == 1 else header
        return self.declare() or changed

    def needing(self, number: int) -> set[int]:
        """The units that may need a text: by its names, its members' and those of its class."""
        traits = self.traits[number]
        found = {user for name in traits.near for user in self.names.users[name]}
        for name in traits.gives:
            found.update(self.bonds.users(number, self.names.lifetime(name, number)))
        return found - {number}

    def is_text(self, number: int) -> bool:
        traits = self.traits[number]
        return bool(self.units[number].items) and not self.bonds.is_fixed(number) and not traits.idle

    def seen_from(self, home: str) -> str:
        """A unit of the deal, the entry, or the header for every other home."""
        return home if home in self.dealt_to or home == ENTRY else self.rule.header

    def declare(self) -> bool:
        """Find out which functions other files call; whether there are more than before."""
        known = len(self.declared)
        callers: dict[str, dict[str, int]] = {}
        for number, traits in enumerate(self.traits):
            if number in self.declared:
                continue
            items = tuple(item for item in traits.functions if self.is_declared(number, item, callers))
            if items:
                self.declared[number] = items
                for item in items:
                    self.declaration_names |= signature.names(self.source, item)
        return len(self.declared) != known

    def is_declared(self, number: int, item: Item, callers: dict[str, dict[str, int]]) -> bool:
        """``callers`` keeps by name what ``last_callers`` found."""
        name = item.name.rpartition("::")[2]
        if self.has_prototype(number, item, name) or self.is_closed(item, name):
            return False
        if self.traits[number].always_declared and (
            "specialization" in item.flags or not name.isidentifier()
        ):
            return True
        if name not in callers:
            callers[name] = self.last_callers(name)
        return any(home != self.homes[number] and last > number for home, last in callers[name].items())

    def last_callers(self, name: str) -> dict[str, int]:
        """For each home that uses a name the last unit there that does. A template may look for it behind the
        file's end."""
        found: dict[str, int] = {}
        for user in self.names.users[name]:
            if not self.traits[user].idle:
                at = len(self.units) if self.traits[user].generic else user
                found[self.homes[user]] = max(at, found.get(self.homes[user], -1))
        return found

    def is_closed(self, item: Item, name: str) -> bool:
        """Whether only the file that has it can say it: it names what that file has for itself."""
        if not self.bonds.closed.isdisjoint(signature.names(self.source, item)):
            return True
        return "specialization" in item.flags and name in self.bonds.closed

    def has_prototype(self, number: int, item: Item, name: str) -> bool:
        """Whether the file itself declares the function before, for all to see."""
        if name not in self.prototypes:
            self.prototypes[name] = self.prototypes_of(name)
        return any(
            giver < number and self.homes[giver] in (self.rule.header, self.homes[number])
            for giver in self.prototypes[name].get(_said(item), ())
        )

    def prototypes_of(self, name: str) -> Mapping[tuple[str, ...], Sequence[int]]:
        """The units that declare a function of an unqualified name, by all that tells overloads apart."""
        found: dict[tuple[str, ...], list[int]] = {}
        for giver in self.names.givers[name]:
            for other in self.units[giver].items:
                if other.kind is Kind.DECLARATION:
                    found.setdefault(_said(other), []).append(giver)
        return found

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
            if self.in_c and not self.names.macro_lines(late.giver, late.name):
                continue  # C has one declaration of a name at file scope: the user has seen another of it
            if not self.is_text(late.user):
                user = self.file.label(late.user)
                raise self.file.mismatch(
                    late.user,
                    f"`{user}` would see `{late.name}` of {header}, which stands below it: "
                    "the name could mean another thing there",
                    f"select `{late.name}` and `{user}` for one unit",
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
            f"`{self.file.label(n)}` is in {self.homes[n] or 'the entry'} beside nothing that others call: "
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


def _said(item: Item) -> tuple[str, ...]:
    """By what a prototype is that of a function."""
    return item.name, item.key.parameters, item.key.template, item.arguments
