"""Why a conflict is one, in one line for people: where the two edits meet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mergeguard.cpp.diff import Change, diff
from mergeguard.cpp.tokens import Tokens, is_comment, tokens_of
from mergeguard.merge.markers import refine
from mergeguard.merge.result import Conflict, Piece, Resolved

_NAME = re.compile(rb"[A-Za-z_]\w*(?:::\w+)*\Z")
_MOST = 8  # reasons that a screen shows of one file
_WIDTH = 56  # of a line of code that names a place
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
_CLOSE = {b")": b"(", b"]": b"[", b"}": b"{"}
_STOPS = (b";", b"#\n", b"/\n", b"/*/")
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
        # Parts of a conflict, as git shows them, do not know their base.
        around = next((c for c in whole if piece.ours in c.ours and piece.theirs in c.theirs), piece)
        found.append(ConflictReason(line, reason(around)))
        shown = (piece.ours, piece.theirs) if style == "merge" else (piece.base, piece.ours, piece.theirs)
        line += sum(_lines(text) for text in shown) + len(shown) + 1
    return found


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
    return _place(b, _meeting(diff(b.keys, o.keys), diff(b.keys, t.keys)))


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
    return plain[at - 1].decode("utf-8", "replace") if at > 1 and _NAME.match(plain[at - 1]) else ""


def _named(tokens: Tokens, start: int = 0) -> str:
    """The first line from a token on that is more than a comment or a bracket, cut short."""
    end = start
    while end < len(tokens.keys) and (is_comment(tokens.keys[end]) or tokens.keys[end] in _SILENT):
        end += 1
    start = end if end < len(tokens.keys) else start
    text = b"".join(g + x for g, x in zip(tokens.gaps[start:], tokens.texts[start:], strict=True)).strip()
    line = b" ".join(text.split(b"\n", 1)[0].split()).decode("utf-8", "replace")
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1].rstrip() + "…"
