"""How a verb says what it takes: in its signature, without the library that reads command lines.

``Annotated[str, Option("--upstream", metavar="REF", help="…")]`` is an option, ``Argument`` an argument.
``parsing`` reads ordinary command lines by them; for help and for errors, ``terminal`` makes typer's own of
them. The settings are typer's: metavar, help, min, show_default, callback, is_eager.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])


class ParameterSpec:
    """A parameter: its spellings (an argument has none), and what else typer is to know."""

    def __init__(self, *spellings: str, **settings: Any) -> None:
        self.spellings = spellings
        self.settings = settings


class Option(ParameterSpec):
    """An option. A flag without spellings gets ``--name/--no-name``."""


class Argument(ParameterSpec):
    """What stands by its place."""


class BadParameter(Exception):
    """What was given has the right form and no sense; ``hint`` names the parameter. Ends with usage and 2."""

    def __init__(self, message: str, *, param_hint: str | None = None) -> None:
        super().__init__(message)
        self.param_hint = param_hint


class VerbGroup:
    """A verb of several commands; ``default`` runs where none of them is named."""

    def __init__(self) -> None:
        self.commands: dict[str, Callable[..., int]] = {}
        self.default: Callable[[], int] | None = None

    def callback(self, function: Callable[[], int]) -> Callable[[], int]:
        """Decorates the function that runs where no command is named; it takes nothing."""
        self.default = function
        return function

    def command(self, name: str = "") -> Callable[[_Function], _Function]:
        """Decorates a command; without ``name``, it is called as its function."""

        def add(function: _Function) -> _Function:
            self.commands[name or function.__name__] = function
            return function

        return add


# --- what several verbs take ---------------------------------------------------------------------------

Json = Annotated[bool, Option("--json", help="Print one JSON document instead.")]
DryRun = Annotated[bool, Option("--dry-run", "-n", help="Show what would happen; change nothing.")]
Names = Annotated[list[str] | None, Argument(metavar="[RULE]...", help="Rules; all if none is named.")]
Upstream = Annotated[str | None, Option("--upstream", metavar="REF", help="Upstream's branch.")]
Template = Annotated[
    str | None,
    Option("--command", metavar="CMD", help="With {root}, {source} and {output} to be filled in."),
]
Database = Annotated[
    Path | None, Option("--build", metavar="FILE", help="A compile_commands.json (or its folder).")
]
Prepare = Annotated[
    str | None,
    Option(
        "--prepare",
        metavar="CMD",
        help="What rewrites a copy of the sources before (hipify), with {tree}, {root} and {units}.",
    ),
]
Jobs = Annotated[int, Option("--jobs", "-j", min=1, help="Compile so many units at a time.")]


def database_file(path: Path | None) -> Path | None:
    """The compile_commands.json that is named by itself or by its folder."""
    return path / "compile_commands.json" if path is not None and path.is_dir() else path
