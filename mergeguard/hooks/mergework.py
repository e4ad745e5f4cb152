"""The merge that git is at: which commits it merges, and whether layouts have to do with it.

Hooks and the merge driver ask this first, so nothing here loads the lens.
"""

from __future__ import annotations

import os
import re

from mergeguard.fork.footprint import Footprint, Footprints, monolith_in
from mergeguard.git.atwork import merged_commits
from mergeguard.git.objects import Entry
from mergeguard.git.process import decode
from mergeguard.git.repository import Repository
from mergeguard.hooks import pending
from mergeguard.hooks.pending import PendingNote
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


def rebasing(repository: Repository) -> str | None:
    """The commit that a rebase is picking; "" where it does not say."""
    folder = repository.git_dir / "rebase-merge"
    if not folder.exists():
        applying = repository.git_dir / "rebase-apply"
        if not (applying / "rebasing").exists():
            return None
        original = applying / "original-commit"
        return original.read_text(encoding="ascii").strip() if original.exists() else ""
    try:
        words = (folder / "done").read_text(encoding="utf-8", errors="replace").splitlines()[-1].split()
    except (OSError, IndexError):
        return ""
    found = [word for word in words[1:] if re.fullmatch("[0-9a-f]{7,64}", word)]
    return repository.resolve(found[0]) if found else ""


def rebase_ends(repository: Repository) -> tuple[str, str]:
    """The old tip and the new base of the rebase in progress."""
    for folder in ("rebase-merge", "rebase-apply"):
        found = [repository.git_dir / folder / name for name in ("orig-head", "onto")]
        if all(file.exists() for file in found):
            tip, onto = (decode(file.read_bytes()).strip() for file in found)
            return repository.resolve(tip), repository.resolve(onto)
    head = repository.resolve("HEAD")
    return head, head


def note_rebase(repository: Repository) -> None:
    """Note that the rebase at work is to be replayed through the lens at its end."""
    tip, onto = rebase_ends(repository)
    noted = pending.read(repository.git_dir)
    if noted is None or noted.operation != "rebase" or noted.head != tip:
        pending.write(repository.git_dir, PendingNote("rebase", tip, onto))


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
