"""Items that were read before, for other texts that have them, wherever they stand there.

What an item is depends on its own bytes, on the token behind it (a ``;`` or a ``catch`` would belong to it; a
macro call goes on behind some preprocessor lines), and on the *way* in which it is read: what the conditions
around it say, and which macros open blocks. The versions of a file, and the units of a layout, consist of the
same items.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator
from contextlib import contextmanager
from typing import ClassVar, NamedTuple

from mergeguard.cpp.conditions import Branch
from mergeguard.cpp.items import Item
from mergeguard.cpp.lexer import Lexed
from mergeguard.cpp.view import OpenBlock
from mergeguard.values import dataclass


class Segment(NamedTuple):
    """Tokens ``[first, last)`` of one item. ``directive`` is its index if the item is one preprocessor line.

    ``brace`` is the token that opens the body; ``opening`` what an ``#else`` or ``#endif`` ends.
    """

    first: int
    last: int
    path: tuple[Branch, ...]
    directive: int = -1
    opaque: bool = False
    block: OpenBlock = OpenBlock.NONE
    brace: int = -1
    opening: str = ""

    def moved(self, by: int) -> Segment:
        """That of an item of the same tokens, so many of them further on."""
        brace = self.brace + by if self.brace >= 0 else -1
        return Segment(self.first + by, self.last + by, self.path, -1, self.opaque, self.block, brace)


@dataclass(slots=True)
class KnownItem:
    """An item as it was read: its ``segment``, where its first token starts, and, once it is made, the item
    and the prefix of its name.

    ``text`` goes to the end of the token ``behind`` it, which is its ``reach``-th (of a preprocessor line its
    word; b"" where the text, or the block, ends there). ``tokens`` are those up to where reading went on.
    ``defined`` are the macros that it defines or undefines; ``asks_for_calls``: see ``segment.Segmented``.
    """

    text: bytes
    behind: bytes
    reach: int
    tokens: int
    segment: Segment
    start: int
    defined: Collection[str]
    asks_for_calls: bool
    item: Item | None = None
    prefix: str = ""


# Bounds of what is kept: bytes of all items, and items that begin with the same lines.
_MOST_BYTES = 4 << 20
_MOST_ALIKE = 64
_LONGEST_BEGIN = 200


class Noted(NamedTuple):
    """An item that was found, or kept, of those that are read in a way and begin so."""

    way: Hashable
    begin: bytes
    item: KnownItem


class KnownItems:
    """The items that were read in one way; ``KnownItems.read_as`` gives those of a way."""

    _all: ClassVar[dict[Hashable, KnownItems]] = {}
    _bytes: ClassVar[int] = 0
    _noted: ClassVar[list[Noted] | None] = None

    def __init__(self, way: Hashable) -> None:
        self._way = way
        self._by_begin: dict[bytes, list[KnownItem]] = {}

    @classmethod
    def read_as(cls, way: Hashable) -> KnownItems:
        """The items of a way of reading: everything but their text that decides what comes of it."""
        return cls._all.setdefault(way, cls(way))

    @classmethod
    @contextmanager
    def noting(cls) -> Iterator[list[Noted]]:
        """Inside, what is found and kept is noted, in the list that this gives."""
        before, cls._noted = cls._noted, []
        try:
            yield cls._noted
        finally:
            cls._noted = before

    @classmethod
    def forget(cls) -> None:
        """Forget all there are."""
        cls._all.clear()
        cls._bytes = 0

    def find(self, lexed: Lexed, position: int, last: int) -> KnownItem | None:
        """The item that begins with token ``position`` of a text, or a part of one, that ends at ``last``."""
        start, begin = lexed.starts[position], begin_of(lexed, position, last)
        for one in self._by_begin.get(begin, ()):
            behind = position + one.reach
            if lexed.text.startswith(one.text, start) and (
                behind < last and lexed.texts[behind] == one.behind if one.behind else behind == last
            ):
                if KnownItems._noted is not None:
                    KnownItems._noted.append(Noted(self._way, begin, one))
                return one
        return None

    def keep(self, one: KnownItem, begin: bytes) -> None:
        """Keep an item that begins so (see ``begin_of``); all others may be forgotten for it."""
        if KnownItems._bytes > _MOST_BYTES:
            KnownItems.forget()
        alike = self._by_begin.setdefault(begin, [])
        if len(alike) < _MOST_ALIKE:
            alike.append(one)
            KnownItems._bytes += len(one.text)
            if KnownItems._noted is not None:
                KnownItems._noted.append(Noted(self._way, begin, one))


def begin_of(lexed: Lexed, position: int, last: int) -> bytes:
    """What an item is looked for by: its first two lines, or the beginning of them."""
    text, start = lexed.text, lexed.starts[position]
    end = min(start + _LONGEST_BEGIN, lexed.end(last - 1))
    newline = text.find(b"\n", text.find(b"\n", start, end) + 1 or end, end)
    return text[start : end if newline < 0 else newline]
