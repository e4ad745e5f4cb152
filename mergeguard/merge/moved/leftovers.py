"""Edits in what one side took out of a file, where no declaration at a new place answers for them.

What is left once edits have followed their declarations (``moves``) and what stood between those (``loose``)
meets a removal: to git the conflict is all that was taken out. Here each such edit is on its own. Where its
lines, with those around them, stand in the moving side's other files once (or once in each of several
copies), it is made there; where something there is like its surroundings it is a conflict of its few lines
in that place; and where nothing is, a conflict of its few lines where the stretch was.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mergeguard.cpp.diff import Change
from mergeguard.cpp.likeness import LINES_THERE
from mergeguard.merge.lines import RegionKind, diff3, line_diff, merge_lines, split_lines
from mergeguard.merge.moved.loose import NOTHING, Loose
from mergeguard.merge.moved.movedvalues import BaseDefinition
from mergeguard.merge.result import Conflict, MergeResult, Piece, Resolved
from mergeguard.values import dataclass

_TELLING = 12  # bytes of a line that says where it is from
_LEAST = 3  # lines that stand in another file by more than chance
_AROUND = ((3, 3), (2, 2), (1, 3), (3, 1), (1, 2), (2, 1), (1, 1))  # lines above and below an edit
_ALONE = ((0, 3), (3, 0), (0, 1), (1, 0), (0, 0))  # of one that replaces lines, at the edge of what was moved
_NEAR = 12  # lines from an edit to a line that says where it would be


@dataclass(frozen=True, slots=True)
class SplitFile:
    """A file of which the moving side has taken declarations to others.

    ``editor`` and ``mover`` are as they are once all else has followed; ``others`` are the other files that
    the moving side changed, ``before`` as the base has them, ``free`` those in which a conflict can stand.
    """

    path: str
    base: bytes
    editor: bytes
    mover: bytes
    declared: Sequence[BaseDefinition]
    others: Mapping[str, bytes]
    before: Mapping[str, bytes]
    free: frozenset[str]


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What became of the edits: changes of other files, those ``here``, which have no other place, and the
    three texts of the file itself, which have them."""

    loose: tuple[Loose, ...]
    here: tuple[Loose, ...]
    base: bytes
    editor: bytes
    mover: bytes


def leftovers(file: SplitFile) -> Leftovers | None:
    """The edits that would meet the removal, each at a place of its own; None where there are none."""
    return _Leftovers(file).run()


class _Lines:
    """The lines of a text that are not blank, as they compare: without indentation and continuation."""

    def __init__(self, text: bytes) -> None:
        self.all = split_lines(text)
        self.numbers = [n for n, line in enumerate(self.all) if line.strip()]
        self.keys = [_key(self.all[n]) for n in self.numbers]
        self.counted = Counter(self.keys)
        self._where: dict[bytes, list[int]] = {}
        for at, key in enumerate(self.keys):
            self._where.setdefault(key, []).append(at)

    def find(self, keys: Sequence[bytes]) -> list[int]:
        """Where the lines stand one behind the other (indices of ``keys``)."""
        size = len(keys)
        starts = self._where.get(keys[0], []) if keys else []
        return [at for at in starts if self.keys[at : at + size] == list(keys)]

    def upto(self, line: int) -> int:
        """How many lines that are not blank stand before a line of the text."""
        return bisect_left(self.numbers, line)


class _Leftovers:
    def __init__(self, file: SplitFile) -> None:
        self.file = file
        self.shed = [one for one in file.declared if one.gone]
        self.base, self.editor = _Lines(file.base), _Lines(file.editor)
        self.mover = _Lines(file.mover)
        self.others = {path: _Lines(text) for path, text in file.others.items()}
        self.before = {path: _Lines(text) for path, text in file.before.items()}
        regions = diff3(self.base.all, self.editor.all, self.mover.all, line_diff)
        self.disputed = [(r.b0, r.b1) for r in regions if r.kind is RegionKind.CONFLICT]
        hunks = line_diff(self.base.all, self.mover.all) if self.disputed else []
        self.taken = [hunk for hunk in hunks if self._is_taken_out(hunk)]

    def run(self) -> Leftovers | None:
        changes = line_diff(self.base.all, self.editor.all)
        left = [(change, hunk) for change in changes if (hunk := self._meets(change)) is not None]
        if not left:
            return None
        loose: list[Loose] = []
        here: list[tuple[Change, Change]] = []
        telling = [(change, hunk) for change, hunk in left if not self._is_blank(change)]
        for change, hunk, deleted in self._whole_where_deleted(telling, changes):
            found = [] if deleted else self._followed(change) or self._near(change)
            loose += found
            if not found:
                here.append((change, hunk))
        reverted = self._without([change for change, _ in left])
        base, editor, mover = self._in_place(reverted, here)
        return Leftovers(tuple(loose), tuple(self._here(change) for change, _ in here), base, editor, mover)

    def _is_taken_out(self, hunk: Change) -> bool:
        """Whether the moving side has a declaration of these lines no more, or the lines somewhere else."""
        if any(hunk.a0 < shed.end and shed.start < hunk.a1 for shed in self.shed):
            return True
        return self._is_elsewhere(range(hunk.a0, hunk.a1))

    def _is_elsewhere(self, lines: range) -> bool:
        """Whether a good part of some lines of the base is in another file, that had them not."""
        keys = {_key(self.base.all[n]) for n in lines}
        keys = {key for key in keys if len(key) >= _TELLING}
        return len(keys) >= _LEAST and any(
            sum(key in other.counted and self._is_new(path, key) for key in keys) >= LINES_THERE * len(keys)
            for path, other in self.others.items()
        )

    def _meets(self, change: Change) -> Change | None:
        """What the moving side did where an edit is, if that took a declaration out. What only stands next to
        it, and what both sides did alike, is merged as ever."""
        if not any(start <= change.a0 and change.a1 <= end for start, end in self.disputed):
            return None
        for hunk in self.taken:
            inside = hunk.a0 < change.a0 < hunk.a1
            if inside or (change.a0 < hunk.a1 and hunk.a0 < change.a1):
                return hunk
        return None

    def _is_blank(self, change: Change) -> bool:
        lines = [*self.base.all[change.a0 : change.a1], *self.editor.all[change.b0 : change.b1]]
        return not b"".join(lines).strip()

    def _whole_where_deleted(
        self, left: Sequence[tuple[Change, Change]], changes: Sequence[Change]
    ) -> Iterator[tuple[Change, Change, bool]]:
        """The edits; all of a declaration of which nothing is anywhere as one, of the whole declaration."""
        done: set[BaseDefinition] = set()
        for change, hunk in left:
            shed = next((s for s in self.shed if s.start <= change.a0 < s.end), None)
            if shed is None or self._has_a_trace(shed):
                yield change, hunk, False
            elif shed not in done:
                done.add(shed)
                inside = [c for c in changes if c.a0 < shed.end and shed.start <= c.a1]
                start, end = min(shed.start, inside[0].a0), max(shed.end, inside[-1].a1)
                first = inside[0].b0 - (inside[0].a0 - start)
                yield Change(start, end, first, inside[-1].b1 + end - inside[-1].a1), hunk, True

    def _has_a_trace(self, shed: BaseDefinition) -> bool:
        """Whether the other files have something of a declaration: its name, or a good part of its lines."""
        for path, text in self.file.others.items():
            if shed.word in text and shed.word not in self.file.before.get(path, b""):
                return True
        return self._is_elsewhere(range(shed.start, shed.end))

    # -- in another file -------------------------------------------------------------------------------

    def _followed(self, change: Change) -> list[Loose]:
        """The edit made where its lines and those around them stand now, if that is certain."""
        first, last = self.base.upto(change.a0), self.base.upto(change.a1)
        for up, down in _AROUND if first == last else (*_AROUND, *_ALONE):
            above, below = self.base.keys[max(0, first - up) : first], self.base.keys[last : last + down]
            stretch = [*above, *self.base.keys[first:last], *below]
            if (len(above), len(below)) != (up, down) or not self._tells(stretch):
                continue
            spots = self._spots(stretch)
            found = [self._made(change, path, at + len(above), last - first) for path, at in spots]
            if found and all(found):
                return [one for one in found if one is not None]
        return []

    def _tells(self, stretch: Sequence[bytes]) -> bool:
        telling = sum(len(key) >= _TELLING for key in stretch)
        return len(stretch) >= _LEAST and telling > 1 and len(self.base.find(stretch)) == 1

    def _spots(self, stretch: Sequence[bytes]) -> list[tuple[str, int]]:
        """Where a stretch of the base stands, once in each file; none where that is not so."""
        found = [(path, at) for path, lines in self.others.items() for at in lines.find(stretch)]
        paths = [path for path, _ in found]
        if len(set(paths)) < len(paths) or self.mover.find(stretch):
            return []
        return [] if any(lines.find(stretch) for lines in self.before.values()) else found

    def _made(self, change: Change, path: str, at: int, size: int) -> Loose | None:
        """The edit in the lines from ``at`` (``size`` that are not blank) of another file."""
        lines = self.others[path]
        if size:
            start, end = lines.numbers[at], lines.numbers[at + size - 1] + 1
        else:
            blank = change.a0 - 1 - self.base.numbers[self.base.upto(change.a0) - 1]
            start = lines.numbers[at - 1] + 1
            while blank and start < len(lines.all) and not lines.all[start].strip():
                start, blank = start + 1, blank - 1
            end = start
        model, there = self.base.all[max(0, change.a0 - (not size))], lines.all[start - (not size)]
        new = _like(self.editor.all[change.b0 : change.b1], model, there)
        return None if new is None else self._loose(change, path, start, end, b"", new, clean=True)

    def _near(self, change: Change) -> list[Loose]:
        """The edit as a conflict beside what stood nearest to it, if one place alone has that."""
        for alone in (True, False):
            found = list(self._nearby(change, alone=alone))
            if found:
                _, path, start, end = min(found, key=lambda spot: spot[0])
                old = b"".join(self.base.all[change.a0 : change.a1])
                new = b"".join(self.editor.all[change.b0 : change.b1])
                return [self._loose(change, path, start, end, old or NOTHING, new, clean=False)]
        return []

    def _nearby(self, change: Change, *, alone: bool) -> Iterator[tuple[int, str, int, int]]:
        """Where the edited lines are, what stood above them, and what below: how far off that is, the file,
        and the lines there that the conflict is of."""
        first, last = self.base.upto(change.a0), self.base.upto(change.a1)
        for n in range(first, last):
            if (spot := self._spot(n, alone=alone)) is not None:
                path, at = spot
                lines = self.others[path]
                keys, start = self.base.keys[first:last], at - (n - first)
                whole = lines.keys[max(0, start) : start + len(keys)] == keys
                line = lines.numbers[start if whole else at]
                yield 0, path, line, lines.numbers[start + len(keys) - 1] + 1 if whole else line
                break
        for step, n in ((-1, first - 1), (1, last)):
            for distance in range(_NEAR):
                if (spot := self._spot(n + step * distance, alone=alone)) is not None:
                    line = self._beyond(n + step * distance, n, spot, -step)
                    yield distance + 1, spot[0], line, line
                    break

    def _beyond(self, n: int, last: int, spot: tuple[str, int], step: int) -> int:
        """The line next to what stands at a spot, and to what follows on it there as in the base."""
        lines, at = self.others[spot[0]], spot[1]
        while (
            n != last
            and 0 <= at + step < len(lines.keys)
            and lines.keys[at + step] == self.base.keys[n + step]
        ):
            n, at = n + step, at + step
        return lines.numbers[at] + (step > 0)

    def _spot(self, n: int, *, alone: bool) -> tuple[str, int] | None:
        """Where a line of the base stands (``alone``: in one file), if it says where it is from."""
        if not 0 <= n < len(self.base.keys):
            return None
        key = self.base.keys[n]
        if len(key) < _TELLING or self.base.counted[key] > 1 or key in self.mover.counted:
            return None
        found = [
            (path, at)
            for path, lines in self.others.items()
            if path in self.file.free and lines.counted[key] == 1 and self._is_new(path, key)
            for at in lines.find([key])
        ]
        return found[0] if len(found) == 1 or (found and not alone) else None

    def _is_new(self, path: str, key: bytes) -> bool:
        return path not in self.before or key not in self.before[path].counted

    def _loose(
        self, change: Change, path: str, start: int, end: int, old: bytes, new: bytes, *, clean: bool
    ) -> Loose:
        lines = self.others[path].all
        offset = sum(map(len, lines[:start]))
        size = sum(map(len, lines[start:end]))
        e0 = change.b0
        return Loose(
            self._name(change),
            self.file.path,
            0,
            0,
            e0,
            e0,
            path,
            offset,
            offset + size,
            old,
            new,
            clean,
            True,
        )

    def _here(self, change: Change) -> Loose:
        new, path = b"".join(self.editor.all[change.b0 : change.b1]), self.file.path
        return Loose(self._name(change), path, 0, 0, change.b0, change.b0, path, 0, 0, b"", new, False, True)

    def _name(self, change: Change) -> str:
        inside = (s for s in self.file.declared if s.start <= change.a0 < s.end)
        return next((s.name for s in inside), "a line between declarations")

    # -- in the file itself ----------------------------------------------------------------------------

    def _without(self, changes: Iterable[Change]) -> bytes:
        """The editor's text with some edits undone."""
        out: list[bytes] = []
        at = 0
        for change in sorted(changes):
            out += [*self.editor.all[at : change.b0], *self.base.all[change.a0 : change.a1]]
            at = change.b1
        return b"".join([*out, *self.editor.all[at:]])

    def _in_place(self, editor: bytes, here: Sequence[tuple[Change, Change]]) -> tuple[bytes, bytes, bytes]:
        """The three texts of the file, with the edits that have no other place as conflicts of their own."""
        if not here:
            return self.file.base, editor, self.file.mover
        pieces = list(merge_lines(self.file.base, editor, self.file.mover, touching=False))
        for change, hunk in sorted(here, reverse=True):
            old = b"".join(self.base.all[change.a0 : change.a1]) or NOTHING
            new = b"".join(self.editor.all[change.b0 : change.b1])
            pieces = list(_with(pieces, hunk.b1, Conflict(old, new, b"")))
        found = MergeResult(tuple(pieces))
        return found.render("base"), found.render("ours"), found.render("theirs")


def _with(pieces: Iterable[Piece], line: int, conflict: Conflict) -> Iterator[Piece]:
    """The pieces with a conflict before a line (0-based) of the moving side's text, which are theirs."""
    done = False
    for piece in pieces:
        text = piece.text if isinstance(piece, Resolved) else piece.theirs
        lines = split_lines(text)
        if done or line > len(lines) or (isinstance(piece, Conflict) and line):
            line -= len(lines)
            yield piece
        elif isinstance(piece, Resolved):
            yield Resolved(b"".join(lines[:line]))
            yield conflict
            yield Resolved(b"".join(lines[line:]))
            done = True
        else:
            yield conflict
            yield piece
            done = True
    if not done:
        yield conflict


def _key(line: bytes) -> bytes:
    return b" ".join(line.strip().removesuffix(b"\\").split())


def _like(lines: Sequence[bytes], model: bytes, there: bytes) -> bytes | None:
    """Lines indented and continued as ``there``, where the base has ``model``; None where that can't be."""
    old, new = _indent(model), _indent(there)
    continued = there.rstrip().endswith(b"\\")
    if continued != model.rstrip().endswith(b"\\"):
        if not continued or any(b"//" in line or line.lstrip().startswith(b"#") for line in lines):
            return None
        width = len(there.rstrip()) - 1
        lines = [line.rstrip().ljust(width) + b"\\\n" for line in lines]
    return b"".join(
        new + line[len(old) :] if line.startswith(old) and line.strip() else line for line in lines
    )


def _indent(line: bytes) -> bytes:
    return line[: len(line) - len(line.lstrip(b" \t"))]
