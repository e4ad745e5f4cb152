"""What of a host function goes to the shards of a thin layout, and the interface that this needs.

In a layout whose interface is thin, the host function stays in the entry whole but for its *dealt text*: the
branching, and the function's own macros that it expands. The dealt text becomes the body of launch functions,
one for each place where the function comes to the branching. What the dealt text uses of the function are the
launch function's parameters: their types are upstream's own declarations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mergeguard.cpp.environment import Environment
from mergeguard.cpp.lexer import TokenKind
from mergeguard.cpp.source import Item, Source, identifiers
from mergeguard.lens.homes.launches import ASSIGNING, Interfaces, Launch, words_of
from mergeguard.lens.rule import Thin
from mergeguard.values import dataclass


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
    leaving = dict(zip(dealt.regions, dealt.leaving, strict=False))
    interfaces = Interfaces(source, path, environment, thin, function, anywhere, made, leaving)
    return _Parter(interfaces, dealt).parted()


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
    """Of one host function whose interfaces are ``interfaces``."""

    def __init__(self, interfaces: Interfaces, dealt: PartedArms) -> None:
        self.interfaces = interfaces
        self.unparted = interfaces.unparted
        self.source = interfaces.source
        self.environment = interfaces.environment
        self.function = interfaces.function
        self.dealt = dealt
        self.name = launch_name(interfaces.function)
        self.lexed = interfaces.source.lexed

    def parted(self) -> Parted:
        regions = self.regions()
        if self.interfaces.anywhere:
            self.check_choice()
        if not regions:
            raise self.unparted(self.dealt.start, "the function does not come to the branching")
        launches = []
        for number, region in enumerate(regions, 1):
            name = f"{self.name}_launch" + (f"_{number}" if len(regions) > 1 else "")
            launches.append(self.interfaces.launch(name, region, regions))
        return Parted(self.function, tuple(self.blocks(regions)), tuple(launches))

    def check_choice(self) -> None:
        """The entry asks for the value, and the shard again: asking must not change it."""
        for text in self.dealt.choices:
            for word in words_of(text):
                if word in ASSIGNING:
                    raise self.unparted(self.dealt.start, f"asking for `{text}` changes something")

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
