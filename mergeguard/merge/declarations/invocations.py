"""Calls of macros at file level (``REGISTER(float)``): which are two rows of one list, and which are two
opinions of one row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mergeguard.cpp.items import Kind
from mergeguard.cpp.leaves import Leaf
from mergeguard.cpp.tokens import CLOSERS, OPENERS

_TYPES = ((b"class",), (b"struct",))
_OPENERS, _CLOSERS = OPENERS | {b"<"}, CLOSERS | {b">"}


def arguments_of(leaf: Leaf) -> list[tuple[bytes, ...]]:
    """The arguments of a call that stands by itself (``class NAME(…);`` is one, too), or has a body behind it
    (``TEST(suite, name) {``); none of anything else."""
    code = leaf.code[1:] if leaf.code[:1] in _TYPES else leaf.code
    code = code[:-1] if code[-1:] == (b";",) else code
    if leaf.kind not in (Kind.DECLARATION, Kind.FUNCTION) or code[:2] != (leaf.word, b"("):
        return []
    end = _closing(code)
    ends = code[end + 1 : end + 2] == (b"{",) if leaf.defines else end == len(code) - 1
    return [*_elements(code[2:end])] if ends else []


def same_row(one: Leaf, two: Leaf, known: Iterable[Leaf]) -> bool:
    """Whether two calls of one macro are about one thing: they begin with the same argument, which tells rows
    apart, as no two of the ``known`` rows have it. (Of what has a body, all arguments tell it apart.)"""
    mine, other = arguments_of(one), arguments_of(two)
    if mine == other or mine[:1] != other[:1] or (one.defines and two.defines):
        return mine == other
    first = [tuple(row[0]) for leaf in known if leaf.short == one.short and (row := arguments_of(leaf))]
    return len(set(first)) == len(first)


def _closing(code: Sequence[bytes]) -> int:
    """Where the bracket behind the name is closed; -1 if it is not."""
    depth = 0
    for index, key in enumerate(code):
        depth += (key == b"(") - (key == b")")
        if index and depth == 0:
            return index
    return -1


def _elements(code: Sequence[bytes]) -> Iterable[tuple[bytes, ...]]:
    depth, start = 0, 0
    for index, key in enumerate(code):
        depth += (key in _OPENERS) - (key in _CLOSERS)
        if key == b"," and depth == 0:
            yield tuple(code[start:index])
            start = index + 1
    yield tuple(code[start:])
