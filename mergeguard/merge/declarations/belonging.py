"""What a merge of declarations must keep: each under the conditions that a side put it under, none vanished
between two branches, no block left empty. Where it does not, only a person can decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from mergeguard.cpp.items import Kind
from mergeguard.cpp.leaves import Leaf, blocks
from mergeguard.merge.declarations.versions import Version
from mergeguard.merge.stretch.weave import Clash


def check_blocks(base: Sequence[Leaf], ours: Version, theirs: Version, merged: Sequence[Leaf]) -> None:
    """Raises ``Clash`` if the merged leaves break one of these rules."""
    _none_vanished(base, ours, theirs, merged)
    _branches_agree(base, ours, theirs)
    _keep_guards(base, ours, theirs, merged)
    for side, other in ((ours, theirs), (theirs, ours)):
        _new_stay_guarded(len(base), side, other, merged)
    if _empty(merged) > max(_empty(version.leaves) for version in (ours, theirs)):
        raise Clash("one side wrapped what the other removed")


def _none_vanished(base: Sequence[Leaf], ours: Version, theirs: Version, merged: Sequence[Leaf]) -> None:
    """What every version has, the merge has: each side may have kept another branch of a condition."""
    named = [{x.named for x in leaves if not x.placed} for leaves in (base, ours.leaves, theirs.leaves)]
    gone = (named[0] & named[1] & named[2]) - {x.named for x in merged}
    if gone:
        kind, short = min(gone)
        raise Clash(f"{short} ({kind}) would be gone, and no side removed every one of it")


def _branches_agree(base: Sequence[Leaf], ours: Version, theirs: Version) -> None:
    """Where both sides took a condition away, they kept the same of what stood in it."""
    for block in blocks(base):
        if block.opening in ours.place or block.opening in theirs.place:
            continue
        inside = [i for i in range(block.opening, block.closing) if not base[i].placed]
        gone = [{i for i in inside if i not in version.place} for version in (ours, theirs)]
        if gone[0] and gone[1] and gone[0] != gone[1]:
            raise Clash(f"the sides kept different branches of `{base[block.opening].name}`")


def _keep_guards(base: Sequence[Leaf], ours: Version, theirs: Version, merged: Sequence[Leaf]) -> None:
    """What one side put under a condition is under it still, whatever the other made of those within."""
    before, mine, other, now = map(_guards, (base, ours.leaves, theirs.leaves, merged))
    said = {part for version in (before, mine, other) for part in _parts(version)}
    for one, rest, edited in ((mine, other, theirs), (other, mine, ours)):
        exchanged = _exchanged(base, edited)
        for name, conditions in one.items():
            old = before.get(name, [])
            removed = max(0, len(old) - len(rest.get(name, [])))
            known = {part for condition in old for part in condition}
            for condition, times in Counter(conditions).items():
                if not condition or times <= old.count(condition):
                    continue
                put = set(condition) - known or set(condition)
                kept = [there for there in now.get(name, []) if _is_under(put, there, said, exchanged)]
                if len(kept) < times - removed:
                    raise Clash(f"{name[1]} would lose the condition that one side put around it")


def _is_under(
    put: AbstractSet[str],
    there: Sequence[str],
    said: AbstractSet[str],
    exchanged: Mapping[str, AbstractSet[str]],
) -> bool:
    """Whether something is under the conditions ``put`` around it, as they are or as the other side edited
    them; one that no version says is the merge of two edits of one line."""
    lost = [one for one in put - set(there) if exchanged.get(one, set()).isdisjoint(there)]
    return len(lost) <= sum(condition not in said for condition in there)


def _exchanged(base: Sequence[Leaf], side: Version) -> dict[str, set[str]]:
    """The conditions that a side edited where they stand, with what they are there."""
    found: dict[str, set[str]] = {}
    for identity, leaf in zip(side.ids, side.leaves, strict=True):
        old = base[identity].condition if identity < len(base) else leaf.condition
        differing = [(a, b) for a, b in zip(old, leaf.condition, strict=False) if a != b]
        if len(old) == len(leaf.condition) and len(differing) == 1:
            found.setdefault(differing[0][0], set()).add(differing[0][1])
    return found


def _parts(guards: Mapping[tuple[str, str], Sequence[Sequence[str]]]) -> Iterator[str]:
    """All conditions that something is under."""
    return (part for conditions in guards.values() for condition in conditions for part in condition)


def _guards(leaves: Sequence[Leaf]) -> dict[tuple[str, str], list[tuple[str, ...]]]:
    """Under which conditions each name is, once for every leaf of it."""
    found: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for leaf in leaves:
        if not leaf.placed:
            found.setdefault(leaf.named, []).append(leaf.condition)
    return found


def _new_stay_guarded(known: int, side: Version, other: Version, merged: Sequence[Leaf]) -> None:
    """What one side added under a condition is not free of it because the other took the condition away."""
    depth: dict[tuple[str, str], int] = {}
    for leaf in merged:
        key = leaf.named
        depth[key] = max(depth.get(key, 0), len(leaf.condition))
    for identity, leaf in zip(side.ids, side.leaves, strict=True):
        if identity < known or identity in other.place or leaf.placed or leaf.kind is Kind.INCLUDE:
            continue
        if depth.get(leaf.named, len(leaf.condition)) < len(leaf.condition):
            raise Clash(f"{leaf.short} would lose the condition it was added under")


def _empty(leaves: Sequence[Leaf]) -> int:
    """How many blocks have nothing in them."""
    found = 0
    for block in blocks(leaves):
        inside = leaves[block.opening + 1 : block.closing]
        found += all(leaf.kind in (Kind.CONDITIONAL, Kind.COMMENT) for leaf in inside)
    # An empty namespace is one leaf.
    return found + sum(leaf.kind is Kind.NAMESPACE and leaf.code[-2:] == (b"{", b"}") for leaf in leaves)
