"""What the verbs that compile share: the compile database's file, and progress."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mergeguard.build.measure import Progress


def database_file(path: Path | None) -> Path | None:
    """The compile_commands.json that is named by itself or by its folder."""
    return path / "compile_commands.json" if path is not None and path.is_dir() else path


def shown(report: Callable[[str], None]) -> Callable[[Progress], None]:
    """Progress of compiling as a line of a display."""
    return lambda step: report(f"{step.done}/{step.total} {step.name}")
