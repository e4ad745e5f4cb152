"""Three-way merge of one stretch of source by its tokens: layout never conflicts.

Two levels. First the *units* (statements, directive lines, comments; see ``tokens.units_of``) are merged like
lines, which keeps the robustness of a line merge while wrapping and indentation do not count; what conflicts
there is merged token by token. The gap before a token that all three versions have is merged by itself, and
theirs (upstream) wins where both sides changed it. The outcome is verified by lexing it again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from mergeguard.cpp.diff import Change, matches
from mergeguard.cpp.tokens import (
    END_OF_COMMENT,
    END_OF_DIRECTIVE,
    Tokens,
    is_comment,
    joins,
    nesting,
    tokens_of,
    units_of,
)
from mergeguard.merge.edits import LANGUAGE
from mergeguard.merge.gates.registering import registers
from mergeguard.merge.lines import Region, RegionKind, diff3
from mergeguard.merge.result import Note
from mergeguard.merge.stretch.containing import larger
from mergeguard.merge.stretch.differences import STATEMENT_ENDS, token_diff, unit_diff
from mergeguard.merge.stretch.elements import beside_in_list
from mergeguard.merge.stretch.entries import entries
from mergeguard.merge.stretch.near import Neighbours, neighbours
from mergeguard.merge.stretch.touching import Touching
from mergeguard.merge.stretch.unions import misplaced_arm, union

_COPY, _ALIKE = 4, 0.6  # how many names make a copy, and which share of them is the same

_LINE_ENDS = frozenset((END_OF_DIRECTIVE, END_OF_COMMENT))
_LINE_BREAK = re.compile(rb"\A[ \t]*\r?\n")
_NAME = re.compile(rb"#?[A-Za-z_]\w*")
_COMMAS = frozenset((b",", b"#,"))


# Not for a merge of a part in whose whole the statement is elsewhere: see ``touching.moved_away``.
BESIDE = Note("beside", "one side changed or removed a statement beside an edit of the other")


class Clash(Exception):
    """The two sides' edits can't be told apart: the stretch is a conflict. ``reason`` is for notes."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Out:
    """The merged tokens with their gaps."""

    def __init__(self) -> None:
        self.remarks: list[Note] = []
        self.keys: list[bytes] = []
        self.texts: list[bytes] = []
        self.gaps: list[bytes] = []

    def copy(
        self, source: Tokens, start: int, end: int, *, apart: bool = False, instead: bytes = b""
    ) -> None:
        """Adds tokens of a side. ``apart``: they begin its text, and stand on a line of their own there.
        ``instead``: the gap before them where they have none."""
        if start == end:
            return
        gap = _gap(source, start) or instead
        if apart and self.keys and self.keys[-1] not in _LINE_ENDS and b"\n" not in gap:
            gap = (source.tail if b"\n" in source.tail else b"\n") + gap
        # What stood behind a line's end may now stand behind something else, and the reverse.
        self.gaps.append(self.after_line_end(gap))
        self.gaps.extend(source.gaps[start + 1 : end])
        self.keys.extend(source.keys[start:end])
        self.texts.extend(source.texts[start:end])

    def add(self, source: Tokens, index: int, gap: bytes) -> None:
        self.keys.append(source.keys[index])
        self.texts.append(source.texts[index])
        self.gaps.append(gap)

    def after_line_end(self, gap: bytes) -> bytes:
        """A gap as it is to be added: without its first line break where the token before is one."""
        ended = self.keys and self.keys[-1] in _LINE_ENDS and self.texts[-1]
        return _LINE_BREAK.sub(b"", gap) if ended else gap

    def source(self, tail: bytes, apart: bool = False) -> bytes:
        """The merged text; ``apart`` puts a space between tokens that would be read as one."""
        parts: list[bytes] = []
        before = b""
        for at, (key, text, gap) in enumerate(zip(self.keys, self.texts, self.gaps, strict=True)):
            if b'"' in gap and (key.endswith(b'">') or self.keys[at - 1].endswith(b'"<')):
                gap = b""  # no literal is closed and opened again at an end of the string
            if apart and not gap and before and text and key[:1] != b"/" and not joins(before, text):
                gap = b" "
            parts += (gap, text)
            before = text
        return b"".join(parts) + tail


def weave(base: bytes, ours: bytes, theirs: bytes, remarks: list[Note] | None = None) -> bytes:
    """The merge of three versions of one stretch; raises ``Clash`` where only a person can decide.

    ``remarks`` receives findings: expressions that both sides edited, close to each other, and code that one
    side edited and the other copied.
    """
    b, o, t = tokens_of(base), tokens_of(ours), tokens_of(theirs)
    out = _Out()
    for region in diff3_units(b, o, t):
        _merge_region(out, b, o, t, region)
    tail = _merge_gap(b.tail, o.tail, t.tail)
    text = out.source(tail)
    if tokens_of(text).keys != tuple(out.keys):
        text = out.source(tail, apart=True)
    if tokens_of(text).keys != tuple(out.keys):
        raise Clash("the two edits do not fit together")
    check_brackets((b, o, t), out.keys)
    if (label := misplaced_arm(b.keys, o.keys, t.keys, out.keys)) is not None:
        raise Clash(f"an edit of `case {label.decode('utf-8', 'replace')}` would be in another arm")
    if remarks is not None:
        remarks += out.remarks
    return text


def diff3_units(b: Tokens, o: Tokens, t: Tokens) -> list[Region]:
    """The regions of a three-way merge of units, as ranges of token indices."""
    starts = [units_of(x) for x in (b, o, t)]
    keys = [
        [x.keys[i:j] for i, j in zip(s, s[1:], strict=False)] for x, s in zip((b, o, t), starts, strict=True)
    ]
    regions = diff3(keys[0], keys[1], keys[2], unit_diff)
    sb, so, st = (s or [0] for s in starts)
    return [Region(r.kind, sb[r.b0], sb[r.b1], so[r.o0], so[r.o1], st[r.t0], st[r.t1]) for r in regions]


def _merge_region(out: _Out, b: Tokens, o: Tokens, t: Tokens, r: Region) -> None:
    if r.kind is RegionKind.SAME:
        _same(out, b, o, t, r)
    elif r.kind is RegionKind.BOTH:
        out.copy(t, r.t0, r.t1)
    elif r.kind is not RegionKind.CONFLICT:
        _one_side(out, b, o, t, r)
    else:
        _conflict(out, b, o, t, r)


def _same(out: _Out, b: Tokens, o: Tokens, t: Tokens, r: Region) -> None:
    if _laid_out_alike(b, r.b0, r.b1, o, r.o0, r.o1):
        out.copy(t, r.t0, r.t1)
        return
    for offset in range(r.b1 - r.b0):
        gap = _merge_gap(_gap(b, r.b0 + offset), _gap(o, r.o0 + offset), _gap(t, r.t0 + offset))
        out.add(t, r.t0 + offset, out.after_line_end(gap))


def _laid_out_alike(b: Tokens, b0: int, b1: int, side: Tokens, s0: int, s1: int) -> bool:
    """Whether the same tokens have the same gaps before them."""
    return b0 == b1 or (_gap(b, b0) == _gap(side, s0) and b.gaps[b0 + 1 : b1] == side.gaps[s0 + 1 : s1])


def _gap(source: Tokens, index: int) -> bytes:
    """The gap before a token, with the line break that belongs to the comment or directive before it."""
    ends = index > 0 and source.keys[index - 1] in _LINE_ENDS
    return (source.texts[index - 1] if ends else b"") + source.gaps[index]


def _merge_gap(base: bytes, ours: bytes, theirs: bytes) -> bytes:
    if theirs == base or ours == theirs:
        return ours
    # Theirs wins, but not by an indentation over our joining or breaking of the line.
    breaks = base.count(b"\n")
    if ours != base and theirs.count(b"\n") == breaks != ours.count(b"\n"):
        return ours
    return theirs


def _one_side(out: _Out, b: Tokens, o: Tokens, t: Tokens, r: Region) -> None:
    """Only one side has other tokens here; the other may have laid out anew what is left of them."""
    ours = r.kind is RegionKind.OURS
    changed, other, c0, c1, o0, o1 = (
        (o, t, r.o0, r.o1, r.t0, r.t1) if ours else (t, o, r.t0, r.t1, r.o0, r.o1)
    )
    if _laid_out_alike(b, r.b0, r.b1, other, o0, o1):
        out.copy(changed, c0, c1)
        return

    def relaid(at_base: int, at_changed: int) -> None:
        gaps = _gap(b, r.b0 + at_base), _gap(changed, c0 + at_changed), _gap(other, o0 + at_base)
        gap = _merge_gap(*gaps) if ours else _merge_gap(gaps[0], gaps[2], gaps[1])
        out.add(changed, c0 + at_changed, out.after_line_end(gap))

    end = Change(r.b1 - r.b0, r.b1 - r.b0, c1 - c0, c1 - c0)
    at_base = at_changed = removed = 0
    for change in [*token_diff(b.keys[r.b0 : r.b1], changed.keys[c0:c1]), end]:
        for offset in range(change.a0 - at_base):
            # What follows a removal may have the layout of what stood there.
            after = not offset and _gap(changed, c0 + at_changed) == _gap(b, r.b0 + removed)
            relaid(removed if after else at_base + offset, at_changed + offset)
        # A token put in another's place takes that one's layout.
        like = change.a1 - change.a0 if change.a1 - change.a0 == change.b1 - change.b0 else 1
        for offset in range(change.b1 - change.b0):
            if offset < like and change.a0 < change.a1:
                relaid(change.a0 + offset, change.b0 + offset)
            else:
                out.copy(changed, c0 + change.b0 + offset, c0 + change.b0 + offset + 1)
        removed = change.a0 if change.b0 == change.b1 else change.a1
        at_base, at_changed = change.a1, change.b1


def _conflict(out: _Out, b: Tokens, o: Tokens, t: Tokens, r: Region) -> None:
    if _join_insertions(out, b, o, t, r):
        return
    kb, ko, kt = b.keys[r.b0 : r.b1], o.keys[r.o0 : r.o1], t.keys[r.t0 : r.t1]
    if (side := larger(kb, ko, kt)) is not None:
        source, start, end = (o, r.o0, r.o1) if side == "ours" else (t, r.t0, r.t1)
        out.copy(source, start, end)
        return
    touching = Touching(b, o, t, r)
    if touching.is_doubtful():
        raise Clash("one side opened or closed a condition beside what the other added")
    if touching.is_moved():
        raise Clash("one side moved a statement beside what the other changed")
    if (beside := touching.regions()) is not None:
        for inner in beside:
            _merge_region(out, b, o, t, inner)
        if touching.takes_away():
            out.remarks.append(BESIDE)
        return
    if _moves_code(kb, ko) or _moves_code(kb, kt):
        raise Clash("one side changed the order of what the other edited")
    regions = diff3(kb, ko, kt, token_diff)
    where = b" ".join(b.texts[r.b0 : r.b1][:16]).decode("utf-8", "replace")
    near = _near(regions, kb, ko, kt)
    if not all(pair.of_two_elements for pair in near) and _says_more(kb, ko) and _says_more(kb, kt):
        said = "both sides edited one expression, and both edits are kept"
        out.remarks.append(Note("close-edits", f"{said}: {where}", True))
    if copy := _copied(regions, kb, ko, kt):
        if STATEMENT_ENDS.isdisjoint(copy):
            raise Clash("one side edited a part of an expression that the other repeats")
        said = "one side edited what the other copied, and the copy is without the edit"
        out.remarks.append(Note("copied-code", f"{said}: {where}", True))
    for inner in regions:
        shifted = Region(
            inner.kind,
            inner.b0 + r.b0,
            inner.b1 + r.b0,
            inner.o0 + r.o0,
            inner.o1 + r.o0,
            inner.t0 + r.t0,
            inner.t1 + r.t0,
        )
        if inner.kind is not RegionKind.CONFLICT:
            _merge_region(out, b, o, t, shifted)
        elif not _join_insertions(out, b, o, t, shifted):
            elements = beside_in_list(b, o, t, shifted)
            if elements is None:
                raise Clash("both sides changed the same tokens")
            for element in elements:
                _merge_region(out, b, o, t, element)


def _join_insertions(out: _Out, b: Tokens, o: Tokens, t: Tokens, r: Region) -> bool:
    """Whether both sides only inserted at one place what may be joined; if so, it is in ``out``."""
    head = tail = 0
    shortest = min(r.b1 - r.b0, r.o1 - r.o0, r.t1 - r.t0)
    while head < shortest and b.keys[r.b0 + head] == o.keys[r.o0 + head] == t.keys[r.t0 + head]:
        head += 1
    while (
        tail < shortest - head
        and b.keys[r.b1 - 1 - tail] == o.keys[r.o1 - 1 - tail] == t.keys[r.t1 - 1 - tail]
    ):
        tail += 1
    inner = Region(r.kind, r.b0 + head, r.b1 - tail, r.o0 + head, r.o1 - tail, r.t0 + head, r.t1 - tail)
    joined = union(b, o, t, inner)
    if joined is None and (listed := entries(b, o, t, inner)) is not None:
        joined, said = listed
        out.remarks += [said] if said is not None else []
    if joined is None:
        return False
    same = RegionKind.SAME
    _same(out, b, o, t, Region(same, r.b0, inner.b0, r.o0, inner.o0, r.t0, inner.t0))
    behind = b""  # what stands behind the last one on its own side
    for source, start, end in joined:
        separated = source.keys[start] in _COMMAS  # which stands where the element before ends
        out.copy(source, start, end, apart=start == 0, instead=b"" if separated else behind)
        behind = source.gaps[end] if end < len(source) else source.tail
    _same(out, b, o, t, Region(same, inner.b1, r.b1, inner.o1, r.o1, inner.t1, r.t1))
    return True


def _moves_code(base: Sequence[bytes], side: Sequence[bytes]) -> bool:
    """Whether a side puts a name in another's place and that one elsewhere: an edit of the other side would
    go to what stands there now."""
    changes = [c for c in token_diff(base, side) if c.a0 < c.a1 and c.b0 < c.b1]
    gone = Counter(key for c in changes for key in base[c.a0 : c.a1] if _NAME.fullmatch(key))
    came = Counter(key for c in changes for key in side[c.b0 : c.b1] if _NAME.fullmatch(key))
    both = gone & came
    return any(
        both.keys() & {*base[c.a0 : c.a1]} and not both.keys() & {*base[c.a0 : c.a1]} <= {*side[c.b0 : c.b1]}
        for c in changes
    )


def _copied(
    regions: Sequence[Region], base: Sequence[bytes], ours: Sequence[bytes], theirs: Sequence[bytes]
) -> Sequence[bytes]:
    """What one side inserted that is much the same as the base has here, where the other edited it."""
    known = Counter(filter(_is_telling, base))
    for region in regions:
        if region.kind is RegionKind.OURS:
            new, editor = ours[region.o0 : region.o1], RegionKind.THEIRS
        elif region.kind is RegionKind.THEIRS:
            new, editor = theirs[region.t0 : region.t1], RegionKind.OURS
        else:
            continue
        if any(registers(tuple(new))):
            continue  # rows of registrations are all alike, and none is another's copy
        names = Counter(filter(_is_telling, new))
        least = min(names.total() - sum(map(_is_telling, base[region.b0 : region.b1])), known.total())
        common = (names & known).total()
        if least < _COPY or common < _ALIKE * least:
            continue
        start, end = _span_in(base, new)
        if any(r.kind is editor and r.b0 <= end and start <= r.b1 for r in regions):
            return new
    return ()


def _span_in(base: Sequence[bytes], copy: Sequence[bytes]) -> tuple[int, int]:
    """What of the base a copy is of: from the first to behind the last telling token that it has, in order;
    of one with whole statements in it, whole statements."""
    runs = (range(match.a, match.a + match.size) for match in matches(base, copy))
    places = [place for run in runs for place in run if _is_telling(base[place])]
    if not places:
        return 0, len(base)
    start, end = places[0], places[-1] + 1
    if not STATEMENT_ENDS.isdisjoint(copy):
        while start > 0 and base[start - 1] not in STATEMENT_ENDS:
            start -= 1
        while end < len(base) and base[end - 1] not in STATEMENT_ENDS:
            end += 1
    return start, end


def _is_telling(key: bytes) -> bool:
    """Whether a token is a name of somebody's own: types and signs are alike in any two parameters."""
    return _NAME.fullmatch(key) is not None and key.lstrip(b"#") not in LANGUAGE


def _says_more(base: Sequence[bytes], side: Sequence[bytes]) -> bool:
    """Whether a side's edit is of more than comments."""
    one, two = ([k for k in keys if not is_comment(k) and k != END_OF_COMMENT] for keys in (base, side))
    return one != two


def _near(
    regions: Sequence[Region], base: Sequence[bytes], ours: Sequence[bytes], theirs: Sequence[bytes]
) -> list[Neighbours]:
    """The edits of the two sides that are near each other, and may have to do with each other.

    Raises ``Clash`` where both are of one expression.
    """
    found = [pair for pair in neighbours(regions, base, ours, theirs) if not pair.independent]
    if not all(pair.of_two_elements or pair.of_two_parts for pair in found):
        raise Clash("both sides changed the same expression")
    return found


def check_brackets(versions: Sequence[Tokens], keys: Sequence[bytes]) -> None:
    """Raises ``Clash`` if every version nests its brackets to the same end and the merge does not."""
    if len({nesting(version.keys) for version in versions}) == 1 and nesting(keys) != nesting(
        versions[0].keys
    ):
        raise Clash("the merged brackets do not nest")


def unbalanced(base: bytes, side: bytes) -> bool:
    """Whether ``side`` opens or closes brackets that it does not pair, other than ``base`` does."""
    return nesting(tokens_of(base).keys) != nesting(tokens_of(side).keys)
