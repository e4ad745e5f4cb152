"""The edits of moved declarations carried over: merged at their new place, and taken back at the old one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from mergeguard.cpp.leaves import leaves_of, match
from mergeguard.merge.moved.loose import Loose
from mergeguard.merge.moved.movedvalues import File, Moved
from mergeguard.merge.result import Conflict, Piece, Resolved
from mergeguard.values import dataclass


@dataclass(frozen=True, slots=True)
class Carried:
    """An edit at its new place; a conflict there where both sides changed the declaration itself."""

    move: Moved
    pieces: tuple[Piece, ...]

    @property
    def clean(self) -> bool:
        """Whether the declaration merged."""
        return not any(isinstance(piece, Conflict) for piece in self.pieces)

    def text(self) -> bytes:
        """The merged declaration (ours where it conflicts), what comes along before it."""
        return self.move.brought + self.alone()

    def alone(self) -> bytes:
        """The merged declaration itself."""
        return b"".join(p.text if isinstance(p, Resolved) else p.ours for p in self.pieces)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The new texts of files, by path: of the editor's, of the mover's; and where a declaration conflicts,
    of the base's too, so that any merge of the three conflicts there and nowhere else."""

    base: dict[str, bytes]
    editor: dict[str, bytes]
    mover: dict[str, bytes]


def carry(move: Moved, *, editor_is_ours: bool) -> Carried | None:
    """The edit merged into the declaration at its new place; None where that is doubtful."""
    from mergeguard.merge.checks.conservation import balance
    from mergeguard.merge.declarations.leafmerge import merge_declaration

    sides = (move.editor, move.mover) if editor_is_ours else (move.mover, move.editor)
    pieces, doubtful = merge_declaration(move.base, *sides)
    carried = Carried(move, pieces)
    if not carried.clean:
        return carried
    if doubtful or balance(move.base, *sides, carried.alone()):
        return None
    return carried


def rewrite(carried: Sequence[Carried], files: Sequence[File], loose: Sequence[Loose] = ()) -> Rewritten:
    """The files with the edits at their new places. A conflict can stand only in a home that the editor
    left alone; those in others are not to be among ``carried`` and ``loose``.
    """
    by_path = {file.path: file for file in files}
    editor: dict[str, bytes] = {}
    base: dict[str, bytes] = {}
    mover: dict[str, bytes] = {}
    for path in dict.fromkeys((*(c.move.path for c in carried), *(change.path for change in loose))):
        file = by_path[path]
        assert file.base is not None and file.editor is not None
        back = {c.move.old: c.move.base for c in carried if c.move.path == path}
        along = {n for c in carried if c.move.path == path for n in c.move.along}
        reverted = [change for change in loose if change.path == path and not change.leftover]
        editor[path] = _put_back(file.base, file.editor, back, along, reverted)
    by_home = {file.home: file for file in files if file.mover is not None}
    for home in dict.fromkeys((*(c.move.home for c in carried), *(change.home for change in loose))):
        text = by_home[home].mover
        assert text is not None
        here = [c for c in carried if c.move.home == home]
        beside = [change for change in loose if change.home == home]
        moved = [_Edit.of(c, c.text() if c.clean else c.move.mover) for c in here]
        mover[home] = _replaced(
            text, [*moved, *(_Edit.of_loose(x, x.new if x.clean else text[x.start : x.end]) for x in beside)]
        )
        if all(c.clean for c in here) and all(change.clean for change in beside):
            continue
        old = [_Edit.of(c, c.text() if c.clean else c.move.base) for c in here]
        base[home] = _replaced(
            text, [*old, *(_Edit.of_loose(x, x.new if x.clean else x.old) for x in beside)]
        )
        new = [_Edit.of(c, c.text() if c.clean else c.move.brought + c.move.editor) for c in here]
        editor[home] = _replaced(text, [*new, *(_Edit.of_loose(x, x.new) for x in beside)])
    return Rewritten(base, editor, mover)


def _put_back(
    base: bytes,
    editor: bytes,
    back: Mapping[int, bytes],
    without: Collection[int],
    reverted: Sequence[Loose] = (),
) -> bytes:
    """The editor's text with some declarations as the base has them (by their number in the base), without
    some (by their number in the editor's), and with some changes between declarations undone."""
    old, new = leaves_of(base)[0], leaves_of(editor)[0]
    pairs = match(old, new)
    undone = {(change.e0, change.e1): change for change in reverted}
    gone = {j for e0, e1 in undone for j in range(e0, e1)}
    out: list[bytes] = []
    for j in range(len(new) + 1):
        for (e0, _), change in undone.items():
            if e0 == j:
                out += [leaf.text for leaf in old[change.b0 : change.b1]]
        if j < len(new) and j not in without and j not in gone:
            out.append(back.get(pairs.get(j, -1), new[j].text))
    return b"".join(out)


@dataclass(frozen=True, slots=True)
class _Edit:
    """Bytes ``start:end`` of a text become ``new``; ``order`` tells those at one place apart."""

    start: int
    end: int
    new: bytes
    order: tuple[int, int]

    @classmethod
    def of(cls, carried: Carried, new: bytes) -> _Edit:
        return cls(carried.move.start, carried.move.end, new, (1, carried.move.old))

    @classmethod
    def of_loose(cls, change: Loose, new: bytes) -> _Edit:
        return cls(change.start, change.end, new, (int(change.start < change.end), change.e0))


def _replaced(text: bytes, edits: Sequence[_Edit]) -> bytes:
    for edit in sorted(edits, key=lambda e: (e.start, e.order), reverse=True):
        new = edit.new
        if edit.start == edit.end and new and edit.start and text[edit.start - 1 : edit.start] != b"\n":
            new = b"\n" + new
        text = text[: edit.start] + new + text[edit.end :]
    return text
