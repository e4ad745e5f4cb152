"""The definitions of one macro in a file, wherever they stand, and which of them are in force together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from mergeguard.core.lexer import lex

_OPENERS = frozenset(("if", "ifdef", "ifndef"))


class MacroDefinition(NamedTuple):
    """A ``#define``: its byte offset, its text without white space, the branches it stands in (pairs of a
    group and the number of a branch), and how many ``#undef`` of it come before."""

    offset: int
    text: bytes
    path: tuple[tuple[int, int], ...]
    undefined: int


def macro_definitions(text: bytes, name: bytes) -> list[MacroDefinition]:
    """Every definition of a macro, in the order of the file, those inside of functions too."""
    if name not in text:
        return []
    lexed = lex(text)
    path: list[tuple[int, int]] = []
    found: list[MacroDefinition] = []
    undefined = 0
    for number, directive in enumerate(lexed.directives):
        if directive.name in _OPENERS:
            path.append((number, 0))
        elif directive.name == "endif":
            del path[-1:]
        elif directive.name.startswith("el") and path:
            path[-1] = (path[-1][0], path[-1][1] + 1)
        elif directive.name in ("define", "undef") and directive.first + 2 < directive.last:
            named = lexed.tokens[directive.first + 2]
            if text[named.start : named.end] != name:
                continue
            if directive.name == "undef":
                undefined += 1
                continue
            end = lexed.tokens[directive.last - 1].end
            code = b"".join(text[named.start : end].replace(b"\\\n", b" ").replace(b"\\\r\n", b" ").split())
            found.append(MacroDefinition(directive.start, code, tuple(path), undefined))
    return found


def rival_definitions(found: Sequence[MacroDefinition]) -> list[tuple[MacroDefinition, MacroDefinition]]:
    """Pairs of definitions with different texts that both are in force, the second hiding the first."""
    return [
        (first, last)
        for index, last in enumerate(found)
        for first in found[:index]
        if first.text != last.text and first.undefined == last.undefined and _together(first, last)
    ]


def used_after_undef(text: bytes, name: bytes) -> tuple[int, int] | None:
    """The byte offsets of an ``#undef`` of a macro and of a use behind it that no new definition precedes."""
    word = re.escape(name)
    mention = re.compile(rb"(#[ \t]*(?:define|undef)[ \t]+)?(?<!\w)" + word + rb"(?!\w)")
    for gone in re.finditer(rb"(?m)^[ \t]*#[ \t]*undef[ \t]+" + word + rb"(?!\w)", text):
        use = mention.search(text, gone.end())
        if use is not None and use.group(1) is None:
            return gone.start(), use.start()
    return None


def _together(one: MacroDefinition, two: MacroDefinition) -> bool:
    """Whether one is in force wherever the other is, as far as conditions tell."""
    shorter, longer = sorted((one.path, two.path), key=len)
    return longer[: len(shorter)] == shorter
