"""Proofs that a layout is its monolith's program, kept by all that they depend on: texts, and the code.

A verdict of ``check`` rests on the tree around a layout, too (what it includes, the build files, the rule),
and is found anew wherever that is another; the proof, which is nearly all of its cost, is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mergeguard import store
from mergeguard.digests import blake2b
from mergeguard.findings import Finding, Severity, in_tree
from mergeguard.fork.shelf import Shelf, code
from mergeguard.verify import same_program
from mergeguard.verify.flatten import LayoutText

_LIMIT = 400

_Findings = tuple[Finding, ...]


class Proofs:
    """The kept proofs of one repository."""

    def __init__(self, private_dir: Path) -> None:
        self._shelf = Shelf(private_dir, "proofs", _LIMIT)

    def of(self, path: str, monolith: bytes, files: Sequence[LayoutText]) -> _Findings:
        """As ``verify.same_program.proof``."""
        key = _key(path, monolith, files)
        data = self._shelf.get(key)
        if data is not None and (kept := _read(data)) is not None:
            return kept
        found = same_program.proof(path, monolith, files)
        written = _written(found)
        if _read(written) == found:
            self._shelf.put(key, written)
        return found


def _key(path: str, monolith: bytes, files: Sequence[LayoutText]) -> bytes:
    """Every argument, each part with its length, and the code."""
    digest = blake2b()
    parts = [(path, monolith, True), *((file.path, file.text, file.is_unit) for file in files)]
    for name, text, is_unit in parts:
        raw = name.encode("utf-8", "surrogateescape")
        digest.update(b"%d %d %d\n%s%s" % (len(raw), len(text), is_unit, raw, text))
    return code().encode() + digest.digest()


def _written(found: _Findings) -> bytes:
    rows = [(f.code, f.severity.value, f.message, f.path, f.line, f.name) for f in found]
    return store.packed(rows)


def _read(data: bytes) -> _Findings | None:
    try:
        rows = store.unpacked(data)
        return tuple(in_tree(code, Severity(severity), *rest) for code, severity, *rest in rows)
    except (ValueError, TypeError):  # of an older format
        return None
