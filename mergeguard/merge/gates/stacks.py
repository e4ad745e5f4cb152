"""What a side made of the stacks that the base has statements in: a renamed namespace, a guard around them.

Conditions of the preprocessor and what braces open are followed apart: a namespace around the file is around
what stands in a condition, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from mergeguard.cpp.scopes import Scope, Statement, root_in
from mergeguard.merge.gates.fault import GateVersion

_JUMPS = frozenset(((b"break", b";"), (b"continue", b";"), (b"return", b";")))
_EVERYWHERE = b""  # marks a frame that became another one, whatever it stands in
_Images = dict[Scope, set[Scope]]


class Stacks:
    """The images of the base's stacks on one side. ``pairs``: which of its statements stands for which of the
    base's."""

    def __init__(self, base: GateVersion, side: GateVersion, pairs: Mapping[int, int]) -> None:
        self._images: tuple[_Images, _Images] = defaultdict(set), defaultdict(set)
        stayed: tuple[set[Scope], set[Scope]] = set(), set()
        stands = {
            (_parts(base.statements[i]), _parts(side.statements[j]))
            for j, i in pairs.items()
            if not _tells_nothing(base.statements[i], side.statements[j], side)
        }
        roots = {pair: (_root(pair[0]), _root(pair[1])) for pair in stands}
        became = frozenset(roots.values())
        for (before, after), (old_root, new_root) in roots.items():
            if old_root != new_root and (new_root, old_root) in became:
                continue  # the two changed places, much alike as they are: neither became the other
            parts = zip(before, after, strict=True)
            for (old, new), images, same in zip(parts, self._images, stayed, strict=True):
                if old == new:
                    same.add(old)
                else:
                    _learn(images, old, new)
        self._whole = tuple(
            {old: new for old, new in images.items() if old not in same}
            for images, same in zip(self._images, stayed, strict=True)
        )
        self._known: dict[tuple[tuple[Scope, Scope], bool], frozenset[Scope]] = {}

    def of(self, one: Statement, *, whole: bool = False) -> frozenset[Scope]:
        """The other stacks in which a statement of the other side may stand because of this side's edits;
        with ``whole`` only because of such as left nothing where it was."""
        here = _parts(one)
        if (here, whole) not in self._known:
            images = self._whole if whole else self._images
            conditions, frames = (
                [part, *_translated(part, table)] for part, table in zip(here, images, strict=True)
            )
            found = frozenset(above + inside for above in conditions for inside in frames)
            self._known[here, whole] = found - {one.scope}
        return self._known[here, whole]


def _root(parts: tuple[Scope, Scope]) -> bytes:
    return root_in(parts[0] + parts[1])


def _tells_nothing(one: Statement, now: Statement, side: GateVersion) -> bool:
    """Whether a statement that stands for one of the base elsewhere is only like it: a bare jump, of which
    each block has one, or in another function, while the side has the base's where that was."""
    if one.scope == now.scope:
        return False
    if one.keys in _JUMPS:
        return True
    return root_in(one.scope) != root_in(now.scope) and any(
        other.scope == one.scope for other in side.by_keys.get(one.keys, ())
    )


def _parts(one: Statement) -> tuple[Scope, Scope]:
    """The conditions that a statement stands under, and what else it stands in."""
    return one.scope[: one.conditions], one.scope[one.conditions :]


def _learn(images: _Images, old: Scope, new: Scope) -> None:
    images[old].add(new)
    differing = [(a, b) for a, b in zip(old, new, strict=False) if a != b]
    if len(old) == len(new) and len(differing) == 1:
        images[_EVERYWHERE, differing[0][0]].add((differing[0][1],))
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
        if old:
            images[old].add(new)


def _translated(part: Scope, images: Mapping[Scope, set[Scope]]) -> Iterator[Scope]:
    for size in range(len(part), -1, -1):
        for new in images.get(part[:size], ()):
            yield new + part[size:]
    for at, frame in enumerate(part):
        for other in images.get((_EVERYWHERE, frame), ()):
            yield part[:at] + other + part[at + 1 :]
