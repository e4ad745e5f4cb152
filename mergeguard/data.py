"""Files that ship with the program: the ready-made rules, and the sources of the demo."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from mergeguard.errors import MergeguardError


def shipped_rules() -> dict[str, bytes]:
    """The rules that come with mergeguard, in name order.

    Returns their bytes by path relative to the rules folder, with ``/``: ``{"vllm/attention.toml": ...}``.
    A checkout (or an editable install) keeps them in the top-level ``rules/``, a wheel in
    ``mergeguard/_rules``. Raises MergeguardError if the installation holds neither.
    """
    package = files("mergeguard")
    folder = package / "_rules"
    if not folder.is_dir():
        folder = files("mergeguard") / ".." / "rules"
    if not folder.is_dir():
        raise MergeguardError(
            "the shipped rules are missing from this installation", hint="install mergeguard again"
        )
    return dict(sorted(_rules_below(folder, "")))


def _rules_below(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found.extend(_rules_below(entry, f"{prefix}{entry.name}/"))
        elif entry.name.endswith(".toml"):
            found.append((prefix + entry.name, entry.read_bytes()))
    return found


def cmake_folder() -> Path:
    """The folder of the CMake package, for ``mergeguard_DIR``."""
    return Path(str(files("mergeguard"))) / "cmake"


def demo_files() -> dict[str, bytes]:
    """The demo's upstream: path to bytes, from ``fixtures/compile`` (``mergeguard/_demo`` in a wheel)."""
    folder = files("mergeguard") / "_demo"
    if not folder.is_dir():
        folder = files("mergeguard") / ".." / "fixtures" / "compile"
    if not folder.is_dir():
        raise MergeguardError(
            "the demo's files are missing from this installation", hint="run it from a checkout"
        )
    found = dict(_files_below(folder / "csrc", "csrc/"))
    found["CMakeLists.txt"] = (folder / "CMakeLists.txt").read_bytes()
    return found


def _files_below(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _files_below(entry, f"{prefix}{entry.name}/")
        else:
            found.append((prefix + entry.name, entry.read_bytes()))
    return sorted(found)
