"""Options that several verbs take, spelled once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]
DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Show what would happen; change nothing.")]
Names = Annotated[list[str] | None, typer.Argument(metavar="[RULE]...", help="Rules; all if none is named.")]
Upstream = Annotated[str | None, typer.Option("--upstream", metavar="REF", help="Upstream's branch.")]
Template = Annotated[
    str | None,
    typer.Option("--command", metavar="CMD", help="With {root}, {source} and {output} to be filled in."),
]
Database = Annotated[
    Path | None, typer.Option("--build", metavar="FILE", help="A compile_commands.json (or its folder).")
]
Prepare = Annotated[
    str | None,
    typer.Option(
        "--prepare",
        metavar="CMD",
        help="What rewrites a copy of the sources before (hipify), with {tree}, {root} and {units}.",
    ),
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, help="Compile so many units at a time.")]
