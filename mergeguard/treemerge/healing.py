"""What history has and the layouts have not, brought to them: the way out of merges without the lens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mergeguard.errors import MergeguardError
from mergeguard.fork import treelens
from mergeguard.fork.locks import Lock
from mergeguard.fork.splitting import Splitting
from mergeguard.fork.workspace import REGULAR, Workspace
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.treemerge.ailments import Ailment
from mergeguard.treemerge.lockhistory import LockHistory
from mergeguard.treemerge.losses import Loss
from mergeguard.treemerge.trees import Merged, merge_trees
from mergeguard.values import dataclass, replace


@dataclass(frozen=True)
class _Missing:
    """A change that rule ``name`` lacks: from the text ``base`` to ``text``, as commit ``side`` has it."""

    name: str
    base: bytes
    text: bytes
    side: str


def heal(repository: Repository, head: str, ailment: Ailment) -> Merged:
    """The tree of commit ``head`` with all that ``ailment`` names; the first conflict ends it.

    Only the files of the rules concerned change. Nothing lands.
    """
    healer = _Healer(repository, head)
    tree = healer.with_fitting_locks(ailment)
    merged = Merged(tree, (), {})
    for missing in healer.missing(tree, ailment):
        merged = healer.bring(merged.tree, missing)
        if not merged.clean:
            break
    return replace(merged, tree=healer.with_right_locks(merged.tree))


class _Healer:
    def __init__(self, repository: Repository, head: str) -> None:
        self.repository = repository
        self.head = head
        self.splitting = Splitting.of(repository)
        self.history = LockHistory(repository, self.splitting)

    def load(self, tree: str) -> Workspace:
        return Workspace.load(self.repository, tree, self.splitting)

    # -- locks ---------------------------------------------------------------------------------------

    def with_fitting_locks(self, ailment: Ailment) -> str:
        """The tree with the lock that each layout fits best, of those that the merges had to choose from."""
        tree = self.repository.tree_of(self.head)
        for loss in ailment.lost:
            tree = self._fitting(tree, loss)
        return tree

    def _fitting(self, tree: str, loss: Loss) -> str:
        own = self.history.locks(self.head).get(loss.name)
        parents = self.repository.commit_info(loss.merge).parents
        locks = [own, *(self.history.locks(parent).get(loss.name) for parent in parents)]
        best: tuple[int, str] | None = None
        for lock in dict.fromkeys(lock for lock in locks if lock is not None):
            tried = self._with_lock(tree, loss.name, lock)
            strange = self._strangeness(tried, loss.name)
            if strange is not None and (best is None or strange < best[0]):
                best = strange, tried
        return best[1] if best is not None else tree

    def _strangeness(self, tree: str, name: str) -> int | None:
        """How much of a layout is not the lock's: bytes that can't be placed; None where it can't be read."""
        try:
            workspace = self.load(tree)
            before = workspace.unsplit(workspace.rule(name))
        except MergeguardError:
            return None
        return sum(len(hunk.old) + len(hunk.new) + 1 for hunk in before.hunks)

    def _with_lock(self, tree: str, name: str, lock: Lock) -> str:
        path = self.load(tree).rule(name).lock_path
        entry = Entry(REGULAR, self.repository.write_blob(lock.to_toml()))
        return self.repository.edit_tree(tree, {path: entry})

    def with_right_locks(self, tree: str) -> str:
        """The tree with each lock as history has it; a layout is the same whatever blob its lock names."""
        for guarded in self.load(tree).split_rules:
            expected = self.history.expected(self.head, guarded.name)
            lock = guarded.lock
            if expected is None or lock is None or lock.upstream == expected.blob:
                continue
            right = replace(lock, upstream=expected.blob)
            tried = self._with_lock(tree, guarded.name, right)
            if self._strangeness(tried, guarded.name) is not None:
                tree = tried
        return tree

    # -- text ----------------------------------------------------------------------------------------

    def missing(self, tree: str, ailment: Ailment) -> Iterable[_Missing]:
        """The changes to bring, the oldest first."""
        read = self.repository.read_blob
        locks: Mapping[str, Lock | None] = {g.name: g.lock for g in self.load(tree).guarded}
        for one in ailment.behind:
            lock = locks.get(one.name)
            if lock is not None:
                yield _Missing(one.name, read(lock.upstream), read(one.expected.blob), one.expected.source)
        for loss in ailment.lost:
            yield _Missing(loss.name, loss.base, loss.text, loss.side)

    def bring(self, tree: str, missing: _Missing) -> Merged:
        """Merge one change into a rule's layout, all else left alone."""
        repository = self.repository
        workspace = self.load(tree)
        guarded = workspace.rule(missing.name)
        if guarded.lock is None:
            return Merged(tree, (), {})
        path = guarded.lock.monolith
        alone = Workspace(repository, tree, (guarded,), self.splitting)
        whole = treelens.monolithic_tree(alone)
        base, theirs = (self._with_text(whole, path, text) for text in (missing.base, missing.text))
        root = repository.commit_object(base, (), "before\n")
        side = repository.commit_object(theirs, (root,), "missing\n")
        ours = repository.commit_object(tree, (root,), "ours\n")
        labels = ("HEAD", missing.side[:9])
        return merge_trees(
            repository, (root,), ours, side, labels=labels, splitting=self.splitting, placed=False
        )

    def _with_text(self, tree: str, path: str, text: bytes) -> str:
        entry = self.repository.entry(tree, path)
        mode = entry.mode if entry is not None else REGULAR
        return self.repository.edit_tree(tree, {path: Entry(mode, self.repository.write_blob(text))})
