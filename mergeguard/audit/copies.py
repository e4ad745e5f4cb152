"""Edits of what the other side copied: they stand in the result once for each copy.

A side that splits a file by hand may give each part its own copy of a macro. The merge makes the other side's
edit in every copy; the sum of both sides' edits holds it once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence, Set

from mergeguard.audit.context import Trees
from mergeguard.audit.model import BASE, SIDES, Changed, other
from mergeguard.cpp.diff import Change, diff
from mergeguard.cpp.tokens import DIRECTIVE, code_keys
from mergeguard.values import cached_property

Keys = Counter[bytes]
_FEW = 200  # lines that are looked for one by one
_LEAST = 2  # lines that tell a copy: a lone brace stands anywhere


def copied_edits(trees: Trees, lost: Set[bytes], doubled: Set[bytes]) -> tuple[Keys, Keys]:
    """The tokens that edits in copies may have added and removed, beyond what the sum of both sides says.

    Of the edits that remove none of the tokens ``lost`` and add none of ``doubled``, none is told.
    """
    wanted_gone, wanted_come = (frozenset(map(_plain, keys)) for keys in (lost, doubled))
    added: Keys = Counter()
    removed: Keys = Counter()
    for side in SIDES:
        copies = _Copies(trees, other(side))
        for _, file in trees.edited(side):
            if file.of(BASE) is None or file.of(side) is None:
                continue
            if copies.none_in(file):
                continue
            before, now = _lines(file, BASE), _lines(file, side)
            for change in diff(before, now):
                old, new = before[change.a0 : change.a1], now[change.b0 : change.b1]
                keys = [code_keys(b"\n".join(lines)) for lines in (old, new)]
                gone, come = keys[0] - keys[1], keys[1] - keys[0]
                if wanted_gone.isdisjoint(map(_plain, gone)) and wanted_come.isdisjoint(map(_plain, come)):
                    continue
                times = max((copies.beyond(place) for place in _neighbourhoods(before, change)), default=0)
                _add(removed, gone, times)
                _add(added, come, times)
    return added, removed


class _Copies:
    """How often a side has a run of lines beyond how often the base has it."""

    def __init__(self, trees: Trees, side: str) -> None:
        edited = {index for index, _ in trees.edited(side)}
        self._side = side
        self._edited = [file for _, file in trees.edited(side)]
        # What a side did not edit it has as often as the base.
        self._kept = [file for index, file in enumerate(trees.files) if index not in edited]
        self._framed: dict[tuple[int, str], bytes] = {}
        self._counts_lines = side == trees.by_size[0]

    @cached_property
    def _more(self) -> frozenset[bytes]:
        """The lines that the side has more often than the base: each copy has one of them at least."""
        now, before = (
            Counter(line for file in self._edited for line in _lines(file, version))
            for version in (self._side, BASE)
        )
        return frozenset(now - before)

    def none_in(self, file: Changed) -> bool:
        """Whether nothing in the base of a file can have a copy, as far as little reading tells."""
        if not self._counts_lines or len(self._more) > _FEW:
            return False
        return not any(line in file.text(BASE) for line in self._more)

    def beyond(self, lines: Sequence[bytes]) -> int:
        """The copies for each one of the base, the first of them not counted."""
        if self._counts_lines and self._more.isdisjoint(lines):
            return 0
        before, now = (self._count(lines, self._edited, version) for version in (BASE, self._side))
        if now <= before:
            return 0
        kept = self._count(lines, self._kept, BASE)
        return max(0, math.ceil((kept + now) / (kept + before)) - 1) if kept + before else 0

    def _count(self, lines: Sequence[bytes], files: Sequence[Changed], version: str) -> int:
        run, longest = _framed(lines), max(lines, key=len)
        return sum(self._text(file, version).count(run) for file in files if longest in file.text(version))

    def _text(self, file: Changed, version: str) -> bytes:
        key = id(file), version
        if key not in self._framed:
            self._framed[key] = _framed(_lines(file, version))
        return self._framed[key]


def _neighbourhoods(lines: Sequence[bytes], change: Change) -> Iterator[Sequence[bytes]]:
    """The edited lines with what stands before or behind: a copy may begin or end with them."""
    beside = max(1, _LEAST - (change.a1 - change.a0))
    for before in range(beside + 1):
        start, end = change.a0 - before, change.a1 + beside - before
        if start >= 0 and end <= len(lines):
            yield lines[start:end]


def _lines(file: Changed, version: str) -> list[bytes]:
    return [stripped for line in file.text(version).splitlines() if (stripped := line.strip())]


def _framed(lines: Sequence[bytes]) -> bytes:
    """Lines so that a run of them is found as a whole and next to itself."""
    return b"".join(b"\n" + line + b"\0" for line in lines)


def _plain(key: bytes) -> bytes:
    """A token as it is outside of preprocessor lines."""
    return key.removeprefix(DIRECTIVE)


def _add(counted: Keys, keys: Keys, times: int) -> None:
    """Count each token as code and as a part of a directive: a continued line alone does not tell."""
    for key, count in keys.items() if times else ():
        plain = _plain(key)
        counted[plain] += count * times
        counted[DIRECTIVE + plain] += count * times
