"""The report as one self-contained HTML page: no scripts, no external resources, light and dark by CSS."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from mergeguard.audit.findings import Located
from mergeguard.cpp.diff import diff
from mergeguard.fork.report import Arrival, Case, FileView, ForkReport, LastSync, RuleLedger
from mergeguard.lens.unsplit import Hunk
from mergeguard.reporting.inert import attribute
from mergeguard.reporting.inert import html as esc
from mergeguard.reporting.jsonreport import text
from mergeguard.reporting.markdown import count, places
from mergeguard.reporting.page import page
from mergeguard.values import dataclass

_CONTEXT = 3
_LINES = 400


def render(ledger: ForkReport, version: str) -> str:
    """The whole page; ``version`` is mergeguard's."""
    body = [
        f"<h1>mergeguard report <span class=dim>{esc(ledger.branch)} at {esc(ledger.head[:12])}</span></h1>",
        _summary(ledger),
        *(f"<p class=warn>{esc(note)}</p>" for note in ledger.notes),
    ]
    if ledger.conflicts:
        body += [
            "<h2>Conflicts</h2>",
            _items(f"<code>{esc(place)}</code>" for place in places(ledger.conflicts)),
        ]
    if ledger.last_sync is not None:
        body += ["<h2>Last sync</h2>", _last_sync(ledger.last_sync)]
    body += ["<h2>Rules</h2>", _table(ledger.rules)]
    cases = sorted((c for r in ledger.rules for c in r.unmapped), key=lambda c: not c.open)
    if cases:
        body += ["<h2 id=unmapped>Unmapped hunks</h2>", *(_case(case) for case in cases)]
    body += [_rule(rule, ledger.last_sync) for rule in ledger.rules if rule.upstream is not None]
    return page(f"mergeguard report: {ledger.branch}", version, body)


# -- parts -----------------------------------------------------------------------------------------------


def _summary(ledger: ForkReport) -> str:
    if ledger.clean:
        return "<p class=good>Every local edit is mapped to upstream's own files, or kept on purpose.</p>"
    parts = []
    if ledger.conflicts:
        parts.append(count(len(ledger.conflicts), "conflicted file"))
    if ledger.open:
        parts.append(f"<a href='#unmapped'>{count(len(ledger.open), 'unmapped hunk')}</a>")
    broken = sum(r.problem is not None for r in ledger.rules)
    if broken:
        parts.append(count(broken, "rule") + " that can't be read")
    command = ledger.next_command()
    then = f"<pre>{esc(command)}</pre>" if command else ""
    return f"<p class=warn>To look at: {', '.join(parts)}.</p>{then}"


def _last_sync(last: LastSync) -> str:
    merge = f", landed as <code>{esc(last.commit[:12])}</code>" if last.commit else ""
    messages = _items(esc(message) for message in last.messages)
    return (
        f"<p><code>{esc(last.upstream)}</code> at <code>{esc(last.theirs[:12])}</code>, "
        f"{count(last.commits, 'commit')}{merge}: {esc(last.state)}.</p>{messages}"
        + _items(map(_found, last.audit or ()))
    )


def _found(located: Located) -> str:
    finding = located.finding
    places = [
        f"{place.version} <code>{esc(path)}:{line}</code>"
        for place, (path, line) in zip(finding.places, located.spots, strict=True)
    ]
    places += [f"{c.side} <code>{c.oid[:12]}</code> {esc(c.subject)}" for c in located.commits]
    hint = f" {esc(finding.hint)}." if finding.hint else ""
    return (
        f"<span class=warn>{esc(finding.code)}</span> {esc(finding.message)}.{hint}"
        f"<br><span class=dim>{'; '.join(places)}</span>"
    )


def _table(rules: Sequence[RuleLedger]) -> str:
    heads = ("rule", "monolith", "state", "came", "waiting", "local edits", "overlay", "unmapped")
    rows = []
    for rule in rules:
        numbers = (
            len(rule.arrived),
            len(rule.waiting),
            len(rule.edits),
            len(rule.overlay),
            sum(c.open for c in rule.unmapped),
        )
        name = esc(rule.name)
        link = f"<a href={attribute('#rule-' + rule.name)}>{name}</a>" if rule.upstream else name
        state = f"<span class=bad>{esc(rule.problem)}</span>" if rule.problem else esc(rule.state)
        cells = "".join(f"<td class=n>{n or ''}</td>" for n in numbers)
        rows.append(
            f"<tr><td>{link}</td><td><code>{esc(rule.monolith or '')}</code></td><td>{state}</td>{cells}</tr>"
        )
    head = "".join(f"<th{' class=n' if n > 2 else ''}>{h}</th>" for n, h in enumerate(heads))
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f"<div class=scroll><table class=list>{body}</table></div>"


def _case(case: Case) -> str:
    hunk = case.hunk
    near = ""
    if case.nearest:
        line = f" (line {case.nearest_line} upstream)" if case.nearest_line else ""
        near = f" Nearest declaration: <code>{esc(case.nearest)}</code>{line}."
    kept = ""
    if case.kept is not None:
        kept = f"<p class=good>Kept in the layout on purpose. {esc(case.kept)}</p>"
    rows = "".join(
        f"<tr><td><code>{esc(p.path)}:{p.line}</code></td><td>{p.side} <code>{esc(p.item)}</code></td>"
        f"<td class=n>{p.similarity:.0%}</td></tr>"
        for p in case.places
    )
    places = (
        "<div class=scroll><table class=list><thead><tr><th>candidate place</th><th></th>"
        f"<th class=n>similarity</th></tr></thead><tbody>{rows}</tbody></table></div>"
        if rows
        else ""
    )
    commands = "\n".join(
        f"{esc(command)}  <span class=dim># {esc(does)}</span>" for does, command in case.commands()
    )
    return (
        f"<article id={attribute('hunk-' + case.id)}><h3><code>{case.id}</code> "
        f"<code>{esc(hunk.path)}:{hunk.line}</code></h3>"
        f"<p>{esc(case.message)}.{near}</p>{kept}{_diff(hunk)}{places}<pre>{commands}</pre></article>"
    )


def _diff(hunk: Hunk) -> str:
    lines = [f"<del>-{esc(text(line))}</del>" for line in hunk.old.splitlines()]
    lines += [f"<ins>+{esc(text(line))}</ins>" for line in hunk.new.splitlines()]
    cut = len(lines) - _LINES
    if cut > 0:
        lines = [*lines[:_LINES], f"… {cut} more lines"]
    return f"<pre>{''.join(lines)}</pre>"


def _rule(rule: RuleLedger, last: LastSync | None) -> str:
    synced = None if last is None else last.rule(rule.name)
    title = f"{esc(rule.name)} <code class=dim>{esc(rule.monolith or '')}</code>"
    body = [f"<h2 id={attribute('rule-' + rule.name)}>{title}</h2>"]
    if rule.problem:
        body.append(f"<p class=bad>{esc(rule.problem)}</p>")
    if synced is not None:
        body.append(
            _items(f"<span class=bad>conflict</span> <code>{esc(p)}</code>" for p in synced.conflicts)
        )
        body.append(_items(f"<span class=warn>{esc(f)}</span>" for f in synced.findings))
    body.append(_folded("Came from upstream with the last sync", map(_arrival, rule.arrived)))
    body.append(_folded("Waiting upstream", map(_arrival, rule.waiting)))
    body.append(
        _folded(
            "Local edits, and where they are now",
            (
                f"<code>{esc(e.path)}:{e.line}</code> {esc(e.item)} "
                f"<span class=good>+{e.added}</span> <span class=bad>-{e.removed}</span>"
                for e in rule.edits
            ),
        )
    )
    body.append(
        _folded(
            "Overlay: edits of glue", (f"<code>{esc(h.path)}:{h.line}</code>{_diff(h)}" for h in rule.overlay)
        )
    )
    notes = dict.fromkeys((*rule.notes, *(synced.notes if synced is not None else ())))
    body.append(_folded("Notes", map(esc, notes)))
    body += [_view(view) for view in rule.views]
    return "\n".join(part for part in body if part)


def _arrival(arrival: Arrival) -> str:
    return (
        f"<code>{esc(arrival.item)}</code> {arrival.status} "
        f"<span class=good>+{arrival.added}</span> <span class=bad>-{arrival.removed}</span>"
    )


def _items(items: Iterable[str]) -> str:
    listed = "".join(f"<li>{item}</li>" for item in items)
    return f"<ul>{listed}</ul>" if listed else ""


def _folded(title: str, items: Iterable[str]) -> str:
    listed = list(items)
    if not listed:
        return ""
    state = " open" if len(listed) <= 12 else ""
    return f"<details{state}><summary>{title} ({len(listed)})</summary>{_items(listed)}</details>"


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


def _view(view: FileView) -> str:
    columns = {"base: the pristine layout": view.base, "yours": view.yours or b""}
    kinds = ["del", "add"]
    if view.upstream is not None:
        columns["upstream's newest"] = view.upstream
        kinds.append("up")
    texts = [[text(line) for line in raw.splitlines()] for raw in columns.values()]
    table = _table_rows(rows(texts[0], *texts[1:]), kinds)
    heads = "".join(f"<th colspan=2>{title}</th>" for title in columns)
    cols = "<col class=no><col>" * len(columns)
    gone = " <span class=bad>(removed)</span>" if view.yours is None else ""
    return (
        f"<details open><summary><code>{esc(view.path)}</code>{gone}</summary><div class=scroll>"
        f"<table class=view><colgroup>{cols}</colgroup><thead><tr>{heads}</tr></thead>"
        f"<tbody>{table}</tbody></table></div></details>"
    )


def _table_rows(found: Sequence[DiffRow], kinds: Sequence[str]) -> str:
    near: set[int] = set()
    for n, row in enumerate(found):
        if any(row.changed):
            near.update(range(n - _CONTEXT, n + _CONTEXT + 1))
    out: list[str] = []
    skipped = 0
    for n, row in enumerate(found):
        if n not in near:
            skipped += 1
            continue
        if skipped:
            out.append(_gap(skipped, len(kinds)))
            skipped = 0
        out.append("<tr>" + "".join(map(_cell, row.cells, row.changed, kinds)) + "</tr>")
    if skipped:
        out.append(_gap(skipped, len(kinds)))
    return "".join(out)


def _gap(lines: int, columns: int) -> str:
    return f"<tr class=gap><td colspan={2 * columns}>{count(lines, 'line')}</td></tr>"


def _cell(cell: tuple[int, str] | None, changed: bool, kind: str) -> str:
    if cell is None:
        return "<td class=no></td><td></td>"
    number, line = cell
    mark = f" class={kind}" if changed else ""
    return f"<td class=no>{number + 1}</td><td{mark}>{esc(line)}</td>"
