"""git's own three-way merge of one file: the result that the structured merge must never fall behind.

Imports nothing heavy: ``mergeguard merge-file`` runs this on every file git hands it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from mergeguard.errors import GitError
from mergeguard.merge.markers import parse_markers
from mergeguard.merge.result import Piece
from mergeguard.values import dataclass


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
    if clean.returncode == 0:
        return LineMerge(clean.stdout, None)
    # Markers longer than any line start of the inputs, so that they can be told from text.
    size = 47
    regions = _run(["-p", "--diff3", f"--marker-size={size}", *options, ours, base, theirs])
    return LineMerge(None, parse_markers(regions.stdout, size))


def merge_bytes_with_git(
    base: bytes, ours: bytes, theirs: bytes, scratch: Path, options: Sequence[str] = ()
) -> LineMerge:
    """The same for bytes in memory, through files in the folder ``scratch``."""
    paths = [scratch / name for name in ("ours", "base", "theirs")]
    for path, text in zip(paths, (ours, base, theirs), strict=True):
        path.write_bytes(text)
    one, two, three = map(str, paths)
    return merge_lines_with_git(one, two, three, options)


def configured_style() -> str:
    """``merge.conflictStyle``, which ``git merge-file`` follows too."""
    command = ["git", "config", "--get", "merge.conflictStyle"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True)
    style = done.stdout.strip()
    return style if style in ("merge", "diff3", "zdiff3") else "merge"


def _run(arguments: list[str]) -> subprocess.CompletedProcess[bytes]:
    command = ["git", "-c", "merge.conflictStyle=merge", "merge-file", *arguments]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise GitError("git is not installed or not on the PATH", hint="install git 2.30 or newer") from error
    if done.returncode < 0 or done.returncode > 127:
        said = (
            done.stderr.decode("utf-8", "replace").strip() or f"git merge-file ended with {done.returncode}"
        )
        raise GitError(said)
    return done
