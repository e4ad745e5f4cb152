"""`solve`: what is certain of the conflicts that are there already."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer
from rich.markup import escape

from mergeguard.cli.console import opened, out
from mergeguard.cli.paths import file_from_root
from mergeguard.errors import ExitCode
from mergeguard.verbs.solving import SolveOutcome, solve_file


def solve(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="C++ files with conflict markers.")],
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 1 where markers are left.")
    ] = False,
) -> int:
    """Solve what is certain in files that have conflict markers, whoever wrote them; stage nothing."""
    here = opened()
    outcomes = [solve_file(here.repository, file_from_root(here, given), write=not check) for given in files]
    for outcome in outcomes:
        _print(outcome, check=check)
    clean = [shlex.quote(o.path) for o in outcomes if o.before and not o.left]
    if clean:
        out.print(f"[bold]next:[/] look at it, then `git add {escape(' '.join(clean))}`")
    return ExitCode.FINDINGS if any(outcome.left for outcome in outcomes) else ExitCode.CLEAN


def _print(outcome: SolveOutcome, *, check: bool) -> None:
    path, left = escape(outcome.path), outcome.left
    if not outcome.before:
        out.print(f"[green]✓[/] {path}: no conflict")
    elif check:
        out.print(f"[red]✗[/] {path}: {left} conflict{'s' * (left != 1)}")
    elif not left:
        out.print(f"[green]✓[/] {path}: solved ({outcome.before} of {outcome.before})")
    else:
        out.print(f"[red]✗[/] {path}: {left} of {outcome.before} left to you")
    for said in outcome.said:
        out.print(f"    {escape(said)}")
