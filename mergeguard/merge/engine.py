"""The order in which merges are tried: lines, repairs of what lines can't see, declarations, what is left."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from mergeguard.merge.checks.suspects import Suspects, suspects
from mergeguard.merge.lines import merge_lines, trivial
from mergeguard.merge.result import MergeResult, Note, Piece, Resolved, join
from mergeguard.values import cached_property, dataclass

_LARGE = 50_000  # bytes; what is shorter is read in any case
_MOST_TOKENS = 180_000  # roughly counted
_MARKS = (b"(", b"{", b"[", b",", b";", b"<", b".")  # tokens without a space before them
_NO_SIGNS = bytes(
    byte for byte in range(128) if chr(byte).isalnum() or chr(byte).isspace() or chr(byte) in "_/*"
)
_LONGEST = 60_000  # tokens of one declaration: a table that a program wrote
_TOKENS_OF_A_DECLARATION = 15  # that cost as much to read


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
    if (apart := _by_neighbourhoods(base, ours, theirs, lines)) is not None:
        return apart
    if any(len(text) > _LARGE and _is_huge(text) for text in (base, ours, theirs)):
        return MergeResult(lines, (Note("huge", "too large to be read as declarations: merged by lines"),))
    result = _checked(base, ours, theirs, result) if result.clean else _structured(base, ours, theirs, lines)
    return _no_larger(_certified(base, ours, theirs, result, lines), lines)


def _by_neighbourhoods(
    base: bytes, ours: bytes, theirs: bytes, lines: tuple[Piece, ...]
) -> MergeResult | None:
    """The merge of a large text by what is around its edits; None where it is better read whole."""
    from mergeguard.merge.neighbourhoods import neighbourhoods

    stretches = neighbourhoods(base, ours, theirs)
    if stretches is None:
        return None
    plain = [merge_lines(*stretch) for stretch in stretches]
    if join(piece for pieces in plain for piece in pieces) != lines:
        return None  # lines were matched otherwise over the whole
    pieces: list[Piece] = []
    notes: list[Note] = []
    renamed: frozenset[bytes] = frozenset()
    line = 0  # how many are before the stretch
    for stretch, merged_lines in zip(stretches, plain, strict=True):
        clean = MergeResult(merged_lines)
        result = merge_text(*stretch, clean.render() if clean.clean else None, merged_lines)
        pieces += result.pieces
        notes += (
            note if note.line is None else Note(note.code, note.message, note.finding, line + note.line)
            for note in result.notes
        )
        renamed |= result.renamed
        line += result.render().count(b"\n")
    return MergeResult(join(pieces), tuple(dict.fromkeys(notes)), renamed)


def _no_larger(result: MergeResult, lines: tuple[Piece, ...]) -> MergeResult:
    """The result, or the line merge if the lines that its conflicts show are fewer."""
    from mergeguard.merge.markers import size_of_conflicts

    if (
        result.clean
        or MergeResult(lines).clean
        or size_of_conflicts(result.pieces) <= size_of_conflicts(lines)
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
    from mergeguard.merge.stretch.tidy import without_stray_blanks

    text = without_stray_blanks(ours, theirs, result.render())
    wrong = unproved(base, ours, theirs, text)
    if not wrong:
        return MergeResult(join([Resolved(text)]), result.notes, result.renamed)
    from mergeguard.merge.verdict import as_conflicts, faults_of

    plain = MergeResult(lines, (Note("conflict", wrong, finding=MergeResult(lines).clean),))
    found = faults_of(base, ours, theirs, plain) if plain.clean else []
    return as_conflicts(base, ours, theirs, plain, found, lines) if found else plain


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


@lru_cache(maxsize=8)
def _is_huge(text: bytes) -> bool:
    """Whether reading ``text`` would take many seconds: no source that people write (vLLM's largest has a
    seventh of this), but a generated table or a broken file must not hang a merge."""
    signs = text.translate(None, _NO_SIGNS)
    if sum(map(signs.count, (b"(", b"{", b"[", b",", b";"))) > _MOST_TOKENS:
        return True
    # Bounds that cost next to nothing: reading the tokens of every file to find it small would be dear.
    tokens = 2 * (len(text.split()) + sum(map(signs.count, _MARKS)))
    ends = sum(map(signs.count, (b";", b"}", b"#", b")")))  # of statements, and of lines that end one
    if tokens + _TOKENS_OF_A_DECLARATION * ends >= _MOST_TOKENS:
        ends = sum(map(signs.count, (b";", b"}"))) + sum(map(text.count, (b"\n#", b")\n")))
    if max(tokens, len(signs)) < _LONGEST and tokens + _TOKENS_OF_A_DECLARATION * ends < _MOST_TOKENS:
        return False
    from mergeguard.cpp.borders import extent
    from mergeguard.cpp.lexer import lex

    found = extent(lex(text))
    work = found.tokens + _TOKENS_OF_A_DECLARATION * found.declarations
    return work > _MOST_TOKENS or found.longest > _LONGEST


# -- lines that merged cleanly


def _checked(base: bytes, ours: bytes, theirs: bytes, result: MergeResult) -> MergeResult:
    """A clean line merge, repaired where it must be, and held to the gates if it may be faulty."""
    from mergeguard.merge.checks.screen import may_be_faulty, may_have_twins

    faulty = may_be_faulty(base, ours, theirs)
    if faulty and may_have_twins(base, ours, theirs):
        from mergeguard.merge.verdict import keep_one

        result = keep_one(base, ours, theirs, result)
    looked_at = _looked_at(_Look(base, ours, theirs, result))
    if looked_at is result and not faulty:
        return result
    return _gated(base, ours, theirs, looked_at, result.pieces)


@dataclass(frozen=True)
class _Look:
    """A clean line merge and what can be asked of it; each answer is found when it is first asked for."""

    base: bytes
    ours: bytes
    theirs: bytes
    result: MergeResult

    @cached_property
    def text(self) -> bytes:
        return self.result.render()

    @cached_property
    def why(self) -> Suspects:
        return suspects(self.base, self.ours, self.theirs)

    @cached_property
    def uneven(self) -> list[bytes]:
        """Lines that are there more or less often than both sides make it."""
        from mergeguard.merge.checks.conservation import uneven_lines

        return uneven_lines(self.base, self.ours, self.theirs, self.text)

    @cached_property
    def returned(self) -> list[str]:
        """Definitions that are back though one side removed them, or there twice."""
        return self.returned_in(self.text) if self.uneven else []

    @cached_property
    def findings(self) -> tuple[Note, ...]:
        from mergeguard.merge.noting import old_names

        found = self.findings_of(self.text)
        found += old_names(self.base, self.ours, self.theirs, self.text, self.why, found)
        return tuple(found)

    @cached_property
    def misplaced(self) -> list[Note]:
        """Includes in a namespace that the other side opens, uses of what moved behind them, and the like."""
        return self.out_of_place(self.text) if self.why.includes or self.why.moves else []

    def findings_of(self, text: bytes) -> list[Note]:
        from mergeguard.merge.checks.examine import examine

        return examine(self.base, self.ours, self.theirs, text, self.why) if self.why else []

    def returned_in(self, text: bytes) -> list[str]:
        from mergeguard.merge.checks.conservation import returned

        return returned(self.base, self.ours, self.theirs, text)

    def out_of_place(self, text: bytes) -> list[Note]:
        from mergeguard.merge.noting import early_uses, swallowed_includes

        versions = (self.base, self.ours, self.theirs)
        return [*early_uses(versions, text), *swallowed_includes(versions, text)]

    def structured(self) -> MergeResult:
        return _structured(self.base, self.ours, self.theirs, self.result.pieces)


@dataclass(frozen=True)
class _Repair:
    """A better result for a clean line merge that is wrong: ``run`` gives it, or None if it has none."""

    name: str
    applies: Callable[[_Look], bool]
    run: Callable[[_Look], MergeResult | None]


def _without_returned(look: _Look) -> MergeResult:
    """Removed on one side, moved on the other: declarations know that it is gone."""
    from mergeguard.merge.checks.twiceapart import apart

    followed = look.structured()
    if followed.clean and not look.returned_in(followed.render()):
        return followed
    said = f"{', '.join(look.returned)}: moved or removed on both sides, and lines would keep one too many"
    pieces = apart(look.base, look.ours, look.theirs, look.text, look.returned)
    return MergeResult(pieces, (Note("returned", said, True),))


def _renamed(look: _Look) -> MergeResult | None:
    followed = _with_renames(look.base, look.ours, look.theirs)
    return followed if followed is not None and followed.clean else None


def _in_their_places(look: _Look) -> MergeResult | None:
    """Lines put something where no side means it; declarations know better."""
    followed = look.structured()
    return followed if followed.clean and not look.out_of_place(followed.render()) else None


def _renamed_inside(look: _Look) -> MergeResult | None:
    """A local rename: what lines can't do, declarations may."""
    from mergeguard.merge.structure import declarations_then_tokens

    followed = declarations_then_tokens(look.base, look.ours, look.theirs, look.result.pieces)
    left = look.findings_of(followed.render()) if followed.clean else look.findings
    if {"lost-name", "duplicate-definition"} & {note.code for note in left}:
        return None
    return MergeResult(followed.pieces, (*followed.notes, *left), followed.renamed)


# Tried in this order; the first that gives a result is it.
_REPAIRS = (
    _Repair("moved here, removed there", lambda look: bool(look.returned), _without_returned),
    _Repair("renamed", lambda look: bool(look.why.lost_names or look.why.mentioned), _renamed),
    _Repair("something out of place", lambda look: bool(look.misplaced), _in_their_places),
    _Repair("renamed inside", lambda look: _has(look.findings, "lost-name"), _renamed_inside),
)


def _has(notes: tuple[Note, ...], code: str) -> bool:
    return any(note.code == code for note in notes)


def _looked_at(look: _Look) -> MergeResult:
    """A clean line merge, looked at for what lines can't see; innocent ones pay next to nothing."""
    if not look.why and not look.uneven:
        return look.result
    from mergeguard.merge.checks.twiceapart import apart
    from mergeguard.merge.noting import moved_line

    for repair in _REPAIRS:
        repaired = repair.run(look) if repair.applies(look) else None
        if repaired is not None:
            return repaired
    notes = (*look.result.notes, *look.findings, *look.misplaced)
    if _has(look.findings, "duplicate-definition"):
        return MergeResult(apart(look.base, look.ours, look.theirs, look.text), notes)
    moved = (moved_line(look.uneven, look.text),) if look.uneven else ()
    return MergeResult(look.result.pieces, (*notes, *moved), look.result.renamed)


# -- lines that conflict


def _structured(
    base: bytes, ours: bytes, theirs: bytes, lines: tuple[Piece, ...], *, renames: bool = True
) -> MergeResult:
    """What renames, declarations and tokens make of a conflict of lines, held to the gates."""
    from mergeguard.merge.structure import by_declarations

    if renames and (prepared := _prepared(base, ours, theirs)) is not None:
        return prepared
    followed = _with_renames(base, ours, theirs) if renames else None
    if followed is None or not followed.clean:
        followed = by_declarations(base, ours, theirs, lines)
    return _gated(base, ours, theirs, followed, lines)


def _with_renames(base: bytes, ours: bytes, theirs: bytes) -> MergeResult | None:
    from mergeguard.merge.renaming import with_renames

    return with_renames(base, ours, theirs, _without_renames)


def _prepared(base: bytes, ours: bytes, theirs: bytes) -> MergeResult | None:
    """The merge of versions made more alike first: conditions around includes follow these into the other
    side's order, and the base calls by its new name what both sides call by it. None where it is not clean,
    or a gate finds a fault in it."""
    from mergeguard.merge.renaming import with_names_exchanged, with_names_of_both
    from mergeguard.merge.stretch.wrapped import with_conditions
    from mergeguard.merge.verdict import faults_of

    versions = (base, ours, theirs)
    said: list[Note] = []
    for prepare in (with_conditions, with_names_of_both, with_names_exchanged):
        prepared = prepare(*versions)
        if prepared is not None:
            versions, note = prepared
            said.append(note)
    if not said:
        return None
    result = _without_renames(*versions)
    if not result.clean or faults_of(base, ours, theirs, result):
        return None
    return MergeResult(result.pieces, (*result.notes, *said), result.renamed)


def _without_renames(base: bytes, ours: bytes, theirs: bytes) -> MergeResult:
    settled = trivial(base, ours, theirs)
    lines = merge_lines(base, ours, theirs) if settled is None else join([Resolved(settled)])
    by_lines = MergeResult(lines)
    if by_lines.clean:
        return _checked(base, ours, theirs, by_lines)
    return _structured(base, ours, theirs, lines, renames=False)


# -- the last word


def _gated(
    base: bytes, ours: bytes, theirs: bytes, result: MergeResult, lines: tuple[Piece, ...]
) -> MergeResult:
    """The result if no gate finds a fault in it; else a better one, or a conflict where the fault is."""
    from mergeguard.merge.verdict import as_conflicts, fault_notes, faults_of, noted

    found = faults_of(base, ours, theirs, result)
    if result.clean and not found:
        return result
    if result.clean and result.pieces == lines and all(fault.doubtful for fault in found):
        return MergeResult(result.pieces, noted(result, found), result.renamed)
    for again in (_folded, _contained):
        other = again(base, ours, theirs, lines)
        if other is not None and other.clean and not faults_of(base, ours, theirs, other):
            return other
    if result.clean:
        return as_conflicts(base, ours, theirs, result, found, lines)
    if not found:
        return result
    from mergeguard.merge.hunks import without_faulty

    by_hunk = without_faulty(base, ours, theirs, lines)
    if by_hunk is not None:
        return MergeResult(by_hunk.pieces, (*result.notes, *by_hunk.notes))
    # A conflict has more wrong than its markers show: git's own is the honest one.
    plain = MergeResult(lines, result.notes)
    left = faults_of(base, ours, theirs, plain) if result.pieces != lines else found
    return MergeResult(lines, (*result.notes, *fault_notes(plain.render(), left)))


def _contained(base: bytes, ours: bytes, theirs: bytes, lines: tuple[Piece, ...]) -> MergeResult | None:
    """The merge of lines, where in each of its conflicts one side's edit contains the other's; else None."""
    from mergeguard.merge.checks.conservation import lacks_one_more
    from mergeguard.merge.stretch.containing import without_contained

    if MergeResult(lines).clean:
        return None
    result = MergeResult(without_contained(lines), (Note("contained", "one edit contains the other"),))
    return None if result.clean and lacks_one_more(base, ours, theirs, result.render()) else result


def _folded(base: bytes, ours: bytes, theirs: bytes, lines: tuple[Piece, ...]) -> MergeResult | None:
    """The merge over a base to which is added what both sides added alike; None if it is no clean one."""
    from mergeguard.merge.stretch.fold import fold
    from mergeguard.merge.structure import by_declarations

    new_base = fold(base, ours, theirs)
    if new_base == base:
        return None
    note = Note("folded", "what both sides added alike is there once")
    settled = trivial(new_base, ours, theirs)
    if settled is not None:
        return MergeResult(join([Resolved(settled)]), (note,))
    result = MergeResult(merge_lines(new_base, ours, theirs))
    if result.clean:
        result = _looked_at(_Look(new_base, ours, theirs, result))
    else:
        result = by_declarations(new_base, ours, theirs, result.pieces)
    return MergeResult(result.pieces, (note, *result.notes), result.renamed) if result.clean else None
