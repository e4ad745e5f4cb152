"""Layouts that were traced back to their monoliths before, kept by all that the tracing depends on.

What comes of a layout's files depends on their bytes, on upstream's file, and on the rule, emission and hints
of the lock (``lens.unsplit``), and on nothing else. Only what changed is kept; the monolith and its layout
are made of upstream's file again, and what does not come out even counts as not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mergeguard import store
from mergeguard.fork.locks import Lock
from mergeguard.fork.shelf import Shelf, code
from mergeguard.lens.hunks import Edit, Hunk, Reason, Unsplit, applied
from mergeguard.lens.layout import Layout, Splitter

_LIMIT = 400  # readings; each as large as what the fork has changed


class Readings:
    """The kept readings of one repository."""

    def __init__(self, private_dir: Path) -> None:
        self._shelf = Shelf(private_dir, "readings", _LIMIT)

    def get(
        self,
        lock: Lock,
        pristine: Layout,
        files: Mapping[str, bytes | None],
        split: Splitter,
        over: Layout | None = None,
    ) -> Unsplit | None:
        """As ``lens.unsplit.unsplit``, if that was asked before; ``over`` is its basis, if it has one."""
        data = self._shelf.get(_key(lock, files))
        if data is None:
            return None
        try:
            edited, found, other = store.unpacked(data)
            edits = tuple(Edit(start, end, store.raw(text), *place) for start, end, text, *place in edited)
            hunks = tuple(
                Hunk(path, line, at, store.raw(old), store.raw(new), Reason(reason), anchor, detail)
                for path, line, at, old, new, reason, anchor, detail in found
            )
            more = {path: store.raw(text) for path, text in other.items()}
        except (ValueError, TypeError):  # of an older format
            return None
        monolith = _edited(pristine, edits)
        kept = {path: text or b"" for path, text in files.items()} | more
        return Unsplit(monolith, split(monolith), edits, hunks, kept, over or pristine)

    def put(
        self, lock: Lock, pristine: Layout, files: Mapping[str, bytes | None], found: Unsplit, split: Splitter
    ) -> None:
        """Keep a reading; failing to costs time later, nothing else."""
        if _edited(pristine, found.edits) != found.monolith or split(found.monolith) != found.layout:
            return
        if found.kept.keys() != files.keys():
            return
        # Of ``Unsplit.kept`` what is not simply the file as it stands.
        other = {path: text for path, text in found.kept.items() if text != (files[path] or b"")}
        edits = [(e.start, e.end, e.text, e.path, e.line) for e in found.edits]
        hunks = [
            (h.path, h.line, h.old_line, h.old, h.new, h.reason.value, h.anchor, h.detail)
            for h in found.hunks
        ]
        self._shelf.put(_key(lock, files), store.packed((edits, hunks, other)))


def _edited(pristine: Layout, edits: tuple[Edit, ...]) -> bytes:
    return applied(pristine.monolith, [(e.start, e.end, e.text) for e in edits])


def _key(lock: Lock, files: Mapping[str, bytes | None]) -> bytes:
    parts = [code().encode(), repr(lock).encode("utf-8", "surrogateescape")]
    for path, text in files.items():
        there = b"gone" if text is None else b"%d" % len(text)
        parts += [path.encode("utf-8", "surrogateescape"), there, text or b""]
    return b"\0".join(parts)
