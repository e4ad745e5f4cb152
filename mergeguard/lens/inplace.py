"""The layout of an edited monolith, presumed: each edit where its text stands, and everything else as it was.

That is what the split of most edits gives. It is nothing that counts before a split has shown it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from mergeguard.cpp.diff import diff, ending_in_common, in_common, unequal_middle
from mergeguard.lens.hunks import applied
from mergeguard.lens.layout import Layout, Piece
from mergeguard.values import replace

_Edit = tuple[int, int, bytes]  # bytes start:end of the monolith become these


def edited_in_place(layout: Layout, text: bytes) -> Layout | None:
    """``layout`` with its monolith's changes to ``text`` put in where the changed bytes stand (what comes
    between two pieces goes with the second); None where a change has bytes of several pieces.

    The anchors of glue stay those of the layout.
    """
    homes = sorted(
        (piece.source, number, at)
        for number, file in enumerate(layout.files)
        for at, piece in enumerate(file.pieces)
        if piece.source is not None and piece.text
    )
    edits: list[list[_Edit]] = [[] for _ in homes]
    for edit in _edits(layout.monolith, text):
        home = bisect_right(homes, (edit[0], len(layout.files))) - 1
        if home < 0 or edit[1] > (homes[home + 1][0] if home + 1 < len(homes) else len(layout.monolith)):
            return None
        edits[home].append(edit)
    files = [[*file.pieces] for file in layout.files]
    shift = 0
    for (source, number, at), mine in zip(homes, edits, strict=True):
        piece = files[number][at]
        edited = applied(piece.text, [(start - source, end - source, new) for start, end, new in mine])
        files[number][at] = Piece(edited, source + shift, piece.glue, piece.anchor)
        shift += len(edited) - len(piece.text)
    changed = (replace(f, pieces=tuple(pieces)) for f, pieces in zip(layout.files, files, strict=True))
    return replace(layout, monolith=text, files=tuple(changed))


def _edits(before: bytes, after: bytes) -> Iterator[_Edit]:
    """What turns one text into the other, to the byte, found by lines."""
    head, *ends = unequal_middle(before, after)
    old, new = (t[head:end].splitlines(keepends=True) for t, end in zip((before, after), ends, strict=True))
    old_at, new_at = ([*accumulate(map(len, lines), initial=head)] for lines in (old, new))
    for change in diff(old, new):
        start, end = old_at[change.a0], old_at[change.a1]
        text = after[new_at[change.b0] : new_at[change.b1]]
        same = in_common(before[start:end], text)
        start, text = start + same, text[same:]
        same = ending_in_common(before[start:end], text, min(end - start, len(text)))
        yield start, end - same, text[: len(text) - same]
