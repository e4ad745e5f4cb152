"""The report as Markdown, made to be the comment of a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from mergeguard.errors import RESOLVE
from mergeguard.errors import counted as count
from mergeguard.fork.report import Arrival, Case, ForkReport, LastSync, RuleLedger
from mergeguard.lens.hunks import Hunk
from mergeguard.reporting.inert import code, fenced, html, one_line
from mergeguard.reporting.inert import markdown as escape
from mergeguard.reporting.jsonreport import text

#: More lines of one diff than this are folded away by a code host anyway.
_LINES = 60
_ARRIVALS = 12


def render(ledger: ForkReport) -> str:
    """The whole report."""
    out = ["## mergeguard report", "", _summary(ledger), ""]
    out += [f"> {escape(note)}" for note in ledger.notes]
    if ledger.conflicts:
        out += ["", "### Conflicts", "", *(f"- {code(place)}" for place in ledger.conflict_places)]
    if ledger.last_sync is not None:
        out += ["", *_last_sync(ledger.last_sync)]
    split = [r for r in ledger.rules if r.upstream is not None]
    if split:
        out += ["", "| rule | monolith | state | came | waiting | local edits | overlay | unmapped |"]
        out += ["|---|---|---|--:|--:|--:|--:|--:|", *(_row(rule) for rule in split)]
    if ledger.cases:
        out += ["", "### Unmapped hunks"]
        for case in ledger.cases:
            out += ["", *_case(case)]
    for rule in split:
        out += _rule(ledger, rule)
    command = ledger.next_command()
    if command:
        out += ["", f"**next:** {RESOLVE if ledger.conflicts else ''}{code(command)}"]
    return "\n".join(out).rstrip() + "\n"


def _summary(ledger: ForkReport) -> str:
    where = f"{code(ledger.branch)} at {code(ledger.head[:12])}"
    if ledger.clean:
        mapped = "every local edit is mapped to upstream's own files, or kept on purpose"
        if ledger.findings:
            found = count(len(ledger.findings), "finding")
            return f"⚠️ {where}: {mapped}; {found} of the last sync's audit to look at."
        return f"✅ {where}: {mapped}."
    return f"⚠️ {where}: {', '.join(ledger.to_look_at())} to look at."


def _last_sync(last: LastSync) -> list[str]:
    title = (
        f"Last sync: {code(last.upstream)} at {code(last.theirs[:12])}, "
        f"{count(last.commits, 'commit')}, {escape(last.described)}."
    )
    return [title, *(f"- {escape(message)}" for message in last.messages), *_audit(last)]


def _audit(last: LastSync) -> list[str]:
    lines = []
    for located in last.audit or ():
        finding = located.finding
        hint = f" ({escape(finding.hint)})" if finding.hint else ""
        lines.append(f"- ⚠️ {code(finding.code)} {_spot(located.at)}: {escape(finding.message)}{hint}")
        also = [
            f"{place.version} {_spot(spot)}"
            for place, spot in [*zip(finding.places, located.spots, strict=True)][1:]
        ]
        also += [f"{c.side} {code(c.oid[:12])} {escape(c.subject)}" for c in located.commits]
        lines += [f"  - {line}" for line in also]
    return lines


def _spot(spot: tuple[str, int]) -> str:
    return code(f"{spot[0]}:{spot[1]}")


def _row(rule: RuleLedger) -> str:
    still_open = sum(c.open for c in rule.unmapped)
    cells = (
        escape(rule.name),
        code(rule.monolith or ""),
        escape(rule.state),
        str(len(rule.arrived) or ""),
        str(len(rule.waiting) or ""),
        str(len(rule.edits) or ""),
        str(len(rule.overlay) or ""),
        f"**{still_open}**" if still_open else "",
    )
    return _cells(*cells)


def _cells(*cells: str) -> str:
    """A table's row; a ``|`` in it must be escaped, even in code."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _case(case: Case) -> list[str]:
    hunk = case.hunk
    near = ""
    if case.nearest:
        line = f" (line {case.nearest_line} upstream)" if case.nearest_line else ""
        near = f", nearest declaration {code(case.nearest)}{line}"
    out = [
        f"#### {code(case.id)} {code(f'{hunk.path}:{hunk.line}')}",
        "",
        f"{escape(case.message)}{near}.",
    ]
    if case.kept is not None:
        out.append(f"Kept in the layout{f': {escape(case.kept)}' if case.kept else ' on purpose'}.")
    out += ["", *diff_block(hunk)]
    if case.places:
        out += ["", "| place | similarity |", "|---|--:|"]
        out += [
            _cells(f"{code(f'{p.path}:{p.line}')}, {p.side} {code(p.item)}", f"{p.similarity:.0%}")
            for p in case.places
        ]
    commands = [f"{command}  # {does}" for does, command in case.commands()]
    return [*out, "", *fenced(commands, "sh")]


def _rule(ledger: ForkReport, rule: RuleLedger) -> list[str]:
    synced = ledger.synced(rule)
    lines: list[str] = []
    if rule.problem:
        lines.append(f"- ❌ {escape(rule.problem)}")
    lines += [f"- came from upstream: {_arrival(a)}" for a in rule.arrived[:_ARRIVALS]]
    lines += _more(rule.arrived, "came from upstream")
    lines += [f"- waiting upstream: {_arrival(a)}" for a in rule.waiting[:_ARRIVALS]]
    lines += _more(rule.waiting, "wait upstream")
    lines += [
        f"- local edit {code(f'{e.path}:{e.line}')}: +{e.added} -{e.removed}"
        + (f" in {code(e.item)}" if e.item else "")
        for e in rule.edits
    ]
    lines += [f"- overlay {code(f'{h.path}:{h.line}')}" for h in rule.overlay]
    if synced is not None:
        lines += [f"- conflict {code(path)}" for path in synced.conflicts]
        lines += [f"- ⚠️ {escape(finding)}" for finding in synced.findings]
    lines += [f"- {escape(note)}" for note in ledger.notes_of(rule)]
    if not lines:
        return []
    return [
        "",
        f"<details><summary><b>{html(one_line(rule.name))}</b> ({count(len(lines), 'line')})</summary>",
        "",
        *lines,
        "",
        "</details>",
    ]


def _arrival(arrival: Arrival) -> str:
    return f"{code(arrival.item)} {arrival.status}, +{arrival.added} -{arrival.removed}"


def _more(arrivals: Sequence[Arrival], what: str) -> list[str]:
    left = len(arrivals) - _ARRIVALS
    return [f"- {left} more items {what}"] if left > 0 else []


def diff_block(hunk: Hunk) -> list[str]:
    """The hunk as a fenced diff; long ones are cut, and say so."""
    lines = [f"-{text(line)}" for line in hunk.old.splitlines()]
    lines += [f"+{text(line)}" for line in hunk.new.splitlines()]
    cut = len(lines) - _LINES
    if cut > 0:
        lines = [*lines[:_LINES], f" … {cut} more lines"]
    return fenced(lines, "diff")
