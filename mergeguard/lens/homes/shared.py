"""What a file keeps to itself and several units of a dealing use: one home, under a name of the layout's own.

An object that is `static`, or stands in an anonymous namespace, would be another object in each unit. Where a
rule says `shared`, it becomes one that all units know: external, in a namespace that no other file has; in C
by a name that no other file has. Its text stays as it is; only the word `static` is put into a comment.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from mergeguard.cpp.blocks import Opened, is_of_a_macro, qualified_name
from mergeguard.cpp.declaration import Declaration
from mergeguard.cpp.definitions import has_local_state
from mergeguard.cpp.environment import environment_of
from mergeguard.cpp.source import Item, Kind, Source, Unit, code_tokens, identifiers
from mergeguard.lens.homes.assignment import SharedItem
from mergeguard.lens.homes.traits import IMPLICIT
from mergeguard.lens.rule import Deal, selectors
from mergeguard.lens.selectors import Selector
from mergeguard.lens.signature import heads_value
from mergeguard.values import cached_property, dataclass, replace

_KINDS = frozenset({Kind.VARIABLE, Kind.FUNCTION, Kind.DECLARATION})
# What stands before a name in C that is not the object's or function's.
_ELSEWHERE = frozenset({".", "->", "struct", "union", "enum", "goto"})
_NOT_AGAIN = frozenset({"auto", "decltype", "typeof", "__typeof__", "inline", "constexpr", "thread_local"})
_DEVICE = frozenset({"device", "global", "template", "specialization", "inline", "constexpr", "extern"})
_DEVICE_WORDS = frozenset({"__device__", "__constant__", "__shared__", "__managed__"})


@dataclass(frozen=True, slots=True)
class Unshared:
    """Why a definition that a rule names can't be shared."""

    item: Item
    reason: str


def unmatched(found: Opened, deal: Deal) -> Selector | None:
    """The first selector of ``shared`` that names nothing in the file; None if each does."""
    pairs = [(unit, item) for unit in found.units for item in unit.items if item.kind in _KINDS]
    return next(
        (
            selector
            for selector in selectors(deal.shared)
            if selector.must_match and not any(_selects(selector, *pair) for pair in pairs)
        ),
        None,
    )


def _selects(selector: Selector, unit: Unit, item: Item) -> bool:
    """Whether a selector names an item, by its own name or its qualified one."""
    kind = selector.kind in ("*", "variable", "function", "host", str(item.kind))
    again = replace(item, name=qualified_name(unit, item))
    return kind and (selector.selects(item) or selector.selects(again))


def shared_items(
    source: Source, found: Opened, deal: Deal, *, in_c: bool
) -> tuple[Mapping[int, SharedItem], tuple[Unshared, ...]]:
    """By byte offset what the units share; and what the rule names of it that can't be.

    All of one name, or none: what stands under one name in two places could be told apart no more.
    """
    if not deal.shared:
        return {}, ()
    return _Finder(source, found, deal, in_c).find()


class _Finder:
    def __init__(self, source: Source, found: Opened, deal: Deal, in_c: bool) -> None:
        self.source = source
        self.units = found.units
        self.wanted = selectors(deal.shared)
        self.external = frozenset(deal.external)
        self.in_c = in_c
        self.environment = environment_of(source)
        items = [item for unit in found.units for item in unit.items]
        self.hidden_types = {
            item.name.rpartition("::")[2]
            for unit in found.units
            for item in unit.items
            if item.kind in (Kind.TYPE, Kind.ALIAS) and self.is_hidden(unit)
        }
        self.prototypes = {
            (item.name, item.key.parameters)
            for item in items
            if item.kind is Kind.DECLARATION and "static" in item.flags
        }
        self.words = source.lexed.words()
        self.before: dict[str, set[str]] = defaultdict(set)  # the words that stand before each
        for before, word in zip(self.words, self.words[1:], strict=False):
            self.before[word].add(before)
        self.last_include = max((i.end for i in items if i.kind is Kind.INCLUDE), default=0)

    def find(self) -> tuple[Mapping[int, SharedItem], tuple[Unshared, ...]]:
        by_name: dict[str, list[tuple[Unit, Item]]] = {}
        for unit in self.units:
            for item in unit.items:
                if item.kind in _KINDS and item.name:
                    by_name.setdefault(item.name.rpartition("::")[2], []).append((unit, item))
        found: dict[int, SharedItem] = {}
        refused: list[Unshared] = []
        for name, places in by_name.items():
            wanted = [item for unit, item in places if self.is_wanted(unit, item)]
            if not wanted:
                continue
            reason = self.of_the_name(name, places) or next(
                filter(None, (self.of_the_item(unit, item) for unit, item in places)), ""
            )
            if not reason:
                found |= {item.start: self.made(unit, item) for unit, item in places}
            elif any(self.is_named(unit, item) for unit, item in places):
                refused.append(Unshared(wanted[0], reason))
        return found, tuple(refused)

    def is_wanted(self, unit: Unit, item: Item) -> bool:
        if not self.is_internal(unit, item) or item.kind is Kind.DECLARATION:
            return False
        if item.name in self.external or qualified_name(unit, item) in self.external:
            return False  # a header declares it: all know it already
        if "definition" not in item.flags or self.may_be_a_value(item):
            return False
        if not self.in_c and item.kind is Kind.FUNCTION and not self.has_state(item):
            return self.is_named(unit, item)  # a glob means what there may be only one of
        return self.is_selected(unit, item, named=False)

    def has_state(self, item: Item) -> bool:
        return has_local_state(Declaration(item, self.source))

    def is_named(self, unit: Unit, item: Item) -> bool:
        return self.is_selected(unit, item, named=True)

    def is_selected(self, unit: Unit, item: Item, *, named: bool) -> bool:
        return any(
            _selects(selector, unit, item) and (selector.must_match or not named) for selector in self.wanted
        )

    def is_hidden(self, unit: Unit) -> bool:
        """Whether a unit stands in an anonymous namespace; what C++ alone would read as one is none in C."""
        return not self.in_c and any(scope.hidden for scope in unit.scopes)

    def is_internal(self, unit: Unit, item: Item) -> bool:
        if "static" in item.flags or self.is_hidden(unit):
            return True
        if item.kind is Kind.FUNCTION and (item.name, item.key.parameters) in self.prototypes:
            return True
        return not self.in_c and item.kind is Kind.VARIABLE and Declaration(item, self.source).is_internal

    def may_be_a_value(self, item: Item) -> bool:
        """Whether it may be a constant that text asks for the value of, as an array's size, say.

        Then it has to be seen with its value. Of a constant of a class of some library tokens can tell.
        """
        if item.kind is not Kind.VARIABLE or not Declaration(item, self.source).is_constant:
            return False
        words = code_tokens(self.source, item.code_start, self.head_end(item))
        return self.in_c or {"<", "::"}.isdisjoint(words)

    # -- what can't be --------------------------------------------------------------------------------

    def of_the_name(self, name: str, places: Sequence[tuple[Unit, Item]]) -> str:
        """Why no definition of this name can get another one; "" if all can."""
        if not name.isidentifier() or name in IMPLICIT or name in self.environment.names:
            return f"`{name}` is found by more than its name"
        if not all(self.is_internal(unit, item) for unit, item in places):
            return f"other things are called `{name}`, too"
        before = self.before[name]
        objects = Counter(i.kind for _, i in places)[Kind.VARIABLE]
        if objects > 1:
            return f"there are several `{name}`"
        if self.in_c:
            if not _ELSEWHERE.isdisjoint(before) or name in self.attributes:
                return f"`{name}` names something else, too"
            if name in self.asked:
                return f"a directive asks for `{name}`"
            if self.last_include > min(item.start for _, item in places):
                return f"an include comes after `{name}`"
            return ""
        if not objects:
            if "::" in before:
                return f"`{name}` is used by its qualified name"
            if len({qualified_name(unit, item) for unit, item in places}) > 1:
                return f"there are several `{name}`"
        return ""

    @cached_property
    def attributes(self) -> frozenset[str]:
        """The words in attributes, which would be renamed, too."""
        found = re.findall(rb"__attribute__\s*\(\(((?:[^()]|\([^()]*\))*)\)\)", self.source.text)
        return frozenset(re.findall(r"\w+", b" ".join(found).decode("utf-8", "surrogateescape")))

    @cached_property
    def asked(self) -> frozenset[str]:
        """The words in conditions."""
        lexed = self.source.lexed
        conditions = (d for d in lexed.directives if d.name not in ("include", "define", "pragma"))
        return frozenset(word for d in conditions for word in lexed.words(d.first, d.last))

    def of_the_item(self, unit: Unit, item: Item) -> str:
        """Why this one can't be said again in another file; "" if it can."""
        one = Declaration(item, self.source)
        name = one.short
        hidden = [scope.hidden and not self.in_c for scope in unit.scopes]
        if not self.in_c and any(scope.is_of_c for scope in unit.scopes):
            return f"`{name}` has C linkage: no namespace keeps it apart from others"
        if any(hidden[:-1]):
            return f"`{name}` stands in a namespace within an anonymous one"
        if one.owners or item.flags & _DEVICE or not _DEVICE_WORDS.isdisjoint(one.tokens[:12]):
            return f"`{name}` can't be defined once for all units"
        if item.condition and len(item.condition) > sum(s.is_branch for s in unit.scopes):
            return f"`{name}` stands in an #if that stays closed"
        line = self.source.text.rfind(b"\n", 0, item.code_start) + 1
        if self.source.text[line : item.code_start].strip() or not self.source.text.endswith(
            b"\n", 0, item.end
        ):
            return f"`{name}` shares its line with something else"
        if any(map(is_of_a_macro, unit.scopes)) and hidden[-1:] == [True]:
            return f"`{name}` stands in a block of a macro"
        head = self.source.text[item.code_start : self.head_end(item)]
        words = code_tokens(self.source, item.code_start, self.head_end(item))
        closure = self.environment.closure(words, item.code_start)
        if b"#" in head or not _NOT_AGAIN.isdisjoint(closure):
            return f"`{name}` can't be declared in another place"
        if not self.hidden_types.isdisjoint(words):
            return f"the type of `{name}` is the file's own"
        if item.kind is Kind.VARIABLE:
            return self.of_the_object(one)
        return self.of_the_function(unit, item, words)

    def head_end(self, item: Item) -> int:
        if item.kind is Kind.VARIABLE:
            return heads_value(self.source, item)
        return item.parameter_list[1] if item.parameter_list is not None else item.code_end

    def of_the_object(self, one: Declaration) -> str:
        words = code_tokens(self.source, one.item.code_start, self.head_end(one.item))
        if len(one.objects) != 1 or "{" in words:
            return f"`{one.short}` is declared together with something else"
        pairs = list(zip(words, words[1:], strict=False))
        if ("[", "]") in pairs and (not self.in_c or self.is_measured(one.short)):
            return f"the size of `{one.short}` does not stand in its type"
        if any(a == "(" and b != "*" for a, b in pairs) and ("(", "*") not in pairs:
            return f"`{one.short}` is initialised in parentheses"
        return ""

    def is_measured(self, name: str) -> bool:
        """Whether something may ask for the size of an array: ``sizeof name``, ``COUNT_OF(name)``."""
        for first, second, third in zip(self.words, self.words[1:], self.words[2:], strict=False):
            if name in (second, third) and (
                first == "sizeof" or third == name and second == "(" and first.isupper()
            ):
                return True
        return False

    def of_the_function(self, unit: Unit, item: Item, words: Sequence[str]) -> str:
        name = item.name.rpartition("::")[2]
        if item.parameter_list is None or not item.returns:
            return f"`{name}` can't be declared in another place"
        unknown = [w for w in words if w.isupper() and len(w) > 1 and w not in self.environment.names]
        if unknown:
            return f"what `{unknown[0]}` says of `{name}`, nothing here tells"
        if any(parameter.default_start is not None for parameter in item.parameters):
            return f"`{name}` has default arguments"
        if self.in_c:
            return ""
        if any(self.may_look_by_arguments(unit, other, name) for other in self.units):
            return f"`{name}` may be found by its arguments"
        return ""

    def may_look_by_arguments(self, unit: Unit, other: Unit, name: str) -> bool:
        """Whether ``other`` uses a name outside of the blocks around ``unit``, or in a template."""
        outside = other.scopes[: len(unit.scopes)] != unit.scopes
        if not outside and not any("template" in one.flags for one in other.items):
            return False
        return any(name in identifiers(self.source, one.start, one.end) for one in other.items)

    def made(self, unit: Unit, item: Item) -> SharedItem:
        lexed = self.source.lexed
        static = next(
            (
                (lexed.starts[n], lexed.end(n))
                for n in range(lexed.index_at(item.code_start), lexed.index_at(self.head_end(item)))
                if lexed.word(n) == "static" and lexed.directive_of[n] < 0
            ),
            None,
        )
        return SharedItem(item, self.is_hidden(unit), static)
