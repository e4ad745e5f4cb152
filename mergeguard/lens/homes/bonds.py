"""What of a dealing stays together: text that may be compiled once, and all that it ties to one file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from mergeguard.cpp.source import Kind
from mergeguard.lens import signature
from mergeguard.lens.homes.names import FileParts, NameTable
from mergeguard.lens.homes.traits import Way


class DisjointSets:
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


class Bonds:
    """``claimed`` are the homes that selectors gave to units.

    ``why`` is for a joined unit the name that joins it; ``bound`` is text that must be where something is
    compiled, ``closed`` are the names that such text gives.
    """

    def __init__(self, parts: FileParts, names: NameTable, claimed: Sequence[str | None]) -> None:
        self.parts = parts
        self.source, self.units, self.traits = parts.source, parts.units, parts.traits
        self.names = names
        self.claimed = claimed
        self.sets = DisjointSets(len(parts.units))
        self.why: dict[int, str] = {}
        self.bound: set[int] = set()
        self.closed: set[str] = set()
        self.joins = 0
        self.bind_pragmas()
        self.bind()
        self.bind_initialisers()

    def way(self, number: int, name: str) -> Way:
        way = self.traits[number].gives[name.partition(" #")[0]]
        if number in self.bound and way is Way.TEXT:
            return Way.NONE
        if way is Way.DECLARATION and self.closed:
            said = (signature.names(self.source, item) for item in self.traits[number].functions)
            if any(not self.closed.isdisjoint(names) for names in said):
                return Way.NONE  # the header can't say a type that one file has for itself
        return way

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
            gives = self.traits[number].gives
            self.closed |= {name for name, way in gives.items() if way is not Way.DECLARATION}
        waiting = [n for n in range(len(self.units)) if self.traits[n].once or n in self.bound]
        followed: set[str] = set()
        while waiting:
            number = waiting.pop()
            for name in list(self.traits[number].gives):
                life = self.names.lifetime(name, number)
                if self.way(number, life) is not Way.NONE:
                    continue
                users = self.names.users[life]
                if life in followed:
                    users = users[:2]  # all are together by now: one of them that is another is enough
                followed.add(life)
                for user in users:
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
        """An object stays with those that its constructor, initialiser or destructor may ask for: units have
        no order, and objects are destroyed in the reverse of it."""
        dynamic = {n for n, traits in enumerate(self.traits) if traits.dynamic}
        for number, traits in enumerate(self.traits):
            if not traits.starts:
                continue
            for other in self.reached(traits.starts) & dynamic:
                if other != number:
                    self.join(other, number, self.parts.label(other))

    def reached(self, names: Iterable[str]) -> set[int]:
        seen: set[int] = set()
        asked = set(names)
        waiting = [n for name in asked for n in self.names.givers.get(name, ())]
        while waiting:
            number = waiting.pop()
            if number not in seen:
                seen.add(number)
                for name in self.traits[number].uses - asked:
                    asked.add(name)
                    waiting += self.names.givers.get(name, ())
        return seen

    def together(self) -> list[list[int]]:
        """The units that one file alone compiles, those that have to be in one file in one list."""
        members: dict[int, list[int]] = defaultdict(list)
        for number in range(len(self.units)):
            if self.is_fixed(number):
                members[self.sets.find(number)].append(number)
        return list(members.values())
