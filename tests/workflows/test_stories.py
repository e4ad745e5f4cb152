"""What people do with a fork, told through the command line on real repositories."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from tests.support.story import ATTENTION, INT4, PAGED, SKINNY, Story, git

MINDIV = "static int mindiv_int4("


@pytest.fixture
def story(tmp_path):
    return Story.begin(tmp_path, "skinny_gemms_int4", "paged_attention_v1")


def test_upstreams_edit_lands_in_the_shard_and_the_local_edit_stays(story):
    story.edit(f"{INT4}/kernel.cuh", MINDIV, f"// fork: ours\n{MINDIV}")
    story.commits("local")
    story.edit(
        f"{PAGED}.cu", "  dim3 block(NUM_THREADS);\n", "  dim3 block(NUM_THREADS, 1);\n", upstream=True
    )
    story.upstream_commits("release 2")
    story.fetch()

    ran = story.run("sync", "upstream/main")

    assert ran.code == 0, ran.err
    assert "1 replayed" in ran.out
    assert "dim3 block(NUM_THREADS, 1);" in story.text(f"{PAGED}/dispatch.cuh")
    assert "// fork: ours" in story.text(f"{INT4}/kernel.cuh")
    assert git(story.fork, "status", "--porcelain") == ""
    assert len(git(story.fork, "log", "-1", "--format=%P").split()) == 2
    assert "Merge remote-tracking branch 'upstream/main' into fork" in git(
        story.fork, "log", "-1", "--format=%s"
    )


def test_a_dry_run_changes_nothing_and_says_the_same(story):
    story.edit(
        f"{PAGED}.cu", "  dim3 block(NUM_THREADS);\n", "  dim3 block(NUM_THREADS, 1);\n", upstream=True
    )
    story.upstream_commits("release 2")
    story.fetch()
    before = story.fingerprint()
    dry = json.loads(story.run("sync", "upstream/main", "--dry-run", "--json").out)
    assert story.fingerprint() == before
    wet = json.loads(story.run("sync", "upstream/main", "--json").out)
    assert dry["tree"] == wet["tree"] == git(story.fork, "rev-parse", "HEAD^{tree}").strip()
    assert (dry["commit"], dry["clean"]) == (None, True)
    assert wet["commit"] == git(story.fork, "rev-parse", "HEAD").strip()


def test_an_arm_that_upstream_adds_goes_to_the_rest(story):
    arm = "    case 256:\n      LAUNCH_PAGED_ATTENTION_V1(256);\n      break;\n"
    story.edit(f"{PAGED}.cu", arm, arm + arm.replace("256", "512"), upstream=True)
    story.upstream_commits("head size 512")
    story.fetch()

    ran = story.run("sync", "upstream/main")

    assert "no shard lists the arm `512`; shard_large.cu serves it" in ran.out
    body = story.text(f"{PAGED}/dispatch.cuh")
    large = body[body.index("defined(MG_SHARD_shard_large)") :]
    assert "LAUNCH_PAGED_ATTENTION_V1(512)" in large[: large.index("#endif")]


def test_a_conflict_is_like_gits_own_and_the_user_never_sees_a_monolith(story):
    story.edit(f"{PAGED}/dispatch.cuh", "  dim3 block(NUM_THREADS);\n", "  dim3 block(2 * NUM_THREADS);\n")
    ours = story.commits("local")
    story.edit(
        f"{PAGED}.cu", "  dim3 block(NUM_THREADS);\n", "  dim3 block(NUM_THREADS / 2);\n", upstream=True
    )
    story.edit(f"{INT4}.cu", MINDIV, f"// upstream\n{MINDIV}", upstream=True)
    story.upstream_commits("release 2")
    story.fetch()

    ran = story.run("sync", "upstream/main")

    assert ran.code == 1
    assert "sync --continue" in ran.out
    body = story.text(f"{PAGED}/dispatch.cuh")
    assert (
        "<<<<<<< HEAD\n  dim3 block(2 * NUM_THREADS);\n"
        "=======\n  dim3 block(NUM_THREADS / 2);\n>>>>>>> upstream/main\n" in body
    )
    assert git(story.fork, "diff", "--name-only", "--diff-filter=U") == f"{PAGED}/dispatch.cuh\n"
    stages = [line.split()[2] for line in git(story.fork, "ls-files", "-u").splitlines()]
    assert stages == ["1", "2", "3"]
    assert "<<<<<<<" not in story.text(f"{PAGED}.cu")
    assert "// upstream" in story.text(f"{INT4}/kernel.cuh"), "what merged cleanly is there"
    git(story.fork, "checkout", "--theirs", f"{PAGED}/dispatch.cuh")
    assert "NUM_THREADS / 2" in story.text(f"{PAGED}/dispatch.cuh")
    git(story.fork, "checkout", "--ours", f"{PAGED}/dispatch.cuh")
    assert "2 * NUM_THREADS" in story.text(f"{PAGED}/dispatch.cuh")

    assert story.run("sync", "--continue").code == 2, "still unmerged"
    git(story.fork, "add", f"{PAGED}/dispatch.cuh")
    assert story.run("sync", "--continue").code == 0
    assert git(story.fork, "log", "-1", "--format=%P").split()[0] == ours
    assert "Conflicts" not in git(story.fork, "log", "-1", "--format=%B")
    assert story.run("unsplit", "paged_attention_v1").out.count("2 * NUM_THREADS") == 1


@pytest.mark.parametrize("beside", [True, False])
def test_a_sync_that_stops_says_where_the_edits_beside_the_conflict_are(story, beside):
    story.edit(f"{PAGED}/dispatch.cuh", "  dim3 block(NUM_THREADS);\n", "  dim3 block(2 * NUM_THREADS);\n")
    if beside:
        story.edit(f"{PAGED}/common.h", "#define DIVIDE", "// fork: ours\n#define DIVIDE")
    story.commits("local")
    story.edit(
        f"{PAGED}.cu", "  dim3 block(NUM_THREADS);\n", "  dim3 block(NUM_THREADS / 2);\n", upstream=True
    )
    story.upstream_commits("release 2")
    story.fetch()
    ran = story.run("sync", "upstream/main", "--json")
    assert ran.code == 1
    (rule,) = (rule for rule in json.loads(ran.out)["rules"] if rule["conflicts"])
    assert [edit["path"] for edit in rule["replayed"]] == ([f"{PAGED}/common.h"] if beside else [])


@pytest.mark.parametrize("style", ["merge", "diff3", "zdiff3"])
def test_the_conflict_style_is_the_users(story, style):
    git(story.fork, "config", "merge.conflictStyle", style)
    story.edit(f"{PAGED}/dispatch.cuh", "  dim3 block(NUM_THREADS);\n", "  dim3 block(2 * NUM_THREADS);\n")
    story.commits("local")
    story.edit(
        f"{PAGED}.cu", "  dim3 block(NUM_THREADS);\n", "  dim3 block(NUM_THREADS / 2);\n", upstream=True
    )
    story.upstream_commits("release 2")
    story.fetch()
    assert story.run("sync", "upstream/main").code == 1
    assert ("|||||||" in story.text(f"{PAGED}/dispatch.cuh")) == (style != "merge")


def test_abort_brings_everything_back(story):
    story.edit(f"{PAGED}/dispatch.cuh", "  dim3 block(NUM_THREADS);\n", "  dim3 block(2 * NUM_THREADS);\n")
    story.commits("local")
    story.edit(
        f"{PAGED}.cu", "  dim3 block(NUM_THREADS);\n", "  dim3 block(NUM_THREADS / 2);\n", upstream=True
    )
    story.upstream_commits("release 2")
    story.fetch()
    before = story.fingerprint()
    assert story.run("sync", "upstream/main").code == 1
    assert story.run("sync", "--abort").code == 0
    assert story.fingerprint() == before


def test_what_has_no_place_in_the_monolith_is_kept_and_reported(story):
    story.edit(
        f"{PAGED}/shard_small.cu", '#include "dispatch.cuh"\n', '#include "dispatch.cuh"\nint only_here;\n'
    )
    story.commits("local")
    story.edit(
        f"{PAGED}.cu", "  dim3 block(NUM_THREADS);\n", "  dim3 block(NUM_THREADS, 1);\n", upstream=True
    )
    story.upstream_commits("release 2")
    story.fetch()
    done = json.loads(story.run("sync", "upstream/main", "--json").out)
    (rule,) = [r for r in done["rules"] if r["name"] == "paged_attention_v1"]
    (hunk,) = rule["unmapped"]
    assert (hunk["path"], hunk["new"]) == (f"{PAGED}/shard_small.cu", "int only_here;\n")
    assert "int only_here;" in story.text(f"{PAGED}/shard_small.cu")
    ran = story.run("leave", "paged_attention_v1")
    assert ran.code == 2
    assert "only_here" in ran.out, "leaving would lose it, so it refuses"


def test_an_edit_of_glue_is_an_overlay_and_survives(story):
    story.edit(f"{PAGED}/common.h", "#pragma once\n", "#pragma once  // fork: guard\n")
    story.commits("local")
    story.edit(f"{PAGED}.cu", "#define MAX(a, b)", "#define  MAX(a, b)", upstream=True)
    story.upstream_commits("release 2")
    story.fetch()
    done = json.loads(story.run("sync", "upstream/main", "--json").out)
    (rule,) = [r for r in done["rules"] if r["name"] == "paged_attention_v1"]
    assert [h["path"] for h in rule["overlay"]] == [f"{PAGED}/common.h"]
    assert story.text(f"{PAGED}/common.h").startswith("#pragma once  // fork: guard\n")
    assert "#define  MAX(a, b)" in story.text(f"{PAGED}/common.h")


def test_upstream_moves_the_monolith(story):
    story.edit(f"{INT4}/kernel.cuh", MINDIV, f"// fork: ours\n{MINDIV}")
    story.commits("local")
    (story.upstream / "csrc/moved").mkdir()
    git(story.upstream, "mv", f"{INT4}.cu", "csrc/moved/skinny_gemms_int4.cu")
    story.edit("CMakeLists.txt", f"{INT4}.cu", "csrc/moved/skinny_gemms_int4.cu", upstream=True)
    story.upstream_commits("moved")
    story.fetch()

    ran = story.run("sync", "upstream/main")

    assert ran.code == 0, ran.err
    assert "moved upstream" in ran.out
    assert "// fork: ours" in story.text("csrc/moved/skinny_gemms_int4/kernel.cuh")
    assert not (story.fork / INT4).exists()
    cmake = story.text("CMakeLists.txt")
    assert "csrc/moved/skinny_gemms_int4/instantiate_n1.cu" in cmake
    assert "csrc/rocm/skinny_gemms_int4/" not in cmake


def test_both_sides_list_a_new_source_beside_a_split_one(story):
    last = '"csrc/rocm/attention.cu")'
    story.edit("CMakeLists.txt", last, '"csrc/rocm/attention.cu"\n    "csrc/rocm/ours.cu")')
    story.write("csrc/rocm/ours.cu", b"// the fork's own\n")
    story.commits("a source of our own")
    story.edit("CMakeLists.txt", last, '"csrc/rocm/attention.cu"\n    "csrc/rocm/new.cu")', upstream=True)
    (story.upstream / "csrc/rocm/new.cu").write_bytes(b"// upstream's\n")
    story.upstream_commits("a source of upstream's")
    story.fetch()

    ran = story.run("sync", "upstream/main")

    assert ran.code == 0, ran.err
    assert '"csrc/rocm/new.cu"\n    "csrc/rocm/ours.cu")' in story.text("CMakeLists.txt")
    assert "csrc/rocm/skinny_gemms_int4/instantiate_n1.cu" in story.text("CMakeLists.txt")


def test_upstream_deletes_a_monolith_without_local_edits(story):
    git(story.upstream, "rm", "-q", f"{INT4}.cu")
    story.edit("CMakeLists.txt", f'"{INT4}.cu"\n      ', "", upstream=True)
    story.upstream_commits("gone")
    story.fetch()
    ran = story.run("sync", "upstream/main")
    assert ran.code == 0, ran.err
    assert "gone upstream" in ran.out
    assert not (story.fork / INT4).exists()
    assert not (story.fork / ".mergeguard/locks/skinny_gemms_int4.toml").exists()
    assert "skinny_gemms_int4" not in story.text("CMakeLists.txt")
    rows = {r["name"]: r["state"] for r in json.loads(story.run("status", "--json").out)["rules"]}
    assert rows["skinny_gemms_int4"] == "no monolith"


def test_upstream_deletes_a_monolith_that_the_fork_edits(story):
    story.edit(f"{INT4}/kernel.cuh", MINDIV, f"// fork: ours\n{MINDIV}")
    story.commits("local")
    git(story.upstream, "rm", "-q", f"{INT4}.cu")
    story.upstream_commits("gone")
    story.fetch()
    before = story.fingerprint()
    ran = story.run("sync", "upstream/main")
    assert ran.code == 1
    assert "gone upstream, edited here" in ran.out
    assert "// fork: ours" in story.text(f"{INT4}/kernel.cuh")
    assert git(story.fork, "diff", "--name-only", "--diff-filter=U") == f"{INT4}/kernel.cuh\n"
    assert story.run("sync", "--abort").code == 0
    assert story.fingerprint() == before
    # The printed way to delete it, too, leaves nothing of the layout.
    (command,) = re.findall(r"`git (rm -- .*)`", story.run("sync", "upstream/main").out)
    git(story.fork, *shlex.split(command))
    assert story.run("sync", "--continue").code == 0
    assert "skinny_gemms_int4" not in git(
        story.fork, "ls-files", "csrc", ".mergeguard/locks", "CMakeLists.txt"
    )
    assert story.run("check").code == 0


def test_a_file_that_only_the_fork_has_stays_split(story):
    git(story.upstream, "rm", "-q", f"{INT4}.cu")
    story.upstream_commits("gone")
    story.edit(f"{INT4}/kernel.cuh", MINDIV, f"// fork: ours\n{MINDIV}")
    story.commits("local")
    story.fetch()
    assert story.run("sync", "upstream/main").code == 1
    git(story.fork, "add", f"{INT4}/kernel.cuh")
    assert story.run("sync", "--continue").code == 0
    for number in range(2):
        story.edit("CMakeLists.txt", "project(", f"# {number}\nproject(", upstream=True)
        story.upstream_commits(f"release {number}")
        story.fetch()
        ran = story.run("sync", "upstream/main")
        assert ran.code == 0, ran.out
        assert "// fork: ours" in story.text(f"{INT4}/kernel.cuh")
        assert f"{INT4}/instantiate_n1.cu" in story.text("CMakeLists.txt")


def test_a_local_commit_that_upstream_took_merges_cleanly(story):
    story.edit(f"{PAGED}/dispatch.cuh", "  dim3 block(NUM_THREADS);\n", "  dim3 block(NUM_THREADS, 1);\n")
    story.commits("local")
    story.edit(
        f"{PAGED}.cu", "  dim3 block(NUM_THREADS);\n", "  dim3 block(NUM_THREADS, 1);\n", upstream=True
    )
    story.upstream_commits("upstream took it")
    story.fetch()
    done = json.loads(story.run("sync", "upstream/main", "--json").out)
    assert all(rule["replayed"] == [] for rule in done["rules"])
    assert done["clean"]


def test_two_branches_of_the_fork_merge(story):
    git(story.fork, "checkout", "-q", "-b", "feature")
    story.edit(f"{INT4}/kernel.cuh", MINDIV, f"// feature\n{MINDIV}")
    story.edit(
        f"{PAGED}/shard_small.cu", '#include "dispatch.cuh"\n', '#include "dispatch.cuh"\nint feature_only;\n'
    )
    story.commits("feature")
    git(story.fork, "checkout", "-q", "fork")
    story.edit(f"{PAGED}/dispatch.cuh", "  dim3 block(NUM_THREADS);\n", "  dim3 block(NUM_THREADS, 1);\n")
    story.edit(
        f"{PAGED}/shard_large.cu", '#include "dispatch.cuh"\n', '#include "dispatch.cuh"\nint fork_only;\n'
    )
    story.commits("fork")
    ran = story.run("sync", "feature")
    assert ran.code == 1, ran.err + ran.out
    assert "// feature" in story.text(f"{INT4}/kernel.cuh")
    assert "feature_only" in story.text(f"{PAGED}/shard_small.cu")
    assert "fork_only" in story.text(f"{PAGED}/shard_large.cu")
    assert "dim3 block(NUM_THREADS, 1);" in story.text(f"{PAGED}/dispatch.cuh")


def test_where_goes_both_ways(story):
    story.edit(f"{PAGED}/dispatch.cuh", "namespace MG_NS {\n", "namespace MG_NS {\n")
    body = story.text(f"{PAGED}/dispatch.cuh").splitlines()
    line = body.index("    case 96:") + 1
    there = json.loads(story.run("where", f"{PAGED}/dispatch.cuh:{line}", "--json").out)
    monolith = story.run("unsplit", "paged_attention_v1").out.splitlines()
    assert monolith[there["line"] - 1] == "    case 96:"
    assert there["path"] == f"{PAGED}.cu"
    assert there["item"] == "paged_attention_v1_launcher"
    back = json.loads(story.run("where", "--monolith", f"{PAGED}.cu:{there['line']}", "--json").out)
    assert (back["path"], back["line"]) == (f"{PAGED}/dispatch.cuh", line)
    guard = body.index("#if defined(MG_SHARD_shard_medium)") + 1
    assert json.loads(story.run("where", f"{PAGED}/dispatch.cuh:{guard}", "--json").out)["glue"] == "guard"


def test_the_tree_as_upstream_would_have_it(story, tmp_path):
    story.edit(f"{INT4}/kernel.cuh", MINDIV, f"// fork: ours\n{MINDIV}")
    assert story.run("unsplit", "--to", str(tmp_path / "whole")).code == 0
    whole = (tmp_path / "whole" / f"{INT4}.cu").read_text()
    assert whole == (story.upstream / f"{INT4}.cu").read_text().replace(MINDIV, f"// fork: ours\n{MINDIV}")
    assert not (tmp_path / "whole" / INT4).exists()
    assert (tmp_path / "whole/CMakeLists.txt").read_bytes() == (
        story.upstream / "CMakeLists.txt"
    ).read_bytes()
    assert (tmp_path / "whole" / f"{ATTENTION}.cu").read_bytes() == (
        story.upstream / f"{ATTENTION}.cu"
    ).read_bytes()


def test_an_edited_rule_goes_from_the_old_layout_to_the_new(story):
    story.edit(f"{PAGED}/dispatch.cuh", "  dim3 block(NUM_THREADS);\n", "  dim3 block(NUM_THREADS, 1);\n")
    rule = ".mergeguard/rules/paged_attention_v1.toml"
    story.edit(rule, '"shard_small.cu" = [32, 64, 80]', '"shard_tiny.cu" = [32]\n"shard_small.cu" = [64, 80]')
    story.commits("a finer rule")
    assert story.run("split").code == 0
    assert "dim3 block(NUM_THREADS, 1);" in story.text(f"{PAGED}/dispatch.cuh")
    assert (story.fork / PAGED / "shard_tiny.cu").exists()
    assert f"{PAGED}/shard_tiny.cu" in story.text("CMakeLists.txt")
    story.commits("split finer")
    assert story.run("status").code == 0


def test_leaving_gives_the_monolith_back_with_every_edit(story):
    story.edit(f"{INT4}/kernel.cuh", MINDIV, f"// fork: ours\n{MINDIV}")
    story.commits("local")
    assert story.run("leave", "skinny_gemms_int4", "paged_attention_v1").code == 0
    assert story.text(f"{INT4}.cu") == (story.upstream / f"{INT4}.cu").read_text().replace(
        MINDIV, f"// fork: ours\n{MINDIV}"
    )
    assert not (story.fork / INT4).exists()
    assert story.text("CMakeLists.txt") == (story.upstream / "CMakeLists.txt").read_text()
    assert git(story.fork, "status", "--porcelain", "--", ".mergeguard").count("D  ") == 4


def test_splitting_a_fork_that_has_edits_already(tmp_path):
    story = Story.begin(tmp_path)
    story.edit(f"{SKINNY}.cu", "int mindiv(", "// fork: before the split\nint mindiv(")
    story.commits("local, unsplit")
    assert story.run("rules", "add", "vllm/skinny_gemms").code == 0
    assert story.run("split").code == 0
    story.commits("split")
    assert "// fork: before the split" in story.text(f"{SKINNY}/kernel.cuh")
    (row,) = json.loads(story.run("status", "--json").out)["rules"]
    assert row["edits"], "the lock names upstream's blob, so the edit is known as local"
    story.edit(f"{SKINNY}.cu", "int mindiv(", "/* upstream */ int mindiv(", upstream=True)
    story.upstream_commits("release 2")
    story.fetch()
    ran = story.run("sync", "upstream/main")
    text = story.text(f"{SKINNY}/kernel.cuh")
    assert ran.code == 1 or ("before the split" in text and "/* upstream */" in text)


def test_crlf_on_disk_is_gits_business(tmp_path):
    story = Story.begin(tmp_path, "skinny_gemms_int4")
    git(story.fork, "config", "core.autocrlf", "true")
    git(story.fork, "rm", "-q", "--cached", "-r", ".")
    git(story.fork, "reset", "-q", "--hard")
    assert b"\r\n" in (story.fork / f"{INT4}/kernel.cuh").read_bytes()
    (row,) = json.loads(story.run("status", "--json").out)["rules"]
    assert (row["edits"], row["unmapped"], row["overlay"]) == ([], [], [])


def test_a_linked_work_tree(story, tmp_path):
    git(story.fork, "worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    story.edit(
        f"{PAGED}.cu", "  dim3 block(NUM_THREADS);\n", "  dim3 block(NUM_THREADS, 1);\n", upstream=True
    )
    story.upstream_commits("release 2")
    story.fetch()
    before = story.fingerprint()
    linked = Story(story.upstream, tmp_path / "linked")
    assert linked.run("sync", "upstream/main").code == 0
    assert "dim3 block(NUM_THREADS, 1);" in linked.text(f"{PAGED}/dispatch.cuh")
    after = story.fingerprint()
    assert [line for line in after.splitlines() if "refs/heads/other" not in line] == [
        line for line in before.splitlines() if "refs/heads/other" not in line
    ]


def test_upstream_takes_the_forks_own_kernel(tmp_path):
    """Add/add: the fork has split a kernel of its own, and now upstream has it as a monolith."""
    story = Story.begin(tmp_path)
    mine = (story.upstream / f"{INT4}.cu").read_text()
    git(story.upstream, "rm", "-q", f"{INT4}.cu")
    story.upstream_commits("without it")
    git(story.fork, "fetch", "-q", "upstream")
    git(story.fork, "reset", "-q", "--hard", "upstream/main")
    story.write(f"{INT4}.cu", mine.encode())
    story.commits("our kernel")
    assert story.run("rules", "add", "vllm/skinny_gemms_int4").code == 0
    assert story.run("split").code == 0
    story.commits("split it")
    story.edit(f"{INT4}/kernel.cuh", MINDIV, f"// fork: since then\n{MINDIV}")
    story.commits("tune it")
    (story.upstream / f"{INT4}.cu").write_text(
        mine.replace("#define LDS_SIZE", "// reviewed\n#define LDS_SIZE")
    )
    story.upstream_commits("take the fork's kernel, with a review comment")
    story.fetch()

    ran = story.run("sync", "upstream/main")

    assert ran.code == 0, ran.out
    assert "upstream has it now, too" in ran.out
    kernel = story.text(f"{INT4}/kernel.cuh")
    assert "// reviewed" in kernel
    assert "// fork: since then" in kernel
    (row,) = json.loads(story.run("status", "--json").out)["rules"]
    assert row["drift"] == {"added": 0, "removed": 0}


def test_a_resolution_is_replayed_by_rerere(story):
    git(story.fork, "config", "rerere.enabled", "true")
    story.edit(f"{PAGED}/dispatch.cuh", "  dim3 block(NUM_THREADS);\n", "  dim3 block(NUM_THREADS / 2);\n")
    start = story.commits("local")
    story.edit(f"{PAGED}.cu", "  dim3 block(NUM_THREADS);\n", "  dim3 block(64);\n", upstream=True)
    story.upstream_commits("release 2")
    story.fetch()
    assert story.run("sync", "upstream/main").code == 1
    body = story.text(f"{PAGED}/dispatch.cuh")
    begin, end = body.index("<<<<<<<"), body.index(">>>>>>> upstream/main\n") + len(">>>>>>> upstream/main\n")
    story.write(f"{PAGED}/dispatch.cuh", f"{body[:begin]}  dim3 block(32);\n{body[end:]}".encode())
    git(story.fork, "add", "-A")
    assert story.run("sync", "--continue").code == 0
    git(story.fork, "reset", "-q", "--hard", start)
    assert story.run("sync", "upstream/main").code == 1
    assert "  dim3 block(32);\n" in story.text(f"{PAGED}/dispatch.cuh")
    assert "<<<<<<<" not in story.text(f"{PAGED}/dispatch.cuh")


def test_a_helper_that_the_ready_rule_names_may_be_renamed(tmp_path):
    story = Story.begin(tmp_path, "skinny_gemms")
    for path in [f"{SKINNY}.cu", *(f"{SKINNY}/{name}" for name in ("kernel.cuh", "dispatch.cuh"))]:
        story.write(path, (story.fork / path).read_bytes().replace(b"mindiv(", b"amd_mindiv("))

    (rule,) = json.loads(story.run("status", "--json").out)["rules"]

    assert not rule["unmapped"]
    whole = story.run("unsplit", "skinny_gemms").out
    assert whole == (story.upstream / f"{SKINNY}.cu").read_text().replace("mindiv(", "amd_mindiv(")


def test_a_rule_that_stands_in_the_way_of_a_rename_is_edited_and_split_again(tmp_path):
    """The report says how the selector is to be written; nothing has to be staged in between."""
    story = Story.begin(tmp_path, "skinny_gemms")
    rule = ".mergeguard/rules/skinny_gemms.toml"
    story.edit(rule, '"host mindiv?"', '"host mindiv"')
    assert story.run("split").code == 0
    story.commits("a rule of our own")
    for path in [f"{SKINNY}.cu", *(f"{SKINNY}/{name}" for name in ("kernel.cuh", "dispatch.cuh"))]:
        story.write(path, (story.fork / path).read_bytes().replace(b"mindiv(", b"amd_mindiv("))
    story.commits("renamed")
    assert "`host mindiv?`" in story.run("unmapped", "list").out

    story.edit(rule, '"host mindiv"', '"host mindiv?"')
    ran = story.run("split")

    assert ran.code == 0, ran.err
    assert story.run("unmapped", "list").code == 0
    assert "int amd_mindiv(" in story.run("unsplit", "skinny_gemms").out
    assert "int amd_mindiv(" in story.text(f"{SKINNY}/kernel.cuh")


def test_a_fork_takes_the_ready_rule_of_a_newer_mergeguard(tmp_path):
    """Old layout, monolith, new layout: the fork's edits come through."""
    story = Story.begin(tmp_path, "skinny_gemms")
    rule = ".mergeguard/rules/skinny_gemms.toml"
    story.edit(rule, '"instantiate_n5.cu" = [5]', '"instantiate_n6.cu" = [5]')
    story.edit(rule, 'rest = "instantiate_n5.cu"', 'rest = "instantiate_n6.cu"')
    assert story.run("split").code == 0
    story.edit(f"{SKINNY}/kernel.cuh", "int mindiv(", "// fork: mine\nint mindiv(")
    story.commits("an older rule, and an edit")
    whole = story.run("unsplit", "skinny_gemms").out
    assert "skinny_gemms: the fork's own differs" in story.run("rules", "add", "vllm").out

    assert story.run("rules", "add", "skinny_gemms", "--update").code == 0
    assert story.run("split", "skinny_gemms").code == 0

    assert story.run("unsplit", "skinny_gemms").out == whole
    assert "// fork: mine" in story.text(f"{SKINNY}/kernel.cuh")
    assert not (story.fork / f"{SKINNY}/instantiate_n6.cu").exists()
    assert "instantiate_n6" not in story.text("CMakeLists.txt")
    assert "skinny_gemms/instantiate_n5.cu" in story.text("CMakeLists.txt")


def test_a_group_of_commands_without_one_lists(tmp_path):
    """As the hints have it: `mergeguard rules` lists them, `mergeguard unmapped` goes through them."""
    story = Story.begin(tmp_path, "skinny_gemms")
    assert story.run("rules") == story.run("rules", "list")
    (story.fork / f"{SKINNY}/instantiate_n1.cu").open("ab").write(b"int here;\n")
    bare = story.run("unmapped")
    assert bare.code == 1
    assert bare == story.run("unmapped", "list")


@pytest.mark.parametrize("how", [(), ("--rebase",)], ids=["merge", "rebase"])
def test_a_dry_run_may_be_had_in_the_middle_of_work(tmp_path, how):
    story = Story.begin(tmp_path, "paged_attention_v1")
    story.edit(f"{PAGED}.cu", "#define MAX(a, b)", "#define  MAX(a, b)", upstream=True)
    story.upstream_commits("release 2")
    story.fetch()
    story.edit(f"{PAGED}/common.h", "#pragma once\n", "#pragma once  // at work\n")
    before = story.fingerprint()

    ran = story.run("sync", *how, "--dry-run", "upstream/main")

    assert ran.code == 0, ran.err
    assert "Would" in ran.out
    assert story.run("sync", *how, "upstream/main").code == 2
    assert story.fingerprint() == before


def test_status_names_what_was_typed(tmp_path):
    """Not what happens to stand behind it."""
    story = Story.begin(tmp_path, "paged_attention_v1")
    story.edit(f"{PAGED}/common.h", "#define MIN(a, b)", "#define TRACE(x) x\n#define MIN(a, b)")
    story.edit(f"{PAGED}/dispatch.cuh", "  dim3 block(NUM_THREADS);\n", "  dim3 block(NUM_THREADS, 1);\n")
    (rule,) = json.loads(story.run("status", "--json").out)["rules"]
    assert [edit["item"] for edit in rule["edits"]] == ["TRACE", "paged_attention_v1_launcher"]
