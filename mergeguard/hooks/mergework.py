"""The merge that git is at: which commits it merges, and whether layouts have to do with it.

Hooks and the merge driver ask this first, so nothing here loads the lens.
"""

from __future__ import annotations

import os

from mergeguard.fork.footprint import Footprint, Footprints, monolith_in
from mergeguard.git.atwork import merged_commits
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.hooks import pending
from mergeguard.values import dataclass


@dataclass(frozen=True, slots=True)
class GitChange:
    """The three commits of a merge: what ``theirs`` did since ``bases`` is brought to ``ours``."""

    bases: tuple[str, ...]
    ours: str
    theirs: str
    labels: tuple[str, str] = ("HEAD", "theirs")


def merging() -> tuple[tuple[str, str], ...]:
    """The commits that ``git merge`` merges into HEAD, with the names that the user gave them."""
    return merged_commits(os.environ)


def merge_change(repository: Repository, ours: str, theirs: str, name: str | None = None) -> GitChange:
    """What ``git merge`` of ``theirs`` (called ``name``) into ``ours`` merges."""
    bases = repository.merge_bases(ours, theirs)
    return GitChange(bases, ours, theirs, ("HEAD", name or theirs[:7]))


def merge_at_work(repository: Repository) -> GitChange | None:
    """The merge of one commit that git is at, where layouts have to do with it."""
    heads, head = merging(), repository.head().oid
    if len(heads) != 1 or head is None:
        return None
    change = merge_change(repository, head, *heads[0])
    noted = pending.read(repository.git_dir)
    return change if noted is not None or concerned(repository, change) else None


def concerned(repository: Repository, change: GitChange) -> bool:
    """Whether git's own merge of the three may not be the lens' (cheap: no file is read as source).

    It is where no side moved a monolith, a lock or a rule since the base: the layouts are then the same
    text on all sides, and an edit of one side stays in its file.
    """
    ours, theirs = (repository.tree_of(commit) for commit in (change.ours, change.theirs))
    footprints = Footprints(repository)
    split = {rule.name: rule for tree in (ours, theirs) for rule in footprints.of(tree)}
    if not split:
        return False
    if len(change.bases) != 1:
        return True
    base = repository.tree_of(change.bases[0])
    return any(
        _facts(repository, base, rule) not in (_facts(repository, tree, rule) for tree in (ours, theirs))
        for rule in split.values()
    )


def _facts(repository: Repository, tree: str, rule: Footprint) -> tuple[Entry | None, ...]:
    """What a tree has of a rule: its lock, its file, its monolith."""
    lock, file = (repository.entry(tree, path) for path in (rule.lock_path, rule.rule_path))
    return lock, file, monolith_in(repository, tree, rule)
