"""What the split has and upstream's file has not: glue of the split, or the fork's own, with its place."""

from __future__ import annotations

import posixpath

from mergeguard.adopt.draft import Draft
from mergeguard.adopt.including import QUOTED
from mergeguard.adopt.model import IN_PLACE, AdoptedAs
from mergeguard.adopt.reading import Reading, plain
from mergeguard.adopt.rebuilding import directive_of
from mergeguard.adopt.shape import DEFINING, Shape
from mergeguard.adopt.takenapart import ApartEdit, ApartSide, is_comment_row, keys_of, words_of
from mergeguard.cpp.source import Kind


class Unmatched:
    """The declarations of the split that no declaration of upstream's was matched with."""

    def __init__(self, reading: Reading, draft: Draft, shape: Shape) -> None:
        self.reading, self.draft, self.shape = reading, draft, shape

    def take(self, number: int, side: ApartSide) -> None:
        """Decide about one of them, by its number among the split's declarations."""
        leaf = side.leaf
        if number in self.reading.switched:
            self.draft.take(side, AdoptedAs.GLUE, "one unit of the split compiles it", text=leaf.text)
            return
        if leaf.kind is Kind.INCLUDE:
            self._include(number, side)
            return
        if number in self.reading.beside:
            self._placed(side, self.reading.beside[number])
            return
        if leaf.kind is Kind.COMMENT and self._comment(number, side):
            return
        if leaf.placed and leaf.code and self.reading.has_directive(leaf):
            self.draft.take(side, AdoptedAs.UPSTREAM)
            self.draft.told.append((leaf.home, directive_of(side)))
            return
        reason = self._glue_reason(side)
        if reason is not None:
            self.draft.take(side, AdoptedAs.GLUE, reason, text=leaf.text)
            return
        if leaf.word in self.shape.replacements and leaf.kind in DEFINING:
            self.draft.decide |= self.shape.replaced_in()
            self.draft.take(side, AdoptedAs.UNPLACED, IN_PLACE, text=leaf.text)
            return
        if leaf.kind not in DEFINING and leaf.kind not in (Kind.DECLARATION, Kind.USING, Kind.UNDEF):
            self.draft.take(
                side, AdoptedAs.UNPLACED, "there is nothing like it in the monolith", text=leaf.text
            )
            return
        twins = self.reading.definitions.get((leaf.short, leaf.kind), frozenset())
        if twins and any(s.base in twins for s in self.reading.sides):
            same = any(plain(s.leaf) == plain(leaf) for s in self.reading.sides if s.base in twins)
            reason = "a copy" if same else "another version of a declaration, in a second file"
            self.draft.take(side, AdoptedAs.GLUE if same else AdoptedAs.UNPLACED, reason, text=leaf.text)
            return
        self._add(number, side)

    def _add(self, number: int, side: ApartSide) -> None:
        """A declaration of the fork's own goes beside its neighbour; an ``#undef`` behind the last use."""
        leaf = side.leaf
        anchor = self.reading.anchor(number)
        reason = "nothing beside it is upstream's, under the same condition"
        if anchor is not None and leaf.kind is Kind.UNDEF:
            uses = [i for i, b in enumerate(self.reading.base) if leaf.word in words_of(b.text)]
            if uses and max(uses) > anchor:
                anchor, reason = None, "upstream's file uses it further down"
        if anchor is None:
            self.draft.take(side, AdoptedAs.UNPLACED, reason, text=leaf.text)
            return
        self.draft.insert(anchor, leaf.text)
        self.draft.take(side, AdoptedAs.ADDED, added=len(side.rows))

    def _placed(self, side: ApartSide, index: int) -> None:
        """A directive or comment of upstream's; what the fork wrote above or behind it is an edit."""
        rows = self.reading.base_rows[index]
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
        self.draft.told.append((side.leaf.home, directive_of(side)))
        if not edits or index in self.draft.replaced:
            self.draft.take(side, AdoptedAs.UPSTREAM)
            return
        added, removed = self.draft.apply(index, edits, None)
        self.draft.take(side, AdoptedAs.EDITED, added=added, removed=removed)

    def _comment(self, number: int, side: ApartSide) -> bool:
        """A comment that stands alone: the fork's own where it stands at something of upstream's."""
        neighbours = [(number + 1, 1), (number - 1, 0)]
        first = number == 0 or self.reading.sides[number - 1].leaf.home != side.leaf.home
        if first or self.reading.only_instantiates(side.leaf.home):
            return False  # about the hand-made file
        for at, before in neighbours:
            if not 0 <= at < len(self.reading.sides) or self.reading.sides[at].leaf.home != side.leaf.home:
                continue
            base = (
                self.reading.sides[at].base
                if self.reading.sides[at].base is not None
                else self.reading.beside.get(at)
            )
            if base is not None and self.reading.base[base].condition == side.leaf.condition:
                self.draft.insert(base - before, side.leaf.text)
                self.draft.take(side, AdoptedAs.ADDED, "a comment", added=len(side.rows))
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
        guard = self.reading.guards[leaf.home]
        if (
            guard
            and leaf.kind in (Kind.CONDITIONAL, Kind.MACRO)
            and (guard in words_of(leaf.text) or leaf.kind is Kind.CONDITIONAL and leaf.name == "#endif")
        ):
            return "include guard"
        if leaf.kind is Kind.MACRO and leaf.word in self.reading.macros:
            return "text of the function as a macro"
        if self.reading.ends_own_macro(side):
            return "it ends a macro of this file's own"
        names = words_of(leaf.text)
        if leaf.word in self.shape.declaring or names & self.shape.declaring:
            return "it declares what the split made"
        if leaf.kind is Kind.INSTANTIATION:
            is_plain = leaf.short in self.reading.defined and b"{" not in leaf.text
            return "explicit instantiation" if is_plain else None
        if leaf.kind is Kind.DECLARATION and not leaf.defines:
            if leaf.short in self.reading.defined:
                return "forward declaration"
        if leaf.short.encode("utf-8", "surrogateescape") in self.shape.split_names:
            return "it only calls what the split made"
        if leaf.kind in (Kind.OPAQUE, Kind.CONDITIONAL) and names & self.shape.split_names:
            return "it only names what the split made"
        if leaf.kind is Kind.MACRO and names & self.shape.split_names:
            return "a macro for what the split made"
        if leaf.kind in (Kind.OPAQUE, Kind.DECLARATION, Kind.MACRO, Kind.UNDEF):
            if names & self.reading.own_macros and self.reading.only_instantiates(leaf.home):
                return "the file only instantiates"
        return None

    def _include(self, number: int, side: ApartSide) -> None:
        """An include line: of the split's own files, one that upstream has, or one that the fork added."""
        target = self.reading.targets.of(side.leaf)
        if target in self.reading.files:
            self.draft.take(side, AdoptedAs.GLUE, "includes a file of the split", text=side.leaf.text)
            return
        known = self.reading.includes
        if target in known or side.leaf.name in {leaf.name for leaf in self.reading.base}:
            self.draft.take(side, AdoptedAs.UPSTREAM)
            self.draft.told.append((side.leaf.home, directive_of(side)))
            return
        done = [t for t in self.draft.taken if t.item == side.leaf.name and t.fate is AdoptedAs.ADDED]
        if done:
            self.draft.take(side, AdoptedAs.GLUE, "a copy", text=side.leaf.text)
            return
        before = [
            known[name]
            for s in self.reading.sides[:number]
            if s.leaf.home == side.leaf.home
            and s.leaf.kind is Kind.INCLUDE
            and (name := self.reading.targets.of(s.leaf)) in known
        ]
        anchor = before[-1] if before else max(known.values(), default=None)
        if anchor is None or self.reading.base[anchor].condition != side.leaf.condition:
            self.draft.take(
                side, AdoptedAs.UNPLACED, "no include of upstream's stands beside it", text=side.leaf.text
            )
            return
        text = side.leaf.text.strip(b"\r\n")
        if QUOTED.search(text) and "/" in target:
            shown = posixpath.relpath(target, posixpath.dirname(self.reading.path) or ".")
            text = QUOTED.sub(lambda m: m[0].replace(m[1], shown.encode("utf-8", "surrogateescape")), text)
        self.draft.inserted.setdefault(anchor, []).append(text + b"\n")
        self.draft.told.append((side.leaf.home, directive_of(side)))
        self.draft.take(side, AdoptedAs.ADDED, added=1)
