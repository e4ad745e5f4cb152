"""`mergeguard ledger`: the fork's own work, and what the last merge made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from typing import Annotated

from mergeguard.audit.ownwork import WorkFate
from mergeguard.cli.console import opened, out, print_json, progress
from mergeguard.cli.declare import Argument, BadParameter, Json, Option, Upstream
from mergeguard.cli.markup import escape
from mergeguard.cli.render import print_findings
from mergeguard.errors import ExitCode, counted
from mergeguard.verbs import ownwork
from mergeguard.verbs.ownwork import Ledger, LedgerLine

#: Where the fork's work is in more files than fit on a screen, those in which all is well are only counted.
_SCREEN = 20
_QUIET = (WorkFate.SURVIVES, WorkFate.UPSTREAMS)
_MARKS = {WorkFate.SURVIVES: "[green]✓[/]", WorkFate.MOVED: "[green]→[/]", WorkFate.UPSTREAMS: "[blue]=[/]"}


def ledger(
    merge: Annotated[
        str | None, Argument(metavar="[MERGE]", help="A merge commit; default: the last with upstream.")
    ] = None,
    upstream: Upstream = None,
    accept: Annotated[
        str | None, Option("--accept", metavar="ID", help="This loss was meant; goes with --why.")
    ] = None,
    why: Annotated[str | None, Option("--why", metavar="TEXT", help="Why it was meant.")] = None,
    everything: Annotated[
        bool, Option("--all", help="Name every file and declaration, also where all survives.")
    ] = False,
    json: Json = False,
) -> int:
    """What only the fork has, by feature, and what the last merge made of it: survives, moved, lost."""
    if (accept is None) != (why is None):
        raise BadParameter("--accept ID goes with --why TEXT")
    here = opened()
    if accept is not None and why is not None:
        here.stage(ownwork.accept(here, accept, why), "ledger")
        out.print(f"Staged in {ownwork.PATH}: the loss of {escape(accept)} was meant.")
        return ExitCode.CLEAN
    with progress("ledger", quiet=json) as report:
        found = ownwork.ledger(here, merge, upstream, report)
    if json:
        print_json("ledger", _data(found))
    else:
        _print(found, everything=everything)
    return ExitCode.CLEAN if found.clean else ExitCode.FINDINGS


def _print(found: Ledger, *, everything: bool) -> None:
    told = f"after the merge {found.merge[:9]}" if found.merge else f"on top of {escape(found.upstream)}"
    out.print(f"[bold]{counted(len(found.lines), 'piece')} of the fork's own work[/] {told}")
    quiet = 0
    all_files = everything or len({line.outcome.work.path for line in found.lines}) <= _SCREEN
    for feature, lines in groupby(
        sorted(found.lines, key=lambda line: line.feature), lambda line: line.feature
    ):
        own = list(lines)
        out.print(f"[bold]{escape(feature or 'without a feature')}[/]: {_counts(own)}")
        for path, rows in groupby(own, lambda line: line.outcome.work.path):
            shown = list(rows)
            if all_files or any(line.outcome.fate not in _QUIET for line in shown):
                _print_file(path, shown, everything=everything)
            else:
                quiet += 1
    if quiet:
        rest = f"{counted(quiet, 'file')} in which all survives, or is upstream's, too"
        out.print(f"[dim]and {rest}: `mergeguard ledger --all`[/]")
    for line in found.lines:
        if line.open:
            work = line.outcome.work
            out.print(f"[red]{line.outcome.fate}[/]: {escape(work.path)}:{work.line} {escape(_what(line))}")
            out.print(f"  it was meant: `mergeguard ledger --accept {work.id} --why TEXT`")
    print_findings(found.broken_pins)


def _print_file(path: str, rows: list[LedgerLine], *, everything: bool) -> None:
    out.print(f"  {escape(path)}  [dim]{_counts(rows)}[/]")
    for line in rows if everything else ():
        outcome = line.outcome
        place = f"  [dim]{escape(outcome.path)}:{outcome.line}[/]" if outcome.fate is WorkFate.MOVED else ""
        out.print(f"    {_MARKS.get(outcome.fate, '[red]![/]')} {escape(_what(line))}: {outcome.fate}{place}")


def _counts(lines: Iterable[LedgerLine]) -> str:
    counts = Counter(line.outcome.fate for line in lines)
    return ", ".join(f"{counts[fate]} {fate}" for fate in WorkFate if counts[fate])


def _what(line: LedgerLine) -> str:
    work = line.outcome.work
    return f"{work.kind} {work.name} ({work.change})" if work.name else f"the file ({work.change})"


def _data(found: Ledger) -> dict[str, object]:
    return {
        "merge": found.merge,
        "upstream": found.upstream,
        "clean": found.clean,
        "work": [
            {
                "id": line.outcome.work.id,
                "feature": line.feature,
                "path": line.outcome.work.path,
                "kind": line.outcome.work.kind,
                "name": line.outcome.work.name,
                "change": line.outcome.work.change.value,
                "fate": line.outcome.fate.value,
                "now": {"path": line.outcome.path, "line": line.outcome.line},
                "lines": line.outcome.of,
                "kept": line.outcome.kept,
                "accepted": line.accepted,
            }
            for line in found.lines
        ],
        "pins": [finding.message for finding in found.broken_pins],
    }
