"""Replaying a commit that edits the layouts of some rules: a merge through the lens for these rules alone.

Each commit's layout is read, and what the merge makes is laid out: a split each. The first is there to show
that an edit holds where it was typed, and the second shows that of the outcome. So readings are presumed
first (``Splitting.presuming``). The merge counts if the layout that it gives is the one before it with the
edits in their place, to the byte; else the commit is merged with readings that splits have shown.
"""

from __future__ import annotations

from collections import Counter

from mergeguard.fork.splitting import Splitting
from mergeguard.fork.workspace import Workspace
from mergeguard.git.repository import Repository
from mergeguard.lens.hunks import Reason, Unsplit
from mergeguard.lens.inplace import edited_in_place
from mergeguard.treemerge.contents import ContentMerges
from mergeguard.treemerge.plainpick import PlainPicks
from mergeguard.treemerge.structured import lines_of
from mergeguard.treemerge.trees import Merged, merge_trees
from mergeguard.values import dataclass, field

# A hunk that is left beside the map for one of these would be presumed to be the monolith's.
_FOUND_BY_A_SPLIT = (Reason.ELSEWHERE, Reason.REFUSED)


@dataclass
class LensPicks:
    """Such replays of one run of commits, in most of which one or two rules are edited."""

    repository: Repository
    splitting: Splitting
    plain: PlainPicks
    _contents: ContentMerges = field(init=False)
    _presuming: Splitting = field(init=False)

    def __post_init__(self) -> None:
        self._contents = ContentMerges(self.repository)
        self._presuming = self.splitting.presuming()

    def pick(self, parent: str, commit: str, tip: str, edited: frozenset[str]) -> str | None:
        """The tree of ``tip`` with what ``commit`` changed in ``parent`` (all commits); None where all rules
        have to be merged.

        ``edited`` are the rules whose layouts the commit edits. The layouts of ``tip`` must be as the lens
        derives them.
        """
        before = self.repository.tree_of(tip)
        with self.splitting.passing():
            if all(self._is_presumable(parent, commit, before, name) for name in edited):
                merged = self._merged(parent, commit, tip, edited, self._presuming)
                if self.plain.stands_alone(merged, before) and all(
                    self._is_shown(before, merged.tree, name) for name in edited
                ):
                    return merged.tree
            self._presuming = self.splitting.presuming()  # without what it has presumed wrongly
            merged = self._merged(parent, commit, tip, edited, self.splitting)
        return merged.tree if self.plain.stands_alone(merged, before) else None

    def _merged(
        self, parent: str, commit: str, tip: str, edited: frozenset[str], reading: Splitting
    ) -> Merged:
        return merge_trees(
            self.repository,
            (parent,),
            tip,
            commit,
            splitting=self.splitting,
            placed=False,
            only=edited,
            contents=self._contents,
            reading=reading,
        )

    def _is_presumable(self, parent: str, commit: str, tip: str, name: str) -> bool:
        """Whether all that a commit changes in a layout seems to be the monolith's, and merges by lines; and
        what is beside the map is what the lens has left there on the way to ``tip``, a tree."""
        ours = self._layout(tip, name, self.splitting)
        if ours is None or any(hunk.reason in _FOUND_BY_A_SPLIT for hunk in ours.hunks):
            return False
        trees = (self.repository.tree_of(one) for one in (parent, commit))
        base, theirs = (self._layout(tree, name, self._presuming) for tree in trees)
        if base is None or theirs is None or not _hunks(base) == _hunks(theirs) == _hunks(ours):
            return False
        return lines_of(self.repository, base.monolith, ours.monolith, theirs.monolith).clean is not None

    def _is_shown(self, tip: str, made: str, name: str) -> bool:
        """Whether the layout that a merge has made of ``tip`` is that one edited in place, to the byte."""
        before, after = (self._layout(tree, name, self.splitting) for tree in (tip, made))
        if before is None or after is None or _hunks(before) != _hunks(after):
            return False
        presumed = edited_in_place(before.layout, after.monolith)
        return presumed is not None and [(f.path, f.text) for f in presumed.files] == [
            (f.path, f.text) for f in after.layout.files
        ]

    def _layout(self, tree: str, name: str, splitting: Splitting) -> Unsplit | None:
        workspace = Workspace.load(self.repository, tree, splitting, lenient=True)
        guarded = workspace.split_rule(name)
        return None if guarded is None else workspace.unsplit(guarded)


def _hunks(reading: Unsplit) -> Counter[tuple[object, ...]]:
    return Counter((hunk.path, hunk.old, hunk.new, hunk.reason) for hunk in reading.hunks)
