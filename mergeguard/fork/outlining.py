"""Outlines worked out by the lens, for whoever comes next (``outlines``)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from mergeguard.errors import MergeguardError
from mergeguard.fork import treelens
from mergeguard.fork.builds import UnitListing
from mergeguard.fork.localedits import local_edits
from mergeguard.fork.outlines import Outline, covered
from mergeguard.fork.stale import first_said, stale
from mergeguard.fork.workspace import Guarded, Workspace
from mergeguard.git.objects import Entry
from mergeguard.lens.emissions import emission_of
from mergeguard.lens.layout import includable, shard_paths
from mergeguard.lens.overlay import recompose


def know(workspace: Workspace, names: Iterable[str] | None = None) -> None:
    """Keep the outlines of a tree's layouts (of the rules of these names, else of all) that are not known."""
    chosen = None if names is None else set(names)
    for guarded in workspace.split_rules:
        if (chosen is None or guarded.name in chosen) and workspace.outline(guarded) is None:
            with suppress(MergeguardError):  # what can't be read back is said where it is
                workspace.learn(guarded, _outlined(workspace, guarded))
    _learn_lists(workspace)
    workspace.splitting.outlines.save()
    workspace.splitting.lists.save()


def _learn_lists(workspace: Workspace) -> None:
    """What the next merge will ask of build lists: the same without the layouts' units, and with them."""
    listings: list[UnitListing] = []
    for guarded in workspace.split_rules:
        known = workspace.outline(guarded)
        if known is None or guarded.lock is None:
            return
        listings.append(UnitListing(guarded.build, guarded.lock.monolith, known.shards))
    with suppress(MergeguardError):
        whole = treelens.monolithic_tree(workspace)
        treelens.list_shards(workspace.repository, whole, listings, known=workspace.splitting.lists)


def _outlined(workspace: Workspace, guarded: Guarded) -> Outline:
    """The outline of a layout, worked out. Errors: MergeguardError where the layout can't be read back."""
    unsplit, over = workspace.unsplit(guarded), workspace.over(guarded)
    files = dict.fromkeys(file.path for layout in (over, unsplit.layout) for file in layout.files)
    entries = {path: workspace.entry(path) for path in files}
    return Outline(
        entries,
        covered(entries, dict(_folders(workspace, guarded, entries))),
        tuple(file.path for file in over.files),
        shard_paths(over),
        shard_paths(unsplit.layout),
        workspace.repository.write_blob(unsplit.monolith),
        includable((over, unsplit.layout)),
        local_edits(workspace, guarded),
        unsplit.hunks,
        unsplit.layout.notes,
        first_said(stale(workspace, guarded)),
        _is_settled(workspace, guarded),
    )


def _folders(
    workspace: Workspace, guarded: Guarded, files: Mapping[str, Entry | None]
) -> Iterator[tuple[str, Entry]]:
    """The folders that hold the files of a layout and nothing else, the outermost of each other; none that
    the monolith would stand in."""
    assert guarded.lock is not None
    there = {path for path, entry in files.items() if entry is not None and entry.is_file}
    found: list[str] = []
    for folder in sorted({posixpath.dirname(path) for path in there} - {""}):
        if guarded.lock.monolith.startswith(f"{folder}/") or folder.startswith(tuple(found)):
            continue
        entry = workspace.entry(folder)
        if entry is not None and workspace.repository.list_tree(workspace.tree, folder).keys() <= there:
            found.append(f"{folder}/")
            yield folder, entry


def _is_settled(workspace: Workspace, guarded: Guarded) -> bool:
    """See ``Outline``: what a merge does with a layout (``treemerge.layingout``), and what came of it."""
    lock = guarded.lock
    assert lock is not None
    if lock.rule != guarded.rule_oid or lock.emission != emission_of(guarded.rule):
        return False
    before, now = workspace.unsplit(guarded), workspace.layout_files(workspace.over(guarded))
    if treelens.lock(workspace, guarded, before.layout, lock.upstream) != lock:
        return False
    if not before.hunks:
        return now == {file.path: file.text for file in before.layout.files}
    again = recompose(before, now, before.layout, treelens.merge_text)
    there = {path: workspace.read(path) for path in (*now, *again.files)}
    return not again.conflicts and again.files == {p: text for p, text in there.items() if text is not None}
