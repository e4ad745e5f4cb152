"""generate: the layouts of rules in build mode, made in a build folder and remembered for the next build."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from mergeguard.build import fresh
from mergeguard.build.generate import Generated, GenerateOptions, cmake_list, depfile
from mergeguard.build.generate import generate as make
from mergeguard.values import dataclass

__all__ = ["TARGET", "Depfile", "GenerateOptions", "Generated", "cmake_list", "generate"]

# A depfile's target where none is named.
TARGET = fresh.NOTE


@dataclass(frozen=True, slots=True)
class Depfile:
    """What a build tool reads to know when to make the layouts again: its path and the target in it."""

    path: Path
    target: str


def generate(
    source: Path,
    build: Path,
    options: GenerateOptions,
    listed: Callable[[Generated], str],
    *,
    arguments: Sequence[str],
    dependencies: Depfile | None = None,
) -> tuple[Generated, str]:
    """Make the layouts of the tree ``source`` in ``build``: what was made, and what ``listed`` says of it.

    That text is kept beside the layouts: a call with the same ``arguments`` (of the command line) that finds
    nothing changed prints it again without making anything. Raises GenerateError, and what the rules raise.
    """
    made = make(source, build, options)
    if dependencies is not None:
        dependencies.path.write_bytes(depfile(dependencies.target, made.inputs, source))
    text = listed(made)
    beside = () if dependencies is None else (dependencies.path,)
    fresh.remember(build, list(arguments), source, text, beside)
    return made, text
