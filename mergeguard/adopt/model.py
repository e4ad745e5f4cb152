"""What a split made by hand is taken as, declaration by declaration."""

from __future__ import annotations

from enum import StrEnum

from mergeguard.values import dataclass

#: Why the fork's own function can't be placed where upstream has arms and macros.
IN_PLACE = "it stands in place of upstream's arms"


class Keep(StrEnum):
    """Whose text a function keeps that the split took apart, where one decision is left.

    UPSTREAM: upstream's macros and arms; what the fork has in their place is listed, to be typed again.
    FORK: the fork's function and what it calls, as declarations of the fork's monolith.
    """

    UPSTREAM = "upstream"
    FORK = "fork"


class AdoptedAs(StrEnum):
    """What a declaration of a hand-made file, or of the monolith, is taken as."""

    UPSTREAM = "as upstream"
    EDITED = "local edit"
    ADDED = "added here"
    REMOVED = "removed here"
    TAKEN_APART = "taken apart by the split"
    GLUE = "glue"
    RETYPE = "to be typed again"
    UNPLACED = "can't be placed"


@dataclass(frozen=True, slots=True)
class Taken:
    """One declaration and its fate: where it stands (``line`` is 1-based), lines added and removed."""

    path: str
    line: int
    item: str
    fate: AdoptedAs
    reason: str = ""
    added: int = 0
    removed: int = 0
    text: bytes = b""


@dataclass(frozen=True, slots=True)
class Adoption:
    """The fork's monolith, and the fate of every declaration.

    ``decide`` names the functions that the split took apart and in which the fork has code of its own in
    place of upstream's: which of the two they keep is a person's to say (``Keep``).
    """

    monolith: bytes
    taken: tuple[Taken, ...]
    decide: tuple[str, ...] = ()

    def of(self, *fates: AdoptedAs) -> tuple[Taken, ...]:
        """What has one of these fates."""
        return tuple(t for t in self.taken if t.fate in fates)

    @property
    def unplaced(self) -> tuple[Taken, ...]:
        """What would be lost."""
        return self.of(AdoptedAs.UNPLACED)

    @property
    def replaces(self) -> bool:
        """Whether the fork has functions of its own in place of upstream's arms."""
        return any(taken.reason == IN_PLACE for taken in self.taken)

    @property
    def retype(self) -> tuple[Taken, ...]:
        """What the fork has and its new monolith has not: listed for a person to type again."""
        return self.of(AdoptedAs.RETYPE)
