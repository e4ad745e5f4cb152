"""Marks of unmapped hunks that belong to the layout: decided by a person, committed with the fork.

A mark names a hunk by its text (``fork.report.hunk_ids``), one small file each, so that branches never
conflict over them and a hunk whose text changes is open again.
"""

from __future__ import annotations

from mergeguard import store
from mergeguard.errors import LayoutError, Location
from mergeguard.fork.report import hunk_ids
from mergeguard.fork.workspace import Guarded, Workspace, documents
from mergeguard.lens.hunks import Hunk

KEPT = ".mergeguard/kept"


def marks(workspace: Workspace) -> dict[str, str]:
    """Hunk id to reason. LayoutError for a mark that can't be read."""
    found: dict[str, str] = {}
    for name, path, entry in documents(workspace.repository, workspace.tree, KEPT):
        found[name] = _reason(workspace.repository.read_blob(entry.oid), path)
    return found


def _reason(text: bytes, path: str) -> str:
    try:
        return store.convert(store.read_toml(text).get("why", ""), str)
    except store.Unreadable as error:
        raise LayoutError(
            f"this mark can't be read: {error}",
            where=Location(path, error.line),
            hint=f"`git rm {path}` opens the hunk again",
        ) from None


def sort_out(workspace: Workspace, guarded: Guarded) -> tuple[tuple[Hunk, ...], tuple[Hunk, ...]]:
    """A split rule's overlay with the kept hunks in it, and the unmapped hunks that are open."""
    hunks = workspace.hunks(guarded)
    unmapped = tuple(hunk for hunk in hunks if not hunk.is_overlay)
    if not unmapped:
        return hunks, ()
    known = marks(workspace)
    kept = {
        (hunk.path, hunk.line, hunk.old, hunk.new)
        for name, hunk in hunk_ids(unmapped).items()
        if name in known
    }
    opened = tuple(h for h in unmapped if (h.path, h.line, h.old, h.new) not in kept)
    return tuple(h for h in hunks if h not in opened), opened
