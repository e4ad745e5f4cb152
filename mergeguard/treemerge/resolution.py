"""How the conflicts of a merge were resolved: by file and folder, read from the merge's own trees."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import groupby

from mergeguard.errors import SourceError
from mergeguard.git.repository import Repository
from mergeguard.merge.marked import as_conflicts, read_markers
from mergeguard.merge.result import Conflict, Piece, Resolved
from mergeguard.values import dataclass


class TakenSide(StrEnum):
    """What a person left of one conflict."""

    OURS = "as the fork had it"
    THEIRS = "as upstream has it"
    BOTH = "both kept"
    NEITHER = "neither kept"
    BY_HAND = "written by hand"


@dataclass(frozen=True, slots=True)
class ResolvedFile:
    """One file that was in conflict: what was taken, for each conflict (or once, for the file as a whole)."""

    path: str
    taken: tuple[TakenSide, ...]

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.path) or "."

    @property
    def described(self) -> str:
        """What was taken, in words: ``2 as the fork had it, 1 written by hand``."""
        return described(self.taken)


def described(taken: Iterable[TakenSide]) -> str:
    """What was taken, with numbers, the most frequent first."""
    return ", ".join(f"{number} {what}" for what, number in Counter(taken).most_common())


def resolutions(
    repository: Repository, paths: Iterable[str], marked: str, resolved: str, sides: tuple[str, str]
) -> tuple[ResolvedFile, ...]:
    """How the ``paths`` in conflict were resolved, in their order.

    ``marked`` is the tree with the markers, ``resolved`` what was committed, ``sides`` the trees of ours and
    theirs.
    """
    found = []
    for path in sorted(paths):
        before, after, ours, theirs = (
            repository.read_file(tree, path) for tree in (marked, resolved, *sides)
        )
        found.append(ResolvedFile(path, _taken(before, after, ours, theirs)))
    return tuple(found)


def _taken(
    marked: bytes | None, after: bytes | None, ours: bytes | None, theirs: bytes | None
) -> tuple[TakenSide, ...]:
    pieces = _pieces(marked)
    count = max(1, sum(isinstance(piece, Conflict) for piece in pieces))
    if after == ours and after != theirs:
        return (TakenSide.OURS,) * count
    if after == theirs and after != ours:
        return (TakenSide.THEIRS,) * count
    told = None if after is None else _by_conflict(pieces, after)
    return told or (TakenSide.BY_HAND,) * count


def _pieces(marked: bytes | None) -> tuple[Piece, ...]:
    try:
        return () if marked is None else as_conflicts(read_markers(marked, ""))
    except SourceError:
        return ()


def _by_conflict(pieces: tuple[Piece, ...], after: bytes) -> tuple[TakenSide, ...] | None:
    """For each conflict what stands in its place; None where the text around was edited, too."""
    taken: list[TakenSide] = []
    at, waiting = 0, None
    for piece in (*pieces, None):
        if isinstance(piece, Conflict):
            waiting = piece
            continue
        if piece is not None and not piece.text:
            continue
        found = len(after) if piece is None else after.find(piece.text, at)
        if found < at or (waiting is None and found != at):
            return None
        if waiting is not None:
            taken.append(_what(waiting, after[at:found]))
            waiting = None
        at = found + (len(piece.text) if isinstance(piece, Resolved) else 0)
    return tuple(taken) or None


def _what(conflict: Conflict, text: bytes) -> TakenSide:
    answers: Mapping[bytes, TakenSide] = {
        b"": TakenSide.NEITHER,
        conflict.ours + conflict.theirs: TakenSide.BOTH,
        conflict.theirs + conflict.ours: TakenSide.BOTH,
        conflict.theirs: TakenSide.THEIRS,
        conflict.ours: TakenSide.OURS,
    }
    return answers.get(text, TakenSide.BY_HAND)


def by_folder(files: Iterable[ResolvedFile]) -> Iterator[tuple[str, tuple[ResolvedFile, ...]]]:
    """The files of each folder, folders in order."""
    ordered = sorted(files, key=lambda file: (file.folder, file.path))
    for folder, inside in groupby(ordered, key=lambda file: file.folder):
        yield folder, tuple(inside)


def notes(files: Iterable[ResolvedFile]) -> str:
    """The resolution in words, folder by folder, for a commit's message."""
    lines: list[str] = []
    for folder, inside in by_folder(files):
        lines += ["", f"{folder}: {described(taken for file in inside for taken in file.taken)}"]
        lines += [f"- {posixpath.basename(file.path)}: {file.described}" for file in inside]
    return "\n".join(lines).strip("\n") + "\n" if lines else ""


# -- two commits: the merge with its conflicts, then the resolution ---------------------------------------

#: The line of a merge's message that says that the next commit resolves it.
TRAILER = "Mergeguard-Conflicts: as they were; the next commit resolves them"


def in_two_commits(
    repository: Repository, merge: str, marked: str, paths: Iterable[str], upstream: str
) -> str:
    """A merge commit that HEAD names and nobody has seen yet, as two: one with the tree ``marked``, and on
    top of it one with the resolution of ``paths``, whose message tells it by folder. The second's name.

    HEAD's branch is moved to it; index and files are as they were.
    """
    info = repository.commit_info(merge)
    first = repository.signed(
        repository.commit_object(
            marked,
            info.parents,
            info.message.rstrip(b"\n") + b"\n\n" + TRAILER.encode() + b"\n",
            info.author,
            info.committer,
            encoding=info.encoding,
        ),
    )
    sides = (repository.tree_of(info.parents[0]), repository.tree_of(info.parents[1]))
    told = notes(resolutions(repository, paths, marked, info.tree, sides))
    message = f"Resolve the conflicts with {upstream}\n" + (f"\n{told}" if told else "")
    made = repository.commit_object(info.tree, (first,), message, info.author, info.committer)
    second = repository.signed(made)
    repository.git("update-ref", "-m", "mergeguard sync: conflicts and resolution", "HEAD", second, merge)
    return second


def settled(repository: Repository, merge: str, head: str = "HEAD") -> str:
    """The commit that has what became of a merge: the next one, where the merge was committed with its
    conflicts as they were; else itself."""
    if TRAILER.encode() not in repository.commit_info(merge).message:
        return merge
    after = repository.rev_list("--first-parent", "--ancestry-path", f"{merge}..{head}")
    return after[-1] if after else merge
