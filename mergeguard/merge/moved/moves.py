"""Declarations that one side moved to another file and the other edited where they were: which, whereto.

To git the move is a deletion here and an insertion there, and the edit meets the deletion. Here the edit is
carried over *before* the files are merged (``carrying``): the editing side gets the declaration back as the
base has it, so that its removal is clean, and the moving side gets the edit at the declaration's new place.
All else of the files is merged as ever. What has no certain new place is left alone, and named with its
candidates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from mergeguard.cpp.diff import diff, unequal_middle
from mergeguard.cpp.items import Kind
from mergeguard.cpp.leaves import Leaf, leaves_of, match, similarity
from mergeguard.cpp.likeness import AHEAD, LEFT_UNDER_NAME, LINES_THERE, MOVED_OTHER_NAME, MOVED_SAME_NAME
from mergeguard.merge.moved.loose import Loose, LooseChanges, LooseVersion, Spot, include_key, plain_code
from mergeguard.merge.moved.movedvalues import BaseDefinition, Candidate, File, Moved, Unsure
from mergeguard.merge.moved.removals import Removed, removals
from mergeguard.values import cached_property, dataclass, field, replace

_KINDS = frozenset((Kind.FUNCTION, Kind.KERNEL, Kind.TYPE, Kind.MACRO))
_AROUND = 4  # lines before and after a change that say where it is
_SHORTEST = 5  # bytes of a line, without white space around it, that says anything
_FEW = 200  # lines that are counted before it is asked which of them matter
_LEAST_TOKENS = 24  # fewer say nothing about a declaration that has another name


@dataclass(slots=True)
class _Read:
    """The leaves of one version of a file, and where each begins."""

    leaves: Sequence[Leaf]
    whole: bool
    starts: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, text: bytes | None, home: str) -> _Read:
        leaves, whole = leaves_of(text, home) if text else ((), True)
        starts, at = [], 0
        for leaf in leaves:
            starts.append(at)
            at += len(leaf.text)
        return cls(leaves, whole, starts)

    def line(self, index: int) -> int:
        """The 1-based line at which a leaf begins (its leading comments apart from blank lines included)."""
        before = sum(leaf.text.count(b"\n") for leaf in self.leaves[:index])
        text = self.leaves[index].text
        return before + text[: len(text) - len(text.lstrip())].count(b"\n") + 1


def suspicious(base: bytes, editor: bytes, mover: bytes | None) -> bool:
    """Whether the mover may no longer have what the editor edited: cheap, lines only."""
    if base in (editor, mover):
        return False
    if mover is None:
        return True
    start, end, end_mover = unequal_middle(base, mover)
    before, after = base[start:end].splitlines(), mover[start:end_mover].splitlines()
    if len(before) < _FEW and not any(len(line) >= _SHORTEST for line in _gone(before, after)):
        return False
    edited = list(_edited(base, editor))
    wanted = frozenset(chain.from_iterable(edited))
    gone = _gone(*(filter(wanted.__contains__, map(bytes.strip, lines)) for lines in (before, after)))
    return any(2 * sum(gone[line] > 0 for line in around) >= max(1, len(around)) for around in edited)


def _edited(base: bytes, editor: bytes) -> Iterator[list[bytes]]:
    """Of each edit the lines of the base in it and around it, those that say nothing left out."""
    start, end, end_editor = unequal_middle(base, editor)
    before, after = base[:start].splitlines()[-_AROUND:], base[end:].splitlines()[:_AROUND]
    old = [*before, *base[start:end].splitlines(), *after]
    new = [*before, *editor[start:end_editor].splitlines(), *after]
    for change in diff(old, new):
        around = (line.strip() for line in old[max(0, change.a0 - _AROUND) : change.a1 + _AROUND])
        yield [line for line in around if len(line) >= _SHORTEST]


def _gone(before: Iterable[bytes], after: Iterable[bytes]) -> Counter[bytes]:
    """Which lines, indentation apart, are no more there, or not as often, and how many of them."""
    return Counter(map(bytes.strip, before)) - Counter(map(bytes.strip, after))


def guesses(base: bytes, ours: bytes, theirs: bytes) -> list[tuple[str, str]]:
    """Where a merge by declarations of one file may have put an edit into another declaration: the names of
    edited ones, and of what stands for them on the other side, which has another name and is not the same
    otherwise."""
    versions = [leaves_of(text)[0] for text in (base, ours, theirs)]
    old = versions[0]
    found: list[tuple[str, str]] = []
    for editor, mover in ((versions[1], versions[2]), (versions[2], versions[1])):
        edits = {i: j for j, i in match(old, editor).items() if editor[j].code != old[i].code}
        for j, i in match(old, mover).items():
            if i in edits and _is_definition(old[i]) and mover[j].short != old[i].short:
                was, now = old[i].word, mover[j].word
                renamed = tuple(now if key == was else key for key in old[i].code)
                if len(renamed) < _LEAST_TOKENS or renamed != mover[j].code:
                    found.append((old[i].short, mover[j].short))
    return found


def find_moves(files: Sequence[File]) -> tuple[list[Moved], list[Unsure]]:
    """The edited declarations that the mover has elsewhere, and those that may be elsewhere.

    ``files`` are all that the mover changed (C++, CUDA, HIP), whatever the editor did to them.
    """
    return _MoveSearch(files).run()


SplitFiles = list[tuple[File, tuple[BaseDefinition, ...]]]


def find_changes(files: Sequence[File]) -> tuple[list[Moved], list[Unsure], list[Loose], SplitFiles]:
    """``find_moves``, the changes between declarations beside what the mover has elsewhere, and the files
    that it has taken apart, each with what it defined."""
    search = _MoveSearch(files)
    moved, unsure = search.run()
    loose = search.loose(moved)
    loose += search.removals(loose)
    unsure = [u for u in unsure if u.line or not search.has_followed(u, loose)]
    return moved, unsure, loose, search.split_files()


class _MoveSearch:
    def __init__(self, files: Sequence[File]) -> None:
        self.files = files
        self._read: dict[tuple[str, str], _Read] = {}
        self._kept: dict[str, dict[int, int]] = {}
        self._lines: dict[str, frozenset[bytes]] = {}

    def run(self) -> tuple[list[Moved], list[Unsure]]:
        moved: list[Moved] = []
        unsure: list[Unsure] = []
        for file in self.files:
            if file.base is None or file.editor is None:
                continue
            if not suspicious(file.base, file.editor, file.mover):
                continue
            base, editor = self._leaves(file, "base"), self._leaves(file, "editor")
            if not base.whole or not editor.whole:
                continue
            there = {i: j for j, i in match(base.leaves, editor.leaves).items()}
            found_here: list[tuple[Moved, int]] = []
            for i in self._shed(file):
                leaf, j = base.leaves[i], there.get(i)
                if j is not None and editor.leaves[j].text == leaf.text:
                    continue
                found = self._place(file, i)
                if j is None:
                    unsure += self._removed(file, leaf, found)
                elif isinstance(found, tuple):
                    home, k = found
                    found_here.append((self._moved(file, i, editor.leaves[j], home, k), j))
                elif copies := self._copies(file, i, len(found)):
                    found_here += [(self._moved(file, i, editor.leaves[j], *copy), j) for copy in copies]
                elif found:
                    several = (
                        "may be in one of several places now"
                        if len(found) > 1
                        else ("is one of several that may have become one")
                    )
                    why = f"{leaf.short}, edited here, {several}"
                    unsure.append(Unsure(leaf.short, file.path, editor.line(j), why, tuple(found)))
            moved += _with_helpers(found_here, editor.leaves, set(there.values()))
        return _each_once(moved, unsure)

    def loose(self, moved: Sequence[Moved]) -> list[Loose]:
        """The changes between the declarations of files that the mover has taken apart."""
        if not self._split_files:
            return []
        homes = {
            file.home: LooseVersion(read.leaves, (*read.starts, len(file.mover)))
            for file in self.files
            if file.mover is not None and (read := self._leaves(file, "mover")).whole
        }
        found: list[Loose] = []
        for file in self._split_files:
            if file.mover is not None and file.home not in homes:
                continue  # its brackets do not close on the moving side: nothing there has a sure place
            base, editor = self._leaves(file, "base"), self._leaves(file, "editor")
            places = self._places(file, homes)
            carried = frozenset(move.old for move in moved if move.path == file.path)
            path = file.home if file.mover is not None else file.path
            brought = frozenset(j for move in moved if move.path == file.path for j in move.along)
            changes = LooseChanges(path, base.leaves, editor.leaves, homes, places, carried, brought)
            found += changes.run()
            found += self._wrappers(file, moved)
        return found

    @cached_property
    def _split_files(self) -> list[File]:
        """The files that the editor edited and the mover has taken apart."""
        return [
            file
            for file in self.files
            if file.base is not None
            and file.editor is not None
            and suspicious(file.base, file.editor, file.mover)
            and self._leaves(file, "base").whole
            and self._leaves(file, "editor").whole
            and self._is_split(file)
        ]

    def removals(self, loose: Sequence[Loose]) -> list[Loose]:
        """What the editor removed and the mover has elsewhere, where no change of ``loose`` is."""
        found: list[Removed] = []
        for file in self._split_files:
            base, editor = self._leaves(file, "base").leaves, self._leaves(file, "editor").leaves
            kept = set(match(base, editor).values())
            for i in self._shed(file):
                place = self._place(file, i) if i not in kept else []
                if not isinstance(place, tuple) or not list(self._removed(file, base[i], place)):
                    continue
                home, k = place
                start = self._leaves(home, "mover").starts[k]
                end = start + len(self._leaves(home, "mover").leaves[k].text)
                if not any(x.home == home.home and x.start < end and start < x.end for x in loose):
                    found.append(Removed(base[i], file.path, home.home, k))
        if not found:
            return []
        homes = {f.home: self._leaves(f, "mover").leaves for f in self.files if f.mover is not None}
        known = [leaf for f in self.files if f.base is not None for leaf in self._leaves(f, "base").leaves]
        return removals(found, homes, known, [f.editor for f in self.files if f.editor is not None])

    def has_followed(self, removed: Unsure, loose: Sequence[Loose]) -> bool:
        """Whether a removal is part of a change that goes to where the declaration is now."""
        texts = {f.home: f.mover for f in self.files if f.mover is not None}
        return any(
            change.home == there.path
            and texts[there.path].count(b"\n", 0, change.start) < there.line
            and there.line <= texts[there.path].count(b"\n", 0, change.end) + 1
            for change in loose
            for there in removed.candidates
        )

    def split_files(self) -> SplitFiles:
        """The files that the mover has taken apart and has still, with the definitions that they had."""
        found = []
        for file in self._split_files:
            if file.mover is not None and file.home == file.path:
                found.append((file, tuple(self._declared(file))))
        return found

    def _declared(self, file: File) -> Iterable[BaseDefinition]:
        shed, line = set(self._shed(file)), 0
        for i, leaf in enumerate(self._leaves(file, "base").leaves):
            if _is_definition(leaf):
                start = line + leaf.text[: len(leaf.text) - len(leaf.text.lstrip())].count(b"\n")
                end = start + leaf.text.strip().count(b"\n") + 1
                yield BaseDefinition(start, end, leaf.short, leaf.word, i in shed)
            line += leaf.text.count(b"\n")

    def _is_split(self, file: File) -> bool:
        """Whether the mover has some of the file's declarations in others, as they were."""
        leaves = self._leaves(file, "base").leaves
        shed = [leaves[i] for i in self._shed(file)]
        return any(
            not known.isdisjoint(self._new_code(other))
            for other in self.files
            if other is not file and (known := {plain_code(x) for x in shed if _may_have(other.mover, x)})
        )

    def _new_code(self, file: File) -> Iterable[tuple[bytes, ...]]:
        """The code of the definitions that the mover's file has and the base's has not."""
        leaves = self._leaves(file, "mover").leaves
        return (plain_code(leaves[j]) for j in self._new(file))

    def _places(self, file: File, homes: Mapping[str, LooseVersion]) -> dict[int, list[Spot]]:
        """Where each leaf of the base's file is on the moving side; nothing for what only stands between."""
        base = self._leaves(file, "base").leaves
        by_code: dict[Hashable, list[Spot]] = {}
        for home, version in homes.items():
            for k, leaf in enumerate(version.leaves):
                if leaf.kind is Kind.INCLUDE:
                    by_code.setdefault(include_key(leaf, home), []).append(Spot(home, k))
                elif not leaf.placed:
                    by_code.setdefault((leaf.kind, plain_code(leaf)), []).append(Spot(home, k))
        by_home = {other.home: other for other in self.files if other.mover is not None}
        kept = {i: Spot(file.home, j) for j, i in self._kept_pairs(file).items()} if file.mover else {}
        places: dict[int, list[Spot]] = {}
        for i, leaf in enumerate(base):
            if leaf.kind is Kind.INCLUDE:
                places[i] = by_code.get(include_key(leaf, file.path), [])
            elif i in kept:
                places[i] = [kept[i]]
            elif not leaf.placed:
                places[i] = by_code.get((leaf.kind, plain_code(leaf)), [])
                if _is_definition(leaf):
                    places[i] = [
                        spot
                        for spot in places[i]
                        if not self._contested(file, i, 1.0, by_home[spot.home], spot.number)
                    ]
                if not places[i] and _is_definition(leaf):
                    spot = self._place(file, i)
                    places[i] = [Spot(spot[0].home, spot[1])] if isinstance(spot, tuple) else []
        return places

    def _copies(self, source: File, index: int, count: int) -> list[tuple[File, int]]:
        """The places of a declaration that the mover has several times (``count`` with its name), each as
        the base has it. Under one name there may be others of the base's, copied as well."""
        base = self._leaves(source, "base").leaves
        leaf = base[index]
        known = {plain_code(base[i]) for i in self._shed(source) if base[i].short == leaf.short}
        named = [
            (file, j)
            for file in self.files
            if file is not source and file.mover is not None and leaf.word in file.mover
            for j in self._new(file)
            if plain_code(self._leaves(file, "mover").leaves[j]) in known
        ]
        found = [
            (f, j) for f, j in named if plain_code(self._leaves(f, "mover").leaves[j]) == plain_code(leaf)
        ]
        return found if len(named) == count and len(found) > 1 else []

    def _leaves(self, file: File, version: str) -> _Read:
        key = (file.path, version)
        if key not in self._read:
            self._read[key] = _Read.of(getattr(file, version), file.home)
        return self._read[key]

    def _kept_pairs(self, file: File) -> dict[int, int]:
        """Index in the mover's file -> index in the base's, of what the mover left there."""
        if file.path not in self._kept:
            base, mover = self._leaves(file, "base").leaves, self._leaves(file, "mover").leaves
            self._kept[file.path] = {
                j: i
                for j, i in match(base, mover).items()
                if base[i].defines == mover[j].defines
                and not (_is_definition(base[i]) and self._is_truer_elsewhere(file, base[i], mover[j]))
                and (
                    len(base[i].code) < _LEAST_TOKENS
                    or similarity(base[i].code, mover[j].code) >= LEFT_UNDER_NAME
                    or not base[i].defines
                )
            }
        return self._kept[file.path]

    def _is_truer_elsewhere(self, file: File, old: Leaf, kept: Leaf) -> bool:
        """Whether a declaration of the same name in a new file is what the base had, and what is left here
        only calls it."""
        if old.text == kept.text or plain_code(old) == plain_code(kept):
            return False
        for other in self.files:
            if other is file or other.base is not None or other.mover is None or old.word not in other.mover:
                continue
            for leaf in self._leaves(other, "mover").leaves:
                if leaf.short == old.short and _is_definition(leaf) and _alike(old, leaf):
                    if similarity(old.code, leaf.code) >= similarity(old.code, kept.code) + AHEAD:
                        return True
        return False

    def _wrappers(self, file: File, moved: Sequence[Moved]) -> list[Loose]:
        """What is left of moved declarations under their names: an edit of the head goes there as well."""
        if file.mover is None:
            return []
        read, found = self._leaves(file, "mover"), []
        for move in (m for m in moved if m.path == file.path):
            old, new = (_head(text) for text in (move.base, move.editor))
            if old == new:
                continue
            for j in self._new(file):
                leaf = read.leaves[j]
                if leaf.short != move.name or leaf.kind not in _KINDS:
                    continue
                at = leaf.text.find(_head(leaf.text))
                clean = _head(leaf.text).split() == old.split()
                start = read.starts[j] + at
                end = start + len(_head(leaf.text))
                if clean:
                    found.append(
                        Loose(move.name, file.path, 0, 0, 0, 0, file.home, start, end, old, new, clean)
                    )
        return found

    def _shed(self, file: File) -> list[int]:
        """The definitions of the base's file that the mover has there no more."""
        kept = set(self._kept_pairs(file).values())
        leaves = self._leaves(file, "base").leaves
        return [i for i, x in enumerate(leaves) if i not in kept and _is_definition(x)]

    def _new(self, file: File) -> list[int]:
        """The definitions of the mover's file that the base's has not."""
        kept = self._kept_pairs(file)
        leaves = self._leaves(file, "mover").leaves
        return [j for j, x in enumerate(leaves) if j not in kept and _is_definition(x)]

    def _place(self, source: File, index: int) -> tuple[File, int] | list[Candidate]:
        """Where a shed declaration is now; candidates if that is not certain, none if it is nowhere."""
        leaf = self._leaves(source, "base").leaves[index]
        short = leaf.word
        lines = _lines_of(leaf.text)
        scored: list[tuple[float, File, int]] = []
        for file in self.files:
            if file is source or file.mover is None or not self._may_hold(file, short, lines):
                continue
            new = self._leaves(file, "mover").leaves
            for j in self._new(file):
                if _alike(leaf, new[j]):
                    scored.append((similarity(leaf.code, new[j].code), file, j))
        scored.sort(key=lambda entry: -entry[0])
        named = [s for s in scored if self._name(s) == leaf.short and s[0] >= MOVED_SAME_NAME]
        if named:
            best = self._narrowed(leaf, named)
            if len(best) == 1 and not self._contested(source, index, *best[0]):
                return best[0][1], best[0][2]
            return [self._candidate(s) for s in named]
        if len(leaf.code) < _LEAST_TOKENS:
            return []
        renamed = [s for s in scored if s[0] >= MOVED_OTHER_NAME and self._name(s) != leaf.short]
        clear = len(renamed) == 1 or (len(renamed) > 1 and renamed[0][0] >= renamed[1][0] + AHEAD)
        if clear and not self._contested(source, index, *renamed[0]):
            return renamed[0][1], renamed[0][2]
        return [self._candidate(s) for s in renamed]

    def _narrowed(self, leaf: Leaf, named: list[tuple[float, File, int]]) -> list[tuple[float, File, int]]:
        """Of several with the name, the one that is the same overload, specialisation or branch."""
        for same in (
            lambda x: (
                (x.arguments, x.parameters, x.condition) == (leaf.arguments, leaf.parameters, leaf.condition)
            ),
            lambda x: (x.arguments, x.parameters) == (leaf.arguments, leaf.parameters),
            lambda x: x.code == leaf.code,
        ):
            if len(named) < 2:
                break
            named = [s for s in named if same(self._leaves(s[1], "mover").leaves[s[2]])] or named
        return named

    def _contested(self, source: File, index: int, score: float, home: File, j: int) -> bool:
        """Whether the declaration at the new place may be another one's: its name was there before, as
        another declaration that is as like it (one that stayed, and was copied: more like it)."""
        leaf = self._leaves(source, "base").leaves[index]
        target = self._leaves(home, "mover").leaves[j]
        short = target.word
        for file in self.files:
            if file.base is None or short not in file.base:
                continue
            shed = set(self._shed(file))
            for i, other in enumerate(self._leaves(file, "base").leaves):
                if (file is source and i == index) or other.short != target.short:
                    continue
                if not _is_definition(other) or not _alike(other, target):
                    continue
                if leaf.short != target.short:
                    return True
                if _signature(leaf) == _signature(target) != _signature(other):
                    continue
                likeness = similarity(other.code, target.code)
                if likeness > score or (likeness == score and i in shed):
                    return True
        return False

    def _may_hold(self, file: File, short: bytes, lines: frozenset[bytes]) -> bool:
        assert file.mover is not None
        if short in file.mover:
            return True
        if file.path not in self._lines:
            self._lines[file.path] = _lines_of(file.mover)
        return bool(lines) and len(lines & self._lines[file.path]) >= LINES_THERE * len(lines)

    def _name(self, scored: tuple[float, File, int]) -> str:
        return self._leaves(scored[1], "mover").leaves[scored[2]].short

    def _candidate(self, scored: tuple[float, File, int]) -> Candidate:
        read = self._leaves(scored[1], "mover")
        return Candidate(scored[1].home, read.line(scored[2]), read.leaves[scored[2]].short)

    def _moved(self, file: File, i: int, edited: Leaf, home: File, k: int) -> Moved:
        leaf, read = self._leaves(file, "base").leaves[i], self._leaves(home, "mover")
        new = read.leaves[k]
        start = read.starts[k]
        end = start + len(new.text)
        return Moved(
            leaf.short, file.path, i, home.home, new.short, start, end, leaf.text, edited.text, new.text
        )

    def _removed(self, file: File, leaf: Leaf, found: tuple[File, int] | list[Candidate]) -> Iterable[Unsure]:
        """One side removed what the other moved: it is there again after any merge."""
        if not isinstance(found, tuple):
            return
        home, k = found
        new = self._leaves(home, "mover").leaves[k]
        short = new.word
        if any(f.editor is not None and short in f.editor for f in self.files if f.home == home.home):
            return  # the same move on both sides
        why = f"{leaf.short} was removed here, and the other side moved it"
        candidate = Candidate(home.home, self._leaves(home, "mover").line(k), new.short)
        yield Unsure(leaf.short, file.path, 0, why, (candidate,))


def _with_helpers(found: list[tuple[Moved, int]], leaves: Sequence[Leaf], old: set[int]) -> list[Moved]:
    """The moves, each with what the editor added right before the declaration for it alone.

    ``found`` has the number of each in the editor's ``leaves``; those in ``old`` the base has as well.
    """
    fresh = {x.short: n for n, x in enumerate(leaves) if n not in old and x.defines and not x.placed}
    if not fresh:
        return [move for move, _ in found]
    words = [{key.decode("utf-8", "replace").lstrip("#") for key in x.code} for x in leaves]
    moves: list[Moved] = []
    for move, number in found:
        along: list[int] = []
        before = number - 1
        while before >= 0 and before not in old and fresh.get(leaves[before].short) == before:
            users = {n for n, used in enumerate(words) if leaves[before].short in used and n != before}
            if not users or not users <= {number, *along}:
                break
            along.insert(0, before)
            before -= 1
        taken = {leaves[n].short for n in along}
        uses = sorted((words[number] & fresh.keys()) - taken - {move.name})
        brought = b"".join(leaves[n].text for n in along)
        moves.append(replace(move, along=tuple(along), brought=brought, uses=tuple(uses)))
    return moves


def _each_once(moved: list[Moved], unsure: list[Unsure]) -> tuple[list[Moved], list[Unsure]]:
    """Two declarations that would go to one place are both uncertain."""
    places = Counter((m.home, m.start) for m in moved)
    for move in moved:
        if places[move.home, move.start] > 1:
            why = f"{move.name}, edited here, and another declaration seem to be one now"
            unsure.append(Unsure(move.name, move.path, 1, why, (Candidate(move.home, 1, move.new_name),)))
    return [m for m in moved if places[m.home, m.start] == 1], unsure


def _is_definition(leaf: Leaf) -> bool:
    return leaf.defines and leaf.kind in _KINDS and not leaf.placed


def _may_have(text: bytes | None, leaf: Leaf) -> bool:
    """Whether a file may have a declaration as it is: cheap, by its name."""
    return text is not None and (leaf.word in text or leaf.word not in leaf.text)


def _head(text: bytes) -> bytes:
    """A declaration from its first word of code to what opens its body."""
    head = text.partition(b"{")[0]
    lines = head.splitlines(keepends=True)
    while lines and (not lines[0].strip() or lines[0].lstrip().startswith((b"//", b"/*", b"*"))):
        lines.pop(0)
    return b"".join(lines)


def _signature(leaf: Leaf) -> tuple[str, str, tuple[str, ...]]:
    return leaf.arguments, leaf.parameters, leaf.condition


def _alike(one: Leaf, other: Leaf) -> bool:
    """Whether one may have become the other: kernels and functions are one kind."""
    callable_kinds = (Kind.FUNCTION, Kind.KERNEL)
    return one.kind == other.kind or (one.kind in callable_kinds and other.kind in callable_kinds)


def _lines_of(text: bytes) -> frozenset[bytes]:
    return frozenset(line for raw in text.splitlines() if len(line := raw.strip()) >= 2 * _SHORTEST)
