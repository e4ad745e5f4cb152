"""preview: what the next merge with upstream would cost, on any fork, computed in memory; nothing is changed.

Needs no rule, no hook and no configuration. The one number to watch is how many lines somebody would have to
sort out by hand: those between conflict markers, for git's own merge and for ours.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping

from mergeguard.audit.findings import Located
from mergeguard.cpp.diff import diff
from mergeguard.cpp.filenames import SOURCES, UNITS
from mergeguard.cpp.likeness import COPIED_SHARE
from mergeguard.errors import LayoutError
from mergeguard.fork.fork import Fork
from mergeguard.fork.workspace import RULES
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.values import dataclass
from mergeguard.verbs import sync

#: Files of upstream's that are worth a look for a split: the largest, from this many lines on.
HEAVY_LINES = 1_000
MOST_HEAVY = 10
#: Lines shorter than this, or in more files than that, tell nothing about where a text came from.
_TELLING_LENGTH, _TELLING_FILES = 12, 4
_LEAST_TELLING = 20

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Conflicts:
    """What a merge leaves to a person: files, hunks, and the lines between markers (both sides)."""

    files: tuple[str, ...]
    hunks: int
    lines: int


@dataclass(frozen=True, slots=True)
class Heavy:
    """A large file of upstream's: its lines, and whether the fork keeps it split."""

    path: str
    lines: int
    split: bool


@dataclass(frozen=True, slots=True)
class CopiedAside:
    """A file that only the fork has, made of upstream's ``original``, which upstream has changed since."""

    path: str
    original: str
    share: float


@dataclass(frozen=True, slots=True)
class Preview:
    """What the next merge would cost. ``git`` and ``ours`` are the conflicts of the two merges."""

    upstream: str
    head: str
    theirs: str
    behind: int
    ahead: int
    both: tuple[str, ...]
    git: Conflicts
    ours: Conflicts
    findings: tuple[Located, ...]
    heavy: tuple[Heavy, ...]
    copied: tuple[CopiedAside, ...]

    @property
    def number(self) -> int:
        """The one number to watch: lines to be sorted out by hand, and findings to be looked at."""
        return self.ours.lines + len(self.findings)


def preview(
    fork: Fork, ref: str | None, *, audit: bool = True, progress: Progress = lambda _: None
) -> Preview:
    """What merging ``ref`` (upstream's branch if None) into HEAD would cost.

    Raises LayoutError where no upstream is known, NoMergeBase where the histories have nothing in common.
    """
    upstream = fork.upstream(ref)
    if upstream is None:
        raise LayoutError(
            "no upstream is known",
            hint="`mergeguard preview REF`, or `git config mergeguard.upstream REF` once",
        )
    repository = fork.repository
    head, theirs = fork.head(), repository.resolve(upstream)
    base = repository.merge_bases(head, theirs)[0]
    trees = _Trees(repository, *(repository.tree_of(commit) for commit in (base, head, theirs)))
    progress("git's merge")
    plain = repository.merge_trees(head, theirs)
    by_git = conflicts(repository, plain.tree, {c.path: c.stages for c in plain.conflicts})
    progress("our merge")
    synced = sync.sync(fork, upstream, dry_run=True, audit=audit, progress=progress)
    by_us = conflicts(repository, synced.outcome.tree, synced.outcome.stages)
    progress("files")
    return Preview(
        upstream=upstream,
        head=head,
        theirs=theirs,
        behind=synced.behind,
        ahead=len(repository.rev_list(f"{theirs}..{head}")),
        both=trees.both_changed(),
        git=by_git,
        ours=by_us,
        findings=synced.audit or (),
        heavy=_heavy(fork, trees),
        copied=_copied(trees),
    )


# -- conflicts -------------------------------------------------------------------------------------------


def conflicts(repository: Repository, tree: str, stages: Mapping[str, Mapping[int, Entry]]) -> Conflicts:
    """The conflicts of a merged tree. A file that one side deleted counts as one hunk: the other's edit."""
    hunks = lines = 0
    for path, entries in stages.items():
        text = repository.read_file(tree, path) or b""
        found, between = marked(text)
        if not found:
            texts = {n: repository.read_blob(e.oid) for n, e in entries.items() if e.is_file}
            found, between = 1, _edited(texts)
        hunks, lines = hunks + found, lines + between
    return Conflicts(tuple(sorted(stages)), hunks, lines)


def _edited(stages: Mapping[int, bytes]) -> int:
    """The lines that a person looks at in a conflict without markers: what the side that is left has changed;
    of files that no base has, or that are no text, the longer one."""
    sides = [text.splitlines() for number, text in stages.items() if number != 1]
    if 1 not in stages or len(sides) != 1:
        return max(map(len, sides), default=0)
    return sum(c.a1 - c.a0 + c.b1 - c.b0 for c in diff(stages[1].splitlines(), sides[0]))


def marked(text: bytes) -> tuple[int, int]:
    """The number of conflicts in a text with markers, and of the lines of both sides in them."""
    hunks = lines = 0
    side = ""
    for line in text.splitlines():
        if line.startswith(b"<<<<<<< "):
            hunks, side = hunks + 1, "ours"
        elif side and line.startswith(b"||||||| "):
            side = "base"
        elif side and line == b"=======":
            side = "theirs"
        elif side and line.startswith(b">>>>>>> "):
            side = ""
        elif side in ("ours", "theirs"):
            lines += 1
    return hunks, lines


# -- files -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Trees:
    """The three trees of the merge, and what differs between them."""

    repository: Repository
    base: str
    ours: str
    theirs: str

    def changed(self, tree: str) -> dict[str, Entry | None]:
        """Paths that differ from the base, with what the tree has there."""
        changes = self.repository.diff_trees(self.base, tree, renames=False)
        return {change.new: change.after for change in changes}

    def is_new_in_ours(self, path: str) -> bool:
        """Whether neither the base nor upstream has a file there."""
        return all(self.repository.entry(tree, path) is None for tree in (self.base, self.theirs))

    def both_changed(self) -> tuple[str, ...]:
        """Files that both sides changed since the base."""
        return tuple(sorted({*self.changed(self.ours)} & {*self.changed(self.theirs)}))

    def text(self, entry: Entry | None) -> bytes:
        """A file's bytes; none for what is no file."""
        return self.repository.read_blob(entry.oid) if entry is not None and entry.is_file else b""


def _heavy(fork: Fork, trees: _Trees) -> tuple[Heavy, ...]:
    """Upstream's largest sources."""
    split = {guarded.lock.monolith for guarded in fork.at_head().split_rules if guarded.lock is not None}
    units = {
        path: size for path, size in trees.repository.sizes(trees.theirs).items() if path.endswith(UNITS)
    }
    largest = sorted(units, key=lambda path: (-units[path], path))[:MOST_HEAVY]
    counted = (
        Heavy(path, trees.text(trees.repository.entry(trees.theirs, path)).count(b"\n"), path in split)
        for path in largest
    )
    return tuple(heavy for heavy in counted if heavy.lines >= HEAVY_LINES)


def _copied(trees: _Trees) -> tuple[CopiedAside, ...]:
    """The fork's own sources that were made of a file that upstream has changed since."""
    mine = {
        path: entry
        for path, entry in trees.changed(trees.ours).items()
        if entry is not None and path.endswith(SOURCES) and trees.is_new_in_ours(path)
    }
    theirs = [path for path in trees.changed(trees.theirs) if path.endswith(SOURCES)]
    if not mine or trees.repository.entry(trees.ours, RULES) is not None:
        return ()  # with rules, what stands in layouts is known to `status`
    entry_of = trees.repository.entry
    # What the fork has no more in the original has moved: upstream's changes follow it.
    originals = {
        path: _telling(trees.text(entry_of(trees.base, path)))
        & _telling(trees.text(entry_of(trees.ours, path)))
        for path in theirs
    }
    spread = Counter(line for lines in originals.values() for line in lines)
    where: dict[bytes, list[str]] = defaultdict(list)
    for path, lines in originals.items():
        for line in lines:
            if spread[line] <= _TELLING_FILES:
                where[line].append(path)
    found = (_original(path, _telling(trees.text(entry)), where) for path, entry in sorted(mine.items()))
    return tuple(copied for copied in found if copied is not None)


def _telling(text: bytes) -> frozenset[bytes]:
    return frozenset(line for line in map(bytes.strip, text.splitlines()) if len(line) >= _TELLING_LENGTH)


def _original(path: str, lines: Iterable[bytes], where: Mapping[bytes, list[str]]) -> CopiedAside | None:
    own = list(lines)
    votes = Counter(source for line in own for source in where.get(line, ()))
    if not votes or len(own) < _LEAST_TELLING:
        return None
    original, shared = max(votes.items(), key=lambda vote: (vote[1], vote[0]))
    share = shared / len(own)
    return CopiedAside(path, original, share) if share >= COPIED_SHARE else None
