"""The command line: every verb reads the fork through ``mergeguard.fork`` and prints through one place."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import MethodType
from typing import Annotated

import typer
from rich.markup import escape

from mergeguard import __version__, fork
from mergeguard.cli import exchange, install, render, review
from mergeguard.cli.console import crash, err, fail, opened, options, out, print_json, progress
from mergeguard.cli.report import report, unmapped_app
from mergeguard.cli.rules import rules_app
from mergeguard.errors import ExitCode, LayoutError, Location, MergeguardError
from mergeguard.rebase import RebaseOutcome

app = typer.Typer(
    name="mergeguard",
    help="Keep upstream's heavy C++/CUDA/HIP files split in a fork, and merge as if they were not.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
EVERYDAY, SETUP, REVIEW = "Everyday", "Setting up", "Reviewing"
app.add_typer(rules_app, name="rules", rich_help_panel=SETUP)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]
DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Show what would happen; change nothing.")]
Names = Annotated[list[str] | None, typer.Argument(metavar="[RULE]...", help="Rules; all if none is named.")]
Upstream = Annotated[str | None, typer.Option("--upstream", metavar="REF", help="Upstream's branch.")]


def run(arguments: Sequence[str]) -> None:
    """Run a command line and exit: 0 clean, 1 a person is needed, 2 bad input, 3 a bug of ours."""
    try:
        code = typer.main.get_command(app).main(
            list(arguments), prog_name="mergeguard", standalone_mode=False
        )
        sys.exit(code if isinstance(code, int) else 0)
    except MergeguardError as error:
        if options.debug:
            raise
        fail(error)
    except typer.Abort:
        sys.exit(130)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
    except Exception as error:
        # typer brings a click of its own, whose base class it does not export.
        if isinstance(show := getattr(error, "show", None), MethodType):
            show()
            sys.exit(int(ExitCode.USAGE))
        if options.debug:
            raise
        crash(error)


def _version(value: bool) -> None:
    if value:
        out.print(f"mergeguard {__version__}")
        raise typer.Exit


@app.callback()
def root(
    directory: Annotated[str, typer.Option("-C", metavar="DIR", help="Run as if started in DIR.")] = ".",
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    """Options that every verb takes."""
    del version
    options.debug = debug
    options.folder = directory


# -- everyday ------------------------------------------------------------------------------------------


@app.command(rich_help_panel=EVERYDAY)
def sync(
    upstream: Annotated[
        str | None, typer.Argument(metavar="REF", help="What to merge, e.g. upstream/main.")
    ] = None,
    rebase_mode: Annotated[
        bool, typer.Option("--rebase", help="Replay the local commits onto REF instead of merging.")
    ] = False,
    rebase_merges: Annotated[
        bool, typer.Option("--rebase-merges", help="As --rebase, with merges of local branches made again.")
    ] = False,
    stepwise: Annotated[
        bool, typer.Option("--stepwise", help="Merge in the steps of `plan`, a commit each.")
    ] = False,
    branches: Annotated[
        str | None,
        typer.Option("--branches", metavar="PREFIX", help="With --stepwise: a branch for each step."),
    ] = None,
    dry_run: DryRun = False,
    json: Json = False,
    message: Annotated[
        str | None, typer.Option("-m", "--message", help="The merge commit's message.")
    ] = None,
    proceed: Annotated[
        bool, typer.Option("--continue", help="Go on once the conflicts are resolved and added.")
    ] = False,
    skip: Annotated[
        bool, typer.Option("--skip", help="Leave out the commit that conflicts (rebase).")
    ] = False,
    abort: Annotated[bool, typer.Option("--abort", help="Back to before a sync that conflicted.")] = False,
    quit_: Annotated[
        bool, typer.Option("--quit", help="Forget the waiting sync; leave everything as it is.")
    ] = False,
) -> int:
    """Merge upstream as if the split had never happened, then derive the layouts again."""
    if sum((proceed, abort, skip, quit_, upstream is not None)) > 1:
        raise typer.BadParameter("one of REF, --continue, --skip, --abort and --quit")
    here = opened()
    if abort or quit_:
        (fork.abort_sync if abort else fork.quit_sync)(here)
        out.print("The sync was aborted; all is as before it." if abort else "The sync is forgotten.")
        return ExitCode.CLEAN
    if proceed or skip:
        with progress("sync", quiet=json) as report:
            done = fork.continue_sync(here, skip=skip, progress=report)
        if isinstance(done, str):
            out.print(f"[green]Merged[/] as {done[:12]}.")
            return ExitCode.CLEAN
        return _rebased(done, dry_run=False, json=json)
    ref = here.upstream(upstream)
    if ref is None:
        raise LayoutError(
            "no upstream is known",
            hint="`mergeguard sync REF`, or `git config mergeguard.upstream REF` once",
        )
    if stepwise:
        return _stepwise(here, ref, branches, json=json)
    with progress(f"sync {ref}", quiet=json) as report:
        if rebase_mode or rebase_merges:
            outcome = fork.sync_rebase(
                here, ref, dry_run=dry_run, rebase_merges=rebase_merges, progress=report
            )
        else:
            synced = fork.sync(here, ref, dry_run=dry_run, message=message, progress=report)
    if rebase_mode or rebase_merges:
        return _rebased(outcome, dry_run=dry_run, json=json)
    if json:
        print_json("sync", render.sync_json(synced))
    else:
        render.print_sync(synced, dry_run=dry_run)
    return ExitCode.CLEAN if synced.outcome.clean else ExitCode.FINDINGS


def _stepwise(here: fork.Fork, ref: str, branches: str | None, *, json: bool) -> int:
    with progress(f"sync {ref}", quiet=json) as report:
        stepped = fork.sync_stepwise(here, ref, branches=branches, progress=report)
    if json:
        print_json("steps", {"left": stepped.left, "steps": [render.sync_json(s) for s in stepped.done]})
    else:
        for synced in stepped.done:
            render.print_sync(synced, dry_run=False)
        if stepped.left:
            out.print(f"{stepped.left} commit(s) left; after that, the same command goes on")
    clean = all(s.outcome.clean for s in stepped.done)
    return ExitCode.CLEAN if clean else ExitCode.FINDINGS


def _rebased(outcome: RebaseOutcome, *, dry_run: bool, json: bool) -> int:
    if json:
        print_json("rebase", render.rebase_json(outcome))
    else:
        render.print_rebase(outcome, dry_run=dry_run)
    return ExitCode.CLEAN if outcome.clean else ExitCode.FINDINGS


@app.command(rich_help_panel=EVERYDAY)
def status(upstream: Upstream = None, json: Json = False) -> int:
    """Each rule: what it is split from, how far upstream has moved, which local edits are where."""
    here = opened()
    ref = here.upstream(upstream)
    rows = fork.status(here, upstream)
    if json:
        print_json("status", render.status_json(rows, ref))
    elif not rows:
        out.print(
            "This fork has no rules. [bold]next:[/] `mergeguard rules add vllm`, or `mergeguard init PATH`"
        )
    else:
        render.print_status(rows, ref)
    return ExitCode.FINDINGS if any(r.problem for r in rows) else ExitCode.CLEAN


@app.command(rich_help_panel=EVERYDAY)
def where(
    place: Annotated[str, typer.Argument(metavar="FILE:LINE", help="A line of a layout file.")],
    monolith: Annotated[
        bool, typer.Option("--monolith", help="FILE is the monolith: find the line's layout file.")
    ] = False,
    json: Json = False,
) -> int:
    """The line of the monolith that a layout file's line is, or the other way round."""
    path, colon, number = place.rpartition(":")
    if not colon or not number.isdigit():
        raise typer.BadParameter("give FILE:LINE, e.g. csrc/scale/dispatch.cuh:12")
    here = opened()
    found = (fork.where_monolith if monolith else fork.where)(here, path, int(number))
    if json:
        print_json(
            "where",
            {
                "path": found.path,
                "line": found.line,
                "item": found.item,
                "glue": found.glue.value if found.glue else None,
                "upstream_line": found.upstream_line,
            },
        )
    elif found.glue is not None:
        out.print(f"glue ({found.glue.value}): {escape(found.path)} has nothing there")
    else:
        upstream = f", upstream's line {found.upstream_line}" if found.upstream_line else ""
        inside = f"  ({found.item}{upstream})" if found.item or upstream else ""
        out.print(f"{escape(found.path)}:{found.line}{escape(inside)}")
    return ExitCode.CLEAN


app.command(rich_help_panel=EVERYDAY)(report)
app.add_typer(unmapped_app, name="unmapped", rich_help_panel=EVERYDAY)


# -- setting up ------------------------------------------------------------------------------------------


@app.command(rich_help_panel=SETUP)
def split(names: Names = None, upstream: Upstream = None, dry_run: DryRun = False, json: Json = False) -> int:
    """Derive the layouts and stage them; what is split already is derived again from its monolith."""
    here = opened()
    done, tree = fork.split(here, names or [], upstream)
    if not dry_run:
        here.stage(tree, "split")
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
                        "unmapped": [render.hunk_json(h) for h in s.unmapped],
                    }
                    for s in done
                ],
            },
        )
        return ExitCode.CLEAN
    for item in done:
        out.print(
            f"[bold]{escape(item.name)}[/]  {escape(item.layout.path)}{' (derived again)' if item.refreshed else ''}"
        )
        for file in item.layout.files:
            out.print(
                f"  {escape(file.path)}  [dim]{file.role.value}, {file.text.count(bytes([10]))} lines[/]"
            )
        for note in item.layout.notes:
            out.print(f"  [dim]·[/] {escape(note)}")
    out.print(
        "\n[bold]next:[/] "
        + (
            "`mergeguard split` stages this"
            if dry_run
            else "`git diff --cached` to look, `git commit` to keep it"
        )
    )
    return ExitCode.CLEAN


@app.command(rich_help_panel=SETUP)
def leave(names: Annotated[list[str], typer.Argument(metavar="RULE...")], dry_run: DryRun = False) -> int:
    """The way back out: stage the monolith whole, with every local edit in it, and drop the rule."""
    here = opened()
    tree, hunks = fork.leave(here, names)
    if hunks:
        render.print_hunks(hunks)
        raise LayoutError(
            f"{len(hunks)} hunk(s) of the layout have no place in the monolith and would be lost",
            where=Location(hunks[0].path, hunks[0].line),
            hint="move them into the monolith's text (or undo them), then run this again",
        )
    if not dry_run:
        here.stage(tree, "leave")
    out.print(
        f"{'Would stage' if dry_run else 'Staged'} the whole monolith of {', '.join(map(escape, names))}."
    )
    return ExitCode.CLEAN


@app.command(rich_help_panel=SETUP)
def demo(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Where to make it; a temporary folder if left out.")
    ] = None,
) -> int:
    """A small upstream and fork made on the spot, and a real sync between them."""
    from mergeguard.cli.demo import run_demo

    return run_demo(folder)


# -- reviewing -----------------------------------------------------------------------------------------


@app.command(rich_help_panel=REVIEW)
def unsplit(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE|RULE]", help="One monolith, to standard output.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Write the whole tree below DIR.")
    ] = None,
    json: Json = False,
) -> int:
    """The tree as upstream would have it, with the fork's own edits."""
    from mergeguard import lens
    from mergeguard.git.snapshot import export

    here = opened()
    workspace = here.work_tree()
    if file is not None:
        for guarded in workspace.split_rules:
            unsplit_ = workspace.unsplit(guarded)
            if file in (guarded.name, unsplit_.layout.path, *unsplit_.layout.by_path):
                sys.stdout.buffer.write(unsplit_.monolith)
                for hunk in unsplit_.unmapped:
                    err.print(
                        f"[yellow]unmapped:[/] {escape(hunk.path)}:{hunk.line}  {escape(hunk.reason.value)}"
                    )
                return ExitCode.FINDINGS if unsplit_.unmapped else ExitCode.CLEAN
        raise LayoutError(
            "no split rule has this file", where=Location(file), hint="`mergeguard status` lists them"
        )
    tree = lens.monolithic_tree(workspace)
    if to is not None:
        export(here.repository, tree, to)
    unmapped = [h for g in workspace.split_rules for h in workspace.unsplit(g).unmapped]
    if json:
        print_json("unsplit", {"tree": tree, "unmapped": [render.hunk_json(h) for h in unmapped]})
    else:
        out.print(f"Wrote the tree below {escape(str(to))}." if to else tree)
        if unmapped:
            out.print(f"{len(unmapped)} unmapped hunk(s) are not in it:")
            render.print_hunks(unmapped)
    return ExitCode.FINDINGS if unmapped else ExitCode.CLEAN


exchange.register(app)
review.register(app, SETUP, REVIEW, "Upstream", "Cost")
install.register(app)
