"""An edit in one of several alternatives that the other side made one.

The alternatives are branches of an ``#if`` or arms of a ``switch``. Where a side puts one text in the place
of two of them, what the other side edited in one was for that one: whether the common text wants it, only a
person knows. (A side that removes one alternative and leaves the other as it was has chosen, and edits of
that one follow.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Set

from mergeguard.cpp.scopes import Scope
from mergeguard.merge.gates.doubled import shown
from mergeguard.merge.gates.fault import Compared, Fault, GateVersion, directive_of

_ELSE = b"else of "
_LABELS = (b"case ", b"default")

Place = tuple[object, bytes]  # an alternative, and of what: the number of an `#if`, what is around a `case`


def folded(merge: Compared) -> Iterator[Fault]:
    """Statements that would come to stand for several alternatives, and are edited in one of them."""
    if not merge.is_sound:
        return
    for number, side in enumerate(merge.sides):
        made = _folded(merge.base, side, merge.edits[number])
        edited = _edited(merge, 1 - number, made.keys()) if made else set()
        for place in edited:
            for one in merge.merged.statements:
                if one.scope in made[place] and not side.counts[one.keys]:
                    said = f"`{shown(one.keys)}` was edited under `{shown(place[1:])}` alone"
                    message = f"{said}, which the other side made one with another alternative"
                    yield Fault("left-scope", shown(one.keys), message, (merge.merged.span(one),), True)


def _alternatives(version: GateVersion) -> list[tuple[Place, ...]]:
    """For each statement the alternatives that it stands in."""
    found: list[tuple[Place, ...]] = []
    opened: list[int] = []  # the open groups, by the numbers of their first directives
    for number, one in enumerate(version.statements):
        word = directive_of(one)
        if word.startswith(b"if"):
            opened.append(number)
        elif word == b"endif" and opened:
            opened.pop()
        under = zip(opened, one.scope[: one.conditions], strict=False)
        labels = ((one.scope[:at], f) for at, f in enumerate(one.scope) if f.startswith(_LABELS))
        found.append((*under, *labels))
    return found


def _folded(base: GateVersion, side: GateVersion, pairs: Mapping[int, int]) -> dict[Place, set[Scope]]:
    """The alternatives whose text a side changed and put in the place of a neighbour's, too; and in what that
    stands there now."""
    images = {i: side.statements[j] for j, i in pairs.items()}
    came: dict[Place, set[Scope]] = defaultdict(set)
    kept: set[Place] = set()
    gone: set[Place] = set()  # nothing of them is left
    for i, (one, places) in enumerate(zip(base.statements, base.of(_alternatives), strict=True)):
        image = images.get(i)
        gone.update(places)
        if image is not None:
            kept.update(place for place in places if place[1] in image.scope)
            fewer = image.conditions < one.conditions
            for place in places if image.keys != one.keys else ():
                if fewer or place[1].startswith(_LABELS):
                    came[place].add(image.scope)
    gone -= kept
    found = {
        place: {scope for scope in scopes if any(_one_of(place, other, scope) for other in gone)}
        for place, scopes in came.items()
        if place in gone
    }
    return {place: scopes for place, scopes in found.items() if scopes}


def _one_of(one: Place, two: Place, scope: Scope) -> bool:
    """Whether two alternatives are neighbours of one group, and what stands in ``scope`` is for both."""
    if one[0] != two[0] or one[1] == two[1]:
        return False
    if one[1].startswith(_LABELS):
        return any(one[1] in frame and two[1] in frame for frame in scope)
    return one[1].startswith(_ELSE + two[1]) or two[1].startswith(_ELSE + one[1])


def _edited(merge: Compared, number: int, wanted: Set[Place]) -> set[Place]:
    """The alternatives in which a side has other statements than the base."""
    base, pairs = merge.base, merge.edits[number]
    places = base.of(_alternatives)
    found: set[Place] = set()
    around: tuple[Place, ...] = ()  # the last statement that the base has, too
    for j, one in enumerate(merge.sides[number].statements):
        around = places[pairs[j]] if j in pairs else around
        if j not in pairs or base.statements[pairs[j]].keys != one.keys:
            found.update(place for place in around if place in wanted and place[1] in one.scope)
    return found
