"""Texts that begin as one that was read before: the units of a layout, which take in the same headers first.

A few texts are kept as *beginnings*, each with its tokens and, once it was parsed, its items. What another
text has in common with one of them, from its first byte on, is not parsed again: items up to a place between
two of them at which nothing is open (``segment``). What lies before such a place was read without a look
beyond the token behind it, which both texts have. (Tokens are taken over from any text: ``lateread``.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from mergeguard.cpp.lateread import in_common
from mergeguard.values import dataclass, field

if TYPE_CHECKING:
    from mergeguard.cpp.items import Item, Source
    from mergeguard.cpp.lexer import Lexed


class Mark(NamedTuple):
    """A place between two items with no ``#if`` open, and what reading takes along from before it."""

    token: int  # the first of the next item
    segments: int  # how many items stand before it
    defined: int  # how many of the macros that lines were met about so far
    asks_for_calls: bool


class ParsedBeginning(NamedTuple):
    """How a beginning was parsed: its source, the way in which, and where another text may go on."""

    source: Source
    way: object
    marks: Sequence[Mark]
    defined: Sequence[str]
    header: int  # 1 if its first item is none of the segments, but comments

    def mark_before(self, token: int) -> Mark | None:
        """The last mark whose next item ends at ``token``, or before it."""
        found = None
        for mark, following in zip(self.marks, self.marks[1:], strict=False):
            if following.token > token:
                break
            found = mark
        return found

    def items_before(self, mark: Mark) -> tuple[Item, ...]:
        """The items that stand before a mark."""
        return self.source.items[: mark.segments + self.header]


@dataclass(slots=True, eq=False)
class Beginning:
    """A text that was read, with its tokens."""

    lexed: Lexed
    readings: dict[bool, ParsedBeginning] = field(default_factory=dict)

    @property
    def text(self) -> bytes:
        return self.lexed.text


class Shared(NamedTuple):
    """What a text has in common with a beginning: their first ``length`` bytes."""

    beginning: Beginning
    length: int


# Shorter texts are read as fast as compared.
_SHORTEST = 2_048
# What texts are told apart by, before they are compared.
_FIRST = 64
# Bounds of what is kept, in bytes of all texts and in texts that have their first bytes in common.
_MOST_BYTES = 1 << 20
_MOST_ALIKE = 3

_kept: dict[bytes, list[Beginning]] = {}
_asked: dict[bytes, Shared | None] = {}  # the answer about the last text: who lexes it, parses it next


def shared(text: bytes) -> Shared | None:
    """The beginning that a text has most in common with; None where that is less than half of it."""
    if len(text) < _SHORTEST:
        return None
    if text not in _asked:
        _asked.clear()
        _asked[text] = _most_in_common(text)
    return _asked[text]


def _most_in_common(text: bytes) -> Shared | None:
    alike = [Shared(one, in_common(one.text, text)) for one in _kept.get(text[:_FIRST], ())]
    best = max(alike, key=lambda one: one.length, default=None)
    return best if best is not None and 2 * best.length >= len(text) else None


def keep(lexed: Lexed) -> None:
    """Keep a text, if it has little in common with those that are kept already."""
    if len(lexed.text) < _SHORTEST or shared(lexed.text) is not None:
        return
    _asked.clear()
    alike = _kept.setdefault(lexed.text[:_FIRST], [])
    alike.insert(0, Beginning(lexed))
    del alike[_MOST_ALIKE:]
    total = sum(len(one.text) for many in _kept.values() for one in many)
    while total > _MOST_BYTES and len(_kept) > 1:
        oldest = _kept.pop(next(iter(_kept)))
        total -= sum(len(one.text) for one in oldest)


def forget() -> None:
    """Forget all there are."""
    _kept.clear()
    _asked.clear()
