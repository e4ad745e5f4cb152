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
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

from mergeguard.cpp.source import Item, Kind, Source, flattened
from mergeguard.lens.homes.parting import is_of_the_host
from mergeguard.lens.rule import Thin

# The first that fits counts; names with their angles or quotes taken off.
_WEIGHTS: tuple[tuple[str, int], ...] = (
    ("torch/*", 25_000),
    ("ATen/*", 18_000),
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
_MORE_STANDARD = 12
_ONCE = 300  # what any unit costs, whatever it reads
_DEVICE = 15_000  # and one that is compiled for a device, too
# Bytes of a header that is read cost as much as one token of a function that is compiled: most of what
# stands in headers is declared only.
_BYTES = 600
_MOST_HEADERS = 2_000  # of the repository's own, for one file
_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]+)[>"]', re.MULTILINE)


class RepositoryHeaders:
    """The headers that a repository has itself: ``read`` gives the text of one of ``paths``."""

    def __init__(self, paths: Iterable[str], read: Callable[[str], bytes | None]) -> None:
        self._read = read
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

    def includes(self, path: str) -> tuple[int, tuple[str, ...]]:
        """The size of a header in bytes, and the names that it includes."""
        text = self._read(path) or b""
        return len(text), tuple(
            name.decode("utf-8", "surrogateescape") for name in dict.fromkeys(_INCLUDE.findall(text))
        )


NO_HEADERS = RepositoryHeaders((), lambda _: None)


def header_weight(
    source: Source, path: str, own: RepositoryHeaders = NO_HEADERS, *, without_host: bool = False
) -> int:
    """The weight of a file's includes; ``without_host`` leaves out what only a thin layout's entry reads."""
    once = _ONCE + (_DEVICE if path.endswith((".cu", ".hip")) else 0)
    names = dict.fromkeys(
        _name(item)
        for item in flattened(source, source.items)
        if item.kind is Kind.INCLUDE and not (without_host and is_of_the_host(source, item, Thin()))
    )
    others, size = _followed(names, path, own)
    families: dict[str, int] = {}
    for name in others:
        family, weight = next((glob, w) for glob, w in _WEIGHTS if fnmatchcase(name, glob))
        known = families.get(family)
        part = weight // (_MORE if "/" in family else _MORE_STANDARD)
        families[family] = weight if known is None else known + part
    return once + size // _BYTES + sum(families.values())


def most_units(headers: int, own: int, most: int) -> int:
    """How many units of a file, of at least two and at most ``most``, cost at most half as much again as it.

    ``headers`` is the weight that each of them reads, ``own`` what they share among them.
    """
    fitting = 1 + (headers + own) // (2 * max(headers, 1))
    return max(2, min(most, fitting))


def _followed(names: Iterable[str], path: str, own: RepositoryHeaders) -> tuple[dict[str, None], int]:
    """The includes that the repository does not have, and the bytes of all that it has."""
    others: dict[str, None] = {}
    size = 0
    seen: set[str] = {path}
    waiting = [(name, path) for name in names]
    while waiting:
        name, beside = waiting.pop()
        found = own.find(name, beside)
        if found is None:
            others[name] = None
        elif found not in seen and len(seen) < _MOST_HEADERS:
            seen.add(found)
            more, inner = own.includes(found)
            size += more
            waiting += [(one, found) for one in inner]
    return others, size


def _name(item: Item) -> str:
    return item.name.strip('<>"')
