"""The report as one self-contained HTML page: its values, for ``templates/report.html``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from mergeguard.audit.findings import Located
from mergeguard.cpp.diff import diff
from mergeguard.fork.report import FileView, ForkReport
from mergeguard.lens.hunks import Hunk
from mergeguard.reporting.jsonreport import text
from mergeguard.reporting.page import page
from mergeguard.values import dataclass

_CONTEXT = 3
_LINES = 400


def render(ledger: ForkReport, version: str) -> str:
    """The whole page; ``version`` is mergeguard's."""
    return page(
        "report.html",
        title=f"mergeguard report: {ledger.branch}",
        version=version,
        ledger=ledger,
        views={rule.name: [_view(view) for view in rule.views] for rule in ledger.rules},
        most=_LINES,
        lines_of=_lines,
        spots_of=_spots,
    )


def _lines(hunk: Hunk) -> list[tuple[str, str]]:
    """A hunk's lines, each with its sign."""
    return [
        (sign, text(line)) for sign, side in (("-", hunk.old), ("+", hunk.new)) for line in side.splitlines()
    ]


def _spots(located: Located) -> list[tuple[str, str, int]]:
    """A finding's places as version, path and 1-based line."""
    return [
        (place.version, path, line)
        for place, (path, line) in zip(located.finding.places, located.spots, strict=True)
    ]


# -- side by side ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DiffRow:
    """One line of a side-by-side view: (0-based line, text) of each column, None where it has none."""

    cells: tuple[tuple[int, str] | None, ...]
    changed: tuple[bool, ...]


def rows(base: Sequence[str], *others: Sequence[str]) -> list[DiffRow]:
    """Several texts beside a base, equal lines on a row; where any of them differs, ``changed`` says so."""
    regions = _regions(base, others)
    out: list[DiffRow] = []
    at = 0
    shifts = [0] * len(others)
    for start, end, sizes in regions:
        out += [_same(base, n, shifts) for n in range(at, start)]
        columns: list[list[tuple[int, str] | None]] = [[(n, base[n]) for n in range(start, end)]]
        differ = [False]
        for which, other in enumerate(others):
            first = start + shifts[which]
            own = range(first, first + sizes[which])
            columns.append([(n, other[n]) for n in own])
            differ.append([other[n] for n in own] != list(base[start:end]))
            shifts[which] += sizes[which] - (end - start)
        differ[0] = any(differ)
        out += [DiffRow(tuple(cells), tuple(differ)) for cells in zip_longest(*columns)]
        at = end
    return [*out, *(_same(base, n, shifts) for n in range(at, len(base)))]


def _same(base: Sequence[str], line: int, shifts: Sequence[int]) -> DiffRow:
    cells = ((line, base[line]), *((line + shift, base[line]) for shift in shifts))
    return DiffRow(cells, (False,) * len(cells))


def _regions(base: Sequence[str], others: Sequence[Sequence[str]]) -> list[tuple[int, int, list[int]]]:
    """Base line ranges in which a text differs, touching ones joined; and how long each text is there."""
    changes = sorted(
        (c.a0, c.a1, which, c.b1 - c.b0) for which, other in enumerate(others) for c in diff(base, other)
    )
    regions: list[tuple[int, int, list[int]]] = []
    for start, end, which, size in changes:
        if regions and start <= regions[-1][1]:
            low, high, sizes = regions[-1]
            grown = max(high, end)
            sizes = [n + grown - high for n in sizes]
            regions[-1] = (low, grown, sizes)
        else:
            regions.append((start, end, [end - start] * len(others)))
        regions[-1][2][which] += size - (end - start)
    return regions


@dataclass(frozen=True, slots=True)
class ViewTable:
    """A file side by side: the columns' titles and kinds, and its rows near a change.

    In ``rows`` a gap stands as (lines left out, None), a row as (0, row).
    """

    path: str
    removed: bool
    titles: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: tuple[tuple[int, DiffRow | None], ...]


def _view(view: FileView) -> ViewTable:
    columns = {"base: the pristine layout": view.base, "yours": view.yours or b""}
    if view.upstream is not None:
        columns["upstream's newest"] = view.upstream
    texts = [[text(line) for line in raw.splitlines()] for raw in columns.values()]
    shown = tuple(_near(rows(texts[0], *texts[1:])))
    return ViewTable(view.path, view.yours is None, tuple(columns), ("del", "add", "up"), shown)


def _near(found: Sequence[DiffRow]) -> Iterator[tuple[int, DiffRow | None]]:
    """The rows within a few lines of a change, and the gaps between them."""
    near: set[int] = set()
    for n, row in enumerate(found):
        if any(row.changed):
            near.update(range(n - _CONTEXT, n + _CONTEXT + 1))
    skipped = 0
    for n, row in enumerate(found):
        if n not in near:
            skipped += 1
            continue
        if skipped:
            yield skipped, None
        skipped = 0
        yield 0, row
    if skipped:
        yield skipped, None
