"""Replaying a commit that no rule has to do with, as an edit of a tree: no merge, no layouts, no git.

Most commits of a fork touch neither a layout nor anything that decides what a layout is. Where the new
base has each file that such a commit changes exactly as the commit's parent has it, a three-way merge can
only give the commit's own version of it, and everything else stays as it is. What could come out otherwise
is left to the merge (``trees.merge_trees``): folders renamed on either side, and a base whose layouts the
lens did not make.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field

from mergeguard.fork.builds import may_list
from mergeguard.fork.workspace import Splitting, Workspace
from mergeguard.git.errors import PathConflict
from mergeguard.git.objects import MODE_TREE, Entry, TreeChange
from mergeguard.git.repository import Repository
from mergeguard.treemerge.virtual import STATE
from mergeguard.values import dataclass

_ATTRIBUTES = ".gitattributes"


@dataclass(frozen=True)
class _PickGuard:
    """What the rules of a tree decide by or write: single paths, and folders with all that is below."""

    paths: frozenset[str] = frozenset()
    folders: tuple[str, ...] = ()

    def covers(self, path: str) -> bool:
        return path in self.paths or path.startswith(self.folders)


@dataclass
class PlainPicks:
    """Replays plain commits of one run; rules are read once for each state of ``.mergeguard``."""

    repository: Repository
    splitting: Splitting
    _guards: dict[str, _PickGuard] = field(default_factory=dict)

    def pick(self, parent: str, commit: str, tip: str) -> str | None:
        """``tip`` with what ``commit`` changed in ``parent`` (all trees); None where a merge has to decide.

        The layouts of ``tip`` must be as the lens derives them.
        """
        objects = self.repository.objects
        changes = tuple(objects.changes(parent, commit))
        if any(self._is_guarded(change, (parent, tip)) for change in changes):
            return None
        if any(objects.entry(tip, change.old) != change.before for change in changes):
            return None
        gone = {folder for c in changes if c.after is None for folder in _above(c.old)}
        new = {folder for c in changes if c.before is None for folder in _above(c.new)}
        if any(self._may_be_renamed(folder, parent, commit, tip) for folder in gone | new):
            return None
        try:
            return objects.edit_tree(tip, {change.new: change.after for change in changes})
        except PathConflict:
            return None

    def _is_guarded(self, change: TreeChange, trees: Iterable[str]) -> bool:
        path = change.new
        if path.startswith(f"{STATE}/") or path.rpartition("/")[2] == _ATTRIBUTES:
            return True
        return any(self._guard(tree).covers(path) for tree in trees)

    def _guard(self, tree: str) -> _PickGuard:
        state = self.repository.entry(tree, STATE)
        if state is None:
            return _PickGuard()
        if state.oid not in self._guards:
            self._guards[state.oid] = self._read(tree)
        return self._guards[state.oid]

    def _read(self, tree: str) -> _PickGuard:
        workspace = Workspace.load(self.repository, tree, self.splitting)
        paths: set[str] = set()
        folders: set[str] = set()
        for guarded in workspace.guarded:
            rules = [guarded.rule]
            monoliths = {*guarded.rule.paths()}
            if guarded.lock is not None:
                rules.append(workspace.rule_of_lock(guarded))
                monoliths |= {guarded.lock.monolith, *rules[1].paths()}
            for rule in rules:
                paths |= monoliths
                for path in monoliths:
                    paths |= may_list(self.repository, tree, rule, path)
                folders |= {f"{rule.folder(path)}/" for path in monoliths}
        return _PickGuard(frozenset(paths), tuple(folders))

    def _may_be_renamed(self, folder: str, parent: str, commit: str, tip: str) -> bool:
        """Whether one side has the folder no more and the other has something else in it: git may then carry
        what is new there to where the folder's files went.
        """
        before, theirs, ours = (self._folder(tree, folder) for tree in (parent, commit, tip))
        if before is None:
            return False
        return (ours is None and theirs != before) or (theirs is None and ours != before)

    def _folder(self, tree: str, path: str) -> Entry | None:
        entry = self.repository.entry(tree, path)
        return entry if entry is not None and entry.mode == MODE_TREE else None


def _above(path: str) -> Iterable[str]:
    """The folders that a path stands in."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
