"""Selectors: which items of a monolith a rule speaks of, by kind and name, never by line.

``"<kind> <name glob>[?]"``, for example ``"include *"``, ``"kernel wvSplitK_*"``, ``"macro MAX?"``. A
trailing ``?`` says that the monolith need not have it. Where two selectors name an item, the more
specific wins: an exact name over a glob, a longer glob over a shorter, a narrower kind over a wider.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from mergeguard.cpp.items import Item, Kind
from mergeguard.values import dataclass

_DEFINITIONS = frozenset({Kind.FUNCTION, Kind.KERNEL, Kind.TYPE, Kind.ALIAS, Kind.VARIABLE})

# The kind words, widest first: the position is their rank where two selectors tie on the name.
KIND_WORDS: tuple[str, ...] = (
    "*",
    "function",
    "type",
    "alias",
    "variable",
    "template",
    "device",
    "host",
    "kernel",
    "include",
    "macro",
    "undef",
    "pragma",
    "declaration",
    "instantiation",
    "namespace",
    "using",
    "comment",
    "opaque",
)


@dataclass(frozen=True, slots=True)
class Selector:
    """One selector; ``text`` is how the rule spells it."""

    text: str
    kind: str
    name: str
    optional: bool

    @property
    def specificity(self) -> tuple[bool, int, int]:
        """Larger is more specific; equal on two selectors of different homes is an error."""
        literal = re.sub(r"[*?\[\]]", "", self.name)
        return (literal == self.name, len(literal), KIND_WORDS.index(self.kind))

    @property
    def must_match(self) -> bool:
        """False for optional selectors and for ``<kind> *``, which may find nothing."""
        return not self.optional and self.name != "*"

    def selects(self, item: Item) -> bool:
        """Whether the selector names the item."""
        return _is_kind(self.kind, item) and fnmatchcase(item.name, self.name)


def parse_selector(text: str) -> Selector:
    """Read ``"<kind> <name glob>[?]"``; ValueError says what is wrong with it."""
    kind, _, name = text.strip().partition(" ")
    name = name.strip()
    if kind not in KIND_WORDS:
        raise ValueError(f"unknown kind `{kind}`; one of {', '.join(KIND_WORDS)}")
    if not name:
        raise ValueError(f"no name; write `{kind} *` for all")
    optional = name.endswith("?")
    return Selector(text, kind, name.removesuffix("?").removeprefix("::"), optional)


def _is_kind(word: str, item: Item) -> bool:
    if word == "*":
        return item.kind not in (Kind.CONDITIONAL, Kind.COMMENT)
    if word == "template":
        return item.kind in _DEFINITIONS and bool(item.flags & {"template", "specialization"})
    if word == "device":
        return item.kind is Kind.FUNCTION and "device" in item.flags
    if word == "host":
        return item.kind is Kind.FUNCTION and not item.flags & {"device", "global"}
    return item.kind == word
