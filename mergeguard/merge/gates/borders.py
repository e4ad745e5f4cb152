"""New code where the other side changed what the block is: at the edge of one that it opened, under a test
that it negated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from mergeguard.cpp.scopes import DIRECTIVE, HEAD, Scope, Statement
from mergeguard.merge.gates.doubled import shown
from mergeguard.merge.gates.fault import Compared, Fault, GateVersion

# `if ( ! ( a < b ) )` or `if ( ! ready )`, as frames are written.
_NEGATED = re.compile(rb"if \( ! (?:\( (.*) \)|([^ ]+)) \)", re.DOTALL)
_TESTS = (b"if ", b"else if ")
_HEADS = frozenset((b"if", b"else", b"for", b"while", b"switch", b"do"))


def at_the_edge(merge: Compared) -> Iterator[Fault]:
    """A statement that one side adds beside what the other wraps in a test or loop, first or last in that
    now: within or beside it is a choice. Doubtful: one of the two is meant."""
    for number, side in enumerate(merge.sides):
        other = merge.sides[1 - number]
        opened = _opened(other, merge.edits[1 - number]) - side.frames - merge.base.frames
        if not opened:
            continue
        known = merge.edits[number]
        added = {one.keys for at, one in enumerate(side.statements) if at not in known} - other.counts.keys()
        for one, frames in _at_edges(merge):
            block = min(frames & opened, default=b"")
            if block and one.keys in added and one.kind != DIRECTIVE:
                said = shown(one.keys)
                message = f"`{said}` would be at the edge of `{shown((block,))}`, which the other side opened"
                yield Fault("left-scope", said, message, (merge.merged.span(one),), doubtful=True)


def _opened(side: GateVersion, known: Mapping[int, int]) -> frozenset[bytes]:
    """The tests and loops that a side has and the base has not, not in other words either."""
    heads = (one for at, one in enumerate(side.statements) if at not in known and one.kind == HEAD)
    return frozenset(b" ".join(one.keys) for one in heads if one.keys[0] in _HEADS)


def under_the_opposite(merge: Compared) -> Iterator[Fault]:
    """A statement that one side adds under a test, and that stands under its opposite in the result: the
    other side negated the test, and which branch became which is a choice. Doubtful as well."""
    for number, side in enumerate(merge.sides):
        new = (frame for frame in merge.sides[1 - number].frames - merge.base.frames if b"!" in frame)
        opposites = {(plain, not holds): frame for frame in new for plain, holds in [_test_of(frame)]}
        if not any((_test_of(frame)) in opposites for frame in merge.base.frames):
            continue
        known = merge.edits[number]
        for at, one in enumerate(side.statements):
            others = merge.sides[1 - number].counts[one.keys]
            if at in known or others > merge.base.counts[one.keys] or one.kind == DIRECTIVE:
                continue
            for now in merge.merged.by_keys.get(one.keys, ()):
                block = _opposite(one.scope, now.scope)
                if block:
                    said = shown(one.keys)
                    message = (
                        f"`{said}` would stand in `{shown((block,))}`, the opposite of where its side has it"
                    )
                    yield Fault("left-scope", said, message, (merge.merged.span(now),), doubtful=True)


def _opposite(own: Scope, now: Scope) -> bytes:
    """The first block around a statement now that is under the opposite of what its own side has there."""
    for mine, here in zip(own, now, strict=False):
        if mine != here and mine.startswith(_TESTS) and here.startswith(_TESTS):
            (test, holds), (other, still) = _test_of(mine), _test_of(here)
            negated = (b"( ! " in mine) != (b"( ! " in here)
            if negated and test == other and holds != still:
                return here
    return b""


def _test_of(block: bytes) -> tuple[bytes, bool]:
    """The test of a block without its negations, and whether it holds there."""
    holds = True
    if block.startswith(b"else "):
        block, holds = block.removeprefix(b"else "), False
    found = _NEGATED.fullmatch(block)
    if found is None:
        return block, holds
    return b"if ( " + (found[1] or found[2]) + b" )", not holds


def _at_edges(merge: Compared) -> Iterator[tuple[Statement, frozenset[bytes]]]:
    """Neighbouring statements of the result with the blocks that the one is in and the other is not."""
    for one, two in pairwise(merge.merged.statements):
        if one.scope != two.scope:
            yield one, frozenset(one.scope) - frozenset(two.scope)
            yield two, frozenset(two.scope) - frozenset(one.scope)
