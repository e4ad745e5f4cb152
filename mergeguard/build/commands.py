"""How a translation unit is compiled: from ``compile_commands.json`` or from a template.

A command is an argument list with two holes, ``{source}`` and ``{output}``; ``{root}`` names the tree that
is compiled. No shell ever sees it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from mergeguard import store
from mergeguard.errors import Location, MergeguardError
from mergeguard.values import dataclass

SOURCE, OUTPUT, ROOT = "{source}", "{output}", "{root}"

# Suffixes that a driver takes for host C++; everything else of a layout is device code.
HOST_SUFFIXES = (".cpp", ".cc", ".cxx", ".c++", ".C")


class CommandError(MergeguardError):
    """No usable compile command for a unit, or a compiler that is not there."""


@dataclass(frozen=True, slots=True)
class Command:
    """A compile command with holes for source, output and root."""

    arguments: tuple[str, ...]

    def __post_init__(self) -> None:
        joined = "\0".join(self.arguments)
        for hole in (SOURCE, OUTPUT):
            if hole not in joined:
                raise CommandError(
                    f"compile command has no {hole}: {shlex.join(self.arguments)}",
                    hint="write it like: g++ -std=c++17 -O2 -I {root} -c {source} -o {output}",
                )

    def fill(self, source: str, output: str, root: str) -> tuple[str, ...]:
        """The argument list for one unit."""
        return tuple(
            argument.replace(SOURCE, source).replace(OUTPUT, output).replace(ROOT, root)
            for argument in self.arguments
        )

    @property
    def driver(self) -> str:
        """The program that compiles, behind whatever wraps it: ``/usr/bin/g++-12``."""
        for argument in self.arguments:
            name = os.path.basename(argument)
            if name not in ("ccache", "sccache", "env") and "=" not in name:
                return argument
        return ""

    @property
    def compiler(self) -> str:
        """The driver's name without directory, version and suffix: ``g++``, ``nvcc``, ``clang++``."""
        name = os.path.basename(self.driver).removesuffix(".exe")
        return re.sub(r"-[\d.]+$", "", name).rpartition("-")[2]

    def require(self) -> None:
        """Raises CommandError if the compiler can't be found."""
        program = self.arguments[0]
        if shutil.which(program) is None:
            raise CommandError(
                f"compiler not found: {program}",
                hint="install it, or give another command with --command",
            )


def from_template(text: str) -> Command:
    """A command from one line of text with POSIX shell quoting. Raises CommandError."""
    try:
        arguments = shlex.split(text)
    except ValueError as error:
        raise CommandError(f"compile command can't be read ({error}): {text}") from error
    if not arguments:
        raise CommandError("compile command is empty")
    return Command(tuple(_compiler_first(arguments)))


def from_database(database: Path, source: str, root: Path) -> Command:
    """The command of ``source`` (relative to ``root``) in a ``compile_commands.json``.

    Paths below ``root`` that exist in it become ``{root}/...``, so that another tree of the same shape can
    be compiled with the same command; paths that only the build directory has (generated headers) stay.
    Compiler caches are left out, response files taken in.
    Raises CommandError: the file can't be read, no entry names the source, or only one of a copy that hipify
    made of it in the build folder.
    """
    try:
        entries = store.decode(database.read_bytes(), list[_DatabaseEntry])
        wanted = os.path.realpath(root / source)
        for entry in entries:
            if os.path.realpath(Path(entry.directory, entry.file)) == wanted:
                return _holes(entry, root, database)
    except (OSError, ValueError) as error:  # Unreadable, and paths and commands that are none
        why = error.strerror if isinstance(error, OSError) else error
        raise CommandError(
            f"can't read the compile commands: {why}",
            where=Location(str(database)),
            hint="name a compile_commands.json, or the folder that it is in",
        ) from error
    copy = next((entry.file for entry in entries if _is_hipified(entry.file, source)), None)
    if copy is not None:
        raise CommandError(
            f"the build compiles no {source}, but the copy that hipify made of it: {copy}",
            where=Location(str(database)),
            hint="give --command a script that hipifies a copy of {root} and compiles the copy of {source}",
        )
    raise CommandError(
        f"no compile command for {source}",
        where=Location(str(database)),
        hint="configure with -DCMAKE_EXPORT_COMPILE_COMMANDS=ON from an unsplit tree, or give a template",
    )


def _is_hipified(file: str, source: str) -> bool:
    """Whether a path is what hipify calls its copy of ``source``, in whatever folder."""
    stem, suffix = os.path.splitext(source)
    names = (f"{stem}.hip", f"{stem}_hip{suffix}")
    return any(Path(file).as_posix().endswith(f"/{name}") or file == name for name in names)


class _DatabaseEntry(msgspec.Struct, frozen=True):
    """One translation unit of a compile database; other keys are let pass."""

    file: str
    directory: str = "."
    command: str = ""
    arguments: tuple[str, ...] = ()


def _holes(entry: _DatabaseEntry, root: Path, database: Path) -> Command:
    directory = Path(entry.directory)
    source = os.path.realpath(directory / entry.file)
    given = entry.arguments or shlex.split(entry.command)
    if not given or any("\0" in word for word in given):
        raise ValueError(f"the command of {entry.file} is none")
    arguments = _options_inline(_compiler_first(given), directory, (root, database.parent))
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
            filled += [argument, _rooted(following, directory, root)]
            skip = True
        elif prefix := next((p for p in _FOLDER_PREFIXES if argument.startswith(p)), ""):
            filled.append(prefix + _rooted(argument[len(prefix) :], directory, root))
        else:
            filled.append(argument)
    if OUTPUT not in filled:
        filled += ["-o", OUTPUT]
    return Command(tuple(filled))


# `-isystem=FOLDER` and `--include-path=FOLDER` are nvcc's.
_FOLDER_PREFIXES = ("-I=", "-isystem=", "--include-path=", "-I")


def _compiler_first(arguments: Sequence[str]) -> list[str]:
    """The command without ``ccache`` or ``sccache``: a hit in their cache would be measured instead."""
    first = next(
        (n for n, word in enumerate(arguments) if os.path.basename(word) not in ("ccache", "sccache")), 0
    )
    return list(arguments[first:])


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


def compresses_device_code(arguments: Sequence[str]) -> bool:
    """Whether an nvcc command sets ``--compress-mode`` other than default or none.

    Without it fatbinary compresses only images above about 10 MB, so the shards of one compressed
    monolith can each stay below the mark and the linked library grows several times over.
    """
    for position, argument in enumerate(arguments):
        name, _, value = argument.lstrip("-").partition("=")
        if name in ("compress-mode", "Xfatbin") and not value and position + 1 < len(arguments):
            value = arguments[position + 1]
        if name == "compress-mode" and value not in ("default", "none", ""):
            return True
        if name == "Xfatbin" and "compress-all" in value:
            return True
    return False


def is_nvcc(command: Command) -> bool:
    """Whether the command runs NVIDIA's driver."""
    return command.compiler == "nvcc"


def is_device(arguments: Sequence[str]) -> bool:
    """Whether a command compiles device code: nvcc, hipcc, or clang told so by ``-x`` or an architecture."""
    name = Command((*arguments, SOURCE, OUTPUT)).compiler
    return name in ("nvcc", "hipcc") or any(
        argument in ("-xhip", "-xcuda", "hip", "cuda") or argument.startswith("--offload-arch")
        for argument in arguments
    )
