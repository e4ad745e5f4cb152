"""The definitions of a source, and what the checks of ``verify.same_program`` ask about each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mergeguard.cpp.declaration import Declaration
from mergeguard.cpp.edges import edge_at, edge_name
from mergeguard.cpp.source import Item, Kind, Source, nested
from mergeguard.values import replace

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


def definitions(
    source: Source, spaces: frozenset[str] = frozenset(), index: int = -1, *, behind: int = 0
) -> list[Declaration]:
    """All items of a source that the checks compare, namespaces opened, that stand ``behind`` so many bytes.

    A macro that opens a block counts as a condition of what stands in it.
    """
    found: list[Declaration] = []
    macros: list[str] = []
    anonymous: list[bool] = []

    def walk(items: Iterable[Item], hidden: bool, in_c: bool) -> None:
        for item in items:
            if (edge := edge_at(source, item)) is not None:
                if edge.opens:
                    macros.append(edge_name(item) or edge.under)
                    anonymous.append(edge.anonymous)
                elif macros:
                    macros.pop()
                    anonymous.pop()
            elif item.end <= behind:
                continue
            elif item.kind is Kind.NAMESPACE:
                is_c = in_c or item.name == 'extern "C"'
                walk(nested(source, item, calls_end=True), hidden or "anonymous" in item.flags, is_c)
            elif item.kind is Kind.USING and item.name.rpartition("::")[2] in spaces:
                continue  # glue that brings a shard's names to the block around them
            elif item.kind in _COMPARED:
                if macros and item.kind is not Kind.MACRO:
                    within = (*macros, *item.key.condition)
                    item = replace(item, key=replace(item.key, condition=within))
                is_c = in_c or "defined(__cplusplus)" in macros and not any(anonymous)
                concealed = hidden or any(anonymous)
                found.append(Declaration(item, source, concealed, spaces, index, is_c))

    walk(source.items, False, False)
    return found


def only_read(source: Source, one: Declaration) -> bool:
    """Whether a C file's object is never more than read: each unit may have one of its own.

    Every use takes its value (of an array that of an element): none assigns, takes an address, or hands the
    array on. In C++ a use could bind a reference, so that tokens can't tell.
    """
    if len(one.objects) != 1 or "=" not in one.tokens or one.item.kind is not Kind.VARIABLE:
        return False
    (name,) = one.objects
    start = one.tokens.index(name) + 1
    dimensions = one.tokens[start : one.tokens.index("=")].count("[")
    if "[" not in one.tokens[start : start + 1] and dimensions:
        return False
    if not dimensions and "*" in one.head:
        return False  # what it points to could be written
    lexed, word = source.lexed, name.encode("utf-8", "surrogateescape")
    return all(
        one.item.code_start <= lexed.starts[number] < one.item.code_end
        or _takes_value(lexed.texts, number, dimensions)
        for number, text in enumerate(lexed.texts)
        if text == word
    )


def _takes_value(texts: Sequence[bytes], number: int, dimensions: int) -> bool:
    """Whether the name at ``number`` is used for its value alone, with an index for each dimension."""
    if number and texts[number - 1] in _TAKING:
        return False
    for _ in range(dimensions):
        number += 1
        if number >= len(texts) or texts[number] != b"[":
            return False
        depth = 0
        while number < len(texts):
            depth += {b"[": 1, b"]": -1}.get(texts[number], 0)
            if not depth:
                break
            number += 1
    after = texts[number + 1] if number + 1 < len(texts) else b""
    return after not in _WRITING and not (after == b"=" or after.endswith(b"=") and after not in _COMPARING)


_TAKING = frozenset({b"&", b"++", b"--", b".", b"->", b"#", b"##", b"sizeof"})
_WRITING = frozenset({b"++", b"--", b".", b"->", b"[", b"(", b"##"})
_COMPARING = frozenset({b"==", b"!=", b"<=", b">="})


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


def without_static(tokens: Sequence[str]) -> tuple[str, ...]:
    """A definition's tokens as they are where it is no longer the file's own."""
    at = next((n for n, token in enumerate(tokens) if token == "static"), len(tokens))
    return (*tokens[:at], *tokens[at + 1 :])


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


def has_local_state(one: Declaration) -> bool:
    """Whether a function has static objects of its own that can be told apart from outside."""
    states = local_states(one.tokens)
    return bool(states) and not only_caches(one, states)


def only_caches(one: Declaration, states: Mapping[str, int]) -> bool:
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
