"""The changed files as four trees: questions that several checks ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property

from mergeguard.core.audit.facts import Entity, Facts, words_in
from mergeguard.core.audit.model import BASE, SIDES, Changed, Elsewhere, Place, other
from mergeguard.core.items import Kind
from mergeguard.core.merge.check import SideEdit, side_edit

_LANGUAGE = frozenset(
    "if for while switch return sizeof case break default else do const constexpr auto void int float double"
    " bool char long short unsigned signed static inline template typename class struct enum using namespace"
    " static_cast reinterpret_cast const_cast decltype alignas true false nullptr public private operator new"
    " delete this define include ifdef ifndef endif elif defined pragma unroll std __global__ __device__"
    " __host__ __forceinline__ __restrict__ __shared__".split()
)


HEADERS = (".h", ".hpp", ".cuh", ".inc", ".hh", ".hxx", ".inl", ".ipp")
_DEPTH = 8  # how far includes are followed


class Trees:
    """The files of one audit, with what the two sides did to their lines."""

    def __init__(
        self, files: Sequence[Changed], elsewhere: Elsewhere, mentioned: Callable[[str], bool]
    ) -> None:
        self.files = tuple(files)
        self.mentioned = mentioned
        self._elsewhere = elsewhere
        self._edits: dict[tuple[int, str], SideEdit] = {}
        self._words: dict[tuple[int, str, bool], frozenset[str]] = {}
        self._asked: dict[str, dict[str, Facts]] = {}
        self._includers: dict[tuple[str, str], frozenset[str]] = {}

    def edit(self, index: int, side: str) -> SideEdit:
        """The lines of file ``index`` that a side added and removed."""
        key = (index, side)
        if key not in self._edits:
            file = self.files[index]
            edited = file.edited_by(side)
            self._edits[key] = side_edit(file.text(BASE), file.text(side)) if edited else SideEdit((), ())
        return self._edits[key]

    def words(self, index: int, side: str, *, added: bool) -> frozenset[str]:
        """The words in the lines that a side added to (or removed from) file ``index``."""
        key = (index, side, added)
        if key not in self._words:
            edit = self.edit(index, side)
            lines = edit.added if added else edit.removed
            self._words[key] = words_in(b"".join(lines)) - _LANGUAGE
        return self._words[key]

    @cached_property
    def _all_words(self) -> dict[tuple[str, bool], frozenset[str]]:
        return {
            (side, added): frozenset().union(
                *(self.words(index, side, added=added) for index in range(len(self.files)))
            )
            for side in SIDES
            for added in (True, False)
        }

    def all_words(self, side: str, *, added: bool) -> frozenset[str]:
        """The words in all lines that a side added (or removed)."""
        return self._all_words[side, added]

    def edited(self, side: str) -> Iterator[tuple[int, Changed]]:
        """The files that a side changed, with their indices."""
        for index, file in enumerate(self.files):
            if file.edited_by(side):
                yield index, file

    @property
    def woven(self) -> Iterator[tuple[int, Changed]]:
        """The files whose result is neither side's own text."""
        for index, file in enumerate(self.files):
            merged = file.of("merged")
            if merged is not None and not any(file.of(side) is merged for side in SIDES):
                yield index, file

    def elsewhere(self, names: Iterable[str]) -> dict[str, Facts]:
        """Unchanged files that have one of the words."""
        wanted = list(dict.fromkeys(names))
        missing = [name for name in wanted if name not in self._asked]
        if missing:
            found = dict(self._elsewhere(missing))
            for name in missing:
                raw = name.encode()
                self._asked[name] = {path: facts for path, facts in found.items() if raw in facts.text}
        return {path: facts for name in wanted for path, facts in self._asked[name].items()}

    def having(self, version: str, name: str) -> Iterator[tuple[Changed, Facts]]:
        """The changed files that have a word in a version."""
        raw = name.encode()
        for file in self.files:
            facts = file.of(version)
            if facts is not None and raw in facts.text:
                yield file, facts

    def entities(self, version: str, name: str) -> list[tuple[Changed, Entity]]:
        """The declarations and definitions of a name (without namespaces) in the changed files."""
        return [
            (file, entity)
            for file, facts in self.having(version, name)
            for entity in facts.by_short.get(name, ())
        ]

    def is_declared(self, version: str, name: str) -> bool:
        """Whether anything of that name is declared or defined in a version, unchanged files included."""
        if self.entities(version, name):
            return True
        return any(name in facts.by_short for facts in self.elsewhere([name]).values())

    def is_defined(self, version: str, name: str) -> bool:
        """Whether anything of that name is defined in a version, unchanged files included."""
        if any(entity.defines for _, entity in self.entities(version, name)):
            return True
        return any(
            entity.defines
            for facts in self.elsewhere([name]).values()
            for entity in facts.by_short.get(name, ())
        )

    def uses(self, version: str, name: str) -> int:
        """How often a name is used in a version, unchanged files included."""
        count = sum(1 for _, facts in self.having(version, name) for _ in facts.uses(name))
        return count + sum(1 for facts in self.elsewhere([name]).values() for _ in facts.uses(name))

    def includers(self, version: str, path: str) -> frozenset[str]:
        """The files that include ``path``, itself among them; by the names in ``#include`` lines."""
        key = (version, path)
        if key not in self._includers:
            self._includers[key] = frozenset(self._following(version, path))
        return self._includers[key]

    def _following(self, version: str, path: str) -> set[str]:
        here = {f.path(version): facts for f in self.files if (facts := f.of(version)) is not None}
        found = {path}
        front = {path}
        for _ in range(_DEPTH):
            following: set[str] = set()
            for target in front:
                tail = target.rsplit("/", 1)[-1]
                if not tail.endswith(HEADERS) and target != path:
                    continue
                known = {**self.elsewhere([tail.partition(".")[0]]), **here}
                for includer, facts in known.items():
                    if tail.encode() in facts.text and any(
                        f"/{target}".endswith("/" + include.lstrip("./")) for include in facts.includes
                    ):
                        following.add(includer)
            front = following - found
            found |= front
            if not front:
                break
        return found

    def sees(self, version: str, file: Changed, home: Changed) -> bool:
        """Whether ``file`` includes ``home`` in a version, or is it."""
        return file is home or file.path(version) in self.includers(version, home.path(version))

    def place(self, file: Changed, version: str, offset: int) -> Place:
        """Byte ``offset`` of a file as a place."""
        facts = file.of(version)
        return Place(version, file.path(version), facts.line(offset) if facts is not None else 1)

    def at(self, file: Changed, version: str, entity: Entity) -> Place:
        """Where an entity of a file stands."""
        return Place(version, file.path(version), entity.line)


def role(kind: Kind) -> str:
    """What to call an entity of this kind."""
    return {Kind.DECLARATION: "function", Kind.ALIAS: "type"}.get(kind, str(kind))


def their(side: str) -> str:
    """The side as an owner: "our" or "their"."""
    return "our" if side == "ours" else "their"


__all__ = ["Trees", "other", "role", "their"]
