"""Plain git with hooks, in a fork that split a file by hand and has no rule: edits follow the split."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mergeguard.git.repository import Repository
from mergeguard.hooks import installing
from mergeguard.hooks.lensmerge import workspace
from tests.support.story import git
from tests.treemerge.test_followededits import ROOT, files

CASE = ROOT / "split-by-hand"
PACKAGE = str(Path(__file__).resolve().parents[2])
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def fork(tmp_path: Path) -> Path:
    """Branch ``fork`` has split the file, ``main`` has edited it since; the hooks are installed."""
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, "base")
    git(tmp_path, "checkout", "-q", "-b", "fork")
    commit(tmp_path, "ours")
    git(tmp_path, "checkout", "-q", "main")
    commit(tmp_path, "theirs")
    git(tmp_path, "checkout", "-q", "fork")
    repository = Repository.discover(tmp_path)
    installing.install(repository, workspace(repository, repository.tree_of("HEAD")))
    return tmp_path


def commit(folder: Path, side: str) -> None:
    for path, text in files(CASE / side).items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", side)


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
