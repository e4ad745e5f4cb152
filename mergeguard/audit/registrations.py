"""Operator registrations: ``TORCH_LIBRARY`` bodies with ``ops.def`` and ``m.impl``, ``.def`` of pybind11."""

from __future__ import annotations

from functools import lru_cache

from mergeguard.audit.facts import Facts
from mergeguard.cpp.conditions import MIDDLES, OPENERS, condition_of
from mergeguard.cpp.lexer import TokenKind
from mergeguard.values import dataclass

_VERBS = ("def", "impl")
_MARK = (b".def(", b".impl(", b". def", b". impl")


@dataclass(frozen=True, slots=True)
class Registration:
    """``verb`` is ``def`` or ``impl``; ``library`` the arguments of the ``TORCH_LIBRARY`` around it.

    ``functions`` are the names it hands over (without namespaces), ``condition`` the ``#if`` around it.
    """

    verb: str
    op: str
    library: tuple[str, ...]
    functions: tuple[str, ...]
    condition: tuple[str, ...]
    offset: int


def may_register(facts: Facts) -> bool:
    """Whether a file has anything that looks like a registration; cheap."""
    return any(mark in facts.text for mark in _MARK)


def registrations(facts: Facts) -> tuple[Registration, ...]:
    """What a file registers, in file order."""
    if not may_register(facts):
        return ()
    return _read(facts)


@lru_cache(maxsize=256)
def _read(facts: Facts) -> tuple[Registration, ...]:
    lexed = facts.source.lexed
    found: list[Registration] = []
    library: tuple[str, ...] = ()
    stack: list[str] = []
    directive_seen = -1
    for index, (kind, start) in enumerate(zip(lexed.kinds, lexed.starts, strict=True)):
        home = lexed.directive_of[index]
        if home >= 0:
            if home != directive_seen:
                directive_seen = home
                directive = lexed.directives[home]
                if directive.name in OPENERS:
                    stack.append(condition_of(lexed, directive))
                elif directive.name in MIDDLES and stack:
                    stack[-1] = f"!({stack[-1]})"
                elif directive.name == "endif" and stack:
                    stack.pop()
            continue
        if kind != TokenKind.IDENT:
            continue
        word = lexed.word(index)
        if "TORCH_LIBRARY" in word or word == "PYBIND11_MODULE":
            arguments = _arguments(facts, index + 1)
            library = (word, *("".join(part) for part in (arguments or [])[:-1]))
        elif word in _VERBS and index and lexed.word(index - 1) == ".":
            arguments = _arguments(facts, index + 1)
            if not arguments or not arguments[0] or not arguments[0][0].startswith('"'):
                continue
            op = "".join(part.strip('"') for part in arguments[0]).partition("(")[0].strip()
            functions = [name for part in arguments[1:] if (name := _handed(part))]
            found.append(
                Registration(word, op, library, tuple(dict.fromkeys(functions)), tuple(stack), start)
            )
    return tuple(found)


def _arguments(facts: Facts, at: int) -> list[list[str]] | None:
    """The arguments of the call whose ``(`` is token ``at``, each as its words; None if there is none."""
    lexed = facts.source.lexed
    if at >= len(lexed) or lexed.word(at) != "(":
        return None
    depth = 0
    found: list[list[str]] = [[]]
    for index in range(at, len(lexed)):
        if lexed.kinds[index] == TokenKind.COMMENT:
            continue
        word = lexed.word(index)
        if word in ("(", "[", "{"):
            depth += 1
            if depth == 1:
                continue
        elif word in (")", "]", "}"):
            depth -= 1
            if depth == 0:
                return found
        elif word == "," and depth == 1:
            found.append([])
            continue
        found[-1].append(word)
    return None


def _handed(words: list[str]) -> str:
    """The function that an argument hands over: ``&ns::f``, ``f``, or either wrapped in one macro."""
    if "[" in words or "{" in words:
        return ""  # a lambda
    if "(" in words:
        first = words.index("(")
        words = words[first + 1 : len(words) - 1 - words[::-1].index(")")] if ")" in words else []
    if words[:1] == ["&"]:
        words = words[1:]
    plain = [word for word in words if word != "::"]
    named = bool(plain) and all(word.isidentifier() for word in plain)
    return plain[-1] if named and len(words) == 2 * len(plain) - 1 else ""
