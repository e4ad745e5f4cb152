"""The bytes of a declaration that an edit makes new: whose lines they are, and which the split's."""

from __future__ import annotations

from collections.abc import Mapping

from mergeguard.adopt.takenapart import ApartEdit, ApartSide, Row, is_comment_row, keys_of
from mergeguard.cpp.diff import matches


def own_layout(text: bytes, rows: list[Row], twin: ApartSide) -> dict[int, bytes]:
    """The fork's bytes of rows that differ in white space alone, by the row's number in the monolith's."""
    mine: dict[int, bytes] = {}
    for run in matches(keys_of(rows), keys_of(twin.rows)):
        for k in range(run.size):
            old, new = rows[run.a + k], twin.rows[run.b + k]
            line = twin.leaf.text[new.start : new.end]
            before = text[old.start : old.end]
            if line != before and line.strip() == before.strip():
                mine[run.a + k] = line
    return mine


def relaid(
    text: bytes, rows: list[Row], first: int, last: int, mine: Mapping[int, bytes], start: int, end: int
) -> bytes:
    """``text[start:end]``, which has the rows ``first:last``, with some of them replaced."""
    out: list[bytes] = []
    at = start
    for number in range(first, last):
        if number in mine and rows[number].start >= start and rows[number].end <= end:
            out += [text[at : rows[number].start], mine[number]]
            at = rows[number].end
    return b"".join([*out, text[at:end]])


def directive_of(side: ApartSide) -> bytes:
    """The directive alone: the comments above and behind it are accounted for by themselves."""
    text = side.leaf.text
    code = (text[row.start : row.end].partition(b"//")[0] for row in side.rows if not is_comment_row(row))
    return b"\n".join(code)


def is_the_splits(old: list[Row], arms: set[int], edit: ApartEdit) -> bool:
    """Whether all of the rows that an edit takes away are arms, or lines of macros."""
    numbers = range(edit.start, edit.end)
    return all(
        n in arms or row.continued or row.key.startswith(b"#") or ends_macro(old, k)
        for k, (n, row) in enumerate(zip(numbers, old, strict=True))
    )


def ends_macro(rows: list[Row], number: int) -> bool:
    return number > 0 and rows[number - 1].continued
