"""Text typed into one file of a layout that the rule gives to another: whether it may go there."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

from mergeguard.cpp.diff import diff
from mergeguard.cpp.source import parse
from mergeguard.lens.layout import Layout


def are_whole(outcome: Layout, path: str, expected: bytes, shown: bytes) -> bool:
    """Whether the lines that came into a file are whole items there, none joined to what it stands before.

    A line that goes on in the next one, typed at the end of a file, would go where that next one is.
    """
    file = outcome.by_path.get(path)
    if file is None:
        return True
    lines = shown.splitlines(keepends=True)
    starts = list(accumulate(map(len, lines), initial=0))
    own = [piece for piece in file.pieces if piece.source is not None]
    before = list(accumulate((len(piece.text) for piece in own), initial=0))
    items = parse(outcome.monolith).items
    for change in diff(expected.splitlines(keepends=True), lines):
        come = [n for n in range(change.b0, change.b1) if lines[n].strip()]
        if not come:
            continue
        first = starts[come[0]] + len(lines[come[0]]) - len(lines[come[0]].lstrip())
        last = starts[come[-1]] + len(lines[come[-1]].rstrip()) - 1
        for edge in (first, last + 1):
            number = bisect_right(before, edge - (edge > first)) - 1
            at = (own[number].source or 0) + edge - before[number]
            if any(item.code_start < at < item.code_end for item in items):
                return False
    return True


def only_moved(files: Sequence[tuple[bytes, bytes]], typed: Counter[bytes]) -> bool:
    """Whether the files differ only by whole typed lines that went from one to another.

    So it is with an item that was typed into one file and that the rule gives to another: its place in
    the monolith is certain, and the next split puts it where it belongs.
    """
    gone: Counter[bytes] = Counter()
    come: Counter[bytes] = Counter()
    for expected, shown in files:
        old, new = expected.splitlines(keepends=True), shown.splitlines(keepends=True)
        left = Counter[bytes]()
        entered = Counter[bytes]()
        for change in diff(old, new):
            left.update(old[change.a0 : change.a1])
            entered.update(new[change.b0 : change.b1])
        if any(line.strip() for line in left.keys() & entered.keys()):
            return False
        gone += left
        come += entered
    # Blank lines go along with what they stand before.
    untyped = gone - typed
    return gone == come and gone != untyped and not any(line.strip() for line in untyped)
