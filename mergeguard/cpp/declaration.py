"""A declaration or definition of a source: what it is and who it is, each fact when first asked for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from mergeguard.cpp.environment import environment_of
from mergeguard.cpp.items import Item, Kind, Source
from mergeguard.cpp.lexer import TokenKind
from mergeguard.cpp.text import code_tokens, join_type, line_of
from mergeguard.cpp.tokens import code_keys
from mergeguard.values import cached_property, dataclass

_MUST_BE_ONCE = (Kind.FUNCTION, Kind.VARIABLE)
# Tokens of definitions by their bytes, and of how many they are kept.
_TOKENS: dict[bytes, tuple[str, ...]] = {}
_MOST_TOKENS = 4096
Identity = tuple[str, str, str, str, str, str, tuple[str, ...]]
_NOT_A_TYPE = frozenset(
    "return case else throw goto new delete defined ifdef ifndef undef co_return and or not".split()
)
_AFTER_DECLARATOR = frozenset({"=", ";", ",", ")", "{", "[", ":", "(", ">", ">>", "..."})
_TYPE_PART = frozenset({"*", "&", "&&", ">", ">>", "::", "const", "..."})
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_BEHIND_NAME = frozenset({"=", ",", ";", "[", "{", "("})
_CALLABLE = frozenset({Kind.FUNCTION, Kind.KERNEL, Kind.DECLARATION})


# Words in the name of a macro whose call declares or specialises something, so that all that comes after it
# has to see it: DECLARE_FIELD_ENUM_CLASS, NLOHMANN_JSON_SERIALIZE_ENUM, BOOST_FUSION_ADAPT_STRUCT.
_DECLARING = frozenset(
    "DECLARE DECL FORWARD SPECIALIZE SPECIALISE ADAPT SERIALIZE TRAIT TRAITS OPAQUE METATYPE FORMATTER HASH "
    "INTRUSIVE".split()
)
_REGISTERING = frozenset("REGISTER REGISTRY REGISTRATION TEST BENCHMARK".split())


def declares_by_name(macro: str) -> bool:
    """Whether a macro that no text in sight defines is, by its name, one whose call only declares."""
    words = frozenset(macro.upper().split("_"))
    return not words.isdisjoint(_DECLARING) and words.isdisjoint(_REGISTERING)


_INLINE = re.compile(r"(?<!NO)(?<!NO_)(?<!NEVER_)(?<!NON_)(?<!DONT_)INLINE")
_STATIC = re.compile(r"(?:^|_)STATIC(?:$|_)(?!ASSERT)")


def linkage_by_name(macro: str) -> frozenset[str]:
    """What a macro that no text in sight defines says of linkage, by its name: FORCE_INLINE, MEM_STATIC."""
    if not macro.isupper():
        return frozenset()
    found = {"inline"} if _INLINE.search(macro) else set()
    return frozenset(found | {"static"} if _STATIC.search(macro) else found)


def linkage(source: Source, item: Item) -> frozenset[str]:
    """An item's flags, and what macros before its name say of ``static``, ``inline`` and ``constexpr``."""
    if item.name_range is None or item.kind not in _LINKED:
        return item.flags
    # What stands before a name is mostly what stands before many others.
    silent: set[bytes] = source.derived.setdefault((linkage,), set())
    head = source.text[item.code_start : item.name_range[0]]
    if head in silent:
        return item.flags
    environment = environment_of(source)
    words = code_tokens(source, item.code_start, item.name_range[0])
    found: set[str] = set()
    for word in words:
        if word in environment.names:
            found |= environment.closure((word,), item.code_start)
        else:
            found |= linkage_by_name(word)
    if not found and environment.names.isdisjoint(words):
        silent.add(head)
    made = {flag for word, flag in _LINKAGE_WORDS.items() if word in found}
    return item.flags | made if made else item.flags


_LINKED = frozenset({Kind.FUNCTION, Kind.VARIABLE, Kind.DECLARATION})
_LINKAGE_WORDS = {
    "static": "static",
    "constexpr": "constexpr",
    **dict.fromkeys(("inline", "__inline", "__inline__", "__forceinline", "__forceinline__"), "inline"),
}


# How the namespaces end that a layout makes for what its units share, and for what of it was anonymous.
OF_FILE, OF_ANONYMOUS = "_own", "_anonymous"


class Arity(NamedTuple):
    """How many arguments a function takes."""

    least: int
    most: int | None  # None: any number

    def takes(self, count: int) -> bool:
        """Whether a call with ``count`` arguments fits."""
        return self.least <= count and (self.most is None or count <= self.most)


@dataclass(frozen=True, eq=False)
class Declaration:
    """An item of a source, wherever it is nested.

    ``hidden``: in an anonymous namespace; ``in_c``: in an ``extern "C"`` block. Of a layout, ``spaces`` are
    the namespaces that it adds, ``index`` is the number of the first unit that has it; -1 elsewhere.
    """

    item: Item
    source: Source
    hidden: bool = False
    spaces: frozenset[str] = frozenset()
    index: int = -1
    in_c: bool = False

    @property
    def name(self) -> str:
        return self.item.name

    @cached_property
    def short(self) -> str:
        """The name without namespaces."""
        return self.item.name.rsplit("::", 1)[-1]

    @property
    def local(self) -> bool:
        """Whether no other unit can name it."""
        return self.hidden or "static" in self.item.flags and self.item.kind is not Kind.MACRO

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
        return line_of(self.source.text, self.item.code_start)

    @property
    def text(self) -> bytes:
        """Its bytes without leading and trailing comments."""
        return self.source.text[self.item.code_start : self.item.code_end]

    @property
    def whole(self) -> bytes:
        """Its bytes, with all that goes with it."""
        return self.source.text[self.item.start : self.item.end]

    @cached_property
    def keys(self) -> Counter[bytes]:
        """Its merge tokens, comments apart."""
        return code_keys(self.whole)

    @cached_property
    def types(self) -> tuple[str, ...]:
        """The parameters' types without names and default arguments; of a macro the number alone."""
        if self.kind is Kind.MACRO:
            span = self.item.parameter_list
            names = code_tokens(self.source, *span)[1:-1] if span else []
            return tuple("" for name in names if name != ",")
        found = []
        for parameter in self.item.parameters:
            end = parameter.end if parameter.default_start is None else parameter.default_start
            words = code_tokens(self.source, parameter.start, end)
            if parameter.name in words:
                del words[len(words) - 1 - words[::-1].index(parameter.name)]
            found.append(join_type(words))
        return tuple(found)

    @property
    def arity(self) -> Arity:
        types = self.types
        if self.kind is Kind.MACRO:
            span = self.item.parameter_list
            variadic = span is not None and b"..." in self.source.text[slice(*span)]
            return Arity(len(types) - 1 if variadic else len(types), None if variadic else len(types))
        if any("..." in part for part in types):
            return Arity(0, None)
        defaults = sum(p.default_start is not None for p in self.item.parameters)
        return Arity(len(types) - defaults, len(types))

    @cached_property
    def template(self) -> tuple[str, ...]:
        """The words of its template headers."""
        span = self.item.template_header
        return tuple(code_tokens(self.source, *span)) if span else ()

    @property
    def callable(self) -> bool:
        return self.kind in _CALLABLE and (self.item.parameter_list is not None or bool(self.item.parameters))

    @property
    def key(self) -> tuple[object, ...]:
        """Which one it is in any version of the file: conditions and template headers may change."""
        item = self.item
        if item.kind in (Kind.CONDITIONAL, Kind.COMMENT, Kind.OPAQUE, Kind.PRAGMA, Kind.UNDEF):
            return (item.kind, item.name, self.tokens)
        overload = item.key.parameters if item.kind is not Kind.MACRO else ""
        return (self.name, item.arguments, overload, self.defines)

    @cached_property
    def declared(self) -> frozenset[str]:
        """The names declared anywhere in it: parameters, locals, members, enumerators."""
        lexed = self.source.lexed
        first, last = lexed.index_at(self.item.code_start), lexed.index_at(self.item.code_end)
        words = [
            (lexed.kinds[i], lexed.word(i)) for i in range(first, last) if lexed.kinds[i] != TokenKind.COMMENT
        ]
        names = {p.name for p in self.item.parameters if p.name}
        for index in range(1, len(words)):
            kind, word = words[index]
            if kind == TokenKind.IDENT and _declares(words, index):
                names.add(word)
        if self.kind is Kind.TYPE and "enum" in self.tokens[:2]:
            names |= {
                word
                for index, (kind, word) in enumerate(words)
                if kind == TokenKind.IDENT and words[index - 1][1] in ("{", ",")
            }
        return frozenset(names)

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

    @cached_property
    def plain(self) -> str:
        """The name without the layout's namespaces."""
        return unspaced(self.item.name, self.spaces)

    @property
    def spaced(self) -> bool:
        """Whether it stands in a namespace that the layout made."""
        return self.plain != self.item.name

    @property
    def space(self) -> str:
        """The innermost namespace of the layout's that it stands in; "" for none."""
        return next((part for part in reversed(self.item.name.split("::")) if part in self.spaces), "")

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

    @cached_property
    def linkage(self) -> frozenset[str]:
        """Its flags, and the linkage that macros before its name stand for."""
        return linkage(self.source, self.item)

    @cached_property
    def is_internal(self) -> bool:
        flags = self.linkage
        if self.hidden or "static" in flags:
            return True
        # What a class or an `extern` line declares before is one object, constant or not.
        constant = self.item.kind is Kind.VARIABLE and "inline" not in flags and self.is_constant
        return constant and not self.owners

    @cached_property
    def is_constant(self) -> bool:
        if "constexpr" in self.item.flags:
            return True
        if self.item.kind is Kind.TYPE:
            return "const" in self.tokens[: self.tokens.index("{")] if "{" in self.tokens else False
        head = self.tokens[: self.tokens.index("=")] if "=" in self.tokens else self.tokens
        # `const T* p` is a writable pointer; the const that counts comes last, or there is no pointer.
        if "const" not in head:
            return False
        return "*" not in head or head.index("*") < len(head) - 1 - head[::-1].index("const")

    @cached_property
    def objects(self) -> tuple[str, ...]:
        """The objects that it declares: of a type's definition those behind its body, `struct S {} s;`."""
        if self.item.kind is Kind.VARIABLE:
            head = ("", *self.tokens)
            if "auto" in head and "[" in head[: head.index("auto") + 4]:
                return tuple(word for word in head[: head.index("]")] if word.isidentifier())[1:]
            name = ("(", "*", self.short), ("(", "&", self.short)
            if any(three in name for three in zip(head, head[1:], head[2:], strict=False)):
                return (self.short,)  # `void (*observer)(int)`
        elif self.item.kind is Kind.TYPE and self.item.body is not None and self.tokens[:1] != ("typedef",):
            head = ("", *code_tokens(self.source, self.item.body[1], self.item.code_end))
            head = head if head[1:2] != ("}",) else ("", *head[2:])
        else:
            return ()
        return tuple(dict.fromkeys(_declarators(head)))

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
        return not self.item.returns and first == self.short and self.short.isupper()

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

    @cached_property
    def is_defined_in_a_branch(self) -> bool:
        """A function that one branch of an ``#if`` only declares, and another one defines."""
        if self.item.kind is not Kind.DECLARATION or self.item.parameter_list is None or self.is_template:
            return False
        tail = code_tokens(self.source, self.item.parameter_list[1], self.item.code_end)
        return "#" in tail and "{" in tail

    @cached_property
    def must_be_once(self) -> bool:
        """Whether two units that both define it will not link (or register twice)."""
        if self.is_registration:
            return True
        if self.is_defaulted:
            return not self.is_template
        if self.is_defined_in_a_branch:
            return not self.is_internal and "inline" not in self.linkage
        if self.item.kind is Kind.TYPE and self.objects:
            return "static" not in self.item.flags and not self.hidden
        if self.item.kind not in (*_MUST_BE_ONCE, Kind.KERNEL) or not self.is_definition:
            return False
        if self.item.kind is Kind.VARIABLE and "extern" in self.item.flags:
            return False
        shared = self.is_template or {"inline", "constexpr"} & self.linkage or "inline" in self.tokens[:6]
        return not self.is_internal and not shared


def _declarators(tokens: Sequence[str]) -> Iterator[str]:
    """The names that a declaration's declarators declare; ``tokens`` begin with what stands before."""
    depth = 0
    value = False
    for before, token, after in zip(tokens, tokens[1:], [*tokens[2:], ";"], strict=False):
        if token in _OPENING or (token == "<" and not value):
            depth += 1
        elif token in _CLOSING or (token in (">", ">>") and not value):
            depth -= len(token) if token == ">>" else 1
        elif depth == 0 and token in ("=", ","):
            value = token == "="
        elif depth == 0 and not value and (token[0].isalpha() or token[0] == "_"):
            if after in _BEHIND_NAME and before not in (".", "->"):
                yield token


def unspaced(name: str, spaces: Collection[str]) -> str:
    """A qualified name without the namespaces ``spaces``, wherever they stand in it.

    One that stands for an anonymous namespace takes those around it along, as that would.
    """
    if "::" not in name:
        return name
    *outer, last = name.split("::")
    for position, part in enumerate(outer):
        if part in spaces and part.endswith(OF_ANONYMOUS):
            outer = outer[position + 1 :]
            break
    return "::".join([*(part for part in outer if part not in spaces), last])


def qualifiers(source: Source, item: Item) -> tuple[str, ...]:
    """The names that a declarator is qualified by, as in ``int A::f()``; () where it is not."""
    if item.name_range is None or "::" not in item.name:
        return ()
    before = source.text[max(item.code_start, item.name_range[0] - 200) : item.name_range[0]]
    if not before.rstrip(b" \t\r\n~").endswith(b"::"):
        return ()
    return tuple(item.name.split("::")[:-1])


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


def overload(source: Source, item: Item) -> tuple[str, ...]:
    """What tells overloads apart: the parameters' types, without names and default arguments."""
    if item.kind not in _CALLABLE or item.parameter_list is None:
        return (str(item.kind), item.arguments)
    if item.template_header is not None:
        return ("template", item.arguments, str(len(item.parameters)))  # its names are its own
    types: list[str] = []
    for parameter in item.parameters:
        tokens = code_tokens(source, parameter.start, parameter.default_start or parameter.end)
        if parameter.name in tokens[1:]:
            tokens.remove(parameter.name)
        types.append(" ".join(tokens))
    return ("function", item.arguments, *types)
