"""A real split measured end to end on the host, small enough for every test run."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mergeguard.build.advice import growth_advice, header_advice
from mergeguard.build.cache import Cache
from mergeguard.build.commands import from_template
from mergeguard.build.cost import MeasuredProgram, SplitCost, costs_by_shard, header_probe, measure_split
from mergeguard.build.drawing import svg
from mergeguard.build.measure import CompileError, UnitCost
from mergeguard.lens.emit import split
from mergeguard.lens.layout import Layout
from mergeguard.lens.rule import parse_rule
from mergeguard.propose.budget import Cost, propose, rewrite
from tests.support import toolchain

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "compile"
MONOLITH = (BENCHMARK / "heavy.cpp").read_bytes()
RULE = (BENCHMARK / "heavy.toml").read_bytes()


@pytest.fixture(scope="module")
def layout() -> Layout:
    return split(parse_rule(RULE, "heavy.toml"), "heavy", "heavy.cpp", MONOLITH)


def programs(root: Path, layout: Layout) -> tuple[MeasuredProgram, MeasuredProgram]:
    for tree, files in (
        ("before", {layout.path: layout.monolith}),
        ("after", {file.path: file.text for file in layout.files}),
    ):
        for path, text in files.items():
            (root / tree / path).parent.mkdir(parents=True, exist_ok=True)
            (root / tree / path).write_bytes(text)
    units = tuple(file.path for file in layout.files if file.is_unit)
    return MeasuredProgram(root / "before", (layout.path,)), MeasuredProgram(root / "after", units)


def command(rows: int = 16):
    compiler = toolchain.require_compiler()
    return from_template(f"{compiler} -std=c++17 -O1 -fPIC -DROWS={rows} -c {{source}} -o {{output}}")


@pytest.fixture(scope="module")
def cost(tmp_path_factory: pytest.TempPathFactory, layout: Layout) -> SplitCost:
    root = tmp_path_factory.mktemp("cost")
    before, after = programs(root, layout)
    cache = Cache(root / "cache")
    first = measure_split(layout, before, after, command(), root / "objects", parallel=[2], cache=cache)
    again = measure_split(layout, before, after, command(), root / "objects", cache=cache)
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
    assert len(cost.table()) == 5 + len(cost.units)
    assert cost.table()[-1][-1].endswith(" x")
    value = json.loads(json.dumps(cost.to_json()))
    assert [one["jobs"] for one in value["schedules"]] == [1, 2, 4, 8]
    assert value["library_bytes"]["layout"] > 0


def test_a_budget_from_measured_costs_gives_a_rule_that_splits(cost: SplitCost) -> None:
    assert cost.floor is not None
    rule = parse_rule(RULE, "heavy.toml")
    costs = {path: Cost(unit.wall, unit.peak) for path, unit in costs_by_shard(cost).items()}
    proposal = propose(rule, costs, Cost(cost.floor.wall, cost.floor.peak), 2 * cost.monolith.peak, 2, most=3)
    assert proposal.chosen is not None
    assert len(proposal.chosen.shards) <= 3
    changed = parse_rule(rewrite(RULE, "heavy.toml", proposal.shards), "heavy.toml")
    again = split(changed, "heavy", "heavy.cpp", MONOLITH)
    assert len(again.shards) == len(proposal.chosen.shards)


def test_the_header_probe_defines_nothing(layout: Layout) -> None:
    probe = header_probe(layout)
    assert probe is not None
    assert probe[0] == "heavy/mergeguard_headers_only.cpp"
    assert probe[1] == b"#include <cstdio>\n#include <utility>\n#ifndef ROWS\n#define ROWS 100\n#endif\n"


def test_a_layout_that_fails_to_compile_gives_no_figures(tmp_path: Path, layout: Layout) -> None:
    before, after = programs(tmp_path, layout)
    (after.root / "heavy" / "n3.cpp").write_text("#error not today\n")
    with pytest.raises(CompileError, match=r"n3\.cpp did not compile"):
        measure_split(layout, before, after, command(4), tmp_path / "objects")


def unit(peak_mb: int, cpu: float) -> UnitCost:
    return UnitCost("u", "u.cu", cpu, cpu, 0.0, peak_mb * 1_000_000, peak_mb * 1_000_000, (), 0, "", 1, "")


def test_a_split_that_headers_make_useless_is_told_why() -> None:
    """paged_attention_v1 as measured: 0.22.0 takes in all of PyTorch, 0.24.0 its stable interface."""
    shards = [unit(2825, 54.6), unit(2958, 92.8), unit(3002, 133.3), unit(2918, 136.2)]
    headers = [Path("/torch/include/torch/all.h"), Path("csrc/small.h")]
    memory, cpu, cure = header_advice(unit(3203, 226.2), shards, unit(2825, 54.0), headers)
    assert "saves little memory, 3.20 GB becomes 3.00 GB: the headers alone need 2.83 GB, 94% of" in memory
    assert cpu == "the split costs 1.84 x the CPU time: 54.0 s of each of the 4 units is for the headers"
    assert "include less than torch/all.h in the monolith" in cure
    stable = [unit(488, 4.2), unit(537, 35.5), unit(629, 64.3), unit(519, 57.4)]
    assert header_advice(unit(1413, 147.9), stable, unit(488, 4.5)) == ()
    # CPU time that the shards' own code costs is not the headers'.
    assert header_advice(unit(1413, 147.9), [unit(488, 4.2), unit(629, 300.0)], unit(100, 1.0)) == ()


def test_growth_is_named_with_its_cure() -> None:
    plain = from_template("nvcc -c {source} -o {output}")
    cured = from_template("nvcc --compress-mode=size -c {source} -o {output}")
    (text,) = growth_advice(4_000_000, 19_600_000, plain)
    assert "4.9 times" in text
    assert "--compress-mode=size" in text
    assert growth_advice(4_000_000, 4_200_000, plain) == ()
    assert growth_advice(4_000_000, 19_600_000, cured) == ()
    assert growth_advice(None, 1, plain) == ()
