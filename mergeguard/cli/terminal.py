"""What takes the terminal libraries: help of verbs, what is wrong with a command line, tables that must wrap.

The only module that imports typer and rich. Loading them costs as much CPU as a small sync, so that only
these cases do.
"""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Annotated, Any, get_args, get_type_hints

import typer

from mergeguard.cli.declare import Argument, BadParameter, ParameterSpec, VerbGroup
from mergeguard.cli.markup import Table, pieces
from mergeguard.cli.verbs import PURPOSE, VERBS
from mergeguard.errors import ExitCode


def build(verbs: Sequence[str], root: Callable[..., None]) -> typer.Typer:
    """The command line with these of ``VERBS``; ``root`` takes the options before the verb."""
    app = typer.Typer(
        name="mergeguard",
        help=PURPOSE,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(typed(root))
    for name in verbs:
        verb = VERBS[name]
        found = getattr(import_module(f"mergeguard.cli.{verb.module}"), verb.attribute)
        if isinstance(found, VerbGroup):
            app.add_typer(_group(found), name=name, rich_help_panel=verb.panel)
        else:
            app.command(name, rich_help_panel=verb.panel)(typed(found))
    return app


def _group(group: VerbGroup) -> typer.Typer:
    app = typer.Typer()
    default = group.default
    assert default is not None

    def callback(context: typer.Context) -> int:
        return default() if context.invoked_subcommand is None else ExitCode.CLEAN

    callback.__doc__ = default.__doc__
    # typer reads the annotation's name in this module.
    app.callback(invoke_without_command=True)(callback)
    for name, function in group.commands.items():
        app.command(name)(typed(function))
    return app


def typed(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as typer wants it: its own declarations, its own error."""

    def called(**arguments: Any) -> Any:
        try:
            return function(**arguments)
        except BadParameter as error:
            raise typer.BadParameter(str(error), param_hint=error.param_hint) from None

    hints = get_type_hints(function, include_extras=True)
    kinds = {name: _annotation(hint) for name, hint in hints.items()}
    signature = inspect.signature(function)
    parameters = [p.replace(annotation=kinds[name]) for name, p in signature.parameters.items()]
    called.__name__, called.__doc__, called.__module__ = (
        function.__name__,
        function.__doc__,
        function.__module__,
    )
    called.__annotations__ = kinds
    called.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return called


def _annotation(hint: Any) -> Any:
    parts = get_args(hint)
    declared = parts[1] if len(parts) > 1 else None
    if not isinstance(declared, ParameterSpec):
        return hint
    make: Any = typer.Argument if isinstance(declared, Argument) else typer.Option
    return Annotated[parts[0], make(*declared.spellings, **declared.settings)]


def run(verbs: Sequence[str], root: Callable[..., None], words: Sequence[str]) -> int:
    """Run a command line by typer; the exit status."""
    try:
        code = typer.main.get_command(build(verbs, root)).main(
            [*words], prog_name="mergeguard", standalone_mode=False
        )
    except typer.Abort:
        return 130
    except Exception as error:
        # typer brings a click of its own, whose base class it does not export.
        if callable(show := getattr(error, "show", None)):
            show()
            return int(ExitCode.USAGE)
        raise
    return code if isinstance(code, int) else 0


def refuse(verbs: Sequence[str], root: Callable[..., None], words: Sequence[str], error: BadParameter) -> int:
    """Show what a verb has refused, below its usage; the verb is not run again."""
    command: Any = typer.main.get_command(build(verbs, root))
    context: Any = command.make_context("mergeguard", [words[0]], resilient_parsing=True)
    for word in words:
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            break
        context = command.make_context(word, [], parent=context, resilient_parsing=True)
    typer.BadParameter(str(error), ctx=context, param_hint=error.param_hint).show()
    return int(ExitCode.USAGE)


def wrapped(table: Table, width: int, *, colours: bool, attributes: bool) -> str:
    """A table that has to be wrapped, or is not of ASCII alone, as it is printed."""
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    def text(markup: str) -> Text:
        made = Text()
        for piece in pieces(markup):
            made.append(piece.text, " ".join(piece.style) or None)
        return made

    rich = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in table.columns:
        head = Text(column.head)
        rich.add_column(head, header_style="dim", justify=column.justify, no_wrap=column.no_wrap)
    for row in table.rows:
        rich.add_row(*map(text, row))
    written = io.StringIO()
    Console(
        file=written,
        width=width,
        soft_wrap=True,
        highlight=False,
        force_terminal=attributes,
        no_color=not colours,
        color_system="standard" if attributes else None,
    ).print(rich)
    return written.getvalue()
