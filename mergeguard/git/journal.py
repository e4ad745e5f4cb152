"""The note on disk of a landing under way: enough to undo it, or to finish it.

Two phases. ``writing``: the work tree is being written, everything else (index, refs, state files) is as
before; a crash is undone. ``ready``: work tree and new index are complete, what is left is a few steps that
can be repeated; a crash is finished.
"""

from __future__ import annotations

import binascii
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mergeguard import store
from mergeguard.git.atwork import JOURNAL
from mergeguard.git.durable import write_atomic
from mergeguard.git.errors import UnfinishedLanding
from mergeguard.git.objects import Entry
from mergeguard.values import dataclass

if TYPE_CHECKING:
    from mergeguard.git.repository import Repository

VERSION = 3


@dataclass(frozen=True, slots=True)
class PathChange:
    """A path that the landing writes: what the index held and will hold; None: nothing.

    ``on_disk``: whether the file stood in the work tree before (a sparse checkout leaves files out).
    ``raw``: the very file that stood there, where it is not what ``old`` checks out to and will be discarded.
    """

    path: str
    old: Entry | None
    new: Entry | None
    on_disk: bool
    raw: Entry | None = None


@dataclass(frozen=True, slots=True)
class StateChange:
    """A file of the git folder (``MERGE_HEAD``): its content before and after; None: no file."""

    name: str
    old: bytes | None
    new: bytes | None


@dataclass(frozen=True, slots=True)
class RefChange:
    """HEAD before and after. ``attach`` is the branch that HEAD shall be on at the end, ``detach`` leaves the
    branch alone; with neither, what HEAD is on moves.
    """

    old: str | None
    new: str
    branch: str | None
    message: str
    detach: bool = False
    attach: str | None = None
    attach_old: str | None = None


@dataclass(frozen=True, slots=True)
class Journal:
    """See the module. ``old_index`` and ``new_index`` are digests of the index's entries."""

    phase: Literal["writing", "ready"]
    token: str
    purpose: str
    head: str | None
    branch: str | None
    old_index: str
    new_index: str | None
    paths: tuple[PathChange, ...]
    new_folders: tuple[str, ...]
    state: tuple[StateChange, ...] = ()
    ref: RefChange | None = None
    old_orig_head: str | None = None
    orig_head: str | None = None
    names: tuple[tuple[str, str, str], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()


def journal_path(repository: Repository) -> Path:
    return repository.private_dir / JOURNAL


def write_journal(repository: Repository, journal: Journal) -> None:
    """Put the note on disk, in place of the one there."""
    write_atomic(journal_path(repository), store.sealed(_dump(journal)), repository.private_dir)


def read_journal(repository: Repository) -> Journal | None:
    """The landing that was not finished, or None."""
    path = journal_path(repository)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return _load(store.read_json(store.opened(raw)))
    except (ValueError, KeyError, TypeError) as error:
        raise UnfinishedLanding(
            f"{path} can't be read ({error}): it was damaged, or written by another version",
            hint="`mergeguard recover --forget` drops it and leaves all files as they are; then `git status`",
        ) from error


def _dump(journal: Journal) -> bytes:
    ref = journal.ref
    return json.dumps(
        {
            "version": VERSION,
            "phase": journal.phase,
            "token": journal.token,
            "purpose": journal.purpose,
            "head": journal.head,
            "branch": journal.branch,
            "old_index": journal.old_index,
            "new_index": journal.new_index,
            "paths": [
                [c.path, _dump_entry(c.old), _dump_entry(c.new), c.on_disk, _dump_entry(c.raw)]
                for c in journal.paths
            ],
            "new_folders": list(journal.new_folders),
            "state": [
                [change.name, _dump_bytes(change.old), _dump_bytes(change.new)] for change in journal.state
            ],
            "ref": None
            if ref is None
            else [ref.old, ref.new, ref.branch, ref.message, ref.detach, ref.attach, ref.attach_old],
            "old_orig_head": journal.old_orig_head,
            "orig_head": journal.orig_head,
            "names": journal.names,
            "notes": journal.notes,
        }
    ).encode()


def _load(data: dict[str, Any]) -> Journal:
    if data["version"] != VERSION:
        raise ValueError(f"version {data['version']}")
    return Journal(
        phase=data["phase"],
        token=data["token"],
        purpose=data["purpose"],
        head=data["head"],
        branch=data["branch"],
        old_index=data["old_index"],
        new_index=data["new_index"],
        paths=tuple(
            PathChange(path, _load_entry(old), _load_entry(new), on_disk, _load_entry(raw))
            for path, old, new, on_disk, raw in data["paths"]
        ),
        new_folders=tuple(data["new_folders"]),
        state=tuple(
            StateChange(name, _load_bytes(old), _load_bytes(new)) for name, old, new in data["state"]
        ),
        ref=None if data["ref"] is None else RefChange(*data["ref"]),
        old_orig_head=data["old_orig_head"],
        orig_head=data["orig_head"],
        names=tuple((name, new, old) for name, new, old in data["names"]),
        notes=tuple((old, new) for old, new in data["notes"]),
    )


def _dump_entry(entry: Entry | None) -> list[Any] | None:
    return None if entry is None else [entry.mode, entry.oid]


def _load_entry(data: list[Any] | None) -> Entry | None:
    return None if data is None else Entry(*data)


def _dump_bytes(data: bytes | None) -> str | None:
    return None if data is None else binascii.b2a_base64(data, newline=False).decode()


def _load_bytes(data: str | None) -> bytes | None:
    return None if data is None else binascii.a2b_base64(data)
