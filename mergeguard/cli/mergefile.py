"""`merge-file`, for --help and behind ``-C``; else ``mergeguard.__main__`` starts it without the terminal."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from mergeguard.cli.console import options
from mergeguard.hooks.mergefile import main


def merge_file(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[OPTIONS] OURS BASE THEIRS", help="As for `git merge-file`."),
    ] = None,
) -> int:
    """As `git merge-file`, but by declarations where lines conflict; build files' source lists are sets."""
    with contextlib.chdir(options.folder):
        return main(["merge-file", *(arguments or [])])
