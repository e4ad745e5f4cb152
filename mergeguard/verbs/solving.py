"""solve: what is certain of the conflicts that a file has already, by markers or in the index."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mergeguard.errors import Location, SourceError
from mergeguard.git.durable import temporary_folder, write_output
from mergeguard.git.errors import NoMergeBase
from mergeguard.git.linemerge import (
    LineMerge,
    least_conflict,
    merge_as_git_merge,
    merge_bytes_with_git,
)
from mergeguard.git.process import decode, encode
from mergeguard.git.repository import Repository
from mergeguard.merge.marked import MARKER_SIZE, Marked, has_markers, read_markers, untouched, with_bases
from mergeguard.merge.solve import Solved, Versions, merge_named, solve
from mergeguard.values import dataclass

_BINARY = b"\0"
_MOST_COMMITS = 200  # that are looked at for the merge that brought committed markers


@dataclass(frozen=True, slots=True)
class SolveOutcome:
    """What became of one file; ``path`` is from the repository's root.

    ``before`` and ``left`` count its conflicts; ``said`` is why they are left, or how they were solved.
    """

    path: str
    before: int
    left: int
    said: tuple[str, ...] = ()


def unmerged_paths(repository: Repository) -> list[str]:
    """The files that are in conflict in the index, from the repository's root."""
    return list(_unmerged(repository))


def solve_files(repository: Repository, paths: Sequence[str], *, write: bool = True) -> list[SolveOutcome]:
    """Solve what is certain in files of the work tree, and write those in which something is; stage nothing.
    A folder stands for what is in conflict below it.

    ``write=False`` only counts the conflicts. Raises SourceError where there is no such file, before any is
    touched; what is wrong with one file else is its outcome, and the others go on.
    """
    unmerged = _unmerged(repository)
    named = list(dict.fromkeys(one for path in paths for one in _named(repository, path, unmerged)))
    sizes = _marker_sizes(repository, named)
    return [
        _solve_file(repository, path, unmerged.get(path, {}), sizes.get(path, MARKER_SIZE), write)
        for path in named
    ]


def _named(repository: Repository, path: str, unmerged: Collection[str]) -> list[str]:
    """The file, or those in conflict below a folder."""
    place = repository.work_tree / path
    if path in unmerged or place.is_symlink() or place.is_file():
        return [path]
    if place.is_dir():
        below = "" if path in ("", ".") else path.rstrip("/") + "/"
        return [one for one in unmerged if one.startswith(below)]
    hint = "`git diff --name-only --diff-filter=U` lists the files that are in conflict"
    raise SourceError("no such file", where=Location(path), hint=hint)


def _solve_file(
    repository: Repository, path: str, stages: dict[str, str], marker_size: int, write: bool
) -> SolveOutcome:
    file = repository.work_tree / path
    if not stages and not (file.is_file() and not file.is_symlink()):
        return SolveOutcome(path, 0, 0)  # what a link points at is a file of its own
    if file.is_symlink() or not all(stages.values()):
        return _by_hand(path, "a link or a submodule: `git checkout --ours` or `--theirs` it, then `git add`")
    if not file.is_file():
        return _by_hand(path, _one_sided(path, stages))
    text = file.read_bytes()
    try:
        marked = read_markers(text, path, marker_size)
    except SourceError as broken:
        return _by_hand(path, str(broken))
    if not marked.conflicts:
        return _without_markers(repository, path, stages)
    if not write:
        return SolveOutcome(path, marked.conflicts, marked.conflicts)
    solved = _solved(
        repository, path, marked, _staged(repository, stages) or _merged(repository, marked, path)
    )
    if solved.text != text:
        write_output(file, solved.text)
    return SolveOutcome(path, solved.before, solved.left, solved.said)


def _by_hand(path: str, why: str) -> SolveOutcome:
    return SolveOutcome(path, 1, 1, (why,))


def _one_sided(path: str, stages: dict[str, str]) -> str:
    """What to do where the index does not have both sides."""
    if stages.keys() == {"1"}:
        return f"both sides removed or renamed it: `git rm {path}`"
    who = "you" if "2" not in stages else "they"
    return f"{who} removed what the other side edited: keep it with `git add`, or `git rm` it"


def _without_markers(repository: Repository, path: str, stages: dict[str, str]) -> SolveOutcome:
    if not stages:
        return SolveOutcome(path, 0, 0)
    if not {"2", "3"} <= stages.keys():
        return _by_hand(path, _one_sided(path, stages))
    if any(_BINARY in repository.read_blob(oid) for oid in stages.values()):
        return _by_hand(path, "git takes it for binary: `git checkout --ours` or `--theirs` it")
    return SolveOutcome(path, 0, 0, ("no marker is left in it: `git add` it once you have looked",))


def _solved(repository: Repository, path: str, marked: Marked, versions: Versions | None) -> Solved:
    style = "zdiff3" if repository.config("merge.conflictStyle") == "zdiff3" else "diff3"
    if versions is None:
        return solve(marked, path, style=style)
    checked_out = _is_crlf(marked.text) and not any(b"\r\n" in text for text in versions)
    if checked_out:  # the attributes ask for other line ends in the work tree than in the repository
        marked = read_markers(marked.text.replace(b"\r\n", b"\n"), path, marked.size)
    solved = _with_versions(path, marked, versions, style)
    text = solved.text.replace(b"\n", b"\r\n") if checked_out else solved.text
    return solved._replace(text=text)


def _with_versions(path: str, marked: Marked, versions: Versions, style: str) -> Solved:
    made, least = _line_merges(versions)
    as_git_left_it = any(untouched(marked, one.pieces) for one in made if one.pieces is not None)
    for one in made:
        marked = with_bases(marked, one.pieces or (), path) if marked.baseless else marked
    result = merge_named(path, versions, least.clean, least.pieces) if as_git_left_it else None
    return solve(marked, path, result, style)


def _line_merges(versions: Versions) -> tuple[tuple[LineMerge, LineMerge], LineMerge]:
    """git's two merges of lines, and what a structured merge starts from."""
    with temporary_folder() as scratch:
        made = (merge_bytes_with_git(*versions, scratch), merge_as_git_merge(*versions, scratch))
        return made, least_conflict(made[0], *versions, scratch)


def _is_crlf(text: bytes) -> bool:
    return b"\n" in text and text.count(b"\n") == text.count(b"\r\n")


def _marker_sizes(repository: Repository, paths: Sequence[str]) -> dict[str, int]:
    """How long the attributes want the markers in each of the files, where they say so."""
    given = b"".join(encode(path) + b"\0" for path in paths)
    said = repository.git("check-attr", "-z", "--stdin", "conflict-marker-size", stdin=given).out.split(b"\0")
    return {
        decode(path): int(size)
        for path, size in zip(said[::3], said[2::3], strict=False)
        if size.isdigit() and int(size) > 0
    }


def _unmerged(repository: Repository) -> dict[str, dict[str, str]]:
    """The files in conflict in the index, each with its blobs by stage: "1" the base, "2" ours, "3" theirs;
    "" for what is no file."""
    found: dict[str, dict[str, str]] = {}
    for line in filter(None, decode(repository.git("ls-files", "--unmerged", "-z").out).split("\0")):
        entry, _, path = line.partition("\t")
        mode, oid, stage = entry.split()
        found.setdefault(path, {})[stage] = oid if mode.startswith("100") else ""
    return found


def _staged(repository: Repository, stages: dict[str, str]) -> Versions | None:
    """Base (nothing, where both sides added the file), ours and theirs of a file in conflict."""
    if not {"2", "3"} <= stages.keys() or not all(stages.values()):
        return None
    base = repository.read_blob(stages["1"]) if "1" in stages else b""
    return _usable((base, repository.read_blob(stages["2"]), repository.read_blob(stages["3"])))


def _merged(repository: Repository, marked: Marked, path: str) -> Versions | None:
    """The same where somebody committed the markers: of the last merge that left some in the file."""
    options = ("log", f"-{_MOST_COMMITS}", "--format=%H %P", "HEAD", "--", path)
    for line in repository.git("--literal-pathspecs", *options, ok=(0, 128)).text.splitlines():
        commit, *parents = line.split()
        text = repository.read_file(repository.tree_of(commit), path)
        if text is None or not has_markers(text, marked.size):
            return None
        if len(parents) == 2:
            return _versions_of(repository, path, parents)
    return None


def _versions_of(repository: Repository, path: str, parents: Sequence[str]) -> Versions | None:
    try:
        bases = repository.merge_bases(parents[0], parents[1])
    except NoMergeBase:
        return None
    if len(bases) != 1:
        return None
    trees = (repository.tree_of(commit) for commit in (bases[0], *parents))
    base, ours, theirs = (repository.read_file(tree, path) for tree in trees)
    if ours is None or theirs is None:
        return None
    return _usable((base or b"", ours, theirs))


def _usable(versions: Versions) -> Versions | None:
    """The versions; None where the base is a conflict itself (git merged several bases first)."""
    nested = any(line.startswith(b"<" * (MARKER_SIZE + 1)) for line in versions[0].split(b"\n"))
    return None if nested else versions
