"""Path policies decide conflicts of their paths, say how many, and never one of a split file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.story import PAGED, Story, git

RULE = "paged_attention_v1"


def policy(take: str, *paths: str) -> bytes:
    listed = ", ".join(f'"{path}"' for path in paths)
    return f'[[policy]]\npaths = [{listed}]\ntake = "{take}"\nwhy = "decided in review"\n'.encode()


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """Upstream and fork edit one line of a page; the fork has deleted another that upstream edits."""
    story = Story.begin(tmp_path)
    for name in ("kept.md", "gone.md"):
        (story.upstream / name).write_text("one\ntwo\nthree\n")
    story.upstream_commits("pages")
    story.fetch()
    git(story.fork, "merge", "-q", "upstream/main")
    story.edit("kept.md", "two", "two of ours")
    git(story.fork, "rm", "-q", "gone.md")
    story.commits("ours")
    story.edit("kept.md", "two", "two of theirs", upstream=True)
    story.edit("gone.md", "two", "two of theirs", upstream=True)
    story.upstream_commits("theirs")
    story.fetch()
    return story


@pytest.mark.parametrize(("take", "text"), [("ours", "two of ours"), ("theirs", "two of theirs")])
def test_a_side_is_taken_and_counted(story: Story, take: str, text: str):
    story.write(".mergeguard/config.toml", policy(take, "kept.md") + policy("keep-deleted", "*.md"))
    story.commits("policies")
    ran = story.run("sync", "upstream/main")
    assert (ran.code, story.text("kept.md")) == (0, f"one\n{text}\nthree\n"), ran.out
    assert not (story.fork / "gone.md").exists()
    assert f"policy `{take}` decided 1 path in conflict" in ran.out
    assert "policy `keep-deleted` decided 1 path in conflict" in ran.out


def test_what_no_policy_names_stays_a_conflict(story: Story):
    story.write(".mergeguard/config.toml", policy("keep-deleted", "*.md"))
    story.commits("policies")
    assert story.run("sync", "upstream/main").code == 1
    assert "<<<<<<<" in story.text("kept.md")


def test_a_split_file_is_never_decided(tmp_path: Path):
    story = Story.begin(tmp_path, RULE)
    story.write(".mergeguard/config.toml", policy("ours", "csrc/*"))
    story.edit(f"{PAGED}/dispatch.cuh", "  dim3 block(NUM_THREADS);", "  dim3 block(NUM_THREADS / 2);")
    story.commits("ours")
    story.edit(f"{PAGED}.cu", "  dim3 block(NUM_THREADS);", "  dim3 block(NUM_THREADS * 2);", upstream=True)
    story.upstream_commits("theirs")
    story.fetch()
    assert story.run("sync", "upstream/main").code == 1
    assert "<<<<<<<" in story.text(f"{PAGED}/dispatch.cuh")


def test_a_broken_file_is_named_and_nothing_is_touched(story: Story):
    story.write(".mergeguard/config.toml", b'[[policy]]\npaths = ["*"]\ntake = "mine"\n')
    story.commits("policies")
    before = story.fingerprint()
    ran = story.run("sync", "upstream/main")
    assert (ran.code, ".mergeguard/config.toml" in ran.err) == (2, True)
    assert story.fingerprint() == before
