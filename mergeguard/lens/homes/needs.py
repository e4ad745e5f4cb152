"""What the shards turn out to need: from the names that their text uses to the units that give them.

A unit that is needed moves to the header that says ``needed``, and its own names are needed then. A function
that other files can call stays where it is, if blocks are opened: a declaration is all the shards need of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from mergeguard.cpp.blocks import Opened, walk
from mergeguard.cpp.declaration import linkage
from mergeguard.cpp.source import Item, Kind, Source, Unit, code_tokens, flattened, identifiers
from mergeguard.lens import signature
from mergeguard.lens.homes.assignment import DEFINING, ENTRY, DealtPartition, Declared, defined_names
from mergeguard.lens.homes.ground import Ground
from mergeguard.lens.homes.hosting import Hosting
from mergeguard.lens.homes.parting import Parted

if TYPE_CHECKING:
    from mergeguard.lens.homes.traits import Traits


class Needs:
    """Completes ``homes``, which are those of the rule's words. ``declared`` is what shards only call.

    Raises RuleMismatch where something is needed that no [[move]] takes.
    """

    def __init__(
        self,
        ground: Ground,
        hosting: Hosting,
        homes: list[str | None],
        partitions: Sequence[DealtPartition],
        parted: Sequence[Parted],
    ) -> None:
        self.ground = ground
        self.hosting = hosting
        self.homes = homes
        self.to = next((move.to for move in ground.rule.move if move.needed), None)
        self.declared: list[Declared] = []
        self.called: set[int] = set()  # the units of what is only declared
        source, units = ground.source, ground.units
        blocks = ground.opened if ground.qualified else None
        self.traits = _traits_of(source, blocks) if blocks is not None else []
        self.defined = [defined_names(source, unit.items) for unit in units]
        # A specialisation needs its primary template, and that may be no more than a declaration.
        self.templates = [_template_names(unit.items, Kind.DECLARATION) for unit in units]
        self.said = [self.said_by(unit) if self.to is not None else frozenset[str]() for unit in units]
        every = (i for unit in units for i in unit.items)
        self.primary = set(_template_names(every, Kind.FUNCTION, Kind.KERNEL, Kind.TYPE))
        # A partitioned function is reachable from the entry (by its dispatch), so only from there.
        self.own = {p.entry.name.rpartition("::")[2] for p in partitions}
        # Without a home for what is needed, a name is missed only if nothing that moves defines it.
        moved = (names for names, home in zip(self.defined, homes, strict=True) if home)
        self.settled = frozenset[str]() if self.to is not None else frozenset[str]().union(*moved)
        self.open = set[str]().union(
            *(names for names, home in zip(ground.words, homes, strict=True) if home),
            *(identifiers(source, *dealt) for one in parted for dealt in one.ranges),
        )
        self.naming: dict[str, list[int]] = defaultdict(list)
        for number in range(len(homes)):
            for name in self.defined[number] | self.templates[number] | self.said[number]:
                self.naming[name].append(number)
        # How many of the units that stay in the entry use a name.
        staying = (names for names, home in zip(ground.words, homes, strict=True) if not home)
        self.staying = Counter(name for names in staying for name in names)

    def take_all(self) -> None:
        """Follow every need to its end."""
        self.close(frozenset(self.open))
        if self.ground.thin:
            self.hosting.find_helpers(self.homes, frozenset(self.open), self.own, self.called)
        if self.to is None:
            return
        for number in self.directives():
            self.close(self.take(number))
        for number, home in enumerate(self.homes):
            # A helper that nobody uses (yet) is where the others can use it; one of the entry's stays there.
            if (
                home is None
                and _is_helper(self.ground.source, self.ground.units[number])
                and not self.hosting.stays(number)
            ):
                uses = self.ground.words[number]
                if not any(self.staying[name] > (name in uses) for name in self.defined[number]):
                    self.close(self.take(number))

    def take(self, number: int) -> frozenset[str]:
        """Move a unit to the header; the names that are needed only since."""
        self.homes[number] = self.to
        self.primary.update(self.templates[number])
        uses = self.ground.words[number]
        self.staying.subtract(uses)
        return self.newly(uses)

    def newly(self, names: frozenset[str]) -> frozenset[str]:
        """Note that names are needed; those that were not before."""
        found = names - self.open
        self.open.update(found)
        return found

    def close(self, opened: frozenset[str]) -> None:
        """Take what the newly needed names need in turn: pass after pass, each in the file's order."""
        passing = sorted({number for name in self.naming.keys() & opened for number in self.naming[name]})
        while passing:
            later: set[int] = set()
            while passing:
                number = heappop(passing)
                wanted = self.wanted(number)
                if self.homes[number] is not None or not wanted:
                    continue
                if self.hosting.stays(number):
                    self.homes[number] = ENTRY
                elif self.to is not None and (functions := self.called_only(number)) is not None:
                    later |= {n for name in self.declare(number, functions) for n in self.naming[name]}
                else:
                    for other in self.follow(number, wanted):
                        if other > number:
                            heappush(passing, other)
                        else:
                            later.add(other)
            passing = sorted(later)

    def wanted(self, number: int) -> frozenset[str]:
        """The needed names for which a unit is needed.

        Overloads and specialisations are needed all together, wherever one of them is.
        """
        found = (self.defined[number] & self.open) - self.own - self.settled
        found |= (self.templates[number] & self.open) - self.primary
        return frozenset(found | (self.said[number] & self.open) - self.own)

    def follow(self, number: int, wanted: frozenset[str]) -> Iterable[int]:
        """Take a unit; the units that may be needed then."""
        if self.to is None:
            item = next(i for i in self.ground.units[number].items if i.name)
            raise self.ground.mismatch(
                item,
                f"the shards need `{sorted(wanted)[0]}`, which stays in the entry",
                "select it in a [[move]], or let one [[move]] say `needed = true`",
            )
        return [other for name in self.take(number) for other in self.naming[name]]

    def declare(self, number: int, functions: Sequence[Item]) -> frozenset[str]:
        """Leave a unit where it is, declared to the shards; the names that are needed only since."""
        self.homes[number] = ENTRY
        self.called.add(number)
        self.declared += [Declared(f, self.ground.units[number].scopes) for f in functions]
        said = (signature.names(self.ground.source, f) for f in functions)
        return self.newly(frozenset[str]().union(*said))

    def called_only(self, number: int) -> Sequence[Item] | None:
        """The functions of a unit that the shards need no more than declared; None if they need its text.

        A function that other files can call stays where it is. One that is defined outside of its class or
        namespace has its declaration there: for that, there is nothing to declare.
        """
        traits = self.traits[number] if self.traits else None
        if traits is None or not traits.root or traits.registers or traits.always_declared:
            return None
        if not traits.is_declared_alone:
            return None
        items = [item for item, _ in walk(self.ground.source, self.ground.units[number])]
        return traits.functions if all(item.kind is Kind.FUNCTION for item in items) else None

    def said_by(self, unit: Unit) -> frozenset[str]:
        """The names that a unit only declares: by a using-declaration, or for another definition."""
        if not self.ground.qualified:
            return frozenset()
        names: set[str] = set()
        for item in flattened(self.ground.source, unit.items):
            last = item.name.rpartition("::")[2]
            if item.kind is Kind.USING and not _is_directive(self.ground.source, item):
                names.add(last)
            elif item.kind is Kind.DECLARATION and last:
                first = next(iter(code_tokens(self.ground.source, item.code_start, item.code_end)), "")
                names |= {last} if first != last else set()
        return frozenset(names)

    def directives(self) -> Iterable[int]:
        """The units with ``using namespace`` lines that are in force where text moves from."""
        if not self.ground.qualified:
            return
        for number, unit in enumerate(self.ground.units):
            if self.homes[number] is not None or not any(
                _is_directive(self.ground.source, i) for i in unit.items
            ):
                continue
            depth = len(unit.scopes)
            if any(
                home and self.ground.units[other].scopes[:depth] == unit.scopes
                for other, home in enumerate(self.homes)
                if other > number
            ):
                yield number


def _is_directive(source: Source, item: Item) -> bool:
    """Whether an item is a ``using namespace`` line."""
    words = code_tokens(source, item.code_start, item.code_end) if item.kind is Kind.USING else []
    return words[:2] == ["using", "namespace"]


def _is_helper(source: Source, unit: Unit) -> bool:
    """Whether the unit defines functions only, and none that another file could call."""
    inner = frozenset({"static", "inline", "constexpr", "template", "specialization", "device", "anonymous"})
    defining = [item for item in unit.items if item.kind in DEFINING]
    return bool(defining) and all(i.kind is Kind.FUNCTION and linkage(source, i) & inner for i in defining)


def _template_names(items: Iterable[Item], *kinds: Kind) -> frozenset[str]:
    return frozenset(
        item.name.rsplit("::", 1)[-1]
        for item in items
        if item.kind in kinds and "template" in item.flags and "specialization" not in item.flags
    )


def _traits_of(source: Source, blocks: Opened) -> list[Traits]:
    # Here, since most rules name nothing that stands in blocks, and what reads traits is large.
    from mergeguard.lens.homes.filefacts import FileFacts
    from mergeguard.lens.homes.traits import traits_of

    return traits_of(FileFacts(source, blocks))
