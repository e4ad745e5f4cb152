"""Which of upstream's next commits is the first that may not merge by itself, guessed file by file.

A plan that tries merges by galloping alone tries some seven for each of its steps, each a merge and an audit
of the whole. Nearly always a step ends at a commit that edits what the fork has edited, which the files tell
for a hundredth of that. It is a guess: what a plan says is only ever what a merge that it tried has given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mergeguard import __version__
from mergeguard.cpp.diff import Change, diff
from mergeguard.cpp.filenames import SOURCES
from mergeguard.git.objects import TreeChange
from mergeguard.git.repository import Repository
from mergeguard.treemerge import structured
from mergeguard.values import cached_property, dataclass, field

_APART = 8  # commits, after which a series of edits of the same files is over
#: A path, and what both sides made of the same lines of the base: range of lines there, ours, theirs.
Trouble = tuple[object, ...]


@dataclass
class Foresight:
    """What is ahead of one state of the fork: upstream's ``commits``, the trees of the merge base and of the
    fork with its monoliths whole; ``split`` are their paths. ``settled`` keeps, by the objects of a file's
    three versions, whether they make one text."""

    repository: Repository
    commits: tuple[str, ...]
    base: str
    ours: str
    split: frozenset[str]
    settled: dict[str, bool] = field(default_factory=dict)
    _known: set[Trouble] = field(default_factory=set, init=False)
    _told: set[int] = field(default_factory=set, init=False)  # commits that bring trouble
    _edits: dict[str, tuple[list[bytes], list[bytes], list[Change]]] = field(default_factory=dict, init=False)

    def next_trouble(self, number: int) -> int:
        """The first commit after ``number`` that brings trouble not told of before; one past the last if none
        does."""
        for later in range(number + 1, len(self.commits)):
            found = {*self._troubles(later)} - self._known
            self._known |= found
            if found:
                self._told.add(later)
                return later
        return len(self.commits)

    def series(self, number: int) -> tuple[int, ...]:
        """Of the commits that go on, no more than some apart, with those of the fork's files that a commit
        changes, the last, fourth, second, first: trouble in the middle of a series may be none behind it."""
        files = self._touched(number)
        found: list[int] = []
        last = number
        for later in range(number + 1, len(self.commits)):
            if later - last > _APART:
                break
            if files & self._touched(later):
                found.append(later)
                last = later
        tries = dict.fromkeys(found[-1:] + found[3:4] + found[1:2] + found[:1])
        # Where lines met, they have to have parted.
        return tuple(later for later in tries if number not in self._told or not self._meet(files, later))

    def _meet(self, files: Iterable[str], number: int) -> bool:
        """Whether lines of some files meet as of a commit."""
        tree = self.repository.tree_of(self.commits[number])
        entries = ((path, self.repository.entry(tree, path)) for path in files)
        return any(entry is None or self._meeting(path, entry.oid) for path, entry in entries)

    def _touched(self, number: int) -> frozenset[str]:
        return frozenset(change.new for change in self._changes(number)) & (self._own | self.split)

    def _changes(self, number: int) -> Iterator[TreeChange]:
        """What one commit changes."""
        repository, info = self.repository, self.repository.commit_info(self.commits[number])
        before = repository.tree_of(info.parents[0]) if info.parents else repository.empty_tree
        return repository.objects.changes(before, info.tree)

    @cached_property
    def _own(self) -> frozenset[str]:
        """The files that the fork has otherwise than the merge base."""
        return frozenset(change.new for change in self.repository.objects.changes(self.base, self.ours))

    def _troubles(self, number: int) -> Iterator[Trouble]:
        """Where a commit's files, as they are then, meet the fork's edits."""
        for change in self._changes(number):
            path = change.new
            if path not in self._own:
                continue
            base, ours = (self.repository.entry(tree, path) for tree in (self.base, self.ours))
            theirs = change.after
            if theirs in (base, ours):
                continue
            if not all(entry is not None and entry.is_file for entry in (base, ours, theirs)):
                yield (path,)
            elif theirs is not None and (meeting := self._meeting(path, theirs.oid) - self._known):
                if self._is_settled(path, theirs.oid):
                    self._known |= meeting
                else:
                    yield from meeting

    def _meeting(self, path: str, theirs: str) -> frozenset[Trouble]:
        """The places of a file at which ``theirs`` changes, or touches, lines that the fork changed."""
        base, ours, mine = self._of_fork(path)
        lines = self.repository.read_blob(theirs).splitlines(keepends=True)
        return frozenset(
            (path, one.a0, one.a1, *ours[one.b0 : one.b1], b"\0", *lines[other.b0 : other.b1])
            for other in diff(base, lines)
            for one in mine
            if one.a0 <= other.a1 and other.a0 <= one.a1
        )

    def _is_settled(self, path: str, theirs: str) -> bool:
        """Whether a structured merge makes one text of a file's three."""
        if not path.lower().endswith(SOURCES):
            return False
        entries = [self.repository.entry(tree, path) for tree in (self.base, self.ours)]
        key = " ".join((__version__, *(entry.oid for entry in entries if entry is not None), theirs))
        if key not in self.settled:
            base, ours, _ = self._of_fork(path)
            versions = b"".join(base), b"".join(ours), self.repository.read_blob(theirs)
            self.settled[key] = structured.merged(self.repository, *versions).clean
        return self.settled[key]

    def _of_fork(self, path: str) -> tuple[list[bytes], list[bytes], list[Change]]:
        """A file's lines in the base and in the fork, and what the fork has changed."""
        if path not in self._edits:
            texts = (self.repository.read_file(tree, path) or b"" for tree in (self.base, self.ours))
            base, ours = (text.splitlines(keepends=True) for text in texts)
            self._edits[path] = base, ours, diff(base, ours)
        return self._edits[path]
