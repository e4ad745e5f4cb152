"""Objects that are initialised from others at start-up: a unit keeps the file's order, several units none.

Part of ``same_program``. A dealing keeps such objects together; whoever moves one by hand gets a program that
links, and reads what is not there yet.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from mergeguard.cpp.declaration import Declaration, Identity
from mergeguard.cpp.source import Kind

_CALLS = frozenset({"(", "{"})
_NAME = re.compile(r"[A-Za-z_]\w*")


def disordered(
    originals: Sequence[Declaration], parts: Sequence[Sequence[Declaration]]
) -> Iterator[tuple[Declaration, str]]:
    """Each object of the units ``parts`` that may come before what its value comes from, and why."""
    places: dict[Identity, list[Declaration]] = defaultdict(list)
    for definitions in parts:
        for one in definitions:
            if one.item.kind is Kind.VARIABLE and one.is_definition:
                places[one.identity].append(one)
    for source, user in _dependencies(originals):
        for here in places[user.identity]:
            there = [one for one in places[source.identity] if one.index == here.index]
            if not there:
                text = (
                    f"`{source.plain}`, which it is initialised from, is in another unit: units have no order"
                )
                yield here, text
            elif there[0].item.code_start > here.item.code_start:
                yield here, f"`{source.plain}`, which it is initialised from, comes later here"


def _dependencies(originals: Sequence[Declaration]) -> Iterator[tuple[Declaration, Declaration]]:
    """Pairs of objects, the second initialised from the first, which is not there from the beginning."""
    functions: dict[str, set[str]] = defaultdict(set)
    for one in originals:
        if one.item.kind is Kind.FUNCTION and one.is_definition:
            functions[one.short] |= {token for token in one.tokens if _NAME.fullmatch(token)}
    objects: list[Declaration] = []
    for one in originals:
        if one.item.kind is not Kind.VARIABLE or not one.is_definition or one.is_template:
            continue
        words = _initialiser(one)
        if words:
            reached = _reached(words, functions)
            yield from ((other, one) for other in objects if other.short in reached)
        if words and _is_dynamic(one):
            objects.append(one)


def _initialiser(one: Declaration) -> set[str]:
    tokens = list(one.tokens)
    start = next((n for n, token in enumerate(tokens) if token in ("=", "{", "(")), len(tokens))
    return {token for token in tokens[start:] if _NAME.fullmatch(token)}


def _is_dynamic(one: Declaration) -> bool:
    """Whether a value may have to be computed: it calls something, and is no ``constexpr``."""
    tokens = list(one.tokens)
    start = next((n for n, token in enumerate(tokens) if token in ("=", "{", "(")), len(tokens))
    pairs = zip(tokens[start:], tokens[start + 1 :], strict=False)
    return "constexpr" not in tokens and any(_NAME.fullmatch(a) and b in _CALLS for a, b in pairs)


def _reached(words: set[str], functions: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(words)
    while waiting:
        word = waiting.pop()
        if word not in seen:
            seen.add(word)
            waiting += functions.get(word, ())
    return seen
