"""What the include lines of hand-made files name, and the guards of their headers."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Sequence

from mergeguard.cpp.leaves import Leaf
from mergeguard.cpp.lexer import BEFORE_CODE
from mergeguard.cpp.source import Kind

QUOTED = re.compile(rb'#\s*include\s*"([^"]*)"')
_GUARD = re.compile(BEFORE_CODE + rb"\#\s*ifndef\s+(\w+)\s*\#\s*define\s+(\w+)\s")


class Targets:
    """What include lines mean, with the entry at ``path``, and the split's ``files`` and their leaves."""

    def __init__(self, path: str, files: Collection[str], leaves: Sequence[Leaf]) -> None:
        self.path = path
        self.files = files
        self.leaves = leaves
        self.rebased = self._rebased(leaves)

    def of(self, leaf: Leaf) -> str:
        """What an include names: a path from the root where it can be known, else as it is spelled."""
        found = QUOTED.search(leaf.text)
        if found is None:
            return leaf.name
        name = found[1].decode("utf-8", "surrogateescape")
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(leaf.home), name))
        if beside in self.files or name.startswith("."):
            return beside
        if name in self.files:
            return name
        # The same spelling beside the monolith and in a folder below it means one file found by -I, or the
        # file's own folder; a re-based spelling of it was resolved above.
        own = posixpath.normpath(posixpath.join(posixpath.dirname(self.path), name))
        return own if leaf.home == self.path and own in self.rebased else leaf.name

    def reaches(self, home: str, other: str) -> bool:
        """Whether the file ``home`` takes the file ``other`` in, however deep."""
        links: dict[str, set[str]] = {}
        for leaf in self.leaves:
            if leaf.kind is Kind.INCLUDE:
                links.setdefault(leaf.home, set()).add(self.of(leaf))
        seen, pending = {home}, [home]
        while pending:
            for target in links.get(pending.pop(), set()) - seen:
                seen.add(target)
                pending.append(target)
        return other in seen and other != home

    def _rebased(self, leaves: Sequence[Leaf]) -> frozenset[str]:
        found = set()
        for leaf in leaves:
            quoted = QUOTED.search(leaf.text) if leaf.kind is Kind.INCLUDE else None
            if quoted is not None and quoted[1].startswith(b"."):
                name = quoted[1].decode("utf-8", "surrogateescape")
                found.add(posixpath.normpath(posixpath.join(posixpath.dirname(leaf.home), name)))
        return frozenset(found)


def guard_of(text: bytes) -> bytes | None:
    """The macro of a header's include guard."""
    found = _GUARD.match(text)
    return found[1] if found is not None and found[1] == found[2] else None
