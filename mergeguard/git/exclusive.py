"""One mergeguard at a time in a work tree (and one that changes what all work trees of a clone share).

The lock is the kernel's (``flock``) on ``<git-dir>/mergeguard/lock``: it ends with the process, so the lock
of a dead one is never in the way. The git that writes the work tree inherits it: if only its parent is
killed, the next run meets the lock of that git and does not race it. What the file holds is for people.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mergeguard import store
from mergeguard.git.atwork import LOCK
from mergeguard.git.errors import RepositoryError, RepositoryLocked

if TYPE_CHECKING:
    from mergeguard.git.repository import Repository

#: Locks that this process holds: private folder -> (file descriptor, how many times it was taken).
_held: dict[Path, tuple[int, int]] = {}


@contextmanager
def locked(repository: Repository, purpose: str, folder: Path | None = None) -> Iterator[int]:
    """Hold the lock; the same process may take it again. Gives the descriptor that children may inherit.

    ``folder`` holds it; None for this work tree's own. ``RepositoryLocked`` while another process holds it,
    ``RepositoryError`` where nothing can be written.
    """
    private = folder or repository.private_dir
    if private in _held:
        descriptor, times = _held[private]
        _held[private] = (descriptor, times + 1)
    else:
        descriptor = _acquire(private, purpose)
        _held[private] = (descriptor, 1)
    try:
        yield descriptor
    finally:
        descriptor, times = _held[private]
        if times > 1:
            _held[private] = (descriptor, times - 1)
        else:
            del _held[private]
            _release(private, descriptor)


def _acquire(private: Path, purpose: str) -> int:
    path = private / LOCK
    while True:
        try:
            private.mkdir(exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise RepositoryError(
                f"can't write to {private.parent}: {error.strerror}",
                hint="check the permissions and the free space",
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 4096)
            os.close(descriptor)
            raise _busy(holder, path) from error
        # Whoever held it before removed the file when done: lock only what the name still means.
        try:
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                break
        except FileNotFoundError:
            pass
        os.close(descriptor)
    facts = {"pid": os.getpid(), "host": os.uname().nodename, "since": int(time.time()), "purpose": purpose}
    # Only for people: a disk that is full does not matter here.
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(facts).encode())
    return descriptor


def _release(private: Path, descriptor: int) -> None:
    # Left behind, the file says nothing: the lock itself goes with the descriptor.
    with suppress(OSError):
        (private / LOCK).unlink()
    os.close(descriptor)


def _busy(holder: bytes, path: Path) -> RepositoryLocked:
    try:
        facts = store.read_json(holder)
        who = f"mergeguard {facts['purpose']} (process {facts['pid']} on {facts['host']})"
    except (ValueError, KeyError, TypeError):
        who = "another mergeguard"
    return RepositoryLocked(
        f"{who} is at work in this repository", hint=f"wait for it to end (it holds {path})"
    )
