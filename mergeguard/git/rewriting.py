"""Commits that we write: new ones, and those made again elsewhere; signed as git would."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mergeguard.git.objects import CommitInfo
    from mergeguard.git.repository import Repository


def new_commit(repository: Repository, tree: str, parents: tuple[str, ...], message: str) -> str:
    """A commit of the user's, made now."""
    author, committer = (repository.identity(role) for role in ("author", "committer"))
    return repository.signed(
        repository.commit_object(tree, parents, message, author=author, committer=committer)
    )


def with_tree(repository: Repository, info: CommitInfo, tree: str) -> str:
    """A commit that git has just made for this user, with another tree; signed if that one is."""
    if tree == info.tree:
        return info.oid
    new = repository.commit_object(
        tree,
        info.parents,
        info.message,
        author=info.author,
        committer=info.committer,
        encoding=info.encoding,
        extra=tuple(header for header in info.extra if not _is_signature(header)),
    )
    return repository.signed(new) if any(map(_is_signature, info.extra)) else new


def _is_signature(header: tuple[str, bytes]) -> bool:
    return header[0].startswith("gpgsig")


def write_commit(repository: Repository, info: CommitInfo, tree: str, parents: tuple[str, ...]) -> str:
    """The commit replayed: its author, message and encoding; the committer is the user, now."""
    new = repository.commit_object(
        tree,
        parents,
        info.message,
        author=info.author,
        committer=repository.identity("committer"),
        encoding=info.encoding,
    )
    return repository.signed(new)
