"""Writing files so that a crash leaves the old or the new one, never a half."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from mergeguard.git.faults import point


def write_atomic(target: Path, data: bytes, name: str, scratch: Path) -> None:
    """Write ``data`` to ``target`` by way of a file in the folder ``scratch`` (same file system).

    ``name`` is what fault points call the file.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch.mkdir(parents=True, exist_ok=True)
    passing = scratch / f"new-{target.name}"
    point(f"write {name}")
    with open(passing, "wb") as out:
        out.write(data)
        out.flush()
        point(f"fsync {name}")
        os.fsync(out.fileno())
    point(f"rename {name}")
    os.replace(passing, target)
    sync_folder(target.parent)


def remove(target: Path, name: str) -> None:
    """Remove a file, if it is there, for good."""
    if os.path.lexists(target):
        point(f"remove {name}")
        target.unlink()
        sync_folder(target.parent)


def sync_file(path: Path, name: str) -> None:
    """Have a file that another program wrote reach the disk."""
    point(f"fsync {name}")
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
