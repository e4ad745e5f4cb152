"""A local edit, as the screens name it."""

from __future__ import annotations

from mergeguard.values import dataclass


@dataclass(frozen=True, slots=True)
class LocalEdit:
    """A local edit that is mapped: the layout file and 1-based line where it is now, and its item."""

    path: str
    line: int
    item: str
    added: int
    removed: int
