"""The merge driver as git starts it, once for each file: only the first of a merge loads the lens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mergeguard.errors import MergeguardError
from mergeguard.git.durable import write_atomic
from mergeguard.git.repository import Repository
from mergeguard.hooks import foreseen, mergework
from mergeguard.hooks.telling import tell


def main(arguments: Sequence[str]) -> int:
    """``merge-driver BASE OURS THEIRS MARKER_SIZE PATH`` as git calls it (%O %A %B %L %P)."""
    answer = None
    if len(arguments) >= 6:
        base, ours, theirs, _, path = arguments[1:6]
        try:
            answer = _answer(path, Path(base), Path(ours), Path(theirs))
        except MergeguardError as error:
            tell(f"mergeguard: {path}: {error}" + (f"\nhint: {error.hint}" if error.hint else ""))
            return 1
        except OSError as error:
            tell(f"mergeguard: {path}: {error.filename or 'the repository'}: {error.strerror}")
            return 1
    if answer is not None:
        return answer
    from mergeguard.hooks.mergefile import main as merge_file

    return merge_file(arguments)


def _answer(path: str, base: Path, ours: Path, theirs: Path) -> int | None:
    repository = Repository.discover()
    text = _foreseen(repository, path)
    if text is not None:
        write_atomic(ours.absolute(), text, repository.private_dir / "tmp", sync=False)
        return 0
    from mergeguard.hooks import driver

    return driver.answer(repository, path, base, ours, theirs)


def _foreseen(repository: Repository, path: str) -> bytes | None:
    """What an earlier call has found the file to be in the merge at work; None where it has not."""
    heads, head = mergework.merging(), repository.head().oid
    if len(heads) != 1 or head is None:
        return None
    seen = foreseen.read(repository, head, heads[0][0])
    return repository.read_file(seen.tree, path) if seen is not None and path in seen.paths else None
