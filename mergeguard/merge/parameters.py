"""The names in the lists of a declaration, from its tokens alone: parameters, members, values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mergeguard.merge.edits import LANGUAGE

_WORD = re.compile(rb"[A-Za-z_]\w*")
MAY_NOT_BE_TYPES = frozenset(
    b"return case else throw goto new delete typename using namespace public private protected sizeof"
    b" struct class enum union co_return and or not template operator if while switch".split()
)


def parameters_of(keys: Sequence[bytes]) -> Iterator[bytes]:
    """The names of the parameters, if the keys are a function's declaration or the head of one."""
    for part in _parts(keys):
        name = _named(part)
        if name is not None:
            yield name


def initialised_by(keys: Sequence[bytes]) -> Iterator[bytes]:
    """The members and bases that the head of a constructor initialises (``C(int x) : m(x), n(2)``)."""
    depth = 0
    for at, key in enumerate(keys):
        if depth == 0 and key == b":" and b")" in keys[:at]:
            yield from _first_words(keys[at + 1 :], b"(")
            return
        depth += nesting(key)


def values_of(keys: Sequence[bytes]) -> Iterator[bytes]:
    """The names in the list of an enumeration's values."""
    return _first_words(keys, b"=")


def numbers_of(keys: Sequence[bytes]) -> Iterator[bytes]:
    """The numbers that the values of an enumeration are given, as they are written; not what names another
    value."""
    depth, start = 0, -1
    for at, key in enumerate((*keys, b",")):
        if depth == 0 and key == b"=":
            start = at + 1
        elif depth == 0 and key == b"," and start >= 0:
            if not any(map(_WORD.fullmatch, keys[start:at])):
                yield b" ".join(keys[start:at])
            start = -1
        depth += (key in (b"(", b"{")) - (key in (b")", b"}"))


def _first_words(keys: Sequence[bytes], behind: bytes) -> Iterator[bytes]:
    """The word that begins each element of a list, alone or with ``behind`` after it."""
    depth, first = 0, True
    for at, key in enumerate(keys):
        if first and _WORD.fullmatch(key) and keys[at + 1 : at + 2] in ((), (b",",), (behind,)):
            yield key
        first = depth == 0 and key == b","
        depth += nesting(key)


def overload_of(keys: Sequence[bytes]) -> tuple[tuple[bytes, ...], ...]:
    """What tells a function's overloads apart: what is before its name, its parameters without their names
    and defaults, and what comes behind them."""
    start = list_of(keys)
    if not start:
        return (tuple(keys),)
    types: list[tuple[bytes, ...]] = []
    size = 0
    for part in _parts(keys):
        size += len(part) + 1
        head = part[: part.index(b"=")] if b"=" in part else part
        name = _named(part)
        at = len(head) - 1 - list(reversed(head)).index(name) if name is not None else len(head)
        types.append((*head[:at], *head[at + 1 :]))
    return (tuple(keys[:start]), *types, tuple(keys[start + size :]))


def _parts(keys: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The stretches between the commas of a declaration's parameters."""
    start = list_of(keys)
    depth, part = 0, list[bytes]()
    for key in keys[start:] if start else ():
        if depth == 0 and key in (b",", b")"):
            yield part
            if key == b")":
                return
            part = []
            continue
        depth += nesting(key)
        part.append(key)


def nesting(key: bytes) -> int:
    if key in (b"(", b"[", b"{", b"<"):
        return 1
    if key in (b")", b"]", b"}", b">"):
        return -1
    return -2 if key == b">>" else 0


def list_of(keys: Sequence[bytes]) -> int:
    """Where the parameters of a function's declaration begin; 0 if the keys are none."""
    depth = 0
    for index in range(1, len(keys)):
        if keys[index] == b"(" and depth == 0:
            before = keys[:index]
            typed = len(before) > 1 and _WORD.fullmatch(before[-1]) and may_end_type(before[-2])
            return index + 1 if typed and not MAY_NOT_BE_TYPES & {before[0], before[-2]} else 0
        if keys[index] in (b"=", b"."):
            return 0
        depth += nesting(keys[index])
    return 0


def arguments(keys: Sequence[bytes], opening: int, *, types: bool = False) -> list[tuple[bytes, ...]]:
    """The elements of the list whose bracket stands at ``opening``; ``types``: ``<`` is a bracket in it."""
    parts: list[tuple[bytes, ...]] = []
    depth, start = 0, opening + 1
    for at in range(opening, len(keys)):
        depth += nesting(keys[at]) if types or keys[at] not in (b"<", b">", b">>") else 0
        if (depth == 1 and keys[at] == b",") or depth == 0:
            parts.append(tuple(keys[start:at]))
            start = at + 1
        if depth == 0:
            break
    return [] if parts == [()] else parts


def may_end_type(key: bytes) -> bool:
    return key in (b"*", b"&", b"&&", b">", b">>", b"::") or (
        _WORD.fullmatch(key) is not None and key not in MAY_NOT_BE_TYPES
    )


def _named(part: Sequence[bytes]) -> bytes | None:
    """The name of one parameter: the last word before its default, with a type before it."""
    head = list(part[: part.index(b"=")] if b"=" in part else part)
    while head[-1:] == [b"]"]:
        del head[len(head) - 1 - head[::-1].index(b"[") :]
    if len(head) < 2 or not _WORD.fullmatch(head[-1]) or not may_end_type(head[-2]):
        return None
    return head[-1] if head[-1] not in LANGUAGE and head[-2] != b"::" else None
