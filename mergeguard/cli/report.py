"""`mergeguard report` and `mergeguard unmapped`: the report, and manual review to the end."""

from __future__ import annotations

import json as json_module
import shlex
import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from mergeguard import __version__
from mergeguard.cli import render
from mergeguard.cli.console import opened, out, print_json, progress
from mergeguard.cli.declare import Argument, BadParameter, Option, VerbGroup
from mergeguard.cli.looking import overlay
from mergeguard.cli.markup import escape
from mergeguard.errors import ExitCode, LayoutError, Location, counted
from mergeguard.fork.candidates import Anchor
from mergeguard.fork.report import Arrival, Case, ForkReport, RuleLedger
from mergeguard.git.durable import write_output
from mergeguard.reporting import jsonreport, markdown
from mergeguard.reporting.sarif import sarif
from mergeguard.verbs import unmapped
from mergeguard.verbs.ledger import ledger

unmapped_app = VerbGroup()

Id = Annotated[str, Argument(metavar="ID", help="The hunk's id, or how it begins.")]
Json = Annotated[bool, Option("--json", help="Print one JSON document instead.")]
DryRun = Annotated[bool, Option("--dry-run", "-n", help="Show what would happen; change nothing.")]


class ReportFormat(StrEnum):
    """How a report is written."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"
    SARIF = "sarif"


_BY_SUFFIX = {
    ".md": ReportFormat.MARKDOWN,
    ".markdown": ReportFormat.MARKDOWN,
    ".html": ReportFormat.HTML,
    ".htm": ReportFormat.HTML,
    ".json": ReportFormat.JSON,
    ".sarif": ReportFormat.SARIF,
}


def report(
    format_: Annotated[
        ReportFormat | None,
        Option("--format", "-f", help="Default: by FILE's suffix, else for the terminal."),
    ] = None,
    output: Annotated[
        Path | None, Option("-o", "--output", metavar="FILE", help="Write the report to FILE.")
    ] = None,
    upstream: Annotated[str | None, Option("--upstream", metavar="REF", help="Upstream's branch.")] = None,
    suggest: Annotated[bool, Option(help="Look for places where unmapped hunks could go (slower).")] = True,
    pull_request: Annotated[
        bool, Option("--pull-request", help="The body of a pull request for the last merge, in Markdown.")
    ] = False,
    merge: Annotated[
        str | None,
        Option("--merge", metavar="COMMIT", help="With --pull-request: this merge, or a --stepwise branch."),
    ] = None,
    json: Annotated[bool, Option("--json", help="As --format json.")] = False,
) -> int:
    """What came from upstream, the local edits and where they are, and what needs a look."""
    if pull_request:
        if json or format_ not in (None, ReportFormat.MARKDOWN):
            raise BadParameter("--pull-request is Markdown")
        return _pull_request(merge, output)
    if merge is not None:
        raise BadParameter("--merge goes with --pull-request")
    chosen = ReportFormat.JSON if json else format_
    if chosen is None:
        chosen = (
            _BY_SUFFIX.get(output.suffix.lower(), ReportFormat.TERMINAL) if output else ReportFormat.TERMINAL
        )
    here = opened()
    with progress("report", quiet=chosen is ReportFormat.JSON):
        found = ledger(here, upstream, suggest=suggest)
    if chosen is ReportFormat.TERMINAL and output is None:
        _print(found)
    else:
        _write(_text(found, chosen), output)
    return ExitCode.CLEAN if found.clean else ExitCode.FINDINGS


def _pull_request(merge: str | None, output: Path | None) -> int:
    from mergeguard.reporting import pullrequest
    from mergeguard.verbs.pullrequest import pull_request

    here = opened()
    with progress("report") as report_:
        found = pull_request(here, merge, report_)
    _write(pullrequest.render(found), output)
    return ExitCode.CLEAN if found.clean else ExitCode.FINDINGS


def _text(found: ForkReport, chosen: ReportFormat) -> str:
    if chosen is ReportFormat.HTML:
        from mergeguard.reporting import html  # with a library for pages

        return html.render(found, __version__)
    if chosen is ReportFormat.SARIF:
        return json_module.dumps(sarif(found, __version__), indent=2) + "\n"
    if chosen is ReportFormat.JSON:
        envelope = {"mergeguard": 1, "kind": "report", **jsonreport.ledger_data(found)}
        return json_module.dumps(envelope, indent=2) + "\n"
    if chosen is ReportFormat.MARKDOWN:
        return markdown.render(found)
    with out.capture() as captured:
        _print(found)
    return "".join(captured)


def _write(text: str, output: Path | None) -> None:
    data = text.encode("utf-8", "surrogateescape")
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        write_output(output, data)
    except OSError as error:
        raise LayoutError(
            f"the report can't be written: {error.strerror}", where=Location(str(output))
        ) from None
    out.print(f"Wrote {escape(str(output))}.")


# -- the terminal ----------------------------------------------------------------------------------------


def _print(found: ForkReport) -> None:
    out.print(f"[bold]{escape(found.branch)}[/] at {found.head[:12]}")
    for note in found.notes:
        out.print(f"[yellow]note:[/] {escape(note)}")
    last = found.last_sync
    if last is not None:
        out.print(
            f"last sync: {escape(last.upstream)} at {last.theirs[:12]}, "
            f"{counted(last.commits, 'commit')}, {escape(last.described)}"
        )
        for message in last.messages:
            out.print(f"  [dim]·[/] {escape(message)}")
        render.print_audit(found.findings)
    for rule in found.rules:
        _print_rule(rule, found)
    for place in found.conflict_places:
        out.print(f"  [red]✗[/] {escape(place)}  conflict")
    if found.clean and found.findings:
        out.print(
            "Every local edit has its place; of the last sync, [yellow]look at the finding"
            f"{'s' * (len(found.findings) > 1)} above[/]."
        )
    elif found.clean:
        out.print("The conflicts are resolved." if found.is_waiting else "[green]Nothing needs a look.[/]")
    step = found.next_step()
    if step is not None:
        out.print(f"\n[bold]next:[/] {escape(step)}")


def _print_rule(rule: RuleLedger, found: ForkReport) -> None:
    colour = "red" if rule.problem else "green" if rule.state == "split" else "yellow"
    if rule.upstream is None:
        colour = "dim"
    out.print(
        f"\n[bold]{escape(rule.name)}[/]  {escape(rule.monolith or '-')}  [{colour}]{escape(rule.state)}[/]"
    )
    if rule.problem:
        out.print(f"  [red]✗[/] {escape(rule.problem)}")
    _print_arrivals("came with the last sync", rule.arrived)
    _print_arrivals("waiting upstream", rule.waiting)
    for edit in rule.edits:
        inside = f" in {edit.item}" if edit.item else ""
        out.print(
            f"  [green]✓[/] {escape(edit.path)}:{edit.line}{escape(inside)}  +{edit.added} -{edit.removed}"
        )
    for hunk in rule.overlay:
        out.print(f"  [dim]~[/] {escape(hunk.path)}:{hunk.line}  [dim]{overlay(hunk)}[/]")
    synced = found.synced(rule)
    for finding in synced.findings if synced is not None else ():
        out.print(f"  [yellow]![/] {escape(finding)}")
    for note in found.notes_of(rule):
        out.print(f"  [dim]·[/] {escape(note)}")
    for case in rule.unmapped:
        _print_case(case)


def _print_arrivals(title: str, arrivals: tuple[Arrival, ...], limit: int = 8) -> None:
    if not arrivals:
        return
    added, removed = sum(a.added for a in arrivals), sum(a.removed for a in arrivals)
    out.print(f"  {title}: {counted(len(arrivals), 'item')}, +{added} -{removed}")
    for arrival in arrivals[:limit]:
        out.print(f"    [dim]{escape(arrival.item)} {arrival.status} +{arrival.added} -{arrival.removed}[/]")
    if len(arrivals) > limit:
        out.print(f"    [dim]… {len(arrivals) - limit} more[/]")


def _print_case(case: Case, *, limit: int = 6) -> None:
    mark = "[yellow]![/]" if case.open else "[dim]=[/]"
    place = f"{case.hunk.path}:{case.hunk.line}"
    out.print(f"  {mark} [bold]{case.id}[/]  {escape(place)}  {escape(case.message)}")
    if case.kept is not None:
        out.print(f"      kept in the layout{escape(': ' + case.kept) if case.kept else ''}")
    if case.nearest:
        line = f", line {case.nearest_line} upstream" if case.nearest_line else ""
        out.print(f"      nearest declaration: {escape(case.nearest)}{line}")
    signed = [("red", "-", line) for line in case.hunk.old.splitlines()]
    signed += [("green", "+", line) for line in case.hunk.new.splitlines()]
    for colour, sign, raw in signed[:limit]:
        out.print(f"      [{colour}]{sign}{escape(jsonreport.text(raw))}[/]")
    if len(signed) > limit:
        out.print(f"      … {len(signed) - limit} more lines")
    for place_ in case.places:
        out.print(
            f"      {place_.similarity:4.0%}  {escape(place_.path)}:{place_.line}  "
            f"[dim]{escape(place_.described)}[/]"
        )
    for does, command in case.commands():
        out.print(f"      {escape(command)}  [dim]# {escape(does)}[/]")


# -- unmapped --------------------------------------------------------------------------------------------


@unmapped_app.callback
def unmapped_() -> int:
    """Review unmapped hunks to the end; without a command: list them."""
    return list_()


@unmapped_app.command("list")
def list_(json: Json = False) -> int:
    """Every unmapped hunk: id, place, reason."""
    found = unmapped.review(opened(), suggest=json)
    if json:
        print_json("unmapped", {"hunks": jsonreport.cases_data(found)})
    else:
        _print_list(found)
    return ExitCode.FINDINGS if any(case.open for case in found) else ExitCode.CLEAN


def _print_list(found: Iterable[Case]) -> None:
    shown = list(found)
    for case in shown:
        mark = "[yellow]open[/]" if case.open else "[dim]kept[/]"
        place = f"{case.hunk.path}:{case.hunk.line}"
        out.print(f"[bold]{case.id}[/]  {mark}  {escape(place)}  {escape(case.message)}")
    still_open = [case for case in shown if case.open]
    if not still_open:
        out.print("No unmapped hunk is open.")
    else:
        out.print(f"\n[bold]next:[/] `mergeguard unmapped show {still_open[0].id}`")


@unmapped_app.command()
def show(
    id_: Id,
    patch: Annotated[
        bool, Option("--patch", help="Print the hunk as a patch, for `git apply` and `patch -p1`.")
    ] = False,
    json: Json = False,
) -> int:
    """One hunk: its text, why it is unmapped, where it could go, and the commands that resolve it."""
    found = unmapped.find(opened(), id_, suggest=not patch)
    if patch:
        sys.stdout.flush()
        sys.stdout.buffer.write(found.patch)
        sys.stdout.buffer.flush()
    elif json:
        print_json("unmapped", {"hunks": jsonreport.cases_data([found])})
    else:
        _print_case(found, limit=200)
    return ExitCode.FINDINGS if found.open else ExitCode.CLEAN


@unmapped_app.command()
def apply(
    id_: Id,
    to: Annotated[
        str | None,
        Option("--to", metavar="FILE:LINE", help="Put it before this line of a file of the layout."),
    ] = None,
    after: Annotated[
        str | None, Option("--after", metavar="NAME", help="Put it after this declaration.")
    ] = None,
    before: Annotated[
        str | None, Option("--before", metavar="NAME", help="Put it before this declaration.")
    ] = None,
    inside: Annotated[
        str | None, Option("--in", metavar="NAME", help="Put it into this one; needs --below.")
    ] = None,
    below: Annotated[
        str, Option("--below", metavar="TEXT", help="With --in: under the line that reads so.")
    ] = "",
    when: Annotated[
        str, Option("--when", metavar="TEXT", help="Of several of that name: under this condition.")
    ] = "",
    dry_run: DryRun = False,
) -> int:
    """Put a hunk's text where it is mapped, staged; refused where it would not be, or is out of place."""
    named = [(side, name) for side, name in (("after", after), ("before", before), ("in", inside)) if name]
    if len(named) + (to is not None) > 1:
        raise BadParameter("one of --after, --before, --in and --to")
    if bool(below) != (inside is not None):
        raise BadParameter("--in and --below go together")
    anchor = Anchor(*named[0], when, below) if named else None
    place = None
    if to is not None:
        path, colon, number = to.rpartition(":")
        if not colon or not number.isdigit():
            raise BadParameter("give FILE:LINE, e.g. csrc/scale/kernels.cuh:12", param_hint="--to")
        place = (path, int(number))
    done = unmapped.apply(opened(), id_, place, anchor, dry_run=dry_run)
    assert done.place is not None
    verb = "Would put" if dry_run else "Put"
    out.print(f"{verb} {done.case.id} at {escape(done.place[0])}:{done.place[1]}; it is mapped there.")
    _print_saved(done)
    return ExitCode.CLEAN


@unmapped_app.command()
def drop(id_: Id, dry_run: DryRun = False) -> int:
    """Take a hunk out of the layout, staged; its patch is kept in the git folder."""
    done = unmapped.drop(opened(), id_, dry_run=dry_run)
    verb = "Would take" if dry_run else "Took"
    out.print(f"{verb} {done.case.id} out of {', '.join(map(escape, done.files))}.")
    _print_saved(done)
    return ExitCode.CLEAN


@unmapped_app.command()
def edit(id_: Id) -> int:
    """Open git's editor on the hunk's patch and apply what you save instead of it, staged."""
    done = unmapped.edit(opened(), id_)
    if done is None:
        out.print("Nothing was changed.")
        return ExitCode.CLEAN
    out.print(f"Staged {', '.join(map(escape, done.files))}.")
    _print_saved(done)
    for case in done.left:
        out.print(f"[yellow]still unmapped:[/] {case.id}  {escape(case.message)}")
    return ExitCode.FINDINGS if done.left else ExitCode.CLEAN


@unmapped_app.command()
def keep(
    id_: Id,
    why: Annotated[str, Option("--why", "-m", metavar="TEXT", help="The reason, for the report.")] = "",
    undo: Annotated[bool, Option("--undo", help="Open the hunk again.")] = False,
) -> int:
    """Record, staged, that a hunk belongs to the layout; it no longer counts as open."""
    done = unmapped.keep(opened(), id_, why, undo=undo)
    out.print(f"{'Opened' if undo else 'Kept'} {done.case.id} (staged {escape(done.files[0])}).")
    return ExitCode.CLEAN


def _print_saved(done: unmapped.Resolution) -> None:
    if done.saved is not None:
        out.print(f"  [dim]`git apply {escape(shlex.quote(done.saved))}` brings it back[/]")
        out.print("[bold]next:[/] `git diff --cached` to look, `git commit` to keep it")
