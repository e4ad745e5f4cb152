"""Layouts that were derived before, kept by rule, path, emission version and blob.

A derived layout never changes for the same key (law 4), so what is kept is never stale; what can't be
read, or does not partition its monolith, counts as not there. It lives in ``<git-dir>/mergeguard/layouts``
and may be deleted at any time.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from mergeguard import __version__
from mergeguard.fork.shelf import Shelf, code
from mergeguard.lens.layout import Glue, Layout, LayoutFile, Piece, Role

_LIMIT = 400  # files; a layout is a few kilobytes, the monolith's text is not in it


class _Piece(msgspec.Struct, array_like=True, frozen=True):
    source: int  # -1 for glue
    length: int
    text: bytes = b""  # of glue
    glue: str = ""
    anchor: tuple[int, int] | None = None


class _File(msgspec.Struct, array_like=True, frozen=True):
    path: str
    role: str
    pieces: tuple[_Piece, ...]


class _Stored(msgspec.Struct, array_like=True, frozen=True):
    path: str
    files: tuple[_File, ...]
    notes: tuple[str, ...]
    code: str = ""  # that derived it


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
            stored = msgspec.msgpack.decode(data, type=_Stored)
            files = tuple(
                LayoutFile(f.path, Role(f.role), tuple(_revived(p, text) for p in f.pieces))
                for f in stored.files
            )
            return Layout(stored.path, text, files, stored.notes), stored.code == code()
        except (ValueError, AssertionError):  # msgspec's errors are ValueErrors
            return None

    def put(self, rule_oid: str, path: str, emission: int, layout: Layout) -> None:
        """Keep a layout; failing to costs time later, nothing else."""
        stored = _Stored(
            layout.path,
            tuple(_File(f.path, f.role.value, tuple(map(_kept, f.pieces))) for f in layout.files),
            layout.notes,
            code(),
        )
        try:
            data = msgspec.msgpack.encode(stored)
        except ValueError:  # a path of odd bytes, which msgpack does not hold
            return
        self._shelf.put(self._key(rule_oid, path, emission, layout.monolith), data)


def _kept(piece: Piece) -> _Piece:
    if piece.source is not None:
        return _Piece(piece.source, len(piece.text))
    assert piece.glue is not None
    return _Piece(-1, len(piece.text), piece.text, piece.glue.value, piece.anchor)


def _revived(piece: _Piece, text: bytes) -> Piece:
    if piece.source >= 0:
        return Piece(text[piece.source : piece.source + piece.length], piece.source)
    return Piece(piece.text, None, Glue(piece.glue), piece.anchor)
