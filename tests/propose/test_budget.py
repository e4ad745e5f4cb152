"""Budgets: what fits, and rules rewritten so that nothing but the dealing changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergeguard.errors import RuleError
from mergeguard.lens.rule import parse_rule
from mergeguard.propose.budget import Cost, dealt_values, propose, rewrite, shard_names
from mergeguard.propose.schedule import Budget, Profile

RULES = sorted((Path(__file__).resolve().parents[2] / "rules" / "vllm").glob("*.toml"))
PA = next(path for path in RULES if path.stem == "paged_attention_v1")
MB = 1_000_000
# Measured with nvcc 13 on the real file, rounded.
COSTS = {
    "csrc/x/shard_small.cu": Cost(59, 510 * MB),
    "csrc/x/shard_medium.cu": Cost(106, 595 * MB),
    "csrc/x/shard_large.cu": Cost(100, 492 * MB),
}


def budget(memory: int, jobs: int, entry: tuple[float, int] | None = None, cpu_price: float = 0.0) -> Budget:
    others = (Profile("entry", *entry),) if entry else ()
    return Budget(memory, jobs, 11, 463 * MB, others, cpu_price)


def rule_of(path: Path):
    return parse_rule(path.read_bytes(), path.name)


def test_three_shards_fit_and_more_are_offered() -> None:
    proposal = propose(rule_of(PA), COSTS, budget(2000 * MB, 2))
    assert proposal.now.fits
    assert proposal.now.peak == (595 + 510) * MB
    assert [len(plan.shards) for plan in proposal.plans] == list(range(1, 10))
    assert proposal.chosen is not None
    assert proposal.chosen.makespan <= proposal.now.makespan
    dealt = [value for values in proposal.shards.values() for value in values]
    assert sorted(dealt) == [32, 64, 80, 96, 112, 120, 128, 192, 256]


def test_nothing_fits_less_than_the_headers() -> None:
    proposal = propose(rule_of(PA), COSTS, budget(400 * MB, 1))
    assert proposal.chosen is None
    assert proposal.shards == {}
    assert not any(plan.fits for plan in proposal.plans)


def test_a_tight_budget_takes_more_shards() -> None:
    wide = propose(rule_of(PA), COSTS, budget(2000 * MB, 1)).chosen
    tight = propose(rule_of(PA), COSTS, budget(500 * MB, 1)).chosen
    assert wide is not None
    assert tight is not None
    assert len(tight.shards) > len(wide.shards)
    assert tight.peak <= 500 * MB


def test_cpu_time_has_its_price() -> None:
    """Each shard costs its headers: the dearer CPU time, the fewer shards, as far as memory allows."""
    rule = rule_of(PA)
    counts = []
    for price in (0.0, 1.0, 100.0):
        chosen = propose(rule, COSTS, budget(2000 * MB, 4, cpu_price=price)).chosen
        assert chosen is not None
        counts.append(len(chosen.shards))
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1] == 1
    tight = propose(rule, COSTS, budget(600 * MB, 1, cpu_price=100.0)).chosen
    assert tight is not None
    assert tight.fits
    assert len(tight.shards) > 1


def test_the_entry_is_built_beside_the_shards() -> None:
    alone = propose(rule_of(PA), COSTS, budget(2000 * MB, 2)).now
    beside = propose(rule_of(PA), COSTS, budget(2000 * MB, 2, entry=(33, 1004 * MB))).now
    assert beside.memory == alone.memory
    assert beside.peak == (1004 + 595) * MB
    assert beside.cpu == alone.cpu + 33
    assert not propose(rule_of(PA), COSTS, budget(900 * MB, 1, entry=(33, 1004 * MB))).plans[-1].fits


def test_an_unmeasured_shard_is_named() -> None:
    with pytest.raises(RuleError, match="was not measured"):
        propose(rule_of(PA), {}, budget(1, 1))


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_every_shipped_rule_can_be_rewritten_and_back(path: Path) -> None:
    text = path.read_bytes()
    present = dealt_values(rule_of(path))
    assert rewrite(text, path.name, present).split() == text.split()
    values = [value for shard in present.values() for value in shard]
    names = shard_names(list(present), 2)
    fewer = {names[0]: tuple(values[:1]), names[1]: tuple(values[1:])}
    changed = rewrite(text, path.name, fewer)
    assert dealt_values(parse_rule(changed, path.name)) == fewer
    comments = [line for line in text.splitlines() if line.startswith(b"#")]
    assert all(line in changed.splitlines() for line in comments)


INLINE = b"""# kept
schema = 1
monolith = "a.cu" # kept too
[[move]]
to = "common.h"
items = ["include *"]
[[partition]]
entry = "f"
over = { in = "g", chain = "kind" }
body = "body.h"
shards = { "a.cu" = ['"au}to"'], "b.cu" = ["x"] }  # dealt
rest = "b.cu"
declarations = "launch.h"
"""


def test_inline_tables_and_rest() -> None:
    changed = rewrite(INLINE, "r.toml", {"c.cu": ("x", '"au}to"')})
    assert b'shards = { "c.cu" = ["x", \'"au}to"\'] }  # dealt\nrest = "c.cu"\n' in changed
    assert changed.startswith(b'# kept\nschema = 1\nmonolith = "a.cu" # kept too\n')


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1), min_size=1)
)
def test_any_value_survives_the_rewrite(values: list[str]) -> None:
    values = list(dict.fromkeys(values))
    assert dealt_values(parse_rule(rewrite(INLINE, "r", {"a.cu": tuple(values)}), "r")) == {
        "a.cu": tuple(values)
    }


def test_names_for_more_shards() -> None:
    assert shard_names(["n1.cu", "n2.cu"], 4) == ("n1.cu", "n2.cu", "n_1.cu", "n_2.cu")
    assert shard_names(["shard_small.cu"], 3) == ("shard_small.cu", "shard_small_1.cu", "shard_small_2.cu")
