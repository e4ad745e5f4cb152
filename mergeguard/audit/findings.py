"""What an audit of a merge found, with the commits behind it, as reports and state files carry it."""

from __future__ import annotations

from mergeguard.findings import Finding
from mergeguard.values import dataclass

# What the sum of both sides' lines shows.
SUMMED = frozenset({"lost-lines", "doubled-lines", "overwritten-edit", "undone-removal"})


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that had a part in a finding."""

    side: str
    oid: str
    subject: str


@dataclass(frozen=True, slots=True)
class Located:
    """A finding with the commits that brought it, and for each of its places the path and 1-based line in the
    layout; None where the place is in none.
    """

    finding: Finding
    commits: tuple[Commit, ...]
    layout: tuple[tuple[str, int] | None, ...]

    @property
    def spots(self) -> tuple[tuple[str, int], ...]:
        """Path and line to open, for each place: in the layout if it is in one."""
        pairs = zip(self.finding.places, self.layout, strict=True)
        return tuple(there or (place.path, place.line) for place, there in pairs)

    @property
    def at(self) -> tuple[str, int]:
        """Path and 1-based line to open first."""
        return self.spots[0]
