"""Digests without OpenSSL, which ``hashlib`` loads before it gives any: 2 ms of each process.

These are the interpreter's own, which ``hashlib`` gives where there is no OpenSSL. Where an interpreter
has none, ``hashlib`` is asked, as the standard library's ``random`` does for its digest.
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from hashlib import blake2b
    from hashlib import sha1 as _sha1
else:
    try:
        from _blake2 import blake2b
        from _sha1 import sha1 as _sha1
    except ImportError:
        from hashlib import blake2b
        from hashlib import sha1 as _sha1

__all__ = ["blake2b", "digest", "sha1"]

# After so many bytes OpenSSL is worth its loading: it is six times as fast.
_MOST = 1 << 19
_taken = 0  # bytes of which this process has taken digests


def digest(data: bytes) -> str:
    """What tells ``data`` from all other data, as 64 hex digits."""
    return blake2b(data, digest_size=32).hexdigest()


def sha1(data: bytes) -> str:
    """The SHA-1 of ``data``, by which git names objects, as 40 hex digits."""
    global _taken
    _taken += len(data)
    if _taken < _MOST:
        return _sha1(data, usedforsecurity=False).hexdigest()
    import hashlib

    return hashlib.sha1(data, usedforsecurity=False).hexdigest()
