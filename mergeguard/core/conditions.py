"""Conditions of ``#if`` lines: their normal form, and what taking or skipping a branch tells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from mergeguard.core.lexer import Directive, Lexed, TokenKind
from mergeguard.core.text import join_expression

OPENERS = frozenset({"if", "ifdef", "ifndef"})
MIDDLES = frozenset({"elif", "elifdef", "elifndef", "else"})

Facts = tuple[tuple[str, bool], ...]

_LONGEST = 2000  # characters; a longer condition is not taken apart


def condition_of(lexed: Lexed, directive: Directive) -> str:
    """The normalised condition of an opening or ``#elif`` line, "" for ``#else`` and ``#endif``.

    ``#ifdef X`` reads ``defined(X)``, ``#ifndef X`` reads ``!defined(X)``.
    """
    words = [
        lexed.word(index)
        for index in range(directive.first + 2, directive.last)
        if lexed.tokens[index].kind != TokenKind.COMMENT
    ]
    if directive.name in ("ifdef", "elifdef"):
        return f"defined({''.join(words[:1])})"
    if directive.name in ("ifndef", "elifndef"):
        return f"!defined({''.join(words[:1])})"
    if directive.name in ("if", "elif"):
        return join_expression(_with_parentheses(words))
    return ""


def negated(condition: str) -> str:
    """The condition of an ``#else``."""
    return f"!({condition})"


@lru_cache(maxsize=4096)
def facts(condition: str, value: bool) -> Facts:
    """Atoms whose truth follows from ``condition`` being ``value``; the condition itself is one."""
    if len(condition) > _LONGEST:
        return ((condition, value),)
    found: dict[str, bool] = {}
    pending = [(condition, value)]
    while pending:
        text, truth = pending.pop()
        stripped = _unwrap(text)
        if stripped.startswith("!") and _is_unary(stripped[1:]):
            pending.append((stripped[1:], not truth))
            continue
        found[stripped] = truth
        parts = _split(stripped, "||")
        if len(parts) > 1:
            if not truth:
                pending.extend((part, False) for part in parts)
            continue
        parts = _split(stripped, "&&")
        if len(parts) > 1 and truth:
            pending.extend((part, True) for part in parts)
    return tuple(found.items())


def possible(assumed: Mapping[str, bool], new: Facts) -> bool:
    """Whether ``new`` contradicts neither ``assumed`` nor the constants 0 and 1."""
    for atom, value in new:
        if assumed.get(atom, value) != value:
            return False
        if value and atom in ("0", "false") or not value and atom in ("1", "true"):
            return False
    return True


def mentions(atom: str, name: str) -> bool:
    """Whether a macro's definition can change an atom's truth."""
    return name in atom and re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", atom) is not None


def _with_parentheses(words: list[str]) -> list[str]:
    """``defined X`` as ``defined(X)``."""
    out: list[str] = []
    for word in words:
        if out and out[-1] == "defined" and word != "(":
            out += ["(", word, ")"]
        else:
            out.append(word)
    return out


def _unwrap(text: str) -> str:
    while text.startswith("(") and _closing(text) == len(text) - 1:
        text = text[1:-1].strip()
    return text


def _is_unary(text: str) -> bool:
    """Whether a ``!`` in front of ``text`` covers all of it."""
    if text.startswith("!"):
        return _is_unary(text.lstrip("!"))
    if text.startswith("("):
        return _closing(text) == len(text) - 1
    match = re.match(r"[\w$]+", text)
    if match is None:
        return False
    rest = text[match.end() :]
    return rest == "" or (rest.startswith("(") and _closing(rest) == len(rest) - 1)


def _closing(text: str) -> int:
    """Index of the parenthesis that closes the one ``text`` begins with; -1 for none."""
    depth = 0
    for index, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return index
    return -1


def _split(text: str, operator: str) -> list[str]:
    parts: list[str] = []
    depth = start = 0
    index = 0
    while index < len(text):
        char = text[index]
        depth += (char == "(") - (char == ")")
        if depth == 0 and text.startswith(operator, index):
            parts.append(text[start:index].strip())
            index += len(operator)
            start = index
            continue
        index += 1
    parts.append(text[start:].strip())
    return parts
