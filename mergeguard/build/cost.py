"""What a split costs and saves: every unit measured, schedules predicted, the library's growth.

The figures behind ``mergeguard cost``. Peaks are of whole process trees; "above the headers" subtracts the
unit's floor (``floor``): what it pays for its headers, which no split can save.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mergeguard.build.advice import Umbrella, growth_advice, split_advice, umbrellas_among
from mergeguard.build.cache import Cache, digest_file, digest_text
from mergeguard.build.chart import human_bytes, human_seconds, panels_for, schedule_drawing
from mergeguard.build.commands import Command, architectures_of
from mergeguard.build.drawing import Drawing
from mergeguard.build.floor import Floors
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
from mergeguard.propose.schedule import Profile, Schedule, longest_first, simulate
from mergeguard.values import dataclass, field, replace

JOBS = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class MeasuredProgram:
    """One way to build the same thing: ``units`` are paths of translation units below ``root``.

    ``copies`` are what a step before compiling made of units, and is compiled in their place.
    """

    root: Path
    units: tuple[str, ...]
    copies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FloorProgram:
    """The bare units on disk, and what they are the floors of."""

    program: MeasuredProgram
    floors: Floors


@dataclass(frozen=True, slots=True)
class SplitCost:
    """Measured costs of a monolith and its layout on one machine; sizes in bytes, times in seconds."""

    name: str
    monolith: UnitCost
    units: tuple[UnitCost, ...]  # of the layout, the entry first
    floors: Mapping[str, UnitCost]  # by unit of the layout: its headers alone; none where it is not known
    floor: UnitCost | None  # of the monolith
    monolith_library: int | None
    layout_library: int | None
    machine: str
    compiler: str  # its own word for its version
    command: str
    parallel: tuple[ParallelRun, ...] = ()
    advice: tuple[str, ...] = ()
    umbrellas: tuple[Umbrella, ...] = ()  # what the monolith reads of whole libraries
    architectures: tuple[str, ...] = ()  # that the command compiles for, if it names any

    @property
    def shards(self) -> tuple[UnitCost, ...]:
        """The layout's units without the entry (all of them if there is only one)."""
        return self.units[1:] or self.units

    @property
    def largest(self) -> UnitCost:
        """The shard with the highest peak."""
        return max(self.shards, key=lambda cost: cost.peak)

    def above_floor(self, cost: UnitCost) -> int:
        """A unit's peak above its headers' own."""
        floor = self.floor if cost is self.monolith else self.floors.get(cost.source)
        return max(cost.peak - (floor.peak if floor else 0), 0)

    @property
    def peak_share(self) -> float:
        """The largest shard's peak, as a share of the monolith's."""
        return self.largest.peak / max(self.monolith.peak, 1)

    @property
    def memory_share(self) -> float:
        """The largest shard's peak above its headers, as a share of the monolith's above its own."""
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
            f"largest shard: {self.peak_share:.0%} of the monolith's peak; "
            f"above the headers: {self.memory_share:.0%}{entry}; "
            f"CPU time {self.cpu_factor:.2f} x the monolith's{self._passes}"
        )

    @property
    def _passes(self) -> str:
        """How often a unit is read, where it is compiled for several architectures."""
        count = len(self.architectures)
        if count < 2:
            return ""
        return f"; {count} architectures: each unit is read once for the host and {count} times for devices"

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
        """Rows for people: unit, wall s, CPU s, peak, what of both is its headers', peak above them."""
        rows: list[tuple[str, ...]] = [
            ("unit", "wall s", "CPU s", "peak", "headers: CPU s", "peak", "above headers")
        ]
        rows.append(self._row("monolith", self.monolith, self.floor))
        for cost in self.units:
            rows.append(self._row(posixpath.basename(cost.source), cost, self.floors.get(cost.source)))
        if self.monolith_library and self.layout_library:
            factor = f"{self.layout_library / self.monolith_library:.1f} x"
            for name, size, grown in (
                ("monolith", self.monolith_library, ""),
                ("layout", self.layout_library, factor),
            ):
                rows.append((f"linked library, {name}", "", "", human_bytes(size), "", "", grown))
        return tuple(rows)

    def _row(self, label: str, cost: UnitCost, floor: UnitCost | None) -> tuple[str, ...]:
        headers = (f"{floor.cpu:.1f}", human_bytes(floor.peak)) if floor else ("?", "?")
        above = human_bytes(self.above_floor(cost)) if floor else "?"
        return (label, f"{cost.wall:.1f}", f"{cost.cpu:.1f}", human_bytes(cost.peak), *headers, above)

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
            "architectures": list(self.architectures),
            "monolith": self.monolith.to_json(),
            "units": [cost.to_json() for cost in self.units],
            "floor": self.floor.to_json() if self.floor else None,
            "floors": {
                unit: {"cpu": round(floor.cpu, 3), "peak": floor.peak} for unit, floor in self.floors.items()
            },
            "peak_share": round(self.peak_share, 4),
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


def unit_commands(program: MeasuredProgram, command: Command, objects: Path) -> tuple[UnitCommand, ...]:
    """The commands that compile a program's units to objects below ``objects``."""
    return tuple(
        unit_command(
            unit,
            unit,
            program.root,
            objects / (unit.replace("/", "_") + ".o"),
            command,
            program.copies.get(unit, ""),
        )
        for unit in program.units
    )


def measure_split(
    monolith: MeasuredProgram,
    split: MeasuredProgram,
    floor: FloorProgram,
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
    floors, headers = measure_floors(floor, command, directory, cache, on_progress)
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
    own = floors.get(floor.floors.monolith)
    umbrellas = umbrellas_among(headers, floor.program.root)
    by_unit = {unit: floors[name] for unit, name in floor.floors.of.items() if name in floors}
    return SplitCost(
        name=posixpath.basename(whole.source),
        monolith=whole,
        units=units,
        floors=by_unit,
        floor=own,
        monolith_library=sizes[0],
        layout_library=sizes[1],
        machine=machine(),
        compiler=compiler_version(command.driver),
        command=shlex.join(command.arguments),
        parallel=tuple(real),
        advice=(*split_advice(whole, units, own, by_unit, umbrellas), *growth_advice(*sizes, command)),
        umbrellas=umbrellas,
        architectures=architectures_of(command.arguments),
    )


def _elsewhere(one: UnitCommand, folder: Path) -> UnitCommand:
    output = folder / one.output.name
    arguments = tuple(argument.replace(str(one.output), str(output)) for argument in one.arguments)
    return UnitCommand(one.name, one.source, one.root, output, arguments, one.compiled)


def measure_floors(
    floor: FloorProgram,
    command: Command,
    directory: Path,
    cache: Cache | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> tuple[Mapping[str, UnitCost], tuple[Path, ...]]:
    """The costs of the bare units, by unit, and what the monolith's reads. One that does not compile has
    none."""
    bare = unit_commands(floor.program, command, directory / "floor")
    commands = tuple(replace(one, name=f"headers of {one.source}") for one in bare)
    costs = measure(commands, 1, cache, on_progress)
    found = {cost.source: cost for cost in costs if cost.ok}
    own = next((one for one in commands if one.source == floor.floors.monolith), None)
    return found, files_read(own) if own is not None and own.source in found else ()


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
