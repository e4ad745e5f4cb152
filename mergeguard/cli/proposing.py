"""init: a first rule for a file, or which files of a tree are worth one, by a compiler where one is named."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from mergeguard.cli.console import opened, out, progress, steps_shown
from mergeguard.cli.declare import Argument, Database, Jobs, Option, Prepare, Template, database_file
from mergeguard.cli.markup import Table, escape
from mergeguard.cli.paths import file_from_root
from mergeguard.errors import ExitCode, counted

if TYPE_CHECKING:
    from mergeguard.build.measure import UnitCost
    from mergeguard.fork.workspace import Workspace
    from mergeguard.propose.propose import Proposal
    from mergeguard.propose.survey import SurveyedChoice
    from mergeguard.verbs.compiled.firstrules import Compiler, Trial
    from mergeguard.verbs.rulebook import Ranked

#: Of a file's branchings, so many are shown, and of their labels so many characters.
_MOST_CHOICES = 8
_WIDEST_ARMS = 80


def init(
    path: Annotated[
        str,
        Argument(metavar="FILE|DIR", help="A heavy C++/CUDA/HIP file; a folder: rank its files."),
    ],
    name: Annotated[str | None, Option("--name", help="The rule's name; default: the file's.")] = None,
    dry_run: Annotated[bool, Option("--dry-run", "-n", help="Show the rule; write nothing.")] = False,
    most: Annotated[int, Option("--most", help="Of a folder: look at so many of the largest.")] = 20,
    measure: Annotated[
        bool, Option("--measure", help="Compile, and show what it costs, not an estimate.")
    ] = False,
    command: Template = None,
    build: Database = None,
    prepare: Prepare = None,
    jobs: Jobs = 1,
) -> int:
    """Write a first rule that splits a file, the best that can be proved; of a folder, rank its files.

    With a compile command (`--command`, `--build`) the proof is the compiler's, too.
    """
    from mergeguard.verbs import rulebook
    from mergeguard.verbs.compiled.firstrules import Compiler, Trial

    compiler = Compiler(command, database_file(build), prepare, jobs)
    here = opened()
    workspace = here.staged()
    path = file_from_root(here, path)
    folder = "" if path == "." else path.rstrip("/")
    if (
        not folder
        or workspace.read(folder) is None
        and any(p.startswith(f"{folder}/") for p in here.repository.sizes(workspace.tree))
    ):
        _rank(workspace, folder, most, compiler, measure=measure)
        return ExitCode.CLEAN
    if not dry_run:
        rulebook.require_free(workspace, path)
    found = rulebook.look(workspace, path)
    _print_choices(found.choices)
    if compiler or measure:
        with progress(f"compiling {path}") as report:
            trial = Trial(workspace, compiler, steps_shown(report), measured=measure)
            first = rulebook.first_rule(workspace, path, name, trial)
    else:
        trial = None
        first = rulebook.first_rule(workspace, path, name)
    proposal = first.proposal
    _print_proposal(proposal, found.instantiated)
    if trial is not None:
        _print_trial(trial)
    if dry_run:
        sys.stdout.flush()
        sys.stdout.buffer.write(proposal.text)
        return ExitCode.CLEAN
    here.stage_files({first.path: first.text}, "init")
    out.print(f"\nwrote {escape(first.path)}")
    out.print(f"[bold]next:[/] look at it, then `mergeguard split {escape(first.name)}`")
    return ExitCode.CLEAN


def _print_choices(choices: Iterable[SurveyedChoice]) -> None:
    """The branchings of a file whose arms could be dealt, best first, and how many there are beside them."""
    shown = list(choices)
    fitting = sorted((choice for choice in shown if not choice.problem), key=_share)
    table = Table()
    for column in ("choice in the code", "arms", "heaviest unit"):
        table.add_column(column)
    for choice in fitting[:_MOST_CHOICES]:
        arms = " | ".join(", ".join(arm.labels) for arm in choice.arms)
        shown_arms = arms if len(arms) <= _WIDEST_ARMS else f"{arms[: _WIDEST_ARMS - 2]} …"
        table.add_row(escape(str(choice)), escape(shown_arms), f"{_share(choice):.0%} of the whole")
    if fitting:
        out.print(table)
    if worse := fitting[_MOST_CHOICES:]:
        what = counted(len(worse), "more choice", "more choices")
        out.print(f"  [dim]- {what}, heaviest unit {_share(worse[0]):.0%} of the whole or more[/]")
    if others := len(shown) - len(fitting):
        what = counted(others, "more switch or if chain", "more switches and if chains")
        out.print(
            f"  [dim]- {what} can't be dealt to shards as {'it stands' if others == 1 else 'they stand'}[/]"
        )


def _share(choice: SurveyedChoice) -> float:
    """How much of the whole the heaviest unit would be."""
    return choice.peak / max(choice.weight, 1)


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


def _print_trial(trial: Trial) -> None:
    """What a compiler said of the rule that is written."""
    found = trial.comparison
    assert found is not None
    out.print(f"  [green]✓[/] compiled: the same {found.symbols} symbols, {found.kernels} kernels")
    if trial.cost is not None:
        out.print(f"  {escape(trial.cost.summary)}")
        for advice in trial.cost.advice:
            out.print(f"  [yellow]![/] {escape(advice)}")


def _rank(workspace: Workspace, folder: str, most: int, compiler: Compiler, *, measure: bool) -> None:
    from mergeguard.verbs import rulebook
    from mergeguard.verbs.compiled import firstrules

    rows = list(rulebook.rank(workspace, folder, most, firstrules.compiled_files(workspace, compiler)))
    costs: Mapping[str, UnitCost | str] = {}
    if measure:
        with progress("measuring") as report:
            paths = [row.path for row in rows]
            costs = firstrules.costs_of(workspace, paths, compiler, steps_shown(report))
    _print_ranking(rows, costs)


def _print_ranking(rows: Sequence[Ranked], costs: Mapping[str, UnitCost | str]) -> None:
    table = Table()
    measured = ("CPU s, peak",) if costs else ()
    for column in ("file", "KB", *measured, "how it could be split", "heaviest unit's work"):
        table.add_column(column, no_wrap=column == "file")

    def weight(row: Ranked) -> float:
        cost = costs.get(row.path)
        return row.bytes if cost is None else 0.0 if isinstance(cost, str) else cost.cpu

    for row in sorted(rows, key=lambda r: (not r.how, -weight(r) * (100 - r.with_headers))):
        share = f"{row.heaviest} %, with headers {row.with_headers} %" if row.how else ""
        what = escape(row.how) if row.how else f"[dim]{escape(row.why)}[/]"
        spent = [_spent(costs[row.path])] if costs else []
        table.add_row(escape(row.path), f"{row.bytes // 1000:,}", *spent, what, share)
    out.print(table)
    if any(row.how for row in rows):
        out.print(
            "[dim]heaviest unit's work: its share of what a compiler reads, estimated from the texts;"
            " memory falls less than that where headers are most of it[/]"
        )
    out.print("\n[bold]next:[/] `mergeguard init FILE` writes a rule; `mergeguard cost RULE` measures it")


def _spent(cost: UnitCost | str) -> str:
    if isinstance(cost, str):
        return f"[dim]{escape(cost)}[/]"
    from mergeguard.build.chart import human_bytes

    return f"{cost.cpu:.1f}, {human_bytes(cost.peak)}"
