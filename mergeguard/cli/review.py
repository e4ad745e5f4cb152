"""The commands of a reviewer: check, verify, cost, budget; and init and plan, which look before they leap."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from mergeguard import lens
from mergeguard.build.measure import Progress
from mergeguard.cli.console import opened, out, print_json, progress
from mergeguard.core.symbols import Severity
from mergeguard.errors import ExitCode, LayoutError, Location
from mergeguard.workspace import RULES, file_edits

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]
Names = Annotated[list[str] | None, typer.Argument(metavar="[RULE]...", help="Rules; all if none is named.")]
Template = Annotated[
    str | None,
    typer.Option("--command", metavar="CMD", help="With {root}, {source} and {output} to be filled in."),
]
Database = Annotated[
    Path | None, typer.Option("--build", metavar="FILE", help="A compile_commands.json (or its folder).")
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, help="Compile so many units at a time.")]

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}


def init(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A heavy C++/CUDA/HIP file.")],
    name: Annotated[str | None, typer.Option("--name", help="The rule's name; default: the file's.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Show the rule; write nothing.")] = False,
) -> int:
    """Read a file, show what could split it, and write a first rule that splits it."""
    from mergeguard.core.propose import propose
    from mergeguard.core.source import parse
    from mergeguard.core.survey import survey

    here = opened()
    workspace = here.staged()
    text = workspace.read(path)
    if text is None:
        raise LayoutError(
            "no such file in the index",
            where=Location(path),
            hint="give the path from the repository's root, and `git add` the file if it is new",
        )
    for guarded in workspace.split_rules:
        if path in workspace.pristine(guarded).by_path:
            raise LayoutError(
                f"rule {guarded.name} has split this file already",
                where=Location(path),
                hint=f"`mergeguard rules explain {guarded.name}`, or `mergeguard leave {guarded.name}` first",
            )
    source = parse(text)
    found = survey(source)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("branching", "arms", "heaviest unit"):
        table.add_column(column, header_style="dim")
    for choice in found.choices:
        arms = [", ".join(arm.labels) for arm in choice.arms]
        share = f"{choice.peak / max(choice.weight, 1):.0%} of the whole"
        problem = f" [yellow]{escape(choice.problem)}[/]" if choice.problem else ""
        table.add_row(escape(str(choice)) + problem, escape(" | ".join(arms)), share)
    if found.choices:
        out.print(table)
    for instantiated in found.instantiated:
        out.print(f"  explicit instantiation: {escape(str(instantiated))}")
    proposal = propose(source, path, lambda p: here.repository.entry(workspace.tree, p) is not None)
    rule = name or proposal.name
    rule_path = f"{RULES}/{rule}.toml"
    for tried in proposal.tried:
        out.print(f"  [dim]- {escape(tried.candidate)}: {escape(tried.reason)}[/]")
    for chosen in proposal.chosen:
        out.print(f"  [green]✓[/] {escape(chosen)}")
    if dry_run:
        sys.stdout.buffer.write(proposal.text)
        return ExitCode.CLEAN
    if here.repository.entry(workspace.tree, rule_path) is not None:
        raise LayoutError(
            "there is a rule of this name", where=Location(rule_path), hint="give another `--name`"
        )
    tree = lens.apply(
        here.repository, workspace.tree, file_edits(here.repository, {rule_path: proposal.text})
    )
    here.stage(tree, "init")
    out.print(f"\nwrote {escape(rule_path)}")
    out.print(f"[bold]next:[/] look at it, then `mergeguard split {escape(rule)}`")
    return ExitCode.CLEAN


def check(
    names: Names = None,
    json: Json = False,
    staged: Annotated[
        bool, typer.Option("--staged", help="Look at the index instead of the work tree.")
    ] = False,
    ast: Annotated[
        bool, typer.Option("--ast", help="Also hold clang's AST of the layout against the monolith's.")
    ] = False,
) -> int:
    """The laws on your own repository: drift, edited glue, unmapped hunks, double homes, ODR traps."""
    from mergeguard import checking, repairing

    here = opened()
    incomplete = repairing.is_incomplete(here.repository)
    workspace = here.staged() if staged else here.work_tree()
    with progress("check", quiet=json):
        findings = checking.run(workspace, names or None)
        if ast:
            from mergeguard import astcheck

            findings += astcheck.run(workspace, names or None)
    failed = checking.failures(findings)
    if json:
        print_json("check", checking.to_json(findings))
    else:
        _print_findings(findings)
        rules = len(names or workspace.split_rules)
        word = f"[red]{len(failed)} finding(s)[/]" if failed else "[green]clean[/]"
        out.print(f"{rules} rule(s) checked: {word}")
    return ExitCode.FINDINGS if failed or incomplete else ExitCode.CLEAN


def _print_findings(findings: Iterable[Any]) -> None:
    for finding in findings:
        colour = _COLOURS[finding.severity]
        place = finding.path if finding.line is None else f"{finding.path}:{finding.line}"
        item = f" ({finding.item})" if finding.item else ""
        out.print(
            f"[{colour}]{finding.severity}[/] {escape(place)}{escape(item)}  "
            f"[dim]{finding.check}[/]  {escape(finding.message)}"
        )
        if getattr(finding, "hint", ""):
            out.print(f"    [dim]{escape(finding.hint)}[/]")


def verify(
    names: Names = None,
    upstream: Annotated[
        bool, typer.Option("--upstream", help="Hold the layout against upstream's monolith, not the fork's.")
    ] = False,
    compiled: Annotated[
        bool, typer.Option("--compile", help="Build both and compare their symbols, host and device.")
    ] = False,
    command: Template = None,
    build: Database = None,
    jobs: Jobs = 1,
    json: Json = False,
) -> int:
    """Prove that the layout is the same program as the monolith."""
    from mergeguard import proof

    here = opened()
    workspace = here.work_tree()
    proofs = proof.verify(workspace, names or (), against_upstream=upstream)
    comparisons: dict[str, Any] = {}
    if compiled:
        for subject in proof.subjects(workspace, names or (), against_upstream=upstream):
            with progress(f"building {subject.guarded.name}", quiet=json) as report:
                how = proof.command_for(
                    subject, here.repository.work_tree, template=command, database=_database(build)
                )
                comparisons[subject.guarded.name] = proof.verify_compiled(
                    workspace, subject, how, jobs=jobs, on_progress=_shown(report)
                )
    same = all(p.same for p in proofs) and all(c.same for c in comparisons.values())
    if json:
        print_json(
            "verify",
            {
                "same": same,
                "rules": [p.to_json() for p in proofs],
                "compiled": {name: c.to_json() for name, c in comparisons.items()},
            },
        )
        return ExitCode.CLEAN if same else ExitCode.FINDINGS
    for one in proofs:
        _print_findings(one.findings)
        word = "[green]same program[/]" if one.same else "[red]not the same program[/]"
        out.print(f"{escape(one.name)}: {word} by tokens ({one.files} files against {escape(one.path)})")
    for name, comparison in comparisons.items():
        for finding in comparison.findings:
            units = f"  [dim]{escape(', '.join(finding.units))}[/]" if finding.units else ""
            what = escape(finding.readable or finding.symbol)
            out.print(
                f"  [{_COLOURS[finding.severity]}]{finding.severity}[/] [dim]{finding.check}[/]  {what}  "
                f"{escape(finding.message)}{units}"
            )
        word = "[green]same program[/]" if comparison.same else "[red]not the same program[/]"
        out.print(
            f"{escape(name)}: {word} compiled ({comparison.symbols} symbols, {comparison.kernels} kernels)"
        )
        for advice in comparison.advice:
            out.print(f"  [yellow]![/] {escape(advice)}")
    return ExitCode.CLEAN if same else ExitCode.FINDINGS


def _database(path: Path | None) -> Path | None:
    return path / "compile_commands.json" if path is not None and path.is_dir() else path


def cost(
    names: Names = None,
    command: Template = None,
    build: Database = None,
    jobs: Jobs = 1,
    parallel: Annotated[
        list[int] | None, typer.Option("--parallel", help="Also build for real with so many jobs.")
    ] = None,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Draw memory over time for MAX_JOBS 1 to 8.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Measure again what is cached.")] = False,
    json: Json = False,
) -> int:
    """Compile the monolith and each shard, and show what the split saves."""
    from mergeguard import proof

    here = opened()
    workspace = here.work_tree()
    documents: list[dict[str, object]] = []
    for subject in proof.subjects(workspace, names or ()):
        with progress(f"measuring {subject.guarded.name}", quiet=json) as report:
            how = proof.command_for(
                subject, here.repository.work_tree, template=command, database=_database(build)
            )
            measured = proof.cost(
                workspace,
                subject,
                how,
                jobs=jobs,
                parallel=tuple(parallel or ()),
                fresh=fresh,
                on_progress=_shown(report),
            )
        if svg is not None:
            target = svg if not documents else svg.with_stem(f"{svg.stem}-{subject.guarded.name}")
            target.write_text(measured.picture(), encoding="utf-8")
        documents.append({"rule": subject.guarded.name, **measured.to_json()})
        if json:
            continue
        out.print(f"[bold]{escape(subject.guarded.name)}[/]  {escape(measured.machine)}")
        out.print(_grid(measured.table()))
        out.print(_grid(measured.jobs_table()))
        out.print(
            f"largest shard: {measured.memory_share:.0%} of the monolith's memory above the headers; "
            f"CPU time {measured.cpu_factor:.2f} x the monolith's"
        )
        for advice in measured.advice:
            out.print(f"  [yellow]![/] {escape(advice)}")
    if json:
        print_json("cost", {"rules": documents})
    return ExitCode.CLEAN


def budget(
    name: Annotated[str, typer.Argument(metavar="RULE")],
    memory: Annotated[str, typer.Option("--memory", metavar="SIZE", help="What the build may use: 16G.")],
    jobs: Jobs = 4,
    most: Annotated[int | None, typer.Option("--most", help="At most so many shards.")] = None,
    command: Template = None,
    build: Database = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write the dealing to the rule and stage it.")
    ] = False,
    json: Json = False,
) -> int:
    """Which dealing of the arms to shards fits into memory, from measured costs."""
    from mergeguard import proof

    here = opened()
    workspace = here.work_tree()
    (subject,) = proof.subjects(workspace, [name]) or (None,)
    if subject is None:
        raise LayoutError(f"rule {name} has no monolith in this tree", hint="`mergeguard status`")
    how = proof.command_for(subject, here.repository.work_tree, template=command, database=_database(build))
    with progress(f"measuring {name}", quiet=json) as report:
        measured = proof.cost(workspace, subject, how, on_progress=_shown(report))
    proposal = proof.budget(subject, measured, _bytes(memory), jobs, most)
    if json:
        print_json("budget", {"rule": name, **asdict(proposal)})
    else:
        rows: list[tuple[str, ...]] = [("shards", "largest", "build with jobs", "fits")]
        from mergeguard.core.chart import human_bytes, human_seconds

        for option in (proposal.now, *proposal.plans):
            label = f"{len(option.shards)}{' (now)' if option is proposal.now else ''}"
            fits = "yes" if option.fits else "no"
            rows.append((label, human_bytes(option.peak), human_seconds(option.makespan), fits))
        out.print(_grid(rows))
        for shard, values in proposal.shards.items():
            out.print(f"  {escape(shard)} = {escape(', '.join(map(str, values)))}")
    if proposal.chosen is None:
        return ExitCode.FINDINGS
    if write:
        text = proof.rewritten_rule(workspace, subject, proposal)
        staged = here.staged()
        edits = file_edits(here.repository, {subject.guarded.rule_path: text})
        here.stage(lens.apply(here.repository, staged.tree, edits), "budget")
        out.print(f"[bold]next:[/] `mergeguard split {escape(name)}` derives the new layout")
    return ExitCode.CLEAN


def plan(
    upstream: Annotated[str | None, typer.Argument(metavar="REF", help="What to catch up with.")] = None,
    json: Json = False,
) -> int:
    """The way to a far-away upstream: the longest clean runs, each conflicting commit by itself."""
    from mergeguard import plan as planning

    here = opened()
    here.head()
    ref = here.upstream(upstream)
    if ref is None:
        raise LayoutError("no upstream is known", hint="`mergeguard plan REF`")
    with progress("plan", quiet=json) as report:
        found = planning.plan(here.repository, ref, progress=report)
    if json:
        print_json("plan", asdict(found))
        return ExitCode.CLEAN
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("step", "commits", "up to", "what", "subject of the last"):
        table.add_column(column, header_style="dim")
    for number, step in enumerate(found.steps, 1):
        what = "[green]clean[/]"
        if step.conflicts:
            what = f"[red]{len(step.conflicts)} conflict(s)[/]"
        elif step.findings:
            what = f"[yellow]{len(step.findings)} finding(s)[/]"
        table.add_row(str(number), str(step.count), step.last[:12], what, escape(step.subject[:70]))
    out.print(table if found.steps else "Nothing to catch up with.")
    for number, step in enumerate(found.steps, 1):
        for line in (*step.conflicts, *step.findings):
            out.print(f"  {number}: {escape(line)}")
    out.print(f"{found.commits} commit(s) in {len(found.steps)} step(s), {found.probes} merge(s) tried")
    if found.steps:
        out.print(f"[bold]next:[/] `mergeguard sync {escape(ref)} --stepwise`")
    return ExitCode.CLEAN


def _shown(report: Callable[[str], None]) -> Callable[[Progress], None]:
    return lambda step: report(f"{step.done}/{step.total} {step.name}")


def _grid(rows: Iterable[tuple[str, ...]]) -> Table:
    header, *rest = rows
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, column in enumerate(header):
        table.add_column(column, header_style="dim", justify="left" if number == 0 else "right")
    for row in rest:
        table.add_row(*map(escape, row))
    return table


def _bytes(size: str) -> int:
    """``16G``, ``900M``: decimal units, as memory limits are talked about."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMGT]?)B?", size)
    if found is None:
        raise typer.BadParameter(f"{size!r} is no size: write 16G or 900M")
    return int(float(found[1]) * 1000 ** " kMGT".index(found[2] or " "))
