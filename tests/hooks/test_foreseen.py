"""What the first process of a merge foresees is used where git has made what it was worked out from."""

from __future__ import annotations

from pathlib import Path

import pytest

from mergeguard.fork.footprint import Footprint
from mergeguard.git import hooks
from mergeguard.git.atwork import FORESEEN, NOTE
from mergeguard.hooks import foreseen
from mergeguard.hooks.asked import _listed_again
from tests.workflows.world import OURS, THEIRS, World, advance, build

RULE = "skinny_gemms_int8"
ENTRY = "csrc/rocm/skinny_gemms_int8.cu"
SHARD = "csrc/rocm/skinny_gemms_int8/dispatch.cuh"


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A fork with hooks; upstream has edited the monolith, and a branch a document."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hooks, "CONFIGURED_SINCE", (99,))
        world = build(tmp_path_factory.mktemp("begun") / "repository", (RULE,))
        advance(world, "same-function", (RULE,))
        world.git("checkout", "-q", "-b", "notes", "fork")
        (world.root / "notes.md").write_text("a note\n")
        world.git("add", "notes.md")
        world.git("commit", "-q", "-m", "notes")
        world.git("checkout", "-q", "fork")
        (world.root / "mine.md").write_text("mine\n")
        world.git("add", "mine.md")
        world.git("commit", "-q", "-m", "mine")
        world.git("config", "alias.guard", "!python -m mergeguard")
        world.git("guard", "install")
    return world


@pytest.fixture
def world(begun, tmp_path: Path):
    return begun.copy(tmp_path / "fork")


def without(world: World, *names: str) -> None:
    """Let these hooks have nothing to run: git must not come to need them."""
    for name in names:
        script = world.root / ".git" / "hooks" / name
        script.write_text(script.read_text().replace("-m mergeguard", "-m nothing_of_that_name"))


def replace_in(world: World, hook: str, before: str, after: str) -> None:
    script = world.root / ".git" / "hooks" / hook
    text = script.read_text()
    assert before in text
    script.write_text(text.replace(before, after))


def assert_complete(world: World) -> None:
    """The merge is a commit with both sides' edits, and nothing is left open."""
    text = (world.root / SHARD).read_bytes()
    assert OURS in text and THEIRS in text
    assert world.out("rev-parse", "HEAD^2") == world.out("rev-parse", "upstream")
    assert world.out("status", "--porcelain") == ""
    assert not (world.root / ".git" / FORESEEN).exists()
    assert not (world.root / ".git" / NOTE).exists()


@pytest.fixture(scope="module")
def by_python(begun, tmp_path_factory):
    """The merge commit where the shell lands nothing."""
    world = begun.copy(tmp_path_factory.mktemp("by-python") / "fork")
    replace_in(world, "post-merge", '[ -n "$lands" ]', "false")
    world.git("merge", "-q", "--no-edit", "upstream")
    assert_complete(world)
    return world.out("rev-parse", "HEAD")


def test_the_hooks_after_the_driver_have_nothing_to_think_about(world, by_python):
    without(world, "pre-merge-commit", "prepare-commit-msg", "post-merge")
    world.git("merge", "-q", "--no-edit", "upstream")
    assert_complete(world)
    assert world.out("rev-parse", "HEAD") == by_python  # to the last byte
    assert world.out("reflog", "-1", "--format=%gs") == "merge: split files (mergeguard)"


def test_what_git_notes_of_a_signed_tag_stays_in_the_commit_whoever_lands(world, tmp_path):
    signature = "-----BEGIN PGP SIGNATURE-----\n\nnobody looks\n-----END PGP SIGNATURE-----\n"
    head = "object {}\ntype commit\ntag v9\ntagger T <t@example.org> 1700000000 +0000\n\na release\n"
    (tmp_path / "tag").write_text(head.format(world.out("rev-parse", "upstream")) + signature)
    world.git("update-ref", "refs/tags/v9", world.out("hash-object", "-t", "tag", "-w", f"{tmp_path}/tag"))
    by_shell, by_python = world, world.copy(tmp_path / "by-python")
    replace_in(by_python, "post-merge", '[ -n "$lands" ]', "false")
    for fork in (by_shell, by_python):
        fork.git("merge", "-q", "--no-edit", "v9")
        assert_complete(fork)
        assert "\nmergetag object " in fork.out("cat-file", "commit", "HEAD")


@pytest.mark.parametrize("step", ["write ", "    git update-ref", "rm -f"])
def test_repair_completes_what_the_shell_was_ended_at(world, by_python, step):
    replace_in(world, "post-merge", f"\n    {step}", f"\n    kill -KILL $$ && exit 1\n    {step}")
    world.git("merge", "-q", "--no-edit", "upstream")
    assert "`mergeguard repair`" in world.git("guard", "status", ok=False).stderr
    world.git("guard", "repair")
    (world.root / ".git" / FORESEEN).unlink(missing_ok=True)
    assert_complete(world)
    assert world.out("rev-parse", "HEAD") == by_python


def test_where_the_branch_may_not_move_git_s_own_result_is_back(world):
    without(world, "post-merge")
    hook = world.root / ".git" / "hooks" / "reference-transaction"
    hook.write_text('#!/bin/sh\n[ "$1" != prepared ] || [ -z "$MERGEGUARD_ACTIVE" ]\n')
    hook.chmod(0o755)
    world.git("merge", "-q", "--no-edit", "upstream")
    assert world.out("status", "--porcelain") == ""
    assert THEIRS not in (world.root / SHARD).read_bytes()
    hook.unlink()
    world.git("guard", "repair")
    assert THEIRS in (world.root / SHARD).read_bytes()


def test_the_shell_lands_nothing_over_what_somebody_has_typed(world):
    file = world.root / SHARD
    file.write_bytes(file.read_bytes() + b"// typed\n")
    done = world.git("merge", "--no-edit", "upstream")
    assert f"your changes in {SHARD} would be overwritten" in done.stderr
    assert file.read_bytes().endswith(b"// typed\n")
    file.write_bytes(file.read_bytes().removesuffix(b"// typed\n"))
    world.git("guard", "repair")
    assert_complete(world)


def test_the_shell_replaces_no_commit_that_others_may_have(world):
    replace_in(world, "post-merge", "input=\n", "input=\ngit tag published\n")
    world.git("merge", "-q", "--no-edit", "upstream")
    assert world.out("rev-parse", "HEAD^1") == world.out("rev-parse", "published")
    assert THEIRS in (world.root / SHARD).read_bytes()
    assert world.out("status", "--porcelain") == ""


def test_what_may_be_signed_is_not_made_again_by_the_shell(world):
    without(world, "post-merge")
    world.git("merge", "-q", "-m", "gpgsig", "upstream")
    assert (world.root / ".git" / NOTE).exists()


def test_a_merge_of_documents_ends_without_post_merge(world):
    without(world, "post-merge", "prepare-commit-msg")
    world.git("merge", "-q", "--no-edit", "notes")
    line = (world.root / ".git" / "mergeguard" / "foreseen").read_bytes().partition(b"\n")[0].decode()
    assert line == " ".join(world.out("rev-parse", "HEAD^1", "HEAD^2", "HEAD^{tree}").split())


def test_it_covers_a_tree_that_git_left_as_a_side_has_it(world):
    repository = world.repository
    ours, theirs = (repository.resolve(name) for name in ("fork", "upstream"))
    (base,) = repository.merge_bases(ours, theirs)
    mine, other = repository.tree_of(ours), repository.tree_of(theirs)
    edited = repository.edit_tree(mine, {ENTRY: repository.entry(other, ENTRY)})
    seen = foreseen.Foreseen(ours, theirs, base, edited, (ENTRY,), ())

    assert seen.covers(repository, mine)
    typed = repository.write_blob(b"// somebody typed this\n")
    entry = repository.entry(mine, ENTRY)._replace(oid=typed)
    assert not seen.covers(repository, repository.edit_tree(mine, {ENTRY: entry}))
    assert not seen.covers(repository, repository.edit_tree(mine, {"README": entry}))


def test_a_build_list_that_only_lists_units_needs_no_lens_in_a_rebase():
    rule = Footprint("a", "a.toml", "lock", ("csrc/a.cu",), None, ("csrc/a/one.cu", "csrc/a/two.cu"))
    base = b"set(S\n  csrc/a.cu\n  csrc/b.cu)\n"
    theirs = b"set(S\n  csrc/a/one.cu\n  csrc/a/two.cu\n  csrc/a.cu\n  csrc/b.cu)\n"
    ours = b"# newer\nset(S\n  csrc/new.cu\n  csrc/a.cu)\n"
    listed = b"# newer\nset(S\n  csrc/new.cu\n  csrc/a/one.cu\n  csrc/a/two.cu\n  csrc/a.cu)\n"
    name = "CMakeLists.txt"
    assert _listed_again(name, (rule,), base, ours, theirs) == listed
    assert _listed_again(name, (rule,), base, ours, theirs.replace(b"b.cu", b"c.cu")) is None
    assert _listed_again(name, (rule,), base, ours, base.replace(b"b.cu", b"c.cu")) is None
    assert _listed_again(name, (rule,), theirs, listed, base) is None
    assert _listed_again(name, (), base, ours, theirs) is None
    assert _listed_again("notes.md", (rule,), base, ours, theirs) is None
