"""A monolith as a rule is held against it: its units, what stands around them, what their names are."""

from __future__ import annotations

from collections.abc import Iterable

from mergeguard.cpp.blocks import opened, qualified_name, walk, words_of
from mergeguard.cpp.declaration import Declaration
from mergeguard.cpp.environment import environment_of
from mergeguard.cpp.source import Item, ItemScope, Kind, Source, Unit, identifiers, units
from mergeguard.cpp.text import line_of
from mergeguard.errors import Location, RuleMismatch
from mergeguard.lens.reading import opens_blocks
from mergeguard.lens.rule import Rule
from mergeguard.lens.selectors import is_match


class Ground:
    """``thin``: the layout's shards do not read what only the entry needs. ``opens`` is an emission's word.

    ``notes`` is for whoever decides something that people should know.
    """

    def __init__(self, rule: Rule, path: str, source: Source, thin: bool, opens: bool | None) -> None:
        self.rule = rule
        self.thin = thin
        self.path = path
        self.source = source
        # Whether names of the rule are qualified names (a rule that only deals has none but selectors).
        self.qualified = rule.is_qualified if opens is None else opens
        self.opened = opened(source) if opens_blocks(rule, opens) else None
        self.units = units(source) if self.opened is None else self.opened.units
        self.environment = environment_of(source)
        self.words = [identifiers(source, u.start, u.end) | words_of(u.scopes) for u in self.units]
        self.notes: list[str] = []

    def mismatch(self, item: Item | None, message: str, hint: str | None = None) -> RuleMismatch:
        if item is None:
            return RuleMismatch(message, where=Location(self.path), hint=hint)
        line = line_of(self.source.text, item.code_start)
        return RuleMismatch(message, where=Location(self.path, line, item.name or None), hint=hint)

    def is_named(self, unit: Unit, item: Item, name: str) -> bool:
        """Whether a rule's name is an item's; an anonymous namespace adds nothing to what is around it."""
        if not self.qualified:
            return is_match(item.name, name)
        return is_match(qualified_name(unit, item), name.removeprefix("::"))

    def flags(self, item: Item) -> frozenset[str]:
        """An item's flags, with what the blocks around it say."""
        scopes = self.scopes_of(item) if self.qualified else ()
        return item.flags | ({"anonymous"} if any(scope.hidden for scope in scopes) else set())

    def scopes_of(self, item: Item) -> tuple[ItemScope, ...]:
        """The opened blocks around an item."""
        return next(u.scopes for u in self.units if any(i.start == item.start for i in u.items))

    def objects(self, unit: Unit) -> Iterable[Item]:
        """The writable objects of a unit that the file keeps to itself: each unit would have its own."""
        for item, hidden in walk(self.source, unit):
            one = Declaration(item, self.source, hidden)
            if item.kind is Kind.VARIABLE and one.is_internal and not one.is_constant:
                yield item
