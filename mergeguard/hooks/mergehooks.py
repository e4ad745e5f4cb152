"""What the hooks of ``git merge`` do where the lens is needed (``plainmerge`` has what goes before)."""

from __future__ import annotations

from mergeguard.git.objects import CommitInfo
from mergeguard.git.repository import Repository
from mergeguard.hooks import (
    conflictindex,
    followed,
    hookaudit,
    lensmerge,
    mergework,
    pending,
)
from mergeguard.hooks.mergework import GitChange
from mergeguard.hooks.moving import say
from mergeguard.hooks.pending import PendingNote
from mergeguard.hooks.settling import put, settle_merge, show_conflicts, stage, with_settled


def hold_conflicts(repository: Repository, change: GitChange) -> int:
    """Before the commit of a merge that git finds clean: stop it where layouts conflict."""
    note = PendingNote("merge", change.ours, change.theirs)
    # Before all else: whatever becomes of this process, the merge that git makes is known to be incomplete.
    pending.write(repository.git_dir, note)
    outcome = lensmerge.merged(repository, change)
    if outcome.clean:
        return 0
    show_conflicts(repository, change, outcome, with_settled(note, change.theirs))
    return 1


def complete_staged(repository: Repository) -> None:
    """After a squash merge has been staged."""
    change = mergework.merge_at_work(repository)
    if change is not None:
        outcome = lensmerge.merged(repository, change)
        tree = lensmerge.true_tree(repository, change, outcome, repository.index_tree())
        stage(repository, tree, {}, (pending.landed(None),))
    pending.clear(repository.git_dir)


def complete(repository: Repository, info: CommitInfo, change: GitChange) -> None:
    """After the commit of a merge."""
    if pending.read(repository.git_dir) is not None or mergework.concerned(repository, change):
        settle_merge(repository, info, change)
    if pending.read(repository.git_dir) is None:
        hookaudit.tell(repository, say)


def post_index_change(repository: Repository, arguments: list[str]) -> int:
    """When git has stopped for conflicts that it sees: the layouts' share of the merge, too."""
    del arguments
    if not repository.git("ls-files", "-u", "-z").out:
        return 0
    if not _has_layouts(repository):
        followed.settle(repository)
        return 0
    picked = mergework.rebasing(repository)
    if picked and not mergework.merging():
        _keep_picked(repository, picked)
        return 0
    noted = pending.read(repository.git_dir)
    if noted is not None and noted.operation == "pick" and not mergework.merging():
        _show_picked(repository, noted)
        return 0
    change = mergework.merge_at_work(repository)
    if change is None:
        return 0

    note = PendingNote("merge", change.ours, change.theirs)
    pending.write(repository.git_dir, note)
    put(repository, change, lensmerge.merged(repository, change), with_settled(note, change.theirs))
    return 0


def _has_layouts(repository: Repository) -> bool:
    """Whether a commit that git is at work on has a layout: then the lens answers for the whole."""
    if pending.read(repository.git_dir) is not None:
        return True
    head, picked = repository.head().oid, mergework.rebasing(repository)
    commits = [head, picked, *(commit for commit, _ in mergework.merging())]
    return any(lensmerge.workspace(repository, repository.tree_of(c)).split_rules for c in commits if c)


def _show_picked(repository: Repository, note: PendingNote) -> None:
    """In a cherry-pick or revert that has stopped: the conflicts of layouts in their own places."""
    head = repository.head().oid
    if head is None or not note.covers(head) or note.base is None or note.theirs is None:
        return
    if note.settled == note.theirs:
        return
    labels = ("HEAD", f"{note.theirs[:7]} ({repository.commit_info(note.theirs).subject})")
    change = GitChange((note.base,), note.became.get(head, head), note.theirs, labels)
    outcome = lensmerge.merged(repository, change)
    if lensmerge.conflicts(repository, change, outcome):
        put(repository, change, outcome, with_settled(note, note.theirs))


def _keep_picked(repository: Repository, picked: str) -> None:
    """In a rebase that has stopped: layouts go on as the picked commit has them, until all are replayed."""
    tree = repository.tree_of(picked)
    workspace = lensmerge.workspace(repository, tree)
    if not workspace.split_rules:
        return
    entries = (repository.entry(tree, g.lock.monolith) for g in workspace.split_rules if g.lock)
    taken = conflictindex.take(repository, tree, lensmerge.paths(repository, (tree,)))
    taken += conflictindex.leave_moved(repository, {entry.oid for entry in entries if entry is not None})
    if taken:
        say("conflicts in split files wait until all commits are replayed, and are shown then")
        if not repository.git("ls-files", "-u", "-z").out:
            say("next: `git rebase --continue`")
