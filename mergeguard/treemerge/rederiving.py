"""Layouts derived again once a person has resolved a merge: what is derived never conflicts.

Where two branches change one rule, only the rule's file is for a person to resolve; the layout waits, as our
side's rule has it, and is derived once the rule is known. Where text conflicts, the glue around it is that of
our side's text until the conflict is resolved.
"""

from __future__ import annotations

from collections.abc import Iterable

from mergeguard.errors import MergeguardError
from mergeguard.fork import treelens
from mergeguard.fork.builds import UnitListing
from mergeguard.fork.splitting import Splitting
from mergeguard.fork.workspace import REGULAR, Guarded, Workspace
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository


def rederived(
    repository: Repository, tree: str, parents: Iterable[str], splitting: Splitting | None = None
) -> str:
    """The tree of a merge with every layout of the rule's file and of the resolved text, as they are there.

    ``parents`` are the trees that were merged. A rule that one of them had edited without deriving its layout
    is left as it is, and so is one that does not fit: ``check`` says so.
    """
    try:
        workspace = Workspace.load(repository, tree, splitting)
        sides = [Workspace.load(repository, parent, workspace.splitting, lenient=True) for parent in parents]
    except MergeguardError:
        return tree
    edits: dict[str, Entry | None] = {}
    layouts: list[UnitListing] = []
    replaced: list[UnitListing] = []
    for guarded in workspace.split_rules:
        lock = guarded.lock
        if lock is None or _drifts(sides, guarded.name):
            continue
        if lock.rule == guarded.rule_oid and not _was_unfinished(sides, guarded):
            continue
        try:
            before = workspace.unsplit(guarded)
            laid = treelens.lay_out(workspace, guarded, lock.monolith, before.monolith)
            entry = repository.entry(tree, lock.monolith)
            mode = REGULAR if entry is None else entry.mode
            own = treelens.layout_paths(workspace)
            treelens.check_outputs(repository, tree, {guarded.name: laid.layout}, own)
            found = treelens.layout_edits(workspace, guarded, laid, lock.upstream, mode)
        except MergeguardError:
            continue
        if laid.recomposed.conflicts:
            continue
        edits |= found
        layouts.append(UnitListing.of(guarded.rule, laid.layout))
        replaced.append(UnitListing.of(workspace.rule_of_lock(guarded), before.layout))
    if not edits:
        return tree
    tree = treelens.apply(repository, tree, edits)
    lists = workspace.splitting.lists
    return repository.edit_tree(tree, treelens.list_shards(repository, tree, layouts, replaced, lists))


def _was_unfinished(sides: Iterable[Workspace], guarded: Guarded) -> bool:
    """Whether the merge wrote the lock while the layout had conflicts (``treelens.lock``)."""
    if guarded.lock is None or not guarded.lock.basis:
        return False
    split = (side.split_rule(guarded.name) for side in sides)
    return guarded.lock not in [one.lock for one in split if one is not None]


def _drifts(sides: Iterable[Workspace], name: str) -> bool:
    """Whether a side has a layout that is not of its own rule's file."""
    split = (side.split_rule(name) for side in sides)
    return any(g.lock.rule != g.rule_oid for g in split if g is not None and g.lock is not None)
