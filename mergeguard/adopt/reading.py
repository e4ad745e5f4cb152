"""A hand-made split, read: its declarations and upstream's, and which is which.

Declarations are matched by identity first, then by similarity; directives and comments by their neighbours.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from itertools import accumulate

from mergeguard.adopt.expand import expand, text_macros
from mergeguard.adopt.including import Targets, guard_of
from mergeguard.adopt.mainunit import switches, unguarded
from mergeguard.adopt.takenapart import ApartSide, Row, keys_of, rows_of, words_of
from mergeguard.cpp.leaves import Leaf, leaves_of, match
from mergeguard.cpp.source import Kind, parse
from mergeguard.lens.homes.assign import assign
from mergeguard.lens.rule import Rule
from mergeguard.values import cached_property

_LEAST_SHARED = 8  # bytes of a line that two comments have in common


class Reading:
    """Upstream's file and the files of the split, taken apart and matched."""

    def __init__(
        self, rule: Rule, path: str, monolith: bytes, files: Mapping[str, bytes], *, as_written: bool
    ) -> None:
        """``as_written``: macros that the split made of a function's text are not replaced. Raises
        RuleMismatch where the rule does not fit the monolith."""
        self.path, self.monolith, self.files = path, monolith, files
        self.base = leaves_of(monolith, path)[0]
        self.base_rows = [rows_of(leaf.text) for leaf in self.base]
        self.base_starts = list(accumulate((len(leaf.text) for leaf in self.base), initial=0))
        self.sides: list[ApartSide] = []
        self.lines: dict[str, tuple[int, ...]] = {}  # of a file with macros replaced: the line it came from
        self.macros = {} if as_written else text_macros(files, monolith)
        self.switched: set[int] = set()  # sides that make a main unit: its guard macro and their directives
        names = switches(files, monolith)
        for home, text in files.items():
            expanded = expand(text, self.macros)
            self.lines[home] = expanded.lines
            line = 1
            leaves, switched = unguarded(leaves_of(expanded.text, home)[0], names)
            self.switched |= {len(self.sides) + n for n in switched}
            for leaf in leaves:
                leading = len(leaf.text) - len(leaf.text.lstrip())
                at = line + leaf.text.count(b"\n", 0, leading)
                self.sides.append(ApartSide(leaf, at, rows_of(leaf.text)))
                line += leaf.text.count(b"\n")
        self.guards = {home: guard_of(text) for home, text in files.items()}
        self.targets = Targets(path, files, [side.leaf for side in self.sides])
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
        self._match()

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
        self.twins: dict[int, ApartSide] = {}  # of a declaration of the monolith the first in the split
        for side in self.sides:
            if side.base is not None:
                self.twins.setdefault(side.base, side)

    def _match_placed(self) -> None:
        """Directives and comments go with upstream's like ones between the same neighbours, in each file."""
        self.beside: dict[int, int] = {}  # by the side's number
        taken: set[int] = set()
        for home in self.files:
            numbers = [n for n, side in enumerate(self.sides) if side.leaf.home == home]
            for order, step in ((numbers, 1), (numbers[::-1], -1)):
                at: int | None = None  # the neighbour of upstream's, from which only directives are between
                for n in order:
                    side = self.sides[n]
                    if n in self.switched:
                        continue
                    if side.base is not None:
                        at = side.base
                    elif not side.leaf.placed:
                        at = None
                    elif at is not None and n not in self.beside:
                        found = self.next_alike(side, at, step)
                        if found is not None and found not in taken:
                            self.beside[n] = at = found
                            taken.add(found)

    def next_alike(self, side: ApartSide, at: int, step: int) -> int | None:
        """Upstream's first directive or comment beyond ``at`` that is like one, before anything else."""
        i = at + step
        while 0 <= i < len(self.base) and self.base[i].placed:
            if _same_placed(self.base[i], self.base_rows[i], side):
                return i
            i += step
        return None

    # -- looked up for each declaration ----------------------------------------------------------------

    @cached_property
    def names(self) -> frozenset[str]:
        """The unqualified names of what the split has."""
        return frozenset(side.leaf.short for side in self.sides)

    @cached_property
    def defined(self) -> frozenset[str]:
        """Those of what it defines."""
        return frozenset(side.leaf.short for side in self.sides if side.leaf.defines)

    @cached_property
    def own_macros(self) -> frozenset[bytes]:
        """Those of its macros that are none of upstream's."""
        macros = (s.leaf.short for s in self.sides if s.leaf.kind is Kind.MACRO and s.base is None)
        return frozenset(name.encode("utf-8", "surrogateescape") for name in macros)

    @cached_property
    def definitions(self) -> Mapping[tuple[str, Kind], frozenset[int]]:
        """What the monolith defines, by unqualified name and kind."""
        found: dict[tuple[str, Kind], set[int]] = defaultdict(set)
        for index, leaf in enumerate(self.base):
            if leaf.defines:
                found[leaf.short, leaf.kind].add(index)
        return {key: frozenset(numbers) for key, numbers in found.items()}

    @cached_property
    def includes(self) -> Mapping[str, int]:
        """What the monolith includes, and where."""
        return {self.targets.of(b): i for i, b in enumerate(self.base) if b.kind is Kind.INCLUDE}

    @cached_property
    def _directives(self) -> tuple[frozenset[tuple[bytes, ...]], frozenset[str]]:
        """What the monolith's declarations say, and the names of its conditionals."""
        conditionals = frozenset(leaf.name for leaf in self.base if leaf.kind is Kind.CONDITIONAL)
        return frozenset(plain(leaf) for leaf in self.base), conditionals

    def has_directive(self, leaf: Leaf) -> bool:
        """Whether the monolith has one like it (``same_directive``)."""
        said, conditionals = self._directives
        return plain(leaf) in said or (leaf.kind is Kind.CONDITIONAL and leaf.name in conditionals)

    # -- what the shapes of a split are asked for ------------------------------------------------------

    def line_of(self, index: int) -> int:
        """The 1-based line at which a declaration of the monolith begins."""
        return self.monolith.count(b"\n", 0, self.base_starts[index]) + 1

    def arm_rows(self, index: int) -> set[int]:
        """The rows of a declaration of the monolith in which the split put its own."""
        start = self.base_starts[index]
        return {
            n
            for n, row in enumerate(self.base_rows[index])
            if any(a < start + row.end and start + row.start < b for a, b in self.arms)
        }

    def ends_own_macro(self, side: ApartSide) -> bool:
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

    def only_instantiates(self, home: str) -> bool:
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

    def anchor(self, number: int) -> int | None:
        """The monolith's declaration after which a new one goes, by the nearest neighbour in its file."""
        leaf = self.sides[number].leaf
        matched = self._matched.get((leaf.home, leaf.condition), ())
        place = bisect_left(matched, number)
        before = matched[place - 1] if place else None
        behind = next((at for at in matched[place : place + 2] if at > number), None)
        if before is not None and (behind is None or number - before <= behind - number):
            return self.sides[before].base
        base = self.sides[behind].base if behind is not None else None
        return None if base is None else base - 1

    @cached_property
    def _matched(self) -> Mapping[tuple[str, object], list[int]]:
        """The numbers of the sides that are upstream's, by file and upstream's condition."""
        found: dict[tuple[str, object], list[int]] = defaultdict(list)
        for number, side in enumerate(self.sides):
            if side.base is not None:
                found[side.leaf.home, self.base[side.base].condition].append(number)
        return found


def _alike(a: Leaf, b: Leaf) -> bool:
    """Whether two matched declarations may stand for each other."""
    return a.defines == b.defines and (a.kind is b.kind or {a.kind, b.kind} <= {Kind.FUNCTION, Kind.KERNEL})


def same_directive(a: Leaf, b: Leaf) -> bool:
    """Whether two directives say the same, or are the same part of a conditional."""
    return plain(a) == plain(b) or (a.kind is b.kind is Kind.CONDITIONAL and a.name == b.name)


def _same_placed(base: Leaf, rows: list[Row], side: ApartSide) -> bool:
    if base.kind is Kind.COMMENT or side.leaf.kind is Kind.COMMENT:
        shared = set(keys_of(rows)) & set(keys_of(side.rows))
        return base.kind is side.leaf.kind and any(len(key) > _LEAST_SHARED for key in shared)
    return bool(side.leaf.code) and same_directive(base, side.leaf)


def plain(leaf: Leaf) -> tuple[bytes, ...]:
    """A declaration's code without the words of linkage that a move to a header adds."""
    return tuple(token for token in leaf.code if token not in (b"inline", b"static", b"extern"))
