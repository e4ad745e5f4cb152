"""Which changes of a layout's files hold: those that the layout of the resulting monolith shows as typed.

The part of ``lens.unsplit`` that tries. A set of changes is applied to the monolith, that is split again, and
each change has to be where it was typed; what does not hold is halved until the bad ones are found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from mergeguard.cpp.diff import changed_ranges
from mergeguard.errors import MergeguardError
from mergeguard.lens import glue
from mergeguard.lens.hunks import Reason, applied
from mergeguard.lens.layout import Glue, Layout, LayoutFile, Role, Splitter
from mergeguard.lens.moving import are_whole, only_moved
from mergeguard.lens.order import Hint, Order
from mergeguard.lens.tracing import Traced, Tracer, includes_apart
from mergeguard.values import replace

# So many splits may be spent on finding out which of an edited layout's changes hold; then the rest waits
# for a person. Ordinary edits need one or two.
_MAX_SPLITS = 200


class Attempt:
    """Tries sets of changes: a set holds if the layout of the result shows each where it was typed."""

    def __init__(
        self, pristine: Layout, split: Splitter, *, moving: bool = True, order: Sequence[Hint] = ()
    ) -> None:
        self.pristine = pristine
        self.moving = moving
        self.order = Order(pristine.monolith, tuple(order))
        self.removed: frozenset[str] = frozenset()
        self.split = split
        self.tried: dict[bytes, Layout | MergeguardError] = {pristine.monolith: pristine}
        self.accepted: list[Traced] = []
        self.refused: list[tuple[Traced, Reason, str]] = []  # with what is wrong with them

    def read(self, files: Mapping[str, bytes | None]) -> None:
        """Trace the files' changes; accept what holds, refuse the rest."""
        changes: list[Traced] = []
        now: dict[str, bytes] = {}
        for file in self.pristine.files:
            text = files.get(file.path, file.text)
            if text is not None and text != file.text:
                now[file.path] = text
                changes += Tracer(self.pristine, file, text, files, self.order).changes()
        self.removed = frozenset(path for path, text in files.items() if text is None)
        # Text beside glue may be glue that follows from the other changes: those are tried first.
        beside = [c for c in changes if c.edits and any(c.beside)]
        self.accept([c for c in changes if c.edits and not any(c.beside)])
        follows = followed(beside, self.layout(self.accepted), now) if beside else []
        self.accept([c for c in beside if c not in follows])
        self.refused += [(c, c.reason or Reason.GLUE, "") for c in changes if not c.edits]
        self.refused += [(c, Reason.GLUE, "") for c in follows]

    def accept(self, changes: Sequence[Traced]) -> None:
        """Take as many of the changes as hold together with the accepted ones; refuse the others."""
        refused: list[tuple[list[Traced], Reason, str]] = []
        # Halve only what does not hold: one bad change among n costs about 2 log n splits.
        stack = [_bundles(changes)] if changes else []
        while stack:
            group = stack.pop()
            every = [c for bundle in group for c in bundle]
            problem = self._problem([*self.accepted, *every])
            if problem is None:
                self.accepted += every
                continue
            plain = [_verbatim(c) for c in every]
            if plain != every and self._problem([*self.accepted, *plain]) is None:
                self.accepted += plain
            elif len(group) > 1 and len(self.tried) <= _MAX_SPLITS:
                middle = len(group) // 2
                stack += [group[middle:], group[:middle]]
            elif len(group) == len(group[0]) == 1 and (lines := includes_apart(every[0])):
                stack += [[[change]] for change in reversed(lines)]
            elif len(group) > 1 or not self._take_apart(group[0]):
                refused += [(bundle, *problem) for bundle in group]
        # A change may have failed only for the lack of one that was accepted after it.
        for bundle, reason, detail in refused:
            if self._problem([*self.accepted, *bundle]) is None:
                self.accepted += bundle
            else:
                self.refused += [(c, reason, detail) for c in bundle]

    def _take_apart(self, bundle: Sequence[Traced]) -> bool:
        """Accept the monolith's parts of a change whose glue parts are changes by hand."""
        (change, *others) = bundle
        own = [c for c in change.apart if c.edits]
        if others or not own or any(c.reason not in (None, Reason.GLUE) for c in change.apart):
            return False
        if self._problem([*self.accepted, *own]) is not None:
            return False
        self.accepted += own
        self.refused += [(c, Reason.GLUE, "") for c in change.apart if not c.edits]
        return True

    def layout(self, changes: Sequence[Traced]) -> Layout:
        """The layout of the monolith with a set of changes that holds."""
        outcome = self._outcome(changes)
        if isinstance(outcome, MergeguardError):
            raise outcome
        return outcome

    def moves(self, changes: Sequence[Traced]) -> frozenset[str]:
        """The files between which the rule moves some of the changes, which hold."""
        outcome = self.layout(changes)
        found: set[str] = set()
        for file in self.pristine.files:
            mine = sorted((c for c in changes if c.file is file), key=by_place)
            there = outcome.by_path.get(file.path)
            if _without_glue(file, mine)[0] != (b"" if there is None else there.monolith_text):
                found.add(file.path)
        return frozenset(found)

    def _outcome(self, changes: Sequence[Traced]) -> Layout | MergeguardError:
        text = applied(self.pristine.monolith, _in_order(e for c in changes for e in c.edits))
        if text not in self.tried:
            try:
                self.tried[text] = self.split(text)
            except MergeguardError as error:
                self.tried[text] = error
        return self.tried[text]

    def _problem(self, changes: Sequence[Traced]) -> tuple[Reason, str] | None:
        outcome = self._outcome(changes)
        if isinstance(outcome, MergeguardError):
            return Reason.REFUSED, "; ".join(filter(None, (str(outcome), outcome.hint)))
        if outcome.by_path.keys() != self.pristine.by_path.keys():
            path = min(outcome.by_path.keys() ^ self.pristine.by_path.keys())
            return Reason.ELSEWHERE, f"the layout would have one file more or less: {path}"
        elsewhere: dict[str, tuple[bytes, bytes]] = {}
        moved: list[Traced] = []
        for file in self.pristine.files:
            mine = sorted((c for c in changes if c.file is file), key=by_place)
            expected, places, paths = _without_glue(file, mine)
            there = outcome.by_path.get(file.path)
            shown = b"" if there is None else there.monolith_text
            if shown != expected:
                elsewhere[file.path] = (expected, shown)
                moved += mine
                continue
            runs = _Runs(there)
            if not all(Glue.INCLUDE_PATH in runs.kinds.get(at, ()) for at in paths):
                return Reason.ELSEWHERE, "an include that was not touched would be one no more"
            if not all(runs.show(at, change) for change, at in zip(mine, places, strict=True)):
                return Reason.ELSEWHERE, "the layout would have other glue here than was typed"
        if elsewhere and not self._may_move(elsewhere, moved, outcome):
            return Reason.ELSEWHERE, ""
        return None

    def _may_move(
        self, files: Mapping[str, tuple[bytes, bytes]], changes: Sequence[Traced], outcome: Layout
    ) -> bool:
        """Whether all that is shown elsewhere than typed are items that the rule gives to another file."""
        if not self.moving or self.removed & files.keys() or not _same_includes(changes, outcome):
            return False
        plain = [c for c in changes if c.is_plain]
        if not all(glue.is_quoted_include(line) for c in changes if c not in plain for line in _rows(c.text)):
            return False
        typed = Counter(line for c in plain for line in _rows(c.text))
        return only_moved(tuple(files.values()), typed) and all(
            are_whole(outcome, path, expected, shown) for path, (expected, shown) in files.items()
        )


def _same_includes(changes: Iterable[Traced], outcome: Layout) -> bool:
    """Whether quoted includes that were typed into the layout's folder are spelled so there.

    One with glue in it is to be in its own file; what has none may move.
    """
    every = {line for file in outcome.files for line in _rows(file.text)}
    for change in changes:
        typed = {line for line in _rows(change.text) if glue.is_quoted_include(line)}
        there = every if change.is_plain else set(_rows(outcome.by_path[change.file.path].text))
        if change.file.role is not Role.ENTRY and not typed <= there:
            return False
    return True


def _rows(text: bytes) -> list[bytes]:
    return text.splitlines(keepends=True)


def _bundles(changes: Sequence[Traced]) -> list[list[Traced]]:
    """The changes, those words together that were one change of lines: they hold together or not at all."""
    bundles: dict[object, list[Traced]] = {}
    for number, change in enumerate(changes):
        key = number if change.within is None else (change.file.path, change.within)
        bundles.setdefault(key, []).append(change)
    return list(bundles.values())


def _verbatim(change: Traced) -> Traced:
    """The change with linkage words and include paths as typed, not taken for glue."""
    parts = glue.parts(change.text, b"", linkage=False)
    if parts == change.parts or len(change.edits) != 1:
        return change
    ((start, end, side, _),) = change.edits
    text = b"".join(part for part, own in parts if own)
    return replace(change, parts=parts, edits=((start, end, side, text),))


def by_place(change: Traced) -> tuple[tuple[int, int], tuple[int, int]]:
    """The order in which a file has its changes."""
    return change.old, change.new


def _without_glue(file: LayoutFile, changes: Sequence[Traced]) -> tuple[bytes, list[int], list[int]]:
    """The file's monolith bytes after the changes, and where each change's text starts in them.

    The third are the places in them of re-based includes that no change touches.
    """
    out: list[bytes] = []
    length = 0
    places: list[int] = []
    paths: list[int] = []
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
        if piece.glue is Glue.INCLUDE_PATH and at == start:
            paths.append(length)
        if piece.source is not None and at < stop:
            out.append(piece.text[at - start :])
            length += len(out[-1])
    for change in pending:
        if change.old[0] >= (file.starts[-1] if file.starts else 0):
            places.append(length)
            out.append(change.monolith_text)
            length += len(change.monolith_text)
    return b"".join(out), places, paths


class _Runs:
    """The glue of a file (None: no file) by the number of the monolith's bytes before it."""

    def __init__(self, file: LayoutFile | None) -> None:
        self.glue: dict[int, bytes] = {}
        self.kinds: dict[int, set[Glue | None]] = {}
        at = 0
        for piece in () if file is None else file.pieces:
            if piece.source is not None:
                at += len(piece.text)
                continue
            self.glue[at] = self.glue.get(at, b"") + piece.text
            self.kinds.setdefault(at, set()).add(piece.glue)

    def show(self, at: int, change: Traced) -> bool:
        """Whether the file has what the change typed at ``at``, and not what it removed.

        Glue may come along, and glue that the change did not touch may follow it; but an include that
        was typed must go on naming the same file.
        """
        typed = change.typed_glue()
        if not all(text in self.glue.get(at + offset, b"") for offset, text in typed):
            return False
        end = at + len(change.monolith_text)
        paths = (place for place, kinds in self.kinds.items() if Glue.INCLUDE_PATH in kinds)
        if any(at < place < end and place - at not in dict(typed) for place in paths):
            return False
        if change.old[0] == change.old[1] and self._in_another_block(at, end, change):
            return False
        # What was typed after the includes, say, must not come before them.
        for kind, place in zip(change.beside, (at, end), strict=True):
            if kind is not None and kind not in self.kinds.get(place, ()):
                return False
        there = b"".join(text for place, text in self.glue.items() if at <= place <= end)
        kept = b"".join(text for _, text in typed)
        return not any(removed in there and removed not in kept for removed in change.removed_glue())

    def _in_another_block(self, at: int, end: int, change: Traced) -> bool:
        """Whether a block begins or ends right beside what was typed where none did."""
        return any(
            Glue.SCOPE in self.kinds.get(place, ()) and beside is not Glue.SCOPE
            for place, beside in zip((at, end), change.beside, strict=True)
        )


def _in_order(edits: Iterable[tuple[int, int, float, bytes]]) -> list[tuple[int, int, bytes]]:
    return [(start, end, text) for start, end, _, text in sorted(edits, key=lambda e: (e[0], e[2], e[1]))]


def followed(changes: Sequence[Traced], layout: Layout, now: Mapping[str, bytes]) -> list[Traced]:
    """The changes of glue that only do what the new layout does: glue that follows from a mapped edit.

    A function that got a parameter has another declaration and another call in the glue. The user may have
    written them, or an earlier sync; nobody needs to look at them.
    """
    found: list[Traced] = []
    differing: dict[str, list[tuple[int, int]]] = {}
    for change in changes:
        path = change.file.path
        if path not in layout.by_path:
            continue
        if path not in differing:
            differing[path] = changed_ranges(now[path], layout.by_path[path].text)
        start, end = _anywhere(change, now[path])
        if not any(a <= end and start <= b for a, b in differing[path]):
            found.append(change)
    return found


def _anywhere(change: Traced, now: bytes) -> tuple[int, int]:
    """The stretch of ``now`` in which a diff may place a change.

    Lines removed or added beside like ones are the same change a few lines further up or down: a diff with
    another text may have it there.
    """
    start, end = change.new
    removed, typed = change.file.text[slice(*change.old)], now[start:end]
    same = _common(removed, typed)
    removed, typed = removed[same:], typed[same:]
    same = _common(removed[::-1], typed[::-1])
    removed, typed = removed[: len(removed) - same], typed[: len(typed) - same]
    if bool(removed) == bool(typed):
        return start, end
    text = removed or typed
    after, before = now[end - same :], now[: end - same - len(typed)]
    return (
        min(start, len(before) - _repeated(text[::-1], before[::-1])),
        max(end, end - same + _repeated(text, after)),
    )


def _common(one: bytes, other: bytes) -> int:
    """For how many bytes two texts are the same."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _repeated(text: bytes, there: bytes) -> int:
    """For how many bytes ``there`` goes on as ``text`` over and over."""
    return next((at for at, byte in enumerate(there) if byte != text[at % len(text)]), len(there))
