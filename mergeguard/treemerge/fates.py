"""What upstream has done with a monolith: kept, moved, split, merged into another file, deleted."""

from __future__ import annotations

from enum import StrEnum
from functools import partial

from mergeguard.cpp.filenames import SOURCES
from mergeguard.cpp.likeness import CODE_LIVES_ON, FILE_REWRITTEN, NEARLY_ALL
from mergeguard.errors import RepositoryError
from mergeguard.fork.workspace import Guarded
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.merge.moved.finddefinitions import Found, Other, Others, Whereabouts, whereabouts
from mergeguard.values import dataclass, field


class Fate(StrEnum):
    """How upstream stands to a monolith, and what a merge with it made of the rule: the one vocabulary.

    ``trace`` tells HERE, MOVED, SPLIT_UPSTREAM, JOINED and RETIRED apart, ``standing`` names TAKEN, RETURNED
    and OURS_ALONE, too; the rest is known once it is merged.
    """

    HERE = "still there"
    UNCHANGED = "unchanged upstream"
    MERGED = "merged"
    CONFLICT = "conflict"
    MOVED = "moved upstream"
    SPLIT_UPSTREAM = "split upstream"
    JOINED = "merged into another file upstream"
    RETIRED = "gone upstream"
    GONE_EDITED = "gone upstream, edited here"
    TAKEN = "upstream has it now, too"
    RETURNED = "back upstream"
    OURS_ALONE = "only in the fork"
    UNFIT = "whole now: the rule does not fit"
    NOT_SPLIT = "not split"


@dataclass(frozen=True, slots=True)
class TracedFate:
    """A monolith's fate; ``path`` is where it has moved to, ``where`` what is known of its definitions."""

    fate: Fate
    path: str | None = None
    where: Whereabouts = field(default_factory=lambda: Whereabouts(0, 0, ()))

    @property
    def files(self) -> tuple[str, ...]:
        """The files that its code is in now, the likeliest first; none while it is where it was."""
        return (self.path,) if self.path is not None else tuple(self.where.files)

    @property
    def hollow(self) -> bool:
        """Whether upstream has split the file and most of it is elsewhere."""
        return self.fate is Fate.SPLIT_UPSTREAM and 2 * len(self.where.moved) >= self.where.total

    def places(self, names: set[str]) -> tuple[Found, ...]:
        """Where the definitions of these names are now, of those that are elsewhere."""
        return tuple(found for found in self.where.moved if found.name in names)

    @property
    def listed(self) -> str:
        """How many definitions are in which other files, as a phrase."""
        where = self.where
        return f"{len(where.moved)} of its {where.total} definitions in {', '.join(where.files)} now"

    def said(self, path: str) -> str:
        """What upstream did with the file that is at ``path`` now, as a clause."""
        if self.fate is Fate.MOVED:
            return f"upstream moved the file to {path}"
        if self.fate is Fate.JOINED and not self.where.moved:
            return f"upstream made one file of this and another: {path}"
        return f"upstream has {self.listed}" if self.where.moved else f"upstream changed {path}"


def trace(repository: Repository, base: str, there: str, path: str, monolith: bytes) -> TracedFate:
    """The fate of the file that tree ``base`` has at ``path`` in tree ``there``.

    ``monolith`` is its text in ``base``, whole. Renames are git's to find; where it finds none, the
    definitions tell. Reads only files that differ between the two trees.
    """
    new = repository.read_file(there, path)
    if new is None:
        renamed = repository.renames(base, there).get(path)
        if renamed is not None:
            return TracedFate(Fate.MOVED, renamed)

    def others() -> Others:
        changes = [
            change
            for change in repository.diff_trees(base, there, renames=False)
            if change.letter in "AM" and change.new != path and change.new.endswith(SOURCES)
        ]
        repository.prefetch(change.after for change in changes)
        return {
            change.new: Other(now, partial(_text, repository, change.before))
            for change in changes
            if (now := _text(repository, change.after)) is not None
        }

    where = whereabouts(monolith, new, others)
    files = where.files
    if new is not None:
        return TracedFate(Fate.SPLIT_UPSTREAM if len(where.moved) > 1 else Fate.HERE, None, where)
    if len(where.moved) < max(1, CODE_LIVES_ON * where.total):
        return TracedFate(Fate.RETIRED, None, where)
    first, count = next(iter(files.items()))
    if count >= FILE_REWRITTEN * where.total and count >= FILE_REWRITTEN * len(where.moved):
        is_new = repository.read_file(base, first) is None
        if is_new and (len(files) == 1 or count > NEARLY_ALL * len(where.moved)):
            return TracedFate(Fate.MOVED, first, where)
        return TracedFate(Fate.SPLIT_UPSTREAM if is_new else Fate.JOINED, None, where)
    return TracedFate(Fate.SPLIT_UPSTREAM, None, where)


@dataclass(frozen=True, slots=True)
class Standing:
    """How upstream stands to a monolith: its fate, where upstream has it, and which files have its code."""

    fate: Fate = Fate.HERE
    path: str | None = None
    files: tuple[str, ...] = ()

    @property
    def state(self) -> str | None:
        """The fate in words; None while it is there as ever."""
        return None if self.fate is Fate.HERE else _in_words(self.fate, self.path, self.files)


def _in_words(fate: Fate, path: str | None, files: tuple[str, ...]) -> str:
    if fate is Fate.MOVED:
        return f"{fate} to {path}"
    return f"{fate}: {', '.join(files)}" if files else str(fate)


def base_tree(repository: Repository, ours: str, theirs: str) -> str | None:
    """The tree of the merge base of two commits; None where there is none, or more than one."""
    try:
        bases = repository.merge_bases(ours, theirs)
    except RepositoryError:
        return None
    return repository.tree_of(bases[0]) if len(bases) == 1 else None


def standing(
    repository: Repository, guarded: Guarded, path: str | None, base: str | None, theirs: str
) -> Standing:
    """How tree ``theirs`` (upstream's) stands to a monolith that the fork has at ``path``.

    ``base`` is the tree of the merge base, if there is one. ``path`` is None where the fork has no such file.
    """
    known = ((path,) if path is not None else ()) + guarded.paths
    there = next((p for p in known if repository.entry(theirs, p)), None)
    before = None if base is None else next((p for p in known if repository.entry(base, p)), None)
    if path is None:
        return Standing(Fate.HERE if there is None else Fate.RETURNED, there)
    lock = guarded.lock
    if lock is None:
        return Standing(Fate.HERE, there)
    if there is not None:
        if before is None and base is not None:
            return Standing(Fate.TAKEN, there)
        entry = repository.entry(theirs, there)
        if base is None or before != there or entry is None or entry.oid == lock.upstream:
            return Standing(Fate.HERE, there)
    elif base is None or before is None:
        return Standing(Fate.OURS_ALONE)
    assert before is not None
    text = repository.read_file(base, before) or b""
    traced = trace(repository, base, theirs, before, text)
    if traced.fate is Fate.HERE:
        return Standing(Fate.HERE, there)
    return Standing(traced.fate, traced.path or there, () if traced.fate is Fate.MOVED else traced.files)


def _text(repository: Repository, entry: Entry | None) -> bytes | None:
    return repository.read_blob(entry.oid) if entry is not None and entry.is_file else None
