"""Text of token ranges, normalised: what names, identity and comparison are made of; and lines of a text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mergeguard.cpp.items import Source
    from mergeguard.cpp.lexer import Lexed

_SPACED = frozenset({"&&", "||", "==", "!=", "<=", ">=", "=", "?", "+", "-", "/", "%", "|", "^"})
_POINTERS = frozenset({"*", "&", "&&", ">", ">>"})


class _Newlines:
    """Counts a text's newlines from where it was asked last: a text is asked of thousands of places."""

    def __init__(self) -> None:
        self.text, self.at, self.count = b"", 0, 0

    def before(self, text: bytes, offset: int) -> int:
        """How many there are before byte ``offset``."""
        if text is not self.text or offset < self.at // 2:
            self.text, self.at, self.count = text, 0, 0
        self.count += text.count(b"\n", self.at, offset) - text.count(b"\n", offset, self.at)
        self.at = offset
        return self.count


# Places of two texts are asked for in turn: of a monolith, and of the layout's file.
_NEWLINES = [_Newlines(), _Newlines()]


def line_of(text: bytes, offset: int) -> int:
    """The 1-based line that holds byte ``offset``."""
    if text is not _NEWLINES[0].text:
        _NEWLINES.reverse()
    return _NEWLINES[0].before(text, offset) + 1


def places_of(text: bytes, words: Iterable[bytes]) -> Iterator[int]:
    """Where each of some words stands in a text, one word after the other: several times as fast as an
    expression that has them all."""
    for word in words:
        at = text.find(word)
        while at >= 0:
            yield at
            at = text.find(word, at + 1)


def code_tokens(source: Source, start: int, end: int) -> list[str]:
    """Texts of the tokens that lie in bytes ``[start, end)``, comments and continuations dropped."""
    return source.lexed.words(*_within(source, start, end))


def identifiers(source: Source, start: int, end: int) -> frozenset[str]:
    """The identifiers (keywords included) in bytes ``[start, end)``, comments and strings excluded.

    They are found once for all texts that have these bytes: of such the same tokens are read, if one begins
    with the first byte, but where a header's name looks like a comment (the kinds are not the same then).
    """
    lexed = source.lexed
    first, last = _within(source, start, end)
    if last - first < _FEW or (first and lexed.end(first - 1) > start):
        return lexed.names(first, last)
    return _NAMES.of(source.text[start:end], lexed, first, last)


class _KnownNames:
    """The names in stretches of texts, by their bytes and the kinds of their tokens."""

    def __init__(self) -> None:
        self.known: dict[tuple[bytes, bytes], frozenset[str]] = {}
        self.bytes = 0

    def of(self, text: bytes, lexed: Lexed, first: int, last: int) -> frozenset[str]:
        """Those of the tokens ``[first, last)``, which stand in ``text``."""
        key = text, lexed.kinds[first:last]
        found = self.known.get(key)
        if found is None:
            if self.bytes > _MOST_BYTES:
                self.known.clear()
                self.bytes = 0
            found = self.known[key] = lexed.names(first, last)
            self.bytes += len(text) + len(key[1])
        return found


_FEW = 16  # tokens that are looked at faster than found again
_MOST_BYTES = 4 << 20
_NAMES = _KnownNames()


def _within(source: Source, start: int, end: int) -> tuple[int, int]:
    """The range of the tokens that lie in bytes ``[start, end)``."""
    lexed = source.lexed
    first, last = lexed.index_at(start), lexed.index_at(end)
    if last > first and lexed.end(last - 1) > end:
        last -= 1
    return first, last


def join_type(texts: Sequence[str]) -> str:
    """Tokens of a type, name or argument list as one line with canonical spaces: ``const T* x, int``."""
    out: list[str] = []
    previous = ""
    for text in texts:
        if previous and (
            previous == ","
            or (_wordy(text) and (_wordy(previous) or (previous in _POINTERS and len(out) > 1)))
        ):
            out.append(" ")
        out.append(text)
        previous = text
    return "".join(out)


def join_expression(texts: Iterable[str]) -> str:
    """Tokens of an expression as one line with canonical spaces: ``a == 1 && defined(B)``."""
    out: list[str] = []
    previous = ""
    unary = True
    for text in texts:
        binary = text in _SPACED and not unary
        if previous and (binary or previous == "," or (_wordy(text) and _wordy(previous))):
            out.append(" ")
        out.append(text)
        if binary:
            out.append(" ")
            previous = ""
        else:
            previous = text
        unary = not (_wordy(text) or text in (")", "]", "}"))
    return "".join(out)


def _wordy(text: str) -> bool:
    first = text[0]
    return first.isalnum() or first in "_$\"'" or first > "\x7f"
