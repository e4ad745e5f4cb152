"""What the gates make of a result: taken, taken with one of two twins, or a conflict where the fault is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from mergeguard.merge.contested import contested
from mergeguard.merge.gates import Fault, faults
from mergeguard.merge.markers import size_of_conflicts
from mergeguard.merge.result import Conflict, MergeResult, Note, Piece, Resolved, Side, join

_SHOWN = 5  # faults of one kind: a person who has seen so many looks at the file


def faults_of(base: bytes, ours: bytes, theirs: bytes, result: MergeResult) -> list[Fault]:
    """The faults of a clean result; of one with conflicts those outside of them, whichever side one takes."""
    if result.clean:
        return faults(base, ours, theirs, result.render(), result.renamed)
    if result.render("ours") == ours and result.render("theirs") == theirs:
        return []  # all that anybody edited is in the conflicts: outside of them is the base
    found = [fault for fault in _outside(base, ours, theirs, result, "ours") if not fault.of_meaning]
    if not found:
        return []
    others = {(f.code, f.name) for f in _outside(base, ours, theirs, result, "theirs")}
    return [f for f in found if (f.code, f.name) in others]


def _outside(base: bytes, ours: bytes, theirs: bytes, result: MergeResult, side: Side) -> list[Fault]:
    ranges: list[tuple[int, int]] = []
    at = 0
    for piece in result.pieces:
        text = piece.side(side) if isinstance(piece, Conflict) else piece.text
        if isinstance(piece, Conflict):
            ranges.append((at, at + len(text)))
        at += len(text)
    found = faults(base, ours, theirs, result.render(side), result.renamed)
    return [
        f
        for f in found
        if f.places and not any(s < end and start < e for s, e in f.places for start, end in ranges)
    ]


def as_conflicts(
    base: bytes,
    ours: bytes,
    theirs: bytes,
    result: MergeResult,
    found: Sequence[Fault],
    lines: tuple[Piece, ...],
) -> MergeResult:
    """A clean result with its faults made conflicts: at their places, or all that git calls a conflict if
    that is less."""
    text = result.render()
    notes = noted(result, found)
    candidates: list[tuple[Piece, ...]] = []
    if any(isinstance(piece, Conflict) for piece in lines):
        candidates.append(lines)
    shown = [fault for fault in found if not fault.of_meaning] or found
    if all(fault.places for fault in shown):
        candidates.append(contested(base, ours, theirs, text, (p for f in shown for p in f.places)))
    candidates = [c for c in candidates if any(isinstance(p, Conflict) for p in c)]
    if not candidates:
        candidates.append(contested(base, ours, theirs, text, ((0, len(text)),)))
    best = min(candidates, key=size_of_conflicts)
    return MergeResult(
        best if not _is_whole(best, ours, theirs) else join([Conflict(base, ours, theirs)]), notes
    )


def _is_whole(pieces: tuple[Piece, ...], ours: bytes, theirs: bytes) -> bool:
    """Whether nothing is left to decide, though there is a fault."""
    return not any(isinstance(piece, Conflict) for piece in pieces) and ours != theirs


def noted(result: MergeResult, found: Iterable[Fault]) -> tuple[Note, ...]:
    """The notes of a result and those of its faults; what both say only once, at the fault's place."""
    of_faults = fault_notes(result.render(), found)
    said = {(note.code, note.message) for note in of_faults}
    return (*(note for note in result.notes if (note.code, note.message) not in said), *of_faults)


def fault_notes(text: bytes, found: Iterable[Fault]) -> list[Note]:
    """What is said of faults, once of each; of many of one kind only how many more there are."""
    notes: dict[tuple[str, str], Note] = {}
    for fault in found:
        line = text.count(b"\n", 0, fault.places[-1][0]) + 1 if fault.places else None
        notes.setdefault((fault.code, fault.name), Note(fault.code, fault.message, True, line))
    said: Counter[str] = Counter()
    shown: list[Note] = []
    for note in notes.values():
        said[note.code] += 1
        if said[note.code] <= _SHOWN:
            shown.append(note)
    more = {code: count - _SHOWN for code, count in said.items() if count > _SHOWN}
    return [*shown, *(Note(code, f"and {count} more of this kind", True) for code, count in more.items())]


def keep_one(base: bytes, ours: bytes, theirs: bytes, result: MergeResult) -> MergeResult:
    """A clean result with what both sides added in the same words at two places of the file there once."""
    from mergeguard.merge.gates.twins import without_twins

    if not result.clean:
        return result
    kept = without_twins(base, ours, theirs, result.render())
    if kept is None:
        return result
    text, names = kept
    said = f"{', '.join(names)}: both sides added the very same, which is there once"
    return MergeResult(join([Resolved(text)]), (*result.notes, Note("kept-one", said)), result.renamed)
