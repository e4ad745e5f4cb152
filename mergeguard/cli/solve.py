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
from mergeguard.cli.paths import file_from_root
from mergeguard.errors import ExitCode
from mergeguard.hooks.mergefile import main
from mergeguard.verbs.solving import SolveOutcome, solve_file


def solve(
    files: Annotated[list[str], Argument(metavar="FILE...", help="C++ files with conflict markers.")],
    check: Annotated[bool, Option("--check", help="Change nothing; exit 1 where markers are left.")] = False,
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


def merge_file(
    arguments: Annotated[
        list[str] | None,
        Argument(metavar="[OPTIONS] OURS BASE THEIRS", help="As for `git merge-file`."),
    ] = None,
) -> int:
    """As `git merge-file`, but by declarations where lines conflict; build files' source lists are sets."""
    with contextlib.chdir(options.folder):
        return main(["merge-file", *(arguments or [])])
