"""What was made of build lists before, kept by their blobs: which monoliths one lists, and the same text with
the units of some layouts, or without them.

All of that is told by the text, its path and the units; a list that nobody changed is not read again for each
of a hundred rules. Bounded, safe to delete.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mergeguard import store
from mergeguard.digests import digest
from mergeguard.fork.shelf import Shelf, code
from mergeguard.git.repository import Repository
from mergeguard.values import dataclass, field

if TYPE_CHECKING:
    from mergeguard.lens.buildlists import ListedUnit

_LIMIT = 80  # texts
_LISTS = 4  # of each with, and without, which units


class _Name(NamedTuple):
    """A build file's path and blob."""

    path: str
    oid: str


@dataclass
class _Facts:
    """About one text: monoliths, each with whether it is listed; and blobs by a digest of units."""

    lists: dict[str, bool] = field(default_factory=dict)
    adding: dict[str, str] = field(default_factory=dict)
    removing: dict[str, str] = field(default_factory=dict)


class KnownLists:
    """The build lists of one repository; without a folder, of one process."""

    def __init__(self, private_dir: Path | None = None) -> None:
        self._shelf = None if private_dir is None else Shelf(private_dir, "lists", _LIMIT)
        self._facts: dict[_Name, _Facts] = {}
        self._grown: set[_Name] = set()

    def lists(self, repository: Repository, path: str, oid: str, monolith: str) -> bool:
        """Whether the build file at ``path`` with the blob ``oid`` lists the monolith by name."""
        name = _Name(path, oid)
        known = self._of(name).lists
        if monolith not in known:
            known[monolith] = _mentioned(path, repository.read_blob(oid), monolith)
            self._grown.add(name)
        return known[monolith]

    def adding(self, repository: Repository, path: str, oid: str, units: Sequence[ListedUnit]) -> str:
        """The blob of the list with these units beside their monoliths."""
        name = _Name(path, oid)
        return self._made(repository, name, units, self._of(name).adding, _added)

    def removing(self, repository: Repository, path: str, oid: str, units: Sequence[ListedUnit]) -> str:
        """The blob of the list without these units."""
        name = _Name(path, oid)
        return self._made(repository, name, units, self._of(name).removing, _removed)

    def _made(
        self,
        repository: Repository,
        name: _Name,
        units: Sequence[ListedUnit],
        known: dict[str, str],
        make: Callable[[str, bytes, Sequence[ListedUnit]], bytes],
    ) -> str:
        if not units:
            return name.oid
        key = _digest(units)
        made = known.get(key)
        if made is None or not repository.has_object(made):
            made = repository.write_blob(make(name.path, repository.read_blob(name.oid), units))
            known[key] = made
            for oldest in [*known][:-_LISTS]:
                del known[oldest]
            self._grown.add(name)
        return made

    def save(self) -> None:
        """Keep what has become known; failing to costs time later, nothing else."""
        if self._shelf is None:
            return
        for name in self._grown:
            facts = self._facts[name]
            self._shelf.put(_key(name), store.packed([facts.lists, facts.adding, facts.removing]))
        self._grown.clear()

    def _of(self, name: _Name) -> _Facts:
        if name not in self._facts:
            data = None if self._shelf is None else self._shelf.get(_key(name))
            try:
                rows: list[Any] = [{}, {}, {}] if data is None else store.unpacked(data)
                self._facts[name] = _Facts(*map(dict, rows))
            except (store.Unreadable, TypeError, ValueError):
                self._facts[name] = _Facts()
        return self._facts[name]


def _mentioned(path: str, text: bytes, monolith: str) -> bool:
    from mergeguard.lens import buildlists  # here and below, as most lists are known

    return buildlists.mentions(path, text, monolith) > 0


def _added(path: str, text: bytes, units: Sequence[ListedUnit]) -> bytes:
    from mergeguard.lens import buildlists

    return buildlists.add_all(path, text, units)


def _removed(path: str, text: bytes, units: Sequence[ListedUnit]) -> bytes:
    from mergeguard.lens import buildlists

    return buildlists.remove_all(path, text, units)


def _digest(units: Sequence[ListedUnit]) -> str:
    words = "\0\0".join("\0".join((monolith, *shards)) for monolith, shards in units)
    return digest(words.encode("utf-8", "surrogateescape"))


def _key(name: _Name) -> bytes:
    return "\0".join((code(), *name)).encode("utf-8", "surrogateescape")
