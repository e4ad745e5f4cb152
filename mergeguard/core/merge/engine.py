"""The order in which merges are tried: lines, the structured merge, and what is left of the conflicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mergeguard.core.merge.lines import merge_lines, trivial
from mergeguard.core.merge.result import Conflict, MergeResult, Note, Piece, Resolved, join

# (clean bytes or None, conflict pieces or None): what git makes of base, ours, theirs.
LineMerger = Callable[[bytes, bytes, bytes], tuple[bytes | None, tuple[Piece, ...] | None]]


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
        return _checked(base, ours, theirs, result)
    return _structured(base, ours, theirs, lines)


def merge_many(
    base: Mapping[str, bytes], ours: Mapping[str, bytes], theirs: Mapping[str, bytes], lines: LineMerger
) -> dict[str, MergeResult]:
    """See ``mergeguard.core.merge.merge_files``."""
    from mergeguard.core.merge.compose import compose
    from mergeguard.core.merge.weave import Clash

    reason = ""
    try:
        pieces, notes = compose(base, ours, theirs, merge_leaf)
    except Clash as clash:
        reason = clash.reason
    else:
        if not any(isinstance(p, Conflict) for parts in pieces.values() for p in parts):
            return {path: MergeResult(parts, notes) for path, parts in pieces.items()}
    results: dict[str, MergeResult] = {}
    for path in [*ours, *(p for p in theirs if p not in ours)]:
        b, o, t = base.get(path), ours.get(path), theirs.get(path)
        if b is not None and o is not None and t is not None:
            clean, conflicts = lines(b, o, t)
            results[path] = merge_text(b, o, t, clean, conflicts)
        elif b is None or (o or t) == b:
            text = o if o is not None else t
            if b is None and text is not None:
                results[path] = MergeResult(join([Resolved(text)]))
        else:
            results[path] = MergeResult(join([Conflict(b, o or b"", t or b"")]))
    note = Note("not-followed", f"declarations moved between files could not be followed: {reason}", True)
    first = next(iter(results))
    results[first] = MergeResult(results[first].pieces, (*results[first].notes, note))
    return results


def merge_leaf(base: bytes, ours: bytes, theirs: bytes) -> tuple[Piece, ...]:
    """One declaration: lines first, then tokens, then the conflict, as small as it gets."""
    from mergeguard.core.merge.weave import Clash, weave

    settled = trivial(base, ours, theirs)
    if settled is not None:
        return join([Resolved(settled)])
    lines = merge_lines(base, ours, theirs)
    if not any(isinstance(piece, Conflict) for piece in lines):
        return lines
    try:
        return join([Resolved(weave(base, ours, theirs))])
    except Clash:
        return refine_conflicts(lines)


def _checked(base: bytes, ours: bytes, theirs: bytes, result: MergeResult) -> MergeResult:
    return result


def _structured(base: bytes, ours: bytes, theirs: bytes, lines: tuple[Piece, ...]) -> MergeResult:
    from mergeguard.core.merge.compose import compose
    from mergeguard.core.merge.weave import Clash, weave

    notes: list[Note] = []
    candidates = [lines]
    try:
        composed, said = compose({"": base}, {"": ours}, {"": theirs}, merge_leaf)
    except Clash as clash:
        notes.append(Note("conflict", clash.reason))
    else:
        notes += said
        candidates.append(composed[""])
        if not any(isinstance(piece, Conflict) for piece in composed[""]):
            notes.append(Note("declarations", "merged by declarations"))
            return MergeResult(composed[""], tuple(notes))
    try:
        whole = weave(base, ours, theirs)
    except Clash as clash:
        notes.append(Note("conflict", clash.reason))
    else:
        return MergeResult(join([Resolved(whole)]), (Note("tokens", "merged by tokens"),))
    candidates.append(refine_conflicts(lines))
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
