"""init, check and plan: what there is, what is wrong, what comes; nothing is compiled."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from mergeguard.cli.console import NO_RULES, opened, out, print_json, progress
from mergeguard.cli.declare import Argument, Json, Option
from mergeguard.cli.markup import Table, escape
from mergeguard.cli.paths import file_from_root
from mergeguard.cli.render import print_findings
from mergeguard.errors import ExitCode, LayoutError, counted
from mergeguard.findings import Finding

if TYPE_CHECKING:
    from mergeguard.propose.propose import Proposal
    from mergeguard.propose.survey import SurveyedChoice
    from mergeguard.verbs.rulebook import Ranked


def init(
    path: Annotated[
        str,
        Argument(metavar="FILE|DIR", help="A heavy C++/CUDA/HIP file; a folder: rank its files."),
    ],
    name: Annotated[str | None, Option("--name", help="The rule's name; default: the file's.")] = None,
    dry_run: Annotated[bool, Option("--dry-run", "-n", help="Show the rule; write nothing.")] = False,
    most: Annotated[int, Option("--most", help="Of a folder: look at so many of the largest.")] = 20,
) -> int:
    """Write a first rule that splits a file, the best that can be proved; of a folder, rank its files."""
    from mergeguard.verbs import rulebook

    here = opened()
    workspace = here.staged()
    path = file_from_root(here, path)
    folder = "" if path == "." else path.rstrip("/")
    if (
        not folder
        or workspace.read(folder) is None
        and any(p.startswith(f"{folder}/") for p in here.repository.sizes(workspace.tree))
    ):
        _print_ranking(rulebook.rank(workspace, folder, most))
        return ExitCode.CLEAN
    if not dry_run:
        rulebook.require_free(workspace, path)
    found = rulebook.look(workspace, path)
    _print_choices(found.choices)
    first = rulebook.first_rule(workspace, path, name)
    proposal = first.proposal
    _print_proposal(proposal, found.instantiated)
    if dry_run:
        sys.stdout.flush()
        sys.stdout.buffer.write(proposal.text)
        return ExitCode.CLEAN
    here.stage_files({first.path: first.text}, "init")
    out.print(f"\nwrote {escape(first.path)}")
    out.print(f"[bold]next:[/] look at it, then `mergeguard split {escape(first.name)}`")
    return ExitCode.CLEAN


def _print_choices(choices: Iterable[SurveyedChoice]) -> None:
    """The branchings of a file whose arms could be dealt, and how many there are beside them."""
    table = Table()
    for column in ("choice in the code", "arms", "heaviest unit"):
        table.add_column(column)
    shown = list(choices)
    fitting = [choice for choice in shown if not choice.problem]
    for choice in fitting:
        arms = [", ".join(arm.labels) for arm in choice.arms]
        share = f"{choice.peak / max(choice.weight, 1):.0%} of the whole"
        table.add_row(escape(str(choice)), escape(" | ".join(arms)), share)
    if fitting:
        out.print(table)
    if others := len(shown) - len(fitting):
        what = counted(others, "more switch or if chain", "more switches and if chains")
        out.print(f"  [dim]- {what} can't be dealt to shards as they stand[/]")


def _print_proposal(proposal: Proposal, instantiated: Iterable[object]) -> None:
    """What a first rule deals, what was not taken, and what its units would weigh."""
    told = {*proposal.chosen, *(tried.candidate for tried in proposal.tried)}
    for one in map(str, instantiated):
        if one not in told:
            out.print(f"  [dim]- {escape(one)}[/]")
    for tried in proposal.tried:
        out.print(f"  [dim]- {escape(tried.candidate)}: not taken, {escape(tried.reason)}[/]")
    for chosen in proposal.chosen:
        out.print(f"  [green]✓[/] {escape(chosen)}")
    out.print(f"  proved by tokens; the heaviest unit would be {proposal.heaviest} % of the file (estimated)")
    share = f"{proposal.with_headers} %, all units together {proposal.work} %"
    out.print(f"  [dim]with the headers that each unit reads: {share}[/]")
    if proposal.advice:
        out.print(f"  [yellow]{escape(proposal.advice)}[/]; `mergeguard cost RULE` measures it")


def _print_ranking(rows: Iterable[Ranked]) -> None:
    table = Table()
    for column in ("file", "KB", "how it could be split", "heaviest unit"):
        table.add_column(column, no_wrap=column == "file")
    for row in sorted(rows, key=lambda r: (not r.how, -r.bytes * (100 - r.with_headers))):
        share = f"{row.heaviest} %, with headers {row.with_headers} % (estimated)" if row.how else ""
        what = escape(row.how) if row.how else f"[dim]{escape(row.why)}[/]"
        table.add_row(escape(row.path), f"{row.bytes // 1000:,}", what, share)
    out.print(table)
    out.print("\n[bold]next:[/] `mergeguard init FILE` writes a rule; `mergeguard cost RULE` measures it")


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
    from mergeguard.hooks import repairing
    from mergeguard.verbs import checking

    here = opened(merges=True)
    unfinished = repairing.unfinished(here.repository)
    workspace = here.staged() if staged else here.work_tree()
    known = {guarded.name for guarded in workspace.guarded}
    asked = [name if name in known else file_from_root(here, name) for name in names or ()]
    files = [name for name in asked if name not in known and workspace.read(name) is not None]
    rules = [name for name in asked if name not in files]
    findings: tuple[Finding, ...] = ()
    with progress("check", quiet=json):
        if files:
            findings += checking.run_units(workspace, files)
        if rules or not files:
            findings += checking.run_fork(here, workspace, rules, unfinished)
        if ast and (rules or not files):
            from mergeguard.verbs.compiled import astcheck

            findings += astcheck.run(workspace, rules or None)
    failed = checking.failures(findings)
    if json:
        print_json("check", checking.to_json(findings))
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
