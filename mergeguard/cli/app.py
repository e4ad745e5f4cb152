"""The command line: its verbs, and how it ends.

A verb's module is imported only when the verb is called, and ordinary command lines are read here (see
``parsing``); typer is loaded for help and for errors.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any, NamedTuple

from mergeguard import __version__
from mergeguard.cli.console import crash, fail, options, out, print_anything, terminal_width
from mergeguard.cli.declare import BadParameter, Option, VerbGroup
from mergeguard.cli.verbs import GITS, VERBS
from mergeguard.errors import ExitCode, MergeguardError, interrupted


class CommandLine(NamedTuple):
    """A command line taken apart: the folder of ``-C``, ``--debug``, the verb ("" if none), what follows."""

    folder: str
    debug: bool
    verb: str
    rest: tuple[str, ...]


def _apart(words: Sequence[str]) -> CommandLine | None:
    """None where the words before the verb are not plainly right."""
    folder, debug = ".", False
    for number, word in (rest := enumerate(words)):
        if word == "--debug":
            debug = True
        elif word == "-C" and number + 1 < len(words):
            folder = next(rest)[1]
        elif word in VERBS:
            return CommandLine(folder, debug, word, tuple(words[number + 1 :]))
        else:
            return None
    return CommandLine(folder, debug, "", ())


def _directly(line: CommandLine) -> int | None:
    """The exit status of an ordinary command line; None where typer has to look."""
    from mergeguard.cli.parsing import parse

    verb = VERBS[line.verb]
    asks_for_help = line.rest[:1] in (("--help",), ("-h",))
    function: Any = getattr(import_module(f"mergeguard.cli.{verb.module}"), verb.attribute)
    words = line.rest
    if isinstance(function, VerbGroup):
        named = function.commands.get(words[0]) if words else function.default
        if named is None:
            return None
        function, words = named, words[1:]
    arguments = None if asks_for_help else parse(function, words, verbatim=line.verb in GITS)
    if arguments is None:
        return None
    options.debug, options.folder = line.debug, line.folder
    try:
        return int(function(**arguments))
    except BadParameter as error:
        return _refused(line, error)


def _refused(line: CommandLine, error: BadParameter) -> int:
    """Show by typer what the verb has refused."""
    from mergeguard.cli import terminal

    return terminal.refuse([*_around(line.verb)], root, [line.verb, *line.rest], error)


def _around(verb: str) -> Sequence[str]:
    """The verb and one more, or typer would take the app's only command for the app itself."""
    return [verb, "status" if verb != "status" else "where"]


def _by_typer(words: Sequence[str], line: CommandLine | None) -> int:
    from mergeguard.cli import terminal

    if line is not None and line.verb in GITS and line.rest[:1] not in (("--help",), ("-h",)):
        # What follows a verb of git's is left to it: those are git's options, not ours.
        words = [*words[: len(words) - len(line.rest)], "--", *line.rest]
    verbs = [*VERBS] if line is None or not line.verb else _around(line.verb)
    return terminal.run(verbs, root, words)


def _overview(words: Sequence[str]) -> bool:
    """Print the overview of all verbs if that is what is asked for, and can be."""
    if [*words] not in ([], ["--help"], ["-h"]):
        return False
    from mergeguard.cli.verbs import NARROWEST, overview

    width = terminal_width()
    encoding = (getattr(sys.stdout, "encoding", "") or "").lower()
    if width < NARROWEST or not encoding.startswith("utf"):
        return False
    for line in overview(width):
        out.print(line)
    return True


def _status(words: Sequence[str]) -> int:
    if _overview(words):
        return ExitCode.CLEAN if words else ExitCode.USAGE
    line = _apart(words)
    done = _directly(line) if line is not None and line.verb else None
    return _by_typer(words, line) if done is None else done


def run(arguments: Sequence[str]) -> None:
    """Run a command line and exit: 0 clean, 1 a person is needed, 2 bad input, 3 a bug of ours."""
    print_anything()
    try:
        sys.exit(int(_status(arguments)))
    except MergeguardError as error:
        if options.debug:
            raise
        fail(error)
    except KeyboardInterrupt:
        interrupted()
    except BrokenPipeError:
        sys.exit(141)
    except OSError as error:
        if options.debug:
            raise
        place = f"{error.filename}: " if error.filename else ""
        hint = "check the permissions and the free space, then run it again"
        fail(MergeguardError(f"{place}{error.strerror or error}", hint=hint))
    except Exception as error:
        if options.debug:
            raise
        crash(error)


def _version(value: bool) -> None:
    if value:
        out.print(f"mergeguard {__version__}")
        sys.exit(0)


def _cmake_dir(value: bool) -> None:
    if value:
        from mergeguard.data import cmake_folder

        sys.stdout.write(f"{cmake_folder()}\n")
        sys.exit(0)


def root(
    directory: Annotated[str, Option("-C", metavar="DIR", help="Run as if started in DIR.")] = ".",
    debug: Annotated[bool, Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[bool, Option("--version", callback=_version, is_eager=True)] = False,
    cmake_dir: Annotated[
        bool,
        Option("--cmake-dir", callback=_cmake_dir, is_eager=True, help="For -Dmergeguard_DIR=…"),
    ] = False,
) -> None:
    """Options that every verb takes."""
    del version, cmake_dir
    options.debug = debug
    options.folder = directory
