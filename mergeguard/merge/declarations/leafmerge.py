"""The merge of one declaration: lines first, then tokens, then the conflict, as small as it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergeguard.merge.lines import merge_lines, trivial
from mergeguard.merge.result import Conflict, MergeResult, Note, Piece, Resolved, join, shown

if TYPE_CHECKING:
    from mergeguard.merge.renames import Rename


def merge_declaration(base: bytes, ours: bytes, theirs: bytes) -> tuple[tuple[Piece, ...], bool]:
    """The merge of one declaration's three versions, and whether a clean one needs a look."""
    merge_leaf = LeafMerger()
    pieces = merge_leaf(base, ours, theirs)
    return pieces, bool(merge_leaf.remarks)


_CONTEXT = 8_000  # bytes before a conflict: a screen or two, and a table's head


class LeafMerger:
    """Merges one declaration: lines first, then tokens, then the conflict, as small as it gets."""

    def __init__(self) -> None:
        self.remarks: list[Note] = []
        self.renames: list[Note] = []
        self.renamed: set[bytes] = set()

    def __call__(self, base: bytes, ours: bytes, theirs: bytes) -> tuple[Piece, ...]:
        settled = trivial(base, ours, theirs)
        if settled is not None:
            return join([Resolved(settled)])
        mine, other = renames_of_both(base, ours, theirs)
        if mine or other:
            from mergeguard.merge.renames import apply_renames

            renamed = self._merge(
                apply_renames(apply_renames(base, mine), other),
                apply_renames(ours, other),
                apply_renames(theirs, mine),
            )
            if not any(isinstance(piece, Conflict) for piece in renamed):
                self.renames += rename_notes(mine, other)
                self.renamed.update(name for r in (*mine, *other) for name in (r.old, r.new))
                return renamed
        return self._merge(base, ours, theirs)

    def _merge(self, base: bytes, ours: bytes, theirs: bytes) -> tuple[Piece, ...]:
        from mergeguard.cpp.tokens import tokens_of
        from mergeguard.merge.stretch.weave import Clash, weave

        lines = merge_lines(base, ours, theirs)
        remarks: list[Note] = []
        try:
            woven = weave(base, ours, theirs, remarks)
        except Clash:
            return refine_conflicts(lines, base, ours, theirs, self.remarks)
        if not any(isinstance(piece, Conflict) for piece in lines):
            if tokens_of(MergeResult(lines).render()).keys == tokens_of(woven).keys:
                return lines
            # Once indented anew, a line may look like another one that stands elsewhere.
            said = "an edit could go to two places in"
            where = woven.strip().split(b"\n", 1)[0].decode("utf-8", "replace")
            remarks.append(Note("ambiguous", f"{said} `{where}`", True))
        self.remarks += remarks
        return join([Resolved(woven)])

    @property
    def notes(self) -> tuple[Note, ...]:
        return (*dict.fromkeys(self.renames), *dict.fromkeys(self.remarks))


def refine_conflicts(
    pieces: tuple[Piece, ...], base: bytes, ours: bytes, theirs: bytes, remarks: list[Note]
) -> tuple[Piece, ...]:
    """The pieces of a merge of three texts with each conflict that its tokens can settle settled."""
    from mergeguard.cpp.tokens import tokens_of
    from mergeguard.merge.stretch.unions import misplaced_arm

    refined = refined_by_hunk(pieces, base, ours, theirs, remarks)
    result = MergeResult(join(piece for hunk in refined for piece in hunk))
    if result.clean:
        keys = [tokens_of(text).keys for text in (base, ours, theirs, result.render())]
        if misplaced_arm(*keys) is not None:
            return pieces
    return result.pieces


def refined_by_hunk(
    pieces: tuple[Piece, ...], base: bytes, ours: bytes, theirs: bytes, remarks: list[Note]
) -> list[tuple[Piece, ...]]:
    """For each piece of a merge what its tokens make of it: itself, or the pieces of a settled conflict."""
    refined: list[tuple[Piece, ...]] = []
    before = b""
    for piece in pieces:
        if isinstance(piece, Resolved):
            refined.append((piece,))
            before += piece.text
            continue
        said: list[Note] = []
        refined.append(_settled(piece, (base, ours, theirs), before, said))
        if said and not _breaks_off_in_comment(before):
            remarks += said
        before += piece.base
    return refined


def _breaks_off_in_comment(text: bytes) -> bool:
    """Whether a text ends inside of a block comment: what comes behind it is words, not code."""
    from mergeguard.cpp.lexer import TokenKind, lex

    if b"/*" not in text:
        return False
    lexed = lex(text)
    comment = lexed.texts[-1]
    return (
        lexed.kinds[-1] == TokenKind.COMMENT
        and comment.startswith(b"/*")
        and (len(comment) < len(b"/**/") or not comment.endswith(b"*/"))
    )


def _settled(
    conflict: Conflict, whole: tuple[bytes, bytes, bytes], before: bytes, remarks: list[Note]
) -> tuple[Piece, ...]:
    """A conflict as what its tokens make of it, or what is left once what both sides did alike is done.
    ``whole`` are the texts that it is a part of, ``before`` is what stands before it in them."""
    from mergeguard.cpp.tokens import tokens_of
    from mergeguard.merge.stretch.containing import larger
    from mergeguard.merge.stretch.fold import fold

    base, ours, theirs = conflict.base, conflict.ours, conflict.theirs
    # Of additions, what list they go into, and what would run into an arm, is told by what stands before.
    adds = len(base) < min(len(ours), len(theirs))
    for context in (b"", before[before.rfind(b"\n", 0, -_CONTEXT) + 1 :]) if adds else (b"",):
        woven = _woven(conflict, whole, context, remarks)
        if woven is not None:
            return (Resolved(woven),)
    side = larger(*(tokens_of(text).keys for text in (base, ours, theirs)))
    if side is not None:
        return (Resolved(conflict.ours if side == "ours" else conflict.theirs),)
    folded = fold(base, ours, theirs)
    if folded == base:
        return (conflict,)
    settled = trivial(folded, ours, theirs)
    if settled is not None:
        return (Resolved(settled),)
    left = merge_lines(folded, ours, theirs)
    honest = all(isinstance(piece, Resolved) or piece.base in base for piece in left)
    return left if honest and _size(left) < _size((conflict,)) else (conflict,)


def _woven(
    conflict: Conflict, whole: tuple[bytes, bytes, bytes], context: bytes, remarks: list[Note]
) -> bytes | None:
    """What the tokens make of a conflict with some text before it, the same in all three; None where they
    clash."""
    from mergeguard.merge.stretch.touching import moved_away
    from mergeguard.merge.stretch.weave import BESIDE, Clash, weave

    texts = conflict.base, conflict.ours, conflict.theirs
    said: list[Note] = []
    try:
        woven = weave(context + texts[0], context + texts[1], context + texts[2], said)
    except Clash:
        return None
    if not woven.startswith(context) or (BESIDE in said and moved_away(texts, whole)):
        return None
    remarks += said
    return woven[len(context) :]


def _size(pieces: tuple[Piece, ...]) -> int:
    return sum(len(p.ours) + len(p.theirs) for p in pieces if isinstance(p, Conflict))


def renames_of_both(base: bytes, ours: bytes, theirs: bytes) -> tuple[tuple[Rename, ...], tuple[Rename, ...]]:
    """The renames of our side and of theirs."""
    from mergeguard.merge.renames import find_renames

    return find_renames(base, ours, theirs), find_renames(base, theirs, ours)


def rename_notes(mine: tuple[Rename, ...], other: tuple[Rename, ...]) -> tuple[Note, ...]:
    return tuple(
        Note(
            "renamed",
            f"{shown(r.old)} is {shown(r.new)} on {who} side: the other side's uses follow",
        )
        for who, renames in (("our", mine), ("their", other))
        for r in renames
    )
