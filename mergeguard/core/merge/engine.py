"""The order in which merges are tried: lines, the structured merge, and what is left of the conflicts."""

from __future__ import annotations

from mergeguard.core.merge.lines import merge_lines, trivial
from mergeguard.core.merge.result import Conflict, MergeResult, Note, Piece, Resolved, join


def merge_text(
    base: bytes,
    ours: bytes,
    theirs: bytes,
    git_clean: bytes | None,
    git_pieces: tuple[Piece, ...] | None,
) -> MergeResult:
    """See ``mergeguard.core.merge.merge``."""
    settled = trivial(base, ours, theirs)
    if settled is not None:
        return MergeResult(join([Resolved(settled)]))
    if git_clean is not None:
        lines: tuple[Piece, ...] = join([Resolved(git_clean)])
    else:
        lines = git_pieces if git_pieces is not None else merge_lines(base, ours, theirs)
    result = MergeResult(lines)
    if result.clean:
        return result
    return _structured(base, ours, theirs, lines)


def _structured(base: bytes, ours: bytes, theirs: bytes, lines: tuple[Piece, ...]) -> MergeResult:
    from mergeguard.core.merge.weave import Clash, weave

    notes: list[Note] = []
    try:
        whole = weave(base, ours, theirs)
    except Clash as clash:
        notes.append(Note("conflict", clash.reason))
    else:
        return MergeResult(join([Resolved(whole)]), (Note("tokens", "merged by tokens"),))
    candidates = [lines, refine_conflicts(lines)]
    if lines != (own := merge_lines(base, ours, theirs)):
        candidates.append(refine_conflicts(own))
    best = min(candidates, key=_size_of_conflicts)
    return MergeResult(best, tuple(notes))


def refine_conflicts(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """The pieces with each conflict that its tokens can settle settled."""
    from mergeguard.core.merge.weave import Clash, weave

    refined: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Conflict):
            try:
                refined.append(Resolved(weave(piece.base, piece.ours, piece.theirs)))
                continue
            except Clash:
                pass
        refined.append(piece)
    return join(refined)


def _size_of_conflicts(pieces: tuple[Piece, ...]) -> tuple[int, int]:
    conflicts = [p for p in pieces if isinstance(p, Conflict)]
    return len(conflicts), sum(len(p.ours) + len(p.theirs) for p in conflicts)
