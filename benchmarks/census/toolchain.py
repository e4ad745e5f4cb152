"""The compiler and flags with which each project's files compile (``flags.toml``)."""

from __future__ import annotations

import shlex
import sysconfig
import tomllib
from pathlib import Path, PurePosixPath

_COMPILERS = {".c": "gcc", ".cc": "g++", ".cpp": "g++", ".cxx": "g++", ".cu": "nvcc"}
_CUDA = Path("/usr/local/cuda/include")
# One architecture, and device code that can be read without NVIDIA's tools and costs little to make.
_NVCC = (
    "nvcc -arch=sm_80 --no-compress --expt-relaxed-constexpr --expt-extended-lambda "
    "-diag-suppress=177 -Xcicc -O1 -Xptxas -O0"
)
# What nvcc takes itself; all else is for its host compiler.
_KNOWN = ("-I", "-D", "-U", "-std=", "-isystem", "-include")


def command(project: str, root: Path, path: str, deps: Path) -> list[str] | None:
    """The compiler's command line for a file of a project's release in ``root``, without input and output.

    ``deps`` is the folder of other projects' headers that ``flags.toml`` speaks of. None for HIP's files and
    for a project without an entry.
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
    if compiler == "nvcc":
        flags = [part for flag in flags for part in _for_nvcc(flag)]
        return [*shlex.split(_NVCC), *flags]
    return [compiler, *flags]


def _for_nvcc(flag: str) -> tuple[str, ...]:
    return (flag,) if flag.startswith(_KNOWN) else ("-Xcompiler", flag)
