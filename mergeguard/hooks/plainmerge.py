"""The hooks ``pre-merge-commit`` and ``post-merge``: the lens is loaded only where it has something to say.

Where the merge driver has foreseen the merge (``foreseen``), it has been looked at already. Where no layout
has to do with it, ``pre-merge-commit`` foresees it, so that ``post-merge`` has nothing to do.
"""

from __future__ import annotations

from mergeguard.fork.fork import LEDGER, STATE
from mergeguard.git.repository import Repository
from mergeguard.hooks import aftermath, foreseen, mergework, pending
from mergeguard.hooks.foreseen import Foreseen
from mergeguard.hooks.moving import replace_head, say

#: Endings of files that are no source and list none, so that the audit does not read them.
_BESIDE = (
    ".py", ".pyi", ".md", ".rst", ".txt", ".json", ".yaml", ".yml", ".sh", ".ipynb", ".html", ".css", ".js",
    ".csv", ".svg", ".png", ".jpg", ".jinja",
)  # fmt: skip
#: In names of files that may list sources all the same.
_LISTS = ("CMakeLists", "build", "setup", "ext")


def pre_merge_commit(repository: Repository, arguments: list[str]) -> int:
    """Before the commit of a merge that git finds clean: stop it where layouts conflict."""
    del arguments
    change = mergework.merge_at_work(repository)
    if change is None:
        _foresee(repository)
        return 0
    if foreseen.read(repository, change.ours, change.theirs) is not None:
        return 0
    from mergeguard.hooks.mergehooks import hold_conflicts

    return hold_conflicts(repository, change)


def post_merge(repository: Repository, arguments: list[str]) -> int:
    """After the commit of a merge, or after a squash merge has been staged."""
    head, heads = repository.head().oid, mergework.merging()
    if head is None or len(heads) != 1:
        return 0
    info = repository.commit_info(head)
    is_squashed = arguments[:1] == ["1"]
    if not is_squashed and len(info.parents) == 2 and head != heads[0][0]:
        seen = foreseen.read(repository, *info.parents)
        foreseen.clear(repository)
        if seen is not None and seen.covers(repository, info.tree):
            replace_head(repository, info, seen.tree, "merge")
            for line in seen.said:
                say(line)
            return 0
    if not is_squashed and (head == heads[0][0] or len(info.parents) != 2):
        _look_back(repository)
        return 0
    from mergeguard.hooks import mergehooks

    if is_squashed:
        mergehooks.complete_staged(repository)
    else:
        change = mergework.merge_change(repository, info.parents[0], info.parents[1], heads[0][1])
        mergehooks.complete(repository, info, change)
    return 0


def _look_back(repository: Repository) -> None:
    """After a fast-forward: whatever HEAD is, others made it."""
    pending.clear(repository.git_dir)
    left = aftermath.describe(repository)
    if left is not None:
        say(left)


def _foresee(repository: Repository) -> None:
    """Note a merge without layouts, in which theirs changed nothing that the audit reads."""
    heads, head = mergework.merging(), repository.head().oid
    if len(heads) != 1 or head is None or pending.read(repository.git_dir) is not None:
        return
    theirs = heads[0][0]
    bases = repository.merge_bases(head, theirs)
    if len(bases) != 1 or repository.read_file(repository.tree_of(head), LEDGER) is not None:
        return
    base, other = (repository.tree_of(commit) for commit in (bases[0], theirs))
    if all(_is_beside(change.old) for change in repository.objects.changes(base, other)):
        foreseen.write(repository, Foreseen(head, theirs, bases[0], repository.index_tree(), (), ()))


def _is_beside(path: str) -> bool:
    stem, dot, ending = path.rpartition("/")[2].rpartition(".")
    may_list = any(word in stem for word in _LISTS)
    return f"{dot}{ending}" in _BESIDE and not may_list and not path.startswith(f"{STATE}/")
