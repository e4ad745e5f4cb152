"""Three-way merge of declarations: which are there, in what order and in which file, each merged by itself.

Where both sides keep the order of the base, the sequences of declarations are merged like lines, except that
insertions of different declarations at one place are both kept (theirs, upstream's, first). Where one side
re-ordered them or moved some to other files, that side's order stands and the other side's edits follow
their declarations there; what the other side added goes next to its nearest neighbour that did not move.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mergeguard.cpp.items import NAMED_KINDS, Kind
from mergeguard.cpp.leaves import Leaf, match
from mergeguard.cpp.tokens import tokens_of
from mergeguard.merge.declarations.belonging import check_blocks
from mergeguard.merge.declarations.blocks import (
    BLOCK_KINDS,
    all_includes,
    opened_by,
    outside,
    place_of_block,
    unconditional,
)
from mergeguard.merge.declarations.invocations import arguments_of, same_row
from mergeguard.merge.declarations.order import commute, merged_order, runs_commute
from mergeguard.merge.declarations.overloads import are_overloads
from mergeguard.merge.declarations.reordered import neighbours, parted, place_new, placed, wraps_the_file
from mergeguard.merge.declarations.versions import (
    Version,
    is_reordered,
    permuted,
    read,
    version_of,
    with_leaf,
    without,
)
from mergeguard.merge.lines import RegionKind as Outcome
from mergeguard.merge.lines import diff3
from mergeguard.merge.renames import apply_renames, find_renames
from mergeguard.merge.result import Conflict, MergeResult, Note, Piece, Resolved, join
from mergeguard.merge.stretch.weave import Clash
from mergeguard.values import dataclass

_Span = tuple[float, float]
_SWALLOWED = 8  # tokens of a declaration that can't be in another one by chance

MergeLeaf = Callable[[bytes, bytes, bytes], tuple[Piece, ...]]


@dataclass(frozen=True, slots=True)
class Composed:
    """The merged files, path -> pieces. ``contested``: why some declarations are conflicts as a whole, though
    the tokens of the file might be merged."""

    files: dict[str, tuple[Piece, ...]]
    notes: tuple[Note, ...]
    contested: tuple[str, ...]


def compose(
    base: Mapping[str, bytes], ours: Mapping[str, bytes], theirs: Mapping[str, bytes], merge_leaf: MergeLeaf
) -> Composed:
    """The merge of files by declarations. Raises ``Clash`` where their order can't be merged."""
    # What ends a file without a newline may come to stand before something else.
    whole = [{path: _ended(text) for path, text in files.items()} for files in (base, ours, theirs)]
    composer = _Composer(whole[0], whole[1], whole[2], merge_leaf)
    pieces = composer.run()
    for path, parts in pieces.items():
        ended = [files[path].endswith(b"\n") for files in (base, ours, theirs) if files.get(path)]
        newline = sum(ended) >= 2 if len(ended) == 3 else all(ended)
        if len(ended) == 3 and ended[1] != ended[2]:
            newline = not ended[0]  # one side changed it
        if parts and not newline:
            pieces[path] = (*parts[:-1], _unended(parts[-1]))
    return Composed(pieces, tuple(composer.notes), tuple(composer.contested.values()))


def _ended(text: bytes) -> bytes:
    return text if not text or text.endswith(b"\n") else text + b"\n"


def _unended(piece: Piece) -> Piece:
    if isinstance(piece, Resolved):
        return Resolved(piece.text.removesuffix(b"\n"))
    return Conflict(*(side.removesuffix(b"\n") for side in (piece.base, piece.ours, piece.theirs)))


class _Composer:
    def __init__(
        self,
        base: Mapping[str, bytes],
        ours: Mapping[str, bytes],
        theirs: Mapping[str, bytes],
        merge_leaf: MergeLeaf,
    ) -> None:
        self.merge_leaf = merge_leaf
        self.notes: list[Note] = []
        self.contested: dict[int, str] = {}
        self.paths = list(base)
        self.base = read(base)
        self.base_ids = list(range(len(self.base)))
        left, right = read(ours), read(theirs)
        ours_pairs, theirs_pairs = match(self.base, left), match(self.base, right)
        new_left = [i for i in range(len(left)) if i not in ours_pairs]
        new_right = [i for i in range(len(right)) if i not in theirs_pairs]
        both = _match_new(left, new_left, right, new_right, self.base)
        fresh = len(self.base)
        left_ids = [ours_pairs.get(i, fresh + i) for i in range(len(left))]
        fresh += len(left)
        right_ids = [
            theirs_pairs[j] if j in theirs_pairs else left_ids[both[j]] if j in both else fresh + j
            for j in range(len(right))
        ]
        homes = {leaf.home for leaf in self.base}
        self.ours = version_of(left, left_ids, homes)
        self.theirs = version_of(right, right_ids, homes)

    def run(self) -> dict[str, tuple[Piece, ...]]:
        for version in (self.ours, self.theirs):
            self._none_swallowed(version)
        if not self.ours.many and not self.theirs.many:
            self._put_back_contested()
        ours_moved, theirs_moved = (
            version.many or is_reordered(version.ids, len(self.base)) for version in (self.ours, self.theirs)
        )
        both_moved = ours_moved and theirs_moved
        if both_moved:
            # The order of includes is nobody's edit: formatters sort them.
            ours_moved, theirs_moved = (self._moved_code(version) for version in (self.ours, self.theirs))
            theirs_moved = theirs_moved or not ours_moved
        if ours_moved and theirs_moved and not (self.ours.many or self.theirs.many):
            # Both moved the same: then that is the order to start from.
            kept = [i for i in self.ours.ids if i < len(self.base) and i in self.theirs.place]
            if kept == [i for i in self.theirs.ids if i < len(self.base) and i in self.ours.place]:
                for identity in set(self.base_ids) - set(kept):
                    self._deleted(identity)
                gone = set(self.base_ids) - set(kept)
                self.base_ids, both_moved, ours_moved, theirs_moved = kept, False, False, False
                self.ours, self.theirs = without(self.ours, gone), without(self.theirs, gone)
        if ours_moved and theirs_moved:
            pieces = self._both_reordered()
        elif both_moved and (pieces_of_both := self._if_both_orders_fit()) is not None:
            pieces = pieces_of_both
        elif ours_moved:
            pieces = self._along(self.ours, self.theirs, ours_first=True)
        elif theirs_moved:
            pieces = self._along(self.theirs, self.ours, ours_first=False)
        else:
            pieces = self._in_order()
        merged = read({path: _with_contested(parts) for path, parts in pieces.items()})
        check_blocks(self.base, self.ours, self.theirs, merged)
        return {path: join(parts) for path, parts in pieces.items()}

    def _put_back_contested(self) -> None:
        """What one side removed and the other edited is a conflict at its place, and at no other: the side
        that removed it gets it back, to keep the place."""
        for identity, leaf in enumerate(self.base):
            mine, other = identity in self.ours.place, identity in self.theirs.place
            if mine == other or leaf.kind not in NAMED_KINDS or leaf.placed:
                continue
            editor = self.ours if mine else self.theirs
            if _same_but_for_names(leaf, editor.leaf(identity)):
                continue
            self.contested[identity] = _removed_and_edited(leaf)
            if mine:
                self.theirs = with_leaf(self.theirs, identity, leaf)
            else:
                self.ours = with_leaf(self.ours, identity, leaf)

    def _none_swallowed(self, version: Version) -> None:
        """Raises ``Clash`` if a declaration that seems removed is a part of another one there."""
        gone = [leaf for i, leaf in enumerate(self.base) if i not in version.place]
        wanted = {b"\0".join(leaf.code): leaf.name for leaf in gone if len(leaf.code) >= _SWALLOWED}
        if not wanted:
            return
        for leaf in version.leaves:
            text = b"\0".join(leaf.code)
            for code, name in wanted.items():
                if len(code) < len(text) and code in text:
                    raise Clash(f"{name} is a part of {leaf.name or 'another piece of code'} on one side")

    def _if_both_orders_fit(self) -> dict[str, list[Piece]] | None:
        """The merge with both orders, where only includes stand in one side's way; None if they don't fit."""
        notes = list(self.notes)
        try:
            return self._both_reordered()
        except Clash:
            self.notes = notes
            return None

    def _moved_code(self, version: Version) -> bool:
        ids = [
            i for i, leaf in zip(version.ids, version.leaves, strict=True) if leaf.kind is not Kind.INCLUDE
        ]
        return version.many or is_reordered(ids, len(self.base))

    # -- both sides in the base's order

    def _in_order(self) -> dict[str, list[Piece]]:
        out: list[tuple[str, Piece]] = []
        o, t = self.ours, self.theirs
        for region in diff3(self.base_ids, o.ids, t.ids):
            b_ids = self.base_ids[region.b0 : region.b1]
            o_ids, t_ids = o.ids[region.o0 : region.o1], t.ids[region.t0 : region.t1]
            if region.kind is Outcome.CONFLICT:
                ids = self._both_changed(b_ids, o_ids, t_ids)
            else:
                ids = t_ids if region.kind is Outcome.THEIRS else o_ids
                for gone in set(b_ids) - set(ids):
                    self._deleted(gone)
            for identity in ids:
                self._emit(identity, out)
        pieces: dict[str, list[Piece]] = {path: [] for path in self.paths}
        for home, piece in out:
            pieces.setdefault(home, []).append(piece)
        return pieces

    def _both_changed(self, b_ids: list[int], o_ids: list[int], t_ids: list[int]) -> list[int]:
        """The identities to keep of a stretch in which both sides added or removed leaves."""
        gone = {i for i in b_ids if i not in o_ids or i not in t_ids}
        for identity in gone:
            self._deleted(identity)
        old = set(b_ids)
        if set(o_ids) & set(t_ids) - old:
            # Something both sides added: only where nothing else differs there.
            if [i for i in o_ids if i not in old] != [i for i in t_ids if i not in old]:
                merged = _interleave(o_ids, t_ids)
                if merged is None:
                    raise Clash("both sides added declarations in different orders")
                return [i for i in merged if i not in gone]
            return [i for i in t_ids if i not in gone]
        kept = [i for i in b_ids if i not in gone]
        both_gone = [i for i in gone if i not in o_ids and i not in t_ids]
        if both_gone and set(o_ids) - old and set(t_ids) - old:
            raise Clash("both sides replaced the same declaration")
        slots = [_slots(ids, kept) for ids in (b_ids, o_ids, t_ids)]
        result: list[int] = []
        for number, (gone_here, mine, other) in enumerate(zip(*slots, strict=True)):
            runs = [[i for i in slot if i not in old] for slot in (mine, other)]
            self._note_changed_blocks(gone_here, runs)
            spans = [_span(slot, gone_here) for slot in (mine, other)]
            result += self._join_runs(runs[0], runs[1], *spans)
            if number < len(kept):
                result.append(kept[number])
        return result

    def _join_runs(self, ours: list[int], theirs: list[int], our_span: _Span, their_span: _Span) -> list[int]:
        """The new leaves of both sides at one place, in the order of what they replace, else theirs first."""
        if not ours or not theirs:
            return ours or theirs
        ours_first = our_span[1] < their_span[0]
        certain = ours_first or their_span[1] < our_span[0]
        mine, other = self.ours.leaves_of(ours), self.theirs.leaves_of(theirs)
        if unconditional(mine) and unconditional(other):
            # An inserted include goes before inserted code, whoever brought it; a macro may be for it.
            macros = any(leaf.kind is Kind.MACRO for leaf in (*mine, *other))
            if all_includes(mine) != all_includes(other) and not (certain and macros):
                ours_first, certain = all_includes(mine), True
            names = [{leaf.named for leaf in leaves if _may_be_overload(leaf)} for leaves in (mine, other)]
            if not certain and (names[0] & names[1] or not runs_commute(mine, other)):
                self.notes.append(_side_by_side(mine, other))
            return ours + theirs if ours_first else theirs + ours
        # One side opened or closed a condition or namespace here.
        for run, leaves, rest, rest_leaves in ((ours, mine, theirs, other), (theirs, other, ours, mine)):
            version = self.ours if run is ours else self.theirs
            if unconditional(rest_leaves) and wraps_the_file(version, run):
                place = place_of_block(leaves, rest_leaves)
                if place is not None:
                    self.notes += outside(leaves, rest_leaves[:place])
                    return rest[:place] + run + rest[place:]
        raise Clash("both sides changed the conditions around one place")

    def _note_changed_blocks(self, gone: Sequence[int], runs: Sequence[list[int]]) -> None:
        """Tells of a block that one side took away where the other opened or closed one."""
        old = sorted(i for i in gone if self.base[i].kind in BLOCK_KINDS)
        for run in runs if old else ():
            version = self.ours if all(i in self.ours.place for i in run) else self.theirs
            if all(i not in version.place for i in old):
                continue  # the same side did both
            leaves = version.leaves_of(run)
            if not unconditional(leaves):
                message = (
                    f"`{opened_by(leaves)}` came where the other side took `{self.base[old[0]].name}` away"
                )
                self.notes.append(Note("placed", message, True))

    def _deleted(self, identity: int) -> None:
        """A base leaf that one side removed: only if the other left it alone."""
        base = self.base[identity]
        for version in (self.ours, self.theirs):
            place = version.place.get(identity)
            if place is not None and not _same_but_for_names(base, version.leaves[place]):
                raise Clash(_removed_and_edited(base))

    def _emit(self, identity: int, out: list[tuple[str, Piece]]) -> None:
        o, t = self.ours.place.get(identity), self.theirs.place.get(identity)
        mine = self.ours.leaves[o] if o is not None else None
        other = self.theirs.leaves[t] if t is not None else None
        leaf = mine or other
        assert leaf is not None
        home = mine.home if mine is not None and (other is None or self.ours.many) else (other or leaf).home
        if mine is None or other is None:
            out.append((home, Resolved(leaf.text)))
            return
        if identity in self.contested:
            out.append((home, _contested(self.base[identity], mine, other)))
            return
        if identity >= len(self.base):
            if mine.keys == other.keys:
                out.append((home, Resolved(other.text)))
            else:
                out.append((home, Conflict(b"", mine.text, other.text)))
            return
        out.extend(
            (home, piece) for piece in self.merge_leaf(self.base[identity].text, mine.text, other.text)
        )

    # -- both sides re-ordered

    def _both_reordered(self) -> dict[str, list[Piece]]:
        """Along theirs, after what only ours moved was moved there as well."""
        reason = "both sides re-ordered or moved declarations"
        if self.ours.many or self.theirs.many:
            raise Clash(reason)

        def may_swap(one: int, two: int) -> bool:
            versions = (self.ours, self.theirs)
            return all(commute(v.leaf(one), v.leaf(two)) for v in versions)

        order = merged_order(self.base_ids, self.ours.ids, self.theirs.ids, may_swap)
        # Whether it is a conflict must not depend on whose order leads.
        if order is None or merged_order(self.base_ids, self.theirs.ids, self.ours.ids, may_swap) is None:
            raise Clash(reason)
        lead = permuted(self.theirs, order)
        self._note_new_of_lead(order)
        pieces = self._along(lead, self.ours, ours_first=False)
        self._same_conditions(pieces)
        self.notes.append(
            Note("reordered", "both sides re-ordered declarations that do not depend on each other's order")
        )
        return pieces

    def _note_new_of_lead(self, order: Sequence[int]) -> None:
        """Tells of what theirs added between two that the merged order parts."""
        row = [i for i in order if self.theirs.leaf(i).kind is not Kind.INCLUDE]
        known = [self.theirs.leaf(i) for i in row if i < len(self.base)]
        for at, identity in enumerate(self.theirs.ids):
            leaf = self.theirs.leaf(identity)
            if identity < len(self.base) or leaf.kind is Kind.INCLUDE or identity in self.ours.place:
                continue
            if parted(*neighbours(self.theirs.ids, at, set(row)), row) and not runs_commute([leaf], known):
                self.notes.append(placed([leaf]))

    def _same_conditions(self, pieces: Mapping[str, Sequence[Piece]]) -> None:
        """Raises ``Clash`` if a declaration came under a condition that it has on neither side."""
        merged = read({path: MergeResult(tuple(parts)).render() for path, parts in pieces.items()})
        known = {leaf.signature for version in (self.ours, self.theirs) for leaf in version.leaves}
        if any(not leaf.placed and leaf.signature not in known for leaf in merged):
            raise Clash("both sides re-ordered declarations under preprocessor conditions")

    # -- one side re-ordered, or moved leaves to other files

    def _along(self, lead: Version, other: Version, *, ours_first: bool) -> dict[str, list[Piece]]:
        """``lead``'s order and files, with the edits, additions and removals of ``other``."""
        known = len(self.base)
        for identity in range(known):
            if identity not in lead.place or identity not in other.place:
                self._deleted(identity)
        order = [i for i in lead.ids if i >= known or i in other.place]
        places, notes = place_new(lead, other, known, {leaf.home for leaf in self.base}, order)
        self.notes += notes
        by_home: dict[str, list[Piece]] = {leaf.home: [] for leaf in lead.leaves}
        first = lead.leaves[0].home if lead.leaves else self.paths[0]
        for new in map(other.leaf, places.at_start):
            by_home[new.home if new.home in by_home else first].append(Resolved(new.text))
        pieces: list[tuple[str, Piece]] = []
        for identity in order:
            home = lead.leaf(identity).home
            pieces += ((home, Resolved(other.leaf(new).text)) for new in places.before.get(identity, ()))
            self._emit_along(identity, lead, other, ours_first, pieces)
            pieces += ((home, Resolved(other.leaf(new).text)) for new in places.after.get(identity, ()))
        for where, piece in pieces:
            by_home[where].append(piece)
        return by_home

    def _emit_along(
        self, identity: int, lead: Version, other: Version, ours_first: bool, out: list[tuple[str, Piece]]
    ) -> None:
        mine = lead.leaves[lead.place[identity]]
        place = other.place.get(identity)
        if place is None:
            out.append((mine.home, Resolved(mine.text)))
            return
        edited = other.leaves[place]
        if identity in self.contested:
            ours, theirs = (mine, edited) if ours_first else (edited, mine)
            out.append((mine.home, _contested(self.base[identity], ours, theirs)))
            return
        base = self.base[identity].text if identity < len(self.base) else b""
        a, b = (mine.text, edited.text) if ours_first else (edited.text, mine.text)
        out.extend((mine.home, piece) for piece in self.merge_leaf(base, a, b))


def _contested(base: Leaf, ours: Leaf, theirs: Leaf) -> Conflict:
    """The conflict of a declaration that one side has as the base (and removed), and the other edited."""
    if base.text == ours.text:
        return Conflict(base.text, b"", theirs.text)
    return Conflict(base.text, ours.text, b"")


def _with_contested(pieces: Sequence[Piece]) -> bytes:
    """The text of pieces with all that one side has in a conflict and the other has not."""
    return b"".join(p.text if isinstance(p, Resolved) else p.ours or p.theirs for p in pieces)


def _removed_and_edited(leaf: Leaf) -> str:
    return f"{leaf.name or leaf.kind} is removed on one side and edited on the other"


def _same_but_for_names(base: Leaf, side: Leaf) -> bool:
    """Whether a side left a declaration alone, or only renamed something in it."""
    if base.keys == side.keys:
        return True
    renames = find_renames(base.text, side.text, base.text)
    return bool(renames) and tokens_of(apply_renames(base.text, renames)).keys == side.keys


def _match_new(
    left: Sequence[Leaf],
    new_left: Sequence[int],
    right: Sequence[Leaf],
    new_right: Sequence[int],
    base: Sequence[Leaf],
) -> dict[int, int]:
    """Index in ``right`` -> index in ``left`` of what both sides added (same key, or same directive)."""
    pairs = match([left[i] for i in new_left], [right[j] for j in new_right])
    result: dict[int, int] = {}
    for j, i in pairs.items():
        mine, other = left[new_left[i]], right[new_right[j]]
        if mine.placed or other.placed:
            if mine.keys != other.keys or mine.kind in (Kind.CONDITIONAL, Kind.OPAQUE):
                continue
        elif not _is_one_declaration(mine, other, base):
            continue
        result[new_right[j]] = new_left[i]
    return result


def _may_be_overload(leaf: Leaf) -> bool:
    """Whether a name may be another one's, too, and a call mean either. (Of instantiations and of calls
    of one macro there are many.)"""
    return not leaf.placed and leaf.kind is not Kind.INSTANTIATION and not arguments_of(leaf)


def _is_one_declaration(mine: Leaf, other: Leaf, base: Sequence[Leaf]) -> bool:
    """Whether what both sides added under one name is for one purpose."""
    if (mine.short, mine.arguments, mine.condition) != (other.short, other.arguments, other.condition):
        return False
    if are_overloads(mine, other):
        return False
    return not (arguments_of(mine) and arguments_of(other)) or same_row(mine, other, base)


def _slots(ids: Sequence[int], kept: Sequence[int]) -> list[list[int]]:
    """The stretches between the leaves that are kept."""
    slots: list[list[int]] = [[]]
    for identity in ids:
        if identity in kept:
            slots.append([])
        else:
            slots[-1].append(identity)
    return slots


def _span(slot: Sequence[int], gone: Sequence[int]) -> _Span:
    """Which places among the base's leaves ``gone`` the new ones of a slot take: those of the leaves that
    they replace, else (a half) the place between two."""
    new = [k for k, identity in enumerate(slot) if identity not in gone]
    if not new:
        return 0, 0
    low = max((gone.index(i) for i in slot[: new[0]]), default=-1)
    high = min((gone.index(i) for i in slot[new[-1] :] if i in gone), default=len(gone))
    replaced = [k for k in range(low + 1, high) if gone[k] not in slot]
    return (replaced[0], replaced[-1]) if replaced else (low + 0.5, high - 0.5)


def _side_by_side(ours: Sequence[Leaf], theirs: Sequence[Leaf]) -> Note:
    names = [next((x.name for x in leaves if x.name), "new lines") for leaves in (theirs, ours)]
    message = (
        f"both sides added declarations at one place: {names[0]} (theirs) comes before {names[1]} (ours)"
    )
    return Note("side-by-side", message, True)


def _interleave(ours: Sequence[int], theirs: Sequence[int]) -> list[int] | None:
    """An order that keeps both orders, common elements once; None if the two contradict each other."""
    result: list[int] = []
    there, here = set(theirs), set(ours)
    i = j = 0
    while i < len(ours) or j < len(theirs):
        if j < len(theirs) and theirs[j] not in here:
            result.append(theirs[j])
            j += 1
        elif i < len(ours) and ours[i] not in there:
            result.append(ours[i])
            i += 1
        elif i < len(ours) and j < len(theirs) and ours[i] == theirs[j]:
            result.append(ours[i])
            i, j = i + 1, j + 1
        else:
            return None
    return result
