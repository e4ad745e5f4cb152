"""What a dealt definition would see that it did not see in the monolith: text of the header from below it.

A unit has the whole header before its first line. A function, type or macro of the header that stood below
a definition may change what a name in it means (another overload is the better match), and compilers say
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from mergeguard.cpp.blocks import walk
from mergeguard.cpp.declaration import overload, qualifiers
from mergeguard.cpp.source import Item, Kind, Source, Unit, code_tokens
from mergeguard.values import dataclass

_FUNCTIONS = frozenset({Kind.FUNCTION, Kind.KERNEL, Kind.DECLARATION})
_MEMBER = frozenset({".", "->"})
_DECLARED_BY = frozenset({"*", "&", "&&", ">", ">>"})
_ENDS_NAME = frozenset({"=", ";", ",", ")", "{", "[", ":"})
_NO_TYPE = frozenset("return case goto else throw new delete co_return co_yield".split())


@dataclass(frozen=True, slots=True)
class Late:
    """``user`` (a unit's number) would see ``name`` as unit ``giver`` has it, from below."""

    user: int
    giver: int
    name: str


def late_names(
    source: Source,
    units: Sequence[Unit],
    givers: Mapping[str, Sequence[int]],
    users: Mapping[str, Sequence[int]],
    in_header: Callable[[int], bool],
    dealt: Collection[int],
) -> Iterator[Late]:
    """Each name whose meaning may be another. ``dealt`` are the units that come after the header."""
    for name, giving in givers.items():
        shown = [number for number in giving if in_header(number)]
        word = name.partition(" #")[0]
        using = [user for user in users.get(name, ()) if user in dealt]
        if not using or _is_one_public_function(source, units, word, giving):
            continue
        for user in using:
            below = [g for g in shown if g > user]
            new = [g for g in below if not _said_before(source, units, word, g, giving, user)]
            if new and any(_means(source, units, word, user, g) for g in new):
                yield Late(user, new[0], word)


def _said_before(
    source: Source, units: Sequence[Unit], name: str, giver: int, giving: Sequence[int], user: int
) -> bool:
    """Whether all that ``giver`` has of a name is declared above ``user`` already."""
    above = {overload(source, i) for g in giving if g < user for i in _named(source, units[g], name)}
    return all(overload(source, item) in above for item in _named(source, units[giver], name))


def _is_one_public_function(source: Source, units: Sequence[Unit], name: str, giving: Sequence[int]) -> bool:
    """Whether a name is one function, that another header can have declared: then that is what it meant."""
    found = [(i, hidden) for g in giving for i, hidden in walk(source, units[g]) if _last(i) == name]
    if any(hidden or "static" in item.flags or item.kind not in _FUNCTIONS for item, hidden in found):
        return False
    return len({overload(source, item) for item, _ in found}) == 1


def _last(item: Item) -> str:
    return item.name.rpartition("::")[2]


def _named(source: Source, unit: Unit, name: str) -> list[Item]:
    """What a unit declares anew by a name; a member is declared by its class, wherever it is defined."""
    return [item for item, _ in walk(source, unit) if _last(item) == name and not qualifiers(source, item)]


def _means(source: Source, units: Sequence[Unit], name: str, user: int, giver: int) -> bool:
    """Whether a name in ``user`` could be what ``giver`` has: not a member, nor a local of its own."""
    items = _named(source, units[giver], name)
    if not items:
        return False
    macro = any(item.kind is Kind.MACRO for item in items)
    called = all(item.kind in _FUNCTIONS for item in items)
    tokens = ["", *code_tokens(source, units[user].start, units[user].end), "", ""]
    places = [n for n, token in enumerate(tokens) if token == name]
    if macro:
        return bool(places)
    free = [n for n in places if tokens[n - 1] not in _MEMBER]
    if called:
        return any(tokens[n + 1] in ("(", "<") and not _declares(tokens, n) for n in free)
    return bool(free) and not any(_declares(tokens, n) and tokens[n + 1] in _ENDS_NAME for n in free)


def _declares(tokens: Sequence[str], place: int) -> bool:
    """Whether a name is declared at a place of the tokens: a type comes before it."""
    before = tokens[place - 1]
    word = before[:1].isalpha() or before[:1] == "_"
    return before in _DECLARED_BY or (word and before not in _NO_TYPE)
