"""Where the rules of a tree stand, kept by the rules and locks themselves: known without loading the lens.

A lock names upstream's file and the rule, so the paths of a pristine layout are told by what is in
``.mergeguard`` alone, and that rarely changes.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mergeguard import store
from mergeguard.fork.fork import STATE
from mergeguard.fork.shelf import Shelf, code
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.values import dataclass

if TYPE_CHECKING:
    from mergeguard.fork.splitting import Splitting

_LIMIT = 100  # states of ``.mergeguard``


@dataclass(frozen=True, slots=True)
class Footprint:
    """One rule in a tree that has its file split.

    ``monoliths`` is where its monolith may be, the lock's first; ``files`` are the paths of the pristine
    layout, None where it can't be derived; ``units`` those of them that a build lists beside the monolith.
    """

    name: str
    rule_path: str
    lock_path: str
    monoliths: tuple[str, ...]
    files: tuple[str, ...] | None
    units: tuple[str, ...] = ()


class Footprints:
    """The split rules of any tree of a repository; ``splitting`` is what this process has read anyway."""

    def __init__(self, repository: Repository, splitting: Splitting | None = None) -> None:
        self._repository = repository
        self._splitting = splitting
        self._shelf = Shelf(repository.private_dir, "footprints", _LIMIT)
        self._known: dict[str, tuple[Footprint, ...]] = {}

    def of(self, tree: str) -> tuple[Footprint, ...]:
        """The split rules of a tree, by name. Errors: those of ``Workspace.load``."""
        state = self._repository.entry(tree, STATE)
        if state is None:
            return ()
        if state.oid not in self._known:
            key = f"{code()}\0{state.oid}".encode()
            kept = self._kept(key)
            if kept is None:
                kept = self._looked_up(tree)
                self._shelf.put(key, json.dumps([_fields(one) for one in kept]).encode())
            self._known[state.oid] = kept
        return self._known[state.oid]

    def _kept(self, key: bytes) -> tuple[Footprint, ...] | None:
        data = self._shelf.get(key)
        try:
            return None if data is None else tuple(map(_footprint, store.read_json(data)))
        except store.Unreadable:
            return None

    def _looked_up(self, tree: str) -> tuple[Footprint, ...]:
        from mergeguard.errors import MergeguardError
        from mergeguard.fork.workspace import Workspace

        workspace = Workspace.load(self._repository, tree, self._splitting, lenient=True)
        found = []
        for guarded in workspace.split_rules:
            assert guarded.lock is not None
            files: tuple[str, ...] | None = None
            units: tuple[str, ...] = ()
            with suppress(MergeguardError):
                files, units = workspace.layout_read_over(guarded)
            monoliths = tuple(dict.fromkeys((guarded.lock.monolith, *guarded.paths)))
            paths = (guarded.rule_path, guarded.lock_path)
            found.append(Footprint(guarded.name, *paths, monoliths, files, units))
        return tuple(found)


def monolith_in(repository: Repository, tree: str, rule: Footprint) -> Entry | None:
    """What stands where a tree has the rule's monolith, or the entry of its layout."""
    return next((e for path in rule.monoliths if (e := repository.entry(tree, path))), None)


def _fields(one: Footprint) -> list[Any]:
    files = one.files and [*one.files]
    return [one.name, one.rule_path, one.lock_path, [*one.monoliths], files, [*one.units]]


def _footprint(fields: list[Any]) -> Footprint:
    name, rule_path, lock_path, monoliths, files, units = fields
    known = None if files is None else tuple(files)
    return Footprint(name, rule_path, lock_path, tuple(monoliths), known, tuple(units))
