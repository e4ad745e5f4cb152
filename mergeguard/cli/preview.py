"""`mergeguard preview`: what the next merge would cost, on any fork."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

from mergeguard.cli import render
from mergeguard.cli.console import opened, out, print_json, progress
from mergeguard.cli.declare import Argument, Option
from mergeguard.cli.markup import escape
from mergeguard.errors import ExitCode, counted
from mergeguard.reporting import preview as documents
from mergeguard.verbs import preview as previewing
from mergeguard.verbs.preview import Conflicts, Preview

_SHOWN = 8


class PreviewFormat(StrEnum):
    """The preview's formats."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    JSON = "json"


def preview(
    upstream: Annotated[
        str | None, Argument(metavar="[REF]", help="What to merge, e.g. upstream/main.")
    ] = None,
    format_: Annotated[PreviewFormat, Option("--format", help="How to print it.")] = PreviewFormat.TERMINAL,
    audit: Annotated[bool, Option("--audit/--no-audit", help="Look at what a clean merge hides.")] = True,
) -> int:
    """What the next merge would cost, on any fork: no rules, no set-up, nothing is changed."""
    here = opened()
    with progress("preview", quiet=format_ is not PreviewFormat.TERMINAL) as report:
        found = previewing.preview(here, upstream, audit=audit, progress=report)
    if format_ is PreviewFormat.JSON:
        print_json("preview", documents.preview_data(found))
    elif format_ is PreviewFormat.MARKDOWN:
        sys.stdout.write(documents.render(found))
    else:
        _print(found)
    return ExitCode.CLEAN


def _print(found: Preview) -> None:
    out.print(
        f"[bold]{escape(found.upstream)}[/]: {counted(found.behind, 'commit')} to merge, "
        f"{found.ahead} of our own, "
        f"{counted(len(found.both), 'file')} changed on both sides"
    )
    if not found.behind:
        out.print("Nothing to merge.")
    out.print(f"  with git         {_cost(found.git)}")
    out.print(f"  with mergeguard  {_cost(found.ours)}")
    _list("still in conflict", [escape(path) for path in found.ours.files])
    if found.findings:
        out.print(f"[yellow]{counted(len(found.findings), 'finding')} that no conflict would show:[/]")
        render.print_audit(found.findings, limit=_SHOWN)
    heavy = [f"{escape(h.path)}  [dim]{h.lines} lines[/]" for h in found.heavy if not h.split]
    _list("heavy files (`mergeguard init FILE` looks for a split)", heavy)
    copied = [
        f"{escape(c.path)}  [dim]{c.share:.0%} of {escape(c.original)}, changed upstream since[/]"
        for c in found.copied
    ]
    _list("copied aside: upstream's changes don't reach them", copied)
    out.print(f"\n[bold]{found.number}[/] to look at by hand (conflict lines and findings)")
    if found.behind:
        out.print(
            f"[bold]next:[/] `mergeguard sync {escape(found.upstream)}`, "
            f"or in steps: `mergeguard plan {escape(found.upstream)}`"
        )


def _cost(conflicts: Conflicts) -> str:
    if not conflicts.files:
        return "[green]no conflict[/]"
    files, hunks, lines = len(conflicts.files), conflicts.hunks, conflicts.lines
    return (
        f"[red]{counted(files, 'file')} in conflict[/], {counted(hunks, 'place')}, "
        f"{counted(lines, 'line')} by hand"
    )


def _list(title: str, rows: list[str]) -> None:
    if rows:
        out.print(f"{title}:")
        for row in rows[:_SHOWN]:
            out.print(f"  {row}")
        if len(rows) > _SHOWN:
            out.print(f"  … {len(rows) - _SHOWN} more")
