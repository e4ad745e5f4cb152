"""Where what one side added goes when the other side re-ordered the file or moved parts of it elsewhere.

The *lead* is the side whose order and files stand. A base leaf is *steady* if it kept its order in the lead
(a longest increasing run) and its file. New leaves of the other side go beside the steady leaves around them;
where the lead has put something else there, or has the two neighbours the other way round, that is a finding.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mergeguard.cpp.items import Kind
from mergeguard.cpp.leaves import Leaf, blocks, needs
from mergeguard.merge.declarations.blocks import (
    all_includes,
    only_closes,
    outside,
    place_of_block,
    unconditional,
)
from mergeguard.merge.declarations.order import runs_commute
from mergeguard.merge.declarations.versions import Version, steady_of
from mergeguard.merge.result import Note
from mergeguard.merge.stretch.weave import Clash
from mergeguard.values import dataclass, field

_HEADERS = (Kind.COMMENT, Kind.PRAGMA, Kind.CONDITIONAL)  # what belongs at the very start of a file


@dataclass(frozen=True, slots=True)
class Places:
    """Identities of new leaves: those for the start of a file, and those before and after leaves of the lead,
    by the identity of that leaf."""

    at_start: list[int] = field(default_factory=list)
    before: dict[int, list[int]] = field(default_factory=dict)
    after: dict[int, list[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _NewLeaves:
    """New leaves in a row: the nearest steady leaf before, and the base leaf right after."""

    anchor: int | None
    ids: list[int]
    following: int | None


def place_new(
    lead: Version, other: Version, known: int, homes: set[str], order: Sequence[int]
) -> tuple[Places, list[Note]]:
    """Where the leaves that only ``other`` has go, and what to tell of them.

    ``known`` is the number of base leaves (identities below it), ``homes`` are the base's files, ``order``
    the leaves of ``lead`` that the merge has. Raises ``Clash`` where a block can't be placed.
    """
    return _Placing(lead, other, known, homes, order).run()


class _Placing:
    def __init__(
        self, lead: Version, other: Version, known: int, homes: set[str], order: Sequence[int]
    ) -> None:
        self.lead, self.other, self.known, self.order = lead, other, known, order
        self.steady = steady_of(lead, known, homes if lead.many else None)
        self.places = Places()
        self.notes: list[Note] = []

    def run(self) -> tuple[Places, list[Note]]:
        moved = [self.lead.leaf(i) for i in self.order if i < self.known and i not in self.steady]
        for run in self._runs():
            leaves = self.other.leaves_of(run.ids)
            self._check_not_replaced_by_both(run)
            self._place(run, leaves)
            if all_includes(leaves) or self._is_header(run) or not self._is_doubtful(run):
                continue
            if not runs_commute(leaves, moved):
                self.notes.append(placed(leaves))
        return self.places, self.notes

    def _runs(self) -> list[_NewLeaves]:
        found: list[_NewLeaves] = []
        anchor: int | None = None
        ids: list[int] = []
        for identity in [*self.other.ids, None]:
            if identity is not None and identity >= self.known:
                if identity not in self.lead.place:
                    ids.append(identity)
                continue
            if ids:
                found.append(_NewLeaves(anchor, ids, identity))
                ids = []
            if identity is not None and identity in self.steady:
                anchor = identity
        return found

    def _check_not_replaced_by_both(self, run: _NewLeaves) -> None:
        """Raises ``Clash`` if both sides put something in the place of leaves that both removed."""
        at = self.other.place[run.ids[0]]
        previous = self.other.ids[at - 1] if at else -1
        following = self.known if run.following is None else run.following
        if not any(
            i not in self.lead.place and i not in self.other.place for i in range(previous + 1, following)
        ):
            return
        lead = self.lead
        beside = [lead.place[i] + step for i, step in ((previous, 1), (following, -1)) if i in lead.place]
        if previous < 0:
            beside.append(0)
        if run.following is None:
            beside.append(len(lead.ids) - 1)
        for place in beside:
            if (
                0 <= place < len(lead.ids)
                and lead.ids[place] >= self.known
                and lead.ids[place] not in self.other.place
            ):
                raise Clash("both sides replaced the same declaration")

    def _place(self, run: _NewLeaves, leaves: list[Leaf]) -> None:
        following = run.following if run.following in self.steady else None
        includes = all_includes(leaves)
        between = run.anchor is None or following is None or self._only_moved_between(run.anchor, following)
        if not unconditional(leaves) and not between:
            # A new condition around code that the lead moved elsewhere can't be placed.
            raise Clash("a new condition stands where the other side moved declarations")
        late = self._declared_late(run, leaves)
        if self._is_header(run):
            self.places.at_start.extend(run.ids)
        elif late is not None:
            self.places.after.setdefault(late, []).extend(run.ids)
        elif following is not None and between and not includes:
            place = self._with_blocks(following, run, leaves)
            self.places.before.setdefault(place, []).extend(run.ids)
        elif run.anchor is None:
            self.places.at_start.extend(run.ids)
        elif includes and (behind := self._include_behind(run)) is not None:
            self.places.before.setdefault(behind, []).extend(run.ids)
        elif includes:
            for identity in run.ids:
                place = self._sorted_place(run.anchor, identity)
                if place not in self.order:
                    place = run.anchor
                self.places.after.setdefault(place, []).append(identity)
        else:
            place = self._behind_lead(run.anchor, closing=only_closes(leaves))
            self.places.after.setdefault(place, []).extend(run.ids)

    def _declared_late(self, run: _NewLeaves, leaves: list[Leaf]) -> int | None:
        """What the lead moved behind the place of new leaves that need it: they go behind it. None if there
        is none."""
        beside = run.following if run.following in self.steady else run.anchor
        if beside is None or beside not in self.order or not unconditional(leaves):
            return None
        before = set(self.other.ids[: self.other.place[run.ids[0]]]) - self.steady
        late = [
            identity
            for identity in self.order[self.order.index(beside) :]
            if identity in before and any(needs(leaf, self.lead.leaf(identity)) for leaf in leaves)
        ]
        return late[-1] if late and self.lead.leaf(late[-1]).home == self.lead.leaf(beside).home else None

    def _include_behind(self, run: _NewLeaves) -> int | None:
        """The include right behind new ones that begin its block: they go where the lead has it."""
        following = run.following
        if following is None or following not in self.order:
            return None
        leaf = self.other.leaf(following)
        at = self.other.place[run.ids[0]]
        begins = (
            not at
            or self.other.leaves[at - 1].kind is not Kind.INCLUDE
            or not _same_block(self.other.leaves[at])
        )
        return following if begins and leaf.kind is Kind.INCLUDE and _same_block(leaf) else None

    def _is_header(self, run: _NewLeaves) -> bool:
        """Whether the new leaves begin the file, and belong there."""
        return self.other.place[run.ids[0]] == 0 and self.other.leaf(run.ids[0]).kind in _HEADERS

    def _with_blocks(self, following: int, run: _NewLeaves, leaves: list[Leaf]) -> int:
        """Before which leaf new ones go that stand before ``following``: a block that opens there takes in
        what the lead added there."""
        end = start = self.order.index(following)
        while start > 0 and self.order[start - 1] >= self.known:
            start -= 1
        new = self.order[start:end]
        if not new or unconditional(leaves):
            return following
        if not wraps_the_file(self.other, run.ids):
            raise Clash("both sides changed the conditions around one place")
        new_leaves = self.lead.leaves_of(new)
        place = place_of_block(leaves, new_leaves)
        if place is None or place == len(new):
            return following
        self.notes += outside(leaves, new_leaves[:place])
        return new[place]

    def _sorted_place(self, anchor: int, identity: int) -> int:
        """Behind which include a new one goes: by name where the lead keeps the block around ``anchor``
        sorted, else behind ``anchor``."""
        leaves = self.lead.leaves
        start = end = self.lead.place[anchor]
        if leaves[start].kind is not Kind.INCLUDE:
            return anchor
        while start > 0 and leaves[start - 1].kind is Kind.INCLUDE and _same_block(leaves[start]):
            start -= 1
        while end + 1 < len(leaves) and leaves[end + 1].kind is Kind.INCLUDE and _same_block(leaves[end + 1]):
            end += 1
        block = [leaves[k].name for k in range(start, end + 1)]
        name = self.other.leaf(identity).name
        if len(block) < 3 or block != sorted(block) or name < block[0]:
            return anchor
        return self.lead.ids[start + sum(x < name for x in block) - 1]

    def _behind_lead(self, anchor: int, *, closing: bool) -> int:
        """The last leaf in a row behind ``anchor`` that stays with what it follows: what the lead moved there
        and its new includes; before a ``closing`` line all that is new there. ``anchor`` if there is none."""
        at = self.order.index(anchor)
        for following in self.order[at + 1 :]:
            leaf = self.lead.leaf(following)
            is_include = leaf.kind is Kind.INCLUDE
            stays = (closing or is_include) if following >= self.known else not (closing or is_include)
            if following in self.steady or not stays or leaf.home != self.lead.leaf(anchor).home:
                break
            at += 1
        return self.order[at]

    def _only_moved_between(self, start: int, end: int) -> bool:
        """Whether only leaves that the lead moved there or added stand between two steady ones."""
        inside = False
        for identity in self.order:
            if identity == end:
                return inside
            if inside and identity in self.steady:
                return False
            inside = inside or identity == start
        return False

    def _is_doubtful(self, run: _NewLeaves) -> bool:
        """Whether the new leaves stand between two that are no neighbours in the lead any more: then nobody
        knows beside which of them they belong."""
        kept = [i for i in self.order if i < self.known]
        at = self.other.place[run.ids[0]]
        beside = neighbours(self.other.ids, at, set(kept))
        if not all(i is not None and self.lead.leaf(i).kind is Kind.INCLUDE for i in beside):
            # The order of the includes above new code is no matter.
            kept = [i for i in kept if self.lead.leaf(i).kind is not Kind.INCLUDE]
        previous, following = neighbours(self.other.ids, at, set(kept))
        homes = {self.lead.leaf(i).home for i in (previous, following) if i is not None}
        if len(homes) == 2:
            return not {previous, following} & self.steady
        return parted(previous, following, [i for i in kept if self.lead.leaf(i).home in homes])


def wraps_the_file(version: Version, run: Sequence[int]) -> bool:
    """Whether a block that the new leaves open or close holds all code of the file: then what the other side
    added there is in it. A block around less may as well leave it out."""
    places = {version.place[identity] for identity in run}
    found = [b for b in blocks(version.leaves) if b.opening in places or b.closing in places]
    if not found:
        return False
    first, last = min(b.opening for b in found), max(b.closing for b in found)
    above = all(x.placed or x.kind in (Kind.INCLUDE, Kind.MACRO) for x in version.leaves[:first])
    below = all(x.kind is Kind.COMMENT or x.name in ("}", "#endif") for x in version.leaves[last:])
    return above and below


def neighbours(ids: Sequence[int], at: int, kept: Collection[int]) -> tuple[int | None, int | None]:
    """The nearest of ``kept`` before and from index ``at``; None at the ends."""
    previous = next((i for i in reversed(ids[:at]) if i in kept), None)
    return previous, next((i for i in ids[at:] if i in kept), None)


def parted(previous: int | None, following: int | None, row: Sequence[int]) -> bool:
    """Whether two are no neighbours in ``row`` (None: its beginning, its end)."""
    before = row.index(previous) if previous is not None else -1
    return before + 1 != (row.index(following) if following is not None else len(row))


def placed(leaves: Sequence[Leaf]) -> Note:
    """The finding that the place of new leaves is a choice."""
    names = ", ".join(sorted({x.name for x in leaves if not x.placed})) or "new lines"
    return Note("placed", f"{names}: placed among declarations that the other side moved", True)


def _same_block(leaf: Leaf) -> bool:
    """Whether no blank line or comment parts an include from the one before."""
    return leaf.text.lstrip(b" \t").startswith(b"#")
