"""Proofs that a layout is its monolith's program, kept by all that they depend on: texts, and the code.

A verdict of ``check`` rests on the tree around a layout, too (what it includes, the build files, the rule),
and is found anew wherever that is another; the proof, which is nearly all of its cost, is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from mergeguard import store
from mergeguard.digests import blake2b
from mergeguard.findings import Finding, Severity, in_tree
from mergeguard.fork.shelf import Shelf, code
from mergeguard.verify import same_program
from mergeguard.verify.bystanders import SplitTexts, without_bystanders
from mergeguard.verify.flatten import LayoutText

_LIMIT = 400

_Findings = tuple[Finding, ...]


class Proofs:
    """The kept proofs of one repository."""

    def __init__(self, private_dir: Path) -> None:
        self._shelf = Shelf(private_dir, "proofs", _LIMIT)

    def of(self, path: str, monolith: bytes, files: Sequence[LayoutText]) -> _Findings:
        """As ``verify.same_program.proof``."""
        kept = self.known(path, monolith, files)
        if kept is not None:
            return kept
        found = same_program.proof(path, monolith, files)
        self.keep(path, monolith, files, found)
        return found

    def known(self, path: str, monolith: bytes, files: Sequence[LayoutText]) -> _Findings | None:
        """What was found before; None where it was not asked."""
        data = self._shelf.get(_key(path, monolith, files))
        return None if data is None else _read(data)

    def keep(self, path: str, monolith: bytes, files: Sequence[LayoutText], found: _Findings) -> None:
        """Keep what a proof found."""
        written = _written(found)
        if _read(written) == found:
            self._shelf.put(_key(path, monolith, files), written)


class NewProof:
    """What a proof finds that one of the layout before a change did not, errors and warnings alone.

    ``before`` gives the monolith and the layout as they were, None where there is nothing to compare with.
    ``is_whole`` says whether all was proved, so that what was found is all there is to find.
    """

    def __init__(self, proofs: Proofs, before: Callable[[], SplitTexts | None]) -> None:
        self._proofs = proofs
        self._before = before
        self.is_whole = True

    def of(self, path: str, monolith: bytes, files: Sequence[LayoutText]) -> _Findings:
        """As ``verify.same_program.proof``; where it is not whole, nothing is new."""
        kept = self._proofs.known(path, monolith, files)
        if kept is not None:
            return kept
        before = self._before()
        rest = before and without_bystanders(path, before, SplitTexts(monolith, files))
        if before is None or rest is None or same_program.failures(same_program.proof(path, *rest)):
            return self._proofs.of(path, monolith, files)
        self.is_whole = False
        return ()


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
