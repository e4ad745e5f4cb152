"""``mergeguard solve``: files that plain git, or a colleague, left with conflict markers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mergeguard.errors import SourceError
from mergeguard.git import hooks
from mergeguard.git.repository import Repository
from mergeguard.verbs.solving import SolveOutcome, solve_files, unmerged_paths
from tests.support.hermetic import git_environment

BASE = "int add(int a, int b) {\n  return a + b;\n}\n\nint two(int x) {\n  return x * 2;\n}\n"
OURS = BASE.replace("a + b", "a + b + 1").replace("x * 2", "x * 3")
THEIRS = BASE.replace("int b)", "int b, int c)").replace("  return a + b", "    return a + b")
RIGHT = OURS.replace("int b)", "int b, int c)").replace("  return a + b", "    return a + b")
CLASH = THEIRS.replace("x * 2", "x * 4")
PADDING = "\n" + "// far away\n" * 8
FOUR = "int four(int y) {\n  return y + 4;\n}\n"


class _Fork:
    def __init__(
        self,
        folder: Path,
        theirs: str | None,
        style: str = "merge",
        *,
        base: str = BASE,
        ours: str = OURS,
        attributes: str = "",
    ) -> None:
        self.folder, self.file = folder, folder / "a.cu"
        folder.mkdir()
        self.git("init", "-q", "-b", "main")
        self.git("config", "merge.conflictStyle", style)
        (folder / ".gitattributes").write_text(attributes)
        self.commit(base)
        self.git("checkout", "-q", "-b", "theirs")
        self.commit(theirs)
        self.git("checkout", "-q", "main")
        self.commit(ours)
        self.git("merge", "-q", "theirs", ok=1)
        self.repository = Repository.discover(folder)

    def commit(self, text: str | None) -> None:
        self.file.unlink(missing_ok=True)
        if text is not None:
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


def solve_file(repository: Repository, path: str, *, write: bool = True) -> SolveOutcome:
    (outcome,) = solve_files(repository, [path], write=write)
    return outcome


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
    for style in ("merge", "diff3"):
        fork = _Fork(tmp_path / style, THEIRS, style)
        fork.file.write_text("// mine\n" + fork.text)
        assert solve_file(fork.repository, "a.cu").left == 0
        assert fork.text == "// mine\n" + RIGHT


def test_a_conflict_that_somebody_edited_stays_and_the_others_are_solved(tmp_path: Path) -> None:
    base, ours, theirs = (
        text + PADDING + FOUR.replace("4", digit) for text, digit in ((BASE, "4"), (OURS, "5"), (THEIRS, "6"))
    )
    fork = _Fork(tmp_path / "fork", theirs, base=base, ours=ours)
    edited = fork.text.replace("y + 6", "y + 66")
    fork.file.write_text(edited)
    outcome = solve_file(fork.repository, "a.cu")
    assert (outcome.before, outcome.left) == (2, 1)
    assert fork.text == RIGHT + edited[edited.index(PADDING) :]
    assert "without a base" in outcome.said[-1]


def test_markers_without_any_base_to_be_found_stay(tmp_path: Path) -> None:
    fork = _Fork(tmp_path / "fork", THEIRS)
    marked = fork.text
    fork.git("merge", "--abort")
    fork.file.write_text(marked)
    assert solve_file(fork.repository, "a.cu").left == 1
    assert fork.text == marked


@pytest.mark.parametrize("attribute", ["eol=crlf", "conflict-marker-size=12"])
def test_the_attributes_of_the_file_are_followed(tmp_path: Path, attribute: str) -> None:
    fork = _Fork(tmp_path / "fork", THEIRS, attributes=f"*.cu {attribute}\n")
    assert solve_file(fork.repository, "a.cu", write=False).left == 1
    assert solve_file(fork.repository, "a.cu").left == 0
    wanted = RIGHT.replace("\n", "\r\n") if "crlf" in attribute else RIGHT
    assert fork.file.read_bytes() == wanted.encode()


def test_committed_markers_are_solved_below_later_commits(tmp_path: Path) -> None:
    fork = _Fork(tmp_path / "fork", THEIRS)
    fork.git("commit", "-qam", "conflicts unresolved")
    fork.commit(fork.text + "// later\n")
    solve_file(fork.repository, "a.cu")
    assert fork.text == RIGHT + "// later\n"


def test_what_one_side_removed_is_left_and_said(tmp_path: Path) -> None:
    fork = _Fork(tmp_path / "fork", None)
    outcome = solve_file(fork.repository, "a.cu")
    assert (outcome.left, fork.text) == (1, OURS)
    assert outcome.said[0].startswith("they removed")


def test_a_base_that_is_a_conflict_itself_is_no_base(tmp_path: Path) -> None:
    fork = _Fork(tmp_path / "fork", THEIRS)
    fork.git("merge", "--abort")
    nested = "<<<<<<<<< a\nint x;\n=========\nint y;\n>>>>>>>>> b\n"
    text = f"<<<<<<< ours\nint x;\n||||||| base\n{nested}=======\nint y;\n>>>>>>> theirs\n"
    fork.file.write_text(text)
    outcome = solve_file(fork.repository, "a.cu")
    assert (outcome.before, outcome.left, fork.text) == (1, 1, text)


def test_a_file_that_can_not_be_solved_does_not_stop_the_others(tmp_path: Path) -> None:
    fork = _Fork(tmp_path / "fork", THEIRS)
    (fork.folder / "notes.py").write_text("<<<<<<< a\nx\n")
    (fork.folder / "b.py").write_text("<<<<<<< a\nx\n=======\ny\n>>>>>>> b\n")
    outcomes = solve_files(fork.repository, ["notes.py", "b.py", "a.cu", "a.cu"])
    assert [(o.path, o.left) for o in outcomes] == [("notes.py", 1), ("b.py", 1), ("a.cu", 0)]
    assert unmerged_paths(fork.repository) == ["a.cu"]
    assert [o.path for o in solve_files(fork.repository, ["."])] == ["a.cu"]


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
    outcome = solve_file(fork.repository, "a.cu")
    assert outcome.left == 1
    assert "a.cu:1: conflict markers that do not belong together" in outcome.said[0]
    assert fork.text == broken
    with pytest.raises(SourceError, match="no such"):
        solve_file(fork.repository, "b.cu")


@pytest.mark.parametrize(("theirs", "staged"), [(THEIRS, True), (CLASH, False)])
def test_git_mergetool_uses_it_once_installed(tmp_path: Path, theirs: str, staged: bool) -> None:
    fork = _Fork(tmp_path / "fork", theirs)
    launcher = (sys.executable, "-P", "-m", "mergeguard")
    hooks.install(fork.repository, (), launcher=launcher)
    fork.git("mergetool", "--tool=mergeguard", "--no-prompt", ok=not staged)
    assert (fork.git("ls-files", "-u") == "") == staged
    # git puts the file back that a tool leaves with markers: not so the smaller conflict.
    assert fork.text.startswith("int add(int a, int b, int c)")
    assert fork.text.count("<<<<<<<") == (not staged)
    hooks.uninstall(fork.repository)
    assert "mergetool" not in fork.git("config", "--local", "--list")
