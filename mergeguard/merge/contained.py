"""Whether a text has what another changed in it: the test of a merge that somebody made by hand."""

from __future__ import annotations

import re
from collections import Counter

from mergeguard.merge.lines import RegionKind, diff3

_TELLING = re.compile(rb"\w")


def lost_lines(base: bytes, side: bytes, result: bytes) -> tuple[bytes, ...]:
    """The lines of the change from ``base`` to ``side`` that ``result`` ought to have and has not, stripped.

    A change is lost only where the result still has the base's text in its place: where both changed,
    somebody has decided. Lines that stand elsewhere in the result are not lost. Of a change that only takes
    lines away, those are given that the result has more often than the side.
    """
    if base == side or side == result:
        return ()
    before, now, wanted = (text.splitlines() for text in (base, result, side))
    here, there = (Counter(line.strip() for line in lines) for lines in (now, wanted))
    lost: list[bytes] = []
    for region in diff3(before, now, wanted):
        if region.kind is not RegionKind.THEIRS:
            continue
        added = _telling(wanted[region.t0 : region.t1])
        removed = _telling(before[region.b0 : region.b1])
        if added:
            lost += [line for line in added if not here[line]]
        else:
            lost += [line for line in removed if here[line] > there[line]]
    return tuple(lost)


def _telling(lines: list[bytes]) -> list[bytes]:
    return [line.strip() for line in lines if _TELLING.search(line)]
