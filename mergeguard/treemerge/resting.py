"""Rules at rest: what a merge has of their monolith is what one side has split, by the rule as it is.

Such a rule's layout stays as that side has it, which is what laying out the merged monolith would give: the
other side has all that concerns the rule as the base has it, and of the layout it is known that it comes out
again to the last byte (``fork.outlines``). So neither the rule nor the layout is read, here or where the
result is looked at.
"""

from __future__ import annotations

import posixpath

from mergeguard.fork.builds import UnitListing
from mergeguard.fork.outlines import Outline
from mergeguard.fork.workspace import path_in
from mergeguard.git.objects import MODE_TREE
from mergeguard.treemerge.fates import Fate
from mergeguard.treemerge.mergevalues import RuleOutcome, Side
from mergeguard.treemerge.rulepart import RulePart


def at_rest(part: RulePart, path: str) -> RuleOutcome | None:
    """The part of a rule that is at rest, with its layout put into the result; None of one that is not.

    ``path`` is where the merge has the monolith.
    """
    for side in part.both:
        known = _outline(part, side)
        if known is not None and _is_at_rest(part, path, side, known):
            return _as_it_is(part, path, side, known)
    return None


def _outline(part: RulePart, side: Side) -> Outline | None:
    """What is known of the side's layout, where it is by the rule as merged."""
    own = side.guarded(part.name)
    if own is None or own.rule_oid != part.guarded.rule_oid:
        return None
    known = side.workspace.outline(own)
    return known if known is not None and known.is_settled else None


def _is_at_rest(part: RulePart, path: str, side: Side, known: Outline) -> bool:
    base, other = part.sides.base, part.other(side)
    if base is None or part.fate is not None or path_in(part.sides.ours.workspace, part.guarded) != path:
        return False
    own = side.guarded(part.name)
    assert own is not None and own.lock is not None
    whole = part.entry(side, path)
    merged = part.repository.entry(part.outcome.tree, path)
    if own.lock.monolith != path or merged is None or not merged.is_file or merged != whole:
        return False
    there = part.entry(other, path)
    if there is None or part.entry(base, path) != there or part.conflicts_at(path):
        return False
    return _is_same(part, path, base, other, known) and _has_room(part, known)


def _is_same(part: RulePart, path: str, base: Side, other: Side, known: Outline) -> bool:
    """Whether the other side has nothing of the rule that the base has not, nor of its own in its place."""
    before, there = base.guarded(part.name), other.guarded(part.name)
    if before is None or there is None:
        return before is there and not any(_has_own(side, path, known) for side in (base, other))
    if (before.rule_oid, before.lock_oid) != (there.rule_oid, there.lock_oid):
        return False
    outline = other.workspace.outline(there)
    return outline is not None and not outline.hunks and outline.holds(base.workspace.entry)


def _has_own(side: Side, path: str, known: Outline) -> bool:
    """Whether a side that has the monolith whole, at ``path``, has something where the layout would be."""
    return any(side.workspace.entry(place) is not None for place in known.cover if place != path)


def _has_room(part: RulePart, known: Outline) -> bool:
    """Whether all files of the layout are this rule's to write, and can be written."""
    folders = (p if p not in known.entries else posixpath.dirname(p) for p in known.cover)
    return part.laid.owners.keys().isdisjoint(known.entries) and all(_is_open(part, f) for f in folders)


def _is_open(part: RulePart, folder: str) -> bool:
    """Whether files can be written below a path of git's merge: nothing but folders stands in their way."""
    known = part.laid.folders
    if folder and folder not in known:
        entry = part.repository.entry(part.outcome.tree, folder)
        is_folder = entry is None or entry.mode == MODE_TREE
        known[folder] = is_folder and _is_open(part, posixpath.dirname(folder))
    return known.get(folder, True)


def _as_it_is(part: RulePart, path: str, side: Side, known: Outline) -> RuleOutcome:
    laid, own = part.laid, side.guarded(part.name)
    assert own is not None
    laid.settled.add(path)
    laid.resting |= {place: None for place, entry in known.cover.items() if entry is None}
    for place, entry in known.present.items():
        # A folder in which others have something by now gets the files beside it.
        is_taken = place not in known.entries and part.repository.entry(part.outcome.tree, place) is not None
        laid.resting |= known.files_in(place) if is_taken else {place: entry}
    laid.resting[own.lock_path] = side.workspace.entry(own.lock_path)
    laid.listings.append(UnitListing(own.build, path, known.shards))
    laid.owners |= dict.fromkeys(known.entries, part.name)
    laid.layouts[path] = lambda: side.workspace.unsplit(own).layout
    hunks = part.hunks()
    is_unchanged = part.entry(part.sides.base, path) == part.entry(part.sides.theirs, path)
    return RuleOutcome(
        part.name,
        path,
        Fate.UNCHANGED if is_unchanged else Fate.MERGED,
        overlay=tuple(h for h in hunks if h.is_overlay),
        unmapped=tuple(h for h in hunks if not h.is_overlay),
        notes=known.notes,
    )
