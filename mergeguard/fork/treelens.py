"""The lens lifted from files to trees: the fork's tree as upstream would have it, and back again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from mergeguard.errors import LayoutError, Location, MergeguardError, RuleMismatch
from mergeguard.fork.builds import BuildFiles, UnitListing
from mergeguard.fork.knownlists import KnownLists
from mergeguard.fork.locks import Lock
from mergeguard.fork.workspace import REGULAR, RULES, SYMLINK, Guarded, Workspace
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.lens import buildlists
from mergeguard.lens.basis import basis_of
from mergeguard.lens.emissions import emission_of
from mergeguard.lens.layout import Layout
from mergeguard.lens.overlay import Recomposed, recompose
from mergeguard.merge import MergeResult, merge
from mergeguard.values import dataclass

Edits = dict[str, Entry | None]


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A monolith's layout with the fork's overlay in it, as files: what ``lay_out`` made."""

    layout: Layout
    recomposed: Recomposed


def monolithic_tree(workspace: Workspace, paths: Mapping[str, str] | None = None) -> str:
    """The tree with every layout replaced by its monolith, as if the split had never happened.

    ``paths`` moves a rule's monolith elsewhere (name to path), also one that is not split. Overlay and
    unmapped hunks are not in the result; ``workspace.unsplit`` has them.
    """
    here = {g.name: workspace.monolith_path(g) for g in workspace.guarded if paths and g.name in paths}
    paths = {name: path for name, path in (paths or {}).items() if here.get(name, path) != path}
    key = tuple(sorted(paths.items()))
    if key not in workspace.whole:
        workspace.whole[key] = _monolithic_tree(workspace, paths)
    return workspace.whole[key]


def _monolithic_tree(workspace: Workspace, paths: Mapping[str, str]) -> str:
    edits: Edits = {}
    gone: Edits = {}
    for guarded in workspace.guarded:
        here = workspace.monolith_path(guarded)
        if here is None:
            continue
        there = paths.get(guarded.name, here)
        entry = workspace.repository.entry(workspace.tree, here)
        if guarded.lock is None:
            if there != here:
                edits |= {here: None, there: entry}
            continue
        gone |= dict.fromkeys(workspace.layout_entries(guarded))
        edits[guarded.lock_path] = None
        if entry is not None and not entry.is_file:
            raise no_file(here, entry)
        mode = entry.mode if entry is not None else REGULAR
        edits[there] = Entry(mode, workspace.monolith(guarded))
    edits |= unlisted(workspace)
    return apply(workspace.repository, workspace.repository.edit_tree(workspace.tree, gone), edits)


def unlisted(workspace: Workspace) -> dict[str, Entry]:
    """The build files that list units of the tree's layouts, as they are without those."""
    listed: dict[str, list[buildlists.ListedUnit]] = {}
    for guarded in workspace.split_rules:
        assert guarded.lock is not None
        for build in workspace.build_files(guarded):
            listed.setdefault(build, []).append((guarded.lock.monolith, workspace.listed_units(guarded)))
    found: dict[str, Entry] = {}
    for build, units in listed.items():
        entry = workspace.entry(build)
        if entry is not None and entry.is_file:
            made = workspace.splitting.lists.removing(workspace.repository, build, entry.oid, units)
            found[build] = Entry(entry.mode, made)
    return found


def apply(repository: Repository, tree: str, edits: Mapping[str, Entry | None]) -> str:
    """The tree with the edits; removing what is not there is no edit.

    Nor is it to remove or overwrite what is no file: a link, a submodule or a folder at the path of a layout
    was put there by a person, and stays.
    """
    kept: Edits = {}
    for path, edit in edits.items():
        there = repository.entry(tree, path)
        if edit is not None if there is None else there.is_file or (edit is not None and not edit.is_file):
            kept[path] = edit
    return repository.edit_tree(tree, kept)


def no_file(path: str, entry: Entry) -> LayoutError:
    """What to raise where ``entry`` stands in place of a monolith or of a layout's entry file."""
    return LayoutError(
        f"{entry.kind} stands in place of the file",
        where=Location(path),
        hint=f"bring the file back: `git log -1 --diff-filter=T --format=%h -- {path}` names the commit that "
        "put it there, the one before has the file",
    )


def lay_out(
    workspace: Workspace, guarded: Guarded, path: str, text: bytes, *, emission: int | None = None
) -> LaidOut:
    """The layout of ``text`` at ``path`` with the overlay that the workspace has for the rule.

    Raises RuleMismatch or SourceError where the rule does not fit the text.
    """
    version = emission or emission_of(guarded.rule)
    layout = workspace.split_now(guarded, path, text, version)
    if guarded.lock is None:
        return LaidOut(layout, Recomposed({f.path: f.text for f in layout.files}, {}, ()))
    before = workspace.unsplit(guarded)
    now = workspace.layout_files(workspace.over(guarded))
    return LaidOut(layout, recompose(before, now, layout, merge_text))


def merge_text(base: bytes, ours: bytes, theirs: bytes) -> MergeResult:
    """The merge of one layout file's overlay."""
    return merge(base, ours, theirs)


def layout_edits(
    workspace: Workspace, guarded: Guarded, laid: LaidOut, upstream: str, mode: int = REGULAR
) -> Edits:
    """Tree edits that put a layout and its lock in place; files of the old layout that are gone go.

    ``upstream`` is the blob of upstream's monolith that the lock will name. The build lists are not
    among the edits: see ``list_shards``, which takes the tree that all rules have written to.
    """
    edits: Edits = {}
    if guarded.lock is not None:
        edits |= dict.fromkeys(workspace.layout_paths(guarded), None)
    for file_path in laid.recomposed.removed:
        edits[file_path] = None
    write = workspace.repository.write_blob
    for file_path, text in laid.recomposed.files.items():
        there = workspace.repository.entry(workspace.tree, file_path)
        own = there.mode if there is not None and there.is_file else REGULAR
        edits[file_path] = Entry(mode if file_path == laid.layout.path else own, write(text))
    made = lock(workspace, guarded, laid.layout, upstream)
    edits[guarded.lock_path] = Entry(REGULAR, write(made.to_toml()))
    return edits


def list_shards(
    repository: Repository,
    tree: str,
    listings: Iterable[UnitListing],
    replaced: Iterable[UnitListing] = (),
    known: KnownLists | None = None,
) -> Edits:
    """Tree edits that list the shards in the build files of ``tree``, and no longer those of ``replaced``.

    ``known`` is what was made of such files before.
    """
    known = known or KnownLists()
    builds = BuildFiles(repository, tree, known)
    before, after = _by_build_file(builds, replaced), _by_build_file(builds, listings)
    edits: Edits = {}
    for build in {**before, **after}:
        entry = repository.entry(tree, build)
        if entry is None or entry.mode == SYMLINK:
            continue
        without = known.removing(repository, build, entry.oid, before.get(build, ()))
        listed = known.adding(repository, build, without, after.get(build, ()))
        if listed != entry.oid:
            edits[build] = Entry(entry.mode, listed)
    return edits


def _by_build_file(
    builds: BuildFiles, listings: Iterable[UnitListing]
) -> dict[str, list[buildlists.ListedUnit]]:
    """The layouts' monoliths and shards by the build files that list them."""
    found: dict[str, list[buildlists.ListedUnit]] = {}
    for one in listings:
        for build in builds.of(one.declared, one.monolith):
            found.setdefault(build, []).append((one.monolith, one.units))
    return found


def lock(
    workspace: Workspace, guarded: Guarded, layout: Layout, upstream: str, *, unfinished: bool = False
) -> Lock:
    """The lock of a layout made now: by the rule file, over a blob, with what it takes to read it back.

    An ``unfinished`` one has conflicts in it: what they become is read over this very layout, whose glue it
    has.
    """
    known = workspace.splitting.locks
    key = (guarded.rule_oid, layout.path, upstream, layout.monolith, unfinished)
    if key not in known:
        known[key] = _lock(workspace, guarded, layout, upstream, unfinished)
    return known[key]


def _lock(workspace: Workspace, guarded: Guarded, layout: Layout, upstream: str, unfinished: bool) -> Lock:
    def derive(text: bytes) -> Layout:
        return workspace.split_now(guarded, layout.path, text, emission)

    emission = emission_of(guarded.rule)
    of = (layout.path, upstream, guarded.rule_oid, emission)
    try:
        pristine = derive(workspace.repository.read_blob(upstream))
        if pristine.monolith == layout.monolith:
            return Lock.made(*of, (), ())
        if unfinished:
            return Lock.made(*of, (), basis_of(pristine.monolith, layout.monolith))
        from mergeguard.lens.unsplit import reading_of  # for what is not upstream's text

        read = workspace.splitting.tracing(guarded.rule_oid, emission)
        order, basis = reading_of(pristine, layout, derive, read)
    except MergeguardError:
        order, basis = (), ()  # what can't be laid out is said where the layout is read
    return Lock.made(*of, order, basis)


def check_outputs(
    repository: Repository, tree: str, layouts: Mapping[str, Layout], mine: Collection[str]
) -> None:
    """Refuse outputs that are not the rule's to write: two rules' file, a symlinked folder, a user's file.

    ``layouts`` are by rule name, ``tree`` is what they would be written over, ``mine`` are the paths of
    the layouts (and monoliths) that are replaced. Raises RuleMismatch or LayoutError naming the file.
    """
    owner: dict[str, str] = {}
    for name, layout in layouts.items():
        change = f"give {RULES}/{name}.toml another `layout` folder"
        for file in layout.files:
            other = owner.setdefault(file.path, name)
            if other != name:
                raise RuleMismatch(
                    f"two rules write this file: {other} and {name}", where=Location(file.path), hint=change
                )
            folder = file.path
            while "/" in folder:
                folder = folder.rsplit("/", 1)[0]
                entry = repository.entry(tree, folder)
                if entry is not None and entry.mode == SYMLINK:
                    raise LayoutError(
                        "the layout's folder is a symbolic link", where=Location(folder), hint=change
                    )
            if file.path != layout.path and file.path not in mine and repository.entry(tree, file.path):
                raise LayoutError(
                    f"rule {name} would overwrite a file that is not its own",
                    where=Location(file.path),
                    hint=f"move the file away, or {change}",
                )


def layout_paths(workspace: Workspace) -> set[str]:
    """Every path of a layout that the tree has, the monoliths' entries included."""
    return {path for g in workspace.split_rules for path in workspace.layout_paths(g)}
