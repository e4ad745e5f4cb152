"""The tokens that declare something: an item's code before its body, with matched brackets.

Where an item holds ``#if`` branches, the first that can be taken is read (of two signatures over one body the
first counts).
"""

from __future__ import annotations

from mergeguard.cpp.conditions import MIDDLES, OPENERS, condition_of
from mergeguard.cpp.knownitems import Segment
from mergeguard.cpp.lexer import Lexed, TokenKind, TokenRole
from mergeguard.cpp.view import OpenBlock

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_BRACKETS = frozenset("( ) [ ] { } < > >> >>>".split())


class DeclarationHead:
    """The tokens of a declaration up to its body, without comments, directives and branches not read.

    ``words`` are their texts, ``match`` holds for each opening bracket the position of its partner, else -1.
    """

    def __init__(self, lexed: Lexed, segment: Segment) -> None:
        self.lexed = lexed
        self.indices = indices = _head_indices(lexed, segment)
        self.words = list(map(lexed.word, indices))
        self.match = _matches(lexed, indices, self.words)

    def __len__(self) -> int:
        return len(self.words)

    def start(self, position: int) -> int:
        return self.lexed.starts[self.indices[position]]

    def end(self, position: int) -> int:
        return self.lexed.end(self.indices[position])

    def kind(self, position: int) -> int:
        return self.lexed.kinds[self.indices[position]]

    def is_name(self, position: int) -> bool:
        return 0 <= position < len(self.words) and self.kind(position) == TokenKind.IDENT

    def opening_angle(self, close: int, begin: int) -> int:
        """The position of the ``<`` that the ``>`` at ``close`` ends, not before ``begin``; -1 for none."""
        for position in range(begin, close):
            if self.words[position] == "<" and self.match[position] == close:
                return position
        return -1


def body_end(lexed: Lexed, segment: Segment) -> int:
    """The byte behind the ``}`` that ends the segment's body."""
    for index in range(segment.last - 1, segment.brace, -1):
        if lexed.roles[index] == TokenRole.CLOSE_BRACE and lexed.directive_of[index] < 0:
            if segment.block is OpenBlock.TYPE:
                break  # `} name[2] = {...};` may follow: match from the front instead
            return lexed.end(index)
    depth = 0
    for index in range(segment.brace, segment.last):
        role = lexed.roles[index]
        if lexed.kinds[index] == TokenKind.PUNCT and lexed.directive_of[index] < 0:
            depth += (role == TokenRole.BRACE) - (role == TokenRole.CLOSE_BRACE)
            if depth == 0:
                return lexed.end(index)
    return lexed.end(segment.last - 1)


def _head_indices(lexed: Lexed, segment: Segment) -> list[int]:
    stop = segment.last
    if segment.brace >= 0 and segment.block is not OpenBlock.INITIALIZER:
        stop = segment.brace
    if _is_plain(lexed, segment.first, stop):
        # A variable's initialiser says nothing about its name.
        is_value = segment.block is OpenBlock.INITIALIZER and segment.brace >= 0
        return list(range(segment.first, segment.brace + 1 if is_value else stop))
    indices: list[int] = []
    position = segment.first
    open_groups: list[tuple[bool, bool]] = []  # read around the group? a branch of it read already?
    reading = True
    while position < stop:
        index = lexed.directive_of[position]
        if index >= 0:
            directive = lexed.directives[index]
            if directive.name in OPENERS:
                taken = reading and condition_of(lexed, directive) not in ("0", "false")
                open_groups.append((reading, taken))
                reading = taken
            elif open_groups and directive.name in MIDDLES:
                around, taken = open_groups[-1]
                reading = around and not taken
                open_groups[-1] = (around, taken or reading)
            elif open_groups and directive.name == "endif":
                reading, _ = open_groups.pop()
            position = directive.last
            continue
        if reading and lexed.kinds[position] != TokenKind.COMMENT:
            indices.append(position)
            if segment.block is OpenBlock.INITIALIZER and position == segment.brace:
                break
        position += 1
    return indices


def _is_plain(lexed: Lexed, first: int, last: int) -> bool:
    """Whether no comment and no directive is among the tokens ``[first, last)``."""
    return lexed.kinds.find(TokenKind.COMMENT, first, last) < 0 and max(lexed.directive_of[first:last]) < 0


def _matches(lexed: Lexed, indices: list[int], words: list[str]) -> list[int]:
    """For each opening bracket the position of its partner, else -1; template lists count as brackets.

    A ``<`` is a bracket if it follows a name and a ``>`` closes it before its surroundings close.
    """
    match = [-1] * len(words)
    if _BRACKETS.isdisjoint(words):
        return match
    stack: list[int] = []
    for position, word in enumerate(words):
        if lexed.kinds[indices[position]] != TokenKind.PUNCT:
            continue
        if word in _CLOSING:
            stack.append(position)
        elif word == "<":
            if position and lexed.kinds[indices[position - 1]] == TokenKind.IDENT:
                if words[position - 1] != "operator":
                    stack.append(position)
        elif word in (">", ">>", ">>>"):
            for _ in word:
                if stack and words[stack[-1]] == "<":
                    match[stack.pop()] = position
        elif word in (")", "]", "}"):
            while stack and words[stack[-1]] == "<":
                stack.pop()
            if stack and _CLOSING[words[stack[-1]]] == word:
                match[stack.pop()] = position
        elif word == ";":
            while stack and words[stack[-1]] == "<":
                stack.pop()
    return match
