"""Where the definitions of a file are in a later tree: still in it, in other files, or nowhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from mergeguard.cpp.items import Item, Kind
from mergeguard.cpp.leaves import Leaf, leaves_of
from mergeguard.cpp.source import parse
from mergeguard.merge.checks.heads import definitions
from mergeguard.merge.edits import LANGUAGE, called, side_edit
from mergeguard.values import dataclass

# Macros and constants of one name stand in many files: they say nothing about where code went.
_TELLING = frozenset((Kind.FUNCTION, Kind.KERNEL, Kind.TYPE))

_TYPE = re.compile(rb"\b(?:struct|class|enum|union)\s+(\w+)")

Name = tuple[Kind, str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """A definition in another file: its name, that file, and the 1-based line on which it begins there."""

    name: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Of ``total`` definitions, ``stayed`` are in the file still, ``moved`` elsewhere; the rest are gone.

    Nothing is counted where the words alone show that none is elsewhere.
    """

    total: int
    stayed: int
    moved: tuple[Found, ...]

    @property
    def files(self) -> dict[str, int]:
        """The files that have moved definitions, with how many; most first."""
        counts: dict[str, int] = {}
        for found in self.moved:
            counts[found.path] = counts.get(found.path, 0) + 1
        return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))

    def place(self, name: str) -> Found | None:
        """Where a definition has gone; None if it stayed or is gone."""
        return next((found for found in self.moved if found.name == name), None)


class Other(NamedTuple):
    """Another file: what it is, and a way to learn what it was before (None: it was not there)."""

    now: bytes
    before: Callable[[], bytes | None]


Others = Mapping[str, Other]


def whereabouts(old: bytes, new: bytes | None, others: Callable[[], Others]) -> Whereabouts:
    """Where the definitions of ``old`` are, given what the file is ``new`` (None: it is gone).

    ``others`` gives the other files that changed, by path, and is asked only where one may be gone. A
    definition has moved to a file that has one of its kind, name and arguments now and had none before; where
    several files qualify, the one with the very same code, then the one that took most.
    """
    leavers = [*_leavers(old, new)] if new is not None else []
    there = others() if new is None or leavers else {}
    if new is not None and not any(name in other.now for other in there.values() for name in leavers):
        return Whereabouts(0, 0, ())
    names = {name: leaf for name, (leaf, _) in _definitions(old).items()}
    stayed = names.keys() & (_definitions(new).keys() if new is not None else set())
    lost = names.keys() - stayed
    took: dict[str, dict[Name, tuple[bool, int]]] = {}
    words = {name[1].rsplit("::", 1)[-1].encode("utf-8", "surrogateescape") for name in lost}
    for path, other in there.items() if lost else ():
        if not any(word in other.now for word in words):
            continue
        had = _definitions(other.before() or b"")
        for name, (leaf, line) in _definitions(other.now).items():
            if name in lost and name not in had:
                took.setdefault(path, {})[name] = leaf.code == names[name].code, line
    moved: list[Found] = []
    for name in (n for n in names if n in lost):
        found = [
            (same, len(held), path, line)
            for path, held in took.items()
            if name in held
            for same, line in [held[name]]
        ]
        if found:
            _, _, path, line = max(found, key=lambda f: (f[0], f[1], f[2]))
            moved.append(Found(name[1], path, line))
    return Whereabouts(len(names), len(stayed), tuple(moved))


def _leavers(old: bytes, new: bytes) -> Iterator[bytes]:
    """The names of which a definition may be gone: cheap, by the lines that went, which call, define or
    declare them. They must be defined less often, or stand less often in a line at the margin."""
    edit = side_edit(old, new)
    names = called(edit.removed_code) | set(_TYPE.findall(edit.removed_code))
    for name in names - LANGUAGE:
        if definitions(old, name).total() > definitions(new, name).total():
            yield name
            continue
        at_margin = re.compile(rb"(?m)^[^\s#/}][^\n]*(?<!\w)" + re.escape(name) + rb"(?!\w)")
        if len(at_margin.findall(old)) > len(at_margin.findall(new)):
            yield name


def _definitions(text: bytes) -> dict[Name, tuple[Leaf, int]]:
    """The first definition of each name, with its 1-based line."""
    found: dict[Name, tuple[Leaf, int]] = {}
    line = 1
    for leaf in leaves_of(text)[0]:
        if leaf.defines and leaf.kind in _TELLING and leaf.name:
            blank = len(leaf.text) - len(leaf.text.lstrip())
            begins = line + leaf.text.count(b"\n", 0, blank)
            found.setdefault((leaf.kind, leaf.name, leaf.arguments), (leaf, begins))
        line += leaf.text.count(b"\n")
    return found


def items_in(text: bytes, start: int, end: int) -> list[Item]:
    """The items that a range of bytes touches."""
    return [i for i in parse(text).items if i.start <= max(start, end - 1) and start < i.end]
