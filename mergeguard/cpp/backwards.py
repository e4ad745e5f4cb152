"""Values followed backwards: initialisers and arguments, in terms of an entry's parameters.

By tokens alone, so it says less than a compiler could: what gets two values, is declared twice, is handed out
by its address or comes out of a macro's arguments can't be told. What can't be told still has an origin: the
statements that it rests on, so that a change of them does not pass unseen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from mergeguard.cpp.items import Item, Kind, Source
from mergeguard.cpp.lexer import TokenKind, lex
from mergeguard.cpp.source import nested
from mergeguard.cpp.text import join_expression
from mergeguard.values import dataclass

# A size converted to one of these stays what it is; narrower ones may make another of it.
_NUMBERS = frozenset(
    "int long unsigned signed size_t ssize_t int32_t int64_t uint32_t uint64_t ptrdiff_t std :: const".split()
)
_NARROW = frozenset("bool char short int8_t uint8_t int16_t uint16_t".split())
_CASTS = frozenset({"true", "false", "nullptr", "sizeof", "static_cast", *_NUMBERS}) - {"::"}
_ASSIGNING = frozenset({"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=", "++", "--"})
_NOT_A_TYPE = frozenset(
    "return case else throw co_return co_yield co_await new delete goto sizeof and or not typename".split()
)
_STATEMENT_ENDS = frozenset({";", "{", "}"})
# So many names may lead to one value; what is longer is not worth following.
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from.

    ``value``: its tokens in terms of the entry's parameters, None if they can't be told. ``statements``: the
    tokens of what gives it, or a name in it, a value, on the way from the entry: in file order, each once.
    """

    value: tuple[str, ...] | None
    statements: tuple[tuple[str, ...], ...]

    @property
    def text(self) -> str:
        """The value as one would write it, "" if it can't be told."""
        return "" if self.value is None else join_expression(self.value)


class _Words:
    """A source's tokens, comments as "", and where each stands; the bodies of its functions."""

    def __init__(self, source: Source) -> None:
        lexed = source.lexed
        self.all = [lexed.word(i) if kind != TokenKind.COMMENT else "" for i, kind in enumerate(lexed.kinds)]
        self.places: dict[str, list[int]] = defaultdict(list)
        for index, word in enumerate(self.all):
            self.places[word].append(index)
        self.functions: list[Item] = []
        waiting = list(source.items)
        while waiting:
            item = waiting.pop()
            if item.kind is Kind.NAMESPACE:
                waiting += nested(source, item)
            elif item.kind in (Kind.FUNCTION, Kind.KERNEL) and item.body is not None:
                self.functions.append(item)

    @classmethod
    def of(cls, source: Source) -> _Words:
        """Those of a source, read once."""
        found: _Words = source.derived.get((cls,)) or source.derived.setdefault((cls,), cls(source))
        return found


def origin(source: Source, holder: Item, entry: Item, expression: str) -> Origin:
    """Follow ``expression``, of names that ``holder`` (a function or macro) knows, back to ``entry``."""
    tracer = _Tracer(source, entry)
    words = words_of(expression)
    value = tracer.express(words, holder, frozenset())
    statements = dict(sorted(tracer.feeding(words, holder, frozenset()).items()))
    return Origin(None if value is None else tuple(value), tuple(dict.fromkeys(statements.values())))


def words_of(expression: str) -> list[str]:
    """The tokens of an expression, comments left out."""
    return lex(expression.encode("utf-8", "surrogateescape")).words()


def same_value(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two expressions are the same but for parentheses and conversions to a number around them."""
    return _bare(one) == _bare(other)


def _bare(tokens: Sequence[str]) -> list[str]:
    found = list(tokens)
    while inner := _converted(found):
        found = inner
    return found


def _converted(tokens: list[str]) -> list[str]:
    """What stands in the parentheses, or in the conversion to a number, that the whole expression is."""
    if tokens[:2] == ["static_cast", "<"] and ">" in tokens:
        stop = tokens.index(">")
        return _enclosed(tokens[stop + 1 :]) if _NUMBERS.issuperset(tokens[2:stop]) else []
    if tokens[:1] == ["("]:
        close = _closes(tokens, 0)
        rest = tokens[close + 1 :]
        if not rest:
            return tokens[1:-1]
        return rest if _NUMBERS.issuperset(tokens[1:close]) and _is_postfix(rest) else []
    kind = next((n for n, token in enumerate(tokens) if token not in _NUMBERS), 0)
    return _enclosed(tokens[kind:]) if kind else []


def _enclosed(tokens: list[str]) -> list[str]:
    return tokens[1:-1] if tokens[:1] == ["("] and _closes(tokens, 0) == len(tokens) - 1 else []


def _closes(tokens: Sequence[str], opening: int) -> int:
    depth = 0
    for position in range(opening, len(tokens)):
        depth += (tokens[position] == "(") - (tokens[position] == ")")
        if depth == 0:
            return position
    return len(tokens)


@dataclass(frozen=True, slots=True)
class _CallSite:
    """One use of a function or macro: its arguments, the function that it stands in (None: no function), and
    the parameters of a macro whose body it stands in. ``start`` is the byte of the name."""

    arguments: list[list[str]]
    caller: Item | None
    hidden: frozenset[str]
    start: int


class _Tracer:
    """Follows names back through initialisers, and parameters to the arguments of calls, up to ``entry``."""

    def __init__(self, source: Source, entry: Item) -> None:
        self.source = source
        self.entry = entry
        self.bodies: dict[int, _Body] = source.derived.setdefault((_Body,), {})

    def express(self, tokens: Sequence[str], holder: Item, seen: frozenset[int]) -> list[str] | None:
        """The expression, of the holder's names, in terms of the entry's parameters."""
        inner = self._in_parameters(tokens, holder, 0)
        if inner is None or holder.start == self.entry.start or holder.start in seen:
            return inner if holder.start == self.entry.start else None
        seen |= {holder.start}
        calls = [call for call in self._calls(holder) if self._is_reached(call, seen)]
        names = _parameter_names(self.source, holder)

        def argument(name: str) -> list[str] | None:
            if name not in names:
                # A macro's own text speaks of the names of the function that uses it.
                values = {self._tuple(self._of_caller([name], call, seen)) for call in calls}
            else:
                values = {self._tuple(self._at(call, names.index(name), seen)) for call in calls}
            value = next(iter(values), None)
            return None if len(values) != 1 or value is None else list(value)

        return _substitute(inner, argument)

    @staticmethod
    def _tuple(tokens: list[str] | None) -> tuple[str, ...] | None:
        return None if tokens is None else tuple(tokens)

    def _at(self, call: _CallSite, number: int, seen: frozenset[int]) -> list[str] | None:
        if number >= len(call.arguments):
            return None
        return self._of_caller(call.arguments[number], call, seen)

    def _of_caller(self, tokens: Sequence[str], call: _CallSite, seen: frozenset[int]) -> list[str] | None:
        if not call.hidden.isdisjoint(tokens):
            return None
        return self.express(tokens, call.caller or self.entry, seen)

    def _is_reached(self, call: _CallSite, seen: frozenset[int]) -> bool:
        """Whether a call can be on the way from the entry; what else calls the function does not count."""
        caller = call.caller
        if caller is None or caller.start == self.entry.start:
            return True
        if caller.start in seen:
            return False
        return any(self._is_reached(c, seen | {caller.start}) for c in self._calls(caller))

    def _in_parameters(self, tokens: Sequence[str], function: Item, depth: int) -> list[str] | None:
        """The expression with locals replaced by what they are initialised with."""
        if function.body is None:
            return list(tokens)  # a macro: its names are its user's
        parameters = _parameter_names(self.source, function)
        body = self._body(function)

        def value(name: str) -> list[str] | None:
            if name in parameters:
                return None if body.changes(name) else [name]
            initial = body.initialiser(name) if depth <= _DEEPEST else None
            return None if initial is None else self._in_parameters(initial, function, depth + 1)

        return _substitute(tokens, value)

    def _body(self, function: Item) -> _Body:
        if function.start not in self.bodies:
            self.bodies[function.start] = _Body(self.source, function)
        return self.bodies[function.start]

    # -- what it rests on --------------------------------------------------------------------------------

    def feeding(
        self, tokens: Sequence[str], holder: Item, seen: frozenset[int]
    ) -> dict[int, tuple[str, ...]]:
        """The statements, by the byte they start at, that give the names of an expression their values."""
        found: dict[int, tuple[str, ...]] = {}
        waiting, known = list(names_of(tokens)), set[str]()
        body = self._body(holder) if holder.body is not None else None
        while waiting:
            name = waiting.pop()
            if name in known:
                continue
            known.add(name)
            for start, words in body.statements(name) if body is not None else ():
                found[start] = words
                waiting += names_of(words)
        if holder.start == self.entry.start or holder.start in seen:
            return found
        seen |= {holder.start}
        parameters = _parameter_names(self.source, holder)
        for call in self._calls(holder):
            caller = call.caller or self.entry
            handed = [a for name, a in zip(parameters, call.arguments, strict=False) if name in known]
            if body is None:
                handed.append(sorted(known - set(parameters)))
            else:
                found |= {call.start: tuple(word for words in handed for word in words)}
            for expression in handed:
                found |= self.feeding(expression, caller, seen)
        return found

    # -- calls -------------------------------------------------------------------------------------------

    def _calls(self, holder: Item) -> list[_CallSite]:
        """Every call of the holder, in functions and macro bodies."""
        lexed = self.source.lexed
        name = holder.name.rsplit("::", 1)[-1]
        stop = holder.body[0] if holder.body else holder.code_end
        own = range(lexed.index_at(holder.code_start), lexed.index_at(stop))
        found: list[_CallSite] = []
        for index in self._words.places.get(name, ()):
            if index in own:
                continue
            after = [w for w in self._words.all[index + 1 : index + 400] if w]
            opening = _behind_angles(after)
            if after[opening : opening + 1] != ["("]:
                if holder.kind is Kind.MACRO and holder.parameter_list is None:
                    found.append(self._call([], index))
                continue
            arguments = _arguments(after, opening + 1)
            found.append(self._call(arguments, index))
        return found

    def _call(self, arguments: list[list[str]], index: int) -> _CallSite:
        lexed = self.source.lexed
        start = lexed.starts[index]
        caller = next((i for i in self._words.functions if i.code_start <= start < i.code_end), None)
        hidden = frozenset[str]()
        directive = lexed.directive_of[index]
        if directive >= 0:
            hidden = frozenset(_macro_parameters(self._words.all, lexed.directives[directive].first + 2))
        return _CallSite(arguments, caller, hidden, start)

    @property
    def _words(self) -> _Words:
        return _Words.of(self.source)


class _Body:
    """A function's own tokens, comments left out; its macro lines count only where they change something."""

    def __init__(self, source: Source, function: Item) -> None:
        assert function.body is not None
        lexed = source.lexed
        inside = lexed.index_at(function.body[0]), lexed.index_at(function.body[1])
        kept = lexed.code(*inside)
        self._every = lexed.words(*inside)
        own = [n for n in kept if lexed.directive_of[n] < 0]
        self._code = [lexed.word(n) for n in own]
        self._starts = [lexed.starts[n] for n in own]
        # Each arm of a chain is asked for by itself, and most ask for one name.
        self.changes = cache(self._changes)
        self.initialiser = cache(self._initialiser)
        self.statements = cache(lambda name: tuple(self._statements(name)))

    def _changes(self, name: str) -> bool:
        """Whether a parameter gets another value, is handed out by its address, or is declared anew."""
        if self._by_address(name) or self._declared(name):
            return True
        code = self._every
        return any(
            token == name
            and (code[n + 1 : n + 2] and code[n + 1] in _ASSIGNING or code[n - 1] in ("++", "--"))
            for n, token in enumerate(code)
            if n and code[n - 1] not in (".", "->")
        )

    def _initialiser(self, name: str) -> list[str] | None:
        """What a local is initialised with; None if it is none, or ever gets another value."""
        if self._by_address(name):
            return None
        code = self._code
        found: list[str] | None = None
        assigned = 0
        for n in self._places(name):
            declared, after = self._is_declared(n), code[n + 1]
            if after in _ASSIGNING or code[n - 1] in ("++", "--"):
                assigned += 1
                if not (declared and after == "=") or found is not None or code[n - 1] in _NARROW:
                    return None
                found = _until(code, n + 2, ";,")
            elif declared and after in ("{", "(") and code[n - 1] not in ("*", "&", ">"):
                if found is not None:
                    return None
                found = _until(code, n + 2, {"{": "}", "(": ")"}[after])
        if self._declared(name) or self._assignments(self._every, name) > assigned:
            return None
        return found or None

    def _statements(self, name: str) -> Iterator[tuple[int, tuple[str, ...]]]:
        """The statements that declare the name or give it a value, each with the byte it starts at."""
        code = self._code
        for n in self._places(name):
            before, after = code[n - 1], code[n + 1]
            gives = after in _ASSIGNING or before in ("++", "--", "&") or self._is_declared(n)
            if not gives:
                continue
            first = last = n
            while first > 0 and code[first - 1] not in _STATEMENT_ENDS:
                first -= 1
            while last < len(code) and code[last] not in (";", "}") and last < n + 200:
                last += 1
            yield self._starts[first], tuple(code[first:last])

    def _places(self, name: str) -> Iterator[int]:
        code = self._code
        return (
            n for n in range(1, len(code) - 1) if code[n] == name and code[n - 1] not in (".", "->", "::")
        )

    def _is_declared(self, n: int) -> bool:
        before = self._code[n - 1]
        word = before[0].isalpha() or before[0] == "_"
        return (before in ("*", "&", ">") or word) and before not in _NOT_A_TYPE

    def _declared(self, name: str) -> bool:
        """Whether it is declared without an initialiser: of a lambda's or a loop's, or set later."""
        code = self._code
        return any(
            code[n + 1] in (";", ",", ")", ":")
            and (code[n - 1][0].isalpha() or code[n - 1][0] == "_")
            and code[n - 1] not in _NOT_A_TYPE
            for n in self._places(name)
        )

    def _by_address(self, name: str) -> bool:
        code = self._every
        return any(
            code[n] == name and code[n - 1] == "&" and code[n - 2] in ("(", ",", "=", "return", "{")
            for n in range(2, len(code))
            if code[n - 2 : n] != ["[", "&"]
        )

    @staticmethod
    def _assignments(code: Sequence[str], name: str) -> int:
        return sum(
            code[n] == name
            and code[n - 1] not in (".", "->")
            and (code[n + 1] in _ASSIGNING or code[n - 1] in ("++", "--"))
            for n in range(1, len(code) - 1)
        )


def names_of(tokens: Sequence[str]) -> Iterator[str]:
    """The names in an expression that are values: no members, qualified names, functions, literals, types."""
    for before, token, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
        is_name = token[0].isalpha() or token[0] == "_"
        if not is_name or token.endswith(('"', "'")) or token in _CASTS:
            continue
        if before not in (".", "->", "::") and after not in ("::", "("):
            yield token


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


def _parameter_names(source: Source, item: Item) -> list[str]:
    if item.kind is not Kind.MACRO:
        return [p.name for p in item.parameters]
    if item.parameter_list is None:
        return []
    first, last = item.parameter_list
    return words_of(source.text[first + 1 : last - 1].decode("utf-8", "surrogateescape"))[::2]


def _macro_parameters(words: Sequence[str], name: int) -> list[str]:
    """The parameters of the macro whose name is the token ``name`` (too many, if it has none)."""
    if words[name + 1 : name + 2] != ["("]:
        return []
    end = next((n for n in range(name + 2, len(words)) if words[n] == ")"), len(words))
    return [word for word in words[name + 2 : end] if word not in ("", ",")]


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
