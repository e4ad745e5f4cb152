"""After an ordinary commit: one line for each split file whose entry no longer fits what was typed."""

from __future__ import annotations

from collections.abc import Callable

from mergeguard.errors import MergeguardError
from mergeguard.fork.stale import stale
from mergeguard.fork.workspace import Guarded, Workspace
from mergeguard.git.objects import CommitInfo
from mergeguard.git.repository import Repository


def tell(repository: Repository, info: CommitInfo, say: Callable[[str], None]) -> None:
    """``say`` what the commit left out of date in the layouts that it touched. The commit stands."""
    before = repository.tree_of(info.parents[0]) if info.parents else repository.empty_tree
    workspace = Workspace.load(repository, info.tree)
    for guarded in workspace.split_rules:
        try:
            if not _is_touched(workspace, guarded, before):
                continue
            for found in stale(workspace, guarded)[:1]:
                say(f"{found.path}:{found.line or 1}: {found.message}")
                say(f"next: `mergeguard split {guarded.name}`, then commit what it stages")
        except MergeguardError as error:
            say(f"{error}; `mergeguard check {guarded.name}` says more")


def _is_touched(workspace: Workspace, guarded: Guarded, before: str) -> bool:
    entry = workspace.repository.entry
    paths = [guarded.lock_path, *workspace.layout_read_over(guarded)[0]]
    return any(entry(workspace.tree, path) != entry(before, path) for path in paths)
