"""What a sync and a status say where things are not plain: conflicts, deletions, markers, an old upstream."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from tests.support.story import INT4, PAGED, SKINNY, Story, git

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
    return Story.copied(begun, tmp_path)


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


def test_status_says_what_is_in_progress(story):
    clash(story)
    story.run("sync", "upstream/main")
    assert "A merge is in progress; the rules are shown as of HEAD." in story.run("status").out
    git(story.fork, "checkout", "-q", "--theirs", KERNEL)
    git(story.fork, "add", "-A")
    assert "without conflicts. next: `mergeguard sync --continue`" in story.run("status").out


def test_status_says_how_a_rebase_goes_on(story):
    clash(story)
    said = story.run("sync", "--rebase", "upstream/main").out
    assert "Rebasing 2 commits onto" in said
    git(story.fork, "checkout", "-q", "--theirs", KERNEL)
    git(story.fork, "add", "-A")
    assert "A rebase is in progress, without conflicts. next: `mergeguard sync --continue`" in flat(
        story.run("status").out
    )


def flat(text: str) -> str:
    """A screen without its line breaks."""
    return " ".join(text.split())


def test_conflicts_of_no_merge_are_committed(story):
    story.edit(KERNEL, LINE, LINE + "  // stashed")
    git(story.fork, "stash", "-q")
    story.edit(KERNEL, LINE, LINE + "  // committed")
    story.commits("committed")
    subprocess.run(["git", "stash", "pop", "-q"], cwd=story.fork, capture_output=True, check=False)
    said = story.run("status").out
    assert "Conflicts are not resolved; the rules are shown as of HEAD." in said
    assert "then `git commit`" in said


def test_a_sync_is_aborted_though_the_times_of_files_have_changed(story):
    before = story.fingerprint()
    clash(story)
    story.run("sync", "upstream/main")
    for path in (story.fork / ".mergeguard" / "locks").iterdir():
        os.utime(path, (1, 1))  # as a backup that was put back leaves them
    ran = story.run("sync", "--abort")
    assert ran.code == 0, ran.err
    assert story.fingerprint().splitlines()[0] == before.splitlines()[0]
    assert git(story.fork, "status", "--porcelain") == ""


def test_rules_thrown_away_by_hand_stop_no_first_rule(story):
    git(story.fork, "reset", "-q", "--hard", "upstream/main")
    assert story.run("init", f"{PAGED}.cu").code == 0
    shutil.rmtree(story.fork / ".mergeguard")
    for path in (f"{SKINNY}.cu", f"{INT4}.cu"):
        assert (ran := story.run("init", path)).code == 0, ran.err
    names = git(story.fork, "diff", "--cached", "--name-only").split()
    assert [n.rpartition("/")[2] for n in names] == ["skinny_gemms.toml", "skinny_gemms_int4.toml"]


def test_a_split_names_the_build_files_that_it_changed(story):
    git(story.fork, "reset", "-q", "--hard", "HEAD~1")
    story.run("leave", "skinny_gemms")
    git(story.fork, "checkout", "-q", "HEAD", "--", ".mergeguard/rules")
    assert "CMakeLists.txt  lists the units" in story.run("split", "skinny_gemms").out


def test_rules_for_other_projects_are_not_added_in_silence(story):
    ran = story.run("rules", "add", "deepspeed")
    assert "gelu: its file is not in this repository" in ran.out
    assert "Nothing was added. next: `mergeguard init FILE`" in ran.out


def test_a_rule_that_was_left_is_no_longer_held_against_history(story):
    story.edit(f"{INT4}.cu", "static int mindiv_int4(", "static  int mindiv_int4(", upstream=True)
    story.upstream_commits("beside ours")
    story.fetch()
    assert story.run("sync", "upstream/main").code == 0
    assert story.run("leave", "skinny_gemms_int4").code == 0
    story.commits("whole again")
    said = story.run("check")
    assert said.code == 0, said.out
    assert story.run("report").code == story.run("repair").code == 0


def test_a_shallow_clone_says_so(story, tmp_path):
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{story.fork}", str(shallow))
    said = Story(story.upstream, shallow).run("check")
    assert said.code == 1
    assert said.out.count("`git fetch --unshallow`") == 3  # two files of upstream's, and history
    assert "this clone is shallow: what merges brought and lost can't be looked up" in flat(said.out)
