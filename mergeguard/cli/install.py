"""The verbs that tie a clone to mergeguard: install, uninstall, repair, recover."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

from mergeguard.cli.console import opened, options, out, print_json
from mergeguard.cli.declare import Option
from mergeguard.cli.markup import escape
from mergeguard.errors import ExitCode
from mergeguard.hooks import installing, pending, repairing
from mergeguard.verbs import recovering

if TYPE_CHECKING:
    from mergeguard.git.hooks import Action

SETUP = "Setting up"


Json = Annotated[bool, Option("--json", help="Print one JSON document instead.")]


def install(
    shared: Annotated[
        bool, Option("--gitattributes", help="Write .gitattributes, too, for colleagues.")
    ] = False,
    sources: Annotated[
        bool | None,
        Option(
            "--sources/--no-sources",
            help="Merge every C, C++, CUDA and HIP file by declarations, not the split ones alone.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Set up hooks and merge driver: plain git merge, rebase, cherry-pick, … then keep split files right."""
    here = opened()
    actions = installing.install(
        here.repository, here.work_tree(), committed_attributes=shared, sources=sources
    )
    return _print("install", actions, json=json)


def uninstall(json: Json = False) -> int:
    """Take back what install did; hooks that were there before are in their places again."""
    here = opened()
    return _print("uninstall", installing.uninstall(here.repository), json=json)


def _print(kind: str, actions: tuple[Action, ...], *, json: bool) -> int:
    if json:
        print_json(kind, {"actions": [{"what": a.what, "where": a.where, "note": a.note} for a in actions]})
        return ExitCode.CLEAN
    for action in actions:
        note = f"  [dim]{escape(action.note)}[/]" if action.note else ""
        out.print(f"{action.what:9} {escape(action.where)}{note}")
    if not actions:
        out.print("Nothing to do.")
    return ExitCode.CLEAN


def repair() -> int:
    """Complete a merge, rebase or pick of plain git that left split files incomplete."""
    here = opened(left_open=False)
    out.print(escape(repairing.repair(here.repository)))
    is_open = pending.read(here.repository.git_dir) is not None or here.repository.unmerged()
    return ExitCode.FINDINGS if is_open else ExitCode.CLEAN


def recover(
    forget: Annotated[
        bool, Option("--forget", help="Drop the record of it; leave all files as they are.")
    ] = False,
) -> int:
    """Bring the repository to before or after a run that was interrupted (every other verb does, too)."""
    if forget:
        recovering.forget(options.folder)
        out.print("The interrupted run is forgotten; all files are as they are.")
        return ExitCode.CLEAN
    settled = recovering.recover(options.folder)
    found, left = settled.run, settled.locks
    out.print(escape(str(found)) if found is not None else "No run was interrupted.")
    for lock in left:
        out.print(f"[yellow]![/] git's own lock is there: {escape(str(lock))}")
    if left:
        names = escape(" ".join(shlex.quote(str(lock)) for lock in left))
        out.print("  a git that was killed leaves it, one that runs needs it")
        out.print(f"  [bold]next:[/] if no git runs in this repository: `rm {names}`")
    for path in found.saved if found is not None else ():
        out.print(f"  a copy of what you had edited: {escape(str(path))}")
    return ExitCode.FINDINGS if left else ExitCode.CLEAN
