"""A merge of trees of which one side changed the contents of a few files alone: git need not be asked.

Such a side adds and removes nothing, so that no rename, of a file or a folder, has to do with its edits, and
a file that the other side has under the same name is merged there. What git's merge gives is the other side's
tree with these files: as the one side has them where the other left them alone, else merged by lines. The
latter only stands where lines are no more than the beginning of the structured merge, as they are for the
monoliths of rules.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

from mergeguard.git.atwork import DRIVER
from mergeguard.git.merging import MergeOutcome
from mergeguard.git.objects import Entry
from mergeguard.git.process import split_nul
from mergeguard.git.repository import Repository
from mergeguard.treemerge.structured import lines_of
from mergeguard.values import dataclass, field

_MOST = 20  # files; git merges more of them in one process
# Values of the attribute ``merge`` with which git, where we ask it, merges a file by lines.
_BY_LINES = frozenset(("unspecified", "set", "text", DRIVER))


@dataclass
class ContentMerges:
    """Those of one run, in which attributes stay as they are."""

    repository: Repository
    _merged_by: dict[str, str] = field(default_factory=dict)

    def merge(self, base: str, ours: str, theirs: str, monoliths: Collection[str]) -> MergeOutcome | None:
        """The merge of three trees where ``theirs`` changed contents alone; None where git has to say.

        Both sides may have changed ``monoliths``, of which no more than the three versions counts.
        """
        entry = self.repository.entry
        edits: dict[str, Entry | None] = {}
        for change in islice(self.repository.objects.changes(base, theirs), _MOST + 1):
            before, after, there = change.before, change.after, entry(ours, change.old)
            if before is None or after is None or not before.is_file or before.mode != after.mode:
                return None
            if there == before:
                edits[change.old] = after
                continue
            if there is None or not there.is_file or change.old not in monoliths:
                return None
            merged = self._lines(change.old, before, there, after)
            if merged is None:
                return None
            edits[change.old] = Entry(there.mode, self.repository.write_blob(merged))
        if len(edits) > _MOST:
            return None
        return MergeOutcome(self.repository.edit_tree(ours, edits), (), (), clean=True)

    def _lines(self, path: str, *versions: Entry) -> bytes | None:
        """A file merged by lines, with edits of both sides; None where git would do something else with it,
        or finds a conflict."""
        if not self._is_by_lines(path):
            return None
        base, ours, theirs = (self.repository.read_blob(entry.oid) for entry in versions)
        if b"\0" in base + ours + theirs:
            return None
        merged = lines_of(self.repository, base, ours, theirs).clean
        return None if merged in (ours, theirs) else merged

    def _is_by_lines(self, path: str) -> bool:
        """Whether attributes and configuration have git merge a file by lines, as it is."""
        repository = self.repository
        if repository.config("merge.default") or repository.config_bool("merge.renormalize"):
            return False
        if path not in self._merged_by:
            asked = repository.git("check-attr", "-z", "merge", "--", path)
            self._merged_by[path] = split_nul(asked.out)[2]
        return self._merged_by[path] in _BY_LINES
