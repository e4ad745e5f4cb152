"""The changed files as four trees: questions that several checks ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from mergeguard.audit.facts import FactEdit, Facts, raw
from mergeguard.audit.model import BASE, SIDES, Changed, Elsewhere, Place, other
from mergeguard.cpp import filenames
from mergeguard.cpp.declaration import Declaration
from mergeguard.cpp.items import Kind
from mergeguard.values import cached_property

HEADERS = (*filenames.HEADERS, ".ipp")
_FEW = 12  # words that are looked for one by one, files that are compared in any case
_DEPTH = 8  # how far includes are followed
_NONE: frozenset[str] = frozenset()


class Trees:
    """The files of one audit, with what the two sides did to their lines."""

    def __init__(
        self, files: Sequence[Changed], elsewhere: Elsewhere, mentioned: Callable[[str], bool]
    ) -> None:
        self.files = tuple(files)
        self.mentioned = mentioned
        self._elsewhere = elsewhere
        self._edits: dict[tuple[int, str], FactEdit] = {}
        self._asked_for = 0
        self.adding_up: dict[int, bool] = {}  # by file: see ``balance``
        self._asked: dict[str, dict[str, Facts]] = {}
        self._includers: dict[tuple[str, str], frozenset[str]] = {}

    def edit(self, index: int, side: str) -> FactEdit:
        """What a side, or the merge, did to file ``index``."""
        key = (index, side)
        if key not in self._edits:
            base, own = (self.files[index].of(version) for version in (BASE, side))
            if base is not None and own is not None:
                self._edits[key] = own.edit_of(base)
            else:
                self._edits[key] = FactEdit(*(f.text if f is not None else b"" for f in (base, own)))
        return self._edits[key]

    def added(self, index: int, side: str) -> frozenset[str]:
        """The words in the lines that a side added to file ``index``."""
        return self.edit(index, side).added

    def removed(self, index: int, side: str) -> frozenset[str]:
        """The words in the lines that a side removed from file ``index``."""
        return self.edit(index, side).removed

    def added_of(self, words: frozenset[str], index: int, side: str) -> frozenset[str]:
        """Those of the words that are in the lines that a side added to file ``index``."""
        if not self.files[index].edited_by(side) or not self._may_have(words, index, side):
            return _NONE
        return self.added(index, side) & words

    def removed_of(self, words: frozenset[str], index: int, side: str) -> frozenset[str]:
        """Those of the words that are in the lines that a side removed from file ``index``."""
        if not self.files[index].edited_by(side) or not self._may_have(words, index, BASE):
            return _NONE
        return self.removed(index, side) & words

    def _may_have(self, words: frozenset[str], index: int, version: str) -> bool:
        """Whether a file may have one of the words; what few words are not in needs no comparing of texts."""
        if len(words) > _FEW:
            return True
        facts = self.files[index].of(version)
        return facts is not None and any(raw(word) in facts.text for word in words)

    @cached_property
    def all_added(self) -> dict[str, frozenset[str]]:
        """The words in the lines that each side added: all of the side that changed fewer files, and of the
        other those that the first has in its added or removed lines."""
        few, many = self.by_size
        found = {few: self._all(self.added, few)}
        common = found[few] | self._all(self.removed, few)
        return found | {many: _NONE.union(*(self.added_of(common, i, many) for i, _ in self.edited(many)))}

    @cached_property
    def all_removed(self) -> dict[str, frozenset[str]]:
        """As ``all_added``, of the lines that each side removed."""
        few, many = self.by_size
        found = {few: self._all(self.removed, few)}
        common = found[few] | self._all(self.added, few)
        return found | {many: _NONE.union(*(self.removed_of(common, i, many) for i, _ in self.edited(many)))}

    def _all(self, words: Callable[[int, str], frozenset[str]], side: str) -> frozenset[str]:
        return _NONE.union(*(words(index, side) for index, _ in self.edited(side)))

    @cached_property
    def by_size(self) -> tuple[str, str]:
        """The side that changed fewer files, and the other."""
        few, many = sorted(SIDES, key=lambda side: len(self.edited(side)))
        return few, many

    def is_compared(self, side: str) -> bool:
        """Whether all that a side changed may be compared line by line: it changed less, or little."""
        return side == self.by_size[0] or len(self.edited(side)) <= _FEW

    def taken(self, side: str) -> frozenset[str]:
        """The words that some file has less often in a side's lines than before."""
        return _NONE.union(*(self.edit(i, side).taken for i, _ in self.edited(side)))

    def taken_of(self, words: frozenset[str], side: str) -> frozenset[str]:
        """Those of the words."""
        edited = (i for i, _ in self.edited(side) if words and self._may_have(words, i, BASE))
        return _NONE.union(*(self.edit(i, side).taken & words for i in edited))

    @cached_property
    def _edited(self) -> dict[str, tuple[tuple[int, Changed], ...]]:
        files = tuple(enumerate(self.files))
        return {side: tuple((i, f) for i, f in files if f.edited_by(side)) for side in SIDES}

    def edited(self, side: str) -> tuple[tuple[int, Changed], ...]:
        """The files that a side changed, with their indices."""
        return self._edited[side]

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
                spelt = raw(name)
                self._asked[name] = {path: facts for path, facts in found.items() if spelt in facts.text}
        return {path: facts for name in wanted for path, facts in self._asked[name].items()}

    def having(self, version: str, name: str) -> Iterator[tuple[Changed, Facts]]:
        """The changed files that have a word in a version."""
        spelt = raw(name)
        for file in self.files:
            facts = file.of(version)
            if facts is not None and spelt in facts.text:
                yield file, facts

    def mentions(self, version: str, name: str) -> bool:
        """Whether a changed file has the word outside comments in a version."""
        self._asked_for += 1
        if self._asked_for > _FEW:
            return name in self._all_words[version]
        return any(name in facts.words for _, facts in self.having(version, name))

    @cached_property
    def _all_words(self) -> dict[str, frozenset[str]]:
        return {
            version: frozenset().union(*(f.words for file in self.files if (f := file.of(version))))
            for version in SIDES
        }

    def declarations(self, version: str, name: str) -> list[tuple[Changed, Declaration]]:
        """The declarations and definitions of a name (without namespaces) in the changed files."""
        return [
            (file, declaration)
            for file, facts in self.having(version, name)
            for declaration in facts.by_short.get(name, ())
        ]

    def is_declared(self, version: str, name: str) -> bool:
        """Whether anything of that name is declared or defined in a version, unchanged files included."""
        if self.declarations(version, name):
            return True
        return any(name in facts.by_short for facts in self.elsewhere([name]).values())

    def is_defined(self, version: str, name: str) -> bool:
        """Whether anything of that name is defined in a version, unchanged files included."""
        if any(declaration.defines for _, declaration in self.declarations(version, name)):
            return True
        return any(
            declaration.defines
            for facts in self.elsewhere([name]).values()
            for declaration in facts.by_short.get(name, ())
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
                    if raw(tail) in facts.text and any(
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

    def at(self, file: Changed, version: str, declaration: Declaration) -> Place:
        """Where an declaration of a file stands."""
        return Place(version, file.path(version), declaration.line)


def role(kind: Kind) -> str:
    """What to call an declaration of this kind."""
    return {Kind.DECLARATION: "function", Kind.ALIAS: "type"}.get(kind, str(kind))


def their(side: str) -> str:
    """The side as an owner: "our" or "their"."""
    return "our" if side == "ours" else "their"


__all__ = ["Trees", "other", "role", "their"]
