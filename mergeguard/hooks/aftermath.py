"""Whether plain git commands have left something open; known commits are told without loading the lens."""

from __future__ import annotations

from mergeguard.fork.shelf import Shelf, code
from mergeguard.git.atwork import NOTE
from mergeguard.git.repository import Repository

_LIMIT = 40  # commits


def describe(repository: Repository) -> str | None:
    """As ``repairing.describe``: one line on what is open, None where nothing is."""
    shelf = Shelf(repository.private_dir, "whole", _LIMIT)
    head = repository.head().oid or ""
    # Of a shallow clone more history may come.
    is_settled = not (repository.git_dir / NOTE).exists() and not (repository.common_dir / "shallow").exists()
    key = f"{code()}\0{head}".encode()
    if is_settled and shelf.get(key) is not None:
        return None
    from mergeguard.hooks import repairing

    said = repairing.describe(repository)
    if said is None and is_settled and repository.operation_in_progress() is None:
        shelf.put(key, b"")
    return said
