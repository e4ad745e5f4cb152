"""Repositories with SHA-256 object names, and refs in a reftable, as far as the git here makes such."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mergeguard.git.process import git_version
from tests.support.story import PAGED, Story, git

RULE = "paged_attention_v1"
BLOCK = "  dim3 block(NUM_THREADS);\n"
DISPATCH = f"{PAGED}/dispatch.cuh"


@pytest.mark.parametrize("references", ["files", "reftable"])
def test_a_sync_that_conflicts_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, references: str):
    if references == "reftable" and git_version() < (2, 45):
        pytest.skip("refs in a reftable need git 2.45: install it")
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    monkeypatch.setenv("GIT_DEFAULT_REF_FORMAT", references)
    story = Story.begin(tmp_path, RULE)
    story.edit(DISPATCH, BLOCK, "  dim3 block(NUM_THREADS / 2);\n")
    ours = story.commits("ours")
    assert len(ours) == 64
    story.edit(f"{PAGED}.cu", BLOCK, "  dim3 block(64);\n", upstream=True)
    story.edit(f"{PAGED}.cu", "case 32:", "case 32:  // theirs", upstream=True)
    story.upstream_commits("theirs")
    story.fetch()

    assert story.run("sync", "upstream/main").code == 1
    assert "<<<<<<< HEAD" in story.text(DISPATCH)
    kept = re.sub(r"<{7}.*?\n(.*?)={7}.*?>{7}[^\n]*\n", r"\1", story.text(DISPATCH), flags=re.DOTALL)
    story.write(DISPATCH, kept.encode())
    git(story.fork, "add", "-A")
    assert story.run("sync", "--continue").code == 0
    assert story.run("check").code == 0
    assert "case 32:  // theirs" in story.text(DISPATCH)

    (line,) = (x for x in story.run("blame", "-l", DISPATCH).out.splitlines() if "NUM_THREADS / 2" in x)
    assert line.startswith(ours)
    lock = (story.fork / f".mergeguard/locks/{RULE}.toml").read_text()
    assert git(story.upstream, "rev-parse", f"HEAD:{PAGED}.cu").strip() in lock
    git(story.fork, "reset", "-q", "--hard", ours)
    assert story.run("sync", "--rebase", "upstream/main").code == 1
    assert "<<<<<<< HEAD" in story.text(DISPATCH)
    assert story.run("sync", "--abort").code == 0
    assert git(story.fork, "rev-parse", "HEAD").strip() == ours
    assert story.run("install").code == 0
    merged = git(story.fork, "merge", "-q", "--no-edit", "upstream/main", check=False)
    assert "<<<<<<< HEAD" in story.text(DISPATCH), merged
