"""Who gives and who uses each name of a file, macros that are defined several times told apart."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence

from mergeguard.cpp.environment import Environment
from mergeguard.cpp.source import Kind, Source, Unit
from mergeguard.cpp.text import line_of
from mergeguard.errors import Location, RuleMismatch
from mergeguard.lens.homes.traits import Traits, Way

# Names that the units of a file reach through macros, all in all: the most of 400 real files are 1,300.
_MOST_REACHED = 300_000


class FileParts:
    """The units of a file with their traits, by number, and errors that name them."""

    def __init__(self, path: str, source: Source, units: Sequence[Unit], traits: list[Traits]) -> None:
        self.path = path
        self.source = source
        self.units = units
        self.traits = traits

    def mismatch(self, number: int, message: str, hint: str | None = None) -> RuleMismatch:
        unit = self.units[number]
        at = unit.items[0].code_start if unit.items else unit.start
        return RuleMismatch(message, where=Location(self.path, line_of(self.source.text, at)), hint=hint)

    def label(self, number: int) -> str:
        """What a unit is called in messages."""
        names = [item.name for item in self.units[number].items if item.name]
        return names[0] if names else "code"

    def is_undef(self, number: int) -> bool:
        return all(item.kind is Kind.UNDEF for item in self.units[number].items)


class NameTable:
    """``givers`` and ``users`` are the numbers of units, by *lifetime*: see there. ``redefined`` are the
    macros that have several.

    Raises RuleMismatch for an ``#undef`` that would end too much, and for macros of which each names the one
    before, by the thousand.
    """

    def __init__(self, parts: FileParts) -> None:
        self.parts = parts
        self.source, self.units, self.traits = parts.source, parts.units, parts.traits
        self.givers: dict[str, list[int]] = defaultdict(list)
        self.users: dict[str, list[int]] = defaultdict(list)
        self.redefined: set[str] = set()
        self.ends: dict[
            str, list[int]
        ] = {}  # ascending, of names that a macro had, and that mean something else below
        self.read_macros()
        self.read_names()

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
        used: set[str] = set()
        for number in range(len(self.units) - 1, -1, -1):
            undefined = {item.name for item in self.units[number].items if item.kind is Kind.UNDEF}
            if self.parts.is_undef(number):
                for name in undefined & used:
                    if any(self.is_ended(giver, number, name) for giver in givers.get(name, ())):
                        self.ends.setdefault(name, []).append(number)
                        self.redefined.add(name)
            else:
                used |= self.traits[number].uses
            used -= {item.name for item in self.units[number].items if item.kind is Kind.MACRO}
        for ends in self.ends.values():
            ends.reverse()

    def lifetime(self, name: str, number: int) -> str:
        """The name of a macro at a unit, told apart where the file defines it several times, or ends it."""
        if name not in self.redefined:
            return name
        count = bisect_right(self.definers[name], number)
        ended = bisect_left(self.ends.get(name, ()), number)
        return f"{name} #{count}" + (f".{ended}" if ended else "")

    def read_names(self) -> None:
        for number, traits in enumerate(self.traits):
            for name in traits.gives:
                self.givers[self.lifetime(name, number)].append(number)
        known = {name.partition(" #")[0] for name in self.givers}
        known |= frozenset().union(*(traits.members | traits.near for traits in self.traits))
        reached = 0
        for number, (unit, traits) in enumerate(zip(self.units, self.traits, strict=True)):
            used = traits.uses & known
            if used & self.environment.names:
                closure = self.environment.closure(used, unit.end)
                used |= closure & known
                if (reached := reached + len(closure)) > _MOST_REACHED:
                    message = (
                        "macros lead to one another too often: what each use of one needs is not looked for"
                    )
                    raise self.parts.mismatch(number, message)
            traits.uses = frozenset(self.lifetime(name, number) for name in used)
            for name in traits.uses:
                self.users[name].append(number)
        for number, unit in enumerate(self.units):
            for item in unit.items:
                if item.kind is Kind.UNDEF:
                    self.follow_definition(number, item.name)

    def follow_definition(self, number: int, name: str) -> None:
        """An #undef stays with the definition that it ends, unless that is all there is."""
        life = self.lifetime(name, number)
        givers = self.givers.get(life, ())
        if number in givers and self.macro_lines(number, name):
            return  # defined anew beside it
        if not any(self.is_ended(giver, number, name) for giver in givers):
            self.traits[number].shown = True  # it ends a definition of another file
        elif name in self.redefined and life in self.givers:
            self.givers[life].append(number)
            self.traits[number].gives[name] = Way.TEXT
        elif not self.traits[number].once:
            after = [u for u in self.users[life] if u > number and not self.parts.is_undef(u)]
            if after:
                raise self.parts.mismatch(
                    number, f"`{name}` is undefined here, and used as another name below"
                )
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
