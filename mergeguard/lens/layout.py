"""The layout of a monolith and its map: which bytes of which file are whose.

A layout file is a run of pieces. A piece is either bytes of the monolith (at a known offset) or glue:
text that the split needs and the monolith does not have. Together the pieces *are* the map of
docs/lens.md; nothing else records provenance.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from enum import StrEnum
from itertools import accumulate
from typing import NamedTuple

from mergeguard.values import cached_property, dataclass


class Glue(StrEnum):
    """What a piece of glue is for."""

    PREAMBLE = "preamble"  # what a file starts with: comment, guard, includes, shard macros
    CLOSING = "closing"  # what ends the file: the end of the shard's namespace
    GUARD = "guard"  # `#if defined(MG_SHARD_x)` and its `#endif` around arms
    LINKAGE = "linkage"  # `inline` or `static` on a line of its own before a definition
    INCLUDE_PATH = "include path"  # `../` that re-bases a quoted include
    INCLUDE = "include"  # the entry's includes of the layout's headers
    DISPATCH = "dispatch"  # the entry's function that calls the shard
    DECLARATION = "declaration"  # declarations of what the shards define
    SCOPE = "scope"  # a namespace or #if of the monolith, opened again, and its end
    OFFER = "offer"  # functions of the entry that the shards call, under a name of the layout's own
    INSTANTIATION = "instantiation"  # explicit instantiations that the rule lists

    @property
    def transparent(self) -> bool:
        """Whether monolith text on both sides of this glue reads on as if it were not there."""
        return self in (Glue.GUARD, Glue.LINKAGE, Glue.INCLUDE_PATH)


class Role(StrEnum):
    """What a layout file is."""

    ENTRY = "entry"
    SHARD = "shard"
    HEADER = "header"
    BODY = "body"
    DECLARATIONS = "declarations"


class Piece(NamedTuple):
    """Some bytes of a layout file: the monolith's at ``source``, or glue (``source`` is None).

    ``anchor``, for glue in the entry, is the monolith's range in whose place it stands.
    """

    text: bytes
    source: int | None
    glue: Glue | None = None
    anchor: tuple[int, int] | None = None

    @property
    def source_end(self) -> int | None:
        """The monolith offset after the piece's last byte; None for glue."""
        return None if self.source is None else self.source + len(self.text)


@dataclass(frozen=True)
class LayoutFile:
    """One file of a layout. ``path`` is relative to the repository's root."""

    path: str
    role: Role
    pieces: tuple[Piece, ...]

    @cached_property
    def text(self) -> bytes:
        """The file's bytes."""
        return b"".join(piece.text for piece in self.pieces)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The offset in ``text`` at which each piece starts, and the text's length."""
        return tuple(accumulate((len(p.text) for p in self.pieces), initial=0))

    @property
    def is_unit(self) -> bool:
        """Whether the file is a translation unit that the build lists."""
        return self.role in (Role.ENTRY, Role.SHARD)

    @property
    def monolith_text(self) -> bytes:
        """The file's bytes without its glue."""
        return b"".join(p.text for p in self.pieces if p.source is not None)

    def is_glue(self, start: int, end: int) -> bool:
        """Whether no byte of ``start:end`` is the monolith's."""
        return not any(
            piece.source is not None and at < end and start < at + len(piece.text)
            for piece, at in zip(self.pieces, self.starts, strict=False)
        )

    def piece_at(self, offset: int) -> int:
        """The index of the piece that holds the byte at ``offset`` (the last one at the end)."""
        return max(0, min(bisect_right(self.starts, offset) - 1, len(self.pieces) - 1))


@dataclass(frozen=True)
class Layout:
    """All files that a rule makes of one monolith. ``files`` has the entry first.

    ``notes`` say, for people, what the rule decided about things that it does not name.
    """

    path: str
    monolith: bytes
    files: tuple[LayoutFile, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # Law 3, one home: every monolith byte is in exactly one piece. Anything else is our bug.
        spans = sorted(
            (p.source, p.source + len(p.text))
            for file in self.files
            for p in file.pieces
            if p.source is not None and p.text
        )
        end = 0
        for start, stop in [*spans, (len(self.monolith), len(self.monolith))]:
            if start != end:
                homes = "two homes" if start < end else "no home"
                where = f"bytes {min(start, end)}..{max(start, end)}"
                raise AssertionError(f"{self.path}: monolith {where} have {homes}")
            end = stop

    @cached_property
    def by_path(self) -> dict[str, LayoutFile]:
        """The files by path."""
        return {file.path: file for file in self.files}

    @property
    def shards(self) -> tuple[LayoutFile, ...]:
        """The shards, in the rule's order."""
        return tuple(file for file in self.files if file.role is Role.SHARD)

    def to_layout(self, offset: int) -> tuple[LayoutFile, int]:
        """Where the monolith's byte at ``offset`` is: the file, and the offset in it."""
        if not 0 <= offset < len(self.monolith):
            raise IndexError(f"{self.path}: no byte at {offset}")
        begin, number, start = self._homes[bisect_right(self._homes, (offset + 1,)) - 1]
        return self.files[number], start + offset - begin

    @cached_property
    def _homes(self) -> list[tuple[int, ...]]:
        """Where each piece of the monolith begins, in its order: there, in which file, and in that file."""
        return sorted(
            (piece.source, number, start)
            for number, file in enumerate(self.files)
            for piece, start in zip(file.pieces, file.starts, strict=False)
            if piece.source is not None and piece.text
        )

    def to_monolith(self, path: str, offset: int) -> int | Glue:
        """The monolith offset of a layout file's byte, or the kind of glue it is."""
        file = self.by_path[path]
        index = file.piece_at(offset)
        piece = file.pieces[index]
        if piece.source is None:
            assert piece.glue is not None
            return piece.glue
        return piece.source + offset - file.starts[index]


def shard_paths(layout: Layout) -> tuple[str, ...]:
    """The translation units that the build has to list beside the entry."""
    return tuple(f.path for f in layout.files if f.role is Role.SHARD)


_INCLUDED = re.compile(rb'#[ \t]*include[ \t]*"([^"\n]+)"')


def includable(layouts: Iterable[Layout]) -> frozenset[str]:
    """The paths that includes with quotes may mean, in the layouts' files or in their monoliths, beside the
    file that has them or beside one of the others."""
    layouts = tuple(layouts)
    files = {file.path: file.text for layout in layouts for file in layout.files}
    folders = {posixpath.dirname(path) for path in (*files, *(layout.path for layout in layouts))}
    names = {
        n for text in (*(one.monolith for one in layouts), *files.values()) for n in _INCLUDED.findall(text)
    }
    return frozenset(
        posixpath.normpath(posixpath.join(folder, name.decode("utf-8", "surrogateescape")))
        for folder in folders
        for name in names
    )


#: The layout of another text of the same monolith.
Splitter = Callable[[bytes], Layout]
