"""Four texts of a merge without the functions that all have alike: a word stands in the place of each.

A function counts that stands in all four, in one order, under the same conditions and in the same namespace,
where nothing that differs anywhere has its name. What is left are all edits, with what has the same names.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache

from mergeguard.cpp.diff import matches
from mergeguard.cpp.items import Kind
from mergeguard.cpp.leaves import Leaf, leaves_of
from mergeguard.merge.edits import side_edit
from mergeguard.values import dataclass

Texts = tuple[bytes, bytes, bytes, bytes]  # base, ours, theirs, and the result
_Place = tuple[
    bytes, tuple[str, ...], tuple[str, ...]
]  # a leaf's text, and the conditions and namespaces around it

_LEAST = 8_192  # bytes that are worth putting away
# The part of a text that both sides' edits are at most: where they are more, they are everywhere.
_MOST_EDITED = 0.1
#: What the words begin with that stand for functions; their numbers follow.
WORD = b"mergeguard_alike_"
_TEMPLATE = b"{%"  # of a code template: its blocks go across declarations
_FUNCTIONS = frozenset((Kind.FUNCTION, Kind.KERNEL))
_OPENED = re.compile(rb"^[ \t]*#[ \t]*if", re.MULTILINE)
_CLOSED = re.compile(rb"^[ \t]*#[ \t]*endif", re.MULTILINE)


@dataclass(frozen=True)
class Unlike:
    """The texts, and the ``names`` of the functions that were put away.

    A byte of the result at or behind ``starts[n]`` stands ``moved[n]`` bytes further in the whole of it;
    ``held`` are the bytes of the words that stand for functions.
    """

    texts: Texts
    names: frozenset[bytes]
    starts: Sequence[int]
    moved: Sequence[int]
    held: Sequence[tuple[int, int]]

    def in_whole(self, start: int, end: int) -> tuple[int, int] | None:
        """Where a place of the result is in the whole of it; None where a function was put away there."""
        if any(start < behind and at < end for at, behind in self.held):
            return None
        return self._at(start), self._at(end)

    def _at(self, offset: int) -> int:
        return offset + self.moved[bisect_right(self.starts, offset) - 1]


@lru_cache(maxsize=4)  # an audit asks for more than one thing about a file
def unlike(texts: Texts) -> Unlike | None:
    """The texts without the functions that all have alike; None where that is not worth it."""
    if min(map(len, texts)) < _LEAST or any(_TEMPLATE in text or WORD in text for text in texts):
        return None
    edits = [side_edit(texts[0], side) for side in texts[1:3]]
    edited = sum(len(line) for edit in edits for line in (*edit.added, *edit.removed))
    if edited > _MOST_EDITED * len(texts[0]):
        return None
    read = [leaves_of(text) for text in texts]
    if not all(is_sound for _, is_sound in read):
        return None
    files = [leaves for leaves, _ in read]
    common = _in_one_order([_placed(leaves) for leaves in files])
    differing = {
        leaf.word for n, leaves in enumerate(files) for at, leaf in enumerate(leaves) if at not in common[n]
    }
    away = [at for at, leaf in enumerate(files[0]) if at in common[0] and _is_whole(leaf, differing)]
    if sum(len(files[0][at].text) for at in away) < _LEAST:
        return None
    chosen = {at: number for number, at in enumerate(away)}
    numbers = [{at: chosen[first] for at, first in found.items() if first in chosen} for found in common]
    base, ours, theirs, (merged, starts, moved, held) = (
        _without(leaves, found) for leaves, found in zip(files, numbers, strict=True)
    )
    names = frozenset(files[0][at].word for at in away)
    return Unlike((base[0], ours[0], theirs[0], merged), names, starts, moved, held)


def _placed(leaves: Iterable[Leaf]) -> list[_Place]:
    """The leaves with what is around them."""
    spaces: list[str] = []
    found: list[_Place] = []
    for leaf in leaves:
        if leaf.kind is Kind.OPAQUE and leaf.name == "}":
            del spaces[-1:]
        found.append((leaf.text, leaf.condition, tuple(spaces)))
        if leaf.kind is Kind.OPAQUE and leaf.name.startswith("namespace "):
            spaces.append(leaf.name)
    return found


def _in_one_order(files: Sequence[list[_Place]]) -> list[dict[int, int]]:
    """For each file the places that all have in one order: number there -> number in the first file."""
    found = [dict(zip(range(len(files[0])), range(len(files[0])), strict=True))]
    for places in files[1:]:
        runs = matches(files[0], places)
        found.append({run.b + k: run.a + k for run in runs for k in range(run.size)})
    common = set.intersection(*(set(one.values()) for one in found))
    return [{at: first for at, first in one.items() if first in common} for one in found]


def _is_whole(leaf: Leaf, differing: set[bytes]) -> bool:
    """Whether a leaf is a function by itself, and nothing that differs has its name."""
    return (
        leaf.kind in _FUNCTIONS
        and leaf.defines
        and leaf.word not in differing
        and not leaf.word.isupper()  # a macro's call that opens a body goes by its arguments
        and leaf.text.rstrip().endswith(b"}")
        and b"include" not in leaf.text
        and len(_OPENED.findall(leaf.text)) == len(_CLOSED.findall(leaf.text))
    )


def _without(
    leaves: Sequence[Leaf], numbers: dict[int, int]
) -> tuple[bytes, list[int], list[int], list[tuple[int, int]]]:
    """A text with a word for each of some leaves, and the fields of ``Unlike`` that say what stood there."""
    parts: list[bytes] = []
    starts, moved, held = [0], [0], list[tuple[int, int]]()
    at = by = 0
    for index, leaf in enumerate(leaves):
        text = leaf.text
        if index in numbers:
            text = b"\n%s%d;\n" % (WORD, numbers[index])
            held.append((at, at + len(text)))
            by += len(leaf.text) - len(text)
            starts.append(at + len(text))
            moved.append(by)
        parts.append(text)
        at += len(text)
    return b"".join(parts), starts, moved, held
