"""Layouts that were derived before, kept by rule, path, emission version and blob.

A derived layout never changes for the same key (law 4), so what is kept is never stale; what can't be
read, or does not partition its monolith, counts as not there. It lives in ``<git-dir>/mergeguard/layouts``
and may be deleted at any time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mergeguard import __version__, store
from mergeguard.fork.shelf import Shelf, code
from mergeguard.lens.layout import Glue, Layout, LayoutFile, Piece, Role

_LIMIT = 400  # files; a layout is a few kilobytes, the monolith's text is not in it


#: Of the monolith's text where it begins and its length; of glue its text, kind and anchor.
_KeptPiece = list[Any]


class LayoutCache:
    """The kept layouts of one repository."""

    def __init__(self, private_dir: Path) -> None:
        self._shelf = Shelf(private_dir, "layouts", _LIMIT)

    @staticmethod
    def _key(rule_oid: str, path: str, emission: int, text: bytes) -> bytes:
        key = "\0".join((__version__, rule_oid, path, str(emission)))
        return key.encode("utf-8", "surrogateescape") + b"\0" + text

    def get(self, rule_oid: str, path: str, emission: int, text: bytes) -> tuple[Layout, bool] | None:
        """The layout of ``text``, if it was derived before, and whether this very code has derived it."""
        data = self._shelf.get(self._key(rule_oid, path, emission, text))
        if data is None:
            return None
        try:
            made_at, files, notes, made_by = store.unpacked(data)
            revived = tuple(
                LayoutFile(name, Role(role), tuple(_revived(piece, text) for piece in pieces))
                for name, role, pieces in files
            )
            return Layout(made_at, text, revived, tuple(notes)), made_by == code()
        except (ValueError, TypeError, AssertionError):  # of an older format
            return None

    def put(self, rule_oid: str, path: str, emission: int, layout: Layout) -> None:
        """Keep a layout; failing to costs time later, nothing else."""
        files = [(f.path, f.role.value, [*map(_kept, f.pieces)]) for f in layout.files]
        data = store.packed((layout.path, files, layout.notes, code()))
        self._shelf.put(self._key(rule_oid, path, emission, layout.monolith), data)


def _kept(piece: Piece) -> _KeptPiece:
    if piece.source is not None:
        return [piece.source, len(piece.text)]
    assert piece.glue is not None
    return [piece.text, piece.glue.value, piece.anchor]


def _revived(piece: _KeptPiece, text: bytes) -> Piece:
    if len(piece) == 2:
        start, length = piece
        return Piece(text[start : start + length], start)
    glue, kind, anchor = piece
    return Piece(store.raw(glue), None, Glue(kind), None if anchor is None else tuple(anchor))
