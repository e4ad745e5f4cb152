"""``mergeguard solve``: files that plain git, or a colleague, left with conflict markers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mergeguard.errors import SourceError
from mergeguard.git import hooks
from mergeguard.git.repository import Repository
from mergeguard.verbs.solving import solve_file
from tests.support.hermetic import git_environment

BASE = "int add(int a, int b) {\n  return a + b;\n}\n\nint two(int x) {\n  return x * 2;\n}\n"
OURS = BASE.replace("a + b", "a + b + 1").replace("x * 2", "x * 3")
THEIRS = BASE.replace("int b)", "int b, int c)").replace("  return a + b", "    return a + b")
RIGHT = OURS.replace("int b)", "int b, int c)").replace("  return a + b", "    return a + b")
CLASH = THEIRS.replace("x * 2", "x * 4")


class _Fork:
    def __init__(self, folder: Path, theirs: str, style: str = "merge") -> None:
        self.folder, self.file = folder, folder / "a.cu"
        folder.mkdir()
        self.git("init", "-q", "-b", "main")
        self.git("config", "merge.conflictStyle", style)
        self.commit(BASE)
        self.git("checkout", "-q", "-b", "theirs")
        self.commit(theirs)
        self.git("checkout", "-q", "main")
        self.commit(OURS)
        self.git("merge", "-q", "theirs", ok=1)
        self.repository = Repository.discover(folder)

    def commit(self, text: str) -> None:
        self.file.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x")

    def git(self, *arguments: str, ok: int = 0) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=git_environment(), capture_output=True, text=True
        )
        assert done.returncode == ok, done.stderr
        return done.stdout

    @property
    def text(self) -> str:
        return self.file.read_text()


@pytest.mark.parametrize("style", ["merge", "diff3", "zdiff3"])
def test_what_plain_git_left_is_solved_and_nothing_is_staged(tmp_path: Path, style: str) -> None:
    fork = _Fork(tmp_path / "fork", THEIRS, style)
    assert "<<<<<<<" in fork.text
    outcome = solve_file(fork.repository, "a.cu")
    assert (outcome.before, outcome.left, fork.text) == (1, 0, RIGHT)
    assert fork.git("ls-files", "-u") != ""


def test_a_committed_conflict_is_solved_from_the_merge_that_has_it(tmp_path: Path) -> None:
    fork = _Fork(tmp_path / "fork", THEIRS)
    fork.git("commit", "-qam", "conflicts unresolved")
    solve_file(fork.repository, "a.cu")
    assert fork.text == RIGHT


def test_what_is_not_certain_stays_a_conflict_and_a_smaller_one(tmp_path: Path) -> None:
    fork = _Fork(tmp_path / "fork", CLASH)
    outcome = solve_file(fork.repository, "a.cu")
    assert outcome.left == 1
    assert fork.text.count("<<<<<<<") == 1
    assert "int c" in fork.text.split("<<<<<<<")[0]
    assert "x * 3" in fork.text.split("=======")[0]


def test_what_somebody_edited_since_is_kept(tmp_path: Path) -> None:
    fork = _Fork(tmp_path / "fork", THEIRS, "diff3")
    fork.file.write_text("// mine\n" + fork.text)
    outcome = solve_file(fork.repository, "a.cu")
    assert (outcome.left, fork.text) == (0, "// mine\n" + RIGHT)
    plain = _Fork(tmp_path / "plain", THEIRS)
    edited = "// mine\n" + plain.text
    plain.file.write_text(edited)
    assert solve_file(plain.repository, "a.cu").left == 1  # the markers do not tell the base
    assert plain.text == edited


def test_sides_that_differ_only_in_layout_need_no_base(tmp_path: Path) -> None:
    fork = _Fork(tmp_path / "fork", THEIRS)
    fork.git("merge", "--abort")
    fork.file.write_text("<<<<<<< a\nint f() { return 1; }\n=======\nint f() {\n  return 1;\n}\n>>>>>>> b\n")
    assert solve_file(fork.repository, "a.cu").left == 0
    assert fork.text == "int f() {\n  return 1;\n}\n"


def test_only_counting_changes_nothing(tmp_path: Path) -> None:
    fork = _Fork(tmp_path / "fork", THEIRS)
    before = fork.text
    assert solve_file(fork.repository, "a.cu", write=False).left == 1
    assert fork.text == before


def test_markers_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    fork = _Fork(tmp_path / "fork", THEIRS)
    broken = fork.text.replace(">>>>>>> theirs\n", "") + "// =======\n"
    fork.file.write_text(broken)
    with pytest.raises(SourceError, match="do not belong together"):
        solve_file(fork.repository, "a.cu")
    assert fork.text == broken
    with pytest.raises(SourceError, match="no such"):
        solve_file(fork.repository, "b.cu")


def test_git_mergetool_uses_it_once_installed(tmp_path: Path) -> None:
    fork = _Fork(tmp_path / "fork", THEIRS)
    launcher = (sys.executable, "-P", "-m", "mergeguard")
    hooks.install(fork.repository, (), launcher=launcher)
    fork.git("mergetool", "--tool=mergeguard", "--no-prompt")
    assert (fork.text, fork.git("ls-files", "-u")) == (RIGHT, "")
    hooks.uninstall(fork.repository)
    assert "mergetool" not in fork.git("config", "--local", "--list")
