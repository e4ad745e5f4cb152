"""`solve`: what is certain of the conflicts that are there already; `merge-file`, behind ``-C``.

Without ``-C``, ``mergeguard.__main__`` starts `merge-file` without the command line's own modules.
"""

from __future__ import annotations

import contextlib
import shlex
from typing import Annotated

from mergeguard.cli.console import opened, options, out
from mergeguard.cli.declare import Argument, Option
from mergeguard.cli.markup import escape
from mergeguard.cli.paths import file_from_root, path_from_here
from mergeguard.errors import ExitCode
from mergeguard.hooks.mergefile import main
from mergeguard.verbs.solving import SolveOutcome, solve_files, unmerged_paths


def solve(
    files: Annotated[
        list[str] | None,
        Argument(
            metavar="[FILE...]",
            help="Files with conflict markers, or folders; else all that git has in conflict.",
        ),
    ] = None,
    check: Annotated[bool, Option("--check", help="Change nothing; exit 1 where markers are left.")] = False,
) -> int:
    """Solve what is certain in files that have conflict markers, whoever wrote them; stage nothing."""
    here = opened()
    paths = [file_from_root(here, given) for given in files or ()] or unmerged_paths(here.repository)
    if not paths:
        out.print("[green]✓[/] no file is in conflict")
        return ExitCode.CLEAN
    outcomes = solve_files(here.repository, paths, write=not check)
    for outcome in outcomes:
        _print(outcome, path_from_here(here, outcome.path), check=check)
    solved = [outcome for outcome in outcomes if outcome.before and not outcome.left]
    if solved and not check:
        named = " ".join(shlex.quote(path_from_here(here, o.path)) for o in solved)
        out.print(f"[bold]next:[/] look at it, then `git add {escape(named)}`")
    return ExitCode.FINDINGS if any(outcome.left for outcome in outcomes) else ExitCode.CLEAN


def _print(outcome: SolveOutcome, path: str, *, check: bool) -> None:
    path, left = escape(path), outcome.left
    if not outcome.before:
        out.print(f"[green]✓[/] {path}: no conflict")
    elif check:
        out.print(f"[red]✗[/] {path}: {left} conflict{'s' * (left != 1)}")
    elif not left:
        out.print(f"[green]✓[/] {path}: solved ({outcome.before} of {outcome.before})")
    elif outcome.before == left == 1:
        out.print(f"[red]✗[/] {path}: the conflict is left to you")
    else:
        out.print(f"[red]✗[/] {path}: {left} left to you, of {outcome.before} before")
    for said in outcome.said:
        out.print(f"    {escape(said)}")


def merge_file(
    arguments: Annotated[
        list[str] | None,
        Argument(metavar="[OPTIONS] OURS BASE THEIRS", help="As for `git merge-file`."),
    ] = None,
) -> int:
    """As `git merge-file`, but by declarations where lines conflict; build files' source lists are sets."""
    with contextlib.chdir(options.folder):
        return main(["merge-file", *(arguments or [])])
