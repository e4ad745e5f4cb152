"""What an edited layout has more or less than the pristine one: mapped edits, and hunks that are not."""

from __future__ import annotations

from enum import StrEnum

from mergeguard.values import dataclass


class Reason(StrEnum):
    """Why a hunk of the layout is not an edit of the monolith."""

    GLUE = "edit of glue"  # an overlay: kept with the layout
    NO_HOME = "new text here has no place in upstream's file; keep it here, or move it"
    STRADDLES = "one change replaces glue and upstream's text; make two changes of it, or keep it here"
    ELSEWHERE = "the rule would put this text elsewhere; move it there, or keep it here"
    REFUSED = "with this change, the rule does not fit upstream's file any more"
    FILE_REMOVED = "the file was removed"
    FILE_REPLACED = "something that is no file stands in its place"

    @property
    def without_file(self) -> bool:
        """Whether the hunk is a whole file of the layout that the tree does not have."""
        return self in (Reason.FILE_REMOVED, Reason.FILE_REPLACED)


@dataclass(frozen=True, slots=True)
class Hunk:
    """A change of one layout file: ``old`` (pristine) became ``new``, both whole lines.

    ``line`` is 1-based in the file as it is now, ``old_line`` in the pristine file. ``anchor`` is the
    nearest byte of the monolith, if there is one.
    """

    path: str
    line: int
    old_line: int
    old: bytes
    new: bytes
    reason: Reason
    anchor: int | None
    detail: str = ""

    @property
    def is_overlay(self) -> bool:
        """Whether only glue is concerned, so that nothing waits for a person."""
        return self.reason is Reason.GLUE


@dataclass(frozen=True, slots=True)
class Edit:
    """A local edit in the monolith's coordinates: bytes ``start:end`` become ``text``.

    ``path`` and ``line`` (1-based, as it is now) say where in the layout it was typed.
    """

    start: int
    end: int
    text: bytes
    path: str
    line: int
