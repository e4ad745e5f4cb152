"""Paths as typed: relative to where the command runs, which ``-C`` may have changed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mergeguard.cli.console import options

if TYPE_CHECKING:
    from mergeguard.fork.fork import Fork


def typed(given: str) -> Path:
    """The path on disk."""
    return Path(options.folder).absolute() / given


def from_root(here: Fork, given: str) -> str | None:
    """The path from the repository's root, whether there is such a file or not; None if it is outside."""
    top = here.repository.work_tree.resolve()
    path = Path(os.path.normpath(typed(given)))
    # Only the folder is resolved: the file itself may be a symbolic link.
    path = path.parent.resolve() / path.name
    return path.relative_to(top).as_posix() if path.is_relative_to(top) else None


def file_from_root(here: Fork, given: str) -> str:
    """A file as typed, relative to where the command runs or to the root, as a path from the root."""
    return (from_root(here, given) if typed(given).exists() else None) or given


def path_from_here(here: Fork, path: str) -> str:
    """A path from the root as one types it where the command runs."""
    top, folder = here.repository.work_tree.resolve(), typed("").resolve()
    return Path(os.path.relpath(top / path, folder)).as_posix()
