"""The hook of ``git rebase``, ``post-rewrite``: replays through the lens what git replayed file by file."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from mergeguard.git.repository import Repository
from mergeguard.hooks import pending, replaying
from mergeguard.hooks.moving import listed, move_head, say
from mergeguard.hooks.pending import PendingNote


def post_rewrite(repository: Repository, arguments: list[str]) -> int:
    """After a rebase: replay through the lens what git has replayed file by file."""
    del arguments
    said = sys.stdin.read()
    for list_ in ("rebase-merge/rewritten-list", "rebase-apply/rewritten"):
        file = repository.git_dir / list_
        if not said and file.exists():
            # A hook of the team's that calls us may have read the input before.
            said = file.read_text()
    pairs = [line.split()[:2] for line in said.splitlines()]
    olds: dict[str, list[str]] = {}
    for old, new in pairs:
        olds.setdefault(new, []).append(old)
    head = repository.head().oid
    if head is not None and olds:
        _replay(repository, head, olds)
    return 0


def _replay(repository: Repository, head: str, olds: Mapping[str, list[str]]) -> None:
    """``olds`` are the commits that each new commit was made from."""
    note = pending.read(repository.git_dir)
    first = next(iter(olds))
    onto = note.theirs if note is not None and note.operation == "rebase" and note.theirs else None
    if onto is None:
        parents = repository.commit_info(first).parents
        onto = parents[0] if parents else first
    if note is None and not replaying.needed(repository, head, onto):
        return
    if note is None:
        pending.write(repository.git_dir, PendingNote("rebase", olds.get(head, [head])[-1], onto))
    replayed = replaying.replay(repository, head, onto, olds)
    if replayed.stopped is not None:
        replaying.stop(repository, head, onto, olds, replayed)
        files = listed(replayed.conflicts)
        subject = repository.commit_info(replayed.stopped).subject
        say(f"{replayed.stopped[:9]} ({subject}) conflicts with upstream in split files: {files}")
        say("next: resolve the markers, `git add` the files, then `mergeguard sync --continue`")
        say("      (`mergeguard sync --abort` brings back the branch as it was)")
        return
    made = tuple((made, new) for made, new in replayed.became.items() if made != new)
    names, state = replaying.following_refs(repository, replayed)
    move_head(repository, head, replayed.tip, "rebase", made, names, state)
