"""A C++/CUDA/HIP file as items: lossless, named, each with an identity that survives edits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from operator import attrgetter

from mergeguard.cpp import beginnings
from mergeguard.cpp.beginnings import Mark, ParsedBeginning
from mergeguard.cpp.classifying.classify import Facets, classify
from mergeguard.cpp.conditions import MIDDLES, OPENERS, Branch, condition_of
from mergeguard.cpp.items import Item, ItemKey, ItemScope, Kind, Parameter, Source, Unit
from mergeguard.cpp.knownitems import KnownItem, KnownItems, Segment, begin_of
from mergeguard.cpp.lexer import Directive, Lexed, TokenKind, lex
from mergeguard.cpp.remember import remembered
from mergeguard.cpp.segment import Segmented, segment, way_of
from mergeguard.cpp.text import code_tokens, identifiers, join_expression, line_of
from mergeguard.digests import blake2b
from mergeguard.values import replace

__all__ = [
    "Item",
    "ItemKey",
    "ItemScope",
    "Kind",
    "Parameter",
    "Source",
    "Unit",
    "code_tokens",
    "grouped",
    "identifiers",
    "item_at",
    "line_of",
    "nested",
    "opened_items",
    "parse",
    "units",
]

_DIRECTIVE_KINDS = {
    "include": Kind.INCLUDE,
    "include_next": Kind.INCLUDE,
    "import": Kind.INCLUDE,
    "define": Kind.MACRO,
    "undef": Kind.UNDEF,
    "pragma": Kind.PRAGMA,
    "endif": Kind.CONDITIONAL,
    **dict.fromkeys(OPENERS | MIDDLES, Kind.CONDITIONAL),
}
# In how many namespaces the inside of one is still read: what asks for it goes in as deep.
_DEEPEST = 40
_DEPTH = "depth"  # of a block, by its body, among what is derived of a source
_BEGUN = "begun"  # the source whose beginning was taken over, and how many bytes, among what is derived
_LINKAGE = 'extern "C"::'  # as such a block qualifies what is in it
# Among what is derived: the tokens and items that were read, of texts so long that other processes are told.
READ = "read"
WORTH_TELLING = 200_000
_KEYED_BY_RETURN = frozenset({Kind.INSTANTIATION})


def parse(text: bytes, calls_end: bool = False) -> Source:
    """The items of a file; joined they are exactly ``text``.

    ``calls_end``: a macro call without a semicolon ends before the next directive. Layouts without
    ``[[deal]]`` are derived without it: what one item is decides where it goes, and must not change (an
    emission's bytes).

    Never fails: what can't be read is an opaque item and an entry of ``Source.problems``. Comments and blank
    lines before an item belong to it, a comment behind it on its last line too; comments at the very start of
    the file, up to a blank line, are an item of their own.
    """
    source, differs = _parse(text, False)
    return _parse(text, True)[0] if calls_end and differs else source


@remembered
def _parse(text: bytes, calls_end: bool) -> tuple[Source, bool]:
    """The source, and whether ``calls_end`` matters to it."""
    if len(text) < WORTH_TELLING:
        return _read(text, calls_end)
    with KnownItems.noting() as noted:
        found = _read(text, calls_end)
    found[0].derived[READ,] = beginnings.late(text), noted
    return found


def _read(text: bytes, calls_end: bool) -> tuple[Source, bool]:
    lexed = lex(text)
    begun = beginnings.shared(text)
    known = _known_reading(begun, lexed, calls_end)
    segmented = segment(lexed, 0, len(lexed), calls_end=calls_end, begun=known)
    before = known[0].items_before(known[1]) if known is not None else ()
    start = before[-1].end if before else 0
    items = _SourceBuilder(lexed).build(segmented, start, len(text), header=not before)
    problems = segmented.problems + _lexical_problems(lexed)
    source = Source(text, _numbered(items, before), tuple(sorted(set(problems))), lexed=lexed)
    if known is not None and before:
        source.derived[_BEGUN,] = known[0].source, before[-1].end
    elif begun is not None and begun.length == len(text) == len(begun.beginning.text):
        begun.beginning.readings[calls_end] = _reading(source, segmented)
    return source, segmented.asks_for_calls


def begun_as(source: Source) -> tuple[Source, int] | None:
    """The source whose items were taken over for the beginning of this one, and up to which byte.

    No ``#if`` is open there. None if all was read for it.
    """
    found: tuple[Source, int] | None = source.derived.get((_BEGUN,))
    return found


def _known_reading(
    begun: beginnings.Shared | None, lexed: Lexed, calls_end: bool
) -> tuple[ParsedBeginning, Mark] | None:
    """How the beginning of a text was read before, and from where on it is to be read now."""
    if begun is None or (reading := begun.beginning.readings.get(calls_end)) is None:
        return None
    # The last token may go on in this text, unless its line ends in what both have.
    last = lexed.index_at(begun.length) - 1
    ends = b"\n" in lexed.text[lexed.end(last) : begun.length]
    mark = reading.mark_before(last if ends else last - 1)
    if mark is None or reading.way != way_of(lexed, calls_end):
        return None
    return reading, mark


def _reading(source: Source, segmented: Segmented) -> ParsedBeginning:
    segments, items = segmented.segments, source.items
    has_header = bool(segments) and items[0].end <= source.lexed.starts[segments[0].first]
    return ParsedBeginning(source, segmented.way, segmented.marks, segmented.defined, int(has_header))


def _as_known(one: KnownItem, at: int, start: int, end: int, prefix: str) -> Item:
    """A known item whose code begins at ``at``, as bytes ``[start, end)`` and with another prefix."""
    assert one.item is not None
    item = _again(one.item, at - one.start, start, end)
    if prefix == one.prefix or not _takes_prefix(item.kind, item.name):
        return item
    name = prefix + item.name.removeprefix(one.prefix)
    return replace(item, name=name, key=replace(item.key, name=name))


def _again(item: Item, by: int, start: int, end: int) -> Item:
    """An item so many bytes further on, as bytes ``[start, end)``."""
    if not by:
        return item if (item.start, item.end) == (start, end) else replace(item, start=start, end=end)

    header, places, name, body = item.template_header, item.parameter_list, item.name_range, item.body
    parameters = item.parameters and tuple(
        Parameter(p.start + by, p.end + by, p.name, None if p.default_start is None else p.default_start + by)
        for p in item.parameters
    )
    return Item(
        item.kind,
        item.name,
        start,
        end,
        item.code_start + by,
        item.code_end + by,
        item.key,
        item.condition,
        item.flags,
        item.arguments,
        item.returns,
        header and (header[0] + by, header[1] + by),
        item.declarator_start + by,
        parameters,
        places and (places[0] + by, places[1] + by),
        name and (name[0] + by, name[1] + by),
        body and (body[0] + by, body[1] + by),
    )


def _takes_prefix(kind: Kind, name: str) -> bool:
    """Whether an item's name is qualified by the namespace that it stands in."""
    return bool(name) and kind is not Kind.USING


def flattened(source: Source, items: Iterable[Item]) -> Iterable[Item]:
    """The items, and after each namespace block what is in it."""
    for item in items:
        yield item
        if item.kind is Kind.NAMESPACE and item.body is not None:
            yield from flattened(source, nested(source, item))


def opened_items(source: Source) -> tuple[Item, ...]:
    """The items in file order; in place of a namespace or ``extern "C"`` block what is in it, where it can be
    read. Names are qualified by namespaces alone."""
    key = (opened_items,)
    if key not in source.derived:
        source.derived[key] = tuple(_opened(source, source.items))
    found: tuple[Item, ...] = source.derived[key]
    return found


def _opened(source: Source, items: Iterable[Item]) -> Iterable[Item]:
    for item in items:
        inner = nested(source, item)
        if inner:
            yield from _opened(source, inner)
        else:
            yield replace(item, name=item.name.replace(_LINKAGE, "")) if _LINKAGE in item.name else item


def item_at(source: Source, offset: int) -> Item | None:
    """The declaration that a byte is in, namespaces opened; the block of one between its declarations."""
    inner = next((item for item in opened_items(source) if item.start <= offset < item.end), None)
    return inner or next((item for item in source.items if item.start <= offset < item.end), None)


def nested(source: Source, item: Item, calls_end: bool = False) -> tuple[Item, ...]:
    """The items inside a namespace or ``extern "C"`` block; joined they are the bytes between its braces.

    Names are qualified by the namespace, conditions begin with the item's; offsets are those of the file.
    Other items have none, nor has a block that can't be read alone (a condition around its end, say), or one
    in dozens of others.
    """
    if item.kind is not Kind.NAMESPACE or item.body is None:
        return ()
    key = (nested, item.body, item.key, item.condition, calls_end)
    if key not in source.derived:
        depth: int = source.derived.get((_DEPTH, item.body), 0)
        begun = begun_as(source)
        if begun is not None and item.end <= begun[1]:
            found = nested(begun[0], item, calls_end)
        else:
            with KnownItems.noting() as noted:
                found = _nested(source, item, item.body, calls_end) if depth < _DEEPEST else ()
            source.derived.get((READ,), (None, []))[1].extend(noted)
        source.derived[key] = found
        for block in found:
            if block.kind is Kind.NAMESPACE and block.body is not None:
                source.derived[_DEPTH, block.body] = depth + 1
    inner: tuple[Item, ...] = source.derived[key]
    return inner


def _nested(source: Source, item: Item, body: tuple[int, int], calls_end: bool) -> tuple[Item, ...]:
    lexed = source.lexed
    start, end = body[0] + 1, body[1] - 1
    if source.text[end : end + 1] != b"}":
        return ()  # the file ends inside the block
    path = tuple(
        Branch(exact, short) for exact, short in zip(item.condition, item.key.condition, strict=True)
    )
    first, last = lexed.index_at(start), lexed.index_at(end)
    segmented = segment(lexed, first, last, path, calls_end=calls_end)
    if segmented.problems:
        return ()
    prefix = "" if item.name.startswith("extern ") or not item.name else f"{item.name}::"
    return _numbered(_SourceBuilder(lexed, prefix).build(segmented, start, end, header=False))


def units(source: Source) -> tuple[Unit, ...]:
    """The file cut into what can be moved alone; an ``#if`` without ``#endif`` makes the rest one unit."""
    return grouped(source.items)


def grouped(items: Iterable[Item]) -> tuple[Unit, ...]:
    """Neighbouring items as units: see ``units``."""
    found: list[Unit] = []
    group: list[Item] = []
    depth = 0
    for item in items:
        group.append(item)
        if item.kind is Kind.CONDITIONAL:
            if item.name.startswith("#if"):
                depth += 1
            elif item.name == "#endif":
                depth = max(0, depth - 1)
        if depth == 0:
            found.append(Unit(group[0].start, item.end, tuple(group)))
            group = []
    if group:
        found.append(Unit(group[0].start, group[-1].end, tuple(group)))
    return tuple(found)


def _lexical_problems(lexed: Lexed) -> list[tuple[int, str]]:
    problems = []
    text = lexed.text
    if lexed.texts:
        kind, start, end = lexed.kinds[-1], lexed.starts[-1], lexed.end(-1)
        if kind == TokenKind.COMMENT and text.startswith(b"/*", start):
            if end - start < 4 or not text.endswith(b"*/", start, end):
                problems.append((start, "comment without end"))
        if (
            kind == TokenKind.STRING
            and b'R"' in text[start : start + 4]
            and not text.endswith(b'"', start, end)
        ):
            problems.append((start, "raw string without end"))
    return problems


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=6).hexdigest() if text else ""


class _SourceBuilder:
    """Turns segments into items: byte ranges, names, keys."""

    def __init__(self, lexed: Lexed, prefix: str = "") -> None:
        self.lexed = lexed
        self.prefix = prefix
        self.smalls: dict[tuple[object, ...], Item] = {}  # by all that decides what comes of them

    def build(self, segmented: Segmented, start: int, stop: int, *, header: bool) -> list[Item]:
        """The items of bytes ``[start, stop)``, equal ones not told apart; what was read now is kept."""
        segments = segmented.segments
        items: list[Item] = []
        limit_first = self.lexed.index_at(start)
        if header:
            end = self.header_end(segments[0].first if segments else len(self.lexed))
            if end > start and (segments or end < stop):
                items.append(self.comment(start, end))
                start = end
        for position, part in enumerate(segments):
            following = segments[position + 1].first if position + 1 < len(segments) else -1
            end = self.item_end(part, following, stop)
            one = segmented.known.get(position)
            if one is not None:
                item = _as_known(one, self.lexed.starts[part.first], start, end, self.prefix)
            elif part.directive >= 0:
                item = self.line(part, start, end)
            elif position in segmented.fresh:
                item = self.item(part, start, end)
                segmented.keep(position, item, self.prefix)
            else:
                item = self.small(part, start, end)
            items.append(item)
            start = item.end
        if start < stop:
            first = max(limit_first, self.lexed.index_at(start))
            if first < self.lexed.index_at(stop) or not items:
                items.append(self.comment(start, stop))
            else:
                items[-1] = replace(items[-1], end=stop)
        return items

    def item_end(self, part: Segment, following: int, stop: int) -> int:
        """After the newline of the item's last line if only white space and comments follow there."""
        lexed, text = self.lexed, self.lexed.text
        index = part.last
        end = lexed.end(index - 1)
        limit = following if following >= 0 else len(lexed)
        while True:
            after = min(lexed.starts[index], stop) if index < len(lexed) else stop
            newline = text.find(b"\n", end, after)
            if newline >= 0 or after == stop:
                return stop if newline < 0 else newline + 1
            if index >= limit or lexed.end(index) > stop:
                return lexed.end(part.last - 1)
            end = lexed.end(index)
            index += 1

    def header_end(self, code: int) -> int:
        """End of the comments at the file's start, up to a blank line or the first code; else 0."""
        lexed, text = self.lexed, self.lexed.text
        end = 0
        for index in range(code):
            start, stop = lexed.starts[index], lexed.end(index)
            if text.count(b"\n", end, start) > (1 if end and text[end - 1 : end] != b"\n" else 0) and end:
                break
            newline = text.find(b"\n", stop)
            line_end = len(text) if newline < 0 else newline + 1
            if index + 1 < len(lexed) and lexed.starts[index + 1] < line_end:
                if lexed.kinds[index + 1] != TokenKind.COMMENT or index + 1 >= code:
                    break  # code on the comment's last line
                continue
            end = line_end
        return end

    def comment(self, start: int, end: int) -> Item:
        first = self.lexed.index_at(start)
        last = self.lexed.index_at(end)
        has_code = first < last
        code_start = self.lexed.starts[first] if has_code else start
        code_end = self.lexed.end(last - 1) if has_code else start
        return Item(
            Kind.COMMENT,
            "",
            start,
            end,
            code_start,
            code_end,
            ItemKey(Kind.COMMENT, ""),
            declarator_start=code_start,
        )

    def item(self, part: Segment, start: int, end: int) -> Item:
        code_start, code_end = self.lexed.starts[part.first], self.lexed.end(part.last - 1)
        if part.directive >= 0:
            directive = self.lexed.directives[part.directive]
            last = directive.last
            while last > directive.first + 1 and self.lexed.kinds[last - 1] == TokenKind.COMMENT:
                last -= 1
            code_end = self.lexed.end(last - 1)
            facets = self.directive(directive, last, part)
        else:
            facets = classify(self.lexed, part)
            if self.prefix and _takes_prefix(facets.kind, facets.name):
                facets.name = self.prefix + facets.name
        flags = facets.flags
        by_return = facets.kind in _KEYED_BY_RETURN or "specialization" in flags
        key = ItemKey(
            facets.kind,
            facets.name,
            facets.arguments,
            facets.returns if by_return else "",
            _digest(facets.template_text),
            _digest(facets.parameter_text),
            tuple(branch.short for branch in part.path),
        )
        return Item(
            kind=facets.kind,
            name=facets.name,
            start=start,
            end=end,
            code_start=code_start,
            code_end=code_end,
            key=key,
            condition=tuple(branch.exact for branch in part.path),
            flags=frozenset(flags),
            arguments=facets.arguments,
            returns=facets.returns,
            template_header=facets.template_header,
            declarator_start=facets.declarator_start,
            parameters=facets.parameters,
            parameter_list=facets.parameter_list,
            name_range=facets.name_range,
            body=facets.body,
        )

    def small(self, part: Segment, start: int, end: int) -> Item:
        """The item of a statement too short to be known from other texts: this one may have it again."""
        lexed = self.lexed
        at = lexed.starts[part.first]
        code = lexed.text[at : lexed.end(part.last - 1)]
        key = (code, part.path, part.opaque, part.block, part.brace - part.first if part.brace >= 0 else -1)
        one = self.smalls.get(key)
        if one is not None:
            return _again(one, at - one.code_start, start, end)
        item = self.smalls[key] = self.item(part, start, end)
        return item

    def line(self, part: Segment, start: int, end: int) -> Item:
        """The item of one preprocessor line: by its bytes, if they were read in such a place before."""
        lexed, line = self.lexed, self.lexed.directives[part.directive]
        items = KnownItems.read_as(("line", part.path, part.opening))
        one = items.find(lexed, line.first, line.last)
        if one is not None:
            return _as_known(one, line.start, start, end, "")
        text, tokens = lexed.text[line.start : line.end], line.last - line.first
        item = self.item(part, start, end)
        one = KnownItem(text, b"", tokens, tokens, part, line.start, (), False, item)
        items.keep(one, begin_of(lexed, line.first, line.last))
        return item

    def directive(self, directive: Directive, last: int, part: Segment) -> Facets:
        lexed = self.lexed
        words = lexed.words(directive.first + 1, last)
        name = directive.name
        facets = Facets(kind=_DIRECTIVE_KINDS.get(name, Kind.OPAQUE), declarator_start=directive.start)
        first = directive.first + 2  # the token after the directive's word
        if facets.kind is Kind.INCLUDE:
            facets.name = "".join(words[1:])
            if first < last:
                facets.name_range = (lexed.starts[first], lexed.end(last - 1))
        elif facets.kind in (Kind.MACRO, Kind.UNDEF):
            facets.name = words[1] if len(words) > 1 else ""
            if first < last:
                facets.name_range = (lexed.starts[first], lexed.end(first))
                facets.parameter_list = self.macro_parameters(first, last)
                if facets.parameter_list is not None:
                    begin, end = facets.parameter_list
                    facets.parameter_text = lexed.text[begin:end].decode("utf-8", "surrogateescape")
        elif facets.kind is Kind.CONDITIONAL:
            condition = condition_of(lexed, directive)
            word = "if" if name in OPENERS else "elif" if name.startswith("elif") else name
            facets.name = f"#{word} {condition}".rstrip()
            facets.arguments = part.opening
        else:
            facets.name = f"#{name} {join_expression(words[1:])}".rstrip()
        return facets

    def macro_parameters(self, first: int, last: int) -> tuple[int, int] | None:
        """``(a, b)`` right behind a macro's name, as bytes."""
        lexed = self.lexed
        opening = first + 1
        if opening >= last or lexed.starts[opening] != lexed.end(first) or lexed.texts[opening] != b"(":
            return None
        for index in range(opening, last):
            if lexed.texts[index] == b")":
                return (lexed.starts[opening], lexed.end(index))
        return None


def _keyed(item: Item, ordinal: int) -> Item:
    """The same item as one of several equal ones. (Tables have tens of thousands: ``replace`` would be the
    largest part of reading them.)"""
    return Item(
        item.kind,
        item.name,
        item.start,
        item.end,
        item.code_start,
        item.code_end,
        _with_ordinal(item.key, ordinal),
        item.condition,
        item.flags,
        item.arguments,
        item.returns,
        item.template_header,
        item.declarator_start,
        item.parameters,
        item.parameter_list,
        item.name_range,
        item.body,
    )


def _with_ordinal(key: ItemKey, ordinal: int) -> ItemKey:
    return ItemKey(
        key.kind,
        key.name,
        key.arguments,
        key.returns,
        key.template,
        key.parameters,
        key.condition,
        ordinal,
    )


# As ``ItemKey.overload``, found faster.
_overload = attrgetter("kind._value_", "name", "arguments", "returns", "template", "parameters", "condition")


def _numbered(items: list[Item], before: tuple[Item, ...] = ()) -> tuple[Item, ...]:
    """Gives equal keys ordinals in file order; those ``before`` them have theirs."""
    names = {item.name for item in items} if before else set()
    there = {_overload(item.key): item.key.ordinal for item in before if item.name in names}
    seen: dict[ItemKey, Iterator[int]] = {}
    by_object: dict[int, Iterator[int]] = {}  # what was made again has the very key: none of them is compared
    numbered = list(before)
    for item in items:
        ordinals = by_object.get(id(item.key))
        if ordinals is None:
            ordinals = by_object[id(item.key)] = seen.setdefault(
                item.key, count(there.get(_overload(item.key), -1) + 1)
            )
        ordinal = next(ordinals)
        numbered.append(_keyed(item, ordinal) if ordinal else item)
    return tuple(numbered)
