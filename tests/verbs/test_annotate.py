"""The formats of blame: byte for byte what git prints for the same lines."""

from __future__ import annotations

import itertools
import subprocess

import pytest

from mergeguard.fork.fork import Fork
from mergeguard.gitquote import quoted
from mergeguard.verbs.lines.annotate import Style, parse_porcelain, porcelain
from mergeguard.verbs.lines.blame import shown
from tests.git.conftest import Sandbox


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    """A file with a root, a rename, several authors, an ignored commit, an odd name and no final newline."""
    made = Sandbox(tmp_path_factory.mktemp("annotate") / "repo")
    made.commit_files({"old ü.cu": "".join(f"line {n}\n" for n in range(12))}, "root")
    made.git("mv", "old ü.cu", "new.cu")
    made.git("commit", "-q", "-m", "rename", GIT_AUTHOR_DATE="2024-02-03T04:05:06-0730")
    text = made.read("new.cu").replace(b"line 3\n", b"line three\nand a half\n")
    made.write("new.cu", text)
    made.git("commit", "-q", "-a", "-m", "third\n\nbody", GIT_AUTHOR_NAME="李雷 Ünï", GIT_AUTHOR_EMAIL="x@y")
    made.write("new.cu", text.replace(b"line 7", b"line seven") + b"last")
    made.git("commit", "-q", "-a", "-m", "fourth", GIT_AUTHOR_NAME="A very long name indeed, of many words")
    return made


def git(repo, *arguments):
    return subprocess.run(
        ["git", "blame", *arguments, "--", "new.cu"], cwd=repo.root, capture_output=True, check=True
    ).stdout


def lines(repo, *arguments):
    return parse_porcelain(git(repo, "--line-porcelain", *arguments))


@pytest.mark.parametrize("options", [(), ("-L2,5", "-L9,11"), ("--root",), ("HEAD~1..",), ("HEAD~2",)])
def test_porcelain(repo, options):
    parsed = lines(repo, *options)
    assert porcelain(parsed) == git(repo, "--porcelain", *options)
    assert porcelain(parsed, every_line=True) == git(repo, "--line-porcelain", *options)


def human(repo, parsed, style, date=None, abbrev=None):
    return shown(Fork.open(str(repo.root)), parsed, "new.cu", style, date=date, abbrev=abbrev)


@pytest.mark.parametrize(
    "letters",
    ["".join(c) for n in range(2) for c in itertools.combinations("elstnfb", n)]
    + ["elstnfb", "etn", "lnb", "sfn", "tf"],
)
def test_styles(repo, letters):
    options = [f"-{letter}" for letter in letters]
    assert human(repo, lines(repo), Style(*(letter in letters for letter in "elstnfb"))) == git(
        repo, *options
    )


@pytest.mark.parametrize("date", ["iso", "iso-strict", "short", "raw", "unix", "rfc", "default", "format:%d"])
def test_dates(repo, date):
    assert human(repo, lines(repo), Style(), date=date) == git(repo, f"--date={date}")


def test_abbreviations_and_ignored_commits(repo):
    assert human(repo, lines(repo), Style(), abbrev=12) == git(repo, "--abbrev=12")
    ignoring = ("--ignore-rev", "HEAD~1")
    assert human(repo, lines(repo, *ignoring), Style()) == git(repo, *ignoring)


def test_uncommitted_lines(repo):
    text = repo.read("new.cu")
    repo.write("new.cu", text.replace(b"line 5", b"line five"))
    parsed = lines(repo)
    assert porcelain(parsed) == git(repo, "--porcelain")
    assert human(repo, parsed, Style(), date="short") == git(repo, "--date=short")
    repo.write("new.cu", text)


def test_odd_paths_are_quoted_as_git_does(repo):
    path = 'a "b"\\\tü.cu'
    repo.commit_files({path: "x\n"}, "odd")
    raw = subprocess.run(
        ["git", "blame", "--line-porcelain", "--", path], cwd=repo.root, capture_output=True, check=True
    ).stdout
    parsed = parse_porcelain(raw)
    assert parsed[0].path == path.encode()
    assert b"filename " + quoted(path.encode()) + b"\n" in raw
    assert porcelain(parsed, every_line=True) == raw
