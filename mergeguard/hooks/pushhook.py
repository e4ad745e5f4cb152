"""The hook of ``git push``, ``pre-push``: refuses while a merge of split files is not settled."""

from __future__ import annotations

import sys

from mergeguard.git.repository import Repository
from mergeguard.hooks import pending, unsettled
from mergeguard.hooks.moving import say


def pre_push(repository: Repository, arguments: list[str]) -> int:
    """Refuse to push while a merge of split files is not settled."""
    del arguments
    sys.stdin.read()
    note = pending.read(repository.git_dir)
    head = repository.head().oid
    if note is None or head is None:
        return 0
    if not unsettled.is_open(repository, note):
        pending.clear(repository.git_dir)
        return 0
    say("a merge of split files is not complete, so nothing was pushed")
    say("next: `mergeguard repair`, then push again (`git push --no-verify` pushes as it is)")
    return 1
