"""A fork's commits from before it adopted a rule: their split made by hand, read as upstream's file.

A fork that adopted a hand-made split (``mergeguard adopt``) has that split in its history, as commits of its
own. Read with the rule that was adopted later, such a commit has local edits only, as every commit after.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mergeguard.adopt.adopt import adopt
from mergeguard.errors import MergeguardError
from mergeguard.fork import treelens
from mergeguard.fork.workspace import LOCKS, Guarded, Workspace
from mergeguard.git.objects import CommitInfo, Entry
from mergeguard.git.repository import Repository
from mergeguard.treemerge import handmade
from mergeguard.treemerge.virtual import Whole, Wholes
from mergeguard.values import dataclass
from mergeguard.verbs import adopting


@dataclass(frozen=True)
class _Adoption:
    """The commit that changed over to ``guarded``, and the hand-made files that it replaced, entry first."""

    guarded: Guarded
    path: str
    files: tuple[str, ...]
    before: frozenset[str]


def read(
    repository: Repository, wholes: Wholes, upstream: str, infos: Sequence[CommitInfo]
) -> dict[str, Whole]:
    """The whole trees of those of the commits (parents first) that still have a split made by hand.

    A commit whose split can't be read for certain is taken as its parent: what it did comes with the next
    one that can. ``upstream`` is a commit of upstream's.
    """
    found: dict[str, Whole] = {}
    adoptions = [a for info in infos for a in _adoptions(repository, wholes, upstream, info)]
    for info in infos if adoptions else ():
        mine = [a for a in adoptions if info.oid in a.before]
        if not mine:
            continue
        tree = _read(repository, wholes, upstream, info, mine)
        if tree is None:
            parent = info.parents[0]
            tree = found[parent].tree if parent in found else wholes.of_commit(parent).tree
        found[info.oid] = Whole(tree, ())
    return found


def _adoptions(
    repository: Repository, wholes: Wholes, upstream: str, info: CommitInfo
) -> Iterable[_Adoption]:
    """The rules that a commit changed over to: split in it, not in its parent, which had files of its own."""
    if len(info.parents) != 1:
        return
    before, after = (repository.tree_of(commit) for commit in (info.parents[0], info.oid))
    if repository.entry(before, LOCKS) == repository.entry(after, LOCKS):
        return
    then, now = (Workspace.load(repository, tree, wholes.splitting) for tree in (before, after))
    known = {g.name for g in then.split_rules}
    for guarded in now.split_rules:
        lock = guarded.lock
        base = _base(repository, info.oid, upstream)
        if guarded.name in known or lock is None or base is None:
            continue
        path = lock.monolith
        monolith = repository.read_blob(lock.upstream)
        hand = tuple(
            name
            for name in handmade.files(then, base, path, monolith)
            if repository.entry(before, name) != repository.entry(after, name)
        )
        if hand:
            listed = repository.rev_list(info.parents[0], f"^{upstream}")
            yield _Adoption(guarded, path, (path, *hand), frozenset(listed))


def _base(repository: Repository, commit: str, upstream: str) -> str | None:
    try:
        return repository.tree_of(repository.merge_bases(commit, upstream)[0])
    except MergeguardError:
        return None


def _read(
    repository: Repository,
    wholes: Wholes,
    upstream: str,
    info: CommitInfo,
    adoptions: Iterable[_Adoption],
) -> str | None:
    """The commit's tree with every hand-made split made whole; None where one can't be read."""
    base = _base(repository, info.oid, upstream)
    tree = wholes.of_commit(info.oid).tree
    for adoption in adoptions:
        texts = {p: e for p in adoption.files if (e := repository.entry(info.tree, p)) is not None}
        entry = texts.get(adoption.path)
        if base is None or entry is None:
            return None
        if len(texts) == 1:
            continue  # not split yet
        pristine = repository.entry(base, adoption.path)
        if pristine is None:
            return None
        files = {path: repository.read_blob(there.oid) for path, there in texts.items()}
        try:
            made = adopt(adoption.guarded.rule, adoption.path, repository.read_blob(pristine.oid), files)
        except MergeguardError:
            return None
        if made.unplaced:
            return None
        edits: dict[str, Entry | None] = dict.fromkeys(texts)
        edits |= adopting.unlisted(repository, tree, adoption.guarded.rule, adoption.path, files)
        edits[adoption.path] = Entry(entry.mode, repository.write_blob(made.monolith))
        tree = treelens.apply(repository, tree, edits)
    return tree
