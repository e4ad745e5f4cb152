"""verify, cost and budget: is it the same program, what does it save, and what would fit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from mergeguard import __version__
from mergeguard.cli.console import opened, out, print_json, progress, steps_shown
from mergeguard.cli.declare import (
    Argument,
    BadParameter,
    Database,
    Jobs,
    Json,
    Names,
    Option,
    Prepare,
    Template,
    database_file,
)
from mergeguard.cli.markup import escape
from mergeguard.cli.render import SEVERITY_COLOURS, grid, listed, print_findings
from mergeguard.errors import ExitCode, LayoutError
from mergeguard.git.durable import write_output

if TYPE_CHECKING:
    from mergeguard.build.cost import SplitCost
    from mergeguard.build.drawing import Drawing
    from mergeguard.propose.budget import BudgetProposal


def verify(
    names: Names = None,
    upstream: Annotated[
        bool, Option("--upstream", help="Hold the layout against upstream's monolith, not the fork's.")
    ] = False,
    compiled: Annotated[
        bool, Option("--compile", help="Build both and compare their symbols, host and device.")
    ] = False,
    command: Template = None,
    build: Database = None,
    prepare: Prepare = None,
    jobs: Jobs = 1,
    json: Json = False,
) -> int:
    """Prove that the layout is the same program as the monolith."""
    from mergeguard.verbs.compiled import compiling, proof

    here = opened()
    workspace = here.work_tree()
    base = proof.known_base(here)
    proofs = proof.verify(workspace, names or (), against_upstream=upstream, base=base)
    comparisons: dict[str, Any] = {}
    if compiled:
        fitting = [one.name for one in proofs if one.fits]
        subjects = proof.subjects(workspace, fitting, against_upstream=upstream, base=base) if fitting else ()
        for subject in subjects:
            with progress(f"building {subject.guarded.name}", quiet=json) as report:
                how = compiling.command_for(
                    workspace, subject, template=command, database=database_file(build), step=prepare
                )
                comparisons[subject.guarded.name] = proof.verify_compiled(
                    workspace, subject, how, jobs=jobs, on_progress=steps_shown(report)
                )
    if not proofs:
        raise workspace.nothing_applies()
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
        print_findings(one.findings)
        word = "[green]same program[/]" if one.same else "[red]not the same program[/]"
        if not one.fits:
            out.print(
                f"{escape(one.name)}: [red]no proof[/], the rule does not fit {escape(one.path)} any more"
            )
            continue
        out.print(f"{escape(one.name)}: {word} by tokens ({one.files} files against {escape(one.path)})")
        if one.same and not compiled:
            out.print(f"  [dim]taken for granted: {proof.TAKEN_FOR_GRANTED}; `--compile` asks a compiler[/]")
        if one.by_hand:
            out.print(
                f"  [dim]split by hand: what it adds counts as a difference; `mergeguard adopt {one.name}` "
                "changes over to the rule[/]"
            )
    for name, comparison in comparisons.items():
        alike = groupby(comparison.findings, key=lambda f: (f.severity, f.code, f.message, f.units))
        for (severity, code, message, places), group in alike:
            units = f"  [dim]{escape(', '.join(places))}[/]" if places else ""
            what = escape(listed(finding.name or finding.symbol for finding in group))
            word = f"[{SEVERITY_COLOURS[severity]}]{severity}[/]"
            out.print(f"  {word} [dim]{code}[/]  {what}  {escape(message)}{units}")
        word = "[green]same program[/]" if comparison.same else "[red]not the same program[/]"
        counts = f"{comparison.symbols} symbols, {comparison.kernels} kernels"
        if comparison.kernels:
            counts += f", {comparison.entry_kernels} of them in the entry"
        out.print(f"{escape(name)}: {word} compiled ({counts})")
        for advice in comparison.advice:
            out.print(f"  [yellow]![/] {escape(advice)}")
    return ExitCode.CLEAN if same else ExitCode.FINDINGS


def cost(
    names: Names = None,
    command: Template = None,
    build: Database = None,
    prepare: Prepare = None,
    jobs: Jobs = 1,
    parallel: Annotated[
        list[int] | None, Option("--parallel", help="Also build for real with so many jobs.")
    ] = None,
    svg: Annotated[
        Path | None, Option("--svg", metavar="FILE", help="Draw memory over time for MAX_JOBS 1 to 8.")
    ] = None,
    html: Annotated[
        Path | None, Option("--html", metavar="FILE", help="All of it as one self-contained page.")
    ] = None,
    fresh: Annotated[bool, Option("--fresh", help="Measure again what is cached.")] = False,
    json: Json = False,
) -> int:
    """Compile the monolith and each shard, and show what the split saves."""
    from mergeguard.verbs.compiled import compiling, proof

    here = opened()
    workspace = here.work_tree()
    costs: dict[str, SplitCost] = {}
    for subject in proof.subjects(workspace, names or (), base=proof.known_base(here)):
        with progress(f"measuring {subject.guarded.name}", quiet=json) as report:
            how = compiling.command_for(
                workspace, subject, template=command, database=database_file(build), step=prepare
            )
            measured = proof.cost(
                workspace,
                subject,
                how,
                jobs=jobs,
                parallel=tuple(parallel or ()),
                fresh=fresh,
                on_progress=steps_shown(report),
            )
        name = subject.guarded.name
        if svg is not None:
            _draw(measured.picture(), _of_rule(svg, name, costs))
        costs[name] = measured
        if not json:
            _print_cost(name, measured)
    if not costs:
        raise workspace.nothing_applies()
    if html is not None:
        from mergeguard.reporting import costs as page

        _write(html, page.render(costs, __version__).encode("utf-8"))
    if json:
        documents = [{"rule": name, **measured.to_json()} for name, measured in costs.items()]
        print_json("cost", {"rules": documents})
    return ExitCode.CLEAN


def _print_cost(name: str, measured: SplitCost) -> None:
    out.print(f"[bold]{escape(name)}[/]  {escape(measured.machine)}")
    out.print(grid(measured.table()))
    out.print(grid(measured.jobs_table()))
    out.print(escape(measured.summary))
    for advice in measured.advice:
        out.print(f"  [yellow]![/] {escape(advice)}")


def _of_rule(path: Path, name: str, before: Mapping[str, object]) -> Path:
    """The first rule's picture is the file asked for; a further rule's has the rule's name in its own."""
    return path.with_stem(f"{path.stem}-{name}") if before else path


def _draw(drawing: Drawing, path: Path) -> None:
    from mergeguard.reporting import costs as page

    _write(path, page.svg(drawing).encode("utf-8"))


def _write(path: Path, content: bytes) -> None:
    try:
        write_output(path, content)
    except OSError as error:
        raise LayoutError(
            f"can't write {path}: {error.strerror}", hint="name a file in a folder that is there"
        ) from error


def budget(
    name: Annotated[str, Argument(metavar="RULE")],
    memory: Annotated[str, Option("--memory", metavar="SIZE", help="What the build may use: 16G.")],
    jobs: Jobs = 4,
    most: Annotated[int | None, Option("--most", help="At most so many shards.")] = None,
    cpu_price: Annotated[
        float,
        Option(
            "--cpu-price",
            min=0.0,
            help="What a CPU second is worth, in seconds of waiting: 0 takes the shortest build.",
        ),
    ] = 0.0,
    command: Template = None,
    build: Database = None,
    prepare: Prepare = None,
    write: Annotated[bool, Option("--write", help="Write the dealing to the rule and stage it.")] = False,
    json: Json = False,
) -> int:
    """Which dealing of the arms to shards fits into memory, from measured costs."""
    from mergeguard.verbs.compiled import compiling, proof

    here = opened()
    workspace = here.work_tree()
    limit = _bytes(memory)
    (subject,) = proof.subjects(workspace, [name]) or (None,)
    if subject is None:
        raise LayoutError(f"rule {name} has no monolith in this tree", hint="`mergeguard status`")
    how = compiling.command_for(
        workspace, subject, template=command, database=database_file(build), step=prepare
    )
    with progress(f"measuring {name}", quiet=json) as report:
        measured = proof.cost(workspace, subject, how, on_progress=steps_shown(report))
    proposal = proof.budget(subject, measured, limit, jobs, most, cpu_price)
    if json:
        print_json("budget", {"rule": name, "memory": limit, "jobs": jobs, **proposal.to_json()})
    else:
        _print_budget(proposal, limit, jobs)
    if proposal.chosen is None:
        return ExitCode.FINDINGS
    if write:
        text = proof.rewritten_rule(workspace, subject, proposal)
        here.stage_files({subject.guarded.rule_path: text}, "budget")
    if not json:
        does = (
            f"`mergeguard split {name}` derives the new layout" if write else "`--write` puts it in the rule"
        )
        out.print(f"[bold]next:[/] {escape(does)}")
    return ExitCode.CLEAN


def _print_budget(proposal: BudgetProposal, memory: int, jobs: int) -> None:
    from mergeguard.build.chart import human_bytes, human_seconds

    together = f"peak with {jobs} job{'s' if jobs > 1 else ''}"
    rows: list[tuple[str, ...]] = [("shards", "largest shard", together, "build", "CPU", "fits")]
    for option in (proposal.now, *proposal.plans):
        mark = " (now)" if option is proposal.now else " (take this)" if option is proposal.chosen else ""
        sizes = human_bytes(option.memory), human_bytes(option.peak)
        times = human_seconds(option.makespan), human_seconds(option.cpu)
        rows.append((f"{len(option.shards)}{mark}", *sizes, *times, "yes" if option.fits else "no"))
    out.print(grid(rows))
    if proposal.chosen is None:
        out.print(
            f"no dealing fits {human_bytes(memory)} with {jobs} at a time: the heaviest arm alone needs "
            f"{human_bytes(proposal.least)}; fewer jobs, more memory, or fewer headers"
        )
    for shard, values in proposal.shards.items():
        out.print(f"  {escape(shard)} = {escape(', '.join(map(str, values)))}")


def _bytes(size: str) -> int:
    """``16G``, ``900M``: decimal units, as memory limits are talked about; ``16GiB`` is binary."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMGT]?)(i?)B?", size, re.IGNORECASE)
    if found is None:
        raise BadParameter(f"{size!r} is no size: write 16G or 900M")
    unit = 1024 if found[3] else 1000
    return int(float(found[1]) * unit ** " kmgt".index(found[2].lower() or " "))
