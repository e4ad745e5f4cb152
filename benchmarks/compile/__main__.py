"""What splitting costs and saves, measured with real compilers.

    python -m benchmarks.compile host [--rows 100]           any C++17 compiler, a minute or two
    python -m benchmarks.compile fixtures [RULE]...          the six shapes with g++, some minutes
    python -m benchmarks.compile vllm RULE VERSION           nvcc, PyTorch's headers, vLLM's sources
    python -m benchmarks.compile toolchain hip               a HIP compiler out of packages
    python -m benchmarks.compile hip RULE VERSION            a real ROCm file with it: monolith against layout
    python -m benchmarks.compile slice                       a minute of the same, for CI
    python -m benchmarks.compile modes RULE VERSION [UNIT…]  objects of both modes, of a real ROCm file
    python -m benchmarks.compile report                      tables and pictures of what was measured

``vllm`` takes the sources from where the tests keep them (tests/corpus.py) and PyTorch's headers from
``--torch`` (the ``torch/include`` of an unpacked wheel). Figures land in benchmarks/results/, which git
ignores; ``report`` writes RESULTS.md and the pictures, which are committed.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.compile import hip
from mergeguard.build.advice import split_advice
from mergeguard.build.cache import Cache
from mergeguard.build.chart import human_bytes, human_seconds, panels_for, schedule_drawing
from mergeguard.build.commands import Command, PrepareStep, from_template
from mergeguard.build.compare import Comparison, compare
from mergeguard.build.cost import FloorProgram, MeasuredProgram, measure_floors, unit_commands
from mergeguard.build.drawing import svg
from mergeguard.build.floor import floors
from mergeguard.build.generate import GenerateOptions, generate
from mergeguard.build.machine import machine
from mergeguard.build.measure import Progress, UnitCost, measure_together, require_success
from mergeguard.build.prepare import prepared
from mergeguard.build.symbols import read_device, read_host
from mergeguard.cpp.source import Kind, parse
from mergeguard.lens.emit import split
from mergeguard.lens.layout import Layout, Role
from mergeguard.lens.rule import parse_rule
from mergeguard.propose.schedule import Profile, longest_first, simulate
from mergeguard.verify.flatten import LayoutText
from mergeguard.verify.same_program import compare as verify
from mergeguard.verify.same_program import inlined

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RESULTS = ROOT / "benchmarks" / "results"
JOBS = (1, 2, 4, 8)
SLICE = ("skinny_gemms_int4", "0.30.0")

NVCC = (
    "nvcc -std=c++20 -gencode arch=compute_90,code=sm_90 --expt-relaxed-constexpr --expt-extended-lambda -O2 "
    "-DNDEBUG -Xcompiler -fPIC -DENABLE_FP8 -DUSE_CUDA {stable} {compress} "
    "-isystem {stubs} -isystem {torch} -isystem {torch}/torch/csrc/api/include "
    "-I {{root}}/csrc -c {{source}} -o {{output}}"
)
# The libraries' headers are not needed beyond their handle types.
STUBS = {
    "cublas_v2.h": (
        "#pragma once\ntypedef struct cublasContext* cublasHandle_t;\ntypedef int cublasStatus_t;\n"
    ),
    "cublasLt.h": "typedef struct cublasLtContext* cublasLtHandle_t;\n",
    "cusparse.h": "typedef struct cusparseContext* cusparseHandle_t;\n",
    "cusolverDn.h": "#pragma once\ntypedef struct cusolverDnContext* cusolverDnHandle_t;\n",
    "cusolver_common.h": "#pragma once\ntypedef int cusolverStatus_t;\n",
}


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
    cost = progress.cost
    figures = f": {cost.wall:.1f} s, peak {human_bytes(cost.peak)}" if cost else ""
    print(f"[{progress.done}/{progress.total}] {progress.event} {progress.name}{figures}", flush=True)


def place(
    root: Path, layout: Layout, base: Path | None, change: Callable[[bytes], bytes]
) -> tuple[MeasuredProgram, MeasuredProgram]:
    """Both programs on disk: copies of ``base`` with the monolith, and with the layout in its place."""
    programs = []
    for name, files in (
        ("before", {layout.path: layout.monolith}),
        ("after", {file.path: file.text for file in layout.files}),
    ):
        tree = root / name
        shutil.rmtree(tree, ignore_errors=True)
        if base is not None:
            shutil.copytree(base, tree)
        for path, text in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(change(text))
        units = [file.path for file in layout.files if file.is_unit] if name == "after" else [layout.path]
        programs.append(MeasuredProgram(tree, tuple(units)))
    return programs[0], programs[1]


def spaces_of(layout: Layout) -> tuple[str, ...]:
    lines = (line for file in layout.files for line in file.text.splitlines())
    return tuple(line.split()[2].decode() for line in lines if line.startswith(b"#define MG_NS "))


def run(
    name: str,
    layout: Layout,
    base: Path | None,
    command: Command,
    parallel: Sequence[int],
    change: Callable[[bytes], bytes] = bytes,
) -> None:
    """Measure and verify one split; write the figures to benchmarks/results/<name>.json."""
    folder = build_folder()
    root = folder / name
    before, after = place(root, layout, base, change)
    cache = Cache(folder.parent / "cost")
    texts = [LayoutText(file.path, file.text, file.is_unit) for file in layout.files]
    bare = bare_program(layout, base, change, root / "headers")
    below, _ = measure_floors(bare, command, root, cache, show)
    floor = below.get(bare.floors.monolith)
    outcome = compare(
        parse(layout.monolith),
        before,
        after,
        spaces_of(layout),
        command,
        root / "objects",
        cache=cache,
        on_progress=show,
        inlined=inlined(verify(layout.path, layout.monolith, texts)),
    )
    together = {}
    for jobs in parallel:
        commands = unit_commands(after, command, root / f"parallel{jobs}")
        real = measure_together(commands, jobs, show)
        require_success(commands, real.costs)
        together[jobs] = {"wall": real.wall, "peak": real.peak, "series": real.series}
    entry = next(file.path for file in layout.files if file.role is Role.ENTRY)
    RESULTS.mkdir(parents=True, exist_ok=True)
    value = {
        "name": name,
        "command": " ".join(command.arguments),
        "entry": entry,
        "floor": None if floor is None else floor.to_json(),
        "floors": {unit: below[name].to_json() for unit, name in bare.floors.of.items() if name in below},
        "comparison": outcome.to_json(),
        "together": together,
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
    print(summary(outcome))


def bare_program(
    layout: Layout, base: Path | None, change: Callable[[bytes], bytes], tree: Path
) -> FloorProgram:
    """The layout's units with nothing but their headers, on disk."""
    files = {file.path: file.text for file in layout.files}
    made = floors(layout.path, layout.monolith, files, [file.path for file in layout.files if file.is_unit])
    shutil.rmtree(tree, ignore_errors=True)
    if base is not None:
        shutil.copytree(base, tree)
    for path, text in made.files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(change(text))
    return FloorProgram(MeasuredProgram(tree, made.units), made)


def summary(outcome: Comparison) -> str:
    found = [finding for finding in outcome.findings if finding.severity != "note"]
    lines = [f"{outcome.symbols} symbols, {outcome.kernels} kernels, {len(found)} differences"]
    lines += [f"  {finding.code}: {finding.name} {finding.message}" for finding in found[:20]]
    return "\n".join([*lines, *outcome.advice])


def host(arguments: argparse.Namespace) -> None:
    monolith = (HERE / "heavy.cpp").read_bytes()
    rule = parse_rule((HERE / "heavy.toml").read_bytes(), "heavy.toml")
    command = from_template(
        f"{arguments.compiler} -std=c++17 -O1 -fPIC -DROWS={arguments.rows} -c {{source}} -o {{output}}"
    )
    layout = split(rule, "heavy", "heavy.cpp", monolith)
    run(f"host-rows{arguments.rows}", layout, None, command, arguments.parallel)


def vllm(arguments: argparse.Namespace) -> None:
    sys.path.insert(0, str(ROOT))
    from tests.support import corpus

    text = (ROOT / "rules" / "vllm" / f"{arguments.rule}.toml").read_bytes()
    rule = parse_rule(text, arguments.rule)
    sources = corpus.require(arguments.version) or Path.home() / ".cache/mergeguard/vllm" / arguments.version
    tree = Path(sources)
    path = next(path for path in rule.paths() if (tree / path).is_file())
    layout = split(rule, arguments.rule, path, (tree / path).read_bytes())
    stubs = build_folder() / "stubs"
    stubs.mkdir(parents=True, exist_ok=True)
    for name, content in STUBS.items():
        (stubs / name).write_text(content, encoding="utf-8")
    compress = f"--compress-mode={arguments.compress}" if arguments.compress else ""
    # vLLM moved its kernels to PyTorch's stable interface, whose headers refuse the others and vice versa.
    stable = "-DTORCH_TARGET_VERSION=0x020B000000000000ULL" if "libtorch_stable" in path else ""
    command = from_template(NVCC.format(stable=stable, compress=compress, stubs=stubs, torch=arguments.torch))
    base = build_folder() / f"sources-{arguments.version}"
    if not (base / "csrc").is_dir():
        shutil.copytree(tree / "csrc", base / "csrc")
    suffix = f"-{arguments.compress}" if arguments.compress else ""
    run(f"{arguments.rule}-{arguments.version}{suffix}", layout, base, command, arguments.parallel)


PREFACE = """Made by `python -m benchmarks.compile host` and `... vllm RULE VERSION`, then `... report`.

Machine: {machine}; {tools}.
PyTorch 2.14.1's headers are from its wheel (`pip download --no-deps torch==2.14.1`, then unpack
`torch/include`), handle types of cuBLAS, cuSOLVER and cuSPARSE are stubbed, there is no GPU. vLLM's sources
are unedited releases. One run each. Units were measured one at a time on a machine that did little else; of
the runs with two jobs at once, those of `paged_attention_v1`, `skinny_gemms_int4` and `skinny_gemms_int8`
shared it with other work, as did all of `paged_attention_v1` 0.22.0: there the measured wall times are too
long (CPU seconds and memory are not affected, and predictions are made from CPU seconds). "Above headers"
is memory beyond what a unit with the same includes and nothing else needs.

The real ROCm files are in ROCM.md. Here their fixtures, of the same
shape, are compiled for the host with g++, each kernel instantiation weighted with class templates of its own.

`paged_attention_v1` of 0.22.0 still includes all of PyTorch (`torch/all.h`): the headers alone need 2.8 GB
and a minute, every unit pays them again, and the split does not pay: more shards would need less memory
each and still more CPU, and this nvcc has no precompiled headers (`--pch` is unknown to it). Since 0.23 the
file uses the stable interface, and the split pays.

"""


def tools() -> str:
    """The compilers' versions."""
    found = []
    for tool, pattern in (("nvcc", r"V[\d.]+"), ("g++", r"\d+\.\d+\.\d+")):
        if shutil.which(tool):
            text = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout
            version = re.search(pattern, text)
            found.append(f"{tool} {version[0] if version else ''}")
    return ", ".join(found)


# The flavour (tests/toolchain.py) in which each fixture has its kernels.
FIXTURES = {
    "skinny_gemms": "gfx9",
    "skinny_gemms_int4": "gfx11",
    "skinny_gemms_int8": "sweep",
    "attention": "gfx9",
    "paged_attention_v1": "none",
    "selective_scan_fwd": "none",
}


# On the host a kernel of the fixtures costs next to nothing, on a device it is what costs. So each
# instantiation of a kernel gets weight: a chain of class templates of its own (its local type is its own).
WEIGHT = """#pragma once
namespace weight {
template <typename Owner, int Row, int Length>
struct Chain { static constexpr int value = (Chain<Owner, Row, Length - 1>::value * 31 + Row) % 1009; };
template <typename Owner, int Row>
struct Chain<Owner, Row, 0> { static constexpr int value = Row; };
}  // namespace weight
"""
LOAD = b" struct MgOwner {}; " + b"".join(
    b"static_assert(weight::Chain<MgOwner, %d, 500>::value >= 0); " % row for row in range(6)
)


def weighted(text: bytes) -> bytes:
    """The text with weight in each kernel's body; lines stay."""
    source = parse(text)
    for item in reversed(source.items):
        if item.kind is Kind.KERNEL and item.body is not None:
            text = text[: item.body[0] + 1] + LOAD + text[item.body[0] + 1 :]
    return text


def fixtures(arguments: argparse.Namespace) -> None:
    """The six shapes as host programs: what has no GPU headers here is measured on its fixture."""
    from tests.support import toolchain

    def change(text: bytes) -> bytes:
        return toolchain.translate(weighted(text))

    for name in arguments.names or FIXTURES:
        path = toolchain.MONOLITHS[name]
        rule = parse_rule((ROOT / "rules" / "vllm" / f"{name}.toml").read_bytes(), name)
        layout = split(rule, name, path, (toolchain.COMPILE / path).read_bytes())
        files = {file.path: file.text for file in layout.files}
        base = build_folder() / f"fixture-sources-{name}"
        shutil.rmtree(base, ignore_errors=True)
        toolchain.prepare(base, files)
        (base / "stubs" / "weight.h").write_text(WEIGHT, encoding="utf-8")
        flags = " ".join(toolchain.FLAVOURS[FIXTURES[name]])
        command = from_template(
            f"g++ -std=c++17 -O2 -w -fPIC {flags} -I{{root}}/stubs -I{{root}}/csrc -include weight.h -x c++ "
            "-c {source} -o {output}"
        )
        run(f"fixture-{name}", layout, base, command, arguments.parallel, change)


def toolchain(_: argparse.Namespace) -> None:
    """Put the HIP toolchain together."""
    print(f"the HIP toolchain is in {hip.assemble()}, its compiler is {hip.clang()}")


def real_hip(arguments: argparse.Namespace) -> None:
    """A real ROCm file, one architecture: the monolith and every unit of its layout, one after the other."""
    from tests.support import corpus

    hip.assemble()
    text = (ROOT / "rules" / "vllm" / f"{arguments.rule}.toml").read_bytes()
    rule = parse_rule(text, arguments.rule)
    path, csrc = rule.monolith, corpus.path(arguments.version) / "csrc"
    layout = split(rule, arguments.rule, path, corpus.file(arguments.version, path))
    base = build_folder() / f"hip-{arguments.rule}-{arguments.version}"
    measured: dict[str, list[hip.Measured]] = {}
    for name, files in (("monolith", {}), ("layout", {f.path: f.text for f in layout.files})):
        tree = base / name
        shutil.rmtree(tree, ignore_errors=True)
        shutil.copytree(csrc, tree / "csrc")
        for file, content in files.items():
            (tree / file).parent.mkdir(parents=True, exist_ok=True)
            (tree / file).write_bytes(content)
        hip.hipify(tree)
        units = [f.path for f in layout.files if f.is_unit] if files else [path]
        measured[name] = []
        for unit in units:
            one = hip.compiled(tree, unit)
            print(
                f"{name:9} {unit}: {one.peak:.0f} MB, {one.cpu:.1f} CPU s, {len(one.kernels)} kernels",
                flush=True,
            )
            measured[name].append(one)
    ((whole,), parts) = measured.values()
    held = [kernel for one in parts for kernel in one.kernels]
    largest, cpu = max(one.peak for one in parts[1:]), sum(one.cpu for one in parts)
    print(f"largest shard {largest / whole.peak:.0%} of the peak, CPU {cpu / whole.cpu:.2f} x, ", end="")
    print(f"{len(whole.kernels - {*held})} kernels lost, {len(held) - len({*held})} twice")


def hipify(arguments: argparse.Namespace) -> None:
    """vLLM's hipify step on a tree, as `--prepare` would name it."""
    hip.hipify(arguments.tree)


def hip_slice(_: argparse.Namespace) -> None:
    """What CI can pay for: each unit of a real ROCm file looked at by the compiler, one of them compiled."""
    from tests.support import corpus

    hip.assemble()
    name, version = SLICE
    rule = parse_rule((ROOT / "rules" / "vllm" / f"{name}.toml").read_bytes(), name)
    layout = split(rule, name, rule.monolith, corpus.file(version, rule.monolith))
    tree = build_folder() / f"hip-slice-{name}"
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(corpus.path(version) / "csrc", tree / "csrc")
    for file in layout.files:
        (tree / file.path).parent.mkdir(parents=True, exist_ok=True)
        (tree / file.path).write_bytes(file.text)
    units = [file.path for file in layout.files if file.is_unit]
    step = PrepareStep((sys.executable, "-m", "benchmarks.compile", "hipify", "{root}"))
    root, copies = prepared(step, tree, units, ROOT)
    for unit in units:
        seconds = hip.looked_at(root, copies[unit])
        print(f"{unit}: host and device pass in {seconds:.1f} CPU s", flush=True)
    one = hip.compiled(root, units[1])
    if not one.kernels:
        raise SystemExit(f"{one.unit} was compiled without a kernel")
    print(f"{one.unit}: {one.peak:.0f} MB, {one.cpu:.1f} CPU s, {len(one.kernels)} kernels")
    print(f"skipped: {version}'s monolith, the other units' objects, the other files (`hip RULE VERSION`)")


def modes(arguments: argparse.Namespace) -> None:
    """A real ROCm file's layout as the tree has it and as the build makes it: symbols and machine code."""
    from tests.support import corpus

    hip.assemble()
    text = (ROOT / "rules" / "vllm" / f"{arguments.rule}.toml").read_bytes()
    parsed = parse_rule(text, arguments.rule)
    monolith = corpus.file(arguments.version, parsed.monolith)
    layout = split(parsed, arguments.rule, parsed.monolith, monolith)
    base = build_folder() / f"modes-{arguments.rule}-{arguments.version}"
    shutil.rmtree(base, ignore_errors=True)
    tree, source, build = base / "tree", base / "source", base / "build"
    for folder in (tree, source):
        shutil.copytree(corpus.path(arguments.version) / "csrc", folder / "csrc")
    for file in layout.files:
        (tree / file.path).parent.mkdir(parents=True, exist_ok=True)
        (tree / file.path).write_bytes(file.text)
    rule = source / ".mergeguard" / "rules" / f"{arguments.rule}.toml"
    rule.parent.mkdir(parents=True)
    rule.write_bytes(text.replace(b"monolith =", b'mode = "build"\nmonolith =', 1))
    generate(source, build, GenerateOptions(mirror=("csrc",)))
    hip.hipify(tree)
    hip.hipify(build)
    units = arguments.unit or [file.path for file in layout.files if file.is_unit]
    for unit in units:
        both = [objects(root, unit) for root in (tree, build)]
        (symbols, code), (_, other) = both
        verdict = "the same in both modes" if both[0] == both[1] else "NOT THE SAME"
        print(f"{unit}: {len(symbols)} symbols, {len(code)} kernels with their code: {verdict}", flush=True)
        for name in sorted({*code.items()} ^ {*other.items()}):
            print(f"  {name[0]}")


def objects(root: Path, unit: str) -> tuple[frozenset[tuple[str, str]], dict[str, str]]:
    """The symbols of a unit's object with their binding, and a digest of each kernel's machine code."""
    hip.compiled(root, unit)
    made = root / (unit.replace("/", "_") + ".o")
    # What clang names after a hash of the file's path is another in each tree.
    hashed = re.compile("__hip_|.*_[0-9a-f]{16}$")
    host = read_host(made, unit).symbols
    symbols = frozenset((s.name, s.binding) for s in host if not hashed.match(s.name))
    images = read_device(made, unit)
    return symbols, {f"{i.arch} {kernel}": digest for i in images for kernel, digest in i.digests.items()}


def report(_: argparse.Namespace) -> None:
    """RESULTS.md and the pictures, from benchmarks/results/."""
    parts = ["# Compile cost, measured\n", PREFACE.format(machine=machine(), tools=tools())]
    values = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    parts += overview(values)
    for value in values:
        parts += section(value)
    (HERE / "RESULTS.md").write_text("\n".join(parts), encoding="utf-8")


def cost_of(unit: dict) -> UnitCost:
    """A measured unit as it was before it was written down."""
    return UnitCost(**{**unit, "series": tuple((float(t), int(m)) for t, m in unit["series"])})


def profile(unit: dict) -> Profile:
    idle = min(unit["wall"], unit["user"] + unit["system"])
    factor = idle / unit["wall"]
    series = tuple((float(moment) * factor, int(memory)) for moment, memory in unit["series"])
    return Profile(Path(unit["source"]).name, idle, unit["peak"], series)


def shares(value: dict) -> tuple[float, float]:
    """The largest shard's memory above the headers and the CPU of all units, as shares of the monolith's."""
    (monolith,) = value["comparison"]["units"]["monolith"]
    units = value["comparison"]["units"]["layout"]
    base = value["floor"]["peak"] if value["floor"] else 0
    largest = max(above(value, unit) for unit in units if unit["source"] != value["entry"])
    cpu = sum(unit["user"] + unit["system"] for unit in units) / (monolith["user"] + monolith["system"])
    return largest / max(monolith["peak"] - base, 1), cpu


def floor_of(value: dict, unit: dict) -> dict | None:
    """What a unit of the layout pays for its headers."""
    return value.get("floors", {}).get(unit["source"]) or value["floor"]


def above(value: dict, unit: dict) -> int:
    """A unit's peak above that of its headers, in bytes."""
    floor = floor_of(value, unit)
    return max(unit["peak"] - (floor["peak"] if floor else 0), 0)


def overview(values: Sequence[dict]) -> list[str]:
    """One line for each measured split."""
    lines = ["| split | shards | largest shard, above headers | CPU | symbols | kernels | differences |"]
    lines.append("|---|---|---|---|---|---|---|")
    for value in values:
        outcome = value["comparison"]
        memory, cpu = shares(value)
        failing = sum(finding["severity"] != "note" for finding in outcome["findings"])
        counts = f"{outcome['symbols']} | {outcome['kernels']} | {failing}"
        units = len(outcome["units"]["layout"]) - 1
        lines.append(f"| {value['name']} | {units} | {memory:.0%} | {cpu:.2f} x | {counts} |")
    return [*lines, ""]


def section(value: dict) -> list[str]:
    name, outcome = value["name"], value["comparison"]
    (monolith,) = outcome["units"]["monolith"]
    units = outcome["units"]["layout"]
    floor = value["floor"]
    lines = [f"## {name}\n", f"`{scrub(value['command'])}`\n"]
    lines += [
        "| unit | wall s | user s | peak MB | headers alone MB | above them |",
        "|---|---|---|---|---|---|",
    ]
    rows = [("monolith", monolith, floor)]
    rows += [(Path(unit["source"]).name, unit, floor_of(value, unit)) for unit in units]
    for label, unit, below in rows:
        size = f"{below['peak'] / 1e6:.0f}" if below else ""
        over = f"{max(unit['peak'] - (below['peak'] if below else 0), 0) / 1e6:.0f}"
        figures = f"{unit['wall']:.1f} | {unit['user']:.1f} | {unit['peak'] / 1e6:.0f}"
        lines.append(f"| {label} | {figures} | {size} | {over} |")
    shards = [unit for unit in units if unit["source"] != value["entry"]]
    largest = max(unit["peak"] for unit in shards)
    share, cpu = shares(value)
    text = f"Largest shard: {largest / monolith['peak']:.0%} of the monolith's peak, {share:.0%} above the "
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
    for word in command.split():
        if word.startswith("/"):
            word = "TORCH" + word.partition("include")[2] if "torch" in word else Path(word).name
        words.append(word)
    return " ".join(words)


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    verbs = parser.add_subparsers(required=True)
    one = verbs.add_parser("host")
    one.add_argument("--rows", type=int, default=100)
    one.add_argument("--compiler", default="g++")
    one.set_defaults(run=host)
    two = verbs.add_parser("vllm")
    two.add_argument("rule")
    two.add_argument("version")
    two.add_argument("--torch", type=Path, default=Path.home() / ".cache/mergeguard/torch/torch/include")
    two.add_argument("--compress", default="", help="nvcc's --compress-mode")
    two.set_defaults(run=vllm)
    for verb in (one, two):
        verb.add_argument("--parallel", type=int, nargs="*", default=[2], help="real parallel runs to make")
    three = verbs.add_parser("fixtures")
    three.add_argument("names", nargs="*")
    three.add_argument("--parallel", type=int, nargs="*", default=[])
    three.set_defaults(run=fixtures)
    made = verbs.add_parser("toolchain")
    made.add_argument("which", choices=["hip"])
    made.set_defaults(run=toolchain)
    four = verbs.add_parser("hip")
    four.add_argument("rule")
    four.add_argument("version")
    four.set_defaults(run=real_hip)
    five = verbs.add_parser("modes")
    five.add_argument("rule")
    five.add_argument("version")
    five.add_argument("unit", nargs="*")
    five.set_defaults(run=modes)
    verbs.add_parser("slice").set_defaults(run=hip_slice)
    rewriting = verbs.add_parser("hipify")
    rewriting.add_argument("tree", type=Path)
    rewriting.set_defaults(run=hipify)
    verbs.add_parser("report").set_defaults(run=report)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
