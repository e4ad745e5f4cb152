"""Simulated builds and budgets, against figures worked out by hand and against exhaustive search."""

from __future__ import annotations

from itertools import product
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergeguard.build.chart import Panel, human_bytes, human_seconds, panels_for, schedule_drawing
from mergeguard.build.drawing import svg
from mergeguard.propose.schedule import (
    Budget,
    MeasuredArm,
    Profile,
    arm_costs,
    best,
    deal,
    longest_first,
    plans,
    simulate,
    worst_peak,
)

A = Profile("a", 4.0, 100, ((0.0, 10), (2.0, 100), (3.0, 20)))
B = Profile("b", 2.0, 60, ((0.0, 60),))
C = Profile("c", 3.0, 30)


def test_one_job_is_one_after_another() -> None:
    schedule = simulate([A, B, C], 1)
    assert schedule.makespan == 9.0
    assert schedule.peak == 100
    assert [(span.name, span.start, span.end) for span in schedule.spans] == [
        *(("a", 0.0, 4.0), ("b", 4.0, 6.0), ("c", 6.0, 9.0)),
    ]
    assert schedule.memory == ((0.0, 10), (2.0, 100), (3.0, 20), (4.0, 60), (6.0, 30), (9.0, 0))


def test_two_jobs_add_what_is_held_at_the_same_moment() -> None:
    # b ends when a reaches its peak, and c starts then: 100 + 30, never 100 + 60.
    schedule = simulate([A, B, C], 2)
    assert schedule.makespan == 5.0
    assert schedule.peak == 130
    assert worst_peak([A, B, C], 2) == 160
    assert [span.slot for span in schedule.spans] == [0, 1, 1]


def test_a_peak_between_two_samples_is_not_forgotten() -> None:
    missed = Profile("m", 2.0, 500, ((0.0, 10), (1.0, 80)))
    assert simulate([missed], 1).peak == 500


def test_no_jobs_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one job"):
        simulate([A], 0)


profiles = st.lists(
    st.builds(
        lambda wall, levels: Profile(
            "u", wall, max(levels), tuple((i * wall / len(levels), m) for i, m in enumerate(levels))
        ),
        st.integers(1, 50).map(float),
        st.lists(st.integers(0, 1000), min_size=1, max_size=5),
    ),
    min_size=1,
    max_size=8,
)


@given(profiles, st.integers(1, 5))
def test_schedule_bounds(units: list[Profile], jobs: int) -> None:
    schedule = simulate(units, jobs)
    total = sum(unit.wall for unit in units)
    longest = max(unit.wall for unit in units)
    assert max(total / jobs, longest) <= schedule.makespan + 1e-9
    # Graham's bound for list scheduling in any order.
    assert schedule.makespan <= total / jobs + longest * (1 - 1 / jobs) + 1e-9
    assert max(unit.peak for unit in units) <= schedule.peak <= worst_peak(units, jobs)
    assert schedule.memory[-1][1] == 0
    for moment in {span.start for span in schedule.spans}:
        assert sum(span.start <= moment < span.end for span in schedule.spans) <= jobs


def test_longest_first() -> None:
    assert [unit.name for unit in longest_first([B, A, C])] == ["a", "c", "b"]


ARMS = (
    MeasuredArm("32", 10.0, 100),
    MeasuredArm("64", 20.0, 200),
    MeasuredArm("128", 40.0, 400),
    MeasuredArm("256", 30.0, 300),
)


def test_deal_balances_and_keeps_the_order_of_arms() -> None:
    plan = deal(ARMS, 2, Budget(memory=2000, jobs=2, floor_seconds=5, floor_memory=50))
    assert plan.shards == (("32", "128"), ("64", "256"))
    assert plan.memory == 550
    assert plan.peak == 1100
    assert plan.makespan == 55
    assert plan.cpu == 110
    assert plan.fits
    assert not deal(ARMS, 2, Budget(1000, 2, 5, 50)).fits


def test_best_takes_the_fewest_shards_that_are_nearly_as_fast() -> None:
    choice = best(plans(ARMS, Budget(memory=10_000, jobs=2, floor_seconds=5, floor_memory=50)))
    assert choice is not None
    assert len(choice.shards) == 2
    assert best(plans(ARMS, Budget(memory=100, jobs=2, floor_seconds=5, floor_memory=50))) is None


@given(st.lists(st.integers(1, 100), min_size=1, max_size=7), st.integers(1, 3))
def test_deal_is_within_grahams_bound_of_the_optimum(weights: list[int], count: int) -> None:
    count = min(count, len(weights))
    arms = [MeasuredArm(str(i), float(w), w) for i, w in enumerate(weights)]
    plan = deal(arms, count, Budget(10**9, count, 0.0, 0))
    optimum = min(
        max(sum(w for w, s in zip(weights, where, strict=True) if s == shard) for shard in range(count))
        for where in product(range(count), repeat=len(weights))
    )
    assert sorted(name for shard in plan.shards for name in shard) == sorted(arm.name for arm in arms)
    assert all(plan.shards)
    assert plan.makespan <= (4 / 3 - 1 / (3 * count)) * optimum + 1e-6


def test_deal_refuses_more_shards_than_arms() -> None:
    with pytest.raises(ValueError, match="4 arms can't be dealt to 5 shards"):
        deal(ARMS, 5, Budget(1, 1, 0, 0))


def test_arm_costs_share_what_is_above_the_floor() -> None:
    assert arm_costs([(("32", "64"), 30.0, 700), (("128",), 8.0, 90)], 10.0, 100) == (
        *(MeasuredArm("32", 10.0, 300), MeasuredArm("64", 10.0, 300), MeasuredArm("128", 0.0, 0)),
    )


def test_picture_is_well_formed_and_says_the_figures() -> None:
    layouts = [simulate([B, C], jobs) for jobs in (1, 2)]
    panels = panels_for(simulate([A], 1), layouts, {2: ((0.0, 10), (1.5, 80))})
    text = svg(schedule_drawing('a <"b"> & c', panels, budget=120))
    root = ElementTree.fromstring(text)
    spaces = {"s": "http://www.w3.org/2000/svg"}
    assert root.findtext("s:title", namespaces=spaces) == 'a <"b"> & c'
    description = root.findtext("s:desc", namespaces=spaces) or ""
    assert description.count("peak") == 3
    assert "layout, 2 jobs: 3.0 s" in description
    assert len(root.findall("s:rect/s:title", spaces)) == 5  # one bar for each unit of each build
    assert [t.text for t in root.findall("s:path/s:title", spaces)].count("measured") == 1
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert svg(schedule_drawing("empty", [Panel("none", simulate([], 1))])).endswith("</svg>\n")


def test_units_for_people() -> None:
    assert [human_bytes(n) for n in (12_600_000_000, 1_342_000_000, 463_000_000, 900)] == [
        *("12.6 GB", "1.34 GB", "463 MB", "1 kB"),
    ]
    assert [human_seconds(s) for s in (4.21, 288.7)] == ["4.2 s", "4 min 49 s"]
