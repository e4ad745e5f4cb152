"""A fork's own work, declaration by declaration, and what a merge made of it.

Texts in, values out. A declaration of the fork's is known by its kind and name; what the fork did to it by
the lines that it added, those that tell something (a brace alone does not). What became of it is read from
the merge's result: where those lines are now, and whether upstream has them, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from mergeguard.cpp.diff import diff
from mergeguard.cpp.filenames import SOURCES
from mergeguard.cpp.source import Item, Kind, Source, nested, parse
from mergeguard.digests import blake2b
from mergeguard.values import dataclass

#: Shorter lines (braces, `else`, `break;`) stand everywhere and tell nothing.
_TELLING = 8
#: What is nobody's work by itself.
_IGNORED = frozenset({Kind.COMMENT, Kind.CONDITIONAL, Kind.PRAGMA, Kind.OPAQUE, Kind.INCLUDE})

Texts = Mapping[str, bytes]


class WorkChange(StrEnum):
    """What the fork did to a declaration."""

    ADDED = "added"
    EDITED = "edited"
    REMOVED = "removed"


class WorkFate(StrEnum):
    """What a merge made of it. LOST and OVERWRITTEN need somebody to say that they were meant."""

    SURVIVES = "survives"
    IN_PART = "survives in part"
    MOVED = "moved"
    UPSTREAMS = "upstream has it, too"
    OVERWRITTEN = "overwritten"
    LOST = "lost"
    BACK = "back again"

    @property
    def is_loss(self) -> bool:
        """Whether work is gone."""
        return self in (WorkFate.LOST, WorkFate.OVERWRITTEN, WorkFate.BACK)


@dataclass(frozen=True, slots=True)
class Work:
    """One declaration that the fork added, edited or removed; ``name`` is "" for a file that is no C++.

    ``lines`` are the telling lines that the fork added to it, stripped; ``line`` is where it begins in the
    fork's file (1-based; 1 for a removed one).
    """

    path: str
    kind: str
    name: str
    change: WorkChange
    line: int
    lines: tuple[bytes, ...]

    @property
    def id(self) -> str:
        """Eight hex digits that stay while the work stays what it is."""
        parts = (
            self.path.encode("utf-8", "surrogateescape"),
            self.kind.encode(),
            self.name.encode("utf-8", "replace"),
        )
        return blake2b(b"\0".join([*parts, self.change.encode(), *self.lines]), digest_size=4).hexdigest()


@dataclass(frozen=True, slots=True)
class WorkOutcome:
    """What became of some work: where it is now (path and 1-based line; none where it is nowhere), and how
    many of its ``of`` lines are there.
    """

    work: Work
    fate: WorkFate
    path: str = ""
    line: int = 0
    kept: int = 0
    of: int = 0


@dataclass(frozen=True, slots=True)
class _Declared:
    text: bytes
    line: int

    @property
    def lines(self) -> Counter[bytes]:
        return Counter(_telling(self.text))


def works(base: Texts, ours: Texts) -> tuple[Work, ...]:
    """What the fork did, file by file, in the fork's order; only paths whose texts differ are looked at."""
    return tuple(
        work
        for path in sorted({*base, *ours})
        if base.get(path) != ours.get(path)
        for work in _works_of(path, base.get(path, b""), ours.get(path, b""))
    )


def _works_of(path: str, base: bytes, ours: bytes) -> Iterator[Work]:
    before, after = _declared(path, base), _declared(path, ours)
    for key, own in after.items():
        old = before.get(key)
        if old is None:
            yield Work(path, key[0], key[1], WorkChange.ADDED, own.line, _telling(own.text))
        elif old.text.split() != own.text.split():
            yield Work(path, key[0], key[1], WorkChange.EDITED, own.line, _came(old.text, own.text))
    for key, old in before.items():
        if key not in after:
            yield Work(path, key[0], key[1], WorkChange.REMOVED, 1, _telling(old.text))


def _came(old: bytes, new: bytes) -> tuple[bytes, ...]:
    before, after = ([line.strip() for line in text.splitlines()] for text in (old, new))
    came = [line for change in diff(before, after) for line in after[change.b0 : change.b1]]
    return tuple(line for line in came if len(line) >= _TELLING)


def _telling(text: bytes) -> tuple[bytes, ...]:
    return tuple(line for line in map(bytes.strip, text.splitlines()) if len(line) >= _TELLING)


def _declared(path: str, text: bytes) -> dict[tuple[str, str], _Declared]:
    """The declarations of a file by kind and name; overloads and repeated registrations count as one."""
    if not path.endswith(SOURCES):
        return {("file", ""): _Declared(text, 1)} if text else {}
    found: dict[tuple[str, str], _Declared] = {}
    source = parse(text)
    for item in _named(source, source.items):
        kind = Kind.FUNCTION if item.kind is Kind.KERNEL else item.kind
        code = text[item.code_start : item.code_end]
        before = found.get((kind.value, item.name))
        if before is None:
            found[kind.value, item.name] = _Declared(code, text.count(b"\n", 0, item.code_start) + 1)
        else:
            found[kind.value, item.name] = _Declared(before.text + b"\n" + code, before.line)
    return found


def _named(source: Source, items: Iterable[Item]) -> Iterator[Item]:
    """The items that somebody can have worked on, those of namespaces instead of the namespace."""
    for item in items:
        inner = nested(source, item)
        if inner:
            yield from _named(source, inner)
        elif item.kind not in _IGNORED and item.name:
            yield item


def outcomes(found: Iterable[Work], theirs: Texts, merged: Texts) -> tuple[WorkOutcome, ...]:
    """What the merge's result made of the fork's work.

    ``theirs`` and ``merged`` are upstream's and the result's texts of the files that differ between the sides
    and the result (a path that is missing has no file); files whose result is the fork's own text need not be
    given.
    """
    reader = _FeatureReader(theirs, merged)
    return tuple(reader.outcome(work) for work in found)


class _FeatureReader:
    def __init__(self, theirs: Texts, merged: Texts) -> None:
        self.theirs, self.merged = theirs, merged
        self._declared: dict[tuple[int, str], dict[tuple[str, str], _Declared]] = {}

    def declared(self, texts: Texts, path: str) -> dict[tuple[str, str], _Declared]:
        key = (id(texts), path)
        if key not in self._declared:
            self._declared[key] = _declared(path, texts.get(path, b""))
        return self._declared[key]

    def outcome(self, work: Work) -> WorkOutcome:
        if work.change is WorkChange.REMOVED:
            return self.of_removed(work)
        here = self.find(self.merged, work.path, work)
        place, path = here, work.path
        if here is None:
            place, path = self.elsewhere(work)
        if place is None:
            return WorkOutcome(work, WorkFate.LOST, of=len(work.lines))
        kept = sum((Counter(work.lines) & place.lines).values())
        upstream = self.find(self.theirs, path, work)
        fate = self.judge(work, place, upstream, kept, moved=here is None)
        return WorkOutcome(work, fate, path, place.line, kept, len(work.lines))

    def judge(
        self, work: Work, place: _Declared, upstream: _Declared | None, kept: int, *, moved: bool
    ) -> WorkFate:
        has_all = kept == len(work.lines)
        if upstream is not None and place.text.split() == upstream.text.split():
            # The result is upstream's: theirs by agreement if it has what the fork wrote, else instead of it.
            return WorkFate.UPSTREAMS if has_all else WorkFate.OVERWRITTEN
        if has_all:
            return WorkFate.MOVED if moved else WorkFate.SURVIVES
        return WorkFate.IN_PART if kept else WorkFate.OVERWRITTEN

    def of_removed(self, work: Work) -> WorkOutcome:
        here = self.find(self.merged, work.path, work)
        if here is None:
            return WorkOutcome(work, WorkFate.SURVIVES)
        return WorkOutcome(work, WorkFate.BACK, work.path, here.line)

    def find(self, texts: Texts, path: str, work: Work) -> _Declared | None:
        """The declaration of that kind and name in the file."""
        return self.declared(texts, path).get((work.kind, work.name))

    def elsewhere(self, work: Work) -> tuple[_Declared | None, str]:
        if not work.name:
            return None, ""
        for path in self.merged:
            found = self.find(self.merged, path, work) if path.endswith(SOURCES) else None
            if found is not None:
                return found, path
        return None, ""
