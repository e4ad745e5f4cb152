"""A slice of ``python -m benchmarks.merge execution``: what a clean merge makes, g++ has run."""

from __future__ import annotations

import pytest

from benchmarks.merge.execution.__main__ import FAMILIES, RIGHT, WRONG, judged, pairs
from benchmarks.merge.execution.judge import Judge, has_compiler


@pytest.mark.skipif(not has_compiler(), reason="needs g++")
def test_a_clean_merge_does_what_both_orders_of_the_edits_do():
    found = list(pairs(33, 68, tuple(FAMILIES)))
    assert {pair.family for pair in found} == set(FAMILIES)
    verdicts = list(judged(found, Judge()))
    assert [v.pair for v in verdicts if v.kind == WRONG] == []
    assert sum(v.kind == RIGHT for v in verdicts) > len(verdicts) / 2


def test_the_same_seed_draws_the_same_pairs():
    assert list(pairs(3, 7, tuple(FAMILIES))) == list(pairs(3, 7, tuple(FAMILIES)))
