"""Landing a result: index, work tree and refs change in one step that a crash can't tear.

1. Everything that could refuse is asked first (``plan``): HEAD, uncommitted work, untracked files.
2. The index is locked as git locks it, and a journal says what is about to change.
3. git writes the work tree (``read-tree -m -u``, so filters, line endings, modes, sparse checkouts are its
   business), against a copy of the index. A crash until here is undone.
4. The journal says that all is prepared. What is left is a few small steps that can be repeated: state files,
   the ref, the index by a rename. A crash from here on is finished.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol

from mergeguard.errors import MergeguardError
from mergeguard.git import recovery, worktree
from mergeguard.git.durable import sync_file
from mergeguard.git.errors import DirtyWorkTree, GitError, LandingFailed, RepositoryError, UnfinishedLanding
from mergeguard.git.exclusive import locked
from mergeguard.git.journal import Journal, RefChange, StateChange, journal_path, read_journal, write_journal
from mergeguard.git.landplan import LandingPlan, listed, plan, plan_exchange
from mergeguard.git.objects import MODE_SUBMODULE, Entry
from mergeguard.git.outcome import MERGE_DONE, Outcome, StateFile, merge_state
from mergeguard.git.recovery import PLAIN, Recovery, new_index_path, recover
from mergeguard.values import replace

if TYPE_CHECKING:
    from mergeguard.git.repository import Repository

__all__ = [
    "MERGE_DONE",
    "Outcome",
    "Recovery",
    "StateFile",
    "abort_merge",
    "change_state",
    "exchange",
    "land",
    "merge_state",
    "plan",
    "recover",
]


def abort_merge(repository: Repository) -> None:
    """Back out of a conflict state as ``git merge --abort`` does (which can be repeated after a crash)."""
    with locked(repository, "abort"):
        # git refuses files whose times differ from the index's, though their bytes do not: a restored backup.
        repository.git("update-index", "-q", "--refresh", ok=range(256))
        repository.git("merge", "--abort")


def land(repository: Repository, outcome: Outcome) -> None:
    """Make the repository what ``outcome`` says, or leave it as it is.

    Errors: those of ``plan``; ``RepositoryLocked``; ``LandingFailed`` where writing failed (disk full,
    permissions, a hook that refused the ref) and everything was put back; ``UnfinishedLanding`` where putting
    back failed, too, and ``recover`` has to be called again.
    """
    _run(
        repository,
        outcome,
        lambda: plan(repository, outcome),
        lambda planned, descriptor: _write(repository, outcome, planned, descriptor),
    )
    if outcome.conflicts:
        # Records what the conflict looks like, or resolves it as before, if the user has rerere on.
        with suppress(OSError):
            repository.git("rerere", ok=range(256))
    elif outcome.discard:
        with suppress(OSError):
            repository.git("rerere", "clear", ok=range(256))


def exchange(
    repository: Repository,
    purpose: str,
    targets: Mapping[str, Entry | None],
    stages: Mapping[str, Mapping[int, Entry]],
    state: Iterable[StateFile] = (),
) -> None:
    """Change a few paths of an index that holds conflicts, which no tree can stand for: files as in
    ``targets``, index entries as in ``stages``. What stands in the files is overwritten.
    """
    outcome = Outcome(tree="", expected_head=repository.head().oid, reflog=purpose, state=tuple(state))

    def write(planned: LandingPlan, descriptor: int) -> None:
        git = _git(repository, descriptor)
        present = {path: entry for path, entry in targets.items() if entry is not None}
        lines = (worktree.index_info(repository, path, {0: entry}) for path, entry in present.items())
        git("update-index", "-z", "--index-info", stdin=b"".join(lines))
        git("checkout-index", "-f", "-q", "-u", "-z", "--stdin", stdin=worktree.nul_joined(present))
        for change in planned.paths:
            if change.new is None and change.on_disk:
                worktree.remove(repository, change.path)
        lines = (worktree.index_info(repository, path, wanted) for path, wanted in stages.items())
        git("update-index", "-z", "--index-info", stdin=b"".join(lines))
        # Without the files' times in the index, `git merge --abort` would not touch them.
        git("update-index", "-q", "--refresh", ok=(0, 1))

    _run(repository, outcome, lambda: plan_exchange(repository, targets), write)


def _copy_index(repository: Repository) -> None:
    """A copy to write to, with its times: git compares them with those of files to find what changed within a
    clock tick."""
    copy, facts = new_index_path(repository), os.stat(repository.index_file)
    copy.write_bytes(repository.index_file.read_bytes())
    os.chmod(copy, facts.st_mode & 0o7777)
    os.utime(copy, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _run(
    repository: Repository,
    outcome: Outcome,
    make_plan: Callable[[], LandingPlan],
    write: Callable[[LandingPlan, int], None],
) -> None:
    with locked(repository, outcome.reflog) as descriptor:
        _require_settled(repository)
        recovery.sweep(repository)
        token = recovery.new_token()
        try:
            recovery.hold_index(repository, token)
            if repository.index_file.exists():
                _copy_index(repository)
            # Under the lock: nobody stages anything between the check and the landing.
            planned = make_plan()
            journal = _journal(repository, outcome, planned, token)
            write_journal(repository, journal)
        except BaseException as error:
            journal_path(repository).unlink(missing_ok=True)
            recovery.release_index(repository, token)
            recovery.sweep(repository)
            if isinstance(error, OSError):
                raise LandingFailed(
                    f"can't write to the repository: {error}",
                    hint="check the permissions and the free space, then run it again",
                ) from error
            raise
        try:
            write(planned, descriptor)
            index = new_index_path(repository)
            sync_file(index)
            digest = worktree.index_digest(repository, index)
            journal = replace(journal, phase="ready", new_index=digest)
            write_journal(repository, journal)
            recovery.finish(repository, journal)
        except BaseException as error:
            _give_up(repository, journal, error)


def _require_settled(repository: Repository) -> None:
    if read_journal(repository) is not None:
        raise UnfinishedLanding(
            "an earlier run was interrupted and is not cleaned up yet", hint="`mergeguard recover`"
        )


def change_state(repository: Repository, purpose: str, files: Iterable[StateFile]) -> None:
    """Change files of the git folder together; HEAD, index and work tree stay as they are."""
    with locked(repository, purpose):
        _require_settled(repository)
        head = repository.head()
        digest = worktree.index_digest(repository)
        journal = Journal(
            phase="ready",
            token=recovery.new_token(),
            purpose=purpose,
            head=head.oid,
            branch=head.branch,
            old_index=digest,
            new_index=digest,
            paths=(),
            new_folders=(),
            state=_state_changes(repository, files),
        )
        try:
            recovery.sweep(repository)
            write_journal(repository, journal)
            recovery.finish(repository, journal)
        except BaseException as error:
            _give_up(repository, journal, error)


def _state_changes(repository: Repository, files: Iterable[StateFile]) -> tuple[StateChange, ...]:
    state = []
    for file in files:
        path = PurePosixPath(file.name)
        if path.is_absolute() or ".." in path.parts or path.parts[:1] in (("refs",), ("objects",)):
            raise ValueError(f"not a state file: {file.name}")
        try:
            old: bytes | None = (repository.git_dir / file.name).read_bytes()
        except FileNotFoundError:
            old = None
        state.append(StateChange(file.name, old, file.data))
    return tuple(state)


def _journal(repository: Repository, outcome: Outcome, planned: LandingPlan, token: str) -> Journal:
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
        state=_state_changes(repository, outcome.state),
        ref=ref,
        old_orig_head=repository.reference("ORIG_HEAD"),
        orig_head=outcome.orig_head,
        names=outcome.names,
        notes=outcome.notes if outcome.notes and repository.config_all("notes.rewriteRef") else (),
    )


class _Git(Protocol):
    """Runs git on the new index."""

    def __call__(self, *arguments: str, stdin: bytes | None = None, ok: Iterable[int] = (0,)) -> None: ...


def _git(repository: Repository, descriptor: int) -> _Git:
    environment = worktree.index_environment(new_index_path(repository))

    def git(*arguments: str, stdin: bytes | None = None, ok: Iterable[int] = (0,)) -> None:
        repository.git(
            *PLAIN, *arguments, stdin=stdin, ok=tuple(ok), environment=environment, inherit=(descriptor,)
        )

    return git


def _write(repository: Repository, outcome: Outcome, planned: LandingPlan, descriptor: int) -> None:
    """Have git write the work tree and a new index beside the old one."""
    git = _git(repository, descriptor)
    if planned.adopted:
        entries = [(change.path, change.new) for change in planned.adopted if change.new is not None]
        lines = b"".join(worktree.index_info(repository, path, {0: entry}) for path, entry in entries)
        git("update-index", "-z", "--index-info", stdin=lines)
        git("update-index", "-q", "--refresh", ok=(0, 1))
    # A missing submodule or one with work in it is left alone, as git merge does.
    trees = ("--reset", outcome.tree) if outcome.discard else ("-m", planned.base_tree, outcome.tree)
    git("read-tree", "-u", "--no-recurse-submodules", *trees)
    standing = [c.path for c in planned.paths if c.new is None and c.on_disk and _is_file(repository, c.path)]
    if standing:
        # git only warns.
        raise GitError(f"can't remove {listed(standing)}: Permission denied")
    _write_conflicts(repository, outcome, git)


def _is_file(repository: Repository, path: str) -> bool:
    file = repository.work_tree / path
    return file.is_symlink() or file.is_file()


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
        git("update-index", "--no-skip-worktree", "-z", "--stdin", stdin=stdin)
        git("checkout-index", "-f", "-q", "--ignore-skip-worktree-bits", "-z", "--stdin", stdin=stdin)
    lines = b"".join(
        worktree.index_info(repository, conflict.path, conflict.stages) for conflict in outcome.conflicts
    )
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
            hint="free some space or repair permissions, then `mergeguard recover`",
            changed="some files are changed; git is kept from the index until it is settled",
        ) from error
    if not restored and isinstance(error, Exception):
        return
    if isinstance(error, OSError | GitError):
        refused = _refused(error)
        if refused:
            raise DirtyWorkTree(
                f"your changes in {listed(refused)} would be overwritten",
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
