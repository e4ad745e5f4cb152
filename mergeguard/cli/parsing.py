"""Ordinary command lines, read in a millisecond by what the verbs declare.

What is not plainly right (help, a missing or unknown word, a value of the wrong kind, letters run together)
is not judged here: the answer is None, and typer, which takes a tenth of a second to load, says what is
wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from mergeguard.cli.declare import Argument, ParameterSpec

_REFUSED = object()  # no value of that kind


class VerbParameter(NamedTuple):
    """One parameter of a verb's function: what it holds, whether several of it, its declaration."""

    name: str
    kind: Any
    many: bool
    declared: ParameterSpec
    required: bool

    @property
    def is_flag(self) -> bool:
        return self.kind is bool and not isinstance(self.declared, Argument)

    def spelled(self) -> Iterator[tuple[str, bool]]:
        """Each spelling of an option, and what a flag is where it is given."""
        spellings = self.declared.spellings
        if not spellings:
            name = self.name.strip("_").replace("_", "-")
            spellings = (f"--{name}/--no-{name}" if self.is_flag else f"--{name}",)
        for spelling in spellings:
            yes, _, no = spelling.partition("/")
            yield yes, True
            if no:
                yield no, False

    def value(self, word: str) -> Any:
        """What ``word`` means; ``_REFUSED`` where it is nothing of that kind."""
        try:
            found = self.kind(word)
        except ValueError:
            return _REFUSED
        least = self.declared.settings.get("min")
        return _REFUSED if least is not None and found < least else found


def parameters(function: Callable[..., Any]) -> list[VerbParameter]:
    """What a verb takes, in order."""
    hints = get_type_hints(function, include_extras=True)
    code = function.__code__
    names = code.co_varnames[: code.co_argcount]
    first_default = len(names) - len(function.__defaults__ or ())
    found = []
    for number, name in enumerate(names):
        kind, declared = get_args(hints[name])[:2]
        if get_origin(kind) in (Union, UnionType):
            kind = next(part for part in get_args(kind) if part is not type(None))
        many = get_origin(kind) is list
        if many:
            kind = get_args(kind)[0]
        found.append(VerbParameter(name, kind, many, declared, number < first_default))
    return found


def parse(
    function: Callable[..., Any], words: Sequence[str], *, verbatim: bool = False
) -> dict[str, Any] | None:
    """The arguments to call a verb's function with; None where typer has to look.

    ``verbatim``: all words are the verb's one argument (git's own options follow).
    """
    known = parameters(function)
    if not {parameter.kind for parameter in known} <= _KINDS and not all(map(_is_known, known)):
        return None
    if verbatim:
        return {known[0].name: [*words]}
    options = {
        spelling: (parameter, given)
        for parameter in known
        if not isinstance(parameter.declared, Argument)
        for spelling, given in parameter.spelled()
    }
    found: dict[str, Any] = {}
    standing: list[str] = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word == "-":
            standing.append(word)
            continue
        spelling, has_value, text = word.partition("=") if word.startswith("--") else (word, "", "")
        if spelling not in options or word == "--":
            return None
        parameter, given = options[spelling]
        if parameter.is_flag:
            if has_value:
                return None
            found[parameter.name] = given
            continue
        text = text if has_value else next(rest, "-")
        value = parameter.value(text)
        if value is _REFUSED or text.startswith("-") and not has_value:
            return None
        if parameter.many:
            found.setdefault(parameter.name, []).append(value)
        else:
            found[parameter.name] = value
    placed = _place([p for p in known if isinstance(p.declared, Argument)], standing)
    if placed is None or any(p.required and p.name not in placed and p.name not in found for p in known):
        return None
    return found | placed


def _place(arguments: Sequence[VerbParameter], words: list[str]) -> dict[str, Any] | None:
    """The words that stand by themselves, for each argument; None where they don't come out even."""
    placed: dict[str, Any] = {}
    for parameter in arguments:
        if parameter.many:
            if parameter is not arguments[-1]:
                return None
            values = [parameter.value(word) for word in words]
            words = []
            if values:
                placed[parameter.name] = values
        elif words:
            placed[parameter.name] = parameter.value(words.pop(0))
    refused = any(value is _REFUSED or value == [] for value in placed.values())
    refused = refused or any(_REFUSED in value for value in placed.values() if isinstance(value, list))
    return None if words or refused else placed


_KINDS = {str, int, float, bool, Path}


def _is_known(parameter: VerbParameter) -> bool:
    kind = parameter.kind
    return kind in _KINDS or (isinstance(kind, type) and issubclass(kind, Enum))
