"""A folder of what was found out before: sealed values by key, of which any may be missing at any time.

It lives in ``<git-dir>/mergeguard`` and may be deleted whenever one likes. What can't be read, or was cut
off, counts as not there; two processes may read and write one shelf at once. Of more than ``limit`` values
those go that were written first.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import mergeguard
from mergeguard import store
from mergeguard.digests import digest
from mergeguard.git.durable import write_atomic


class Shelf:
    """The values of one kind in one repository."""

    def __init__(self, private_dir: Path, name: str, limit: int) -> None:
        self._folder = private_dir / name
        self._limit = limit

    def get(self, key: bytes) -> bytes | None:
        """What was put there under ``key``, if it is whole."""
        try:
            return store.opened(self._place(key).read_bytes())
        except (OSError, store.Unreadable):
            return None

    def put(self, key: bytes, value: bytes) -> None:
        """Keep a value; failing to costs time later, nothing else."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._forget_oldest()
            scratch = self._folder.with_name("tmp")
            write_atomic(self._place(key), store.sealed(value), scratch, sync=False)
        except OSError:
            return

    def _place(self, key: bytes) -> Path:
        return self._folder / digest(key)

    def _forget_oldest(self) -> None:
        kept = [*self._folder.iterdir()]
        if len(kept) >= self._limit:
            for old in sorted(kept, key=lambda p: p.stat().st_mtime)[: self._limit // 4]:
                old.unlink(missing_ok=True)


@lru_cache(maxsize=1)
def code() -> str:
    """The code of this package, by what the file system says of its files: a part of the key of whatever
    another code might find out otherwise. Of an installed package the installer's list of its files speaks
    for them."""
    facts: list[tuple[str, int, int]] = []
    folder = os.path.dirname(mergeguard.__file__)
    folders = [folder]
    with suppress(OSError):
        record = f"{folder}-{mergeguard.__version__}.dist-info/RECORD"
        installed = os.stat(record)
        facts.append((record, installed.st_size, installed.st_mtime_ns))
        folders.clear()
    for folder in folders:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    found = entry.stat()
                    facts.append((entry.path, found.st_size, found.st_mtime_ns))
                elif entry.is_dir():
                    folders.append(entry.path)
    return digest(repr((mergeguard.__version__, sorted(facts))).encode("utf-8", "surrogateescape"))
