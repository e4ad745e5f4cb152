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
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import IntEnum
from functools import lru_cache
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
    """A lexed file. Per token: its bytes, where it starts, its ``TokenKind``, its ``TokenRole``, and in
    ``directive_of`` its directive's index (-1: none). One list each: an object for each token costs more
    than finding it."""

    text: bytes
    texts: list[bytes]
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
        count = len(other.texts) - bisect_left(other.starts, newline)
        if count > len(self.texts) or not count:
            return 0
        mine, its = len(self.texts) - count, len(other.texts) - count
        moved = len(self.text) - len(other.text)
        if self.starts[mine] != other.starts[its] + moved or self.texts[mine:] != other.texts[its:]:
            return 0
        in_line = self.directive_of[mine] >= 0, other.directive_of[its] >= 0
        lines = self._lines_from(mine), other._lines_from(its)
        return count if in_line[0] == in_line[1] and lines[0] == lines[1] else 0

    def _lines_from(self, index: int) -> int:
        """How many preprocessor lines begin with a token or behind it."""
        return len(self.directives) - bisect_left(self.directives, index, key=_directive_first)

    def __len__(self) -> int:
        """How many tokens there are."""
        return len(self.texts)

    def end(self, index: int) -> int:
        """The byte behind token ``index``."""
        return self.starts[index] + len(self.texts[index])

    def gap(self, index: int) -> bytes:
        """The bytes between token ``index`` and the one before it."""
        return self.text[self.end(index - 1) if index else 0 : self.starts[index]]

    def gaps(self, first: int, last: int) -> list[bytes]:
        """The bytes before each of the tokens ``[first, last)``; ``first`` is 1 or more."""
        text, starts = self.text, self.starts[first:last]
        ends = map(add, self.starts[first - 1 : last - 1], map(len, self.texts[first - 1 : last - 1]))
        return [text[end:start] for end, start in zip(ends, starts, strict=True)]

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
_RAW_STRING = rb"""
    (?:u8|[uUL])?R"(?P<delimiter>[^ ()\\\t\v\f\r\n]{0,16})\((?s:.*?)(?:\)(?P=delimiter)"|\Z) |"""


def _alternatives(raw_string: bytes) -> bytes:
    """A token by what it begins with. The most frequent kinds come first; only letters that may be the prefix
    of a literal look ahead for its quote."""
    return rb"""
    ((?:[A-KM-QS-TV-Za-tv-z_$\x80-\xff]|(?!(?:u8|[uUL])?R?["'])[LRUu])
     %(word)s*+(?:\\[ \t\v\f]*\r?\n%(word)s++)*+)
  | (//[^\n\\]*+(?:\\(?:[ \t\v\f]*\r?\n|[^\n])?+[^\n\\]*+)*+ | /\*(?s:.*?)(?:\*/|\Z))
  | (\.?[0-9](?:[eEpP][+-]|'%(word)s|%(word)s|\.)*+)
  | (%(raw)s(?:u8|[uUL])?R?"[^"\\\n]*+(?:\\(?:[ \t\v\f]*\r?\n|[^\n])?+[^"\\\n]*+)*+"?)
  | ((?:u8|[uUL])?R?'[^'\\\n]*+(?:\\(?:[ \t\v\f]*\r?\n|[^\n])?+[^'\\\n]*+)*+'?)
  | (<<<|>>>|<=>|<<=|>>=|->\*|\.\.\.|::|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%%&|^]=|\#\#|\.\*|[^\s])
""" % {b"word": _WORD, b"raw": raw_string}


def _ungrouped(alternatives: bytes) -> bytes:
    """The same without a group for each kind: they cost as much as the token."""
    return re.sub(rb"(?m)^(\s*\|?\s*)\((?!\?)", rb"\1(?:", alternatives)


_ONE = re.compile(_alternatives(_RAW_STRING), re.VERBOSE)
_GROUP_KIND = (0, 2, 1, 3, 4, 4, 5, 6)  # of ``_ONE``; the delimiter's group lies inside STRING's
_GAP = rb"(?:[ \t\n\v\f\r]++|\\[ \t\v\f]*\r?\n)*+"
_GAP_ALONE = re.compile(_GAP)
# The gap before a token is matched with it: looked for instead, each blank would try every alternative. Only
# a raw string needs a group, its delimiter; without one a match is one object, and not three.
_TOKEN = re.compile(rb"(%b)(%b|\Z)" % (_GAP, _ungrouped(_alternatives(_RAW_STRING))), re.VERBOSE)
_TOKEN_BUT_RAW = re.compile(rb"%b(?:%b|\Z)" % (_GAP, _ungrouped(_alternatives(b""))), re.VERBOSE)
_RAW_BEGINS = re.compile(rb"(?<![A-Za-z0-9_$\x80-\xff])(?:u8|[uUL])?R\"")
# In `#include <a//b.h>` and `<a/*b.h>` the header's name would be taken for a comment.
_ODD_HEADER = re.compile(rb"include(?:_next)?[ \t]*(<[^>\n]*/[/*][^>\n]*>)")
_BEFORE_INCLUDE = re.compile(rb"[ \t]*#[ \t]*")
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


# What is known of a token by its bytes, in one number: its kind; of a sign, its role and this bit. One number
# more says that a gap stands before it that is more than white space.
_SIGN = 0x80
_SPLICED = 7
_INTERESTING = frozenset(b"()[]{}<>;:=")


def _code_of(raw: bytes) -> int:
    if raw.startswith(b"\\") and len(raw) > 1:
        return _SPLICED
    match = _ONE.match(raw)
    kind = _GROUP_KIND[match.lastindex or 0] if match else 0
    return kind if kind != TokenKind.PUNCT else _SIGN | _role_of(raw)


def _role_of(sign: bytes) -> int:
    if len(sign) == 1:
        return sign[0] if sign[0] in _INTERESTING else TokenRole.OTHER
    if sign.endswith(b">"):
        return {b">": TokenRole.GREATER, b"-": TokenRole.ARROW}.get(sign[:1], TokenRole.OTHER)
    return TokenRole.OTHER


_ROLES: dict[int, int] = {TokenKind.COMMENT: TokenRole.COMMENT, TokenKind.IDENT: TokenRole.WORD}
_KIND_OF_CODE = bytes(TokenKind.PUNCT if code & _SIGN else code for code in range(256))
_ROLE_OF_CODE = bytes(
    code ^ _SIGN if code & _SIGN else _ROLES.get(code, TokenRole.OTHER) for code in range(256)
)
_CODES = _Spellings(_code_of)


class _Run(NamedTuple):
    """Tokens of a stretch of a text, as ``Lexed`` has them, and the gap that follows them."""

    texts: list[bytes]
    starts: list[int]
    kinds: bytes
    roles: bytes
    tail: bytes


def _run(text: bytes, start: int, end: int) -> _Run:
    """The tokens of bytes ``[start, end)``, before which a token ends or the text begins."""
    if b'R"' in text and _RAW_BEGINS.search(text, start, end):
        found = [(gap + token, token) for gap, token, _ in _TOKEN.findall(text, start, end)]
        return _placed([piece for piece, _ in found], [token for _, token in found], start)
    pieces = _TOKEN_BUT_RAW.findall(text, start, end)
    return _placed(pieces, list(map(bytes.lstrip, pieces)), start)


def _placed(pieces: list[bytes], texts: list[bytes], start: int) -> _Run:
    """The run of tokens that end where the ``pieces`` end, which follow each other from ``start`` on."""
    codes = bytes(map(_CODES.__getitem__, texts))
    if _SPLICED in codes:
        texts = list(map(_unspliced, texts))
        codes = bytes(map(_CODES.__getitem__, texts))
    ends = accumulate(map(len, pieces), initial=start)
    next(ends)
    starts = list(map(sub, ends, map(len, texts)))
    count = len(texts)
    while count and not texts[count - 1]:
        count -= 1
    del texts[count:], starts[count:]
    kinds, roles = (codes[:count].translate(table) for table in (_KIND_OF_CODE, _ROLE_OF_CODE))
    return _Run(texts, starts, kinds, roles, b"".join(pieces[count:]))


def _is_directive(text: bytes, include: re.Match[bytes]) -> bool:
    line = text.rfind(b"\n", 0, include.start()) + 1
    return _BEFORE_INCLUDE.fullmatch(text, line, include.start()) is not None


def _unspliced(token: bytes) -> bytes:
    found = _GAP_ALONE.match(token) if token.startswith(b"\\") else None
    return token if found is None else token[found.end() :]


@remembered
def lex(text: bytes) -> Lexed:
    """Tokens of ``text`` and which of them stand in preprocessor lines. Never fails; a byte order mark is a
    gap."""
    odd = {found.start(1): found.end(1) for found in _ODD_HEADER.finditer(text) if _is_directive(text, found)}
    resumes = not odd and len(text) >= WORTH_RESUMING
    begun = _begun(text) if resumes else None
    position = len(_BOM) if text.startswith(_BOM) else 0
    if begun is not None:
        position = begun.end(-1)
    ended = _ended(text, position) if resumes else None
    if odd:
        run = _with_odd_headers(text, position, odd)
    elif ended is not None:
        run = ended.joined()
    else:
        run = _run(text, position, len(text))
    texts, starts, kinds, roles, _ = run
    if odd:
        kinds = bytes(TokenKind.STRING if s in odd else k for k, s in zip(kinds, starts, strict=True))
        roles = bytes(TokenRole.OTHER if s in odd else r for r, s in zip(roles, starts, strict=True))
    if begun is not None:
        texts, starts = begun.texts + texts, begun.starts + starts
        kinds, roles = begun.kinds + kinds, begun.roles + roles
    found = Lexed(text, texts, starts, kinds, roles, *_directives(text, texts, starts, kinds, begun))
    if resumes:
        _RECENT.append(found)
    return found


def _with_odd_headers(text: bytes, position: int, odd: dict[int, int]) -> _Run:
    """As ``_run`` to the end, with the headers' names that look like comments as one token each."""
    pieces: list[bytes] = []
    texts: list[bytes] = []
    start = position
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or not match[2]:
            break
        begin, end = match.span(2)
        end = odd.get(begin, end)
        pieces.append(text[position:end])
        texts.append(text[begin:end])
        position = end
    return _placed(pieces, texts, start)


def _directives(
    text: bytes, texts: list[bytes], starts: list[int], kinds: bytes, begun: Lexed | None
) -> tuple[tuple[Directive, ...], list[int]]:
    """The preprocessor lines, of which the first may be known, and for each token the number of its own."""
    directives = list(begun.directives) if begun is not None else []
    known = directives[-1].last if directives else 0
    directive_of = begun.directive_of[:known] if begun is not None else []
    directive_of += [-1] * (len(texts) - known)
    for first in _all_of(b"#", texts, known):
        if directive_of[first] >= 0 or not _starts_line(text, texts, starts, kinds, first):
            continue
        last = _line_ends(text, texts, starts, first)
        name = ""
        if first + 1 < last and kinds[first + 1] == TokenKind.IDENT:
            name = spell(texts[first + 1])
        directive_of[first:last] = [len(directives)] * (last - first)
        end = starts[last - 1] + len(texts[last - 1])
        directives.append(Directive(name, starts[first], end, first, last))
    return tuple(directives), directive_of


def _starts_line(text: bytes, texts: list[bytes], starts: list[int], kinds: bytes, index: int) -> bool:
    """Whether nothing but comments stands before a token in its line."""
    while index > 0:
        index -= 1
        if _newline_between(text, starts[index] + len(texts[index]), starts[index + 1]):
            return True
        if kinds[index] != TokenKind.COMMENT:
            return False
    return True


def _line_ends(text: bytes, texts: list[bytes], starts: list[int], first: int) -> int:
    """The token behind the line, continuations included, in which token ``first`` stands."""
    last = first + 1
    while last < len(texts):
        end = starts[last - 1] + len(texts[last - 1])
        newline = text.find(b"\n", end)
        # What starts before the next newline is in the line; the last of it may be a comment of several.
        following = bisect_left(starts, newline, last) if newline >= 0 else len(texts)
        if following == last:
            if _newline_between(text, end, starts[last]):
                break
            following = last + 1
        last = following
    return last


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
        before.texts[:count],
        before.starts[:count],
        before.kinds[:count],
        before.roles[:count],
        before.directives[: bisect_left(before.directives, count, key=_directive_last)],
        before.directive_of,
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
    while count and before.end(count - 1) > line:
        count -= 1
    return count, line


class _Ended(NamedTuple):
    """A text that ends as one before it did, but further on by ``moved`` bytes: the tokens up to there, and
    the first of ``before`` from there on."""

    middle: _Run
    before: Lexed
    first: int
    moved: int

    def joined(self) -> _Run:
        """The tokens up to there with those of ``before``."""
        before, first = self.before, self.first
        starts = before.starts[first:]
        return _Run(
            self.middle.texts + before.texts[first:],
            self.middle.starts + ([start + self.moved for start in starts] if self.moved else starts),
            self.middle.kinds + before.kinds[first:],
            self.middle.roles + before.roles[first:],
            b"",
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
    if newline < 0 or first == len(before.starts) or (first and before.end(first - 1) > newline):
        return None
    moved = len(text) - len(before.text)
    middle = _run(text, position, newline + 1 + moved)
    if not middle.tail.endswith(b"\n") or b"\\" in middle.tail:
        return None
    return _Ended(middle, before, first, moved)


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
