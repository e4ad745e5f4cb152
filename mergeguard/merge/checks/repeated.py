"""A test that one side adds to a chain of ``else if`` that has it already, as the other side adds one, too.

The first branch whose test holds is taken. Which of two like branches is the new one, lines do not tell: git
takes the addition for one behind the old test as readily as for one before it, and what the other side adds
there comes to stand before or behind.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mergeguard.cpp.branches import branchings
from mergeguard.cpp.source import parse
from mergeguard.merge.edits import COMMENT, later_tests
from mergeguard.merge.result import Note, shown


def repeated_tests(
    base: bytes, ours: bytes, theirs: bytes, merged: bytes, suspected: Collection[bytes]
) -> Iterator[Note]:
    """The findings on chains with such a test, one for each test."""
    before, mine, other = (later_tests(COMMENT.sub(b" ", text)) for text in (base, ours, theirs))
    for tests, line in _chains(merged):
        for test in sorted({*suspected} & {t for t in tests if tests.count(t) > 1}):
            side, rest = (mine, other) if mine[test] > before[test] else (other, mine)
            if side[test] > before[test] and any(rest[t] > before[t] for t in tests):
                said = (
                    f"one side adds `else if ({shown(test)})` to a chain that has it, the other adds a branch"
                )
                yield Note("side-by-side", f"{said}: which of them comes first is a choice", True, line)


def _chains(text: bytes) -> Iterator[tuple[list[bytes], int]]:
    """The tests of each chain, in order, without white space, and its line (1-based)."""
    source = parse(text)
    for item in source.items:
        for branching in branchings(source, item):
            if branching.kind == "chain":
                labels = [label for arm in branching.arms for label in arm.labels]
                tests = [b"".join(label.encode("utf-8", "surrogateescape").split()) for label in labels]
                yield tests, text.count(b"\n", 0, branching.start) + 1
