"""What of a host function goes to the shards of a thin layout, and the interface that this needs.

In a layout whose interface is thin, the host function stays in the entry whole but for its *dealt text*: the
branching, and the function's own macros that it expands. The dealt text becomes the body of launch functions,
one for each place where the function comes to the branching. What the dealt text uses of the function are the
launch function's parameters: their types are upstream's own declarations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from mergeguard.cpp.environment import Environment
from mergeguard.cpp.expansion import template_arguments
from mergeguard.cpp.lexer import TokenKind, lex
from mergeguard.cpp.scope import Local, Scope, scope_at
from mergeguard.cpp.source import Item, Kind, Source, code_tokens, flattened, identifiers, line_of
from mergeguard.errors import Location, RuleMismatch
from mergeguard.lens.homes.unseen import Unseen
from mergeguard.lens.rule import Thin
from mergeguard.values import dataclass, replace

# PyTorch's dispatch macros that call a lambda once for each of these, as `scalar_t`.
DISPATCHED: dict[str, tuple[str, ...]] = {
    "AT_DISPATCH_REDUCED_FLOATING_TYPES": ("c10::Half", "c10::BFloat16"),
    "AT_DISPATCH_FLOATING_TYPES": ("double", "float"),
    "AT_DISPATCH_FLOATING_TYPES_AND_HALF": ("double", "float", "c10::Half"),
}
_SCALAR = "scalar_t"
# Types of c10 that have a header of their own, which reads nothing else of PyTorch's.
LIGHT_TYPES = {
    name: f"c10/util/{name}.h" for name in ("Half", "BFloat16", "Float8_e4m3fn", "Float8_e4m3fnuz")
}
_HOST_WORDS = frozenset({"at", "torch", "Tensor", "ATen", "pybind11"})
_HOST_PREFIXES = ("TORCH_", "STD_TORCH_", "AT_DISPATCH", "AT_CUDA", "C10_CUDA", "VLLM_DISPATCH_")
_HOST_INCLUDES = ("<torch/*", "<ATen/*", "<c10/*", "<caffe2/*", "<pybind11/*")
# Items that call nothing by themselves; what is in a namespace comes after it.
_SILENT = frozenset(
    {Kind.MACRO, Kind.UNDEF, Kind.INCLUDE, Kind.COMMENT, Kind.CONDITIONAL, Kind.PRAGMA, Kind.NAMESPACE}
)
_ASSIGNING = frozenset({"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=", "++", "--"})


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
class Parted:
    """A host function's dealt text: byte ranges in file order, and the launch functions among them.

    ``blocks`` are whole lines: macro definitions and their ``#undef`` lines.
    """

    function: Item
    blocks: tuple[tuple[int, int], ...]
    launches: tuple[Launch, ...]

    @property
    def name(self) -> str:
        """What the names of its texts begin with."""
        return launch_name(self.function)

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Everything that leaves the host function, in file order."""
        return tuple(sorted((*self.blocks, *(launch.region for launch in self.launches))))


def is_of_the_host(source: Source, item: Item, thin: Thin) -> bool:
    """Whether an item needs the headers that only the entry reads."""
    if item.kind is Kind.INCLUDE:
        globs = (*_HOST_INCLUDES, *thin.host)
        light = any(header in item.name for header in LIGHT_TYPES.values())
        return not light and any(fnmatchcase(item.name.replace('"', ""), glob) for glob in globs)
    if item.kind is Kind.MACRO:
        return False  # means nothing until it is used
    return has_host_words(code_tokens(source, item.code_start, item.code_end))


def has_host_words(words: Sequence[str]) -> bool:
    """Whether text speaks of what only PyTorch's large headers declare."""
    for position, word in enumerate(words):
        if word in _HOST_WORDS or word.startswith(_HOST_PREFIXES):
            return True
        if word == "c10" and words[position + 2 : position + 3] and words[position + 2] not in LIGHT_TYPES:
            return True
    return False


def launch_name(function: Item) -> str:
    """A function's name as part of an identifier."""
    return function.name.replace("::", "_")


def part(
    source: Source,
    path: str,
    environment: Environment,
    thin: Thin,
    function: Item,
    dealt: PartedArms,
    *,
    anywhere: bool = False,
    made: Sequence[tuple[str, ...]] = (),
) -> Parted:
    """The dealt text of ``function``. Raises Unparted, naming what can't be derived.

    ``made`` are the template arguments with which the file instantiates the function.

    ``anywhere``: for text of any kind, as emission 3 has it. What it uses of the function is passed by
    reference, it may return the function's value, and what may be a name of the function or of its class
    that tokens can't tell is refused.
    """
    return _Parter(source, path, environment, thin, function, dealt, anywhere, made).parted()


@dataclass(frozen=True, slots=True)
class PartedArms:
    """The branching: its bytes, and the macro that it stands in ("" for none), the function's own or not.

    ``choices`` are what it asks for: the switch's expression, or the conditions of the chain. ``regions`` are
    all branchings that are dealt, and ``leaving`` says of each whether every way through it leaves the
    function (of inner switches alone).
    """

    start: int
    end: int
    macro: str
    choices: tuple[str, ...] = ()
    regions: tuple[tuple[int, int], ...] = ()
    leaving: tuple[bool, ...] = ()


class _Parter:
    def __init__(
        self,
        source: Source,
        path: str,
        environment: Environment,
        thin: Thin,
        function: Item,
        dealt: PartedArms,
        anywhere: bool,
        made: Sequence[tuple[str, ...]],
    ) -> None:
        self.anywhere = anywhere
        self.made = made
        self.source = source
        self.path = path
        self.environment = environment
        self.thin = thin
        self.function = function
        self.dealt = dealt
        self.name = launch_name(function)
        self.lexed = source.lexed

    def parted(self) -> Parted:
        regions = self.regions()
        if self.anywhere:
            self.check_choice()
        if not regions:
            raise self.unparted(self.dealt.start, "the function does not come to the branching")
        launches = []
        for number, region in enumerate(regions, 1):
            name = f"{self.name}_launch" + (f"_{number}" if len(regions) > 1 else "")
            launches.append(self.launch(name, region, regions))
        return Parted(self.function, tuple(self.blocks(regions)), tuple(launches))

    def unparted(self, offset: int, message: str, hint: str | None = None) -> Unparted:
        where = Location(self.path, line_of(self.source.text, offset), self.function.name)
        return Unparted(message, where=where, hint=hint)

    def check_choice(self) -> None:
        """The entry asks for the value, and the shard again: asking must not change it."""
        for text in self.dealt.choices:
            for word in _words(text):
                if word in _ASSIGNING:
                    raise self.unparted(self.dealt.start, f"asking for `{text}` changes something")

    # -- the text ------------------------------------------------------------------------------------

    def regions(self) -> list[tuple[int, int]]:
        """The branching, or each macro call that comes to it."""
        if not self.dealt.macro:
            return list(self.dealt.regions) or [(self.dealt.start, self.dealt.end)]
        assert self.function.body is not None
        first, last = (self.lexed.index_at(offset) for offset in self.function.body)
        found: list[tuple[int, int]] = []
        index = first
        while index < last:
            start, end = self.lexed.starts[index], self.lexed.end(index)
            index += 1
            if self.lexed.directive_of[index - 1] >= 0 or self.lexed.kinds[index - 1] != TokenKind.IDENT:
                continue
            word = self.lexed.word(index - 1)
            if self.dealt.macro in self.environment.closure([word], start) and self.is_macro(word, start):
                index, end = self.behind_call(index, end)
                found.append((start, end))
        return found

    def is_macro(self, word: str, offset: int) -> bool:
        return bool(self.environment.history(word, offset))

    def behind_call(self, index: int, end: int) -> tuple[int, int]:
        """The token behind a macro call's arguments, and the byte behind them."""
        depth = 0
        at = index
        while at < len(self.lexed):
            word = self.lexed.word(at)
            depth += (word == "(") - (word == ")")
            if depth == 0:
                return (at + 1, self.lexed.end(at)) if word == ")" else (index, end)
            at += 1
        return index, end

    def own_macros(self, regions: Sequence[tuple[int, int]]) -> frozenset[str]:
        """The macros of the function's own that the dealt text expands."""
        words: frozenset[str] = frozenset()
        for start, end in regions:
            words |= self.environment.closure(identifiers(self.source, start, end), start)
        return words & {name for name, _, _ in self.directives(("define",))}

    def directives(self, kinds: tuple[str, ...]) -> Iterator[tuple[str, int, int]]:
        """Names and whole lines of the function's directives of some kinds."""
        assert self.function.body is not None
        for directive in self.lexed.directives_in(*self.function.body):
            if directive.name in kinds and directive.first + 2 < directive.last:
                start = self.source.text.rfind(b"\n", 0, directive.start) + 1
                end = self.source.text.find(b"\n", directive.end) + 1 or len(self.source.text)
                yield self.lexed.word(directive.first + 2), start, end

    def blocks(self, regions: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """The lines of the function's own macros, what comments stand right before a definition included."""
        own = self.own_macros(regions)
        lines = [
            (start, end)
            for name, start, end in self.directives(("define", "undef"))
            # What stands in the branching goes along with it.
            if name in own and not any(first < end and start < last for first, last in regions)
        ]
        self.check_lines(lines, own, regions)
        yield from self.joined([(self.with_comments(start), end) for start, end in lines])

    def joined(self, lines: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Blocks of lines, one for those with nothing but blank lines between them."""
        block: tuple[int, int] | None = None
        for start, end in sorted(lines):
            if block is not None and not self.source.text[block[1] : max(start, block[1])].strip():
                block = (block[0], max(end, block[1]))
                continue
            if block is not None:
                yield block
            block = (start, end)
        if block is not None:
            yield block

    def with_comments(self, start: int) -> int:
        """The start of the comment lines right before a line."""
        text = self.source.text
        while start:
            before = text.rfind(b"\n", 0, start - 1) + 1
            line = text[before : start - 1].strip()
            if not line.startswith(b"//"):
                break
            start = before
        return start

    def check_lines(
        self, lines: Sequence[tuple[int, int]], own: frozenset[str], regions: Sequence[tuple[int, int]]
    ) -> None:
        assert self.function.body is not None
        depth = 0
        for directive in self.lexed.directives_in(*self.function.body):
            depth -= directive.name == "endif"
            if depth and any(start <= directive.start < end for start, end in (*lines, *regions)):
                raise self.unparted(directive.start, "what is dealt stands in an #if of the function")
            depth += directive.name.startswith("if")
        for index in range(*(self.lexed.index_at(offset) for offset in self.function.body)):
            start = self.lexed.starts[index]
            if self.lexed.directive_of[index] >= 0 or any(s <= start < e for s, e in regions):
                continue
            word = self.lexed.word(index)
            if self.lexed.kinds[index] == TokenKind.IDENT and word in own:
                raise self.unparted(start, f"`{word}` is used beside the branching, too")

    # -- the interface -------------------------------------------------------------------------------

    def launch(self, name: str, region: tuple[int, int], regions: Sequence[tuple[int, int]]) -> Launch:
        scope = scope_at(self.source, self.function, region[0])
        texts = list(self.expansions(region))
        used = frozenset(word for text in texts for word in text)
        returns = self.check_statements(region, regions, texts, scope)
        constants = self.constants(region, scope, used)
        used |= {word for one in constants for word in (*_words(one.type), *_words(one.value))}
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
        known = dict(zip(self.dealt.regions, self.dealt.leaving, strict=False))
        return known.get(region, False)

    def value_type(self, scope: Scope) -> str:
        """The type of the function's value as another function can say it; "" if none can."""
        returns = self.function.returns
        plain = self.anywhere and not scope.calls and not {"auto", "decltype"} & set(_words(returns))
        return returns if plain and '"' not in returns else ""

    def ends_function(self, region: tuple[int, int], regions: Sequence[tuple[int, int]]) -> bool:
        """Whether the function (or the lambda) is over when the region is, but for other regions' `else`."""
        index = self.lexed.index_at(region[1])
        while index < len(self.lexed):
            start = self.lexed.starts[index]
            inside = next((end for begin, end in regions if begin <= start < end), None)
            word = self.lexed.word(index)
            if inside is not None:
                index = self.lexed.index_at(inside)
                continue
            if self.lexed.directive_of[index] < 0 and self.lexed.kinds[index] != TokenKind.COMMENT:
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
            words = [word for word in _words(constants[name].value) if word.isidentifier()]
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
            words |= set(_words(local.type))
        names = [
            name
            for name, local in scope.names.items()
            if local.kind in ("alias", "template") and name in words
        ]
        if _SCALAR in words and _SCALAR not in names and self.dispatched(scope):
            names.append(_SCALAR)
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
        if has_host_words(_words(local.type)):
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
                if (after in _ASSIGNING and not declared) or before in ("++", "--"):
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
            elif name == _SCALAR and scalars != ("",):
                columns.append(scalars)
            elif (
                local is not None
                and local.kind == "alias"
                and (_SCALAR not in _words(local.type) or all(scalars))
            ):
                columns.append(tuple(_replaced(local.type, _SCALAR, scalar) for scalar in scalars))
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
            if _own_types(words) & {word for call in found for text in call for word in _words(text)}:
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
    found = {_SCALAR}
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


def _words(text: str) -> list[str]:

    lexed = lex(text.encode("utf-8", "surrogateescape"))
    return [lexed.word(index) for index in range(len(lexed))]


def _replaced(text: str, name: str, value: str) -> str:
    """The text with one name replaced by another."""

    return re.sub(rf"\b{re.escape(name)}\b", lambda _: value, text)
