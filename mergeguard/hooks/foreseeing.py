"""Working out in the merge driver, which has loaded all that it takes, what a merge's later hooks would."""

from __future__ import annotations

from collections.abc import Iterable

from mergeguard.fork import outlining
from mergeguard.fork.footprint import Footprints
from mergeguard.fork.fork import LEDGER
from mergeguard.fork.workspace import Workspace
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.hooks import foreseen, hookaudit, lensmerge
from mergeguard.hooks.foreseen import Foreseen
from mergeguard.hooks.mergework import GitChange
from mergeguard.treemerge import rederiving
from mergeguard.treemerge.trees import Merged


def foresee(repository: Repository, change: GitChange, outcome: Merged) -> None:
    """Note what the merge commit is to be, where nothing but git's own part of it can make it otherwise."""
    if foreseen.read(repository, change.ours, change.theirs) is not None:
        return
    foreseen.clear(repository)  # of another merge, or another version's of this one
    if len(change.bases) != 1:
        return
    if not outcome.clean or outcome.rewritten or outcome.doubted or outcome.moved:
        return
    ours, theirs = (repository.tree_of(commit) for commit in (change.ours, change.theirs))
    if repository.entry(outcome.tree, LEDGER) is not None:
        return
    tree = lensmerge.true_tree(repository, change, outcome, outcome.tree)
    tree = rederiving.rederived(repository, tree, (ours, theirs), lensmerge.splitting(repository))
    if tree != outcome.tree:
        return
    splitting = lensmerge.splitting(repository)
    Footprints(repository, splitting).of(tree)  # the next merge asks for it first
    outlining.know(Workspace.load(repository, tree, splitting))  # then for these
    paths = tuple(sorted(lensmerge.share(repository, change, outcome).paths))
    said = tuple(hookaudit.lines(repository, change, tree))
    base = change.bases[0]
    committed = _committed(repository, (repository.tree_of(base), ours, theirs), tree, paths)
    foreseen.write(repository, Foreseen(change.ours, change.theirs, base, tree, paths, said, committed))


def _committed(repository: Repository, trees: tuple[str, str, str], tree: str, paths: Iterable[str]) -> str:
    """What git will make of base, ours and theirs where ``tree`` is to come of it: it does not ask us about a
    file that one side alone has changed. "" where that differs in more than the text of files.
    """
    left: dict[str, Entry | None] = {}
    for path in paths:
        base, ours, theirs = (repository.entry(side, path) for side in trees)
        wanted = repository.entry(tree, path)
        found = ours if theirs in (base, ours) else theirs if ours == base else wanted
        if found == wanted:
            continue
        if found is None or wanted is None or found.mode != wanted.mode or not found.is_file:
            return ""
        left[path] = found
    return repository.edit_tree(tree, left)
