"""What a text has in common with others that were read before, and so is not read again.

A few texts are kept as *beginnings*, each with its tokens and, once it was parsed, its items. What another
text has in common with one of them, from its first byte on, is not parsed again: items up to a place between
two of them at which nothing is open (``segment``). What lies before such a place was read without a look
beyond the token behind it, which both texts have. So the units of a layout are read, which take in the same
headers first.

The texts that were lexed last are kept as *late* ones. The versions of a file differ in a few places, and so
do the files that one layout after the other makes of it: of the one that is most alike the tokens up to the
last cut before the first difference, and from the first cut behind the last one on, are those of the new text
(``lexer`` says what a cut is).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from mergeguard.cpp.diff import ending_in_common, in_common
from mergeguard.values import dataclass, field

if TYPE_CHECKING:
    from mergeguard.cpp.items import Item, Source
    from mergeguard.cpp.lexer import Lexed


class Mark(NamedTuple):
    """A place between two items with no ``#if`` open, and what reading takes along from before it."""

    token: int  # the first of the next item
    seen: int  # the last that reading may have looked at; the text's last where that is not known
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
        """The last mark from which on a text can be read that has the tokens up to ``token`` in common."""
        found = None
        for number, mark in enumerate(self.marks):
            if mark.token > token + 1:
                break
            behind = self.marks[number + 1].token if number + 1 < len(self.marks) else token + 1
            if mark.seen <= token or behind <= token:
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
    _late.clear()


# -- what texts have in common at both ends, and its tokens


class LateText(NamedTuple):
    """A text that was lexed, and the ``cuts`` at which lexing may go on."""

    lexed: Lexed
    cuts: Sequence[int]


class Alike(NamedTuple):
    """A text that was lexed: another begins with its first ``head`` bytes, and ends with its last ``tail``
    ones, of which none is among the first."""

    late: LateText
    head: int
    tail: int

    @property
    def last_cut(self) -> int:
        """The last one in the bytes that both begin with; 0 if there is none."""
        number = bisect_right(self.late.cuts, self.head)
        return self.late.cuts[number - 1] if number else 0

    @property
    def first_cut(self) -> int:
        """The first one in the bytes that both end with; the text's end if there is none."""
        size, cuts = len(self.late.lexed.text), self.late.cuts
        number = bisect_left(cuts, size - self.tail)
        return cuts[number] if number < len(cuts) else size


# Bytes that are read faster than another text is compared.
_NEXT_TO_NOTHING = 1_024
# Texts in which edits may be so far apart that it pays to look between them, and how that is told.
_WORTH_PROBING = 100_000
_PROBES, _PROBE = 16, 64
# A step of a rebase goes to and fro between five: both bases, what is onto them, and the result before.
_MOST_LATE = 6
_late: deque[LateText] = deque(maxlen=_MOST_LATE)


def most_alike(text: bytes) -> Alike | None:
    """The text that was lexed lately and has most in common with ``text``, at both ends or between edits;
    None where none has half of it."""
    if len(text) < _SHORTEST:
        return None
    best, most = None, (len(text) + 1) // 2
    for late in _late:
        other = late.lexed.text
        head = in_common(other, text)
        tail = ending_in_common(other, text, min(len(other), len(text)) - head)
        if head + tail >= most:
            best, most = Alike(late, head, tail), head + tail
        if most >= len(text) - _NEXT_TO_NOTHING:
            break
    return best if best is not None or len(text) < _WORTH_PROBING else _alike_between_edits(text)


def _alike_between_edits(text: bytes) -> Alike | None:
    """A text that has little in common with ``text`` at both ends, but most of some probes of it."""
    step = len(text) // _PROBES
    probes = [text[at : at + _PROBE] for at in range(step // 2, len(text) - _PROBE, step)]
    for late in _late:
        other = late.lexed.text
        if 4 * sum(probe in other for probe in probes) >= 3 * len(probes):
            head = in_common(other, text)
            return Alike(late, head, ending_in_common(other, text, min(len(other), len(text)) - head))
    return None


def late(text: bytes) -> LateText | None:
    """A text with its tokens, if it is one of those that were lexed lately."""
    return next((one for one in _late if one.lexed.text == text), None)


def keep_late(late: LateText) -> None:
    """Keep a text in place of the one that was kept first."""
    if len(late.lexed.text) >= _SHORTEST:
        _late.appendleft(late)
