"""Where a text can be cut between declarations, told by its brackets and conditions alone.

Cheaper than reading its items, for texts of which only a part is to be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate, compress
from operator import sub
from typing import NamedTuple

from mergeguard.cpp.conditions import MIDDLES, OPENERS
from mergeguard.cpp.lexer import Directive, Lexed, TokenKind, TokenRole
from mergeguard.cpp.view import BRACKETS

_CLOSING = frozenset(b")]}")
_DIRECTIVE = 1  # stands for a preprocessor line among the roles that count
_ENDS = frozenset((_DIRECTIVE, TokenRole.SEMICOLON, TokenRole.CLOSE_BRACE))  # a declaration
_PARENTHESIS, _END_OF_CALL = b"()"
_A_WORD = bytes([TokenRole.WORD])
_MAY_END = bytes(role in (TokenRole.SEMICOLON, TokenRole.CLOSE_BRACE, _END_OF_CALL) for role in range(256))
_DEPTHS = [(role in BRACKETS) - 2 * (role in _CLOSING) for role in range(256)]
_BEGINS = frozenset((TokenKind.IDENT, TokenKind.COMMENT))
# A macro that may open or close a block is a declaration of its own (see ``edges``).
_ALONE = re.compile(rb"^[A-Z_][A-Z0-9_]*\r?$", re.MULTILINE)
_COUNTS = bytes(role if role in BRACKETS or role == TokenRole.SEMICOLON else 0 for role in range(256))


class Unbalanced(Exception):
    """Brackets or conditions do not pair, so that nothing tells where a declaration ends."""


def borders(lexed: Lexed) -> list[int]:
    """The byte offsets of lines before which a declaration or preprocessor line ends, outside of all brackets
    and conditions. Raises ``Unbalanced``.
    """
    found: list[int] = []
    depth = begin = 0  # the first token of the declaration that is being read
    is_call = False  # whether that is a word and a parenthesis: perhaps a macro's, which needs no semicolon
    guards: list[int] = []  # for each open condition the depth before it: each branch begins there
    for index, directive in _events(lexed):
        role = lexed.roles[index] if directive is None else _DIRECTIVE
        if directive is not None:
            depth = _behind(directive, depth, guards)
            index = directive.last - 1
        elif role in _CLOSING:
            depth -= 1
        elif role in BRACKETS:
            if not depth and role == _PARENTHESIS and index == begin + 1:
                is_call = lexed.roles[begin] == TokenRole.WORD
            depth += 1
        if depth < 0:
            raise Unbalanced
        if not depth and (role in _ENDS or is_call and role == _END_OF_CALL):
            if not guards and (line := _next_line(lexed, index)) is not None:
                found.append(line)
            begin, is_call = _next_code(lexed, index), False
    if depth or guards or _is_cut_off(lexed):
        raise Unbalanced
    return found


class Extent(NamedTuple):
    """About how much there is to read: ``tokens``, ``declarations`` (and lines of the preprocessor), and how
    many tokens the ``longest`` one has."""

    tokens: int
    declarations: int
    longest: int


def extent(lexed: Lexed) -> Extent:
    """How large a text is, at small cost and whatever its bytes."""
    roles = bytearray(lexed.roles)
    for directive in lexed.directives:
        roles[directive.first : directive.last] = bytes(directive.last - directive.first - 1) + b";"
    depths = accumulate(map(_DEPTHS.__getitem__, roles))
    may_end = roles.translate(_MAY_END)
    ends = [
        index
        for index, depth in compress(enumerate(depths), may_end)
        if depth <= 0 and (roles[index] != _END_OF_CALL or roles[index + 1 : index + 2] == _A_WORD)
    ]
    gaps = map(sub, [*ends, len(roles) - 1], [-1, *ends])
    declarations = len(ends) + len(_ALONE.findall(lexed.text))
    return Extent(len(roles), declarations, max(gaps, default=0))


def _events(lexed: Lexed) -> Iterator[tuple[int, Directive | None]]:
    """The brackets and semicolons outside of preprocessor lines, and these lines, in order."""
    counted = bytearray(lexed.roles.translate(_COUNTS))
    for directive in lexed.directives:
        counted[directive.first : directive.last] = bytes(directive.last - directive.first)
        counted[directive.first] = _DIRECTIVE
    directives = iter(lexed.directives)
    for index in compress(range(len(counted)), counted):
        yield index, next(directives) if counted[index] == _DIRECTIVE else None


def _behind(directive: Directive, depth: int, guards: list[int]) -> int:
    """The depth behind a preprocessor line; ``guards`` is kept up."""
    if directive.name in OPENERS:
        guards.append(depth)
    elif directive.name in MIDDLES or directive.name == "endif":
        if not guards:
            raise Unbalanced
        if directive.name == "endif":
            guards.pop()
        else:
            return guards[-1]
    return depth


def _next_line(lexed: Lexed, index: int) -> int | None:
    """Where the line behind a token begins, if nothing but a comment stands between; None otherwise."""
    following = index + 1
    if following < len(lexed) and lexed.kinds[following] == TokenKind.COMMENT:
        if b"\n" not in lexed.gap(following):
            index, following = following, following + 1
    if following == len(lexed):
        return None
    if lexed.kinds[following] not in _BEGINS and lexed.directive_of[following] < 0:
        return None
    gap = lexed.gap(following)
    newline = gap.find(b"\n")
    return None if newline < 0 or b"\\" in gap else lexed.end(index) + newline + 1


def _next_code(lexed: Lexed, index: int) -> int:
    """The first token behind one that is no comment."""
    index += 1
    while index < len(lexed.kinds) and lexed.kinds[index] == TokenKind.COMMENT:
        index += 1
    return index


def _is_cut_off(lexed: Lexed) -> bool:
    """Whether the last token is a comment or literal that the end of the text ends."""
    if not lexed.texts:
        return False
    last = lexed.texts[-1]
    if last.startswith(b"/*"):
        return len(last) < 4 or not last.endswith(b"*/")
    return last[:4].find(b'R"') >= 0 and not last.endswith(b'"')
