"""Whether an outcome can land, and which files that writes. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from mergeguard.git import worktree
from mergeguard.git.errors import DirtyWorkTree, HeadMoved, OperationInProgress, RepositoryError
from mergeguard.git.journal import PathChange
from mergeguard.git.objects import MODE_SUBMODULE, Entry
from mergeguard.git.outcome import Outcome
from mergeguard.git.process import split_nul
from mergeguard.git.recovery import PLAIN, new_index_path
from mergeguard.values import dataclass

if TYPE_CHECKING:
    from mergeguard.git.repository import Repository


#: Paths that git is given by name: it compares each of its entries with each of them.
_FEW = 40


@dataclass(frozen=True, slots=True)
class LandingPlan:
    """What a landing would write; ``adopted`` are files, not in the index so, that are what they shall be."""

    base_tree: str
    paths: tuple[PathChange, ...]
    adopted: tuple[PathChange, ...]
    new_folders: tuple[str, ...]
    old_index: str
    branch: str | None


def require_possible(repository: Repository, name: str) -> None:
    """RepositoryError if no ref of this full name can be made: git would refuse it only while it lands."""
    if repository.git("check-ref-format", name, ok=(0, 1)).code:
        raise RepositoryError(f"{name} can't be the name of a branch", hint="choose another name")
    known = repository.git("for-each-ref", "--format=%(refname)").text.splitlines()
    rival = next((r for r in known if name.startswith(f"{r}/") or r.startswith(f"{name}/")), None)
    if rival is not None:
        raise RepositoryError(
            f"{name} can't be made beside {rival}: git keeps a branch or a folder of a name",
            hint="choose another name",
        )


def plan(repository: Repository, outcome: Outcome) -> LandingPlan:
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
                hint=f"`git {operation} --continue`, or `git {operation} --abort`",
            )
    for name, _, old in outcome.names:
        if repository.reference(name) != (old or None):
            raise RepositoryError(
                f"{name} {'has moved' if old else 'exists already'}", hint="look at it, then run this again"
            )
        if not old:
            require_possible(repository, name)
    index, digest = worktree.read_index(repository)
    if outcome.discard:
        return _plan_discard(repository, outcome, index, digest, head.branch)
    unmerged = sorted(index.unmerged)
    if unmerged:
        raise OperationInProgress(
            f"unresolved conflicts in {listed(unmerged)}",
            hint="resolve them and `git add` the files, then run this again",
        )
    base = outcome.base_tree
    if base is None:
        base = repository.empty_tree if head.oid is None else repository.commit_info(head.oid).tree
    changes = _changes(repository, base, outcome)
    held = {path: index.get(path, {}).get(0) for path in changes}
    staged = [path for path, (old, new) in changes.items() if held.get(path) not in (old, new)]
    if outcome.conflicts:
        # They would end up in the commit that concludes the merge; git refuses here, too.
        cached = repository.git("diff-index", "--cached", "--name-only", "-z", base)
        staged = split_nul(cached.out)
    conflicted = {conflict.path for conflict in outcome.conflicts}
    paths = [
        PathChange(path, held.get(path), new, worktree.exists(repository.work_tree / path))
        for path, (_, new) in changes.items()
        if held.get(path) != new or path in conflicted
    ]
    leaving = frozenset(change.path for change in paths if change.old is not None and change.new is None)
    touched = {change.path for change in paths}
    modified = _modified(repository, touched) & touched
    there = {
        change.path
        for change in paths
        if change.path in modified
        and change.path not in conflicted
        and change.on_disk
        and change.new is not None
        and worktree.is_entry(repository, change.path, change.new)
    }
    gone = {change.path for change in paths if change.new is None and not change.on_disk}
    blocked = {*staged, *(modified - there - gone)}
    for change in paths:
        if change.old is None and change.new is not None:
            blocked |= set(worktree.obstacles(repository, change.path, change.new, leaving))
    return _planned(repository, base, paths, blocked, digest, head.branch, there)


def _plan_discard(
    repository: Repository, outcome: Outcome, index: worktree.Index, digest: str, branch: str | None
) -> LandingPlan:
    """As ``git reset --hard``; what stands in files that are not the index's is noted, to be put back."""
    differing = repository.git("diff-index", "--cached", "--name-only", "-z", "--no-renames", outcome.tree)
    unlike = {*index.unmerged, *_modified(repository)}
    blocked: set[str] = set()
    paths: list[PathChange] = []
    touched = sorted({*split_nul(differing.out), *unlike})
    targets = {path: repository.entry(outcome.tree, path) for path in touched}
    leaving = frozenset(path for path in touched if path in index and targets[path] is None)
    for path, new in targets.items():
        file = repository.work_tree / path
        found = worktree.read_file(file) if path in unlike else None
        raw = None if found is None else Entry(found[0], repository.write_blob(found[1]))
        change = PathChange(path, index.get(path, {}).get(0), new, worktree.exists(file), raw)
        if new is not None and (path not in index or (path in unlike and raw is None)):
            blocked |= set(worktree.obstacles(repository, path, new, leaving))
        paths.append(change)
    return _planned(repository, outcome.tree, paths, blocked, digest, branch)


def plan_exchange(repository: Repository, targets: Mapping[str, Entry | None]) -> LandingPlan:
    """The files that ``landing.exchange`` writes; what stands in them is noted, to be put back."""
    index, digest = worktree.read_index(repository)
    paths = []
    for path, new in targets.items():
        old = index.get(path, {}).get(0)
        file = repository.work_tree / path
        found = worktree.read_file(file)
        as_old = old is not None and worktree.is_entry(repository, path, old)
        raw = None if found is None or as_old else Entry(found[0], repository.write_blob(found[1]))
        paths.append(PathChange(path, old, new, worktree.exists(file), raw))
    branch = repository.head().branch
    return LandingPlan("", tuple(paths), (), _new_folders(repository, paths), digest, branch)


def _planned(
    repository: Repository,
    base: str,
    paths: list[PathChange],
    blocked: set[str],
    digest: str,
    branch: str | None,
    there: Collection[str] = (),
) -> LandingPlan:
    if blocked:
        raise DirtyWorkTree(
            f"your changes in {listed(sorted(blocked))} would be overwritten",
            paths=sorted(blocked),
            hint="commit or stash them (`git stash -u` takes untracked files, too), then run it again",
        )
    adopted = tuple(
        change
        for change in paths
        if (change.old is None or change.path in there)
        and change.raw is None
        and change.on_disk
        and change.new is not None
        and change.new.mode != MODE_SUBMODULE
    )
    # A folder of that name is on disk where a file comes in place of its last files.
    adopted = tuple(change for change in adopted if not (repository.work_tree / change.path).is_dir())
    return LandingPlan(
        base_tree=base,
        paths=tuple(change for change in paths if change not in adopted),
        adopted=adopted,
        new_folders=_new_folders(repository, paths),
        old_index=digest,
        branch=branch,
    )


def _changes(
    repository: Repository, base: str, outcome: Outcome
) -> dict[str, tuple[Entry | None, Entry | None]]:
    """The paths to write: old and new entry. Conflicted files count even where ours is left as it is: a
    sparse checkout may not have them on disk.
    """
    changes = {c.old: (c.before, c.after) for c in repository.objects.changes(base, outcome.tree)}
    for conflict in outcome.conflicts:
        if conflict.path not in changes and not worktree.exists(repository.work_tree / conflict.path):
            entry = repository.entry(outcome.tree, conflict.path)
            if entry is not None:
                changes[conflict.path] = (entry, entry)
    return changes


def _modified(repository: Repository, among: Collection[str] | None = None) -> set[str]:
    """Tracked files whose work tree content is not the index's. Compared by content where stat differs.

    git looks by the copy that the landing will write to, and notes there the times of files that are alike.
    Of files ``among`` which are asked for, it looks at no other where they are few.
    """
    if among is not None and not among:
        return set()
    options = ["--porcelain=v2", "-z", "-uno", "--no-renames", "--ignore-submodules=all"]
    if among is not None and len(among) <= _FEW:
        options += ["--", *sorted(among)]
    copy = new_index_path(repository)
    environment = {"GIT_OPTIONAL_LOCKS": "1", **worktree.index_environment(copy)} if copy.exists() else None
    raw = repository.git(*PLAIN, "status", *options, environment=environment)
    modified = set()
    for field in split_nul(raw.out):
        if field.startswith("1 ") and field[3] != ".":
            modified.add(field.split(" ", 8)[8])
    return modified


def _new_folders(repository: Repository, paths: Iterable[PathChange]) -> tuple[str, ...]:
    folders: set[str] = set()
    for change in paths:
        if change.new is None:
            continue
        folders.update(worktree.folders_of(change.path))
        if change.new.mode == MODE_SUBMODULE:
            folders.add(change.path)
    return tuple(sorted(name for name in folders if not (repository.work_tree / name).is_dir()))


def listed(paths: list[str]) -> str:
    shown = ", ".join(paths[:5])
    return shown if len(paths) <= 5 else f"{shown} and {len(paths) - 5} more"
