"""What comes of an edited layout: the monolith, mapped edits, and hunks that are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from mergeguard.values import dataclass

if TYPE_CHECKING:  # `status` asked again tells of hunks without layouts
    from mergeguard.lens.layout import Layout


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


@dataclass(frozen=True, slots=True)
class Unsplit:
    """What came out of an edited layout.

    ``monolith``: upstream's text with the mapped edits. ``layout``: that monolith's own layout.
    ``kept``: by path, the layout as it would be with the mapped edits only: the base against which
    the overlay and the unmapped hunks are what the user's files have more or less. ``over`` is the layout
    that the files were read over, in which hunks have their old lines: the pristine one, or the basis.
    """

    monolith: bytes
    layout: Layout
    edits: tuple[Edit, ...]
    hunks: tuple[Hunk, ...]
    kept: Mapping[str, bytes]
    over: Layout

    @property
    def overlay(self) -> tuple[Hunk, ...]:
        """Edits of glue."""
        return tuple(h for h in self.hunks if h.is_overlay)

    @property
    def unmapped(self) -> tuple[Hunk, ...]:
        """What could not be placed in the monolith with certainty."""
        return tuple(h for h in self.hunks if not h.is_overlay)


#: ``lens.unsplit.unsplit``, or who remembers what it gave.
Tracing = Callable[..., Unsplit]


def untouched(layout: Layout) -> Unsplit:
    """What comes of the files of a layout as the split has made them."""
    return Unsplit(layout.monolith, layout, (), (), {file.path: file.text for file in layout.files}, layout)


def applied(text: bytes, replacements: Iterable[tuple[int, int, bytes]]) -> bytes:
    """``text`` with byte ranges (start, end) replaced; they do not overlap."""
    out: list[bytes] = []
    at = 0
    for start, end, new in sorted(replacements, key=lambda r: r[0]):
        out += [text[at:start], new]
        at = max(at, end)
    return b"".join([*out, text[at:]])
