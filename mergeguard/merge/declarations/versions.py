"""One side of a merge as leaves with identities, so that an order can be compared with another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mergeguard.cpp.diff import increasing
from mergeguard.cpp.leaves import Leaf, leaves_of
from mergeguard.merge.stretch.weave import Clash
from mergeguard.values import dataclass


class UnreadableVersion(Clash):
    """A file's declarations can't be told apart, whatever the sides did."""


@dataclass(frozen=True, slots=True)
class Version:
    """One side: its leaves, and each leaf's identity (base leaf numbers, then numbers for new ones)."""

    leaves: list[Leaf]
    ids: list[int]
    place: dict[int, int]  # identity -> index in leaves
    many: bool  # spread over other files than the base

    def leaf(self, identity: int) -> Leaf:
        """The leaf of an identity; KeyError if this side has none."""
        return self.leaves[self.place[identity]]

    def leaves_of(self, identities: Sequence[int]) -> list[Leaf]:
        """The leaves of several."""
        return [self.leaf(identity) for identity in identities]


def read(files: Mapping[str, bytes]) -> list[Leaf]:
    """The leaves of all files in a row. Raises ``Clash`` where one can't be read."""
    leaves: list[Leaf] = []
    for path, text in files.items():
        found, sound = leaves_of(text, path)
        if not sound:
            raise UnreadableVersion(f"{path or 'the file'} can't be read as declarations")
        leaves += found
    return leaves


def version_of(leaves: list[Leaf], ids: list[int], homes: set[str]) -> Version:
    """The leaves with their identities; ``homes`` are the base's files."""
    many = any(leaf.home not in homes for leaf in leaves)
    return _version(leaves, ids, many)


def permuted(version: Version, order: Sequence[int]) -> Version:
    """The version with the leaves of ``order`` in this order; each other leaf behind what it followed."""
    ids = list(order)
    listed = set(order)
    previous: int | None = None
    for identity in version.ids:
        if identity not in listed:
            ids.insert(ids.index(previous) + 1 if previous is not None else 0, identity)
        previous = identity
    return _version(version.leaves_of(ids), ids, version.many)


def without(version: Version, gone: set[int]) -> Version:
    """The version without some leaves."""
    ids = [identity for identity in version.ids if identity not in gone]
    return _version(version.leaves_of(ids), ids, version.many)


def with_leaf(version: Version, identity: int, leaf: Leaf) -> Version:
    """The version with a leaf of the base that it lacks, behind the nearest one before it there."""
    before = [i for i in version.ids if i < identity]
    at = version.place[max(before)] + 1 if before else 0
    ids = [*version.ids[:at], identity, *version.ids[at:]]
    return _version([*version.leaves[:at], leaf, *version.leaves[at:]], ids, version.many)


def _version(leaves: list[Leaf], ids: list[int], many: bool) -> Version:
    return Version(leaves, ids, {identity: k for k, identity in enumerate(ids)}, many)


def is_reordered(ids: Sequence[int], known: int) -> bool:
    """Whether the base leaves (identities below ``known``) stand in another order than in the base."""
    last = -1
    for identity in ids:
        if identity < known:
            if identity < last:
                return True
            last = identity
    return False


def steady_of(version: Version, known: int, homes: set[str] | None) -> set[int]:
    """The base leaves that kept their order (a longest increasing run) and, if ``homes``, their file."""
    ids = [
        i
        for k, i in enumerate(version.ids)
        if i < known and (homes is None or version.leaves[k].home in homes)
    ]
    return {ids[k] for k in increasing(ids)}
