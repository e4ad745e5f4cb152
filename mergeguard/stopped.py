"""The lens' share of a merge, put into an index that holds git's own conflicts already.

git refuses every operation on such an index but adding to it, and so does ``git.landing``; here entries and
files are exchanged one by one. Each step can be repeated: until the last is done, the note stays open.
"""

from __future__ import annotations

from collections.abc import Collection

from mergeguard.git import worktree
from mergeguard.git.errors import DirtyWorkTree
from mergeguard.git.objects import Entry
from mergeguard.git.process import split_nul
from mergeguard.git.repository import Repository
from mergeguard.retrace import Share
from mergeguard.treemerge import Merged


def put(repository: Repository, share: Share, outcome: Merged) -> tuple[str, ...]:
    """Make index and files of the share as the merge has them; gives the share's conflicted paths.

    Errors: DirtyWorkTree for uncommitted work where files would be written.
    """
    index, _ = worktree.read_index(repository)
    targets: dict[str, Entry | None] = {}
    for path in sorted(share.paths | share.builds):
        entry = repository.entry(outcome.tree, path)
        stages = outcome.stages.get(path) or ({0: entry} if entry is not None else {})
        if dict(index.get(path, {})) != dict(stages):
            targets[path] = entry
    _refuse_dirty(repository, index, targets)
    _exchange(repository, targets)
    shown = tuple(path for path in targets if path in outcome.stages)
    lines = [worktree.index_info(path, outcome.stages[path]) for path in shown]
    if lines:
        repository.git("update-index", "-z", "--index-info", stdin=b"".join(lines))
    return shown


def _refuse_dirty(repository: Repository, index: worktree.Index, targets: dict[str, Entry | None]) -> None:
    changed = set(split_nul(repository.git("diff-files", "--name-only", "-z").out))
    blocked = []
    for path, entry in targets.items():
        stages = index.get(path)
        if stages is None:
            full = repository.work_tree / path
            if worktree.exists(full) and not (entry and worktree.is_entry(repository, path, entry)):
                blocked.append(path)
        elif set(stages) == {0} and path in changed:
            blocked.append(path)
    if blocked:
        raise DirtyWorkTree(
            f"your changes in {', '.join(blocked[:5])} would be overwritten",
            paths=blocked,
            hint="commit or stash them, then `mergeguard repair`",
        )


def _remove(repository: Repository, path: str) -> None:
    target = repository.work_tree / path
    if not worktree.exists(target):
        return
    target.unlink()
    for folder in target.parents:
        if folder == repository.work_tree or any(folder.iterdir()):
            return
        folder.rmdir()


def take(repository: Repository, tree: str, paths: Collection[str]) -> tuple[str, ...]:
    """Settle conflicts at ``paths`` by taking what ``tree`` has there; gives the paths that had one."""
    index, _ = worktree.read_index(repository)
    found = {
        path: repository.entry(tree, path) for path in index if path in paths and set(index[path]) != {0}
    }
    _exchange(repository, found)
    return tuple(found)


def leave_moved(repository: Repository, entries: Collection[str]) -> tuple[str, ...]:
    """Settle conflicts between a layout's entry and what upstream renamed its monolith to: as upstream has
    it. ``entries`` are the blobs of the entry files; gives the paths that had such a conflict.
    """
    index, _ = worktree.read_index(repository)
    found: dict[str, Entry | None] = {
        path: stages[2]
        for path, stages in index.items()
        if {2, 3} <= set(stages) and stages[3].oid in entries
    }
    _exchange(repository, found)
    return tuple(found)


def _exchange(repository: Repository, targets: dict[str, Entry | None]) -> None:
    """Index entries and files as in ``targets``, whatever was there."""
    lines = [worktree.index_info(path, {0: entry} if entry else {}) for path, entry in targets.items()]
    if lines:
        repository.git("update-index", "-z", "--index-info", stdin=b"".join(lines))
    present = [path for path, entry in targets.items() if entry is not None]
    if present:
        repository.git(
            "checkout-index", "-f", "-q", "-u", "-z", "--stdin", stdin=worktree.nul_joined(present)
        )
    for path, entry in targets.items():
        if entry is None:
            _remove(repository, path)
