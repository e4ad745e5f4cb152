"""Landing a result: index, work tree and refs change in one step that a crash can't tear.

1. Everything that could refuse is asked first (``plan``): HEAD, uncommitted work, untracked files.
2. The index is locked as git locks it, and a journal says what is about to change.
3. git writes the work tree (``read-tree -m -u``, so filters, line endings, modes, sparse checkouts are its
   business), against a copy of the index. A crash until here is undone.
4. The journal says that all is prepared. What is left is a few small steps that can be repeated: state files,
   the ref, the index by a rename. A crash from here on is finished.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol

from mergeguard.errors import MergeguardError
from mergeguard.git import recovery, worktree
from mergeguard.git.durable import sync_file
from mergeguard.git.errors import (
    DirtyWorkTree,
    GitError,
    HeadMoved,
    LandingFailed,
    OperationInProgress,
    RepositoryError,
    UnfinishedLanding,
)
from mergeguard.git.faults import point
from mergeguard.git.journal import (
    Journal,
    PathChange,
    RefChange,
    StateChange,
    journal_path,
    read_journal,
    write_journal,
)
from mergeguard.git.lock import locked
from mergeguard.git.merging import Conflict
from mergeguard.git.objects import MODE_SUBMODULE, Entry
from mergeguard.git.process import encode, split_nul
from mergeguard.git.recovery import PLAIN, Recovery, new_index_path, recover

if TYPE_CHECKING:
    from mergeguard.git.repository import Repository

__all__ = ["Outcome", "Recovery", "StateFile", "abort_merge", "land", "merge_state", "plan", "recover"]

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@dataclass(frozen=True, slots=True)
class StateFile:
    """A file inside the git folder, e.g. ``MERGE_HEAD`` or ``mergeguard/sync.json``; None removes it."""

    name: str
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the repository shall be.

    ``tree``: what index and work tree hold; conflict markers are part of it.
    ``expected_head``: HEAD's commit when the work was planned (None: an unborn branch).
    ``reflog``: for people, e.g. ``mergeguard sync upstream/main``.
    ``commit``: HEAD's new commit, None to leave HEAD (stage only, or a conflict).
    ``detach``: HEAD leaves its branch and stays on the commit; ``attach``: HEAD ends on this branch (full ref
    name), which moves from ``attach_expected`` (None: it is new) to the commit.
    ``conflicts``: paths whose index entries are stages instead of the tree's.
    ``state``: files of the git folder that change with it (see ``merge_state``).
    ``orig_head``: what ORIG_HEAD becomes, if anything.
    ``base_tree``: the tree to change index and work tree from, None for HEAD's. Only paths in which it
    differs from ``tree`` are touched. With ``Repository.index_tree()``, staged changes are taken along.
    """

    tree: str
    expected_head: str | None
    reflog: str
    commit: str | None = None
    detach: bool = False
    attach: str | None = None
    attach_expected: str | None = None
    conflicts: tuple[Conflict, ...] = ()
    state: tuple[StateFile, ...] = ()
    orig_head: str | None = None
    base_tree: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a landing would write; ``adopted`` are untracked files that already are what they shall be."""

    base_tree: str
    paths: tuple[PathChange, ...]
    adopted: tuple[PathChange, ...]
    new_folders: tuple[str, ...]
    old_index: str
    branch: str | None


def merge_state(
    repository: Repository,
    heads: Iterable[str],
    message: bytes,
    conflicts: Iterable[Conflict] = (),
    *,
    tree: str | None = None,
    fast_forward: bool = True,
) -> tuple[StateFile, ...]:
    """The files that ``git merge`` leaves when it stops: with them git's own ``status``, ``mergetool``,
    ``merge --abort`` and ``commit`` know what is going on.

    ``heads`` become the further parents, ``message`` is the commit's; the conflicted paths are added as a
    comment, as git does. ``tree`` is the one with the markers (for ``git diff AUTO_MERGE``).
    """
    lines = message.rstrip(b"\n") + b"\n"
    paths = [conflict.path for conflict in conflicts]
    if paths:
        character = repository.config("core.commentChar") or "#"
        mark = encode("#" if character == "auto" else character)
        lines += b"\n%s Conflicts:\n" % mark
        lines += b"".join(b"%s\t%s\n" % (mark, encode(path)) for path in paths)
    state = [
        StateFile("MERGE_HEAD", b"".join(head.encode() + b"\n" for head in heads)),
        StateFile("MERGE_MODE", b"" if fast_forward else b"no-ff"),
        StateFile("MERGE_MSG", lines),
    ]
    if tree is not None:
        state.append(StateFile("AUTO_MERGE", tree.encode() + b"\n"))
    return tuple(state)


#: What a finished merge removes: ``state`` of the landing that concludes it.
MERGE_DONE = tuple(StateFile(name, None) for name in ("MERGE_HEAD", "MERGE_MODE", "MERGE_MSG", "AUTO_MERGE"))


def abort_merge(repository: Repository) -> None:
    """Back out of a conflict state as ``git merge --abort`` does (which can be repeated after a crash)."""
    with locked(repository, "abort"):
        repository.git("merge", "--abort")


def plan(repository: Repository, outcome: Outcome) -> Plan:
    """Check that ``outcome`` can land; nothing is changed.

    Errors: ``HeadMoved``; ``OperationInProgress`` for unmerged paths, or a second merge state;
    ``DirtyWorkTree`` with the files whose uncommitted or untracked content would be overwritten.
    """
    head = repository.head()
    if head.oid != outcome.expected_head:
        raise HeadMoved(
            f"HEAD is at {head.oid or 'no commit'}, not at {outcome.expected_head or 'no commit'} any more",
            hint="run the command again",
        )
    if outcome.attach is not None and repository.reference(outcome.attach) != outcome.attach_expected:
        raise HeadMoved(f"{outcome.attach} has moved meanwhile", hint="run the command again")
    if any(file.name == "MERGE_HEAD" and file.data is not None for file in outcome.state):
        operation = repository.operation_in_progress()
        if operation not in (None, "bisect"):
            raise OperationInProgress(
                f"a {operation} is in progress",
                hint=f"git {operation} --continue, or git {operation} --abort",
            )
    index, digest = worktree.read_index(repository)
    unmerged = sorted(path for path, stages in index.items() if set(stages) != {0})
    if unmerged:
        raise OperationInProgress(
            f"unresolved conflicts in {_listed(unmerged)}", hint="resolve them and git add the files"
        )
    base = outcome.base_tree
    if base is None:
        base = EMPTY_TREE if head.oid is None else repository.commit_info(head.oid).tree
    changes = _changes(repository, base, outcome)
    held = {path: stages[0] for path, stages in index.items()}
    staged = [path for path, (old, new) in changes.items() if held.get(path) not in (old, new)]
    if outcome.conflicts:
        # They would end up in the commit that concludes the merge; git refuses here, too.
        cached = repository.git("diff-index", "--cached", "--name-only", "-z", base)
        staged = split_nul(cached.out)
    paths = [
        PathChange(path, held.get(path), new, worktree.exists(repository.work_tree / path))
        for path, (_, new) in changes.items()
        if held.get(path) != new or path in {conflict.path for conflict in outcome.conflicts}
    ]
    leaving = frozenset(change.path for change in paths if change.old is not None and change.new is None)
    touched = {change.path for change in paths}
    blocked = {*staged, *(_modified(repository) & touched)}
    for change in paths:
        if change.old is None and change.new is not None:
            blocked |= set(worktree.obstacles(repository, change.path, change.new, leaving))
    if blocked:
        raise DirtyWorkTree(
            f"your changes in {_listed(sorted(blocked))} would be overwritten",
            paths=sorted(blocked),
            hint="commit or stash them (git stash -u takes untracked files, too), then run it again",
        )
    adopted = tuple(
        change
        for change in paths
        if change.old is None
        and change.on_disk
        and change.new is not None
        and change.new.mode != MODE_SUBMODULE
    )
    # A folder of that name is on disk where a file comes in place of its last files.
    adopted = tuple(change for change in adopted if not (repository.work_tree / change.path).is_dir())
    return Plan(
        base_tree=base,
        paths=tuple(change for change in paths if change not in adopted),
        adopted=adopted,
        new_folders=_new_folders(repository, paths),
        old_index=digest,
        branch=head.branch,
    )


def _changes(
    repository: Repository, base: str, outcome: Outcome
) -> dict[str, tuple[Entry | None, Entry | None]]:
    """The paths to write: old and new entry. Conflicted files count even where ours is left as it is: a
    sparse checkout may not have them on disk.
    """
    raw = split_nul(repository.git("diff-tree", "-r", "-z", "--no-renames", base, outcome.tree).out)
    changes = {}
    for facts, path in zip(raw[::2], raw[1::2], strict=True):
        old_mode, new_mode, old, new, _ = facts.removeprefix(":").split(" ")
        changes[path] = (_entry(old_mode, old), _entry(new_mode, new))
    for conflict in outcome.conflicts:
        if conflict.path not in changes and not worktree.exists(repository.work_tree / conflict.path):
            entry = repository.entry(outcome.tree, conflict.path)
            if entry is not None:
                changes[conflict.path] = (entry, entry)
    return changes


def _entry(mode: str, oid: str) -> Entry | None:
    return None if mode == "000000" else Entry(int(mode, 8), oid)


def _modified(repository: Repository) -> set[str]:
    """Tracked files whose work tree content is not the index's. Compared by content where stat differs."""
    options = ("--porcelain=v2", "-z", "-uno", "--no-renames", "--ignore-submodules=all")
    raw = repository.git(*PLAIN, "status", *options)
    modified = set()
    for field in split_nul(raw.out):
        if field.startswith("1 ") and field[3] != ".":
            modified.add(field.split(" ", 8)[8])
    return modified


def _new_folders(repository: Repository, paths: Iterable[PathChange]) -> tuple[str, ...]:
    folders = set()
    for change in paths:
        if change.new is None:
            continue
        if change.new.mode == MODE_SUBMODULE and not (repository.work_tree / change.path).is_dir():
            folders.add(change.path)
        for folder in PurePosixPath(change.path).parents:
            name = folder.as_posix()
            if name != "." and not (repository.work_tree / name).is_dir():
                folders.add(name)
    return tuple(sorted(folders))


def land(repository: Repository, outcome: Outcome) -> None:
    """Make the repository what ``outcome`` says, or leave it as it is.

    Errors: those of ``plan``; ``RepositoryLocked``; ``LandingFailed`` where writing failed (disk full,
    permissions, a hook that refused the ref) and everything was put back; ``UnfinishedLanding`` where putting
    back failed, too, and ``recover`` has to be called again.
    """
    with locked(repository, outcome.reflog) as descriptor:
        if read_journal(repository) is not None:
            raise UnfinishedLanding(
                "an earlier run was interrupted and is not cleaned up yet", hint="mergeguard recover"
            )
        recovery.sweep(repository)
        token = recovery.new_token()
        try:
            recovery.hold_index(repository, token)
        except OSError as error:
            raise LandingFailed(f"can't write to the repository: {error}") from error
        try:
            # Under the lock: nobody stages anything between the check and the landing.
            planned = plan(repository, outcome)
            journal = _journal(repository, outcome, planned, token)
            write_journal(repository, journal)
        except BaseException as error:
            journal_path(repository).unlink(missing_ok=True)
            recovery.release_index(repository, token)
            recovery.sweep(repository)
            if isinstance(error, OSError):
                raise LandingFailed(f"can't write to the repository: {error}") from error
            raise
        try:
            _write(repository, outcome, planned, descriptor)
            index = new_index_path(repository)
            sync_file(index, "new index")
            digest = worktree.read_index(repository, index)[1]
            journal = dataclasses.replace(journal, phase="ready", new_index=digest)
            write_journal(repository, journal)
            recovery.finish(repository, journal)
        except BaseException as error:
            _give_up(repository, journal, error)
    if outcome.conflicts:
        # Records what the conflict looks like, or resolves it as before, if the user has rerere on.
        repository.git("rerere", ok=range(256))


def _journal(repository: Repository, outcome: Outcome, planned: Plan, token: str) -> Journal:
    state = []
    for file in outcome.state:
        path = PurePosixPath(file.name)
        if path.is_absolute() or ".." in path.parts or path.parts[:1] in (("refs",), ("objects",)):
            raise ValueError(f"not a state file: {file.name}")
        try:
            old: bytes | None = (repository.git_dir / file.name).read_bytes()
        except FileNotFoundError:
            old = None
        state.append(StateChange(file.name, old, file.data))
    ref = None
    if outcome.commit is not None:
        ref = RefChange(
            old=outcome.expected_head,
            new=outcome.commit,
            branch=planned.branch,
            message=outcome.reflog,
            detach=outcome.detach,
            attach=outcome.attach,
            attach_old=outcome.attach_expected,
        )
    return Journal(
        phase="writing",
        token=token,
        purpose=outcome.reflog,
        head=outcome.expected_head,
        branch=planned.branch,
        old_index=planned.old_index,
        new_index=None,
        paths=planned.paths,
        new_folders=planned.new_folders,
        state=tuple(state),
        ref=ref,
        old_orig_head=repository.reference("ORIG_HEAD"),
        orig_head=outcome.orig_head,
    )


class _Git(Protocol):
    """Runs git on the new index."""

    def __call__(self, *arguments: str, stdin: bytes | None = None, ok: Iterable[int] = (0,)) -> None: ...


def _write(repository: Repository, outcome: Outcome, planned: Plan, descriptor: int) -> None:
    """Have git write the work tree and a new index beside the old one."""
    index = new_index_path(repository)
    environment = worktree.index_environment(index)

    def git(*arguments: str, stdin: bytes | None = None, ok: Iterable[int] = (0,)) -> None:
        repository.git(
            *PLAIN, *arguments, stdin=stdin, ok=tuple(ok), environment=environment, inherit=(descriptor,)
        )

    point("copy the index")
    if repository.index_file.exists():
        # With its times: git compares them with those of files to find what changed within a clock tick.
        shutil.copy2(repository.index_file, index)
    if planned.adopted:
        entries = [(change.path, change.new) for change in planned.adopted if change.new is not None]
        lines = b"".join(worktree.index_info(path, {0: entry}) for path, entry in entries)
        point("adopt untracked files")
        git("update-index", "-z", "--index-info", stdin=lines)
    point("refresh the new index")
    git("update-index", "-q", "--refresh", ok=(0, 1))
    point("write the work tree")
    # A missing submodule or one with work in it is left alone, as git merge does.
    git("read-tree", "-m", "-u", "--no-recurse-submodules", planned.base_tree, outcome.tree)
    _write_conflicts(repository, outcome, git)


def _write_conflicts(repository: Repository, outcome: Outcome, git: _Git) -> None:
    if not outcome.conflicts:
        return
    # Conflicted files are for people to see, also outside of a sparse checkout.
    hidden = [
        conflict.path
        for conflict in outcome.conflicts
        if not worktree.exists(repository.work_tree / conflict.path)
        and (entry := repository.entry(outcome.tree, conflict.path)) is not None
        and entry.mode != MODE_SUBMODULE
    ]
    if hidden:
        stdin = worktree.nul_joined(hidden)
        point("show conflicted files")
        git("update-index", "--no-skip-worktree", "-z", "--stdin", stdin=stdin)
        git("checkout-index", "-f", "-q", "--ignore-skip-worktree-bits", "-z", "--stdin", stdin=stdin)
    lines = b"".join(worktree.index_info(conflict.path, conflict.stages) for conflict in outcome.conflicts)
    point("set the stages")
    git("update-index", "-z", "--index-info", stdin=lines)


def _give_up(repository: Repository, journal: Journal, error: BaseException) -> None:
    """Undo after a failure, or finish where it is too late for that; always raises."""
    try:
        if recovery.committed(repository, journal):
            recovery.finish(repository, journal)
            restored = False
        else:
            recovery.undo(repository, journal)
            restored = True
    except Exception as second:
        raise UnfinishedLanding(
            f"{journal.purpose} failed ({error}), and putting things back failed, too ({second})",
            hint="free some space or repair permissions, then: mergeguard recover",
        ) from error
    if not restored and isinstance(error, Exception):
        return
    if isinstance(error, OSError | GitError):
        refused = _refused(error)
        if refused:
            raise DirtyWorkTree(
                f"your changes in {_listed(refused)} would be overwritten",
                paths=refused,
                hint="commit, stash or remove them, then run it again",
            ) from error
        raise LandingFailed(
            f"{journal.purpose} could not be written: {error}",
            hint="the repository is as before; repair the cause and run it again",
        ) from error
    if isinstance(error, MergeguardError | KeyboardInterrupt | SystemExit | GeneratorExit):
        raise error
    raise RepositoryError(f"{journal.purpose} failed: {error}") from error


def _refused(error: BaseException) -> list[str]:
    """The paths that read-tree names when it refuses."""
    quoted = []
    for line in str(error).splitlines():
        if "would be overwritten" in line or "would lose untracked" in line or "not uptodate" in line:
            quoted += line.split("'")[1:2]
    return sorted(quoted)


def _listed(paths: list[str]) -> str:
    shown = ", ".join(paths[:5])
    return shown if len(paths) <= 5 else f"{shown} and {len(paths) - 5} more"
