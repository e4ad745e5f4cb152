"""Edits of the two sides that only touch, at the border between two elements of a list.

One side renames a parameter, and the other adds one before it: element by element both are made, as with
statements (see ``touching``).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from mergeguard.cpp.tokens import CLOSERS, OPENERS, Tokens, nesting
from mergeguard.merge.lines import Region, RegionKind, diff3
from mergeguard.merge.stretch.differences import movable_changes, unit_diff
from mergeguard.merge.stretch.near import sign_of

_Unit = tuple[bytes, ...]
_OPENERS, _CLOSERS = OPENERS | {b"<"}, CLOSERS | {b">"}
_ENDS = frozenset((b";", b"{", b"}"))  # no list goes on behind them


def beside_in_list(b: Tokens, o: Tokens, t: Tokens, r: Region) -> list[Region] | None:
    """The edits of a region as regions of whole elements; None where one reaches into the other, both add or
    remove elements at one place, or it could as well stand on the other's other side."""
    parts = ((b, r.b0, r.b1), (o, r.o0, r.o1), (t, r.t0, r.t1))
    for leading in (False, True):
        starts = [_starts(text.keys, start, end, leading) for text, start, end in parts]
        if any(each is None for each in starts):
            return None
        found = _by_elements(
            [
                [text.keys[i:j] for i, j in pairwise(each)]
                for (text, _, _), each in zip(parts, starts, strict=True)
                if each is not None
            ]
        )
        if found is not None:
            sb, so, st = (each or [] for each in starts)
            return [Region(x.kind, sb[x.b0], sb[x.b1], so[x.o0], so[x.o1], st[x.t0], st[x.t1]) for x in found]
    return None


def _by_elements(versions: Sequence[Sequence[_Unit]]) -> list[Region] | None:
    base, ours, theirs = versions
    found = diff3(base, ours, theirs, unit_diff, touching=False)
    if len(found) < 2 or any(x.kind is RegionKind.CONFLICT for x in found):
        return None
    if _moves(base, ours) or _moves(base, theirs):
        return None  # what the other side added beside an element may have been meant to stand beside it
    movable = movable_changes(base, ours) | movable_changes(base, theirs)
    for one, two in pairwise(found):
        if {one.kind, two.kind} != {RegionKind.OURS, RegionKind.THEIRS}:
            continue
        if any((edit.b0, edit.b1) in movable for edit in (one, two)):
            return None
        if any(map(_added, (one, two))) and not any(_added(edit) == 0 for edit in (one, two)):
            return None  # the place of an element tells what it is for
    return found


def _moves(base: Sequence[_Unit], side: Sequence[_Unit]) -> bool:
    """Whether a side has an element at another place."""
    changes = unit_diff(base, side)
    gone = {_code(unit) for change in changes for unit in base[change.a0 : change.a1]}
    return any(_code(unit) in gone for change in changes for unit in side[change.b0 : change.b1])


def _code(unit: _Unit) -> _Unit:
    return tuple(key for key in unit if sign_of(key) != b",")


def _added(edit: Region) -> int:
    """How many elements more there are after an edit than before."""
    of_ours = edit.kind is RegionKind.OURS
    return (edit.o1 - edit.o0 if of_ours else edit.t1 - edit.t0) - (edit.b1 - edit.b0)


def _starts(keys: Sequence[bytes], start: int, end: int, leading: bool) -> list[int] | None:
    """Where the elements begin, and the end: each with the comma behind it, or (``leading``) before it. None
    where the tokens are anything else than whole elements."""
    if not _is_list(keys, start, end):
        return None
    starts = [start]
    depth = 0
    for index in range(start, end):
        sign = sign_of(keys[index])
        depth += (sign in _OPENERS) - (sign in _CLOSERS)
        if sign in _ENDS:
            return None
        if sign == b"," and depth == 0:
            starts.append(index if leading else index + 1)
    return list(dict.fromkeys([*starts, end])) if end > start else [start]


def _is_list(keys: Sequence[bytes], start: int, end: int) -> bool:
    """Whether a run of tokens begins and ends where elements do."""
    before = sign_of(keys[start - 1]) if start else b""
    behind = sign_of(keys[end]) if end < len(keys) else b""
    first, last = (sign_of(keys[at]) if end > start else b"," for at in (start, end - 1))
    return (
        nesting(keys[start:end]) == (0, 0)
        and (first == b"," or before in (b"(", b",", b"<"))
        and (last == b"," or behind in (b")", b",", b">"))
    )
