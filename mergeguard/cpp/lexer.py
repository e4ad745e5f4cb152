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
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from enum import IntEnum
from functools import lru_cache, partial
from itertools import accumulate, compress
from operator import add, itemgetter, sub
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
    """A lexed file. Per token: its bytes, those before it (``gaps``), its ``TokenKind``, its ``TokenRole``,
    and in ``directive_of`` its directive's index (-1: none)."""

    text: bytes
    tokens: list[Token]
    texts: list[bytes]
    gaps: list[bytes]
    starts: list[int]
    kinds: bytes
    roles: bytes
    directives: tuple[Directive, ...]
    directive_of: list[int]

    def begins_with(self, other: Lexed) -> int:
        """How many tokens both begin with, told by their bytes in large steps."""
        return _same(self.text, other, _shared(self.text, other.text))[0]

    def ends_with(self, other: Lexed) -> int:
        """How many tokens both end with, told by their bytes in large steps; none that stand in a line of the
        preprocessor in one of the two alone."""
        shared = _shared_end(self.text, other.text)
        newline = other.text.find(b"\n", len(other.text) - shared)
        if newline < 0:
            return 0
        count = len(other.tokens) - bisect_left(other.starts, newline)
        if count > len(self.tokens) or not count:
            return 0
        mine, its = len(self.tokens) - count, len(other.tokens) - count
        moved = len(self.text) - len(other.text)
        if self.starts[mine] != other.starts[its] + moved or self.texts[mine:] != other.texts[its:]:
            return 0
        in_line = self.directive_of[mine] >= 0, other.directive_of[its] >= 0
        lines = self._lines_from(mine), other._lines_from(its)
        return count if in_line[0] == in_line[1] and lines[0] == lines[1] else 0

    def _lines_from(self, index: int) -> int:
        """How many preprocessor lines begin with a token or behind it."""
        return len(self.directives) - bisect_left(self.directives, index, key=_directive_first)

    def index_at(self, offset: int) -> int:
        """Index of the first token that starts at byte ``offset`` or later."""
        return bisect_left(self.starts, offset)

    def directives_in(self, start: int, end: int) -> tuple[Directive, ...]:
        """The preprocessor lines whose ``#`` stands in bytes ``[start, end)``."""
        first = bisect_left(self.directives, start, key=_directive_start)
        return self.directives[first : bisect_left(self.directives, end, lo=first, key=_directive_start)]

    def code(self, first: int = 0, last: int | None = None) -> list[int]:
        """The indices of the tokens ``[first, last)`` that are no comments."""
        last = len(self.texts) if last is None else last
        return list(compress(range(first, last), self.kinds[first:last].translate(_IS_CODE)))

    def words(self, first: int = 0, last: int | None = None) -> list[str]:
        """The texts of the tokens ``[first, last)`` that are no comments, as ``word`` has them."""
        return list(map(spell, compress(self.texts[first:last], self.kinds[first:last].translate(_IS_CODE))))

    def names(self, first: int = 0, last: int | None = None) -> frozenset[str]:
        """The identifiers (keywords included) among the tokens ``[first, last)``."""
        is_name = self.kinds[first:last].translate(_IS_IDENT)
        return frozenset(map(spell, frozenset(compress(self.texts[first:last], is_name))))

    def word(self, index: int) -> str:
        """Text of token ``index``, continuations inside it removed."""
        return spell(self.texts[index])


# For each kind whether it is code, and whether it is a name.
_IS_CODE = bytes(kind != TokenKind.COMMENT for kind in range(256))
_IS_IDENT = bytes(kind == TokenKind.IDENT for kind in range(256))


def _directive_first(directive: Directive) -> int:
    return directive.first


def _directive_last(directive: Directive) -> int:
    return directive.last


def _directive_start(directive: Directive) -> int:
    return directive.start


# A backslash, perhaps white space, and a newline: compilers take that as a continuation.
SPLICE = re.compile(rb"\\[ \t\v\f]*\r?\n")

_WORD = rb"[A-Za-z0-9_$\x80-\xff]"
# A token by what it begins with. The most frequent kinds come first; only letters that may be a literal's
# prefix look ahead for its quote.
_ALTERNATIVES = rb"""
    ((?:[A-KM-QS-TV-Za-tv-z_$\x80-\xff]|(?!(?:u8|[uUL])?R?["'])[LRUu])
     %(word)s*+(?:\\[ \t\v\f]*\r?\n%(word)s++)*+)
  | (//[^\n\\]*+(?:\\(?:[ \t\v\f]*\r?\n|[^\n])?+[^\n\\]*+)*+ | /\*(?s:.*?)(?:\*/|\Z))
  | (\.?[0-9](?:[eEpP][+-]|'%(word)s|%(word)s|\.)*+)
  | ((?:u8|[uUL])?R"(?P<delimiter>[^ ()\\\t\v\f\r\n]{0,16})\((?s:.*?)(?:\)(?P=delimiter)"|\Z)
    |(?:u8|[uUL])?R?"[^"\\\n]*+(?:\\(?:[ \t\v\f]*\r?\n|[^\n])?+[^"\\\n]*+)*+"?)
  | ((?:u8|[uUL])?R?'[^'\\\n]*+(?:\\(?:[ \t\v\f]*\r?\n|[^\n])?+[^'\\\n]*+)*+'?)
  | (<<<|>>>|<=>|<<=|>>=|->\*|\.\.\.|::|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%%&|^]=|\#\#|\.\*|[^\s])
""" % {b"word": _WORD}
_ONE = re.compile(_ALTERNATIVES, re.VERBOSE)
_GROUP_KIND = (0, 2, 1, 3, 4, 4, 5, 6)  # of ``_ONE``; the delimiter's group lies inside STRING's
# The gap before a token is matched with it: looked for instead, each blank would try every alternative.
# Groups within the token cost as much as the token: only the one that a raw string refers to is left.
_TOKEN = re.compile(
    rb"((?:[ \t\n\v\f\r]++|\\[ \t\v\f]*\r?\n)*+)("
    + re.sub(rb"(?m)^(\s*\|?\s*)\((?!\?)", rb"\1(?:", _ALTERNATIVES)
    + rb"|\Z)",
    re.VERBOSE,
)
# In `#include <a//b.h>` and `<a/*b.h>` the header's name would be taken for a comment.
_ODD_HEADER = re.compile(rb"^[ \t]*\#[ \t]*include(?:_next)?[ \t]*(<[^>\n]*/[/*][^>\n]*>)", re.MULTILINE)
_BOM = b"\xef\xbb\xbf"
#: Shorter texts are read faster than compared with those before them.
WORTH_RESUMING = 16_384
_RECENT: deque[Lexed] = deque(maxlen=6)
_MOST_SPELLINGS = 1 << 15


class _Spellings(dict[bytes, int]):
    """Something about a token by its bytes, found out once; of long ones (comments, mostly) each time."""

    def __init__(self, find: Callable[[bytes], int]) -> None:
        self.find = find

    def __missing__(self, raw: bytes) -> int:
        found = self.find(raw)
        if len(raw) <= 32:
            if len(self) >= _MOST_SPELLINGS:
                self.clear()
            self[raw] = found
        return found


def _kind_of(raw: bytes) -> int:
    match = _ONE.match(raw)
    return _GROUP_KIND[match.lastindex or 0] if match else 0


_INTERESTING = frozenset(b"()[]{}<>;:=")


def _role_of(raw: bytes) -> int:
    kind = _KINDS[raw]
    if kind == TokenKind.COMMENT:
        return TokenRole.COMMENT
    if kind == TokenKind.IDENT:
        return TokenRole.WORD
    if kind == TokenKind.PUNCT and len(raw) == 1 and raw[0] in _INTERESTING:
        return raw[0]
    if kind == TokenKind.PUNCT and len(raw) > 1 and raw[-1:] == b">":
        return {b">": TokenRole.GREATER, b"-": TokenRole.ARROW}.get(raw[:1], TokenRole.OTHER)
    return TokenRole.OTHER


_KINDS, _ROLES = _Spellings(_kind_of), _Spellings(_role_of)
_token: Callable[[tuple[int, int, int]], Token] = partial(tuple.__new__, Token)


def tokenize(text: bytes) -> list[Token]:
    """All tokens of ``text`` in order. A byte order mark is a gap. Never fails."""
    return lex(text).tokens


@remembered
def lex(text: bytes) -> Lexed:
    """Tokens of ``text`` and which of them stand in preprocessor lines."""
    odd = {match.start(1): match.end(1) for match in _ODD_HEADER.finditer(text)}
    begun = None if odd or len(text) < WORTH_RESUMING else _begun(text)
    position = len(_BOM) if text.startswith(_BOM) else 0
    if begun is not None and begun.tokens:
        position = begun.tokens[-1].end
    ended = None if odd or len(text) < WORTH_RESUMING else _ended(text, position)
    if odd:
        found = _with_odd_headers(text, position, odd)
    elif ended is not None:
        found = ended.middle
    else:
        found = _TOKEN.findall(text, position)
    while found and not found[-1][1]:
        found.pop()
    gaps, texts, _ = map(list, zip(*found, strict=True)) if found else ([], [], [])
    kinds = bytes(map(_KINDS.__getitem__, texts))
    roles = bytes(map(_ROLES.__getitem__, texts))
    if ended is not None:
        gaps, texts, kinds, roles = ended.behind(gaps, texts, kinds, roles)
    sizes = list(map(len, texts))
    ends = list(accumulate(map(add, map(len, gaps), sizes), initial=position))[1:]
    starts = list(map(sub, ends, sizes))
    if odd:
        kinds = bytes(TokenKind.STRING if s in odd else k for k, s in zip(kinds, starts, strict=True))
        roles = bytes(TokenRole.OTHER if s in odd else r for r, s in zip(roles, starts, strict=True))
    tokens = list(map(_token, zip(kinds, starts, ends, strict=True)))
    if begun is not None:
        tokens, texts, gaps = begun.tokens + tokens, begun.texts + texts, begun.gaps + gaps
        starts, kinds, roles = begun.starts + starts, begun.kinds + kinds, begun.roles + roles
    elif gaps and position:
        gaps[0] = text[:position] + gaps[0]
    directives, directive_of = _directives(text, tokens, texts, () if begun is None else begun.directives)
    lexed = Lexed(text, tokens, texts, gaps, starts, kinds, roles, directives, directive_of)
    if len(text) >= WORTH_RESUMING:
        _RECENT.append(lexed)
    return lexed


def _with_odd_headers(text: bytes, position: int, odd: dict[int, int]) -> list[tuple[bytes, ...]]:
    """As ``_TOKEN.findall``, with the headers' names that look like comments as one token each."""
    found: list[tuple[bytes, ...]] = []
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or not match[2]:
            break
        start, end = match.span(2)
        position = odd.get(start, end)
        found.append((match[1], text[start:position], b""))
    return found


def _directives(
    text: bytes, tokens: list[Token], texts: list[bytes], begun: Sequence[Directive]
) -> tuple[tuple[Directive, ...], list[int]]:
    """The preprocessor lines, of which the first are known, and for each token the number of its own."""
    directive_of = [-1] * len(tokens)
    directives = list(begun)
    for number, known in enumerate(begun):
        directive_of[known.first : known.last] = [number] * (known.last - known.first)
    for first in _all_of(b"#", texts, begun[-1].last if begun else 0):
        if directive_of[first] >= 0 or not _starts_line(text, tokens, first):
            continue
        last = first + 1
        while last < len(tokens) and not _newline_between(text, tokens[last - 1].end, tokens[last].start):
            last += 1
        name = ""
        if first + 1 < last and tokens[first + 1].kind == TokenKind.IDENT:
            name = spell(texts[first + 1])
        directive_of[first:last] = [len(directives)] * (last - first)
        directives.append(Directive(name, tokens[first].start, tokens[last - 1].end, first, last))
    return tuple(directives), directive_of


def _all_of(raw: bytes, texts: list[bytes], start: int) -> Iterator[int]:
    """Where a list has a text, from an index on."""
    at = start - 1
    with suppress(ValueError):
        while True:
            at = texts.index(raw, at + 1)
            yield at


def _begun(text: bytes) -> Lexed | None:
    """What ``text`` begins with as a text before it did: its tokens, and the directives that end there.

    The units of a layout begin with the same headers, each version of a file mostly as the last.
    """
    if not _RECENT:
        return None
    shared, before = max(((_shared(text, old.text), old) for old in _RECENT), key=itemgetter(0))
    count, line = _same(text, before, shared)
    if not count:
        return None
    return Lexed(
        text[:line],
        before.tokens[:count],
        before.texts[:count],
        before.gaps[:count],
        before.starts[:count],
        before.kinds[:count],
        before.roles[:count],
        before.directives[: bisect_left(before.directives, count, key=_directive_last)],
        [],
    )


def _same(text: bytes, before: Lexed, shared: int) -> tuple[int, int]:
    """How many tokens ``text`` has in common with one whose first ``shared`` bytes it has, and the end of the
    line up to which that can be told."""
    # No token looks beyond the end of its line, unless a continuation is there.
    line = text.rfind(b"\n", 0, shared)
    while line > 0 and text[:line].rstrip(b" \t\v\f\r").endswith(b"\\"):
        line = text.rfind(b"\n", 0, line)
    if line <= 0:
        return 0, 0
    count = bisect_left(before.starts, line)
    while count and before.tokens[count - 1].end > line:
        count -= 1
    return count, line


class _Ended(NamedTuple):
    """A text that ends as one before it did: the tokens up to there (as ``_TOKEN.findall``), the gap behind
    them, and the tokens of ``before`` from ``first`` on, which stands ``line`` bytes or more into it."""

    middle: list[tuple[bytes, ...]]
    gap: bytes
    before: Lexed
    first: int
    line: int

    def behind(
        self, gaps: list[bytes], texts: list[bytes], kinds: bytes, roles: bytes
    ) -> tuple[list[bytes], list[bytes], bytes, bytes]:
        """What is known of the tokens up to there, with that of those which follow."""
        before, first = self.before, self.first
        gap = self.gap + before.text[self.line : before.starts[first]]
        return (
            [*gaps, gap, *before.gaps[first + 1 :]],
            texts + before.texts[first:],
            kinds + before.kinds[first:],
            roles + before.roles[first:],
        )


def _ended(text: bytes, position: int) -> _Ended | None:
    """How ``text`` ends as a text before it did, behind ``position``; None if by too little, or if that can't
    be told: by a comment, say, which goes on there in one of the two.
    """
    most = len(text) - position
    shared, before = max(
        ((min(_shared_end(text, old.text), most), old) for old in _RECENT),
        key=itemgetter(0),
        default=(0, None),
    )
    if before is None or shared < WORTH_RESUMING:
        return None
    newline = before.text.find(b"\n", len(before.text) - shared)
    first = bisect_left(before.starts, newline)
    if newline < 0 or first == len(before.starts) or (first and before.tokens[first - 1].end > newline):
        return None
    line = newline + 1
    at = len(text) - len(before.text) + line
    middle: list[tuple[bytes, ...]] = _TOKEN.findall(text, position, at)
    gap = b"".join(found[0] for found in middle[-2:] if not found[1])
    if not gap.endswith(b"\n") or b"\\" in gap:
        return None
    return _Ended(middle, gap, before, first, line)


def _shared_end(a: bytes, b: bytes, step: int = 4096) -> int:
    """How many bytes two texts have in common at their ends, to a step."""
    at = 0
    end = min(len(a), len(b))
    while (
        at < end
        and a[max(len(a) - at - step, 0) : len(a) - at] == b[max(len(b) - at - step, 0) : len(b) - at]
    ):
        at += step
    return min(at, end)


def _shared(a: bytes, b: bytes, step: int = 4096) -> int:
    """How many bytes two texts have in common at their beginnings, to a step."""
    at = 0
    end = min(len(a), len(b))
    while at < end and a[at : at + step] == b[at : at + step]:
        at += step
    return min(at, end)


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
