"""Tokens of C++/CUDA/HIP source, over bytes, without a parse.

White space and line continuations are gaps between tokens; everything else is in exactly one token. Any bytes
can be lexed: an unterminated comment or raw string runs to the end of the file, an unterminated string or
character to the end of its line. Token ranges equal libclang's in CUDA mode on every release of the real
files (``tests/test_clang.py``).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import IntEnum
from functools import lru_cache
from itertools import accumulate, compress
from operator import add, sub
from typing import NamedTuple

from mergeguard.cpp import beginnings
from mergeguard.cpp.beginnings import Alike, LateText
from mergeguard.cpp.diff import in_common
from mergeguard.cpp.remember import remembered
from mergeguard.values import dataclass, field


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


class Directive(NamedTuple):
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
    than finding it. ``pairs`` is for who reads brackets: an opening one's partner, where that is far off."""

    text: bytes
    texts: list[bytes]
    starts: list[int]
    kinds: bytes
    roles: bytes
    directives: tuple[Directive, ...]
    directive_of: list[int]
    pairs: dict[int, int] = field(default_factory=dict, compare=False, repr=False)

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
     %(word)s*+(?:\\[ \t\v\f]*\r?\n%(word)s++)*)
  | (//[^\n\\]*+(?:\\(?:[ \t\v\f]*\r?\n|[^\n])?+[^\n\\]*+)*+ | /\*(?s:.*?)(?:\*/|\Z))
  | (\.?[0-9](?:[eEpP][+-]|'%(word)s|%(word)s|\.)*)
  | (%(raw)s(?:u8|[uUL])?R?"[^"\\\n]*+(?:\\(?:[ \t\v\f]*\r?\n|[^\n])?+[^"\\\n]*+)*+"?)
  | ((?:u8|[uUL])?R?'[^'\\\n]*+(?:\\(?:[ \t\v\f]*\r?\n|[^\n])?+[^'\\\n]*+)*+'?)
  | (<<<|>>>|<=>|<<=|>>=|->\*|\.\.\.|::|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%%&|^]=|\#\#|\.\*|[^\s])
""" % {b"word": _WORD, b"raw": raw_string}


def _ungrouped(alternatives: bytes) -> bytes:
    """The same without a group for each kind: they cost as much as the token."""
    return re.sub(rb"(?m)^(\s*\|?\s*)\((?!\?)", rb"\1(?:", alternatives)


_ONE = re.compile(_alternatives(_RAW_STRING), re.VERBOSE)
_GROUP_KIND = (0, 2, 1, 3, 4, 4, 5, 6)  # of ``_ONE``; the delimiter's group lies inside STRING's
# (Not possessive as a whole, as identifiers and numbers are not: Python before 3.11.5 then goes on behind
# what a part has read that fails in the end.)
_GAP = rb"(?:[ \t\n\v\f\r]++|\\[ \t\v\f]*\r?\n)*"
_GAP_ALONE = re.compile(_GAP)
_LINE = re.compile(rb"(?:[^\n\\]|\\[ \t\v\f]*\r?\n|\\)*(?:\n|\Z)")
# White space and whole comments, to begin another expression with: each can be read in one way only, so that
# a match that fails tries nothing twice.
BEFORE_CODE = rb"(?:\s++|//(?:[^\\\n]|\\\r?\n|\\(?!\r?\n))*\n|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/)*"
# The gap before a token is matched with it: looked for instead, each blank would try every alternative. Only
# a raw string needs a group, its delimiter; without one a match is one object, and not three.
_TOKEN_BUT_RAW = re.compile(rb"%b(?:%b|\Z)" % (_GAP, _ungrouped(_alternatives(b""))), re.VERBOSE)
_RAW_BEGINS = re.compile(rb"(?<![A-Za-z0-9_$\x80-\xff])(?:u8|[uUL])?R\"")
# In `#include <a//b.h>` and `<a/*b.h>` the header's name would be taken for a comment.
_ODD_HEADER = re.compile(rb"include(?:_next)?[ \t]*(<[^>\n]*/[/*][^>\n]*>)")
_BEFORE_INCLUDE = re.compile(rb"[ \t]*#[ \t]*")
_BOM = b"\xef\xbb\xbf"
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


class _Chunk(NamedTuple):
    """Tokens of a stretch of a text as ``Lexed`` has them, all positions from its begin on, and the gap that
    follows them."""

    texts: list[bytes]
    starts: list[int]
    kinds: bytes
    roles: bytes
    tail: bytes
    directives: tuple[Directive, ...]
    directive_of: list[int]

    @property
    def ends_a_line(self) -> bool:
        """Whether what follows can't change what was read: no token looks beyond the end of its line, unless
        a continuation is there."""
        tail = self.tail
        return tail.endswith(b"\n") and (b"\\" not in tail or SPLICE.sub(b"", tail).endswith(b"\n"))


#: Where a text is cut: behind an empty line, or behind a brace that ends a definition.
CUT = re.compile(rb"\n(?:\}[^\n]*)?\n")
#: Shorter texts are read faster than taken together from what is known of their parts.
_WORTH_CUTTING = 2_048
#: Where there is no such place, at a line's end: what stands before an edit, and behind it, is known then.
_LONGEST_PIECE = 8_192
_LINE_END = re.compile(rb"[^\\\s]\n")
_MOST_BYTES = 4 << 20
_CHUNKS: dict[bytes, _Chunk] = {}
_kept_bytes = 0


class _Gathered:
    """Tokens that are gathered from the pieces of a text, and the cuts between these."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self.starts: list[int] = []
        self.kinds: list[bytes] = []
        self.roles: list[bytes] = []
        self.directives: list[Directive] = []
        self.directive_of: list[int] = []
        self.cuts: list[int] = []

    def add(self, at: int, chunk: _Chunk) -> None:
        """A piece that begins at byte ``at``."""
        self.cuts.append(at)
        self._add_directives(chunk.directives, chunk.directive_of, at, len(self.texts), len(self.directives))
        self.texts += chunk.texts
        self.starts += map(at.__add__, chunk.starts)
        self.kinds.append(chunk.kinds)
        self.roles.append(chunk.roles)

    def take(self, late: LateText, first: int, last: int, by: int) -> None:
        """Those between two cuts of a text that was read, all of them ``by`` bytes further on."""
        known, cuts = late.lexed, late.cuts[bisect_left(late.cuts, first) : bisect_left(late.cuts, last)]
        tokens = slice(known.index_at(first), known.index_at(last))
        directives = known.directives_in(first, last)
        tokens_on = len(self.texts) - tokens.start
        number = bisect_left(known.directives, first, key=_directive_start)
        directive_of = known.directive_of[tokens]
        self._add_directives(directives, directive_of, by, tokens_on, len(self.directives) - number)
        self.texts += known.texts[tokens]
        starts = known.starts[tokens]
        self.starts += map(by.__add__, starts) if by else starts
        self.kinds.append(known.kinds[tokens])
        self.roles.append(known.roles[tokens])
        self.cuts += map(by.__add__, cuts)

    def _add_directives(
        self, directives: Sequence[Directive], directive_of: Sequence[int], by: int, tokens: int, number: int
    ) -> None:
        """Directives so many bytes, tokens and directives further on."""
        self.directives += _moved(directives, by, tokens) if by or tokens else directives
        if directives and number:
            self.directive_of += [one if one < 0 else one + number for one in directive_of]
        else:
            self.directive_of += directive_of

    def lexed(self, text: bytes) -> Lexed:
        """What there is of ``text``."""
        kinds, roles = b"".join(self.kinds), b"".join(self.roles)
        return Lexed(text, self.texts, self.starts, kinds, roles, tuple(self.directives), self.directive_of)


@remembered
def lex(text: bytes) -> Lexed:
    """Tokens of ``text`` and which of them stand in preprocessor lines. Never fails; a byte order mark is a
    gap.

    The versions of a file and the files that a layout makes of it consist of the same pieces: what is known
    of a piece is not found out again, and less of what a text has in common with one that was read lately.
    """
    read = _Gathered()
    start, end = len(_BOM) if text.startswith(_BOM) else 0, len(text)
    alike = beginnings.most_alike(text)
    by = 0
    if alike is not None:
        if alike.last_cut > start:
            read.take(alike.late, start, alike.last_cut, 0)
            start = alike.last_cut
        by = len(text) - len(alike.late.lexed.text)
        end = alike.first_cut + by
    between = [*_between(text, start, end, alike)] if start < end else []
    if end < len(text) and between and not between[-1][1].ends_a_line:
        # A comment, or a macro's body, goes on where the two texts are alike again.
        between, end = [*_chunks(text, start)], len(text)
    for at, part in between:
        if isinstance(part, _Chunk):
            read.add(at, part)
        else:
            read.take(part.late, part.first, part.last, at - part.first)
    if alike is not None and end < len(text):
        read.take(alike.late, end - by, len(text) - by, by)
    lexed = read.lexed(text)
    beginnings.keep_late(LateText(lexed, read.cuts))
    beginnings.keep(lexed)
    return lexed


@remembered
def directives_of(text: bytes) -> tuple[Directive, ...]:
    """The preprocessor lines of a text as ``lex`` has them, without a look at how its other tokens stand."""
    found: list[Directive] = []
    tokens = 0
    for at, chunk in _chunks(text, len(_BOM) if text.startswith(_BOM) else 0):
        found += _moved(chunk.directives, at, tokens)
        tokens += len(chunk.texts)
    return tuple(found)


def _moved(directives: Iterable[Directive], at: int, tokens: int) -> list[Directive]:
    """Directives so many bytes and tokens further on."""
    return [
        Directive(name, start + at, end + at, first + tokens, last + tokens)
        for name, start, end, first, last in directives
    ]


def _chunks(text: bytes, start: int) -> Iterator[tuple[int, _Chunk]]:
    """The text from ``start`` on in pieces, each read as alone: where it begins, and what there is in it."""
    if len(text) < _WORTH_CUTTING:
        yield start, _read(text[start:])
        return
    cuts = cuts_of(text, start, len(text))
    at, number = start, 0
    while number < len(cuts):
        chunk, last = _chunk(text, at, cuts, number)
        yield at, chunk
        at, number = cuts[last], last + 1


def cuts_of(text: bytes, start: int, end: int) -> list[int]:
    """The bytes behind ``start`` at which ``text[:end]`` is cut, its end as the last one."""
    found: list[int] = []
    at = start
    for cut in [*(one.end() for one in CUT.finditer(text, start, end)), end]:
        while cut - at > _LONGEST_PIECE and (line := _LINE_END.search(text, at + _LONGEST_PIECE // 2, cut)):
            at = line.end()
            found.append(at)
        if cut > at:
            at = cut
            found.append(at)
    return found


def _chunk(text: bytes, at: int, cuts: Sequence[int], number: int) -> tuple[_Chunk, int]:
    """What there is in the piece that begins at byte ``at``, and at which of the cuts it ends: that of the
    ``number``, or a later one."""
    step = 1
    while True:
        last = min(number + step, len(cuts)) - 1
        chunk = _known(text[at : cuts[last]])
        if chunk.ends_a_line or last == len(cuts) - 1:
            return chunk, last
        step *= 2  # a comment, or a macro's body, goes on there


class _Run(NamedTuple):
    """Bytes ``[first, last)`` of a text that was read, which another has, too; both are cuts."""

    late: LateText
    first: int
    last: int
    ends_a_line: bool = True


# Bytes between two edits that are worth looking for in the other text, and how often they may not be there.
_WORTH_FINDING = 4_096
_MOST_MISSED = 100


def _between(text: bytes, start: int, end: int, alike: Alike | None) -> Iterator[tuple[int, _Chunk | _Run]]:
    """As ``_chunks`` of ``text[:end]``, with what stands between edits taken from the other text, which has
    it between the same two ends."""
    if alike is None or end - start < _WORTH_FINDING or len(text) < _WORTH_CUTTING:
        yield from _chunks(text[:end], start)
        return
    cuts = cuts_of(text, start, end)
    at, number, missed, behind = start, 0, 0, alike.last_cut
    while number < len(cuts):
        run = _run(text, at, cuts[number], end, alike, behind) if missed < _MOST_MISSED else None
        if run is None:
            missed += 1
            chunk, last = _chunk(text, at, cuts, number)
            yield at, chunk
            at, number = cuts[last], last + 1
        else:
            yield at, run
            at, behind = at + run.last - run.first, run.last
            number = bisect_right(cuts, at)


def _run(text: bytes, at: int, cut: int, end: int, alike: Alike, behind: int) -> _Run | None:
    """What both texts have from byte ``at`` on, up to ``cut`` at least, behind a byte of the other one."""
    late, stop = alike.late, alike.first_cut
    first = late.lexed.text.find(text[at:cut], behind, stop)
    number = bisect_left(late.cuts, first)
    if first < 0 or number == len(late.cuts) or late.cuts[number] != first:
        return None
    common = in_common(late.lexed.text[first:stop], text[at:end])
    last = late.cuts[bisect_right(late.cuts, first + common) - 1]
    return _Run(late, first, last) if last > first else None


def _known(piece: bytes) -> _Chunk:
    """What there is in a piece of a text; read once, and kept where it may come again."""
    global _kept_bytes
    found = _CHUNKS.pop(piece, None)
    if found is None:
        found = _read(piece)
        if not found.ends_a_line:
            return found
        _kept_bytes += len(piece)
        while _kept_bytes > _MOST_BYTES and _CHUNKS:
            oldest = next(iter(_CHUNKS))
            del _CHUNKS[oldest]
            _kept_bytes -= len(oldest)
    _CHUNKS[piece] = found  # as the last
    return found


def _read(text: bytes) -> _Chunk:
    """What there is in a text, or in a piece of one that begins with a line."""
    odd = {found.start(1): found.end(1) for found in _ODD_HEADER.finditer(text) if _is_directive(text, found)}
    if odd or (b'R"' in text and _RAW_BEGINS.search(text)):
        pieces, texts = _singly(text, odd)
    else:
        pieces = _TOKEN_BUT_RAW.findall(text)
        texts = list(map(bytes.lstrip, pieces))
    codes = bytes(map(_CODES.__getitem__, texts))
    if _SPLICED in codes:
        texts = [_unspliced(one) if code == _SPLICED else one for one, code in zip(texts, codes, strict=True)]
        codes = bytes(map(_CODES.__getitem__, texts))
    ends = accumulate(map(len, pieces))
    starts = list(map(sub, ends, map(len, texts)))
    count = len(texts)
    while count and not texts[count - 1]:
        count -= 1
    del texts[count:], starts[count:]
    kinds, roles = (codes[:count].translate(table) for table in (_KIND_OF_CODE, _ROLE_OF_CODE))
    if odd:
        kinds = bytes(TokenKind.STRING if s in odd else k for k, s in zip(kinds, starts, strict=True))
        roles = bytes(TokenRole.OTHER if s in odd else r for r, s in zip(roles, starts, strict=True))
    found = Lexed(text, texts, starts, kinds, roles, (), [])
    return _Chunk(texts, starts, kinds, roles, b"".join(pieces[count:]), *_directives(found))


@lru_cache(maxsize=1)  # few texts have raw strings, and making it costs a millisecond
def _token() -> re.Pattern[bytes]:
    return re.compile(rb"(%b)(%b|\Z)" % (_GAP, _ungrouped(_alternatives(_RAW_STRING))), re.VERBOSE)


def _singly(text: bytes, odd: Mapping[int, int]) -> tuple[list[bytes], list[bytes]]:
    """The tokens of a text with and without the gap before each, those that begin at ``odd`` as long as that
    says."""
    pieces: list[bytes] = []
    texts: list[bytes] = []
    at = 0
    token = _token()
    while at < len(text):
        match = token.match(text, at)
        assert match is not None  # anything is a token
        begin, end = match.span(2)
        end = odd.get(begin, end)
        pieces.append(text[at:end])
        texts.append(text[begin:end])
        at = end
    return pieces, texts


def _is_directive(text: bytes, include: re.Match[bytes]) -> bool:
    line = text.rfind(b"\n", 0, include.start()) + 1
    return _BEFORE_INCLUDE.fullmatch(text, line, include.start()) is not None


def _unspliced(token: bytes) -> bytes:
    found = _GAP_ALONE.match(token) if token.startswith(b"\\") else None
    return token if found is None else token[found.end() :]


def _directives(lexed: Lexed) -> tuple[tuple[Directive, ...], list[int]]:
    """The preprocessor lines among tokens, and for each token the number of its own."""
    directives: list[Directive] = []
    directive_of = [-1] * len(lexed)
    for first in _all_of(b"#", lexed.texts):
        if directive_of[first] >= 0 or not _starts_line(lexed, first):
            continue
        last = _line_ends(lexed, first)
        name = ""
        if first + 1 < last and lexed.kinds[first + 1] == TokenKind.IDENT:
            name = spell(lexed.texts[first + 1])
        directive_of[first:last] = [len(directives)] * (last - first)
        directives.append(Directive(name, lexed.starts[first], lexed.end(last - 1), first, last))
    return tuple(directives), directive_of


#: What may take a line to the next one: a continuation, a comment, a raw string.
_GOES_ON = re.compile(rb"\\|/\*|R\"")


def _starts_line(lexed: Lexed, index: int) -> bool:
    """Whether nothing but comments stands before a token in its line."""
    while index > 0:
        index -= 1
        if _newline_between(lexed.text, lexed.end(index), lexed.starts[index + 1]):
            return True
        if lexed.kinds[index] != TokenKind.COMMENT:
            return False
    return True


def _line_ends(lexed: Lexed, first: int) -> int:
    """The token behind the line, continuations included, in which token ``first`` stands."""
    text, start = lexed.text, lexed.starts[first]
    newline = text.find(b"\n", start)
    if newline >= 0 and not _GOES_ON.search(text, start, newline):
        return bisect_left(lexed.starts, newline, first)
    last = first + 1
    while last < len(lexed):
        end = lexed.end(last - 1)
        newline = text.find(b"\n", end)
        if text.endswith(b"\\", end, newline):  # a macro may have thousands of lines
            newline = _behind_continuations(text, end, newline)
        # What starts before the next newline is in the line; the last of it may be a comment of several.
        following = bisect_left(lexed.starts, newline, last) if newline >= 0 else len(lexed)
        if following == last:
            if _newline_between(lexed.text, end, lexed.starts[last]):
                break
            following = last + 1
        last = following
    return last


def _behind_continuations(text: bytes, start: int, newline: int) -> int:
    """The first newline from ``start`` on that no continuation is before; ``newline``, the very first, where
    that takes more than a look at the bytes: of two backslashes one may be of a literal."""
    line = _LINE.match(text, start)
    assert line is not None
    return newline if text.find(b"\\\\", start, line.end()) >= 0 else line.end() - 1


def _all_of(raw: bytes, texts: list[bytes]) -> Iterator[int]:
    """Where a list has a text."""
    at = -1
    with suppress(ValueError):
        while True:
            at = texts.index(raw, at + 1)
            yield at


@lru_cache(maxsize=1 << 15)
def spell(raw: bytes) -> str:
    """The text of a token's bytes: continuations removed, other than UTF-8 kept as surrogates."""
    if b"\\" in raw:
        raw = SPLICE.sub(b"", raw)
    return raw.decode("utf-8", "surrogateescape")


def _newline_between(text: bytes, start: int, end: int) -> bool:
    gap = text[start:end]
    return b"\n" in gap and (b"\\" not in gap or b"\n" in SPLICE.sub(b"", gap))
