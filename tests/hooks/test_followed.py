"""Plain git with hooks, in a fork that split a file by hand and has no rule: edits follow the split."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.replay.__main__ import sizes_of
from mergeguard.git.repository import Repository
from mergeguard.hooks import installing
from mergeguard.hooks.lensmerge import workspace
from tests.support.story import git
from tests.treemerge.test_followededits import ROOT, files

CASE, CONTESTED = ROOT / "split-by-hand", ROOT / "launcher-as-a-macro"
PACKAGE = str(Path(__file__).resolve().parents[2])
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def fork(tmp_path: Path) -> Path:
    """Branch ``fork`` has split the file, ``main`` has edited it since; the hooks are installed."""
    return begun(tmp_path, CASE)


def begun(tmp_path: Path, case: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, case / "base")
    git(tmp_path, "checkout", "-q", "-b", "fork")
    commit(tmp_path, case / "ours")
    git(tmp_path, "checkout", "-q", "main")
    commit(tmp_path, case / "theirs")
    git(tmp_path, "checkout", "-q", "fork")
    repository = Repository.discover(tmp_path)
    installing.install(repository, workspace(repository, repository.tree_of("HEAD")))
    return tmp_path


def commit(folder: Path, side: Path) -> None:
    for path, text in files(side).items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", side.name)


def plain(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": PACKAGE, "GIT_EDITOR": "true"}
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def tree(folder: Path) -> dict[str, bytes]:
    tracked = plain(folder, "ls-files").stdout.split()
    return {path: (folder / path).read_bytes() for path in tracked}


@pytest.mark.parametrize(
    ("begin", "go_on"),
    [
        (("merge", "main"), ("commit", "--no-edit")),
        (("rebase", "main"), ("rebase", "--continue")),
        (("cherry-pick", "main"), ("cherry-pick", "--continue")),
    ],
    ids=["merge", "rebase", "cherry-pick"],
)
def test_edits_follow(fork: Path, begin: tuple[str, ...], go_on: tuple[str, ...]) -> None:
    stopped = plain(fork, *begin)
    assert stopped.returncode
    assert f"next: git {' '.join(go_on).removesuffix(' --no-edit')}" in stopped.stdout + stopped.stderr
    assert not plain(fork, "ls-files", "-u").stdout
    done = plain(fork, *go_on)
    assert done.returncode == 0, done.stderr
    assert tree(fork) == files(CASE / "expected")


def test_what_a_person_has_resolved_is_let_be(fork: Path) -> None:
    plain(fork, "merge", "main")
    (fork / "k.cu").write_bytes(b"int mine;\n")
    plain(fork, "add", "k.cu")
    plain(fork, "checkout", "HEAD", "--", "k/launch.h")
    assert (fork / "k.cu").read_bytes() == b"int mine;\n"


def test_the_way_back_is_gits_own(fork: Path) -> None:
    before = tree(fork)
    plain(fork, "merge", "main")
    assert plain(fork, "merge", "--abort").returncode == 0
    assert tree(fork) == before and not plain(fork, "status", "--porcelain").stdout


@pytest.mark.parametrize("command", ["merge", "rebase", "cherry-pick"])
def test_what_has_no_place_is_a_conflict_of_its_own_lines(tmp_path: Path, command: str) -> None:
    folder = begun(tmp_path, CONTESTED)
    assert plain(folder, command, "main").returncode
    unmerged = {line.split("\t")[1] for line in plain(folder, "ls-files", "-u").stdout.splitlines()}
    assert unmerged == {"blur.cu", "blur/small.cu"}
    found, wanted = tree(folder), files(CONTESTED / "expected")
    assert found["blur/common.h"] == wanted["blur/common.h"]
    for path in unmerged:
        assert list(sizes_of(found[path])) == list(sizes_of(wanted[path]))
