"""One rule's part of a merge: laid out again where the rule fits what the merge gives, else an ending.

Works on three sides whose monoliths are whole (``Sides``) and on what git made of them.
"""

from __future__ import annotations

from mergeguard.errors import MergeguardError
from mergeguard.fork.workspace import Guarded
from mergeguard.git.merging import MergeOutcome
from mergeguard.git.objects import Entry
from mergeguard.treemerge import endings, layingout
from mergeguard.treemerge.fates import Fate
from mergeguard.treemerge.mergevalues import Laid, RuleOutcome, Sides
from mergeguard.treemerge.resting import at_rest
from mergeguard.treemerge.rulepart import RulePart


def merge_rule(
    sides: Sides,
    guarded: Guarded,
    outcome: MergeOutcome,
    laid: Laid,
    *,
    broken: MergeguardError | None = None,
) -> RuleOutcome:
    """Lay out one rule's merged monolith, into ``laid``; where the rule does not fit, the split ends.

    ``broken`` says what is wrong with the rule's file as merged, where it can't be read.
    """
    part = RulePart(sides, guarded, outcome, laid)
    path = sides.paths.get(guarded.name)
    if path is None or not part.stays_split():
        return endings.not_split(part, path)
    if broken is None and (resting := at_rest(part, path)) is not None:
        return resting
    entry = part.repository.entry(outcome.tree, path)
    if entry is None or (part.is_deleted(path) and entry.is_file):
        return _gone(part, path)
    odd = next((e for e in (entry, *(part.entry(s, path) for s in part.both)) if e and not e.is_file), None)
    if odd is not None:
        return endings.replaced(part, path, odd)
    return _lay_out(part, path, entry, broken)


def _lay_out(part: RulePart, path: str, entry: Entry, broken: MergeguardError | None = None) -> RuleOutcome:
    result, traced = part.merged(path, entry), part.traced(path)
    if broken is not None:
        return endings.unfit(part, path, traced, result, broken)
    try:
        fit = layingout.fitting(part, path, result)
    except MergeguardError as error:
        return endings.unfit(part, path, traced, result, error)
    return layingout.lay_out(part, path, entry, fit, traced)


def _gone(part: RulePart, path: str) -> RuleOutcome:
    """One side no longer has the monolith, or git followed it to another name."""
    keeper, laid = part.keeper(path), part.laid
    own = keeper.guarded(part.name)
    laid.edits |= {part.guarded.lock_path: None}
    if own is None:
        return RuleOutcome(part.name, path, Fate.RETIRED)
    target = _renamed_to(part, path)
    entry = part.repository.entry(part.outcome.tree, target) if target else None
    if target is not None and entry is not None:
        laid.moved.add(target)
        if part.conflicts_at(target):
            return endings.renamed(part, path, target, fits=True)
        if part.layout(target, part.repository.read_blob(entry.oid)) is None:
            return endings.renamed(part, path, target, fits=False)
        part.sides.paths[part.name] = target
        laid.edits.pop(part.guarded.lock_path)
        return _lay_out(part, target, entry)
    pristine, hunks = keeper.workspace.pristine(own).monolith, keeper.workspace.unsplit(own).hunks
    if part.versions(path)[keeper.number - 1] == pristine and not hunks:
        return endings.retired(part, path)
    return endings.scattered(part, path) if endings.lives_on(part) else endings.deleted(part, path)


def _renamed_to(part: RulePart, path: str) -> str | None:
    base = part.sides.base
    if base is None:
        return None
    other = part.other(part.keeper(path))
    return part.repository.renames(base.tree, other.tree).get(path)
