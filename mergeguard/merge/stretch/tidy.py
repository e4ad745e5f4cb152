"""Blank lines that a structured merge leaves between includes, as no side has them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mergeguard.merge.lines import split_lines

_INCLUDE = re.compile(rb"\s*#\s*include\b")


def without_stray_blanks(ours: bytes, theirs: bytes, result: bytes) -> bytes:
    """``result`` without the blank lines between two includes that stand side by side on one of the sides,
    and apart on none. Blank lines that a leaf brought along are left where the leaf before it went."""
    side_by_side: set[tuple[bytes, bytes]] = set()
    apart: set[tuple[bytes, bytes]] = set()
    for side in (ours, theirs):
        for one, two, blanks in _pairs(split_lines(side)):
            (apart if blanks else side_by_side).add((one, two))
    lines = split_lines(result)
    stray: set[int] = set()
    at = -1
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        if at >= 0 and number > at + 1:
            pair = lines[at].strip(), line.strip()
            if pair in side_by_side and pair not in apart:
                stray.update(range(at + 1, number))
        at = number if _INCLUDE.match(line) else -1
    return b"".join(line for number, line in enumerate(lines) if number not in stray)


def _pairs(lines: list[bytes]) -> Iterator[tuple[bytes, bytes, bool]]:
    """Each two includes with nothing but blank lines between them, and whether there are some."""
    before, blanks = b"", False
    for line in lines:
        if not line.strip():
            blanks = True
            continue
        if before and _INCLUDE.match(line):
            yield before, line.strip(), blanks
        before, blanks = (line.strip() if _INCLUDE.match(line) else b""), False
