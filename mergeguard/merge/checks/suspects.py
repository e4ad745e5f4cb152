"""What could be wrong with any clean merge of three texts, by the lines that each side added and removed.

An innocent merge pays next to nothing; what is suspected is looked at with the parser (``examine``).
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from functools import lru_cache

from mergeguard.cpp.diff import diff
from mergeguard.merge.checks.counts import counted_alike
from mergeguard.merge.checks.heads import definitions
from mergeguard.merge.edits import (
    COMMENT,
    LANGUAGE,
    SideEdit,
    adds_guards,
    called,
    edits_guards,
    instantiations,
    labels,
    later_tests,
    may_define,
    missing,
    newly_called,
    side_edit,
)
from mergeguard.merge.lines import split_lines
from mergeguard.values import dataclass

_DEFINE = re.compile(rb"#\s*define\s+(\w+)")
_UNDEF = re.compile(rb"#\s*undef\s+(\w+)")
_NAMESPACE = re.compile(rb"\s*(?:inline\s+)?(?:namespace\b|extern\s*\"C\"\s*\{)")
_INCLUDE = re.compile(rb"\s*#\s*include\b")
_NONE: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspects:
    """Why a merge needs a closer look; falsy for an innocent one."""

    new_names: frozenset[bytes] = _NONE  # names that both sides brought
    macros: frozenset[bytes] = _NONE  # macros that one side defined anew and the other defined or changed
    undefined: frozenset[bytes] = _NONE  # macros that one side undefined and the other newly uses
    labels: frozenset[bytes] = _NONE  # case labels that both sides brought
    tests: frozenset[bytes] = _NONE  # tests that one side adds once more to a chain, as the other adds others
    lost_names: frozenset[bytes] = _NONE  # names one side no longer has and the other side newly uses
    mentioned: frozenset[bytes] = _NONE  # the same, with new uses in comments alone
    signatures: frozenset[bytes] = _NONE  # functions whose head one side edited and the other newly calls
    instantiations: bool = False  # both sides brought the same explicit instantiation
    includes: bool = False  # one side opened a namespace and the other brought an include
    moves: bool = False  # one side moved lines, and the other newly uses a name
    counts: frozenset[tuple[bytes, bytes]] = frozenset()  # lines with a number that both sides raised alike
    guards: bool = False  # a condition was edited or added, and something else too

    def __bool__(self) -> bool:
        return self != _INNOCENT


_INNOCENT = Suspects()


@lru_cache(maxsize=16)  # a sync's merges, and its audit, ask of the same texts
def suspects(base: bytes, ours: bytes, theirs: bytes) -> Suspects:
    """What could be wrong with a clean merge of these three."""
    mine, other = side_edit(base, ours), side_edit(base, theirs)
    moves = _moves(base, ours, mine, other) or _moves(base, theirs, other, mine)
    if not (mine.added or mine.removed) or not (other.added or other.removed):
        return Suspects(moves=moves)
    fresh = missing(base, (mine.added_words & other.added_words) - LANGUAGE)
    new_names = {name for name in fresh if may_define(mine, name) and may_define(other, name)}
    lost = _lost(ours, mine, other) | _lost(theirs, other, mine)
    return Suspects(
        new_names=frozenset(new_names | _heads_of_both(base, ours, theirs, mine, other, new_names)),
        macros=frozenset(_defined(mine, other) | _defined(other, mine)),
        undefined=frozenset(_undefined(mine, other) | _undefined(other, mine)),
        labels=frozenset(labels(mine.added_code) & labels(other.added_code)),
        tests=frozenset(_repeated(ours, mine, other) | _repeated(theirs, other, mine)),
        lost_names=frozenset(lost & (mine.added_words | other.added_words)),
        mentioned=frozenset(lost - mine.added_words - other.added_words),
        signatures=frozenset(
            recalled(base, ours, newly_called(other)) | recalled(base, theirs, newly_called(mine))
        ),
        instantiations=bool(instantiations(mine.added) & instantiations(other.added)),
        includes=_may_swallow(mine, other) or _may_swallow(other, mine),
        moves=moves,
        counts=frozenset(counted_alike(mine, other).items()),
        guards=edits_guards(mine, other) or adds_guards(mine, other),
    )


def _heads_of_both(
    base: bytes, ours: bytes, theirs: bytes, mine: SideEdit, other: SideEdit, known: set[bytes]
) -> set[bytes]:
    """Names whose head both sides added in the same words: a specialisation of an old name, perhaps."""
    twice = [line for line in set(mine.added) & set(other.added) if len(line.strip()) > 8]
    found: set[bytes] = set()
    for name in called(COMMENT.sub(b" ", b"".join(twice))) - LANGUAGE - known:
        before = definitions(base, name).total()
        if definitions(ours, name).total() > before and definitions(theirs, name).total() > before:
            found.add(name)
    return found


def _repeated(side: bytes, edit: SideEdit, rest: SideEdit) -> set[bytes]:
    new = later_tests(edit.added_code)
    if not new or not later_tests(rest.added_code):
        return set()
    there = later_tests(COMMENT.sub(b" ", side))
    return {test for test in new if there[test] > 1}


def _defined(one: SideEdit, rest: SideEdit) -> set[bytes]:
    new = set(_DEFINE.findall(b"".join(one.added)))
    return new & set(_DEFINE.findall(b"".join((*rest.added, *rest.removed)))) if new else set()


def _undefined(one: SideEdit, rest: SideEdit) -> set[bytes]:
    gone = set(_UNDEF.findall(b"".join(one.added)))
    return gone & rest.added_words if gone else set()


def _lost(side: bytes, edit: SideEdit, rest: SideEdit) -> set[bytes]:
    return missing(side, (edit.removed_words & rest.added_names) - LANGUAGE)


def recalled(base: bytes, side: bytes, names: AbstractSet[bytes]) -> set[bytes]:
    """Those of the names, which the other side calls, of functions and macros whose head a side changed."""
    return {
        name
        for name in names - LANGUAGE
        if name in base and (new := definitions(side, name)) and definitions(base, name).keys() - new.keys()
    }


def _moves(base: bytes, side: bytes, edit: SideEdit, rest: SideEdit) -> bool:
    """Whether a side has lines at another place, and the other a word where it had none."""
    if rest.added_words <= rest.removed_words | LANGUAGE:
        return False
    old, new = split_lines(base), split_lines(side)
    return sum(change.a1 - change.a0 for change in diff(old, new)) > len(edit.removed)


def _may_swallow(one: SideEdit, rest: SideEdit) -> bool:
    return any(map(_NAMESPACE.match, one.added)) and any(map(_INCLUDE.match, rest.added))
