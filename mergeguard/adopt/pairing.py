"""What became of upstream's declarations: as they were, edited, taken apart, or the fork's own now."""

from __future__ import annotations

from mergeguard.adopt.draft import Draft
from mergeguard.adopt.model import AdoptedAs, Taken
from mergeguard.adopt.reading import Reading
from mergeguard.adopt.rebuilding import is_the_splits
from mergeguard.adopt.shape import Shape, needed
from mergeguard.adopt.takenapart import (
    ApartEdit,
    ApartSide,
    Row,
    TakenApart,
    cuts_a_macro,
    head_of,
    is_comment_row,
    joined,
    keys_of,
    raw,
    rows_of,
    stands_for,
    unclosed,
)
from mergeguard.cpp.diff import diff
from mergeguard.cpp.leaves import Leaf
from mergeguard.cpp.source import Kind


class Pairing:
    """Each declaration of the monolith with its twin in the split, and the pieces of those taken apart."""

    def __init__(self, reading: Reading, draft: Draft, shape: Shape, whole: frozenset[str]) -> None:
        """``whole`` are the functions that are taken as the fork has them."""
        self.reading, self.draft, self.shape, self.whole = reading, draft, shape, whole
        self.brought: set[int] = set()  # by the identity of a side

    def run(self) -> None:
        """Decide about all of upstream's declarations, then about what those taken whole come to."""
        for index in range(len(self.reading.base)):
            self._pair(index, self.shape.pieces.get(index, []))
        self._keep_the_forks()

    def _pair(self, index: int, pieces: list[ApartSide]) -> None:
        leaf = self.reading.base[index]
        twin = self.reading.twins.get(index)
        if twin is None and leaf.short in self.reading.apart:
            # Several shards may each have a part of it, under its own name.
            twin = next((side for side in pieces if side.leaf.short == leaf.short), None)
            pieces = [side for side in pieces if side is not twin]
        if twin is None:
            self._missing(index, pieces)
            return
        if leaf.condition != twin.leaf.condition:
            reason = f"it stands under another condition than upstream's ({_said(leaf)})"
            self.draft.take(twin, AdoptedAs.UNPLACED, reason, text=twin.leaf.text)
            return
        if leaf.name in self.whole:
            self._take_whole(index, twin)
            return
        problems: list[tuple[ApartSide, list[Row], str]] = []
        if pieces or leaf.short in self.reading.apart:
            edits, problems = self._apart_edits(index, twin, pieces)
        else:
            edits = self._plain_edits(index, twin)
        cut = cuts_a_macro(leaf.text, self.reading.base_rows[index], edits)
        if cut:
            problems.append((twin, [], "it would cut a macro in two"))
            edits = [edit for edit in edits if edit not in cut]
        added, removed = self.draft.apply(
            index, edits, None if pieces or leaf.short in self.reading.apart else twin
        )
        if unclosed(self.draft.replaced.get(index, leaf.text)) != unclosed(leaf.text):
            del self.draft.replaced[index]
            self.draft.take(
                twin, AdoptedAs.UNPLACED, "its brackets or conditions would not close", text=twin.leaf.text
            )
            return
        for side, rows, reason in problems:
            text = raw(side.leaf.text, rows) or side.leaf.text
            self.draft.take(side, AdoptedAs.UNPLACED, reason, text=text, row=rows[0] if rows else None)
        if edits:
            self.draft.take(twin, AdoptedAs.EDITED, added=added, removed=removed)
        elif pieces:
            self.draft.take(twin, AdoptedAs.TAKEN_APART, "its branching is the split's")
        else:
            self.draft.take(twin, AdoptedAs.UPSTREAM)

    def _apart_edits(
        self, index: int, twin: ApartSide, pieces: list[ApartSide]
    ) -> tuple[list[ApartEdit], list[tuple[ApartSide, list[Row], str]]]:
        """The edits of a function that was taken apart; the lines of which that is not certain."""
        leaf, rows = self.reading.base[index], self.reading.base_rows[index]
        own = self.shape.split_names | self.shape.locals_for_launchers(twin, rows)
        apart = TakenApart(leaf, self.reading.arm_rows(index), self.reading.labels, own, twin, pieces)
        edits, problems = apart.edits()
        edits = [e for e in edits if e.text.strip() or not all(map(is_comment_row, rows[e.start : e.end]))]
        for side, mine in apart.own:
            text = raw(side.leaf.text, mine)
            self.draft.take(side, AdoptedAs.GLUE, "lines that only the split needs", text=text, row=mine[0])
        for side in pieces:
            head = head_of(side) if side.leaf.kind is not Kind.MACRO else b""
            self.draft.take(side, AdoptedAs.TAKEN_APART, f"lines of upstream's {leaf.name}", text=head)
        if problems or self.shape.is_replaced(twin):
            self.draft.decide.add(leaf.name)
            edits = self._without_removals(index, twin, edits)
        return edits, problems

    def _without_removals(self, index: int, twin: ApartSide, edits: list[ApartEdit]) -> list[ApartEdit]:
        """The edits that take nothing away: what the fork has in its place may be in what can't be placed."""
        rows, text = self.reading.base_rows[index], self.reading.base[index].text
        safe: list[ApartEdit] = []
        for edit in edits:
            old = rows[edit.start : edit.end]
            if not old or stands_for(old, rows_of(edit.text)):
                safe.append(edit)
                continue
            line = self.reading.monolith.count(b"\n", 0, self.reading.base_starts[index] + old[0].start) + 1
            if not is_the_splits(old, self.reading.arm_rows(index), edit):
                reason = f"upstream's lines {line} to {line + len(old) - 1} are not in the fork: they stay"
                self.draft.take(
                    edit.part or twin, AdoptedAs.UNPLACED, reason, text=edit.text or raw(text, old)
                )
            elif edit.text.strip():
                reason = "it stands where upstream's arms and macros stay"
                self.draft.take(edit.part or twin, AdoptedAs.UNPLACED, reason, text=edit.text)
        return safe

    def _missing(self, index: int, pieces: list[ApartSide]) -> None:
        leaf = self.reading.base[index]
        if (
            leaf.placed
            or leaf.kind in (Kind.INCLUDE, Kind.USING, Kind.INSTANTIATION)
            or not leaf.text.strip()
        ):
            return
        if leaf.kind is Kind.DECLARATION and leaf.short in self.reading.names:
            return
        line = self.reading.line_of(index)
        if leaf.short in self.reading.apart or pieces:
            reason = "upstream's function is in no file of the split"
            self.draft.taken.append(Taken(self.reading.path, line, leaf.name, AdoptedAs.UNPLACED, reason))
            return
        self.draft.replaced[index] = b""
        removed = len(self.reading.base_rows[index])
        self.draft.taken.append(
            Taken(self.reading.path, line, leaf.name, AdoptedAs.REMOVED, "it is in no file", 0, removed)
        )

    def _plain_edits(self, index: int, twin: ApartSide) -> list[ApartEdit]:
        base, side = self.reading.base_rows[index], twin.rows
        edits = []
        for change in diff(keys_of(base), keys_of(side)):
            old, new = base[change.a0 : change.a1], side[change.b0 : change.b1]
            # Comments before a declaration are often left behind by a split made by hand.
            only_comment = not new and all(map(is_comment_row, old))
            if joined(old) == joined(new) or only_comment:
                continue
            edits.append(ApartEdit(change.a0, change.a1, raw(twin.leaf.text, new)))
        return edits

    def _take_whole(self, index: int, twin: ApartSide) -> None:
        """The fork's text of a function, as it is."""
        old, new = self.reading.base_rows[index], twin.rows
        changes = diff(keys_of(old), keys_of(new))
        self.draft.replaced[index] = twin.leaf.text
        self.draft.take(
            twin,
            AdoptedAs.EDITED,
            "as the fork has it",
            added=sum(c.b1 - c.b0 for c in changes),
            removed=sum(c.a1 - c.a0 for c in changes),
        )

    def _keep_the_forks(self) -> None:
        """Bring what the functions taken whole come to, before the first of them that can see it."""
        if not self.whole:
            return
        users = {
            i: self.draft.replaced[i]
            for i in sorted(self.draft.replaced)
            if self.reading.base[i].name in self.whole
        }
        found = needed(self.reading.sides, users, {leaf.word for leaf in self.reading.base if leaf.defines})
        for side, why in found.unfit:
            self.draft.take(side, AdoptedAs.UNPLACED, why, text=side.leaf.text)
            self.brought.add(id(side))
        for side, first in found.order:
            self.brought.add(id(side))
            anchor = next(
                (i for i in range(first, -1, -1) if self.reading.base[i].condition == side.leaf.condition),
                None,
            )
            if anchor is None:
                reason = "no place before its use stands under its conditions"
                self.draft.take(side, AdoptedAs.UNPLACED, reason, text=side.leaf.text)
                continue
            self.draft.insert(anchor - 1, side.leaf.text)
            self.draft.take(side, AdoptedAs.ADDED, "the fork's own", added=len(side.rows))


def _said(leaf: Leaf) -> str:
    return " && ".join(leaf.condition) or "none"
