"""Whether plain git commands have left something open; known commits are told without loading the lens."""

from __future__ import annotations

from mergeguard.fork.whole import KnownWhole
from mergeguard.git.atwork import NOTE
from mergeguard.git.repository import Repository


def describe(repository: Repository) -> str | None:
    """As ``repairing.describe``: one line on what is open, None where nothing is."""
    whole, head = KnownWhole(repository), repository.head().oid
    is_settled = head is not None and not (repository.git_dir / NOTE).exists()
    if head is not None and is_settled and whole.holds(head):
        return None
    from mergeguard.hooks import repairing

    said = repairing.describe(repository)
    if head is not None and is_settled and said is None and repository.operation_in_progress() is None:
        whole.keep(head)
    return said
