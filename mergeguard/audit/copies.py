"""Edits of what the other side copied: they stand in the result once for each copy.

A side that splits a file by hand may give each part its own copy of a macro. The merge makes the other side's
edit in every copy; the sum of both sides' edits holds it once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property

from mergeguard.audit.context import Trees
from mergeguard.audit.model import BASE, SIDES, Changed, other
from mergeguard.cpp.diff import Change, diff
from mergeguard.cpp.tokens import DIRECTIVE, code_keys

Keys = Counter[bytes]
_LEAST = 2  # lines that tell a copy: a lone brace stands anywhere


def copied_edits(trees: Trees) -> tuple[Keys, Keys]:
    """The tokens that edits in copies may have added and removed, beyond what the sum of both sides says."""
    added: Keys = Counter()
    removed: Keys = Counter()
    for side in SIDES:
        copies = _Copies(trees, other(side))
        for _, file in trees.edited(side):
            if file.of(BASE) is None or file.of(side) is None:
                continue
            before, now = _lines(file, BASE), _lines(file, side)
            if copies.more.isdisjoint(before):
                continue
            for change in diff(before, now):
                times = max((copies.beyond(place) for place in _neighbourhoods(before, change)), default=0)
                if times:
                    old, new = before[change.a0 : change.a1], now[change.b0 : change.b1]
                    gone, come = (code_keys(b"\n".join(lines)) for lines in (old, new))
                    _add(removed, gone - come, times)
                    _add(added, come - gone, times)
    return added, removed


class _Copies:
    """How often a side has a run of lines beyond how often the base has it."""

    def __init__(self, trees: Trees, side: str) -> None:
        self._trees, self._version = trees, side
        self._edited = [file for _, file in trees.edited(side)]

    @cached_property
    def more(self) -> frozenset[bytes]:
        """The lines that the side has more often than the base: each copy has one of them at least."""
        now, before = (
            Counter(line for file in self._edited for line in _lines(file, version))
            for version in (self._version, BASE)
        )
        return frozenset(now - before)

    @cached_property
    def _texts(self) -> tuple[bytes, bytes, bytes]:
        """What the side did not edit, which it has as often as the base; and the rest on both."""
        edited = {index for index, _ in self._trees.edited(self._version)}
        kept = [file for index, file in enumerate(self._trees.files) if index not in edited]
        return _text(kept, BASE), _text(self._edited, BASE), _text(self._edited, self._version)

    def beyond(self, lines: Sequence[bytes]) -> int:
        """The copies for each one of the base, the first of them not counted."""
        if self.more.isdisjoint(lines):
            return 0
        run = _framed(lines)
        kept, before, now = (text.count(run) for text in self._texts)
        return max(0, math.ceil((kept + now) / (kept + before)) - 1) if kept + before else 0


def _neighbourhoods(lines: Sequence[bytes], change: Change) -> Iterator[Sequence[bytes]]:
    """The edited lines with what stands before or behind: a copy may begin or end with them."""
    beside = max(1, _LEAST - (change.a1 - change.a0))
    for before in range(beside + 1):
        start, end = change.a0 - before, change.a1 + beside - before
        if start >= 0 and end <= len(lines):
            yield lines[start:end]


def _lines(file: Changed, version: str) -> list[bytes]:
    return [stripped for line in file.text(version).splitlines() if (stripped := line.strip())]


def _text(files: Sequence[Changed], version: str) -> bytes:
    """The files one behind the other, so that no run of lines is found in two of them."""
    return b"\0".join(_framed(_lines(file, version)) for file in files)


def _framed(lines: Sequence[bytes]) -> bytes:
    """Lines so that a run of them is found as a whole and next to itself."""
    return b"".join(b"\n" + line + b"\0" for line in lines)


def _add(counted: Keys, keys: Keys, times: int) -> None:
    """Count each token as code and as a part of a directive: a continued line alone does not tell."""
    for key, count in keys.items():
        plain = key.removeprefix(DIRECTIVE)
        counted[plain] += count * times
        counted[DIRECTIVE + plain] += count * times
