"""Values as rows that JSON can hold, for what is kept on disk; nothing here loads the lens."""

from __future__ import annotations

from typing import Any

from mergeguard.lens.hunks import Hunk, Reason

Row = list[Any]


def hunk_row(hunk: Hunk) -> Row:
    """A hunk as what JSON can hold."""
    old, new = (text.decode("latin-1") for text in (hunk.old, hunk.new))
    return [hunk.path, hunk.line, hunk.old_line, old, new, hunk.reason.value, hunk.anchor, hunk.detail]


def hunk_of(row: Row) -> Hunk:
    """The hunk of such a row."""
    path, line, old_line, old, new, reason, anchor, detail = row
    texts = old.encode("latin-1"), new.encode("latin-1")
    return Hunk(path, line, old_line, *texts, Reason(reason), anchor, detail)
