"""For ``setup.py``: the sources of a setuptools or PyTorch extension, monoliths replaced by their units.

try:
    from mergeguard.build.extension import split_sources
except ImportError:                       # no mergeguard here: the monoliths are compiled whole
    def split_sources(sources): return sources

Extension("pkg._C", split_sources(["csrc/heavy.cpp", "csrc/bindings.cpp"]))
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from pathlib import Path

from mergeguard.build.generate import GenerateOptions, generate
from mergeguard.errors import MergeguardError


def split_sources(
    sources: Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str] = "build/mergeguard",
    root: str | os.PathLike[str] = ".",
    *,
    required: bool = False,
    lines: bool = True,
) -> list[str]:
    """``sources`` with each monolith of a rule in build mode replaced by its units, made in the folder
    ``out``.

    Paths are relative to the current folder, as setuptools takes them; so is what comes back. Where a rule
    does not fit, its monolith stays, with a warning; ``required`` raises MergeguardError instead.
    """
    given = [os.fspath(source) for source in sources]
    try:
        made = generate(Path(root), Path(out), GenerateOptions(lines=lines, fallback=not required))
    except MergeguardError as error:
        if required:
            raise
        warnings.warn(f"mergeguard: the monoliths are compiled whole: {error}", stacklevel=2)
        return given
    for warning in made.warnings:
        warnings.warn(f"mergeguard: {warning}", stacklevel=2)
    units = {
        os.path.realpath(os.path.join(root, monolith)): [os.path.join(os.fspath(out), unit) for unit in units]
        for monolith, units in made.units.items()
    }
    return [unit for source in given for unit in units.get(os.path.realpath(source), [source])]
