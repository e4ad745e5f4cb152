"""Landing: index, work tree and refs together, git's own ways respected, nobody's work overwritten."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mergeguard.git import errors
from mergeguard.git.exclusive import locked
from mergeguard.git.landing import MERGE_DONE, Outcome, StateFile, abort_merge, land
from mergeguard.git.objects import MODE_FILE, Entry
from mergeguard.git.recovery import recover
from tests.git.conftest import Sandbox
from tests.git.landings import (
    clean_outcome,
    conflict_outcome,
    leftovers,
    populate,
    snapshot,
    stage_outcome,
    target_tree,
    upstream,
)

PROJECT = Path(__file__).resolve().parents[2]


def tree_with(sandbox: Sandbox, files: dict[str, bytes | None]) -> str:
    repository = sandbox.repository
    return repository.edit_tree(
        repository.tree_of("HEAD"),
        {
            path: None if data is None else Entry(MODE_FILE, repository.write_blob(data))
            for path, data in files.items()
        },
    )


def commit_of(sandbox: Sandbox, files: dict[str, bytes | None]) -> Outcome:
    repository = sandbox.repository
    head = repository.head().oid
    assert head is not None
    tree = tree_with(sandbox, files)
    return Outcome(tree, head, "test: land", repository.commit_object(tree, (head,), "land\n"))


def test_a_commit_lands(sandbox):
    populate(sandbox)
    outcome = clean_outcome(sandbox)
    land(sandbox.repository, outcome)
    after = snapshot(sandbox)
    assert sandbox.git("rev-parse", "main", "HEAD", "ORIG_HEAD").split() == [
        outcome.commit,
        outcome.commit,
        outcome.expected_head,
    ]
    assert after["status"] == " M edited\n?? untracked"
    assert sandbox.git("diff", "--cached", "HEAD") == ""
    files = after["files"]
    assert isinstance(files, dict)
    assert files["change"] == (False, b"new\n" * 300)
    assert files["script"] == (True, b"#!/bin/sh\n")
    assert files["link"] == ("link", "change")
    assert files["text.crlf"] == (False, b"one\r\nthree\r\n")
    assert files["new.crlf"] == (False, b"a\r\nb\r\n")
    assert files["edited"] == (False, b"uncommitted\n")
    assert "gone" not in files
    assert files["folder-to-file"] == (False, b"file\n")
    assert files["file-to-folder/x"] == (False, b"x\n")
    assert sandbox.git("reflog", "-1", "--format=%gs", "HEAD") == "test: land"
    assert sandbox.git("reflog", "-1", "--format=%gs", "main") == "test: land"
    assert (sandbox.root / ".git/state.json").read_bytes() == b"{}"
    assert leftovers(sandbox) == []


def test_staging_alone(sandbox):
    populate(sandbox)
    before = snapshot(sandbox)
    land(sandbox.repository, stage_outcome(sandbox))
    after = snapshot(sandbox)
    assert after["HEAD"] == before["HEAD"]
    assert after["refs"] == before["refs"]
    assert sandbox.git("write-tree") == target_tree(sandbox)
    assert sandbox.git("diff", "--name-only") == "edited"
    assert leftovers(sandbox) == []


def test_staging_takes_staged_changes_along(sandbox):
    populate(sandbox)
    sandbox.write("staged", "staged by the user\n")
    sandbox.git("add", "staged")
    repository = sandbox.repository
    base = repository.index_tree()
    tree = repository.edit_tree(base, {"new": Entry(MODE_FILE, repository.write_blob(b"n"))})
    land(repository, Outcome(tree, repository.head().oid, "test: stage", base_tree=base))
    assert sandbox.git("diff", "--cached", "--name-only").split() == ["new", "staged"]


def test_staged_changes_elsewhere_stay_out_of_the_commit(sandbox):
    populate(sandbox)
    sandbox.write("staged", "staged by the user\n")
    sandbox.git("add", "staged")
    land(sandbox.repository, clean_outcome(sandbox))
    assert sandbox.git("status", "--porcelain").splitlines() == [" M edited", "M  staged", "?? untracked"]


def test_conflict_is_what_git_merge_leaves(sandbox, tmp_path):
    populate(sandbox)
    upstream(sandbox)
    sandbox.git("checkout", "-q", "edited")
    twin = Sandbox.at(tmp_path / "twin")
    sandbox.git("clone", "-q", str(sandbox.root), str(twin.root))
    twin.git("branch", "-q", "upstream/x", "origin/upstream/x")
    twin.write("untracked", "mine\n")
    twin.git("merge", "upstream/x", ok=False)
    land(sandbox.repository, conflict_outcome(sandbox))
    ours, gits = snapshot(sandbox), snapshot(twin)
    assert ours["files"] == gits["files"]
    assert ours["index"] == gits["index"]
    assert ours["status"] == gits["status"]
    assert ours["state"] == gits["state"]
    assert leftovers(sandbox) == []


def test_conflict_is_concluded_by_git(sandbox):
    populate(sandbox)
    theirs = upstream(sandbox)
    head = sandbox.git("rev-parse", "HEAD")
    land(sandbox.repository, conflict_outcome(sandbox))
    assert sandbox.repository.operation_in_progress() == "merge"
    sandbox.git("checkout", "--ours", "change")
    assert sandbox.read("change").startswith(b"ours\n")
    sandbox.git("checkout", "--merge", "change")
    assert b"<<<<<<< ours" in sandbox.read("change")
    sandbox.git("checkout", "--theirs", "change")
    sandbox.git("add", "change")
    sandbox.git("rm", "-q", "keep")
    sandbox.git("commit", "-q", "--no-edit")
    assert sandbox.git("log", "-1", "--format=%P %s") == f"{head} {theirs} Merge branch 'upstream/x'"
    assert sandbox.repository.operation_in_progress() is None
    assert sandbox.read("edited") == b"uncommitted\n"


@pytest.mark.parametrize("by_git", [True, False])
def test_conflict_is_aborted(sandbox, by_git):
    populate(sandbox)
    upstream(sandbox)
    before = snapshot(sandbox)
    land(sandbox.repository, conflict_outcome(sandbox))
    if by_git:
        sandbox.git("merge", "--abort")
    else:
        abort_merge(sandbox.repository)
    after = snapshot(sandbox)
    state = after["state"]
    assert isinstance(state, dict)
    assert set(state) == {"ORIG_HEAD"}
    assert {**after, "state": {}} == {**before, "state": {}}


def test_conflict_is_concluded_by_a_landing(sandbox):
    """What ``sync --continue`` does: the index as resolved, some files derived anew, the state gone."""
    populate(sandbox)
    theirs = upstream(sandbox)
    repository = sandbox.repository
    head = repository.resolve("HEAD")
    land(repository, conflict_outcome(sandbox))
    sandbox.write("change", "resolved\n")
    sandbox.git("add", "change", "keep")
    base = repository.index_tree()
    tree = repository.edit_tree(base, {"derived": Entry(MODE_FILE, repository.write_blob(b"d"))})
    commit = repository.commit_object(tree, (head, theirs), "merge\n")
    land(repository, Outcome(tree, head, "test: continue", commit, base_tree=base, state=MERGE_DONE))
    assert sandbox.git("status", "--porcelain") == " M edited\n?? untracked"
    assert repository.operation_in_progress() is None
    assert sandbox.read("derived") == b"d"


def test_rerere_replays_a_resolution(sandbox):
    populate(sandbox)
    upstream(sandbox)
    sandbox.git("config", "rerere.enabled", "true")
    head = sandbox.git("rev-parse", "HEAD")
    land(sandbox.repository, conflict_outcome(sandbox))
    sandbox.write("change", "resolved\n")
    sandbox.git("add", "change", "keep")
    sandbox.git("commit", "-q", "--no-edit")
    sandbox.git("checkout", "-q", "--", "edited")
    sandbox.git("reset", "-q", "--hard", head)
    land(sandbox.repository, conflict_outcome(sandbox))
    assert sandbox.read("change") == b"resolved\n"


def test_conflict_refuses_staged_changes(sandbox):
    populate(sandbox)
    upstream(sandbox)
    sandbox.write("staged", "2")
    sandbox.git("add", "staged")
    before = snapshot(sandbox)
    with pytest.raises(errors.DirtyWorkTree) as caught:
        land(sandbox.repository, conflict_outcome(sandbox))
    assert caught.value.paths == ("staged",)
    assert snapshot(sandbox) == before


@pytest.mark.parametrize(
    ("path", "prepare"),
    [
        ("change", lambda box: box.write("change", "mine\n")),
        ("change", lambda box: (box.write("change", "mine\n"), box.git("add", "change"))),
        ("change", lambda box: (box.root / "change").unlink()),
        ("new/deep/file", lambda box: box.write("new/deep/file", "mine\n")),
        ("new", lambda box: box.write("new", "a file where a folder comes\n")),
        ("folder-to-file/mine", lambda box: box.write("folder-to-file/mine", "mine\n")),
        (
            "new/deep/file",
            lambda box: (box.write(".git/info/exclude", "new"), box.write("new/deep/file", "i")),
        ),
        ("new", lambda box: (box.root / "new").symlink_to("folder-to-file")),
        ("gone/deep/file", lambda box: box.write("gone/deep/file", "mine\n")),
    ],
)
def test_uncommitted_work_in_the_way(sandbox, path, prepare):
    populate(sandbox)
    outcome = clean_outcome(sandbox)
    prepare(sandbox)
    before = snapshot(sandbox)
    with pytest.raises(errors.DirtyWorkTree) as caught:
        land(sandbox.repository, outcome)
    assert caught.value.paths == (path,)
    assert path in str(caught.value)
    assert caught.value.hint
    assert snapshot(sandbox) == before
    assert leftovers(sandbox) == []


def test_edited_to_what_lands_is_no_obstacle(sandbox):
    """Somebody edits a rule, and has the layout derived again without staging the rule first."""
    sandbox.commit_files({"rule": "one\n", "layout": "one\n"})
    sandbox.write("rule", "two\n")
    repository = sandbox.repository
    tree = tree_with(sandbox, {"rule": b"two\n", "layout": b"two\n"})
    land(repository, Outcome(tree, repository.head().oid, "test: stage", base_tree=repository.index_tree()))
    assert sandbox.git("status", "--porcelain").splitlines() == ["M  layout", "M  rule"]
    assert sandbox.git("write-tree") == tree
    assert sandbox.read("layout") == b"two\n"


def test_untracked_but_identical_is_no_obstacle(sandbox):
    populate(sandbox)
    outcome = clean_outcome(sandbox)
    sandbox.write("new/deep/file", "new\n")
    sandbox.write("new.crlf", "a\r\nb\r\n")
    land(sandbox.repository, outcome)
    assert sandbox.git("status", "--porcelain") == " M edited\n?? untracked"


def test_touched_but_unchanged_is_clean(sandbox):
    """Another time stamp is no change."""
    populate(sandbox)
    outcome = clean_outcome(sandbox)
    os.utime(sandbox.root / "change", (1, 1))
    land(sandbox.repository, outcome)
    assert sandbox.read("change").startswith(b"new\n")


def test_head_has_moved(sandbox):
    populate(sandbox)
    outcome = clean_outcome(sandbox)
    sandbox.git("commit", "-q", "--allow-empty", "-m", "meanwhile")
    before = snapshot(sandbox)
    with pytest.raises(errors.HeadMoved):
        land(sandbox.repository, outcome)
    assert snapshot(sandbox) == before
    assert leftovers(sandbox) == []


def test_gits_index_lock_is_honoured(sandbox):
    populate(sandbox)
    outcome = clean_outcome(sandbox)
    before = snapshot(sandbox)
    lock = sandbox.write(".git/index.lock", "")
    with pytest.raises(errors.RepositoryLocked, match=r"index\.lock"):
        land(sandbox.repository, outcome)
    assert lock.exists()
    lock.unlink()
    assert snapshot(sandbox) == before
    assert leftovers(sandbox) == []


def test_a_second_merge_is_refused(sandbox):
    populate(sandbox)
    upstream(sandbox)
    outcome = conflict_outcome(sandbox)
    land(sandbox.repository, outcome)
    before = snapshot(sandbox)
    with pytest.raises(errors.OperationInProgress, match="merge"):
        land(sandbox.repository, outcome)
    with pytest.raises(errors.OperationInProgress, match="change"):
        land(sandbox.repository, dataclasses.replace(outcome, state=(), conflicts=()))
    assert snapshot(sandbox) == before


def test_a_hook_that_refuses_the_ref(sandbox):
    populate(sandbox)
    outcome = clean_outcome(sandbox)
    hook = sandbox.write(
        ".git/hooks/reference-transaction", "#!/bin/sh\ngrep -q heads/main && exit 1\nexit 0\n"
    )
    hook.chmod(0o755)
    before = snapshot(sandbox)
    with pytest.raises(errors.LandingFailed):
        land(sandbox.repository, outcome)
    assert snapshot(sandbox) == before
    assert leftovers(sandbox) == []


def test_a_required_filter_that_fails(sandbox):
    populate(sandbox)
    outcome = commit_of(sandbox, {"aaa": b"1", "big.bin": b"2", "zzz": b"3", "change": b"4"})
    sandbox.write(".git/info/attributes", "*.bin filter=broken\n")
    sandbox.git("config", "filter.broken.smudge", "false")
    sandbox.git("config", "filter.broken.required", "true")
    before = snapshot(sandbox)
    with pytest.raises(errors.LandingFailed):
        land(sandbox.repository, outcome)
    assert snapshot(sandbox) == before
    assert leftovers(sandbox) == []


def test_smudge_and_clean_filters_run(sandbox):
    populate(sandbox)
    sandbox.git("config", "filter.upper.smudge", "tr a-z A-Z")
    sandbox.git("config", "filter.upper.clean", "tr A-Z a-z")
    sandbox.write(".git/info/attributes", "*.up filter=upper\n")
    land(sandbox.repository, commit_of(sandbox, {"x.up": b"shout\n"}))
    assert sandbox.read("x.up") == b"SHOUT\n"
    assert sandbox.git("status", "--porcelain") == " M edited\n?? untracked"


def test_autocrlf(sandbox):
    sandbox.git("config", "core.autocrlf", "true")
    sandbox.commit_files({"a": "1\r\n2\r\n"})
    land(sandbox.repository, commit_of(sandbox, {"a": b"1\n3\n", "b": b"new\n"}))
    assert (sandbox.read("a"), sandbox.read("b")) == (b"1\r\n3\r\n", b"new\r\n")
    assert sandbox.git("status", "--porcelain") == ""


def test_detached_head(sandbox):
    populate(sandbox)
    sandbox.git("checkout", "-q", "--detach")
    outcome = clean_outcome(sandbox)
    main = sandbox.git("rev-parse", "main")
    land(sandbox.repository, outcome)
    assert sandbox.repository.head().oid == outcome.commit
    assert sandbox.repository.head().detached
    assert sandbox.git("rev-parse", "main") == main


def test_detaching_and_attaching_again(sandbox):
    """A rebase that stops, and that ends."""
    populate(sandbox)
    repository = sandbox.repository
    head = repository.resolve("HEAD")
    outcome = dataclasses.replace(clean_outcome(sandbox), detach=True, state=())
    land(repository, outcome)
    assert repository.head().detached
    assert repository.head().oid == outcome.commit
    assert sandbox.git("rev-parse", "main") == head
    last = commit_of(sandbox, {"last": b"1"})
    land(
        repository,
        dataclasses.replace(last, attach="refs/heads/main", attach_expected=head),
    )
    assert repository.head().branch == "refs/heads/main"
    assert sandbox.git("rev-parse", "main") == last.commit
    assert sandbox.git("status", "--porcelain") == " M edited\n?? untracked"


def test_unborn_branch(sandbox):
    repository = sandbox.repository
    tree = repository.edit_tree(repository.empty_tree, {"d/a": Entry(MODE_FILE, repository.write_blob(b"1"))})
    commit = repository.commit_object(tree, (), "first\n")
    land(repository, Outcome(tree, None, "test: first", commit))
    assert sandbox.git("rev-parse", "main") == commit
    assert sandbox.read("d/a") == b"1"
    assert sandbox.git("status", "--porcelain") == ""


def test_linked_work_tree(sandbox, tmp_path):
    populate(sandbox)
    before = snapshot(sandbox)
    sandbox.git("worktree", "add", "-q", str(tmp_path / "linked"), "-b", "other")
    linked = Sandbox.at(tmp_path / "linked")
    upstream_outcome = clean_outcome(linked)
    land(linked.repository, upstream_outcome)
    assert linked.git("rev-parse", "other") == upstream_outcome.commit
    assert linked.git("status", "--porcelain") == ""
    assert leftovers(linked) == []
    after = snapshot(sandbox)
    assert {**after, "refs": ""} == {**before, "refs": ""}


def test_submodules_are_left_alone(sandbox, tmp_path):
    inner = Sandbox(tmp_path / "inner")
    inner.commit(a="1")
    sandbox.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.root), "sub")
    populate(sandbox)
    sandbox.write("sub/a", "work inside\n")
    land(sandbox.repository, clean_outcome(sandbox))
    assert sandbox.read("sub/a") == b"work inside\n"
    assert sandbox.git("status", "--porcelain") == " M edited\n M sub\n?? untracked"


@pytest.mark.parametrize("sparse_index", [True, False])
def test_sparse_checkout(sandbox, sparse_index):
    sandbox.commit_files({"in/a": "1", "out/b": "1\n", "out/c": "1"})
    sandbox.git("checkout", "-q", "-b", "upstream/x")
    sandbox.commit_files({"out/b": "theirs\n"})
    sandbox.git("checkout", "-q", "main")
    sandbox.commit_files({"out/b": "ours\n"})
    flag = "--sparse-index" if sparse_index else "--no-sparse-index"
    sandbox.git("sparse-checkout", "set", "--cone", flag, "in")
    land(sandbox.repository, commit_of(sandbox, {"in/a": b"2", "out/c": b"2", "out/new": b"2"}))
    assert sandbox.read("in/a") == b"2"
    assert not (sandbox.root / "out").exists()
    assert sandbox.git("status", "--porcelain") == ""
    # A conflict must be seen, sparse or not.
    land(sandbox.repository, conflict_outcome(sandbox))
    assert b"<<<<<<< HEAD" in sandbox.read("out/b")
    assert sandbox.git("status", "--porcelain") == "UU out/b"
    sandbox.git("merge", "--abort")
    assert sandbox.git("status", "--porcelain") == ""
    assert not (sandbox.root / "out/c").exists()


def test_split_index(sandbox):
    populate(sandbox)
    sandbox.git("config", "core.splitIndex", "true")
    sandbox.git("update-index", "--split-index")
    land(sandbox.repository, clean_outcome(sandbox))
    assert sandbox.git("status", "--porcelain") == " M edited\n?? untracked"
    sandbox.git("fsck")


def test_partial_clone(sandbox, tmp_path):
    sandbox.commit_files({"a": "1\n", "b": "1\n"})
    sandbox.commit_files({"a": "2\n", "c": "only in upstream\n"})
    sandbox.git("config", "uploadpack.allowFilter", "true")
    sandbox.git("config", "uploadpack.allowAnySHA1InWant", "true")
    sandbox.git("clone", "-q", "--filter=blob:none", f"file://{sandbox.root}", str(tmp_path / "c"))
    clone = Sandbox.at(tmp_path / "c")
    tip = clone.git("rev-parse", "HEAD")
    clone.git("reset", "-q", "--hard", "HEAD~1")
    repository = clone.repository
    land(
        repository,
        Outcome(repository.tree_of(tip), repository.head().oid, "test: fast-forward", commit=tip),
    )
    assert clone.read("c") == b"only in upstream\n"
    assert clone.git("status", "--porcelain") == ""


def test_a_state_file_may_stand_in_our_own_folder_but_nowhere_else(sandbox):
    sandbox.commit(a="1")
    outcome = commit_of(sandbox, {"a": b"2"})
    name = "mergeguard/sync.json"
    land(sandbox.repository, dataclasses.replace(outcome, state=(StateFile(name, b"{}"),)))
    assert (sandbox.root / ".git" / name).read_bytes() == b"{}"
    for bad in ("../x", "/x", "refs/heads/x"):
        with pytest.raises(ValueError, match="state file"):
            land(
                sandbox.repository,
                dataclasses.replace(commit_of(sandbox, {"a": b"3"}), state=(StateFile(bad, b""),)),
            )
    assert not (sandbox.root / ".git/index.lock").exists()


HOLD = """
import sys
from mergeguard.git.exclusive import locked
from mergeguard.git.repository import Repository
with locked(Repository.discover(sys.argv[1]), "sync of the other one"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_runs_at_once(sandbox):
    populate(sandbox)
    outcome = clean_outcome(sandbox)
    before = snapshot(sandbox)
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(sandbox.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=PROJECT,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    try:
        with pytest.raises(errors.RepositoryLocked, match=f"sync of the other one .process {other.pid}"):
            land(sandbox.repository, outcome)
        with pytest.raises(errors.RepositoryLocked):
            recover(sandbox.repository)
        assert snapshot(sandbox) == before
    finally:
        other.kill()
        other.communicate()
    # Killed, not released: its lock file is still there, and in nobody's way.
    assert (sandbox.root / ".git/mergeguard/lock").exists()
    assert recover(sandbox.repository) is None
    land(sandbox.repository, outcome)
    assert leftovers(sandbox) == []


def test_the_lock_can_be_taken_again_by_its_holder(sandbox):
    populate(sandbox)
    repository = sandbox.repository
    with locked(repository, "outer"):
        land(repository, clean_outcome(sandbox))
        assert (sandbox.root / ".git/mergeguard/lock").exists()
    assert leftovers(sandbox) == []


LAND_IN_HOOK = """
from mergeguard.git.landing import Outcome, land
from mergeguard.git.objects import MODE_FILE, Entry
from mergeguard.git.repository import Repository

repository = Repository.discover()
head = repository.resolve("HEAD")
info = repository.commit_info(head)
tree = repository.edit_tree(info.tree, {"derived": Entry(MODE_FILE, repository.write_blob(b"derived\\n"))})
commit = repository.commit_object(tree, info.parents, info.message, info.author, info.committer)
land(repository, Outcome(tree, head, "mergeguard: derive", commit))
"""


@pytest.mark.parametrize("linked", [False, True])
def test_landing_inside_a_hook(sandbox, tmp_path, linked):
    """As after a plain `git merge`: the hook replaces the merge commit by one with derived files."""
    sandbox.commit_files({"a": "1\n"})
    sandbox.git("checkout", "-q", "-b", "upstream")
    theirs = sandbox.commit_files({"b": "1\n"})
    sandbox.git("checkout", "-q", "main")
    script = sandbox.write("../derive.py", LAND_IN_HOOK)
    hook = sandbox.write(
        ".git/hooks/post-merge",
        f"#!/bin/sh\nPYTHONPATH='{PROJECT}' exec '{sys.executable}' '{script}'\n",
    )
    hook.chmod(0o755)
    box = sandbox
    if linked:
        sandbox.git("worktree", "add", "-q", str(tmp_path / "linked"), "-b", "other")
        box = Sandbox.at(tmp_path / "linked")
    ours = box.commit_files({"c": "1\n"})
    box.write("c", "uncommitted\n")
    box.git("merge", "-q", "--no-edit", "upstream")
    assert box.read("derived") == b"derived\n"
    assert box.git("log", "-1", "--format=%P") == f"{ours} {theirs}"
    assert box.git("status", "--porcelain") == " M c"
    assert box.git("diff", "--name-only", "HEAD~1", "HEAD").split() == ["b", "derived"]
    assert leftovers(box) == []
