"""unsplit: one monolith, or the whole tree, as upstream would have it with the fork's own edits."""

from __future__ import annotations

from pathlib import Path

from mergeguard.errors import LayoutError, Location
from mergeguard.fork import treelens
from mergeguard.fork.fork import Fork
from mergeguard.fork.workspace import Workspace
from mergeguard.git.snapshot import export
from mergeguard.lens.hunks import Hunk, Unsplit
from mergeguard.values import dataclass


@dataclass(frozen=True, slots=True)
class UnsplitTree:
    """A tree without layouts (its id), and what of the layouts has no place in it."""

    tree: str
    unmapped: tuple[Hunk, ...]


def one(workspace: Workspace, asked: str, path: str) -> Unsplit:
    """The monolith of the rule ``asked``, or of the rule that has the file at ``path`` (from the root).

    Raises LayoutError where no split rule has it.
    """
    for guarded in workspace.split_rules:
        found = workspace.unsplit(guarded)
        if asked == guarded.name or path in (found.layout.path, *found.layout.by_path):
            return found
    raise LayoutError(
        "no split rule has this file", where=Location(asked), hint="`mergeguard status` lists them"
    )


def whole(here: Fork, workspace: Workspace, target: Path | None) -> UnsplitTree:
    """Every monolith in place of its layout, as a tree; written below the folder ``target``, if given."""
    tree = treelens.monolithic_tree(workspace)
    if target is not None:
        export(here.repository, tree, target)
    hunks = (h for g in workspace.split_rules for h in workspace.hunks(g))
    return UnsplitTree(tree, tuple(hunk for hunk in hunks if not hunk.is_overlay))
