"""`sync --rebase`: the local commits on top of upstream, as if the split had never happened."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mergeguard.git.objects import MODE_FILE, Entry
from mergeguard.git.repository import Repository
from mergeguard.verbs import rebase
from tests.support.story import INT4, PAGED, Story, git

MINDIV = "static int mindiv_int4("
BLOCK = "  dim3 block(NUM_THREADS);\n"


@pytest.fixture
def story(tmp_path):
    """A fork that split, then made two edits; upstream has moved on in both files."""
    story = Story.begin(tmp_path, "skinny_gemms_int4", "paged_attention_v1")
    story.edit(f"{INT4}/kernel.cuh", MINDIV, f"// fork: one\n{MINDIV}")
    git(story.fork, "add", "-A")
    git(
        story.fork,
        "commit",
        "-q",
        "-m",
        "One\n\nWith a body.\n\nSigned-off-by: A U Thor <a@example.invalid>",
        "--author=A U Thor <a@example.invalid>",
        "--date=2001-02-03T04:05:06+0700",
    )
    story.edit(f"{PAGED}/common.h", "#define MIN(a, b)", "// fork: two\n#define MIN(a, b)")
    story.commits("Two")
    story.edit(f"{PAGED}.cu", BLOCK, "  dim3 block(NUM_THREADS, 1);\n", upstream=True)
    story.edit(f"{INT4}.cu", "#define LDS_SIZE", "// upstream\n#define LDS_SIZE", upstream=True)
    story.upstream_commits("release 2")
    story.fetch()
    return story


def log(story, form="%s", span="upstream/main..HEAD"):
    return git(story.fork, "log", "--reverse", f"--format={form}", span).split("\n")[:-1]


def test_each_commit_is_replayed_with_its_author_and_message(story):
    before = log(story, "%an %ae %ad|%B")
    original = git(story.fork, "rev-parse", "HEAD").strip()

    ran = story.run("sync", "--rebase", "upstream/main")

    assert ran.code == 0, ran.err
    assert log(story) == ["split", "One", "Two"]
    assert log(story, "%an %ae %ad|%B") == before
    assert "// upstream" in story.text(f"{INT4}/kernel.cuh")
    assert "// fork: one" in story.text(f"{INT4}/kernel.cuh")
    assert "// fork: two" in story.text(f"{PAGED}/common.h")
    assert "dim3 block(NUM_THREADS, 1);" in story.text(f"{PAGED}/dispatch.cuh")
    assert git(story.fork, "status", "--porcelain") == ""
    assert git(story.fork, "rev-parse", "ORIG_HEAD").strip() == original
    assert git(story.fork, "symbolic-ref", "HEAD").strip() == "refs/heads/fork"


def test_the_result_is_what_a_merge_gives(story):
    start = git(story.fork, "rev-parse", "HEAD").strip()
    merged = json.loads(story.run("sync", "upstream/main", "--json").out)["tree"]
    git(story.fork, "reset", "-q", "--hard", start)
    assert story.run("sync", "--rebase", "upstream/main").code == 0
    assert git(story.fork, "rev-parse", "HEAD^{tree}").strip() == merged


def test_every_commit_on_the_way_is_whole(story):
    """The commit that introduced the split regenerates itself: each layout is in step with its lock."""
    story.run("sync", "--rebase", "upstream/main")
    for commit in log(story, "%H"):
        git(story.fork, "checkout", "-q", commit)
        assert story.run("split", "--dry-run").code == 0
        assert story.run("split").code == 0
        assert git(story.fork, "status", "--porcelain") == "", commit
    git(story.fork, "checkout", "-q", "fork")


def test_a_commit_that_upstream_has_already_is_dropped(story):
    story.edit(f"{PAGED}/dispatch.cuh", BLOCK, "  dim3 block(NUM_THREADS, 1);\n")
    story.commits("Upstream has this")
    git(story.fork, "commit", "-q", "--allow-empty", "-m", "Empty from the start")
    ran = story.run("sync", "--rebase", "upstream/main", "--json")
    assert log(story) == ["split", "One", "Two", "Empty from the start"]
    dropped = [p for p in json.loads(ran.out)["picks"] if p["new"] is None]
    assert [(p["subject"], p["why"]) for p in dropped] == [("Upstream has this", "upstream has it")]


def conflict(story):
    ran = story.run("sync", "--rebase", "upstream/main")
    assert ran.code == 1
    assert "Three" in ran.out
    return ran


@pytest.fixture(name="story_that_stops")
def _story_that_stops(story):
    story.edit(f"{PAGED}/dispatch.cuh", BLOCK, "  dim3 block(NUM_THREADS, 2);\n")
    story.commits("Three")
    story.edit(f"{INT4}/kernel.cuh", "// fork: one", "// fork: one, again")
    story.commits("Four")
    return story


def test_a_conflict_stops_and_continue_goes_on(story_that_stops):
    story = story_that_stops
    conflict(story)
    assert "<<<<<<< HEAD" in story.text(f"{PAGED}/dispatch.cuh")
    assert git(story.fork, "diff", "--name-only", "--diff-filter=U") == f"{PAGED}/dispatch.cuh\n"
    assert log(story) == ["split", "One", "Two"]
    assert story.run("sync", "upstream/main").code == 2, "one thing at a time"
    git(story.fork, "checkout", "--theirs", f"{PAGED}/dispatch.cuh")
    assert "NUM_THREADS, 2" in story.text(f"{PAGED}/dispatch.cuh"), "in a rebase theirs is the commit's"
    git(story.fork, "add", "-A")
    assert story.run("sync", "--continue").code == 0
    assert log(story) == ["split", "One", "Two", "Three", "Four"]
    assert "NUM_THREADS, 2" in story.text(f"{PAGED}/dispatch.cuh")
    assert "// fork: one, again" in story.text(f"{INT4}/kernel.cuh")
    assert git(story.fork, "symbolic-ref", "HEAD").strip() == "refs/heads/fork"
    assert git(story.fork, "status", "--porcelain") == ""


def test_skip_leaves_the_commit_out(story_that_stops):
    story = story_that_stops
    conflict(story)
    assert story.run("sync", "--skip").code == 0
    assert log(story) == ["split", "One", "Two", "Four"]
    assert git(story.fork, "status", "--porcelain") == ""


def test_abort_brings_the_branch_back(story_that_stops):
    story = story_that_stops
    before = story.fingerprint()
    conflict(story)
    assert story.run("sync", "--abort").code == 0
    assert story.fingerprint() == before


def test_a_commit_made_by_git_itself_is_taken(story_that_stops):
    story = story_that_stops
    conflict(story)
    git(story.fork, "checkout", "--theirs", f"{PAGED}/dispatch.cuh")
    git(story.fork, "add", "-A")
    git(story.fork, "commit", "-q", "--no-edit")
    assert story.run("sync", "--continue").code == 0
    assert log(story) == ["split", "One", "Two", "Three", "Four"]


@pytest.mark.parametrize("verb", ["--continue", "--skip"])
def test_a_head_that_left_the_rebase_is_not_taken_for_its_result(story_that_stops, verb):
    """Somebody looks at the branch in between: its own commits are not what the conflict was resolved to."""
    story = story_that_stops
    before = story.fingerprint()
    conflict(story)
    stop = git(story.fork, "rev-parse", "HEAD").strip()
    git(story.fork, "checkout", "-q", "-f", "fork")

    ran = story.run("sync", verb)

    assert ran.code == 2
    assert f"stopped on {stop[:12]}" in ran.err
    assert story.fingerprint() == before
    git(story.fork, "checkout", "-q", stop)
    assert story.run("sync", "--continue").code == 0
    assert log(story) == ["split", "One", "Two", "Four"]
    assert git(story.fork, "symbolic-ref", "HEAD").strip() == "refs/heads/fork"


def test_a_commit_that_git_skips_is_reported_as_left_out(story_that_stops):
    """`git status` shows a cherry-pick, and names its `--skip`."""
    story = story_that_stops
    conflict(story)
    git(story.fork, "cherry-pick", "--skip")
    ran = story.run("sync", "--continue")
    assert ran.code == 0
    assert "Three: nothing of it was left to commit" in ran.out
    assert log(story) == ["split", "One", "Two", "Four"]


def test_a_dry_run_moves_nothing(story):
    before = story.fingerprint()
    ran = story.run("sync", "--rebase", "upstream/main", "-n")
    assert ran.code == 0
    assert "Would rebase" in ran.out
    assert story.fingerprint() == before


def test_merges_are_flattened_or_made_again(story):
    git(story.fork, "checkout", "-q", "-b", "side", "HEAD~1")
    story.edit(f"{PAGED}/common.h", "#define MAX(a, b)", "// side\n#define MAX(a, b)")
    story.commits("Side")
    git(story.fork, "checkout", "-q", "fork")
    git(story.fork, "merge", "-q", "--no-ff", "-m", "Merge side", "side")
    start = git(story.fork, "rev-parse", "HEAD").strip()

    assert story.run("sync", "--rebase", "upstream/main").code == 0
    assert sorted(log(story)) == ["One", "Side", "Two", "split"]
    flat = git(story.fork, "rev-parse", "HEAD^{tree}")

    git(story.fork, "reset", "-q", "--hard", start)
    assert story.run("sync", "--rebase-merges", "upstream/main").code == 0
    assert git(story.fork, "log", "-1", "--format=%s") == "Merge side\n"
    assert len(git(story.fork, "log", "-1", "--format=%P").split()) == 2
    assert git(story.fork, "rev-parse", "HEAD^{tree}") == flat


def test_notes_follow_where_git_would_copy_them(story):
    git(story.fork, "config", "notes.rewriteRef", "refs/notes/commits")
    git(story.fork, "notes", "add", "-m", "a note", "HEAD")
    assert story.run("sync", "--rebase", "upstream/main").code == 0
    assert git(story.fork, "notes", "show", "HEAD") == "a note\n"


def test_a_fork_that_merged_before_can_be_rebased(story):
    assert story.run("sync", "upstream/main").code == 0
    story.edit(f"{INT4}/kernel.cuh", "// fork: one", "// fork: uno")
    story.commits("After the merge")
    story.edit(f"{PAGED}.cu", "#define MAX(a, b)", "#define  MAX(a, b)", upstream=True)
    story.upstream_commits("release 3")
    story.fetch()
    assert story.run("sync", "--rebase", "upstream/main").code == 0
    assert log(story) == ["split", "One", "Two", "After the merge"]
    assert "// fork: uno" in story.text(f"{INT4}/kernel.cuh")
    assert "#define  MAX(a, b)" in story.text(f"{PAGED}/common.h")


# -- commits that edit a few layouts -------------------------------------------------------------------

LAYOUTS = (
    f"{INT4}/kernel.cuh",
    f"{INT4}.cu",
    f"{PAGED}/dispatch.cuh",
    f"{PAGED}/common.h",
    "csrc/rocm/ops.h",
)
MONOLITHS = (f"{INT4}.cu", f"{PAGED}.cu", "csrc/rocm/ops.h", "CMakeLists.txt")


@dataclass(frozen=True)
class Lines:
    """An edit of a file: a line comes in at a part of it, or some lines go."""

    path: str
    part: float
    gone: int

    def of(self, text: bytes) -> bytes:
        lines = text.splitlines(keepends=True)
        at = int(self.part * len(lines))
        here = [] if self.gone else [b"// a line at %d\n" % at]
        return b"".join([*lines[:at], *here, *lines[at + self.gone :]])


def edits(paths):
    made = st.builds(
        Lines, st.sampled_from(paths), st.floats(0, 1, exclude_max=True), st.sampled_from((0, 0, 1))
    )
    return st.lists(st.lists(made, min_size=1, max_size=3), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def two_rules(tmp_path_factory):
    story = Story.begin(tmp_path_factory.mktemp("two-rules"), "skinny_gemms_int4", "paged_attention_v1")
    return Repository.discover(story.fork)


def grown(repository, commit, changes):
    """A commit for each list of edits, on top of ``commit``."""
    for made in changes:
        tree = repository.tree_of(commit)
        for edit in made:
            text = edit.of(repository.read_file(tree, edit.path) or b"")
            tree = repository.edit_tree(tree, {edit.path: Entry(MODE_FILE, repository.write_blob(text))})
        commit = repository.commit_object(tree, (commit,), "edits\n")
    return commit


def replayed(repository, head, onto):
    """The trees and fates of the commits, and what stays in conflict."""
    outcome = rebase.rebase(repository, onto, head=head)
    trees = [(p.why, p.new and repository.tree_of(p.new)) for p in outcome.picks]
    return trees, outcome.merged and (outcome.merged.tree, outcome.merged.stages)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits(LAYOUTS), edits(MONOLITHS))
def test_commits_of_a_few_layouts_come_out_as_a_merge_of_all_gives_them(two_rules, local, upstream):
    base = two_rules.resolve("upstream/main")
    head, onto = grown(two_rules, two_rules.resolve("fork"), local), grown(two_rules, base, upstream)

    by_layouts = replayed(two_rules, head, onto)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rebase._Picker, "_light", lambda *_: None)
        whole = replayed(two_rules, head, onto)

    assert by_layouts == whole


def test_glue_that_was_resolved_once_is_no_conflict_of_later_commits(story):
    """What a commit has beside the map as its parent has it is as the rebase has resolved it."""
    glue = story.fork / f"{PAGED}/launch.h"
    glue.write_text(glue.read_text().replace("const std::string& kv_cache_dtype,", "const char* own_dtype,"))
    story.commits("Glue")
    story.edit(f"{PAGED}/common.h", "// fork: two", "// fork: two, again")
    story.commits("Later")
    text = (story.upstream / f"{PAGED}.cu").read_bytes()
    (story.upstream / f"{PAGED}.cu").write_bytes(text.replace(b"kv_cache_dtype", b"cache_dtype"))
    story.upstream_commits("release 3")
    story.fetch()

    assert story.run("sync", "--rebase", "upstream/main").code == 1
    assert git(story.fork, "diff", "--name-only", "--diff-filter=U") == f"{PAGED}/launch.h\n"
    git(story.fork, "checkout", "--theirs", f"{PAGED}/launch.h")
    git(story.fork, "add", "-A")
    assert story.run("sync", "--continue").code == 0

    assert log(story) == ["split", "One", "Two", "Glue", "Later"]
    assert "const char* own_dtype," in story.text(f"{PAGED}/launch.h")
    assert "// fork: two, again" in story.text(f"{PAGED}/common.h")
