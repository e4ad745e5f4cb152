"""Replaying a commit by what it touches: nothing of a rule, a few rules' layouts, or what rules depend on.

Most commits of a fork touch neither a layout nor anything that decides what a layout is. Where the new
base has each file that such a commit changes exactly as the commit's parent has it, a three-way merge can
only give the commit's own version of it, and everything else stays as it is: an edit of a tree, without a
merge, layouts or git. What could come out otherwise is left to the merge (``trees.merge_trees``): folders
renamed on either side, and a base whose layouts the lens did not make.

A commit that edits the layouts of some rules is merged through the lens for these alone; the others' files
are files like any other, which one side did not change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mergeguard.fork.builds import may_list
from mergeguard.fork.splitting import Splitting
from mergeguard.fork.workspace import Workspace
from mergeguard.git.errors import PathConflict
from mergeguard.git.objects import MODE_TREE, Entry
from mergeguard.git.repository import Repository
from mergeguard.treemerge.fates import Fate
from mergeguard.treemerge.trees import Merged
from mergeguard.treemerge.virtual import STATE
from mergeguard.values import dataclass, field

_ATTRIBUTES = ".gitattributes"


@dataclass(frozen=True)
class _RuleGuard:
    """What one rule decides by or writes: single paths, and folders with all that is below."""

    paths: frozenset[str]
    folders: tuple[str, ...]

    def covers(self, path: str) -> bool:
        return path in self.paths or path.startswith(self.folders)


@dataclass(frozen=True)
class _PickGuard:
    """What the rules of a tree (by name) decide by or write, and the build files that list their units."""

    rules: Mapping[str, _RuleGuard] = field(default_factory=dict)
    lists: frozenset[str] = frozenset()

    def rules_at(self, path: str) -> Iterator[str]:
        return (name for name, guard in self.rules.items() if guard.covers(path))


@dataclass
class PlainPicks:
    """Replays commits of one run; rules are read once for each state of ``.mergeguard``."""

    repository: Repository
    splitting: Splitting
    _guards: dict[str, _PickGuard] = field(default_factory=dict)

    def rules_edited(self, parent: str, commit: str, tip: str) -> frozenset[str] | None:
        """The rules whose files ``commit`` changes in ``parent``, as either it or ``tip`` has them (trees).

        None where it changes what all rules depend on: rules, locks, build lists, attributes.
        """
        guards = [self._guard(tree) for tree in (parent, tip)]
        found: set[str] = set()
        for change in self.repository.objects.changes(parent, commit):
            path = change.new
            if path.startswith(f"{STATE}/") or path.rpartition("/")[2] == _ATTRIBUTES:
                return None
            if any(path in guard.lists for guard in guards):
                return None
            found |= {name for guard in guards for name in guard.rules_at(path)}
        return frozenset(found)

    def pick(self, parent: str, commit: str, tip: str) -> str | None:
        """``tip`` with what ``commit`` changed in ``parent`` (all trees); None where a merge has to decide.

        The layouts of ``tip`` must be as the lens derives them.
        """
        if self.rules_edited(parent, commit, tip) != frozenset():
            return None
        objects = self.repository.objects
        changes = tuple(objects.changes(parent, commit))
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

    def stands_alone(self, merged: Merged, tip: str) -> bool:
        """Whether a merge onto ``tip`` of the edited rules ``only`` is what a merge of all rules gives.

        No edit of it went to another file, which might be another rule's, and the rules stay split as they
        were.
        """
        alike = all(
            self.repository.entry(tip, path) == self.repository.entry(merged.tree, path)
            for path in self._guard(tip).lists
        )
        usual = all(rule.state in (Fate.UNCHANGED, Fate.MERGED) for rule in merged.rules)
        return merged.clean and usual and alike and not (merged.followed or merged.moved)

    def is_guarded(self, path: str, *trees: str) -> bool:
        """Whether the rules of one of the trees decide by a path, or write it."""
        if path.startswith(f"{STATE}/"):
            return True
        guards = [self._guard(tree) for tree in trees]
        return any(path in guard.lists or any(guard.rules_at(path)) for guard in guards)

    def _guard(self, tree: str) -> _PickGuard:
        state = self.repository.entry(tree, STATE)
        if state is None:
            return _PickGuard()
        if state.oid not in self._guards:
            self._guards[state.oid] = self._read(tree)
        return self._guards[state.oid]

    def _read(self, tree: str) -> _PickGuard:
        workspace = Workspace.load(self.repository, tree, self.splitting)
        rules: dict[str, _RuleGuard] = {}
        lists: set[str] = set()
        for guarded in workspace.guarded:
            made_by = [guarded.rule]
            monoliths = {*guarded.rule.paths()}
            if guarded.lock is not None:
                made_by.append(workspace.rule_of_lock(guarded))
                monoliths |= {guarded.lock.monolith, *made_by[1].paths()}
            folders = {f"{rule.folder(path)}/" for rule in made_by for path in monoliths}
            rules[guarded.name] = _RuleGuard(frozenset(monoliths), tuple(folders))
            for rule in made_by:
                for path in monoliths:
                    lists |= may_list(self.repository, tree, rule, path)
        return _PickGuard(rules, frozenset(lists))

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
