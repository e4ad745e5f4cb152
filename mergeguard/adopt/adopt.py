"""Adopting a split made by hand: upstream's monolith with the edits that the hand-made files hold.

Declarations of the files are matched with the monolith's (``core.merge.declarations``: identity first,
then similarity), compared by lines, and every line is accounted for: as upstream's, as a local edit, as
glue of the split, or as something that can't be placed. A function that the rule partitions was taken
apart by hand, too: its lines are looked for in the entry's function and in the new declarations around it.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import accumulate

from mergeguard.adopt.account import unaccounted
from mergeguard.adopt.expand import expand, text_macros
from mergeguard.adopt.including import QUOTED, Targets, guard_of
from mergeguard.adopt.model import IN_PLACE, AdoptedAs, Adoption, Keep, Taken
from mergeguard.adopt.rebuilding import directive_of, is_the_splits, own_layout, relaid
from mergeguard.adopt.shape import DEFINING, Shape, needed
from mergeguard.adopt.takenapart import (
    ApartEdit,
    ApartSide,
    Row,
    TakenApart,
    continued,
    cuts_a_macro,
    head_of,
    is_comment_row,
    joined,
    keys_of,
    raw,
    rows_of,
    stands_for,
    unclosed,
    words_of,
)
from mergeguard.cpp.diff import diff
from mergeguard.cpp.leaves import Leaf, leaves_of, match
from mergeguard.cpp.source import Kind, parse
from mergeguard.lens.homes.assign import assign
from mergeguard.lens.rule import Rule

_LINKAGE = re.compile(rb"^(?:(?:static|inline|extern)\b\s*)+")
_LEAST_SHARED = 8  # bytes of a line that two comments have in common


def adopt(
    rule: Rule, path: str, monolith: bytes, files: Mapping[str, bytes], keep: Keep | None = None
) -> Adoption:
    """Upstream's ``monolith`` at ``path`` with the local edits of the hand-made ``files`` (by path).

    ``files`` has the entry at ``path``. ``keep`` answers whose text a function keeps that the split took
    apart and the fork changed at the same time; without it that text can't be placed. Raises RuleMismatch
    where the rule does not fit the monolith.
    """
    found = _Adopter(rule, path, monolith, files, keep).run()
    if keep is not Keep.FORK or not found.decide:
        return found
    whole = _Adopter(rule, path, monolith, files, keep, frozenset(found.decide)).run()
    return replace(whole, decide=found.decide)


# -- the whole ---------------------------------------------------------------------------------------


class _Adopter:
    def __init__(
        self,
        rule: Rule,
        path: str,
        monolith: bytes,
        files: Mapping[str, bytes],
        keep: Keep | None,
        whole: frozenset[str] = frozenset(),
    ) -> None:
        """``whole`` are the functions that are taken as the fork has them."""
        self.rule, self.path = rule, path
        self.monolith, self.files = monolith, files
        self.keep, self.whole = keep, whole
        self.decide: set[str] = set()
        self.told: list[tuple[str, bytes]] = []  # lines that are in the new monolith, spelled otherwise
        self.base = leaves_of(monolith, path)[0]
        self.base_rows = [rows_of(leaf.text) for leaf in self.base]
        self.base_starts = list(accumulate((len(leaf.text) for leaf in self.base), initial=0))
        self.sides: list[ApartSide] = []
        self.lines: dict[str, tuple[int, ...]] = {}  # of a file with macros replaced: the line it came from
        self.macros = {} if whole else text_macros(files, monolith)
        for home, text in files.items():
            expanded = expand(text, self.macros)
            self.lines[home] = expanded.lines
            line = 1
            for leaf in leaves_of(expanded.text, home)[0]:
                leading = len(leaf.text) - len(leaf.text.lstrip())
                at = line + leaf.text.count(b"\n", 0, leading)
                self.sides.append(ApartSide(leaf, at, rows_of(leaf.text)))
                line += leaf.text.count(b"\n")
        self.guards = {home: guard_of(text) for home, text in files.items()}
        self.targets = Targets(path, files, [side.leaf for side in self.sides])
        self.taken: list[Taken] = []
        self.replaced: dict[int, bytes] = {}
        self.inserted: dict[int, list[bytes]] = {}
        source = parse(monolith)
        partitions = assign(rule, path, source).partitions
        # Where the split put its own: the head and the end of the branching, and the arms it dealt out. The
        # default keeps upstream's text.
        self.arms = [
            span
            for b in (p.branching for p in partitions)
            for span in (
                (b.start, b.arms[0].start),
                *((arm.start, arm.end) for arm in b.arms if not arm.is_default),
                (b.arms[-1].end, b.end),
            )
        ]
        self.labels = {
            re.sub(r"\s", "", label).encode("utf-8", "surrogateescape")
            for p in partitions
            for arm in p.branching.arms
            for label in arm.labels
        }
        self.apart = frozenset(name for p in partitions for name in (p.rule.over.in_, p.rule.entry))

    def run(self) -> Adoption:
        self._match()
        self.shape = Shape(
            self.base, self.base_rows, self.sides, self.apart, self.macros, self._only_instantiates
        )
        self.split_names = self.shape.split_names
        pieces = self.shape.pieces
        for index in range(len(self.base)):
            self._pair(index, pieces.get(index, []))
        self._keep_the_forks()
        in_piece = {id(side) for several in pieces.values() for side in several}
        for number, side in enumerate(self.sides):
            if side.base is None and id(side) not in in_piece and id(side) not in self.brought:
                self._unmatched(number, side)
        monolith = self._rebuilt()
        self._account(monolith)
        order = {home: n for n, home in enumerate(self.files)}
        taken = sorted(map(self._fate, self.taken), key=lambda t: (order.get(t.path, -1), t.line))
        return Adoption(monolith, tuple(taken), tuple(sorted(self.decide)))

    def _fate(self, taken: Taken) -> Taken:
        """What can't be placed is to be typed again where upstream's text is kept, if it is there to read."""
        if self.keep is Keep.UPSTREAM and taken.fate is AdoptedAs.UNPLACED and taken.text.strip():
            return replace(taken, fate=AdoptedAs.RETYPE)
        return taken

    def _account(self, monolith: bytes) -> None:
        """Report what is neither in the new monolith nor reported yet."""
        report = [*((t.path, t.text) for t in self.taken), *self.told]
        texts = {home: expand(text, self.macros).text for home, text in self.files.items()}
        for path, line, text, comment in unaccounted(texts, monolith, report):
            line = self.lines[path][line - 1]
            fate = AdoptedAs.GLUE if comment else AdoptedAs.UNPLACED
            reason = "a comment of the split's" if comment else "it is in no place of the new file"
            self.taken.append(Taken(path, line, "", fate, reason, text=text))

    def _match(self) -> None:
        """Which declaration is which. What stands for itself (directives, comments) is not matched."""
        real = [n for n, side in enumerate(self.sides) if not side.leaf.placed]
        pairs = match(self.base, [self.sides[n].leaf for n in real])
        for j, i in pairs.items():
            mine, theirs = self.sides[real[j]].leaf, self.base[i]
            if theirs.placed or mine.kind is Kind.INCLUDE or not _alike(mine, theirs):
                continue
            # The launcher of a function that was taken apart is much like it.
            if theirs.short in self.apart and mine.short != theirs.short:
                continue
            self.sides[real[j]].base = i
        self._match_placed()

    def _match_placed(self) -> None:
        """Directives and comments go with upstream's like ones between the same neighbours, in each file."""
        self.beside: dict[int, int] = {}  # by the side's number
        for home in self.files:
            numbers = [n for n, side in enumerate(self.sides) if side.leaf.home == home]
            for order, step in ((numbers, 1), (numbers[::-1], -1)):
                at: int | None = None  # the neighbour of upstream's, from which only directives are between
                for n in order:
                    side = self.sides[n]
                    if side.base is not None:
                        at = side.base
                    elif not side.leaf.placed:
                        at = None
                    elif at is not None and n not in self.beside:
                        found = self._next_alike(side, at, step)
                        if found is not None and found not in self.beside.values():
                            self.beside[n] = at = found

    def _next_alike(self, side: ApartSide, at: int, step: int) -> int | None:
        """Upstream's first directive or comment beyond ``at`` that is like one, before anything else."""
        i = at + step
        while 0 <= i < len(self.base) and self.base[i].placed:
            if _same_placed(self.base[i], self.base_rows[i], side):
                return i
            i += step
        return None

    # -- one declaration of the monolith -----------------------------------------------------------

    def _pair(self, index: int, pieces: list[ApartSide]) -> None:
        leaf = self.base[index]
        twin = next((s for s in self.sides if s.base == index), None)
        if twin is None and leaf.short in self.apart:
            # Several shards may each have a part of it, under its own name.
            twin = next((side for side in pieces if side.leaf.short == leaf.short), None)
            pieces = [side for side in pieces if side is not twin]
        if twin is None:
            self._missing(index, pieces)
            return
        if leaf.condition != twin.leaf.condition:
            reason = f"it stands under another condition than upstream's ({_said(leaf)})"
            self._take(twin, AdoptedAs.UNPLACED, reason, text=twin.leaf.text)
            return
        if leaf.name in self.whole:
            self._take_whole(index, twin)
            return
        problems: list[tuple[ApartSide, list[Row], str]] = []
        if pieces or leaf.short in self.apart:
            edits, problems = self._apart_edits(index, twin, pieces)
        else:
            edits = self._plain_edits(index, twin)
        cut = cuts_a_macro(leaf.text, self.base_rows[index], edits)
        if cut:
            problems.append((twin, [], "it would cut a macro in two"))
            edits = [edit for edit in edits if edit not in cut]
        added, removed = self._apply(index, edits, None if pieces or leaf.short in self.apart else twin)
        if unclosed(self.replaced.get(index, leaf.text)) != unclosed(leaf.text):
            del self.replaced[index]
            self._take(
                twin, AdoptedAs.UNPLACED, "its brackets or conditions would not close", text=twin.leaf.text
            )
            return
        for side, rows, reason in problems:
            text = raw(side.leaf.text, rows) or side.leaf.text
            self._take(side, AdoptedAs.UNPLACED, reason, text=text, row=rows[0] if rows else None)
        if edits:
            self._take(twin, AdoptedAs.EDITED, added=added, removed=removed)
        elif pieces:
            self._take(twin, AdoptedAs.TAKEN_APART, "its branching is the split's")
        else:
            self._take(twin, AdoptedAs.UPSTREAM)

    def _apart_edits(
        self, index: int, twin: ApartSide, pieces: list[ApartSide]
    ) -> tuple[list[ApartEdit], list[tuple[ApartSide, list[Row], str]]]:
        """The edits of a function that was taken apart; the lines of which that is not certain."""
        leaf, rows = self.base[index], self.base_rows[index]
        own = self.split_names | self.shape.locals_for_launchers(twin, rows)
        apart = TakenApart(leaf, self._arm_rows(index), self.labels, own, twin, pieces)
        edits, problems = apart.edits()
        edits = [e for e in edits if e.text.strip() or not all(map(is_comment_row, rows[e.start : e.end]))]
        for side, mine in apart.own:
            text = raw(side.leaf.text, mine)
            self._take(side, AdoptedAs.GLUE, "lines that only the split needs", text=text, row=mine[0])
        for side in pieces:
            head = head_of(side) if side.leaf.kind is not Kind.MACRO else b""
            self._take(side, AdoptedAs.TAKEN_APART, f"lines of upstream's {leaf.name}", text=head)
        if problems or self.shape.is_replaced(twin):
            self.decide.add(leaf.name)
            edits = self._without_removals(index, twin, edits)
        return edits, problems

    def _without_removals(self, index: int, twin: ApartSide, edits: list[ApartEdit]) -> list[ApartEdit]:
        """The edits that take nothing away: what the fork has in its place may be in what can't be placed."""
        rows, text = self.base_rows[index], self.base[index].text
        safe: list[ApartEdit] = []
        for edit in edits:
            old = rows[edit.start : edit.end]
            if not old or stands_for(old, rows_of(edit.text)):
                safe.append(edit)
                continue
            line = self.monolith.count(b"\n", 0, self.base_starts[index] + old[0].start) + 1
            if not is_the_splits(old, self._arm_rows(index), edit):
                reason = f"upstream's lines {line} to {line + len(old) - 1} are not in the fork: they stay"
                self._take(edit.part or twin, AdoptedAs.UNPLACED, reason, text=edit.text or raw(text, old))
            elif edit.text.strip():
                reason = "it stands where upstream's arms and macros stay"
                self._take(edit.part or twin, AdoptedAs.UNPLACED, reason, text=edit.text)
        return safe

    def _arm_rows(self, index: int) -> set[int]:
        start = self.base_starts[index]
        return {
            n
            for n, row in enumerate(self.base_rows[index])
            if any(a < start + row.end and start + row.start < b for a, b in self.arms)
        }

    def _missing(self, index: int, pieces: list[ApartSide]) -> None:
        leaf = self.base[index]
        if (
            leaf.placed
            or leaf.kind in (Kind.INCLUDE, Kind.USING, Kind.INSTANTIATION)
            or not leaf.text.strip()
        ):
            return
        if leaf.kind is Kind.DECLARATION and any(s.leaf.short == leaf.short for s in self.sides):
            return
        line = self.monolith.count(b"\n", 0, self.base_starts[index]) + 1
        if leaf.short in self.apart or pieces:
            reason = "upstream's function is in no file of the split"
            self.taken.append(Taken(self.path, line, leaf.name, AdoptedAs.UNPLACED, reason))
            return
        self.replaced[index] = b""
        removed = len(self.base_rows[index])
        self.taken.append(
            Taken(self.path, line, leaf.name, AdoptedAs.REMOVED, "it is in no file", 0, removed)
        )

    def _plain_edits(self, index: int, twin: ApartSide) -> list[ApartEdit]:
        base, side = self.base_rows[index], twin.rows
        edits = []
        for change in diff(keys_of(base), keys_of(side)):
            old, new = base[change.a0 : change.a1], side[change.b0 : change.b1]
            # Comments before a declaration are often left behind by a split made by hand.
            only_comment = not new and all(map(is_comment_row, old))
            if joined(old) == joined(new) or only_comment:
                continue
            edits.append(ApartEdit(change.a0, change.a1, raw(twin.leaf.text, new)))
        return edits

    def _apply(self, index: int, edits: list[ApartEdit], twin: ApartSide | None) -> tuple[int, int]:
        """Change the declaration; lines added and removed. With ``twin``, lines that are alike but for their
        white space are as the fork has them."""
        if not edits:
            return 0, 0
        text, rows = self.base[index].text, self.base_rows[index]
        mine = own_layout(text, rows, twin) if twin is not None else {}
        out: list[bytes] = []
        at = added = removed = done = 0
        for edit in sorted(edits, key=lambda e: (e.start, e.end)):
            if edit.start < edit.end or (edit.start == 0 and rows):
                start = rows[edit.start].start
            else:
                start = rows[edit.start - 1].end if rows else len(text)
            end = rows[edit.end - 1].end if edit.end > edit.start else start
            out += [relaid(text, rows, done, edit.start, mine, at, start), continued(text, rows, edit)]
            at, done = end, max(done, edit.end)
            added += len(edit.text.splitlines())
            removed += edit.end - edit.start
        self.replaced[index] = b"".join([*out, relaid(text, rows, done, len(rows), mine, at, len(text))])
        return added, removed

    # -- functions as the fork has them --------------------------------------------------------------

    def _take_whole(self, index: int, twin: ApartSide) -> None:
        """The fork's text of a function, as it is."""
        old, new = self.base_rows[index], twin.rows
        changes = diff(keys_of(old), keys_of(new))
        self.replaced[index] = twin.leaf.text
        self._take(
            twin,
            AdoptedAs.EDITED,
            "as the fork has it",
            added=sum(c.b1 - c.b0 for c in changes),
            removed=sum(c.a1 - c.a0 for c in changes),
        )

    def _keep_the_forks(self) -> None:
        """Bring what the functions taken whole come to, before the first of them that can see it."""
        self.brought: set[int] = set()
        if not self.whole:
            return
        users = {i: self.replaced[i] for i in sorted(self.replaced) if self.base[i].name in self.whole}
        found = needed(self.sides, users, {leaf.word for leaf in self.base if leaf.defines})
        for side, why in found.unfit:
            self._take(side, AdoptedAs.UNPLACED, why, text=side.leaf.text)
            self.brought.add(id(side))
        for side, first in found.order:
            self.brought.add(id(side))
            anchor = next(
                (i for i in range(first, -1, -1) if self.base[i].condition == side.leaf.condition), None
            )
            if anchor is None:
                reason = "no place before its use stands under its conditions"
                self._take(side, AdoptedAs.UNPLACED, reason, text=side.leaf.text)
                continue
            self.inserted.setdefault(anchor - 1, []).append(_ended(side.leaf.text))
            self._take(side, AdoptedAs.ADDED, "the fork's own", added=len(side.rows))

    # -- declarations that the monolith does not have ----------------------------------------------

    def _unmatched(self, number: int, side: ApartSide) -> None:
        leaf = side.leaf
        if leaf.kind is Kind.INCLUDE:
            self._include(number, side)
            return
        if number in self.beside:
            self._placed(side, self.beside[number])
            return
        if leaf.kind is Kind.COMMENT and self._comment(number, side):
            return
        if leaf.placed and leaf.code and any(_same_directive(b, leaf) for b in self.base):
            self._take(side, AdoptedAs.UPSTREAM)
            self.told.append((leaf.home, directive_of(side)))
            return
        reason = self._glue_reason(side)
        if reason is not None:
            self._take(side, AdoptedAs.GLUE, reason, text=leaf.text)
            return
        if leaf.word in self.shape.replacements and leaf.kind in DEFINING:
            self.decide |= self.shape.replaced_in()
            self._take(side, AdoptedAs.UNPLACED, IN_PLACE, text=leaf.text)
            return
        if leaf.kind not in DEFINING and leaf.kind not in (Kind.DECLARATION, Kind.USING, Kind.UNDEF):
            self._take(side, AdoptedAs.UNPLACED, "there is nothing like it in the monolith", text=leaf.text)
            return
        twins = [
            i for i, b in enumerate(self.base) if b.short == leaf.short and b.kind is leaf.kind and b.defines
        ]
        if twins and any(s.base in twins for s in self.sides):
            same = any(_code(s.leaf) == _code(leaf) for s in self.sides if s.base in twins)
            reason = "a copy" if same else "another version of a declaration, in a second file"
            self._take(side, AdoptedAs.GLUE if same else AdoptedAs.UNPLACED, reason, text=leaf.text)
            return
        self._add(number, side)

    def _add(self, number: int, side: ApartSide) -> None:
        """A declaration of the fork's own goes beside its neighbour; an ``#undef`` behind the last use."""
        leaf = side.leaf
        anchor = self._anchor(number)
        reason = "nothing beside it is upstream's, under the same condition"
        if anchor is not None and leaf.kind is Kind.UNDEF:
            uses = [i for i, b in enumerate(self.base) if leaf.word in words_of(b.text)]
            if uses and max(uses) > anchor:
                anchor, reason = None, "upstream's file uses it further down"
        if anchor is None:
            self._take(side, AdoptedAs.UNPLACED, reason, text=leaf.text)
            return
        self.inserted.setdefault(anchor, []).append(_ended(leaf.text))
        self._take(side, AdoptedAs.ADDED, added=len(side.rows))

    def _placed(self, side: ApartSide, index: int) -> None:
        """A directive or comment of upstream's; what the fork wrote above or behind it is an edit."""
        rows = self.base_rows[index]
        known = set(keys_of(rows))
        above = [row for row in side.rows if is_comment_row(row) and row.key not in known]
        at = next((n for n, row in enumerate(rows) if not is_comment_row(row)), len(rows))
        edits = [ApartEdit(at, at, b"".join(side.leaf.text[row.start : row.end] for row in above))]
        for row in side.rows:
            code, comment, _ = row.key.partition(b"//")
            if code and comment and row.key not in known and at < len(rows):
                if rows[at].key.partition(b"//")[0] == code:
                    edits.append(ApartEdit(at, at + 1, side.leaf.text[row.start : row.end]))
        edits = [edit for edit in edits if edit.text]
        self.told.append((side.leaf.home, directive_of(side)))
        if not edits or index in self.replaced:
            self._take(side, AdoptedAs.UPSTREAM)
            return
        added, removed = self._apply(index, edits, None)
        self._take(side, AdoptedAs.EDITED, added=added, removed=removed)

    def _comment(self, number: int, side: ApartSide) -> bool:
        """A comment that stands alone: the fork's own where it stands at something of upstream's."""
        neighbours = [(number + 1, 1), (number - 1, 0)]
        first = number == 0 or self.sides[number - 1].leaf.home != side.leaf.home
        if first or self._only_instantiates(side.leaf.home):
            return False  # about the hand-made file
        for at, before in neighbours:
            if not 0 <= at < len(self.sides) or self.sides[at].leaf.home != side.leaf.home:
                continue
            base = self.sides[at].base if self.sides[at].base is not None else self.beside.get(at)
            if base is not None and self.base[base].condition == side.leaf.condition:
                self.inserted.setdefault(base - before, []).append(_ended(side.leaf.text))
                self._take(side, AdoptedAs.ADDED, "a comment", added=len(side.rows))
                return True
        return False

    def _glue_reason(self, side: ApartSide) -> str | None:
        leaf = side.leaf
        if leaf.kind is Kind.COMMENT or not side.rows:
            return "comment"
        if leaf.kind is Kind.CONDITIONAL and b"__has_include" in leaf.text:
            return "finds a file of upstream's"
        if leaf.kind is Kind.PRAGMA and b"once" in leaf.text:
            return "include guard"
        if leaf.kind is Kind.OPAQUE and (leaf.name == "}" or leaf.name.startswith("namespace ")):
            return "namespace"
        guard = self.guards[leaf.home]
        if (
            guard
            and leaf.kind in (Kind.CONDITIONAL, Kind.MACRO)
            and (guard in words_of(leaf.text) or leaf.kind is Kind.CONDITIONAL and leaf.name == "#endif")
        ):
            return "include guard"
        if leaf.kind is Kind.MACRO and leaf.word in self.macros:
            return "text of the function as a macro"
        if self._ends_own_macro(side):
            return "it ends a macro of this file's own"
        names = words_of(leaf.text)
        if leaf.word in self.shape.declaring or names & self.shape.declaring:
            return "it declares what the split made"
        if leaf.kind is Kind.INSTANTIATION:
            templates = {s.leaf.short for s in self.sides if s.leaf.defines}
            plain = leaf.short in templates and b"{" not in leaf.text
            return "explicit instantiation" if plain else None
        if leaf.kind is Kind.DECLARATION and not leaf.defines:
            if any(s.leaf.defines and s.leaf.short == leaf.short for s in self.sides):
                return "forward declaration"
        if leaf.short.encode("utf-8", "surrogateescape") in self.split_names:
            return "it only calls what the split made"
        if leaf.kind in (Kind.OPAQUE, Kind.CONDITIONAL) and names & self.split_names:
            return "it only names what the split made"
        if leaf.kind is Kind.MACRO and names & self.split_names:
            return "a macro for what the split made"
        if leaf.kind in (Kind.OPAQUE, Kind.DECLARATION, Kind.MACRO, Kind.UNDEF):
            macros = {
                s.leaf.short.encode("utf-8", "surrogateescape")
                for s in self.sides
                if s.leaf.kind is Kind.MACRO and s.base is None
            }
            if names & macros and self._only_instantiates(leaf.home):
                return "the file only instantiates"
        return None

    def _ends_own_macro(self, side: ApartSide) -> bool:
        """Whether it is the ``#undef`` of a macro that the same file defines."""
        if side.leaf.kind is not Kind.UNDEF:
            return False
        mine = any(
            s.leaf.kind is Kind.MACRO and s.leaf.short == side.leaf.short and s.leaf.home == side.leaf.home
            for s in self.sides
        )
        elsewhere = any(
            s.leaf.home != side.leaf.home
            and side.leaf.word in words_of(s.leaf.text)
            and s.leaf.kind is not Kind.UNDEF
            and s.leaf.kind is not Kind.MACRO
            and s.base is not None
            and self.targets.reaches(s.leaf.home, side.leaf.home)
            for s in self.sides
        )
        return mine and not elsewhere

    def _only_instantiates(self, home: str) -> bool:
        """Whether a file only sets macros for a file of the split that it includes, and instantiates."""
        kinds = (Kind.INSTANTIATION, Kind.COMMENT, Kind.OPAQUE, Kind.DECLARATION, Kind.MACRO, Kind.UNDEF)
        own = [s.leaf for s in self.sides if s.leaf.home == home]
        included = [self.targets.of(leaf) for leaf in own if leaf.kind is Kind.INCLUDE]
        by_others = any(
            s.leaf.kind is Kind.INCLUDE and s.leaf.home != home and self.targets.of(s.leaf) == home
            for s in self.sides
        )
        plain = all(leaf.kind is Kind.INCLUDE or leaf.kind in kinds or leaf.placed for leaf in own)
        return plain and not by_others and any(target in self.files for target in included)

    def _include(self, number: int, side: ApartSide) -> None:
        """An include line: of the split's own files, one that upstream has, or one that the fork added."""
        target = self.targets.of(side.leaf)
        if target in self.files:
            self._take(side, AdoptedAs.GLUE, "includes a file of the split", text=side.leaf.text)
            return
        known = {self.targets.of(leaf): i for i, leaf in enumerate(self.base) if leaf.kind is Kind.INCLUDE}
        if target in known or side.leaf.name in {leaf.name for leaf in self.base}:
            self._take(side, AdoptedAs.UPSTREAM)
            self.told.append((side.leaf.home, directive_of(side)))
            return
        done = [t for t in self.taken if t.item == side.leaf.name and t.fate is AdoptedAs.ADDED]
        if done:
            self._take(side, AdoptedAs.GLUE, "a copy", text=side.leaf.text)
            return
        before = [
            known[name]
            for s in self.sides[:number]
            if s.leaf.home == side.leaf.home
            and s.leaf.kind is Kind.INCLUDE
            and (name := self.targets.of(s.leaf)) in known
        ]
        anchor = before[-1] if before else max(known.values(), default=None)
        if anchor is None or self.base[anchor].condition != side.leaf.condition:
            self._take(
                side, AdoptedAs.UNPLACED, "no include of upstream's stands beside it", text=side.leaf.text
            )
            return
        text = side.leaf.text.strip(b"\r\n")
        if QUOTED.search(text) and "/" in target:
            shown = posixpath.relpath(target, posixpath.dirname(self.path) or ".")
            text = QUOTED.sub(lambda m: m[0].replace(m[1], shown.encode("utf-8", "surrogateescape")), text)
        self.inserted.setdefault(anchor, []).append(text + b"\n")
        self.told.append((side.leaf.home, directive_of(side)))
        self._take(side, AdoptedAs.ADDED, added=1)

    def _anchor(self, number: int) -> int | None:
        """The monolith's declaration after which a new one goes, by the nearest neighbour in its file."""
        side = self.sides[number]
        for distance in range(1, len(self.sides)):
            for at in (number - distance, number + distance):
                if not 0 <= at < len(self.sides) or self.sides[at].leaf.home != side.leaf.home:
                    continue
                base = self.sides[at].base
                if base is not None and self.base[base].condition == side.leaf.condition:
                    return base if at < number else base - 1
        return None

    def _rebuilt(self) -> bytes:
        out = list(self.inserted.get(-1, ()))
        for index, leaf in enumerate(self.base):
            text = self.replaced.get(index, leaf.text)
            more = self.inserted.get(index, [])
            out += [_ended(text) if more else text, *more]
        return b"".join(out)

    def _take(
        self,
        side: ApartSide,
        fate: AdoptedAs,
        reason: str = "",
        *,
        added: int = 0,
        removed: int = 0,
        text: bytes = b"",
        row: Row | None = None,
    ) -> None:
        leading = len(side.leaf.text) - len(side.leaf.text.lstrip())
        line = (
            side.line
            if row is None
            else side.line + side.leaf.text.count(b"\n", leading, max(leading, row.start))
        )
        self.taken.append(Taken(side.leaf.home, line, side.leaf.name, fate, reason, added, removed, text))


def _alike(a: Leaf, b: Leaf) -> bool:
    """Whether two matched declarations may stand for each other."""
    return a.defines == b.defines and (a.kind is b.kind or {a.kind, b.kind} <= {Kind.FUNCTION, Kind.KERNEL})


def _same_directive(a: Leaf, b: Leaf) -> bool:
    return _code(a) == _code(b) or (a.kind is b.kind is Kind.CONDITIONAL and a.name == b.name)


def _same_placed(base: Leaf, rows: list[Row], side: ApartSide) -> bool:
    if base.kind is Kind.COMMENT or side.leaf.kind is Kind.COMMENT:
        shared = set(keys_of(rows)) & set(keys_of(side.rows))
        return base.kind is side.leaf.kind and any(len(key) > _LEAST_SHARED for key in shared)
    return bool(side.leaf.code) and _same_directive(base, side.leaf)


def _code(leaf: Leaf) -> tuple[bytes, ...]:
    return tuple(token for token in leaf.code if token not in (b"inline", b"static", b"extern"))


def _statements(side: ApartSide) -> int:
    body = side.leaf.text.partition(b"{")[2]
    return body.count(b";") or side.leaf.text.count(b";")


def _said(leaf: Leaf) -> str:
    return " && ".join(leaf.condition) or "none"


def _ended(text: bytes) -> bytes:
    return text if not text or text.endswith(b"\n") else text + b"\n"


def compare(
    before: Mapping[str, bytes], after: Iterable[bytes], glue: Iterable[Taken], monolith: bytes = b""
) -> tuple[str, ...]:
    """Definitions of ``before`` (files by path) that the texts ``after`` do not have, glue apart.

    What the split made macros of, ``monolith`` (upstream's) being without them, counts as their text.
    Linkage words, comments and white space do not count. The names of what is missing.
    """
    excused = {(t.path, t.item) for t in glue}
    before = {home: expand(text, text_macros(before, monolith)).text for home, text in before.items()}
    there: Counter[tuple[bytes, ...]] = Counter()
    for text in after:
        there.update(_code(leaf) for leaf in leaves_of(text)[0])
    missing = []
    for home, text in before.items():
        for leaf in leaves_of(text, home)[0]:
            if leaf.kind in DEFINING and leaf.defines and (home, leaf.name) not in excused:
                if not there[_code(leaf)]:
                    missing.append(f"{home}: {leaf.name}")
    return tuple(missing)
