"""Conflict markers as git writes and reads them: the styles ``merge``, ``diff3`` and ``zdiff3``."""

from __future__ import annotations

from collections.abc import Iterable

from mergeguard.cpp.diff import matches
from mergeguard.merge.lines import split_lines
from mergeguard.merge.result import Conflict, Piece, Resolved, join

STYLES = ("merge", "diff3", "zdiff3")


def refine(pieces: Iterable[Piece], style: str) -> tuple[Piece, ...]:
    """The pieces as ``style`` shows them.

    ``merge`` takes lines common to both sides out of a conflict and joins conflicts again that have three
    lines or fewer, or no letter or digit, between them (git's XDL_MERGE_ZEALOUS_ALNUM); ``zdiff3`` takes them
    out only at a conflict's ends; ``diff3`` shows it whole, since the base has no such common parts.
    """
    result: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Resolved) or style == "diff3":
            result.append(piece)
        elif style == "zdiff3":
            result.extend(_trim(piece))
        else:
            result.extend(_split(piece))
    return _rejoin(join(result)) if style == "merge" else join(result)


def size_of_conflicts(pieces: tuple[Piece, ...]) -> tuple[int, int]:
    """How many lines a person sees between markers, in git's own style, and in how many conflicts."""
    conflicts = [p for p in refine(pieces, "merge") if isinstance(p, Conflict)]
    return sum(p.ours.count(b"\n") + p.theirs.count(b"\n") for p in conflicts), len(conflicts)


def _rejoin(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    result: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Conflict) and len(result) > 1:
            before, between = result[-2], result[-1]
            if isinstance(before, Conflict) and isinstance(between, Resolved) and _is_slight(between.text):
                result[-2:] = [
                    Conflict(
                        before.base + between.text + piece.base,
                        before.ours + between.text + piece.ours,
                        before.theirs + between.text + piece.theirs,
                    )
                ]
                continue
        result.append(piece)
    return tuple(result)


def _is_slight(text: bytes) -> bool:
    return text.count(b"\n") <= 3 or not _has_alnum(text)


def _trim(conflict: Conflict) -> list[Piece]:
    ours, theirs = split_lines(conflict.ours), split_lines(conflict.theirs)
    head = 0
    while head < min(len(ours), len(theirs)) and ours[head] == theirs[head]:
        head += 1
    tail = 0
    while tail < min(len(ours), len(theirs)) - head and ours[-1 - tail] == theirs[-1 - tail]:
        tail += 1
    return [
        Resolved(b"".join(ours[:head])),
        Conflict(
            conflict.base,
            b"".join(ours[head : len(ours) - tail]),
            b"".join(theirs[head : len(theirs) - tail]),
        ),
        Resolved(b"".join(ours[len(ours) - tail :])),
    ]


def _split(conflict: Conflict) -> list[Piece]:
    ours, theirs = split_lines(conflict.ours), split_lines(conflict.theirs)
    if not ours or not theirs:
        return [conflict]
    result: list[Piece] = []
    o = t = 0
    for match in matches(ours, theirs):
        common = ours[match.a : match.a + match.size]
        if o < match.a or t < match.b:
            result.append(Conflict(b"", b"".join(ours[o : match.a]), b"".join(theirs[t : match.b])))
        result.append(Resolved(b"".join(common)))
        o, t = match.a + match.size, match.b + match.size
    if not result:
        return [conflict]
    if o < len(ours) or t < len(theirs):
        result.append(Conflict(b"", b"".join(ours[o:]), b"".join(theirs[t:])))
    return result


def _has_alnum(text: bytes) -> bool:
    return any(byte < 128 and chr(byte).isalnum() for byte in text)


def render_markers(
    pieces: Iterable[Piece],
    labels: tuple[str, str, str] = ("ours", "base", "theirs"),
    style: str = "merge",
    marker_size: int = 7,
) -> bytes:
    """The merged text with conflict markers; ``labels`` name ours, base and theirs ("" for none)."""
    shown = refine(pieces, style)
    eol = b"\r\n" if _uses_crlf(shown) else b"\n"
    ours_label, base_label, theirs_label = labels

    def marker(sign: bytes, label: str) -> bytes:
        return sign * marker_size + (b" " + label.encode("utf-8", "surrogateescape") if label else b"") + eol

    out: list[bytes] = []
    for piece in shown:
        if isinstance(piece, Resolved):
            out.append(piece.text)
            continue
        if out and not out[-1].endswith(b"\n"):
            out.append(eol)
        out.append(marker(b"<", ours_label) + _whole_lines(piece.ours, eol))
        if style != "merge":
            out.append(marker(b"|", base_label) + _whole_lines(piece.base, eol))
        out.append(marker(b"=", "") + _whole_lines(piece.theirs, eol) + marker(b">", theirs_label))
    return b"".join(out)


def _whole_lines(text: bytes, eol: bytes) -> bytes:
    return text if not text or text.endswith(b"\n") else text + eol


def _uses_crlf(pieces: tuple[Piece, ...]) -> bool:
    for piece in pieces:
        text = piece.text if isinstance(piece, Resolved) else piece.ours or piece.theirs
        at = text.find(b"\n")
        if at >= 0:
            return text[max(at - 1, 0) : at] == b"\r"
    return False


def parse_markers(text: bytes, marker_size: int) -> tuple[Piece, ...]:
    """Reads back a diff3-style text whose markers are ``marker_size`` long (the caller chose a size that
    no line of the inputs has). A line ending that git had to add to a side stays with that side."""
    signs = {sign * marker_size: name for sign, name in ((b"<", 1), (b"|", 2), (b"=", 3), (b">", 4))}
    pieces: list[Piece] = []
    parts: list[list[bytes]] = [[], [], [], []]
    state = 0
    for line in split_lines(text):
        name = signs.get(line[:marker_size])
        if name is None or line[marker_size : marker_size + 1] not in (b" ", b"\n", b"\r", b""):
            parts[state].append(line)
        elif name < 4:
            state = name
        else:
            pieces.append(Resolved(b"".join(parts[0])))
            pieces.append(Conflict(b"".join(parts[2]), b"".join(parts[1]), b"".join(parts[3])))
            parts, state = [[], [], [], []], 0
    pieces.append(Resolved(b"".join(parts[0])))
    return join(pieces)
