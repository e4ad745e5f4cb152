"""Sources of any project with source distributions on PyPI: C, C++, CUDA and HIP, and CMake files.

Cached outside the checkout, in ``${XDG_CACHE_HOME:-~/.cache}/mergeguard/projects/<project>/<version>/``.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from tests.support import corpus

UNITS = frozenset({".c", ".cc", ".cpp", ".cxx", ".cu", ".hip"})
_KEPT = UNITS | {".h", ".hh", ".hpp", ".hxx", ".cuh", ".inl", ".inc", ".def", ".ipp", ".tpp", ".cmake"}


def release(project: str, version: str) -> Path:
    """The folder of a release, fetched if need be. Raises CorpusError."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "mergeguard" / "projects" / project / version
    if not folder.is_dir():
        corpus.fetch(project, version, folder, _is_source)
    return folder


def _is_source(path: PurePosixPath) -> bool:
    return path.suffix in _KEPT or path.name == "CMakeLists.txt"


def heaviest(folder: Path, most: int) -> list[str]:
    """The largest translation units of a tree, each text once, largest first; paths relative to it."""
    found: dict[bytes, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix in UNITS and path.is_file():
            found.setdefault(path.read_bytes(), path)
    largest = sorted(found.items(), key=lambda entry: (-len(entry[0]), entry[1]))
    return [path.relative_to(folder).as_posix() for _, path in largest[:most]]
