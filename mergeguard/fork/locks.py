"""Locks: what a layout in the tree was derived from, one small committed file beside each rule."""

from __future__ import annotations

from typing import Annotated

from mergeguard import gitquote, store, tables
from mergeguard.cpp.remember import remembered
from mergeguard.errors import LayoutError, Location
from mergeguard.git.objectnames import FULL_NAME
from mergeguard.lens.basis import Basis, based
from mergeguard.lens.rule import is_inside
from mergeguard.tables import Meta, table
from mergeguard.values import replace

SCHEMA_VERSION = 3

ObjectName = Annotated[str, Meta(pattern=f"^{FULL_NAME}$")]


@table
class Lock:
    """What a layout in the tree was derived from. Object names are hex, ``emission`` a version.

    ``order`` are hints at where the fork's own units stand in the monolith (``lens.order``): a lock that has
    some is of schema 2, others stay readable for whoever knows only schema 1. ``basis`` is what upstream's
    text has to become for the layout to be read over it (``lens.basis``): schema 3.
    """

    schema: int
    monolith: str
    upstream: ObjectName
    rule: ObjectName
    emission: int
    order: tuple[tuple[str, str], ...] = ()
    basis: tuple[tuple[int, int, str], ...] = ()

    @classmethod
    def made(
        cls,
        path: str,
        upstream: str,
        rule: str,
        emission: int,
        order: tuple[tuple[str, str], ...] = (),
        basis: Basis = (),
    ) -> Lock:
        """A lock of the oldest schema that can say it."""
        schema = 3 if basis else 2 if order else 1
        words = tuple((start, end, _spelled(text)) for start, end, text in basis)
        return cls(schema, path, upstream, rule, emission, order, words)

    def basis_over(self, pristine: bytes) -> bytes:
        """The text that the layout is read over, made of upstream's. Raises ValueError where that fails."""
        return based(pristine, tuple((start, end, _read(text)) for start, end, text in self.basis))

    def to_toml(self) -> bytes:
        """The lock file's bytes; the same for the same lock."""
        values = tables.plain(self)
        for name in ("order", "basis"):
            if not values[name]:
                del values[name]
        return store.write_toml(
            "Written by mergeguard; derived again by every sync. Do not edit.",
            {**values, "monolith": store.quoted(self.monolith)},
        )


def parse_lock(path: str, text: bytes) -> Lock:
    """Read a lock; ``path`` is for errors. Raises LayoutError: what is no lock, or one of a newer schema."""
    return _parsed(text, path)


@remembered
def _parsed(text: bytes, path: str) -> Lock:
    restore = f"`git checkout HEAD -- {path}` brings the committed one back"
    try:
        raw = store.read_toml(text)
        schema = raw.get("schema")
        if isinstance(schema, int) and schema > SCHEMA_VERSION:
            raise LayoutError(
                f"the lock has schema {schema}; this mergeguard reads {SCHEMA_VERSION}",
                where=Location(path),
                hint="install the mergeguard that the fork uses",
            )
        lock = store.convert(raw, Lock)
        monolith = store.unquoted(lock.monolith)
    except store.Unreadable as error:
        raise LayoutError(
            f"the lock can't be read: {error}", where=Location(path, error.line), hint=restore
        ) from None
    known = 1 <= lock.schema <= SCHEMA_VERSION
    if not known or not is_inside(monolith):
        what = "a path outside the repository" if known else "no schema of ours"
        raise LayoutError(f"the lock can't be read: it names {what}", where=Location(path), hint=restore)
    return replace(lock, monolith=monolith)


def _spelled(text: bytes) -> str:
    """Any bytes as a string of TOML's: as they are, or in git's quotes where that could not be read again."""
    try:
        plain = text.decode("utf-8")
    except UnicodeDecodeError:
        plain = '"'
    return gitquote.quoted(text, always=True).decode() if plain.startswith('"') else plain


def _read(text: str) -> bytes:
    return gitquote.unquoted(text.encode("utf-8")) if text.startswith('"') else text.encode("utf-8")
