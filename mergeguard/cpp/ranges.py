"""Ranges of bytes, asked whether one of them holds an offset."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple


class Ranges(NamedTuple):
    """Half-open ranges of offsets, in order and apart."""

    starts: list[int]
    ends: list[int]

    @classmethod
    def of(cls, ranges: Iterable[tuple[int, int]]) -> Ranges:
        """Of ranges in any order, which may lie in one another."""
        made = cls([], [])
        for start, end in sorted(ranges):
            if made.ends and start <= made.ends[-1]:
                made.ends[-1] = max(end, made.ends[-1])
            else:
                made.starts.append(start)
                made.ends.append(end)
        return made

    def holds(self, offset: int) -> bool:
        """Whether the byte at ``offset`` is in one of them."""
        number = bisect_right(self.starts, offset)
        return number > 0 and offset < self.ends[number - 1]
