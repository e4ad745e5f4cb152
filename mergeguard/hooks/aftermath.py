"""Whether plain git commands have left something open; known commits are told without loading the lens."""

from __future__ import annotations

from mergeguard.errors import MergeguardError
from mergeguard.fork.whole import KnownWhole
from mergeguard.git.atwork import NOTE
from mergeguard.git.repository import Repository


def describe(repository: Repository) -> str | None:
    """As ``repairing.describe``: one line on what is open, None where nothing is."""
    whole, head = KnownWhole(repository), repository.head().oid
    is_settled = head is not None and not (repository.git_dir / NOTE).exists()
    if head is not None and is_settled:
        if whole.holds(head):
            return None
        if repository.operation_in_progress() is None and _is_whole(repository, head):
            whole.keep(head)
            return None
    from mergeguard.hooks import repairing

    return repairing.describe(repository)


def unfinished(repository: Repository) -> str | None:
    """As ``repairing.unfinished``: a commit of git's that no hook has completed."""
    if not (repository.git_dir / NOTE).exists():
        return None
    from mergeguard.hooks import repairing

    return repairing.unfinished(repository)


def _is_whole(repository: Repository, head: str) -> bool:
    """Whether history holds nothing against the locks; found out without what would mend them."""
    from mergeguard.fork.splitting import Splitting
    from mergeguard.fork.workspace import Workspace
    from mergeguard.treemerge.lockhistory import LockHistory

    splitting = Splitting.of(repository)
    try:
        workspace = Workspace.load(repository, repository.tree_of(head), splitting, lenient=True)
        return not LockHistory(repository, splitting).behind(workspace, head)
    except MergeguardError:
        return False
