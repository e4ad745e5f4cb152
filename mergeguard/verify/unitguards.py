"""Text of a unit that its own file turns off: under a guard macro that other units of the program define.

``#ifdef MAIN_TU`` in a header that several units take in is compiled by the one unit that says
``#define MAIN_TU`` above the include. Such a macro is the program's own switch: the unit files define it,
outside of every condition, and no header does. Nothing else is evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence

from mergeguard.cpp.conditions import MIDDLES, OPENERS, Group, condition_of
from mergeguard.cpp.environment import Environment, environment_of
from mergeguard.verify.flatten import FlatUnit


def own_switches(units: Sequence[FlatUnit]) -> frozenset[str]:
    """The macros that some unit's own file defines outside of every condition, and no header does."""
    by_unit: set[str] = set()
    by_header: set[str] = set()
    for unit in units:
        for name, offset, conditions in environment_of(unit.source).defined():
            path, _ = unit.place(offset)
            if path != unit.path:
                by_header.add(name)
            elif not conditions:
                by_unit.add(name)
    return frozenset(by_unit - by_header)


def turned_off(unit: FlatUnit, switches: frozenset[str]) -> tuple[tuple[int, int], ...]:
    """The byte ranges of a unit that its switches turn off, ascending; none inside another."""
    if not switches:
        return ()
    lexed, environment = unit.source.lexed, environment_of(unit.source)
    found: list[tuple[int, int]] = []
    stack: list[tuple[Group, int | None]] = []  # where the branch begins that is being read, if it is off
    for directive in lexed.directives:
        if directive.name in OPENERS:
            group = Group(condition_of(lexed, directive))
        elif directive.name in (*MIDDLES, "endif") and stack:
            group, off = stack.pop()
            if off is not None and all(start is None for _, start in stack):
                found.append((off, directive.start))
            if directive.name == "endif":
                continue
            group.enter(condition_of(lexed, directive))
        else:
            continue
        is_off = _is_off(group, environment, switches, directive.start)
        stack.append((group, directive.end if is_off else None))
    return tuple(found)


def _is_off(group: Group, environment: Environment, switches: frozenset[str], offset: int) -> bool:
    facts = group.facts()
    if facts is None:
        return True
    for atom, wanted in facts:
        name = atom.removeprefix("defined(").removesuffix(")")
        if (
            name in switches
            and atom == f"defined({name})"
            and _is_defined(environment, name, offset) is (not wanted)
        ):
            return True
    return False


def _is_defined(environment: Environment, name: str, offset: int) -> bool | None:
    """Whether a switch is defined at ``offset``; None where that hangs on a condition."""
    steps = environment.history(name, offset)
    if any(conditions for conditions, _ in steps):
        return None
    return bool(steps) and steps[-1][1] is not None
