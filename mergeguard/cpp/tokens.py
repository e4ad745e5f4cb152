"""A source text as tokens with their layout kept apart, so that a merge can ignore layout and still slice
original bytes.

A *token* here is what carries meaning: code tokens, the words of a comment, the end of a preprocessor line
and of a ``//`` comment (where the newline is part of the language). Everything else (white space, line
continuations, the ``//`` or ``*`` that leads a comment's further lines) is the *gap* before the next token.
Comments are cut into words because formatters re-flow them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import compress
from zlib import crc32

from mergeguard.cpp.lexer import CUT, SPLICE, Lexed, TokenKind, cuts_of, lex
from mergeguard.cpp.remember import remembered
from mergeguard.values import dataclass

_LEADER = re.compile(rb"//[/!]*<?|/\*[*!]*(?!/)<?")
_STRING_WORD = re.compile(rb"[^ ]+ *| +")
_SPACE = re.compile(rb"(\s+)")
_BLOCK_WORD = re.compile(rb"[^\s]+")
_LINE_END = re.compile(rb"[ \t\v\f\r]*(?:\\[ \t]*\r?\n[ \t]*)*")
_WORDISH = re.compile(rb"[A-Za-z0-9_$\x80-\xff]")
#: The brackets of the language; a `<` is one only where the arguments of a template are looked for.
OPENERS, CLOSERS = frozenset((b"(", b"[", b"{")), frozenset((b")", b"]", b"}"))
_LONGEST_ARGUMENT = 200  # tokens that are looked at for the brackets around an argument
_UNIT_ENDS = frozenset((b"{", b"}", b";", b"#{", b"#}", b"#;", b"#\n", b"/\n", b"/*/"))

_LONG = 4096  # bytes; what is remembered of shorter texts takes 200 kB each at worst

CODE, DIRECTIVE, COMMENT = b"", b"#", b"/"
END_OF_DIRECTIVE = b"#\n"
END_OF_COMMENT = b"/\n"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Parallel tuples: ``keys`` (identity: the text, marked when in a directive or a comment), ``texts``,
    ``gaps`` (the bytes before each token); ``tail`` is the gap after the last one.

    ``b"".join(gap + text ...) + tail`` is the source.
    """

    keys: tuple[bytes, ...]
    texts: tuple[bytes, ...]
    gaps: tuple[bytes, ...]
    tail: bytes

    def source(self) -> bytes:
        return b"".join(g + t for g, t in zip(self.gaps, self.texts, strict=True)) + self.tail

    def offset(self, index: int) -> int:
        """The byte offset of a token in the source."""
        before = sum(len(g) + len(t) for g, t in zip(self.gaps[:index], self.texts[:index], strict=True))
        return before + len(self.gaps[index])

    def __len__(self) -> int:
        return len(self.keys)


class _TokenBuilder:
    def __init__(self, text: bytes, at: int) -> None:
        self.text = text
        self.at = at
        self.keys: list[bytes] = []
        self.texts: list[bytes] = []
        self.gaps: list[bytes] = []

    def add(self, mark: bytes, start: int, end: int, key: bytes | None = None) -> None:
        raw = self.text[start:end]
        self.gaps.append(self.text[self.at : start])
        self.texts.append(raw)
        if key is None:
            key = mark + (SPLICE.sub(b"", raw) if b"\\" in raw else raw)
            if raw == b"=" and mark.endswith(COMMENT):
                key = mark + b" ="  # else it were the operator
        self.keys.append(key)
        self.at = end

    def add_line_end(self, key: bytes) -> None:
        """The newline that ends a directive or a ``//`` comment; empty at the end of the file."""
        match = _LINE_END.match(self.text, self.at)
        end = match.end() if match else self.at
        if end > self.at and self.text[end - 1 : end] == b"\r" and self.text[end : end + 1] == b"\n":
            end -= 1
        newline = 1 if self.text[end : end + 1] == b"\n" else 2 if self.text[end : end + 2] == b"\r\n" else 0
        self.add(b"", end if newline else self.at, end + newline if newline else self.at, key)


def is_comment(key: bytes) -> bool:
    """Whether the key of a token outside of directives is a part of a comment."""
    return key[:1] == COMMENT and len(key) > 1 and key != b"/="


def is_comment_anywhere(key: bytes) -> bool:
    """The same for a token of a directive, too."""
    return is_comment(key.removeprefix(DIRECTIVE))


def tokens_of(text: bytes) -> Tokens:
    """``text`` as merge tokens. Any bytes will do. (A merge asks for the same versions again and again.)"""
    return _of_file(text) if len(text) > _LONG else _of_declaration(text)


def _tokens_of(text: bytes) -> Tokens:
    return _joined(_pieces(lex(text)))


# Versions of a file consist of the same pieces, each of which is read once, wherever it stands. A text is cut
# behind some empty lines and ends of definitions: which ones, the bytes that follow say, so that two versions
# are cut alike; long stretches without any are cut at lines' ends.
_WORTH_CUTTING = 8_192
_TELLING, _ONE_IN = 24, 4
_MOST_BYTES = 2 << 20
_known: dict[bytes, Tokens] = {}
_kept_bytes = 0


def _pieces(lexed: Lexed) -> Iterator[Tokens]:
    first = start = 0
    for last, end in _cuts(lexed):
        # The first piece may begin with a byte order mark, which is something else elsewhere.
        yield _piece(lexed, first, last, start, end) if start else _read(lexed, first, last, start, end)
        first, start = last, end
    yield _read(lexed, first, len(lexed), start, len(lexed.text))


def _piece(lexed: Lexed, first: int, last: int, start: int, end: int) -> Tokens:
    """As ``_read``, of a piece that may have been read before."""
    global _kept_bytes
    text = lexed.text[start:end]
    found = _known.get(text)
    if found is None:
        found = _read(lexed, first, last, start, end)
        _kept_bytes += len(text)
        if _kept_bytes > _MOST_BYTES:
            _known.clear()
            _kept_bytes = len(text)
        _known[text] = found
    return found


def _cuts(lexed: Lexed) -> Iterator[tuple[int, int]]:
    """Where to cut a text: the token behind each cut, and the offset of the cut."""
    text = lexed.text
    if len(text) < _WORTH_CUTTING:
        return
    often = {found.end() for found in CUT.finditer(text)}
    for at in cuts_of(text, 0, len(text)):
        if at not in often or crc32(text[at : at + _TELLING]) % _ONE_IN == 0:
            index = lexed.index_at(at)
            if 0 < index < len(lexed) and _is_border(lexed, index - 1, at):
                yield index, at


def _is_border(lexed: Lexed, before: int, at: int) -> bool:
    """Whether what is made of the token ``before`` has ended at an offset, and nothing of it goes on behind:
    no preprocessor line, no comment of several lines, no strings that the language joins."""
    gap = lexed.text[lexed.end(before) : at]
    lines = gap.count(b"\n")
    if not lines or b"\\" in gap or lexed.kinds[before] == TokenKind.STRING:
        return False
    return lines > 1 or lexed.kinds[before] != TokenKind.COMMENT


def _joined(pieces: Iterable[Tokens]) -> Tokens:
    keys: list[bytes] = []
    texts: list[bytes] = []
    gaps: list[bytes] = []
    tail = b""
    for piece in pieces:
        if not piece.keys:
            tail += piece.tail
            continue
        keys += piece.keys
        texts += piece.texts
        gaps.append(tail + piece.gaps[0])
        gaps += piece.gaps[1:]
        tail = piece.tail
    return Tokens(tuple(keys), tuple(texts), tuple(gaps), tail)


def _read(lexed: Lexed, first: int, last: int, start: int, end: int) -> Tokens:
    """The lexed tokens ``[first, last)``, which stand in the bytes ``[start, end)``, as merge tokens."""
    build = _TokenBuilder(lexed.text, start)
    index = first
    for special in (*_special(lexed, first, last, start, end), last):
        if index < special:
            _add_plain(build, lexed, index, special)
            index = special
        if index > special or index == last:
            continue  # it went with the one before
        inside = lexed.directive_of[index]
        if lexed.kinds[index] == TokenKind.COMMENT:
            mark = DIRECTIVE + COMMENT if inside >= 0 else COMMENT
            index = _comment(build, lexed, index, mark, inside >= 0)
        elif _is_plain_string(lexed, index):
            index = _string(build, lexed, index)
        else:
            build.add(CODE if inside < 0 else DIRECTIVE, lexed.starts[index], lexed.end(index))
            index += 1
        if inside >= 0 and index >= lexed.directives[inside].last:
            build.add_line_end(END_OF_DIRECTIVE)
    return Tokens(tuple(build.keys), tuple(build.texts), tuple(build.gaps), lexed.text[build.at : end])


def _is_plain_string(lexed: Lexed, index: int) -> bool:
    """Whether a token is a string literal in quotes without a prefix."""
    raw = lexed.texts[index]
    is_string = lexed.kinds[index] == TokenKind.STRING
    return is_string and len(raw) > 1 and raw.startswith(b'"') and raw.endswith(b'"')


_IS_SPECIAL = bytes(kind in (TokenKind.COMMENT, TokenKind.STRING) for kind in range(256))


def _special(lexed: Lexed, first: int, last: int, start: int, end: int) -> list[int]:
    """The tokens of ``[first, last)`` that are more than their text to a merge: comments, strings, what has a
    continuation or stands in a preprocessor line."""
    found = bytearray(lexed.kinds[first:last].translate(_IS_SPECIAL))
    for line in lexed.directives_in(start, end):
        found[line.first - first : line.last - first] = b"\1" * (line.last - line.first)
    at = lexed.text.find(b"\\", start, end)
    while at >= 0:
        index = bisect_right(lexed.starts, at) - 1
        if index >= first and lexed.end(index) > at:
            found[index - first] = 1
        at = lexed.text.find(b"\\", at + 1, end)
    return list(compress(range(first, last), found))


def _add_plain(build: _TokenBuilder, lexed: Lexed, first: int, last: int) -> None:
    """Adds the tokens ``[first, last)``, which are but their text."""
    build.gaps.append(build.text[build.at : lexed.starts[first]])
    build.gaps += lexed.gaps(first + 1, last)
    build.texts += lexed.texts[first:last]
    build.keys += lexed.texts[first:last]
    build.at = lexed.end(last - 1)


# Of files there are four in a merge, and the same in its audit; of their declarations hundreds.
_of_file = remembered(_tokens_of)
_of_declaration = lru_cache(maxsize=512)(_tokens_of)


def _comment(build: _TokenBuilder, lexed: Lexed, index: int, mark: bytes, one: bool) -> int:
    """Adds a comment, or a run of ``//`` comments on consecutive lines; the index of what follows."""
    text = build.text
    start, end = lexed.starts[index], lexed.end(index)
    leader = _LEADER.match(text, start, end)
    if leader is None or text.find(b"\\", start, end) >= 0:
        # A comment with a continuation or a backslash at an end of line is taken as a whole.
        if text[start : start + 2] == b"//":
            while end > start and text[end - 1] in b"\r \t":
                end -= 1
        build.add(mark, start, end)
        if text[start : start + 2] == b"//" and not one:
            build.add_line_end(END_OF_COMMENT)
        return index + 1
    if text[start : start + 2] == b"/*":
        body_end = end - 2 if end - 2 >= leader.end() and text[end - 2 : end] == b"*/" else end
        build.add(mark, start, leader.end())
        for word in _BLOCK_WORD.finditer(text, leader.end(), body_end):
            lone = word.end() - word.start() == 1 and text[word.start()] == 42
            if lone and text.rfind(b"\n", build.at, word.start()) >= 0:
                continue
            build.add(mark, *word.span())
        if body_end < end:
            build.add(mark, body_end, end)
        return index + 1
    sign = leader.group()
    build.add(mark, start, leader.end())
    while True:
        _add_words(build, leader.end(), end, mark)
        index += 1
        if one or index >= len(lexed) or lexed.kinds[index] != TokenKind.COMMENT:
            break
        start, following = lexed.starts[index], lexed.end(index)
        gap = text[end:start]
        if gap.count(b"\n") != 1 or gap.strip() or text.find(b"\\", start, following) >= 0:
            break
        leader = _LEADER.match(text, start, following)
        if leader is None or leader.group() != sign or not text[leader.end() : following].strip():
            break
        end = following
    if not one:
        build.add_line_end(END_OF_COMMENT)
    return index


def _add_words(build: _TokenBuilder, start: int, end: int, mark: bytes) -> None:
    """Adds the words of a line of a comment, from where the last token ends on."""
    parts = _SPACE.split(build.text[start:end])  # a word, a gap, a word, …
    words, gaps = parts[::2], [b"", *parts[1::2]]
    if not words[0]:
        del words[0], gaps[0]
    if words and not words[-1]:
        end -= len(gaps.pop())
        words.pop()
    if not words:
        return
    gaps[0] = build.text[build.at : start] + gaps[0]
    build.gaps += gaps
    build.texts += words
    build.keys += [mark + (word if word != b"=" else b" =") for word in words]  # else it were the operator
    build.at = end


def _string(build: _TokenBuilder, lexed: Lexed, index: int) -> int:
    """Adds a run of neighbouring plain string literals, which the language joins, as one string of words."""
    text, inside = build.text, lexed.directive_of[index]
    mark = (DIRECTIVE if inside >= 0 else CODE) + b'"'
    build.add(b"", lexed.starts[index], lexed.starts[index] + 1, mark + b"<")
    while True:
        start, end = lexed.starts[index], lexed.end(index)
        for word in _STRING_WORD.finditer(text, start + 1, end - 1):
            build.add(mark + b"=", *word.span())
        index += 1
        if index >= len(lexed) or lexed.directive_of[index] != inside:
            break
        if lexed.kinds[index] != TokenKind.STRING:
            break
        start, following = lexed.starts[index], lexed.end(index)
        if text[start] != 34 or text[following - 1] != 34 or following - start < 2 or text[end:start].strip():
            break
    build.add(b"", end - 1, end, mark + b">")
    return index


def units_of(tokens: Tokens, start: int = 0, end: int | None = None) -> list[int]:
    """Token indices at which a *unit* begins (a statement, a line of a directive, a comment), and the end.

    Units are the lines of a source whose layout is its grammar's: they end at ``;``, ``{``, ``}`` and where
    a directive or a comment ends, however the text is wrapped. Braces around an argument end none.
    """
    keys = tokens.keys
    end = len(keys) if end is None else end
    starts = [start] if end > start else []
    ends = _UNIT_ENDS
    inside = _argument_braces(keys, start, end)
    starts.extend(i + 1 for i in range(start, end) if keys[i] in ends and i not in inside)
    if not starts or starts[-1] != end:
        starts.append(end)
    return starts


def _argument_braces(keys: Sequence[bytes], start: int, end: int) -> set[int]:
    """The braces around arguments of calls (``empty({size}, type)``), not those of blocks and of rows."""
    found: set[int] = set()
    for i in range(start + 1, end):
        if keys[i] == b"{" and (keys[i - 1] == b"(" or (keys[i - 1] == b"," and _is_in_call(keys, start, i))):
            depth = 0
            for k in range(i, min(end, i + _LONGEST_ARGUMENT)):
                depth += (keys[k] in OPENERS) - (keys[k] in CLOSERS)
                if keys[k] == b";":
                    break  # a block, after all
                if depth == 0:
                    found |= {i, k}
                    break
    return found


def _is_in_call(keys: Sequence[bytes], start: int, index: int) -> bool:
    """Whether the bracket around a token is a parenthesis."""
    depth = 0
    for k in range(index - 1, max(start, index - _LONGEST_ARGUMENT) - 1, -1):
        depth += (keys[k] in CLOSERS) - (keys[k] in OPENERS)
        if depth < 0:
            return keys[k] == b"("
    return False


def nesting(keys: Sequence[bytes]) -> tuple[int, int]:
    """How many brackets a row of tokens leaves open, and how far it goes below where it began."""
    depth = lowest = 0
    for key in keys:
        bracket = key.removeprefix(DIRECTIVE)
        if bracket in OPENERS:
            depth += 1
        elif bracket in CLOSERS:
            depth -= 1
            lowest = min(lowest, depth)
    return depth, lowest


def joins(before: bytes, after: bytes) -> bool:
    """Whether two neighbouring tokens may stand without a gap between them."""
    return not (
        (_WORDISH.match(before[-1:]) is not None and _WORDISH.match(after[:1]) is not None)
        or (before[-1:] in b"+-<>=&|*/:#!.%^" and after[:1] in b"+-<>=&|*/:#.")
    )


def code_keys(text: bytes) -> Counter[bytes]:
    """The merge tokens of a text, comments apart."""
    found = Counter(tokens_of(text).keys)
    for key in [*found]:
        if (key[:1] == b"/" and len(key) > 1) or key[:2] == b"#/" or key == b"#\n":
            del found[key]
    return found
