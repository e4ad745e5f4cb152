"""What was found about a rule in a tree before, for trees that are the same in all that was looked at.

A verdict is kept with everything that the look read of its tree (``watched``), under the rule, the lock and
the code that judged. A tree that gives the same answers gets the same verdict without a second look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from mergeguard import store
from mergeguard.findings import Finding, Severity, in_tree
from mergeguard.fork.shelf import Shelf, code
from mergeguard.fork.watched import WatchedRepository, holds
from mergeguard.fork.workspace import Guarded, Workspace

_RULES = 400  # of which verdicts are kept
_TREES = 4  # of which each rule's are


class CheckVerdict(NamedTuple):
    """What was found about one rule, and the files of its layout."""

    findings: tuple[_Finding, ...]
    files: tuple[str, ...]
    answers: Mapping[str, str] = {}

    def told(self) -> tuple[Finding, ...]:
        """The findings as ``check`` reports them."""
        return tuple(in_tree(f[1], Severity(f[2]), *f[3:7], rule=f[0], hint=f[7]) for f in self.findings)


_Finding = tuple[str, str, str, str, str, int | None, str, str]  # the fields of a finding


def verdict(findings: Iterable[Finding], files: tuple[str, ...]) -> CheckVerdict:
    """The findings about a rule whose layout has these files."""
    rows = ((f.rule, f.code, f.severity.value, f.message, f.path, f.line, f.name, f.hint) for f in findings)
    return CheckVerdict(tuple(rows), files)


class Verdicts:
    """The verdicts of one repository."""

    def __init__(self, private_dir: Path) -> None:
        self._shelf = Shelf(private_dir, "verdicts", _RULES)

    def known(self, workspace: Workspace, guarded: Guarded) -> CheckVerdict | None:
        """What was found where everything that counts was as it is in this tree."""
        kept = self._kept(_key(guarded))
        tree = workspace.tree
        return next((one for one in kept if holds(workspace.repository, tree, one.answers)), None)

    def keep(self, watched: WatchedRepository, guarded: Guarded, found: CheckVerdict) -> None:
        """Keep what was found by reading ``watched``, unless more was asked than it tells."""
        if not watched.is_told:
            return
        key = _key(guarded)
        told = CheckVerdict(found.findings, found.files, watched.answers)
        kept = [told, *(one for one in self._kept(key) if one.answers != told.answers)]
        self._shelf.put(key, store.packed(kept[:_TREES]))

    def _kept(self, key: bytes) -> list[CheckVerdict]:
        data = self._shelf.get(key)
        try:
            rows = [] if data is None else store.unpacked(data)
            return [
                CheckVerdict(tuple(map(tuple, found)), tuple(files), answers)
                for found, files, answers in rows
            ]
        except (ValueError, TypeError):  # of an older format
            return []


def _key(guarded: Guarded) -> bytes:
    """The rule and its lock, as they were read, and the code that judges."""
    lock = repr(guarded.lock)
    parts = (code(), guarded.name, guarded.rule_oid, lock)
    return "\0".join(parts).encode("utf-8", "surrogateescape")
