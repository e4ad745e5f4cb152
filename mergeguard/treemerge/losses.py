"""Text that a merge of the fork's history was to bring and did not: somebody resolved it without the lens.

Of each merge, both sides must be in it, as text of the monoliths. What the tree of today has, whenever it
came to be there, is not lost; what a merge had and a later commit took away is somebody's own work.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator

from mergeguard.errors import MergeguardError
from mergeguard.fork.workspace import Workspace, path_in
from mergeguard.git.objectnames import FULL_NAME
from mergeguard.git.objects import CommitInfo
from mergeguard.git.repository import Repository
from mergeguard.merge.contained import lost_lines
from mergeguard.treemerge.lockhistory import LockHistory
from mergeguard.values import cached_property, dataclass

#: A line of a commit's message: the merge named there is dealt with.
TRAILER = "Mergeguard-Settles"
_SETTLES = re.compile(f"^{TRAILER}: *({FULL_NAME})".encode(), re.MULTILINE)
# Merges that are looked at, newest first: a check comes after each pull, not once a year.
_LOOKED_AT = 12


@dataclass(frozen=True, slots=True)
class Loss:
    """What rule ``name`` should have by ``merge`` from its parent ``side``, and has not.

    ``base`` and ``text`` are the monolith before and in ``side``; ``lines`` are those that are missing.
    """

    name: str
    monolith: str
    merge: str
    side: str
    base: bytes
    text: bytes
    lines: tuple[bytes, ...]


def losses(workspace: Workspace, head: str, history: LockHistory) -> tuple[Loss, ...]:
    """The losses in a tree that was made on top of commit ``head``, the oldest merge first."""
    return _LossSearch(workspace, head, history).run()


class _LossSearch:
    def __init__(self, workspace: Workspace, head: str, history: LockHistory) -> None:
        self.workspace = workspace
        self.repository: Repository = workspace.repository
        self.head = head
        self.history = history

    def run(self) -> tuple[Loss, ...]:
        found: list[Loss] = []
        for merge in self._merges():
            bases = self.repository.merge_bases(*merge.parents)
            if len(bases) != 1:
                continue
            for guarded in self.workspace.split_rules:
                found[:0] = self._of(merge, bases[0], guarded.name)
        return tuple(found)

    def _merges(self) -> Iterator[CommitInfo]:
        """The fork's newest merges of two that touch a layout and that nobody has settled."""
        settled: set[str] = set()
        first = self.repository.commit_info(self.head)
        waiting = [(-first.committer.when[0], first.oid)]
        seen = {first.oid}
        left = _LOOKED_AT
        while waiting and left:
            info = self.repository.commit_info(heapq.heappop(waiting)[1])
            settled |= {found.decode() for found in _SETTLES.findall(info.message)}
            holding = [p for p in info.parents if self.history.locks(p)]
            if len(info.parents) == 2 and holding and info.oid not in settled and self._concerned(info):
                left -= 1
                yield info
            for parent in holding:
                if parent not in seen:
                    seen.add(parent)
                    heapq.heappush(waiting, (-self.repository.commit_info(parent).committer.when[0], parent))

    def _concerned(self, merge: CommitInfo) -> bool:
        """Whether the merge is none of the trivial ones: both sides changed something of one rule."""
        bases = self.repository.merge_bases(*merge.parents)
        if len(bases) != 1:
            return False
        names = self.history.locks(merge.oid).keys() & {rule.name for rule in self.workspace.split_rules}
        return any(self._moved_on_both(merge, bases[0], name) for name in names)

    def _moved_on_both(self, merge: CommitInfo, base: str, name: str) -> bool:
        lock = self.history.locks(merge.oid)[name]
        before, ours, theirs, now = (
            self._facts(commit, name, lock.monolith) for commit in (base, *merge.parents, merge.oid)
        )
        if before == ours:
            return now != theirs
        return now != ours if before == theirs else True

    def _facts(self, commit: str, name: str, path: str) -> tuple[object, ...]:
        """What tells two states of a rule's files apart without reading them."""
        tree = self.repository.tree_of(commit)
        locks = self.history.locks(commit)
        if name not in locks:
            return (self.repository.entry(tree, path),)
        folder = self.workspace.rule(name).rule.folder(locks[name].monolith)
        return (locks[name], self.repository.entry(tree, path), self.repository.entry(tree, folder))

    def _of(self, merge: CommitInfo, base: str, name: str) -> list[Loss]:
        if name not in self.history.locks(merge.oid) or not self._moved_on_both(merge, base, name):
            return []
        before = self._monolith(base, name)
        found = []
        for side in merge.parents:
            text = self._monolith(side, name)
            if before is None or text is None or not lost_lines(before, text, self._now.get(name, text)):
                continue
            then = self._monolith(merge.oid, name)
            lines = lost_lines(before, text, then) if then is not None else ()
            if lines:
                monolith = self.history.locks(merge.oid)[name].monolith
                found.append(Loss(name, monolith, merge.oid, side, before, text, lines))
        return found

    @cached_property
    def _now(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for guarded in self.workspace.split_rules:
            try:
                found[guarded.name] = self.workspace.unsplit(guarded).monolith
            except MergeguardError:
                continue  # `check` says so
        return found

    def _monolith(self, commit: str, name: str) -> bytes | None:
        """A rule's monolith in a commit, whole or split; None where there is none that can be read."""
        try:
            tree = self.repository.tree_of(commit)
            there = Workspace.load(self.repository, tree, self.workspace.splitting)
            own = there.split_rule(name)
            if own is not None:
                return there.unsplit(own).monolith
            path = path_in(there, self.workspace.rule(name))
            return there.read(path) if path is not None else None
        except MergeguardError:
            return None
