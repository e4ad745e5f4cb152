"""What was read of the monoliths that were split last: the next process has most of their bytes before it.

A large file is read in proportion to its lines, and the version after it differs in a few. The tokens of the
one that was read, and its items, are kept by its path. They are asked by bytes, as if this process had read
the text itself (``cpp.beginnings``, ``cpp.knownitems``), and decide nothing. Small files are read as fast as
taken from the disk; items whose way of reading depends on macros that open blocks are left out.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from mergeguard import store
from mergeguard.cpp import beginnings
from mergeguard.cpp.beginnings import LateText
from mergeguard.cpp.conditions import Branch
from mergeguard.cpp.diff import in_common
from mergeguard.cpp.items import Item, ItemKey, Kind, Parameter
from mergeguard.cpp.knownitems import KnownItem, KnownItems, Noted, Segment
from mergeguard.cpp.lexer import Directive, Lexed
from mergeguard.cpp.source import READ, WORTH_TELLING, parse
from mergeguard.cpp.view import OpenBlock
from mergeguard.fork.shelf import Shelf, code

_LIMIT = 16  # texts; each takes some seven times its bytes
_LONGEST = 4 << 20
# A text that has less in common with what is kept takes its place.
_ENOUGH = 0.8


class ReadTexts:
    """The monoliths that were read in one repository."""

    def __init__(self, private_dir: Path) -> None:
        self._shelf = Shelf(private_dir, "read", _LIMIT)
        self._asked: set[str] = set()
        self._known: set[int] = set()  # the items that other processes have read

    @classmethod
    @lru_cache(maxsize=8)
    def of(cls, private_dir: Path) -> ReadTexts:
        """Those of a repository, the same for all of a process."""
        return cls(private_dir)

    @contextmanager
    def reading(self, path: str, text: bytes) -> Iterator[None]:
        """Inside, the monolith at ``path`` is read: with what is known of it, and to be known by the next."""
        if not WORTH_TELLING <= len(text) <= _LONGEST:
            yield
            return
        if path not in self._asked:
            self._asked.add(path)
            self._known |= self._told(path, text)
        yield
        late, noted = _read_in(text)
        known = sum(len(one.item.text) for one in noted if id(one.item) in self._known)
        if late is not None and known < _ENOUGH * sum(len(one.item.text) for one in noted):
            self._shelf.put(_key(path), _written(told(late, noted)))
            self._known |= {id(one.item) for one in noted}

    def _told(self, path: str, text: bytes) -> set[int]:
        data = self._shelf.get(_key(path))
        if data is None:
            return set()
        try:
            return {*map(id, retell(_read(data), text))}
        except (ValueError, TypeError, KeyError, IndexError, AssertionError):  # of an older format
            return set()


def _key(path: str) -> bytes:
    return "\0".join((code(), sys.byteorder, path)).encode("utf-8", "surrogateescape")


# -- as bytes


def _written(known: Told) -> bytes:
    *parts, rows = known
    head = store.packed([[len(part) for part in parts], rows])
    return b"".join((b"%d\n" % len(head), head, *parts))


def _read(data: bytes) -> Told:
    number, _, rest = data.partition(b"\n")
    head = int(number)
    sizes, rows = store.unpacked(rest[:head])
    ends = [*accumulate(sizes, initial=head)]
    text, kinds, roles, *tokens = (rest[a:b] for a, b in zip(ends, ends[1:], strict=False))
    starts, numbers, words = tokens
    return Told(text, kinds, roles, starts, numbers, words, rows)


# -- as plain values


class Told(NamedTuple):
    """A text, its tokens, and rows (lists, strings and numbers) of the items that were read in it.

    ``words`` are the texts of the tokens, each once; ``numbers`` say which of them each token has.
    """

    text: bytes
    kinds: bytes
    roles: bytes
    starts: bytes
    numbers: bytes
    words: bytes
    rows: list[Any]


def _read_in(text: bytes) -> tuple[LateText | None, list[Noted]]:
    """The tokens of a text, and the items that were read in it, each once."""
    late: LateText | None = None
    found: dict[int, Noted] = {}
    for source in (parse(text), parse(text, True)):
        late, noted = source.derived.get((READ,), (late, []))
        found |= {id(one.item): one for one in noted}
    return late, [*found.values()]


def told(late: LateText, noted: Iterable[Noted]) -> Told:
    """What there is to tell of a text, and of the items that were read in it."""
    lexed = late.lexed
    ways, facets = _SharedRows(), _SharedRows()
    items = [
        [ways.number(way), *_known_row(one, lexed.text, facets)]
        for one in noted
        if one.item.item is not None and (way := _way_row(one.way)) is not None
    ]
    words = [*dict.fromkeys(lexed.texts)]
    numbers = dict(zip(words, range(len(words)), strict=True))
    lengths = [*map(len, words)]
    rows = [[*map(list, lexed.directives)], [*late.cuts], lengths, ways.rows, facets.rows, items]
    starts, which = array("I", lexed.starts), array("I", map(numbers.__getitem__, lexed.texts))
    tokens = starts.tobytes(), which.tobytes(), b"".join(words)
    return Told(lexed.text, lexed.kinds, lexed.roles, *tokens, rows)


def retell(known: Told, text: bytes = b"") -> list[KnownItem]:
    """Have this process know what another was ``told``: the items, to read ``text`` next. Raises ValueError,
    TypeError, KeyError or IndexError for anything else."""
    starts, numbers = array("I"), array("I")
    starts.frombytes(known.starts)
    numbers.frombytes(known.numbers)
    lines, cuts, lengths, ways, facets, items = known.rows
    directives = tuple(Directive(*line) for line in lines)
    directive_of = [-1] * len(starts)
    for number, line in enumerate(directives):
        directive_of[line.first : line.last] = [number] * (line.last - line.first)
    places = [*accumulate(lengths, initial=0)]
    words = [known.words[start:end] for start, end in zip(places, places[1:], strict=False)]
    # One object for each word: the same that is looked up again and again is looked up quicker.
    texts = [*map(words.__getitem__, numbers)]
    lexed = Lexed(known.text, texts, starts.tolist(), known.kinds, known.roles, directives, directive_of)
    beginnings.keep_late(LateText(lexed, cuts))
    by_way = [KnownItems.read_as(_way(row)) for row in ways]
    shared = [_facets(row) for row in facets]
    # Where an item is said to stand does not matter. Said as it will most likely be, it need not be moved.
    by, edit = len(text) - len(known.text), in_common(known.text, text)
    found: list[KnownItem] = []
    for number, *row in items:
        begin, one = _known(row, known.text, shared, by if row[5] >= edit else 0)
        by_way[number].keep(one, begin)
        found.append(one)
    return found


class _SharedRows:
    """Rows that many others have in common, by their numbers."""

    def __init__(self) -> None:
        self.rows: list[list[Any]] = []
        self._numbers: dict[str, int] = {}

    def number(self, row: list[Any]) -> int:
        """The number of a row; a new one is added."""
        number = self._numbers.setdefault(repr(row), len(self.rows))
        if number == len(self.rows):
            self.rows.append(row)
        return number


def _way_row(way: Any) -> list[Any] | None:
    """How ``segment`` reads in a place, or one preprocessor line; None for what is not told."""
    if way[0] == "line":
        _, path, opening = way
        return ["line", [*map(list, path)], opening]
    (calls_end, edges), path, is_inside, facts = way
    return None if edges else [calls_end, [*map(list, path)], is_inside, sorted(map(list, facts))]


def _way(row: Sequence[Any]) -> tuple[object, ...]:
    path = tuple(Branch(*branch) for branch in row[1])
    if row[0] == "line":
        return "line", path, row[2]
    return (row[0], ()), path, row[2], frozenset(map(tuple, row[3]))


class _Facets(NamedTuple):
    """What many items have in common."""

    kind: Kind
    flags: frozenset[str]
    condition: tuple[str, ...]
    key_condition: tuple[str, ...]
    path: tuple[Branch, ...]
    block: OpenBlock
    opening: str


def _facets_row(one: Item, segment: Segment) -> list[Any]:
    places = [*map(list, segment.path)], segment.block.name, segment.opening
    return [one.kind.value, sorted(one.flags), [*one.condition], [*one.key.condition], *places]


def _facets(row: Sequence[Any]) -> _Facets:
    kind, flags, condition, key_condition, path, block, opening = row
    branches = tuple(Branch(*branch) for branch in path)
    conditions = tuple(condition), tuple(key_condition)
    return _Facets(Kind(kind), frozenset(flags), *conditions, branches, OpenBlock[block], opening)


def _known_row(noted: Noted, text: bytes, facets: _SharedRows) -> list[Any]:
    """An item of a text without its way: strings, numbers, and the number of what it has in common with
    others. In place of bytes that stand where it begins, how many they are."""
    one, begin = noted.item, noted.begin
    item, part = one.item, one.segment
    assert item is not None
    key = item.key
    return [
        len(begin) if one.text.startswith(begin) else begin,
        len(one.text) if text.startswith(one.text, one.start) else one.text,
        *(one.behind, one.reach, one.tokens, one.start, sorted(one.defined), one.asks_for_calls),
        one.prefix,
        facets.number(_facets_row(item, part)),
        *(part.first, part.last, part.directive, part.opaque, part.brace),
        *(item.name, item.start, item.end, item.code_start, item.code_end, item.arguments, item.returns),
        *(key.kind.value, key.name, key.arguments, key.returns, key.template, key.parameters, key.ordinal),
        *(item.template_header, item.declarator_start, item.parameter_list, item.name_range, item.body),
        [[p.start, p.end, p.name, p.default_start] for p in item.parameters],
    ]


def _known(row: Sequence[Any], text: bytes, facets: Sequence[_Facets], by: int) -> tuple[bytes, KnownItem]:
    """What the item begins with, and the item, so many bytes further on."""
    begin, content, behind, reach, tokens, at, defined, asks, prefix, number = row[:10]
    first, last, directive, opaque, brace = row[10:15]
    name, start, end, code_start, code_end, arguments, returns = row[15:22]
    kind, key_name, key_arguments, key_returns, template, key_parameters, ordinal = row[22:29]
    header, declarator_start, parameter_list, name_range, body, parameters = row[29:]
    of = facets[number]
    named = key_name, key_arguments, key_returns, template, key_parameters
    item = Item(
        *(of.kind, name, start + by, end + by, code_start + by, code_end + by),
        ItemKey(of.kind if kind == of.kind else Kind(kind), *named, of.key_condition, ordinal),
        *(of.condition, of.flags, arguments, returns),
        header and (header[0] + by, header[1] + by),
        declarator_start + by,
        tuple([Parameter(a + by, b + by, c, d if d is None else d + by) for a, b, c, d in parameters]),
        parameter_list and (parameter_list[0] + by, parameter_list[1] + by),
        name_range and (name_range[0] + by, name_range[1] + by),
        body and (body[0] + by, body[1] + by),
    )
    content = text[at : at + content] if isinstance(content, int) else content.encode("latin-1")
    part = Segment(first, last, of.path, directive, opaque, of.block, brace, of.opening)
    behind = behind.encode("latin-1")
    known = KnownItem(content, behind, reach, tokens, part, at + by, defined, asks, item, prefix)
    return (content[:begin] if isinstance(begin, int) else begin.encode("latin-1")), known
