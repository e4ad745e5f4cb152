"""A plain git command that stopped in a fork without layouts: edits follow what a split by hand has moved.

git has compared each file with itself, so an edit of what the other side has in another file now is a
conflict of the whole block that went. The same commits are merged with the edits carried over
(``treemerge.followededits``), and the files concerned are put right in the index that holds git's
conflicts. Acts once: only on what is still as git left it.
"""

from __future__ import annotations

from collections.abc import Mapping

from mergeguard.cpp.filenames import SOURCES
from mergeguard.git import worktree
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.hooks import conflictindex, driver, lensmerge, mergework
from mergeguard.hooks.lensmerge import Share
from mergeguard.hooks.mergework import GitChange
from mergeguard.hooks.telling import tell


def settle(repository: Repository) -> None:
    """Put right what followed; nothing where no commit is known that git applies, or nothing moved."""
    index, _ = worktree.read_index(repository)
    unmerged = {path: stages for path, stages in index.unmerged.items() if path.endswith(SOURCES)}
    change = _change(repository, unmerged) if unmerged else None
    if change is None or not any(_is_gits(repository, change, *found) for found in unmerged.items()):
        return
    outcome = lensmerge.merged(repository, change)
    mine = frozenset(outcome.rewritten)
    if not any(path in mine and _is_gits(repository, change, path, s) for path, s in unmerged.items()):
        return
    shown = conflictindex.put(repository, Share(mine, frozenset(), mine), outcome, ())
    # `git merge --abort` takes files for edited that the index has no times of.
    repository.git("update-index", "-q", "--refresh", ok=(0, 1))
    for path in sorted(mine - set(shown)):
        tell(f"mergeguard: {path}: edits followed their declarations")
    for path in shown:
        tell(f"mergeguard: CONFLICT: Merge conflict in {path}")
    if not repository.git("ls-files", "-u", "-z").out:
        tell("mergeguard: all conflicts were of declarations that have moved, and are settled")
        tell(f"mergeguard: next: {_going_on(repository)}")


def _going_on(repository: Repository) -> str:
    if mergework.merging():
        return "git commit"
    operation = "rebase" if mergework.rebasing(repository) is not None else "cherry-pick"
    return f"git {operation} --continue"


def _change(repository: Repository, unmerged: Mapping[str, Mapping[int, Entry]]) -> GitChange | None:
    """What git applies: a merge, a commit of a rebase, or one of a cherry-pick, known by its blobs."""
    head = repository.head().oid
    if head is None:
        return None
    heads = mergework.merging()
    if heads:
        return mergework.merge_change(repository, head, *heads[0]) if len(heads) == 1 else None
    picked = mergework.rebasing(repository)
    if picked:
        parents = repository.commit_info(picked).parents[:1]
        return GitChange(parents, head, picked, _labels(repository, picked)) if parents else None
    for path, stages in unmerged.items():
        if {1, 3} <= stages.keys():
            found = driver.applied(repository, path, stages[1].oid, stages[3].oid)
            if found is not None:
                return GitChange((found[0],), head, found[1], _labels(repository, found[1]))
    return None


def _labels(repository: Repository, commit: str) -> tuple[str, str]:
    return "HEAD", f"{commit[:7]} ({repository.commit_info(commit).subject})"


def _is_gits(repository: Repository, change: GitChange, path: str, stages: Mapping[int, Entry]) -> bool:
    """Whether a conflict is still the one that git found, between the two commits' own files."""
    sides = ((2, change.ours), (3, change.theirs))
    return all(stages.get(n) == repository.entry(repository.tree_of(c), path) for n, c in sides)
