"""What to say about measured figures: where a split does not pay, and what would help."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from mergeguard.build.chart import human_bytes, human_seconds
from mergeguard.build.commands import Command, compresses_device_code, is_nvcc
from mergeguard.build.measure import UnitCost

# A library grows by the headers' inline functions and one kernel table for each unit; more is a pitfall.
TOLERATED_GROWTH = 1.5
# A split that saves less of the peak, or costs more CPU time, has to say why.
LITTLE_MEMORY, MUCH_CPU = 0.25, 1.35
# Headers that take in a whole library, by the end of their path.
_UMBRELLAS = ("torch/all.h", "torch/torch.h", "torch/extension.h", "ATen/ATen.h", "bits/stdc++.h")


def header_advice(
    whole: UnitCost, units: Sequence[UnitCost], floor: UnitCost, headers: Iterable[Path] = ()
) -> tuple[str, ...]:
    """Whether the split pays, where the headers are what costs: every unit pays them again.

    ``whole`` is the monolith, ``floor`` a unit of the headers alone, ``headers`` what that one read, if
    known.
    """
    shards = units[1:] or units
    largest = max(unit.peak for unit in shards)
    cpu = sum(unit.cpu for unit in units)
    reasons: list[str] = []
    if 1 - largest / max(whole.peak, 1) < LITTLE_MEMORY and floor.peak * 2 > largest:
        reasons.append(
            f"the split saves little memory, {human_bytes(whole.peak)} becomes {human_bytes(largest)}: the "
            f"headers alone need {human_bytes(floor.peak)}, {floor.peak / largest:.0%} of the largest shard, "
            "and every unit pays them again"
        )
    again = floor.cpu * (len(units) - 1)
    if cpu > whole.cpu * MUCH_CPU and again * 2 > cpu - whole.cpu:
        reasons.append(
            f"the split costs {cpu / max(whole.cpu, 1e-9):.2f} x the CPU time: {human_seconds(floor.cpu)} of "
            f"each of the {len(units)} units is for the headers"
        )
    if not reasons:
        return ()
    found = sorted({name for path in headers for name in _UMBRELLAS if path.as_posix().endswith("/" + name)})
    less = f"less than {' and '.join(found)}" if found else "less"
    return (*reasons, f"what helps: include {less} in the monolith, or deal to fewer shards")


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
