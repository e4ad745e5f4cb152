"""Several files of a clone changed as one: an interrupted change is taken back by the next run.

For what no landing covers: hooks, git's configuration, attributes. Before a file changes, a record on disk
says what it was and what it becomes; a file that is neither when things are put back is somebody's: it stays.
"""

from __future__ import annotations

import binascii
import contextlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mergeguard import store
from mergeguard.git.atwork import CHANGING
from mergeguard.git.durable import remove, scratch_folder, write_atomic
from mergeguard.git.errors import LandingFailed, UnfinishedLanding
from mergeguard.git.exclusive import locked
from mergeguard.values import dataclass

if TYPE_CHECKING:
    from mergeguard.git.repository import Repository


@dataclass(frozen=True, slots=True)
class FileState:
    """A file's permissions and bytes; of a symbolic link (``mode`` None) its target."""

    mode: int | None
    data: bytes

    @classmethod
    def of(cls, path: Path) -> FileState | None:
        """What stands there, None for nothing."""
        if path.is_symlink():
            return cls(None, os.fsencode(os.readlink(path)))
        try:
            return cls(path.stat().st_mode & 0o7777, path.read_bytes())
        except FileNotFoundError:
            return None

    def put(self, path: Path, scratch: Path) -> None:
        """Make the file this, in one step."""
        if self.mode is not None:
            write_atomic(path, self.data, scratch, mode=self.mode)
            return
        with scratch_folder(scratch) as folder:
            os.symlink(os.fsdecode(self.data), folder / "link")
            os.replace(folder / "link", path)


@dataclass(frozen=True, slots=True)
class _Change:
    path: Path
    old: FileState | None
    new: FileState | None


class ChangedFiles:
    """Changes files, each recorded first; made by ``changing``."""

    def __init__(self, repository: Repository, purpose: str) -> None:
        self._repository = repository
        self._purpose = purpose
        self._scratch = repository.common_dir / "mergeguard"
        self._made: list[_Change] = []

    def write(self, path: Path, data: bytes, mode: int) -> None:
        """Give a file these bytes and permissions."""
        self._change(path, FileState(mode, data))

    def copy(self, source: Path, target: Path) -> None:
        """Make ``target`` the file or link that ``source`` is."""
        self._change(target, FileState.of(source))

    def move(self, source: Path, target: Path) -> None:
        """Put ``source`` in the place of ``target``."""
        self.copy(source, target)
        self.remove(source)

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""
        self._change(path, None)

    def _change(self, path: Path, new: FileState | None) -> None:
        old = FileState.of(path)
        if old == new:
            return
        self._record(_Change(path, old, new))
        _put(path, new, self._scratch)

    def config(self, scope: str, *arguments: str) -> None:
        """``git config`` for ``--local`` or ``--worktree``; taking away what is not there is no error."""
        repository = self._repository
        own = scope == "--worktree" and repository.config_bool("extensions.worktreeConfig")
        path = repository.git_dir / "config.worktree" if own else repository.common_dir / "config"
        old = FileState.of(path)
        with scratch_folder(self._scratch) as folder:
            trial = folder / "config"
            trial.write_bytes(b"" if old is None else old.data)
            done = repository.git("config", "--file", str(trial), *arguments, ok=(0, 5))
            if done.code:
                return
            self._record(_Change(path, old, FileState(old.mode if old else 0o644, trial.read_bytes())))
        repository.git("config", scope, *arguments)

    def _record(self, change: _Change) -> None:
        self._made.append(change)
        _write_record(self._repository, self._purpose, self._made)

    def take_back(self) -> tuple[Path, ...]:
        """Undo the changes, newest first; gives the files that others have changed since."""
        return _take_back(self._made, self._scratch)


@contextmanager
def changing(repository: Repository, purpose: str) -> Iterator[ChangedFiles]:
    """Change files together: an error takes back what was done, a crash is taken back by ``recover``."""
    with locked(repository, purpose, repository.common_dir / "mergeguard"):
        recover(repository)
        files = ChangedFiles(repository, purpose)
        try:
            yield files
        except BaseException as error:
            try:
                files.take_back()
                remove(_record_path(repository))
            except OSError as second:
                raise UnfinishedLanding(
                    f"{purpose} failed ({error}), and putting things back failed, too ({second})",
                    hint="free some space or repair permissions, then `mergeguard recover`",
                    changed="some files are changed",
                ) from error
            if isinstance(error, OSError):
                raise LandingFailed(
                    f"{purpose}: can't write: {error}", hint="repair the cause and run it again"
                ) from error
            raise
        remove(_record_path(repository))


def pending(repository: Repository) -> bool:
    """Whether a change was interrupted."""
    return _record_path(repository).exists()


def recover(repository: Repository) -> tuple[str, tuple[Path, ...]] | None:
    """Take an interrupted change back; its purpose and the files left as others changed them since."""
    if not pending(repository):
        return None
    with locked(repository, "recover", repository.common_dir / "mergeguard"):
        path = _record_path(repository)
        try:
            record = store.read_json(store.opened(path.read_bytes()))
            homes = _homes(repository)
            changes = [_Change(homes[h] / p, _load(old), _load(new)) for h, p, old, new in record["files"]]
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            raise UnfinishedLanding(
                f"{path} can't be read ({error}): it was damaged, or written by another version",
                hint="`mergeguard recover --forget` drops it and leaves all files as they are",
            ) from error
        left = _take_back(changes, repository.common_dir / "mergeguard")
        remove(path)
        return record["purpose"], left


def forget(repository: Repository) -> None:
    """Drop the record of an interrupted change; files stay as they are."""
    if pending(repository):
        with locked(repository, "recover", repository.common_dir / "mergeguard"):
            remove(_record_path(repository))


def _take_back(changes: list[_Change], scratch: Path) -> tuple[Path, ...]:
    left = []
    for change in reversed(changes):
        now = FileState.of(change.path)
        if now == change.old:
            continue
        if now == change.new:
            _put(change.path, change.old, scratch)
        else:
            left.append(change.path)
    return tuple(left)


def _put(path: Path, state: FileState | None, scratch: Path) -> None:
    if state is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        state.put(path, scratch)
    else:
        remove(path)
        with contextlib.suppress(OSError):
            # Only a folder of ours: git's own ones are never removed.
            if path.parent == scratch / "hooks":
                path.parent.rmdir()


def _record_path(repository: Repository) -> Path:
    return repository.common_dir / "mergeguard" / CHANGING


def _write_record(repository: Repository, purpose: str, changes: list[_Change]) -> None:
    files = [[*_placed(repository, c.path), _dump(c.old), _dump(c.new)] for c in changes]
    record = json.dumps({"purpose": purpose, "files": files}).encode()
    write_atomic(_record_path(repository), store.sealed(record), repository.common_dir / "mergeguard")


def _homes(repository: Repository) -> dict[str, Path]:
    """Folders that the record's paths are relative to: a clone may be moved."""
    return {
        "common": repository.common_dir,
        "git": repository.git_dir,
        "tree": repository.work_tree,
        "": Path(os.sep),
    }


def _placed(repository: Repository, path: Path) -> tuple[str, str]:
    for name, home in _homes(repository).items():
        if path.is_relative_to(home):
            return name, str(path.relative_to(home))
    raise ValueError(f"not an absolute path: {path}")


def _dump(state: FileState | None) -> list[object] | None:
    return None if state is None else [state.mode, binascii.b2a_base64(state.data, newline=False).decode()]


def _load(raw: list[object] | None) -> FileState | None:
    if raw is None:
        return None
    mode, data = raw
    assert mode is None or isinstance(mode, int)
    return FileState(mode, binascii.a2b_base64(str(data)))
