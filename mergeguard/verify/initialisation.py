"""Objects that need others when they are made or destroyed: a unit keeps the file's order, several have none.

Part of ``same_program``. A dealing keeps such objects together; whoever moves one by hand gets a program that
links, and reads what is not there yet, or any more.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from operator import itemgetter
from typing import NamedTuple

from mergeguard.cpp.declaration import Declaration, Identity
from mergeguard.cpp.source import Kind
from mergeguard.lens.lifetimes import Lifetimes
from mergeguard.values import cached_property
from mergeguard.verify.incommon import UnitDeclarations

_ASKED = {"initialisation": "it is initialised from", "destruction": "its destructor asks for"}
_CALLS = frozenset({"(", "{"})
_NAME = re.compile(r"[A-Za-z_]\w*")


class Disorder(NamedTuple):
    """An object that units may make, or destroy, in another order than the file does."""

    check: str
    late: Declaration
    message: str


def disordered(originals: Sequence[Declaration], parts: UnitDeclarations) -> Iterator[Disorder]:
    """The objects of the units' ``parts`` that may be made before, or destroyed after, what they need."""
    places: dict[Identity, list[tuple[int, Declaration]]] = {}
    for source, user, check in _dependencies(originals):
        places = places or _objects(parts)
        asks = f"`{source.plain}`, which {_ASKED[check]},"
        for unit, here in places.get(user.identity, ()):
            there = [one for number, one in places.get(source.identity, ()) if number == unit]
            if not there:
                yield Disorder(check, here, f"{asks} is in another unit: units have no order")
            elif there[0].item.code_start > here.item.code_start:
                yield Disorder(check, here, f"{asks} comes later here")


def _objects(parts: UnitDeclarations) -> dict[Identity, list[tuple[int, Declaration]]]:
    """The objects that the units define, each with its unit, by their identity."""
    found: dict[Identity, list[tuple[int, Declaration]]] = defaultdict(list)
    for unit in range(len(parts.own)):
        for one in parts.of(unit):
            if one.item.kind is Kind.VARIABLE and one.is_definition:
                found[one.identity].append((unit, one))
    return found


def _dependencies(originals: Sequence[Declaration]) -> Iterator[tuple[Declaration, Declaration, str]]:
    """Pairs of objects, the first not there from the beginning, and what the second asks it for."""
    functions = _Functions(originals)
    lifetimes = Lifetimes(originals)
    made, owning = _Objects(), _Objects()
    for one in originals:
        if one.item.kind is not Kind.VARIABLE or not one.is_definition or one.is_template:
            continue
        began = lifetimes.made(one)
        reached = functions.reached(_initialiser(one) | began) if made or owning else set[str]()
        yield from ((other, one, "initialisation") for other in made.among(reached))
        if owning and (ended := lifetimes.ended(one)):
            reached = functions.reached(ended) - reached
            yield from ((other, one, "destruction") for other in owning.among(reached))
        if began or _is_dynamic(one):
            made.add(one)
        if lifetimes.is_owning(one):
            owning.add(one)


class _Objects:
    """Objects by their short names."""

    def __init__(self) -> None:
        self._by_name: dict[str, list[tuple[int, Declaration]]] = defaultdict(list)
        self._count = 0

    def __bool__(self) -> bool:
        return self._count > 0

    def add(self, one: Declaration) -> None:
        self._by_name[one.short].append((self._count, one))
        self._count += 1

    def among(self, names: AbstractSet[str]) -> list[Declaration]:
        """Those that go by one of the names, in the order in which they were added."""
        found = [numbered for name in self._by_name.keys() & names for numbered in self._by_name[name]]
        return [one for _, one in sorted(found, key=itemgetter(0))]


def _initialiser(one: Declaration) -> set[str]:
    tokens = list(one.tokens)
    start = next((n for n, token in enumerate(tokens) if token in ("=", "{", "(")), len(tokens))
    return {token for token in tokens[start:] if _NAME.fullmatch(token)}


def _is_dynamic(one: Declaration) -> bool:
    """Whether a value may have to be computed: it calls something, and is no ``constexpr``."""
    tokens = list(one.tokens)
    if _CALLS.isdisjoint(tokens):
        return False
    start = next((n for n, token in enumerate(tokens) if token in ("=", "{", "(")), len(tokens))
    pairs = zip(tokens[start:], tokens[start + 1 :], strict=False)
    return "constexpr" not in tokens and any(_NAME.fullmatch(a) and b in _CALLS for a, b in pairs)


class _Functions:
    """The objects that functions lead to; read when the first one is there that could be among them."""

    def __init__(self, originals: Sequence[Declaration]) -> None:
        self._originals = originals

    @cached_property
    def _words(self) -> dict[str, set[str]]:
        """Of each function that may lead to an object those of its words that do."""
        words: dict[str, set[str]] = defaultdict(set)
        for one in self._originals:
            if one.item.kind is Kind.FUNCTION and one.is_definition:
                words[one.short] |= {token for token in one.tokens if _NAME.fullmatch(token)}
        users: dict[str, list[str]] = defaultdict(list)
        for name, used in words.items():
            for word in used:
                users[word].append(name)
        waiting = [one.short for one in self._originals if one.item.kind is Kind.VARIABLE]
        leading: set[str] = set()
        while waiting:
            if (word := waiting.pop()) not in leading:
                leading.add(word)
                waiting += users.get(word, ())
        return {name: used & leading for name, used in words.items()}

    def reached(self, words: AbstractSet[str]) -> set[str]:
        """The words, and the objects that the functions among them lead to."""
        seen: set[str] = set()
        waiting = list(words)
        while waiting:
            word = waiting.pop()
            if word not in seen:
                seen.add(word)
                waiting += self._words.get(word, ())
        return seen
