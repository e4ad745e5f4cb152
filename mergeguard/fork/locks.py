"""Locks: what a layout in the tree was derived from, one small committed file beside each rule."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from mergeguard import store
from mergeguard.cpp.remember import remembered
from mergeguard.errors import LayoutError, Location
from mergeguard.git.objectnames import FULL_NAME
from mergeguard.lens.rule import is_inside

SCHEMA_VERSION = 2

ObjectName = Annotated[str, Meta(pattern=f"^{FULL_NAME}$")]


class Lock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a layout in the tree was derived from. Object names are hex, ``emission`` a version.

    ``order`` are hints at where the fork's own units stand in the monolith (``lens.order``): a lock that has
    some is of schema 2, others stay readable for whoever knows only schema 1.
    """

    schema: int
    monolith: str
    upstream: ObjectName
    rule: ObjectName
    emission: int
    order: tuple[tuple[str, str], ...] = ()

    def to_toml(self) -> bytes:
        """The lock file's bytes; the same for the same lock."""
        values = msgspec.structs.asdict(self)
        if not self.order:
            del values["order"]
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
    return msgspec.structs.replace(lock, monolith=monolith)
