"""Selectors: which items of a monolith a rule speaks of, by kind and name, never by line.

``"<kind> <name glob>[?]"``, for example ``"include *"``, ``"kernel wvSplitK_*"``, ``"macro MAX?"``. A
trailing ``?`` says that the monolith need not have it. Where two selectors name an item, the more
specific wins: an exact name over a glob, a longer glob over a shorter, a narrower kind over a wider.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache

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
        return _specificity(self.kind, self.name)

    @property
    def must_match(self) -> bool:
        """False for optional selectors and for ``<kind> *``, which may find nothing."""
        return not self.optional and self.name != "*"

    def selects(self, item: Item) -> bool:
        """Whether the selector names the item."""
        return _is_kind(self.kind, item) and is_match(item.name, self.name)


@lru_cache(maxsize=1 << 10)
def _specificity(kind: str, name: str) -> tuple[bool, int, int]:
    literal = re.sub(r"[*?\[\]]", "", name)
    return (literal == name, len(literal), KIND_WORDS.index(kind))


def is_match(name: str, pattern: str) -> bool:
    """As ``fnmatchcase``: most patterns are names, or say that any will do."""
    return name == pattern or pattern == "*" or (not pattern.isidentifier() and fnmatchcase(name, pattern))


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
