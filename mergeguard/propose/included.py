"""What the headers of a file define for one unit only: a layout whose units all read them is another program.

A rule moves a file's own text, not its headers: each unit of a layout reads them again. That is what headers
are made for, but for those that one file alone reads: a function that is not ``inline``, an object of each
file that reads it, what a macro of the file asks for (``#define STB_IMAGE_IMPLEMENTATION``). By tokens, so
what can't be told (conditions on macros that are not in sight) is left to a compiler.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from mergeguard.cpp.declaration import Declaration
from mergeguard.cpp.definitions import definitions, has_local_state
from mergeguard.cpp.source import Kind, Source, flattened, parse
from mergeguard.lens.layout import Layout
from mergeguard.propose.headers import RepositoryHeaders
from mergeguard.values import dataclass
from mergeguard.verify.flatten import LayoutText, flatten

_MOST_BYTES = 4_000_000  # of headers that are read for one file
_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', re.MULTILINE)
_DEFINE = re.compile(rb"^[ \t]*#[ \t]*define[ \t]+(\w+)(?:\([^)\n]*\))?((?:\\\r?\n|[^\n])*)", re.MULTILINE)
_SHARED = frozenset({b"inline", b"static", b"template", b"constexpr", b"__inline", b"__forceinline__"})
_OBJECTS = (Kind.FUNCTION, Kind.KERNEL, Kind.VARIABLE)


@dataclass(frozen=True, slots=True)
class OfOneUnit:
    """What a header gives to one unit: ``header`` is its path, ``name`` what it defines at byte ``offset``.

    ``include`` is the include by which the file comes to it. ``divided``: each unit that reads the header has
    one of its own, so that two that use it part, by one of its ``users`` perhaps; else two units that read it
    do not link.
    """

    header: str
    name: str
    include: str
    divided: bool
    offset: int
    users: frozenset[str]

    @property
    def message(self) -> str:
        """Why several units may not read it."""
        if self.divided:
            return f"{self.header} has `{self.name}`, of which each unit would have one of its own"
        return f"{self.header} defines `{self.name}`, which only one unit may"


def of_one_unit(
    source: Source, path: str, own: RepositoryHeaders, units: Container[str] = ()
) -> Iterator[OfOneUnit]:
    """What the headers that the file at ``path`` includes with quotes define for one unit.

    Headers in angles are a library's, which many files read. ``units`` are those of the file's own layout,
    where the repository has it: they are no other readers.
    """
    read = [*_headers(source, path, own)]
    texts = {header: own.text(header) for header, _ in read}
    macros: dict[bytes, bytes] = {}
    for text in (*texts.values(), source.text):
        macros.update(_DEFINE.findall(text))
    asked = {name for name, _ in _DEFINE.findall(source.text)}
    defined = {header: definitions(parse(texts[header])) for header, _ in read}
    for header, include in read:
        guards = {name for name, _ in _DEFINE.findall(texts[header])}
        for one in defined[header]:
            once = one.must_be_once and not one.is_registration and not _is_shared(one, macros)
            if one.item.kind not in _OBJECTS or not (once or _has_state(one)):
                continue
            asks = _asks(one.item.condition, asked, guards)
            # What other units read, too, they can all have: else they would not link.
            if asks or (asks is not None and _read_by_none_but(own, header, path, units)):
                users = frozenset() if once else _users(one.short, chain.from_iterable(defined.values()))
                yield OfOneUnit(header, one.name, include, not once, one.item.code_start, users)


def _users(name: str, declarations: Iterable[Declaration]) -> frozenset[str]:
    """An object's name, and those of what headers define with it, directly or by others of them."""
    tokens = [(one.short, frozenset(one.tokens)) for one in declarations if one.short]
    users = {name}
    while more := {other for other, words in tokens if other not in users and not users.isdisjoint(words)}:
        users |= more
    return frozenset(users)


def _read_by_none_but(own: RepositoryHeaders, header: str, path: str, units: Container[str]) -> bool:
    return all(unit == path or unit in units for unit in own.units_that_read(header))


def parted(layout: Layout, found: Sequence[OfOneUnit]) -> Iterator[OfOneUnit]:
    """Of what headers define for one unit that which several units of a layout would have."""
    if not found:
        return
    files = [LayoutText(file.path, file.text, file.is_unit) for file in layout.files]
    units = [flatten(file.path, files).text for file in files if file.is_unit]
    for one in found:
        name = posixpath.basename(one.include).encode("utf-8", "surrogateescape")
        reading = [text for text in units if any(_base(i) == name for i in _INCLUDE.findall(text))]
        if one.divided:
            words = b"|".join(re.escape(n.encode("utf-8", "surrogateescape")) for n in one.users)
            used = re.compile(rb"\b(?:%b)\b" % words)
            reading = [text for text in reading if used.search(text)]
        if len(reading) > 1:
            yield one


def _headers(source: Source, path: str, own: RepositoryHeaders) -> Iterator[tuple[str, str]]:
    """The headers that are read by quotes, and the file's own include that leads to each."""
    names = [item.name for item in flattened(source, source.items) if item.kind is Kind.INCLUDE]
    waiting = [(n.strip('"'), path, n.strip('"')) for n in reversed(names) if n.startswith('"')]
    seen = {path}
    size = 0
    while waiting:
        name, beside, include = waiting.pop()
        header = own.find(name, beside)
        if header is None or header in seen:
            continue
        seen.add(header)
        size += len(own.text(header))
        if size > _MOST_BYTES:
            return
        yield header, include
        inner = [found.decode("utf-8", "surrogateescape") for found in _INCLUDE.findall(own.text(header))]
        waiting += [(one, header, include) for one in reversed(inner)]


def _base(include: bytes) -> bytes:
    return posixpath.basename(include)


def _asks(conditions: Sequence[str], asked: set[bytes], guards: set[bytes]) -> bool | None:
    """Whether a macro of the file asks for what stands under conditions; None where that can't be told."""
    asks = False
    for condition in conditions:
        found = re.fullmatch(r"(!?)defined\((\w+)\)", condition)
        if found is None or found[2].encode() not in (guards if found[1] else asked):
            return None
        asks |= not found[1]
    return asks


def _is_shared(one: Declaration, macros: Mapping[bytes, bytes]) -> bool:
    """Whether what stands before the name lets many units have it, as far as can be told."""
    if "device" in one.item.flags or one.short.encode("utf-8", "surrogateescape") in macros:
        return True
    for word in one.head:
        if _stands_for(word.encode("utf-8", "surrogateescape"), macros) & _SHARED:
            return True
        if word.isupper() and word.encode("utf-8", "surrogateescape") not in macros:
            return True
    return False


def _stands_for(word: bytes, macros: Mapping[bytes, bytes]) -> set[bytes]:
    """The words that a word comes to, macros replaced."""
    found: set[bytes] = set()
    waiting = [word]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += re.findall(rb"\w+", macros.get(one, b""))
    return found


def _has_state(one: Declaration) -> bool:
    """Whether each unit that reads it has an object of its own that can be written."""
    if not one.is_internal or one.is_template or not one.is_definition:
        return False
    if one.item.kind is Kind.VARIABLE:
        return not one.is_constant and "extern" not in one.item.flags
    return has_local_state(one)
