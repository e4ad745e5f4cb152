"""Conditions of ``#if`` lines: their normal form, and what taking or skipping a branch tells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from mergeguard.cpp.lexer import Directive, Lexed
from mergeguard.cpp.text import join_expression

OPENERS = frozenset({"if", "ifdef", "ifndef"})
MIDDLES = frozenset({"elif", "elifdef", "elifndef", "else"})

Facts = tuple[tuple[str, bool], ...]

_MOST_BRANCHES = 200  # of one #if; further ones are not told apart
_CONDITIONS: dict[bytes, str] = {}  # by their lines: each unit of a layout has the same
_MOST_CONDITIONS = 4096
_LONGEST = 2000  # characters; a longer condition is not taken apart


def condition_of(lexed: Lexed, directive: Directive) -> str:
    """The normalised condition of an opening or ``#elif`` line, "" for ``#else`` and ``#endif``.

    ``#ifdef X`` reads ``defined(X)``, ``#ifndef X`` reads ``!defined(X)``.
    """
    raw = lexed.text[directive.start : directive.end]
    known = _CONDITIONS.get(raw)
    if known is None:
        if len(_CONDITIONS) >= _MOST_CONDITIONS:
            _CONDITIONS.clear()
        known = _CONDITIONS[raw] = _condition_of(lexed, directive)
    return known


def _condition_of(lexed: Lexed, directive: Directive) -> str:
    words = lexed.words(directive.first + 2, directive.last)
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


@lru_cache(maxsize=4096)
def names(atom: str) -> frozenset[str]:
    """The identifiers of an atom: defining one of them can change its truth."""
    return frozenset(re.findall(r"[^\W\d][\w$]*", atom))


class Branch(NamedTuple):
    """One level of a condition path: exact text, and the short one that identity uses."""

    exact: str
    short: str


class Group:
    """An open ``#if`` .. ``#endif``: which branch is being read, and what that says."""

    __slots__ = ("_conditions", "_dead", "_known", "has_else")

    def __init__(self, condition: str) -> None:
        self._conditions = [condition]
        self._known: dict[str, bool] = {}  # from the branches not taken
        self._dead = False  # those contradict each other already
        self.has_else = False

    @property
    def first(self) -> str:
        """The condition of the ``#if`` line."""
        return self._conditions[0]

    @property
    def branches(self) -> int:
        """How many branches were begun."""
        return len(self._conditions) + self.has_else

    def enter(self, condition: str) -> None:
        """Goes on to an ``#elif`` with this condition, or with "" to the ``#else``."""
        if not self.has_else and len(self._conditions) <= _MOST_BRANCHES:
            new = facts(self._conditions[-1], False)
            self._dead = self._dead or not possible(self._known, new)
            self._known.update(new)
        if condition:
            self._conditions.append(condition)
        else:
            self.has_else = True

    def close(self) -> None:
        """Stands for the branch that is taken when there is no ``#else``."""
        self.enter("")

    def facts(self) -> Facts | None:
        """What follows from the current branch's being taken; None if it never is."""
        if self._dead:
            return None
        if self.has_else:
            return tuple(self._known.items())
        new = facts(self._conditions[-1], True)
        if not possible(self._known, new):
            return None
        return tuple({**self._known, **dict(new)}.items())

    def branch(self) -> Branch:
        """The current branch as a level of a condition path."""
        conditions = self._conditions
        if self.has_else:
            if len(conditions) > 1 and len(conditions) <= _MOST_BRANCHES:
                return Branch(negated(" || ".join(f"({c})" for c in conditions)), negated(conditions[0]))
            return Branch(negated(conditions[0]), negated(conditions[0]))
        if len(conditions) == 1 or len(conditions) > _MOST_BRANCHES:
            return Branch(conditions[-1], conditions[-1])
        earlier = " && ".join(negated(condition) for condition in conditions[:-1])
        return Branch(f"{earlier} && ({conditions[-1]})", conditions[-1])


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
