"""The hooks of single commits, ``prepare-commit-msg`` and ``post-commit``: picks, reverts, stopped merges."""

from __future__ import annotations

from pathlib import Path

from mergeguard.git.outcome import StateFile
from mergeguard.git.repository import Repository
from mergeguard.hooks import hookaudit, lensmerge, mergework, pending, stalehook, unsettled
from mergeguard.hooks.moving import say
from mergeguard.hooks.settling import next_change, settle_commit, show_conflicts, with_settled


def prepare_commit_msg(repository: Repository, arguments: list[str]) -> int:
    """Before the commit of a pick, or of a merge that had stopped: conflicts of layouts stop it."""
    note = pending.read(repository.git_dir)
    head = repository.head().oid
    if note is None or head is None or mergework.rebasing(repository) is not None:
        return 0
    if note.operation == "rebase" or not note.covers(head) or mergework.merging():
        return 0
    change, note = next_change(repository, note, head, Path(arguments[0]) if arguments else None)
    if change is None:
        if note.operation != "merge" or note.head != head or not unsettled.is_staged(repository, note):
            return 0
        say("a merge of split files ended half-way, so nothing was committed")
        say("next: `git reset --merge` brings back what was before; then merge again")
        return 1
    pending.write(repository.git_dir, note)
    if note.settled == change.theirs:
        return 0
    outcome = lensmerge.merged(repository, change)
    if not lensmerge.conflicts(repository, change, outcome):
        return 0
    state = []
    if note.operation == "pick" and not (repository.git_dir / "CHERRY_PICK_HEAD").exists():
        # A revert that git took for clean: `git revert --abort` and `git status` need to know of it.
        state.append(StateFile("REVERT_HEAD", f"{change.bases[0]}\n".encode()))
    show_conflicts(repository, change, outcome, with_settled(note, change.theirs), state)
    return 1


def post_commit(repository: Repository, arguments: list[str]) -> int:
    """After a commit with an open note: give it the lens' tree (of a sequence, once the last is there).

    After any other: say what it left out of date.
    """
    del arguments
    note = pending.read(repository.git_dir)
    head = repository.head().oid
    if head is None or mergework.rebasing(repository) is not None:
        return 0
    info = repository.commit_info(head)
    if note is None:
        stalehook.tell(repository, info, say)
        return 0
    if note.operation == "merge" and len(info.parents) < 2:
        pending.clear(repository.git_dir)
        return 0
    if note.operation == "rebase" or not info.parents or not note.covers(info.parents[0]):
        # The command that the note was about was aborted, and people have gone on.
        if note.operation != "rebase" and not note.covers(head):
            pending.clear(repository.git_dir)
        return 0
    settle_commit(repository, note, info)
    if len(info.parents) == 2 and pending.read(repository.git_dir) is None:
        hookaudit.tell(repository, say)
    return 0
