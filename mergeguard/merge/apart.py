"""Where four texts differ: what is the same in all of them needs no proof.

A certificate of a stretch is one of the whole if the stretch begins and ends between two statements, and
closes what it opens: the tokens around it, which all four have alike, are kept, each in its place (decision
167 says why, check by check). The reverse is not true, as what was moved from one stretch to another is in
the whole alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, compress, pairwise
from typing import NamedTuple

from mergeguard.certify import Text
from mergeguard.cpp.conditions import MIDDLES, OPENERS
from mergeguard.cpp.diff import matches
from mergeguard.cpp.lexer import Lexed, TokenRole, lex

Texts = tuple[bytes, bytes, bytes, bytes]
Place = tuple[int, ...]  # a piece of each of the four texts

# By role: a comment, or what ends a statement or opens a block; and by how much a bracket goes deeper.
_MAY_END = bytes(role in (TokenRole.COMMENT, *b";{}") for role in range(256))
_DEEPER = bytes(1 if role in b"([{" else 2 if role in b")]}" else 0 for role in range(256))
_MOST_PARTS = 256  # beyond it the four texts have too little in common


class Stretch(NamedTuple):
    """A part of each of four texts, and the bytes at which it begins in them."""

    texts: tuple[Text, ...]
    starts: tuple[int, ...]


class _Pieces(NamedTuple):
    """A text cut behind statements: what each piece has (its tokens, and which of them stand in preprocessor
    lines), the byte and the token at which it begins; and, behind the last, those at which the text ends."""

    keys: list[tuple[object, ...]]
    starts: list[int]
    tokens: list[int]


class _Depths(NamedTuple):
    """How deep in brackets (or in conditions) a text is before each piece and at its end, and the least that
    it comes to be in each piece."""

    before: list[int]
    least: list[int]


def stretches(texts: Texts) -> list[Stretch] | None:
    """The stretches in which base, ours, theirs and result differ; None where only the whole will do."""
    if any(b'R"' in text for text in texts):
        return None  # the two lexers need not agree where such a string ends
    lexed = [lex(text) for text in texts]
    pieces = [_pieces(one) for one in lexed]
    common = _common([one.keys for one in pieces])
    depths = _brackets(lexed[0], pieces[0]), _conditions(lexed[0], pieces[0])
    found: list[Stretch] = []
    for left, right in _spans(depths, common):
        starts = tuple(one.starts[at + 1] for one, at in zip(pieces, common[left], strict=True))
        ends = tuple(one.starts[at] for one, at in zip(pieces, common[right], strict=True))
        part = tuple(Text(text[a:b]) for text, a, b in zip(texts, starts, ends, strict=True))
        sound = all(text.sound["brackets"] and text.sound["guards"] for text in part)
        if not sound or len(found) == _MOST_PARTS:
            return None
        found.append(Stretch(part, starts))
    return found


def _spans(depths: Sequence[_Depths], common: Sequence[Place]) -> list[tuple[int, int]]:
    """Pairs of common pieces: what the texts have between them differs, and closes what it opens."""
    spans: list[tuple[int, int]] = []
    for index, (one, two) in enumerate(pairwise(common)):
        if all(b - a == 1 for a, b in zip(one, two, strict=True)):
            continue
        left, right = _closed(depths, common, index, index + 1)
        while spans and any(a + 1 < b for a, b in zip(common[left], common[spans[-1][1]], strict=True)):
            before = spans.pop()
            left, right = _closed(depths, common, min(left, before[0]), max(right, before[1]))
        spans.append((left, right))
    return spans


def _closed(depths: Sequence[_Depths], common: Sequence[Place], left: int, right: int) -> tuple[int, int]:
    """The stretch between two common pieces, made wider until the base closes in it what it opens in it."""
    settled = False
    while not settled:
        settled = True
        for one in depths:
            start, end = common[left][0] + 1, common[right][0]
            least = min([one.before[start], one.before[end], *one.least[start:end]])
            while one.before[common[left][0] + 1] > least and left > 0:
                least = min(least, one.least[common[left][0]])
                left, settled = left - 1, False
            while one.before[common[right][0]] > least and right < len(common) - 1:
                least = min(least, one.least[common[right][0]])
                right, settled = right + 1, False
    return left, right


def _brackets(lexed: Lexed, pieces: _Pieces) -> _Depths:
    after = list(accumulate(map((0, 1, -1).__getitem__, lexed.roles.translate(_DEEPER)), initial=0))
    bounds = pairwise(pieces.tokens)
    return _Depths([after[at] for at in pieces.tokens], [min(after[a : b + 1]) for a, b in bounds])


def _conditions(lexed: Lexed, pieces: _Pieces) -> _Depths:
    before, least = [0], []
    line = 0
    for _, end in pairwise(pieces.tokens):
        depth = low = before[-1]
        while line < len(lexed.directives) and lexed.directives[line].first < end:
            name = lexed.directives[line].name
            depth += (name in OPENERS) - (name == "endif")
            low = min(low, depth - (name in MIDDLES))
            line += 1
        before.append(depth)
        least.append(low)
    return _Depths(before, least)


def _common(keys: Sequence[list[tuple[object, ...]]]) -> list[Place]:
    """The pieces that all texts have, in an order that all have, between a place before the first and one
    behind the last."""
    numbers: dict[tuple[object, ...], int] = {}
    base, *others = ([numbers.setdefault(key, len(numbers)) for key in one] for one in keys)
    places = [
        {match.a + step: match.b + step for match in matches(base, other) for step in range(match.size)}
        for other in others
    ]
    inner = [
        (index, *(place[index] for place in places))
        for index in range(len(base))
        if all(index in place for place in places)
    ]
    return [(-1, -1, -1, -1), *inner, tuple(map(len, keys))]


def _pieces(lexed: Lexed) -> _Pieces:
    marks = bytearray(len(lexed))
    for line in lexed.directives:
        marks[line.first : line.last] = b"\1" * (line.last - line.first)
    in_line = bytes(marks)
    ends = _ends(lexed, in_line)
    if ends[-1:] != [len(lexed)]:
        ends.append(len(lexed))
    tokens = [0, *ends]
    keys: list[tuple[object, ...]] = [
        (*lexed.texts[first:last], in_line[first:last]) for first, last in pairwise(tokens)
    ]
    starts = [lexed.text.find(b"\n", lexed.end(last - 1)) + 1 if last else 0 for last in tokens]
    starts[-1] = len(lexed.text)
    return _Pieces(keys, starts, tokens)


def _ends(lexed: Lexed, in_line: bytes) -> list[int]:
    """Behind which tokens the text can be cut: behind the last token of a line that ends a statement, opens a
    block, or is a comment's or the preprocessor's."""
    ends: list[int] = []
    candidates = [i for i in compress(range(len(lexed)), lexed.roles.translate(_MAY_END)) if not in_line[i]]
    for index in sorted([*candidates, *(line.last - 1 for line in lexed.directives)]):
        behind = lexed.starts[index + 1] if index + 1 < len(lexed) else len(lexed.text)
        gap = lexed.text[lexed.end(index) : behind]
        if b"\n" in gap and b"\\" not in gap:
            ends.append(index + 1)
    return ends
