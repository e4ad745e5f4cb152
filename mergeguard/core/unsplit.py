"""unsplit: an edited layout in, the monolith with the fork's edits out (DESIGN section 3).

Every changed stretch of a layout file is traced through the map to the monolith's bytes it stands
for. The result is then *split again*: a stretch counts as mapped only if the layout of the resulting
monolith shows it at the very place where the user typed it. What does not pass is left out of the
monolith, stays in the layout, and is reported as an unmapped hunk. So a wrong guess can't survive.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from mergeguard.core import glue
from mergeguard.core.diff import Change, diff
from mergeguard.core.layout import Glue, Layout, LayoutFile, Piece, Role
from mergeguard.errors import MergeguardError

Splitter = Callable[[bytes], Layout]


class Reason(StrEnum):
    """Why a hunk of the layout is not an edit of the monolith."""

    GLUE = "edit of glue"  # an overlay: kept with the layout
    NO_HOME = "text at a place that stands for nothing of the monolith"
    STRADDLES = "one change replaces both glue and the monolith's text"
    ELSEWHERE = "the rule would put this text elsewhere"
    REFUSED = "the rule does not fit the monolith with this change"
    FILE_REMOVED = "the file was removed"


@dataclass(frozen=True, slots=True)
class Hunk:
    """A change of one layout file: ``old`` (pristine) became ``new``, both whole lines.

    ``line`` is 1-based in the file as it is now, ``old_line`` in the pristine file. ``anchor`` is the
    nearest byte of the monolith, if there is one.
    """

    path: str
    line: int
    old_line: int
    old: bytes
    new: bytes
    reason: Reason
    anchor: int | None
    detail: str = ""

    @property
    def is_overlay(self) -> bool:
        """Whether only glue is concerned, so that nothing waits for a person."""
        return self.reason is Reason.GLUE


@dataclass(frozen=True, slots=True)
class Edit:
    """A local edit in the monolith's coordinates: bytes ``start:end`` become ``text``.

    ``path`` and ``line`` (1-based, as it is now) say where in the layout it was typed.
    """

    start: int
    end: int
    text: bytes
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Unsplit:
    """What came out of an edited layout.

    ``monolith``: upstream's text with the mapped edits. ``layout``: that monolith's own layout.
    ``kept``: by path, the layout as it would be with the mapped edits only: the base against which
    the overlay and the unmapped hunks are what the user's files have more or less.
    """

    monolith: bytes
    layout: Layout
    edits: tuple[Edit, ...]
    hunks: tuple[Hunk, ...]
    kept: Mapping[str, bytes]

    @property
    def overlay(self) -> tuple[Hunk, ...]:
        """Edits of glue."""
        return tuple(h for h in self.hunks if h.is_overlay)

    @property
    def unmapped(self) -> tuple[Hunk, ...]:
        """What could not be placed in the monolith with certainty."""
        return tuple(h for h in self.hunks if not h.is_overlay)


@dataclass(frozen=True, slots=True)
class _Change:
    """One changed stretch of a layout file.

    ``old`` is its byte range in the pristine file, ``new`` in the file as it is now, ``text`` what
    stands there now. ``edits`` are what it means for the monolith: (start, end, side, text), where
    side 0 belongs to what comes before ``start`` and side 1 to what comes after. ``monolith_text`` is
    ``text`` without glue. Without edits, ``reason`` says why there are none.
    """

    file: LayoutFile
    old: tuple[int, int]
    new: tuple[int, int]
    text: bytes
    monolith_text: bytes = b""
    edits: tuple[tuple[int, int, int, bytes], ...] = ()
    reason: Reason | None = None


def unsplit(pristine: Layout, files: Mapping[str, bytes | None], split: Splitter) -> Unsplit:
    """Trace the edits of ``files`` (path to bytes, None for a removed file) back to the monolith.

    ``pristine`` is the layout of upstream's monolith by the rule and emission of the lock; paths that
    ``files`` does not have count as unedited. ``split`` is that same transform.
    """
    hunks: list[Hunk] = []
    changes: list[_Change] = []
    now: dict[str, bytes] = {}
    for file in pristine.files:
        text = files.get(file.path, file.text)
        if text is None:
            anchor = next((p.source for p in file.pieces if p.source is not None), None)
            hunks.append(Hunk(file.path, 1, 1, file.text, b"", Reason.FILE_REMOVED, anchor))
        elif text != file.text:
            now[file.path] = text
            changes += _Tracer(pristine, file, text).changes()
    attempt = _Attempt(pristine, split)
    accepted, refused = attempt.accept([c for c in changes if c.edits])
    hunks += [_hunk(c, now[c.file.path], c.reason) for c in changes if c.reason is not None]
    hunks += [_hunk(c, now[c.file.path], reason, detail) for c, reason, detail in refused]
    kept = {
        file.path: _apply(file.text, [(*c.old, c.text) for c in accepted if c.file is file])
        for file in pristine.files
    }
    layout = attempt.layout(accepted)
    edits = tuple(
        Edit(start, end, text, c.file.path, _line(now[c.file.path], c.new[0]))
        for start, end, _, text, c in sorted(
            ((*e, c) for c in accepted for e in c.edits), key=lambda e: e[:3]
        )
    )
    ordered = tuple(sorted(hunks, key=lambda h: (h.path, h.line)))
    return Unsplit(layout.monolith, layout, edits, ordered, kept)


# -- tracing one file's changes ----------------------------------------------------------------------

_WORDS = re.compile(rb"\w+|\r?\n|[^\S\n]+|.", re.DOTALL)
_RANK = {Role.HEADER: 0, Role.DECLARATIONS: 1, Role.BODY: 2, Role.SHARD: 3, Role.ENTRY: 4}


class _Tracer:
    """Follows the changes of one file through the map."""

    def __init__(self, pristine: Layout, file: LayoutFile, now: bytes) -> None:
        self.pristine = pristine
        self.file = file
        self.now = now
        self.rank = {f.path: (_RANK[f.role], n) for n, f in enumerate(pristine.files)}
        path = [p for p in file.pieces if p.glue is Glue.INCLUDE_PATH]
        self.back = path[0].text if path else self._back()

    def _back(self) -> bytes:
        if self.file.role is Role.ENTRY:
            return b""
        depth = self.file.path.count("/") - self.pristine.path.count("/")
        return b"../" * depth

    def changes(self) -> list[_Change]:
        return self._compare(
            self.file.text.splitlines(keepends=True), self.now.splitlines(keepends=True), 0, 0, fine=False
        )

    def _compare(
        self, old: list[bytes], new: list[bytes], old_at: int, new_at: int, *, fine: bool
    ) -> list[_Change]:
        old_offsets = _offsets(old, old_at)
        new_offsets = _offsets(new, new_at)
        found: list[_Change] = []
        for c in diff(old, new):
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
        best = (self._rank(offsets[c.a0]), 0, 0)
        for step in (-1, 1):
            shift = 0
            while True:
                at, start, end = c.a0 + shift, c.b0 + shift, c.b1 + shift
                if step < 0 and not (at > 0 and start > 0 and old[at - 1] == new[start - 1] == new[end - 1]):
                    break
                if step > 0 and not (at < len(old) and end < len(new) and old[at] == new[end] == new[start]):
                    break
                shift += step
                best = min(best, (self._rank(offsets[c.a0 + shift]), abs(shift), shift))
        return best[2]

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
        return 2 if left < right and pieces[right].source is not None else 3

    def _trace(self, old: tuple[int, int], new: tuple[int, int], *, fine: bool) -> list[_Change]:
        text = self.now[slice(*new)]
        change = _Change(self.file, old, new, text, self._monolith_text(text))
        if old[0] == old[1]:
            return [self._insertion(change)]
        parts = self._parts(old)
        own = [(source, source + length) for source, length in parts if source is not None]
        whole = len(own) == len(parts) or (not fine and self._only_include_paths(old))
        if own and whole and all(a[1] == b[0] for a, b in zip(own, own[1:], strict=False)):
            # Whole lines of includes: the path in them is re-based back as a whole, too.
            return [replace(change, edits=((own[0][0], own[-1][1], 1, change.monolith_text),))]
        if not own:
            return [replace(change, reason=Reason.GLUE)]
        if not text:
            # Removed together with the glue around it; what glue is left to do is derived again.
            return [replace(change, edits=tuple((start, end, 1, b"") for start, end in own))]
        if not fine:
            before, after = _WORDS.findall(self.file.text[slice(*old)]), _WORDS.findall(text)
            return self._compare(before, after, old[0], new[0], fine=True)
        return [replace(change, reason=Reason.STRADDLES)]

    def _only_include_paths(self, old: tuple[int, int]) -> bool:
        """Whether the only glue in a range is what re-bases include paths."""
        first, last = self.file.piece_at(old[0]), self.file.piece_at(old[1] - 1)
        return all(p.glue in (None, Glue.INCLUDE_PATH) for p in self.file.pieces[first : last + 1])

    def _monolith_text(self, text: bytes) -> bytes:
        return glue.unrebase_includes(glue.without_glue(text), self.back)

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

    def _insertion(self, change: _Change) -> _Change:
        if not change.monolith_text and change.text:
            return replace(change, reason=Reason.GLUE)
        place = self._place(change.old[0])
        if isinstance(place, Reason):
            return replace(change, reason=place)
        offset, side = place
        if self._breaks_line(change, offset):
            return replace(change, reason=Reason.STRADDLES)
        return replace(change, edits=((offset, offset, side, change.monolith_text),))

    def _breaks_line(self, change: _Change, offset: int) -> bool:
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

    def _place(self, at: int) -> tuple[int, int] | Reason:
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
            gap = self._gap(before, after)
            if bare_before and bare_after:
                return gap, 1 if gap == after.source else 0
            if bare_before or not bare_after:
                return before.source_end or 0, 0
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

    def _gap(self, before: Piece, after: Piece) -> int:
        """Where text between two pieces goes if the monolith has other files' text between them.

        After what the file can see (the pieces of files that come before it in the include order), so
        that it may use them, and before the others, so that they may use it.
        """
        position = before.source_end or 0
        between = sorted(
            (p.source, p.source + len(p.text), self.rank[f.path])
            for f in self.pristine.files
            for p in f.pieces
            if p.source is not None
            and before.source_end is not None
            and after.source is not None
            and before.source_end <= p.source < after.source
        )
        for _, end, rank in between:
            if rank < self.rank[self.file.path]:
                position = end
        return position


def _offsets(parts: Sequence[bytes], at: int) -> list[int]:
    offsets = [at]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    return offsets


# -- trying the result ----------------------------------------------------------------------------


class _Attempt:
    """Tries sets of changes: a set holds if the layout of the result shows each where it was typed."""

    def __init__(self, pristine: Layout, split: Splitter) -> None:
        self.pristine = pristine
        self.split = split
        self.tried: dict[bytes, Layout | MergeguardError] = {pristine.monolith: pristine}

    def accept(self, changes: Sequence[_Change]) -> tuple[list[_Change], list[tuple[_Change, Reason, str]]]:
        """As many of the changes as hold together; the others with what is wrong with them."""
        accepted: list[_Change] = []
        refused: list[tuple[_Change, Reason, str]] = []
        # Halve only what does not hold: one bad change among n costs about 2 log n splits.
        stack = [list(changes)] if changes else []
        while stack:
            group = stack.pop()
            problem = self._problem([*accepted, *group])
            if problem is None:
                accepted += group
                continue
            plain = [_verbatim(c) for c in group]
            if plain != group and self._problem([*accepted, *plain]) is None:
                accepted += plain
            elif len(group) == 1:
                refused.append((group[0], *problem))
            else:
                middle = len(group) // 2
                stack += [group[middle:], group[:middle]]
        # A change may have failed only for the lack of one that was accepted after it.
        for again in list(refused):
            if self._problem([*accepted, again[0]]) is None:
                accepted.append(again[0])
                refused.remove(again)
        return accepted, refused

    def layout(self, changes: Sequence[_Change]) -> Layout:
        """The layout of the monolith with a set of changes that holds."""
        outcome = self._outcome(changes)
        assert isinstance(outcome, Layout)
        return outcome

    def _outcome(self, changes: Sequence[_Change]) -> Layout | MergeguardError:
        text = _apply(self.pristine.monolith, _in_order(e for c in changes for e in c.edits))
        if text not in self.tried:
            try:
                self.tried[text] = self.split(text)
            except MergeguardError as error:
                self.tried[text] = error
        return self.tried[text]

    def _problem(self, changes: Sequence[_Change]) -> tuple[Reason, str] | None:
        outcome = self._outcome(changes)
        if isinstance(outcome, MergeguardError):
            return Reason.REFUSED, str(outcome)
        elsewhere: list[tuple[bytes, bytes]] = []
        moved: list[_Change] = []
        for file in self.pristine.files:
            mine = sorted((c for c in changes if c.file is file), key=lambda c: c.old)
            expected, places = _without_glue(file, mine)
            there = outcome.by_path.get(file.path)
            shown = b"" if there is None else there.monolith_text
            if shown != expected:
                elsewhere.append((expected, shown))
                moved += mine
                continue
            for change, at in zip(mine, places, strict=True):
                if there is not None and not _shown(there, at, change):
                    return Reason.ELSEWHERE, "an include path or a linkage word would differ"
        if elsewhere and not (_only_moved(elsewhere) and all(_is_plain(c) for c in moved)):
            return Reason.ELSEWHERE, ""
        return None


def _only_moved(files: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether the files differ only by whole lines that went from one to another.

    So it is with an item that was typed into one file and that the rule gives to another: its place in
    the monolith is certain, and the next split puts it where it belongs.
    """
    gone: Counter[bytes] = Counter()
    come: Counter[bytes] = Counter()
    for expected, shown in files:
        old, new = expected.splitlines(keepends=True), shown.splitlines(keepends=True)
        left = Counter[bytes]()
        entered = Counter[bytes]()
        for change in diff(old, new):
            left.update(old[change.a0 : change.a1])
            entered.update(new[change.b0 : change.b1])
        if any(line.strip() for line in left.keys() & entered.keys()):
            return False
        gone += left
        come += entered
    return {k: n for k, n in gone.items() if k.strip()} == {k: n for k, n in come.items() if k.strip()}


def _is_plain(change: _Change) -> bool:
    """Whether nothing of the change was taken for glue, so that it may be shown in any file."""
    return change.text == change.monolith_text


def _verbatim(change: _Change) -> _Change:
    """The change with linkage words and include paths as typed, not taken for glue."""
    text = b"".join(
        line
        for line in change.text.splitlines(keepends=True)
        if not glue.is_glue_line(line) or line.strip() in glue.LINKAGE_LINES
    )
    if text == change.monolith_text or len(change.edits) != 1:
        return change
    ((start, end, side, _),) = change.edits
    return replace(change, monolith_text=text, edits=((start, end, side, text),))


def _without_glue(file: LayoutFile, changes: Sequence[_Change]) -> tuple[bytes, list[int]]:
    """The file's monolith bytes after the changes, and where each change's text starts in them."""
    out: list[bytes] = []
    length = 0
    places: list[int] = []
    pending = list(changes)
    for piece, start in zip(file.pieces, file.starts, strict=False):
        at, stop = start, start + len(piece.text)
        while pending and pending[0].old[0] < stop:
            change = pending[0]
            if change.old[0] >= at:
                if piece.source is not None:
                    out.append(piece.text[at - start : change.old[0] - start])
                    length += len(out[-1])
                places.append(length)
                out.append(change.monolith_text)
                length += len(change.monolith_text)
            at = min(stop, max(at, change.old[1]))
            if change.old[1] > stop:
                break
            pending.pop(0)
        if piece.source is not None and at < stop:
            out.append(piece.text[at - start :])
            length += len(out[-1])
    for change in pending:
        if change.old[0] >= (file.starts[-1] if file.starts else 0):
            places.append(length)
            out.append(change.monolith_text)
            length += len(change.monolith_text)
    return b"".join(out), places


def _shown(file: LayoutFile, at: int, change: _Change) -> bool:
    """Whether the file shows the change as typed; linkage words may be added to it, not taken away."""
    end = at + len(change.monolith_text)
    shown = bare = b""
    position = 0
    for piece in file.pieces:
        if piece.source is None:
            if at <= position < end and piece.glue in (Glue.LINKAGE, Glue.INCLUDE_PATH):
                shown += piece.text
                bare += piece.text if piece.glue is Glue.INCLUDE_PATH else b""
            continue
        stop = position + len(piece.text)
        if stop > at and position < end:
            own = piece.text[max(0, at - position) : end - position]
            shown, bare = shown + own, bare + own
        position = stop
    typed = b"".join(
        line
        for line in change.text.splitlines(keepends=True)
        if not glue.is_glue_line(line) or line.strip() in glue.LINKAGE_LINES
    )
    return typed in (shown, bare) or glue.without_glue(change.text) == change.text == bare


def _in_order(edits: Iterable[tuple[int, int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    return [(start, end, text) for start, end, _, text in sorted(edits, key=lambda e: (e[0], e[2], e[1]))]


def _apply(text: bytes, replacements: Iterable[tuple[int, int, bytes]]) -> bytes:
    out: list[bytes] = []
    at = 0
    for start, end, new in sorted(replacements, key=lambda r: r[0]):
        out += [text[at:start], new]
        at = max(at, end)
    return b"".join([*out, text[at:]])


# -- hunks for people -----------------------------------------------------------------------------


def _line(text: bytes, offset: int) -> int:
    return text.count(b"\n", 0, offset) + 1


def _hunk(change: _Change, now: bytes, reason: Reason, detail: str = "") -> Hunk:
    """The change widened to whole lines."""
    old = change.file.text
    old_start, new_start = old.rfind(b"\n", 0, change.old[0]) + 1, now.rfind(b"\n", 0, change.new[0]) + 1
    old_end, new_end = _line_end(old, change.old), _line_end(now, change.new)
    return Hunk(
        change.file.path,
        _line(now, change.new[0]),
        _line(old, change.old[0]),
        old[old_start:old_end],
        now[new_start:new_end],
        reason,
        _anchor(change),
        detail,
    )


def _line_end(text: bytes, where: tuple[int, int]) -> int:
    start, end = where
    whole = start == end or text[end - 1 : end] == b"\n"
    if whole and (start == 0 or text[start - 1 : start] == b"\n"):
        return end
    found = text.find(b"\n", end)
    return len(text) if found < 0 else found + 1


def _anchor(change: _Change) -> int | None:
    """The monolith byte nearest to the change."""
    file = change.file
    nearest: tuple[int, int] | None = None
    for piece, start in zip(file.pieces, file.starts, strict=False):
        if piece.source is None:
            continue
        stop = start + len(piece.text)
        offset = min(max(change.old[0], start), stop - 1)
        distance = abs(change.old[0] - offset)
        if nearest is None or distance < nearest[0]:
            nearest = (distance, piece.source + offset - start)
    return None if nearest is None else nearest[1]
