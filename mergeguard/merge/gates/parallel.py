"""Lists that go side by side: an entry of one belongs to the entry of the other at its place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from mergeguard.cpp.scopes import Statement
from mergeguard.merge.gates.doubled import shown
from mergeguard.merge.gates.fault import Compared, Fault, misfit
from mergeguard.merge.gates.operands import edited_by_both, elements

_VALUE = re.compile(rb"[-+~]|\.?[0-9].*|\"[<>=].*|'.*|true|false|nullptr", re.DOTALL)


def shared_value(merge: Compared) -> Iterator[Fault]:
    """A plain value that both sides added to one list, where each added an entry of its own to another: each
    may have meant its own entry's value, and there is one. So it is with a name in an enumeration, where each
    added a value of its own to a list. Doubtful: the lists may have nothing to do with each other."""
    shared: list[tuple[Statement, tuple[bytes, ...], bool]] = []  # with a part, and whether all are values
    is_grown = is_grown_by_values = False
    for one, (base, ours, theirs, _) in merge.of(edited_by_both):
        known = Counter(elements(base))
        mine, other = Counter(elements(ours)) - known, Counter(elements(theirs)) - known
        if not mine or not other:
            continue
        if mine == other and (_is_values(mine) or _is_in_enum(one)):
            shared.append((one, next(iter(mine)), _is_values(mine)))
        elif mine.keys().isdisjoint(other):
            is_grown = True
            is_grown_by_values = is_grown_by_values or _is_values((*mine, *other))
    for one, part, is_value in shared:
        if not (is_grown if is_value else is_grown_by_values):
            continue
        said = shown(part)
        message = (
            f"both sides added {said} to one list, where it is once, and entries of their own to another"
        )
        yield misfit("shared-value", said, message, (merge.merged.span(one),))


def _is_values(parts: Iterable[tuple[bytes, ...]]) -> bool:
    return all(_VALUE.fullmatch(key) for part in parts for key in part)


def _is_in_enum(one: Statement) -> bool:
    return any(frame.startswith(b"enum") for frame in one.scope[-1:])
