"""Conflict markers that stand in a file already, read, and the base found again that they do not show."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from mergeguard.errors import Location, SourceError
from mergeguard.merge.markers import refine, render_markers
from mergeguard.merge.result import Conflict, Piece, Resolved, Side

MARKER_SIZE = 7


class Baseless(NamedTuple):
    """A conflict whose markers do not tell what the two sides changed, and its lines as they stand there."""

    ours: bytes
    theirs: bytes
    shown: bytes


MarkedPiece = Resolved | Conflict | Baseless


class Marked(NamedTuple):
    """A text with markers, read: its pieces, the labels of ours, base and theirs, the size of the markers."""

    text: bytes
    pieces: tuple[MarkedPiece, ...]
    labels: tuple[str, str, str]
    size: int = MARKER_SIZE

    @property
    def conflicts(self) -> int:
        return sum(not isinstance(piece, Resolved) for piece in self.pieces)

    @property
    def baseless(self) -> tuple[Baseless, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, Baseless))

    @property
    def shows_bases(self) -> bool:
        """Whether the markers are in the style diff3 or zdiff3."""
        return re.search(rb"^\|{%d}(?: |\r?$)" % self.size, self.text, re.MULTILINE) is not None

    def side(self, side: Side) -> bytes:
        """The text with each conflict resolved to ``side``; one whose base is not known stands as it is."""
        return b"".join(
            p.text if isinstance(p, Resolved) else p.shown if isinstance(p, Baseless) else p.side(side)
            for p in self.pieces
        )


def as_conflicts(marked: Marked) -> tuple[Piece, ...]:
    """The pieces, nothing as the base of a conflict that shows none."""
    return tuple(Conflict(b"", p.ours, p.theirs) if isinstance(p, Baseless) else p for p in marked.pieces)


@lru_cache
def _patterns(size: int) -> tuple[re.Pattern[bytes], re.Pattern[bytes], re.Pattern[bytes]]:
    """A whole conflict; a line that belongs to one; the beginning of one inside of a base."""
    label = rb"(?: ([^\r\n]*))?\r?"
    mark = rb"(?:(?:<{%d}|>{%d}|\|{%d})(?: |\r?$))" % (size, size, size)
    middle = rb"={%d}\r?" % size
    lines = rb"((?:(?!" + mark + rb"|" + middle + rb"$)[^\n]*\n)*)"
    whole = (
        rb"^<{%d}" % size + label + rb"\n" + lines
        + rb"(?:\|{%d}" % size + label + rb"\n" + lines + rb")?"
        + middle + rb"\n" + lines + rb">{%d}" % size + label + rb"(?:\n|\Z)"
    )  # fmt: skip
    nested = rb"^<{%d,}(?: |\r?$)" % (size + 1)
    return (re.compile(whole, re.MULTILINE), re.compile(rb"^" + mark, re.MULTILINE),
            re.compile(nested, re.MULTILINE))  # fmt: skip


def read_markers(text: bytes, path: str, size: int = MARKER_SIZE) -> Marked:
    """The conflicts of a file whose markers are ``size`` long. A base that is a conflict itself (git merged
    several bases first) is none. ``SourceError`` where markers are nested or broken.
    """
    whole, _, nested = _patterns(size)
    pieces: list[MarkedPiece] = []
    labels = ("ours", "base", "theirs")
    at = 0
    for found in whole.finditer(text):
        pieces.append(_between(text, at, found.start(), path, size))
        if found[4] is None or nested.search(found[4]):
            pieces.append(Baseless(found[2], found[5], found[0]))
        else:
            pieces.append(Conflict(found[4], found[2], found[5]))
        named = [(found[n] or b"").decode("utf-8", "surrogateescape") for n in (1, 3, 6)]
        labels = (named[0], named[1], named[2])
        at = found.end()
    pieces.append(_between(text, at, len(text), path, size))
    return Marked(text, tuple(pieces), labels, size)


def has_markers(text: bytes, size: int = MARKER_SIZE) -> bool:
    """Whether a line of a conflict stands in ``text``."""
    return _patterns(size)[1].search(text) is not None


def _between(text: bytes, start: int, end: int, path: str, size: int) -> Resolved:
    broken = _patterns(size)[1].search(text, start, end)
    if broken is None:
        return Resolved(text[start:end])
    raise SourceError(
        "conflict markers that do not belong together",
        where=Location(path, text.count(b"\n", 0, broken.start()) + 1),
        hint="resolve this place by hand; the file is as it was",
    )


def untouched(marked: Marked, git_pieces: Sequence[Piece]) -> bool:
    """Whether the text is what git made, in any style of markers: nobody has edited it since."""
    return all(_taken(marked.pieces, mine) == _taken(git_pieces, mine) for mine in (True, False))


def _taken(pieces: Sequence[MarkedPiece], mine: bool) -> bytes:
    return b"".join(p.text if isinstance(p, Resolved) else p.ours if mine else p.theirs for p in pieces)


def with_bases(marked: Marked, git_pieces: Sequence[Piece], path: str) -> Marked:
    """The same with the base of each conflict that is still as git wrote it in its usual style; what somebody
    resolved or edited since stands."""
    found: list[tuple[int, int, Conflict]] = []
    for run in _shown_as_one(git_pieces):
        shown = render_markers(run, marked.labels, "merge", marked.size)
        if marked.text.count(shown) == 1:
            start = marked.text.index(shown)
            found.append((start, start + len(shown), _whole(run)))
    pieces: list[MarkedPiece] = []
    at = 0
    for start, end, conflict in sorted(found, key=lambda place: place[0]):
        pieces += read_markers(marked.text[at:start], path, marked.size).pieces
        pieces.append(conflict)
        at = end
    pieces += read_markers(marked.text[at:], path, marked.size).pieces
    return marked._replace(pieces=tuple(pieces))


def _shown_as_one(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """The runs of pieces, from conflict to conflict, that git's usual style joins."""
    places = [k for k, piece in enumerate(pieces) if isinstance(piece, Conflict)]
    run = pieces[places[0] : places[0] + 1] if places else ()
    for before, here in pairwise(places):
        apart = sum(_count(refine((pieces[k],), "merge")) for k in (before, here))
        if _count(refine(pieces[before : here + 1], "merge")) < apart:
            run = (*run, *pieces[before + 1 : here + 1])
        else:
            yield list(run)
            run = pieces[here : here + 1]
    if run:
        yield list(run)


def _whole(run: Sequence[Piece]) -> Conflict:
    base, ours, theirs = (
        b"".join(p.text if isinstance(p, Resolved) else p.side(side) for p in run)
        for side in ("base", "ours", "theirs")
    )
    return Conflict(base, ours, theirs)


def _count(pieces: Sequence[Piece]) -> int:
    return sum(isinstance(piece, Conflict) for piece in pieces)
