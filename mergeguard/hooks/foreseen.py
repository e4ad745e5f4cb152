"""What the first process of a plain ``git merge`` has worked out, for those that git starts after it.

Git asks the merge driver once for each file, then ``pre-merge-commit``, then ``post-merge``: each time a new
process. The first writes here what the merge is to be; where git has then made what that was worked out from,
the others have nothing to think about. Nothing here loads the lens. The first line is for the hooks' shell
scripts, which start nothing where it says that there is nothing to do.
"""

from __future__ import annotations

import json

from mergeguard import store
from mergeguard.fork.shelf import code
from mergeguard.git.atwork import FORESEEN
from mergeguard.git.durable import remove, write_atomic
from mergeguard.git.repository import Repository
from mergeguard.values import dataclass

_ASK = "-"  # in place of the tree: post-merge has something to do; what the shell may do of it follows


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A merge without conflicts of commit ``theirs`` into ``ours``.

    ``tree`` is what its commit is to have; in ``paths`` git may have left a file as a side or
    the base has it. ``said`` are the lines that tell what the audit has found. ``committed`` is the tree that
    git will commit, where that differs in the text of files alone; "" where more may differ.
    """

    ours: str
    theirs: str
    base: str
    tree: str
    paths: tuple[str, ...]
    said: tuple[str, ...]
    committed: str = ""

    def covers(self, repository: Repository, committed: str) -> bool:
        """Whether the tree that git has committed differs from ``tree`` only in what was to be put right."""
        mine, sides = frozenset(self.paths), (self.ours, self.theirs, self.base)
        for change in repository.diff_trees(committed, self.tree, renames=False):
            known = (repository.entry(repository.tree_of(side), change.old) for side in sides)
            if change.old not in mine or change.before not in known:
                return False
        return True


def write(repository: Repository, seen: Foreseen) -> None:
    """Note it; failing to costs time later, nothing else."""
    place = repository.git_dir / FORESEEN
    first = f"{seen.ours} {seen.theirs} {_for_the_shell(seen)}\n"
    values = [code(), *(getattr(seen, name) for name in Foreseen.__slots__)]
    try:
        write_atomic(
            place,
            first.encode() + store.sealed(json.dumps(values).encode()),
            place.parent / "tmp",
            sync=False,
        )
    except OSError:
        return


def _for_the_shell(seen: Foreseen) -> str:
    """What the hook's script is told: the tree with which HEAD has nothing to be done; or that something is
    to be done, and, where that is all, the tree that git commits and the one to land in its place.
    (Scripts of earlier versions start us then.)
    """
    if not seen.paths and not seen.said:
        return seen.tree
    return _ASK if seen.said or not seen.committed else f"{_ASK} {seen.committed} {seen.tree}"


def read(repository: Repository, ours: str, theirs: str) -> Foreseen | None:
    """What this code has foreseen of the merge of these two commits; None where it has not."""
    try:
        _, _, data = (repository.git_dir / FORESEEN).read_bytes().partition(b"\n")
        by, mine, other, base, tree, paths, said, committed = store.read_json(store.opened(data))
        seen = Foreseen(mine, other, base, tree, tuple(paths), tuple(said), committed)
    except (OSError, ValueError, TypeError):
        return None
    is_this = by == code() and (seen.ours, seen.theirs) == (ours, theirs)
    return seen if is_this and repository.has_object(seen.tree) else None


def clear(repository: Repository) -> None:
    """Forget it."""
    remove(repository.git_dir / FORESEEN)
