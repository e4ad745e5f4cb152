"""The catch-up plan: far behind, one conflict at a time."""

from __future__ import annotations

import json

import pytest

from tests.story import INT4, PAGED, Story, git

BLOCK = "  dim3 block(NUM_THREADS);\n"


@pytest.fixture
def behind(tmp_path):
    """A fork that is twelve commits behind; the eighth rewrites a line that the fork has rewritten."""
    story = Story.begin(tmp_path, "skinny_gemms_int4", "paged_attention_v1")
    story.edit(f"{PAGED}/dispatch.cuh", BLOCK, "  dim3 block(NUM_THREADS, 2);\n")
    story.commits("local")
    for number in range(1, 13):
        if number == 8:
            story.edit(f"{PAGED}.cu", BLOCK, "  dim3 block(64);\n", upstream=True)
        else:
            old = (
                "#define LDS_SIZE"
                if number == 1
                else f"// note {number - 1 if number != 9 else 7}\n#define LDS_SIZE"
            )
            story.edit(f"{INT4}.cu", old, f"// note {number}\n#define LDS_SIZE", upstream=True)
        story.upstream_commits(f"upstream {number}")
    story.fetch()
    return story


def steps(story):
    return json.loads(story.run("plan", "upstream/main", "--json").out)


def test_the_conflicting_commit_stands_alone(behind):
    before = behind.fingerprint()
    plan = steps(behind)
    assert [(s["count"], bool(s["conflicts"])) for s in plan["steps"]] == [(7, False), (1, True), (4, False)]
    assert plan["steps"][1]["subject"] == "upstream 8"
    assert plan["steps"][1]["conflicts"] == [f"{PAGED}/dispatch.cuh"]
    assert behind.fingerprint() == before


def test_what_was_tried_is_remembered(behind):
    assert steps(behind)["probes"] > 0
    assert steps(behind)["probes"] == 0


def test_stepwise_stops_at_the_conflict_and_goes_on(behind):
    ran = behind.run("sync", "upstream/main", "--stepwise", "--branches", "catch-up")
    assert ran.code == 1
    assert "4 commit(s) left" in ran.out
    assert git(behind.fork, "log", "-1", "--format=%s").strip().startswith("Merge 7 commits of upstream/main")
    assert "upstream 3" in git(behind.fork, "log", "-1", "--format=%b")
    git(behind.fork, "checkout", "--ours", f"{PAGED}/dispatch.cuh")
    git(behind.fork, "add", "-A")
    assert behind.run("sync", "--continue").code == 0
    assert behind.run("sync", "upstream/main", "--stepwise", "--branches", "catch-up").code == 0
    assert git(behind.fork, "rev-list", "--count", "HEAD..upstream/main").strip() == "0"
    assert "NUM_THREADS, 2" in behind.text(f"{PAGED}/dispatch.cuh")
    assert "// note 12" in behind.text(f"{INT4}/kernel.cuh")
    assert len(git(behind.fork, "branch", "--list", "catch-up/*").split()) == 2


def test_nothing_to_catch_up_with(tmp_path):
    story = Story.begin(tmp_path, "skinny_gemms_int4")
    assert steps(story)["steps"] == []
