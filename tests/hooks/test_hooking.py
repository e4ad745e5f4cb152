"""Plain git with our hooks installed, where things are not smooth: conflicts, stops, missing hooks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mergeguard.git import hooks
from mergeguard.hooks import mergework
from mergeguard.hooks.mergework import GitChange
from mergeguard.hooks.pending import MARK
from mergeguard.treemerge import trees as treemerge
from mergeguard.verbs import rebase
from tests.workflows.world import OURS, THEIRS, World, advance, build, edited, in_function

RULE = "skinny_gemms_int8"
SHARD = "csrc/rocm/skinny_gemms_int8/dispatch.cuh"
ENTRY = "csrc/rocm/skinny_gemms_int8.cu"


@pytest.fixture(autouse=True, scope="module")
def _in_a_folder() -> Iterator[None]:
    """Hooks stand in a folder, whatever git is here: some of these tests take them away."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hooks, "CONFIGURED_SINCE", (99,))
        yield


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """The fork with one file split, and upstream with a commit that does not conflict."""
    world = build(tmp_path_factory.mktemp("start") / "repository", (RULE,))
    advance(world, "same-function", (RULE,))
    return world


@pytest.fixture
def world(start, tmp_path: Path):
    return start.copy(tmp_path / "fork")


def clashing(world: World) -> None:
    """Upstream changes the very place that the fork has edited."""
    world.git("checkout", "-q", "upstream")
    file = world.root / ENTRY
    file.write_bytes(in_function(file.read_bytes(), b"upstream: something else"))
    world.git("commit", "-q", "-am", "upstream: clash")
    world.git("checkout", "-q", "fork")


def resolve(world: World, path: str = SHARD) -> None:
    text = (world.root / path).read_bytes()
    assert b"<<<<<<<" in text and OURS in text and b"something else" in text
    lines = text.splitlines(keepends=True)
    marks = (b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||")
    (world.root / path).write_bytes(b"".join(line for line in lines if not line.startswith(marks)))
    world.git("add", path)


def monolith(world: World) -> bytes:
    return world.monolith("HEAD", RULE) or b""


def settled(world: World) -> None:
    assert world.out("status", "--porcelain") == ""
    assert not (world.root / ".git" / "mergeguard" / "pending").exists()
    assert MARK not in b"".join(p.read_bytes() for p in (world.root / "csrc").rglob("*") if p.is_file())


def expected_merge(world: World, theirs: str = "upstream", ours: str = "HEAD") -> str:
    repository = world.repository
    ours, theirs = repository.resolve(ours), repository.resolve(theirs)
    bases = repository.merge_bases(ours, theirs)
    return treemerge.merge_trees(repository, bases, ours, theirs, placed=False).tree


def guard(world: World, *arguments: str, ok: bool = True):
    world.git("config", "alias.guard", "!python -m mergeguard")
    return world.git("guard", *arguments, ok=ok)


# -- conflicts -----------------------------------------------------------------------------------------


def test_merge_stops_at_the_conflict_in_the_shard(world):
    clashing(world)
    done = world.git("merge", "--no-edit", "upstream", ok=False)
    assert done.returncode == 1 and f"Merge conflict in {SHARD}" in done.stderr
    assert world.out("diff", "--name-only", "--diff-filter=U") == SHARD
    assert (world.root / ".git" / "MERGE_HEAD").exists()
    resolve(world)
    assert "`git merge --continue`" in guard(world, "status").stderr
    world.git("commit", "-q", "--no-edit")
    settled(world)
    assert all(text in monolith(world) for text in (OURS, THEIRS, b"something else"))
    assert len(world.out("rev-list", "--parents", "-1", "HEAD").split()) == 3


def test_merge_abort_brings_everything_back(world):
    clashing(world)
    before = world.out("rev-parse", "HEAD")
    world.git("merge", "--no-edit", "upstream", ok=False)
    world.git("merge", "--abort")
    assert world.out("rev-parse", "HEAD") == before
    assert world.out("status", "--porcelain") == ""
    (world.root / "README").write_text("mine\n")
    world.git("commit", "-q", "-am", "mine")
    assert world.out("rev-parse", "HEAD^") == before
    settled(world)


def test_rebase_ends_in_our_own_stop_and_goes_on(world):
    clashing(world)
    (world.root / "NOTES").write_text("mine\n")
    world.git("add", "NOTES")
    world.git("commit", "-q", "-m", "notes")
    done = world.git("rebase", "upstream", ok=False)
    assert "mergeguard sync --continue" in done.stderr
    resolve(world)
    guard(world, "sync", "--continue")
    settled(world)
    assert world.out("symbolic-ref", "HEAD") == "refs/heads/fork"
    assert world.out("log", "--format=%s", "upstream..").splitlines() == [
        "notes",
        "Tune for our boards",
        "Split the heavy files",
    ]
    assert all(text in monolith(world) for text in (OURS, THEIRS, b"something else"))


def test_cherry_pick_stops_at_the_conflict_and_continues(world):
    clashing(world)
    done = world.git("cherry-pick", "upstream", ok=False)
    assert done.returncode != 0
    assert world.out("rev-parse", "CHERRY_PICK_HEAD") == world.out("rev-parse", "upstream")
    resolve(world)
    world.git("cherry-pick", "--continue")
    settled(world)
    assert world.out("log", "-1", "--format=%s") == "upstream: clash"
    assert OURS in monolith(world) and b"something else" in monolith(world)


def test_revert_stops_at_the_conflict(world):
    world.git("merge", "-q", "--no-edit", "upstream")
    tuned = edited(world, "HEAD", {RULE: lambda text: text.replace(OURS, OURS + b" and more")})
    world.commit_tree(tuned, "more")
    local = world.out("log", "--format=%H", "--grep=Tune for our boards", "-1")
    done = world.git("revert", "--no-edit", local, ok=False)
    assert done.returncode != 0
    assert world.out("diff", "--name-only", "--diff-filter=U") == SHARD
    text = (world.root / SHARD).read_bytes()
    text = re.sub(
        rb"<<<<<<< .*?^=======\n(.*?)>>>>>>> [^\n]*\n", rb"\1", text, flags=re.DOTALL | re.MULTILINE
    )
    (world.root / SHARD).write_bytes(text)
    world.git("add", SHARD)
    world.git("revert", "--continue")
    settled(world)
    assert OURS not in monolith(world) and THEIRS in monolith(world)


# -- other files conflict ------------------------------------------------------------------------------


def readme(world: World) -> None:
    (world.root / "README").write_text("the fork's\n")
    world.git("commit", "-q", "-am", "our README")


def test_merge_that_stops_elsewhere_has_the_layout_right(world):
    readme(world)
    expected = expected_merge(world)
    assert world.git("merge", "--no-edit", "upstream", ok=False).returncode == 1
    assert world.out("diff", "--name-only", "--diff-filter=U") == "README"
    assert THEIRS in b"".join(p.read_bytes() for p in (world.root / "csrc/rocm/skinny_gemms_int8").iterdir())
    (world.root / "README").write_text("both\n")
    world.git("commit", "-q", "-am", "merged")
    settled(world)
    assert world.out("diff", "--name-only", "HEAD", expected) == "README"
    assert (world.root / "README").read_text() == "both\n"


def test_a_merge_that_stops_elsewhere_is_aborted(world):
    readme(world)
    before = world.out("rev-parse", "HEAD^{tree}")
    assert world.git("merge", "--no-edit", "upstream", ok=False).returncode == 1
    # git would refuse for a file that it takes for edited, and leave the merge half undone.
    assert set(world.out("diff-files", "--name-only").splitlines()) == {"README"}
    world.git("merge", "--abort")
    assert world.out("status", "--porcelain") == ""
    assert world.out("write-tree") == before


def test_rebase_that_stops_elsewhere_keeps_what_was_resolved(world):
    readme(world)
    world.git("rebase", "upstream", ok=False)
    (world.root / "README").write_text("both\n")
    world.git("add", "README")
    world.git("rebase", "--continue")
    settled(world)
    assert (world.root / "README").read_text() == "both\n"
    assert OURS in monolith(world) and THEIRS in monolith(world)


# -- options of the commands ---------------------------------------------------------------------------


def test_squash_stages_the_whole_merge(world):
    expected = expected_merge(world)
    world.git("merge", "--squash", "upstream")
    assert world.out("write-tree") == expected
    world.git("commit", "-q", "-m", "squashed")
    settled(world)
    assert world.out("rev-parse", "HEAD^{tree}") == expected


def both_define(world, upstreams, own):
    """A header of no rule, in which each branch adds a text of its own at another end."""
    path = world.root / "csrc" / "tile.h"
    base = "".join(f"inline int tile{n}(int x) {{ return x + {n}; }}\n\n" for n in range(8))
    common = world.out("merge-base", "fork", "upstream").strip()
    for branch, text in (("upstream", base + upstreams), ("fork", own + base)):
        world.git("checkout", "-q", branch)
        if branch == "fork":
            world.git("merge", "-q", "--no-edit", "shared")
        else:
            world.git("checkout", "-q", "-b", "shared", common)
            path.write_text(base)
            world.git("add", "csrc/tile.h")
            world.git("commit", "-q", "-m", "a header that both have")
            world.git("checkout", "-q", "upstream")
            world.git("merge", "-q", "--no-edit", "shared")
        path.write_text(text)
        world.git("commit", "-q", "-am", f"{branch}: {path.name}")
    return path


def test_what_git_merges_clean_and_wrong_is_a_conflict(world):
    path = both_define(world, "#define MG_TILE 16\n", "#define MG_TILE 8\n\n")
    said = world.git("merge", "--no-edit", "upstream", ok=False).stderr
    assert "CONFLICT: Merge conflict in csrc/tile.h" in said
    assert world.out("diff", "--name-only", "--diff-filter=U").split() == ["csrc/tile.h"]
    assert "<<<<<<<" in path.read_text()
    path.write_text(path.read_text().split("<<<<<<<")[0] + "#define MG_TILE 8\n")
    world.git("add", "csrc/tile.h")
    world.git("commit", "-q", "--no-edit")
    settled(world)
    assert path.read_text().count("MG_TILE") == 1


def test_a_clean_merge_is_audited(world):
    both_define(world, "inline int edge(int x) { return tile7(x); }\n", "// tiles\n\n")
    path = world.root / "csrc" / "tile.h"
    path.write_text(path.read_text().replace("int tile7(int x)", "int tile9(int x)"))
    world.git("commit", "-q", "-am", "fork: another name")
    said = world.git("merge", "--no-edit", "upstream").stderr
    assert "csrc/tile.h:" in said and "tile7" in said
    assert "`mergeguard audit`" in said
    world.git("reset", "-q", "--hard", "ORIG_HEAD")
    world.git("config", "mergeguard.audit", "false")
    assert "tile7" not in world.git("merge", "--no-edit", "upstream").stderr


def test_no_commit_is_completed_by_the_commit(world):
    expected = expected_merge(world)
    world.git("merge", "--no-commit", "upstream")
    world.git("commit", "-q", "--no-edit")
    settled(world)
    assert world.out("rev-parse", "HEAD^{tree}") == expected


@pytest.mark.parametrize(
    "command", [("merge", "--no-commit", "upstream"), ("cherry-pick", "-n", "upstream")], ids=lambda c: c[0]
)
def test_what_is_typed_before_the_commit_is_kept(world, command):
    world.git(*command)
    kernel = world.root / SHARD.replace("dispatch", "kernel")
    kernel.write_bytes(kernel.read_bytes().replace(b"return 64 * 1024;", b"return 63 * 1024;"))
    world.git("commit", "-q", "-am", "both")
    settled(world)
    assert all(text in monolith(world) for text in (OURS, THEIRS, b"return 63 * 1024;"))


def test_sequence_of_picks_is_put_right_at_its_end(world):
    clashing_free = world.out("rev-parse", "upstream")
    world.git("checkout", "-q", "upstream")
    file = world.root / ENTRY
    file.write_bytes(file.read_bytes() + b"\n// upstream: one more\n")
    world.git("commit", "-q", "-am", "upstream: one more")
    world.git("checkout", "-q", "fork")
    world.git("cherry-pick", f"{clashing_free}^..upstream")
    settled(world)
    assert world.out("log", "-3", "--format=%s").splitlines() == [
        "upstream: one more",
        "upstream: same-function",
        "Tune for our boards",
    ]
    assert all(text in monolith(world) for text in (OURS, THEIRS, b"one more"))
    assert THEIRS in (world.monolith("HEAD^", RULE) or b"")
    assert b"one more" not in (world.monolith("HEAD^", RULE) or b"")


def test_interactive_rebase_squashes_and_reorders(world):
    (world.root / "NOTES").write_text("mine\n")
    world.git("add", "NOTES")
    world.git("commit", "-q", "-m", "notes")
    world.git("commit", "-q", "--allow-empty", "-m", "fixup! Split the heavy files")
    world.git("config", "sequence.editor", "sed -i '2s/^pick/fixup/'")
    world.git("rebase", "-i", "upstream")
    settled(world)
    assert world.out("log", "--format=%s", "upstream..").splitlines()[-1] == "Split the heavy files"
    assert OURS in monolith(world) and THEIRS in monolith(world)


def test_rebase_is_what_our_verb_gives_commit_by_commit(world):
    onto, head = (world.out("rev-parse", name) for name in ("upstream", "fork"))
    outcome = rebase.rebase(world.repository, onto, head=head)
    world.git("rebase", "upstream")
    theirs = world.out("log", "--format=%T %s", f"upstream..{outcome.tip}")
    assert world.out("log", "--format=%T %s", "upstream..") == theirs
    settled(world)


def test_rebase_merges_makes_a_local_merge_again(world):
    world.git("checkout", "-q", "-b", "side", "split")
    (world.root / "SIDE").write_text("side\n")
    world.git("add", "SIDE")
    world.git("commit", "-q", "-m", "side")
    world.git("checkout", "-q", "fork")
    world.git("merge", "-q", "--no-edit", "side")
    world.git("rebase", "-q", "--rebase-merges", "upstream")
    settled(world)
    assert len(world.out("rev-list", "--parents", "-1", "HEAD").split()) == 3
    assert (world.root / "SIDE").exists()
    assert OURS in monolith(world) and THEIRS in monolith(world)


def test_autostash_comes_back_where_it_belongs(world):
    text = (world.root / SHARD).read_bytes()
    (world.root / SHARD).write_bytes(text.replace(OURS, OURS + b", twice"))
    world.git("rebase", "--autostash", "upstream")
    assert world.out("status", "--porcelain") == f"M {SHARD}"
    assert OURS + b", twice" in (world.root / SHARD).read_bytes()
    assert world.out("stash", "list") == ""
    world.git("commit", "-q", "-am", "twice")
    settled(world)
    assert THEIRS in monolith(world)


def test_linked_work_tree_has_notes_of_its_own(world, tmp_path):
    world.git("worktree", "add", "-q", "-b", "linked", str(tmp_path / "linked"), "fork")
    linked = World(tmp_path / "linked")
    expected = expected_merge(world)
    linked.git("merge", "-q", "--no-edit", "upstream")
    assert linked.out("rev-parse", "HEAD^{tree}") == expected
    assert linked.out("status", "--porcelain") == ""
    settled(world)


# -- between forks -------------------------------------------------------------------------------------


@pytest.fixture
def colleague(world):
    """Branch ``colleague`` has upstream merged; ``fork`` is a commit further than what it was made of."""
    world.git("checkout", "-q", "-b", "colleague")
    world.git("merge", "-q", "--no-edit", "upstream")
    world.git("checkout", "-q", "fork")
    changed = edited(world, "HEAD", {RULE: lambda text: text.replace(OURS, OURS + b", twice")})
    world.commit_tree(changed, "twice")
    return world


def test_merge_of_a_branch_that_is_further(colleague):
    expected = expected_merge(colleague, "colleague")
    colleague.git("merge", "-q", "--no-edit", "colleague")
    settled(colleague)
    assert colleague.out("rev-parse", "HEAD^{tree}") == expected
    assert OURS + b", twice" in monolith(colleague) and THEIRS in monolith(colleague)


def test_rebase_onto_a_branch_that_is_further(colleague):
    onto, head = (colleague.out("rev-parse", name) for name in ("colleague", "fork"))
    outcome = rebase.rebase(colleague.repository, onto, head=head)
    colleague.git("rebase", "-q", "colleague")
    settled(colleague)
    assert colleague.out("rev-parse", "HEAD^{tree}") == colleague.repository.tree_of(outcome.tip)
    assert OURS + b", twice" in monolith(colleague) and THEIRS in monolith(colleague)


def test_pick_onto_a_branch_that_is_further(colleague):
    colleague.git("checkout", "-q", "colleague")
    colleague.git("cherry-pick", "fork")
    settled(colleague)
    assert colleague.out("log", "-1", "--format=%s") == "twice"
    assert OURS + b", twice" in monolith(colleague) and THEIRS in monolith(colleague)


def test_pick_from_a_branch_that_is_further(colleague):
    colleague.git("checkout", "-q", "colleague")
    changed = edited(
        colleague, "HEAD", {RULE: lambda text: in_function(text, b"colleague: see here", last=True)}
    )
    pick = colleague.commit_tree(changed, "see here")
    colleague.git("checkout", "-q", "fork")
    done = colleague.git("cherry-pick", pick, ok=False)
    if done.returncode:
        # Beside upstream's own line, which is not here yet: a conflict in the shard.
        assert colleague.out("diff", "--name-only", "--diff-filter=U") == SHARD
        return
    settled(colleague)
    assert b"colleague: see here" in monolith(colleague) and THEIRS not in monolith(colleague)


# -- hooks that do not run -----------------------------------------------------------------------------


def test_without_hooks_nothing_is_pushed_until_it_is_repaired(world, tmp_path):
    expected = expected_merge(world)
    push = world.root / ".git" / "hooks" / "pre-push"
    kept = push.read_bytes()
    for hook in (world.root / ".git" / "hooks").iterdir():
        hook.unlink()
    world.git("merge", "-q", "--no-edit", "upstream")
    assert world.out("rev-parse", "HEAD^{tree}") != expected
    push.write_bytes(kept)
    push.chmod(0o755)
    world.git("init", "-q", "--bare", str(tmp_path / "origin"))
    refused = world.git("push", "-q", str(tmp_path / "origin"), "fork", ok=False)
    assert refused.returncode != 0 and "mergeguard repair" in refused.stderr
    assert "mergeguard repair" in guard(world, "status", ok=False).stderr
    assert guard(world, "check", ok=False).returncode == 1
    guard(world, "repair")
    settled(world)
    assert guard(world, "check").returncode == 0
    assert world.out("rev-parse", "HEAD^{tree}") == expected
    world.git("push", "-q", str(tmp_path / "origin"), "fork")


def test_repair_shows_the_conflicts_of_a_merge_that_was_committed(world):
    clashing(world)
    world.git("merge", "-q", "--no-edit", "--no-verify", "upstream")
    merged = world.out("rev-parse", "HEAD")
    said = guard(world, "repair", ok=False)
    assert (said.returncode, said.stderr) == (1, "")
    assert SHARD in said.stdout
    assert world.out("diff", "--name-only", "--diff-filter=U") == SHARD
    resolve(world)
    world.git("commit", "-q", "--no-edit")
    settled(world)
    assert world.out("rev-parse", "HEAD^1", "HEAD^2") == world.out("rev-parse", f"{merged}^1", f"{merged}^2")


def test_pick_without_hooks_says_so_in_the_file(world):
    for hook in (world.root / ".git" / "hooks").iterdir():
        hook.unlink()
    world.git("cherry-pick", "upstream")
    assert MARK in (world.root / ENTRY).read_bytes()
    guard(world, "repair")
    settled(world)
    assert OURS in monolith(world) and THEIRS in monolith(world)


def test_ordinary_work_is_left_alone(world):
    before = world.out("rev-parse", "HEAD")
    (world.root / SHARD).write_bytes((world.root / SHARD).read_bytes() + b"// more\n")
    world.git("commit", "-q", "-am", "more")
    world.git("commit", "-q", "--amend", "-m", "again")
    world.git("checkout", "-q", "-b", "side")
    assert world.out("rev-parse", "HEAD^") == before
    assert world.out("log", "-g", "--format=%gs", "-3").count("mergeguard") == 0
    settled(world)


def test_file_of_the_same_name_elsewhere_merges_as_git_merges(world):
    other = "csrc/other/skinny_gemms_int8.cu"
    file = world.root / other
    file.parent.mkdir()
    lines = [b"int line%d;\n" % number for number in range(20)]
    for branch, at in (("upstream", 2), ("fork", 17)):
        world.git("checkout", "-q", branch)
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"".join(lines))
        world.git("add", "-A")
        world.git("commit", "-q", "-m", "other")
        changed = [*lines[:at], b"int changed_by_%s;\n" % branch.encode(), *lines[at + 1 :]]
        file.write_bytes(b"".join(changed))
        world.git("commit", "-q", "-am", "other again")
    world.git("cherry-pick", "upstream")
    assert b"changed_by_fork" in file.read_bytes() and b"changed_by_upstream" in file.read_bytes()
    settled(world)


def test_colleague_without_mergeguard_merges_as_git_does(world, tmp_path):
    world.git("clone", "-q", str(world.root), str(tmp_path / "clone"))
    clone = World(tmp_path / "clone")
    done = clone.git("merge", "--no-edit", "origin/upstream", ok=False)
    assert done.returncode == 1 and f"Merge conflict in {ENTRY}" in done.stdout


def test_merge_that_no_side_moved_is_none_of_ours(world):
    repository = world.repository
    split, fork = (repository.resolve(name) for name in ("split", "fork"))
    assert not mergework.concerned(repository, GitChange((split,), split, fork))


def test_upstream_renames_the_file_to_what_the_rule_does_not_fit(world):
    header = "csrc/rocm/int8_kernels.cuh"
    world.git("checkout", "-q", "upstream")
    world.git("mv", ENTRY, header)
    text = (world.root / header).read_bytes().replace(b"torch::Tensor wvSplitK_int8(", b"void int8_impl(")
    (world.root / header).write_bytes(text)
    world.git("commit", "-q", "-am", "upstream: a header of it")
    world.git("checkout", "-q", "fork")
    # git merges the small entry into the renamed file, and has a conflict there.
    world.git("merge", "-q", "--no-edit", "upstream", ok=False)
    assert world.out("ls-files", "-u") == ""
    world.git("commit", "-q", "--no-edit")
    settled(world)
    merged = (world.root / header).read_bytes().splitlines()
    assert [line for line in merged if OURS not in line] == text.splitlines()
    assert sum(OURS in line for line in merged) == 1


def test_merge_that_a_colleague_resolved_for_ours_is_found_and_repaired(world):
    expected = expected_merge(world)
    aside = [
        (world.root / ".git" / name, world.root / ".git" / f"{name}-aside") for name in ("hooks", "info")
    ]
    for path, away in aside:
        path.rename(away)
    assert world.git("merge", "--no-edit", "upstream", ok=False).returncode == 1
    world.git("checkout", "-q", "--ours", "--", ENTRY)
    world.git("commit", "-q", "-am", "merged by hand")
    for path, away in aside:
        away.rename(path)
    assert "left split files behind" in guard(world, "status", ok=False).stderr
    assert guard(world, "check", ok=False).returncode == 1
    guard(world, "repair")
    settled(world)
    assert world.out("rev-parse", "HEAD^{tree}") == expected


# -- what others have ----------------------------------------------------------------------------------


@pytest.fixture
def team(start, tmp_path):
    """A clone with hooks, and a colleague's without, of one bare repository; upstream is a branch of it."""
    start.git("init", "-q", "--bare", str(tmp_path / "origin"))
    start.git("push", "-q", str(tmp_path / "origin"), "fork", "upstream")
    clones = []
    for name in ("ours", "theirs"):
        start.git("clone", "-q", "-b", "fork", str(tmp_path / "origin"), str(tmp_path / name))
        clones.append(World(tmp_path / name))
    guard(clones[0], "install")
    return clones


def merged_by(colleague: World, *resolution: str) -> str:
    assert colleague.git("merge", "--no-edit", "origin/upstream", ok=False).returncode == 1
    colleague.git("checkout", "-q", *resolution, "--", ENTRY)
    colleague.git("add", "-A")
    colleague.git("commit", "-q", "--no-edit")
    colleague.git("push", "-q", "origin", "fork")
    return colleague.out("rev-parse", "HEAD")


def test_a_pull_leaves_a_published_merge_as_it_is(team):
    ours, theirs = team
    merge = merged_by(theirs, "--ours")
    ours.git("pull", "-q", "--ff-only")
    assert ours.out("rev-parse", "HEAD") == merge
    assert ours.out("status", "--porcelain", "--branch") == "## fork...origin/fork"


def test_repair_completes_what_is_published_in_a_commit_on_top(team):
    ours, _ = team
    hooks = ours.root / ".git" / "hooks"
    hooks.rename(hooks.with_name("aside"))
    ours.git("merge", "-q", "--no-edit", "origin/upstream")
    expected = expected_merge(ours, "origin/upstream", "HEAD^1")
    made = ours.out("rev-parse", "HEAD")
    ours.git("push", "-q", "origin", "fork")
    assert ours.out("rev-parse", f"{made}^{{tree}}") != expected
    assert f"{made[:9]} is published" in guard(ours, "repair").stderr
    assert ours.out("rev-parse", "HEAD^") == made
    assert ours.out("rev-parse", "HEAD^{tree}") == expected
    settled(ours)
