"""Build mode in a fork: git keeps the monolith, plain git merges it, and a change of mode loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from mergeguard.lens.rule import parse_rule
from tests.support import toolchain
from tests.support.story import PAGED, Story, git

RULE = "paged_attention_v1"
RULE_PATH = f".mergeguard/rules/{RULE}.toml"
MONOLITH = f"{PAGED}.cu"


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story.begin(tmp_path, RULE)


def test_there_and_back_keeps_every_edit_and_the_rule_as_typed(story: Story):
    rule = story.text(RULE_PATH)
    body = next((story.fork / PAGED).glob("*.cuh"))
    body.write_text(body.read_text().replace("case 32:", "case 32:  // ours"))
    story.commits("an edit in a shard's body")
    assert story.run("mode", "build", RULE).code == 0
    story.commits("build mode")
    assert parse_rule((story.fork / RULE_PATH).read_bytes(), RULE_PATH).mode == "build"
    assert "case 32:  // ours" in story.text(MONOLITH)
    assert not (story.fork / PAGED).exists()
    assert not (story.fork / f".mergeguard/locks/{RULE}.toml").exists()
    # Nothing of the split is left in git: the difference to upstream is the edit and the rule.
    changed = git(story.fork, "diff", "--name-only", "upstream/main").split()
    assert sorted(changed) == sorted([RULE_PATH, MONOLITH])
    assert story.run("mode", "tree", RULE).code == 0
    story.commits("tree mode")
    assert story.text(RULE_PATH) == rule
    assert "case 32:  // ours" in body.read_text()
    assert story.run("check").code == 0


def test_what_a_monolith_has_no_place_for_is_listed_before_anything_happens(story: Story):
    shard = story.fork / PAGED / "shard_small.cu"
    shard.write_text(shard.read_text() + "// only in this shard\n")
    story.commits("text that only a shard has")
    before = story.fingerprint()
    ran = story.run("mode", "build", RULE)
    assert ran.code == 2
    assert "no place in the monolith" in ran.err
    assert "only in this shard" in ran.out
    assert story.fingerprint() == before


def test_split_and_status_know_the_mode(story: Story):
    story.run("mode", "build", RULE)
    story.commits("build mode")
    ran = story.run("split", RULE)
    assert ran.code == 2
    assert f"mergeguard mode tree {RULE}" in ran.err
    assert "made by the build" in story.run("status").out
    assert story.run("check").code == 0
    again = story.run("mode", "build", RULE)
    assert (again.code, "already" in again.out) == (0, True)


@pytest.mark.parametrize("mode", ["build", "tree"])
def test_every_verb_of_a_day_knows_both_modes(story: Story, mode: str):
    story.run("mode", mode, RULE)
    story.commits("the mode") if mode == "build" else None
    edited = MONOLITH if mode == "build" else f"{PAGED}/dispatch.cuh"
    story.edit(edited, "case 32:", "case 32:  // ours")
    story.commits("an edit")
    story.edit(MONOLITH, "case 64:", "case 64:  // theirs", upstream=True)
    story.upstream_commits("upstream's edit")
    story.fetch()
    said = {}
    for verb in ("status", "report", "check", "verify", "plan", "preview", "sync", "audit", "ledger"):
        ran = story.run(verb, *(["upstream/main"] if verb in ("plan", "preview", "sync") else []))
        assert ran.code == 0, (verb, ran.out, ran.err)
        said[verb] = ran.out
    built = ["made by the build" in said[verb] for verb in ("status", "report")]
    assert built == [mode == "build"] * 2
    assert "waiting upstream: 1 item, +1 -1" in said["report"]
    assert f"{edited}:" in said["report"]
    assert "came with the last sync: 1 item" in story.run("report").out
    assert "1 rule checked: clean" in said["check"]
    assert f"{RULE}: same program" in said["verify"]
    assert "1 commit" in said["plan"] and "1 commit to merge" in said["preview"]
    assert "Merged upstream/main" in said["sync"] and "clean" in said["audit"]
    assert "1 piece of the fork's own work" in said["ledger"] and MONOLITH in said["ledger"]
    assert "case 32:  // ours" in story.text(edited)
    assert "case 64:  // theirs" in story.text(edited)


def test_cost_and_budget_know_build_mode(story: Story):
    compiler = toolchain.require_compiler()
    story.run("mode", "build", RULE)
    toolchain.prepare(story.fork, {})
    story.commits("what a host compiler reads")
    command = f"{compiler} -std=c++17 -w -I{{root}}/stubs -I{{root}}/csrc -x c++ -c {{source}} -o {{output}}"
    cost = story.run("cost", "--command", command, "-j", "2")
    assert cost.code == 0, cost.err
    assert "monolith" in cost.out and "shard_small.cu" in cost.out
    budget = story.run("budget", RULE, "--command", command, "--memory", "16G")
    assert budget.code == 0, budget.err
    assert "shard" in budget.out


def test_plain_git_merges_and_sync_says_when_the_rule_stops_fitting(story: Story):
    story.run("mode", "build", RULE)
    story.edit(MONOLITH, "case 32:", "case 32:  // ours")
    story.commits("build mode, and an edit")
    story.edit(MONOLITH, "case 64:", "case 64:  // theirs", upstream=True)
    story.upstream_commits("an edit")
    story.fetch()
    git(story.fork, "merge", "-q", "--no-edit", "upstream/main")
    assert story.text(MONOLITH).count("// ours") == story.text(MONOLITH).count("// theirs") == 1
    story.edit(MONOLITH, "switch (head_size)", "switch (head_size + 0)", upstream=True)
    story.upstream_commits("the rule does not fit any more")
    story.fetch()
    ran = story.run("sync", "upstream/main")
    assert ran.code == 1
    assert RULE in ran.out
    assert "switch (head_size + 0)" in story.text(MONOLITH)
    assert story.run("check").code == 1
