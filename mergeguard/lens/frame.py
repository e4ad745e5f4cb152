"""What the parts of ``emit`` have in common: the assignment, names of files, lines of glue."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

from mergeguard.cpp.source import Item, ItemScope, Source, Unit
from mergeguard.cpp.text import line_of
from mergeguard.errors import Location, RuleMismatch
from mergeguard.lens import glue
from mergeguard.lens.homes.assignment import Assignment, DealtPartition
from mergeguard.lens.layout import Glue, LayoutFile, Piece, Role
from mergeguard.lens.rule import Rule
from mergeguard.lens.thin import conditional
from mergeguard.values import cached_property


class Frame:
    """Of one layout. ``newline`` ends lines of glue, ``back`` leads from its folder to the monolith's.

    ``bodies`` and ``headers`` are the files that there are of these roles, in the rule's order.
    """

    def __init__(self, rule: Rule, path: str, source: Source, assignment: Assignment) -> None:
        self.rule = rule
        self.path = path
        self.source = source
        self.text = source.text
        self.assignment = assignment
        # As most lines end: an edit of one line should not change the glue of every file.
        returns = self.text.count(b"\r\n") if b"\r" in self.text else 0
        self.newline = b"\r\n" if 2 * returns > self.text.count(b"\n") else b"\n"
        self.folder = rule.folder(path)
        self.home_folder = posixpath.relpath(self.folder, posixpath.dirname(path) or ".")
        self.back = b"../" * (self.home_folder.count("/") + 1)
        self.bodies = tuple(dict.fromkeys(p.rule.body for p in assignment.partitions))
        self.headers = tuple(
            m.to for m in rule.move if self.units(m.to) or m.needed and self.assignment.declared
        )
        self.headers += tuple(d.header for d in rule.deal)

    def units(self, home: str) -> Sequence[Unit]:
        return self._units.get(home, ())

    @cached_property
    def _units(self) -> dict[str, list[Unit]]:
        """The units of each home, in the file's order."""
        found: dict[str, list[Unit]] = defaultdict(list)
        for unit, home in zip(self.assignment.units, self.assignment.homes, strict=True):
            found[home].append(unit)
        return found

    def items(self, home: str) -> list[Item]:
        return [item for unit in self.units(home) for item in unit.items]

    def file(self, name: str, role: Role, pieces: Iterable[Piece]) -> LayoutFile:
        return LayoutFile(posixpath.join(self.folder, name), role, tuple(p for p in pieces if p.text))

    def lines(self, lines: list[bytes], kind: Glue) -> Piece:
        return Piece(b"".join(line + self.newline for line in lines), None, kind)

    def between(self, source: str, target: str) -> bytes:
        return _between(source, target)

    def namespace(self, shard: str) -> bytes:
        return glue.namespace(posixpath.basename(self.folder), shard).encode("utf-8", "surrogateescape")

    def shared_space(self, *, anonymous: bool = False) -> bytes:
        """The namespace of what the units share; in C what its names begin with."""
        space = glue.shared_space(posixpath.basename(self.folder), anonymous=anonymous)
        return space.encode("utf-8", "surrogateescape")

    @property
    def in_c(self) -> bool:
        return self.path.endswith(".c")

    def shards_of(self, partition: DealtPartition) -> list[str]:
        dealt = (shard for place in partition.places for shard in place.shard_of)
        serving = {*dealt, partition.rule.rest}
        order = [*partition.rule.shards, partition.rule.rest]
        return [shard for shard in dict.fromkeys(order) if shard in serving]

    def is_named(self, item: Item, name: str) -> bool:
        """Whether a rule's name is an item's."""
        return fnmatchcase(item.name, name.removeprefix("::") if self.assignment.qualified else name)

    def between_scopes(self, before: tuple[ItemScope, ...], after: tuple[ItemScope, ...]) -> list[bytes]:
        """The lines that close the blocks of what came before and open those of what follows."""
        same = 0
        while same < min(len(before), len(after)) and before[same] == after[same]:
            same += 1
        lines = [line for scope in reversed(before[same:]) for line in scope.closing.split(b"\n")]
        lines += [line for scope in after[same:] for line in scope.opening.split(b"\n")]
        return [glue.scope_line(line) for line in lines]

    def in_blocks(self, item: Item, lines: list[bytes]) -> list[bytes]:
        """Lines of glue in the opened blocks around an item, which are opened again."""
        scopes = self.assignment.scopes(item)
        return [*self.between_scopes((), scopes), *lines, *self.between_scopes(scopes, ())]

    def in_branches(self, item: Item, lines: list[bytes]) -> list[bytes]:
        """Lines of glue under the conditions of an item, in the opened blocks around it."""
        return self.in_blocks(item, conditional(self.inner_conditions(item), lines))

    def inner_conditions(self, item: Item) -> Sequence[str]:
        """The conditions around an item within the opened blocks, which come first in its path."""
        opened = sum(scope.is_branch for scope in self.assignment.scopes(item))
        return item.condition[opened:]

    def mismatch(self, item: Item, message: str, hint: str | None = None) -> RuleMismatch:
        line = line_of(self.text, item.code_start)
        return RuleMismatch(message, where=Location(self.path, line, item.name or None), hint=hint)


@lru_cache(maxsize=1024)
def _between(source: str, target: str) -> bytes:
    """How ``source`` names ``target`` in an include: by the way from its folder."""
    return posixpath.relpath(target, posixpath.dirname(source) or ".").encode("utf-8", "surrogateescape")
