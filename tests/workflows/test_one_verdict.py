"""What no side has is a conflict, whoever is asked: sync, git with hooks, the driver, ``merge-file``."""

from __future__ import annotations

import sys

import pytest

from mergeguard.hooks.mergefile import main
from tests.support.story import PAGED, Story, git

HEADS, GRID = "  int num_heads = query.size(1);\n", "  dim3 grid(num_heads, num_seqs, 1);\n"
OURS, THEIRS = "  int tail = 1;\n", "  size_t tail = 2;\n"


@pytest.fixture
def story(tmp_path):
    """A local of one name from both sides at two places: to git, clean."""
    story = Story.begin(tmp_path, "paged_attention_v1")
    story.edit(f"{PAGED}/dispatch.cuh", HEADS, HEADS + OURS)
    story.commits("local")
    story.edit(f"{PAGED}.cu", GRID, THEIRS + GRID, upstream=True)
    story.upstream_commits("release 2")
    story.fetch()
    return story


def test_sync_and_plain_git_and_the_audit(story):
    before = git(story.fork, "rev-parse", "HEAD")
    ran = story.run("sync", "upstream/main")
    assert ran.code == 1
    assert story.text(f"{PAGED}/dispatch.cuh").count("<<<<<<<") == 2
    assert story.run("sync", "--abort").code == 0

    assert story.run("install").code == 0
    git(story.fork, "merge", "--no-edit", "upstream/main", check=False)
    assert git(story.fork, "diff", "--name-only", "--diff-filter=U") == f"{PAGED}/dispatch.cuh\n"
    body = story.text(f"{PAGED}/dispatch.cuh")
    assert body.count("<<<<<<<") == 2
    git(story.fork, "merge", "--abort")
    assert git(story.fork, "rev-parse", "HEAD") == before


def test_merge_file_and_the_driver_of_sources(tmp_path, monkeypatch):
    base = "void f(int a) {\n  one(a);\n  two(a);\n  three(a);\n}\n"
    sides = {
        "base": base,
        "theirs": base.replace("  three", f"{THEIRS}  three"),
        "ours": base.replace("  one", f"{OURS}  one"),
    }
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q", "-b", "base")
    for name, text in sides.items():
        git(tmp_path, "checkout", "-q", "-B", name, *(["base"] if name != "base" else []))
        (tmp_path / "f.cu").write_text(text)
        git(tmp_path, "add", "f.cu")
        git(tmp_path, "commit", "-q", "-m", name)
    git(
        tmp_path,
        "config",
        "merge.mergeguard.driver",
        f"{sys.executable} -m mergeguard merge-driver %O %A %B %L %P",
    )
    (tmp_path / ".git/info/attributes").write_text("*.cu merge=mergeguard\n")
    assert "CONFLICT" in git(tmp_path, "merge", "--no-edit", "theirs", check=False)
    driven = (tmp_path / "f.cu").read_text()
    git(tmp_path, "merge", "--abort")

    for name, text in sides.items():
        (tmp_path / f"{name}.cu").write_text(text)
    labels = ["-L", "ours", "-L", "base", "-L", "theirs"]
    assert main(["merge-file", "-q", *labels, "ours.cu", "base.cu", "theirs.cu"]) > 0
    assert (tmp_path / "ours.cu").read_text() == driven
