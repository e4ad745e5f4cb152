"""Declarations that both sides added in the very same words: one of the two is enough."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from mergeguard.cpp.items import NAMED_KINDS, Kind
from mergeguard.cpp.leaves import Leaf, leaves_of

# What is there once or twice in the same words, and means the same.
_KINDS = NAMED_KINDS | {Kind.INCLUDE}
_Key = tuple[str, tuple[bytes, ...], tuple[str, ...], tuple[str, ...]]


def without_twins(base: bytes, ours: bytes, theirs: bytes, merged: bytes) -> tuple[bytes, list[str]] | None:
    """The text without the second of each pair of twins, and their names; None if there are none.

    A twin is a declaration that the base lacks and each side has, under the same conditions and in the same
    namespace; of two, the first stays, since what uses it may stand between them.
    """
    old, mine, other = ({key for key, *_ in _placed(text)} for text in (base, ours, theirs))
    new = (mine & other) - old
    if not new:
        return None
    most = {key: max(_times(key, ours), _times(key, theirs)) for key in new}
    seen: dict[_Key, int] = defaultdict(int)
    parts: list[bytes] = []
    names: list[str] = []
    at = 0
    for key, start, end, name in _placed(merged):
        seen[key] += key in new
        if key in new and seen[key] > most[key]:
            parts.append(merged[at:start])
            at = end
            names.append(name)
    return (b"".join([*parts, merged[at:]]), names) if names else None


def _times(key: _Key, text: bytes) -> int:
    return sum(found == key for found, *_ in _placed(text))


def _placed(text: bytes) -> Iterator[tuple[_Key, int, int, str]]:
    """The declarations of a file by what they say and where they stand, with their bytes and names."""
    spaces: list[str] = []
    at = 0
    for leaf in leaves_of(text)[0]:
        if leaf.kind is Kind.OPAQUE and leaf.name.startswith("namespace "):
            spaces.append(leaf.name)
        elif leaf.kind is Kind.OPAQUE and leaf.name == "}":
            del spaces[-1:]
        if _may_be_twin(leaf):
            yield (
                (str(leaf.kind), leaf.code, leaf.condition, tuple(spaces)),
                at,
                at + len(leaf.text),
                leaf.name,
            )
        at += len(leaf.text)


def _may_be_twin(leaf: Leaf) -> bool:
    return leaf.kind in _KINDS and not leaf.placed and len(leaf.code) > 1
