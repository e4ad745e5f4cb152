"""Declarations that can't be dealt as they are written: what is meant can't be told by their tokens."""

from __future__ import annotations

from mergeguard.cpp.declaration import Declaration
from mergeguard.cpp.source import Item, Kind
from mergeguard.cpp.view import AFTER_PARAMETERS
from mergeguard.lens.homes.filefacts import FileFacts, is_call
from mergeguard.lens.homes.macrocalls import call_arguments, expanded

_CODE = frozenset({Kind.TYPE, Kind.FUNCTION, Kind.VARIABLE, Kind.DECLARATION, Kind.ALIAS})


def why_unclear(file: FileFacts, item: Item, one: Declaration) -> str:
    """What can't be dealt as it is written, in words; "" where all is well."""
    first = one.tokens[0] if one.tokens and item.kind in _CODE else ""
    if first in file.macros.names and not is_call(one):
        text = expanded(file.source, file.macros.at(item.code_start), one.tokens[:1])
        if text and not {b";", b"{", b"}"}.isdisjoint(text.split()):
            return f"`{first}` stands for whole declarations, and no `;` parts it from what follows"
    if is_run_together(one):
        what = one.short or next(iter(one.objects), "this")
        return f"`{what}` and what follows it can't be told apart"
    if one.item.returns and one.is_definition and file.macros.may_replace(item):
        return f"`{one.short}` is a macro: what it names here can't be told"
    if not {"alias", "ifunc"}.isdisjoint(one.tokens) and "__attribute__" in one.tokens:
        return f"`{one.short}` is another name of what the same file has to define"
    inline = item.kind is Kind.FUNCTION and "inline" in item.flags and not one.is_internal
    if inline and (item.name, item.key.parameters) in file.emitted:
        return f"`{one.short}` is inline and `extern`: C makes it once, C++ everywhere"
    return ""


def is_run_together(one: Declaration) -> bool:
    """Whether more was read into a declaration than it can be: a macro's call, and other things."""
    tokens = one.tokens
    if is_call(one) and tokens[1:2] == ("(",):
        _, rest = call_arguments(list(tokens[1:]))
        # `REGISTER(A).describe(…);` goes on, and so do a body and what may stand before one.
        return bool(rest) and (rest[0] == "#" or rest[0].isidentifier()) and rest[0] not in AFTER_PARAMETERS
    if "#" not in tokens or one.item.kind in (Kind.INCLUDE, Kind.MACRO) or one.is_defined_in_a_branch:
        return False
    depth = 0
    for token, after in zip(tokens, tokens[1:], strict=False):
        # An include outside of brackets may end what it stands in: `int table[] =`, and then its values.
        if not depth and (token, after) == ("#", "include"):
            return True
        if not depth and token == "{" and one.item.kind is Kind.DECLARATION:
            return True
        depth += (token in ("(", "[", "{")) - (token in (")", "]", "}"))
    return False
