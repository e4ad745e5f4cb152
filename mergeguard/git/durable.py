"""Writing files so that a crash leaves the old or the new one, never a half."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_atomic(
    target: Path, data: bytes, scratch: Path, *, mode: int | None = None, sync: bool = True
) -> None:
    """Write ``data`` to ``target`` by way of a file in the folder ``scratch``, with permissions ``mode``.

    Where that is on another file system, a hidden file beside the target is the way. Without ``sync`` (for
    caches) a power cut may leave less than all of it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch.mkdir(parents=True, exist_ok=True)
    passing = scratch / f"new-{target.name}-{os.getpid()}"
    try:
        _fill(passing, data, mode, sync)
        os.replace(passing, target)
    except OSError as error:
        _unlink(passing)
        if error.errno != errno.EXDEV:
            raise
        passing = target.with_name(f".new-{target.name}")
        try:
            _fill(passing, data, mode, sync)
            os.replace(passing, target)
        except OSError:
            _unlink(passing)
            raise
    if sync:
        sync_folder(target.parent)


def _fill(path: Path, data: bytes, mode: int | None, sync: bool) -> None:
    with open(path, "wb") as out:
        out.write(data)
        out.flush()
        if mode is not None:
            os.chmod(path, mode)
        if sync:
            os.fsync(out.fileno())


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def write_output(target: Path, data: bytes) -> None:
    """Write a file that the user named: in one step, but for what is no ordinary file (a pipe, a device)."""
    real = Path(os.path.realpath(target))
    if real.exists() and not real.is_file():
        real.write_bytes(data)
        return
    if not real.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(real.parent))
    mode = real.stat().st_mode & 0o7777 if real.exists() else None
    write_atomic(real, data, real.parent, mode=mode)


def remove(target: Path) -> None:
    """Remove a file, if it is there, for good."""
    if os.path.lexists(target):
        target.unlink()
        sync_folder(target.parent)


def sync_file(path: Path) -> None:
    """Have a file that another program wrote reach the disk."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Have a rename or removal in ``folder`` reach the disk, where the file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def scratch_folder(private: Path) -> Iterator[Path]:
    """A folder below ``private`` that is gone afterwards: nothing is ever written outside the repository.

    What a killed process leaves there is removed days later (``recovery.sweep``).
    """
    with _folder(private / "tmp" / f"scratch-{os.urandom(8).hex()}") as folder:
        yield folder


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that is gone afterwards, for who works in no repository: where git has such, too."""
    place = os.environ.get("TMPDIR") or "/tmp"
    with _folder(Path(place, f"mergeguard-{os.urandom(8).hex()}")) as folder:
        yield folder


@contextmanager
def _folder(folder: Path) -> Iterator[Path]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        _remove_tree(folder)


def _remove_tree(folder: Path) -> None:
    """A folder of our own (no links in it), as far as it can be removed. (Loading ``shutil`` costs 2 ms.)"""
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in files:
            _unlink(Path(parent, name))
        for name in folders:
            with contextlib.suppress(OSError):
                os.rmdir(Path(parent, name))
    with contextlib.suppress(OSError):
        os.rmdir(folder)
