"""What a split costs and saves: every unit measured, schedules predicted, the library's growth.

The figures behind ``mergeguard cost``. Peaks are of whole process trees; "above the headers" subtracts what a
unit pays that includes the same headers and defines nothing, which no split can save.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from mergeguard.build.advice import growth_advice, header_advice
from mergeguard.build.cache import Cache, digest_file, digest_text
from mergeguard.build.chart import human_bytes, human_seconds, panels_for, schedule_drawing
from mergeguard.build.commands import Command
from mergeguard.build.drawing import Drawing
from mergeguard.build.machine import compiler_version, machine
from mergeguard.build.measure import (
    ParallelRun,
    Progress,
    UnitCommand,
    UnitCost,
    files_read,
    linked_size,
    measure,
    measure_together,
    require_success,
    unit_command,
)
from mergeguard.cpp.lexer import lex
from mergeguard.lens.layout import LayoutFile, Role
from mergeguard.propose.schedule import Profile, Schedule, longest_first, simulate
from mergeguard.values import dataclass

JOBS = (1, 2, 4, 8)


class Files(Protocol):
    """What is measured: a layout, or any files in the place of a monolith; the entry first."""

    @property
    def path(self) -> str: ...

    @property
    def files(self) -> tuple[LayoutFile, ...]: ...


@dataclass(frozen=True, slots=True)
class MeasuredProgram:
    """One way to build the same thing: ``units`` are paths of translation units below ``root``."""

    root: Path
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SplitCost:
    """Measured costs of a monolith and its layout on one machine; sizes in bytes, times in seconds."""

    name: str
    monolith: UnitCost
    units: tuple[UnitCost, ...]  # of the layout, the entry first
    floor: UnitCost | None  # the headers alone
    monolith_library: int | None
    layout_library: int | None
    machine: str
    compiler: str  # its own word for its version
    command: str
    parallel: tuple[ParallelRun, ...] = ()
    advice: tuple[str, ...] = ()

    @property
    def shards(self) -> tuple[UnitCost, ...]:
        """The layout's units without the entry (all of them if there is only one)."""
        return self.units[1:] or self.units

    @property
    def largest(self) -> UnitCost:
        """The shard with the highest peak."""
        return max(self.shards, key=lambda cost: cost.peak)

    def above_floor(self, cost: UnitCost) -> int:
        """The unit's peak above the headers' own."""
        return max(cost.peak - (self.floor.peak if self.floor else 0), 0)

    @property
    def memory_share(self) -> float:
        """The largest shard's peak above the headers, as a share of the monolith's."""
        return self.above_floor(self.largest) / max(self.above_floor(self.monolith), 1)

    @property
    def entry_share(self) -> float:
        """The same for the entry, which compiles none of the kernels that were dealt to shards."""
        return self.above_floor(self.units[0]) / max(self.above_floor(self.monolith), 1)

    @property
    def cpu_factor(self) -> float:
        """CPU time of all units together, over the monolith's."""
        return sum(cost.cpu for cost in self.units) / max(self.monolith.cpu, 1e-9)

    @property
    def summary(self) -> str:
        """What the split saves and costs, in a line."""
        entry = f", the entry: {self.entry_share:.0%}" if len(self.units) > 1 else ""
        return (
            f"largest shard: {self.memory_share:.0%} of the monolith's memory above the headers{entry}; "
            f"CPU time {self.cpu_factor:.2f} x the monolith's"
        )

    def profiles(self) -> tuple[Profile, ...]:
        """The layout's units for ``core.schedule``, in the order that keeps a build short."""
        return longest_first([cost.profile() for cost in self.units])

    def schedules(self, jobs: Sequence[int] = JOBS) -> tuple[Schedule, ...]:
        """The layout's build, predicted for each number of jobs."""
        return tuple(simulate(self.profiles(), count) for count in jobs)

    def picture(self, jobs: Sequence[int] = JOBS, budget: int | None = None) -> Drawing:
        """Memory over time: the monolith, then the layout for each number of jobs."""
        measured = {run.jobs: run.series for run in self.parallel}
        whole = simulate([self.monolith.profile()], 1)
        return schedule_drawing(self.name, panels_for(whole, self.schedules(jobs), measured), budget)

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Rows for people: unit, wall s, CPU s, peak, above the headers."""
        rows: list[tuple[str, ...]] = [("unit", "wall s", "CPU s", "peak", "above headers")]
        if self.floor is not None:
            rows.append(_row("headers only", self.floor, ""))
        rows.append(_row("monolith", self.monolith, human_bytes(self.above_floor(self.monolith))))
        for cost in self.units:
            rows.append(_row(posixpath.basename(cost.source), cost, human_bytes(self.above_floor(cost))))
        if self.monolith_library and self.layout_library:
            factor = f"{self.layout_library / self.monolith_library:.1f} x"
            rows.append(("linked library, monolith", "", "", human_bytes(self.monolith_library), ""))
            rows.append(("linked library, layout", "", "", human_bytes(self.layout_library), factor))
        return tuple(rows)

    def jobs_table(self, jobs: Sequence[int] = JOBS) -> tuple[tuple[str, ...], ...]:
        """Rows for people: jobs, predicted time and peak, measured time and peak where there was a run."""
        real = {run.jobs: run for run in self.parallel}
        rows: list[tuple[str, ...]] = [("MAX_JOBS", "predicted", "peak", "measured", "peak")]
        # From CPU time, as the rows of the layout: on a busy machine wall time would flatter the split.
        whole = simulate([self.monolith.profile()], 1)
        seen = (human_seconds(self.monolith.wall), human_bytes(self.monolith.peak))
        rows.append(("monolith", human_seconds(whole.makespan), human_bytes(whole.peak), *seen))
        for schedule in self.schedules(jobs):
            run = real.get(schedule.jobs)
            seen = (human_seconds(run.wall), human_bytes(run.peak)) if run else ("", "")
            predicted = (human_seconds(schedule.makespan), human_bytes(schedule.peak))
            rows.append((str(schedule.jobs), *predicted, *seen))
        return tuple(rows)

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "machine": self.machine,
            "compiler": self.compiler,
            "command": self.command,
            "monolith": self.monolith.to_json(),
            "units": [cost.to_json() for cost in self.units],
            "floor": self.floor.to_json() if self.floor else None,
            "memory_share": round(self.memory_share, 4),
            "entry_share": round(self.entry_share, 4),
            "cpu_factor": round(self.cpu_factor, 4),
            "library_bytes": {"monolith": self.monolith_library, "layout": self.layout_library},
            "schedules": [
                {"jobs": s.jobs, "makespan": round(s.makespan, 3), "peak": s.peak} for s in self.schedules()
            ],
            "parallel": [
                {"jobs": run.jobs, "wall": round(run.wall, 3), "peak": run.peak, "series": run.series}
                for run in self.parallel
            ],
            "advice": list(self.advice),
        }


def _row(label: str, cost: UnitCost, above: str) -> tuple[str, ...]:
    return (label, f"{cost.wall:.1f}", f"{cost.cpu:.1f}", human_bytes(cost.peak), above)


def unit_commands(program: MeasuredProgram, command: Command, objects: Path) -> tuple[UnitCommand, ...]:
    """The commands that compile a program's units to objects below ``objects``."""
    return tuple(
        unit_command(unit, unit, program.root, objects / (unit.replace("/", "_") + ".o"), command)
        for unit in program.units
    )


_DIRECTIVES = frozenset("include if ifdef ifndef else elif elifdef elifndef endif define undef".split())


def header_probe(layout: Files) -> tuple[str, bytes] | None:
    """A unit that only includes what the layout's first header includes: its path and text.

    None for a layout without headers.
    """
    header: LayoutFile | None = next((file for file in layout.files if file.role is Role.HEADER), None)
    if header is None:
        return None
    suffix = posixpath.splitext(layout.path)[1]
    path = posixpath.join(posixpath.dirname(header.path), f"mergeguard_headers_only{suffix}")
    # A condition can ask for what the file defined before; a directive can be continued on the next line.
    lexed = lex(header.text)
    kept = [
        header.text[directive.start : directive.end]
        for directive in lexed.directives
        if directive.name in _DIRECTIVES
    ]
    return path, b"\n".join(kept) + b"\n"


def measure_split(
    layout: Files,
    monolith: MeasuredProgram,
    split: MeasuredProgram,
    command: Command,
    directory: Path,
    *,
    jobs: int = 1,
    parallel: Sequence[int] = (),
    cache: Cache | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    linker: Sequence[str] = ("g++",),
    need_outputs: bool = False,
) -> SplitCost:
    """Measure both programs, whose files are on disk already; ``jobs`` at a time, never more.

    ``parallel`` asks for real builds of the layout with that many jobs, nothing cached, to hold against the
    prediction. Raises CompileError, CommandError.
    """
    command.require()
    floor, headers = _measure_floor(layout, split, command, directory, cache, on_progress)
    before = unit_commands(monolith, command, directory / "monolith")
    after = unit_commands(split, command, directory / "layout")
    (whole,) = measure(before, 1, cache, on_progress, need_outputs)
    require_success(before, [whole])
    units = measure(after, jobs, cache, on_progress, need_outputs)
    require_success(after, units)
    real = []
    for count in parallel:
        ordered = sorted(after, key=lambda one: -next(c.wall for c in units if c.source == one.source))
        together = [_elsewhere(one, directory / f"parallel{count}") for one in ordered]
        run = measure_together(together, count, on_progress)
        require_success(together, run.costs)
        real.append(run)
    sizes = (
        _library(before, [whole], linker, directory, cache),
        _library(after, units, linker, directory, cache),
    )
    advice = growth_advice(*sizes, command)
    if floor is None:
        advice = ("what the headers alone cost is unknown: shares are of whole peaks", *advice)
    else:
        advice = (*header_advice(whole, units, floor, headers), *advice)
    return SplitCost(
        name=posixpath.basename(layout.path),
        monolith=whole,
        units=units,
        floor=floor,
        monolith_library=sizes[0],
        layout_library=sizes[1],
        machine=machine(),
        compiler=compiler_version(command.driver),
        command=shlex.join(command.arguments),
        parallel=tuple(real),
        advice=advice,
    )


def _elsewhere(one: UnitCommand, folder: Path) -> UnitCommand:
    output = folder / one.output.name
    arguments = tuple(argument.replace(str(one.output), str(output)) for argument in one.arguments)
    return UnitCommand(one.name, one.source, one.root, output, arguments)


def _measure_floor(
    layout: Files,
    split: MeasuredProgram,
    command: Command,
    directory: Path,
    cache: Cache | None,
    on_progress: Callable[[Progress], None],
) -> tuple[UnitCost | None, tuple[Path, ...]]:
    """The cost of the headers alone, and what they are; None where it can't be had."""
    probe = header_probe(layout)
    if probe is None:
        return None, ()
    path, text = probe
    place = split.root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(text)
    try:
        units = unit_commands(MeasuredProgram(split.root, (path,)), command, directory / "floor")
        (cost,) = measure(units, 1, cache, on_progress)
    finally:
        place.unlink()
    return (cost, files_read(units[0])) if cost.ok else (None, ())


def _library(
    units: Sequence[UnitCommand],
    costs: Sequence[UnitCost],
    linker: Sequence[str],
    directory: Path,
    cache: Cache | None,
) -> int | None:
    """Bytes of the units linked to a shared library, None if that is not known.

    The objects on disk may be another command's by now: only those that were measured count.
    """
    key = digest_text(*linker, *(cost.output_digest for cost in costs))
    known = cache.load(key, directory) if cache is not None else None
    if known is not None and isinstance(size := known.get("linked"), int):
        return size
    if any(digest_file(unit.output) != cost.output_digest for unit, cost in zip(units, costs, strict=True)):
        return None
    linked = linked_size([unit.output for unit in units], directory / "linked.so", linker)
    if cache is not None and linked is not None:
        cache.store(key, directory, (), {"linked": linked})
    return linked


def costs_by_shard(cost: SplitCost) -> Mapping[str, UnitCost]:
    """The shards' costs by their path."""
    return {unit.source: unit for unit in cost.shards}
