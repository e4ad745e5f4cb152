"""What is certain of the conflicts that stand in a file already, as markers."""

from __future__ import annotations

import re
from typing import NamedTuple

from mergeguard.errors import Location, SourceError
from mergeguard.merge.markers import render_markers
from mergeguard.merge.result import Conflict, MergeResult, Note, Piece, Resolved, join

_LINES = rb"((?:(?!<{7}|\|{7}|={7}\r?\n|>{7})[^\n]*\n)*)"
_CONFLICT = re.compile(
    rb"^<{7}(?: ([^\r\n]*))?\r?\n" + _LINES +
    rb"(?:\|{7}(?: ([^\r\n]*))?\r?\n" + _LINES + rb")?"
    rb"={7}\r?\n" + _LINES + rb">{7}(?: ([^\r\n]*))?(?:\r?\n|\Z)",
    re.MULTILINE,
)  # fmt: skip
_MARK = re.compile(rb"^(?:<{7}|>{7}|\|{7})(?: |\r?$)", re.MULTILINE)

Versions = tuple[bytes, bytes, bytes]


class Marked(NamedTuple):
    """A text with markers, read: its pieces, whether they tell the base, the labels of ours, base, theirs."""

    text: bytes
    pieces: tuple[Piece, ...]
    with_base: bool
    labels: tuple[str, str, str]

    def side(self, side: str) -> bytes:
        """The text with each conflict resolved to ``ours``, ``theirs`` or ``base``."""
        return b"".join(p.text if isinstance(p, Resolved) else getattr(p, side) for p in self.pieces)


class Solved(NamedTuple):
    """The text now, its conflicts before and now, and what is to be said of it."""

    text: bytes
    before: int
    left: int
    notes: tuple[Note, ...] = ()


def read_markers(text: bytes, path: str) -> Marked:
    """The conflicts of a file; ``SourceError`` where markers are nested or broken."""
    pieces: list[Piece] = []
    bases: list[bool] = []
    labels = ("ours", "base", "theirs")
    at = 0
    for found in _CONFLICT.finditer(text):
        pieces.append(_between(text, at, found.start(), path))
        pieces.append(Conflict(found[4] or b"", found[2], found[5]))
        bases.append(found[4] is not None)
        named = [(found[n] or b"").decode("utf-8", "surrogateescape") for n in (1, 3, 6)]
        labels = (named[0], named[1], named[2])
        at = found.end()
    pieces.append(_between(text, at, len(text), path))
    return Marked(text, join(pieces), bool(bases) and all(bases), labels)


def _between(text: bytes, start: int, end: int, path: str) -> Resolved:
    broken = _MARK.search(text, start, end)
    if broken is None:
        return Resolved(text[start:end])
    raise SourceError(
        "conflict markers that do not belong together",
        where=Location(path, text.count(b"\n", 0, broken.start()) + 1),
        hint="resolve this place by hand; the file is as it was",
    )


def untouched(marked: Marked, git_pieces: tuple[Piece, ...]) -> bool:
    """Whether the text is what git made, in any style of markers: nobody has edited it since."""
    whole = Marked(b"", git_pieces, True, marked.labels)
    return all(marked.side(side) == whole.side(side) for side in ("ours", "theirs"))


def solve(
    marked: Marked,
    versions: Versions | None = None,
    git_pieces: tuple[Piece, ...] | None = None,
    git_clean: bytes | None = None,
) -> Solved:
    """The marked text with what is certain solved, or as it is.

    ``versions`` are base, ours and theirs of the whole file, and ``git_pieces`` or ``git_clean`` what git
    makes of them, if nobody has edited the file since. Else the base is what the markers tell
    (``merge.conflictStyle`` diff3 or zdiff3); without it, only a conflict whose sides have the same tokens
    is certain. What stands outside markers stays.
    """
    from mergeguard.merge import merge

    before = _count(marked.pieces)
    if versions is not None:
        result = merge(*versions, git_clean=git_clean, git_pieces=git_pieces)
    elif marked.with_base:
        base, ours, theirs = (marked.side(side) for side in ("base", "ours", "theirs"))
        result = merge(base, ours, theirs, git_pieces=marked.pieces)
    else:
        result = MergeResult(_without_layout(marked.pieces))
    if result.clean and result.findings:  # right or not, it is not certain
        return Solved(marked.text, before, before, result.findings)
    if _size(result.pieces) >= _size(marked.pieces):
        return Solved(marked.text, before, before, result.notes)
    style = "diff3" if marked.with_base else "merge"
    text = render_markers(result.pieces, marked.labels, style)
    return Solved(text, before, _count(result.pieces), result.notes)


def _without_layout(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Conflicts whose sides have the same tokens, with theirs taken: upstream's layout wins."""
    from mergeguard.cpp.tokens import tokens_of

    return join(
        Resolved(piece.theirs)
        if isinstance(piece, Conflict) and tokens_of(piece.ours).keys == tokens_of(piece.theirs).keys
        else piece
        for piece in pieces
    )


def _count(pieces: tuple[Piece, ...]) -> int:
    return sum(isinstance(piece, Conflict) for piece in pieces)


def _size(pieces: tuple[Piece, ...]) -> tuple[int, int]:
    conflicts = [piece for piece in pieces if isinstance(piece, Conflict)]
    return sum(c.ours.count(b"\n") + c.theirs.count(b"\n") for c in conflicts), len(conflicts)
