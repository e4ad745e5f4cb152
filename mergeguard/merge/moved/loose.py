"""Changes between declarations that one side made where the other side's split took the declarations away.

An include, a directive, a comment, a new declaration or a removal has no identity by which it could be found
elsewhere; it has neighbours. Where those are in other files now, the change goes there with them: an include
with the include before it, an opening ``#if`` or a comment with what follows, a new declaration with what
stands before it, or what uses it. What it replaces or removes must be there as the base has it; otherwise it
is a conflict of its few lines at that place, never of all that has moved.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Hashable, Mapping, Sequence

from mergeguard.cpp.diff import diff
from mergeguard.cpp.items import Kind
from mergeguard.cpp.leaves import Leaf, leaves_of, match
from mergeguard.cpp.lexer import BEFORE_CODE
from mergeguard.merge.lines import RegionKind, diff3, split_lines
from mergeguard.values import dataclass, replace

_QUOTED = re.compile(rb'(#[ \t]*include[ \t]*")([^"\n]*)(")')
_LINKAGE = frozenset((b"inline", b"static", b"extern", b"#inline", b"#static"))
# The first code of a declaration, behind comments and blank lines.
_FUNCTION = re.compile(BEFORE_CODE + rb"([A-Za-z_])")
_FOLLOWED = frozenset((Kind.FUNCTION, Kind.KERNEL, Kind.TYPE, Kind.MACRO))
_WORD = re.compile(rb"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Spot:
    """A leaf of a file on the moving side: the file, and the leaf's number in it."""

    home: str
    number: int


@dataclass(frozen=True, slots=True)
class Loose:
    """One change between declarations, at its new place.

    In ``path`` it turned the base's leaves ``b0:b1`` into the editor's ``e0:e1`` (a ``leftover`` is of lines
    inside of them, see ``leftovers``). On the moving side, bytes ``start:end`` of ``home`` become ``new``;
    where it is not ``clean``, what it replaces (``old``) is not there.
    """

    name: str
    path: str
    b0: int
    b1: int
    e0: int
    e1: int
    home: str
    start: int
    end: int
    old: bytes
    new: bytes
    clean: bool
    leftover: bool = False


@dataclass(frozen=True, slots=True)
class LooseVersion:
    """One version of a file, taken apart: its leaves, where each begins, and where the last one ends."""

    leaves: Sequence[Leaf]
    starts: Sequence[int]


@dataclass(frozen=True, slots=True)
class _LooseChange:
    b0: int
    b1: int
    e0: int
    e1: int


class LooseChanges:
    """The changes of one file between its declarations, placed among the mover's files."""

    def __init__(
        self,
        path: str,
        base: Sequence[Leaf],
        editor: Sequence[Leaf],
        homes: Mapping[str, LooseVersion],
        places: Mapping[int, Sequence[Spot]],
        carried: frozenset[int],
        brought: frozenset[int] = frozenset(),
    ) -> None:
        """``homes`` are the mover's files by path, that at ``path`` among them if it is there still;
        ``places`` says where each leaf of the base is now (copies: several spots), ``carried`` which leaves
        of the base have edits that are carried over by themselves, ``brought`` which new leaves of the
        editor's come along with those.
        """
        self.path, self.base, self.editor = path, base, editor
        self.homes, self.places = homes, places
        self.carried, self.brought = carried, brought
        self.pairs = match(base, editor)
        self.in_editor = {i: j for j, i in self.pairs.items()}

    def run(self) -> list[Loose]:
        """The changes that stood beside something that has moved, each at its new place or places."""
        found: list[Loose] = []
        for change in self._changes():
            if not self._stays(change):
                found += self._placed(change)
        return found

    # -- which changes ---------------------------------------------------------------------------------

    def _changes(self) -> list[_LooseChange]:
        a = [("both", i) if i in self.in_editor else ("base", i) for i in range(len(self.base))]
        b = [("both", self.pairs[j]) if j in self.pairs else ("editor", j) for j in range(len(self.editor))]
        changes = [_LooseChange(*change) for change in diff(a, b)]
        for i, j in self.in_editor.items():
            same = self.base[i].text == self.editor[j].text
            inside = any(c.b0 <= i < c.b1 or c.e0 <= j < c.e1 for c in changes)
            if not same and not inside and i not in self.carried and not self._is_followed(i):
                changes.append(_LooseChange(i, i + 1, j, j + 1))
        return sorted(changes, key=lambda c: (c.b0, c.e0))

    def _is_followed(self, i: int) -> bool:
        """Whether a leaf with an edit inside is a declaration: it stayed, or is followed by itself."""
        leaf = self.base[i]
        return not leaf.placed and (self._in_place(i) or (leaf.defines and leaf.kind in _FOLLOWED))

    def _in_place(self, i: int) -> bool:
        """Whether a leaf of the base is still in its file, and nowhere else."""
        return any(spot.home == self.path for spot in self.places.get(i, ()))

    def _stays(self, change: _LooseChange) -> bool:
        """Whether nothing around it has moved: the ordinary merge sees to it."""
        around = [
            i for i in (change.b0 - 1, *range(change.b0, change.b1), change.b1) if 0 <= i < len(self.base)
        ]
        return all(self._in_place(i) for i in around)

    # -- where to --------------------------------------------------------------------------------------

    def _placed(self, change: _LooseChange) -> list[Loose]:
        followed = {j for j in range(change.e0, change.e1) if self.pairs.get(j) in self.carried}
        new = (j for j in range(change.e0, change.e1) if j not in self.brought and j not in followed)
        added = [self.editor[j] for j in new]
        gone = (i for i in range(change.b0, change.b1) if i not in self.carried)
        removed = [i for i in gone if self.base[i].text.strip()]
        if removed:
            return self._replaced(change, removed, added)
        if not b"".join(leaf.text for leaf in added).strip():
            return []
        users = self._users(added)
        if users and not any(self.places.get(i) for i in users):
            return []  # where nobody knows: beside its neighbours it might not be seen there
        spots = self._beside(change, added)
        return [self._at(change, spot, before, added) for spot, before in spots]

    def _replaced(self, change: _LooseChange, removed: list[int], added: Sequence[Leaf]) -> list[Loose]:
        """What replaces, or only removes, goes where the base's leaves are, next to one another."""
        old = b"".join(self.base[i].text for i in range(change.b0, change.b1))
        runs = self._runs(removed)
        if runs:
            return [self._swap(change, run, removed, added) for run in runs]
        apart = [self._runs([i]) for i in removed]
        if len(removed) > 1 and all(apart):
            return self._one_by_one(change, removed, apart, [leaf for leaf in added if leaf.text.strip()])
        spots = self._beside(change, added)[:1]
        return [self._at(change, spot, before, added, old) for spot, before in spots]

    def _one_by_one(
        self,
        change: _LooseChange,
        removed: list[int],
        places: list[list[tuple[str, int, int]]],
        added: Sequence[Leaf],
    ) -> list[Loose]:
        """What was dealt to several files: each old leaf becomes a new one in its turn, the last the rest."""
        found: list[Loose] = []
        for number, runs in enumerate(places):
            last = number == len(places) - 1
            new = added[number:] if last else added[number : number + 1]
            found += [self._swap(change, run, removed[number : number + 1], new) for run in runs]
        return found

    def _runs(self, removed: list[int]) -> list[tuple[str, int, int]]:
        """Where some leaves of the base stand one behind the other, as they are: file, first, last."""
        first = removed[0]
        starts = list(self.places.get(first, ()))
        if not starts and self.base[first].placed:
            starts = self._near(first)
        runs = []
        for spot in starts:
            leaves = self.homes[spot.home].leaves
            here = leaves[spot.number : spot.number + len(removed)]
            if len(here) == len(removed) and all(
                self._same(self.base[i], leaf, spot.home) for i, leaf in zip(removed, here, strict=True)
            ):
                runs.append((spot.home, spot.number, spot.number + len(removed) - 1))
        return runs

    def _near(self, i: int) -> list[Spot]:
        """A directive or comment at its neighbour's new place, with only the like between the two."""
        for step in (1, -1):
            n = i + step
            between = 1
            while 0 <= n < len(self.base) and self.base[n].placed:
                n, between = n + step, between + 1
            spots = [
                Spot(spot.home, k)
                for spot in self.places.get(n, ())
                if 0 <= (k := spot.number - step * between) < len(self.homes[spot.home].leaves)
                and self._same(self.base[i], self.homes[spot.home].leaves[k], spot.home)
            ]
            if spots:
                return spots
        return []

    def _beside(self, change: _LooseChange, added: Sequence[Leaf]) -> list[tuple[Spot, bool]]:
        """The spots beside which new leaves go, each with whether before it."""
        before, after = self._neighbour(change.b0 - 1, -1), self._neighbour(change.b1, 1)
        if all(leaf.kind is Kind.INCLUDE for leaf in added) and added:
            if include := self._neighbour(change.b0 - 1, -1, include=True):
                return [(spot, False) for spot in include]
        moved = [spot for spot in before if spot.home != self.path]
        user = self._user(added)
        if user is not None:
            same = [spot for spot in before if spot.home == user.home and spot.number < user.number]
            onward = [spot for spot in after if spot.home == user.home and spot.number <= user.number]
            if not same and onward:
                return [(onward[0], True)]
            if same or (moved and self._sees(user.home, moved[0].home)):
                return [((same or moved)[0], False)]
            return [(self._outside(user), True)]
        opens = bool(added) and (added[-1].kind is Kind.COMMENT or added[0].name.startswith("#if"))
        first, second = ((after, True), (before, False)) if opens else ((before, False), (after, True))
        for spots, ahead in (first, second):
            if spots:
                away = [spot for spot in spots if spot.home != self.path]
                return [((away or spots)[0], ahead)]
        return []

    def _neighbour(self, i: int, step: int, *, include: bool = False) -> Sequence[Spot]:
        """Where the nearest leaf is that has a place, in one direction, or what stands next to it there."""
        end = i - step
        while 0 <= i < len(self.base):
            spots = self.places.get(i, ())
            if spots and i in self.in_editor and (not include or self.base[i].kind is Kind.INCLUDE):
                return [there for spot in spots if (there := self._along(spot, i - step, end, -step))]
            i += step
        return ()

    def _along(self, spot: Spot, first: int, end: int, step: int) -> Spot | None:
        """From a spot over the directives and comments that stand between it and the change in the base."""
        leaves = self.homes[spot.home].leaves
        number = spot.number
        for i in range(first, end, step):
            leaf = self.base[i]
            beyond = number + step
            if 0 <= beyond < len(leaves) and leaf.placed and self._same(leaf, leaves[beyond], spot.home):
                number = beyond
            elif leaf.kind is Kind.CONDITIONAL:
                return None  # on which side of it, nobody knows
        return Spot(spot.home, number)

    def _sees(self, home: str, other: str) -> bool:
        """Whether one file takes another in, so that what is new there can be used."""
        texts = {p: b"".join(leaf.text for leaf in version.leaves) for p, version in self.homes.items()}
        return other in _taken_in(home, texts)

    def _outside(self, spot: Spot) -> Spot:
        """The spot, or the comment or opening ``#if`` that stands right before it."""
        leaves, number = self.homes[spot.home].leaves, spot.number
        while number > 0 and (
            leaves[number - 1].kind is Kind.COMMENT or leaves[number - 1].name.startswith("#if")
        ):
            number -= 1
        return Spot(spot.home, number)

    def _user(self, added: Sequence[Leaf]) -> Spot | None:
        """Where the first declaration is that uses what is new."""
        return next((spots[0] for i in self._users(added) if (spots := self.places.get(i))), None)

    def _users(self, added: Sequence[Leaf]) -> list[int]:
        """The leaves of the base that use what is new, by their numbers."""
        names = {leaf.word for leaf in added if leaf.defines and not leaf.placed}
        return [
            self.pairs[j]
            for j, leaf in enumerate(self.editor)
            if names and j in self.pairs and names & set(_WORD.findall(leaf.text))
        ]

    def _same(self, base: Leaf, other: Leaf, home: str) -> bool:
        if base.kind is Kind.INCLUDE:
            return other.kind is base.kind and include_key(base, self.path) == include_key(other, home)
        if base.kind is Kind.COMMENT or not base.code:
            return base.kind is other.kind and base.keys == other.keys
        return plain_code(base) == plain_code(other)

    # -- the change there ------------------------------------------------------------------------------

    def _at(
        self, change: _LooseChange, spot: Spot, before: bool, added: Sequence[Leaf], old: bytes = b""
    ) -> Loose:
        version = self.homes[spot.home]
        at = version.starts[spot.number if before else spot.number + 1]
        new = self._text(added, spot.home)
        return self._loose(change, spot.home, at, at, old, new, clean=not old)

    def _swap(
        self, change: _LooseChange, run: tuple[str, int, int], removed: Sequence[int], added: Sequence[Leaf]
    ) -> Loose:
        home, first, last = run
        version = self.homes[home]
        start, end = version.starts[first], version.starts[last + 1]
        old = self._text([self.base[i] for i in removed], home)
        there = b"".join(leaf.text for leaf in version.leaves[first : last + 1])
        new = _with_comments(old, self._text(added, home), there)
        clean = bool(new) or there.split() == old.split()  # comments of the mover's are not removed unseen
        return self._loose(change, home, start, end, old, new, clean=clean)

    def _loose(
        self, change: _LooseChange, home: str, start: int, end: int, old: bytes, new: bytes, *, clean: bool
    ) -> Loose:
        leaves = self.editor[change.e0 : change.e1] or self.base[change.b0 : change.b1]
        named = next((leaf for leaf in leaves if leaf.name), leaves[0])
        name = f"#include {named.name}" if named.kind is Kind.INCLUDE else named.name or "a comment"
        return Loose(
            name, self.path, change.b0, change.b1, change.e0, change.e1, home, start, end, old, new, clean
        )

    def _text(self, added: Sequence[Leaf], home: str) -> bytes:
        return b"".join(
            rebased(leaf.text, self.path, home)
            if leaf.kind is Kind.INCLUDE
            else _inline(leaf)
            if home != self.path and self._shares(home)
            else leaf.text
            for leaf in added
        )

    def _shares(self, home: str) -> bool:
        """Whether several units take a file in: the mover has given its functions the words for that."""
        return any(
            len(self.homes[home].leaves[spot.number].code) > len(self.base[i].code)
            and plain_code(self.homes[home].leaves[spot.number]) == plain_code(self.base[i])
            for i, spots in self.places.items()
            for spot in spots
            if spot.home == home and not self.base[i].placed
        )


def _with_comments(old: bytes, new: bytes, there: bytes) -> bytes:
    """What ``old`` became, with the comments that the mover has in it where it is now: the code is the same.

    Where both sides changed one comment, the mover's stands before the editor's.
    """
    if not new or there.split() == old.split():
        return new
    base, edited, moved = (split_lines(text) for text in (old, new, there))
    out: list[bytes] = []
    for region in diff3(base, edited, moved, touching=False):
        mine, other = edited[region.o0 : region.o1], moved[region.t0 : region.t1]
        if region.kind is RegionKind.CONFLICT:
            comments = [line for line in other if line.lstrip().startswith((b"//", b"/*", b"*"))]
            out += [*comments, *mine]
        else:
            out += other if region.kind is RegionKind.THEIRS else mine
    return b"".join(out)


def _inline(leaf: Leaf) -> bytes:
    """A function as a header needs it."""
    start = _FUNCTION.match(leaf.text)
    if leaf.kind is not Kind.FUNCTION or not leaf.defines or leaf.template or start is None:
        return leaf.text
    if not {*_LINKAGE, b"template", b"__forceinline__", b"__global__"}.isdisjoint(leaf.code):
        return leaf.text
    return leaf.text[: start.start(1)] + b"inline " + leaf.text[start.start(1) :]


def rebased(text: bytes, path: str, home: str) -> bytes:
    """An include line of the file ``path`` as it reads in ``home``, if it names its file by dots."""
    found = _QUOTED.search(text)
    here, there = posixpath.dirname(path), posixpath.dirname(home)
    if found is None or not found[2].startswith(b".") or here == there:
        return text
    target = posixpath.normpath(posixpath.join(here, found[2].decode("utf-8", "surrogateescape")))
    new = posixpath.relpath(target, there or ".").encode("utf-8", "surrogateescape")
    return text[: found.start(2)] + new + text[found.end(2) :]


def include_key(leaf: Leaf, home: str) -> str:
    """What an include names: a path from the root where it is given by dots, else as it is spelled."""
    found = _QUOTED.search(leaf.text)
    if found is None or not found[2].startswith(b"."):
        return leaf.name
    name = found[2].decode("utf-8", "surrogateescape")
    return posixpath.normpath(posixpath.join(posixpath.dirname(home), name))


def plain_code(leaf: Leaf) -> tuple[bytes, ...]:
    """The code without the words of linkage that a move to a header needs."""
    return tuple(key for key in leaf.code if key not in _LINKAGE)


# -- whether all is well there ---------------------------------------------------------------------------

_DEFINE = re.compile(rb"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.MULTILINE)
#: What stands in the base's place where a conflict has none to show.
NOTHING = b"// (nothing here)\n"


def contested(change: Loose) -> Loose:
    """The change as a conflict of its own lines."""
    old = change.old if change.old and change.start == change.end else NOTHING
    return replace(change, clean=False, old=old)


def is_upset(editor: bytes, before: bytes, after: bytes) -> bool:
    """Whether a file of the moving side, ``before`` changes went there and ``after``, has something of the
    editor's under other conditions than the editor's file has it, or a macro that is used before it is
    defined."""
    if not leaves_of(after)[1] and leaves_of(before)[1]:
        return True
    known, guard = _conditions(editor), _guard(before)
    wrong = _misplaced(known, guard, after) - _misplaced(known, guard, before)
    return bool(wrong) or bool(_late(after) - _late(before) - _late(editor))


def _conditions(text: bytes) -> dict[Hashable, set[tuple[str, ...]]]:
    found: dict[Hashable, set[tuple[str, ...]]] = {}
    for leaf in leaves_of(text)[0]:
        if not leaf.placed:
            found.setdefault((leaf.kind, plain_code(leaf)), set()).add(leaf.condition)
    return found


def _guard(text: bytes) -> tuple[str, ...]:
    """The conditions that all of a file stands under: its include guard."""
    found = [leaf.condition for leaf in leaves_of(text)[0] if not leaf.placed]
    least, most = min(found, default=()), max(found, default=())
    same = next((n for n, (a, b) in enumerate(zip(least, most, strict=False)) if a != b), len(least))
    return least[:same]


def _misplaced(
    known: Mapping[Hashable, set[tuple[str, ...]]], guard: tuple[str, ...], text: bytes
) -> set[Hashable]:
    wrong: set[Hashable] = set()
    for leaf in leaves_of(text)[0]:
        key = (leaf.kind, plain_code(leaf))
        wanted = known.get(key) if not leaf.placed else None
        if wanted and leaf.condition not in wanted and leaf.condition[len(guard) :] not in wanted:
            wrong.add(key)
    return wrong


def _late(text: bytes) -> set[bytes]:
    """The macros whose names stand somewhere before their first definition."""
    defined: dict[bytes, int] = {}
    for found in _DEFINE.finditer(text):
        defined.setdefault(found[1], found.start(1))
    return {word[0] for word in _WORD.finditer(text) if word.start() < defined.get(word[0], -1)}


def out_of_sight(change: Loose, before: bytes, texts: Mapping[str, bytes]) -> bool:
    """Whether a change of a file (as it was ``before``) defines a macro, new there, that another file uses
    which does not take its file in."""
    names = {found[1] for found in _DEFINE.finditer(change.new)} - set(_DEFINE.findall(before))
    if not names:
        return False
    return any(
        not (names - set(_DEFINE.findall(text))).isdisjoint(_WORD.findall(text))
        and change.home not in _taken_in(home, texts)
        for home, text in texts.items()
        if home != change.home
    )


def _taken_in(home: str, texts: Mapping[str, bytes]) -> set[str]:
    seen, pending = {home}, [home]
    while pending:
        here = pending.pop()
        for found in _QUOTED.finditer(texts.get(here, b"")):
            name = found[2].decode("utf-8", "surrogateescape")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(here), name))
            more = {target, *(path for path in texts if path.endswith("/" + name))} & texts.keys()
            pending += more - seen
            seen |= more
    return seen
