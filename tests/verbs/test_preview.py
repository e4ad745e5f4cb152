"""preview: what the next merge would cost, without rules or set-up, and without changing anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mergeguard.verbs.preview import marked
from tests.support.story import PAGED, Story, git

RULE = "paged_attention_v1"
FILE = f"{PAGED}.cu"


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """A fork without rules."""
    return Story.begin(tmp_path)


def previewed(story: Story) -> Any:
    ran = story.run("preview", "upstream/main", "--format", "json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_conflicts_are_counted_as_git_makes_them(story: Story):
    story.edit(FILE, "case 32:", "case 32:  // ours")
    story.commits("ours")
    story.edit(FILE, "case 32:", "case 32:  // theirs", upstream=True)
    story.upstream_commits("theirs")
    story.fetch()
    before = story.fingerprint()
    found = previewed(story)
    assert story.fingerprint() == before
    assert (found["behind"], found["ahead"], found["both_changed"]) == (1, 1, [FILE])
    git(story.fork, "merge", "-q", "upstream/main", check=False)
    hunks, lines = marked((story.fork / FILE).read_bytes())
    assert found["conflicts"]["git"] == {"files": [FILE], "hunks": hunks, "lines": lines}
    assert found["conflicts"]["mergeguard"]["lines"] <= lines
    assert found["number"] == found["conflicts"]["mergeguard"]["lines"]


def test_a_split_fork_costs_git_a_conflict_and_us_none(tmp_path: Path):
    story = Story.begin(tmp_path, RULE)
    story.edit(FILE, "case 32:", "case 32:  // theirs", upstream=True)
    story.upstream_commits("theirs")
    story.fetch()
    found = previewed(story)
    assert found["conflicts"]["git"]["lines"] > 50
    assert found["conflicts"]["mergeguard"] == {"files": [], "hunks": 0, "lines": 0}


def test_a_file_copied_aside_is_named_when_its_original_moves_on(story: Story):
    copy = f"{PAGED}_tuned.cu"
    story.write(copy, (story.fork / FILE).read_bytes().replace(b"case 32:", b"case 32:  // tuned"))
    story.commits("a tuned copy")
    assert previewed(story)["copied"] == []
    story.edit(FILE, "case 64:", "case 64:  // theirs", upstream=True)
    story.upstream_commits("theirs")
    story.fetch()
    (found,) = previewed(story)["copied"]
    assert (found["path"], found["original"]) == (copy, FILE)
    assert found["share"] > 0.9


def test_a_file_split_by_hand_is_not_copied_aside(story: Story):
    text = (story.fork / FILE).read_bytes()
    at = text.index(b"switch (head_size)")
    story.write(f"{PAGED}_head.cuh", text[:at])
    story.write(FILE, b'#include "paged_head.cuh"\n' + text[at:])
    story.commits("the head in a file of its own")
    story.edit(FILE, "case 64:", "case 64:  // theirs", upstream=True)
    story.upstream_commits("theirs")
    story.fetch()
    assert previewed(story)["copied"] == []


def test_markdown_and_terminal_say_the_same(story: Story):
    story.edit(FILE, "case 32:", "case 32:  // theirs", upstream=True)
    story.upstream_commits("theirs")
    story.fetch()
    shown = story.run("preview", "upstream/main")
    assert "1 commit to merge" in shown.out
    assert "no conflict" in shown.out
    written = story.run("preview", "upstream/main", "--format", "markdown").out
    assert "1 commits behind" in written
    assert "| git | 0 | 0 | 0 |" in written


@pytest.mark.parametrize("text", [b"", b"a\n", b"=======\n", b"<<<<<<< a\nx\n=======\n>>>>>>> b\n"])
def test_only_lines_between_markers_count(text: bytes):
    assert marked(text) == ((1, 1) if text.startswith(b"<") else (0, 0))
