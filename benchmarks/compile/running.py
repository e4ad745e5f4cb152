"""One split measured: monolith and layout on disk, compiled, compared, and the figures written down."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mergeguard.build.cache import Cache
from mergeguard.build.chart import human_bytes
from mergeguard.build.commands import Command
from mergeguard.build.compare import Comparison, compare
from mergeguard.build.cost import FloorProgram, MeasuredProgram, measure_floors, unit_commands
from mergeguard.build.floor import Floors, floors
from mergeguard.build.measure import Progress, UnitCost, measure_together, require_success
from mergeguard.build.prepare import prepared
from mergeguard.cpp.source import parse
from mergeguard.lens.layout import Layout, Role
from mergeguard.lens.rule import Rule, parse_rule
from mergeguard.verify.flatten import LayoutText
from mergeguard.verify.same_program import bare, inlined
from mergeguard.verify.same_program import compare as verify

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"
SHIPPED = ROOT / "rules"


def shipped_rule(name: str) -> tuple[Rule, bytes, str]:
    """A shipped rule by ``NAME`` (one of vllm's) or ``FOLDER/NAME``, its text, and its own name."""
    folder, _, own = name.rpartition("/")
    text = (SHIPPED / (folder or "vllm") / f"{own}.toml").read_bytes()
    return parse_rule(text, own), text, own


def build_folder() -> Path:
    """Compile work stays inside the repository's git directory."""
    found = subprocess.run(
        ["git", "rev-parse", "--path-format=absolute", "--git-common-dir"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(found.stdout.strip()) / "mergeguard" / "build"


def show(progress: Progress) -> None:
    """A line for what began or ended."""
    cost = progress.cost
    figures = f": {cost.cpu:.1f} CPU s, peak {human_bytes(cost.peak)}" if cost else ""
    print(f"[{progress.done}/{progress.total}] {progress.event} {progress.name}{figures}", flush=True)


@dataclass(frozen=True)
class Laid:
    """A split on disk, ready to be compiled: monolith, layout, and bare files for what headers cost."""

    name: str
    entry: str
    monolith: bytes
    command: tuple[str, ...]
    before: MeasuredProgram
    after: MeasuredProgram
    headers: FloorProgram
    spaces: tuple[str, ...]
    inlined: frozenset[str]
    bare: frozenset[str]

    def to_json(self) -> dict[str, object]:
        """As ``from_json`` takes it."""
        programs = (self.before, self.after, self.headers.program)
        return {
            "name": self.name,
            "entry": self.entry,
            "monolith": self.monolith.decode("latin-1"),
            "command": self.command,
            "programs": [(str(one.root), one.units, dict(one.copies)) for one in programs],
            "floors": (dict(self.headers.floors.of), self.headers.floors.monolith),
            "spaces": self.spaces,
            "inlined": sorted(self.inlined),
            "bare": sorted(self.bare),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Laid:
        """What was laid out before."""
        before, after, headers = (
            MeasuredProgram(Path(root), tuple(units), copies) for root, units, copies in value["programs"]
        )
        of, whole = value["floors"]
        return cls(
            value["name"],
            value["entry"],
            value["monolith"].encode("latin-1"),
            tuple(value["command"]),
            before,
            after,
            FloorProgram(headers, Floors({}, of, whole)),
            tuple(value["spaces"]),
            frozenset(value["inlined"]),
            frozenset(value["bare"]),
        )


def laid(
    name: str,
    layout: Layout,
    base: Path | None,
    command: Command,
    root: Path,
    change: Callable[[bytes], bytes] = bytes,
) -> Laid:
    """A split on disk below ``root``; ``base`` has the other sources."""
    before, after = place(root, layout, base, command, change)
    texts = [LayoutText(file.path, file.text, file.is_unit) for file in layout.files]
    return Laid(
        name,
        next(file.path for file in layout.files if file.role is Role.ENTRY),
        layout.monolith,
        command.arguments,
        before,
        after,
        bare_program(layout, base, command, change, root / "headers"),
        spaces_of(layout),
        inlined(verify(layout.path, layout.monolith, texts)),
        bare(texts),
    )


def run(
    name: str,
    layout: Layout,
    base: Path | None,
    command: Command,
    parallel: Sequence[int] = (),
    change: Callable[[bytes], bytes] = bytes,
) -> None:
    """Measure and verify one split; write the figures to benchmarks/results/<name>.json.

    What is known from an earlier run with the same bytes is not compiled again, so a run that was cut short
    goes on where it stopped.
    """
    folder = build_folder()
    root = folder / name
    cache = Cache(folder.parent / "cost")
    split = laid(name, layout, base, command, root, change)
    below, _ = measure_floors(split.headers, command, root, cache, show)
    outcome = compare(
        parse(split.monolith),
        split.before,
        split.after,
        split.spaces,
        command,
        root / "objects",
        cache=cache,
        on_progress=show,
        inlined=split.inlined,
        bare=split.bare,
    )
    together = {}
    for jobs in parallel:
        commands = unit_commands(split.after, command, root / f"parallel{jobs}")
        real = measure_together(commands, jobs, show)
        require_success(commands, real.costs)
        together[jobs] = {"wall": real.wall, "peak": real.peak, "series": real.series}
    write_down(split, below, outcome, together, RESULTS)
    print(summary(outcome))


def write_down(
    split: Laid,
    below: Mapping[str, UnitCost],
    outcome: Comparison,
    together: Mapping[int, object],
    folder: Path,
) -> None:
    """The figures of one split as <name>.json, for ``report``."""
    floor = below.get(split.headers.floors.monolith)
    of = split.headers.floors.of.items()
    folder.mkdir(parents=True, exist_ok=True)
    value = {
        "name": split.name,
        "command": " ".join(split.command),
        "entry": split.entry,
        "floor": None if floor is None else floor.to_json(),
        "floors": {unit: below[name].to_json() for unit, name in of if name in below},
        "comparison": outcome.to_json(),
        "together": together,
    }
    (folder / f"{split.name}.json").write_text(json.dumps(value), encoding="utf-8")


def place(
    root: Path, layout: Layout, base: Path | None, command: Command, change: Callable[[bytes], bytes] = bytes
) -> tuple[MeasuredProgram, MeasuredProgram]:
    """Both programs on disk: copies of ``base`` with the monolith, and with the layout in its place."""
    files = {file.path: file.text for file in layout.files}
    units = [file.path for file in layout.files if file.is_unit]
    whole = {layout.path: layout.monolith}
    return (
        placed(root / "before", whole, [layout.path], base, command, change),
        placed(root / "after", files, units, base, command, change),
    )


def placed(
    tree: Path,
    files: Mapping[str, bytes],
    units: Sequence[str],
    base: Path | None,
    command: Command,
    change: Callable[[bytes], bytes] = bytes,
) -> MeasuredProgram:
    """A program on disk: a copy of ``base`` with ``files`` in it, after the command's step if it has one."""
    shutil.rmtree(tree, ignore_errors=True)
    if base is not None:
        shutil.copytree(base, tree)
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(change(text))
    if command.step is None:
        return MeasuredProgram(tree, tuple(units))
    made, copies = prepared(command.step, tree, units, ROOT)
    return MeasuredProgram(made, tuple(units), copies)


def bare_program(
    layout: Layout, base: Path | None, command: Command, change: Callable[[bytes], bytes], tree: Path
) -> FloorProgram:
    """The layout's units with nothing but their headers, on disk."""
    files = {file.path: file.text for file in layout.files}
    made = floors(layout.path, layout.monolith, files, [file.path for file in layout.files if file.is_unit])
    return FloorProgram(placed(tree, made.files, made.units, base, command, change), made)


def spaces_of(layout: Layout) -> tuple[str, ...]:
    """The namespaces that keep a layout's shards apart."""
    lines = (line for file in layout.files for line in file.text.splitlines())
    return tuple(line.split()[2].decode() for line in lines if line.startswith(b"#define MG_NS "))


def summary(outcome: Comparison) -> str:
    """What the compiled comparison found, in lines."""
    found = [finding for finding in outcome.findings if finding.severity != "note"]
    lines = [f"{outcome.symbols} symbols, {outcome.kernels} kernels, {len(found)} differences"]
    lines += [f"  {finding.code}: {finding.name} {finding.message}" for finding in found[:20]]
    return "\n".join([*lines, *outcome.advice])
