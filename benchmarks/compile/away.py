"""Measure splits of real ROCm files on another machine: many cores, nothing of mergeguard installed.

    python -m benchmarks.compile.away prepare DIR RULE@VERSION[:ARCH,ARCH]... [--repo CLONE]
    python -m benchmarks.compile.away run DIR [--jobs 8] [--wrap WORDS]     there, with the toolchain in place
    python -m benchmarks.compile.away compare DIR                           what was built, to DIR/results
    python -m benchmarks.compile.away build DIR monolith|layout --jobs N    a real build, all splits together

``prepare`` lays everything out here, hipified, with absolute paths: DIR and the toolchain have to stand where
they stood (or ``--wrap`` enters a tree where they do: ``--wrap "chroot TREE"``). ``run`` needs Python 3.11,
pyelftools, msgspec and this checkout; ``compare`` writes what ``report`` reads, ``build`` to DIR/together.
"""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from benchmarks.compile.running import Laid, show, summary, write_down
from benchmarks.compile.tables import cost_of
from mergeguard.build.commands import Command
from mergeguard.build.compare import Built, compare_built
from mergeguard.build.cost import MeasuredProgram, unit_commands
from mergeguard.build.measure import (
    Progress,
    UnitCommand,
    UnitCost,
    linked_size,
    measure,
    measure_together,
    require_success,
)
from mergeguard.cpp.source import parse

COSTS = "costs.jsonl"


def prepare(arguments: argparse.Namespace) -> None:
    """Lay out each split below DIR."""
    from benchmarks.compile import hip, rocm
    from benchmarks.compile.running import laid

    hip.assemble()
    folder = arguments.folder.resolve()
    made = []
    for spec in arguments.split:
        rule, _, rest = spec.partition("@")
        version, _, named = rest.partition(":")
        repo = arguments.repo if not version[:1].isdigit() or "." not in version else None
        architectures = tuple(named.split(",")) if named else (hip.ARCHITECTURE,)
        name, layout, base, command = rocm.chosen(rule, version, repo, architectures)
        made.append(laid(name, layout, base, command, folder / "trees" / name))
        print(name, flush=True)
    text = json.dumps([split.to_json() for split in made])
    (folder / "splits.json").write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Jobs:
    """The commands of a split: of the monolith, of the layout's units, and of the bare files."""

    split: Laid
    before: tuple[UnitCommand, ...]
    after: tuple[UnitCommand, ...]
    headers: tuple[UnitCommand, ...]

    @classmethod
    def of(cls, split: Laid, folder: Path, wrap: Sequence[str]) -> Jobs:
        """With their objects below ``folder``; ``wrap`` comes before each command."""

        def commands(program: MeasuredProgram, kind: str) -> tuple[UnitCommand, ...]:
            found = unit_commands(program, Command(split.command), folder / split.name / kind)
            return tuple(
                replace(one, name=f"{split.name} {kind} {one.name}", arguments=(*wrap, *one.arguments))
                for one in found
            )

        return cls(
            split,
            commands(split.before, "monolith"),
            commands(split.after, "layout"),
            commands(split.headers.program, "headers"),
        )

    def is_built(self, known: dict[str, UnitCost]) -> bool:
        """Whether every unit has been measured, and compiled."""
        return all(one.name in known and known[one.name].ok for one in (*self.before, *self.after))


def read(folder: Path, wrap: str) -> list[Jobs]:
    """What ``prepare`` has laid out."""
    splits = map(Laid.from_json, json.loads((folder / "splits.json").read_text(encoding="utf-8")))
    return [Jobs.of(split, folder / "objects", shlex.split(wrap)) for split in splits]


def run(arguments: argparse.Namespace) -> None:
    """Measure all units of all splits, the monoliths first; each cost is written down as it is known."""
    jobs = read(arguments.folder, arguments.wrap)
    units = [*_each(jobs, "before"), *_each(jobs, "after"), *_each(jobs, "headers")]
    with (arguments.folder / COSTS).open("w", encoding="utf-8") as log:

        def progress(one: Progress) -> None:
            show(one)
            if one.cost is not None:
                log.write(json.dumps(one.cost.to_json()) + "\n")
                log.flush()

        measure(units, arguments.jobs, on_progress=progress)


def compare(arguments: argparse.Namespace) -> None:
    """Compare the objects of each split that ``run`` has built whole, all splits at once."""
    known = costs(arguments.folder)
    forked = get_context("fork")
    jobs = [one for one in read(arguments.folder, arguments.wrap) if one.is_built(known)]
    results = arguments.folder / "results"
    comparing = [forked.Process(target=compared, args=(one, known, results)) for one in jobs]
    for process in comparing:
        process.start()
    for process in comparing:
        process.join()


def costs(folder: Path) -> dict[str, UnitCost]:
    """What ``run`` has measured, by the commands' names."""
    file = folder / COSTS
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    values = map(json.loads, lines)
    return {value["name"]: cost_of(value) for value in values}


def compared(jobs: Jobs, known: dict[str, UnitCost], folder: Path) -> None:
    """Compare a split's objects and write its figures down."""
    split = jobs.split
    below = {one.source: known[one.name] for one in jobs.headers if one.name in known and known[one.name].ok}
    built = []
    for program, commands in ((split.before, jobs.before), (split.after, jobs.after)):
        found = tuple(known[one.name] for one in commands)
        require_success(commands, found)
        objects = tuple(one.output for one in commands)
        size = linked_size(objects, objects[0].with_name("linked.so"))
        built.append(Built(program, found, objects, size))
    command = Command(split.command)
    source = parse(split.monolith)
    outcome = compare_built(source, *built, split.spaces, command, split.inlined, split.bare)
    write_down(split, below, outcome, {}, folder)
    print(split.name, summary(outcome), flush=True)


def build(arguments: argparse.Namespace) -> None:
    """Build all monoliths, or all layouts, for real: so many jobs at a time, nothing else asked."""
    jobs = read(arguments.folder, arguments.wrap)
    if arguments.only:
        jobs = [one for one in jobs if one.split.name in arguments.only]
    label = f"{arguments.kind}-{arguments.jobs}"
    units = list(_each(jobs, "before" if arguments.kind == "monolith" else "after"))
    units = [replace(one, output=one.output.with_name(f"{label}-{one.output.name}")) for one in units]
    units = [replace(one, arguments=(*one.arguments[:-1], str(one.output))) for one in units]
    known = costs(arguments.folder)
    units.sort(key=lambda one: -known[one.name].cpu if one.name in known else 0.0)
    real = measure_together(units, arguments.jobs, show)
    require_success(units, real.costs)
    value = {"kind": arguments.kind, "jobs": arguments.jobs, "wall": real.wall, "peak": real.peak}
    target = arguments.folder / "together"
    target.mkdir(exist_ok=True)
    (target / f"{label}.json").write_text(json.dumps({**value, "series": real.series}), encoding="utf-8")
    print(f"{label}: {real.wall:.1f} s, peak {real.peak / 1e9:.2f} GB", flush=True)


def _each(jobs: Sequence[Jobs], field: str) -> Iterator[UnitCommand]:
    for one in jobs:
        yield from getattr(one, field)


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    verbs = parser.add_subparsers(required=True)
    one = verbs.add_parser("prepare")
    one.add_argument("folder", type=Path)
    one.add_argument("split", nargs="+")
    one.add_argument("--repo", type=Path)
    one.set_defaults(run=prepare)
    two = verbs.add_parser("run")
    three = verbs.add_parser("build")
    for verb, does in ((two, run), (verbs.add_parser("compare"), compare), (three, build)):
        verb.add_argument("folder", type=Path)
        verb.add_argument("--jobs", type=int, default=8)
        verb.add_argument("--wrap", default="")
        verb.set_defaults(run=does)
    three.add_argument("kind", choices=["monolith", "layout"])
    three.add_argument("--only", nargs="*", default=[])
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
