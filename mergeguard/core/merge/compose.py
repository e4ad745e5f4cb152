"""Three-way merge of declarations: which are there, in what order and in which file, each merged by itself.

Where both sides keep the order of the base, the sequences of declarations are merged like lines, except that
insertions of different declarations at one place are both kept (theirs, upstream's, first). Where one side
re-ordered them or moved some to other files, that side's order stands and the other side's edits follow
their declarations there; what the other side added goes next to its nearest neighbour that did not move.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mergeguard.core.diff import increasing
from mergeguard.core.items import Kind
from mergeguard.core.merge.declarations import Leaf, leaves_of, match
from mergeguard.core.merge.lines import Kind as Outcome
from mergeguard.core.merge.lines import diff3
from mergeguard.core.merge.order import commute, merged_order
from mergeguard.core.merge.result import Conflict, MergeResult, Note, Piece, Resolved, join
from mergeguard.core.merge.weave import Clash

_BLOCKS = (Kind.CONDITIONAL, Kind.OPAQUE)
_HEADERS = (Kind.COMMENT, Kind.PRAGMA, Kind.CONDITIONAL)  # what belongs at the very start of a file
_SWALLOWED = 8  # tokens of a declaration that can't be in another one by chance

MergeLeaf = Callable[[bytes, bytes, bytes], tuple[Piece, ...]]


@dataclass(frozen=True, slots=True)
class _Version:
    """One side: its leaves, and each leaf's identity (base leaf numbers, then numbers for new ones)."""

    leaves: list[Leaf]
    ids: list[int]
    place: dict[int, int]  # identity -> index in leaves
    many: bool  # spread over other files than the base


def compose(
    base: Mapping[str, bytes], ours: Mapping[str, bytes], theirs: Mapping[str, bytes], merge_leaf: MergeLeaf
) -> tuple[dict[str, tuple[Piece, ...]], tuple[Note, ...]]:
    """The merged files (path -> pieces). Raises ``Clash`` where the order can't be merged."""
    # What ends a file without a newline may come to stand before something else.
    whole = [{path: _ended(text) for path, text in files.items()} for files in (base, ours, theirs)]
    pieces, notes = _Composer(whole[0], whole[1], whole[2], merge_leaf).run()
    for path, parts in pieces.items():
        ended = [files[path].endswith(b"\n") for files in (base, ours, theirs) if files.get(path)]
        newline = sum(ended) >= 2 if len(ended) == 3 else all(ended)
        if len(ended) == 3 and ended[1] != ended[2]:
            newline = not ended[0]  # one side changed it
        if parts and not newline:
            pieces[path] = (*parts[:-1], _unended(parts[-1]))
    return pieces, notes


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
        self.paths = list(base)
        self.base = _read(base)
        self.base_ids = list(range(len(self.base)))
        left, right = _read(ours), _read(theirs)
        ours_pairs, theirs_pairs = match(self.base, left), match(self.base, right)
        new_left = [i for i in range(len(left)) if i not in ours_pairs]
        new_right = [i for i in range(len(right)) if i not in theirs_pairs]
        both = _match_new(left, new_left, right, new_right)
        fresh = len(self.base)
        left_ids = [ours_pairs.get(i, fresh + i) for i in range(len(left))]
        fresh += len(left)
        right_ids = [
            theirs_pairs[j] if j in theirs_pairs else left_ids[both[j]] if j in both else fresh + j
            for j in range(len(right))
        ]
        homes = {leaf.home for leaf in self.base}
        self.ours = _version(left, left_ids, homes)
        self.theirs = _version(right, right_ids, homes)

    def run(self) -> tuple[dict[str, tuple[Piece, ...]], tuple[Note, ...]]:
        for version in (self.ours, self.theirs):
            self._none_swallowed(version)
        ours_moved, theirs_moved = (
            version.many or _reordered(version.ids, len(self.base)) for version in (self.ours, self.theirs)
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
                    self._deleted(identity, None)
                gone = set(self.base_ids) - set(kept)
                self.base_ids, both_moved, ours_moved, theirs_moved = kept, False, False, False
                self.ours, self.theirs = _without(self.ours, gone), _without(self.theirs, gone)
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
        return {path: join(parts) for path, parts in pieces.items()}, tuple(self.notes)

    def _none_swallowed(self, version: _Version) -> None:
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

    def _moved_code(self, version: _Version) -> bool:
        ids = [
            i for i, leaf in zip(version.ids, version.leaves, strict=True) if leaf.kind is not Kind.INCLUDE
        ]
        return version.many or _reordered(ids, len(self.base))

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
                    self._deleted(gone, out)
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
            self._deleted(identity, None)
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
        ours_runs, theirs_runs = _runs(o_ids, old, kept), _runs(t_ids, old, kept)
        gone_here = _runs(b_ids, set(), kept)
        self._note_changed_blocks(gone, ours_runs + theirs_runs)
        result: list[int] = []
        for slot in range(len(kept) + 1):
            replaced = [[i for i in gone_here[slot] if i not in ids] for ids in (o_ids, t_ids)]
            ours_first = all(replaced) and max(replaced[0]) < min(replaced[1])
            result += self._join_runs(ours_runs[slot], theirs_runs[slot], ours_first)
            if slot < len(kept):
                result.append(kept[slot])
        return result

    def _join_runs(self, ours: list[int], theirs: list[int], ours_first: bool) -> list[int]:
        """The new leaves of both sides at one place; ``ours_first``: ours took the place of earlier ones."""
        if not ours or not theirs:
            return ours or theirs
        mine = [self.ours.leaves[self.ours.place[i]] for i in ours]
        other = [self.theirs.leaves[self.theirs.place[i]] for i in theirs]
        if _unconditional(mine) and _unconditional(other):
            # An inserted include goes before inserted code, whoever brought it.
            if _all_includes(mine) != _all_includes(other):
                ours_first = _all_includes(mine)
            return ours + theirs if ours_first else theirs + ours
        # One side opened or closed a condition or namespace here.
        for run, leaves, rest, rest_leaves in ((ours, mine, theirs, other), (theirs, other, ours, mine)):
            if _unconditional(rest_leaves):
                place = _place_of_block(leaves, rest_leaves)
                if place is not None:
                    self._note_outside(leaves, rest_leaves[:place])
                    return rest[:place] + run + rest[place:]
        raise Clash("both sides changed the conditions around one place")

    def _note_changed_blocks(self, gone: set[int], runs: Sequence[list[int]]) -> None:
        """Tells of a block that one side took away where the other opened or closed one."""
        old = sorted(i for i in gone if self.base[i].kind in _BLOCKS)
        for run in runs if old else ():
            version = self.ours if all(i in self.ours.place for i in run) else self.theirs
            if all(i not in version.place for i in old):
                continue  # the same side did both
            leaves = [version.leaves[version.place[i]] for i in run]
            if not _unconditional(leaves):
                opened = next(leaf.name for leaf in leaves if leaf.kind in _BLOCKS)
                message = f"`{opened}` came where the other side took `{self.base[old[0]].name}` away"
                self.notes.append(Note("placed", message, True))

    def _note_outside(self, block: Sequence[Leaf], before: Sequence[Leaf]) -> None:
        """Tells of new code that came to stand before a block that the other side opened."""
        names = ", ".join(sorted({x.name for x in before if x.kind is not Kind.INCLUDE and not x.placed}))
        if names and _only_opens(block):
            opened = next((leaf.name for leaf in block if leaf.kind in _BLOCKS), "a block")
            message = f"{names}: placed before `{opened}`, which the other side opened there, not in it"
            self.notes.append(Note("placed", message, True))

    def _deleted(self, identity: int, out: list[tuple[str, Piece]] | None) -> None:
        """A base leaf that one side removed: only if the other left it alone."""
        base = self.base[identity]
        for version in (self.ours, self.theirs):
            place = version.place.get(identity)
            if place is not None and version.leaves[place].keys != base.keys:
                raise Clash(f"{base.name or base.kind} is removed on one side and edited on the other")

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
            return all(commute(v.leaves[v.place[one]], v.leaves[v.place[two]]) for v in versions)

        order = merged_order(self.base_ids, self.ours.ids, self.theirs.ids, may_swap)
        # Whether it is a conflict must not depend on whose order leads.
        if order is None or merged_order(self.base_ids, self.theirs.ids, self.ours.ids, may_swap) is None:
            raise Clash(reason)
        lead = _permuted(self.theirs, order)
        pieces = self._along(lead, self.ours, ours_first=False)
        self._same_conditions(pieces)
        self.notes.append(
            Note("reordered", "both sides re-ordered declarations that do not depend on each other's order")
        )
        return pieces

    def _same_conditions(self, pieces: Mapping[str, Sequence[Piece]]) -> None:
        """Raises ``Clash`` if a declaration came under a condition that it has on neither side."""
        merged = _read({path: MergeResult(tuple(parts)).render() for path, parts in pieces.items()})
        known = {_identity(leaf) for version in (self.ours, self.theirs) for leaf in version.leaves}
        if any(not leaf.placed and _identity(leaf) not in known for leaf in merged):
            raise Clash("both sides re-ordered declarations under preprocessor conditions")

    # -- one side re-ordered, or moved leaves to other files

    def _along(self, lead: _Version, other: _Version, *, ours_first: bool) -> dict[str, list[Piece]]:
        """``lead``'s order and files, with the edits, additions and removals of ``other``."""
        known = len(self.base)
        steady = _steady(lead, known, {leaf.home for leaf in self.base} if lead.many else None)
        for identity in range(known):
            if identity not in lead.place or identity not in other.place:
                self._deleted(identity, None)
        order = [i for i in lead.ids if i >= known or i in other.place]
        after: dict[int, list[int]] = {}
        before: dict[int, list[int]] = {}
        at_start: list[int] = []
        for anchor, run, following in _insertions(other, lead, known, steady):
            leaves = [other.leaves[other.place[i]] for i in run]
            following_known = following is not None and following in steady and following in lead.place
            between = (
                anchor is None or not following_known or _only_moved_between(order, anchor, following, steady)
            )
            if not _unconditional(leaves) and not between:
                # A new condition around code that the lead moved elsewhere can't be placed.
                raise Clash("a new condition stands where the other side moved declarations")
            if other.place[run[0]] == 0 and leaves[0].kind in _HEADERS and not (lead.many or other.many):
                at_start.extend(run)
            elif following is not None and following_known and between and not _all_includes(leaves):
                new = _new_before(order, following, known)
                new_leaves = [lead.leaves[lead.place[i]] for i in new]
                place = _place_of_block(leaves, new_leaves) if new and not _unconditional(leaves) else None
                if place is not None:
                    self._note_outside(leaves, new_leaves[:place])
                before.setdefault([*new, following][len(new) if place is None else place], []).extend(run)
            elif anchor is not None:
                if _all_includes(leaves):
                    for identity in run:
                        place = _sorted_place(lead, anchor, identity, other)
                        after.setdefault(place if place in order else anchor, []).append(identity)
                else:
                    place = _behind_lead(lead, order, anchor, known, steady, closing=_only_closes(leaves))
                    after.setdefault(place, []).extend(run)
            else:
                at_start.extend(run)
            if not _all_includes(leaves) and (
                (anchor is not None and _moved_next(order, anchor, known, steady))
                or self._torn(run, following, lead, other)
            ):
                names = ", ".join(sorted({leaf.name for leaf in leaves if not leaf.placed})) or "new lines"
                self.notes.append(
                    Note("placed", f"{names}: placed among declarations that the other side moved", True)
                )
        out: list[tuple[str, Piece]] = []
        home = lead.leaves[0].home if lead.leaves else self.paths[0]
        for identity in at_start:
            out.append((home, Resolved(other.leaves[other.place[identity]].text)))
        for identity in order:
            for new in before.get(identity, ()):
                out.append((self._home(lead, identity), Resolved(other.leaves[other.place[new]].text)))
            self._emit_along(identity, lead, other, ours_first, out)
            for new in after.get(identity, ()):
                out.append((self._home(lead, identity), Resolved(other.leaves[other.place[new]].text)))
        pieces: dict[str, list[Piece]] = {leaf.home: [] for leaf in lead.leaves}
        for where, piece in out:
            pieces[where].append(piece)
        return pieces

    def _torn(self, run: list[int], following: int | None, lead: _Version, other: _Version) -> bool:
        """Whether the new leaves stand between two that ``lead`` has the other way round: then nobody knows
        beside which of them they belong."""
        at = other.place[run[0]]
        previous = other.ids[at - 1] if at else None
        if previous is None or following is None or not {previous, following} <= lead.place.keys():
            return False
        return lead.place[previous] > lead.place[following]

    def _home(self, lead: _Version, identity: int) -> str:
        return lead.leaves[lead.place[identity]].home

    def _emit_along(
        self, identity: int, lead: _Version, other: _Version, ours_first: bool, out: list[tuple[str, Piece]]
    ) -> None:
        mine = lead.leaves[lead.place[identity]]
        place = other.place.get(identity)
        if place is None:
            out.append((mine.home, Resolved(mine.text)))
            return
        edited = other.leaves[place]
        base = self.base[identity].text if identity < len(self.base) else b""
        a, b = (mine.text, edited.text) if ours_first else (edited.text, mine.text)
        out.extend((mine.home, piece) for piece in self.merge_leaf(base, a, b))


def _insertions(
    other: _Version, lead: _Version, known: int, steady: set[int]
) -> list[tuple[int | None, list[int], int | None]]:
    """What ``other`` added: (nearest steady leaf before, the new leaves in a row, the base leaf after)."""
    found: list[tuple[int | None, list[int], int | None]] = []
    anchor: int | None = None
    run: list[int] = []
    for identity in [*other.ids, None]:
        if identity is not None and identity >= known:
            if identity not in lead.place:
                run.append(identity)
            continue
        if run:
            found.append((anchor, run, identity))
            run = []
        if identity is not None and identity in steady:
            anchor = identity
    return found


def _new_before(order: Sequence[int], following: int, known: int) -> list[int]:
    """The new leaves in a row right before ``following``."""
    end = start = order.index(following)
    while start > 0 and order[start - 1] >= known:
        start -= 1
    return list(order[start:end])


def _sorted_place(lead: _Version, anchor: int, identity: int, other: _Version) -> int:
    """Behind which include of ``lead`` a new one goes: by name where ``lead`` keeps the block around
    ``anchor`` sorted, else behind ``anchor``."""
    start = end = lead.place[anchor]
    leaves = lead.leaves
    if leaves[start].kind is not Kind.INCLUDE:
        return anchor
    while start > 0 and leaves[start - 1].kind is Kind.INCLUDE and _same_block(leaves[start]):
        start -= 1
    while end + 1 < len(leaves) and leaves[end + 1].kind is Kind.INCLUDE and _same_block(leaves[end + 1]):
        end += 1
    block = [leaves[k].name for k in range(start, end + 1)]
    name = other.leaves[other.place[identity]].name
    if len(block) < 3 or block != sorted(block) or name < block[0]:
        return anchor
    return lead.ids[start + sum(x < name for x in block) - 1]


def _same_block(leaf: Leaf) -> bool:
    """Whether no blank line or comment parts an include from the one before."""
    return leaf.text.lstrip(b" \t").startswith(b"#")


def _behind_lead(
    lead: _Version, order: Sequence[int], anchor: int, known: int, steady: set[int], *, closing: bool
) -> int:
    """The last leaf in a row behind ``anchor`` that stays with what it follows: what ``lead`` moved there and
    its new includes; before a ``closing`` line all that is new there. ``anchor`` if there is none."""
    at = order.index(anchor)
    for following in order[at + 1 :]:
        leaf = lead.leaves[lead.place[following]]
        stays = (closing or leaf.kind is Kind.INCLUDE) if following >= known else not closing
        if following in steady or not stays or leaf.home != lead.leaves[lead.place[anchor]].home:
            break
        at += 1
    return order[at]


def _moved_next(order: Sequence[int], anchor: int, known: int, steady: set[int]) -> bool:
    """Whether leaves that were moved there stand between ``anchor`` and the next steady leaf."""
    for identity in order[order.index(anchor) + 1 :]:
        if identity in steady:
            return False
        if identity < known:
            return True
    return False


def _only_moved_between(order: Sequence[int], start: int, end: int | None, steady: set[int]) -> bool:
    """Whether in ``order`` only leaves that were moved there or are new stand between two steady ones."""
    inside = False
    for identity in order:
        if identity == end:
            return inside
        if inside and identity in steady:
            return False
        inside = inside or identity == start
    return False


def _read(files: Mapping[str, bytes]) -> list[Leaf]:
    leaves: list[Leaf] = []
    for path, text in files.items():
        found, sound = leaves_of(text, path)
        if not sound:
            raise Clash(f"{path or 'the file'} can't be read as declarations")
        leaves += found
    return leaves


def _version(leaves: list[Leaf], ids: list[int], homes: set[str]) -> _Version:
    many = any(leaf.home not in homes for leaf in leaves)
    return _Version(leaves, ids, {identity: k for k, identity in enumerate(ids)}, many)


def _permuted(version: _Version, order: Sequence[int]) -> _Version:
    """The version with the leaves of ``order`` in this order; each other leaf behind what it followed."""
    ids = list(order)
    listed = set(order)
    previous: int | None = None
    for identity in version.ids:
        if identity not in listed:
            ids.insert(ids.index(previous) + 1 if previous is not None else 0, identity)
        previous = identity
    leaves = [version.leaves[version.place[identity]] for identity in ids]
    return _Version(leaves, ids, {identity: k for k, identity in enumerate(ids)}, version.many)


def _identity(leaf: Leaf) -> tuple[object, ...]:
    return (leaf.kind, leaf.name, leaf.arguments, leaf.parameters, leaf.condition)


def _without(version: _Version, gone: set[int]) -> _Version:
    left = [(i, leaf) for i, leaf in zip(version.ids, version.leaves, strict=True) if i not in gone]
    ids = [i for i, _ in left]
    return _Version([leaf for _, leaf in left], ids, {i: k for k, i in enumerate(ids)}, version.many)


def _match_new(
    left: Sequence[Leaf], new_left: Sequence[int], right: Sequence[Leaf], new_right: Sequence[int]
) -> dict[int, int]:
    """Index in ``right`` -> index in ``left`` of what both sides added (same key, or same directive)."""
    pairs = match([left[i] for i in new_left], [right[j] for j in new_right])
    result: dict[int, int] = {}
    for j, i in pairs.items():
        mine, other = left[new_left[i]], right[new_right[j]]
        if mine.placed or other.placed:
            if mine.keys != other.keys or mine.kind in (Kind.CONDITIONAL, Kind.OPAQUE):
                continue
        elif (mine.short, mine.arguments, mine.condition) != (other.short, other.arguments, other.condition):
            continue
        result[new_right[j]] = new_left[i]
    return result


def _reordered(ids: Sequence[int], known: int) -> bool:
    last = -1
    for identity in ids:
        if identity < known:
            if identity < last:
                return True
            last = identity
    return False


def _steady(version: _Version, known: int, homes: set[str] | None) -> set[int]:
    """The base leaves that kept their order (a longest increasing run) and, if ``homes``, their file."""
    ids = [
        i
        for k, i in enumerate(version.ids)
        if i < known and (homes is None or version.leaves[k].home in homes)
    ]
    return {ids[k] for k in increasing(ids)}


def _runs(ids: Sequence[int], old: set[int], kept: Sequence[int]) -> list[list[int]]:
    """What is new between the leaves that are kept."""
    slots: list[list[int]] = [[]]
    for identity in ids:
        if identity in kept:
            slots.append([])
        elif identity not in old:
            slots[-1].append(identity)
    return slots


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


def _depths(leaves: Sequence[Leaf]) -> tuple[int, int]:
    """(conditions and namespaces closed that were not opened here, those left open)."""
    closed = opened = 0
    for leaf in leaves:
        code = leaf.code
        if leaf.kind is Kind.CONDITIONAL:
            word = code[1] if len(code) > 1 else b""
            delta = 1 if word.startswith(b"#if") else -1 if word == b"#endif" else 0
            if delta == 0 and opened == 0:
                return 1, 1  # a bare #else is both
        elif leaf.kind is Kind.OPAQUE:
            delta = sum(k == b"{" for k in code) - sum(k == b"}" for k in code)
        else:
            continue
        if delta < 0 and opened + delta < 0:
            closed -= opened + delta
            opened = 0
        else:
            opened += delta
    return closed, opened


def _unconditional(leaves: Sequence[Leaf]) -> bool:
    return _depths(leaves) == (0, 0)


def _only_closes(leaves: Sequence[Leaf]) -> bool:
    closed, opened = _depths(leaves)
    return closed > 0 and opened == 0


def _only_opens(leaves: Sequence[Leaf]) -> bool:
    closed, opened = _depths(leaves)
    return closed == 0 and opened > 0


def _place_of_block(block: Sequence[Leaf], rest: Sequence[Leaf]) -> int | None:
    """Where among new leaves what the other side opened or closed at the same place goes: an end behind all
    of them, a beginning behind the last include and the conditions around it; None if it is both."""
    if _only_closes(block):
        return len(rest)
    if not _only_opens(block):
        return None
    place = depth = 0
    found = False
    for index, leaf in enumerate(rest, 1):
        closed, opened = _depths([leaf])
        depth += opened - closed
        found = found or leaf.kind is Kind.INCLUDE
        if found and depth == 0:
            place, found = index, False
    return place


def _all_includes(leaves: Sequence[Leaf]) -> bool:
    return all(leaf.kind is Kind.INCLUDE for leaf in leaves)
