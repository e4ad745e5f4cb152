"""Git's conflicts each tried by itself: what comes out wrong of one of them does not cost the others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from mergeguard.merge.declarations.leafmerge import refined_by_hunk
from mergeguard.merge.gates import Fault
from mergeguard.merge.markers import size_of_conflicts
from mergeguard.merge.result import MergeResult, Note, Piece, join
from mergeguard.merge.verdict import faults_of

_MOST_ROUNDS = 4  # each reads the whole file again

_Settled = tuple[Piece, ...]  # what became of one conflict


def without_faulty(base: bytes, ours: bytes, theirs: bytes, lines: tuple[Piece, ...]) -> MergeResult | None:
    """The merge of lines with those of its conflicts settled, by their tokens, that leave no fault outside of
    markers; None where that is none of them, or all (then they only hide what contradicts itself)."""
    remarks: list[Note] = []
    hunks = refined_by_hunk(lines, base, ours, theirs, remarks)
    for _ in range(_MOST_ROUNDS):
        result = MergeResult(join(piece for hunk in hunks for piece in hunk), tuple(dict.fromkeys(remarks)))
        if result.clean or size_of_conflicts(result.pieces) >= size_of_conflicts(lines):
            return None
        found = faults_of(base, ours, theirs, result)
        if not found:
            return result
        faulty = _settled_at(found, hunks, lines)
        if not faulty:
            return None
        hunks = [(lines[k],) if k in faulty else hunk for k, hunk in enumerate(hunks)]
    return None


def _settled_at(found: Sequence[Fault], hunks: Sequence[_Settled], lines: Sequence[Piece]) -> set[int]:
    """The numbers of the settled conflicts in which faults are."""
    ends = [*accumulate(len(MergeResult(hunk).render()) for hunk in hunks)]
    starts = [0, *ends]
    places = [place for fault in found for place in fault.places]
    return {
        k
        for k, hunk in enumerate(hunks)
        if hunk != (lines[k],) and any(start < ends[k] and starts[k] < end for start, end in places)
    }
