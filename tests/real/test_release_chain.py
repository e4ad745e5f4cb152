"""Forks on vLLM's real history: a split fork is never behind the unsplit one, and nothing is lost.

`--all-releases` takes every release; the tables come from `python -m benchmarks.releases`.
"""

from __future__ import annotations

import pytest

from benchmarks.releases import chain, pairs, ready
from tests.conftest import corpus_versions
from tests.support import corpus, layouts

NAMES = [name for name in corpus.MONOLITHS if name != "skinny_gemms_int8"]


@pytest.mark.parametrize("name", NAMES)
def test_local_edits_live_through_the_releases(name, request):
    steps = list(chain.chain(name, corpus_versions(request.config)))
    assert steps
    for step in steps:
        assert step.lost == 0, step
        assert step.git_conflict or not step.conflict, f"git merges this: {step}"
        assert not step.state.startswith("refused"), step
    assert sum(step.arrived for step in steps) > 0


def test_edits_live_in_another_projects_file():
    rule = layouts.ROOT / "rules" / "causal-conv1d" / "causal_conv1d_update.toml"
    try:
        (step,) = ready.chain(rule, "causal-conv1d", "", ["1.5.3.post1", "1.6.0"])
    except corpus.CorpusError as error:
        pytest.skip(str(error))
    assert (step.arrived, step.unmapped, step.lost, step.faults, step.conflict) == (3, 0, 0, 0, False)


def test_a_sync_is_never_behind_git_on_the_unsplit_fork(request):
    found = [p for name in NAMES for p in pairs.pairs(name, corpus_versions(request.config))]
    assert found
    assert pairs.behind(found) == []
    assert not any(pair.sync == pairs.WRONG for pair in found)
    # What the split costs without mergeguard: plain git gets hardly any of them.
    assert sum(p.plain == pairs.RIGHT for p in found) < len(found) / 2
