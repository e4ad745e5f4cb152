"""Compile commands from a ``compile_commands.json``.

A build that hipifies its sources lists no source but a copy of it, below the build folder: such an entry is
followed back to the source, and the command is for what the same step makes of another tree.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from mergeguard import store
from mergeguard.build.commands import OUTPUT, ROOT, SOURCE, Command, CommandError, PrepareStep, compiler_first
from mergeguard.build.hipified import copy_names
from mergeguard.errors import Location
from mergeguard.values import dataclass


def from_database(database: Path, source: str, root: Path, step: PrepareStep | None = None) -> Command:
    """The command of ``source`` (relative to ``root``) in a ``compile_commands.json``, after ``step``.

    Paths below ``root`` that exist in it become ``{root}/...``, so that another tree of the same shape can be
    compiled with the same command; paths that only the build directory has (generated headers) stay. Where
    the build compiles a copy that hipify made, paths below the folder of copies become ``{root}/...``, too:
    ``step`` makes such copies of any tree. Compiler caches are left out, response files taken in. Raises
    CommandError: the file can't be read, no entry names the source, or only one of a copy and there is no
    step that makes it.
    """
    try:
        entries = _entries(database)
        wanted = os.path.realpath(root / source)
        for entry in entries:
            if os.path.realpath(Path(entry.directory, entry.file)) == wanted:
                return _holes(entry, root, database, step)
        for entry in entries:
            copies = _folder_of_copies(entry, source)
            if copies is None:
                continue
            if step is None:
                raise _no_step(entry, source, database)
            return _holes(entry, root, database, step, copies)
    except (OSError, ValueError) as error:  # Paths and commands that are none
        raise _unreadable(database, error) from error
    raise CommandError(
        f"no compile command for {source}",
        where=Location(str(database)),
        hint="configure with -DCMAKE_EXPORT_COMPILE_COMMANDS=ON from an unsplit tree, or give a template",
    )


def sources_of(database: Path, root: Path) -> frozenset[str]:
    """The files below ``root``, relative to it, that a ``compile_commands.json`` compiles.

    Raises CommandError: it can't be read.
    """
    real = os.path.realpath(root)
    paths = (os.path.realpath(Path(entry.directory, entry.file)) for entry in _entries(database))
    return frozenset(os.path.relpath(path, real) for path in paths if path.startswith(f"{real}/"))


def _entries(database: Path) -> list[_DatabaseEntry]:
    try:
        return store.decode(database.read_bytes(), list[_DatabaseEntry])
    except (OSError, ValueError) as error:
        raise _unreadable(database, error) from error


def _unreadable(database: Path, error: OSError | ValueError) -> CommandError:
    why = error.strerror if isinstance(error, OSError) else error
    return CommandError(
        f"can't read the compile commands: {why}",
        where=Location(str(database)),
        hint="name a compile_commands.json, or the folder that it is in",
    )


def _folder_of_copies(entry: _DatabaseEntry, source: str) -> Path | None:
    """Where the tree of copies begins, if an entry is for what hipify calls its copy of ``source``."""
    file = Path(os.path.normpath(Path(entry.directory, entry.file)))
    for name in copy_names(source):
        parts = Path(name).parts
        if file.parts[-len(parts) :] == parts:
            return file.parents[len(parts) - 1]
    return None


def _no_step(entry: _DatabaseEntry, source: str, database: Path) -> CommandError:
    return CommandError(
        f"the build compiles no {source}, but the copy that hipify made of it: {entry.file}",
        where=Location(str(database)),
        hint="say how it is made, as your build does, with --prepare or in `git config mergeguard.prepare`: "
        "'python3 cmake/hipify.py -p {tree}/csrc -o {root}/csrc {units}'",
    )


@dataclass(frozen=True)
class _DatabaseEntry:
    """One translation unit of a compile database; other keys are let pass."""

    file: str
    directory: str = "."
    command: str = ""
    arguments: tuple[str, ...] = ()


def _holes(
    entry: _DatabaseEntry, root: Path, database: Path, step: PrepareStep | None, copies: Path | None = None
) -> Command:
    directory = Path(entry.directory)
    source = os.path.realpath(directory / entry.file)
    given = entry.arguments or shlex.split(entry.command)
    if not given or any("\0" in word for word in given):
        raise ValueError(f"the command of {entry.file} is none")

    def rooted(path: str) -> str:
        return _of_copies(path, directory, root, copies) or _rooted(path, directory, root)

    arguments = _options_inline(compiler_first(given), directory, (root, database.parent))
    filled: list[str] = []
    skip = False
    for position, argument in enumerate(arguments):
        if skip:
            skip = False
            continue
        following = arguments[position + 1] if position + 1 < len(arguments) else ""
        if argument == "-o":
            filled += ["-o", OUTPUT]
            skip = True
        elif argument in ("-MF", "-MT", "-MQ"):
            skip = True  # the dependency file of the project's own build: not ours to write
        elif argument in ("-MD", "-MMD"):
            pass
        elif os.path.realpath(directory / argument) == source:
            filled.append(SOURCE)
        elif argument in ("-I", "-isystem", "-include", "-iquote") and following:
            filled += [argument, rooted(following)]
            skip = True
        elif prefix := next((p for p in _FOLDER_PREFIXES if argument.startswith(p)), ""):
            filled.append(prefix + rooted(argument[len(prefix) :]))
        else:
            filled.append(argument)
    if OUTPUT not in filled:
        filled += ["-o", OUTPUT]
    return Command(tuple(filled), step)


# `-isystem=FOLDER` and `--include-path=FOLDER` are nvcc's.
_FOLDER_PREFIXES = ("-I=", "-isystem=", "--include-path=", "-I")


def _options_inline(arguments: Sequence[str], directory: Path, within: Sequence[Path]) -> list[str]:
    """The command with what its response files hold: CMake gives nvcc its include folders in one.

    Only files ``within`` the source tree or the build folder are read. Raises CommandError for others.
    """
    out: list[str] = []
    words = iter(arguments)
    for word in words:
        name = word[1:] if word.startswith("@") else ""
        if word in ("--options-file", "-optf"):
            name = next(words, "")
        if not name:
            out.append(word)
            continue
        file = Path(os.path.realpath(directory / name))
        if not any(file.is_relative_to(os.path.realpath(folder)) for folder in within):
            raise CommandError(
                "the options file of the compile command is in neither the source tree nor the build folder",
                where=Location(str(file)),
                hint="configure the build again, or give a template with --command",
            )
        try:
            out += shlex.split(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CommandError(
                f"can't read the options file of the compile command: {error}",
                where=Location(str(directory / name)),
                hint="configure the build again, or give a template with --command",
            ) from error
    return out


def _of_copies(path: str, directory: Path, root: Path, copies: Path | None) -> str:
    """A folder of hipified copies as one of the tree that is compiled; "" if the sources have no such
    folder."""
    if copies is None:
        return ""
    relative = os.path.relpath(os.path.normpath(directory / path), copies)
    if relative == ".":
        return ROOT
    inside = not relative.startswith(os.pardir) and (root / relative).is_dir()
    return f"{ROOT}/{relative}" if inside else ""


def _rooted(path: str, directory: Path, root: Path) -> str:
    # Only inside ``root`` and not inside the build directory: generated files exist there alone.
    absolute = os.path.normpath(directory / path)
    top = os.path.normpath(root)
    inside = absolute == top or absolute.startswith(top + os.sep)
    build = os.path.normpath(directory)
    in_build = build != top and (absolute == build or absolute.startswith(build + os.sep))
    if inside and not in_build:
        relative = os.path.relpath(absolute, top)
        return ROOT if relative == "." else f"{ROOT}/{relative}"
    return absolute
