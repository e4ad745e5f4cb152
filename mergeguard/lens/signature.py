"""A definition's head said again in glue: its declaration, its parameters' names, the linkage that it needs.

The bytes are part of an emission version: a change here is a new version (see ``lens.emit``).
"""

from __future__ import annotations

import re

from mergeguard.cpp.declaration import linkage
from mergeguard.cpp.source import Item, Kind, Source, code_tokens, identifiers


def names(source: Source, item: Item) -> frozenset[str]:
    """The identifiers of a function's or an object's declaration."""
    end = heads_value(source, item) if item.parameter_list is None else item.parameter_list[1]
    return frozenset[str]().union(*(identifiers(source, *part) for part in _said_again(source, item, end)))


def _said_again(source: Source, item: Item, end: int) -> list[tuple[int, int]]:
    """The byte ranges of a head up to ``end`` that a declaration says: of a kernel all but its launch bounds.

    Those stand at the definition, where compilers read them; what they are made of may be known there alone.
    """
    start = item.declarator_start
    lexed = source.lexed
    bounds = next(
        (
            n
            for n in range(lexed.index_at(start), lexed.index_at(end))
            if lexed.word(n) == "__launch_bounds__"
        ),
        None,
    )
    if item.kind is not Kind.KERNEL or bounds is None:
        return [(start, end)]
    depth, last = 0, bounds + 1
    while lexed.starts[last] < end:
        depth += (lexed.word(last) == "(") - (lexed.word(last) == ")")
        last += 1
        if depth == 0:
            break
    return [(start, lexed.starts[bounds]), (lexed.starts[last], end)]


def heads_value(source: Source, item: Item) -> int:
    """The byte where an object's value or its `;` begins: what stands before it declares the object."""
    lexed = source.lexed
    depth = 0
    for index in range(lexed.index_at(item.code_start), lexed.index_at(item.code_end)):
        word = lexed.word(index)
        if depth == 0 and word in ("=", ";", "{"):
            return lexed.starts[index]
        depth += (word in ("(", "[")) - (word in (")", "]"))
    return item.code_end


def declaration(source: Source, item: Item, *, defaults: bool, end: bytes, named: bool = True) -> list[bytes]:
    """The function's declaration, one parameter a line; if ``named``, names are made up for unnamed ones."""
    assert item.parameter_list is not None
    first, last = item.parameter_list
    stop = item.body[0] if item.body else item.code_end
    parts = (collapsed(source, *part) for part in _said_again(source, item, first))
    head = b" ".join(part for part in parts if part)
    tail = collapsed(source, last, stop).rstrip(b"; ")
    lines = [_parameter(source, item, n, defaults=defaults, named=named) for n in range(len(item.parameters))]
    ending = b")" + (b" " + tail if tail else b"") + end
    if not lines:
        return [head + b"(" + ending]
    return [head + b"(", *(b"    " + line + b"," for line in lines[:-1]), b"    " + lines[-1] + ending]


def _parameter(source: Source, item: Item, number: int, *, defaults: bool, named: bool) -> bytes:
    parameter = item.parameters[number]
    end = parameter.end if defaults or parameter.default_start is None else parameter.default_start
    text = collapsed(source, parameter.start, end)
    return text if parameter.name or not named else text + b" " + parameter_name(item, number)


def parameter_name(item: Item, number: int) -> bytes:
    """A parameter's name; for an unnamed one the name that ``declaration`` makes up."""
    return (item.parameters[number].name or f"mg_argument_{number}").encode("utf-8", "surrogateescape")


#: What may say that a variable is no plain one: these words, or one that goes on in the next line.
_NOT_PLAIN = re.compile(rb"const|__device__|__shared__|static_assert|\\")


def linkage_word(source: Source, item: Item) -> bytes | None:
    """What a definition needs in front of it when several translation units include it."""
    if linkage(source, item) & {"static", "inline", "constexpr", "anonymous", "extern"}:
        return None
    if "template" in item.flags and "specialization" not in item.flags:
        return None
    if item.kind is Kind.FUNCTION and "definition" in item.flags:
        # A member defined outside its class follows the class, and takes `inline` as well.
        return b"inline"
    if item.kind is Kind.KERNEL and "definition" in item.flags:
        # An explicit specialisation takes no storage class.
        return b"inline" if "specialization" in item.flags else b"static"
    if item.kind is Kind.VARIABLE:
        if item.name and not _NOT_PLAIN.search(source.text, item.code_start, item.code_end):
            return b"inline"
        tokens = tokens_of(source, item.code_start, item.code_end)
        if tokens[:1] == [b"static_assert"] or item.name == "":
            return None
        head = tokens[: tokens.index(b"=")] if b"=" in tokens else tokens
        if b"__constant__" in head or b"__device__" in head or b"__shared__" in head:
            return b"static"
        if b"const" in head and b"*" not in head and b"&" not in head:
            return None
        return b"inline"
    return None


def may_be_unused(source: Source, item: Item, *, hidden: bool) -> bool:
    """Whether a function is internal, so that compilers warn where it is not called."""
    if item.kind is not Kind.FUNCTION or "definition" not in item.flags:
        return False
    flags = linkage(source, item)
    if flags & {"inline", "constexpr", "template", "specialization"}:
        return False
    if not hidden and "static" not in flags or item.parameter_list is None:
        return False
    head = tokens_of(source, item.code_start, item.parameter_list[0])
    return not {b"noinline", b"__noinline__", b"inline"} & set(head) and b"#" not in head


def tokens_of(source: Source, start: int, end: int) -> list[bytes]:
    """The tokens of a byte range as bytes, comments dropped."""
    return [text.encode("utf-8", "surrogateescape") for text in code_tokens(source, start, end)]


def collapsed(source: Source, start: int, end: int) -> bytes:
    """A byte range on one line: comments dropped, white space between two tokens kept as one space."""
    text = source.text[start:end]
    out = b""
    at = 0
    for token in tokens_of(source, start, end):
        found = text.find(token, at)
        gap = text[at:found] if found >= 0 else b" "
        if out and gap and (gap.isspace() or b"/" in gap or b"\\" in gap):
            out += b" "
        out += token
        at = found + len(token) if found >= 0 else at
    return out
