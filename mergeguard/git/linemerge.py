"""git's own three-way merges of one file: what the structured merge must never fall behind.

There are two: that of ``git merge-file`` (Myers' differences) and that of ``git merge`` (histogram), which
``git merge-file`` learnt to make in 2.44 only. Imports nothing heavy: ``mergeguard merge-file`` runs this on
every file git hands it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from mergeguard.errors import GitError
from mergeguard.git.process import Ended, run_child
from mergeguard.merge.markers import parse_markers, size_of_conflicts
from mergeguard.merge.result import Piece
from mergeguard.values import dataclass

# Of markers: longer than any line start of the inputs, so that they can be told from text.
_SIZE = 47


@dataclass(frozen=True, slots=True)
class LineMerge:
    """What git made of it: ``clean`` bytes, or the ``pieces`` with its conflict regions."""

    clean: bytes | None
    pieces: tuple[Piece, ...] | None


def merge_lines_with_git(ours: str, base: str, theirs: str, options: Sequence[str] = ()) -> LineMerge:
    """``git merge-file`` of three files on disk (its own argument order), which it leaves alone.

    ``options`` are passed on (``--diff-algorithm=...``). Raises GitError where git can't merge them
    (binary files, a file missing).
    """
    clean = _run(["-p", *options, ours, base, theirs])
    if clean.code == 0:
        return LineMerge(clean.out, None)
    regions = _run(["-p", "--diff3", f"--marker-size={_SIZE}", *options, ours, base, theirs])
    return LineMerge(None, parse_markers(regions.out, _SIZE))


def merge_bytes_with_git(
    base: bytes, ours: bytes, theirs: bytes, scratch: Path, options: Sequence[str] = ()
) -> LineMerge:
    """The same for bytes in memory, through files in the folder ``scratch``."""
    paths = [scratch / name for name in ("ours", "base", "theirs")]
    for path, text in zip(paths, (ours, base, theirs), strict=True):
        path.write_bytes(text)
    one, two, three = map(str, paths)
    return merge_lines_with_git(one, two, three, options)


def least_conflict(first: LineMerge, base: bytes, ours: bytes, theirs: bytes, scratch: Path) -> LineMerge:
    """What a structured merge of the three starts from: ``first``, which ``git merge-file`` made of them, or
    what ``git merge`` makes of them if that is clean or shows fewer lines of conflict.

    It depends on the three texts alone, so that whoever merges them gets the same.
    """
    if first.pieces is None:
        return first
    second = merge_as_git_merge(base, ours, theirs, scratch)
    if second.pieces is None or size_of_conflicts(second.pieces) < size_of_conflicts(first.pieces):
        return second
    return first


def least_conflict_of(base: bytes, ours: bytes, theirs: bytes, scratch: Path) -> LineMerge:
    """``least_conflict`` of bytes in memory."""
    first = merge_bytes_with_git(base, ours, theirs, scratch)
    return least_conflict(first, base, ours, theirs, scratch)


def merge_as_git_merge(base: bytes, ours: bytes, theirs: bytes, scratch: Path) -> LineMerge:
    """What ``git merge`` makes of one file where no attributes speak, in the folder ``scratch``."""
    text, clean = merge_by_histogram(base, ours, theirs, scratch, "diff3", _SIZE)
    return LineMerge(text, None) if clean else LineMerge(None, parse_markers(text, _SIZE))


def merge_by_histogram(
    base: bytes,
    ours: bytes,
    theirs: bytes,
    scratch: Path,
    style: str,
    size: int,
    names: tuple[str, str, str] = ("ours", "base", "theirs"),
) -> tuple[bytes, bool]:
    """What ``git merge`` makes of one file, with markers of ``size`` in the ``style`` where it is not clean.

    In a repository of its own below ``scratch``: the attributes, drivers and objects of a real one take no
    part. ``names`` are those of ours, base and theirs in markers.
    """
    from mergeguard.git.objectnames import SHA1
    from mergeguard.git.objects import MODE_FILE, Entry, ObjectStore
    from mergeguard.git.process import child_environment, decode, run_git, start_git

    folder = scratch / "histogram"
    for name in ("objects", "refs", "info"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "HEAD").write_bytes(b"ref: refs/heads/none\n")
    (folder / "config").write_bytes(b"[core]\n\trepositoryformatversion = 0\n\tbare = true\n")
    (folder / "info" / "attributes").write_bytes(
        b"file merge diff=none -text conflict-marker-size=%d\n" % size
    )
    environment = {**child_environment(), "GIT_DIR": str(folder)}
    objects = ObjectStore(
        folder / "objects",
        SHA1,
        lambda *arguments, **options: run_git(arguments, cwd=folder, environment=environment, **options),
        lambda *arguments: start_git(arguments, cwd=folder, environment=environment),
    )

    def commit(text: bytes, *parents: str) -> str:
        tree = objects.write_tree({b"file": Entry(MODE_FILE, objects.write("blob", text))})
        return objects.write_commit(tree, parents, b"virtual\n")

    root = commit(base)
    sides = (commit(ours, root), commit(theirs, root))
    settings = (f"merge.conflictStyle={style}", "merge.renormalize=false", "diff.algorithm=histogram")
    configured = [word for setting in settings for word in ("-c", setting)]
    command = (*configured, "merge-tree", "--write-tree", "-z", "--no-messages", *sides)
    merged = run_git(command, cwd=folder, environment=environment, ok=(0, 1))
    entry = objects.entry(decode(merged.out.partition(b"\0")[0]), "file")
    if entry is None:
        raise GitError("git merge-tree gave no file")
    text = objects.read(entry.oid, "blob")
    if merged.code == 0:
        return text, True
    return _named(text, size, (sides[0], root, sides[1]), names), False


def _named(text: bytes, size: int, commits: tuple[str, str, str], names: tuple[str, str, str]) -> bytes:
    """A text with markers in which ``names`` stand for the three commits."""
    from mergeguard.git.process import encode

    ours, base, theirs = (name.encode("ascii") for name in commits)
    signs = (rb"<{%d}" % size, rb"\|{%d}" % size, rb">{%d}" % size)
    # git shortens the name of the base.
    for sign, found, name in zip(signs, (ours, base[:4] + rb"[0-9a-f]*", theirs), names, strict=True):
        label = rb"\1 " + encode(name).replace(b"\\", rb"\\")
        text = re.sub(rb"^(%s) %s" % (sign, found), label, text, flags=re.MULTILINE)
    return text


def configured_style() -> str:
    """``merge.conflictStyle``, which ``git merge-file`` follows too."""
    done = run_child(["git", "config", "--get", "merge.conflictStyle"], os.environ)
    style = done.out.decode("ascii", "replace").strip()
    return style if style in ("merge", "diff3", "zdiff3") else "merge"


def _run(arguments: list[str]) -> Ended:
    command = ["git", "-c", "merge.conflictStyle=merge", "merge-file", *arguments]
    try:
        done = run_child(command, os.environ)
    except FileNotFoundError as error:
        raise GitError("git is not installed or not on the PATH", hint="install git 2.30 or newer") from error
    if done.code < 0 or done.code > 127:
        said = done.err.decode("utf-8", "replace").strip() or f"git merge-file ended with {done.code}"
        raise GitError(said)
    return done
