"""Definitions that a text has twice, or that are back in it, as conflicts at their places."""

from __future__ import annotations

from collections.abc import Sequence

from mergeguard.merge.result import Conflict, Piece, Resolved, join


def apart(
    base: bytes, ours: bytes, theirs: bytes, merged: bytes, returned: Sequence[str] = ()
) -> tuple[Piece, ...]:
    """The merged text with each definition that is there twice made a conflict at both places, and each that
    ``returned`` names at its own."""
    from mergeguard.merge.checks.conservation import places
    from mergeguard.merge.checks.examine import duplicates

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
