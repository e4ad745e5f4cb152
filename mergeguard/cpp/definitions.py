"""The definitions of a source, and what the checks of ``verify.same_program`` ask about each."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property

from mergeguard.cpp.source import Item, Kind, Source, code_tokens, nested
from mergeguard.values import dataclass

_MUST_BE_ONCE = (Kind.FUNCTION, Kind.VARIABLE)
_COMPARED = frozenset(
    {
        Kind.FUNCTION,
        Kind.KERNEL,
        Kind.TYPE,
        Kind.ALIAS,
        Kind.VARIABLE,
        Kind.DECLARATION,
        Kind.INSTANTIATION,
        Kind.USING,
        Kind.OPAQUE,
        Kind.PRAGMA,
        Kind.MACRO,
        Kind.UNDEF,
    }
)
# Tokens of definitions by their bytes, and of how many they are kept.
_TOKENS: dict[bytes, tuple[str, ...]] = {}
_MOST_TOKENS = 4096
Identity = tuple[str, str, str, str, str, str, tuple[str, ...]]


@dataclass(frozen=True)
class Definition:
    """An item of a source, wherever it is nested, with what the checks ask about it."""

    item: Item
    source: Source
    spaces: frozenset[str]  # the layout's own namespaces
    hidden: bool  # inside an anonymous namespace
    index: int  # of its unit; -1 for the monolith
    in_c: bool = False  # inside an `extern "C"` block

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """Its tokens without comments. Equal bytes have equal ones, and units share most of their text."""
        start, end = self.item.code_start, self.item.code_end
        raw = self.source.text[start:end]
        known = _TOKENS.get(raw)
        if known is None:
            known = tuple(code_tokens(self.source, start, end))
            if len(_TOKENS) >= _MOST_TOKENS:
                _TOKENS.clear()
            _TOKENS[raw] = known
        return known

    @property
    def name(self) -> str:
        return self.item.name

    @cached_property
    def plain(self) -> str:
        """The name without the layout's namespaces."""
        return unspaced(self.item.name, self.spaces)

    @property
    def spaced(self) -> bool:
        """Whether it stands in a namespace that the layout made."""
        return self.plain != self.item.name

    @property
    def last(self) -> str:
        return self.plain.rpartition("::")[2]

    @cached_property
    def identity(self) -> Identity:
        key = self.item.key
        return (
            *(str(key.kind), self.plain, key.arguments, key.returns, key.template, key.parameters),
            key.condition,
        )

    @cached_property
    def condition_words(self) -> tuple[str, ...]:
        """The names that the #if lines around it ask for."""
        return tuple(word for text in self.item.condition for word in re.findall(r"[A-Za-z_]\w*", text))

    @cached_property
    def head(self) -> tuple[str, ...]:
        """What stands before the name: linkage, attributes, macros, what it returns."""
        name = self.item.name_range
        end = name[0] if name is not None else self.item.code_start
        return tuple(code_tokens(self.source, self.item.code_start, end))

    @property
    def is_template(self) -> bool:
        return "template" in self.item.flags and "specialization" not in self.item.flags

    @property
    def is_internal(self) -> bool:
        flags = self.item.flags
        if self.hidden or "static" in flags:
            return True
        return self.item.kind is Kind.VARIABLE and "inline" not in flags and self.is_constant

    @property
    def is_constant(self) -> bool:
        if "constexpr" in self.item.flags:
            return True
        head = self.tokens[: self.tokens.index("=")] if "=" in self.tokens else self.tokens
        # `const T* p` is a writable pointer; the const that counts comes last, or there is no pointer.
        if "const" not in head:
            return False
        return "*" not in head or head.index("*") < len(head) - 1 - head[::-1].index("const")

    @property
    def owners(self) -> tuple[str, ...]:
        """Where it is defined outside of the class (or namespace) that declares it: what qualifies it."""
        return qualifiers(self.source, self.item)

    @property
    def is_definition(self) -> bool:
        return "definition" in self.item.flags or self.item.kind is Kind.KERNEL

    @property
    def is_registration(self) -> bool:
        """A macro call at file scope, with or without a body: it registers something at start-up."""
        if self.item.kind not in (Kind.FUNCTION, Kind.DECLARATION, Kind.OPAQUE) or not self.name:
            return False
        first = next((token for token in self.tokens if token not in ("inline", "static")), "")
        return not self.item.returns and first == self.last and self.last.isupper()

    @property
    def is_made_elsewhere(self) -> bool:
        """``extern template …;``: it makes nothing here."""
        return self.item.kind is Kind.INSTANTIATION and "extern" in self.item.flags

    @property
    def is_defaulted(self) -> bool:
        """A member that is defined outside of its class by ``= default;``."""
        return (
            self.item.kind is Kind.DECLARATION
            and bool(self.owners)
            and self.tokens[-3:] == ("=", "default", ";")
        )

    @property
    def must_be_once(self) -> bool:
        """Whether two units that both define it will not link (or register twice)."""
        if self.is_registration:
            return True
        if self.is_defaulted:
            return not self.is_template
        if self.item.kind not in (*_MUST_BE_ONCE, Kind.KERNEL) or not self.is_definition:
            return False
        if self.item.kind is Kind.VARIABLE and "extern" in self.item.flags:
            return False
        shared = self.is_template or {"inline", "constexpr"} & self.item.flags or "inline" in self.tokens[:6]
        return not self.is_internal and not shared


def unspaced(name: str, spaces: Collection[str]) -> str:
    """A qualified name without the namespaces ``spaces``, wherever they stand in it."""
    *outer, last = name.split("::")
    return "::".join([*(part for part in outer if part not in spaces), last])


def qualifiers(source: Source, item: Item) -> tuple[str, ...]:
    """The names that a declarator is qualified by, as in ``int A::f()``; () where it is not."""
    if item.name_range is None:
        return ()
    before = source.text[max(item.code_start, item.name_range[0] - 200) : item.name_range[0]]
    if not before.rstrip(b" \t\r\n~").endswith(b"::"):
        return ()
    return tuple(item.name.split("::")[:-1])


def definitions(source: Source, spaces: frozenset[str] = frozenset(), index: int = -1) -> list[Definition]:
    """All items of a source that the checks compare, namespaces opened."""
    found: list[Definition] = []

    def walk(items: Iterable[Item], hidden: bool, in_c: bool) -> None:
        for item in items:
            if item.kind is Kind.NAMESPACE:
                is_c = in_c or item.name == 'extern "C"'
                walk(nested(source, item, calls_end=True), hidden or "anonymous" in item.flags, is_c)
            elif item.kind is Kind.USING and item.name.rpartition("::")[2] in spaces:
                continue  # glue that brings a shard's names to the block around them
            elif item.kind in _COMPARED:
                found.append(Definition(item, source, spaces, hidden, index, in_c))

    walk(source.items, False, False)
    return found


def same_tokens(original: Sequence[str], moved: Sequence[str]) -> bool:
    """Whether ``moved`` is ``original``, but for one ``inline`` or ``static`` that a new home needs."""
    if len(moved) == len(original):
        return tuple(original) == tuple(moved)
    if len(moved) != len(original) + 1:
        return False
    for position, token in enumerate(moved):
        if position == len(original) or token != original[position]:
            return token in ("inline", "static") and tuple(original[position:]) == tuple(
                moved[position + 1 :]
            )
    return False


def local_states(tokens: Sequence[str]) -> dict[str, int]:
    """The writable function-local static objects: name to the position behind what declares it."""
    found: dict[str, int] = {}
    start = tokens.index("{") if "{" in tokens else len(tokens)
    for position in range(start, len(tokens)):
        if tokens[position] not in ("static", "thread_local"):
            continue
        ahead = list(tokens[position + 1 : position + 40])
        stop = next((n for n, token in enumerate(ahead) if token in (";", "=", "{", "(")), len(ahead))
        head = ahead[:stop]
        if head and not {"const", "constexpr", "thread_local"} & set(head):
            name = next((t for t in reversed(head) if t[0].isalpha() or t[0] == "_"), "object")
            found.setdefault(name, position + 1 + stop)
    return found


def only_caches(one: Definition, states: Mapping[str, int]) -> bool:
    """Whether a function's static objects only keep what it finds out by itself, the same whenever it asks.

    It takes nothing, hands none of them out, and gives them values that do not come from one of them: it
    never counts, collects or locks.
    """
    tokens = one.tokens
    if one.item.parameters or not {"&", "*"}.isdisjoint(one.head):
        return False
    return all(
        _is_kept(tokens, position, states)
        for name, declared in states.items()
        for position in range(declared, len(tokens))
        if tokens[position] == name and tokens[position - 1] not in (".", "->", "::")
    )


def _is_kept(tokens: Sequence[str], position: int, states: Mapping[str, int]) -> bool:
    """Whether one use of a static object reads it, or gives it a value that is none of theirs."""
    before, after = tokens[position - 1], next(iter(tokens[position + 1 :]), "")
    if after == "=":
        stop = next((n for n in range(position, len(tokens)) if tokens[n] == ";"), len(tokens))
        return states.keys().isdisjoint(tokens[position + 2 : stop])
    if after in _CHANGING or after in (".", "->", "[", "("):
        return False
    if before in ("++", "--", "&", ","):
        return False
    return before != "(" or tokens[position - 2] in _ASKING


# What stands before a parenthesis that is no call.
_ASKING = frozenset({"if", "while", "switch", "return", "(", "!", "&&", "||", "="})
_CHANGING = frozenset({"++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=", "<<", ">>"})
