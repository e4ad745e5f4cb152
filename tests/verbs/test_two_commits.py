"""A merge with its conflicts as they were, then the resolution; and the pull request that tells of both."""

from __future__ import annotations

from pathlib import Path

import pytest

from mergeguard.treemerge.resolution import TRAILER, ResolvedFile, TakenSide, notes
from tests.support.story import PAGED, Story, git

BLOCK = "  dim3 block(NUM_THREADS);\n"
SHARD = f"{PAGED}/dispatch.cuh"
OURS, THEIRS = "  dim3 block(NUM_THREADS, 2);\n", "  dim3 block(NUM_THREADS, 1);\n"


@pytest.fixture(name="story")
def _story(tmp_path: Path) -> Story:
    """Both sides changed one line of a launcher and one of a file that is not split."""
    story = Story.begin(tmp_path, "paged_attention_v1")
    for path in (story.upstream / "notes.txt", story.fork / "notes.txt"):
        path.write_text(f"{path.parent.name}\n")
    story.edit(SHARD, BLOCK, OURS)
    story.commits("fork's block")
    story.edit(f"{PAGED}.cu", BLOCK, THEIRS, upstream=True)
    story.edit(f"{PAGED}.cu", "case 32:", "case 32:  // theirs", upstream=True)
    story.upstream_commits("upstream's block")
    story.fetch()
    return story


def resolved(story: Story, path: str, text: str) -> None:
    """Put ``text`` in place of the file's conflict."""
    whole = story.text(path)
    end = whole.index("\n", whole.index(">>>>>>>")) + 1
    story.write(path, (whole[: whole.index("<<<<<<<")] + text + whole[end:]).encode())


def concluded(story: Story, *start: str) -> str:
    """Sync, resolve, go on; HEAD before."""
    head = git(story.fork, "rev-parse", "HEAD").strip()
    assert story.run("sync", *start, "upstream/main").code == 1
    resolved(story, SHARD, OURS)
    story.write("notes.txt", b"by hand\n")
    git(story.fork, "add", "-A")
    ran = story.run("sync", "--continue")
    assert ran.code == 0, ran.out + ran.err
    return head


def test_the_conflicts_are_committed_as_they_were_and_then_their_resolution(story: Story):
    head = concluded(story, "--two-commits")
    parents = git(story.fork, "log", "-1", "--format=%P", "HEAD^").split()
    assert parents == [head, git(story.fork, "rev-parse", "upstream/main").strip()]
    assert TRAILER in git(story.fork, "log", "-1", "--format=%B", "HEAD^")
    before = git(story.fork, "show", f"HEAD^:{SHARD}")
    assert f"<<<<<<< HEAD\n{OURS}=======\n{THEIRS}>>>>>>>" in before
    assert "<<<<<<<" not in story.text(SHARD)
    changed = git(story.fork, "diff", "--name-only", "HEAD^", "HEAD").split()
    assert changed == [SHARD, "notes.txt"]
    message = git(story.fork, "log", "-1", "--format=%B")
    assert message.startswith("Resolve the conflicts with upstream/main\n")
    assert f"{PAGED}: 1 as the fork had it\n- dispatch.cuh: 1 as the fork had it" in message
    assert ".: 1 written by hand\n- notes.txt: 1 written by hand" in message
    assert git(story.fork, "status", "--porcelain") == ""
    assert story.run("check").code == 0
    assert "overwritten-edit" in story.run("audit").out, "of the resolution, not of the markers"
    assert "<<<<<<<" not in story.run("ledger", "--all").out


def test_a_pull_request_says_what_came_what_conflicted_and_what_survives(story: Story, tmp_path: Path):
    concluded(story, "--two-commits")
    body = tmp_path / "body.md"
    assert story.run("report", "--pull-request", "-o", str(body)).code == 1
    said = body.read_text(encoding="utf-8")
    merge, resolution = git(story.fork, "log", "-2", "--format=%H", "--reverse").split()
    for text in (
        "1 commit of upstream",
        "upstream's block",
        f"| `{PAGED}.cu` | ",
        "2 conflicts in 2 files",
        f"`{merge[:12]}` has them as they were, `{resolution[:12]}` the resolution",
        "- `dispatch.cuh`: 1 as the fork had it",
        "`overwritten-edit`",
        "`paged_attention_v1`: the same program by tokens",
        "### The fork's own work",
    ):
        assert text in said, said
    assert story.run("report", "--pull-request", "--merge", "HEAD").out == said
    refused = story.run("report", "--pull-request", "--merge", "upstream/main")
    assert (refused.code, "is no merge" in refused.err) == (2, True)


def test_configured_once_for_all_and_off_by_default(story: Story):
    head = concluded(story)
    assert git(story.fork, "rev-parse", "HEAD^").strip() == head
    git(story.fork, "reset", "-q", "--hard", head)
    git(story.fork, "config", "mergeguard.twoCommits", "true")
    concluded(story)
    assert git(story.fork, "rev-parse", "HEAD^^").strip() == head


def test_a_rebase_has_no_commit_for_conflicts(story: Story):
    ran = story.run("sync", "--rebase", "--two-commits", "upstream/main")
    assert (ran.code, "--two-commits is for merges" in ran.err) == (2, True)


def test_notes_go_by_folder():
    files = [
        ResolvedFile("csrc/a.cu", (TakenSide.OURS, TakenSide.OURS, TakenSide.BY_HAND)),
        ResolvedFile("README.md", (TakenSide.THEIRS,)),
    ]
    assert notes(files) == (
        ".: 1 as upstream has it\n- README.md: 1 as upstream has it\n\n"
        "csrc: 2 as the fork had it, 1 written by hand\n"
        "- a.cu: 2 as the fork had it, 1 written by hand\n"
    )
