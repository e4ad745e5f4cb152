"""What git's hooks do after ``mergeguard install``: plain git commands end with what our verbs give.

``git merge`` asks ``pre-merge-commit``, where conflicts of layouts stop it as git's own do, and tells
``post-merge``, which replaces the commit. ``git rebase`` tells ``post-rewrite``, which replays the commits
through the lens. ``git cherry-pick`` and ``git revert`` go through ``prepare-commit-msg`` and ``post-commit``
like any commit. A merge that stops for other conflicts shows in ``post-index-change``. Every result lands in
one step; where it can't, git's own result stays, the note stays open, and ``mergeguard repair`` tries again.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mergeguard.errors import MergeguardError

if TYPE_CHECKING:
    from mergeguard.git.objects import CommitInfo, Entry
    from mergeguard.git.outcome import StateFile
    from mergeguard.git.repository import Repository
    from mergeguard.hooks.pending import Note
    from mergeguard.hooks.retrace import Change
    from mergeguard.treemerge.trees import Merged

_REVERTS = re.compile(
    rb"^This reverts commit ([0-9a-f]{40})(?:, reversing\s+changes made to ([0-9a-f]{40}))?", re.MULTILINE
)


def main(arguments: Sequence[str]) -> int:
    """``mergeguard hook NAME ARGUMENTS…``; the exit status counts for hooks that may refuse."""
    name, rest = arguments[1] if len(arguments) > 1 else "", list(arguments[2:])
    hook = _HOOKS.get(name)
    if hook is None or not _worth_a_look(name, rest):
        return 0
    from mergeguard.git.recovery import recover
    from mergeguard.git.repository import Repository

    try:
        repository = Repository.discover()
        recover(repository)
        return hook(repository, rest)
    except MergeguardError as error:
        _say(f"{name}: {error}")
        if error.hint:
            _say(f"next: {error.hint}")
    except OSError as error:
        _say(f"{name}: {error.filename or 'the repository'}: {error.strerror}")
        _say("next: check the permissions and the free space")
    _say("split files may not be as they should; `mergeguard repair` tries again")
    return int(name in ("pre-merge-commit", "prepare-commit-msg"))


def _worth_a_look(name: str, arguments: list[str]) -> bool:
    """Whether the hook can have anything to do; answered without opening the repository."""
    if name == "post-rewrite" and arguments[:1] != ["rebase"]:
        return False
    return _noted() or Path(".mergeguard", "locks").is_dir()


def _noted() -> bool:
    from mergeguard.git.hooks import NOTE

    folder = Path(os.environ.get("GIT_DIR", ".git"))
    return (folder / NOTE).exists() or not folder.is_dir()


def _say(text: str) -> None:
    sys.stderr.write(f"mergeguard: {text}\n")


# -- merge ---------------------------------------------------------------------------------------------


def pre_merge_commit(repository: Repository, arguments: list[str]) -> int:
    """Before the commit of a merge that git finds clean: stop it where layouts conflict."""
    del arguments
    change = _merge_at_work(repository)
    if change is None:
        return 0
    from mergeguard.hooks import pending, retrace
    from mergeguard.hooks.pending import Note

    note = Note("merge", change.ours, change.theirs)
    # Before all else: whatever becomes of this process, the merge that git makes is known to be incomplete.
    pending.write(repository.git_dir, note)
    outcome = retrace.merged(repository, change)
    if outcome.clean:
        return 0
    _show_conflicts(repository, change, outcome, _with_settled(note, change.theirs))
    return 1


def _merge_at_work(repository: Repository) -> Change | None:
    from mergeguard.hooks import driver, pending, retrace

    heads = driver.merging()
    head = repository.head().oid
    if len(heads) != 1 or head is None:
        return None
    change = driver.merge_change(repository, head, *heads[0])
    noted = pending.read(repository.git_dir)
    if noted is None and not retrace.concerned(repository, change):
        return None
    return change


def post_merge(repository: Repository, arguments: list[str]) -> int:
    """After the commit of a merge, or after a squash merge has been staged."""
    from mergeguard.hooks import driver, pending, retrace

    head = repository.head().oid
    heads = driver.merging()
    if head is None or len(heads) != 1:
        return 0
    if arguments[:1] == ["1"]:
        change = _merge_at_work(repository)
        if change is not None:
            outcome = retrace.merged(repository, change)
            tree = retrace.true_tree(repository, change, outcome, repository.index_tree())
            _stage(repository, tree, {}, (pending.landed(None),))
        pending.clear(repository.git_dir)
        return 0
    info = repository.commit_info(head)
    if len(info.parents) != 2:
        pending.clear(repository.git_dir)
        return 0
    change = driver.merge_change(repository, info.parents[0], info.parents[1], heads[0][1])
    if pending.read(repository.git_dir) is not None or retrace.concerned(repository, change):
        settle_merge(repository, info, change)
    if pending.read(repository.git_dir) is None:
        from mergeguard.hooks import hookaudit

        hookaudit.tell(repository, _say)
    return 0


def settle_merge(repository: Repository, info: CommitInfo, change: Change) -> None:
    """Give a merge commit the lens' tree."""
    from mergeguard.hooks import pending, retrace
    from mergeguard.hooks.pending import Note

    pending.write(repository.git_dir, Note("merge", change.ours, change.theirs))
    outcome = retrace.merged(repository, change)
    conflicts = retrace.conflicts(repository, change, outcome)
    if conflicts:
        _say(f"the merge conflicts in split files: {_listed(conflicts)}")
        _say("next: `mergeguard repair` takes the commit back and shows the conflicts")
        return
    tree = retrace.true_tree(repository, change, outcome, info.tree)
    tree = retrace.with_typed(repository, change, outcome, info, tree)
    _replace_head(repository, info, tree, info.parents, "merge")


def post_index_change(repository: Repository, arguments: list[str]) -> int:
    """When git has stopped for conflicts that it sees: the layouts' share of the merge, too."""
    del arguments
    if not repository.git("ls-files", "-u", "-z").out:
        return 0
    from mergeguard.hooks import driver, pending, retrace
    from mergeguard.hooks.pending import Note

    picked = driver.rebasing(repository)
    if picked and not driver.merging():
        _keep_picked(repository, picked)
        return 0
    change = _merge_at_work(repository)
    if change is None:
        return 0

    note = Note("merge", change.ours, change.theirs)
    pending.write(repository.git_dir, note)
    _put(repository, change, retrace.merged(repository, change), _with_settled(note, change.theirs))
    return 0


def _keep_picked(repository: Repository, picked: str) -> None:
    """In a rebase that has stopped: layouts go on as the picked commit has them, until all are replayed."""
    from mergeguard.fork.workspace import Workspace
    from mergeguard.hooks import retrace, stopped

    tree = repository.tree_of(picked)
    workspace = Workspace.load(repository, tree)
    if not workspace.split_rules:
        return
    entries = (repository.entry(tree, g.lock.monolith) for g in workspace.split_rules if g.lock)
    taken = stopped.take(repository, tree, retrace.paths(repository, (tree,)))
    taken += stopped.leave_moved(repository, {entry.oid for entry in entries if entry is not None})
    if taken:
        _say("conflicts in split files are put off until all commits are replayed")
        if not repository.git("ls-files", "-u", "-z").out:
            _say("next: git rebase --continue")


# -- rebase --------------------------------------------------------------------------------------------


def post_rewrite(repository: Repository, arguments: list[str]) -> int:
    """After a rebase: replay through the lens what git has replayed file by file."""
    del arguments
    said = sys.stdin.read()
    for list_ in ("rebase-merge/rewritten-list", "rebase-apply/rewritten"):
        file = repository.git_dir / list_
        if not said and file.exists():
            # A hook of the team's that calls us may have read the input before.
            said = file.read_text()
    pairs = [line.split()[:2] for line in said.splitlines()]
    olds: dict[str, list[str]] = {}
    for old, new in pairs:
        olds.setdefault(new, []).append(old)
    head = repository.head().oid
    if head is not None and olds:
        _replay(repository, head, olds)
    return 0


def _replay(repository: Repository, head: str, olds: Mapping[str, list[str]]) -> None:
    """``olds`` are the commits that each new commit was made from."""
    from mergeguard.hooks import pending, replaying
    from mergeguard.hooks.pending import Note

    note = pending.read(repository.git_dir)
    first = next(iter(olds))
    onto = note.theirs if note is not None and note.operation == "rebase" and note.theirs else None
    if onto is None:
        parents = repository.commit_info(first).parents
        onto = parents[0] if parents else first
    if note is None and not replaying.needed(repository, head, onto):
        return
    if note is None:
        pending.write(repository.git_dir, Note("rebase", olds.get(head, [head])[-1], onto))
    replayed = replaying.replay(repository, head, onto, olds)
    if replayed.stopped is not None:
        replaying.stop(repository, head, onto, olds, replayed)
        files = _listed(replayed.conflicts)
        subject = repository.commit_info(replayed.stopped).subject
        _say(f"{replayed.stopped[:9]} ({subject}) conflicts with upstream in split files: {files}")
        _say("next: resolve the markers, `git add` the files, then `mergeguard sync --continue`")
        _say("      (`mergeguard sync --abort` brings back the branch as it was)")
        return
    made = tuple((made, new) for made, new in replayed.became.items() if made != new)
    names, state = replaying.following_refs(repository, replayed)
    move_head(repository, head, replayed.tip, "rebase", made, names, state)


# -- single commits ------------------------------------------------------------------------------------


def prepare_commit_msg(repository: Repository, arguments: list[str]) -> int:
    """Before the commit of a pick, or of a merge that had stopped: conflicts of layouts stop it."""
    from mergeguard.git.outcome import StateFile
    from mergeguard.hooks import driver, pending, retrace

    note = pending.read(repository.git_dir)
    head = repository.head().oid
    if note is None or head is None or driver.rebasing(repository) is not None:
        return 0
    if note.operation == "rebase" or not note.covers(head) or driver.merging():
        return 0
    change, note = next_change(repository, note, head, Path(arguments[0]) if arguments else None)
    if change is None:
        from mergeguard.hooks import unsettled

        if note.operation != "merge" or note.head != head or not unsettled.is_staged(repository, note):
            return 0
        _say("a merge of split files ended half-way, so nothing was committed")
        _say("next: `git reset --merge` brings back what was before; then merge again")
        return 1
    pending.write(repository.git_dir, note)
    if note.settled == change.theirs:
        return 0
    outcome = retrace.merged(repository, change)
    if not retrace.conflicts(repository, change, outcome):
        return 0
    state = []
    if note.operation == "pick" and not (repository.git_dir / "CHERRY_PICK_HEAD").exists():
        # A revert that git took for clean: `git revert --abort` and `git status` need to know of it.
        state.append(StateFile("REVERT_HEAD", f"{change.bases[0]}\n".encode()))
    _show_conflicts(repository, change, outcome, _with_settled(note, change.theirs), state)
    return 1


def _with_settled(note: Note, theirs: str) -> Note:
    from dataclasses import replace

    return replace(note, settled=theirs)


def next_change(
    repository: Repository, note: Note, head: str, message: Path | None
) -> tuple[Change | None, Note]:
    """What the commit that is about to be made brings to HEAD, and the note that says so."""
    from dataclasses import replace

    from mergeguard.hooks import driver
    from mergeguard.hooks.retrace import Change

    ours = note.became.get(head, head)
    merging = _state(repository, "MERGE_HEAD")
    if merging is not None:
        return driver.merge_change(repository, ours, merging), replace(note, theirs=merging)
    if note.operation == "merge":
        # It was aborted, or squashed.
        return None, note
    base, theirs = note.base, note.theirs
    picked = _state(repository, "CHERRY_PICK_HEAD")
    reverted = _state(repository, "REVERT_HEAD")
    text = message.read_bytes() if message is not None and message.exists() else b""
    said = _REVERTS.search(text)
    if picked is not None:
        if theirs != picked:
            base, theirs = repository.commit_info(picked).parents[0], picked
    elif said is not None and reverted in (None, said[1].decode()):
        base = said[1].decode()
        theirs = said[2].decode() if said[2] else repository.commit_info(base).parents[0]
    elif reverted is not None and base != reverted:
        base, theirs = reverted, repository.commit_info(reverted).parents[0]
    if base is None or theirs is None:
        return None, note
    shown = picked or theirs
    labels = ("HEAD", f"{shown[:7]} ({repository.commit_info(shown).subject})")
    return Change((base,), ours, theirs, labels), replace(note, base=base, theirs=theirs)


def post_commit(repository: Repository, arguments: list[str]) -> int:
    """After a commit with an open note: give it the lens' tree (of a sequence, once the last is there)."""
    del arguments
    from mergeguard.hooks import driver, pending

    note = pending.read(repository.git_dir)
    head = repository.head().oid
    if note is None or head is None or driver.rebasing(repository) is not None:
        return 0
    info = repository.commit_info(head)
    if note.operation == "merge" and len(info.parents) < 2:
        pending.clear(repository.git_dir)
        return 0
    if note.operation == "rebase" or not info.parents or not note.covers(info.parents[0]):
        # The command that the note was about was aborted, and people have gone on.
        if note.operation != "rebase" and not note.covers(head):
            pending.clear(repository.git_dir)
        return 0
    settle_commit(repository, note, info)
    return 0


def settle_commit(repository: Repository, note: Note, info: CommitInfo) -> None:
    """Work out what ``info``, a commit made under ``note``, should be; land it if it is the last one."""
    from mergeguard.hooks import pending, retrace

    parent = info.parents[0]
    if len(info.parents) == 2:
        from mergeguard.hooks import driver

        change = driver.merge_change(repository, *info.parents)
        if note.settled == info.parents[1]:
            pending.clear(repository.git_dir)
        else:
            settle_merge(repository, info, change)
        return
    found, note = next_change(repository, note, parent, None)
    ours = note.became.get(parent, parent)
    if found is None:
        # Not known what was applied: it is what the commit changed.
        found = retrace.Change((parent,), ours, info.oid)
    if note.settled == found.theirs and (note.base, note.theirs) != (None, None):
        tree = info.tree
    else:
        outcome = retrace.merged(repository, found)
        conflicts = retrace.conflicts(repository, found, outcome)
        if conflicts:
            _say(f"{info.oid[:9]} conflicts in split files: {_listed(conflicts)}")
            _say("next: `git reset --hard HEAD^`, then apply it again")
            return
        tree = retrace.true_tree(repository, found, outcome, info.tree, repository.tree_of(parent))
        tree = retrace.with_typed(repository, found, outcome, info, tree)
    if tree == repository.tree_of(ours) and info.tree != repository.tree_of(parent):
        _say(f"{info.oid[:9]} ({info.subject}) changes nothing here and was left out")
        new = ours
    else:
        new = retrace.true_commit(repository, info, tree, (ours,))
    if _more_to_pick(repository):
        pending.write(repository.git_dir, note.next(info.oid, {**note.became, info.oid: new}))
        return
    move_head(repository, info.oid, new, "cherry-pick")


def _more_to_pick(repository: Repository) -> bool:
    """Whether git has more picks to make after the current one."""
    todo = repository.git_dir / "sequencer" / "todo"
    try:
        lines = [line for line in todo.read_text(errors="replace").splitlines() if line[:1] not in ("", "#")]
    except FileNotFoundError:
        return False
    return len(lines) > 1


# -- push ----------------------------------------------------------------------------------------------


def pre_push(repository: Repository, arguments: list[str]) -> int:
    """Refuse to push while a merge of split files is not settled."""
    del arguments
    from mergeguard.hooks import pending

    sys.stdin.read()
    note = pending.read(repository.git_dir)
    head = repository.head().oid
    if note is None or head is None:
        return 0
    from mergeguard.hooks import unsettled

    if not unsettled.is_open(repository, note):
        pending.clear(repository.git_dir)
        return 0
    _say("a merge of split files is not complete, so nothing was pushed")
    _say("next: `mergeguard repair`, then push again (`git push --no-verify` pushes as it is)")
    return 1


# -- landing -------------------------------------------------------------------------------------------


def _listed(paths: Mapping[str, object]) -> str:
    names = sorted(paths)
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "")


def _replace_head(
    repository: Repository, info: CommitInfo, tree: str, parents: tuple[str, ...], what: str
) -> None:
    from mergeguard.hooks import retrace

    move_head(repository, info.oid, retrace.true_commit(repository, info, tree, parents), what)


def move_head(
    repository: Repository,
    head: str,
    new: str,
    what: str,
    notes: tuple[tuple[str, str], ...] = (),
    names: tuple[tuple[str, str, str], ...] = (),
    state: tuple[StateFile, ...] = (),
) -> None:
    """Land commit ``new`` in place of HEAD's; index and work tree follow, and the note is closed.

    ``notes`` are pairs of commits: git's notes of the first go on to the second. ``names`` are refs that move
    along (see ``Outcome``), ``state`` files of the git folder.
    """
    from mergeguard.git import landing
    from mergeguard.hooks import pending

    if new == head:
        pending.clear(repository.git_dir)
        return
    landing.land(
        repository,
        landing.Outcome(
            tree=repository.tree_of(new),
            expected_head=head,
            reflog=f"{what}: split files (mergeguard)",
            commit=new,
            state=(pending.landed(None), *state),
            notes=notes,
            names=names,
        ),
    )


def _stage(
    repository: Repository,
    tree: str,
    stages: Mapping[str, Mapping[int, Entry]],
    state: tuple[StateFile, ...],
) -> None:
    """Land a tree in index and work tree, HEAD left alone."""
    from mergeguard.git import landing
    from mergeguard.git.merging import Conflict

    landing.land(
        repository,
        landing.Outcome(
            tree=tree,
            expected_head=repository.head().oid,
            reflog="mergeguard hook",
            base_tree=repository.index_tree(),
            conflicts=tuple(Conflict(path, dict(found)) for path, found in sorted(stages.items())),
            state=state,
        ),
    )


def _show_conflicts(
    repository: Repository, change: Change, outcome: Merged, note: Note, state: Sequence[StateFile] = ()
) -> None:
    """Put the merge with its conflicts where git would have left it, for a person to resolve; the note that
    says so lands with it.
    """
    from mergeguard.hooks import pending, retrace

    conflicts = retrace.conflicts(repository, change, outcome)
    tree = retrace.true_tree(repository, change, outcome, repository.index_tree())
    _stage(repository, tree, conflicts, (pending.landed(note), *state))
    for path in sorted(conflicts):
        _say(f"CONFLICT: Merge conflict in {path}")
    _say("next: resolve the markers, `git add` the files, and go on as after any conflict")


def _put(repository: Repository, change: Change, outcome: Merged, note: Note) -> None:
    """The layouts' share of a stopped merge, into an index that holds conflicts; the note lands with it."""
    from mergeguard.hooks import pending, retrace, stopped

    share = retrace.share(repository, change, outcome)
    shown = stopped.put(repository, share, outcome, (pending.landed(note),))
    for path in shown:
        _say(f"CONFLICT: Merge conflict in {path}")
    if not repository.git("ls-files", "-u", "-z").out:
        _say("all conflicts were in split files, and are settled")
        _say("next: git commit")


def _state(repository: Repository, name: str) -> str | None:
    """The (first) commit in a state file of git's."""
    try:
        words = (repository.git_dir / name).read_text(errors="replace").split()
    except FileNotFoundError:
        return None
    return words[0] if words else None


_HOOKS: dict[str, Callable[[Repository, list[str]], int]] = {
    "pre-merge-commit": pre_merge_commit,
    "post-merge": post_merge,
    "post-index-change": post_index_change,
    "post-rewrite": post_rewrite,
    "prepare-commit-msg": prepare_commit_msg,
    "post-commit": post_commit,
    "pre-push": pre_push,
}
