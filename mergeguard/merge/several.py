"""The merge of several files between which a side moved declarations, as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mergeguard.merge.declarations.leafmerge import LeafMerger, rename_notes, renames_of_both
from mergeguard.merge.engine import merge_text
from mergeguard.merge.noting import out_of_place
from mergeguard.merge.result import Conflict, MergeResult, Note, Piece, Resolved, join

# (clean bytes or None, conflict pieces or None): what git makes of base, ours, theirs.
LineMerger = Callable[[bytes, bytes, bytes], tuple[bytes | None, tuple[Piece, ...] | None]]


def merge_many(
    base: Mapping[str, bytes], ours: Mapping[str, bytes], theirs: Mapping[str, bytes], lines: LineMerger
) -> dict[str, MergeResult]:
    """See ``mergeguard.merge.merge_files``."""
    alone = _each_alone(base, ours, theirs, lines)
    if all(result.clean and not result.notes for result in alone.values()):
        return alone
    followed = _followed(base, ours, theirs)
    if not isinstance(followed, str):
        return followed
    note = Note("not-followed", f"declarations moved between files could not be followed: {followed}", True)
    first = next(iter(alone))
    alone[first] = MergeResult(alone[first].pieces, (*alone[first].notes, note))
    return alone


def _each_alone(
    base: Mapping[str, bytes], ours: Mapping[str, bytes], theirs: Mapping[str, bytes], lines: LineMerger
) -> dict[str, MergeResult]:
    """The merge of each file by itself."""
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
    return results


def _followed(
    base: Mapping[str, bytes], ours: Mapping[str, bytes], theirs: Mapping[str, bytes]
) -> dict[str, MergeResult] | str:
    """The clean merge that follows declarations from file to file, or why there is none."""
    from mergeguard.merge.conservation import balance
    from mergeguard.merge.copies import copied
    from mergeguard.merge.declarations.compose import compose
    from mergeguard.merge.examine import examine
    from mergeguard.merge.renames import apply_renames, of_the_file
    from mergeguard.merge.suspects import suspects
    from mergeguard.merge.weave import Clash

    b, o, t = (b"\n".join(files.values()) for files in (base, ours, theirs))
    mine, other = renames_of_both(b, o, t)
    mine, other = of_the_file(mine, b, o), of_the_file(other, b, t)
    base = {path: apply_renames(apply_renames(text, mine), other) for path, text in base.items()}
    ours = {path: apply_renames(text, other) for path, text in ours.items()}
    theirs = {path: apply_renames(text, mine) for path, text in theirs.items()}
    merge_leaf = LeafMerger()
    try:
        pieces, notes = compose(base, ours, theirs, merge_leaf)
    except Clash as clash:
        return clash.reason
    if any(isinstance(p, Conflict) for parts in pieces.values() for p in parts):
        return "both sides changed the same code"
    b, o, t = (b"\n".join(files.values()) for files in (base, ours, theirs))
    merged = b"\n".join(MergeResult(parts).render() for parts in pieces.values())
    wrong = balance(b, o, t, merged, frozenset(merge_leaf.renamed))
    if wrong:
        return wrong
    why = suspects(b, o, t)
    findings = examine(b, o, t, merged, why) if why else []
    if any(note.code == "duplicate-definition" for note in findings):
        return "a definition would be there twice"
    versions = [list(files.values()) for files in (base, ours, theirs)]
    findings += out_of_place(versions, [MergeResult(parts).render() for parts in pieces.values()])
    findings += copied(*versions)
    first = next(iter(pieces), None)
    said = (*notes, *merge_leaf.notes, *rename_notes(mine, other), *findings)
    return {path: MergeResult(parts, said if path == first else ()) for path, parts in pieces.items()}
