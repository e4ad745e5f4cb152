"""What declarations, and then tokens, make of three texts whose lines conflict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergeguard.merge.alone import is_one_sides_own
from mergeguard.merge.checks.twiceapart import apart
from mergeguard.merge.declarations.leafmerge import LeafMerger, refine_conflicts
from mergeguard.merge.lines import merge_lines
from mergeguard.merge.markers import size_of_conflicts
from mergeguard.merge.noting import early_uses, old_names
from mergeguard.merge.result import Conflict, MergeResult, Note, Piece, Resolved, join
from mergeguard.merge.stretch.containing import without_contained

if TYPE_CHECKING:
    from mergeguard.merge.declarations.compose import Composed


def by_declarations(base: bytes, ours: bytes, theirs: bytes, lines: tuple[Piece, ...]) -> MergeResult:
    """The structured merge, weighed against the sum of both sides' edits and looked at.

    ``lines`` is what git makes of the three; a result that does not add up is that.
    """
    plain = declarations_then_tokens(base, ours, theirs, lines)
    if not plain.clean or is_one_sides_own(base, ours, theirs, plain.render()):
        return plain
    from mergeguard.merge.checks.conservation import balance
    from mergeguard.merge.verdict import keep_one

    plain = keep_one(base, ours, theirs, plain)
    text = plain.render()
    wrong = balance(base, ours, theirs, text, plain.renamed)
    if wrong:
        return _local(base, ours, theirs, lines, wrong)
    early = early_uses((base, ours, theirs), text)
    if early:
        return _local(base, ours, theirs, lines, early[0].message)
    findings = _findings(base, ours, theirs, text)
    if any(note.code == "duplicate-definition" for note in findings):
        return MergeResult(apart(base, ours, theirs, text), (*plain.notes, *findings))
    return MergeResult(plain.pieces, (*plain.notes, *findings), plain.renamed)


def _findings(base: bytes, ours: bytes, theirs: bytes, text: bytes) -> list[Note]:
    """What a person should look at in a clean structured result."""
    from mergeguard.merge.checks.examine import examine
    from mergeguard.merge.checks.suspects import suspects
    from mergeguard.merge.moved.copies import copied
    from mergeguard.merge.moved.moves import guesses
    from mergeguard.merge.stretch.weave import unbalanced

    why = suspects(base, ours, theirs)
    findings = examine(base, ours, theirs, text, why) if why else []
    for who, side in (("our", ours), ("their", theirs)):
        if unbalanced(base, side) and unbalanced(base, text):
            message = f"the brackets of {who} side do not nest as the base's do: look at what was merged"
            findings.append(Note("unbalanced", message, True))
    # (An include in another place than its sides have it is a gate's question.)
    findings += copied(base, ours, theirs)
    findings += old_names(base, ours, theirs, text, why, findings)
    for old, new in guesses(base, ours, theirs):
        message = f"{new} seems to stand for {old}, which one side edited: the edit is in {new} now"
        findings.append(Note("guessed", message, True))
    return findings


def declarations_then_tokens(
    base: bytes, ours: bytes, theirs: bytes, lines: tuple[Piece, ...]
) -> MergeResult:
    """By declarations; if they can't be read or leave conflicts, by the tokens of the whole; if that fails,
    the smallest of what is left."""
    from mergeguard.merge.declarations.compose import compose
    from mergeguard.merge.declarations.versions import UnreadableVersion
    from mergeguard.merge.stretch.weave import Clash, weave

    notes: list[Note] = []
    candidates = [MergeResult(lines)]
    merge_leaf = LeafMerger()
    try:
        composed = compose({"": base}, {"": ours}, {"": theirs}, merge_leaf)
    except UnreadableVersion as unreadable:
        notes.append(Note("conflict", unreadable.reason))
    except Clash as clash:
        return _local(base, ours, theirs, lines, clash.reason)
    else:
        if composed.contested:
            return _least(_local(base, ours, theirs, lines, composed.contested[0]), composed, merge_leaf)
        notes += composed.notes
        left = _refined_sum(base, ours, theirs, composed.files[""])
        candidates.append(MergeResult(left, merge_leaf.notes))
        if candidates[-1].clean:
            notes.append(Note("declarations", "merged by declarations"))
            return MergeResult(left, (*notes, *merge_leaf.notes), frozenset(merge_leaf.renamed))
    remarks: list[Note] = []
    try:
        whole = weave(base, ours, theirs, remarks)
    except Clash as clash:
        notes.append(Note("conflict", clash.reason))
    else:
        return MergeResult(
            join([Resolved(whole)]), (Note("tokens", "merged by tokens"), *dict.fromkeys(remarks))
        )
    own = merge_lines(base, ours, theirs)
    candidates += (_refined(base, ours, theirs, start) for start in dict.fromkeys((lines, own)))
    best = min(candidates, key=lambda candidate: size_of_conflicts(candidate.pieces))
    return MergeResult(best.pieces, (*notes, *best.notes))


def _least(local: MergeResult, composed: Composed, merge_leaf: LeafMerger) -> MergeResult:
    """Of a merge that leaves declarations in conflict and of git's conflicts, each tried by itself, the one
    that leaves less. (What the tokens of the whole file make of it would hide that it is a contradiction.)"""
    left = MergeResult(
        composed.files[""],
        (Note("conflict", composed.contested[0]), *composed.notes, *merge_leaf.notes),
        frozenset(merge_leaf.renamed),
    )
    smaller = size_of_conflicts(left.pieces) < size_of_conflicts(local.pieces)
    return left if not local.clean and smaller else local


def _refined_sum(base: bytes, ours: bytes, theirs: bytes, pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """What declarations leave, without the conflicts in which one edit contains the other; as it is where the
    whole would not add up then."""
    from mergeguard.merge.checks.conservation import balance

    left = without_contained(pieces)
    result = MergeResult(left)
    if left != pieces and result.clean and balance(base, ours, theirs, result.render()):
        return pieces
    return left


def _refined(base: bytes, ours: bytes, theirs: bytes, pieces: tuple[Piece, ...]) -> MergeResult:
    remarks: list[Note] = []
    return MergeResult(refine_conflicts(pieces, base, ours, theirs, remarks), tuple(dict.fromkeys(remarks)))


def _local(base: bytes, ours: bytes, theirs: bytes, lines: tuple[Piece, ...], reason: str) -> MergeResult:
    """What is left where the declarations contradict each other: each conflict of lines by itself. Where the
    tokens settle all of them, they only hide the contradiction; not so where one edit contains the other."""
    from mergeguard.merge.checks.conservation import lacks_one_more

    said = Note("conflict", reason)
    contained = MergeResult(without_contained(lines))
    if contained.clean and not lacks_one_more(base, ours, theirs, contained.render()):
        return contained
    left = _refined(base, ours, theirs, lines)
    if any(isinstance(piece, Conflict) for piece in left.pieces):
        return MergeResult(left.pieces, (said, *left.notes))
    return MergeResult(lines, (said,))
