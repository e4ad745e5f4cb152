"""What a linker makes of several translation units: names defined twice, divided, or silently folded.

Part of ``same_program``, and of use without any monolith: a split by hand has these traps, too. A linker
keeps one of several equal names (templates, inline functions) and says nothing if they differ; which one
runs depends on the order of the objects.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter

from mergeguard.cpp.declaration import OF_ANONYMOUS, OF_FILE, Declaration, Identity, declares_by_name
from mergeguard.cpp.definitions import definitions, local_states, only_caches, only_read
from mergeguard.cpp.environment import Environment, environment_of
from mergeguard.cpp.ranges import Ranges
from mergeguard.cpp.source import Kind, parse
from mergeguard.findings import Severity
from mergeguard.values import dataclass
from mergeguard.verify.flatten import FlatUnit, LayoutText, flatten
from mergeguard.verify.incommon import UnitDeclarations
from mergeguard.verify.unitguards import own_switches, turned_off

_ONE_KEPT = "the linker keeps one of the two, without a word"


@dataclass(frozen=True, slots=True)
class Program:
    """Translation units as the compiler sees them, their definitions, and the macros in force in each.

    ``spaces`` are the namespaces that glue makes to keep shards apart. What a unit's own guard macro turns
    off (``verify.unitguards``) is none of its definitions, which are ``parts``; it is one of ``every``.
    ``declared`` are the variables that each unit declares ``extern``. ``relocatable``: device code is linked,
    so that ``__device__`` functions have symbols.
    """

    units: tuple[FlatUnit, ...]
    spaces: frozenset[str]
    every: UnitDeclarations
    parts: UnitDeclarations
    environments: tuple[Environment, ...]
    declared: tuple[frozenset[str], ...]
    relocatable: bool = True

    @classmethod
    def of(
        cls, files: Sequence[LayoutText], roots: Sequence[str] = (), *, relocatable: bool = True
    ) -> Program:
        """The units among ``files``; ``roots`` are folders that quoted includes are also looked for in."""
        units = tuple(flatten(file.path, files, roots=roots) for file in files if file.is_unit)
        spaces = frozenset[str]().union(*(unit.spaces for unit in units))
        every = UnitDeclarations.by(units, spaces)
        parts = _compiled(every, units)
        environments = tuple(environment_of(unit.source) for unit in units)
        declared = tuple(frozenset(_declared(parts.of(number))) for number in range(len(units)))
        return cls(units, spaces, every, parts, environments, declared, relocatable)

    def has_symbol(self, one: Declaration) -> bool:
        """Whether a linker sees it: without linked device code a function of the device alone has none."""
        if self.relocatable or one.item.kind is not Kind.FUNCTION:
            return True
        head = self.environments[one.index].closure(one.head, one.item.code_start)
        return "__device__" not in head or not head.isdisjoint(("__host__", "__global__"))

    def holders(self, one: Declaration) -> list[int]:
        """The numbers of the units that have it."""
        return self.parts.holders(one)

    def must_be_once(self, one: Declaration) -> bool:
        """Whether two units that both have it will not link (or register something twice)."""
        if not one.must_be_once or not self.has_symbol(one):
            return False
        return not (one.is_registration and self._only_declares(one))

    def declared_constants(self, one: Declaration) -> list[int]:
        """The units that have a constant and have declared it `extern`: it is no object of each of them."""
        if one.item.kind is not Kind.VARIABLE or not one.is_constant or not one.is_definition or one.hidden:
            return []
        plain = one.plain
        return [
            unit
            for unit in self.holders(one)
            if plain in self.declared[unit] or self._is_external_in_c(one, unit)
        ]

    def _is_external_in_c(self, one: Declaration, unit: int) -> bool:
        """Whether C gives a constant external linkage, where C++ would not."""
        return self.units[unit].path.endswith(".c") and not {"static", "constexpr"} & one.item.flags

    def _only_declares(self, one: Declaration) -> bool:
        """Whether a macro call at file scope stands for declarations (or templates) alone.

        By its macro, or by the name of one that is not in sight.
        """
        steps = self.environments[one.index].history(one.short, one.item.code_start)
        bodies = [body for _, body in steps if body is not None]
        return all(_declares(body) for body in bodies) if bodies else declares_by_name(one.short)

    def is_dispatch(self, one: Declaration) -> bool:
        """The entry's glue: it calls into a shard's namespace, which no text of a monolith can."""
        return not one.spaced and one.item.kind is Kind.FUNCTION and not self.spaces.isdisjoint(one.tokens)

    def is_shared(self, one: Declaration) -> bool:
        """Whether the units share it: what the monolith keeps to itself is one for all of them."""
        return (
            one.spaced
            and one.space.endswith((OF_FILE, OF_ANONYMOUS))
            or one.name in self.units[one.index].renamed
        )

    def has_c_linkage(self, one: Declaration) -> bool:
        """Whether its symbol is its bare name, so that no namespace keeps two of them apart."""
        if one.in_c:
            return True
        words = self.environments[one.index].closure(one.head, one.item.code_start)
        return {"extern", '"C"'} <= words

    def unit(self, one: Declaration) -> str:
        """The path of the first unit that a definition is in."""
        return self.units[one.index].path


@dataclass(frozen=True, slots=True)
class LinkClash:
    """Something that two units have and should not, or should have alike; ``one`` is the place to look at."""

    check: str  # of ``findings.PROGRAM_CODES``
    message: str
    one: Declaration
    severity: Severity = Severity.ERROR


def _declared(parts: Iterable[Declaration]) -> Iterator[str]:
    for one in parts:
        if one.item.kind is Kind.VARIABLE and "extern" in one.item.flags and not one.is_definition:
            yield one.plain


def _compiled(every: UnitDeclarations, units: Sequence[FlatUnit]) -> UnitDeclarations:
    """The declarations that no guard macro of a unit's own turns off."""
    switches = own_switches(units)
    off = [Ranges.of(turned_off(unit, switches)) for unit in units]
    return every.where(lambda one: not off[one.index].holds(one.item.code_start)) if switches else every


def _declares(body: Sequence[str]) -> bool:
    """Whether a macro's body (tokens behind its name) has nothing that a unit must have alone.

    A body that calls another macro at file scope is not looked through: who knows what that makes.
    """
    if next(iter(body), "") == "(":
        body = body[body.index(")") + 1 :]
    text = re.sub(r" ?## ?", "", " ".join(body)).encode("utf-8", "surrogateescape")
    found = definitions(parse(text if text.endswith((b";", b"}")) else text + b";"))
    return bool(found) and all(
        not one.is_registration
        and not one.must_be_once
        and one.item.kind in (Kind.DECLARATION, Kind.FUNCTION, Kind.TYPE, Kind.ALIAS)
        for one in found
    )


def clashes(program: Program, allowed: Callable[[Declaration], int] = lambda _: 1) -> Iterator[LinkClash]:
    """All of it. ``allowed`` says how often one unit may have something by one name, as tokens tell names."""
    yield from doubled(program, allowed)
    yield from folded(program)
    yield from divided(program)


def doubled(program: Program, allowed: Callable[[Declaration], int]) -> Iterator[LinkClash]:
    """What must be defined once and is defined by several units, or more than once by one."""
    places: dict[tuple[str, object], list[tuple[int, Declaration]]] = defaultdict(list)
    for one in program.parts:
        if one.is_made_elsewhere:
            continue
        must_be_once = program.must_be_once(one)
        constant = [] if must_be_once else program.declared_constants(one)
        if not (must_be_once or constant or one.item.kind is Kind.INSTANTIATION):
            continue
        here = [(unit, one) for unit in constant or program.holders(one)]
        if (must_be_once or constant) and not one.is_registration and program.has_c_linkage(one):
            places[one.short, "C"] += here
        else:
            places[one.name, one.identity] += here
    for (_, kind), found in places.items():
        found.sort(key=itemgetter(0))
        one = found[0][1]
        instantiation = one.item.kind is Kind.INSTANTIATION
        times = max(allowed(one), 1)
        if found[0][0] != found[-1][0] or len(found) > times:
            units = ", ".join(dict.fromkeys(program.units[unit].path for unit, _ in found))
            what = "instantiated" if instantiation else "defined"
            if kind == "C":
                what = "has C linkage, which no namespace keeps apart, and is defined"
            yield LinkClash("doubled", f"{what} more than once: {units}", found[-1][1])


def folded(program: Program) -> Iterator[LinkClash]:
    """The one-definition trap: one external name, other tokens or other macros in force in two units."""
    groups: dict[tuple[str, Identity], list[Declaration]] = defaultdict(list)
    for one in program.parts:
        if not _folds(one) or one.is_internal or one.must_be_once or program.is_dispatch(one):
            continue
        if program.has_symbol(one):
            groups[one.name, one.identity].append(one)
    for here in groups.values():
        first = here[0]
        for other in here[1:]:
            if other.index == first.index:
                continue
            pair = f"{program.unit(first)} and {program.unit(other)}"
            if other.tokens != first.tokens:
                kinds = {d.tokens: program.unit(d) for d in reversed(here)}
                units = sorted(kinds.values())
                among = f"{', '.join(units[:-1])} and {units[-1]}"
                kept = _ONE_KEPT if len(units) == 2 else f"the linker keeps one of the {len(units)}, silently"
                yield LinkClash("odr", f"its tokens differ between {among}: {kept}", other)
                break
            names = _differing(program, first, other)
            if names:
                differ = f"{', '.join(names)} differ{'s' if len(names) == 1 else ''} between {pair}"
                yield LinkClash("odr", f"{differ}: {_ONE_KEPT}", other)
                break


def _folds(one: Declaration) -> bool:
    kinds = (Kind.FUNCTION, Kind.KERNEL, Kind.TYPE, Kind.VARIABLE, Kind.ALIAS)
    return one.item.kind in kinds and (one.is_definition or one.item.kind in (Kind.TYPE, Kind.ALIAS))


def _differing(program: Program, one: Declaration, other: Declaration) -> list[str]:
    """The macros that both use, and that are not the same for both."""
    words = [*one.tokens, *one.condition_words]
    a = program.environments[one.index].at(words, one.item.code_start)
    b = program.environments[other.index].at(words, other.item.code_start)
    return sorted(name for name in {*a, *b} if a.get(name) != b.get(name))


def divided(program: Program) -> Iterator[LinkClash]:
    """Writable objects, file-scope or function-local, of which each unit has its own."""
    alike: dict[Identity, list[Declaration]] = defaultdict(list)
    for one in program.parts:
        alike[one.identity].append(one)
    for those in alike.values():
        here = {unit: one for one in those for unit in program.holders(one)}
        one = next(iter(here.values()))
        if len(here) < 2 or program.is_dispatch(one):
            continue
        separate = one.is_internal or len({d.name for d in here.values()}) > 1
        if one.item.kind is Kind.TYPE:
            separate = one.hidden or "static" in one.item.flags
        in_c = program.unit(one).endswith(".c")
        read = in_c and all(only_read(program.units[unit].source, d) for unit, d in here.items())
        if one.objects and separate and not one.is_constant and not read:
            if "extern" not in one.item.flags:
                yield LinkClash("divided state", f"one object in each of {len(here)} units", one)
        elif one.item.kind in (Kind.FUNCTION, Kind.KERNEL) and separate:
            states = local_states(one.tokens)
            local = ", ".join(states)
            if states and only_caches(one, states):
                text = f"its static {local} only keeps what it finds out: each of {len(here)} units asks once"
                yield LinkClash("cached state", text, one, Severity.NOTE)
            elif states:
                text = f"its static {local} is one object in each of {len(here)} units"
                yield LinkClash("divided state", text, one, Severity.WARNING)
