"""What a sync and a status say where things are not plain: conflicts, deletions, markers, an old upstream."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.support.story import INT4, SKINNY, Story, git

LINE = "  return __half2float(v);"
KERNEL = f"{INT4}/kernel.cuh"


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """Two files split, an edit in each; upstream has edited the line that one of them is on."""
    folder = tmp_path_factory.mktemp("screens")
    story = Story.begin(folder, "skinny_gemms", "skinny_gemms_int4")
    story.edit(KERNEL, LINE, LINE + "  // fork: ours")
    story.edit(f"{SKINNY}/kernel.cuh", "  int waves = div2;", "  int waves = div2;  // fork: two")
    story.commits("tune both")
    return folder


@pytest.fixture
def story(begun, tmp_path):
    shutil.copytree(begun, tmp_path / "both", symlinks=True)
    made = Story(tmp_path / "both" / "upstream", tmp_path / "both" / "fork")
    git(made.fork, "remote", "set-url", "upstream", str(made.upstream))
    return made


def clash(story: Story) -> None:
    story.edit(f"{INT4}.cu", LINE, LINE + "  // theirs", upstream=True)
    story.upstream_commits("clash")
    story.fetch()


def test_with_a_conflict_the_other_edits_are_still_listed(story):
    clash(story)
    ran = story.run("sync", "upstream/main")
    assert ran.code == 1 and f"✗ {KERNEL}: conflict" in ran.out
    assert f"✓ {SKINNY}/kernel.cuh:" in ran.out


def test_a_deletion_is_called_what_git_calls_it(story):
    git(story.upstream, "rm", "-q", f"{INT4}.cu")
    story.upstream_commits("gone")
    story.fetch()
    said = story.run("sync", "upstream/main").out
    assert "conflict (modify/delete): deleted in upstream/main, modified in HEAD" in said


def test_markers_that_were_committed_are_named(story):
    clash(story)
    story.run("sync", "upstream/main")
    git(story.fork, "add", "-A")
    git(story.fork, "commit", "-q", "-m", "with markers", "--no-verify")
    ran = story.run("check", "--json")
    found = [f for f in json.loads(ran.out)["findings"] if f["check"] == "markers"]
    line = story.text(KERNEL).splitlines().index("<<<<<<< HEAD") + 1
    assert ran.code == 1 and [(f["path"], f["line"]) for f in found] == [(KERNEL, line)]


def test_nothing_drifts_towards_what_is_merged_already(story):
    before = git(story.upstream, "rev-parse", "HEAD").strip()
    path = story.upstream / f"{SKINNY}.cu"
    path.write_text("// upstream: more\n" + path.read_text())
    story.upstream_commits("more")
    story.fetch()
    assert story.run("sync", "upstream/main").code == 0
    git(story.fork, "config", "mergeguard.upstream", before)
    rows = json.loads(story.run("status", "--json").out)["rules"]
    assert all(row["drift"] == {"added": 0, "removed": 0} for row in rows)
    assert "waiting upstream" not in story.run("report").out


def test_continuing_audits_as_much_as_audit_does(story):
    clash(story)
    story.run("sync", "upstream/main")
    text = story.text(KERNEL)
    head, _, rest = text.partition("<<<<<<< HEAD\n")
    ours, _, rest = rest.partition("=======\n")
    _, _, tail = rest.partition(">>>>>>> upstream/main\n")
    story.write(KERNEL, (head + ours + tail).encode())
    git(story.fork, "add", "-A")
    continued = json.loads(story.run("sync", "--continue", "--json").out)["audit"]
    audited = json.loads(story.run("audit", "HEAD", "--json").out)
    (merge,) = audited["merges"]
    assert [f["code"] for f in continued] == [f["code"] for f in merge["findings"]]
