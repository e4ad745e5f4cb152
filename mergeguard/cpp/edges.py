"""What opens or closes a block at file scope without a brace that every compiler sees.

A macro: ``C10_BEGIN … C10_END``, ``#define APP namespace app {``. What another file defines is told by its
name, as only its header could say; what the file defines, by the definition. And a brace under a condition of
its own: ``#ifdef __cplusplus``, ``extern "C" {``, ``#endif``. Each is an item of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mergeguard.cpp.conditions import OPENERS, condition_of
from mergeguard.cpp.items import Item, Kind, Source
from mergeguard.cpp.lexer import Lexed, TokenKind, lex
from mergeguard.cpp.remember import remembered
from mergeguard.values import dataclass

# What a macro that opens a block has in its name, and what the one that closes it has in that place.
_PAIRS = {"BEGIN": ("END",), "OPEN": ("CLOSE",), "START": ("END", "STOP"), "ENTER": ("LEAVE", "EXIT")}
_CLOSERS = frozenset(word for words in _PAIRS.values() for word in words)
_NAMED = [word.encode("ascii") for word in {*_PAIRS, *_CLOSERS}]
_NOT_IN_NAMED = bytes(byte for byte in range(256) if not 65 <= byte <= 90 and byte not in b"_\n")
_OPENED = re.compile(rb"#[ \t]*define[ \t]+\w+[ \t\\\r\n]+(?:inline[ \t]+)?(?:namespace|extern)\b")
_LONGEST = 20  # tokens, comments among them, of an edge under a condition
_NAME = re.compile(r"_*[A-Z][A-Z0-9_]*")
_BEGINNINGS = frozenset(("namespace", "inline", "extern", "}", ";"))
_BLOCK_WORDS = frozenset({"namespace", "inline", "extern", '"C"', '"C++"', "::", "[", "]", "(", ")"})


@dataclass(frozen=True, slots=True)
class Edge:
    """One use at file scope. ``levels`` is by how many braces it opens (or, below zero, closes) the file.

    It is 0 where only the name tells; then ``closers`` are the names by which what it opens is closed.
    ``under`` is the condition of a brace that has one, ``anonymous``: it is that of an anonymous namespace.
    """

    opens: bool
    levels: int = 0
    closers: frozenset[str] = frozenset()
    under: str = ""
    anonymous: bool = False

    def is_closed_by(self, other: Edge, name: str) -> bool:
        """Whether ``other``, by the name of its macro, closes what this one opens."""
        if not self.opens or other.opens or self.under != other.under:
            return False
        return name in self.closers or bool(self.levels) and self.levels == -other.levels


@dataclass(frozen=True, slots=True)
class Edges:
    """Those of one file: of its own macros by name. ``possible`` is false where no text can be one."""

    own: dict[str, Edge]
    possible: bool

    def named(self, name: str) -> Edge | None:
        """What a use of the macro ``name`` is; None for what opens and closes nothing."""
        if not self.possible:
            return None
        return self.own.get(name) or _by_name(name)


@remembered
def edges_of(text: bytes) -> Edges:
    """What of a file can open or close a block without a brace."""
    own: dict[str, Edge] = {}
    capitals = text.translate(None, _NOT_IN_NAMED)  # in which words are found quicker, and some more
    named = (word for word in _NAMED if word in capitals)
    if not (any(word in text for word in named) or _OPENED.search(text)):
        return Edges(own, False)
    lexed = lex(text)
    for directive in lexed.directives:
        if directive.name == "define" and directive.first + 3 < directive.last:
            first = _code_from(lexed, directive.first + 3, directive.last)
            if first == directive.last or lexed.word(first) not in _BEGINNINGS:
                continue
            edge = _defined(lexed.words(first, directive.last))
            if edge is not None:
                own[lexed.word(directive.first + 2)] = edge
    return Edges(own, True)


def _code_from(lexed: Lexed, index: int, last: int) -> int:
    """The first token from ``index`` on that is no comment; ``last`` if there is none."""
    while index < last and lexed.kinds[index] == TokenKind.COMMENT:
        index += 1
    return index


def _defined(body: Sequence[str]) -> Edge | None:
    """What a macro's definition (behind its name) opens or closes."""
    levels = body.count("{") - body.count("}")
    if levels > 0 and body[-1] == "{" and body[0] in ("namespace", "inline", "extern"):
        plain = (word in _BLOCK_WORDS or word == "{" or word.isidentifier() for word in body)
        return Edge(True, levels) if all(plain) else None
    return Edge(False, levels) if levels < 0 and set(body) <= {"}", ";"} else None


def _by_name(name: str) -> Edge | None:
    if not _NAME.fullmatch(name):
        return None
    words = name.split("_")
    for position, word in enumerate(words):
        if word in _PAIRS:
            others = [[*words[:position], closer, *words[position + 1 :]] for closer in _PAIRS[word]]
            return Edge(True, closers=frozenset("_".join(other) for other in others))
    return Edge(False) if not _CLOSERS.isdisjoint(words) else None


def edge_at(source: Source, item: Item) -> Edge | None:
    """What an item opens or closes; None for any other item, and for one with the braces of its block."""
    if item.kind is Kind.OPAQUE:
        first = source.lexed.index_at(item.code_start)
        directive = source.lexed.directive_of[first] if first < len(source.lexed) else -1
        return None if directive < 0 else _under_condition(source.lexed, directive)
    if item.kind is not Kind.DECLARATION or item.body is not None:
        return None
    edges = edges_of(source.text)
    if not edges.possible:
        return None
    first = source.lexed.index_at(item.code_start)
    name = source.lexed.word(first)
    stands = name == edge_name(item) and not item.returns and item.template_header is None
    return edges.named(name) if stands and not source.text.endswith(b";", 0, item.code_end) else None


def edge_name(item: Item) -> str:
    """The macro by which an edge goes, as other edges name it."""
    return item.name.rpartition("::")[2]


def conditional_end(lexed: Lexed, directive: int, last: int) -> int:
    """The token behind an edge under a condition that begins with a directive; -1 if it is none."""
    edge = _under_condition(lexed, directive)
    end = lexed.directives[directive + 1].last if edge is not None else -1
    return end if end <= last else -1


def _under_condition(lexed: Lexed, directive: int) -> Edge | None:
    """The edge between an ``#if`` and the ``#endif`` that comes next."""
    if directive + 1 >= len(lexed.directives):
        return None
    opening, ending = lexed.directives[directive : directive + 2]
    if opening.name not in OPENERS or ending.name != "endif" or ending.first - opening.last > _LONGEST:
        return None
    words = lexed.words(opening.last, ending.first)
    condition = condition_of(lexed, opening)
    if words[:1] == ["extern"] and words[2:] == ["{"] and words[1].startswith('"'):
        return Edge(True, 1, under=condition)
    if words == ["namespace", "{"]:
        return Edge(True, 1, under=condition, anonymous=True)
    return Edge(False, -1, under=condition) if words == ["}"] else None


def edge_end(lexed: Lexed, edges: Edges, position: int, last: int) -> int:
    """The token behind the block's edge that an item's first token ``position`` is; -1 if it is none.

    One that only its name tells has its line for itself, arguments included; or a block is what follows.
    """
    if not edges.possible or lexed.kinds[position] != TokenKind.IDENT:
        return -1
    name = lexed.word(position)
    if edges.named(name) is None:
        return -1
    end = position + 1
    if end < last and lexed.word(end) == "(":
        while end < last and lexed.word(end) not in (")", ";", "{"):
            end += 1
        if end == last or lexed.word(end) != ")":
            return -1
        end += 1
    if name in edges.own or _is_alone(lexed, end, last):
        return end
    return -1


def _is_alone(lexed: Lexed, end: int, last: int) -> bool:
    """Whether the line is over at the token ``end``, but for a comment, or goes on with a block."""
    end = _code_from(lexed, end, last)
    if end >= last or lexed.directive_of[end] >= 0:
        return True
    between = lexed.text[lexed.starts[end - 1] : lexed.starts[end]]
    return b"\n" in between or lexed.word(end) in ("namespace", "}")
