"""`status`, `where` and `unsplit`: the fork's state through the lens."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from mergeguard.cli.console import NO_RULES, err, opened, out, print_json
from mergeguard.cli.declare import Argument, BadParameter, Json, Option, Upstream
from mergeguard.cli.markup import Table, escape
from mergeguard.errors import RESOLVE, ExitCode, counted

if TYPE_CHECKING:
    from mergeguard.fork.localedits import LocalEdit
    from mergeguard.git.repository import Repository
    from mergeguard.lens.hunks import Hunk
    from mergeguard.verbs.status import RuleStatus


def status(upstream: Upstream = None, json: Json = False) -> int:
    """Each rule: what it is split from, how far upstream has moved, which local edits are where."""
    from mergeguard.verbs import status as statuses

    here = opened(merges=True)
    ref = here.upstream(upstream)
    rows = statuses.status(here, ref)
    unmerged = here.repository.unmerged()
    if json:
        print_json("status", {**status_json(rows, ref), "conflicts": list(unmerged)})
    elif not rows:
        out.print(NO_RULES)
    else:
        print_status(rows, ref)
    if not json:
        _print_operation(here.repository, unmerged)
    return ExitCode.FINDINGS if unmerged or any(r.problem for r in rows) else ExitCode.CLEAN


def _print_operation(repository: Repository, unmerged: Collection[str]) -> None:
    """What is in progress, if anything is, and how it goes on."""
    for path in unmerged:
        out.print(f"  [red]✗[/] {escape(path)}: conflict")
    operation = _operation(repository)
    if not unmerged and operation in (None, "bisect"):
        return
    from mergeguard.verbs.ledger import resume  # reads layouts, which a status in peace does not

    if unmerged:
        going_on = f"A {operation} is in progress" if operation else "Conflicts are not resolved"
        out.print(
            f"{going_on}; the rules are shown as of HEAD. [bold]next:[/] {RESOLVE}`{resume(repository)}`"
        )
    else:
        out.print(f"A {operation} is in progress, without conflicts. [bold]next:[/] `{resume(repository)}`")


def _operation(repository: Repository) -> str | None:
    """What is in progress in the user's words: a rebase of ours stops in what git takes for a pick."""
    operation = repository.operation_in_progress()
    if operation is None:
        return None
    from mergeguard.verbs import rebase

    return "rebase" if rebase.read_pending(repository) is not None else operation


def where(
    place: Annotated[str, Argument(metavar="FILE:LINE", help="A line of a layout file.")],
    monolith: Annotated[
        bool, Option("--monolith", help="FILE is the monolith: find the line's layout file.")
    ] = False,
    json: Json = False,
) -> int:
    """The line of the monolith that a layout file's line is, or the other way round."""
    from mergeguard.cli.paths import file_from_root
    from mergeguard.verbs.lines import where as places

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
        out.print(
            f"This line is glue ({found.glue.value}), which only the layout has; "
            f"{escape(found.path)} has nothing there"
        )
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
    from mergeguard.cli.paths import file_from_root
    from mergeguard.reporting.jsonreport import hunk_data
    from mergeguard.verbs import unsplitting

    here = opened()
    workspace = here.work_tree()
    if file is not None:
        one = unsplitting.one(workspace, file, file_from_root(here, file))
        sys.stdout.buffer.write(one.monolith)
        for hunk in one.unmapped:
            err.print(f"[yellow]unmapped:[/] {escape(hunk.path)}:{hunk.line}  {escape(hunk.reason.value)}")
        return ExitCode.FINDINGS if one.unmapped else ExitCode.CLEAN
    whole = unsplitting.whole(here, workspace, to)
    if json:
        print_json("unsplit", {"tree": whole.tree, "unmapped": [hunk_data(h) for h in whole.unmapped]})
    else:
        out.print(f"Wrote the tree below {escape(str(to))}." if to else whole.tree)
        if whole.unmapped:
            out.print(f"not in it: {counted(len(whole.unmapped), 'unmapped hunk')}:")
            print_hunks(whole.unmapped)
    return ExitCode.FINDINGS if whole.unmapped else ExitCode.CLEAN


# -- printing ------------------------------------------------------------------------------------------


def print_status(rows: Iterable[RuleStatus], upstream: str | None) -> None:
    """A table of the rules, then what is in each that is the fork's own or wrong."""
    table = Table()
    for column in (
        "rule",
        "monolith",
        "state",
        f"drift to {upstream}" if upstream else "drift",
        "local edits",
        "unmapped",
    ):
        table.add_column(column)
    rows = list(rows)
    for row in rows:
        colour = {"split": "green", "broken": "red"}.get(
            row.state, "default" if row.upstream is None else "yellow"
        )
        drift = (
            ""
            if row.drift is None
            else "none"
            if row.drift == (0, 0)
            else f"+{row.drift[0]} -{row.drift[1]} lines"
        )
        table.add_row(
            escape(row.name),
            escape(row.path or "-"),
            f"[{colour}]{row.state}[/]",
            drift,
            str(len(row.edits) or ""),
            f"[yellow]{len(row.unmapped)}[/]" if row.unmapped else "",
        )
    out.print(table)
    for row in rows:
        if row.problem:
            out.print(f"  [red]✗[/] {escape(row.name)}: {escape(row.problem)}")
        by_file: dict[str, list[LocalEdit]] = {}
        for edit in row.edits:
            by_file.setdefault(edit.path, []).append(edit)
        for path, edits in by_file.items():
            items = ", ".join(dict.fromkeys(e.item for e in edits if e.item))
            size = f"+{sum(e.added for e in edits)} -{sum(e.removed for e in edits)}"
            out.print(f"  {escape(path)}  {size}  [dim]{escape(items)}[/]")
        for hunk in row.overlay:
            out.print(f"  {escape(hunk.path)}:{hunk.line}  [dim]{overlay(hunk)}[/]")
        if row.unmapped:
            print_hunks(row.unmapped)


def status_json(rows: Iterable[RuleStatus], upstream: str | None) -> dict[str, Any]:
    from mergeguard.reporting.jsonreport import edit_data, hunk_data

    return {
        "upstream": upstream,
        "rules": [
            {
                "name": row.name,
                "monolith": row.path,
                "state": row.state,
                "upstream_blob": row.upstream,
                "drift": None if row.drift is None else {"added": row.drift[0], "removed": row.drift[1]},
                "edits": [edit_data(e) for e in row.edits],
                "overlay": [hunk_data(h) for h in row.overlay],
                "unmapped": [hunk_data(h) for h in row.unmapped],
                "problem": row.problem,
            }
            for row in rows
        ],
    }


def overlay(hunk: Hunk) -> str:
    """What an edit that stays with the layout is, in a reader's words."""
    if hunk.reason.name == "GLUE":
        return "your edit of glue (text that only the layout has), kept"
    return f"kept: {escape(hunk.reason.value)}"


def print_hunks(hunks: Iterable[Hunk], *, limit: int = 6) -> None:
    """The hunks as a diff, each with its reason."""
    for hunk in hunks:
        reason = hunk.reason.value + (f": {hunk.detail}" if hunk.detail else "")
        out.print(f"    [yellow]{escape(hunk.path)}:{hunk.line}[/]  {escape(reason)}")
        lines = [("red", "-", line) for line in hunk.old.splitlines()] + [
            ("green", "+", line) for line in hunk.new.splitlines()
        ]
        for colour, sign, line in lines[:limit]:
            out.print(f"      [{colour}]{sign}{escape(line.decode('utf-8', 'replace'))}[/]")
        if len(lines) > limit:
            out.print(f"      … {len(lines) - limit} more lines")
