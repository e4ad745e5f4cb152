"""A real split measured end to end on the host, small enough for every test run."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mergeguard.build.advice import Umbrella, growth_advice, split_advice, thin_advice, umbrellas_among
from mergeguard.build.cache import Cache
from mergeguard.build.commands import architectures_of, from_template
from mergeguard.build.cost import FloorProgram, MeasuredProgram, SplitCost, costs_by_shard, measure_split
from mergeguard.build.drawing import svg
from mergeguard.build.floor import bare_text, floors
from mergeguard.build.measure import CompileError, UnitCost
from mergeguard.lens.emit import split
from mergeguard.lens.layout import Layout
from mergeguard.lens.rule import parse_rule
from mergeguard.propose.budget import Cost, propose, rewrite
from mergeguard.propose.schedule import Budget
from tests.support import toolchain

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "compile"
MONOLITH = (BENCHMARK / "heavy.cpp").read_bytes()
RULE = (BENCHMARK / "heavy.toml").read_bytes()


@pytest.fixture(scope="module")
def layout() -> Layout:
    return split(parse_rule(RULE, "heavy.toml"), "heavy", "heavy.cpp", MONOLITH)


def programs(root: Path, layout: Layout) -> tuple[MeasuredProgram, MeasuredProgram, FloorProgram]:
    files = {file.path: file.text for file in layout.files}
    units = tuple(file.path for file in layout.files if file.is_unit)
    bare = floors(layout.path, layout.monolith, files, units)
    for tree, texts in (
        ("before", {layout.path: layout.monolith}),
        ("after", files),
        ("headers", bare.files),
    ):
        for path, text in texts.items():
            (root / tree / path).parent.mkdir(parents=True, exist_ok=True)
            (root / tree / path).write_bytes(text)
    return (
        MeasuredProgram(root / "before", (layout.path,)),
        MeasuredProgram(root / "after", units),
        FloorProgram(MeasuredProgram(root / "headers", bare.units), bare),
    )


def command(rows: int = 16):
    compiler = toolchain.require_compiler()
    return from_template(f"{compiler} -std=c++17 -O1 -fPIC -DROWS={rows} -c {{source}} -o {{output}}")


@pytest.fixture(scope="module")
def cost(tmp_path_factory: pytest.TempPathFactory, layout: Layout) -> SplitCost:
    root = tmp_path_factory.mktemp("cost")
    both = programs(root, layout)
    cache = Cache(root / "cache")
    first = measure_split(*both, command(), root / "objects", parallel=[2], cache=cache)
    again = measure_split(*both, command(), root / "objects", cache=cache)
    assert [unit.cached for unit in (again.monolith, *again.units)] == [True] * 7
    assert again.memory_share == first.memory_share
    return first


def test_each_unit_is_measured_and_shards_are_smaller(cost: SplitCost, layout: Layout) -> None:
    assert [unit.source for unit in cost.units] == [file.path for file in layout.files if file.is_unit]
    assert cost.floor is not None
    assert cost.floor.peak < cost.largest.peak < cost.monolith.peak
    # Five equal arms, one to a shard: about a fifth of the memory above the headers.
    assert cost.memory_share < 0.5
    assert cost.entry_share < 0.1
    assert set(costs_by_shard(cost)) == {f"heavy/n{n}.cpp" for n in range(1, 6)}


def test_prediction_and_real_run_are_both_shown(cost: SplitCost) -> None:
    (real,) = cost.parallel
    two = next(schedule for schedule in cost.schedules() if schedule.jobs == 2)
    assert real.peak <= sum(sorted((unit.peak for unit in cost.units), reverse=True)[:2]) * 1.5
    assert two.peak <= sum(sorted((unit.peak for unit in cost.units), reverse=True)[:2])
    row = next(row for row in cost.jobs_table() if row[0] == "2")
    assert all(row)
    root = ElementTree.fromstring(svg(cost.picture(budget=10**9)))
    assert root.tag.endswith("svg")
    assert len(cost.table()) == 4 + len(cost.units)
    assert {len(row) for row in cost.table()} == {7}
    assert cost.table()[-1][-1].endswith(" x")
    value = json.loads(json.dumps(cost.to_json()))
    assert [one["jobs"] for one in value["schedules"]] == [1, 2, 4, 8]
    assert value["library_bytes"]["layout"] > 0


def test_a_budget_from_measured_costs_gives_a_rule_that_splits(cost: SplitCost) -> None:
    assert cost.floor is not None
    rule = parse_rule(RULE, "heavy.toml")
    costs = {path: Cost(unit.wall, unit.peak) for path, unit in costs_by_shard(cost).items()}
    proposal = propose(
        rule, costs, Budget(2 * cost.monolith.peak, 2, cost.floor.wall, cost.floor.peak), most=3
    )
    assert proposal.chosen is not None
    assert len(proposal.chosen.shards) <= 3
    changed = parse_rule(rewrite(RULE, "heavy.toml", proposal.shards), "heavy.toml")
    again = split(changed, "heavy", "heavy.cpp", MONOLITH)
    assert len(again.shards) == len(proposal.chosen.shards)


def test_units_with_the_same_headers_have_one_floor_that_defines_nothing(layout: Layout) -> None:
    files = {file.path: file.text for file in layout.files}
    units = [file.path for file in layout.files if file.is_unit]
    made = floors(layout.path, layout.monolith, files, units)
    assert made.units == ("heavy.cpp",)
    assert made.monolith == "heavy.cpp"
    assert set(made.of) == set(units)
    assert made.files["heavy/common.h"] == (
        b"#pragma once\n#include <cstdio>\n#include <utility>\n#ifndef ROWS\n#define ROWS 100\n#endif\n"
    )


def test_a_floor_has_no_pragma_of_a_statement_that_is_gone() -> None:
    text = (
        b"#pragma once\n#pragma omp parallel for\n#pragma GCC unroll 4\n#pragma GCC diagnostic push\nint x;\n"
    )
    assert bare_text(text) == b"#pragma once\n#pragma GCC diagnostic push\n"


def test_units_that_read_less_have_a_floor_of_their_own() -> None:
    files = {
        "a/k.cu": b'#include "k/host.h"\nvoid host() {}\n',
        "a/k/host.h": b'#pragma once\n#include <torch/all.h>\n#include "../light.h"\nint x;\n',
        "a/k/n1.cu": b'#define MG_SHARD_n1\n#include "body.cuh"\n',
        "a/k/n2.cu": b'#define MG_SHARD_n2\n#include "body.cuh"\n',
        "a/k/body.cuh": b'#include "../light.h"\n#ifdef MG_SHARD_n1\nint one();\n#endif\n',
    }
    monolith = b'#include <torch/all.h>\n#include "light.h"\nint x; int one();\n'
    made = floors("a/k.cu", monolith, files, ["a/k.cu", "a/k/n1.cu", "a/k/n2.cu"])
    assert made.of == {"a/k.cu": "a/k.cu", "a/k/n1.cu": "a/k/n1.cu", "a/k/n2.cu": "a/k/n1.cu"}
    assert made.units == ("a/k.cu", "a/k/n1.cu")
    assert made.files["a/k/body.cuh"] == b'#include "../light.h"\n#ifdef MG_SHARD_n1\n#endif\n'
    heavier = floors("a/k.cu", monolith + b"#include <vector>\n", files, ["a/k.cu"])
    assert heavier.units == ("a/mergeguard_headers_of_k.cu", "a/k.cu")
    assert b"#include <vector>" in heavier.files[heavier.monolith]


def test_a_layout_that_fails_to_compile_gives_no_figures(tmp_path: Path, layout: Layout) -> None:
    before, after, bare = programs(tmp_path, layout)
    (after.root / "heavy" / "n3.cpp").write_text("#error not today\n")
    with pytest.raises(CompileError, match=r"n3\.cpp did not compile"):
        measure_split(before, after, bare, command(4), tmp_path / "objects")


def unit(peak_mb: int, cpu: float, source: str = "u.cu") -> UnitCost:
    size = peak_mb * 1_000_000
    return UnitCost("u", source, cpu, cpu, 0.0, size, size, (), 0, "", 1, "")


def units(*figures: tuple[int, float]) -> list[UnitCost]:
    return [unit(peak, cpu, f"{number}.cu") for number, (peak, cpu) in enumerate(figures)]


def test_a_split_that_headers_make_useless_is_told_why_in_a_sentence() -> None:
    """paged_attention_v1 as measured: 0.22.0 takes in all of PyTorch, 0.24.0 its stable interface."""
    whole, floor = unit(3203, 226.2), unit(2825, 54.0)
    shards = units((2825, 54.6), (2958, 92.8), (3002, 133.3), (2918, 136.2))
    below = {one.source: floor for one in shards}
    (said,) = split_advice(whole, shards, floor, below, [Umbrella("torch/all.h", "csrc/kernels.cuh")])
    assert said == (
        "the split saves little memory (3.20 GB becomes 3.00 GB, 2.83 GB of it for headers) and costs 1.84 x "
        "the CPU time (3 min 36 s of 6 min 57 s for the headers of 4 units): include less than torch/all.h "
        "(by csrc/kernels.cuh), or deal to fewer shards"
    )
    (most,) = thin_advice(shards, below, "")
    assert most.startswith("thin shards would save up to 2 min 42 s of CPU time and 2.83 GB of each peak: ")
    (none,) = thin_advice(shards, below, "an arm assigns to `x` of the function")
    assert none.endswith("but the text can't be parted so: an arm assigns to `x` of the function")
    (through,) = thin_advice(shards, below, "", [Umbrella("torch/all.h", "csrc/kernels.cuh")])
    assert through.endswith("that need that header would go on reading torch/all.h (by csrc/kernels.cuh)")
    (unknown,) = split_advice(whole, shards, None, {})
    assert "unknown" in unknown

    stable = units((488, 4.2), (537, 35.5), (629, 64.3), (519, 57.4))
    light = {one.source: unit(488, 4.5) for one in stable}
    assert split_advice(unit(1413, 147.9), stable, unit(488, 4.5), light) == ()
    assert thin_advice(stable, light, "") == ()
    # CPU time that the shards' own code costs is not the headers'.
    own = units((488, 4.2), (629, 300.0))
    assert split_advice(unit(1413, 147.9), own, unit(100, 1.0), {u.source: unit(100, 1.0) for u in own}) == ()


def test_growth_is_named_with_its_cure() -> None:
    plain = from_template("nvcc -c {source} -o {output}")
    cured = from_template("nvcc --compress-mode=size -c {source} -o {output}")
    (text,) = growth_advice(4_000_000, 19_600_000, plain)
    assert "4.9 times" in text
    assert "--compress-mode=size" in text
    assert growth_advice(4_000_000, 4_200_000, plain) == ()
    assert growth_advice(4_000_000, 19_600_000, cured) == ()
    assert growth_advice(None, 1, plain) == ()


def test_the_projects_header_that_reads_a_whole_library_is_named(tmp_path: Path) -> None:
    tree, library = tmp_path / "tree", tmp_path / "torch/include/torch/all.h"
    for path, text in (
        (tree / "csrc/a.cu", "#include <torch/all.h>\n"),
        (tree / "csrc/kernels.cuh", "#pragma once\n#  include <torch/all.h>\n"),
        (tree / "csrc/other.h", "// torch/all.h\n"),
        (library, ""),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    read = [library, *tree.rglob("*.*")]
    assert umbrellas_among(read, tree) == (Umbrella("torch/all.h", "csrc/kernels.cuh"),)
    (tree / "csrc/kernels.cuh").unlink()
    assert umbrellas_among([library, *tree.rglob("*.*")], tree) == (Umbrella("torch/all.h", ""),)
    assert umbrellas_among([tree / "csrc/other.h"], tree) == ()


@pytest.mark.parametrize(
    ("words", "architectures"),
    [
        ("clang++ -x hip --offload-arch=gfx1151 --offload-arch=gfx1100", ("gfx1151", "gfx1100")),
        ("nvcc -gencode arch=compute_90,code=sm_90 -gencode arch=compute_80,code=[sm_80,compute_80]",
         ("sm_90", "sm_80", "compute_80")),
        ("nvcc -arch=sm_90 -c", ("sm_90",)),
        ("g++ -march=native -O2", ()),
    ],
)  # fmt: skip
def test_architectures_are_read_from_the_command(words: str, architectures: tuple[str, ...]) -> None:
    assert architectures_of(words.split()) == architectures
