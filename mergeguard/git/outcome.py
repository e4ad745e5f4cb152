"""What a landing shall make of the repository, as a value; and the state that ``git merge`` leaves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mergeguard.git.process import encode
from mergeguard.values import dataclass

if TYPE_CHECKING:
    from mergeguard.git.merging import UnmergedPath
    from mergeguard.git.repository import Repository


@dataclass(frozen=True, slots=True)
class StateFile:
    """A file inside the git folder, e.g. ``MERGE_HEAD`` or ``mergeguard/sync.json``; None removes it."""

    name: str
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the repository shall be.

    ``tree``: what index and work tree hold; conflict markers are part of it.
    ``expected_head``: HEAD's commit when the work was planned (None: an unborn branch).
    ``reflog``: for people, e.g. ``mergeguard sync upstream/main``.
    ``commit``: HEAD's new commit, None to leave HEAD (stage only, or a conflict).
    ``detach``: HEAD leaves its branch and stays on the commit; ``attach``: HEAD ends on this branch (full ref
    name), which moves from ``attach_expected`` (None: it is new) to the commit.
    ``conflicts``: paths whose index entries are stages instead of the tree's.
    ``state``: files of the git folder that change with it (see ``merge_state``).
    ``orig_head``: what ORIG_HEAD becomes, if anything.
    ``base_tree``: the tree to change index and work tree from, None for HEAD's. Only paths in which it
    differs from ``tree`` are touched. With ``Repository.index_tree()``, staged changes are taken along.
    ``discard``: uncommitted changes and conflicts of tracked files go, as by ``git reset --hard``; untracked
    files are protected as ever.
    ``names``: refs that are made or moved with it (full name, new commit, old one; "" where none may be).
    ``notes``: pairs of commits, old and new, whose notes are copied as ``notes.rewriteRef`` asks.
    """

    tree: str
    expected_head: str | None
    reflog: str
    commit: str | None = None
    detach: bool = False
    attach: str | None = None
    attach_expected: str | None = None
    conflicts: tuple[UnmergedPath, ...] = ()
    state: tuple[StateFile, ...] = ()
    orig_head: str | None = None
    base_tree: str | None = None
    discard: bool = False
    names: tuple[tuple[str, str, str], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()


def merge_state(
    repository: Repository,
    heads: Iterable[str],
    message: bytes,
    conflicts: Iterable[UnmergedPath] = (),
    *,
    tree: str | None = None,
    fast_forward: bool = True,
) -> tuple[StateFile, ...]:
    """The files that ``git merge`` leaves when it stops: with them git's own ``status``, ``mergetool``,
    ``merge --abort`` and ``commit`` know what is going on.

    ``heads`` become the further parents, ``message`` is the commit's; the conflicted paths are added as a
    comment, as git does. ``tree`` is the one with the markers (for ``git diff AUTO_MERGE``).
    """
    lines = message.rstrip(b"\n") + b"\n"
    paths = [conflict.path for conflict in conflicts]
    if paths:
        character = repository.config("core.commentChar") or "#"
        mark = encode("#" if character == "auto" else character)
        lines += b"\n%s Conflicts:\n" % mark
        lines += b"".join(b"%s\t%s\n" % (mark, encode(path)) for path in paths)
    state = [
        StateFile("MERGE_HEAD", b"".join(head.encode() + b"\n" for head in heads)),
        StateFile("MERGE_MODE", b"" if fast_forward else b"no-ff"),
        StateFile("MERGE_MSG", lines),
    ]
    if tree is not None:
        state.append(StateFile("AUTO_MERGE", tree.encode() + b"\n"))
    return tuple(state)


_CONFLICT_LIST = re.compile(rb"\n(\S+) Conflicts:\n(?:\1\t[^\n]*\n)+\Z")


def forget_conflict_list(git_dir: Path) -> None:
    """Take the comment with the conflicted paths out of a stopped merge's message: it is for an editor."""
    path = git_dir / "MERGE_MSG"
    message = path.read_bytes() if path.exists() else b""
    if (without := _CONFLICT_LIST.sub(b"", message)) != message:
        path.write_bytes(without)


#: What a finished merge removes: ``state`` of the landing that concludes it.
MERGE_DONE = tuple(StateFile(name, None) for name in ("MERGE_HEAD", "MERGE_MODE", "MERGE_MSG", "AUTO_MERGE"))
