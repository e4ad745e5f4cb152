"""A merge in which the other side follows what one side renamed."""

from __future__ import annotations

from collections.abc import Callable

from mergeguard.merge.declarations.leafmerge import rename_notes, renames_of_both
from mergeguard.merge.noting import old_name
from mergeguard.merge.result import MergeResult, Note, Prepared, shown


def with_names_of_both(base: bytes, ours: bytes, theirs: bytes) -> Prepared | None:
    """The three with the base's names exchanged for those that both sides have in their place."""
    from mergeguard.merge.renames import apply_renames, made_by_both

    found = made_by_both(base, ours, theirs)
    if not found:
        return None
    said = ", ".join(f"{shown(r.old)} as {shown(r.new)}" for r in found)
    return (apply_renames(base, found), ours, theirs), Note("renamed-by-both", f"both sides know {said}")


def with_names_exchanged(base: bytes, ours: bytes, theirs: bytes) -> Prepared | None:
    """The three with the names that one side exchanged in all that it left of the base exchanged in what the
    other left of it, too: what that one removed or edited there is not in conflict with a name."""
    from mergeguard.merge.renames import apply_renames, exchanged, renamed_where_kept

    mine, other = exchanged(base, ours, theirs), exchanged(base, theirs, ours)
    if bool(mine) == bool(other):
        return None
    found = mine or other
    new_base = apply_renames(base, found)
    new_ours = ours if mine else renamed_where_kept(base, ours, found)
    new_theirs = renamed_where_kept(base, theirs, found) if mine else theirs
    said = ", ".join(f"{shown(r.old)} became {shown(r.new)}" for r in found)
    return (new_base, new_ours, new_theirs), Note("exchanged", f"all over one side {said}")


def with_renames(
    base: bytes, ours: bytes, theirs: bytes, merge: Callable[[bytes, bytes, bytes], MergeResult]
) -> MergeResult | None:
    """``merge`` of the three after one side's renames are made on the other as well; None if there are none
    or a name that was given up is there still."""
    from mergeguard.merge.edits import words
    from mergeguard.merge.renames import apply_renames, changed_by_both, names, of_the_file

    mine, other = renames_of_both(base, ours, theirs)
    mine, other = of_the_file(mine, base, ours), of_the_file(other, base, theirs)
    if not mine and not other:
        return None
    new_base = apply_renames(apply_renames(base, mine), other)
    new_ours, new_theirs = apply_renames(ours, other), apply_renames(theirs, mine)
    result = merge(new_base, new_ours, new_theirs)
    text = result.render()
    if any(r.old in names(text) for r in (*mine, *other)):
        return None
    doubts = [
        Note(
            "guessed",
            f"{shown(r.old)} was changed as well as renamed on one side and edited on the other: "
            f"look whether {shown(r.new)} is still the same thing",
            True,
        )
        for renames, before, renamer, editor in (
            (mine, new_base, ours, new_theirs),
            (other, new_base, theirs, new_ours),
        )
        for r in renames
        if changed_by_both(r.new, before, renamer, editor)
    ]
    doubts += [
        old_name(r)
        for renames, renamer in ((mine, ours), (other, theirs))
        for r in renames
        if words(text, r.old) > words(renamer, r.old)
    ]
    exchanged = frozenset(name for r in (*mine, *other) for name in (r.old, r.new))
    said = (*rename_notes(mine, other), *result.notes, *doubts)
    return MergeResult(result.pieces, said, result.renamed | exchanged)
