"""`mergeguard rules`: what rules there are, what they do, and how to get more."""

from __future__ import annotations

import typer

rules_app = typer.Typer(help="List, explain and add rules.", no_args_is_help=True)
