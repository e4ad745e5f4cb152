"""Texts that were lexed lately: what another has in common with one, at both ends, is not lexed again.

The versions of a file differ in a few places, and so do the files that one layout after the other makes of
it. Of the text that is most alike the tokens up to the last cut before the first difference, and from the
first cut behind the last one on, are those of the new text (``lexer`` says what a cut is).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mergeguard.cpp.lexer import Lexed


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


# Shorter texts are read as fast as compared.
_SHORTEST = 2_048
# Bytes that are read faster than another text is compared.
_NEXT_TO_NOTHING = 1_024
# A step of a rebase goes to and fro between five: both bases, what is onto them, and the result before.
_MOST = 6
_late: deque[LateText] = deque(maxlen=_MOST)


def most_alike(text: bytes) -> Alike | None:
    """The text that was lexed lately and has most in common with ``text``; None where none has half of it."""
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
    return best


def keep(late: LateText) -> None:
    """Keep a text in place of the one that was kept first."""
    if len(late.lexed.text) >= _SHORTEST:
        _late.appendleft(late)


def forget() -> None:
    """Forget all there are."""
    _late.clear()


def in_common(one: bytes, other: bytes) -> int:
    """With how many equal bytes two texts begin."""
    most = min(len(one), len(other))
    if one[:most] == other[:most]:
        return most
    same, differs = 0, most  # they are the same up to the one, and not up to the other
    while differs - same > 1:
        middle = (same + differs) // 2
        if one[same:middle] == other[same:middle]:
            same = middle
        else:
            differs = middle
    return same


def ending_in_common(one: bytes, other: bytes, most: int) -> int:
    """With how many equal bytes two texts end, at most ``most``."""
    first, second = len(one), len(other)
    if one[first - most :] == other[second - most :]:
        return most
    same, differs = 0, most
    while differs - same > 1:
        middle = (same + differs) // 2
        if one[first - middle : first - same] == other[second - middle : second - same]:
            same = middle
        else:
            differs = middle
    return same
