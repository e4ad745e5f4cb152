"""The compiler and flags with which each project's files compile (``flags.toml``)."""

from __future__ import annotations

import shlex
import sysconfig
import tomllib
from pathlib import Path, PurePosixPath

_COMPILERS = {".c": "gcc", ".cc": "g++", ".cpp": "g++", ".cxx": "g++"}
_CUDA = Path("/usr/local/cuda/include")


def command(project: str, root: Path, path: str, deps: Path) -> list[str] | None:
    """The compiler's command line for a file of a project's release in ``root``, without input and output.

    ``deps`` is the folder of other projects' headers that ``flags.toml`` speaks of. None for a device's file
    and for a project without an entry.
    """
    compiler = _COMPILERS.get(PurePosixPath(path).suffix)
    here = Path(__file__).parent
    entry = tomllib.loads((here / "flags.toml").read_text()).get(project)
    if compiler is None or entry is None:
        return None
    holes = {
        "root": root,
        "deps": deps,
        "stubs": here / "stubs",
        "python": sysconfig.get_paths()["include"],
        "cuda": _CUDA,
    }
    flags = shlex.split(entry["flags"].format_map(holes))
    if compiler == "gcc":
        flags = [flag for flag in flags if not flag.startswith("-std=c++")]
    return [compiler, *flags]
