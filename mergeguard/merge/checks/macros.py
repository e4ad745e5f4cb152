"""The definitions of one macro in a file, wherever they stand, and which of them are in force together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from mergeguard.cpp.lexer import lex
from mergeguard.values import dataclass

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
            named = directive.first + 2
            if lexed.texts[named] != name:
                continue
            if directive.name == "undef":
                undefined += 1
                continue
            end = lexed.end(directive.last - 1)
            code = b"".join(
                text[lexed.starts[named] : end].replace(b"\\\n", b" ").replace(b"\\\r\n", b" ").split()
            )
            found.append(MacroDefinition(directive.start, code, tuple(path), undefined))
    return found


@dataclass(frozen=True, slots=True)
class MacroClash:
    """Two definitions of a macro from different sides. ``both`` are in the result, in its order, and the
    second hides the first; else the result has one that a side changed and one that the other added.

    ``added`` and ``rival`` are the definitions, ``by_theirs`` whether theirs brought ``added``.
    """

    both: bool
    added: MacroDefinition
    rival: MacroDefinition
    by_theirs: bool


def macro_clash(base: bytes, ours: bytes, theirs: bytes, merged: bytes, name: bytes) -> MacroClash | None:
    """What is wrong with a macro that both sides define, as on no side alone; None if nothing is."""
    old, mine, other, result = (macro_definitions(text, name) for text in (base, ours, theirs, merged))
    rivals = [_rivals(found) for found in (mine, other, result)]
    if len(rivals[2]) > max(len(rivals[0]), len(rivals[1])):
        first, last = rivals[2][-1]
        return MacroClash(True, last, first, any(d.text == last.text for d in other))
    known = {d.text for d in old}
    for one, rest, by_theirs in ((mine, other, False), (other, mine, True)):
        added, changed = ([d for d in side if d.text not in known] for side in (one, rest))
        kept = known <= {d.text for d in one}
        if added and changed and kept and len(one) > len(old) == len(rest):
            return MacroClash(False, added[0], changed[0], by_theirs)
    return None


def _rivals(found: Sequence[MacroDefinition]) -> list[tuple[MacroDefinition, MacroDefinition]]:
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
