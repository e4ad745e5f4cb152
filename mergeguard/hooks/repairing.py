"""Settling what a plain git command has left open: its hook did not run, could not land, or was refused."""

from __future__ import annotations

from collections.abc import Mapping

from mergeguard.errors import RESOLVE, MergeguardError, RepositoryError
from mergeguard.git import landing
from mergeguard.git.landing import StateFile
from mergeguard.git.merging import UnmergedPath
from mergeguard.git.objects import CommitInfo, Entry
from mergeguard.git.repository import Repository
from mergeguard.hooks import (
    lensmerge,
    mergework,
    moving,
    pending,
    replaying,
    settling,
    unsettled,
)
from mergeguard.hooks.mergework import GitChange
from mergeguard.hooks.pending import PendingNote
from mergeguard.treemerge import healing
from mergeguard.treemerge.ailments import Ailment, examine
from mergeguard.treemerge.losses import TRAILER
from mergeguard.treemerge.trees import Merged
from mergeguard.verbs import rebase


def describe(repository: Repository) -> str | None:
    """One line on what is open, and the command that goes on with it; None where nothing is."""
    note = pending.read(repository.git_dir)
    if note is not None and unsettled.is_open(repository, note):
        return _of_note(repository, note)
    if note is not None:
        pending.clear(repository.git_dir)
    rules = sorted(one.name for one in _ailment(repository, text=False).behind)
    if not rules:
        return None
    return f"a merge left split files behind what it merged ({', '.join(rules)}); next: `mergeguard repair`"


def _of_note(repository: Repository, note: PendingNote) -> str:
    operation = repository.operation_in_progress()
    if operation not in (None, "bisect"):
        first = RESOLVE if repository.unmerged() else ""
        return f"a {_name(note)} of split files is in progress; next: {first}`git {operation} --continue`"
    return f"a {_name(note)} left split files incomplete; next: `mergeguard repair`"


def unfinished(repository: Repository) -> str | None:
    """As ``describe``, where git made a commit that no hook has completed."""
    note = pending.read(repository.git_dir)
    head = repository.head().oid
    if note is None or head == note.head or repository.operation_in_progress() not in (None, "bisect"):
        return None
    return _of_note(repository, note) if unsettled.is_open(repository, note) else None


def _ailment(repository: Repository, *, text: bool = True) -> Ailment:
    """What history holds against HEAD; nothing while git is at work, or where HEAD can't be read."""
    head = repository.head().oid
    if head is None or repository.operation_in_progress() not in (None, "bisect"):
        return Ailment()
    try:
        return examine(lensmerge.workspace(repository, repository.tree_of(head)), head, text=text)
    except MergeguardError:
        return Ailment()


def _name(note: PendingNote) -> str:
    return {"pick": "cherry-pick or revert"}.get(note.operation, note.operation)


def repair(repository: Repository) -> str:
    """Do what the hook would have done; gives one line on what was done. Errors: RepositoryError."""
    note = pending.read(repository.git_dir)
    head = repository.head().oid
    if note is None or head is None or not unsettled.is_open(repository, note):
        pending.clear(repository.git_dir)
        return _heal(repository, head) if head is not None else "Nothing is open."
    operation = repository.operation_in_progress()
    if operation not in (None, "bisect"):
        first = RESOLVE if repository.unmerged() else ""
        raise RepositoryError(
            f"a {operation} is in progress", hint=f"{first}`git {operation} --continue`, or `--abort`"
        )
    if head == note.head and (note.operation == "merge" or repository.unmerged()):
        again = "merge" if note.operation == "merge" else "apply"
        raise RepositoryError(
            f"a {_name(note)} ended half-way: the index holds a part of it",
            hint=f"`git reset --merge` brings back what was before; then {again} it again"
            f" ({str(note.theirs)[:12]})",
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
    moving.move_head(repository, head, replayed.tip, "repair")
    return _done(repository, head)


def _first(repository: Repository, note: PendingNote, info: CommitInfo) -> str:
    if len(info.parents) == 2:
        change = mergework.merge_change(repository, *info.parents)
    else:
        found, _ = settling.next_change(repository, note, info.parents[0], None)
        change = found or GitChange(info.parents[:1], info.parents[0], info.oid)
    outcome = lensmerge.merged(repository, change)
    if lensmerge.conflicts(repository, change, outcome):
        raise RepositoryError(
            f"{info.oid[:12]} ({info.subject}) conflicts in split files, and more was committed since",
            hint="`git branch keep`, `git reset --hard` to that commit's parent, and do it again",
        )
    return moving.true_commit(
        repository, info, lensmerge.true_tree(repository, change, outcome, info.tree), info.parents
    )


def _done(repository: Repository, head: str) -> str:
    now = repository.head().oid
    return "Nothing had to change." if now == head else f"Split files are complete: {str(now)[:12]}."


def _heal(repository: Repository, head: str) -> str:
    """What history has and the layouts have not, in a new commit on top, or as conflicts to resolve."""
    first = _ailment(repository)
    if not first:
        return "Nothing is open."
    message = _healing_message(repository, head, first)
    tip, left = _redone(repository, head, first)
    merged = healing.heal(repository, tip, left) if left else Merged(repository.tree_of(tip), (), {})
    if not merged.clean:
        return _show(repository, head, merged.tree, merged.stages, message.encode())
    commit = moving.add_on_top(repository, head, merged.tree, message, "repair")
    return f"What merges had left out is in {commit[:12]}, a new commit on top."


def _redone(repository: Repository, head: str, ailment: Ailment) -> tuple[str, Ailment]:
    """Commit ``head``, or one on top of it that no ref names, in which each merge at fault is what the lens
    gives where that is without conflict; and what is still missing there."""
    tip, done = head, set[str]()
    while merge := next((m for m in _faulty(repository, head, ailment) if m not in done), None):
        done.add(merge)
        tree = _as_the_lens_merges(repository, merge, tip)
        if tree is None or tree == repository.tree_of(tip):
            continue
        message = _healing_message(repository, head, ailment)
        tip = repository.commit_object(tree, (tip,), message)
        ailment = examine(lensmerge.workspace(repository, tree), tip)
    return tip, ailment


def _faulty(repository: Repository, head: str, ailment: Ailment) -> tuple[str, ...]:
    """The merges that left something out, oldest first."""
    sources = {one.expected.source for one in ailment.behind}
    found = list(ailment.merges)
    if sources:
        ours = [f"^{source}" for source in sources]
        for line in repository.git(
            "rev-list", "--reverse", "--merges", "--parents", head, *ours, "--"
        ).text.splitlines():
            merge, *parents = line.split()
            if sources.intersection(parents) and merge not in found:
                found.append(merge)
    return tuple(found)


def _as_the_lens_merges(repository: Repository, merge: str, head: str) -> str | None:
    """The tree of ``head`` with ``merge``, which is below it, as the lens merges it; None for a conflict."""
    info = repository.commit_info(merge)
    if len(info.parents) != 2:
        return None
    try:
        change = mergework.merge_change(repository, *info.parents)
        outcome = lensmerge.merged(repository, change)
        if lensmerge.conflicts(repository, change, outcome):
            return None
        tree = lensmerge.true_tree(repository, change, outcome, info.tree)
        tree = lensmerge.with_typed(repository, change, outcome, info, tree)
    except MergeguardError:
        return None
    base = repository.commit_object(info.tree, (), "as it was merged\n")
    right = repository.commit_object(tree, (base,), "as the lens merges\n")
    since = repository.commit_object(repository.tree_of(head), (base,), "since\n")
    merged = repository.merge_trees(right, since)
    return merged.tree if merged.clean else None


def _healing_message(repository: Repository, head: str, ailment: Ailment) -> str:
    names = sorted({one.name for one in ailment.behind} | {one.name for one in ailment.lost})
    lines = [f"Merge what was left out of {', '.join(names)}", ""]
    sources = dict.fromkeys([b.expected.source for b in ailment.behind] + [x.side for x in ailment.lost])
    lines += [f"From {source[:12]} ({repository.commit_info(source).subject})." for source in sources]
    trailers = [f"{TRAILER}: {merge}" for merge in _faulty(repository, head, ailment)]
    return "\n".join([*lines, *([""] if trailers else []), *trailers, ""])


def _show(
    repository: Repository,
    head: str,
    tree: str,
    stages: Mapping[str, Mapping[int, Entry]],
    message: bytes,
) -> str:
    """Conflicts in index and work tree, on top of HEAD: the commit that resolves them is an ordinary one."""
    found = tuple(UnmergedPath(path, dict(entries)) for path, entries in sorted(stages.items()))
    landing.land(
        repository,
        landing.Outcome(
            tree=tree,
            expected_head=head,
            reflog="mergeguard repair",
            conflicts=found,
            state=(StateFile("MERGE_MSG", message), StateFile("AUTO_MERGE", tree.encode() + b"\n")),
        ),
    )
    return f"Resolve {', '.join(sorted(stages))}, `git add`, then `git commit`: it completes what was merged."


def _merge(repository: Repository, info: CommitInfo) -> str:
    """The merge commit completed, or taken back to show its conflicts (on top of it, if others have it)."""
    change = mergework.merge_change(repository, info.parents[0], info.parents[1])
    outcome = lensmerge.merged(repository, change)
    conflicts = lensmerge.conflicts(repository, change, outcome)
    if not conflicts:
        settling.settle_merge(repository, info, change)
        return _done(repository, info.oid)
    tree = lensmerge.true_tree(repository, change, outcome, info.tree)
    if repository.published(f"{info.parents[0]}..{info.oid}"):
        pending.clear(repository.git_dir)
        message = f"Complete {info.oid[:12]} ({info.subject})\n\n{TRAILER}: {info.oid}\n"
        return _show(repository, info.oid, tree, conflicts, message.encode())
    found = tuple(UnmergedPath(path, dict(stages)) for path, stages in sorted(conflicts.items()))
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


def _rebase(repository: Repository, note: PendingNote, head: str) -> str:
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
    moving.move_head(repository, head, outcome.tip, "repair")
    return _done(repository, head)
