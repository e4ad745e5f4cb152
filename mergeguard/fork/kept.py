"""Marks of unmapped hunks that belong to the layout: decided by a person, committed with the fork.

A mark names a hunk by its text (``fork.report.hunk_ids``), one small file each, so that branches never
conflict over them and a hunk whose text changes is open again.
"""

from __future__ import annotations

import tomllib

from mergeguard.errors import LayoutError, Location
from mergeguard.fork.report import hunk_ids
from mergeguard.fork.workspace import Guarded, Workspace
from mergeguard.lens.unsplit import Hunk

KEPT = ".mergeguard/kept"


def marks(workspace: Workspace) -> dict[str, str]:
    """Hunk id to reason. LayoutError for a mark that can't be read."""
    found: dict[str, str] = {}
    for path, entry in workspace.repository.list_tree(workspace.tree, KEPT).items():
        if path.endswith(".toml"):
            name = path.removeprefix(f"{KEPT}/").removesuffix(".toml")
            found[name] = _reason(workspace.repository.read_blob(entry.oid), path)
    return found


def _reason(text: bytes, path: str) -> str:
    try:
        why = tomllib.loads(text.decode()).get("why", "")
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LayoutError(
            f"this mark can't be read: {error}",
            where=Location(path),
            hint=f"`git rm {path}` opens the hunk again",
        ) from None
    return str(why)


def sort_out(workspace: Workspace, guarded: Guarded) -> tuple[tuple[Hunk, ...], tuple[Hunk, ...]]:
    """A split rule's overlay with the kept hunks in it, and the unmapped hunks that are open."""
    unsplit = workspace.unsplit(guarded)
    if not unsplit.unmapped:
        return unsplit.overlay, ()
    known = marks(workspace)
    kept = {
        (hunk.path, hunk.line, hunk.old, hunk.new)
        for name, hunk in hunk_ids(unsplit.unmapped).items()
        if name in known
    }
    opened = tuple(h for h in unsplit.unmapped if (h.path, h.line, h.old, h.new) not in kept)
    return tuple(h for h in unsplit.hunks if h not in opened), opened
