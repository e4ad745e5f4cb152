"""Options that several verbs take, spelled once."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]
DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Show what would happen; change nothing.")]
Names = Annotated[list[str] | None, typer.Argument(metavar="[RULE]...", help="Rules; all if none is named.")]
Upstream = Annotated[str | None, typer.Option("--upstream", metavar="REF", help="Upstream's branch.")]
