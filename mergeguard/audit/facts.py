"""What the audit has to know of one text; each fact is computed when it is first asked for."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mergeguard.cpp.declaration import Declaration
from mergeguard.cpp.items import Item, Kind, Source
from mergeguard.cpp.lexer import TokenKind, spell
from mergeguard.cpp.source import nested, parse
from mergeguard.cpp.text import line_of
from mergeguard.cpp.tokens import code_keys
from mergeguard.merge.checks.heads import changed_parameters, definitions
from mergeguard.merge.edits import SideEdit, side_edit
from mergeguard.values import cached_property

_WORD = re.compile(rb"[A-Za-z_\x80-\xff][\w\x80-\xff]*")
_COMMENT = re.compile(rb"//[^\n]*|/\*.*?\*/", re.DOTALL)
_INCLUDE = re.compile(rb"^[ \t]*#[ \t]*include[ \t]*[\"<]([^\">]+)[\">]", re.MULTILINE)
_FEW = 8
LANGUAGE = frozenset(
    "if for while switch return sizeof case break default else do const constexpr auto void int float double"
    " bool char long short unsigned signed static inline template typename class struct enum using namespace"
    " static_cast reinterpret_cast const_cast decltype alignas true false nullptr public private operator new"
    " delete this define include ifdef ifndef endif elif defined pragma unroll std __global__ __device__"
    " __host__ __forceinline__ __restrict__ __shared__".split()
)
DEFINING = frozenset({Kind.FUNCTION, Kind.KERNEL, Kind.TYPE, Kind.MACRO, Kind.VARIABLE, Kind.ALIAS})


class Call(NamedTuple):
    """A use of a name: with how many arguments it is called (-1: it is not called), and its text."""

    offset: int
    arguments: int
    templated: bool
    text: str


class FactEdit:
    """The lines that one version of a text added to another and removed from it."""

    def __init__(self, base: bytes, side: bytes) -> None:
        self._texts = base, side
        self.lines = side_edit(base, side) if base != side else SideEdit((), ())

    @cached_property
    def added(self) -> frozenset[str]:
        """The words in the added lines."""
        return words_in(b"".join(self.lines.added)) - LANGUAGE

    @cached_property
    def removed(self) -> frozenset[str]:
        """The words in the removed lines."""
        return words_in(b"".join(self.lines.removed)) - LANGUAGE

    @cached_property
    def taken(self) -> frozenset[str]:
        """The words that stand less often in the added lines than in the removed ones."""
        removed, added = (
            Counter(_WORD.findall(_COMMENT.sub(b" ", b"".join(lines))))
            for lines in (self.lines.removed, self.lines.added)
        )
        return frozenset(map(spell, removed - added)) - LANGUAGE

    @cached_property
    def touches_code(self) -> bool:
        """Whether more than comments, as far as they can be told, and white space was edited."""
        texts = (b"".join(lines) for lines in (self.lines.added, self.lines.removed))
        return any(_COMMENT.sub(b"", text).strip() for text in texts)

    @cached_property
    def changed_parameters(self) -> frozenset[str]:
        """The functions and macros that are gone or have other parameters now."""
        if not self.lines.added and not self.lines.removed:
            return frozenset()
        return frozenset(name.decode() for name in changed_parameters(*self._texts))

    def changes_parameters(self, name: str) -> bool:
        """As ``changed_parameters``, for one name."""
        base, side = self._texts
        spelt = raw(name)
        return spelt in base and bool(definitions(base, spelt) - definitions(side, spelt))


class Facts:
    """One text and what was read in it."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self._occurrences: dict[str, tuple[int, ...]] = {}
        self._edits: dict[Facts, FactEdit] = {}

    def edit_of(self, base: Facts) -> FactEdit:
        """What this text did to ``base``."""
        if base not in self._edits:
            self._edits[base] = FactEdit(base.text, self.text)
        return self._edits[base]

    @cached_property
    def source(self) -> Source:
        return parse(self.text)

    @cached_property
    def declarations(self) -> tuple[Declaration, ...]:
        """What the file is made of, namespaces opened, in file order."""
        return tuple(self._walk(self.source.items, False))

    def _walk(self, items: Iterable[Item], local: bool) -> Iterator[Declaration]:
        for item in items:
            inner = nested(self.source, item) if item.kind is Kind.NAMESPACE else ()
            if inner:
                anonymous = local or "anonymous" in item.flags or not item.name
                yield from self._walk(inner, anonymous)
            else:
                yield Declaration(item, self.source, hidden=local or "anonymous" in item.flags)

    @cached_property
    def by_short(self) -> dict[str, tuple[Declaration, ...]]:
        """Declarations and definitions by their name without namespaces."""
        found: dict[str, list[Declaration]] = {}
        for declaration in self.declarations:
            if declaration.short and (declaration.kind in DEFINING or declaration.kind is Kind.DECLARATION):
                found.setdefault(declaration.short, []).append(declaration)
        return {name: tuple(declarations) for name, declarations in found.items()}

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word outside comments, strings included."""
        return words_in(self.text)

    def mentions(self, names: frozenset[str]) -> bool:
        """Whether one of the names may stand in the text."""
        if len(names) <= _FEW:
            return any(raw(name) in self.text for name in names)
        return not names.isdisjoint(self.words)

    @cached_property
    def keys(self) -> Counter[bytes]:
        """The merge tokens, comments apart."""
        return code_keys(self.text)

    @cached_property
    def includes(self) -> tuple[str, ...]:
        """What it includes, as written."""
        return tuple(path.decode("utf-8", "surrogateescape") for path in _INCLUDE.findall(self.text))

    def line(self, offset: int) -> int:
        """1-based line of a byte."""
        return line_of(self.text, offset)

    def declaration_at(self, offset: int) -> Declaration | None:
        """What the byte is in."""
        index = bisect_right(self._starts, offset) - 1
        return self.declarations[index] if index >= 0 else None

    @cached_property
    def _starts(self) -> list[int]:
        return [declaration.item.start for declaration in self.declarations]

    def occurrences(self, name: str) -> tuple[int, ...]:
        """The bytes at which the name stands in code, its declarators included."""
        if name not in self._occurrences:
            spelt = raw(name)
            found: list[int] = []
            if spelt in self.text:
                lexed = self.source.lexed
                pattern = re.compile(rb"(?<![\w\x80-\xff])" + re.escape(spelt) + rb"(?![\w\x80-\xff])")
                for match in pattern.finditer(self.text):
                    index = lexed.index_at(match.start())
                    if index < len(lexed) and lexed.kinds[index] == TokenKind.IDENT:
                        if lexed.starts[index] == match.start():
                            found.append(match.start())
            self._occurrences[name] = tuple(found)
        return self._occurrences[name]

    def uses(self, name: str) -> Iterator[int]:
        """Where the name is used for what the file (or another) declares at its top level."""
        lexed = self.source.lexed
        for offset in self.occurrences(name):
            index = lexed.index_at(offset)
            before = lexed.word(index - 1) if index else ""
            if before in (".", "->"):
                continue
            declaration = self.declaration_at(offset)
            if (
                declaration is not None
                and declaration.short == name
                and declaration.kind is not Kind.INSTANTIATION
            ):
                continue  # its own declarator, or a call of itself
            if declaration is not None and name in declaration.declared and before != "::":
                continue
            yield offset

    def call(self, name: str, offset: int) -> Call:
        """How the name at ``offset`` is used."""
        lexed = self.source.lexed
        at = lexed.index_at(offset) + 1
        templated = False
        for _ in range(2):  # template arguments, then a launch's configuration
            word = self._word(at)
            if word and not word.strip("<"):
                end = self._angle_end(at)
                if end < 0:
                    break
                templated = templated or (word == "<" and self._word(at + 1) != "<<")
                at = end
        if self._word(at) != "(":
            return Call(offset, -1, templated, name)
        depth, count, empty = 0, 1, True
        for index in range(at, len(lexed)):
            if lexed.kinds[index] == TokenKind.COMMENT:
                continue
            word = lexed.word(index)
            if word in ("(", "[", "{"):
                depth += 1
            elif word in (")", "]", "}"):
                depth -= 1
                if depth == 0:
                    text = self.text[offset : lexed.end(index)].decode("utf-8", "replace")
                    return Call(offset, 0 if empty else count, templated, " ".join(text.split()))
            elif word == "," and depth == 1:
                count += 1
            if index > at:
                empty = False
        return Call(offset, -1, templated, name)

    def _word(self, index: int) -> str:
        lexed = self.source.lexed
        return lexed.word(index) if index < len(lexed) else ""

    def _angle_end(self, at: int) -> int:
        """The token behind the bracket ``<`` or ``<<<`` at ``at``; -1 if it is no bracket."""
        depth = 0
        round_ = 0
        for index in range(at, min(at + 400, len(self.source.lexed))):
            word = self._word(index)
            if word in ("(", "[", "{"):
                round_ += 1
            elif word in (")", "]", "}"):
                round_ -= 1
                if round_ < 0:
                    return -1
            elif round_ == 0:
                if word and not word.strip("<"):
                    depth += len(word)
                elif word and not word.strip(">"):
                    depth -= len(word)
                    if depth <= 0:
                        return index + 1
                elif word in (";", "&&", "||"):
                    return -1
        return -1


def words_in(text: bytes) -> frozenset[str]:
    """The words of a text or of some of its lines, comments apart as far as they can be told."""
    return frozenset(spell(word) for word in set(_WORD.findall(_COMMENT.sub(b" ", text))))


def raw(name: str) -> bytes:
    """The bytes of a name, whatever they are."""
    return name.encode("utf-8", "surrogateescape")
