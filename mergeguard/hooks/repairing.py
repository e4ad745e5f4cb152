"""Settling what a plain git command has left open: its hook did not run, could not land, or was refused."""

from __future__ import annotations

from mergeguard.errors import RepositoryError
from mergeguard.git import landing
from mergeguard.git.landing import StateFile
from mergeguard.git.merging import Conflict
from mergeguard.git.objects import CommitInfo
from mergeguard.git.repository import Repository
from mergeguard.hooks import driver, pending, replaying, retrace, settling, unsettled
from mergeguard.hooks.pending import Note
from mergeguard.verbs import rebase


def describe(repository: Repository) -> str | None:
    """One line on what is open, and the command that goes on with it; None where nothing is."""
    note = pending.read(repository.git_dir)
    if note is None:
        left = _left_behind(repository)
        what = f"the merge {left.oid[:9]} left split files behind what it merged" if left else None
        return f"{what}; next: `mergeguard repair`" if what else None
    if not unsettled.is_open(repository, note):
        pending.clear(repository.git_dir)
        return None
    operation = repository.operation_in_progress()
    if operation not in (None, "bisect"):
        return f"a {_name(note)} of split files is in progress; next: `git {operation} --continue`"
    return f"a {_name(note)} left split files incomplete; next: `mergeguard repair`"


def is_incomplete(repository: Repository) -> bool:
    """Whether a commit is there that git made and no hook has completed."""
    note = pending.read(repository.git_dir)
    head = repository.head().oid
    if note is None:
        return _left_behind(repository) is not None
    if head == note.head or repository.operation_in_progress() not in (None, "bisect"):
        return False
    return unsettled.is_open(repository, note)


def _left_behind(repository: Repository) -> CommitInfo | None:
    """HEAD, if it is a merge made without us: its other side moved a monolith, and the layout did not follow.

    A person resolved it for "ours", say; to git all of upstream is merged then.
    """
    head = repository.head().oid
    info = repository.commit_info(head) if head is not None else None
    if info is None or len(info.parents) != 2 or repository.operation_in_progress() not in (None, "bisect"):
        return None
    bases = repository.merge_bases(*info.parents)
    if len(bases) != 1:
        return None
    ours, theirs, base = (repository.tree_of(commit) for commit in (*info.parents, bases[0]))
    before = {g.name: g.lock for g in retrace.workspace(repository, ours).split_rules}
    there = {g.name for g in retrace.workspace(repository, theirs).split_rules}
    for guarded in retrace.workspace(repository, info.tree).split_rules:
        lock = guarded.lock
        if guarded.name in there or lock is None or before.get(guarded.name) != lock:
            continue
        merged = repository.entry(theirs, lock.monolith)
        moved = merged is not None and merged != repository.entry(base, lock.monolith)
        if moved and merged is not None and merged.oid != lock.upstream:
            return info
    return None


def _name(note: Note) -> str:
    return {"pick": "cherry-pick or revert"}.get(note.operation, note.operation)


def repair(repository: Repository) -> str:
    """Do what the hook would have done; gives one line on what was done. Errors: RepositoryError."""
    note = pending.read(repository.git_dir)
    head = repository.head().oid
    if note is None or head is None or not unsettled.is_open(repository, note):
        pending.clear(repository.git_dir)
        left = _left_behind(repository)
        return _merge(repository, left) if left else "Nothing is open."
    operation = repository.operation_in_progress()
    if operation not in (None, "bisect"):
        raise RepositoryError(
            f"a {operation} is in progress", hint=f"`git {operation} --continue`, or `--abort`"
        )
    if head == note.head and note.operation == "merge":
        raise RepositoryError(
            "a merge ended half-way: the index holds a part of it",
            hint=f"`git reset --merge` brings back what was before; then merge {str(note.theirs)[:12]} again",
        )
    if head == note.head:
        raise RepositoryError(
            "files on disk hold a provisional merge", hint="commit them: the hooks then complete the commit"
        )
    if note.operation == "rebase":
        return _rebase(repository, note, head)
    commits = repository.rev_list("--first-parent", "--reverse", f"{note.head}..{head}")
    last = repository.commit_info(commits[0])
    if len(commits) == 1:
        if len(last.parents) == 2:
            return _merge(repository, last)
        settling.settle_commit(repository, note, last)
        return _done(repository, head)
    # Commits were made on top since: what each of them changed is brought to what the first should be.
    became = {commits[0]: _first(repository, note, last)}
    replayed = replaying.replay(repository, head, commits[0], {}, became)
    if replayed.stopped is not None:
        raise RepositoryError(
            f"{replayed.stopped[:12]} conflicts with what the commits before it should be",
            hint="`git branch keep`, `git reset --hard` to before them, and apply them again",
        )
    settling.move_head(repository, head, replayed.tip, "repair")
    return _done(repository, head)


def _first(repository: Repository, note: Note, info: CommitInfo) -> str:
    if len(info.parents) == 2:
        change = driver.merge_change(repository, *info.parents)
    else:
        found, _ = settling.next_change(repository, note, info.parents[0], None)
        change = found or retrace.Change(info.parents[:1], info.parents[0], info.oid)
    outcome = retrace.merged(repository, change)
    if retrace.conflicts(repository, change, outcome):
        raise RepositoryError(
            f"{info.oid[:12]} ({info.subject}) conflicts in split files, and more was committed since",
            hint="`git branch keep`, `git reset --hard` to that commit's parent, and do it again",
        )
    return retrace.true_commit(
        repository, info, retrace.true_tree(repository, change, outcome, info.tree), info.parents
    )


def _done(repository: Repository, head: str) -> str:
    now = repository.head().oid
    return "Nothing had to change." if now == head else f"Split files are complete: {str(now)[:12]}."


def _merge(repository: Repository, info: CommitInfo) -> str:
    """The merge commit completed, or taken back to show its conflicts."""
    change = driver.merge_change(repository, info.parents[0], info.parents[1])
    outcome = retrace.merged(repository, change)
    conflicts = retrace.conflicts(repository, change, outcome)
    if not conflicts:
        settling.settle_merge(repository, info, change)
        return _done(repository, info.oid)
    tree = retrace.true_tree(repository, change, outcome, info.tree)
    found = tuple(Conflict(path, dict(stages)) for path, stages in sorted(conflicts.items()))
    landing.land(
        repository,
        landing.Outcome(
            tree=tree,
            expected_head=info.oid,
            reflog="mergeguard repair",
            commit=info.parents[0],
            conflicts=found,
            state=(
                *landing.merge_state(repository, [change.theirs], info.message, found, tree=tree),
                StateFile("mergeguard/pending", None),
            ),
            orig_head=info.oid,
        ),
    )
    return f"The merge is unfinished again: resolve {', '.join(sorted(conflicts))}, then `git commit`."


def _rebase(repository: Repository, note: Note, head: str) -> str:
    assert note.theirs is not None
    outcome = rebase.rebase(repository, note.theirs, head=note.head)
    if not outcome.clean:
        raise RepositoryError(
            "the rebase conflicts in split files",
            hint=f"`git reset --hard {note.head[:12]}`, then `mergeguard sync --rebase {note.theirs[:12]}`",
        )
    made = repository.rev_list(f"{note.theirs}..{head}")
    replayed = repository.rev_list(f"{note.theirs}..{outcome.tip}")
    if len(made) != len(replayed):
        raise RepositoryError(
            f"git made {len(made)} commits where {len(replayed)} belong, so they can't be told apart",
            hint=f"`git reset --hard {note.head[:12]}`, then `mergeguard sync --rebase {note.theirs[:12]}`",
        )
    settling.move_head(repository, head, outcome.tip, "repair")
    return _done(repository, head)
