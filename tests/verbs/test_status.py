"""`status` asked again tells what a look would find, and looks again where something has changed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from mergeguard.treemerge.lockhistory import LockHistory
from mergeguard.verbs import standing
from tests.support.story import PAGED, Story, git


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    story = Story.begin(tmp_path_factory.mktemp("status"), "paged_attention_v1")
    story.edit(f"{PAGED}/common.h", "#define MAX(", "// mine\n#define MAX(")
    story.write(
        f"{PAGED}/shard_large.cu", b"int own;\n" + (story.fork / f"{PAGED}/shard_large.cu").read_bytes()
    )
    story.commits("an edit, and a hunk that has no home")
    return story


@pytest.fixture
def looks(monkeypatch):
    """How often the rules are looked at."""
    counted: list[str] = []
    rules = standing.rules

    def counting(fork, workspace, beside):
        counted.append(workspace.tree)
        return rules(fork, workspace, beside)

    monkeypatch.setattr(standing, "rules", counting)
    return counted


def told(story, *arguments):
    ran = story.run("status", "--json", *arguments)
    return ran.code, json.loads(ran.out)


def test_what_was_found_is_told_again_where_it_cannot_have_changed(story, looks):
    first = told(story)
    assert [len(first[1]["rules"][0][what]) for what in ("edits", "unmapped")] == [1, 1]
    assert told(story) == first
    story.write("elsewhere.txt", b"nothing of ours\n")
    git(story.fork, "add", "elsewhere.txt")
    assert told(story) == first and len(looks) == 1
    told(story, "--upstream", "HEAD")
    assert len(looks) == 2


@pytest.mark.parametrize(
    ("path", "old", "new", "is_shown"),
    [
        (f"{PAGED}/common.h", "// mine", "// yours", False),
        (f"{PAGED}/shard_small.cu", "\n", "\nint another;\n", True),
        (".mergeguard/rules/paged_attention_v1.toml", "schema = 1\n", "schema = 1\n# new\n", True),
    ],
)
def test_a_change_of_what_counts_is_seen(story, looks, path, old, new, is_shown):
    before = told(story)[1]["rules"][0]
    file = story.fork / path
    kept = file.read_bytes()
    file.write_bytes(kept.replace(old.encode(), new.encode(), 1))
    try:
        asked = len(looks)
        after = told(story)[1]["rules"][0]
        assert len(looks) == asked + 1
        assert (after != before) is is_shown
        assert told(story)[1]["rules"][0] == after and len(looks) == asked + 1
    finally:
        file.write_bytes(kept)


def test_damaged_notes_are_looked_up_again(story, looks):
    first = told(story)
    for kept in (story.fork / ".git/mergeguard/status").iterdir():
        kept.write_bytes(kept.read_bytes()[:-2])
    asked = len(looks)
    assert told(story) == first and len(looks) == asked + 1


def _loaded(folder, *words: str) -> set[str]:
    """What of us a command has loaded when it ends."""
    code = (
        "import sys; from mergeguard.cli.app import run\n"
        f"try: run({[*words]!r})\n"
        "except SystemExit: pass\n"
        "print(*(name for name in sys.modules if name.startswith('mergeguard')), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return set(ran.stderr.splitlines()[-1].split())


#: Derives layouts, traces edits and reads C++: half of all there is to load.
_LENS = {"mergeguard.lens.emit", "mergeguard.lens.unsplit", "mergeguard.cpp.lexer", "mergeguard.cpp.source"}


def test_asked_again_it_is_told_without_the_lens(story):
    """What a status in peace costs is what it loads."""
    story.run("status")
    loaded = _loaded(story.fork, "status")
    assert not loaded & {*_LENS, "mergeguard.fork.workspace", "mergeguard.lens.layout"}


def test_where_layouts_are_known_nothing_derives_or_traces_them(story):
    story.run("status")
    shutil.rmtree(story.fork / ".git/mergeguard/whole")  # so that history is asked again
    for words in (("status",), ("blame", f"{PAGED}/common.h")):
        loaded = _loaded(story.fork, *words)
        assert "mergeguard.fork.workspace" in loaded
        assert not loaded & {*_LENS, "mergeguard.lens.buildlists"}


def test_a_check_asked_again_looks_at_nothing(story):
    story.run("check")
    loaded = _loaded(story.fork, "check")
    assert not loaded & {*_LENS, "mergeguard.fork.check", "mergeguard.verify", "mergeguard.git.landing"}


def test_a_commit_of_something_else_leaves_it_known(story, looks, monkeypatch):
    first = told(story)
    histories: list[str] = []
    behind = LockHistory.behind

    def counting(self, workspace, head):
        histories.append(head)
        return behind(self, workspace, head)

    monkeypatch.setattr(LockHistory, "behind", counting)
    for name in ("one.txt", "two.txt"):
        story.write(name, b"nothing of ours\n")
        story.commits(name)
    asked = len(looks)
    assert told(story) == first and len(looks) == asked and not histories
    # A commit that moves a lock is looked at.
    lock = story.fork / ".mergeguard/locks/paged_attention_v1.toml"
    lock.write_bytes(lock.read_bytes() + b"\n")
    story.commits("a lock")
    assert told(story)[0] == first[0] and histories


def test_what_a_sync_has_made_is_told_without_a_look(tmp_path, looks):
    story = Story.begin(tmp_path, "paged_attention_v1")
    story.edit(f"{PAGED}/common.h", "#define MAX(", "// mine\n#define MAX(")
    story.commits("an edit")
    story.edit(f"{PAGED}.cu", "  dim3 block(NUM_THREADS);\n", "  dim3 block(64);\n", upstream=True)
    story.upstream_commits("newer")
    story.fetch()
    assert story.run("sync", "upstream/main").code == 0
    looked = len(looks)
    first = told(story)
    assert len(looks) == looked
    assert [edit["item"] for edit in first[1]["rules"][0]["edits"]] == ["MAX"]
    for kept in ("status", "whole", "bases", "readings"):
        shutil.rmtree(story.fork / ".git/mergeguard" / kept)
    assert told(story) == first and len(looks) == looked + 1
