"""The interface of a launch function: what a host function's dealt text uses of the function, and its types.

Types are upstream's own declarations; what does not stand in the text, a rule has to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from mergeguard.cpp.environment import Environment
from mergeguard.cpp.expansion import template_arguments
from mergeguard.cpp.lexer import TokenKind, lex
from mergeguard.cpp.source import Item, Kind, Source, code_tokens, flattened
from mergeguard.cpp.text import line_of
from mergeguard.errors import Location, RuleMismatch
from mergeguard.lens.homes.pytorch import DISPATCHED, SCALAR, has_host_words
from mergeguard.lens.homes.unseen import Unseen
from mergeguard.lens.locals import Local, Scope, scope_at
from mergeguard.lens.rule import Thin
from mergeguard.values import dataclass, replace

# Items that call nothing by themselves; what is in a namespace comes after it.
_SILENT = frozenset(
    {Kind.MACRO, Kind.UNDEF, Kind.INCLUDE, Kind.COMMENT, Kind.CONDITIONAL, Kind.PRAGMA, Kind.NAMESPACE}
)
ASSIGNING = frozenset({"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=", "++", "--"})


class Unparted(RuleMismatch):
    """The host function can't be parted so: the layout that reads the host's headers is made instead."""


@dataclass(frozen=True, slots=True)
class Launch:
    """One launch function: ``region`` is its text, ``passed`` its parameters, ``types`` its template
    parameters (``heads`` as they are declared), ``constants`` the host function's that it declares again.

    ``instances`` are the values of the template parameters that the entry calls it with (one empty one
    without). ``returns`` is what it returns: "void", or the host function's type where the text returns its
    value.
    """

    name: str
    region: tuple[int, int]
    passed: tuple[Local, ...]
    types: tuple[str, ...]
    heads: tuple[str, ...]
    constants: tuple[Local, ...]
    instances: tuple[tuple[str, ...], ...]
    returns: str = "void"


@dataclass(frozen=True, slots=True)
@dataclass(frozen=True, slots=True)
class Interfaces:
    """Those of one host function. ``leaving`` are the regions that are never left but by leaving it.

    ``anywhere`` and ``made`` are as in ``parting.part``.
    """

    source: Source
    path: str
    environment: Environment
    thin: Thin
    function: Item
    anywhere: bool
    made: Sequence[tuple[str, ...]]
    leaving: Mapping[tuple[int, int], bool]

    def unparted(self, offset: int, message: str, hint: str | None = None) -> Unparted:
        """Why this function can't be parted so."""
        where = Location(self.path, line_of(self.source.text, offset), self.function.name)
        return Unparted(message, where=where, hint=hint)

    def launch(self, name: str, region: tuple[int, int], regions: Sequence[tuple[int, int]]) -> Launch:
        scope = scope_at(self.source, self.function, region[0])
        texts = list(self.expansions(region))
        used = frozenset(word for text in texts for word in text)
        returns = self.check_statements(region, regions, texts, scope)
        constants = self.constants(region, scope, used)
        used |= {word for one in constants for word in (*words_of(one.type), *words_of(one.value))}
        passed, types = self.interface(region, scope, used, texts)
        heads = tuple(_head(scope.names.get(name), name) for name in types)
        if self.anywhere:
            names = Unseen(self.source, self.function, scope)
            for text in texts:
                if unseen := names.first(text):
                    raise self.unparted(region[0], unseen)
        instances = self.instances(region, scope, types)
        return Launch(name, region, passed, types, heads, constants, instances, returns)

    def expansions(self, region: tuple[int, int]) -> Iterator[Sequence[str]]:
        """The tokens of the region, and of the body of each macro that it comes to."""
        words = code_tokens(self.source, *region)
        yield words
        for word in sorted(self.environment.closure(words, region[0])):
            for _, body in self.environment.history(word, region[0]):
                yield _behind_parameters(body or ())

    def check_statements(
        self,
        region: tuple[int, int],
        regions: Sequence[tuple[int, int]],
        texts: Sequence[Sequence[str]],
        scope: Scope,
    ) -> str:
        """What the launch function returns. Raises Unparted for a way out that it can't have."""
        values = False
        for text in texts:
            for word, after in zip(text, [*text[1:], ""], strict=False):
                values |= word == "return" and after != ";"
                if word in ("this", "co_return", "goto"):
                    raise self.unparted(region[0], f"an arm uses `{word}`")
        returns = self.value_type(scope) if values else "void"
        if not returns:
            raise self.unparted(region[0], "an arm returns a value of the function")
        leaves = values and self.leaves(region)
        if any("return" in text for text in texts) and not leaves and not self.ends_function(region, regions):
            raise self.unparted(region[0], "an arm returns, and the function goes on behind the branching")
        return returns

    def leaves(self, region: tuple[int, int]) -> bool:
        """Whether no way through an inner switch leads on behind it."""
        return self.leaving.get(region, False)

    def value_type(self, scope: Scope) -> str:
        """The type of the function's value as another function can say it; "" if none can."""
        returns = self.function.returns
        plain = self.anywhere and not scope.calls and not {"auto", "decltype"} & set(words_of(returns))
        return returns if plain and '"' not in returns else ""

    def ends_function(self, region: tuple[int, int], regions: Sequence[tuple[int, int]]) -> bool:
        """Whether the function (or the lambda) is over when the region is, but for other regions' `else`."""
        lexed = self.source.lexed
        index = lexed.index_at(region[1])
        while index < len(lexed):
            start = lexed.starts[index]
            inside = next((end for begin, end in regions if begin <= start < end), None)
            word = lexed.word(index)
            if inside is not None:
                index = lexed.index_at(inside)
                continue
            if lexed.directive_of[index] < 0 and lexed.kinds[index] != TokenKind.COMMENT:
                if word == "}":
                    return True
                if word not in (";", "else"):
                    return False
            index += 1
        return False

    def constants(self, region: tuple[int, int], scope: Scope, used: frozenset[str]) -> tuple[Local, ...]:
        """The function's constants that the text uses, or that those are made of, in order of declaration."""
        constants = {name: one for name, one in scope.names.items() if one.kind == "constant"}
        wanted: set[str] = set()
        waiting = [name for name in constants if name in used]
        while waiting:
            name = waiting.pop()
            wanted.add(name)
            words = [word for word in words_of(constants[name].value) if word.isidentifier()]
            for word in words:
                local = scope.names.get(word)
                if word not in ("true", "false", "sizeof") and (
                    local is None or local.kind not in ("constant", "template")
                ):
                    raise self.unparted(
                        region[0], f"the constant `{name}`, which an arm uses, is made of `{word}`"
                    )
            waiting += [word for word in words if word in constants and word not in wanted]
        return tuple(one for name, one in constants.items() if name in wanted)

    def interface(
        self, region: tuple[int, int], scope: Scope, used: frozenset[str], texts: Sequence[Sequence[str]]
    ) -> tuple[tuple[Local, ...], tuple[str, ...]]:
        """Parameters and type parameters: what the text uses of the function's names, with their types."""
        locals_ = {
            name: local
            for name, local in scope.names.items()
            if name in used and local.kind in ("parameter", "local")
        }
        passed = tuple(self.typed(region, local) for local in locals_.values())
        for local in passed:
            self.check_value(region, local, texts)
        words = set(used)
        for local in passed:
            words |= set(words_of(local.type))
        names = [
            name
            for name, local in scope.names.items()
            if local.kind in ("alias", "template") and name in words
        ]
        if SCALAR in words and SCALAR not in names and self.dispatched(scope):
            names.append(SCALAR)
        return passed, tuple(names)

    def typed(self, region: tuple[int, int], local: Local) -> Local:
        stated = self.thin.types.get(local.name)
        if stated is not None:
            return Local(local.name, stated, local.kind, deduced=True)
        if not local.type:
            raise self.unparted(
                region[0],
                f"the type of `{local.name}`, which an arm uses, does not stand in the text",
                f'state it in the rule: [thin.types] {local.name} = "…"',
            )
        if has_host_words(words_of(local.type)):
            raise self.unparted(region[0], f"an arm uses `{local.name}`, which is a {local.type}")
        if not self.anywhere or local.deduced:
            return local
        if "(" in local.type:
            raise self.unparted(region[0], f"an arm uses `{local.name}`, whose type can't be said again")
        return replace(local, type=local.type.rstrip("& ") + "&")

    def check_value(self, region: tuple[int, int], local: Local, texts: Sequence[Sequence[str]]) -> None:
        """A launch function has copies: what an arm writes to, or hands out the address of, is none."""
        if self.anywhere and not local.deduced:
            return
        if "&" in local.type and "const" not in local.type:
            raise self.unparted(region[0], f"an arm uses the reference `{local.name}`")
        for text in texts:
            for before, word, after in zip(["", *text], text, [*text[1:], ""], strict=False):
                if word != local.name or before in (".", "->", "::"):
                    continue
                declared = before.isidentifier() or before in ("*", ">")
                if (after in ASSIGNING and not declared) or before in ("++", "--"):
                    raise self.unparted(region[0], f"an arm assigns to `{local.name}` of the function")

    def dispatched(self, scope: Scope) -> tuple[str, ...]:
        return next((DISPATCHED[call] for call in reversed(scope.calls) if call in DISPATCHED), ())

    def written(self, name: str, scope: Scope) -> tuple[str, ...]:
        """The values of a template parameter of the function's, from its instantiations in the file."""
        parameters = [n for n, local in scope.names.items() if local.kind == "template"]
        if name not in parameters:
            return ()
        position = parameters.index(name)
        return tuple(arguments[position] for arguments in self.made if len(arguments) == len(parameters))

    def instances(
        self, region: tuple[int, int], scope: Scope, types: Sequence[str]
    ) -> tuple[tuple[str, ...], ...]:
        """The type arguments that the entry can call a launch function with."""
        if not types:
            return ((),)
        scalars = self.dispatched(scope) or ("",)
        derived = self.template_values(scope)
        columns: list[tuple[str, ...]] = []
        for name in types:
            stated = self.thin.instances.get(name) or self.written(name, scope)
            local = scope.names.get(name)
            if stated:
                columns.append(stated)
            elif name in derived:
                columns.append(derived[name])
            elif name == SCALAR and scalars != ("",):
                columns.append(scalars)
            elif (
                local is not None
                and local.kind == "alias"
                and (SCALAR not in words_of(local.type) or all(scalars))
            ):
                columns.append(tuple(_replaced(local.type, SCALAR, scalar) for scalar in scalars))
            else:
                raise self.unparted(
                    region[0],
                    f"the text does not say which types `{name}` stands for",
                    f'state them in the rule: [thin.instances] {name} = ["…"]',
                )
        if len({len(column) for column in columns}) != 1:
            names = ", ".join(types)
            raise self.unparted(
                region[0], f"{names}: not as many types for each", "state one for each, in order"
            )
        return tuple(dict.fromkeys(zip(*columns, strict=True)))

    def is_declaration(self, item: Item) -> bool:
        """Whether an item declares the function that is dealt, before its definition."""
        return item.kind is Kind.DECLARATION and item.name == self.function.name

    def template_values(self, scope: Scope) -> dict[str, tuple[str, ...]]:
        """For each template parameter of the function what the file calls it with, call by call.

        Empty where the file does not say: no call is in sight, or one is made with types of
        its function's own.
        """
        parameters = [one for one in scope.names.values() if one.kind == "template"]
        last = self.function.name.rpartition("::")[2]
        calls: dict[tuple[str, ...], None] = {}
        for item in flattened(self.source, self.source.items) if parameters else ():
            if item is self.function or item.kind in _SILENT or self.is_declaration(item):
                continue
            words = code_tokens(self.source, item.code_start, item.code_end)
            if last not in self.environment.closure(words, item.code_end):
                continue
            found = template_arguments(words, last, self.environment, item.code_end)
            if not found or (item.template_header is not None and item.kind is not Kind.INSTANTIATION):
                return {}
            if _own_types(words) & {word for call in found for text in call for word in words_of(text)}:
                return {}
            calls |= dict.fromkeys(found)
        defaults = [one.value for one in parameters]
        rows = [(*call, *defaults[len(call) :]) for call in calls]
        if not rows or any(len(row) != len(parameters) or not all(row) for row in rows):
            return {}
        return {one.name: tuple(row[n] for row in rows) for n, one in enumerate(parameters)}


def _head(local: Local | None, name: str) -> str:
    """How a launch function declares a template parameter of this name."""
    if local is None or local.kind != "template" or local.type in ("class", "typename"):
        return f"typename {name}"
    return f"{local.type} {name}"


def _own_types(words: Sequence[str]) -> set[str]:
    """The types that a function gives names of its own, or that a dispatch macro names: nothing elsewhere."""
    found = {SCALAR}
    for at, word in enumerate(words):
        if word == "using" and words[at + 2 : at + 3] == ["="]:
            found.add(words[at + 1])
        elif word == ";" and "typedef" in words[max(at - 16, 0) : at]:
            found.add(words[at - 1])
    return found


def _behind_parameters(body: Sequence[str]) -> Sequence[str]:
    """A macro's replacement: its definition without the name's parameter list.

    A definition without parameters may begin with a parenthesis, too; that it then looses its first words
    does no harm where this is used.
    """
    if body[:1] != ("(",) and list(body[:1]) != ["("]:
        return body
    return body[list(body).index(")") + 1 :] if ")" in body else body


def words_of(text: str) -> list[str]:

    lexed = lex(text.encode("utf-8", "surrogateescape"))
    return [lexed.word(index) for index in range(len(lexed))]


def _replaced(text: str, name: str, value: str) -> str:
    """The text with one name replaced by another."""

    return re.sub(rf"\b{re.escape(name)}\b", lambda _: value, text)
