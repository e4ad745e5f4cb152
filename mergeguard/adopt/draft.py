"""The fork's new monolith while it is made: declarations that change, what comes between, and the report."""

from __future__ import annotations

from mergeguard.adopt.model import AdoptedAs, Taken
from mergeguard.adopt.reading import Reading
from mergeguard.adopt.rebuilding import own_layout, relaid
from mergeguard.adopt.takenapart import ApartEdit, ApartSide, Row, continued


class Draft:
    """What has been decided so far.

    ``replaced`` are declarations of the monolith with their new text, ``inserted`` what comes behind one (-1:
    before the first), ``told`` lines (by file) that are in the new monolith, spelled otherwise, ``decide``
    the functions about which a person is asked.
    """

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.taken: list[Taken] = []
        self.told: list[tuple[str, bytes]] = []
        self.decide: set[str] = set()
        self.replaced: dict[int, bytes] = {}
        self.inserted: dict[int, list[bytes]] = {}

    def insert(self, index: int, text: bytes) -> None:
        """Put ``text`` behind declaration ``index``."""
        self.inserted.setdefault(index, []).append(_ended(text))

    def apply(self, index: int, edits: list[ApartEdit], twin: ApartSide | None) -> tuple[int, int]:
        """Change the declaration; lines added and removed. With ``twin``, lines that are alike but for their
        white space are as the fork has them."""
        if not edits:
            return 0, 0
        text, rows = self.reading.base[index].text, self.reading.base_rows[index]
        mine = own_layout(text, rows, twin) if twin is not None else {}
        out: list[bytes] = []
        at = added = removed = done = 0
        for edit in sorted(edits, key=lambda e: (e.start, e.end)):
            if edit.start < edit.end or (edit.start == 0 and rows):
                start = rows[edit.start].start
            else:
                start = rows[edit.start - 1].end if rows else len(text)
            end = rows[edit.end - 1].end if edit.end > edit.start else start
            out += [relaid(text, rows, done, edit.start, mine, at, start), continued(text, rows, edit)]
            at, done = end, max(done, edit.end)
            added += len(edit.text.splitlines())
            removed += edit.end - edit.start
        self.replaced[index] = b"".join([*out, relaid(text, rows, done, len(rows), mine, at, len(text))])
        return added, removed

    def take(
        self,
        side: ApartSide,
        fate: AdoptedAs,
        reason: str = "",
        *,
        added: int = 0,
        removed: int = 0,
        text: bytes = b"",
        row: Row | None = None,
    ) -> None:
        """Report what a declaration of the split is taken as (``row``: the line in it that is meant)."""
        leading = len(side.leaf.text) - len(side.leaf.text.lstrip())
        line = (
            side.line
            if row is None
            else side.line + side.leaf.text.count(b"\n", leading, max(leading, row.start))
        )
        self.taken.append(Taken(side.leaf.home, line, side.leaf.name, fate, reason, added, removed, text))

    def text(self) -> bytes:
        """The new monolith."""
        out = list(self.inserted.get(-1, ()))
        for index, leaf in enumerate(self.reading.base):
            text = self.replaced.get(index, leaf.text)
            more = self.inserted.get(index, [])
            out += [_ended(text) if more else text, *more]
        return b"".join(out)


def _ended(text: bytes) -> bytes:
    return text if not text or text.endswith(b"\n") else text + b"\n"
