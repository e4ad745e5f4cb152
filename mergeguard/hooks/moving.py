"""How what the hooks work out becomes HEAD: a commit of git's with another tree, landed in its place.

Nothing here is amended but a commit that this clone has just made and nobody else can have: what a
remote-tracking ref or a tag reaches gets a commit on top instead (``move_head``). Nothing loads the lens.
"""

from __future__ import annotations

from collections.abc import Mapping

from mergeguard.git import landing
from mergeguard.git.objects import CommitInfo
from mergeguard.git.outcome import StateFile
from mergeguard.git.repository import Repository
from mergeguard.git.rewriting import new_commit, with_tree, write_commit
from mergeguard.hooks import pending
from mergeguard.hooks.telling import tell


def say(text: str) -> None:
    tell(f"mergeguard: {text}")


def true_commit(repository: Repository, info: CommitInfo, tree: str, parents: tuple[str, ...]) -> str:
    """The commit that git made, with another tree and other parents; itself where nothing differs."""
    if tree == info.tree and parents == info.parents:
        return info.oid
    return write_commit(repository, info, tree, parents)


def listed(paths: Mapping[str, object]) -> str:
    names = sorted(paths)
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "")


def replace_head(repository: Repository, info: CommitInfo, tree: str, what: str) -> None:
    """Land the commit that git has just made, HEAD, with another tree."""
    move_head(repository, info.oid, with_tree(repository, info, tree), what)


def move_head(
    repository: Repository,
    head: str,
    new: str,
    what: str,
    notes: tuple[tuple[str, str], ...] = (),
    names: tuple[tuple[str, str, str], ...] = (),
    state: tuple[StateFile, ...] = (),
) -> None:
    """Land commit ``new`` in place of HEAD's; index and work tree follow, and the note is closed.

    ``notes`` are pairs of commits: git's notes of the first go on to the second. ``names`` are refs that move
    along (see ``Outcome``), ``state`` files of the git folder. Where a commit that would go is published,
    none goes: what ``new`` has comes as a commit on top.
    """
    closed = (pending.landed(None), *state)
    if new != head and _is_published(repository, new, head):
        tree = repository.tree_of(new)
        if tree != repository.tree_of(head):
            commit = add_on_top(repository, head, tree, _completing(repository, head), what, closed)
            say(f"{head[:9]} is published, so it stays; {commit[:9]} on top of it completes split files")
            return
        new = head
    if new == head:
        pending.clear(repository.git_dir)
        return
    landing.land(
        repository,
        landing.Outcome(
            tree=repository.tree_of(new),
            expected_head=head,
            reflog=f"{what}: split files (mergeguard)",
            commit=new,
            state=closed,
            notes=notes,
            names=names,
        ),
    )


def _is_published(repository: Repository, new: str, head: str) -> bool:
    """Whether others may have a commit of ``head`` that is not in ``new``."""
    if repository.commit_info(new).parents == repository.commit_info(head).parents:
        return repository.is_published(head)
    return bool(repository.published(f"{new}..{head}"))


def _completing(repository: Repository, head: str) -> str:
    subject = repository.commit_info(head).subject
    return f"Complete split files\n\n{head[:12]} ({subject}) was made without mergeguard.\n"


def add_on_top(
    repository: Repository,
    head: str,
    tree: str,
    message: str,
    what: str,
    state: tuple[StateFile, ...] = (),
) -> str:
    """Land a new commit with ``tree`` on top of HEAD's; gives the commit."""
    commit = new_commit(repository, tree, (head,), message)
    landing.land(
        repository,
        landing.Outcome(
            tree=tree,
            expected_head=head,
            reflog=f"{what}: split files (mergeguard)",
            commit=commit,
            state=state,
        ),
    )
    return commit
