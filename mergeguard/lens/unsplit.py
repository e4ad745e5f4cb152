"""unsplit: an edited layout in, the monolith with the fork's edits out; see docs/lens.md.

Every changed stretch of a layout file is traced through the map to the monolith's bytes it stands
for. The result is then *split again*: a stretch counts as mapped only if the layout of the resulting
monolith shows it at the very place where the user typed it. What does not pass is left out of the
monolith, stays in the layout, and is reported as an unmapped hunk. So a wrong guess can't survive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mergeguard.cpp.text import line_of
from mergeguard.lens.attempt import Attempt, by_place, followed
from mergeguard.lens.basis import Basis, basis_of, edits_between
from mergeguard.lens.hunks import Edit, Hunk, Reason, Tracing, Unsplit, applied, untouched
from mergeguard.lens.layout import Layout, Splitter
from mergeguard.lens.order import Hint, hints
from mergeguard.lens.tracing import Traced
from mergeguard.values import replace


def unsplit(
    pristine: Layout,
    files: Mapping[str, bytes | None],
    split: Splitter,
    order: Sequence[Hint] = (),
    basis: Layout | None = None,
) -> Unsplit:
    """Trace the edits of ``files`` (path to bytes, None for a removed file) back to the monolith.

    ``pristine`` is the layout of upstream's monolith by the rule and emission of the lock; paths that
    ``files`` does not have count as unedited. ``split`` is that same transform, ``order`` are the lock's
    hints at where added text stands, ``basis`` is the layout that the files are read over instead, if the
    lock remembers one (``lens.basis``).
    """
    if basis is not None:
        found = unsplit(basis, files, split)
        return replace(found, edits=edits_between(pristine.monolith, found.layout))
    if all(files.get(file.path, file.text) == file.text for file in pristine.files):
        return untouched(pristine)
    now = {f.path: files.get(f.path, f.text) or b"" for f in pristine.files}
    attempt = Attempt(pristine, split, order=order)
    attempt.read(files)
    mapped = _settled(attempt, now)
    if mapped is None:
        attempt = Attempt(pristine, split, moving=False, order=order)
        attempt.read(files)
        mapped = [(c, *_typed_at(c, now)) for c in attempt.accepted]
    accepted, refused = attempt.accepted, attempt.refused
    layout = attempt.layout([c for c, _, _ in mapped])
    follow = followed([c for c, _, _ in refused], layout, now)
    left = _joined([(c, reason, detail) for c, reason, detail in refused if c not in follow], now)
    hunks = [_hunk(c, now[c.file.path], reason, detail) for c, reason, detail in left]
    done = sorted((*accepted, *follow), key=by_place)
    kept = {
        file.path: applied(file.text, [(*c.old, c.text) for c in done if c.file is file])
        for file in pristine.files
    }
    edits = tuple(
        Edit(start, end, text, path, line)
        for start, end, _, text, path, line in sorted(
            ((*e, path, line) for c, path, line in mapped for e in c.edits), key=lambda e: e[:3]
        )
    )
    for file in pristine.files:
        if files.get(file.path, b"") is None:
            # Not taken for the removal of all that it holds: too much would go by accident.
            anchor = next((p.source for p in file.pieces if p.source is not None), None)
            hunks.append(Hunk(file.path, 1, 1, file.text, b"", Reason.FILE_REMOVED, anchor))
    ordered = tuple(sorted(hunks, key=lambda h: (h.path, h.line)))
    return Unsplit(layout.monolith, layout, edits, ordered, kept, pristine)


def reading_of(
    pristine: Layout, layout: Layout, split: Splitter, read: Tracing = unsplit
) -> tuple[tuple[Hint, ...], Basis]:
    """What it takes to read ``layout``, as files over ``pristine``, as its own monolith: hints, or a basis.

    Neither where it is read so without. ``read`` is ``unsplit``, for who remembers what it gave.
    """
    files: dict[str, bytes | None] = {file.path: file.text for file in layout.files}
    if pristine.monolith == layout.monolith or read(pristine, files, split).monolith == layout.monolith:
        return (), ()
    added = hints(pristine.monolith, layout.monolith)
    if added and read(pristine, files, split, added).monolith == layout.monolith:
        return added, ()
    return (), basis_of(pristine.monolith, layout.monolith)


def _joined(
    refused: Sequence[tuple[Traced, Reason, str]], now: Mapping[str, bytes]
) -> list[tuple[Traced, Reason, str]]:
    """The refused changes, words of one change of lines as that one."""
    joined: dict[object, tuple[Traced, Reason, str]] = {}
    for number, (change, reason, detail) in enumerate(refused):
        key = number if change.within is None else (change.file.path, change.within)
        if key not in joined:
            joined[key] = change, reason, detail
            continue
        other, other_reason, other_detail = joined[key]
        old = (min(change.old[0], other.old[0]), max(change.old[1], other.old[1]))
        new = (min(change.new[0], other.new[0]), max(change.new[1], other.new[1]))
        whole = Traced(change.file, old, new, now[change.file.path][slice(*new)], within=change.within)
        # Words of glue alone are an overlay; beside others that wait for a person they wait, too.
        named = (other_reason, other_detail) if reason is Reason.GLUE else (reason, detail)
        joined[key] = (whole, *named)
    return list(joined.values())


def _typed_at(change: Traced, now: Mapping[str, bytes]) -> tuple[str, int]:
    """Path and line of a change."""
    return change.file.path, line_of(now[change.file.path], change.new[0])


def _settled(attempt: Attempt, now: Mapping[str, bytes]) -> list[tuple[Traced, str, int]] | None:
    """The accepted changes, each with path and line as typed.

    Those that the rule moves are as they are read back later: text between two items may stand for several
    places of the monolith, as other files' items lie between, so what moves to another file is taken to stand
    where it would be read from *there*. None if reading the new layout would not give the same monolith
    again, so that nothing may move.
    """
    accepted = attempt.accepted
    moves = attempt.moves(accepted) if accepted else frozenset()
    if not moves:
        return [(c, *_typed_at(c, now)) for c in accepted]
    if any(c.file.path in moves for c, _, _ in attempt.refused):
        return None  # what stays there unmapped could not be told from what moves
    there = {f.path: f.text for f in attempt.layout(accepted).files}
    again = Attempt(attempt.pristine, attempt.split, order=attempt.order.hints)
    again.read({f.path: there.get(f.path) for f in attempt.pristine.files})
    if {f.path: f.text for f in again.layout(again.accepted).files} != there:
        return None
    typed = {c.monolith_text.strip(): _typed_at(c, now) for c in accepted}
    return [(c, *typed.get(c.monolith_text.strip(), _typed_at(c, there))) for c in again.accepted]


# -- hunks for people -----------------------------------------------------------------------------


def _hunk(change: Traced, now: bytes, reason: Reason, detail: str = "") -> Hunk:
    """The change widened to whole lines."""
    old = change.file.text
    old_start, new_start = old.rfind(b"\n", 0, change.old[0]) + 1, now.rfind(b"\n", 0, change.new[0]) + 1
    old_end, new_end = _line_end(old, change.old), _line_end(now, change.new)
    return Hunk(
        change.file.path,
        line_of(now, change.new[0]),
        line_of(old, change.old[0]),
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


def _anchor(change: Traced) -> int | None:
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
