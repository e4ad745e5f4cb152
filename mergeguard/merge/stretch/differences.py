"""Differences of statements and of tokens, as three-way merges need them.

Each change has all the places where it could stand as well, so that an edit of the other side there is a
conflict and not a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mergeguard.cpp.diff import Change, diff, slack, telling_diff

STATEMENT_ENDS = frozenset((b";", b"{", b"}"))


def unit_diff(a: Sequence[Any], b: Sequence[Any]) -> list[Change]:
    """``diff`` of units, each change widened by the places where it could stand as well."""
    return _cover_ambiguity(a, b, diff(a, b))


def movable_changes(a: Sequence[Any], b: Sequence[Any]) -> set[tuple[int, int]]:
    """The ranges of ``a`` of changes that could as well stand further up or down."""
    return {(c.a0, c.a1) for c in {*unit_diff(a, b)} - {*diff(a, b)}}


def token_diff(a: Sequence[bytes], b: Sequence[bytes]) -> list[Change]:
    """``telling_diff`` of tokens: no statement is torn, a change has all the places where it could stand."""
    merged = telling_diff(a, b)
    ends = [0, *(change.a1 for change in merged)]
    whole = [_untorn(a, change, end) for change, end in zip(merged, ends, strict=False)]
    return _cover_ambiguity(a, b, _joined(whole))


def _untorn(a: Sequence[bytes], change: Change, low: int) -> Change:
    """A change that takes a statement's end away, from that statement's beginning on if the next one begins
    alike: which of the two is gone, what is left can't tell. The change before ends at ``low``."""
    start = change.a0
    while start > low and a[start - 1] not in STATEMENT_ENDS:
        start -= 1
    head = tuple(a[start : change.a0])
    if not head or (start and a[start - 1] not in STATEMENT_ENDS):
        return change
    for end in range(change.a0, change.a1):
        if a[end] in STATEMENT_ENDS and tuple(a[end + 1 : end + 1 + len(head)]) == head:
            return Change(start, change.a1, change.b0 - len(head), change.b1)
    return change


def _cover_ambiguity(a: Sequence[Any], b: Sequence[Any], changes: list[Change]) -> list[Change]:
    """An insertion or deletion that could as well stand further up or down takes in all its places, so that
    an edit of the other side in between is a conflict and not a guess."""
    covered: list[Change] = []
    for index, change in enumerate(changes):
        a0, a1, b0, b1 = change
        if a0 == a1 or b0 == b1:
            text, start, end = (b, b0, b1) if a0 == a1 else (a, a0, a1)
            low = covered[-1].a1 if covered else 0
            high = changes[index + 1].a0 if index + 1 < len(changes) else len(a)
            up, down = slack(text, start, end, start - (a0 - low), end + (high - a1))
            change = Change(a0 - up, a1 + down, b0 - up, b1 + down)
        covered.append(change)
    return _joined(covered)


def _joined(changes: list[Change]) -> list[Change]:
    """Changes that came to touch made one."""
    joined: list[Change] = []
    for change in changes:
        if joined and change.a0 <= joined[-1].a1:
            last = joined.pop()
            change = Change(last.a0, change.a1, last.b0, change.b1)
        joined.append(change)
    return joined
