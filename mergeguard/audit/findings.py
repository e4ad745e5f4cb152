"""What an audit of a merge found, as values that reports and state files carry."""

from __future__ import annotations

from dataclasses import field

from mergeguard.audit.codes import CODES
from mergeguard.values import dataclass

# What the sum of both sides' lines shows.
SUMMED = frozenset({"lost-lines", "doubled-lines", "overwritten-edit", "undone-removal"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look: a 1-based line of a file in one version (base, ours, theirs or merged)."""

    version: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem that the merge made.

    ``code`` is one of ``CODES``. ``side`` brought what is at ``places[0]`` (the result, where it can be
    shown there), the other side what is at the further places; ``name`` is the item or word that it is about.
    """

    code: str
    name: str
    message: str
    side: str
    places: tuple[Place, ...]
    hint: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        assert self.code in CODES, self.code


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
