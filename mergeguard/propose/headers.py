"""What the headers of a file cost beside its own text: an estimate, from the includes alone.

Each unit of a layout reads the headers again, so that where they are most of the work a split pays little.
Nothing is compiled here. The repository's own headers are followed and count by their text; the table is what
others' cost, in the model's weight (``propose.reach``: about one for each token of a function that is
compiled at -O2). What the functions make of a header's templates it can't see. ``mergeguard cost`` measures.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase

from mergeguard.cpp.blocks import opened
from mergeguard.cpp.source import Item, Kind, Source, flattened
from mergeguard.lens.homes.pytorch import is_of_the_host
from mergeguard.lens.rule import Thin

# The first that fits counts; names with their angles or quotes taken off.
_WEIGHTS: tuple[tuple[str, int], ...] = (
    ("torch/*", 50_000),
    ("ATen/*", 15_000),
    ("c10/*", 2_000),
    ("sycl/*", 20_000),
    ("cutlass/*", 12_000),
    ("cute/*", 12_000),
    ("thrust/*", 8_000),
    ("cub/*", 8_000),
    ("rocprim/*", 8_000),
    ("hipcub/*", 8_000),
    ("Eigen/*", 5_000),
    ("pybind11/*", 6_000),
    ("nlohmann/*", 3_000),
    ("google/protobuf/*", 2_200),
    ("gtest/*", 2_500),
    ("boost/*", 1_500),
    ("regex", 1_500),
    ("*.cuh", 600),
    ("*.hpp", 400),
    ("*.h", 250),
    ("*", 180),
)
# What one more header of a family costs, as a part of the first: headers share most of what they read.
_MORE = 4
_MORE_STANDARD = 8
# What headers include only where a device's compiler reads them.
_OF_A_DEVICE = frozenset({"cutlass/*", "cute/*", "thrust/*", "cub/*", "rocprim/*", "hipcub/*"})
DEVICE_SUFFIXES = (".cu", ".hip")
_ONCE = 300  # what any unit costs, whatever it reads
_DEVICE = 15_000  # and one that is compiled for a device, too
# Bytes of a header that is read cost as much as one token of a function that is compiled: most of what
# stands in headers is declared only.
_BYTES = 400
# What one unit more costs in headers' weight: it reads them, and compiles what it uses of their templates.
UNIT_MORE = 2
_MOST_MORE = 40
_MOST_HEADERS = 2_000  # of the repository's own, for one file
_UNITS = (".c", ".cc", ".cpp", ".cxx", ".cu", ".hip", ".m", ".mm")
_SOURCES = (*_UNITS, ".h", ".hh", ".hpp", ".hxx", ".cuh", ".inl", ".inc", ".ipp", ".tpp")
_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]+)[>"]', re.MULTILINE)


class RepositoryHeaders:
    """The headers that a repository has itself: ``read`` gives the text of one of ``paths``."""

    def __init__(self, paths: Iterable[str], read: Callable[[str], bytes | None]) -> None:
        self._read = read
        self._texts: dict[str, bytes] = {}
        self._readers: dict[str, list[str]] | None = None
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            self._by_name[posixpath.basename(path)].append(path)

    def find(self, name: str, beside: str) -> str | None:
        """The path that an include of ``name`` in the file ``beside`` means; None for another's header.

        Without search paths: what stands beside it, else the nearest path that ends so.
        """
        known = self._by_name.get(posixpath.basename(name), ())
        folder = posixpath.dirname(beside)
        here = posixpath.normpath(posixpath.join(folder, name))
        if here in known:
            return here
        tail = "/" + name.lstrip("./")
        ending = [path for path in known if f"/{path}".endswith(tail)]
        return max(ending, key=lambda path: len(posixpath.commonpath([path, folder or path])), default=None)

    def text(self, path: str) -> bytes:
        """The text of a header that ``find`` found."""
        if path not in self._texts:
            self._texts[path] = self._read(path) or b""
        return self._texts[path]

    def includes(self, path: str) -> tuple[str, ...]:
        """The names that a header includes."""
        found = dict.fromkeys(_INCLUDE.findall(self.text(path)))
        return tuple(name.decode("utf-8", "surrogateescape") for name in found)

    def units_that_read(self, header: str) -> frozenset[str]:
        """The repository's translation units that come to a header by what they include, by file names.

        Reads the sources of the whole repository, once.
        """
        if self._readers is None:
            self._readers = defaultdict(list)
            for path in [p for paths in self._by_name.values() for p in paths if p.endswith(_SOURCES)]:
                for name in self.includes(path):
                    self._readers[posixpath.basename(name)].append(path)
        seen: set[str] = set()
        waiting = [header]
        while waiting:
            path = waiting.pop()
            if path not in seen:
                seen.add(path)
                waiting += self._readers.get(posixpath.basename(path), ())
        return frozenset(path for path in seen - {header} if path.endswith(_UNITS))


NO_HEADERS = RepositoryHeaders((), lambda _: None)


def header_weight(
    source: Source, path: str, own: RepositoryHeaders = NO_HEADERS, *, without_host: bool = False
) -> int:
    """The weight of a file's includes; ``without_host`` leaves out what only a thin layout's entry reads."""
    once = _ONCE + (_DEVICE if path.endswith(DEVICE_SUFFIXES) else 0)
    names = dict.fromkeys(
        _name(item)
        for item in flattened(source, source.items)
        if item.kind is Kind.INCLUDE and not (without_host and is_of_the_host(source, item, Thin()))
    )
    headers, others = _own_headers(names, path, own)
    size = sum(len(own.text(header)) for header in headers)
    families: dict[str, int] = {}
    for name in others:
        family, weight = next((glob, w) for glob, w in _WEIGHTS if fnmatchcase(name, glob))
        if family in _OF_A_DEVICE and not path.endswith(DEVICE_SUFFIXES):
            continue
        known = families.get(family)
        part = weight // (_MORE if "/" in family else _MORE_STANDARD)
        families[family] = weight if known is None else known + part
    return once + size // _BYTES + sum(families.values())


def declared_constants(source: Source, path: str, own: RepositoryHeaders) -> tuple[str, ...]:
    """The constants of a file that the repository's headers declare ``extern``: one object for all units."""
    names = [
        item.name
        for unit in opened(source).units
        for item in unit.items
        if item.kind is Kind.VARIABLE and item.flags == {"definition"} and item.name
    ]
    if not names:
        return ()
    texts = [own.text(header) for header in _read_by(source, path, own)]
    return tuple(
        name
        for name in dict.fromkeys(names)
        if any(
            re.search(rb"\bextern\b[^;{}()=]*\b%s\s*(\[[^\]]*\]\s*)*;" % re.escape(_last(name)), text)
            for text in texts
        )
    )


def declared_functions(
    source: Source, path: str, own: RepositoryHeaders, names: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Of functions of a file those that a header of the repository speaks of, each with the header."""
    headers = _read_by(source, path, own)
    for name in names:
        spoken = re.compile(rb"\b%s\s*\(" % re.escape(_last(name)))
        header = next((one for one in headers if spoken.search(own.text(one))), None)
        if header is not None:
            yield name, header


def _last(name: str) -> bytes:
    return name.rpartition("::")[2].encode("utf-8", "surrogateescape")


def most_units(headers: int, own: int, most: int) -> int:
    """How many units of a file, of at least two and at most ``most``, cost little more than it by estimate.

    Little is ``_MOST_MORE`` per cent: what is measured is up to a quarter more than the estimate, and half of
    the file again is the most that a split should cost. ``headers`` is the weight that each unit reads,
    ``own`` what they share among them.
    """
    fitting = 1 + (headers + own) * _MOST_MORE // (100 * UNIT_MORE * max(headers, 1))
    return max(2, min(most, fitting))


def _read_by(source: Source, path: str, own: RepositoryHeaders) -> tuple[str, ...]:
    """The paths of the repository's headers that a file reads."""
    items = flattened(source, source.items)
    included = dict.fromkeys(_name(item) for item in items if item.kind is Kind.INCLUDE)
    return _own_headers(included, path, own)[0]


def _own_headers(
    names: Iterable[str], path: str, own: RepositoryHeaders
) -> tuple[tuple[str, ...], dict[str, None]]:
    """The paths of the repository's headers that a file reads, and the includes that are no header of it."""
    others: dict[str, None] = {}
    seen: dict[str, None] = {path: None}
    waiting = [(name, path) for name in names]
    while waiting:
        name, beside = waiting.pop()
        found = own.find(name, beside)
        if found is None:
            others[name] = None
        elif found not in seen and len(seen) < _MOST_HEADERS:
            seen[found] = None
            waiting += [(one, found) for one in own.includes(found)]
    return tuple(seen)[1:], others


def _name(item: Item) -> str:
    return item.name.strip('<>"')
