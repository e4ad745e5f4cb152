"""Compile units, a given number at a time, and say what each costs.

Built on ``processes`` (one command), ``cache`` (what is known already) and ``commands`` (how). Only compiler
commands are started here; the files to compile are laid out by the caller.
"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from mergeguard.build.cache import Cache, digest_file, read_dependencies
from mergeguard.build.commands import Command
from mergeguard.build.machine import machine
from mergeguard.build.processes import Measured, Run, thin
from mergeguard.errors import ExitCode, MergeguardError
from mergeguard.propose.schedule import Profile
from mergeguard.values import dataclass

# Drivers that understand -MD -MF; for any other command a cached cost is never reused.
_WRITES_DEPENDENCIES = ("g++", "gcc", "c++", "cc", "clang", "clang++", "nvcc", "hipcc")


class CompileError(MergeguardError):
    """A unit did not compile: carries the compiler's last words."""

    exit_code = ExitCode.FINDINGS


@dataclass(frozen=True, slots=True)
class UnitCommand:
    """One translation unit and the command that compiles it.

    ``source`` is relative to ``root``, and so is ``compiled``: what is compiled, where a step made a copy of
    it.
    """

    name: str
    source: str
    root: Path
    output: Path
    arguments: tuple[str, ...]
    compiled: str = ""

    @property
    def file(self) -> Path:
        """The file that the compiler is given."""
        return self.root / (self.compiled or self.source)


@dataclass(frozen=True, slots=True)
class UnitCost:
    """What one unit cost. Seconds and bytes; ``series`` is the memory of the process tree over time."""

    name: str
    source: str
    wall: float
    user: float
    system: float
    peak: int
    largest: int
    series: tuple[tuple[float, int], ...]
    exit_code: int
    said: str
    output_size: int
    output_digest: str
    cached: bool = False
    sampled: bool = True

    @property
    def cpu(self) -> float:
        return self.user + self.system

    @property
    def ok(self) -> bool:
        return self.exit_code == 0

    @property
    def undisturbed(self) -> float:
        """Seconds that the unit takes on an idle machine: its CPU time where others kept it waiting."""
        return min(self.wall, self.cpu) if self.cpu > 0 else self.wall

    def profile(self) -> Profile:
        """This unit for ``core.schedule.simulate``, its time scaled to an idle machine's."""
        factor = self.undisturbed / self.wall if self.wall > 0 else 1.0
        series = tuple((moment * factor, memory) for moment, memory in self.series)
        return Profile(self.name, self.undisturbed, self.peak, series)

    def to_json(self) -> dict[str, object]:
        value = asdict(self)
        value["series"] = [[round(moment, 3), memory] for moment, memory in self.series]
        return value


@dataclass(frozen=True, slots=True)
class Progress:
    """What a progress display needs: which unit just began or ended, and how many are done."""

    event: str  # "cached", "start", "end"
    name: str
    done: int
    total: int
    cost: UnitCost | None = None


@dataclass(frozen=True, slots=True)
class ParallelRun:
    """Units compiled together: the makespan, and the memory of all of them at one moment."""

    costs: tuple[UnitCost, ...]
    jobs: int
    wall: float
    peak: int
    series: tuple[tuple[float, int], ...]
    machine: str


def unit_command(
    name: str, source: str, root: Path, output: Path, command: Command, compiled: str = ""
) -> UnitCommand:
    """Fill ``command``'s holes for one unit; the output's directory is made when it is compiled."""
    arguments = command.fill(str(root / (compiled or source)), str(output), str(root))
    return UnitCommand(name, source, root, output, arguments, compiled)


def measure(
    units: Sequence[UnitCommand],
    jobs: int = 1,
    cache: Cache | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    need_outputs: bool = False,
) -> tuple[UnitCost, ...]:
    """Compile each unit and measure it; never more than ``jobs`` at a time. In the order of ``units``.

    With a ``cache``, a unit whose command, bytes and included files are those of an earlier successful
    measurement is not compiled again; its output may then be missing, unless ``need_outputs``: then only a
    unit whose output is still the one measured counts as known. A unit that fails is a value with its exit
    code, not an exception. Raises OSError if a compiler can't be started.
    """
    return _run(units, jobs, cache, on_progress, need_outputs).costs


def measure_together(
    units: Sequence[UnitCommand],
    jobs: int,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> ParallelRun:
    """A real parallel build, nothing cached: what ``core.schedule.simulate`` is checked against."""
    return _run(units, jobs, None, on_progress)


def require_success(units: Sequence[UnitCommand], costs: Sequence[UnitCost]) -> None:
    """Raises CompileError for the first unit that failed. Figures of a failed compile mean nothing."""
    for unit, cost in zip(units, costs, strict=True):
        if not cost.ok:
            raise CompileError(
                f"{cost.source} did not compile (exit {cost.exit_code})\n{cost.said.strip()}",
                hint=f"this is the command, in {unit.root}: {shlex.join(unit.arguments)}",
            )


def _run(
    units: Sequence[UnitCommand],
    jobs: int,
    cache: Cache | None,
    on_progress: Callable[[Progress], None],
    need_outputs: bool = False,
) -> ParallelRun:
    if jobs < 1:
        raise ValueError("at least one job is needed")
    costs: dict[int, UnitCost] = {}
    waiting: list[int] = []
    keys: dict[int, str] = {}
    for index, unit in enumerate(units):
        known = None
        if cache is not None and _dependency_flags(unit):
            keys[index] = cache.key(unit.arguments, str(unit.root), unit.file)
            known = _revive(cache.load(keys[index], unit.root))
            if known and need_outputs and known.output_digest != digest_file(unit.output):
                known = None
        if known is None:
            waiting.append(index)
        else:
            costs[index] = replace(known, name=unit.name, source=unit.source)
            on_progress(Progress("cached", unit.name, len(costs), len(units), costs[index]))
    running: dict[int, Measured] = {}
    series: list[tuple[float, int]] = []
    began = time.monotonic()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                index = waiting.pop(0)
                running[index] = _start(units[index])
                on_progress(Progress("start", units[index].name, len(costs), len(units)))
            for index, measured in list(running.items()):
                outcome = measured.sample()
                if outcome is None:
                    continue
                del running[index]
                costs[index] = _finish(units[index], outcome, cache, keys.get(index))
                on_progress(Progress("end", units[index].name, len(costs), len(units), costs[index]))
            series.append((time.monotonic() - began, sum(one.resident() for one in running.values())))
            if running:
                time.sleep(min(one.pause() for one in running.values()))
    except BaseException:
        for measured in running.values():
            measured.stop()
        raise
    wall = time.monotonic() - began
    ordered = tuple(costs[index] for index in range(len(units)))
    largest = max((costs[index].largest for index in costs if not costs[index].cached), default=0)
    peak = max([largest, *(memory for _, memory in series)])
    return ParallelRun(ordered, jobs, wall, peak, thin(series), machine())


def _start(unit: UnitCommand) -> Measured:
    unit.output.parent.mkdir(parents=True, exist_ok=True)
    # What an earlier build left must never stand for what this one failed to make.
    unit.output.unlink(missing_ok=True)
    command = (*unit.arguments, *_dependency_flags(unit))
    return Measured(command, str(unit.root), scratch=str(unit.output.parent.absolute()))


def _finish(unit: UnitCommand, run: Run, cache: Cache | None, key: str | None) -> UnitCost:
    size = unit.output.stat().st_size if unit.output.is_file() else 0
    exit_code = run.exit_code
    said = run.said
    if exit_code == 0 and size == 0:
        exit_code, said = 1, said + "\nthe compiler reported success but wrote no output"
    cost = UnitCost(
        name=unit.name,
        source=unit.source,
        wall=run.wall,
        user=run.user,
        system=run.system,
        peak=run.peak,
        largest=run.largest,
        series=thin(run.series),
        exit_code=exit_code,
        said=said,
        output_size=size,
        output_digest=digest_file(unit.output),
        sampled=run.sampled,
    )
    if cache is not None and key is not None and cost.ok:
        depends = read_dependencies(_dependency_file(unit))
        if _names(depends, unit):
            cache.store(key, unit.root, depends, cost.to_json())
    return cost


def _names(depends: Sequence[Path], unit: UnitCommand) -> bool:
    """Whether a list of dependencies is a whole one: it has the file that was compiled."""
    source = os.path.normpath(unit.file)
    return any(os.path.normpath(unit.root / path) == source for path in depends)


def files_read(unit: UnitCommand) -> tuple[Path, ...]:
    """What the compiler read for a unit when it was last compiled there; nothing if that is not known."""
    return read_dependencies(_dependency_file(unit))


def _dependency_file(unit: UnitCommand) -> Path:
    return unit.output.with_name(unit.output.name + ".d")


def _dependency_flags(unit: UnitCommand) -> tuple[str, ...]:
    if Command((*unit.arguments, "{source}", "{output}")).compiler not in _WRITES_DEPENDENCIES:
        return ()
    return ("-MD", "-MF", str(_dependency_file(unit)))


def _revive(value: object) -> UnitCost | None:
    if not isinstance(value, dict):
        return None
    with suppress(TypeError, ValueError, KeyError):
        known = dict(value)
        known["series"] = tuple((float(moment), int(memory)) for moment, memory in known["series"])
        known["cached"] = True
        return UnitCost(**known)
    return None


def linked_size(objects: Sequence[Path], output: Path, linker: Sequence[str] = ("g++",)) -> int | None:
    """Bytes of the shared library that ``objects`` link to, None if they don't (undefined at link is fine).

    Objects are named one by one, never by a pattern: a stale shard in the directory would change the sum.
    """
    command = [*linker, "-shared", "-o", str(output), *(str(path) for path in objects)]
    try:
        run = Measured(command, os.getcwd(), scratch=str(output.parent.absolute()))
    except OSError:
        return None
    while (outcome := run.sample()) is None:
        time.sleep(run.pause())
    return output.stat().st_size if outcome.exit_code == 0 and output.is_file() else None
