"""Whether the note of a git command is still about what HEAD and the index have now."""

from __future__ import annotations

from mergeguard.git import worktree
from mergeguard.git.repository import Repository
from mergeguard.hooks import lensmerge, mergework
from mergeguard.hooks.pending import MARK, PendingNote


def is_open(repository: Repository, note: PendingNote) -> bool:
    """Whether the note is about what HEAD has now; a command that was aborted leaves one that is not."""
    head = repository.head().oid
    if head is None:
        return False
    if repository.operation_in_progress() not in (None, "bisect"):
        return True
    if head == note.head:
        # Nothing was committed: only the index can hold something of it.
        return is_staged(repository, note)
    if note.operation == "rebase":
        # A branch that still has its old tip was not rebased: the command was aborted.
        rebased = not repository.is_ancestor(note.head, head)
        return rebased and note.theirs is not None and repository.is_ancestor(note.theirs, head)
    return repository.is_ancestor(note.head, head)


def is_staged(repository: Repository, note: PendingNote) -> bool:
    """Whether the index holds a part of what the note is about while git knows of no operation: a squash
    merge whose hook did not come to its end, or git itself was ended in the middle.
    """
    index, _ = worktree.read_index(repository)
    if index.unmerged:
        return True
    tree = repository.index_tree()
    before = repository.tree_of(note.head)
    if tree == before:
        return False
    if note.operation != "merge" or note.theirs is None:
        return provisional(repository, tree)
    change = mergework.merge_change(repository, note.head, note.theirs)
    outcome = lensmerge.merged(repository, change)
    own = lensmerge.share(repository, change, outcome).paths
    if all(repository.entry(tree, path) == repository.entry(outcome.tree, path) for path in own):
        return False
    # Or it was aborted, and what is staged is somebody's own.
    staged = {new for _, _, new in repository.diff_names(before, tree)}
    return any(repository.entry(tree, path) == repository.entry(outcome.tree, path) for path in staged)


def provisional(repository: Repository, tree: str) -> bool:
    """Whether a layout of the tree has a file that the driver could not merge."""
    workspace = lensmerge.workspace(repository, tree)
    return any(
        MARK in (workspace.read(path) or b"")
        for guarded in workspace.split_rules
        for path in (*workspace.layout_read_over(guarded)[0], *workspace.build_files(guarded))
    )
