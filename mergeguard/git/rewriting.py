"""A commit made again elsewhere: what stays of it, and what is the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mergeguard.git.objects import CommitInfo
    from mergeguard.git.repository import Repository


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
