"""Tracing: what the changes of one layout file mean for the monolith, by the map alone.

Every changed stretch becomes a ``Traced``: the edits of the monolith that it stands for, or the reason why
there are none. Whether the edits hold is for ``unsplit`` to find out, by splitting the result.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, groupby

from mergeguard.cpp.diff import Change, diff
from mergeguard.cpp.source import parse
from mergeguard.lens import glue
from mergeguard.lens.homes.assignment import defined_names
from mergeguard.lens.hunks import Reason
from mergeguard.lens.layout import Glue, Layout, LayoutFile, Piece, Role
from mergeguard.lens.order import Order, Part
from mergeguard.values import dataclass, replace


@dataclass(frozen=True, slots=True)
class Traced:
    """One changed stretch of a layout file.

    ``old`` is its byte range in the pristine file, ``new`` in the file as it is now, ``text`` what
    stands there now. ``edits`` are what it means for the monolith: (start, end, side, text), where
    side 0 belongs to what comes before ``start`` and side 1 to what comes after, and what is between follows
    in its order. ``parts`` are ``text``
    as runs of bytes, each the monolith's (True) or transparent glue. Without edits, ``reason`` says
    why there are none. ``apart`` is the same stretch as several, for when it does not hold as one;
    ``within`` is the stretch of lines that the change is some words of; ``edges`` says whether it is the
    first and the last of what is inserted at one place.
    """

    file: LayoutFile
    old: tuple[int, int]
    new: tuple[int, int]
    text: bytes
    parts: tuple[tuple[bytes, bool], ...] = ()
    edits: tuple[tuple[int, int, float, bytes], ...] = ()
    reason: Reason | None = None
    apart: tuple[Traced, ...] = ()
    within: tuple[int, int] | None = None
    edges: tuple[bool, bool] = (True, True)

    @property
    def monolith_text(self) -> bytes:
        """``text`` without glue."""
        return b"".join(text for text, own in self.parts if own)

    @property
    def is_plain(self) -> bool:
        """Whether nothing of the text was taken for glue, so that it may be shown in any file."""
        return all(own for _, own in self.parts)

    @property
    def beside(self) -> tuple[Glue | None, Glue | None]:
        """For an insertion: the glue, derived as a whole, that it comes right after and right before."""
        at, end = self.old
        if at != end or not self.file.pieces:
            return None, None
        right = self.file.piece_at(at)
        left = right - 1 if at == self.file.starts[right] else right
        kinds = [self.file.pieces[n].glue if n >= 0 else None for n in (left, right)]
        before, after = (None if kind is None or kind.transparent else kind for kind in kinds)
        first, last = self.edges
        return before if first else None, after if last else None

    def typed_glue(self) -> list[tuple[int, bytes]]:
        """The glue in the text, each with its offset in ``monolith_text``."""
        found: list[tuple[int, bytes]] = []
        at = 0
        for text, own in self.parts:
            if own:
                at += len(text)
            else:
                found.append((at, text))
        return found

    def removed_glue(self) -> list[bytes]:
        """The glue that stood in the old stretch."""
        removed: list[bytes] = []
        for piece, start in zip(self.file.pieces, self.file.starts, strict=False):
            first, last = max(start, self.old[0]), min(start + len(piece.text), self.old[1])
            if piece.source is None and first < last:
                removed.append(piece.text[first - start : last - start])
        return removed


_WORDS = re.compile(rb"\w+|\r?\n|[^\S\n]+|.", re.DOTALL)
_RANK = {Role.HEADER: 0, Role.DECLARATIONS: 1, Role.BODY: 2, Role.SHARD: 3, Role.ENTRY: 4}


class Tracer:
    """Follows the changes of one file through the map."""

    def __init__(
        self,
        pristine: Layout,
        file: LayoutFile,
        now: bytes,
        files: Mapping[str, bytes | None] | None = None,
        order: Order | None = None,
    ) -> None:
        self.pristine = pristine
        self.file = file
        self.now = now
        self.files = files or {}
        self.order = order or Order(pristine.monolith)
        self.rank = {f.path: (_RANK[f.role], n) for n, f in enumerate(pristine.files)}
        path = [p for p in file.pieces if p.glue is Glue.INCLUDE_PATH]
        self.back = path[0].text if path else self._back()

    def _back(self) -> bytes:
        if self.file.role is Role.ENTRY:
            return b""
        depth = self.file.path.count("/") - self.pristine.path.count("/")
        return b"../" * depth

    def changes(self) -> list[Traced]:
        return self._compare(
            self.file.text.splitlines(keepends=True), self.now.splitlines(keepends=True), 0, 0, fine=False
        )

    def _compare(
        self, old: list[bytes], new: list[bytes], old_at: int, new_at: int, *, fine: bool
    ) -> list[Traced]:
        old_offsets = _offsets(old, old_at)
        new_offsets = _offsets(new, new_at)
        found: list[Traced] = []
        for c in _single(diff(old, new)) if fine else diff(old, new):
            if c.a0 == c.a1 and not fine and self.order:
                if hinted := self._hinted(old, new, c, old_offsets, new_offsets):
                    found += hinted
                    continue
            shift = 0 if c.a0 < c.a1 else self._slide(old, new, c, old_offsets)
            found += self._trace(
                (old_offsets[c.a0 + shift], old_offsets[c.a1 + shift]),
                (new_offsets[c.b0 + shift], new_offsets[c.b1 + shift]),
                fine=fine,
            )
        return found

    def _slide(self, old: list[bytes], new: list[bytes], c: Change, offsets: list[int]) -> int:
        """How far to slide an insertion, whose place is ambiguous where its text repeats what is around it.

        Inside the monolith's text is best, then behind it, then before it; inside glue is last.
        """
        shifts = _shifts(old, new, c)
        return min(shifts, key=lambda shift: (self._rank(offsets[c.a0 + shift]), abs(shift), shift))

    def _hinted(
        self, old: list[bytes], new: list[bytes], c: Change, old_offsets: list[int], new_offsets: list[int]
    ) -> list[Traced]:
        """An insertion where hints say that the monolith has it, perhaps as several; empty if none does."""

        def doubt(shift: int) -> tuple[int, bool, int]:
            # Blank lines belong to the unit that they stand before.
            trails = not new[c.b1 + shift - 1].strip()
            return self._rank(old_offsets[c.a0 + shift]), trails, abs(shift)

        for shift in sorted(_shifts(old, new, c), key=doubt):
            at = old_offsets[c.a0 + shift]
            low, high = self._range(at)
            if low not in self.order.boundaries or self._rank(at) > 2:
                continue
            start, end = new_offsets[c.b0 + shift], new_offsets[c.b1 + shift]
            pieces = self._parts_of(self.now[start:end])
            parts = self.order.parts(b"".join(text for text, own in pieces if own))
            places = [(part.at, part.rank) for part in parts]
            if parts and places == sorted(places) and low <= places[0][0] and places[-1][0] <= high:
                return self._placed(at, start, pieces, parts)
        return []

    def _placed(
        self, at: int, start: int, pieces: Sequence[tuple[bytes, bool]], parts: Sequence[Part]
    ) -> list[Traced]:
        """One insertion at ``at`` as several, each with its own bytes and the glue before and in them."""
        found: list[Traced] = []
        waiting = list(pieces)
        for number, part in enumerate(parts):
            left, own = len(part.text), list[tuple[bytes, bool]]()
            last = number == len(parts) - 1
            while waiting and (left or last):
                text, is_own = waiting.pop(0)
                if is_own and len(text) > left:
                    waiting.insert(0, (text[left:], True))
                    text = text[:left]
                own.append((text, is_own))
                left -= len(text) if is_own else 0
            typed = b"".join(text for text, _ in own)
            side = (part.rank + 1) / (len(self.order.hints) + 2)
            edit = (part.at, part.at, side, part.text)
            where = (start, start + len(typed))
            edges = (number == 0, last)
            found.append(Traced(self.file, (at, at), where, typed, tuple(own), (edit,), edges=edges))
            start += len(typed)
        return found

    def _range(self, at: int) -> tuple[int, int]:
        """The stretch of the monolith in which text at ``at`` may stand."""
        pieces, starts = self.file.pieces, self.file.starts
        if not pieces:
            return 0, len(self.pristine.monolith)
        here = self.file.piece_at(at)
        if starts[here] < at < starts[here + 1]:
            source = pieces[here].source
            if source is not None:
                return source + at - starts[here], source + at - starts[here]
            left, right = here - 1, here + 1
        else:
            right = here if at <= starts[here] else here + 1
            left = right - 1
        before = next((p.source_end for p in reversed(pieces[: left + 1]) if p.source_end is not None), 0)
        after = (p.source for p in pieces[right:] if p.source is not None)
        return before, next(after, len(self.pristine.monolith))

    def _rank(self, at: int) -> int:
        pieces, starts = self.file.pieces, self.file.starts
        right = self.file.piece_at(at)
        if not pieces:
            return 3
        if starts[right] < at < starts[right + 1]:
            return 0 if pieces[right].source is not None else 3
        left = right if at >= starts[right + 1] else right - 1
        if left >= 0 and pieces[left].source is not None:
            return 1
        anchored = pieces[right].source is not None or pieces[right].anchor is not None
        return 2 if left < right and anchored else 3

    def _trace(self, old: tuple[int, int], new: tuple[int, int], *, fine: bool) -> list[Traced]:
        text = self.now[slice(*new)]
        change = Traced(self.file, old, new, text, self._parts_of(text))
        if old[0] == old[1]:
            return [self._insertion(change)]
        parts = self._parts(old)
        own = [(source, source + length) for source, length in parts if source is not None]
        whole = len(own) == len(parts) or (not fine and self._only_include_paths(old))
        if own and fine and self._joins_glue(change):
            return [replace(change, reason=Reason.STRADDLES)]
        if own and whole and len(_runs(own)) == 1:
            # Whole lines of includes: the path in them is re-based back as a whole, too.
            return [replace(change, edits=((own[0][0], own[-1][1], 1, change.monolith_text),))]
        if not own:
            return [replace(change, reason=Reason.GLUE)] if fine else self._glue_replaced(change)
        if not change.monolith_text and not (fine and text):
            # If the glue has nothing to do any more it goes with the text; else it was removed by hand.
            edits = tuple((start, end, 1, b"") for start, end in own)
            return [replace(change, edits=edits, apart=self._apart(change))]
        if fine:
            return [replace(change, reason=Reason.STRADDLES)]
        before, after = _WORDS.findall(self.file.text[slice(*old)]), _WORDS.findall(text)
        words = tuple(replace(c, within=old) for c in self._compare(before, after, old[0], new[0], fine=True))
        if len(_runs(own)) > 1 and words and all(c.edits for c in words):
            return list(words)  # neighbours here, but not in the monolith: each is edited where it stands
        if all(kind.transparent for kind in self._glue_kinds(old)):
            # As a whole, if the layout then has just the glue that is left; else word by word.
            (start, end), *rest = _runs(own)
            edits = ((start, end, 1, change.monolith_text), *((a, b, 1, b"") for a, b in rest))
            return [replace(change, edits=edits, apart=words)]
        if all(c.reason in (None, Reason.GLUE) for c in words):
            return list(words)
        return [replace(change, reason=Reason.STRADDLES)]

    def _joins_glue(self, change: Traced) -> bool:
        """Whether a line of the monolith now goes on in glue; in the monolith other text would follow."""
        end = change.old[1]
        if end >= len(self.file.text) or self.file.text[end - 1 : end] != b"\n" or change.new[1] == 0:
            return False
        follows = self.file.pieces[self.file.piece_at(end)]
        return follows.source is None and self.now[change.new[1] - 1 : change.new[1]] != b"\n"

    def _only_include_paths(self, old: tuple[int, int]) -> bool:
        """Whether the only glue in a range is what re-bases include paths."""
        first, last = self.file.piece_at(old[0]), self.file.piece_at(old[1] - 1)
        return all(p.glue in (None, Glue.INCLUDE_PATH) for p in self.file.pieces[first : last + 1])

    def _glue_replaced(self, change: Traced) -> list[Traced]:
        """Lines in the place of glue: where the glue was a guard, they are an insertion of their own."""
        whole_lines = all(part.endswith(b"\n") for part in (change.text, self.file.text[slice(*change.old)]))
        if glue.mentions_glue(change.text):
            return [replace(change, reason=Reason.GLUE)]
        if whole_lines and change.monolith_text and all(k.transparent for k in self._glue_kinds(change.old)):
            end = (change.old[1], change.old[1])
            inserted = self._insertion(replace(change, old=end))
            if inserted.reason is None:
                gone = Traced(self.file, change.old, (change.new[0],) * 2, b"", reason=Reason.GLUE)
                return [gone, inserted]
        return [replace(change, reason=Reason.GLUE)]

    def _glue_kinds(self, old: tuple[int, int]) -> Iterable[Glue]:
        for piece, start in zip(self.file.pieces, self.file.starts, strict=False):
            if piece.glue is not None and start < old[1] and old[0] < start + len(piece.text):
                yield piece.glue

    def _apart(self, change: Traced) -> tuple[Traced, ...]:
        """A removal piece by piece: the monolith's as edits, glue as an overlay."""
        found: list[Traced] = []
        at = change.old[0]
        for source, length in self._parts(change.old):
            part = Traced(self.file, (at, at + length), (change.new[0],) * 2, b"")
            if source is None:
                found.append(replace(part, reason=Reason.GLUE))
            else:
                found.append(replace(part, edits=((source, source + length, 1, b""),)))
            at += length
        if change.text:
            end = (change.old[1],) * 2
            found.append(Traced(self.file, end, change.new, change.text, change.parts, reason=Reason.GLUE))
        return tuple(found)

    def _parts_of(self, text: bytes) -> tuple[tuple[bytes, bool], ...]:
        return glue.parts(text, self.back)

    def _parts(self, old: tuple[int, int]) -> list[tuple[int | None, int]]:
        """The monolith offset (None for glue) and length of every piece's share of a range."""
        parts: list[tuple[int | None, int]] = []
        at = old[0]
        index = self.file.piece_at(at)
        while at < old[1]:
            piece, start = self.file.pieces[index], self.file.starts[index]
            stop = min(old[1], start + len(piece.text))
            if stop > at:
                parts.append((None if piece.source is None else piece.source + at - start, stop - at))
            at, index = stop, index + 1
        return parts

    def _insertion(self, change: Traced) -> Traced:
        if not change.monolith_text and change.text:
            return replace(change, reason=Reason.GLUE)
        place = self._place(change.old[0], change.monolith_text)
        if isinstance(place, Reason):
            return replace(change, reason=place)
        offset, side = place
        if self._breaks_line(change, offset):
            return replace(change, reason=Reason.STRADDLES)
        return replace(change, edits=((offset, offset, side, change.monolith_text),))

    def _breaks_line(self, change: Traced, offset: int) -> bool:
        """Whether text typed at the end of a layout line would change how its line goes on in the monolith.

        Glue can end a line where the monolith's goes on (``}`` before ``else``): a comment typed there
        would swallow the rest of the line.
        """
        text = self.pristine.monolith
        ends = offset in (0, len(text)) or text[offset - 1 : offset] == b"\n"
        goes_on = offset < len(text) and text[offset : offset + 1] not in (b"\n", b"\r")
        piece = self.file.piece_at(change.old[0])
        inside = self.file.starts[piece] < change.old[0] < self.file.starts[piece + 1]
        return (
            not ends
            and goes_on
            and not (inside and self.file.pieces[piece].source is not None)
            and (b"//" in change.text or b"\n" in change.text)
        )

    def _place(self, at: int, text: bytes) -> tuple[int, int] | Reason:
        """The monolith offset, and the side it belongs to, of text inserted at ``at``."""
        pieces, starts = self.file.pieces, self.file.starts
        left = right = self.file.piece_at(at) if pieces else 0
        if pieces and starts[left] < at < starts[left + 1]:
            piece = pieces[left]
            if piece.source is not None:
                return piece.source + at - starts[left], 1
            if piece.glue is None or not piece.glue.transparent:
                return Reason.GLUE
        elif pieces:
            right = left if at <= starts[left] else left + 1
            left = right - 1
        before, bare_before = self._nearest(range(left, -1, -1))
        after, bare_after = self._nearest(range(right, len(pieces)))
        if before is not None and after is not None:
            gap = self._gap(before, after, text)
            if bare_before and bare_after:
                return gap, 1 if gap == after.source else 0
        if before is not None and bare_before:
            return before.source_end or 0, 0
        if after is not None and bare_after and after.source is not None:
            return after.source, 1
        # Between glue and glue of the entry: what the glue stands for says where that is.
        if right < len(pieces) and (anchor := pieces[right].anchor) is not None:
            return anchor[0], 0
        if left >= 0 and pieces and (anchor := pieces[left].anchor) is not None:
            return anchor[1], 0
        return Reason.NO_HOME

    def _nearest(self, indices: Iterable[int]) -> tuple[Piece | None, bool]:
        """The nearest piece of the monolith, and whether only transparent glue lies before it."""
        bare = True
        for index in indices:
            piece = self.file.pieces[index]
            if piece.source is not None:
                return piece, bare
            bare = bare and piece.glue is not None and piece.glue.transparent
        return None, False

    def _gap(self, before: Piece, after: Piece, text: bytes) -> int:
        """Where text between two pieces goes if the monolith has other files' text between them.

        After what the file can see (the pieces of files that come before it in the include order), so
        that it may use them, and before the others, so that they may use it: before the first that does.
        """
        position = before.source_end or 0
        between = sorted(
            (p.source, p.source + len(p.text), self.rank[f.path], f.path)
            for f in self.pristine.files
            for p in f.pieces
            if p.source is not None
            and before.source_end is not None
            and after.source is not None
            and before.source_end <= p.source < after.source
        )
        for _, end, rank, _ in between:
            if rank < self.rank[self.file.path]:
                position = end
        others = [piece for piece in between if piece[0] < position and piece[2] > self.rank[self.file.path]]
        if others:
            source = parse(text)
            defined = defined_names(source, source.items)
            for start, end, _, path in others:
                if not defined.isdisjoint(self._words(path, start, end)):
                    return start
        return position

    def _words(self, path: str, start: int, end: int) -> frozenset[str]:
        """The words of the monolith's bytes, and of what is typed into them, in another file."""
        file, now = self.pristine.by_path[path], self.files.get(path)
        found = _identifiers(self.pristine.monolith[start:end])
        if now is None or now == file.text:
            return found
        old, new = file.text.splitlines(keepends=True), now.splitlines(keepends=True)
        old_offsets, new_offsets = _offsets(old, 0), _offsets(new, 0)
        for piece, at in zip(file.pieces, file.starts, strict=False):
            if piece.source is None or not (start <= piece.source < end):
                continue
            for c in diff(old, new):
                if old_offsets[c.a0] <= at + len(piece.text) and at <= old_offsets[c.a1]:
                    found |= _identifiers(now[new_offsets[c.b0] : new_offsets[c.b1]])
        return found


def _identifiers(text: bytes) -> frozenset[str]:
    return frozenset(word.decode() for word in re.findall(rb"[A-Za-z_]\w*", text, re.ASCII))


def _shifts(old: Sequence[bytes], new: Sequence[bytes], c: Change) -> list[int]:
    """How far an insertion of lines may be slid, its text repeating what is around it; 0 is among them."""
    found = [0]
    at, start, end = c.a0, c.b0, c.b1
    while at > 0 and start > 0 and old[at - 1] == new[start - 1] == new[end - 1]:
        at, start, end = at - 1, start - 1, end - 1
        found.append(at - c.a0)
    at, start, end = c.a0, c.b0, c.b1
    while at < len(old) and end < len(new) and old[at] == new[end] == new[start]:
        at, start, end = at + 1, start + 1, end + 1
        found.append(at - c.a0)
    return found


def includes_apart(change: Traced) -> list[Traced]:
    """An insertion of whole lines as several where quoted includes stand among others.

    A rule may give them to different files. Empty if there is nothing to take apart.
    """
    if len(change.edits) != 1 or change.old[0] != change.old[1] or not change.text.endswith(b"\n"):
        return []
    start, end, side, _ = change.edits[0]
    found: list[Traced] = []
    at = change.new[0]
    lines = groupby(
        _lines(change.parts), key=lambda line: glue.is_quoted_include(b"".join(t for t, _ in line))
    )
    for _, group in lines:
        parts = tuple(part for line in group for part in line)
        text = b"".join(text for text, _ in parts)
        own = b"".join(text for text, own in parts if own)
        where = (at, at + len(text))
        found.append(replace(change, new=where, text=text, parts=parts, edits=((start, end, side, own),)))
        at += len(text)
    return found if len(found) > 1 else []


def _lines(parts: Iterable[tuple[bytes, bool]]) -> list[list[tuple[bytes, bool]]]:
    """The parts of a text line by line."""
    lines: list[list[tuple[bytes, bool]]] = [[]]
    for text, own in parts:
        for line in text.splitlines(keepends=True):
            lines[-1].append((line, own))
            if line.endswith(b"\n"):
                lines.append([])
    return lines if lines[-1] else lines[:-1]


def _runs(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges, those that touch joined."""
    runs: list[tuple[int, int]] = []
    for start, end in ranges:
        if runs and runs[-1][1] == start:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return runs


def _single(changes: Iterable[Change]) -> Iterable[Change]:
    """Replacements of as many words by as many, word by word: so each is glue's or the monolith's."""
    for c in changes:
        if c.a1 - c.a0 != c.b1 - c.b0:
            yield c
            continue
        yield from (Change(c.a0 + n, c.a0 + n + 1, c.b0 + n, c.b0 + n + 1) for n in range(c.a1 - c.a0))


def _offsets(parts: Sequence[bytes], at: int) -> list[int]:
    return [*accumulate(map(len, parts), initial=at)]
