"""Whether a stopped merge or pick may be concluded: nothing unmerged, no marker added by mistake."""

from __future__ import annotations

from collections.abc import Sequence

from mergeguard.errors import RESOLVE, LayoutError, Location
from mergeguard.fork.report import marker_lines
from mergeguard.git.objects import MODE_SUBMODULE
from mergeguard.git.repository import Repository

_THEIRS = ("MERGE_HEAD", "CHERRY_PICK_HEAD")


def require_resolved(repository: Repository) -> None:
    """LayoutError that names the files that are still in conflict, or were added with their markers in."""
    unmerged = repository.unmerged()
    if unmerged:
        raise LayoutError(
            _counted(unmerged, "still in conflict"),
            where=Location(unmerged[0]),
            hint=f"{RESOLVE}`mergeguard sync --continue`",
        )
    marked = _marked(repository)
    if marked:
        paths = sorted({path for path, _ in marked})
        raise LayoutError(
            _counted(paths, "added with conflict markers in it"),
            where=Location(*marked[0]),
            hint="resolve them and `git add` again, then `mergeguard sync --continue`; "
            "if they are meant, `git commit` takes them as they are",
        )


def _counted(paths: Sequence[str], what: str) -> str:
    others = [f"; so {'are' if len(paths) > 2 else 'is'} {', '.join(paths[1:8])}"] if paths[1:] else []
    return "".join([what, *others, ", …" if len(paths) > 8 else ""])


def _marked(repository: Repository) -> list[tuple[str, int]]:
    """Path and 1-based line of each marker in the index that the stopped merge wrote (not a side's own)."""
    note = repository.git_dir / "AUTO_MERGE"  # git's own name for the tree that it, or a sync, left
    written = note.read_text().strip() if note.exists() else ""
    if not written or not repository.has_object(written):
        return []
    head, index = repository.tree_of("HEAD"), repository.index_tree()
    theirs = [repository.tree_of(name) for name in _THEIRS if repository.reference(name) is not None]
    found = []
    for change in repository.diff_trees(head, written, renames=False):
        path = change.new
        if change.after is None or change.after in (repository.entry(tree, path) for tree in theirs):
            continue  # gone, or as a side has it: no marker in it is the merge's
        ours = {line for _, line in _markers(repository, written, path)}
        if ours:
            ours -= {line for tree in (head, *theirs) for _, line in _markers(repository, tree, path)}
        if ours:
            found += [(path, n) for n, line in _markers(repository, index, path) if line in ours]
    return found


def _markers(repository: Repository, tree: str, path: str) -> list[tuple[int, bytes]]:
    """The markers that open a conflict in one file: 1-based line and text."""
    entry = repository.entry(tree, path)
    if entry is None or entry.mode == MODE_SUBMODULE:
        return []
    text = repository.read_blob(entry.oid)
    if b"<<<<<<<" not in text:
        return []
    lines = text.split(b"\n")
    return [(n, lines[n - 1]) for n in marker_lines(text)]
