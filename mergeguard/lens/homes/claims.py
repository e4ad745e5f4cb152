"""What the rule's selectors say: which home they give to which unit."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache

from mergeguard.cpp.blocks import qualified_name
from mergeguard.cpp.source import Item, Kind, Unit
from mergeguard.errors import Location, RuleMismatch
from mergeguard.lens.homes.assignment import DealtPartition
from mergeguard.lens.homes.ground import Ground
from mergeguard.lens.rule import selectors
from mergeguard.lens.selectors import Selector
from mergeguard.values import replace

# In a group the strongest items decide, the others follow them: definitions, then macros, then the rest.
_STRENGTH = {
    Kind.INCLUDE: 0,
    Kind.UNDEF: 0,
    Kind.PRAGMA: 0,
    Kind.MACRO: 1,
    Kind.ALIAS: 1,
    Kind.USING: 1,
}
_STRONGEST = 2


_Offers = list[tuple[Selector, str]]  # with their homes
_MOST_KNOWN = 1 << 14


@lru_cache(maxsize=32)
def _known(offers: tuple[tuple[Selector, str], ...], qualified: bool) -> dict[tuple[object, ...], _Offers]:
    """Which of the offers lead for what: the versions of a monolith have most of their items in common."""
    return {}


class Claims:
    """The selectors of a rule, for the partitions that the monolith has."""

    def __init__(self, ground: Ground, partitions: list[DealtPartition]) -> None:
        self.ground = ground
        rule = ground.rule
        self.offers: _Offers = [
            (selector, move.to) for move in rule.move for selector in selectors(move.items)
        ]
        self.offers += [(s, p.rule.body) for p in partitions for s in selectors(p.rule.items)]
        self.offers += [
            (s, shard) for d in rule.deal for shard, texts in d.shards.items() for s in selectors(texts)
        ]
        self.used: set[Selector] = set()
        self.known = _known(tuple(self.offers), ground.qualified)

    def homes(self) -> list[str | None]:
        """The home of each unit that a selector names. Raises RuleMismatch for a selector without a match."""
        homes = [self.home(unit) for unit in self.ground.units]
        for selector, home in self.offers:
            if selector.must_match and selector not in self.used and not self.shadowed(selector):
                raise RuleMismatch(
                    f"selector `{selector.text}` (for {home}) matches nothing",
                    where=Location(self.ground.path),
                    hint=f"end it with `?` if upstream need not have it: `{selector.text}?`",
                )
        return homes

    def home(self, unit: Unit) -> str | None:
        if len(unit.items) == 1:  # as most of a large file do
            best = self.best(unit, unit.items[0])
            if best is not None:
                self.used.add(best[0])
            return best[1] if best is not None else None
        by_strength: list[dict[str, Item]] = [{}, {}, {}]
        for item in unit.items:
            best = self.best(unit, item)
            if best is not None:
                self.used.add(best[0])
                by_strength[_STRENGTH.get(item.kind, _STRONGEST)].setdefault(best[1], item)
        claims = next((c for c in reversed(by_strength) if c), {})
        if len(claims) > 1:
            (one, first), (two, second) = list(claims.items())[:2]
            raise self.ground.mismatch(
                second,
                f"one #if group has items of two homes: `{first.name}` goes to {one}, "
                f"`{second.name}` to {two}",
                "name the group's items in one [[move]]",
            )
        return next(iter(claims), None)

    def leading(self, unit: Unit, item: Item) -> _Offers:
        """The most specific offers of what names an item: looked for once for all that no selector tells
        apart."""
        blocks = tuple((scope.name, scope.hidden) for scope in unit.scopes) if self.ground.qualified else ()
        key = (item.kind, item.name, item.flags, blocks)
        found = self.known.get(key)
        if found is None:
            if len(self.known) >= _MOST_KNOWN:
                self.known.clear()
            found = [(s, home) for s, home in self.offers if self.selects(s, unit, item)]
            top = max((s.specificity for s, _ in found), default=None)
            found = self.known[key] = [(s, home) for s, home in found if s.specificity == top]
        return found

    def shadowed(self, selector: Selector) -> bool:
        return any(self.selects(selector, unit, item) for unit in self.ground.units for item in unit.items)

    def selects(self, selector: Selector, unit: Unit, item: Item) -> bool:
        """Whether a selector names an item; of an opened namespace it names all that stands in it."""
        if not self.ground.qualified or not unit.scopes:
            return selector.selects(item)
        if selector.kind == "namespace":
            return any(fnmatchcase(scope.name, selector.name) for scope in unit.scopes if scope.name)
        return selector.selects(item) or selector.selects(replace(item, name=qualified_name(unit, item)))

    def best(self, unit: Unit, item: Item) -> tuple[Selector, str] | None:
        leading = self.leading(unit, item)
        if not leading:
            return None
        for other, home in leading[1:]:
            if home != leading[0][1]:
                raise self.ground.mismatch(
                    item,
                    f"`{item.name}` is selected twice: `{leading[0][0].text}` for {leading[0][1]}, "
                    f"`{other.text}` for {home}",
                    "make one selector more specific",
                )
        return leading[0]
