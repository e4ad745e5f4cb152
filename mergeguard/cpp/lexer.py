"""Tokens of C++/CUDA/HIP source, over bytes, without a parse.

White space and line continuations are gaps between tokens; everything else is in exactly one token. Any bytes
can be lexed: an unterminated comment or raw string runs to the end of the file, an unterminated string or
character to the end of its line. Token ranges equal libclang's in CUDA mode on every release of the real
files (``tests/test_clang.py``).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import deque
from enum import IntEnum
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from mergeguard.cpp.remember import remembered
from mergeguard.values import dataclass


class TokenKind(IntEnum):
    """What a token is."""

    COMMENT = 1
    IDENT = 2
    NUMBER = 3
    STRING = 4
    CHAR = 5
    PUNCT = 6


class TokenRole(IntEnum):
    """What bracket matching needs of a token; brackets and these signs stand for themselves (ASCII)."""

    COMMENT = 0
    WORD = 1
    OTHER = 2
    ARROW = 3
    COLON = 58
    SEMICOLON = 59
    LESS = 60
    EQUAL = 61
    GREATER = 62  # also >> and >>>
    BRACE = 123
    CLOSE_BRACE = 125


class Token(NamedTuple):
    """One token: its kind and its byte range ``[start, end)``."""

    kind: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Directive:
    """One preprocessor line, continuations included.

    ``name`` is the directive's word (``"if"``, ``"define"``; ``""`` for a lone ``#``), ``start`` the byte of
    its ``#``, ``end`` the end of its last token, ``first`` and ``last`` the range of its tokens (``last``
    excluded, comments on the line included).
    """

    name: str
    start: int
    end: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Lexed:
    """A lexed file. Per token: ``directive_of`` its directive's index (-1: none), ``roles`` its ``Role``."""

    text: bytes
    tokens: list[Token]
    directives: tuple[Directive, ...]
    directive_of: list[int]
    starts: list[int]
    roles: bytearray

    def index_at(self, offset: int) -> int:
        """Index of the first token that starts at byte ``offset`` or later."""
        return bisect_left(self.starts, offset)

    def directives_in(self, start: int, end: int) -> tuple[Directive, ...]:
        """The preprocessor lines whose ``#`` stands in bytes ``[start, end)``."""
        first = bisect_left(self.directives, start, key=_directive_start)
        return self.directives[first : bisect_left(self.directives, end, lo=first, key=_directive_start)]

    def word(self, index: int) -> str:
        """Text of token ``index``, continuations inside it removed."""
        _, start, end = self.tokens[index]
        return spell(self.text[start:end])


def _directive_start(directive: Directive) -> int:
    return directive.start


# A backslash, perhaps white space, and a newline: compilers take that as a continuation.
SPLICE = re.compile(rb"\\[ \t\v\f]*\r?\n")

_WORD = rb"[A-Za-z0-9_$\x80-\xff]"
# The gap before a token is matched with it: looked for instead, each blank would try every alternative. The
# most frequent kinds come first; only letters that may be a literal's prefix look ahead for its quote.
_TOKEN = re.compile(
    rb"""
    (?:[ \t\n\v\f\r]++|\\[ \t\v\f]*\r?\n)*+
    (?:
    ((?:[A-KM-QS-TV-Za-tv-z_$\x80-\xff]|(?!(?:u8|[uUL])?R?["'])[LRUu])
     %(word)s*+(?:\\[ \t\v\f]*\r?\n%(word)s++)*+)
  | (//[^\n\\]*+(?:\\(?:[ \t\v\f]*\r?\n|[^\n])?+[^\n\\]*+)*+ | /\*(?s:.*?)(?:\*/|\Z))
  | (\.?[0-9](?:[eEpP][+-]|'%(word)s|%(word)s|\.)*+)
  | ((?:u8|[uUL])?R"(?P<delimiter>[^ ()\\\t\v\f\r\n]{0,16})\((?s:.*?)(?:\)(?P=delimiter)"|\Z)
    |(?:u8|[uUL])?R?"[^"\\\n]*+(?:\\(?:[ \t\v\f]*\r?\n|[^\n])?+[^"\\\n]*+)*+"?)
  | ((?:u8|[uUL])?R?'[^'\\\n]*+(?:\\(?:[ \t\v\f]*\r?\n|[^\n])?+[^'\\\n]*+)*+'?)
  | (<<<|>>>|<=>|<<=|>>=|->\*|\.\.\.|::|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%%&|^]=|\#\#|\.\*|[^\s])
  | \Z
    )
    """
    % {b"word": _WORD},
    re.VERBOSE,
)
# In `#include <a//b.h>` and `<a/*b.h>` the header's name would be taken for a comment.
_ODD_HEADER = re.compile(rb"^[ \t]*\#[ \t]*include(?:_next)?[ \t]*(<[^>\n]*/[/*][^>\n]*>)", re.MULTILINE)
_BOM = b"\xef\xbb\xbf"
# The last texts lexed, with their tokens; shorter ones are lexed faster than compared.
_WORTH_RESUMING = 16_384
_RECENT: deque[tuple[bytes, list[Token]]] = deque(maxlen=6)
_GROUP_KIND = (0, 2, 1, 3, 4, 4, 5, 6)  # the delimiter's group lies inside STRING's


def tokenize(text: bytes) -> list[Token]:
    """All tokens of ``text`` in order. A byte order mark is a gap. Never fails."""
    position = len(_BOM) if text.startswith(_BOM) else 0
    odd = {match.start(1): match.end(1) for match in _ODD_HEADER.finditer(text)}
    tokens: list[Token] = []
    make, kinds = tuple.__new__, _GROUP_KIND
    if not odd:
        tokens, position = _begun(text, position)
        tokens += [
            make(Token, (kinds[group], *match.span(group)))
            for match in _TOKEN.finditer(text, position)
            if (group := match.lastindex)
        ]
        if len(text) >= _WORTH_RESUMING:
            _RECENT.append((text, tokens))
        return tokens
    while position < len(text):
        for match in _TOKEN.finditer(text, position):
            group = match.lastindex
            if not group:
                continue
            start, end = match.span(group)
            if start in odd:
                position = odd[start]
                tokens.append(Token(TokenKind.STRING, start, position))
                break
            tokens.append(Token(kinds[group], start, end))
        else:
            break
    return tokens


def _begun(text: bytes, position: int) -> tuple[list[Token], int]:
    """The tokens that ``text`` begins with as a text before it did, and where to go on.

    The units of a layout begin with the same headers, each version of a file mostly as the last.
    """
    if len(text) < _WORTH_RESUMING or not _RECENT:
        return [], position
    shared, before = max(((_shared(text, old), tokens) for old, tokens in _RECENT), key=itemgetter(0))
    # No token looks beyond the end of its line, unless a continuation is there.
    line = text.rfind(b"\n", 0, shared)
    while line > 0 and text[:line].rstrip(b" \t\v\f\r").endswith(b"\\"):
        line = text.rfind(b"\n", 0, line)
    if line <= 0:
        return [], position
    count = bisect_left(before, line, key=_token_start)
    while count and before[count - 1][2] > line:
        count -= 1
    tokens = before[:count]
    return tokens, tokens[-1][2] if tokens else position


def _token_start(token: Token) -> int:
    return token[1]


def _shared(a: bytes, b: bytes, step: int = 4096) -> int:
    """How many bytes two texts have in common at their beginnings, to a step."""
    at = 0
    end = min(len(a), len(b))
    while at < end and a[at : at + step] == b[at : at + step]:
        at += step
    return min(at, end)


@remembered
def lex(text: bytes) -> Lexed:
    """Tokens of ``text`` and which of them stand in preprocessor lines."""
    tokens = tokenize(text)
    directive_of = [-1] * len(tokens)
    directives: list[Directive] = []
    hashes = [
        i
        for i, (kind, start, end) in enumerate(tokens)
        if kind == 6 and text[start] == 35 and end - start == 1
    ]
    for first in hashes:
        if directive_of[first] >= 0 or not _starts_line(text, tokens, first):
            continue
        last = first + 1
        while last < len(tokens) and not _newline_between(text, tokens[last - 1].end, tokens[last].start):
            last += 1
        name = ""
        if first + 1 < last and tokens[first + 1].kind == TokenKind.IDENT:
            name = spell(text[tokens[first + 1].start : tokens[first + 1].end])
        directive_of[first:last] = [len(directives)] * (last - first)
        directives.append(Directive(name, tokens[first].start, tokens[last - 1].end, first, last))
    return Lexed(
        text, tokens, tuple(directives), directive_of, [token[1] for token in tokens], _roles(text, tokens)
    )


@lru_cache(maxsize=1 << 15)
def spell(raw: bytes) -> str:
    """The text of a token's bytes: continuations removed, other than UTF-8 kept as surrogates."""
    if b"\\" in raw:
        raw = SPLICE.sub(b"", raw)
    return raw.decode("utf-8", "surrogateescape")


def line_of(text: bytes, offset: int) -> int:
    """The 1-based line that holds byte ``offset``."""
    return text.count(b"\n", 0, offset) + 1


def _newline_between(text: bytes, start: int, end: int) -> bool:
    if text.find(b"\n", start, end) < 0:
        return False
    return b"\n" in SPLICE.sub(b"", text[start:end])


def _starts_line(text: bytes, tokens: list[Token], index: int) -> bool:
    while index > 0:
        if _newline_between(text, tokens[index - 1].end, tokens[index].start):
            return True
        if tokens[index - 1].kind != TokenKind.COMMENT:
            return False
        index -= 1
    return True


def _roles(text: bytes, tokens: list[Token]) -> bytearray:
    roles = bytearray(len(tokens))
    interesting = frozenset(b"()[]{}<>;:=")
    word, other, arrow, greater = (
        int(TokenRole.WORD),
        int(TokenRole.OTHER),
        int(TokenRole.ARROW),
        int(TokenRole.GREATER),
    )
    for index, (kind, start, end) in enumerate(tokens):
        if kind == 1:
            continue
        if kind == 2:
            roles[index] = word
        elif kind == 6:
            first = text[start]
            if end - start == 1:
                roles[index] = first if first in interesting else other
            elif first == greater and text[end - 1] == greater:
                roles[index] = greater
            elif first == 45 and text[end - 1] == greater:
                roles[index] = arrow
            else:
                roles[index] = other
        else:
            roles[index] = other
    return roles
