"""Commits as upstream would have them: trees with whole monoliths, and merges of such trees.

What ``export`` and ``import`` compute with. Everything is git objects that no ref names.
"""

from __future__ import annotations

from mergeguard.fork import treelens
from mergeguard.fork.splitting import Splitting
from mergeguard.fork.workspace import Workspace
from mergeguard.git import attributes
from mergeguard.git.merging import MergeOutcome, Message
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.lens.hunks import Hunk
from mergeguard.treemerge import followededits
from mergeguard.treemerge.structured import FINDING, settlements
from mergeguard.values import dataclass

STATE = ".mergeguard"
_ATTRIBUTES = ".gitattributes"


@dataclass(frozen=True, slots=True)
class Whole:
    """A tree with its monoliths whole and nothing of mergeguard's own; ``hunks`` have no place in it."""

    tree: str
    hunks: tuple[Hunk, ...]


class Wholes:
    """The whole trees of one run, none computed twice."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.splitting = Splitting.of(repository)
        self._done: dict[str, Whole] = {}
        # By the state folder's object: the paths that a whole tree's monoliths depend on; and by what those
        # paths hold: what the whole tree has there. Most commits of a fork touch no layout.
        self._paths: dict[str, tuple[str, ...]] = {}
        self._known: dict[tuple[Entry | None, ...], tuple[dict[str, Entry | None], tuple[Hunk, ...]]] = {}

    def of_commit(self, commit: str) -> Whole:
        """The commit's tree, whole."""
        return self.of_tree(self.repository.commit_info(commit).tree)

    def of_tree(self, tree: str) -> Whole:
        """The tree, whole. Errors: LayoutError where a layout can't be read back."""
        if tree not in self._done:
            whole, hunks = self._whole(tree)
            self._done[tree] = Whole(_without_state(self.repository, whole), hunks)
        return self._done[tree]

    def _whole(self, tree: str) -> tuple[str, tuple[Hunk, ...]]:
        state = self.repository.entry(tree, STATE)
        if state is None:
            return tree, ()
        known = self._known.get(self._key(tree, self._paths[state.oid])) if state.oid in self._paths else None
        if known is not None:
            edits, hunks = known
            return treelens.apply(self.repository, tree, edits), hunks
        workspace = Workspace.load(self.repository, tree, self.splitting)
        if not workspace.split_rules:
            return tree, ()
        hunks = tuple(h for g in workspace.split_rules for h in workspace.hunks(g))
        whole = treelens.monolithic_tree(workspace)
        builds = {build for g in workspace.split_rules for build in workspace.build_files(g)}
        paths = (STATE, *sorted(treelens.layout_paths(workspace) | builds))
        self._paths[state.oid] = paths
        edits = {path: self.repository.entry(whole, path) for path in paths if path != STATE}
        self._known[self._key(tree, paths)] = edits, hunks
        return whole, hunks

    def _key(self, tree: str, paths: tuple[str, ...]) -> tuple[Entry | None, ...]:
        return tuple(self.repository.entry(tree, path) for path in paths)


def _without_state(repository: Repository, tree: str) -> str:
    """The tree without rules, locks and the lines that ``install`` puts into .gitattributes."""
    edits: dict[str, Entry | None] = {STATE: None} if repository.entry(tree, STATE) else {}
    entry = repository.entry(tree, _ATTRIBUTES)
    if entry is not None and entry.is_file:
        text = repository.read_blob(entry.oid)
        rest = attributes.without_block(text)
        if rest != text:
            edits[_ATTRIBUTES] = Entry(entry.mode, repository.write_blob(rest)) if rest else None
    return repository.edit_tree(tree, edits) if edits else tree


def replay(repository: Repository, base: str, side: str, onto: str) -> MergeOutcome:
    """The change from tree ``base`` to tree ``side`` made to tree ``onto``, as ``git cherry-pick`` would.

    A file that git can't merge by lines is merged by declarations and tokens, and an edit follows its
    declaration to the file that has it now; what is left is in ``conflicts``.
    """
    if base == onto:
        return MergeOutcome(side, (), (), True)
    if base == side:
        return MergeOutcome(onto, (), (), True)
    outcome = _merged(repository, base, side, onto)
    if outcome.clean:
        return outcome
    moved = followededits.follow(repository, base, onto, side)
    if (moved.base, moved.theirs) == (base, side):
        return outcome
    followed = _merged(repository, moved.base, moved.theirs, moved.ours)
    return followed if followed.clean else outcome


def _merged(repository: Repository, base: str, side: str, onto: str) -> MergeOutcome:
    root = repository.commit_object(base, (), "base\n")
    ours = repository.commit_object(onto, (root,), "onto\n")
    theirs = repository.commit_object(side, (root,), "change\n")
    return settle(repository, repository.merge_trees(ours, theirs))


def settle(repository: Repository, outcome: MergeOutcome) -> MergeOutcome:
    """The outcome with the conflicts gone that a merge by declarations and tokens resolves."""
    found = settlements(repository, outcome)
    clean = {settlement.path: settlement for settlement in found if settlement.clean}
    if not clean:
        return outcome
    left = tuple(c for c in outcome.conflicts if c.path not in clean)
    said = tuple(Message((s.path,), FINDING, text) for s in clean.values() for text in s.said)
    tree = repository.edit_tree(outcome.tree, {path: s.entry for path, s in clean.items()})
    return MergeOutcome(tree, left, (*outcome.messages, *said), not left)
