"""Build mode in a fork: git keeps the monolith, plain git merges it, and a change of mode loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from mergeguard.lens.rule import parse_rule
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
