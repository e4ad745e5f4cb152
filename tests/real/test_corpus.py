"""The corpus helper against the real releases, and the repository it builds."""

from __future__ import annotations

import subprocess

from tests.support import corpus


def git(folder, *arguments):
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True
    ).stdout


def test_the_known_paths_are_the_real_ones(corpus_version):
    root = corpus.require(corpus_version)
    real = {
        (name, path) for name, paths in corpus.MONOLITHS.items() for path in paths if (root / path).is_file()
    }
    known = {
        (name, path) for name in corpus.MONOLITHS for _, path in corpus.releases_with(name, [corpus_version])
    }
    assert known == real


def test_more_than_150_file_versions():
    assert sum(len(corpus.releases_with(name)) for name in corpus.MONOLITHS) > 150


def test_ci_releases_are_releases_in_order():
    assert [version for version in corpus.RELEASES if version in corpus.CI_VERSIONS] == list(
        corpus.CI_VERSIONS
    )


def test_repository_holds_one_commit_per_release(tmp_path):
    versions = ["0.24.0", "0.26.0"]
    one = corpus.repository(versions, tmp_path / "one")
    two = corpus.repository(versions, tmp_path / "two", bare=True)
    assert git(one, "log", "--format=%s", "--reverse").split("\n")[:2] == ["vLLM 0.24.0", "vLLM 0.26.0"]
    assert git(one, "rev-parse", "main") == git(two, "rev-parse", "main")
    assert git(one, "status", "--porcelain") == ""
    for version in versions:
        names = set(git(two, "ls-tree", "-r", "--name-only", f"v{version}").splitlines())
        root = corpus.path(version)
        assert names == {entry.relative_to(root).as_posix() for entry in root.rglob("*") if entry.is_file()}
    blob = subprocess.run(
        ["git", "-C", str(two), "show", "v0.24.0:csrc/rocm/attention.cu"], check=True, capture_output=True
    ).stdout
    assert blob == corpus.file("0.24.0", "csrc/rocm/attention.cu")
