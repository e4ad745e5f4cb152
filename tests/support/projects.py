"""Sources of any project with source distributions on PyPI: C, C++, CUDA and HIP, and CMake files.

Cached outside the checkout, in ``${XDG_CACHE_HOME:-~/.cache}/mergeguard/projects/<project>/<version>/``.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from tests.support import corpus

UNITS = frozenset({".c", ".cc", ".cpp", ".cxx", ".cu", ".hip"})
_KEPT = UNITS | {".h", ".hh", ".hpp", ".hxx", ".cuh", ".inl", ".inc", ".def", ".ipp", ".tpp", ".cmake"}


def _folder(project: str, version: str) -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "mergeguard" / "projects" / project / version


def is_cached(project: str, version: str) -> bool:
    """Whether this machine has a release."""
    return _folder(project, version).is_dir()


def release(project: str, version: str) -> Path:
    """The folder of a release, fetched if need be. Raises CorpusError."""
    folder = _folder(project, version)
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
