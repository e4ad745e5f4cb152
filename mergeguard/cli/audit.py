"""``audit``: what conflict markers don't show after a clean merge."""

from __future__ import annotations

import json as json_
import sys
from typing import TYPE_CHECKING, Annotated

from mergeguard import __version__
from mergeguard.cli import render
from mergeguard.cli.console import opened, out, print_json, progress
from mergeguard.cli.declare import Argument, BadParameter, Option
from mergeguard.cli.markup import escape
from mergeguard.errors import ExitCode, counted

if TYPE_CHECKING:
    from mergeguard.verbs import auditing


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
            _print(audited)
        if not audits:
            out.print("There is no merge in this range.")
    return ExitCode.FINDINGS if count else ExitCode.CLEAN


def _print(audited: auditing.Audited) -> None:
    title = f"{audited.merge[:12]} " if audited.merge else ""
    out.print(f"[bold]{escape(title + audited.subject)}[/]")
    render.print_audit(audited.findings)
    found = f"[red]{counted(len(audited.findings), 'finding')}[/]" if audited.findings else "[green]clean[/]"
    out.print(f"{counted(audited.files, 'file')} compared: {found}")
