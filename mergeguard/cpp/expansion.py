"""What macros of a file can expand to: which template arguments a function is called with, say.

Nothing is evaluated: where a macro has several definitions, under conditions, all of them are followed. Only
the macros that lead to a wanted name are expanded; ``#`` and ``##`` are left as they stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mergeguard.cpp.environment import Environment
from mergeguard.cpp.text import join_expression

_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_MOST = 100_000  # tokens of one expansion: beyond that a text is a puzzle, not a dispatch


def template_arguments(
    words: Sequence[str], name: str, environment: Environment, offset: int
) -> tuple[tuple[str, ...], ...]:
    """The template arguments of each ``name<…>`` that ``words`` at ``offset`` can come to, once each.

    Empty if the name also comes up without arguments, which then are deduced.
    """
    expanded = list(_expanded(words, name, environment, offset, frozenset()))
    found: dict[tuple[str, ...], None] = {}
    for position, word in enumerate(expanded):
        if word != name:
            continue
        if expanded[position + 1 : position + 2] != ["<"]:
            return ()
        found[tuple(_angled(expanded, position + 1))] = None
    return tuple(found)


def _expanded(
    words: Sequence[str], name: str, environment: Environment, offset: int, within: frozenset[str]
) -> Iterator[str]:
    position = made = 0
    while position < len(words):
        word = words[position]
        position += 1
        if word in within or not _leads(word, name, environment, offset):
            yield word
            continue
        behind = _closing(words, position) if words[position : position + 1] == ["("] else None
        arguments = _split(words[position + 1 : behind]) if behind is not None else []
        taken = False
        for _, body in environment.history(word, offset):
            names, text = _parts(body or ())
            if names is not None and behind is None:
                continue
            taken = taken or names is not None
            given = dict(zip(names or (), arguments, strict=False))
            replaced = [token for part in text for token in given.get(part, [part])]
            for token in _expanded(replaced, name, environment, offset, within | {word}):
                made += 1
                if made > _MOST:
                    return
                yield token
        if taken and behind is not None:
            position = behind + 1


def _leads(word: str, name: str, environment: Environment, offset: int) -> bool:
    return bool(environment.history(word, offset)) and name in environment.closure([word], offset)


def _parts(body: Sequence[str]) -> tuple[list[str] | None, Sequence[str]]:
    """A macro's parameters (None: it has none) and its replacement."""
    if body[:1] == ("(",):
        end = _closing(body, 0)
        names = body[1:end]
        if end is not None and all((n % 2 == 1) == (word == ",") for n, word in enumerate(names)):
            return [word for word in names if word != ","], body[end + 1 :]
    return None, body


def _closing(words: Sequence[str], opening: int) -> int | None:
    depth = 0
    for position in range(opening, len(words)):
        depth += (words[position] in _OPENING) - (words[position] in _CLOSING)
        if depth == 0:
            return position
    return None


def _split(words: Sequence[str]) -> list[list[str]]:
    """A macro's arguments."""
    parts: list[list[str]] = [[]]
    depth = 0
    for word in words:
        depth += (word in _OPENING) - (word in _CLOSING)
        if word == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _angled(words: Sequence[str], opening: int) -> Iterator[str]:
    """The template arguments from the ``<`` at ``opening``."""
    depth = 0
    part: list[str] = []
    for word in words[opening:]:
        depth += {"<": 1, ">": -1, ">>": -2}.get(word, 0) + (word in _OPENING) - (word in _CLOSING)
        if depth <= 0 or (word == "," and depth == 1):
            yield join_expression(part)
            part = []
            if depth <= 0:
                return
        elif word != "<" or depth > 1:
            part.append(word)
