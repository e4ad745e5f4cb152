"""Finding the repository, from the folder and from the environment of a hook."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mergeguard.git import errors, ownfiles, process
from mergeguard.git.process import require_git
from mergeguard.git.repository import Head, Repository
from tests.git.conftest import Sandbox

PROJECT = Path(__file__).resolve().parents[2]


def test_from_root_folder_and_file(sandbox):
    sandbox.write("a/b/c.txt", "x")
    for start in ("", "a", "a/b", "a/b/c.txt"):
        found = Repository.discover(sandbox.root / start)
        assert found.work_tree == sandbox.root.resolve()
        assert found.git_dir == sandbox.root.resolve() / ".git"
        assert found.index_file == found.git_dir / "index"


def test_not_a_repository(tmp_path):
    with pytest.raises(errors.NotARepository) as caught:
        Repository.discover(tmp_path)
    assert caught.value.hint


def test_folder_that_does_not_exist(tmp_path):
    with pytest.raises(errors.NotARepository, match="does not exist"):
        Repository.discover(tmp_path / "no" / "such")


def test_bare(tmp_path):
    bare = Sandbox(tmp_path / "bare.git", "--bare")
    with pytest.raises(errors.BareRepository, match="bare"):
        Repository.discover(bare.root)


def test_inside_the_git_folder(sandbox):
    with pytest.raises(errors.BareRepository):
        Repository.discover(sandbox.root / ".git" / "objects")


def test_names_by_sha256_are_those_that_git_gives(tmp_path):
    other = Sandbox(tmp_path / "sha256", "--object-format=sha256")
    repository = Repository.discover(other.root)
    blob = repository.write_blob(b"text\n")
    assert blob == repository.hash_blob(b"text\n")
    assert repository.git("hash-object", "--stdin", stdin=b"text\n").text == blob
    assert repository.git("hash-object", "-t", "tree", "--stdin", stdin=b"").text == repository.empty_tree


def test_old_git():
    with pytest.raises(errors.GitTooOld, match=r"2\.37\.9"):
        require_git((2, 37, 9))
    require_git((2, 38))


def test_no_git_on_path(sandbox, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(errors.GitMissing):
        Repository.discover(sandbox.root)


def test_linked_work_tree(sandbox, tmp_path):
    sandbox.commit(a="1")
    sandbox.git("worktree", "add", "-q", str(tmp_path / "linked"), "-b", "other")
    found = Repository.discover(tmp_path / "linked")
    assert found.git_dir == sandbox.root / ".git" / "worktrees" / "linked"
    assert found.common_dir == sandbox.root / ".git"
    assert found.head().branch == "refs/heads/other"
    assert found.read_blob(found.write_blob(b"shared")) == b"shared"
    assert sandbox.repository.has_object(found.hash_blob(b"shared"))


def test_submodule(sandbox, tmp_path):
    inner = Sandbox(tmp_path / "inner")
    inner.commit(a="1")
    sandbox.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.root), "sub")
    found = Repository.discover(sandbox.root / "sub")
    assert found.work_tree == sandbox.root / "sub"
    assert found.git_dir == sandbox.root / ".git" / "modules" / "sub"
    assert found.head().oid == inner.git("rev-parse", "HEAD")


def test_partial_clone_and_worktree_config_are_no_obstacle(sandbox, tmp_path):
    oid = sandbox.commit(a="only upstream has this\n")
    sandbox.git("config", "uploadpack.allowFilter", "true")
    sandbox.git(
        "clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{sandbox.root}", str(tmp_path / "c")
    )
    clone = Sandbox.at(tmp_path / "c")
    clone.git("config", "extensions.worktreeConfig", "true")
    found = clone.repository
    entry = found.entry(found.tree_of(oid), "a")
    assert entry is not None
    assert not found.has_object(entry.oid)
    assert found.read_blob(entry.oid) == b"only upstream has this\n"
    assert found.has_object(entry.oid)


def test_shared_clone_reads_through_alternates(sandbox, tmp_path):
    oid = sandbox.commit(a="1")
    sandbox.git("clone", "-q", "--shared", str(sandbox.root), str(tmp_path / "c"))
    assert Repository.discover(tmp_path / "c").commit_info(oid).subject == "change"


SAY = """
import sys
from mergeguard.git.repository import Head, Repository
found = Repository.discover(sys.argv[2] if len(sys.argv) > 2 else ".")
with open(sys.argv[1], "a") as out:
    print(found.work_tree, found.git_dir, found.index_file.name, file=out)
    for entry in found.list_tree(found.index_tree()):
        print(entry, file=out)
"""


def hook(folder: Path, name: str, log: Path, *more: str) -> None:
    script = folder / name
    script.parent.mkdir(exist_ok=True)
    arguments = " ".join(f"'{part}'" for part in (sys.executable, "-c", SAY, str(log), *more))
    script.write_text(f"#!/bin/sh\nPYTHONPATH='{PROJECT}' exec {arguments}\n")
    script.chmod(0o755)


def test_hook_of_commit_dash_a_sees_the_index_being_committed(sandbox, tmp_path):
    sandbox.commit(a="1", b="1")
    log = tmp_path / "log"
    hook(sandbox.root / ".git" / "hooks", "pre-commit", log)
    sandbox.write("new", "1")
    sandbox.git("add", "new")
    sandbox.write("a", "2")
    # `commit -- a` takes a alone: its index holds a's new content, not the staged `new`.
    sandbox.git("commit", "-q", "-m", "a", "--", "a")
    first, *paths = log.read_text().splitlines()
    assert first.startswith(f"{sandbox.root} {sandbox.root}/.git next-index")
    assert paths == ["a", "b"]


def test_hook_in_a_linked_work_tree(sandbox, tmp_path):
    sandbox.commit(a="1")
    log = tmp_path / "log"
    hook(sandbox.root / ".git" / "hooks", "pre-commit", log)
    linked = tmp_path / "linked"
    sandbox.git("worktree", "add", "-q", str(linked), "-b", "other")
    Sandbox.at(linked).commit_files({"b": "1"})
    first, *paths = log.read_text().splitlines()
    assert first == f"{linked} {sandbox.root}/.git/worktrees/linked index"
    assert paths == ["a", "b"]


def test_hook_asking_for_another_repository(sandbox, tmp_path):
    """The hook's variables must not leak into a repository that they do not mean."""
    other = Sandbox(tmp_path / "other")
    other.commit(x="1")
    sandbox.commit(a="1")
    log = tmp_path / "log"
    linked = tmp_path / "linked"
    hook(sandbox.root / ".git" / "hooks", "pre-commit", log, str(other.root))
    sandbox.git("worktree", "add", "-q", str(linked), "-b", "other")
    Sandbox.at(linked).commit_files({"b": "1"})
    assert log.read_text().splitlines() == [f"{other.root} {other.root}/.git index", "x"]


def test_explicit_git_dir_and_work_tree(tmp_path):
    store = Sandbox(tmp_path / "store.git", "--bare")
    home = tmp_path / "home"
    home.mkdir()
    log = tmp_path / "log"
    variables = {"GIT_DIR": str(store.root), "GIT_WORK_TREE": str(home), "PYTHONPATH": str(PROJECT)}
    subprocess.run(
        [sys.executable, "-c", SAY, str(log)], cwd=home, env={**os.environ, **variables}, check=True
    )
    assert log.read_text() == f"{home} {store.root} index\n"


def test_head_is_read_as_git_reads_it(sandbox):
    """Where its files say it plainly, and where only git knows: detached, packed, unborn."""
    repository = Repository.discover(sandbox.root)
    repository.git("commit", "-q", "--allow-empty", "-m", "a commit")

    def by_git():
        names = repository.git("rev-parse", "--quiet", "HEAD", "--symbolic-full-name", "HEAD", ok=(0, 128))
        return names.text.split("\n") if names.code == 0 else None

    head = repository.head()
    assert by_git() == [head.oid, head.branch]
    repository.git("pack-refs", "--all")
    assert repository.head() == head
    repository.git("checkout", "-q", "--detach")
    assert repository.head() == Head(head.oid, None)
    repository.git("checkout", "-q", "--orphan", "empty")
    assert repository.head() == Head(None, "refs/heads/empty")


def test_the_version_of_a_known_git_is_not_asked_again(sandbox, monkeypatch):
    (sandbox.root / ".git/mergeguard").mkdir()
    Repository.discover(sandbox.root)
    monkeypatch.setattr(process, "git_version", lambda: (2, 1))
    Repository.discover(sandbox.root)
    (sandbox.root / ".git/mergeguard/git-version").write_text("another\n")
    with pytest.raises(errors.GitTooOld):
        Repository.discover(sandbox.root)


def test_a_plain_clone_is_found_without_asking_git_again(sandbox, monkeypatch):
    (sandbox.root / ".git/mergeguard").mkdir()
    first = Repository.discover(sandbox.root)
    asked: list[object] = []
    by_git = process.run_git

    def counted(arguments, **options):
        asked.append(arguments)
        return by_git(arguments, **options)

    monkeypatch.setattr(ownfiles, "run_git", counted)
    monkeypatch.chdir(sandbox.root)
    for git_dir in (None, ".git"):
        if git_dir:
            monkeypatch.setenv("GIT_DIR", git_dir)
        assert Repository.discover() == first
    assert not asked
    monkeypatch.delenv("GIT_DIR")
    (sandbox.root / "a").mkdir()
    assert Repository.discover("a") == first
    assert len(asked) == 1  # git looks further up


@pytest.mark.parametrize("how", ["config", "worktree config", "environment", "owner", "damaged"])
def test_git_is_asked_where_a_clone_is_not_as_it_was_found(sandbox, tmp_path, monkeypatch, how):
    (sandbox.root / ".git/mergeguard").mkdir()
    other = tmp_path / "elsewhere"
    other.mkdir()
    note = sandbox.root / ".git" / ownfiles._NOTED
    Repository.discover(sandbox.root)
    assert note.exists()
    monkeypatch.chdir(sandbox.root)
    if how == "config":
        sandbox.git("config", "core.worktree", str(other))
    elif how == "worktree config":
        sandbox.git("config", "extensions.worktreeConfig", "true")
        Repository.discover(sandbox.root)
        sandbox.git("config", "--worktree", "core.worktree", str(other))
    elif how == "environment":
        monkeypatch.setenv("GIT_WORK_TREE", str(other))
    elif how == "owner":
        monkeypatch.setattr(os, "geteuid", lambda: os.stat(note).st_uid + 1)
        assert ownfiles._as_noted(sandbox.root, ownfiles.GitEnvironment()) is None
        return
    else:
        note.write_bytes(note.read_bytes()[:-1])
        assert ownfiles._as_noted(sandbox.root, ownfiles.GitEnvironment()) is None
        other = sandbox.root
    assert Repository.discover().work_tree == other.resolve()


def test_a_clone_that_was_moved_is_found_where_it_is(sandbox, tmp_path):
    (sandbox.root / ".git/mergeguard").mkdir()
    Repository.discover(sandbox.root)
    sandbox.root.rename(tmp_path / "moved")
    found = Repository.discover(tmp_path / "moved")
    assert found.work_tree == (tmp_path / "moved").resolve()
    assert found.git_dir == found.work_tree / ".git"
