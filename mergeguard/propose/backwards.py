"""Values followed backwards: initialisers and arguments, in terms of an entry's parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mergeguard.cpp.lexer import TokenKind
from mergeguard.cpp.source import Item, Source
from mergeguard.propose.reach import last_name

_CASTS = frozenset({"true", "false", "nullptr", "sizeof", "static_cast", "int", "long"})
_ASSIGNING = frozenset({"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=", "++", "--"})


class Tracer:
    """Follows local initialisers back to parameters, and a launcher's parameters to its caller's."""

    def __init__(self, source: Source, holder: Item, entry: Item) -> None:
        self.source = source
        self.holder = holder
        self.entry = entry
        self.bodies: dict[int, list[str]] = {}

    def express(self, tokens: Sequence[str]) -> list[str] | None:
        """The expression (of the holder's names) in terms of the entry's parameters."""
        inner = self._in_parameters(tokens, self.holder, 0)
        if inner is None or self.holder is self.entry:
            return inner
        return self._substitute(inner, self._argument)

    def _in_parameters(self, tokens: Sequence[str], function: Item, depth: int) -> list[str] | None:
        parameters = {p.name for p in function.parameters}

        def value(name: str) -> list[str] | None:
            if name in parameters:
                return None if self._assigned(function, name) else [name]
            if depth > 8:
                return None
            initial = self._initialiser(function, name)
            return None if initial is None else self._in_parameters(initial, function, depth + 1)

        return self._substitute(tokens, value)

    @staticmethod
    def _substitute(tokens: Sequence[str], value: Callable[[str], list[str] | None]) -> list[str] | None:
        out: list[str] = []
        for before, token, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
            is_name = token[0].isalpha() or token[0] == "_"
            if not is_name or token.endswith(('"', "'")) or token in _CASTS or before in (".", "->", "::"):
                out.append(token)
                continue
            if after in ("::", "("):
                return None  # a function or a type of the file's: the entry may not see it
            new = value(token)
            if new is None:
                return None
            simple = len(new) == 1 or len(tokens) == 1 or _is_postfix(new)
            out += new if simple else ["(", *new, ")"]
        return out

    def _code(self, function: Item) -> list[str]:
        """The function's own tokens, macro lines and comments left out."""
        if function.start not in self.bodies:
            assert function.body is not None
            lexed = self.source.lexed
            first, last = lexed.index_at(function.body[0]), lexed.index_at(function.body[1])
            self.bodies[function.start] = [
                lexed.word(index)
                for index in range(first, last)
                if lexed.directive_of[index] < 0 and lexed.tokens[index].kind != TokenKind.COMMENT
            ]
        return self.bodies[function.start]

    def _assigned(self, function: Item, name: str) -> bool:
        code = self._code(function)
        return any(
            token == name
            and (code[n + 1 : n + 2] and code[n + 1] in _ASSIGNING or code[n - 1] in ("++", "--"))
            for n, token in enumerate(code)
            if n and code[n - 1] not in (".", "->")
        )

    def _initialiser(self, function: Item, name: str) -> list[str] | None:
        """What a local is initialised with; None if it is none, or ever gets another value."""
        code = self._code(function)
        found: list[str] | None = None
        for n in range(1, len(code) - 1):
            if code[n] != name or code[n - 1] in (".", "->"):
                continue
            declared = code[n - 1] in ("*", "&", ">") or code[n - 1][0].isalpha() or code[n - 1][0] == "_"
            declared = declared and code[n - 1] not in ("return", "case", "else", "throw", "co_return")
            after = code[n + 1]
            if after in _ASSIGNING or code[n - 1] in ("++", "--"):
                if not (declared and after == "=") or found is not None:
                    return None
                found = _until(code, n + 2, ";,")
            elif declared and after in ("{", "(") and code[n - 1] not in ("*", "&", ">"):
                if found is not None:
                    return None
                found = _until(code, n + 2, {"{": "}", "(": ")"}[after])
        return found or None

    def _argument(self, name: str) -> list[str] | None:
        """What the entry hands to the holder's parameter ``name``, the same in every call."""
        number = next((n for n, p in enumerate(self.holder.parameters) if p.name == name), None)
        if number is None:
            return None
        values = {tuple(call[number]) if number < len(call) else None for call in self._calls()}
        if len(values) != 1:
            return None
        value = next(iter(values))
        return None if value is None else self._in_parameters(value, self.entry, 0)

    def _calls(self) -> list[list[list[str]]]:
        """The argument lists of every call of the holder, in functions and macro bodies."""
        lexed = self.source.lexed
        name = last_name(self.holder.name)
        calls = []
        words = [lexed.word(i) if t.kind != TokenKind.COMMENT else "" for i, t in enumerate(lexed.tokens)]
        inside = range(
            lexed.index_at(self.holder.code_start),
            lexed.index_at(self.holder.body[0] if self.holder.body else self.holder.code_end),
        )
        for index, word in enumerate(words):
            if word != name or index in inside:
                continue
            after = [w for w in words[index + 1 : index + 400] if w]
            opening = _behind_angles(after)
            if after[opening : opening + 1] == ["("]:
                calls.append(_arguments(after, opening + 1))
        return calls


def _behind_angles(code: Sequence[str]) -> int:
    """The position behind a list in angle brackets at the start of ``code``; 0 without one."""
    depth = 0
    for position, token in enumerate(code):
        depth += {"<": 1, ">": -1, ">>": -2}.get(token, 0)
        if depth <= 0:
            return position + 1 if position else 0
    return len(code)


def _is_postfix(tokens: Sequence[str]) -> bool:
    """Whether an expression binds tighter than any operator: ``in_b.size(0)``."""
    depth = 0
    for token in tokens:
        depth += (token in "([") - (token in ")]") if len(token) == 1 else 0
        if depth == 0 and not (token[0].isalnum() or token[0] == "_" or token in (".", "->", "::", ")", "]")):
            return False
    return True


def _until(code: Sequence[str], start: int, ends: str) -> list[str]:
    depth = 0
    for n in range(start, len(code)):
        if depth == 0 and code[n] in tuple(ends):
            return list(code[start:n])
        depth += (code[n] in ("(", "[", "{")) - (code[n] in (")", "]", "}"))
    return []


def _arguments(code: Sequence[str], start: int) -> list[list[str]]:
    found: list[list[str]] = [[]]
    depth = 0
    for token in code[start:]:
        if token == ")" and depth == 0:
            break
        if token == "," and depth == 0:
            found.append([])
            continue
        depth += (token in ("(", "[", "{")) - (token in (")", "]", "}"))
        found[-1].append(token)
    return found
