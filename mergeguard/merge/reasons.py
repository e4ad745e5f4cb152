"""Why a conflict is one, in one line for people: where the two edits meet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mergeguard.cpp.diff import Change, diff, matches
from mergeguard.cpp.tokens import Tokens, is_comment, tokens_of
from mergeguard.merge.lines import split_lines
from mergeguard.merge.markers import refine
from mergeguard.merge.result import Conflict, Piece, Resolved

_NAME = re.compile(rb"[A-Za-z_]\w*(?:::\w+)*\Z")
_TYPE_END = re.compile(rb"(?:(?!return\b|else\b)[A-Za-z_]\w*|[*&>]|::)\Z")
_MOST = 8  # reasons that a screen shows of one file
_FEW, _MOST_CHANGED = 40, 0.6  # of more tokens, and this share of them gone on both sides, no place is named
_WIDTH = 56  # of a line of code that names a place
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
_CLOSE = {b")": b"(", b"]": b"[", b"}": b"{"}
_STOPS = (b";", b"#\n", b"/\n", b"/*/")
_NAME_ENDS = (*_STOPS, b"{")
_SILENT = (b"{", b"}", b"(", b")", b";", b"#\n", b"/\n", b"/*/")
_NO_CALLS = (b"if", b"for", b"while", b"switch", b"return", b"sizeof", b"defined")


class ConflictReason(NamedTuple):
    """``line`` is that of the conflict's first marker in the text with markers, 1-based."""

    line: int
    said: str


def reasons(pieces: Iterable[Piece], style: str = "merge") -> list[ConflictReason]:
    """One for each conflict as ``style`` shows it."""
    found: list[ConflictReason] = []
    line = 1
    whole = [piece for piece in pieces if isinstance(piece, Conflict)]
    for piece in refine(whole and pieces, style):
        if isinstance(piece, Resolved):
            line += piece.text.count(b"\n")
            continue
        around = next((c for c in whole if piece.ours in c.ours and piece.theirs in c.theirs), None)
        found.append(ConflictReason(line, reason(_with_base(piece, around) if around else piece)))
        shown = (piece.ours, piece.theirs) if style == "merge" else (piece.base, piece.ours, piece.theirs)
        line += sum(_lines(text) for text in shown) + len(shown) + 1
    return found


def _with_base(part: Conflict, whole: Conflict) -> Conflict:
    """A part of a conflict, as git shows it, with the lines of the base that it is about."""
    if part.ours == whole.ours and part.theirs == whole.theirs:
        return whole
    base = split_lines(whole.base)
    ranges = [
        _range(base, split_lines(side), side[: side.find(text)].count(b"\n"), text.count(b"\n"))
        for side, text in ((whole.ours, part.ours), (whole.theirs, part.theirs))
        if text
    ]
    start, end = min(r[0] for r in ranges), max(r[1] for r in ranges)
    return Conflict(b"".join(base[start:end]), part.ours, part.theirs)


def _range(base: Sequence[bytes], side: Sequence[bytes], start: int, count: int) -> tuple[int, int]:
    """Which lines of the base stand where ``count`` lines of a side do."""
    known = {m.b + k: m.a + k for m in matches(base, side) for k in range(m.size)}
    first = max((old + 1 for new, old in known.items() if new < start), default=0)
    last = min((old for new, old in known.items() if new >= start + count), default=len(base))
    return first, last


def told(path: str, pieces: Iterable[Piece], style: str) -> tuple[str, ...]:
    """The reasons as lines for a screen: ``path:line: why``; of many only the first."""
    found = reasons(pieces, style)
    lines = [f"{path}:{line}: {said}" for line, said in found[:_MOST]]
    if len(found) > _MOST:
        lines.append(f"{path}: {len(found) - _MOST} more conflicts")
    return tuple(lines)


def _lines(text: bytes) -> int:
    return text.count(b"\n") + (not text.endswith(b"\n") and bool(text))


def reason(conflict: Conflict) -> str:
    """What the two sides did there."""
    b, o, t = (tokens_of(text) for text in (conflict.base, conflict.ours, conflict.theirs))
    if o.keys == t.keys:
        return "the two sides differ in layout only"
    if not b.keys:
        return _added(o, t)
    if not o.keys or not t.keys:
        who, other = ("you", "they") if not o.keys else ("they", "you")
        return f"{who} removed what {other} edited: `{_named(b)}`"
    if all(map(is_comment, (*b.keys, *o.keys, *t.keys))):
        return "both changed the words of a comment"
    if b.keys in (o.keys, t.keys):
        return f"one side edited what the other laid out anew: `{_named(b)}`"
    changes = diff(b.keys, o.keys), diff(b.keys, t.keys)
    if min(map(_changed, changes)) > _MOST_CHANGED * len(b.keys) and len(b.keys) > _FEW:
        return f"both wrote anew what began with `{_named(b)}`"
    return _place(b, _meeting(*changes))


def _changed(changes: Sequence[Change]) -> int:
    """How many tokens of the base changes take away."""
    return sum(change.a1 - change.a0 for change in changes)


def _added(ours: Tokens, theirs: Tokens) -> str:
    if not ours.keys or not theirs.keys:
        who = "you" if ours.keys else "they"
        return f"{who} added `{_named(ours if ours.keys else theirs)}` where the other side cut"
    one, two = _declared(ours), _declared(theirs)
    if one and one == two:
        return f"both added `{one}`, in other words"
    one, two = _named(ours), _named(theirs)
    if one == two:
        return f"both added `{one}`, and the rest in other words"
    return f"both added something at one place: `{one}` and `{two}`"


def _meeting(mine: Sequence[Change], other: Sequence[Change]) -> int:
    """The token of the base where the edits of the two sides come closest."""
    pairs = (
        (max(one.a0, two.a0) - min(one.a1, two.a1), max(one.a0, two.a0)) for one in mine for two in other
    )
    return min(pairs)[1]


def _place(base: Tokens, index: int) -> str:
    """How to name the place of the base's token ``index``."""
    keys = base.keys
    depth = commas = 0
    at = min(index, len(keys)) - 1
    while at >= 0 and keys[at] not in _STOPS and not (depth == 0 and keys[at] in (b"{", b"}")):
        key = keys[at]
        if key in _CLOSE:
            depth += 1
        elif key in _CLOSE.values():
            if depth == 0:
                break
            depth -= 1
        elif key == b"," and depth == 0:
            commas += 1
        at -= 1
    called = keys[at - 1] if at > 0 and keys[at] == b"(" else b""
    if _NAME.match(called) and called not in _NO_CALLS:
        which = _ORDINALS[commas] if commas < len(_ORDINALS) else f"{commas + 1}th"
        return f"both changed the {which} argument of `{called.decode('utf-8', 'replace')}`"
    start = min(index, len(keys) - 1)
    while start > 0 and keys[start - 1] not in _STOPS and keys[start - 1] not in (b"{", b"}"):
        start -= 1
    return f"both changed `{_named(base, start)}`"


def _declared(tokens: Tokens) -> str:
    """The name before the first parenthesis, of what is probably a declaration."""
    plain = [key for key in tokens.keys if not is_comment(key)]
    at = plain.index(b"(") if b"(" in plain else 0
    head = plain[max(at - 2, 0) : at]
    if len(head) < 2 or head[1] in _NO_CALLS or not _NAME.match(head[1]) or not _TYPE_END.match(head[0]):
        return ""
    return head[1].decode("utf-8", "replace")


def _named(tokens: Tokens, start: int = 0) -> str:
    """The statement that begins at the first token from one on that is more than a comment or a bracket, cut
    short."""
    end = start
    while end < len(tokens.keys) and (is_comment(tokens.keys[end]) or tokens.keys[end] in _SILENT):
        end += 1
    if end == len(tokens.keys):  # nothing but brackets: what stands before them names the place
        end = start
        while end > 0 and (is_comment(tokens.keys[end]) or tokens.keys[end] in _SILENT):
            end -= 1
        while end > 0 and tokens.keys[end - 1] not in _STOPS:
            end -= 1
    start = end
    ends = (k for k in range(start, len(tokens.keys)) if tokens.keys[k] in _NAME_ENDS)
    end = next(ends, len(tokens.keys) - 1) + 1
    parts = zip(tokens.gaps[start:end], tokens.texts[start:end], strict=True)
    line = b" ".join(b"".join(gap + text for gap, text in parts).split()).decode("utf-8", "replace")
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1].rstrip() + "…"
