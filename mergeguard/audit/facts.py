"""What the audit has to know of one text; each fact is computed when it is first asked for."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from mergeguard.cpp.items import Item, Kind, Source
from mergeguard.cpp.lexer import TokenKind, spell
from mergeguard.cpp.source import nested, parse
from mergeguard.cpp.text import code_tokens, join_type
from mergeguard.cpp.tokens import tokens_of
from mergeguard.merge.checks.heads import changed_parameters, definitions
from mergeguard.merge.edits import SideEdit, side_edit

_WORD = re.compile(rb"[A-Za-z_\x80-\xff][\w\x80-\xff]*")
_COMMENT = re.compile(rb"//[^\n]*|/\*.*?\*/", re.DOTALL)
_INCLUDE = re.compile(rb"^[ \t]*#[ \t]*include[ \t]*[\"<]([^\">]+)[\">]", re.MULTILINE)
_NOT_A_TYPE = frozenset(
    "return case else throw goto new delete defined ifdef ifndef undef co_return and or not".split()
)
_AFTER_DECLARATOR = frozenset({"=", ";", ",", ")", "{", "[", ":", "(", ">", ">>", "..."})
_TYPE_PART = frozenset({"*", "&", "&&", ">", ">>", "::", "const", "..."})
_FEW = 8
_CALLABLE = frozenset({Kind.FUNCTION, Kind.KERNEL, Kind.DECLARATION})
LANGUAGE = frozenset(
    "if for while switch return sizeof case break default else do const constexpr auto void int float double"
    " bool char long short unsigned signed static inline template typename class struct enum using namespace"
    " static_cast reinterpret_cast const_cast decltype alignas true false nullptr public private operator new"
    " delete this define include ifdef ifndef endif elif defined pragma unroll std __global__ __device__"
    " __host__ __forceinline__ __restrict__ __shared__".split()
)
DEFINING = frozenset({Kind.FUNCTION, Kind.KERNEL, Kind.TYPE, Kind.MACRO, Kind.VARIABLE, Kind.ALIAS})


class Arity(NamedTuple):
    """How many arguments a function takes."""

    least: int
    most: int | None  # None: any number

    def takes(self, count: int) -> bool:
        """Whether a call with ``count`` arguments fits."""
        return self.least <= count and (self.most is None or count <= self.most)


class Call(NamedTuple):
    """A use of a name: with how many arguments it is called (-1: it is not called), and its text."""

    offset: int
    arguments: int
    templated: bool
    text: str


class Entity:
    """A declaration or definition at the top level or in a namespace; ``local`` in an anonymous one."""

    def __init__(self, facts: Facts, item: Item, local: bool) -> None:
        self.facts = facts
        self.item = item
        self.name = item.name
        self.short = item.name.rsplit("::", 1)[-1]
        self.local = local or "static" in item.flags and item.kind is not Kind.MACRO

    @property
    def kind(self) -> Kind:
        return self.item.kind

    @property
    def defines(self) -> bool:
        """Whether it is a definition, not just a declaration."""
        item = self.item
        return item.body is not None or item.kind is Kind.MACRO or "definition" in item.flags

    @property
    def line(self) -> int:
        return self.facts.line(self.item.code_start)

    @property
    def text(self) -> bytes:
        """Its bytes without leading and trailing comments."""
        return self.facts.text[self.item.code_start : self.item.code_end]

    @cached_property
    def code(self) -> tuple[str, ...]:
        """Its tokens without comments."""
        return tuple(code_tokens(self.facts.source, self.item.code_start, self.item.code_end))

    @cached_property
    def keys(self) -> Counter[bytes]:
        """Its merge tokens, comments apart."""
        item = self.item
        return code_keys(self.facts.text[item.start : item.end])

    @cached_property
    def types(self) -> tuple[str, ...]:
        """The parameters' types without names and default arguments; of a macro the number alone."""
        if self.kind is Kind.MACRO:
            span = self.item.parameter_list
            names = code_tokens(self.facts.source, *span)[1:-1] if span else []
            return tuple("" for name in names if name != ",")
        found = []
        for parameter in self.item.parameters:
            end = parameter.end if parameter.default_start is None else parameter.default_start
            words = code_tokens(self.facts.source, parameter.start, end)
            if parameter.name in words:
                del words[len(words) - 1 - words[::-1].index(parameter.name)]
            found.append(join_type(words))
        return tuple(found)

    @property
    def arity(self) -> Arity:
        types = self.types
        if self.kind is Kind.MACRO:
            span = self.item.parameter_list
            variadic = span is not None and b"..." in self.facts.text[slice(*span)]
            return Arity(len(types) - 1 if variadic else len(types), None if variadic else len(types))
        if any("..." in part for part in types):
            return Arity(0, None)
        defaults = sum(p.default_start is not None for p in self.item.parameters)
        return Arity(len(types) - defaults, len(types))

    @cached_property
    def template(self) -> tuple[str, ...]:
        """The words of its template headers."""
        span = self.item.template_header
        return tuple(code_tokens(self.facts.source, *span)) if span else ()

    @property
    def callable(self) -> bool:
        return self.kind in _CALLABLE and (self.item.parameter_list is not None or bool(self.item.parameters))

    @property
    def key(self) -> tuple[object, ...]:
        """Which one it is in any version of the file: conditions and template headers may change."""
        item = self.item
        if item.kind in (Kind.CONDITIONAL, Kind.COMMENT, Kind.OPAQUE, Kind.PRAGMA, Kind.UNDEF):
            return (item.kind, item.name, self.code)
        overload = item.key.parameters if item.kind is not Kind.MACRO else ""
        return (self.name, item.arguments, overload, self.defines)

    @cached_property
    def declared(self) -> frozenset[str]:
        """The names declared anywhere in it: parameters, locals, members, enumerators."""
        lexed = self.facts.source.lexed
        first, last = lexed.index_at(self.item.code_start), lexed.index_at(self.item.code_end)
        words = [
            (lexed.tokens[i].kind, lexed.word(i))
            for i in range(first, last)
            if lexed.tokens[i].kind != TokenKind.COMMENT
        ]
        names = {p.name for p in self.item.parameters if p.name}
        for index in range(1, len(words)):
            kind, word = words[index]
            if kind == TokenKind.IDENT and _declares(words, index):
                names.add(word)
        if self.kind is Kind.TYPE and "enum" in self.code[:2]:
            names |= {
                word
                for index, (kind, word) in enumerate(words)
                if kind == TokenKind.IDENT and words[index - 1][1] in ("{", ",")
            }
        return frozenset(names)


def _declares(words: Sequence[tuple[int, str]], index: int) -> bool:
    """Whether the identifier at ``index`` stands where a declarator names something."""
    kind, before = words[index - 1]
    if index + 1 < len(words) and words[index + 1][1] not in _AFTER_DECLARATOR:
        return False
    if kind == TokenKind.IDENT:
        return before not in _NOT_A_TYPE
    if before not in ("*", "&", "&&", ">", ">>", "..."):
        return False
    # `a * b` is a product unless a type alone stands before it.
    at = index - 1
    while at >= 0 and (words[at][0] in (TokenKind.IDENT, TokenKind.NUMBER) or words[at][1] in _TYPE_PART):
        if words[at][1] in _NOT_A_TYPE:
            return False
        if words[at][1] in (">", ">>"):
            depth = 0
            while at >= 0:
                depth += {">": 1, ">>": 2, "<": -1, "<<": -2}.get(words[at][1], 0)
                if depth <= 0:
                    break
                at -= 1
                if at < 0 or words[at][1] in (";", "{", "}"):
                    return False  # a comparison
        at -= 1
    return at < 0 or words[at][1] in (";", "{", "}", ":")


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
    def entities(self) -> tuple[Entity, ...]:
        """What the file is made of, namespaces opened, in file order."""
        return tuple(self._walk(self.source.items, False))

    def _walk(self, items: Iterable[Item], local: bool) -> Iterator[Entity]:
        for item in items:
            inner = nested(self.source, item) if item.kind is Kind.NAMESPACE else ()
            if inner:
                anonymous = local or "anonymous" in item.flags or not item.name
                yield from self._walk(inner, anonymous)
            else:
                yield Entity(self, item, local or "anonymous" in item.flags)

    @cached_property
    def by_short(self) -> dict[str, tuple[Entity, ...]]:
        """Declarations and definitions by their name without namespaces."""
        found: dict[str, list[Entity]] = {}
        for entity in self.entities:
            if entity.short and (entity.kind in DEFINING or entity.kind is Kind.DECLARATION):
                found.setdefault(entity.short, []).append(entity)
        return {name: tuple(entities) for name, entities in found.items()}

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
        return self.text.count(b"\n", 0, offset) + 1

    def entity_at(self, offset: int) -> Entity | None:
        """What the byte is in."""
        index = bisect_right(self._starts, offset) - 1
        return self.entities[index] if index >= 0 else None

    @cached_property
    def _starts(self) -> list[int]:
        return [entity.item.start for entity in self.entities]

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
                    if index < len(lexed.tokens):
                        kind, start, _ = lexed.tokens[index]
                        if kind == TokenKind.IDENT and start == match.start():
                            found.append(start)
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
            entity = self.entity_at(offset)
            if entity is not None and entity.short == name and entity.kind is not Kind.INSTANTIATION:
                continue  # its own declarator, or a call of itself
            if entity is not None and name in entity.declared and before != "::":
                continue
            yield offset

    def call(self, name: str, offset: int) -> Call:
        """How the name at ``offset`` is used."""
        lexed = self.source.lexed
        tokens = lexed.tokens
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
        for index in range(at, len(tokens)):
            if tokens[index].kind == TokenKind.COMMENT:
                continue
            word = lexed.word(index)
            if word in ("(", "[", "{"):
                depth += 1
            elif word in (")", "]", "}"):
                depth -= 1
                if depth == 0:
                    text = self.text[offset : tokens[index].end].decode("utf-8", "replace")
                    return Call(offset, 0 if empty else count, templated, " ".join(text.split()))
            elif word == "," and depth == 1:
                count += 1
            if index > at:
                empty = False
        return Call(offset, -1, templated, name)

    def _word(self, index: int) -> str:
        lexed = self.source.lexed
        return lexed.word(index) if index < len(lexed.tokens) else ""

    def _angle_end(self, at: int) -> int:
        """The token behind the bracket ``<`` or ``<<<`` at ``at``; -1 if it is no bracket."""
        depth = 0
        round_ = 0
        for index in range(at, min(at + 400, len(self.source.lexed.tokens))):
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


def code_keys(text: bytes) -> Counter[bytes]:
    """The merge tokens of a text, comments apart."""
    return Counter(
        key
        for key in tokens_of(text).keys
        if not (key[:1] == b"/" and len(key) > 1) and key[:2] != b"#/" and key != b"#\n"
    )


def words_in(text: bytes) -> frozenset[str]:
    """The words of a text or of some of its lines, comments apart as far as they can be told."""
    return frozenset(spell(word) for word in set(_WORD.findall(_COMMENT.sub(b" ", text))))


def raw(name: str) -> bytes:
    """The bytes of a name, whatever they are."""
    return name.encode("utf-8", "surrogateescape")
