"""Commits in whose history nothing is known to be left open, so that a look at it need not be had again.

What history holds against locks (``treemerge.lockhistory``) is decided where merges are made and where locks
are written: a commit of one parent that has its parent's locks is as whole as its parent. Nothing here loads
the lens.
"""

from __future__ import annotations

from mergeguard.fork.fork import STATE
from mergeguard.fork.shelf import Shelf, code
from mergeguard.git.repository import Repository

LOCKS = f"{STATE}/locks"
_LIMIT = 80  # commits
_STEPS = 200  # from a commit back to one that is known


class KnownWhole:
    """The commits of one repository that are known to be whole."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._shelf = Shelf(repository.private_dir, "whole", _LIMIT)
        self._told: dict[str, bool] = {}

    def holds(self, commit: str) -> bool:
        """Whether the commit is known to be whole, by itself or since it only goes on from one that is.

        Commits that were passed in vain are not looked at again: whoever asks for one commit after the other
        down a long branch goes over it once.
        """
        if (self._repository.common_dir / "shallow").exists():
            return False  # more history may come
        passed: list[str] = []
        current: str | None = commit
        is_whole = False
        while current is not None and len(passed) < _STEPS:
            is_whole = self._told.get(current, False)
            if current in self._told:
                break
            passed.append(current)
            is_whole = self._shelf.get(self._key(current)) is not None
            if is_whole:
                break
            current = self._before(current)
        self._told |= dict.fromkeys(passed, is_whole)
        if is_whole and current != commit:
            self.keep(commit)
        return is_whole

    def keep(self, commit: str) -> None:
        """Note that nothing in the history of the commit is left open."""
        if (self._repository.common_dir / "shallow").exists():
            return
        self._told[commit] = True
        self._shelf.put(self._key(commit), b"")

    def _before(self, commit: str) -> str | None:
        """The parent that a commit is as whole as; None where that can't be told."""
        repository = self._repository
        info = repository.commit_info(commit)
        if len(info.parents) != 1:
            return None
        below = repository.entry(repository.tree_of(info.parents[0]), LOCKS)
        return info.parents[0] if repository.entry(info.tree, LOCKS) == below is not None else None

    def _key(self, commit: str) -> bytes:
        return f"{code()}\0{commit}".encode()
