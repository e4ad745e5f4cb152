"""The lens' share of a merge, put into an index that holds git's own conflicts already.

git refuses every operation on such an index but adding to it, and so does a landing of a tree; here entries
and files are exchanged one by one, in one landing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from mergeguard.git import landing, worktree
from mergeguard.git.errors import DirtyWorkTree
from mergeguard.git.objects import Entry
from mergeguard.git.outcome import StateFile
from mergeguard.git.process import split_nul
from mergeguard.git.repository import Repository
from mergeguard.hooks.lensmerge import Share
from mergeguard.hooks.pending import MARK
from mergeguard.treemerge.trees import Merged


def put(
    repository: Repository, share: Share, outcome: Merged, state: tuple[StateFile, ...]
) -> tuple[str, ...]:
    """Make index and files of the share as the merge has them; gives the share's conflicted paths.

    ``state`` are files of the git folder that change with it.

    Errors: DirtyWorkTree for uncommitted work where files would be written.
    """
    index, _ = worktree.read_index(repository)
    targets: dict[str, Entry | None] = {}
    stages: dict[str, Mapping[int, Entry]] = {}
    for path in sorted(share.paths | share.builds):
        entry = repository.entry(outcome.tree, path)
        wanted = outcome.stages.get(path) or ({0: entry} if entry is not None else {})
        if dict(index.get(path, {})) != dict(wanted) or _is_provisional(repository, path):
            targets[path], stages[path] = entry, wanted
    _refuse_dirty(repository, index, targets)
    landing.exchange(repository, "merge: split files", targets, stages, state)
    return tuple(path for path in targets if path in outcome.stages)


def _is_provisional(repository: Repository, path: str) -> bool:
    """Whether the file on disk is what the merge driver answers where it can't tell yet."""
    there = worktree.read_file(repository.work_tree / path)
    return there is not None and MARK in there[1]


def _refuse_dirty(repository: Repository, index: worktree.Index, targets: dict[str, Entry | None]) -> None:
    changed = set(split_nul(repository.git("diff-files", "--name-only", "-z").out))
    blocked = []
    for path, entry in targets.items():
        stages = index.get(path)
        if stages is None:
            there = worktree.exists(repository.work_tree / path)
            if there and not (entry and worktree.is_entry(repository, path, entry)):
                blocked.append(path)
        elif set(stages) == {0} and path in changed:
            blocked.append(path)
    if blocked:
        raise DirtyWorkTree(
            f"your changes in {', '.join(blocked[:5])} would be overwritten",
            paths=blocked,
            hint="commit or stash them, then `mergeguard repair`",
        )


def take(repository: Repository, tree: str, paths: Collection[str]) -> tuple[str, ...]:
    """Settle conflicts at ``paths`` by taking what ``tree`` has there; gives the paths that had one."""
    index, _ = worktree.read_index(repository)
    found = {path: repository.entry(tree, path) for path in index.unmerged if path in paths}
    wanted = {path: {0: entry} if entry else {} for path, entry in found.items()}
    if found:
        landing.exchange(repository, "rebase: split files are put off", found, wanted)
    return tuple(found)


def leave_moved(repository: Repository, entries: Collection[str]) -> tuple[str, ...]:
    """Settle conflicts between a layout's entry and what upstream renamed its monolith to: as upstream has
    it. ``entries`` are the blobs of the entry files; gives the paths that had such a conflict.
    """
    index, _ = worktree.read_index(repository)
    found: dict[str, Entry | None] = {
        path: stages[2]
        for path, stages in index.unmerged.items()
        if {2, 3} <= set(stages) and stages[3].oid in entries
    }
    if found:
        wanted = {path: {0: entry} if entry else {} for path, entry in found.items()}
        landing.exchange(repository, "rebase: split files are put off", found, wanted)
    return tuple(found)
