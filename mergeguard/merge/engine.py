"""The order in which merges are tried: lines, the structured merge, and what is left of the conflicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from mergeguard.merge.leafmerge import LeafMerger, refine_conflicts, rename_notes, renames_of_both
from mergeguard.merge.lines import merge_lines, trivial
from mergeguard.merge.result import Conflict, MergeResult, Note, Piece, Resolved, join, shown

if TYPE_CHECKING:
    from mergeguard.merge.renames import Rename
    from mergeguard.merge.suspects import Suspects

# (clean bytes or None, conflict pieces or None): what git makes of base, ours, theirs.
LineMerger = Callable[[bytes, bytes, bytes], tuple[bytes | None, tuple[Piece, ...] | None]]

_MOST_TOKENS = 150_000  # roughly counted


def merge_text(
    base: bytes,
    ours: bytes,
    theirs: bytes,
    git_clean: bytes | None,
    git_pieces: tuple[Piece, ...] | None,
) -> MergeResult:
    """See ``mergeguard.merge.merge``."""
    settled = trivial(base, ours, theirs)
    if settled is not None:
        return MergeResult(join([Resolved(settled)]))
    if git_clean is None and (same := _with_new_line_ends(base, ours, theirs)) is not None:
        return merge_text(*same, None, None)
    if git_clean is not None:
        lines: tuple[Piece, ...] = join([Resolved(git_clean)])
    else:
        lines = git_pieces if git_pieces is not None else merge_lines(base, ours, theirs)
    result = MergeResult(lines)
    if any(len(text) > _MOST_TOKENS and _is_huge(text) for text in (base, ours, theirs)):
        return MergeResult(lines, (Note("huge", "too large to be read as declarations: merged by lines"),))
    result = _checked(base, ours, theirs, result) if result.clean else _structured(base, ours, theirs, lines)
    return _no_larger(_certified(base, ours, theirs, result, lines), lines)


def _no_larger(result: MergeResult, lines: tuple[Piece, ...]) -> MergeResult:
    """The result, or the line merge if the lines that its conflicts show are fewer."""
    if (
        result.clean
        or MergeResult(lines).clean
        or _size_of_conflicts(result.pieces) <= _size_of_conflicts(lines)
    ):
        return result
    return MergeResult(lines, result.notes)


def _certified(
    base: bytes, ours: bytes, theirs: bytes, result: MergeResult, lines: tuple[Piece, ...]
) -> MergeResult:
    """A structured clean result stands only with a certificate that the independent checker accepts."""
    if not result.clean or result.pieces == lines:
        return result
    from mergeguard.merge.provenance import unproved

    wrong = unproved(base, ours, theirs, result.render())
    if not wrong:
        return result
    return MergeResult(lines, (Note("conflict", wrong, finding=MergeResult(lines).clean),))


def _gated(
    base: bytes, ours: bytes, theirs: bytes, result: MergeResult, lines: tuple[Piece, ...]
) -> MergeResult:
    """The result if no gate finds a fault in it; else a better one, or a conflict where the fault is."""
    from mergeguard.merge.verdict import as_conflicts, fault_notes, faults_of

    found = faults_of(base, ours, theirs, result)
    if result.clean and not found:
        return result
    folded = _folded(base, ours, theirs)
    if folded is not None and not faults_of(base, ours, theirs, folded):
        return folded
    if result.clean:
        return as_conflicts(base, ours, theirs, result, found, lines)
    if not found:
        return result
    # A conflict has more wrong than its markers show: git's own is the honest one.
    plain = MergeResult(lines, result.notes)
    left = faults_of(base, ours, theirs, plain) if result.pieces != lines else found
    return MergeResult(lines, (*result.notes, *fault_notes(plain.render(), left)))


def _folded(base: bytes, ours: bytes, theirs: bytes) -> MergeResult | None:
    """The merge over a base to which is added what both sides added alike; None if it is no clean one."""
    from mergeguard.merge.fold import fold

    new_base = fold(base, ours, theirs)
    if new_base == base:
        return None
    note = Note("folded", "what both sides added alike is there once")
    settled = trivial(new_base, ours, theirs)
    if settled is not None:
        return MergeResult(join([Resolved(settled)]), (note,))
    lines = merge_lines(new_base, ours, theirs)
    by_lines = MergeResult(lines)
    result = (
        _looked_at(new_base, ours, theirs, by_lines)
        if by_lines.clean
        else _by_structure(new_base, ours, theirs, lines)
    )
    return MergeResult(result.pieces, (note, *result.notes)) if result.clean else None


def _with_new_line_ends(base: bytes, ours: bytes, theirs: bytes) -> tuple[bytes, bytes, bytes] | None:
    """The versions with the line ends to which one side converted the whole file (as git's ``renormalize``);
    None if no side did."""
    ends = [_line_ends(text) for text in (base, ours, theirs)]
    wanted = ends[1] if ends[1] != ends[0] else ends[2]
    if None in ends or ends[0] == wanted:
        return None
    old, new = (b"\n", b"\r\n") if wanted == b"\r\n" else (b"\r\n", b"\n")
    b, o, t = (
        text if end == wanted else text.replace(old, new)
        for text, end in zip((base, ours, theirs), ends, strict=True)
    )
    return b, o, t


def _line_ends(text: bytes) -> bytes | None:
    """What ends every line of a text; None where that differs or there is no line."""
    lines, returns = text.count(b"\n"), text.count(b"\r\n")
    if not lines or returns not in (0, lines) or (not returns and b"\r" in text):
        return None
    return b"\r\n" if returns else b"\n"


def _is_huge(text: bytes) -> bool:
    """Whether reading ``text`` would take many seconds: no source that people write (vLLM's largest has a
    seventh of this), but a generated table or a broken file must not hang a merge."""
    marks = sum(map(text.count, (b"(", b"{", b"[", b",", b";")))
    return marks > _MOST_TOKENS or marks + len(text.split()) > _MOST_TOKENS


def merge_many(
    base: Mapping[str, bytes], ours: Mapping[str, bytes], theirs: Mapping[str, bytes], lines: LineMerger
) -> dict[str, MergeResult]:
    """See ``mergeguard.merge.merge_files``."""
    alone = _each_alone(base, ours, theirs, lines)
    if all(result.clean and not result.notes for result in alone.values()):
        return alone
    followed = _followed(base, ours, theirs)
    if not isinstance(followed, str):
        return followed
    note = Note("not-followed", f"declarations moved between files could not be followed: {followed}", True)
    first = next(iter(alone))
    alone[first] = MergeResult(alone[first].pieces, (*alone[first].notes, note))
    return alone


def _each_alone(
    base: Mapping[str, bytes], ours: Mapping[str, bytes], theirs: Mapping[str, bytes], lines: LineMerger
) -> dict[str, MergeResult]:
    """The merge of each file by itself."""
    results: dict[str, MergeResult] = {}
    for path in [*ours, *(p for p in theirs if p not in ours)]:
        b, o, t = base.get(path), ours.get(path), theirs.get(path)
        if b is not None and o is not None and t is not None:
            clean, conflicts = lines(b, o, t)
            results[path] = merge_text(b, o, t, clean, conflicts)
        elif b is None or (o or t) == b:
            text = o if o is not None else t
            if b is None and text is not None:
                results[path] = MergeResult(join([Resolved(text)]))
        else:
            results[path] = MergeResult(join([Conflict(b, o or b"", t or b"")]))
    return results


def _followed(
    base: Mapping[str, bytes], ours: Mapping[str, bytes], theirs: Mapping[str, bytes]
) -> dict[str, MergeResult] | str:
    """The clean merge that follows declarations from file to file, or why there is none."""
    from mergeguard.merge.compose import compose
    from mergeguard.merge.conservation import balance
    from mergeguard.merge.copies import copied
    from mergeguard.merge.examine import examine
    from mergeguard.merge.renames import apply_renames, of_the_file
    from mergeguard.merge.suspects import suspects
    from mergeguard.merge.weave import Clash

    b, o, t = (b"\n".join(files.values()) for files in (base, ours, theirs))
    mine, other = renames_of_both(b, o, t)
    mine, other = of_the_file(mine, b, o), of_the_file(other, b, t)
    base = {path: apply_renames(apply_renames(text, mine), other) for path, text in base.items()}
    ours = {path: apply_renames(text, other) for path, text in ours.items()}
    theirs = {path: apply_renames(text, mine) for path, text in theirs.items()}
    merge_leaf = LeafMerger()
    try:
        pieces, notes = compose(base, ours, theirs, merge_leaf)
    except Clash as clash:
        return clash.reason
    if any(isinstance(p, Conflict) for parts in pieces.values() for p in parts):
        return "both sides changed the same code"
    b, o, t = (b"\n".join(files.values()) for files in (base, ours, theirs))
    merged = b"\n".join(MergeResult(parts).render() for parts in pieces.values())
    wrong = balance(b, o, t, merged, frozenset(merge_leaf.renamed))
    if wrong:
        return wrong
    why = suspects(b, o, t)
    findings = examine(b, o, t, merged, why) if why else []
    if any(note.code == "duplicate-definition" for note in findings):
        return "a definition would be there twice"
    versions = [list(files.values()) for files in (base, ours, theirs)]
    findings += _out_of_place(versions, [MergeResult(parts).render() for parts in pieces.values()])
    findings += copied(*versions)
    first = next(iter(pieces), None)
    said = (*notes, *merge_leaf.notes, *rename_notes(mine, other), *findings)
    return {path: MergeResult(parts, said if path == first else ()) for path, parts in pieces.items()}


def _checked(base: bytes, ours: bytes, theirs: bytes, result: MergeResult) -> MergeResult:
    """A clean line merge, repaired where it must be, and held to the gates if it may be faulty."""
    from mergeguard.merge.gates.screen import may_be_faulty

    faulty = may_be_faulty(base, ours, theirs)
    if faulty:
        from mergeguard.merge.verdict import keep_one

        result = keep_one(base, ours, theirs, result)
    looked_at = _looked_at(base, ours, theirs, result)
    if looked_at is result and not faulty:
        return result
    return _gated(base, ours, theirs, looked_at, result.pieces)


def _structured(
    base: bytes, ours: bytes, theirs: bytes, lines: tuple[Piece, ...], renamed: bool = False
) -> MergeResult:
    """What declarations and tokens make of a conflict of lines, held to the gates."""
    return _gated(base, ours, theirs, _by_structure(base, ours, theirs, lines, renamed), lines)


def _looked_at(base: bytes, ours: bytes, theirs: bytes, result: MergeResult) -> MergeResult:
    """A clean line merge, looked at for what lines can't see; innocent ones pay next to nothing."""
    from mergeguard.merge.conservation import uneven_lines
    from mergeguard.merge.suspects import suspects

    why = suspects(base, ours, theirs)
    uneven = uneven_lines(base, ours, theirs, result.render())
    if not why and not uneven:
        return result
    from mergeguard.merge.conservation import returned
    from mergeguard.merge.examine import examine

    back = returned(base, ours, theirs, result.render()) if uneven else []
    if back:
        # Removed on one side, moved on the other: declarations know that it is gone.
        followed = _structured(base, ours, theirs, result.pieces)
        if followed.clean and not returned(base, ours, theirs, followed.render()):
            return followed
        message = f"{', '.join(back)}: moved or removed on both sides, and lines would keep one too many"
        text = result.render()
        return MergeResult(_apart(base, ours, theirs, text, back), (Note("returned", message, True),))
    if why.lost_names or why.mentioned:
        renamed = _with_renames(base, ours, theirs)
        if renamed is not None and renamed.clean:
            return renamed
    text = result.render()
    findings = examine(base, ours, theirs, text, why) if why else []
    findings += _old_names(base, ours, theirs, text, why, findings)
    pieces = result.pieces
    if why.includes:
        swallowed = _out_of_place([[base], [ours], [theirs]], [text])
        if swallowed:
            # Lines put an include into a namespace that the other side opens; declarations know better.
            followed = _structured(base, ours, theirs, result.pieces)
            if followed.clean and not _out_of_place([[base], [ours], [theirs]], [followed.render()]):
                return followed
            findings += swallowed
    if any(note.code == "lost-name" for note in findings):
        # A local rename: what lines can't do, declarations may.
        followed, _ = _declarations_then_tokens(base, ours, theirs, result.pieces)
        left = examine(base, ours, theirs, followed.render(), why) if followed.clean else findings
        if not {"lost-name", "duplicate-definition"} & {note.code for note in left}:
            return MergeResult(followed.pieces, (*followed.notes, *left))
    if any(note.code == "duplicate-definition" for note in findings):
        pieces = _apart(base, ours, theirs, text)
    elif uneven:
        findings.append(_uneven_note(uneven, text))
    return MergeResult(pieces, (*result.notes, *findings))


def _old_names(
    base: bytes, ours: bytes, theirs: bytes, merged: bytes, why: Suspects, known: Sequence[Note]
) -> list[Note]:
    """Findings: names that one side gave up, and that new comments or strings of the other still say."""
    said = why.mentioned | why.lost_names
    if not said:
        return []
    from mergeguard.merge.edits import words

    renames = (r for side in renames_of_both(base, ours, theirs) for r in side if r.old in said)
    return [
        _old_name(r)
        for r in renames
        if words(merged, r.old) and not any(shown(r.old) in note.message for note in known)
    ]


def _old_name(r: Rename) -> Note:
    message = f"{shown(r.old)} is {shown(r.new)} now, and new text still says the old name"
    return Note("old-name", message, True)


def _uneven_note(lines: Sequence[bytes], merged: bytes) -> Note:
    """The finding that a line is there more or less often than both sides' edits make it."""
    line = max(lines, key=len)
    at = merged.find(line)
    where = merged.count(b"\n", 0, at) + 1 if at >= 0 else None
    shown = line.strip().decode("utf-8", "replace")
    message = f"one side moved what the other removed or edited, and the result may have both: `{shown}`"
    return Note("moved-line", message, True, where)


def _apart(
    base: bytes, ours: bytes, theirs: bytes, merged: bytes, returned: Sequence[str] = ()
) -> tuple[Piece, ...]:
    """The merged text with each definition that is there twice made a conflict at both places, and each that
    ``returned`` names at its own."""
    from mergeguard.merge.conservation import places
    from mergeguard.merge.examine import duplicates

    spans = sorted(
        {
            span
            for _, start, end, last_start, last_end in duplicates(base, ours, theirs, merged)
            for span in ((start, end), (last_start, last_end))
        }
        | set(places(merged, returned))
    )
    pieces: list[Piece] = []
    seen: set[bytes] = set()
    at = 0
    for start, end in spans:
        if start < at:
            continue
        text = merged[start:end]
        # A definition stands where the side that brought it has it; one that both have stays.
        in_ours, in_theirs = text.strip() in ours, text.strip() in theirs
        pieces.append(Resolved(merged[at:start]))
        if in_ours != in_theirs:
            pieces.append(Conflict(b"", text if in_ours else b"", text if in_theirs else b""))
        elif text.strip() in seen:
            pieces.append(Conflict(b"", b"", text))  # so that each side alone has it once
        else:
            pieces.append(Conflict(b"", text, b""))
        seen.add(text.strip())
        at = end
    pieces.append(Resolved(merged[at:]))
    return join(pieces)


def _with_renames(base: bytes, ours: bytes, theirs: bytes) -> MergeResult | None:
    """The merge after one side's renames are made on the other as well; None if there are none."""
    from mergeguard.merge.edits import words
    from mergeguard.merge.renames import apply_renames, changed_by_both, names, of_the_file

    mine, other = renames_of_both(base, ours, theirs)
    mine, other = of_the_file(mine, base, ours), of_the_file(other, base, theirs)
    if not mine and not other:
        return None
    new_base = apply_renames(apply_renames(base, mine), other)
    new_ours, new_theirs = apply_renames(ours, other), apply_renames(theirs, mine)
    settled = trivial(new_base, new_ours, new_theirs)
    lines = merge_lines(new_base, new_ours, new_theirs) if settled is None else join([Resolved(settled)])
    result = MergeResult(lines)
    result = (
        _checked(new_base, new_ours, new_theirs, result)
        if result.clean
        else _structured(new_base, new_ours, new_theirs, lines, renamed=True)
    )
    text = result.render()
    if any(r.old in names(text) for r in (*mine, *other)):
        return None
    doubts = [
        Note(
            "guessed",
            f"{shown(r.old)} was changed as well as renamed on one side and edited on the other: "
            f"look whether {shown(r.new)} is still the same thing",
            True,
        )
        for renames, before, renamer, editor in (
            (mine, new_base, ours, new_theirs),
            (other, new_base, theirs, new_ours),
        )
        for r in renames
        if changed_by_both(r.new, before, renamer, editor)
    ]
    doubts += [
        _old_name(r)
        for renames, renamer in ((mine, ours), (other, theirs))
        for r in renames
        if words(text, r.old) > words(renamer, r.old)
    ]
    return MergeResult(result.pieces, (*rename_notes(mine, other), *result.notes, *doubts))


def _by_structure(
    base: bytes, ours: bytes, theirs: bytes, lines: tuple[Piece, ...], renamed: bool = False
) -> MergeResult:
    if not renamed:
        followed = _with_renames(base, ours, theirs)
        if followed is not None and followed.clean:
            return followed
    plain, local_renames = _declarations_then_tokens(base, ours, theirs, lines)
    if not plain.clean:
        return plain
    from mergeguard.merge.conservation import balance
    from mergeguard.merge.copies import copied
    from mergeguard.merge.examine import examine
    from mergeguard.merge.moves import guesses
    from mergeguard.merge.suspects import suspects
    from mergeguard.merge.verdict import keep_one
    from mergeguard.merge.weave import unbalanced

    plain = keep_one(base, ours, theirs, plain)
    text = plain.render()
    wrong = balance(base, ours, theirs, text, local_renames)
    if wrong:
        return MergeResult(lines, (*plain.notes, Note("conflict", wrong)))
    why = suspects(base, ours, theirs)
    findings = examine(base, ours, theirs, text, why) if why else []
    for who, side in (("our", ours), ("their", theirs)):
        if unbalanced(base, side):
            message = f"the brackets of {who} side do not nest as the base's do: look at what was merged"
            findings.append(Note("unbalanced", message, True))
    findings += _out_of_place([[base], [ours], [theirs]], [text])
    findings += copied([base], [ours], [theirs])
    findings += _old_names(base, ours, theirs, text, why, findings)
    findings += (
        Note(
            "guessed",
            f"{new} seems to stand for {old}, which one side edited: the edit is in {new} now",
            True,
        )
        for old, new in guesses(base, ours, theirs)
    )
    if any(note.code == "duplicate-definition" for note in findings):
        return MergeResult(_apart(base, ours, theirs, text), (*plain.notes, *findings))
    return MergeResult(plain.pieces, (*plain.notes, *findings), local_renames)


def _out_of_place(versions: Sequence[Iterable[bytes]], merged: Iterable[bytes]) -> list[Note]:
    """Findings on the order of the merged files: what came to stand before what it needs, or in a branch of
    the preprocessor, as on no side."""
    from mergeguard.cpp.leaves import leaves_of
    from mergeguard.merge.order import out_of_branch, out_of_order

    known = [leaves_of(text)[0] for texts in versions for text in texts]
    leaves = [leaves_of(text)[0] for text in merged]
    return [
        *(
            Note("early-use", f"{name} is used before it is declared, as on no side", True)
            for name in out_of_order(known, leaves)
        ),
        *(
            Note(
                "swallowed-include", f"{name} came under a condition or into a namespace, as on no side", True
            )
            for name in out_of_branch(known, leaves)
        ),
    ]


def _declarations_then_tokens(
    base: bytes, ours: bytes, theirs: bytes, lines: tuple[Piece, ...]
) -> tuple[MergeResult, frozenset[bytes]]:
    """The structured merge and the names that it renamed in some declarations only."""
    from mergeguard.merge.compose import compose
    from mergeguard.merge.versions import Unreadable
    from mergeguard.merge.weave import Clash, weave

    notes: list[Note] = []
    candidates: list[tuple[tuple[Piece, ...], tuple[Note, ...]]] = [(lines, ())]
    merge_leaf = LeafMerger()
    try:
        composed, said = compose({"": base}, {"": ours}, {"": theirs}, merge_leaf)
    except Unreadable as unreadable:
        notes.append(Note("conflict", unreadable.reason))
    except Clash as clash:
        # Their declarations contradict each other: tokens could only hide that.
        return MergeResult(lines, (Note("conflict", clash.reason),)), frozenset()
    else:
        notes += said
        candidates.append((composed[""], merge_leaf.notes))
        if not any(isinstance(piece, Conflict) for piece in composed[""]):
            notes.append(Note("declarations", "merged by declarations"))
            return MergeResult(composed[""], (*notes, *merge_leaf.notes)), frozenset(merge_leaf.renamed)
    remarks: list[Note] = []
    try:
        whole = weave(base, ours, theirs, remarks)
    except Clash as clash:
        notes.append(Note("conflict", clash.reason))
    else:
        said_of_whole = (Note("tokens", "merged by tokens"), *dict.fromkeys(remarks))
        return MergeResult(join([Resolved(whole)]), said_of_whole), frozenset()
    own = merge_lines(base, ours, theirs)
    for start in (lines, own) if own != lines else (lines,):
        remarks = []
        refined = refine_conflicts(start, base, ours, theirs, remarks)
        candidates.append((refined, tuple(dict.fromkeys(remarks))))
    best, said_of_best = min(candidates, key=lambda candidate: _size_of_conflicts(candidate[0]))
    return MergeResult(best, (*notes, *said_of_best)), frozenset()


def _size_of_conflicts(pieces: tuple[Piece, ...]) -> tuple[int, int]:
    """How many lines a person sees between markers, in git's own style, and in how many conflicts."""
    from mergeguard.merge.markers import refine

    conflicts = [p for p in refine(pieces, "merge") if isinstance(p, Conflict)]
    return sum(p.ours.count(b"\n") + p.theirs.count(b"\n") for p in conflicts), len(conflicts)
