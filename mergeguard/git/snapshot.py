"""The work tree as git would commit it, and trees written out as files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mergeguard.errors import Location, counted
from mergeguard.git.errors import RepositoryError
from mergeguard.git.process import encode

if TYPE_CHECKING:
    from mergeguard.git.repository import Repository


def snapshot(repository: Repository, folders: Iterable[str] = (), *, tracked: bool = True) -> str:
    """A tree of the work tree: the index, with the changes of ``tracked`` files, and ``folders`` added whole.

    Filters (line endings, LFS) count as for ``git add``; index and work tree are left alone. Errors:
    RepositoryError while the index holds conflicts.
    """
    present = [folder for folder in folders if (repository.work_tree / folder).exists()]
    if tracked and (tree := unchanged(repository, present)) is not None:
        return tree
    unmerged = repository.unmerged()
    if unmerged:
        raise RepositoryError(
            f"unresolved conflicts in {counted(len(unmerged), 'file')}",
            where=Location(unmerged[0]),
            hint="resolve them and `git add` them, then run this again",
        )
    with _index_copy(repository) as environment:
        if tracked:
            repository.git("add", "--update", environment=environment)
        if present:
            repository.git("add", "--all", "--force", "--", *present, environment=environment)
        return repository.git("write-tree", environment=environment).text


def unchanged(repository: Repository, folders: Iterable[str]) -> str | None:
    """HEAD's tree where nothing differs from it, nor stands beside it in ``folders``: what most looks find,
    without a look at every entry."""
    head = repository.head().oid
    if head is None or repository.dirty():
        return None
    tree = repository.tree_of(head)
    return None if any(_has_more(repository, tree, folder) for folder in folders) else tree


def _has_more(repository: Repository, tree: str, folder: str) -> bool:
    """Whether a folder of the work tree has files that the tree has not."""
    known = {encode(path) for path in repository.list_tree(tree, folder)}
    root = os.fsencode(repository.work_tree)
    for place, folders, files in os.walk(os.path.join(root, encode(folder))):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        if any(os.path.relpath(os.path.join(place, name), root) not in known for name in (*files, *links)):
            return True
    return False


def staged(repository: Repository) -> str:
    """The index as a tree, read from a copy: git may hold its lock while it runs us."""
    with _index_copy(repository) as environment:
        return repository.git("write-tree", environment=environment).text


def export(repository: Repository, tree: str, folder: Path) -> None:
    """Write all files of a tree below ``folder`` (empty or new); filters count as on checkout."""
    if folder.exists() and any(folder.iterdir()):
        raise RepositoryError(f"{folder} is not empty", hint="name an empty or a new folder")
    with _index_copy(repository) as environment:
        repository.git("read-tree", tree, environment=environment)
        folder.mkdir(parents=True, exist_ok=True)
        repository.git("checkout-index", "--all", f"--prefix={folder.absolute()}/", environment=environment)


@contextmanager
def _index_copy(repository: Repository) -> Iterator[dict[str, str]]:
    """The environment in which git uses a copy of the index, gone afterwards."""
    folder = repository.private_dir / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / f"index-{os.urandom(16).hex()}"
    try:
        if repository.index_file.exists():
            copy.write_bytes(repository.index_file.read_bytes())
        yield {"GIT_INDEX_FILE": str(copy)}
    finally:
        copy.unlink(missing_ok=True)
        copy.with_name(copy.name + ".lock").unlink(missing_ok=True)
