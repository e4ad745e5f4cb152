"""The catch-up plan: far behind, one conflict at a time."""

from __future__ import annotations

import json

import pytest

from mergeguard.git.repository import Repository
from mergeguard.treemerge import structured
from mergeguard.treemerge import trees as treemerge
from mergeguard.verbs import plan as planning
from tests.support.rules import full_rules
from tests.support.story import INT4, PAGED, Story, git

BLOCK = "  dim3 block(NUM_THREADS);\n"


@pytest.fixture
def behind(tmp_path):
    """A fork that is twelve commits behind; the eighth rewrites a line that the fork has rewritten."""
    story = Story.begin(tmp_path, "skinny_gemms_int4", "paged_attention_v1")
    story.edit(f"{PAGED}/dispatch.cuh", BLOCK, "  dim3 block(NUM_THREADS / 2);\n")
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
    assert "4 commits left" in ran.out
    assert git(behind.fork, "log", "-1", "--format=%s").strip().startswith("Merge 7 commits of upstream/main")
    assert "upstream 3" in git(behind.fork, "log", "-1", "--format=%b")
    git(behind.fork, "checkout", "--ours", f"{PAGED}/dispatch.cuh")
    git(behind.fork, "add", "-A")
    assert behind.run("sync", "--continue").code == 0
    assert behind.run("sync", "upstream/main", "--stepwise", "--branches", "catch-up").code == 0
    assert git(behind.fork, "rev-list", "--count", "HEAD..upstream/main").strip() == "0"
    assert "NUM_THREADS / 2" in behind.text(f"{PAGED}/dispatch.cuh")
    assert "// note 12" in behind.text(f"{INT4}/kernel.cuh")
    assert len(git(behind.fork, "branch", "--list", "catch-up/*").split()) == 3


def test_nothing_to_catch_up_with(tmp_path):
    story = Story.begin(tmp_path, "skinny_gemms_int4")
    assert steps(story)["steps"] == []


HEADER = "csrc/reduce.cuh"


@pytest.fixture
def twenty(tmp_path):
    """A fork that is twenty small commits behind, none of which conflicts; the 14th renames what it uses."""
    story = Story.begin(tmp_path)
    helper = "static __device__ int reduce(int x) {\n  int y = x * 2;\n  return y + 1;\n}\n"
    lines = "".join(f"int row{n}(int x) {{ return x + {n}; }}\n\n\n" for n in range(20))
    (story.upstream / HEADER).write_text(helper + lines)
    story.upstream_commits("a header")
    story.fetch()
    for name in ("skinny_gemms_int4", "paged_attention_v1"):
        story.write(f".mergeguard/rules/{name}.toml", full_rules()[f"vllm/{name}.toml"])
    git(story.fork, "merge", "-q", "upstream/main")
    assert story.run("split").code == 0
    story.commits("split")
    story.edit(f"{PAGED}/dispatch.cuh", BLOCK, f"  // fork\n{BLOCK}")
    story.write("csrc/mine.cu", b'#include "reduce.cuh"\nint mine(int x) { return reduce(x); }\n')
    story.commits("local")
    for number in range(20):
        if number == 13:
            story.edit(HEADER, "int reduce(", "int warp_reduce(", upstream=True)
        elif number % 4:
            story.edit(HEADER, f"return x + {number};", f"return x - {number};", upstream=True)
        else:
            monolith = story.upstream / f"{INT4}.cu"
            monolith.write_text(monolith.read_text() + f"int late{number}();\n")
        story.upstream_commits(f"upstream {number}")
    story.fetch()
    return story


def test_a_commit_with_a_finding_stands_alone_and_all_steps_end_where_one_merge_does(twenty):
    plan = steps(twenty)
    shown = [(s["count"], len(s["conflicts"]), len(s["findings"])) for s in plan["steps"]]
    assert shown[:2] == [(13, 0, 0), (1, 0, 1)]
    assert sum(count for count, _, _ in shown) == plan["commits"] == 20
    assert "gone-name csrc/mine.cu:2" in plan["steps"][1]["findings"][0]
    assert all(step["files"] >= 1 for step in plan["steps"])
    before = git(twenty.fork, "rev-parse", "HEAD").strip()
    assert twenty.run("sync", "upstream/main", "--no-audit").code == 0
    at_once = git(twenty.fork, "rev-parse", "HEAD^{tree}")
    git(twenty.fork, "reset", "-q", "--hard", before)
    ran = twenty.run("sync", "upstream/main", "--stepwise")
    assert ran.code == 1 and "warp_reduce" in ran.out, "a step has a finding"
    assert git(twenty.fork, "rev-parse", "HEAD^{tree}") == at_once
    assert git(twenty.fork, "rev-list", "--count", "--merges", f"{before}..HEAD").strip() == str(len(shown))
    assert "upstream 13" in git(twenty.fork, "log", "--merges", "--format=%b", f"{before}..HEAD")
    assert json.loads(twenty.run("plan", "upstream/main", "--no-audit", "--json").out)["steps"] == []


def test_an_interrupted_plan_goes_on_where_it_was(twenty, monkeypatch):
    tried = []

    def interrupted(*arguments, **named):
        tried.append(1)
        if len(tried) == 4:
            raise KeyboardInterrupt
        return merge(*arguments, **named)

    merge = treemerge.merge_trees
    monkeypatch.setattr(planning, "merge_trees", interrupted)
    repository = Repository.discover(twenty.fork)
    with pytest.raises(KeyboardInterrupt):
        planning.plan(repository, "upstream/main")
    monkeypatch.setattr(planning, "merge_trees", merge)
    resumed = planning.plan(repository, "upstream/main").probes
    (repository.private_dir / "plan.json").unlink()
    assert planning.plan(repository, "upstream/main").probes == resumed + 3
    git(twenty.fork, "commit", "-q", "--amend", "-m", "another message, the same tree")
    assert planning.plan(repository, "upstream/main").probes == 0


def test_a_plan_that_is_asked_again_merges_no_file(twenty, monkeypatch):
    repository = Repository.discover(twenty.fork)
    planned = planning.plan(repository, "upstream/main")
    monkeypatch.setattr(structured, "merged", None)
    again = planning.plan(repository, "upstream/main")
    assert (again.steps, again.probes) == (planned.steps, 0)


def test_a_rule_that_no_longer_fits_is_one_step(behind):
    """What comes after it is planned as if the split had been ended there, not commit by commit."""
    text = (behind.upstream / f"{INT4}.cu").read_text()
    (behind.upstream / f"{INT4}.cu").write_text("int nothing_the_rule_knows();\n")
    behind.upstream_commits("rewrite")
    for number in range(6):
        (behind.upstream / "csrc" / "other.cu").write_text(f"int n = {number};\n")
        behind.upstream_commits(f"after {number}")
    behind.fetch()
    assert "LDS_SIZE" in text
    *_, unfit, last = steps(behind)["steps"]
    assert (unfit["count"], unfit["findings"]) == (1, ["skinny_gemms_int4: whole now: the rule does not fit"])
    assert (last["count"], last["conflicts"], last["findings"]) == (6, [], [])


def test_few_merges_are_tried_and_trouble_that_goes_again_is_none(tmp_path):
    """Twenty commits; one conflicts with the fork's edit, and the next but one takes it back."""
    story = Story.begin(tmp_path, "skinny_gemms_int4", "paged_attention_v1")
    story.edit(f"{PAGED}/dispatch.cuh", BLOCK, "  dim3 block(NUM_THREADS / 2);\n")
    story.commits("local")
    theirs = "  dim3 block(64);\n"
    for number in range(1, 21):
        if number in (12, 14):
            old, new = (BLOCK, theirs) if number == 12 else (theirs, BLOCK)
            story.edit(f"{PAGED}.cu", old, new, upstream=True)
        else:
            story.edit(f"{INT4}.cu", "#define LDS_SIZE", f"// note {number}\n#define LDS_SIZE", upstream=True)
        story.upstream_commits(f"upstream {number}")
    story.fetch()
    plan = steps(story)
    assert [(s["count"], bool(s["conflicts"])) for s in plan["steps"]] == [(20, False)]
    assert plan["probes"] <= 5
