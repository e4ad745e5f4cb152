"""The functions that an edit of a layout has nothing to do with: a proof of what is new needs none of them.

A monolith and its layout are compared with the same two before an edit. All that a proof
(``verify.same_program``) asks of a function is about its own tokens, and about what stands before it, in the
monolith and in a unit, of what it names. Nothing new is to be found about a *bystander*:

- its bytes are the same as before in the monolith, and in one file of the layout; they define no macro, take
  in nothing, and have no glue among them;
- it stands where it stood among all else that is as it was, under the same conditions, namespaces and
  pragmas, in files that the same units take in;
- nothing that it names was added, removed, moved or changed, but for the bodies of functions;
- only bystanders name it, so that whatever is asked about something else does not lead to it.

In the place of bystanders that stand together ``without_bystanders`` puts one declaration of a name that is
nowhere else, both in the monolith and in the file. The rest is proved by the same checks as ever; where
anything can't be told, all is.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, compress
from typing import NamedTuple

from mergeguard.cpp.diff import diff, in_common, unequal_middle
from mergeguard.cpp.edges import edge_at
from mergeguard.cpp.items import Item, Kind, Source
from mergeguard.cpp.lexer import SPLICE, lex
from mergeguard.cpp.source import nested, parse
from mergeguard.cpp.text import code_tokens, places_of
from mergeguard.verify.flatten import LayoutText, included

# Shorter monoliths are proved as fast as compared.
_SHORTEST = 16_384
# How often a place in the layout is looked for.
_MOST_PLACES = 400
# Bytes between two edits that are not compared line by line.
_LONG = 50_000
# A function is looked for in a file by its beginning.
_BEGIN = 400
_STAND_IN = b"mg_bystanders_"
_FUNCTIONS = frozenset({Kind.FUNCTION, Kind.KERNEL})
# What decides about what stands around it, or behind it.
_AROUND = frozenset({Kind.CONDITIONAL, Kind.NAMESPACE, Kind.PRAGMA, Kind.OPAQUE})
_TELLING = frozenset({"define", "undef", "include", "include_next", "import"})
# (Whatever is not ASCII may be a letter; said as what may not begin a name, it takes 3 ms less to compile.)
_NAME = re.compile(r"[^\x00-#%-@\[-^`{-\x7f][\w$]*")
_LANGUAGE = frozenset(
    "alignas alignof auto bool break case catch char class const constexpr continue decltype default "
    "delete do double else enum explicit extern false float for friend if inline int long mutable "
    "namespace new noexcept nullptr operator private protected public return short signed sizeof static "
    "static_assert static_cast struct switch template this throw true try typedef typename union "
    "unsigned using virtual void volatile while __device__ __global__ __host__ __forceinline__ "
    "__restrict__ __shared__".split()
)


class SplitTexts(NamedTuple):
    """A monolith, and the files of its layout."""

    monolith: bytes
    files: Sequence[LayoutText]


class _Standing(NamedTuple):
    """A function that is the same before and after: where it begins in the monolith and in its file, before
    (0) and after (1), and how long it is."""

    item: Item
    file: int
    starts: tuple[int, int]
    there: tuple[int, int]

    @property
    def length(self) -> int:
        return self.item.end - self.item.start

    def goes_on(self, other: _Standing) -> bool:
        """Whether it stands right behind another one, in all four texts."""
        length, (before, now), (there_before, there) = other.length, other.starts, other.there
        return (
            self.file == other.file
            and self.starts == (before + length, now + length)
            and self.there == (there_before + length, there + length)
        )


def without_bystanders(path: str, before: SplitTexts, after: SplitTexts) -> SplitTexts | None:
    """What is left of ``after``, of the monolith at ``path``, without the functions that have nothing to do
    with what makes it another than ``before``; None where that is most of it, or can't be told.

    Where a proof of it finds nothing, one of ``after`` finds nothing that one of ``before`` does not. (It may
    find more than is new: it has less to tell by.)
    """
    if len(after.monolith) < _SHORTEST or _shape(before) != _shape(after):
        return None
    if path.endswith(".c"):
        return None  # in which namespaces keep nothing apart, and units share by other names
    if any(_STAND_IN in text for text in (after.monolith, *(file.text for file in after.files))):
        return None
    source = parse(after.monolith, calls_end=True)
    plain = _plain_functions(source)
    if source.problems or not _are_most(plain, source):
        return None
    # Where all lead to one another, that is told without a look at anything else.
    if not _are_most(_not_reached(source, plain, _names_beside(source, plain)), source):
        return None
    standing = _standing(source, plain, before, after)
    rest = _without(before, standing, 0), _without(after, standing, 1)
    changed = _changed_names(*rest) if _are_most([one.item for one in standing], source) else None
    if changed is None:
        return None
    texts = (rest[1].monolith, *(file.text for file in rest[1].files))
    names = set[str]().union(*(lex(text).names() for text in texts))
    away = {item.start for item in _not_reached(source, [one.item for one in standing], names, changed)}
    bystanders = [one for one in standing if one.item.start in away]
    left = _without(after, bystanders, 1)
    is_less = _are_most([one.item for one in bystanders], source)
    return left if is_less and _is_read_alike(source, bystanders, left) else None


def _shape(laid: SplitTexts) -> list[tuple[str, bool]]:
    return [(file.path, file.is_unit) for file in laid.files]


def _are_most(items: Sequence[Item], source: Source) -> bool:
    """Whether leaving them out is worth it."""
    return 2 * sum(item.end - item.start for item in items) > len(source.text)


# -- what is as it was


def _standing(
    source: Source, plain: Sequence[Item], before: SplitTexts, after: SplitTexts
) -> list[_Standing]:
    """Of some functions those that are the same, and stand in what is the same, in the monolith and in a
    file."""
    same = _Same.of(before.monolith, after.monolith)
    places = _Places(source.text, [file.text for file in after.files])
    pairs = zip(before.files, after.files, strict=True)
    shifts = [_Same.of(old.text, new.text) for old, new in pairs]
    found: list[_Standing] = []
    for item in plain:
        start = same.before(item.start, item.end)
        place = places.of(item) if start is not None else None
        if start is None or place is None:
            continue
        file, there = place
        if (earlier := shifts[file].before(there, there + item.end - item.start)) is not None:
            found.append(_Standing(item, file, (start, item.start), (earlier, there)))
    in_files = sorted(found, key=lambda one: (one.file, one.there[1]))
    pairs_there = zip(in_files, in_files[1:], strict=False)
    if any(a.file == b.file and a.there[1] + a.length > b.there[1] for a, b in pairs_there):
        return []  # two stand in one place
    return found


def _opened(source: Source, items: Iterable[Item]) -> Iterator[Item]:
    """The items, and after each block what is in it, as ``definitions`` reads it."""
    for item in items:
        yield item
        if item.kind is Kind.NAMESPACE:
            yield from _opened(source, nested(source, item, calls_end=True))


def _plain_functions(source: Source) -> list[Item]:
    """The definitions of functions that are nothing but that."""
    text = source.text
    odd = [*places_of(text, (b"MG_", b"mergeguard")), *(found.start() for found in SPLICE.finditer(text))]
    odd = sorted([*odd, *(line.start for line in source.lexed.directives if line.name in _TELLING)])
    return [item for item in _opened(source, source.items) if _is_plain(text, item, odd)]


def _is_plain(text: bytes, item: Item, odd: Sequence[int]) -> bool:
    if item.kind not in _FUNCTIONS or item.body is None or "specialization" in item.flags:
        return False
    if not item.name.replace("::", "").isidentifier() or not item.returns:
        return False  # an operator, a member, or a macro's call with a body
    number = bisect_left(odd, item.start)
    if number < len(odd) and odd[number] < item.end:
        return False
    start, end = item.code_start, item.name_range[0] if item.name_range else item.code_start
    return not text[start:end].rstrip().endswith(b"::")


class _Same(NamedTuple):
    """The stretches that two texts have in common: where each begins and ends in the second, ascending, and
    how many bytes further on than in the first."""

    starts: Sequence[int]
    ends: Sequence[int]
    by: Sequence[int]

    @classmethod
    def of(cls, old: bytes, new: bytes) -> _Same:
        """Those of whole lines; where much stands between two edits, of what empty lines part."""
        head, *ends = unequal_middle(old, new)
        stretches = [(0, head, 0)]
        middles = [text[head:end] for text, end in zip((old, new), ends, strict=True)]
        is_long = max(map(len, middles)) > _LONG
        lines = [_parted(text) if is_long else text.splitlines(keepends=True) for text in middles]
        starts = [[*accumulate(map(len, part), initial=head)] for part in lines]
        a = b = 0
        for change in diff(*lines):
            stretches.append((starts[1][b], starts[1][change.b0], starts[1][b] - starts[0][a]))
            a, b = change.a1, change.b1
        stretches.append((starts[1][b], starts[1][-1], starts[1][b] - starts[0][a]))
        stretches.append((ends[1], len(new), len(new) - len(old)))
        joined: list[tuple[int, int, int]] = []
        for start, end, by in stretches:
            if joined and joined[-1][1] == start and joined[-1][2] == by:
                start = joined.pop()[0]
            joined.append((start, end, by))
        return cls(*map(list, zip(*joined, strict=True)))

    def before(self, start: int, end: int) -> int | None:
        """Where bytes of the second text begin in the first, if it has them."""
        number = bisect_right(self.starts, start) - 1
        return start - self.by[number] if end <= self.ends[number] else None


def _parted(text: bytes) -> list[bytes]:
    """A text in pieces, each to the end of an empty line."""
    *pieces, last = text.split(b"\n\n")
    return [*(piece + b"\n\n" for piece in pieces), last]


class _Places:
    """Where the items of a monolith, asked for in order, stand in the files of its layout."""

    def __init__(self, text: bytes, files: Sequence[bytes]) -> None:
        self._text, self._files = text, files
        self._looked = 0
        # The stretch of the monolith that was found last: where it begins and ends, in which file, and where.
        self._start = self._end = self._file = self._there = 0

    def of(self, item: Item) -> tuple[int, int] | None:
        """The file, and where in it; None where it is not found."""
        if not (self._start <= item.start and item.end <= self._end) and not self._is_found(item):
            return None
        return self._file, self._there + item.start - self._start

    def _is_found(self, item: Item) -> bool:
        self._looked += 1
        if self._looked > _MOST_PLACES:
            return False
        begin = self._text[item.start : min(item.end, item.start + _BEGIN)]
        behind = self._there + self._end - self._start  # of what was found last it is next to, mostly
        last = self._file
        for number in (last, *(other for other in range(len(self._files)) if other != last)):
            text = self._files[number]
            there = text.find(begin, behind if number == last else 0)
            if there < 0 and number == last:
                there = text.find(begin)
            if there >= 0:
                length = in_common(self._text[item.start :], text[there:])
                self._start, self._end, self._file, self._there = (
                    item.start,
                    item.start + length,
                    number,
                    there,
                )
                return length >= item.end - item.start
        return False


# -- what is left


def _without(laid: SplitTexts, standing: Sequence[_Standing], when: int) -> SplitTexts:
    """A monolith and its layout, before (0) or after (1), with declarations in the place of functions."""
    monolith: list[tuple[int, int, bytes]] = []
    files: dict[int, list[tuple[int, int, bytes]]] = defaultdict(list)
    number = 0
    while number < len(standing):
        first = last = standing[number]
        while number + 1 < len(standing) and standing[number + 1].goes_on(last):
            number += 1
            last = standing[number]
        stand_in = b"void %s%d();\n" % (_STAND_IN, number)
        monolith.append((first.starts[when], last.starts[when] + last.length, stand_in))
        files[first.file].append((first.there[when], last.there[when] + last.length, stand_in))
        number += 1
    texts = (
        LayoutText(file.path, _replaced(file.text, files[n]), file.is_unit) if n in files else file
        for n, file in enumerate(laid.files)
    )
    return SplitTexts(_replaced(laid.monolith, monolith), tuple(texts))


def _replaced(text: bytes, stretches: Iterable[tuple[int, int, bytes]]) -> bytes:
    parts: list[bytes] = []
    at = 0
    for start, end, instead in sorted(stretches):
        parts += (text[at:start], instead)
        at = end
    return b"".join((*parts, text[at:]))


def _is_read_alike(source: Source, bystanders: Sequence[_Standing], left: SplitTexts) -> bool:
    """Whether what is left of a monolith is read as it was among the bystanders."""
    gone = {one.item.start for one in bystanders}
    rest = parse(left.monolith, calls_end=True)
    now = (item for item in _opened(rest, rest.items) if _STAND_IN.decode() not in item.name)
    was = (item for item in _opened(source, source.items) if item.start not in gone)
    return [_outline(item) for item in now] == [_outline(item) for item in was]


def _outline(item: Item) -> tuple[object, ...]:
    """What an item is, less its number among equal ones and what is in a block."""
    size = item.code_end - item.code_start if item.kind is not Kind.NAMESPACE else 0
    return item.kind, item.name, item.condition, size


class _Fact(NamedTuple):
    """What a proof of one item may rest on of another: all of it but a function's body."""

    kind: Kind
    name: str
    tokens: tuple[str, ...]
    condition: tuple[str, ...]


def _changed_names(before: SplitTexts, after: SplitTexts) -> frozenset[str] | None:
    """The names of all that is another than before, or stands elsewhere; None where that does not tell what
    it has an effect on."""
    names: set[str] = set()
    files = {file.path: file for file in after.files}
    pairs = [("", before.monolith, after.monolith)]
    pairs += [(one.path, one.text, two.text) for one, two in zip(before.files, after.files, strict=True)]
    for path, old, new in pairs:
        if old == new:
            continue
        sources = parse(old, calls_end=True), parse(new, calls_end=True)
        if sources[0].problems or sources[1].problems:
            return None
        facts = [[*_facts(source, source.items)] for source in sources]
        for change in diff(*facts):
            for fact in (*facts[0][change.a0 : change.a1], *facts[1][change.b0 : change.b1]):
                if _decides(fact, path, files):
                    return None
                names |= _names(fact)
    return frozenset(names)


def _facts(source: Source, items: Iterable[Item]) -> Iterator[_Fact]:
    for item in items:
        if item.kind is Kind.COMMENT:
            continue
        inner = nested(source, item, calls_end=True) if item.kind is Kind.NAMESPACE else ()
        end = item.body[0] if item.body and (inner or item.kind in _FUNCTIONS) else item.code_end
        kind = item.kind if edge_at(source, item) is None else Kind.OPAQUE
        fact = _Fact(kind, item.name, tuple(code_tokens(source, item.code_start, end)), item.condition)
        yield fact
        if item.kind in _FUNCTIONS:
            yield from _facts_inside(source, item)
        if inner:
            yield from _facts(source, inner)
            yield fact


def _facts_inside(source: Source, item: Item) -> Iterator[_Fact]:
    """What the body of a function says of what stands behind it: of macros, and what else it takes in."""
    lexed, lines = source.lexed, source.lexed.directives_in(item.code_start, item.code_end)
    if not any(line.name in _TELLING for line in lines):
        return
    conditions: list[str] = []
    for line in lines:
        words = tuple(lexed.words(line.first + 1, line.last))
        name = "".join(words[1:2])
        if line.name in _TELLING:
            kind = Kind.MACRO if line.name in ("define", "undef") else Kind.INCLUDE
            yield _Fact(kind, name, words, (*item.condition, *conditions))
        elif line.name != "pragma":
            conditions.append(" ".join(words))


def _decides(fact: _Fact, path: str, files: Mapping[str, LayoutText]) -> bool:
    """Whether what changed is no declaration, but says something of what is around it, or of units."""
    if fact.kind in _AROUND or any(_STAND_IN.decode() in word for word in fact.tokens):
        return True
    if fact.kind in (Kind.MACRO, Kind.UNDEF) and not _NAME.fullmatch(fact.name):
        return True  # no preprocessor takes it
    if fact.kind is Kind.INCLUDE:
        return fact.name.startswith('"') and included(fact.name.strip('"'), path, files) is not None
    return any("MG_" in word or "mergeguard" in word for word in fact.tokens)


def _names(fact: _Fact) -> frozenset[str]:
    """The names that others may know what changed by."""
    parts = frozenset(fact.name.split("::"))
    if fact.kind is Kind.INCLUDE:
        return frozenset()
    if fact.kind in (*_FUNCTIONS, Kind.MACRO, Kind.UNDEF, Kind.INSTANTIATION):
        return parts
    return parts.union(filter(_NAME.fullmatch, fact.tokens)) - _LANGUAGE


def _names_beside(source: Source, items: Sequence[Item]) -> set[str]:
    """The names that stand outside of some items."""
    lexed, names, at = source.lexed, set[str](), 0
    for item in items:
        if item.start > at:
            names |= lexed.names(lexed.index_at(at), lexed.index_at(item.start))
        at = item.end
    return names | lexed.names(lexed.index_at(at))


def _not_reached(
    source: Source, items: Sequence[Item], names: Collection[str], changed: Collection[str] = ()
) -> list[Item]:
    """The functions that nothing leads to from ``names``, or from a function that names what ``changed``."""
    by_name: dict[str, list[int]] = defaultdict(list)
    for number, item in enumerate(items):
        by_name[item.name.rpartition("::")[2]].append(number)
    reached: set[int] = set()
    waiting = [number for name in by_name.keys() & names for number in by_name[name]]
    waiting += _naming(source, items, changed)
    lexed = source.lexed
    while waiting:
        number = waiting.pop()
        if number not in reached:
            reached.add(number)
            used = lexed.names(lexed.index_at(items[number].start), lexed.index_at(items[number].end))
            waiting += [other for name in by_name.keys() & used for other in by_name[name]]
    return [item for number, item in enumerate(items) if number not in reached]


def _naming(source: Source, items: Sequence[Item], names: Collection[str]) -> Iterator[int]:
    """The numbers of the functions that have one of the names."""
    wanted = {name.encode("utf-8", "surrogateescape") for name in names}
    starts = [item.start for item in items]
    lexed = source.lexed
    for at in compress(lexed.starts, map(wanted.__contains__, lexed.texts)) if wanted else ():
        number = bisect_right(starts, at) - 1
        if number >= 0 and at < items[number].end:
            yield number
