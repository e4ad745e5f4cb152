"""The command line as values: what completions, man pages and the reference are made from.

Read from the very objects that parse, so that none of them can be out of date.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any

from mergeguard.cli.app import root
from mergeguard.cli.verbs import VERBS
from mergeguard.values import dataclass


@dataclass(frozen=True, slots=True)
class CliParameter:
    """One option or argument: its spellings (none for an argument), what it takes, what it may be, its
    help."""

    spellings: tuple[str, ...]
    takes: str
    choices: tuple[str, ...]
    help: str

    @property
    def is_option(self) -> bool:
        """Whether it is an option."""
        return bool(self.spellings)


@dataclass(frozen=True, slots=True)
class Described:
    """One verb (``sync``, ``rules add``): the panel of ``--help``, its help, its parameters in order."""

    name: str
    panel: str
    help: str
    parameters: tuple[CliParameter, ...]

    @property
    def usage(self) -> str:
        """The verb with its arguments, as one types it."""
        options = ["[OPTIONS]"] if any(p.is_option for p in self.parameters) else []
        return " ".join([self.name, *options, *(p.takes for p in self.parameters if not p.is_option)])


def describe() -> tuple[Described, ...]:
    """Every verb, in the order of ``--help``; those of a group one by one."""
    import typer

    from mergeguard.cli.terminal import build

    group: Any = typer.main.get_command(build([*VERBS], root))
    return tuple(
        described for name in VERBS for described in _verbs(name, group.commands[name], VERBS[name].panel)
    )


def _verbs(name: str, command: Any, panel: str) -> Iterator[Described]:
    parts = getattr(command, "commands", None)
    if parts is not None:
        for part, inner in parts.items():
            yield from _verbs(f"{name} {part}", inner, panel)
        return
    choices = _choices(command.callback)
    shown = [p for p in command.params if not getattr(p, "hidden", False) and p.name != "help"]
    parameters = tuple(_parameter(param, choices.get(param.name, ())) for param in shown)
    yield Described(name, panel, (command.help or "").strip(), parameters)


def _parameter(param: Any, choices: tuple[str, ...]) -> CliParameter:
    help_text = (getattr(param, "help", None) or "").strip()
    if param.param_type_name == "argument":
        return CliParameter((), param.metavar or param.name.upper(), choices, help_text)
    takes = (
        "" if getattr(param, "is_flag", False) else (param.metavar or "|".join(choices) or param.name.upper())
    )
    return CliParameter((*param.opts, *param.secondary_opts), takes, choices, help_text)


def _choices(callback: Any) -> dict[str, tuple[str, ...]]:
    """The words that a verb's enumerated parameters take, by the function's parameter."""
    found: dict[str, tuple[str, ...]] = {}
    for name, hint in typing.get_type_hints(callback).items():
        kinds = [hint, *typing.get_args(hint)]
        enums = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Enum)]
        if enums:
            found[name] = tuple(str(member.value) for member in enums[0])
    return found
