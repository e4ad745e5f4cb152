"""What ``status`` found before, for trees that are the same in all that it looked at.

Kept under what upstream has and the code, with everything that was asked of the tree (``watched``).
"""

from __future__ import annotations

import json
from typing import Any

from mergeguard import store
from mergeguard.fork.fork import Fork
from mergeguard.fork.localedits import LocalEdit
from mergeguard.fork.rows import hunk_of, hunk_row
from mergeguard.fork.shelf import Shelf, code
from mergeguard.fork.watched import WatchedRepository, holds
from mergeguard.git.errors import NoMergeBase
from mergeguard.lens.hunks import Hunk
from mergeguard.values import dataclass

_LIMIT = 40  # states of upstream
_TREES = 6  # of each


@dataclass(frozen=True)
class RuleStatus:
    """One rule as ``status`` shows it. ``drift`` is (lines added, lines removed) upstream since the lock."""

    name: str
    path: str | None
    state: str
    upstream: str | None
    drift: tuple[int, int] | None
    edits: tuple[LocalEdit, ...]
    overlay: tuple[Hunk, ...]
    unmapped: tuple[Hunk, ...]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """What the rules are shown beside: upstream's tree, that of the merge base, and whether HEAD has all of
    upstream."""

    theirs: str
    base: str | None
    merged: bool

    @classmethod
    def of(cls, fork: Fork, ref: str | None) -> Beside | None:
        """Of upstream's ``ref``; None without one. History is asked once for two commits."""
        if ref is None:
            return None
        repository, head = fork.repository, fork.head()
        commit = repository.resolve(ref)
        shelf = Shelf(repository.private_dir, "bases", _LIMIT)
        key = f"{head}\0{commit}".encode()
        kept = None if (repository.common_dir / "shallow").exists() else shelf.get(key)
        if kept is None:
            try:
                bases = repository.merge_bases(head, commit)
            except NoMergeBase:
                bases = ()
            kept = " ".join(bases).encode()
            shelf.put(key, kept)
        bases = tuple(kept.decode().split())
        base = repository.tree_of(bases[0]) if len(bases) == 1 else None
        return cls(repository.tree_of(commit), base, commit in bases)


class KnownStatus:
    """The rows beside one state of upstream."""

    def __init__(self, fork: Fork, beside: Beside | None) -> None:
        self._fork = fork
        self._shelf = Shelf(fork.repository.private_dir, "status", _LIMIT)
        upstream = () if beside is None else (beside.theirs, str(beside.base), str(beside.merged))
        self._key = "\0".join((code(), *upstream)).encode()

    def get(self, tree: str) -> tuple[RuleStatus, ...] | None:
        """The rows of a tree that is like one looked at before; None if there is none."""
        for answers, rows in self._kept():
            if holds(self._fork.repository, tree, answers):
                return tuple(map(_row, rows))
        return None

    def keep(self, watched: WatchedRepository, rows: tuple[RuleStatus, ...]) -> None:
        """Keep what was found by asking ``watched``, unless more was asked than it tells."""
        if watched.is_told:
            kept = [[watched.answers, [*map(_fields, rows)]], *self._kept()]
            # Odd bytes of paths are lone surrogates here, which JSON escapes.
            self._shelf.put(self._key, json.dumps(kept[:_TREES]).encode())

    def _kept(self) -> list[Any]:
        data = self._shelf.get(self._key)
        try:
            return [] if data is None else list(store.read_json(data))
        except store.Unreadable:
            return []


def _fields(row: RuleStatus) -> list[Any]:
    drift = None if row.drift is None else [*row.drift]
    edits = [[e.path, e.line, e.item, e.added, e.removed] for e in row.edits]
    overlay, unmapped = ([*map(hunk_row, hunks)] for hunks in (row.overlay, row.unmapped))
    return [row.name, row.path, row.state, row.upstream, drift, edits, overlay, unmapped, row.problem]


def _row(fields: list[Any]) -> RuleStatus:
    name, path, state, upstream, drift, edits, overlay, unmapped, problem = fields
    return RuleStatus(
        name,
        path,
        state,
        upstream,
        None if drift is None else (drift[0], drift[1]),
        tuple(LocalEdit(*edit) for edit in edits),
        tuple(map(hunk_of, overlay)),
        tuple(map(hunk_of, unmapped)),
        problem,
    )
