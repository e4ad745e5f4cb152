"""What is certain of the conflicts that stand in a file already, as markers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mergeguard.cpp.filenames import SOURCES
from mergeguard.merge.marked import Baseless, Marked, MarkedPiece
from mergeguard.merge.markers import refine, render_markers, size_of_conflicts
from mergeguard.merge.reasons import told
from mergeguard.merge.result import Conflict, MergeResult, Piece, Resolved, join

Versions = tuple[bytes, bytes, bytes]


class Solved(NamedTuple):
    """The text now, its conflicts before and now, and what is to be said of it."""

    text: bytes
    before: int
    left: int
    said: tuple[str, ...] = ()


def merge_named(
    path: str,
    versions: Versions,
    git_clean: bytes | None,
    git_pieces: tuple[Piece, ...] | None,
) -> MergeResult:
    """The merge of base, ours and theirs of the file at ``path``: C++ by declarations, source lists of build
    files as sets, anything else as git has it."""
    from mergeguard.merge import merge
    from mergeguard.merge.lists import merge_build_file

    if path.lower().endswith(SOURCES):
        return merge(*versions, git_clean=git_clean, git_pieces=git_pieces)
    if git_pieces is None:
        return MergeResult(join([Resolved(git_clean or b"")]))
    return MergeResult(merge_build_file(path, *versions, git_pieces))


def solve(marked: Marked, path: str, result: MergeResult | None = None, style: str = "diff3") -> Solved:
    """The marked text with what is certain solved, or as it is.

    ``result`` is the merge of the whole file, where nobody has edited it since git wrote the markers. Else
    each conflict whose base is known is merged in the text as it stands now; of the others only those are
    certain whose sides have the same tokens. What stands outside of markers stays. ``style`` is how
    conflicts that are left show their bases, where those of the text do.
    """
    before = marked.conflicts
    if result is None:
        settled = _without_layout(marked) if path.lower().endswith(SOURCES) else marked
        result = _in_place(settled, path)
        waiting = settled.baseless
    else:
        waiting = ()
    style = style if marked.shows_bases else "merge"
    if result.clean and result.findings:  # right or not, it is not certain
        return Solved(marked.text, before, before, tuple(note.message for note in result.findings))
    shown = [piece for piece in refine(result.pieces, style) if isinstance(piece, Resolved)]
    kept = all(any(one.shown in piece.text for piece in shown) for one in waiting)
    unknown = (_no_base(len(waiting)),) if waiting else ()
    if not kept or _size(result.pieces, waiting) >= _size(marked.pieces, marked.baseless):
        return Solved(marked.text, before, before, (*_why(marked, path), *unknown))
    text = render_markers(result.pieces, marked.labels, style, marked.size)
    left = _count(refine(result.pieces, style)) + len(waiting)
    notes = () if left else tuple(note.message for note in result.notes)
    return Solved(text, before, left, (*notes, *told(path, result.pieces, style), *unknown))


def _in_place(marked: Marked, path: str) -> MergeResult:
    """The merge of what the markers tell, in the text as it stands now."""
    pieces = join(Resolved(piece.shown) if isinstance(piece, Baseless) else piece for piece in marked.pieces)
    if not _count(pieces):
        return MergeResult(pieces)
    versions = (marked.side("base"), marked.side("ours"), marked.side("theirs"))
    return merge_named(path, versions, None, pieces)


def _without_layout(marked: Marked) -> Marked:
    """With theirs for each conflict whose sides have the same tokens: upstream's layout wins."""
    from mergeguard.cpp.tokens import tokens_of

    pieces = (
        Resolved(piece.theirs)
        if not isinstance(piece, Resolved) and tokens_of(piece.ours).keys == tokens_of(piece.theirs).keys
        else piece
        for piece in marked.pieces
    )
    return marked._replace(pieces=tuple(pieces))


def _why(marked: Marked, path: str) -> tuple[str, ...]:
    """The reasons of the conflicts as they stand."""
    if not path.lower().endswith(SOURCES):
        return ("neither C++ nor a source list of a build file: it is as it was",)
    pieces = [Resolved(p.shown) if isinstance(p, Baseless) else p for p in marked.pieces]
    return told(path, pieces, "diff3" if marked.shows_bases else "merge")


def _no_base(count: int) -> str:
    which = "one conflict" if count == 1 else f"{count} conflicts"
    return f"{which} without a base, neither in the markers nor in the index nor in the merge that brought it"


def _count(pieces: tuple[Piece, ...]) -> int:
    return sum(isinstance(piece, Conflict) for piece in pieces)


def _size(pieces: tuple[MarkedPiece, ...], waiting: Sequence[Baseless]) -> tuple[int, int]:
    """How many lines a person sees between markers, and in how many conflicts."""
    lines, count = size_of_conflicts(tuple(p for p in pieces if not isinstance(p, Baseless)))
    more = sum(one.ours.count(b"\n") + one.theirs.count(b"\n") for one in waiting)
    return lines + more, count + len(waiting)
