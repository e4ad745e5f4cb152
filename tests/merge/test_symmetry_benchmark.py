"""A slice of ``python -m benchmarks.merge symmetry``: who merges whom changes no outcome."""

from __future__ import annotations

from benchmarks.merge.execution.__main__ import FAMILIES, pairs
from benchmarks.merge.symmetry import ASYMMETRIC, mirrored


def test_exchanging_the_sides_changes_neither_the_outcome_nor_the_words():
    found = list(mirrored(pairs(33, 68, tuple(FAMILIES))))
    assert {one.pair.family for one in found} == set(FAMILIES)
    assert any(one.results[0].clean for one in found) and not all(one.results[0].clean for one in found)
    assert [one.pair for one in found if one.kind == ASYMMETRIC] == []
