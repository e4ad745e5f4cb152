"""Includes that one side put under conditions (or in comments) and the other put in another order.

A port of a project wraps includes in ``#ifndef USE_HIP``; the project sorts them. Lines make of that a
conflict of the whole block. Includes are a set: so the conditions are put around the same includes in the
base and on the side that moved them first, as if they had always been there; the rest is an ordinary merge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mergeguard.merge.lines import split_lines
from mergeguard.merge.result import Note, Prepared

_INCLUDE = re.compile(rb"\s*#\s*include(?:_next)?\s*([<\"][^>\"\n]*[>\"])")
_COMMENTED = re.compile(rb"\s*//+\s*#\s*include\s*([<\"][^>\"\n]*[>\"])\s*\Z")
_IF = re.compile(rb"\s*#\s*if")
_OF_A_GROUP = re.compile(rb"\s*#\s*(?:if|el|endif)")
_ENDIF = re.compile(rb"\s*#\s*endif")
_BLANK = re.compile(rb"\s*(?://[^\n]*)?\r?\n?\Z")


class _Wrap(NamedTuple):
    """Lines that stand for includes of the base: a group of ``#if`` around them, or what makes a comment of
    one; ``wrapped`` are the includes."""

    lines: tuple[bytes, ...]
    wrapped: tuple[bytes, ...]


def with_conditions(base: bytes, ours: bytes, theirs: bytes) -> Prepared | None:
    """The three with one side's new conditions around includes in all of them; None where there are none that
    the other side's order of includes makes hard to follow."""
    old, mine, yours = map(split_lines, (base, ours, theirs))
    for side, lines, there in ((ours, mine, yours), (theirs, yours, mine)):
        before = old
        wraps = [*_new_wraps(before, lines), *_commented(before, lines)] if _reordered(before, there) else []
        if not wraps:
            continue
        for wrap in wraps:
            in_base, in_other = _applied(wrap, before), _applied(wrap, there)
            if in_base is None or in_other is None:
                return None
            before, there = in_base, in_other
        moved = b"".join(there)
        note = Note("wrapped", "conditions around includes follow these into the other side's order")
        return (b"".join(before), *((ours, moved) if side is ours else (moved, theirs))), note
    return None


def _spec(line: bytes) -> bytes:
    found = _INCLUDE.match(line) if b"#" in line else None
    return found[1] if found else b""


def _reordered(base: Sequence[bytes], side: Sequence[bytes]) -> bool:
    """Whether includes that both have stand in different orders, or moved between others."""
    old, new = ([s for line in text if (s := _spec(line))] for text in (base, side))
    kept = set(old) & set(new)
    return [s for s in old if s in kept] != [s for s in new if s in kept]


def _new_wraps(base: Sequence[bytes], side: Sequence[bytes]) -> Iterator[_Wrap]:
    """The groups of conditions of ``side`` that hold includes only, of which the base has some without any
    condition."""
    bare = set(_bare(base))
    for start, end in _groups(side):
        lines = side[start:end]
        if not all(_spec(line) or _OF_A_GROUP.match(line) or _BLANK.match(line) for line in lines):
            continue
        wrapped = tuple(s for line in lines if (s := _spec(line)) in bare and s)
        if wrapped:
            yield _Wrap(tuple(lines), wrapped)


def _commented(base: Sequence[bytes], side: Sequence[bytes]) -> Iterator[_Wrap]:
    """The includes that ``side`` made comments of."""
    bare = set(_bare(base)) - set(map(_spec, side))
    for line in side:
        found = _COMMENTED.match(line) if b"#" in line else None
        if found and found[1] in bare:
            yield _Wrap((line,), (found[1],))


def _groups(lines: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """The ranges of the outermost groups of ``#if`` to ``#endif``, but for an include guard."""
    depth = start = 0
    guard = _guard(lines)
    for number, line in enumerate(lines):
        if b"#" not in line or number in guard:
            continue
        if _IF.match(line):
            start = number if not depth else start
            depth += 1
        elif _ENDIF.match(line) and depth:
            depth -= 1
            if not depth:
                yield start, number + 1


def _guard(lines: Sequence[bytes]) -> tuple[int, int] | tuple[()]:
    """The lines of an include guard's ``#ifndef`` and ``#endif``."""
    telling = [n for n, line in enumerate(lines) if b"#" in line and line.lstrip().startswith(b"#")]
    if len(telling) < 3 or not re.match(rb"\s*#\s*ifndef", lines[telling[0]]):
        return ()
    if not re.match(rb"\s*#\s*define", lines[telling[1]]) or not _ENDIF.match(lines[telling[-1]]):
        return ()
    return telling[0], telling[-1]


def _bare(lines: Sequence[bytes]) -> Iterator[bytes]:
    """The includes under no condition, each that stands there once."""
    inside = {n for start, end in _groups(lines) for n in range(start, end)}
    found = [s for n, line in enumerate(lines) if n not in inside and (s := _spec(line))]
    yield from (s for s in found if found.count(s) == 1)


def _applied(wrap: _Wrap, lines: Sequence[bytes]) -> list[bytes] | None:
    """``lines`` with the group in place of the last of the includes that it wraps, others between them before
    it (as people do it) if they are in angle brackets: a header of the project may ask for what stands before
    it. None where anything else stands between them, or they are not all there without a condition."""
    bare = set(_bare(lines))
    here = [n for n, line in enumerate(lines) if _spec(line) in wrap.wrapped and _spec(line) in bare]
    if {_spec(lines[n]) for n in here} != set(wrap.wrapped) or len(here) != len(wrap.wrapped):
        return None
    first, last = here[0], here[-1]
    between = [n for n in range(first, last) if n not in here]
    others = [n for n in between if not _BLANK.match(lines[n])]
    if not all(_spec(lines[n]).startswith(b"<") and _spec(lines[n]) in bare for n in others):
        return None
    kept = between if others else []
    return [*lines[:first], *(lines[n] for n in kept), *wrap.lines, *lines[last + 1 :]]
