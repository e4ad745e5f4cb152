"""How a translation unit is compiled, and what is done to the sources before.

A command is an argument list with two holes, ``{source}`` and ``{output}``; ``{root}`` names the tree that
is compiled. No shell ever sees it. ``database`` reads commands from a ``compile_commands.json``.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from mergeguard.errors import MergeguardError
from mergeguard.values import dataclass

SOURCE, OUTPUT, ROOT = "{source}", "{output}", "{root}"
TREE, UNITS = "{tree}", "{units}"  # of a step before compiling

# How a command names device architectures; the first that it uses counts.
_GENCODE = ("gencode", "generate-code")
_ARCHITECTURES = ("offload-arch", *_GENCODE, "code", "gpu-code", "arch", "gpu-architecture")

# Suffixes that a driver takes for host C++; everything else of a layout is device code.
HOST_SUFFIXES = (".cpp", ".cc", ".cxx", ".c++", ".C")


class CommandError(MergeguardError):
    """No usable compile command for a unit, or a compiler that is not there."""


@dataclass(frozen=True, slots=True)
class PrepareStep:
    """A command as words with holes: ``{tree}`` is the tree as laid out, ``{root}`` the copy that it may
    rewrite, a word ``{units}`` the paths of the translation units in that copy. No shell sees it.
    """

    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """The step as a shell would take it."""
        return shlex.join(self.words)

    def fill(self, tree: Path, root: Path, units: Sequence[str]) -> tuple[str, ...]:
        """The words to run for one tree; ``units`` are relative to it."""
        out: list[str] = []
        for word in self.words:
            if word == UNITS:
                out += [str(root / unit) for unit in units]
            else:
                out.append(word.replace(TREE, str(tree)).replace(ROOT, str(root)))
        return tuple(out)


@dataclass(frozen=True, slots=True)
class Command:
    """A compile command with holes for source, output and root, and the step before it, if there is one."""

    arguments: tuple[str, ...]
    step: PrepareStep | None = None

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
    return Command(tuple(compiler_first(arguments)))


def step_of(text: str) -> PrepareStep:
    """A step from one line of text with POSIX shell quoting. Raises CommandError."""
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise CommandError(f"the step before compiling can't be read ({error}): {text}") from error
    if not any(ROOT in word or word == UNITS for word in words):
        raise CommandError(
            f"the step before compiling names neither {ROOT} nor {UNITS}: {text}",
            hint="write it like: python3 cmake/hipify.py -p {tree}/csrc -o {root}/csrc {units}",
        )
    return PrepareStep(words)


def compiler_first(arguments: Sequence[str]) -> list[str]:
    """The words of a command without ``ccache`` or ``sccache``: a hit in their cache would be measured
    instead."""
    first = next(
        (n for n, word in enumerate(arguments) if os.path.basename(word) not in ("ccache", "sccache")), 0
    )
    return list(arguments[first:])


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


def architectures_of(arguments: Sequence[str]) -> tuple[str, ...]:
    """The device architectures that a command names, in its order, each once.

    clang's and hipcc's ``--offload-arch``, nvcc's ``-gencode`` (its code), ``-code`` or else ``-arch``.
    """
    found: dict[str, list[str]] = {}
    for position, argument in enumerate(arguments):
        name, _, value = argument.lstrip("-").partition("=")
        if not value and position + 1 < len(arguments):
            value = arguments[position + 1]
        if name in _ARCHITECTURES:
            found.setdefault(name, []).extend(_listed(name, value))
    chosen = next((found[name] for name in _ARCHITECTURES if name in found), [])
    return tuple(dict.fromkeys(chosen))


def _listed(name: str, value: str) -> list[str]:
    codes = re.search(r"code=(?:\[([^\]]*)\]|([^,]*))", value) if name in _GENCODE else None
    return (codes[1] or codes[2] if codes else value).split(",")


def is_device(arguments: Sequence[str]) -> bool:
    """Whether a command compiles device code: nvcc, hipcc, or clang told so by ``-x`` or an architecture."""
    name = Command((*arguments, SOURCE, OUTPUT)).compiler
    return name in ("nvcc", "hipcc") or any(
        argument in ("-xhip", "-xcuda", "hip", "cuda") or argument.startswith("--offload-arch")
        for argument in arguments
    )
