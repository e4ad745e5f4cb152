"""Three-way merge of C++/CUDA/HIP files that is better than lines and never silently wrong.

The policy, in this order and never traded: what git merges cleanly and the check accepts is taken as is;
then, only where lines conflict, declarations are matched and merged by their tokens; an honest conflict
beats a clean wrong result.
"""

from __future__ import annotations

from mergeguard.merge.result import Conflict, MergeResult, Note, Piece, Resolved

__all__ = ["Conflict", "MergeResult", "Note", "Piece", "Resolved", "merge"]


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
