"""Styled text and tables, written without the terminal library.

Markup is ``[style words]…[/]``; text that is not ours goes through ``escape``. Tables (no lines, columns two
blanks apart) are written here where they fit; one that has to be wrapped, or that holds characters which are
not one cell wide, is rich's to write.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from mergeguard.reporting.inert import visible

#: SGR codes; attributes come before colours.
_CODES = {"bold": 1, "dim": 2} | {
    name: 30 + number for number, name in enumerate("black red green yellow blue magenta cyan white".split())
}
_CODES["default"] = 39
_MARK = re.compile(r"\[\[|\[(/|[a-z]+(?: [a-z]+)*)\]")


class StyledRun(NamedTuple):
    """A run of text, inert, and the words of its style."""

    text: str
    style: tuple[str, ...]


def escape(text: str) -> str:
    """Text in which nothing is markup."""
    return text.replace("[", "[[")


def pieces(markup: str) -> Iterator[StyledRun]:
    """The runs of a marked-up text. What looks like a tag and names no style stands as it is."""
    if "[" not in markup:
        yield StyledRun(visible(markup), ())
        return
    styles: list[tuple[str, ...]] = [()]
    at = 0
    for found in _MARK.finditer(markup):
        literal = "[" if found[0] == "[[" else ""
        words = () if literal or found[1] == "/" else tuple(found[1].split())
        if any(word not in _CODES for word in words):
            continue
        yield StyledRun(visible(markup[at : found.start()] + literal), styles[-1])
        at = found.end()
        if words:
            styles.append((*styles[-1], *words))
        elif not literal and len(styles) > 1:
            styles.pop()
    yield StyledRun(visible(markup[at:]), styles[-1])


def plain(markup: str) -> str:
    """The text alone."""
    if "[" not in markup:
        return visible(markup)
    return "".join(piece.text for piece in pieces(markup))


def styled(markup: str, *, colours: bool, attributes: bool) -> str:
    """The text for a terminal that shows ``colours``, or ``attributes`` alone (NO_COLOR), or neither."""
    if not attributes:
        return plain(markup)
    return "".join(_with_codes(piece, colours) for piece in pieces(markup))


def _with_codes(piece: StyledRun, colours: bool) -> str:
    codes = sorted({_CODES[word] for word in piece.style if colours or _CODES[word] < 30})
    if not codes or not piece.text:
        return piece.text
    start = f"\x1b[{';'.join(map(str, codes))}m"
    # A style ends with its line: pagers cut lines apart.
    return "\n".join(f"{start}{line}\x1b[0m" if line else "" for line in piece.text.split("\n"))


class Column(NamedTuple):
    """A column's head, the side on which its cells stand, whether it may be wrapped."""

    head: str
    justify: Literal["left", "right"] = "left"
    no_wrap: bool = False


class Table:
    """Rows of marked-up cells below their heads."""

    def __init__(self) -> None:
        self.columns: list[Column] = []
        self.rows: list[tuple[str, ...]] = []

    def add_column(
        self, head: str, *, justify: Literal["left", "right"] = "left", no_wrap: bool = False
    ) -> None:
        """One more column, right of the others."""
        self.columns.append(Column(head, justify, no_wrap))

    def add_row(self, *cells: str) -> None:
        """One more row, below the others."""
        self.rows.append(cells)

    def lines(self, width: int) -> list[str] | None:
        """The table as marked-up lines; None where it is wider than ``width``, or not all of it ASCII."""
        texts = [
            [visible(column.head) for column in self.columns],
            *([*map(plain, row)] for row in self.rows),
        ]
        if not all(text.isascii() and "\n" not in text and "\t" not in text for row in texts for text in row):
            return None
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        if sum(widths) + 2 * (len(widths) - 1) > width:
            return None
        heads = [f"[bold dim]{escape(column.head)}[/]" for column in self.columns]
        return [
            self._line(row, marked, widths) for row, marked in zip(texts, (heads, *self.rows), strict=True)
        ]

    def _line(self, texts: Sequence[str], marked: Iterable[str], widths: Sequence[int]) -> str:
        cells = []
        for text, cell, width, column in zip(texts, marked, widths, self.columns, strict=True):
            blanks = " " * (width - len(text))
            cells.append(blanks + cell if column.justify == "right" else cell + blanks)
        return "  ".join(cells)
