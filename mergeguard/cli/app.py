"""The command line: its verbs, and how it ends.

A verb's module is imported only when the verb is called (or help is asked for), so that each starts with
what it needs. A new verb is a function in a module and a line in ``VERBS``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from types import MethodType
from typing import Annotated, NamedTuple

import typer

from mergeguard import __version__
from mergeguard.cli.console import crash, fail, options, out, print_anything
from mergeguard.data import cmake_folder
from mergeguard.errors import ExitCode, MergeguardError

EVERYDAY, SETUP, REVIEW, UPSTREAM, COST = "Everyday", "Setting up", "Reviewing", "Upstream", "Cost"


class Verb(NamedTuple):
    """Where a verb is: the panel of ``--help``, the module below ``mergeguard.cli``, the function or app."""

    panel: str
    module: str
    attribute: str


# In the order of --help: the everyday ones first.
VERBS: dict[str, Verb] = {
    "sync": Verb(EVERYDAY, "sync", "sync"),
    "status": Verb(EVERYDAY, "looking", "status"),
    "where": Verb(EVERYDAY, "looking", "where"),
    "report": Verb(EVERYDAY, "report", "report"),
    "unmapped": Verb(EVERYDAY, "report", "unmapped_app"),
    "repair": Verb(EVERYDAY, "install", "repair"),
    "recover": Verb(EVERYDAY, "install", "recover"),
    "rules": Verb(SETUP, "rules", "rules_app"),
    "init": Verb(SETUP, "review", "init"),
    "split": Verb(SETUP, "setting_up", "split"),
    "adopt": Verb(SETUP, "exchange", "adopt"),
    "leave": Verb(SETUP, "setting_up", "leave"),
    "mode": Verb(SETUP, "building", "mode"),
    "generate": Verb(SETUP, "building", "generate"),
    "install": Verb(SETUP, "install", "install"),
    "uninstall": Verb(SETUP, "install", "uninstall"),
    "trust": Verb(REVIEW, "trusting", "trust"),
    "completion": Verb(SETUP, "completion", "completion"),
    "demo": Verb(SETUP, "setting_up", "demo"),
    "check": Verb(REVIEW, "review", "check"),
    "ledger": Verb(REVIEW, "ledger", "ledger"),
    "verify": Verb(REVIEW, "proving", "verify"),
    "audit": Verb(REVIEW, "audit", "audit"),
    "unsplit": Verb(REVIEW, "looking", "unsplit"),
    "export": Verb(UPSTREAM, "exchange", "export"),
    "import": Verb(UPSTREAM, "exchange", "import_"),
    "blame": Verb(UPSTREAM, "blame", "blame"),
    "preview": Verb(UPSTREAM, "preview", "preview"),
    "plan": Verb(UPSTREAM, "review", "plan"),
    "solve": Verb(UPSTREAM, "solve", "solve"),
    "merge-file": Verb(UPSTREAM, "mergefile", "merge_file"),
    "cost": Verb(COST, "proving", "cost"),
    "budget": Verb(COST, "proving", "budget"),
}

# Verbs that take what git's command of that name takes.
_GITS = {"blame", "merge-file"}


def build(verbs: Sequence[str]) -> typer.Typer:
    """The command line with these of ``VERBS``."""
    app = typer.Typer(
        name="mergeguard",
        help="Keep upstream's heavy C++/CUDA/HIP files split in a fork, and merge as if they were not.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(root)
    for name in verbs:
        verb = VERBS[name]
        found = getattr(import_module(f"mergeguard.cli.{verb.module}"), verb.attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name, rich_help_panel=verb.panel)
        else:
            app.command(name, rich_help_panel=verb.panel)(found)
    return app


def _called(arguments: Sequence[str]) -> list[str]:
    """The verb of a command line; all verbs where that can't be told at a glance."""
    rest = iter(arguments)
    for argument in rest:
        if argument in ("-C", "--debug"):
            if argument == "-C":
                next(rest, None)
        elif argument in VERBS:
            # One more, or typer would take the app's only command for the app itself.
            return [argument, "status" if argument != "status" else "where"]
        else:
            break
    return [*VERBS]


def _verbatim(arguments: Sequence[str]) -> list[str]:
    """The command line with what follows a verb of git's left to it: those are git's options, not ours."""
    found = next((n for n, argument in enumerate(arguments) if argument in VERBS), len(arguments))
    rest = [*arguments[found + 1 :]]
    if not {*arguments[found : found + 1]} & _GITS or rest[:1] in (["--help"], ["-h"]):
        return [*arguments]
    return [*arguments[: found + 1], "--", *rest]


def run(arguments: Sequence[str]) -> None:
    """Run a command line and exit: 0 clean, 1 a person is needed, 2 bad input, 3 a bug of ours."""
    print_anything()
    try:
        code = typer.main.get_command(build(_called(arguments))).main(
            _verbatim(arguments), prog_name="mergeguard", standalone_mode=False
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
    except OSError as error:
        if options.debug:
            raise
        place = f"{error.filename}: " if error.filename else ""
        hint = "check the permissions and the free space, then run it again"
        fail(MergeguardError(f"{place}{error.strerror or error}", hint=hint))
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


def _cmake_dir(value: bool) -> None:
    if value:
        typer.echo(str(cmake_folder()))
        raise typer.Exit


def root(
    directory: Annotated[str, typer.Option("-C", metavar="DIR", help="Run as if started in DIR.")] = ".",
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
    cmake_dir: Annotated[
        bool,
        typer.Option("--cmake-dir", callback=_cmake_dir, is_eager=True, help="For -Dmergeguard_DIR=…"),
    ] = False,
) -> None:
    """Options that every verb takes."""
    del version, cmake_dir
    options.debug = debug
    options.folder = directory
