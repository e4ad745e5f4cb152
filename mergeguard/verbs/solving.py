"""solve: what is certain of the conflicts that a file has already, by markers or in the index."""

from __future__ import annotations

import tempfile
from pathlib import Path

from mergeguard.cpp.filenames import SOURCES
from mergeguard.errors import Location, SourceError
from mergeguard.git.durable import write_output
from mergeguard.git.linemerge import least_conflict, merge_as_git_merge, merge_bytes_with_git
from mergeguard.git.process import decode
from mergeguard.git.repository import Repository
from mergeguard.merge.result import Conflict
from mergeguard.merge.solve import Solved, Versions, read_markers, solve, untouched
from mergeguard.values import dataclass


@dataclass(frozen=True, slots=True)
class SolveOutcome:
    """What became of one file; ``path`` is from the repository's root."""

    path: str
    before: int
    left: int
    said: tuple[str, ...]


def solve_file(repository: Repository, path: str, *, write: bool = True) -> SolveOutcome:
    """Solve what is certain in a file of the work tree, and write it if something is; stage nothing.

    ``write=False`` only counts the conflicts. Raises SourceError where there is no such C++ file or its
    markers do not belong together; then the file is as it was.
    """
    file = repository.work_tree / path
    if not file.is_file() or not path.lower().endswith(SOURCES):
        hint = (
            "name C, C++, CUDA or HIP files with conflicts; `git diff --name-only --diff-filter=U` lists them"
        )
        raise SourceError("no such C++ file", where=Location(path), hint=hint)
    marked = read_markers(file.read_bytes(), path)
    found = sum(isinstance(piece, Conflict) for piece in marked.pieces)
    if not found or not write:
        return SolveOutcome(path, found, found, ())
    solved = Solved(marked.text, found, found)
    versions = _staged(repository, path) or _merged(repository, path)
    if versions is not None:
        with tempfile.TemporaryDirectory(prefix="mergeguard-") as folder:
            scratch = Path(folder)
            made = (merge_bytes_with_git(*versions, scratch), merge_as_git_merge(*versions, scratch))
            lines = least_conflict(made[0], *versions, scratch)
        if any(one.pieces is not None and untouched(marked, one.pieces) for one in made):
            solved = solve(marked, versions, lines.pieces, lines.clean)
        else:
            versions = None
    if versions is None:
        solved = solve(marked)
    if solved.text != marked.text:
        write_output(file, solved.text)
    return SolveOutcome(path, solved.before, solved.left, tuple(note.message for note in solved.notes))


def _staged(repository: Repository, path: str) -> Versions | None:
    """Base, ours and theirs of a file in conflict, from the index."""
    listed = repository.git("ls-files", "--unmerged", "-z", "--", path).out
    stages: dict[str, str] = {}
    for line in filter(None, decode(listed).split("\0")):
        _, oid, stage = line.partition("\t")[0].split()
        stages[stage] = oid
    if stages.keys() != {"1", "2", "3"}:
        return None
    return (
        repository.read_blob(stages["1"]),
        repository.read_blob(stages["2"]),
        repository.read_blob(stages["3"]),
    )


def _merged(repository: Repository, path: str) -> Versions | None:
    """The same where somebody committed the markers: of the merge that last changed the file."""
    last = repository.git("log", "-1", "--format=%H %P", "HEAD", "--", path, ok=(0, 128)).text.split()
    if len(last) != 3:
        return None
    bases = repository.merge_bases(last[1], last[2])
    texts = [
        repository.read_file(repository.tree_of(commit), path) for commit in (bases[0], last[1], last[2])
    ]
    base, ours, theirs = texts
    if base is None or ours is None or theirs is None or len(bases) != 1:
        return None
    return base, ours, theirs
