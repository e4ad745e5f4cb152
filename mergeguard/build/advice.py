"""What to say about measured figures: where a split does not pay, and what would help."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mergeguard.build.chart import human_bytes, human_seconds
from mergeguard.build.commands import Command, compresses_device_code, is_nvcc
from mergeguard.build.measure import UnitCost
from mergeguard.values import dataclass

# A library grows by the headers' inline functions and one kernel table for each unit; more is a pitfall.
TOLERATED_GROWTH = 1.5
# A split that saves less of the peak, or costs more CPU time, has to say why.
LITTLE_MEMORY, MUCH_CPU = 0.25, 1.35
# Headers that take in a whole library, by the end of their path.
_HEADERS = (".h", ".cuh", ".hpp", ".hxx", ".inl", ".inc")
_UMBRELLAS = ("torch/all.h", "torch/torch.h", "torch/extension.h", "ATen/ATen.h", "bits/stdc++.h")


def split_advice(
    whole: UnitCost,
    units: Sequence[UnitCost],
    floor: UnitCost | None,
    floors: Mapping[str, UnitCost],
    umbrellas: Sequence[Umbrella] = (),
) -> tuple[str, ...]:
    """Whether the split pays, in a sentence, and what would help where headers are what it costs.

    ``whole`` is the monolith, ``floor`` what its headers alone cost, ``floors`` the same by unit,
    ``umbrellas`` what the monolith reads of whole libraries, if known.
    """
    if floor is None or any(unit.source not in floors for unit in units):
        return ("what the headers alone cost is unknown for some units, so shares are of whole peaks there",)
    shards = units[1:] or units
    largest = max(shards, key=lambda unit: unit.peak)
    cpu = sum(unit.cpu for unit in units)
    paid = sum(floors[unit.source].cpu for unit in units)
    below = floors[largest.source]
    findings: list[str] = []
    if 1 - largest.peak / max(whole.peak, 1) < LITTLE_MEMORY and below.peak * 2 > largest.peak:
        sizes = f"{human_bytes(whole.peak)} becomes {human_bytes(largest.peak)}"
        findings.append(f"saves little memory ({sizes}, {human_bytes(below.peak)} of it for headers)")
    if cpu > whole.cpu * MUCH_CPU and (paid - floor.cpu) * 2 > cpu - whole.cpu:
        findings.append(
            f"costs {cpu / max(whole.cpu, 1e-9):.2f} x the CPU time ({human_seconds(paid)} of "
            f"{human_seconds(cpu)} for the headers of {len(units)} units)"
        )
    if not findings:
        return ()
    less = f"less than {' and '.join(map(str, umbrellas))}" if umbrellas else "less in the monolith"
    cure = f"include {less}, or deal to fewer shards"
    return (f"the split {' and '.join(findings)}: {cure}",)


def thin_advice(
    units: Sequence[UnitCost],
    floors: Mapping[str, UnitCost],
    why_not: str,
    umbrellas: Sequence[Umbrella] = (),
) -> tuple[str, ...]:
    """What shards that read light headers only would save at most; ``why_not`` says why they can't, if so.

    Of ``umbrellas``, those that a header of the project reads would be read by thin shards, too.
    """
    shards = [unit for unit in units[1:] if unit.source in floors]
    cpu = sum(floors[unit.source].cpu for unit in shards)
    if not shards or cpu * 10 < sum(unit.cpu for unit in units):
        return ()
    largest = max(shards, key=lambda unit: unit.peak)
    most = (
        f"up to {human_seconds(cpu)} of CPU time and {human_bytes(floors[largest.source].peak)} of each peak"
    )
    but = f", but the text can't be parted so: {why_not}" if why_not else ""
    kept = [one for one in umbrellas if one.by]
    if kept:
        reads = " and ".join(map(str, kept))
        but += f"{'; and' if but else ', but'} those that need that header would go on reading {reads}"
    how = but or ': `interface = "thin"` in the rule'
    return (f"thin shards would save {most}{how}",)


@dataclass(frozen=True, slots=True)
class Umbrella:
    """A header that takes in a whole library, and the project's header that reads it ("": the monolith)."""

    header: str
    by: str

    def __str__(self) -> str:
        return f"{self.header} (by {self.by})" if self.by else self.header


def umbrellas_among(read: Iterable[Path], root: Path) -> tuple[Umbrella, ...]:
    """The umbrella headers among the files that were read for a unit below ``root``."""
    files = sorted(set(read))
    found = (name for name in _UMBRELLAS for path in files if path.as_posix().endswith("/" + name))
    own = [path for path in files if path.is_relative_to(root)]
    return tuple(Umbrella(name, _reader(name, own, root)) for name in dict.fromkeys(found))


def _reader(name: str, own: Sequence[Path], root: Path) -> str:
    """The first header of the project's own that includes another by name."""
    line = re.compile(
        rb'^[ \t]*#[ \t]*include[ \t]*[<"](?:[^>"\n]*/)?' + re.escape(name.encode()), re.MULTILINE
    )
    headers = (path for path in own if path.suffix in _HEADERS)
    return next((p.relative_to(root).as_posix() for p in headers if line.search(_text(p))), "")


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def growth_advice(before: int | None, after: int | None, command: Command) -> tuple[str, ...]:
    """What to say about a library that grew: nvcc compresses images only above a size by default."""
    if not before or not after or after / before <= TOLERATED_GROWTH:
        return ()
    if not is_nvcc(command) or compresses_device_code(command.arguments):
        return ()
    text = (
        f"the linked library is {after / before:.1f} times as large: nvcc compresses only large images by "
        "default, and the shards' are small; pass --compress-mode=size to nvcc"
    )
    return (text,)
