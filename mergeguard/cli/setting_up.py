"""`split`, `leave` and `demo`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

from mergeguard.cli.console import opened, out, print_json
from mergeguard.cli.declare import Argument, DryRun, Json, Names, Option, Upstream
from mergeguard.cli.looking import print_hunks
from mergeguard.cli.markup import escape
from mergeguard.errors import ExitCode, LayoutError, Location, counted
from mergeguard.reporting.jsonreport import hunk_data
from mergeguard.verbs import splitting
from mergeguard.verbs import status as statuses


def split(names: Names = None, upstream: Upstream = None, dry_run: DryRun = False, json: Json = False) -> int:
    """Derive the layouts and stage them; what is split already is derived again from its monolith."""
    here = opened()
    derived = splitting.derive(here, names or [], upstream)
    done, tree, refused = derived.done, derived.tree, derived.refused
    before = here.repository.index_tree()
    code = ExitCode.FINDINGS if refused or not all(s.complete for s in done) else ExitCode.CLEAN
    if not dry_run:
        here.stage(tree, "split")
        statuses.leave_known(here, staged=tree)
    if json:
        print_json(
            "split",
            {
                "staged": not dry_run,
                "tree": tree,
                "rules": [
                    {
                        "name": s.name,
                        "monolith": s.layout.path,
                        "files": [
                            {"path": f.path, "role": f.role.value, "bytes": len(f.text)}
                            for f in s.layout.files
                        ],
                        "notes": list(s.layout.notes),
                        "unmapped": [hunk_data(h) for h in s.unmapped],
                        "unlisted": [u.unit for u in s.unlisted],
                        "parted": [f.message for f in s.parted],
                    }
                    for s in done
                ],
                "build_files": list(derived.build_files),
                "refused": [
                    {"name": r.name, "problem": str(r.error), "hint": r.error.hint or ""} for r in refused
                ],
            },
        )
        return code
    for item in done:
        again = " (derived again)" if item.refreshed else ""
        out.print(f"[bold]{escape(item.name)}[/]  {escape(item.layout.path)}{again}")
        for file in item.layout.files:
            out.print(
                f"  {escape(file.path)}  [dim]{file.role.value}, {file.text.count(bytes([10]))} lines[/]"
            )
        for note in item.layout.notes:
            out.print(f"  [dim]·[/] {escape(note)}")
        if item.unlisted:
            units = f"{counted(len(item.unlisted), 'unit')} that no build file lists"
            out.print(f"  [yellow]![/] {units}: {escape(item.unlisted[0].hint)}")
        for finding in item.parted:
            out.print(f"  [yellow]![/] {escape(finding.message)}\n    [dim]{escape(finding.hint)}[/]")
    for path in derived.build_files:
        out.print(f"{escape(path)}  [dim]lists the units[/]")
    for one in refused:
        out.print(f"[red]✗[/] [bold]{escape(one.name)}[/]  is left as it is: {escape(str(one.error))}")
        if one.error.hint:
            out.print(f"  [dim]{escape(one.error.hint)}[/]")
    if not dry_run and tree == before:
        out.print("\nNothing had to change.")
    elif dry_run:
        out.print("\n[bold]next:[/] `mergeguard split` stages this")
    else:
        out.print("\n[bold]next:[/] `git diff --cached` to look, `git commit` to keep it")
    return code


def leave(
    names: Annotated[list[str], Argument(metavar="RULE...")],
    drop_hunks: Annotated[
        bool,
        Option("--drop-hunks", help="Also without what has no place in the monolith, kept as patches."),
    ] = False,
    dry_run: DryRun = False,
) -> int:
    """The way back out: stage the monolith whole, with every local edit in it, and drop the rule."""
    here = opened()
    tree, whole, hunks = splitting.leave(here, names)
    kept = splitting.leftovers(here, names) if drop_hunks else ()
    if hunks and not drop_hunks:
        print_hunks(hunks)
        raise LayoutError(
            f"{counted(len(hunks), 'hunk')} with no place in the monolith would be lost",
            where=Location(hunks[0].path, hunks[0].line),
            hint="`mergeguard unmapped` goes through them; or keep them as patches: "
            f"`mergeguard leave {shlex.join(names)} --drop-hunks`",
        )
    if not dry_run:
        here.stage(tree, "leave", kept)
    for name in dict.fromkeys(names):
        did = (
            "the whole file, and its rule's removal"
            if name in whole
            else "its rule's removal; it is not split"
        )
        out.print(f"{escape(name)}: {'would stage' if dry_run else 'staged'} {did}")
    for patch in kept:
        where = escape(str(here.repository.git_dir / patch.name))
        out.print(f"  {'would keep' if dry_run else 'kept'} what has no place in the monolith: {where}")
    if not dry_run:
        out.print("\n[bold]next:[/] `git diff --cached` to look, `git commit` to keep it")
    return ExitCode.CLEAN


def demo(
    folder: Annotated[
        Path | None, Argument(metavar="[DIR]", help="Where to make it; a temporary folder if left out.")
    ] = None,
) -> int:
    """A small upstream and fork made on the spot, and a real sync between them."""
    from mergeguard.cli.demo import run_demo

    return run_demo(folder)
