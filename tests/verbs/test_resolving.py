"""A merge that stopped: what a person looks at and types on the way to concluding it."""

from __future__ import annotations

import pytest

from tests.support.story import PAGED, Story, git

BLOCK = "  dim3 block(NUM_THREADS);\n"
SHARD = f"{PAGED}/dispatch.cuh"
MARKED = "<<<<<<< not git's: how our docs show a conflict\n"


@pytest.fixture
def story(tmp_path):
    """Both sides changed one line of a launcher; upstream also brings a page that shows conflict markers."""
    story = Story.begin(tmp_path, "paged_attention_v1")
    story.edit(SHARD, BLOCK, "  dim3 block(NUM_THREADS, 2);\n")
    story.commits("fork's block")
    story.edit(f"{PAGED}.cu", BLOCK, "  dim3 block(NUM_THREADS, 1);\n", upstream=True)
    (story.upstream / "merging.md").write_text(MARKED)
    story.upstream_commits("release 2")
    story.fetch()
    return story


@pytest.mark.parametrize("how", [(), ("--rebase",)], ids=["merge", "rebase"])
def test_markers_added_by_mistake_are_not_committed(story, how):
    assert story.run("sync", *how, "upstream/main").code == 1
    head = git(story.fork, "rev-parse", "HEAD")
    git(story.fork, "add", "-A")

    ran = story.run("sync", "--continue")

    assert ran.code == 2
    line = story.text(SHARD).split("\n").index("<<<<<<< HEAD") + 1
    assert f"{SHARD}:{line}: added with conflict markers in it" in ran.err
    assert "merging.md" not in ran.err, "those are upstream's own"
    assert git(story.fork, "rev-parse", "HEAD") == head
    git(story.fork, "checkout", "-q", "upstream/main", "--", "merging.md")
    text = story.text(SHARD)
    end = text.index("\n", text.index(">>>>>>>")) + 1
    resolved = text[: text.index("<<<<<<<")] + "  dim3 block(NUM_THREADS, 2);\n" + text[end:]
    story.write(SHARD, resolved.encode())
    git(story.fork, "add", "-A")
    assert story.run("sync", "--continue").code == 0
    assert story.text("merging.md") == MARKED


def test_status_shows_the_rules_and_what_is_in_conflict(story):
    story.run("sync", "upstream/main")
    before = story.fingerprint()

    ran = story.run("status")

    assert ran.code == 1
    assert f"{SHARD}: conflict" in ran.out
    assert "paged_attention_v1" in ran.out
    assert "`mergeguard sync --continue`" in ran.out
    assert story.fingerprint() == before


def test_a_merge_has_nothing_to_skip(story):
    story.run("sync", "upstream/main")
    before = story.fingerprint()
    ran = story.run("sync", "--skip")
    assert ran.code == 2
    assert "a merge has no commit to skip" in ran.err
    assert story.fingerprint() == before


def test_leaving_says_what_it_did_with_a_rule_at_rest(tmp_path):
    """A rule whose monolith upstream dropped only goes; one that is split gives its monolith back."""
    story = Story.begin(tmp_path, "paged_attention_v1")
    text = story.text(".mergeguard/rules/paged_attention_v1.toml")
    body = text[text.index("[[move]]") :]
    story.write(".mergeguard/rules/other.toml", f'schema = 1\nmonolith = "csrc/no/such.cu"\n{body}'.encode())
    story.commits("a rule that rests")

    ran = story.run("leave", "other", "paged_attention_v1")

    assert ran.code == 0, ran.err
    assert "other: staged its rule's removal; it is not split" in ran.out
    assert "paged_attention_v1: staged the whole file" in ran.out
    assert "git commit" in ran.out
    assert not (story.fork / ".mergeguard/rules/other.toml").exists()
    assert not (story.fork / SHARD).exists()
