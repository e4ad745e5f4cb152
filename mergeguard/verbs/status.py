"""status: each rule, how far upstream has moved, and which local edits are where.

Asked again while nothing has changed that it depends on, it is told from what was found before: the lens is
not even loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergeguard.errors import MergeguardError
from mergeguard.fork.fork import Fork
from mergeguard.fork.watched import WatchedRepository
from mergeguard.fork.whole import KnownWhole
from mergeguard.verbs.knownstatus import Beside, KnownStatus, RuleStatus

if TYPE_CHECKING:
    from mergeguard.fork.splitting import Splitting

__all__ = ["RuleStatus", "status"]


def status(fork: Fork, ref: str | None) -> tuple[RuleStatus, ...]:
    """Every rule of the work tree beside upstream's ``ref``; of HEAD while files are in conflict."""
    beside = Beside.of(fork, ref)
    tree = fork.unchanged()
    if tree is None and fork.repository.unmerged():
        from mergeguard.verbs import standing

        return standing.rules(fork, fork.at_head(), beside)
    tree = tree or fork.tree()
    known = KnownStatus(fork, beside)
    rows = known.get(tree)
    if rows is None:
        from mergeguard.fork.splitting import Splitting

        watched = WatchedRepository.of(fork.repository, tree)
        rows = _looked_up(watched, tree, fork, beside, Splitting.of(fork.repository))
        known.keep(watched, rows)
    if any(row.upstream for row in rows) and not KnownWhole(fork.repository).holds(fork.head()):
        rows = _with_history(fork, tree, rows)
    if any(row.state == "not split" and row.problem for row in rows):
        from mergeguard.verbs import standing

        return standing.with_splits_by_hand(fork, tree, rows)
    return rows


def leave_known(fork: Fork, splitting: Splitting | None = None, staged: str | None = None) -> None:
    """Keep what `status` will say of HEAD, which a command has just made (or of a tree ``staged``), while all
    that this takes is at hand."""
    from mergeguard.fork import outlining
    from mergeguard.fork.splitting import Splitting
    from mergeguard.fork.workspace import Workspace
    from mergeguard.treemerge.lockhistory import LockHistory

    repository, head = fork.repository, fork.head()
    splitting = splitting or Splitting.of(repository)
    tree = staged or repository.tree_of(head)
    try:
        beside = Beside.of(fork, fork.upstream(None))
        known = KnownStatus(fork, beside)
        outlining.know(Workspace.load(repository, tree, splitting))
        if known.get(tree) is None:
            watched = WatchedRepository.of(repository, tree)
            known.keep(watched, _looked_up(watched, tree, fork, beside, splitting.with_trees_anew()))
        if staged is None:
            workspace = Workspace.load(repository, tree, splitting)
            LockHistory(repository, splitting).behind(workspace, head)  # keeps that nothing is
    except MergeguardError:
        return  # `status` will say it


def _looked_up(
    watched: WatchedRepository, tree: str, fork: Fork, beside: Beside | None, splitting: Splitting
) -> tuple[RuleStatus, ...]:
    from mergeguard.fork.workspace import Workspace
    from mergeguard.verbs import standing

    return standing.rules(fork, Workspace.load(watched, tree, splitting), beside)


def _with_history(fork: Fork, tree: str, rows: tuple[RuleStatus, ...]) -> tuple[RuleStatus, ...]:
    from mergeguard.fork.workspace import Workspace
    from mergeguard.verbs import standing

    return standing.with_history(fork, Workspace.load(fork.repository, tree), rows)
