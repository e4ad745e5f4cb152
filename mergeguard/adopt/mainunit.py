"""Guard macros of a main unit: text of a header that one unit of the split alone compiles.

``#define MAIN_TU`` above the include turns on what stands under ``#ifdef MAIN_TU``. Upstream's one file has
all of it: macro and directives are the split's, and what they guard stands under no such condition.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mergeguard.cpp.filenames import UNITS
from mergeguard.cpp.items import Kind
from mergeguard.cpp.leaves import Leaf, blocks
from mergeguard.values import replace

_DEFINED = re.compile(rb"^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]*(?://[^\n]*)?\r?$", re.MULTILINE)


def switches(files: Mapping[str, bytes], monolith: bytes) -> frozenset[str]:
    """The macros without text that some units of the split define, not all, and no header; upstream's file
    has none of them."""
    units = [frozenset(_DEFINED.findall(text)) for path, text in files.items() if path.endswith(UNITS)]
    headers = [_DEFINED.findall(text) for path, text in files.items() if not path.endswith(UNITS)]
    anywhere = frozenset().union(*units)
    found = anywhere.difference(*headers) - frozenset[bytes]().union(*units[:1]).intersection(*units)
    return frozenset(name.decode() for name in found if name not in monolith)


def unguarded(leaves: Sequence[Leaf], names: frozenset[str]) -> tuple[list[Leaf], frozenset[int]]:
    """A file's leaves without the conditions that ``names`` make, and the numbers of those that make them. A
    group with an ``#else`` is left as it is."""
    conditions = {f"defined({name})" for name in names}
    groups = [
        block
        for block in blocks(leaves)
        if leaves[block.opening].name.removeprefix("#if ") in conditions and not block.middles
    ]
    inside = {n for block in groups for n in range(block.opening, block.closing)}
    makers = {n for block in groups for n in (block.opening, block.closing)}
    makers |= {n for n, leaf in enumerate(leaves) if leaf.kind is Kind.MACRO and leaf.short in names}
    done = [_without(leaf, conditions) if n in inside else leaf for n, leaf in enumerate(leaves)]
    return done, frozenset(makers)


def _without(leaf: Leaf, conditions: set[str]) -> Leaf:
    left = tuple(one for one in leaf.condition if one not in conditions)
    return leaf if left == leaf.condition else replace(leaf, key=replace(leaf.key, condition=left))
