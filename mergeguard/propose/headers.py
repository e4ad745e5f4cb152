"""What the headers of a file cost beside its own text: an estimate, from the includes alone.

Each unit of a layout reads the headers again, so that where they are most of the work a split pays little.
Nothing is read and nothing compiled here: the table is what single headers cost g++ at -O2, in the model's
weight (``propose.reach``: about one for each token of a function that is compiled). What the functions make
of a header's templates it can't see. ``mergeguard cost`` measures.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from mergeguard.cpp.source import Item, Kind, Source, flattened
from mergeguard.lens.homes.parting import is_of_the_host
from mergeguard.lens.rule import Thin

# The first that fits counts; names with their angles or quotes taken off.
_WEIGHTS: tuple[tuple[str, int], ...] = (
    ("torch/*", 120_000),
    ("ATen/*", 80_000),
    ("c10/*", 6_000),
    ("sycl/*", 40_000),
    ("cutlass/*", 25_000),
    ("cute/*", 25_000),
    ("thrust/*", 25_000),
    ("cub/*", 25_000),
    ("rocprim/*", 25_000),
    ("hipcub/*", 25_000),
    ("Eigen/*", 24_000),
    ("pybind11/*", 18_000),
    ("nlohmann/*", 12_000),
    ("google/protobuf/*", 12_000),
    ("gtest/*", 12_000),
    ("boost/*", 8_000),
    ("regex", 4_000),
    ("*.cuh", 600),
    ("*.hpp", 400),
    ("*.h", 250),
    ("*", 180),
)
_ONCE = 300  # what any unit costs, whatever it reads
_DEVICE = 15_000  # and one that is compiled for a device, too


def header_weight(source: Source, path: str, *, without_host: bool = False) -> int:
    """The weight of a file's includes; ``without_host`` leaves out what only a thin layout's entry reads."""
    once = _ONCE + (_DEVICE if path.endswith((".cu", ".hip")) else 0)
    names: dict[str, None] = {}
    for item in flattened(source, source.items):
        if item.kind is Kind.INCLUDE and not (without_host and is_of_the_host(source, item, Thin())):
            names[_name(item)] = None
    # Headers share most of what they read: each further one of a family adds a part.
    families: dict[str, int] = {}
    for name in names:
        family, weight = next((glob, w) for glob, w in _WEIGHTS if fnmatchcase(name, glob))
        known = families.get(family, 0)
        families[family] = weight if not known else known + (weight // 4 if "/" in family else weight)
    return once + sum(families.values())


def _name(item: Item) -> str:
    return item.name.strip('<>"')
