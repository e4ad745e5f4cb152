"""The values of an audit: four versions of a file, and what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from mergeguard.audit.facts import Facts
from mergeguard.findings import Finding, Place
from mergeguard.values import dataclass

__all__ = ["BASE", "MERGED", "OURS", "SIDES", "THEIRS"]
__all__ += ["Changed", "Elsewhere", "Finding", "Place", "is_sum", "other"]

BASE, OURS, THEIRS, MERGED = "base", "ours", "theirs", "merged"
SIDES = (OURS, THEIRS)


def other(side: str) -> str:
    """The side that is not ``side``."""
    return THEIRS if side == OURS else OURS


@dataclass(frozen=True)
class Changed:
    """One file that at least one side changed, in the four versions (missing where there is none).

    Versions with the same text are the same object, so that ``is`` compares them. ``paths`` are the file's
    paths by version, which differ where a side renamed it.
    """

    versions: Mapping[str, Facts]
    paths: Mapping[str, str]

    def of(self, version: str) -> Facts | None:
        """The file in a version."""
        return self.versions.get(version)

    def text(self, version: str) -> bytes:
        """The file's bytes in a version; empty where there is none."""
        facts = self.versions.get(version)
        return facts.text if facts is not None else b""

    def path(self, version: str) -> str:
        """Where a version has the file; the nearest known path if it has none."""
        return self.paths.get(version) or next(iter(self.paths.values()))

    def edited_by(self, side: str) -> bool:
        """Whether ``side`` changed the file."""
        return self.of(side) is not self.of(BASE)


def is_sum(file: Changed) -> bool:
    """Whether the result is one side's text where the other side did nothing."""
    merged = file.of(MERGED)
    return any(merged is file.of(side) and not file.edited_by(other(side)) for side in SIDES) or (
        merged is file.of(OURS) and merged is file.of(THEIRS)
    )


# Files that no side changed and that have one of the words: path -> facts. They are the same in all versions.
Elsewhere = Callable[[Iterable[str]], Mapping[str, Facts]]
