"""Outlines of layouts, kept by object names: what a command has to know of a rule that nobody touched.

A rule and its lock (two blobs) with the files of its layout decide what the layout means: the monolith, the
fork's edits of it, what is beside the map. Where a tree has the same files, all of that is told from here,
and neither rule nor layout is read. What is not known is worked out as ever, by the lens (``outlining``).

Kept for a repository as one value, bounded, safe to delete; of two processes that write it the last one wins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mergeguard import store
from mergeguard.fork.localedits import LocalEdit
from mergeguard.fork.locks import Lock
from mergeguard.fork.rows import Row, hunk_of, hunk_row
from mergeguard.fork.shelf import Shelf, code
from mergeguard.git.objects import Entry
from mergeguard.lens.hunks import Hunk
from mergeguard.values import cached_property, dataclass

if TYPE_CHECKING:
    from mergeguard.fork.workspace import Guarded

_MOST = 1_000  # rules, and locks, and layouts by both
_LAYOUTS = 3  # of each: as the fork has it, and as two other branches have it
_CODES = 4  # whose findings are kept: versions of the tool, checkouts of it


class RuleFacts(NamedTuple):
    """What a rule's file says that is asked of rules at rest, too: see ``Rule.paths`` and ``Rule.build``."""

    paths: tuple[str, ...]
    build: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Outline:
    """A rule's layout in a tree. ``entries`` is what the tree has at each of its paths.

    ``cover`` are the same files with folders in their place that hold nothing else: by fewer names.
    ``over`` and ``over_shards`` are paths of the layout that it is read over, ``shards`` are those of its own
    units, ``monolith`` the blob of the monolith with the fork's edits; ``includable`` is that of
    ``lens.layout``. ``stale`` says what deriving the layout again would change ("": nothing). ``is_settled``:
    laid out again, by the rule as it is now, files and lock come out as they are, to the last byte.
    """

    entries: Mapping[str, Entry | None]
    cover: Mapping[str, Entry | None]
    over: tuple[str, ...]
    over_shards: tuple[str, ...]
    shards: tuple[str, ...]
    monolith: str
    includable: frozenset[str]
    edits: tuple[LocalEdit, ...]
    hunks: tuple[Hunk, ...]
    notes: tuple[str, ...]
    stale: str
    is_settled: bool

    @property
    def listed(self) -> tuple[str, ...]:
        """The units that the build lists beside the monolith."""
        return tuple(dict.fromkeys((*self.over_shards, *self.shards)))

    def holds(self, entry: Callable[[str], Entry | None]) -> bool:
        """Whether a tree has these files; ``entry`` is asked for a path."""
        return all(entry(path) == known for path, known in self.cover.items())

    @property
    def present(self) -> dict[str, Entry]:
        """What is there of ``cover``: files, and folders of files."""
        files = self.entries
        return {p: e for p, e in self.cover.items() if e is not None and (e.is_file or p not in files)}

    def files_in(self, path: str) -> dict[str, Entry]:
        """The files of a folder of ``cover``; of a file, that one."""
        found = self.entries.items()
        return {p: e for p, e in found if e is not None and e.is_file and f"{p}/".startswith(f"{path}/")}


class Outlines:
    """The outlines of one repository; without a folder, those of one process."""

    def __init__(self, private_dir: Path | None = None) -> None:
        self._shelf = None if private_dir is None else Shelf(private_dir, "outlines", _CODES)
        self._grown = False
        self._locks: dict[str, Lock] = {}
        self._layouts: dict[str, list[Outline]] = {}

    def rule(self, oid: str) -> RuleFacts | None:
        """What the rule of a blob says; None where that was not read before."""
        row = self._rows["rules"].get(oid)
        return None if row is None else RuleFacts(tuple(row[0]), None if row[1] is None else tuple(row[1]))

    def lock(self, oid: str) -> Lock | None:
        """The lock of a blob; None where that was not read before."""
        if oid not in self._locks:
            row = self._rows["locks"].get(oid)
            if row is None:
                return None
            self._locks[oid] = _lock(row)
        return self._locks[oid]

    def layouts(self, guarded: Guarded) -> Sequence[Outline]:
        """What is known of layouts by this rule and lock; the same values each time."""
        key = _key(guarded)
        if key not in self._layouts:
            self._layouts[key] = [*map(_outline, self._rows["layouts"].get(key, ()))]
        return self._layouts[key]

    def put(self, guarded: Guarded, outline: Outline) -> None:
        """Know of a layout from now on, and, after ``save``, in other processes."""
        rule, lock = guarded.rule, guarded.lock
        assert lock is not None and guarded.lock_oid is not None
        plain = [lock.schema, lock.monolith, lock.upstream, lock.rule, lock.emission, lock.order, lock.basis]
        self._layouts[_key(guarded)] = known = [outline, *self.layouts(guarded)][:_LAYOUTS]
        self._keep("rules", guarded.rule_oid, [rule.paths(), rule.build])
        self._keep("locks", guarded.lock_oid, plain)
        self._keep("layouts", _key(guarded), [*map(_row, known)])
        self._grown = True

    def save(self) -> None:
        """Keep what has become known; failing to costs time later, nothing else."""
        if self._grown and self._shelf is not None:
            self._shelf.put(code().encode(), store.packed(self._rows))
        self._grown = False

    def _keep(self, table: str, key: str, row: Row) -> None:
        rows = self._rows[table]
        rows.pop(key, None)
        rows[key] = row  # as the last
        for oldest in [*rows][: max(0, len(rows) - _MOST)]:
            del rows[oldest]

    @cached_property
    def _rows(self) -> dict[str, dict[str, Row]]:
        """What is kept, as it is kept: most of it is never asked for."""
        data = None if self._shelf is None else self._shelf.get(code().encode())
        try:
            kept = {} if data is None else store.unpacked(data)
        except store.Unreadable:
            kept = {}
        return {table: dict(kept.get(table, {})) for table in ("rules", "locks", "layouts")}


def covered(files: Mapping[str, Entry | None], folders: Mapping[str, Entry]) -> Mapping[str, Entry | None]:
    """The files with folders in the place of those that are in them."""
    if not folders:
        return files
    inside = tuple(f"{folder}/" for folder in folders)
    return {**folders, **{path: entry for path, entry in files.items() if not path.startswith(inside)}}


def _lock(row: Row) -> Lock:
    schema, monolith, upstream, rule, emission, order, basis = row
    return Lock(
        schema=schema,
        monolith=monolith,
        upstream=upstream,
        rule=rule,
        emission=emission,
        order=tuple((before, after) for before, after in order),
        basis=tuple((start, end, text) for start, end, text in basis),
    )


def _key(guarded: Guarded) -> str:
    return f"{guarded.rule_oid} {guarded.lock_oid}"


def _row(one: Outline) -> Row:
    edits = [[e.path, e.line, e.item, e.added, e.removed] for e in one.edits]
    hunks = [hunk_row(hunk) for hunk in one.hunks]
    entries = {path: entry and [*entry] for path, entry in one.entries.items()}
    folders = {path: [*entry] for path, entry in one.cover.items() if path not in one.entries and entry}
    plain = [[*one.over], [*one.over_shards], [*one.shards], one.monolith, [*one.includable]]
    return [entries, folders, *plain, edits, hunks, [*one.notes], one.stale, one.is_settled]


def _outline(row: Row) -> Outline:
    (
        files,
        folders,
        over,
        over_shards,
        shards,
        monolith,
        includable,
        edits,
        hunks,
        notes,
        stale,
        is_settled,
    ) = row
    entries = {path: entry and Entry(*entry) for path, entry in files.items()}
    return Outline(
        entries,
        covered(entries, {path: Entry(*entry) for path, entry in folders.items()}),
        tuple(over),
        tuple(over_shards),
        tuple(shards),
        monolith,
        frozenset(includable),
        tuple(LocalEdit(*edit) for edit in edits),
        tuple(map(hunk_of, hunks)),
        tuple(notes),
        stale,
        is_settled,
    )
