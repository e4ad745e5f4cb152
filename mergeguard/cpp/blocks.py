"""Blocks opened: a file's units with those inside namespaces, ``extern "C"`` blocks and ``#if`` groups apart.

What opens and what closes a block become units of their own, so that the units still are the whole file. A
block whose parts all go one way need not be opened: ``closed`` puts it together again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from mergeguard.cpp.conditions import names
from mergeguard.cpp.edges import Edge, edge_at, edge_name
from mergeguard.cpp.source import Item, ItemScope, Kind, Source, Unit, grouped, nested, units
from mergeguard.values import dataclass, replace

_NAMING = frozenset(
    {Kind.FUNCTION, Kind.KERNEL, Kind.TYPE, Kind.VARIABLE, Kind.INSTANTIATION, Kind.NAMESPACE}
)
_MACROS = frozenset({Kind.MACRO, Kind.UNDEF})
_OPENING = "#if"
_KEY = ("opened",)
_DEAD = frozenset({"#if 0", "#if false"})
# Of an `#if` that is opened: each of its branches is opened by the lines of all before it.
_MOST_BRANCHES = 256


@dataclass(frozen=True, slots=True)
class Block:
    """An opened block: the range of its units, what opens and what closes it included."""

    first: int
    last: int
    whole: Unit  # the block as one unit


@dataclass(frozen=True, slots=True)
class _BlockSection:
    """What stands between two edges of a block: a namespace's inside, or one branch of an ``#if``."""

    scope: ItemScope
    inner: tuple[Unit, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A file's units with blocks opened, and the blocks, inner ones before those around them."""

    units: tuple[Unit, ...]
    blocks: tuple[Block, ...]


def opened(source: Source) -> Opened:
    """The file's units, every block opened that can be opened again elsewhere."""
    if _KEY not in source.derived:
        source.derived[_KEY] = _opened(source)
    found: Opened = source.derived[_KEY]
    return found


def _opened(source: Source) -> Opened:
    opener = _Opener(source)
    opener.add_all(units(source), ())
    return Opened(tuple(opener.units), tuple(opener.blocks))


def closed(
    found: Opened, homes: Sequence[str], apart: Collection[str] = (), kept: Collection[int] = ()
) -> tuple[tuple[Unit, ...], tuple[str, ...]]:
    """The units and their homes, each block that has one home only as one unit again.

    ``homes`` are those of ``found.units``; what opens and closes a block counts for nothing. A block whose
    home is one of ``apart`` stays open, and so does one with a unit (by number) of ``kept``.
    """
    whole: dict[int, tuple[Block, str]] = {}
    for block in found.blocks:
        numbers = range(block.first, block.last + 1)
        inside = {homes[n] for n in numbers if found.units[n].items}
        stays = any(n in kept for n in numbers) or not inside.isdisjoint(apart)
        if len(inside) == 1 and not stays:
            whole[block.first] = block, inside.pop()
    joined: list[Unit] = []
    where: list[str] = []
    number = 0
    while number < len(found.units):
        if number in whole:  # of blocks that begin here the outermost, which was noted last
            block, home = whole[number]
            joined.append(block.whole)
            where.append(home)
            number = block.last + 1
            continue
        joined.append(found.units[number])
        where.append(homes[number])
        number += 1
    return tuple(joined), tuple(where)


def _again(text: bytes) -> bytes:
    """How an edge is written in another file: on one line, but for directives."""
    if text.startswith(b"#"):
        return b"\n".join(line.strip() for line in text.splitlines() if line.strip())
    return b" ".join(text.split())


def is_of_a_macro(scope: ItemScope) -> bool:
    """Whether a macro opens the block, so that nobody knows what it is called."""
    return not scope.name and not scope.hidden and re.match(rb"\w+\s*(\(|$)", scope.opening) is not None


def space_of(scopes: Sequence[ItemScope]) -> str:
    """The qualified name of the innermost named namespace, macros and attributes before names left out."""
    named = (s.name for s in reversed(scopes) if s.name and not s.hidden and not s.name.startswith("extern "))
    return "::".join(part.rpartition(" ")[2] for part in next(named, "").split("::"))


def words_of(scopes: Sequence[ItemScope]) -> frozenset[str]:
    """The identifiers of the lines that open blocks: what has to be known where they are opened again."""
    if not scopes:
        return frozenset()
    text = b" ".join(scope.opening for scope in scopes).decode("utf-8", "surrogateescape")
    return frozenset(re.findall(r"[A-Za-z_]\w*", text))


def qualified_name(unit: Unit, item: Item) -> str:
    """An item's name with all namespaces around it: its own lacks those around an anonymous one."""
    outer = space_of(unit.scopes)
    *_, last = item.name.split("::")
    inside = item.name if not item.name or not outer else f"{outer}::{last}"
    if any(scope.hidden for scope in unit.scopes) or " " in item.name.removesuffix(last):
        return inside
    return item.name


class _Opener:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.units: list[Unit] = []
        self.blocks: list[Block] = []
        lexed = source.lexed
        self.defined = {
            lexed.word(d.first + 2)
            for d in lexed.directives
            if d.name in ("define", "undef") and d.first + 2 < d.last
        }

    def add_all(self, parts: Sequence[Unit], scopes: tuple[ItemScope, ...]) -> None:
        """Neighbouring units, those between two macros that open and close a block as its inside."""
        at = 0
        while at < len(parts):
            last = self.closing(parts, at)
            if last < 0:
                self.add(parts[at], scopes)
                at += 1
                continue
            self.add_between_macros(parts[at : last + 1], scopes)
            at = last + 1

    def edge(self, unit: Unit) -> Edge | None:
        return edge_at(self.source, unit.items[0]) if len(unit.items) == 1 else None

    def closing(self, parts: Sequence[Unit], at: int) -> int:
        """The number of the macro that closes what the one at ``at`` opens; -1 where none does."""
        open_at: list[Edge] = []
        for number in range(at, len(parts)):
            edge = self.edge(parts[number])
            if edge is not None and edge.opens:
                open_at.append(edge)
            elif edge is not None:
                if not open_at or not open_at.pop().is_closed_by(edge, edge_name(parts[number].items[0])):
                    return -1
            if not open_at:
                return number if number > at else -1
        return -1

    def add_between_macros(self, parts: Sequence[Unit], scopes: tuple[ItemScope, ...]) -> None:
        first, last = parts[0], parts[-1]
        opening, closing = (self.text[e.items[0].code_start : e.items[0].code_end] for e in (first, last))
        # What a macro's block is called, only its definition could tell: names of a rule leave it out.
        name = 'extern "C"' if b'"C"' in opening else ""
        edge = self.edge(first)
        hidden = edge is not None and edge.anonymous
        scope = ItemScope(first.items[0].code_start, name, _again(opening), _again(closing), hidden)
        begun = len(self.units)
        self.units.append(Unit(first.start, first.end, (), scopes))
        self.add_all(parts[1:-1], (*scopes, scope))
        self.units.append(Unit(last.start, last.end, (), scopes))
        items = tuple(item for part in parts for item in part.items)
        self.blocks.append(Block(begun, len(self.units) - 1, Unit(first.start, last.end, items, scopes)))

    def add(self, unit: Unit, scopes: tuple[ItemScope, ...]) -> None:
        whole = replace(unit, scopes=scopes)
        sections = self.namespace(whole) if len(unit.items) == 1 else self.conditional(whole)
        if not sections:
            self.units.append(whole)
            return
        first = len(self.units)
        at = unit.start
        for section in sections:
            self.units.append(Unit(at, section.start, (), scopes))
            self.add_all(section.inner, (*scopes, section.scope))
            at = section.end
        self.units.append(Unit(at, unit.end, (), scopes))
        self.blocks.append(Block(first, len(self.units) - 1, whole))

    def namespace(self, unit: Unit) -> list[_BlockSection]:
        (item,) = unit.items
        inner = list(grouped(nested(self.source, item, calls_end=True)))
        if item.body is None or not any(self.has_code(part) for part in inner):
            return []
        start = self.line_rest(item.body[0] + 1, inner[0].items[0].code_start)
        inner[0] = replace(inner[0], start=start)
        lexed = self.source.lexed
        words = lexed.words(lexed.index_at(item.code_start), lexed.index_at(item.body[0] + 1))
        if "#" in words:
            return []
        opening = " ".join(words).replace(" :: ", "::").encode("utf-8", "surrogateescape")
        scope = ItemScope(item.code_start, item.name, opening, b"}", "anonymous" in item.flags)
        return [_BlockSection(scope, tuple(inner), start, inner[-1].end)]

    def line_rest(self, at: int, limit: int) -> int:
        """After the newline of the line at ``at`` if nothing but blanks and a comment is left of it."""
        newline = self.text.find(b"\n", at, limit)
        rest = self.text[at:newline].strip() if newline >= 0 else b"-"
        return newline + 1 if not rest or rest.startswith(b"//") else at

    def conditional(self, unit: Unit) -> list[_BlockSection]:
        """The branches of an ``#if`` around definitions, where their conditions are about others' macros."""
        if unit.items[0].kind is not Kind.CONDITIONAL or unit.items[-1].name != "#endif":
            return []
        edges = self.edges(unit.items)
        if len(edges) > _MOST_BRANCHES:
            return []
        branches = [unit.items[a + 1 : b] for a, b in zip(edges, edges[1:], strict=False)]
        inner = [grouped(items) for items in branches]
        naming = any(item.kind in _NAMING for items in branches for item in items)
        several = sum(len(parts) for parts in inner) > 1 or any(
            item.kind is Kind.NAMESPACE for items in branches for item in items
        )
        if not naming or not several:
            return []
        compiled = [items for items in branches if not self.is_refusal(items)]
        if len(compiled) > 1 and any(item.kind in _MACROS for items in branches for item in items):
            return []  # which of the definitions is in force is not for one branch to tell
        sections: list[_BlockSection] = []
        lines: list[str] = []
        for edge, items, parts in zip(edges, branches, inner, strict=False):
            directive = unit.items[edge]
            lines.append(directive.name)
            if not self.defined.isdisjoint(names(directive.name)) or directive.name in _DEAD:
                return []
            opening = "\n".join(lines).encode("utf-8", "surrogateescape")
            scope = ItemScope(directive.code_start, "", opening, b"#endif")
            end = items[-1].end if items else directive.end
            sections.append(_BlockSection(scope, parts, directive.end, end))
        return sections

    def is_refusal(self, items: Sequence[Item]) -> bool:
        """Whether a branch only says ``#error``: what the others define is then in force for all."""
        texts = [self.text[i.code_start : i.code_end] for i in items if i.kind is not Kind.COMMENT]
        return bool(texts) and all(re.match(rb"#\s*error\b", text) for text in texts)

    @staticmethod
    def edges(items: Sequence[Item]) -> list[int]:
        """The places of the group's own ``#if``, ``#elif``, ``#else`` and ``#endif``."""
        found: list[int] = []
        depth = 0
        for number, item in enumerate(items):
            if item.kind is not Kind.CONDITIONAL:
                continue
            depth -= item.name == "#endif"
            if depth == 0 or (depth == 1 and not item.name.startswith(_OPENING) and item.name != "#endif"):
                found.append(number)
            depth += item.name.startswith(_OPENING)
        return found

    @staticmethod
    def has_code(unit: Unit) -> bool:
        return any(item.kind is not Kind.COMMENT for item in unit.items)


def walk(source: Source, unit: Unit) -> Iterator[tuple[Item, bool]]:
    """The unit's items and those in its namespaces; and whether they are in an anonymous one."""

    def inside(items: Iterable[Item], hidden: bool) -> Iterator[tuple[Item, bool]]:
        for item in items:
            if item.kind is Kind.NAMESPACE:
                yield from inside(nested(source, item, calls_end=True), hidden or "anonymous" in item.flags)
            elif item.kind is not Kind.CONDITIONAL:
                yield item, hidden

    yield from inside(unit.items, any(scope.hidden for scope in unit.scopes))
