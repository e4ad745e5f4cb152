"""Three-way merge of C++/CUDA/HIP files that is better than lines and never silently wrong.

The policy, in this order and never traded: what git merges cleanly and the check accepts is taken as is;
then, only where lines conflict, declarations are matched and merged by their tokens; an honest conflict
beats a clean wrong result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mergeguard.merge.result import Conflict, MergeResult, Note, Piece, Resolved

__all__ = ["Conflict", "MergeResult", "Note", "Piece", "Resolved", "merge", "merge_files"]

LineMerger = Callable[[bytes, bytes, bytes], tuple[bytes | None, tuple[Piece, ...] | None]]


def merge(
    base: bytes,
    ours: bytes,
    theirs: bytes,
    *,
    git_clean: bytes | None = None,
    git_pieces: tuple[Piece, ...] | None = None,
) -> MergeResult:
    """The merge of ``ours`` and ``theirs`` (upstream) over ``base``.

    ``git_clean`` is git's own result where it merged cleanly, ``git_pieces`` its conflict regions (as
    ``markers.parse_markers`` reads them) where it did not; without either, lines are merged here.
    Never raises on any bytes.
    """
    from mergeguard.merge.engine import merge_text

    return merge_text(base, ours, theirs, git_clean, git_pieces)


def merge_files(
    base: Mapping[str, bytes],
    ours: Mapping[str, bytes],
    theirs: Mapping[str, bytes],
    lines: LineMerger | None = None,
) -> dict[str, MergeResult]:
    """The merge of files between which a side moved declarations (to a new header, a split into several).

    Each mapping is path -> bytes, only of the files concerned. An edit of one side follows its declaration
    into the file where the other side put it. ``lines`` gives git's own merge of one file (its clean bytes,
    or its conflict pieces), for what can't be followed.
    """
    from mergeguard.merge.lines import merge_lines
    from mergeguard.merge.several import merge_many

    return merge_many(base, ours, theirs, lines or (lambda b, o, t: (None, merge_lines(b, o, t))))
