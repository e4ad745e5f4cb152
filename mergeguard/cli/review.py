"""check, audit and plan: what is wrong in a layout and in a merge, what comes; nothing is compiled."""

from __future__ import annotations

import json as json_
import sys
from typing import TYPE_CHECKING, Annotated

from mergeguard import __version__
from mergeguard.cli.console import NO_RULES, opened, out, print_json, progress
from mergeguard.cli.declare import Argument, BadParameter, Json, Option
from mergeguard.cli.markup import Table, escape
from mergeguard.cli.paths import file_from_root
from mergeguard.cli.render import print_audit, print_findings
from mergeguard.errors import ExitCode, LayoutError, counted
from mergeguard.findings import Finding, to_json

if TYPE_CHECKING:
    from mergeguard.verbs import auditing


def check(
    names: Annotated[
        list[str] | None,
        Argument(
            metavar="[RULE|FILE]...",
            help="Rules; all if none is named. Files: units of a split by hand, held against each other.",
        ),
    ] = None,
    json: Json = False,
    staged: Annotated[bool, Option("--staged", help="Look at the index instead of the work tree.")] = False,
    ast: Annotated[
        bool, Option("--ast", help="Also hold clang's AST of the layout against the monolith's.")
    ] = False,
) -> int:
    """The laws on your own repository: drift, edited glue, unmapped hunks, double homes, ODR traps."""
    from mergeguard.hooks import aftermath
    from mergeguard.verbs import checking

    here = opened(merges=True)
    unfinished = aftermath.unfinished(here.repository)
    workspace = here.staged() if staged else here.work_tree()
    known = {guarded.name for guarded in workspace.guarded}
    asked = [name if name in known else file_from_root(here, name) for name in names or ()]
    files = [name for name in asked if name not in known and workspace.read(name) is not None]
    rules = [name for name in asked if name not in files]
    findings: tuple[Finding, ...] = ()
    with progress("check", quiet=json):
        if files:
            from mergeguard.verbs.checking import layouts

            findings += layouts.run_units(workspace, files)
        if rules or not files:
            findings += checking.run_fork(here, workspace, rules, unfinished)
        if ast and (rules or not files):
            from mergeguard.verbs.compiled import astcheck

            findings += astcheck.run(workspace, rules or None)
    failed = checking.failures(findings)
    if json:
        print_json("check", to_json(findings))
    else:
        print_findings(findings)
        if not workspace.guarded and not files:
            out.print(NO_RULES)
            return ExitCode.CLEAN
        word = f"[red]{counted(len(failed), 'finding')}[/]" if failed else "[green]clean[/]"
        counts = [counted(len(files), "file")] if files else []
        if rules or not files:
            counts.append(counted(len(rules or workspace.guarded), "rule"))
        out.print(f"{' and '.join(counts)} checked: {word}")
    return ExitCode.FINDINGS if failed else ExitCode.CLEAN


def plan(
    upstream: Annotated[str | None, Argument(metavar="REF", help="What to catch up with.")] = None,
    audit: Annotated[
        bool | None,
        Option("--audit/--no-audit", help="Whether a clean step audits clean, too (the default)."),
    ] = None,
    json: Json = False,
) -> int:
    """The way to a far-away upstream: the longest clean runs, each conflicting commit by itself."""
    from mergeguard.verbs import plan as planning
    from mergeguard.verbs.sync import wants_audit

    here = opened()
    here.head()
    ref = here.upstream(upstream)
    if ref is None:
        raise LayoutError("no upstream is known", hint="`mergeguard plan REF`")
    with progress("plan", quiet=json) as report:
        found = planning.plan(
            here.repository, ref, audit=wants_audit(here.repository, audit), progress=report
        )
    if json:
        from dataclasses import asdict

        print_json("plan", asdict(found))
        return ExitCode.CLEAN
    table = Table()
    for column in ("step", "range", "commits", "files", "conflicts", "findings", "subject of the last"):
        table.add_column(column)
    for number, step in enumerate(found.steps, 1):
        table.add_row(
            str(number),
            f"{step.first[:9]}..{step.last[:9]}" if step.count > 1 else step.last[:9],
            str(step.count),
            str(step.files),
            f"[red]{len(step.conflicts)}[/]" if step.conflicts else "",
            f"[yellow]{len(step.findings)}[/]" if step.findings else "",
            escape(step.subject[:60]),
        )
    out.print(table if found.steps else "Nothing to catch up with.")
    for number, step in enumerate(found.steps, 1):
        for line in (*step.conflicts, *step.findings):
            out.print(f"  {number}: {escape(line)}")
    out.print(
        f"{counted(found.commits, 'commit')} in {counted(len(found.steps), 'step')}, "
        f"{counted(found.probes, 'merge')} tried"
    )
    if found.steps:
        out.print(f"[bold]next:[/] `mergeguard sync {escape(ref)} --stepwise`")
    return ExitCode.CLEAN


def audit(
    revision: Annotated[
        str | None,
        Argument(
            metavar="[MERGE|RANGE]", help="A merge commit, or A..B for every merge in it; default: the last."
        ),
    ] = None,
    ast: Annotated[
        bool, Option("--ast", help="Ask libclang, too: errors that it sees in the result alone.")
    ] = False,
    json: Annotated[bool, Option("--json", help="Print one JSON document instead.")] = False,
    sarif: Annotated[bool, Option("--sarif", help="Print SARIF instead.")] = False,
) -> int:
    """What conflict markers don't show after a merge: doubled, lost, unused, renamed under your feet."""
    from mergeguard.reporting.audits import audits_data, audits_sarif
    from mergeguard.verbs import auditing

    if json and sarif:
        raise BadParameter("--json or --sarif")
    here = opened()
    here.head()
    with progress("audit", quiet=json or sarif) as report:
        audits = auditing.run(here.repository, revision, report, ast=ast)
    count = sum(len(audited.findings) for audited in audits)
    if sarif:
        sys.stdout.write(json_.dumps(audits_sarif(audits, __version__), indent=2) + "\n")
    elif json:
        print_json("audit", audits_data(audits))
    else:
        for audited in audits:
            _print_audited(audited)
        if not audits:
            out.print("There is no merge in this range.")
    return ExitCode.FINDINGS if count else ExitCode.CLEAN


def _print_audited(audited: auditing.Audited) -> None:
    title = f"{audited.merge[:12]} " if audited.merge else ""
    out.print(f"[bold]{escape(title + audited.subject)}[/]")
    print_audit(audited.findings)
    found = f"[red]{counted(len(audited.findings), 'finding')}[/]" if audited.findings else "[green]clean[/]"
    out.print(f"{counted(audited.files, 'file')} compared: {found}")
