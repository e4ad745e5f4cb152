"""RESULTS.md and its pictures: what was measured, as tables."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
from pathlib import Path

from benchmarks.compile import hip
from benchmarks.compile.running import RESULTS
from mergeguard.build.advice import split_advice
from mergeguard.build.chart import human_bytes, human_seconds, panels_for, schedule_drawing
from mergeguard.build.drawing import svg
from mergeguard.build.machine import machine
from mergeguard.build.measure import UnitCost
from mergeguard.propose.schedule import Profile, longest_first, simulate

HERE = Path(__file__).resolve().parent
JOBS = (1, 2, 4, 8)
# How benchmarks.compile.away was run for what is in RESULTS.md.
AT_ONCE = "twelve units of all splits at a time, so CPU seconds are comparable within a table only"

PREFACE = """Made by `python -m benchmarks.compile host`, `... vllm RULE VERSION`, `... hip RULE VERSION` (or
`benchmarks.compile.away` on another machine, where a section says so), then `... report`. How the real ROCm
files are compiled, and what their tables say, is told in ROCM.md.

Machine: {machine}; {tools}.
PyTorch 2.14.1's headers are from its wheel (`pip download --no-deps torch==2.14.1`, then unpack
`torch/include`), handle types of cuBLAS, cuSOLVER and cuSPARSE are stubbed, there is no GPU. vLLM's sources
are unedited releases. One run each. Units were measured one at a time on a machine that did little else; of
the runs with two jobs at once, those of `paged_attention_v1`, `skinny_gemms_int4` and `skinny_gemms_int8`
shared it with other work, as did all of `paged_attention_v1` 0.22.0: there the measured wall times are too
long (CPU seconds and memory are not affected, and predictions are made from CPU seconds). "Above headers"
is memory beyond what a unit with the same includes and nothing else needs; the share of the whole peak is of
the largest process.

Fixtures are files of the real ones' shapes, compiled for the host with g++, each kernel instantiation
weighted with class templates of its own.

`paged_attention_v1` of 0.22.0 reads all of PyTorch (`torch/all.h`), through `attention_kernels.cuh`, a header
of upstream's own that its kernels stand in: thin shards would read it, too. The headers alone need 2.8 GB
and a minute, every unit pays them again, and the split does not pay: more shards would need less memory
each and still more CPU, and this nvcc has no precompiled headers (`--pch` is unknown to it). Since 0.23 the
file uses the stable interface, and the split pays.

On an NVIDIA H100 with nvcc 13.0 and PyTorch 2.11 (`benchmarks/compile/gpu.py`), monolith against layout of
0.24.0: `paged_attention_v1` 324 of 324 cases equal to the last bit, 3 unsupported ones refused alike, compile
wall 237 s and 105 s (all units at once); `selective_scan_fwd` 192 of 192, 107 s and 70 s.

"""


def tools() -> str:
    """The compilers' versions."""
    found = []
    dotted = r"\d+\.\d+\.\d+"
    for tool, pattern in (("nvcc", r"V[\d.]+"), ("g++", dotted), (hip.clang() or "clang++", dotted)):
        if shutil.which(tool):
            text = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout
            version = re.search(pattern, text)
            found.append(f"{Path(tool).name} {version[0] if version else ''}")
    return ", ".join(found)


# The flavour (tests/toolchain.py) in which each fixture has its kernels.


def report(_: argparse.Namespace) -> None:
    """RESULTS.md and the pictures, from benchmarks/results/; what was not measured anew stays as it is."""
    file = HERE / "RESULTS.md"
    rows, sections = kept(file.read_text(encoding="utf-8"))
    for path in sorted(RESULTS.glob("*.json")):
        value = json.loads(path.read_text(encoding="utf-8"))
        rows[value["name"]] = overview_row(value)
        sections[value["name"]] = "\n".join(section(value))
    parts = ["# Compile cost, measured\n", PREFACE.format(machine=machine(), tools=tools()), *OVERVIEW]
    parts += [rows[name] for name in sorted(rows)]
    parts += ["", *(sections[name] for name in sorted(sections))]
    file.write_text("\n".join(parts), encoding="utf-8")


def kept(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """The rows of the overview and the sections of an earlier report, by name."""
    _, *parts = re.split(r"(?m)^(?=## )", text)
    sections = {part.split("\n", 1)[0].removeprefix("## "): part for part in parts}
    cells = (line for line in text.splitlines() if line.startswith("| "))
    rows = {name: line for line in cells if (name := line.split("|")[1].strip()) in sections}
    return rows, sections


def cost_of(unit: dict) -> UnitCost:
    """A measured unit as it was before it was written down."""
    return UnitCost(**{**unit, "series": tuple((float(t), int(m)) for t, m in unit["series"])})


def profile(unit: dict) -> Profile:
    idle = min(unit["wall"], unit["user"] + unit["system"])
    factor = idle / unit["wall"]
    series = tuple((float(moment) * factor, int(memory)) for moment, memory in unit["series"])
    return Profile(Path(unit["source"]).name, idle, unit["peak"], series)


def shares(value: dict) -> tuple[float | None, float]:
    """The largest shard's memory above the headers and the CPU of all units, as shares of the monolith's."""
    (monolith,) = value["comparison"]["units"]["monolith"]
    units = value["comparison"]["units"]["layout"]
    cpu = sum(unit["user"] + unit["system"] for unit in units) / (monolith["user"] + monolith["system"])
    if not value["floor"]:
        return None, cpu
    largest = max(above(value, unit) for unit in units if unit["source"] != value["entry"])
    return largest / max(monolith["peak"] - value["floor"]["peak"], 1), cpu


def floor_of(value: dict, unit: dict) -> dict | None:
    """What a unit of the layout pays for its headers."""
    return value.get("floors", {}).get(unit["source"]) or value["floor"]


def above(value: dict, unit: dict) -> int:
    """A unit's peak above that of its headers, in bytes."""
    floor = floor_of(value, unit)
    return max(unit["peak"] - (floor["peak"] if floor else 0), 0)


OVERVIEW = (
    "| split | shards | largest shard: whole peak | above headers | CPU | symbols | kernels | differences |",
    "|---|---|---|---|---|---|---|---|",
)


def overview_row(value: dict) -> str:
    """The line for a measured split."""
    outcome = value["comparison"]
    memory, cpu = shares(value)
    failing = sum(finding["severity"] != "note" for finding in outcome["findings"])
    counts = f"{outcome['symbols']} | {outcome['kernels']} | {failing}"
    units = len(outcome["units"]["layout"]) - 1
    whole = f"{process_share(value):.1%}"
    return f"| {value['name']} | {units} | {whole} | {_percent(memory)} | {cpu:.2f} x | {counts} |"


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{share:.0%}"


def process_share(value: dict) -> float:
    """The largest process of all shards, as a share of the monolith's largest.

    Of one process, not of the tree: a driver that waits for its compiler shares the library's pages with it,
    and the sum over both counts them twice.
    """
    (monolith,) = value["comparison"]["units"]["monolith"]
    units = value["comparison"]["units"]["layout"]
    largest = max(unit["largest"] for unit in units if unit["source"] != value["entry"])
    return largest / monolith["largest"]


def section(value: dict) -> list[str]:
    name, outcome = value["name"], value["comparison"]
    (monolith,) = outcome["units"]["monolith"]
    units = outcome["units"]["layout"]
    floor = value["floor"]
    lines = [f"## {name}\n", f"`{scrub(value['command'])}`\n"]
    if outcome["machine"] != machine():
        lines.append(f"On another machine: {outcome['machine']}; {AT_ONCE}.\n")
    lines += [
        "| unit | wall s | user s | peak MB | headers alone MB | above them |",
        "|---|---|---|---|---|---|",
    ]
    rows = [("monolith", monolith, floor)]
    rows += [(Path(unit["source"]).name, unit, floor_of(value, unit)) for unit in units]
    for label, unit, below in rows:
        size = f"{below['peak'] / 1e6:.0f}" if below else "?"
        over = f"{max(unit['peak'] - below['peak'], 0) / 1e6:.0f}" if below else "?"
        figures = f"{unit['wall']:.1f} | {unit['user']:.1f} | {unit['peak'] / 1e6:.0f}"
        lines.append(f"| {label} | {figures} | {size} | {over} |")
    shards = [unit for unit in units if unit["source"] != value["entry"]]
    largest = max(unit["peak"] for unit in shards)
    share, cpu = shares(value)
    whole = f"{largest / monolith['peak']:.0%} of the monolith's peak"
    text = f"Largest shard: {whole}, {_percent(share)} above the "
    lines += ["", f"{text}headers. CPU of all units: {cpu:.2f} times the monolith's."]
    failing = [finding for finding in outcome["findings"] if finding["severity"] != "note"]
    verdict = "the same program" if not failing else f"{len(failing)} differences"
    counts = f"{outcome['symbols']} external symbols of its own, {outcome['kernels']} kernels"
    lines.append(f"Verified: {verdict} ({counts}).")
    library = outcome["library_bytes"]
    if library["monolith"] and library["layout"]:
        sizes = f"{human_bytes(library['monolith'])} -> {human_bytes(library['layout'])}"
        lines.append(f"Linked library: {sizes}.")
    costs = [cost_of(unit) for unit in (monolith, *units)]
    below = {unit["source"]: cost_of(found) for unit in units if (found := floor_of(value, unit))}
    headers = split_advice(costs[0], costs[1:], cost_of(floor), below) if floor else ()
    advice = [f"- {text}" for text in (*headers, *outcome["advice"])]
    lines += ["", *advice, ""] if advice else [""]
    profiles = longest_first([profile(unit) for unit in units])
    schedules = [simulate(profiles, jobs) for jobs in JOBS]
    measured = {int(jobs): real for jobs, real in value["together"].items()}
    lines += ["| MAX_JOBS | predicted | peak | measured | peak |", "|---|---|---|---|---|"]
    whole = simulate([profile(monolith)], 1)
    lines.append(f"| monolith | {human_seconds(whole.makespan)} | {human_bytes(whole.peak)} | | |")
    for schedule in schedules:
        real = measured.get(schedule.jobs)
        seen = f"{human_seconds(real['wall'])} | {human_bytes(real['peak'])}" if real else " | "
        predicted = f"{human_seconds(schedule.makespan)} | {human_bytes(schedule.peak)}"
        lines.append(f"| {schedule.jobs} | {predicted} | {seen} |")
    drawn = {jobs: tuple((float(t), int(m)) for t, m in real["series"]) for jobs, real in measured.items()}
    picture = svg(schedule_drawing(name, panels_for(whole, schedules, drawn)))
    (HERE / f"{name}.svg").write_text(picture, encoding="utf-8")
    return [*lines, "", f"![memory over time]({name}.svg)", ""]


def scrub(command: str) -> str:
    """The command without this machine's folders."""
    words = []
    for word in command.replace(str(hip.home()), "HIP").split():
        if word.startswith("/"):
            word = "TORCH" + word.partition("include")[2] if "torch" in word else Path(word).name
        words.append(word)
    return " ".join(words)
