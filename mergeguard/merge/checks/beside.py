"""New code directly beside a condition that the other side put around what stood there.

Git takes an insertion behind a blank line for one behind the other side's new ``#endif`` (or before its
``#if``), and so for unconditional: whether the condition is for it as well, only a person knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mergeguard.cpp.diff import Change
from mergeguard.merge.checks.guards import brought
from mergeguard.merge.lines import split_lines
from mergeguard.merge.result import Note

_OPENS = re.compile(rb"\s*#\s*if")
_PARTS = re.compile(rb"\s*#\s*el")
_CLOSES = re.compile(rb"\s*#\s*endif\b")
_WORD = re.compile(rb"\w")


def added_beside(ours: bytes, theirs: bytes, merged: bytes) -> list[Note]:
    """The findings of a clean result: additions beside a group of the preprocessor that is the other side's,
    and the base's what stands in it."""
    result = split_lines(merged)
    of_ours, of_theirs = (brought(split_lines(side), result) for side in (theirs, ours))
    notes: list[Note] = []
    for who, wrapped, added in (("our", of_ours, of_theirs), ("their", of_theirs, of_ours)):
        for first, last in _wraps(result, wrapped):
            for line in _neighbours(result, first, last):
                if any(c.a0 == c.a1 and c.b0 <= line < c.b1 for c in added):
                    said = f"stands beside the condition that {who} side put around what is there"
                    message = f"{_shown(result[line])} {said}: it may be meant to be under it, too"
                    notes.append(Note("placed", message, True, line + 1))
    return notes


def _wraps(result: Sequence[bytes], changes: Sequence[Change]) -> Iterator[tuple[int, int]]:
    """The first and last lines (0-based) of the groups that a side brought around what was there. (One with
    an ``#else`` is about what is in it alone.)"""
    new = {line for change in changes for line in range(change.b0, change.b1)}
    opened: list[int] = []
    parted: set[int] = set()
    for line, text in enumerate(result):
        if _OPENS.match(text):
            opened.append(line)
        elif _PARTS.match(text):
            parted.update(opened[-1:])
        elif _CLOSES.match(text) and opened:
            first = opened.pop()
            inside = any(_WORD.search(result[k]) for k in range(first + 1, line) if k not in new)
            if {first, line} <= new and inside and first not in parted:
                yield first, line


def _neighbours(result: Sequence[bytes], first: int, last: int) -> Iterator[int]:
    """The nearest lines before and behind a group that say something."""
    for lines in (range(first - 1, -1, -1), range(last + 1, len(result))):
        near = next((line for line in lines if result[line].strip()), None)
        if near is not None:
            yield near


def _shown(line: bytes) -> str:
    return f"`{line.strip().decode('utf-8', 'replace')}`"
