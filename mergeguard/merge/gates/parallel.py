"""Lists that go side by side: an entry of one belongs to the entry of the other at its place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from mergeguard.merge.gates.doubled import shown
from mergeguard.merge.gates.fault import Compared, Fault, misfit
from mergeguard.merge.gates.operands import edited_by_both, elements

_VALUE = re.compile(rb"[-+~]|\.?[0-9].*|\"[<>=].*|'.*|true|false|nullptr", re.DOTALL)


def shared_value(merge: Compared) -> Iterator[Fault]:
    """A plain value that both sides added to one list, where each added an entry of its own to another: each
    may have meant its own entry's value, and there is one. Doubtful: the lists may have nothing to do with
    each other."""
    found = []
    grown = False
    for one, (base, ours, theirs, _) in merge.of(edited_by_both):
        known = Counter(elements(base))
        mine, other = Counter(elements(ours)) - known, Counter(elements(theirs)) - known
        grown = grown or bool(mine and other and mine.keys().isdisjoint(other))
        if mine == other and mine and all(_VALUE.fullmatch(key) for part in mine for key in part):
            found.append((one, next(iter(mine))))
    for one, part in found if grown else ():
        said = shown(part)
        message = (
            f"both sides added {said} to one list, where it is once, and entries of their own to another"
        )
        yield misfit("shared-value", said, message, (merge.merged.span(one),))
