"""`status`, `where` and `unsplit`: the fork's state through the lens."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from mergeguard.cli import render
from mergeguard.cli.console import err, opened, out, print_json
from mergeguard.cli.declare import Argument, BadParameter, Json, Option, Upstream
from mergeguard.cli.markup import escape
from mergeguard.cli.paths import file_from_root
from mergeguard.errors import ExitCode, LayoutError, Location, counted
from mergeguard.fork import treelens
from mergeguard.git.snapshot import export
from mergeguard.reporting.jsonreport import hunk_data
from mergeguard.verbs import status as statuses
from mergeguard.verbs import where as places
from mergeguard.verbs.ledger import resume


def status(upstream: Upstream = None, json: Json = False) -> int:
    """Each rule: what it is split from, how far upstream has moved, which local edits are where."""
    here = opened(merges=True)
    ref = here.upstream(upstream)
    rows = statuses.status(here, upstream)
    unmerged = here.repository.unmerged()
    if json:
        print_json("status", {**render.status_json(rows, ref), "conflicts": list(unmerged)})
    elif not rows:
        out.print(
            "This fork has no rules. [bold]next:[/] `mergeguard rules add vllm`, or `mergeguard init PATH`"
        )
    else:
        render.print_status(rows, ref)
    if unmerged and not json:
        for path in unmerged:
            out.print(f"  [red]✗[/] {escape(path)}: conflict")
        out.print(
            "The rules are shown as of HEAD. "
            f"[bold]next:[/] resolve the markers, `git add` the files, then `{resume(here.repository)}`"
        )
    return ExitCode.FINDINGS if unmerged or any(r.problem for r in rows) else ExitCode.CLEAN


def where(
    place: Annotated[str, Argument(metavar="FILE:LINE", help="A line of a layout file.")],
    monolith: Annotated[
        bool, Option("--monolith", help="FILE is the monolith: find the line's layout file.")
    ] = False,
    json: Json = False,
) -> int:
    """The line of the monolith that a layout file's line is, or the other way round."""
    path, colon, number = place.rpartition(":")
    if not colon or not number.isdigit():
        raise BadParameter("give FILE:LINE, e.g. csrc/scale/dispatch.cuh:12")
    here = opened()
    path = file_from_root(here, path)
    found = (places.where_monolith if monolith else places.where)(here, path, int(number))
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


def unsplit(
    file: Annotated[
        str | None, Argument(metavar="[FILE|RULE]", help="One monolith, to standard output.")
    ] = None,
    to: Annotated[Path | None, Option("--to", metavar="DIR", help="Write the whole tree below DIR.")] = None,
    json: Json = False,
) -> int:
    """The tree as upstream would have it, with the fork's own edits."""
    here = opened()
    workspace = here.work_tree()
    if file is not None:
        path = file_from_root(here, file)
        for guarded in workspace.split_rules:
            unsplit_ = workspace.unsplit(guarded)
            if file == guarded.name or path in (unsplit_.layout.path, *unsplit_.layout.by_path):
                sys.stdout.buffer.write(unsplit_.monolith)
                for hunk in unsplit_.unmapped:
                    err.print(
                        f"[yellow]unmapped:[/] {escape(hunk.path)}:{hunk.line}  {escape(hunk.reason.value)}"
                    )
                return ExitCode.FINDINGS if unsplit_.unmapped else ExitCode.CLEAN
        raise LayoutError(
            "no split rule has this file", where=Location(file), hint="`mergeguard status` lists them"
        )
    tree = treelens.monolithic_tree(workspace)
    if to is not None:
        export(here.repository, tree, to)
    unmapped = [h for g in workspace.split_rules for h in workspace.unsplit(g).unmapped]
    if json:
        print_json("unsplit", {"tree": tree, "unmapped": [hunk_data(h) for h in unmapped]})
    else:
        out.print(f"Wrote the tree below {escape(str(to))}." if to else tree)
        if unmapped:
            out.print(f"not in it: {counted(len(unmapped), 'unmapped hunk')}:")
            render.print_hunks(unmapped)
    return ExitCode.FINDINGS if unmapped else ExitCode.CLEAN
