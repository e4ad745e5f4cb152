"""Numbers that both sides raised alike, while each added something of its own: a count lacks one side's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from mergeguard.merge.edits import COMMENT, SideEdit

_NUMBER = re.compile(rb"(?<![\w.])\d+(?![\w.])")
_MOST = 4  # how many entries one edit adds, and counts; more is a size


def counted_alike(mine: SideEdit, other: SideEdit) -> dict[bytes, bytes]:
    """The lines in which both sides made the same larger number of one, with what stood there before; none
    where not each side added something else, too."""
    came = Counter(mine.added) & Counter(other.added)
    gone = Counter(mine.removed) & Counter(other.removed)
    if not came or not gone or not all(_has_code(Counter(e.added) - came) for e in (mine, other)):
        return {}
    before = {_NUMBER.sub(b"0", line): line for line in gone if _has_code([line])}
    pairs = ((line, before.get(_NUMBER.sub(b"0", line))) for line in came)
    return {line: old for line, old in pairs if old is not None and _is_one_step(old, line)}


def counts_alike(merged: bytes, found: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[str, int]]:
    """Of such lines what is to be said, and where they are in the result."""
    for line, old in found:
        at = merged.find(line)
        if at >= 0:
            (was, now), *_ = _changed(old, line)
            said = f"both sides changed {was} to {now}, and each added something of its own"
            yield f"{said}: if it counts that, it is {2 * now - was}", at


def _has_code(lines: Iterable[bytes]) -> bool:
    return re.search(rb"\w", COMMENT.sub(b" ", b"".join(lines))) is not None


def _changed(old: bytes, new: bytes) -> list[tuple[int, int]]:
    pairs = zip(map(int, _NUMBER.findall(old)), map(int, _NUMBER.findall(new)), strict=True)
    return [(was, now) for was, now in pairs if was != now]


def _is_one_step(old: bytes, new: bytes) -> bool:
    """Whether all numbers that changed in a line went up alike, by no more than a count does."""
    steps = {now - was for was, now in _changed(old, new)}
    return len(steps) == 1 and 0 < min(steps) <= _MOST
