"""status: each rule, how far upstream has moved, and which local edits are where.

Asked again while nothing has changed that it depends on, it is told from what was found before: the lens is
not even loaded.
"""

from __future__ import annotations

from mergeguard.fork.fork import Fork
from mergeguard.fork.watched import WatchedRepository
from mergeguard.fork.whole import KnownWhole
from mergeguard.verbs.knownstatus import Beside, KnownStatus, RuleStatus

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
        watched = WatchedRepository.of(fork.repository, tree)
        rows = _looked_up(fork, watched, tree, beside)
        known.keep(watched, rows)
    if any(row.upstream for row in rows) and not KnownWhole(fork.repository).holds(fork.head()):
        rows = _with_history(fork, tree, rows)
    if any(row.state == "not split" and row.problem for row in rows):
        from mergeguard.verbs import standing

        return standing.with_splits_by_hand(fork, tree, rows)
    return rows


def _looked_up(
    fork: Fork, watched: WatchedRepository, tree: str, beside: Beside | None
) -> tuple[RuleStatus, ...]:
    from mergeguard.fork.workspace import Splitting, Workspace
    from mergeguard.verbs import standing

    return standing.rules(fork, Workspace.load(watched, tree, Splitting.of(fork.repository)), beside)


def _with_history(fork: Fork, tree: str, rows: tuple[RuleStatus, ...]) -> tuple[RuleStatus, ...]:
    from mergeguard.fork.workspace import Workspace
    from mergeguard.verbs import standing

    return standing.with_history(fork, Workspace.load(fork.repository, tree), rows)
