"""What stands in the work tree: uncommitted changes, unfinished operations."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mergeguard.git.process import split_nul
from mergeguard.values import dataclass

if TYPE_CHECKING:
    from mergeguard.git.repository import Repository

#: (operation, what in the git folder shows it), most specific first: a rebase leaves MERGE_HEAD or
#: CHERRY_PICK_HEAD of its current step beside its own folder.
_OPERATIONS = (
    ("rebase", "rebase-merge"),
    ("am", "rebase-apply/applying"),
    ("rebase", "rebase-apply"),
    ("merge", "MERGE_HEAD"),
    ("cherry-pick", "CHERRY_PICK_HEAD"),
    ("revert", "REVERT_HEAD"),
    ("bisect", "BISECT_LOG"),
)


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """A path that differs. ``staged`` and ``unstaged`` are git's letters (``M``, ``A``, ``D``, ``T``, ``U``,
    ``.`` for none); an untracked path has kind ``untracked`` and both ``?``.
    """

    path: str
    kind: Literal["changed", "unmerged", "untracked"]
    staged: str
    unstaged: str


def dirty(repository: Repository, paths: Iterable[str] | None = None) -> tuple[StatusEntry, ...]:
    """Tracked files with staged or unstaged changes, and unmerged ones.

    With ``paths``, only those, and those among them that are untracked (or below an untracked folder, or
    ignored) but exist. Changes inside a submodule don't count, another commit of it does. Files left out by
    a sparse checkout are clean.
    """
    wanted = None if paths is None else frozenset(paths)
    untracked = (
        ("--untracked-files=no",) if wanted is None else ("--untracked-files=all", "--ignored=matching")
    )
    completed = repository.git(
        "status", "--porcelain=v2", "-z", "--no-renames", "--ignore-submodules=dirty", *untracked
    )
    entries = [entry for field in split_nul(completed.out) if (entry := _entry(field)) is not None]
    if wanted is None:
        return tuple(entries)
    folders = tuple(entry.path for entry in entries if entry.kind == "untracked" and entry.path.endswith("/"))
    found = [entry for entry in entries if entry.path in wanted]
    listed = {entry.path for entry in found}
    # git names an ignored folder, not what is in it.
    found += [
        StatusEntry(path, "untracked", "?", "?")
        for path in sorted(wanted - listed)
        if path.startswith(folders) and _exists(repository.work_tree / path)
    ]
    return tuple(found)


def _entry(field: str) -> StatusEntry | None:
    kind = field[:1]
    if kind == "1":
        parts = field.split(" ", 8)
        return StatusEntry(parts[8], "changed", parts[1][0], parts[1][1])
    if kind == "u":
        parts = field.split(" ", 10)
        return StatusEntry(parts[10], "unmerged", parts[1][0], parts[1][1])
    if kind in ("?", "!"):
        return StatusEntry(field[2:], "untracked", "?", "?")
    return None


def _exists(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def operation_in_progress(git_dir: Path) -> str | None:
    """The unfinished operation of this work tree: ``merge``, ``rebase``, ``cherry-pick``, ``revert``,
    ``bisect``, ``am``, or None.
    """
    for name, mark in _OPERATIONS:
        if (git_dir / mark).exists():
            return name
    # Between two picks of a sequence there is no *_HEAD file, only the list of what is left to do.
    todo = git_dir / "sequencer" / "todo"
    if todo.exists():
        first = todo.read_bytes().split(maxsplit=1)[:1]
        return "revert" if first == [b"revert"] else "cherry-pick"
    return None
