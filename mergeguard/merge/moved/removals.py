"""Declarations that one side removed and the other side's split has in another file.

Like any edit a removal goes to where the declaration is now: what both sides knew as one is not there twice,
the old one beside what took its place. Where the moving side calls it from text of its own, a person decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from mergeguard.cpp.leaves import Leaf
from mergeguard.merge.moved.loose import Loose, contested, plain_code
from mergeguard.values import dataclass

_WORD = re.compile(rb"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Removed:
    """A declaration ``leaf`` of the base's ``path`` that the editor has no more, and the mover as leaf
    ``number`` of ``home``."""

    leaf: Leaf
    path: str
    home: str
    number: int


def removals(
    found: Sequence[Removed],
    homes: Mapping[str, Sequence[Leaf]],
    base: Iterable[Leaf],
    editors: Iterable[bytes],
) -> list[Loose]:
    """The removals at the new places; a conflict there where the mover changed the declaration, or where
    what will be there names it still.

    ``homes`` are the mover's files, ``base`` all declarations of the base's files; ``editors`` are the texts
    of the editor's.
    """
    known = {plain_code(leaf) for leaf in base}
    own = (leaf.text for leaves in homes.values() for leaf in leaves if plain_code(leaf) not in known)
    used = {word for text in (*own, *editors) for word in _WORD.findall(text)}
    return [_removal(one, homes[one.home], used) for one in found]


def _removal(one: Removed, leaves: Sequence[Leaf], used: set[bytes]) -> Loose:
    start = sum(len(leaf.text) for leaf in leaves[: one.number])
    there = leaves[one.number]
    end = start + len(there.text)
    change = Loose(one.leaf.short, one.path, 0, 0, 0, 0, one.home, start, end, one.leaf.text, b"", True, True)
    unchanged = plain_code(there) == plain_code(one.leaf) and there.keys == one.leaf.keys
    return change if unchanged and there.word not in used else contested(change)
