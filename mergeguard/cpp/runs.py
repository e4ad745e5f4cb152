"""What was read of stretches of texts, for other texts that have them, wherever they stand there.

A *run* goes from a place between two items, outside of all conditions, to the next such place: an item, or a
whole ``#if`` group between items. What it is depends on its own bytes, on the token behind it (a ``;`` or a
``catch`` would belong to it; a macro call goes on behind some preprocessor lines), and, where conditions
stand between its items, on which of the macros that they ask for were defined before it in the file. The
versions of a file, and the units of a layout, consist of the same runs.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import ClassVar

from mergeguard.cpp.conditions import Branch
from mergeguard.cpp.items import Item
from mergeguard.cpp.lexer import Lexed
from mergeguard.cpp.view import OpenBlock
from mergeguard.values import dataclass, field


@dataclass(frozen=True, slots=True)
class Segment:
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

    def moved(self, tokens: int, directives: int) -> Segment:
        """The same so many tokens and preprocessor lines further on."""
        return Segment(
            self.first + tokens,
            self.last + tokens,
            self.path,
            self.directive + directives if self.directive >= 0 else -1,
            self.opaque,
            self.block,
            self.brace + tokens if self.brace >= 0 else -1,
            self.opening,
        )


@dataclass(slots=True)
class Run:
    """What was read of a run, where it stood: token ``first`` is its first one, at byte ``start``, behind so
    many preprocessor ``lines``.

    ``text`` goes to the end of the token ``behind`` it, which is its ``reach``-th (of a preprocessor line its
    word). ``defined`` are the
    macros that it defines or undefines; ``asked`` those that its conditions ask for, of which it ``had`` some
    before it. ``asks_for_calls``: see ``segment.Segmented``. ``items`` are told apart in no other way than by
    their keys, and made behind the segments.
    """

    text: bytes
    behind: bytes
    is_line: bool
    first: int
    start: int
    lines: int
    tokens: int
    reach: int
    segments: Sequence[Segment]
    defined: Collection[str]
    asked: frozenset[str]
    had: frozenset[str]
    asks_for_calls: bool
    items: Sequence[Item] = field(default_factory=tuple)


# Bounds of what is kept: bytes of all runs, and runs that begin with the same line.
_MOST_BYTES = 4 << 20
_MOST_ALIKE = 64
_LONGEST_BEGIN = 200


class Runs:
    """The runs that were read in one way; ``Runs.read_as`` gives those of a way."""

    _all: ClassVar[dict[Hashable, Runs]] = {}
    _bytes: ClassVar[int] = 0

    def __init__(self) -> None:
        self._by_begin: dict[bytes, list[Run]] = {}

    @classmethod
    def read_as(cls, way: Hashable) -> Runs:
        """The runs of a way of reading: everything but the text that decides what comes of one."""
        return cls._all.setdefault(way, cls())

    @classmethod
    def forget(cls) -> None:
        """Forget all there are."""
        cls._all.clear()
        cls._bytes = 0

    def find(self, lexed: Lexed, position: int, last: int, defined: Collection[str]) -> Run | None:
        """The run that begins with token ``position`` of a text, of which ``last`` is the end."""
        start = lexed.starts[position]
        for run in self._by_begin.get(_begin(lexed.text, start), ()):
            behind = position + run.reach
            if (
                lexed.text.startswith(run.text, start)
                and behind < last
                and lexed.texts[behind] == run.behind
                and (lexed.directive_of[position] >= 0) == run.is_line
                and (not run.asked or run.had == run.asked.intersection(defined))
            ):
                return run
        return None

    def keep(self, run: Run, lexed: Lexed) -> None:
        """Keep a run of a text; all others may be forgotten for it."""
        if Runs._bytes > _MOST_BYTES:
            Runs.forget()
        alike = self._by_begin.setdefault(_begin(lexed.text, run.start), [])
        if len(alike) < _MOST_ALIKE:
            alike.append(run)
            Runs._bytes += len(run.text)


def _begin(text: bytes, start: int) -> bytes:
    """What runs are looked for by: the first line, or the beginning of it."""
    newline = text.find(b"\n", start, start + _LONGEST_BEGIN)
    return text[start : start + _LONGEST_BEGIN if newline < 0 else newline]
