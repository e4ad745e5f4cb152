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
from enum import StrEnum
from itertools import accumulate

from mergeguard.adopt.apart import (
    ApartEdit,
    ApartSide,
    Row,
    TakenApart,
    joined,
    keys_of,
    raw,
    rows_of,
    unclosed,
    words_of,
)
from mergeguard.adopt.including import QUOTED, Targets, guard_of
from mergeguard.cpp.diff import diff, matches
from mergeguard.cpp.leaves import Leaf, leaves_of, match
from mergeguard.cpp.source import Kind, parse
from mergeguard.lens.assign import assign
from mergeguard.lens.rule import Rule
from mergeguard.values import dataclass

_LINKAGE = re.compile(rb"^(?:(?:static|inline|extern)\b\s*)+")
_CASE = re.compile(rb"\bcase\s*([^:]+?)\s*:(?!:)")
_WORD = re.compile(rb"[A-Za-z_]\w*")
# A new declaration is a piece of a function that was taken apart if so much of it is that function's.
_PIECE_SHARE = 0.5
_PIECE_LINES = 3
_SIMILAR_ROW = 0.6
_DEFINING = frozenset({Kind.FUNCTION, Kind.KERNEL, Kind.TYPE, Kind.ALIAS, Kind.VARIABLE, Kind.MACRO})


class AdoptedAs(StrEnum):
    """What a declaration of a hand-made file, or of the monolith, is taken as."""

    UPSTREAM = "as upstream"
    EDITED = "local edit"
    ADDED = "added here"
    REMOVED = "removed here"
    TAKEN_APART = "taken apart by the split"
    GLUE = "glue"
    UNPLACED = "can't be placed"


@dataclass(frozen=True, slots=True)
class Taken:
    """One declaration and its fate: where it stands (``line`` is 1-based), lines added and removed."""

    path: str
    line: int
    item: str
    fate: AdoptedAs
    reason: str = ""
    added: int = 0
    removed: int = 0
    text: bytes = b""


@dataclass(frozen=True, slots=True)
class Adoption:
    """The fork's monolith, and the fate of every declaration."""

    monolith: bytes
    taken: tuple[Taken, ...]

    def of(self, *fates: AdoptedAs) -> tuple[Taken, ...]:
        """What has one of these fates."""
        return tuple(t for t in self.taken if t.fate in fates)

    @property
    def unplaced(self) -> tuple[Taken, ...]:
        """What would be lost."""
        return self.of(AdoptedAs.UNPLACED)


def adopt(rule: Rule, path: str, monolith: bytes, files: Mapping[str, bytes]) -> Adoption:
    """Upstream's ``monolith`` at ``path`` with the local edits of the hand-made ``files`` (by path).

    ``files`` has the entry at ``path``. Raises RuleMismatch where the rule does not fit the monolith.
    """
    return _Adopter(rule, path, monolith, files).run()


# -- the whole ---------------------------------------------------------------------------------------


class _Adopter:
    def __init__(self, rule: Rule, path: str, monolith: bytes, files: Mapping[str, bytes]) -> None:
        self.rule, self.path = rule, path
        self.monolith, self.files = monolith, files
        self.base = leaves_of(monolith, path)[0]
        self.base_rows = [rows_of(leaf.text) for leaf in self.base]
        self.base_starts = list(accumulate((len(leaf.text) for leaf in self.base), initial=0))
        self.sides: list[ApartSide] = []
        for home, text in files.items():
            line = 1
            for leaf in leaves_of(text, home)[0]:
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
        self.apart = {p.rule.over.in_ for p in partitions} | {p.rule.entry for p in partitions}

    def run(self) -> Adoption:
        self._match()
        pieces = self._pieces()
        self.split_names = self._split_names(pieces)
        for index in range(len(self.base)):
            self._pair(index, pieces.get(index, []))
        in_piece = {id(side) for several in pieces.values() for side in several}
        for number, side in enumerate(self.sides):
            if side.base is None and id(side) not in in_piece:
                self._unmatched(number, side)
        order = {home: n for n, home in enumerate(self.files)}
        taken = sorted(self.taken, key=lambda t: (order.get(t.path, -1), t.line))
        return Adoption(self._rebuilt(), tuple(taken))

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

    # -- functions that were taken apart -----------------------------------------------------------

    def _pieces(self) -> dict[int, list[ApartSide]]:
        """New declarations that hold lines of a function that the rule partitions, by that function."""
        apart = {
            index: keys_of(self.base_rows[index])
            for index, leaf in enumerate(self.base)
            if leaf.short in self.apart and leaf.defines
        }
        found: dict[int, list[ApartSide]] = {}
        for side in self.sides:
            if side.base is not None or side.leaf.kind not in _DEFINING:
                continue
            # Two functions may be much alike: a piece is one's alone.
            scored = [
                (
                    self.base[index].short == side.leaf.short,
                    sum(m.size for m in matches(keys, keys_of(side.rows))),
                    -index,
                )
                for index, keys in apart.items()
            ]
            _, same, index = max(scored, default=(False, 0, 0))
            if same >= min(_PIECE_LINES, len(apart.get(-index, ()))) and same >= _PIECE_SHARE * len(
                side.rows
            ):
                if same:
                    found.setdefault(-index, []).append(side)
        return found

    def _split_names(self, pieces: Mapping[int, list[ApartSide]]) -> set[bytes]:
        """Names that only the split needs: of the pieces, and of small functions that only call those."""
        names = {
            side.leaf.short.encode("utf-8", "surrogateescape")
            for several in pieces.values()
            for side in several
        }
        # Macros that tell a guarded body for which shard it is compiled.
        names |= {
            side.leaf.short.encode("utf-8", "surrogateescape")
            for side in self.sides
            if side.base is None and side.leaf.kind is Kind.MACRO and self._only_instantiates(side.leaf.home)
        }
        grown = bool(names)
        while grown:
            grown = False
            for side in self.sides:
                name = side.leaf.short.encode("utf-8", "surrogateescape")
                if side.base is None and side.leaf.kind in _DEFINING and name not in names:
                    if (
                        names & words_of(side.leaf.text)
                        and len(side.leaf.code) < 80
                        and _statements(side) <= 2
                    ):
                        names.add(name)
                        grown = True
        return names

    # -- one declaration of the monolith -----------------------------------------------------------

    def _pair(self, index: int, pieces: list[ApartSide]) -> None:
        leaf = self.base[index]
        twin = next((s for s in self.sides if s.base == index), None)
        if twin is None:
            self._missing(index, pieces)
            return
        if leaf.condition != twin.leaf.condition:
            reason = f"it stands under another condition than upstream's ({_said(leaf)})"
            self._take(twin, AdoptedAs.UNPLACED, reason, text=twin.leaf.text)
            return
        if pieces or leaf.short in self.apart:
            arms = self._arm_rows(index)
            rows = self.base_rows[index]
            apart = TakenApart(rows, arms, self.labels, self.split_names, twin, pieces)
            edits, problems = apart.edits()
            for side, rows in apart.own:
                text = raw(side.leaf.text, rows)
                self._take(side, AdoptedAs.GLUE, "lines that only the split needs", text=text, row=rows[0])
            for side in pieces:
                head = side.leaf.text.partition(b"{")[0] if side.leaf.kind is not Kind.MACRO else b""
                self._take(side, AdoptedAs.TAKEN_APART, f"lines of upstream's {leaf.name}", text=head)
        else:
            edits, problems = self._plain_edits(index, twin), []
        added, removed = self._apply(index, edits)
        if unclosed(self.replaced.get(index, leaf.text)) != unclosed(leaf.text):
            del self.replaced[index]
            self._take(
                twin, AdoptedAs.UNPLACED, "its brackets or conditions would not close", text=twin.leaf.text
            )
            return
        for side, rows, reason in problems:
            self._take(
                side,
                AdoptedAs.UNPLACED,
                reason,
                text=raw(side.leaf.text, rows),
                row=rows[0] if rows else None,
            )
        if edits:
            self._take(twin, AdoptedAs.EDITED, added=added, removed=removed)
        elif pieces:
            self._take(twin, AdoptedAs.TAKEN_APART, "its branching is the split's")
        else:
            self._take(twin, AdoptedAs.UPSTREAM)

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
            only_comment = not new and all(row.key.startswith((b"//", b"/*", b"*")) for row in old)
            if joined(old) == joined(new) or only_comment:
                continue
            edits.append(ApartEdit(change.a0, change.a1, raw(twin.leaf.text, new)))
        return edits

    def _apply(self, index: int, edits: list[ApartEdit]) -> tuple[int, int]:
        """Change the declaration; lines added and removed."""
        if not edits:
            return 0, 0
        text, rows = self.base[index].text, self.base_rows[index]
        out: list[bytes] = []
        at = added = removed = 0
        for edit in sorted(edits, key=lambda e: (e.start, e.end)):
            if edit.start < edit.end or (edit.start == 0 and rows):
                start = rows[edit.start].start
            else:
                start = rows[edit.start - 1].end if rows else len(text)
            end = rows[edit.end - 1].end if edit.end > edit.start else start
            out += [text[at:start], _ended(edit.text)]
            at = end
            added += len(edit.text.splitlines())
            removed += edit.end - edit.start
        self.replaced[index] = b"".join([*out, text[at:]])
        return added, removed

    # -- declarations that the monolith does not have ----------------------------------------------

    def _unmatched(self, number: int, side: ApartSide) -> None:
        leaf = side.leaf
        if leaf.kind is Kind.INCLUDE:
            self._include(number, side)
            return
        if leaf.placed and leaf.code and any(_same_directive(b, leaf) for b in self.base):
            self._take(side, AdoptedAs.UPSTREAM)
            return
        reason = self._glue_reason(side)
        if reason is not None:
            shown = b"" if reason in ("comment", "include guard", "namespace") else leaf.text
            self._take(side, AdoptedAs.GLUE, reason, text=shown)
            return
        if leaf.kind not in _DEFINING and leaf.kind not in (Kind.DECLARATION, Kind.USING, Kind.UNDEF):
            self._take(side, AdoptedAs.UNPLACED, "there is nothing like it in the monolith", text=leaf.text)
            return
        twins = [
            i for i, b in enumerate(self.base) if b.short == leaf.short and b.kind is leaf.kind and b.defines
        ]
        if twins and any(s.base in twins for s in self.sides):
            same = any(_code(s.leaf) == _code(leaf) for s in self.sides if s.base in twins)
            if same:
                self._take(side, AdoptedAs.GLUE, "a copy")
            else:
                self._take(
                    side,
                    AdoptedAs.UNPLACED,
                    "another version of a declaration, in a second file",
                    text=leaf.text,
                )
            return
        anchor = self._anchor(number)
        if anchor is None:
            self._take(
                side,
                AdoptedAs.UNPLACED,
                "nothing beside it is upstream's, under the same condition",
                text=leaf.text,
            )
            return
        self.inserted.setdefault(anchor, []).append(_ended(leaf.text))
        self._take(side, AdoptedAs.ADDED, added=len(side.rows))

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
        names = words_of(leaf.text)
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
            self._take(side, AdoptedAs.GLUE, "includes a file of the split")
            return
        known = {self.targets.of(leaf): i for i, leaf in enumerate(self.base) if leaf.kind is Kind.INCLUDE}
        if target in known or side.leaf.name in {leaf.name for leaf in self.base}:
            self._take(side, AdoptedAs.UPSTREAM)
            return
        done = [t for t in self.taken if t.item == side.leaf.name and t.fate is AdoptedAs.ADDED]
        if done:
            self._take(side, AdoptedAs.GLUE, "a copy")
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


def _code(leaf: Leaf) -> tuple[bytes, ...]:
    return tuple(token for token in leaf.code if token not in (b"inline", b"static", b"extern"))


def _statements(side: ApartSide) -> int:
    body = side.leaf.text.partition(b"{")[2]
    return body.count(b";") or side.leaf.text.count(b";")


def _said(leaf: Leaf) -> str:
    return " && ".join(leaf.condition) or "none"


def _ended(text: bytes) -> bytes:
    return text if not text or text.endswith(b"\n") else text + b"\n"


def compare(before: Mapping[str, bytes], after: Iterable[bytes], glue: Iterable[Taken]) -> tuple[str, ...]:
    """Definitions of ``before`` (files by path) that the texts ``after`` do not have, glue apart.

    Linkage words, comments and white space do not count. The names of what is missing.
    """
    excused = {(t.path, t.item) for t in glue}
    there: Counter[tuple[bytes, ...]] = Counter()
    for text in after:
        there.update(_code(leaf) for leaf in leaves_of(text)[0])
    missing = []
    for home, text in before.items():
        for leaf in leaves_of(text, home)[0]:
            if leaf.kind in _DEFINING and leaf.defines and (home, leaf.name) not in excused:
                if not there[_code(leaf)]:
                    missing.append(f"{home}: {leaf.name}")
    return tuple(missing)
