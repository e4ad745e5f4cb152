"""What history says each lock must name: the witness that a colleague without mergeguard can't fool.

A lock names the blob of upstream's file that a layout came from. History says which commits were merged; a
merge that brings a newer file of upstream's must bring the lock along. Where it did not, because somebody
resolved it for "ours", say, git calls all of upstream merged though the layout has none of it.

Only commits of the fork that hold the lock are read, and only back to where the lock last moved.
"""

from __future__ import annotations

from collections.abc import Mapping

from mergeguard.cpp.filenames import SOURCES
from mergeguard.errors import MergeguardError
from mergeguard.fork.locks import Lock
from mergeguard.fork.splitting import Splitting
from mergeguard.fork.whole import KnownWhole
from mergeguard.fork.workspace import LOCKS, Guarded, Workspace, documents, lock_of
from mergeguard.git.repository import Repository
from mergeguard.merge.contained import lost_lines
from mergeguard.values import dataclass


@dataclass(frozen=True, slots=True)
class Expected:
    """The blob that a lock must name, and the commit that says so: upstream's, or the one that wrote it."""

    blob: str
    source: str


@dataclass(frozen=True, slots=True)
class Behind:
    """A lock that does not name what was merged last. ``blob`` is what it names."""

    name: str
    lock_path: str
    monolith: str
    blob: str
    expected: Expected


class LockHistory:
    """Expected locks by commit, none worked out twice."""

    def __init__(self, repository: Repository, splitting: Splitting | None = None) -> None:
        self.repository = repository
        self.splitting = splitting or Splitting.of(repository)
        self._locks: dict[str, Mapping[str, Lock]] = {}  # by their folder
        self._of_commits: dict[str, Mapping[str, Lock]] = {}
        self._known: dict[tuple[str, str], Expected | None] = {}
        self._whole = KnownWhole(repository)
        self._paths_known: dict[tuple[str, str], tuple[str, ...]] = {}
        self._brought_known: dict[tuple[str, str], Expected | None] = {}

    def behind(self, workspace: Workspace, head: str) -> tuple[Behind, ...]:
        """The rules of a tree made on top of commit ``head`` whose locks are not what history says.

        A lock that the tree has moved, beyond ``head``, is somebody's own work and is let be.
        """
        if self._is_whole(head):
            return ()
        committed, left = self.locks(head), self._left_alone(head)
        found = []
        for guarded in workspace.split_rules:
            lock, before = guarded.lock, committed.get(guarded.name)
            if guarded.name in left:
                continue
            if lock is None or before is None or before.upstream != lock.upstream:
                continue
            expected = self.expected(head, guarded.name)
            if expected is not None and expected.blob != lock.upstream:
                found.append(Behind(guarded.name, guarded.lock_path, lock.monolith, lock.upstream, expected))
        if not found and workspace.tree == self.repository.tree_of(head):
            self._whole.keep(head)
        return tuple(found)

    def _left_alone(self, merge: str) -> frozenset[str]:
        """The rules that a merge of upstream's commits into a whole one has left alone: their locks are as
        they were, and upstream's files are as in the merge base."""
        parents = self.repository.commit_info(merge).parents
        if len(parents) != 2 or not self._is_whole(parents[0]):
            return frozenset()
        bases = self.repository.merge_bases(*parents)
        if len(bases) != 1 or self.locks(parents[1]) or self.locks(bases[0]):
            return frozenset()
        base, other = (self.repository.tree_of(commit) for commit in (bases[0], parents[1]))
        entry, now = self.repository.entry, self.locks(merge)
        return frozenset(
            name
            for name, lock in self.locks(parents[0]).items()
            if now.get(name) == lock
            and all(entry(base, path) == entry(other, path) for path in self._paths(parents[0], name))
        )

    def locks(self, commit: str) -> Mapping[str, Lock]:
        """The locks that a commit holds, by rule; those that can't be read are left out."""
        known = self._of_commits.get(commit)
        if known is None:
            tree = self.repository.tree_of(commit)
            folder = self.repository.entry(tree, LOCKS)
            if folder is not None and folder.oid not in self._locks:
                self._locks[folder.oid] = self._read(tree)
            known = self._of_commits[commit] = {} if folder is None else self._locks[folder.oid]
        return known

    def _read(self, tree: str) -> Mapping[str, Lock]:
        found: dict[str, Lock] = {}
        for name, path, entry in documents(self.repository, tree, LOCKS):
            try:
                found[name] = lock_of(self.repository, path, entry.oid, self.splitting.outlines)
            except MergeguardError:
                continue
        return found

    def expected(self, commit: str, name: str) -> Expected | None:
        """What the lock of rule ``name`` must be in a commit; None where the commit holds none."""
        waiting = [commit]
        while waiting:
            current = waiting[-1]
            needed = [p for p in self._asks(current, name) if (p, name) not in self._known]
            if needed:
                waiting += needed
                continue
            self._known[current, name] = self._answer(current, name)
            waiting.pop()
        return self._known[commit, name]

    # -- one commit ----------------------------------------------------------------------------------

    def _holders(self, commit: str, name: str) -> tuple[list[str], list[str]]:
        """The parents that hold the lock, and the others."""
        parents = self.repository.commit_info(commit).parents
        holders = [p for p in parents if name in self.locks(p)]
        return holders, [p for p in parents if p not in holders]

    def _asks(self, commit: str, name: str) -> list[str]:
        """The parents whose expectations that of ``commit`` rests on."""
        if name not in self.locks(commit):
            return []
        holders, others = self._holders(commit, name)
        if not holders or self._moved_by_hand(commit, holders, others, name):
            return []
        if self._brought(commit, holders[0], others, name) is not None:
            return []
        if len(holders) == 1 and self._is_whole(holders[0]):
            # Its lock is as expected, whoever says so: with one holder nobody asks which commit did.
            self._known[holders[0], name] = Expected(self.locks(holders[0])[name].upstream, holders[0])
        return holders

    def _answer(self, commit: str, name: str) -> Expected | None:
        lock = self.locks(commit).get(name)
        if lock is None:
            return None
        holders, others = self._holders(commit, name)
        if not holders:
            return self._introduced(commit, name, lock)
        if self._moved_by_hand(commit, holders, others, name):
            return Expected(lock.upstream, commit)
        brought = self._brought(commit, holders[0], others, name)
        if brought is not None:
            return brought
        return self._newest([self._known[p, name] for p in holders], lock)

    def _moved_by_hand(self, commit: str, holders: list[str], others: list[str], name: str) -> bool:
        """Whether a commit that merges nothing has moved the lock: a pick, a squash, a revert, a repair."""
        if others or len(holders) != 1:
            return False
        return self.locks(commit)[name].upstream != self.locks(holders[0])[name].upstream

    def _newest(self, found: list[Expected | None], lock: Lock) -> Expected | None:
        """Of what two branches of the fork expect, what comes later in history; what the lock has, if that
        is neither."""
        answer, *rest = [expected for expected in found if expected is not None]
        for other in rest:
            if other.blob == answer.blob or self.repository.is_ancestor(other.source, answer.source):
                continue
            if self.repository.is_ancestor(answer.source, other.source) or other.blob == lock.upstream:
                answer = other
        return answer

    def _is_whole(self, commit: str) -> bool:
        """Whether nothing in the history of the commit is known to be open (``fork.whole``)."""
        return self._whole.holds(commit)

    def _brought(self, commit: str, holder: str, others: list[str], name: str) -> Expected | None:
        """Upstream's newer file that merge ``commit`` brings to ``holder``, a side that holds the lock."""
        if (commit, name) not in self._brought_known:
            self._brought_known[commit, name] = self._looked_for(commit, holder, others, name)
        return self._brought_known[commit, name]

    def _looked_for(self, commit: str, holder: str, others: list[str], name: str) -> Expected | None:
        for other in others:
            bases = self.repository.merge_bases(holder, other)
            if len(bases) != 1:
                continue
            before, now = self._blob(bases[0], holder, name), self._blob(other, holder, name)
            if now is None:
                now = self._renamed(bases[0], other, holder, name)
            if now is None:
                now = self._followed(commit, other, name)
            if now is not None and before is not None and now != before:
                return Expected(now, other)
        return None

    def _blob(self, commit: str, holder: str, name: str) -> str | None:
        """Upstream's file as a commit has it; by the lock where that has it split."""
        lock = self.locks(commit).get(name)
        if lock is not None:
            return lock.upstream
        tree = self.repository.tree_of(commit)
        found = (self.repository.entry(tree, path) for path in self._paths(holder, name))
        return next((entry.oid for entry in found if entry is not None), None)

    def _renamed(self, base: str, commit: str, holder: str, name: str) -> str | None:
        repository = self.repository
        before, now = repository.tree_of(base), repository.tree_of(commit)
        path = next((p for p in self._paths(holder, name) if repository.entry(before, p)), None)
        target = repository.renames(before, now).get(path) if path is not None else None
        entry = repository.entry(now, target) if target is not None else None
        return entry.oid if entry is not None else None

    def _followed(self, commit: str, other: str, name: str) -> str | None:
        """Upstream's file where the lock of merge ``commit`` has followed it to, if git sees no rename."""
        path = self.locks(commit)[name].monolith
        entry = self.repository.entry(self.repository.tree_of(other), path)
        return entry.oid if entry is not None else None

    def _paths(self, holder: str, name: str) -> tuple[str, ...]:
        """The paths that upstream's file may have, by the lock and the rule of a commit that holds them."""
        if (holder, name) not in self._paths_known:
            lock, guarded = self.locks(holder)[name], self._guarded(holder, name)
            paths = (lock.monolith, *(guarded.paths if guarded is not None else ()))
            self._paths_known[holder, name] = paths
        return self._paths_known[holder, name]

    def _guarded(self, commit: str, name: str) -> Guarded | None:
        workspace = self._workspace(commit)
        return workspace.split_rule(name) if workspace else None

    def _workspace(self, commit: str) -> Workspace | None:
        try:
            return Workspace.load(self.repository, self.repository.tree_of(commit), self.splitting)
        except MergeguardError:
            return None

    def _introduced(self, commit: str, name: str, lock: Lock) -> Expected:
        """A split begins here. It may have been replayed onto a newer upstream, and resolved wrongly."""
        own = Expected(lock.upstream, commit)
        workspace, guarded = self._workspace(commit), self._guarded(commit, name)
        if workspace is None or guarded is None:
            return own
        for parent in self.repository.commit_info(commit).parents:
            tree = self.repository.tree_of(parent)
            entries = [self.repository.entry(tree, path) for path in self._paths(commit, name)]
            below = next((entry.oid for entry in entries if entry is not None), None)
            if below is None or below == lock.upstream:
                continue
            try:
                text = workspace.unsplit(guarded).monolith
                before, now = (self.repository.read_blob(oid) for oid in (lock.upstream, below))
            except MergeguardError:
                continue
            if lost_lines(before, now, text) and not self._was_by_hand(commit, parent, before, now):
                return Expected(below, parent)
        return own

    def _was_by_hand(self, commit: str, parent: str, before: bytes, now: bytes) -> bool:
        """Whether a commit changed over from a split made by hand: upstream's definitions that its parent has
        no more in the file are in others there, which the commit takes away or makes its layout's."""
        from mergeguard.merge.moved.finddefinitions import Other, Others, whereabouts  # for few merges

        repository = self.repository

        def others() -> Others:
            changes = repository.diff_trees(repository.tree_of(parent), repository.tree_of(commit))
            old = ((c.old, c.before) for c in changes if c.before is not None and c.old.endswith(SOURCES))
            return {path: Other(repository.read_blob(e.oid), lambda: None) for path, e in old if e.is_file}

        return bool(whereabouts(before, now, others).moved)
