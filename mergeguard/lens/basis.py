"""The text over which a layout is read, where that is not upstream's own.

An edit can change what a rule deals: a function with a branching is added, a choice goes from a function to a
macro, a block comes under a condition. The layout of the result has other glue all over, and traced over
upstream's layout no single stretch of it holds by itself. Read over the layout of the text that it was made
of, there is nothing to trace. So a lock may remember that text: as the stretches in which it differs from
upstream's, which it names anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mergeguard.cpp.diff import diff
from mergeguard.cpp.text import line_of
from mergeguard.lens.hunks import Edit, applied
from mergeguard.lens.layout import Layout

Basis = tuple[tuple[int, int, bytes], ...]  # bytes ``start:end`` of upstream's text become the third


def basis_of(pristine: bytes, monolith: bytes) -> Basis:
    """What makes ``monolith`` of ``pristine``: stretches of whole lines, in order."""
    return tuple(_stretches(pristine, monolith))


def based(pristine: bytes, basis: Basis) -> bytes:
    """The text that ``basis_of`` was asked about. Raises ValueError where it is no basis of ``pristine``."""
    end = 0
    for start, stop, _ in basis:
        if not end <= start <= stop <= len(pristine):
            raise ValueError(
                f"bytes {start}..{stop} are none of the {len(pristine)} bytes of upstream's file"
            )
        end = stop
    return applied(pristine, basis)


def edits_between(pristine: bytes, layout: Layout) -> tuple[Edit, ...]:
    """The edits that make the layout's monolith of ``pristine``, each with its place in the layout."""
    found: list[Edit] = []
    grown = 0
    for start, end, text in _stretches(pristine, layout.monolith):
        inside = text.index(text.strip()) if text.strip() else 0
        at = min(start + grown + inside, max(len(layout.monolith) - 1, 0))
        grown += len(text) - (end - start)
        path, line = (layout.path, 1) if not layout.monolith else _place(layout, at)
        found.append(Edit(start, end, text, path, line))
    return tuple(found)


def _place(layout: Layout, at: int) -> tuple[str, int]:
    file, offset = layout.to_layout(at)
    return file.path, line_of(file.text, offset)


def _stretches(pristine: bytes, monolith: bytes) -> Iterator[tuple[int, int, bytes]]:
    before, after = (text.splitlines(keepends=True) for text in (pristine, monolith))
    starts = _starts(before)
    for change in diff(before, after):
        yield starts[change.a0], starts[change.a1], b"".join(after[change.b0 : change.b1])


def _starts(lines: Sequence[bytes]) -> list[int]:
    found = [0]
    for line in lines:
        found.append(found[-1] + len(line))
    return found
