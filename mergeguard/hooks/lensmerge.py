"""What a plain git command should have given: its merge again, through the lens.

git merges each file by itself and takes the layout as it stands; here the same commits are merged as if the
split had never happened. What people resolved in other files is kept: only layouts, locks and the shards'
mentions in build lists are taken from the lens. Objects are written, nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from mergeguard import store
from mergeguard.cpp.diff import diff
from mergeguard.digests import digest
from mergeguard.errors import LayoutError, Location, MergeguardError, RepositoryError
from mergeguard.fork import treelens
from mergeguard.fork.splitting import Splitting
from mergeguard.fork.workspace import SYMLINK, Guarded, Workspace
from mergeguard.git.durable import write_atomic
from mergeguard.git.objects import CommitInfo, Entry
from mergeguard.git.repository import Repository
from mergeguard.hooks.mergework import GitChange
from mergeguard.hooks.pending import MARK
from mergeguard.lens import buildlists
from mergeguard.treemerge.followededits import Rewrite
from mergeguard.treemerge.trees import Merged, merge_trees
from mergeguard.values import dataclass

# A process serves one git command, and asks about the same few trees again and again.
_SPLITTINGS: dict[Path, Splitting] = {}


def splitting(repository: Repository) -> Splitting:
    """What this process has split and read of the repository."""
    if repository.git_dir not in _SPLITTINGS:
        _SPLITTINGS[repository.git_dir] = Splitting.of(repository)
    return _SPLITTINGS[repository.git_dir]


def workspace(repository: Repository, tree: str) -> Workspace:
    """The rules and layouts of a tree, read once; a rule's file may be in conflict."""
    return Workspace.load(repository, tree, splitting(repository), lenient=True)


def merged(repository: Repository, change: GitChange) -> Merged:
    """The lens' merge, remembered between the processes that one git command starts."""
    style = repository.config("merge.conflictStyle") or "merge"
    facts = json.dumps([change.bases, change.ours, change.theirs, change.labels, style])
    cache = repository.private_dir / "tmp" / f"merge-{digest(facts.encode())[:24]}"
    known = _remembered(repository, cache)
    if known is not None:
        return known
    outcome = merge_trees(
        repository,
        change.bases,
        change.ours,
        change.theirs,
        labels=change.labels,
        splitting=splitting(repository),
        placed=False,
    )
    stages = {
        path: {n: [e.mode, e.oid] for n, e in entries.items()} for path, entries in outcome.stages.items()
    }
    document = {
        "tree": outcome.tree,
        "stages": stages,
        "messages": outcome.messages,
        "moved": outcome.moved,
        "doubted": outcome.doubted,
        "rewritten": {
            path: [[r.before.mode, r.before.oid], [r.after.mode, r.after.oid], r.gains]
            for path, r in outcome.rewritten.items()
        },
    }
    with suppress(OSError):  # only a cache
        data = store.sealed(json.dumps(document).encode())
        write_atomic(cache, data, cache.parent, sync=False)
    return Merged(
        outcome.tree,
        (),
        outcome.stages,
        outcome.messages,
        outcome.moved,
        rewritten=outcome.rewritten,
        doubted=outcome.doubted,
    )


def _remembered(repository: Repository, cache: Path) -> Merged | None:
    try:
        known = store.read_json(store.opened(cache.read_bytes()))
        stages = {
            path: {int(n): Entry(mode, oid) for n, (mode, oid) in entries.items()}
            for path, entries in known["stages"].items()
        }
        if not repository.has_object(known["tree"]):
            return None
        rewritten = {
            path: Rewrite(Entry(*before), Entry(*after), gains)
            for path, (before, after, gains) in known["rewritten"].items()
        }
        return Merged(
            known["tree"],
            (),
            stages,
            tuple(known["messages"]),
            tuple(known["moved"]),
            rewritten=rewritten,
            doubted=tuple(known["doubted"]),
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


@dataclass(frozen=True)
class Share:
    """The part of a merge that is ours to say: paths of layouts, monoliths and locks, and build lists.

    ``plain`` are those of ``paths`` that are no layout's: between which edits followed their declarations, or
    in which git merges clean what may not be taken so.
    """

    paths: frozenset[str]
    builds: frozenset[str]
    plain: frozenset[str] = frozenset()


def share(repository: Repository, change: GitChange, outcome: Merged) -> Share:
    """The paths of a merge that the lens answers for."""
    sides = (repository.tree_of(c) for c in (change.ours, change.theirs, *change.bases))
    trees = (outcome.tree, *sides)
    workspaces = [workspace(repository, t) for t in trees]
    builds = {b for side in workspaces for g in side.split_rules for b in side.build_files(g)}
    layouts = paths(repository, trees) | frozenset(outcome.moved)
    plain = frozenset((*outcome.rewritten, *outcome.doubted)) - layouts
    return Share(layouts | plain, frozenset(builds), plain)


def paths(repository: Repository, trees: Iterable[str]) -> frozenset[str]:
    """The files of layouts, monoliths and locks that the trees have split."""
    found: set[str] = set()
    for tree in trees:
        here = workspace(repository, tree)
        for guarded in here.split_rules:
            assert guarded.lock is not None
            found |= {guarded.lock_path, guarded.lock.monolith, *_layout_paths(here, guarded)}
    return frozenset(found)


def _layout_paths(here: Workspace, guarded: Guarded) -> tuple[str, ...]:
    """The paths of a rule's layout. Files with conflict markers need not be readable: those of the pristine
    layout, then."""
    with suppress(MergeguardError):
        return here.layout_paths(guarded)
    with suppress(MergeguardError):
        return here.layout_read_over(guarded)[0]
    return ()


def true_tree(
    repository: Repository, change: GitChange, outcome: Merged, committed: str, parent: str | None = None
) -> str:
    """Tree ``committed``, as git or a person made it, with the lens' share in place of its own.

    ``parent`` is the tree on which it was made, where that is not the one of ``change.ours``: what the lens
    did to other files before goes on. Errors: LayoutError where that can't be told from what people did.
    """
    own = share(repository, change, outcome)
    edits: dict[str, Entry | None] = {}
    for path in own.paths - own.plain:
        right = repository.entry(outcome.tree, path)
        if right != repository.entry(committed, path):
            edits[path] = right
    before = parent or repository.tree_of(change.ours)
    edits |= _plain_edits(repository, change, outcome, committed, before, own)
    tree = treelens.apply(repository, committed, edits)
    return repository.edit_tree(tree, _builds(repository, change, outcome, tree, own.builds))


def _plain_edits(
    repository: Repository, change: GitChange, outcome: Merged, committed: str, parent: str, own: Share
) -> dict[str, Entry | None]:
    """Edits of files that are no layout's: what the lens did to them on the way to ``change.ours``, and
    what this merge does where edits followed their declarations."""
    now = repository.tree_of(change.ours)
    differing = {c.old for c in repository.diff_trees(parent, now, renames=False)} - own.paths - own.builds
    edits: dict[str, Entry | None] = {}
    for path in sorted(differing | own.plain):
        found = repository.entry(committed, path)
        here = _brought(repository, path, found, repository.entry(parent, path), repository.entry(now, path))
        if path in own.plain:
            rewrite = outcome.rewritten.get(path)
            if rewrite is None or path in outcome.stages or here in (rewrite.before, rewrite.after):
                here = repository.entry(outcome.tree, path)
            else:
                here = _brought(repository, path, here, rewrite.before, rewrite.after, must=rewrite.gains)
        if here != found:
            edits[path] = here
    return edits


def _brought(
    repository: Repository,
    path: str,
    here: Entry | None,
    before: Entry | None,
    after: Entry | None,
    *,
    must: bool = True,
) -> Entry | None:
    """``here`` with the change from ``before`` to ``after``; as it is where that fails and need not be."""
    if before == after or here == after:
        return here
    if here == before:
        return after
    if here is not None and before is not None and after is not None:
        versions = (repository.read_blob(entry.oid) for entry in (before, here, after))
        text, conflicts = repository.merge_file(*versions)
        if not conflicts:
            return Entry(here.mode, repository.write_blob(text))
    if must:
        raise LayoutError(
            "an edit belongs here that upstream's move of its declaration brings, and the file has changed",
            where=Location(path),
            hint="`mergeguard sync` of the same commits shows the edit's place; make it there by hand",
        )
    return here


def with_typed(
    repository: Repository, change: GitChange, outcome: Merged, info: CommitInfo, tree: str
) -> str:
    """``tree``, the true one of commit ``info``, with what somebody typed into layouts before committing it.

    git leaves a layout's file as its parent has it, or as the driver answered; what is neither was typed.
    Errors: RepositoryError where that conflicts with what the commit brings.
    """
    before = repository.tree_of(info.parents[0])
    others = [repository.tree_of(commit) for commit in (change.ours, change.theirs, *change.bases)]
    on_merged: dict[str, Entry | None] = {}
    on_ours: dict[str, Entry | None] = {}
    for path in paths(repository, (before,)):
        now, own, merged, *known = (
            repository.entry(t, path) for t in (info.tree, before, outcome.tree, *others)
        )
        if now is None or own is None or now in (own, merged, *known) or path.endswith(".toml"):
            continue
        if MARK in repository.read_blob(now.oid):
            continue
        near = merged is not None and _distance(repository, now, merged) <= _distance(repository, now, own)
        (on_merged if near else on_ours)[path] = now
    tree = repository.edit_tree(tree, on_merged) if on_merged else tree
    if not on_ours:
        return tree
    base = repository.commit_object(before, (), "before\n")
    typed = repository.commit_object(repository.edit_tree(before, on_ours), (base,), "typed\n")
    onto = repository.commit_object(tree, (base,), "step\n")
    both = merge_trees(repository, (base,), onto, typed, splitting=splitting(repository), placed=False)
    if not both.clean:
        raise RepositoryError(
            f"what was typed into {', '.join(sorted(on_ours))} conflicts with what {info.oid[:9]} brings",
            hint="`git branch keep`, `git reset --hard HEAD^`, do it again, and type it after that",
        )
    return both.tree


def _distance(repository: Repository, one: Entry, other: Entry) -> int:
    """How many lines two files do not share."""
    mine, theirs = (repository.read_blob(entry.oid).splitlines() for entry in (one, other))
    return sum(c.a1 - c.a0 + c.b1 - c.b0 for c in diff(mine, theirs))


def _builds(
    repository: Repository,
    change: GitChange,
    outcome: Merged,
    tree: str,
    builds: Iterable[str],
) -> Mapping[str, Entry | None]:
    """Edits that make the build lists of ``tree`` name the merge's shards, and none of before."""
    before = [repository.tree_of(c) for c in (change.ours, change.theirs)]
    edits: dict[str, Entry | None] = {}
    for build in builds:
        entry = repository.entry(tree, build)
        if entry is None or entry.mode == SYMLINK or build in outcome.stages:
            continue
        if entry == repository.entry(outcome.tree, build):
            continue  # as the lens has listed them
        text = repository.read_blob(entry.oid)
        for guarded, path, shards in _shards(repository, before):
            if guarded.build is None or build in guarded.build:
                text = buildlists.remove(build, text, path, shards)
        for guarded, path, shards in _shards(repository, [outcome.tree]):
            if guarded.build is None or build in guarded.build:
                text = buildlists.add(build, text, path, shards)
        oid = repository.write_blob(text)
        if oid != entry.oid:
            edits[build] = Entry(entry.mode, oid)
    return edits


def _shards(repository: Repository, trees: Iterable[str]) -> list[tuple[Guarded, str, tuple[str, ...]]]:
    """The units of each layout, beside its monolith; of one that can't be read back, of the pristine one."""
    found = []
    for tree in trees:
        here = workspace(repository, tree)
        for guarded in here.split_rules:
            assert guarded.lock is not None
            with suppress(MergeguardError):
                found.append((guarded, guarded.lock.monolith, _units(here, guarded)))
    return found


def _units(here: Workspace, guarded: Guarded) -> tuple[str, ...]:
    try:
        return here.shards(guarded)
    except MergeguardError:
        return here.layout_read_over(guarded)[1]


def conflicts(repository: Repository, change: GitChange, outcome: Merged) -> dict[str, Mapping[int, Entry]]:
    """The conflicts of the merge that are the lens' to show (git has shown those of other files)."""
    if outcome.clean:
        return {}
    own = share(repository, change, outcome)
    return {path: stages for path, stages in outcome.stages.items() if path in own.paths}
