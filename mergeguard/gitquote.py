"""Paths in git's quotes: as C writes a string, which takes every byte through texts that take few."""

from __future__ import annotations

import re

_NAMED = {b"a": 7, b"b": 8, b"t": 9, b"n": 10, b"v": 11, b"f": 12, b"r": 13, b'"': 34, b"\\": 92}
_ESCAPES = {code: b"\\" + name for name, code in _NAMED.items()}
_WHOLE = re.compile(rb'"(?:[^"\\]|\\[abtnvfr"\\]|\\[0-3][0-7]{2})*"', re.DOTALL)


def quoted(raw: bytes, *, always: bool = False) -> bytes:
    """A path as git prints it: in quotes where it holds anything unusual (or ``always``)."""
    if not always and all(0x20 <= byte < 0x7F and byte not in b'"\\' for byte in raw):
        return raw
    return b'"%s"' % b"".join(
        _ESCAPES.get(byte, bytes([byte]) if 0x20 <= byte < 0x7F else b"\\%03o" % byte) for byte in raw
    )


def unquoted(shown: bytes) -> bytes:
    """The inverse of ``quoted``. Raises ValueError for quotes that do not close, or escape what is none."""
    if not shown.startswith(b'"'):
        return shown
    if not _WHOLE.fullmatch(shown):
        raise ValueError("no path in git's quotes")
    return re.sub(
        rb"\\([0-7]{3}|.)",
        lambda m: bytes([int(m[1], 8) if len(m[1]) == 3 else _NAMED[m[1]]]),
        shown[1:-1],
    )
