"""Functions of one name that both sides bring: two overloads, or one function in two ways."""

from __future__ import annotations

import re

from mergeguard.cpp.leaves import Leaf, similarity
from mergeguard.merge.parameters import overload_of

_WORD = re.compile(rb"[A-Za-z_]\w*")
_QUALIFIERS = frozenset((b"const", b"volatile", b"__restrict__", b"restrict"))
_ONE_IN_TWO_WAYS = 0.6  # how much of two functions is the same where one of them got a parameter more
# The types of the language of which no two are one; of whole numbers some are (`long`, `int64_t`).
_OF_THE_LANGUAGE = frozenset((b"float", b"double", b"bool", b"void"))
_WHOLE_NUMBER = re.compile(rb"(?:un)?signed|short|int|long|char|u?int\d+_t|size_t|ptrdiff_t|std")


def are_overloads(one: Leaf, two: Leaf) -> bool:
    """Whether two functions are told apart by their parameters, whatever the names in them stand for: by one
    that is of two types of the language, or by their number, if they are not much the same else (one
    function, which got a parameter more on one side). None may have a default."""
    if not (one.defines and two.defines) or one.template != two.template:
        return False
    if b"=" in _head(one) or b"=" in _head(two):
        return False  # a default: calls may fit both
    mine, other = _types(one), _types(two)
    if len(mine) != len(other):
        return similarity(one.code, two.code) < _ONE_IN_TWO_WAYS
    return any(a is not None and b is not None and a != b for a, b in zip(mine, other, strict=True))


def _types(leaf: Leaf) -> list[bytes | None]:
    """The types of a function's parameters if they are the language's, else None."""
    parameters = [[key for key in keys if key not in _QUALIFIERS] for keys in overload_of(leaf.code)[1:-1]]
    return [_type(keys) for keys in parameters if keys not in ([], [b"void"])]


def _type(keys: list[bytes]) -> bytes | None:
    words = [key for key in keys if _WORD.fullmatch(key)]
    if words and all(map(_WHOLE_NUMBER.fullmatch, words)):
        return b"int"
    return words[0] if len(words) == 1 and words[0] in _OF_THE_LANGUAGE else None


def _head(leaf: Leaf) -> tuple[bytes, ...]:
    code = leaf.code
    return code[: code.index(b"{")] if b"{" in code else code
