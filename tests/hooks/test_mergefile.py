"""``mergeguard merge-file`` keeps the contract of ``git merge-file``; where git conflicts it may do more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mergeguard.certify import check
from mergeguard.hooks.mergefile import main
from tests.support.hermetic import git_environment

BASE = b"one\ntwo\nthree\nfour\nfive\n"
OURS = BASE.replace(b"two", b"2 ours")
THEIRS = BASE.replace(b"two", b"2 theirs").replace(b"five", b"5")


def _files(folder: Path, ours: bytes, base: bytes, theirs: bytes) -> list[str]:
    for name, text in (("ours.cu", ours), ("base.cu", base), ("theirs.cu", theirs)):
        (folder / name).write_bytes(text)
    return ["ours.cu", "base.cu", "theirs.cu"]


def _git(folder: Path, *arguments: str) -> tuple[int, bytes]:
    done = subprocess.run(
        ["git", "merge-file", *arguments], cwd=folder, env=git_environment(), capture_output=True, check=False
    )
    return done.returncode, done.stdout


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in git_environment().items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    "options",
    [
        ["-p"],
        ["-p", "--diff3"],
        ["-p", "-q", "-L", "x", "-L", "y", "-L", "z", "--diff3"],
        ["-p", "-L", "mine"],
        ["-p", "--marker-size=12"],
        ["-p", "--ours"],
        ["-p", "--theirs"],
        ["-p", "--union"],
    ],
)
def test_what_nobody_can_merge_looks_like_gits(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], options: list[str]
) -> None:
    files = _files(tmp_path, OURS, BASE, THEIRS)
    status = main(["merge-file", *options, *files])
    assert (status, capfdbinary.readouterr().out) == _git(tmp_path, *options, *files)


def test_zdiff3_takes_common_lines_out(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    ours, theirs = BASE.replace(b"two", b"same\n2 ours"), BASE.replace(b"two", b"same\n2 theirs")
    files = _files(tmp_path, ours, BASE, theirs)
    status = main(["merge-file", "-p", "--zdiff3", *files])
    assert (status, capfdbinary.readouterr().out) == _git(tmp_path, "-p", "--zdiff3", *files)


def test_clean_results_are_gits_and_go_to_the_first_file(tmp_path: Path) -> None:
    files = _files(tmp_path, OURS, BASE, BASE.replace(b"five", b"5"))
    _, expected = _git(tmp_path, "-p", *files)
    assert main(["merge-file", *files]) == 0
    assert (tmp_path / "ours.cu").read_bytes() == expected


def test_layout_is_no_conflict(tmp_path: Path) -> None:
    base = b"int f(int a,\n      int b);\nint x;\n"
    ours, theirs = b"int f(int a, int b);\nint x;\n", b"int f(int a,\n      long b);\nint x;\n"
    files = _files(tmp_path, ours, base, theirs)
    assert _git(tmp_path, "-p", *files)[0] == 1
    assert main(["merge-file", *files]) == 0
    assert (tmp_path / "ours.cu").read_bytes().split() == theirs.split()


def test_the_status_counts_conflicts_up_to_127(tmp_path: Path) -> None:
    def numbered(word: bytes, count: int) -> bytes:
        return b"".join(
            b"%s %d;\n" % (word, i) + b"".join(b"k %d %d;\n" % (i, j) for j in range(5)) for i in range(count)
        )

    for count, status in ((3, 3), (140, 127)):
        files = _files(tmp_path, numbered(b"a", count), numbered(b"b", count), numbered(b"c", count))
        assert main(["merge-file", "-p", "-q", *files]) == status == _git(tmp_path, "-p", "-q", *files)[0]


def test_errors_are_255_and_write_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = _files(tmp_path, b"a\0b\n", b"c\0d\n", b"e\0f\n")
    assert main(["merge-file", *files]) == 255
    assert (tmp_path / "ours.cu").read_bytes() == b"a\0b\n"
    _files(tmp_path, OURS, BASE, THEIRS)
    assert main(["merge-file", "ours.cu", "missing.cu", "theirs.cu"]) == 255
    assert "missing.cu" in capsys.readouterr().err
    assert main(["merge-file", "ours.cu"]) == 129
    assert main(["merge-file", "--what", *files]) == 129


def test_the_merge_driver_writes_our_file_and_says_so_by_its_status(tmp_path: Path) -> None:
    _files(tmp_path, OURS, BASE, THEIRS)
    assert main(["merge-driver", "base.cu", "ours.cu", "theirs.cu", "9", "x.cu"]) == 1
    assert b"<<<<<<<<< ours\n" in (tmp_path / "ours.cu").read_bytes()


def test_findings_go_to_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = b"int f() {\n  return 1;\n}\n\nint k = 1;\n\nint g() {\n  return 2;\n}\n"
    ours = base[base.index(b"int k") :]
    files = _files(tmp_path, ours, base, base.replace(b"return 2;", b"return f();"))
    assert main(["merge-file", "-p", *files]) == 0
    assert "f is gone on our side" in capsys.readouterr().err


def test_a_certificate_is_written_of_what_is_merged_by_declarations(tmp_path: Path) -> None:
    base = b"int f(int a) {\n  return a;\n}\n"
    ours, theirs = base.replace(b"  return a;", b"    return a + 1;"), base.replace(b"int a", b"int a, int b")
    files = _files(tmp_path, ours, base, theirs)
    assert main(["merge-file", "--certificate", "said.json", *files]) == 0
    result = (tmp_path / "ours.cu").read_bytes()
    said = json.loads((tmp_path / "said.json").read_text())
    check(base, ours, theirs, result, said)
    assert said["account"] == ["result 1: added by theirs: , int b", "result 2: added by ours: + 1"]
    files = _files(tmp_path, OURS, BASE, THEIRS)
    assert main(["merge-file", "-q", "--certificate=said.json", *files]) == 1
    assert json.loads((tmp_path / "said.json").read_text()) == {"refused": "a conflict is no result"}


def test_it_starts_without_the_heavy_imports() -> None:
    code = (
        "import sys; import mergeguard.hooks.mergefile; "
        "print([m for m in ('typer', 'rich', 'hashlib', 'clang', 'msgspec', 'asyncio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "clean"), [("CMakeLists.txt", True), ("x.cmake", True), ("sources.txt", False), ("x.py", False)]
)
def test_what_the_name_of_a_file_says(tmp_path: Path, name: str, clean: bool) -> None:
    base = b'set(S\n  "a.cu"\n  "b.cu")\n'
    ours, theirs = (base.replace(b'"b.cu"', b'"b.cu"\n  "%s.cu"' % who) for who in (b"mine", b"new"))
    for file, text in (("base", base), (name, ours), ("theirs", theirs)):
        (tmp_path / file).write_bytes(text)
    status = main(["merge-driver", "base", name, "theirs", "7", name])
    assert (status == 0) == clean
    if clean:
        assert (tmp_path / name).read_bytes() == base.replace(b'"b.cu"', b'"b.cu"\n  "new.cu"\n  "mine.cu"')


def test_indentation_is_no_layout_in_python(tmp_path: Path) -> None:
    base = b"if a:\n    f()\n    g()\n"
    for file, text in (
        ("ours.py", base.replace(b"    g()", b"g()")),
        ("base.py", base),
        ("theirs.py", base.replace(b"    g()", b"    g(1)")),
    ):
        (tmp_path / file).write_bytes(text)
    assert main(["merge-file", "-p", "ours.py", "base.py", "theirs.py"]) == 1


def test_behind_options_of_ours_it_is_the_same(tmp_path: Path) -> None:
    """`mergeguard -C DIR merge-file …`, and the list that `mergeguard --help` gives."""
    files = _files(tmp_path, OURS, BASE, THEIRS)
    program = [sys.executable, "-m", "mergeguard"]
    done = subprocess.run([*program, "-C", str(tmp_path), "merge-file", "-p", *files], capture_output=True)
    assert (done.returncode, done.stdout) == _git(tmp_path, "-p", *files)
    assert b"merge-file" in subprocess.run([*program, "--help"], capture_output=True).stdout


KERNEL = b"template <typename T>\n__global__ void scale(T* out, T by, int n) {\n  out[n] = out[n] * by;\n}\n"


def test_plain_git_merges_every_source_by_declarations_once_installed(tmp_path: Path) -> None:
    """A repository without rules: ours re-formats a kernel and adds a macro, theirs edits the kernel."""

    def run(*command: str, ok: bool = True) -> str:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, text=True)
        assert not ok or done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    file = tmp_path / "scale.cu"

    def commit(text: bytes, branch: str) -> None:
        run("git", "checkout", "-q", "-B", branch, "base")
        file.write_bytes(text)
        run("git", "commit", "-q", "-am", branch)

    fill = b"".join(b"\nint fill%d() {\n  return %d;\n}\n" % (n, n) for n in range(4))
    run("git", "init", "-q", "-b", "base")
    file.write_bytes(KERNEL + fill)
    run("git", "add", "-A")
    run("git", "commit", "-q", "-m", "base")
    commit(KERNEL.replace(b"out[n] * by", b"out[n] * by + T(1)") + fill + b"\n#define TILE 16\n", "theirs")
    formatted = KERNEL.replace(
        b"(T* out, T by, int n) {\n  out", b"(T* out,\n        T by, int n)\n{\n    out"
    )
    commit(b"#define TILE 8\n" + formatted + fill, "ours")
    run("git", "merge", "theirs", ok=False)
    assert b"<<<<<<<" in file.read_bytes(), "git alone"
    run("git", "merge", "--abort")
    run(sys.executable, "-m", "mergeguard", "install", "--sources")
    said = run("git", "merge", "--no-edit", "theirs", ok=False)
    text = file.read_bytes()
    assert formatted.replace(b"out[n] * by", b"out[n] * by + T(1)") in text
    assert text.count(b"<<<<<<<") == 2 and "scale.cu:" in said, "two definitions of TILE are left to a person"
    run("git", "merge", "--abort")
    run(sys.executable, "-m", "mergeguard", "install")
    assert "*.cu merge=mergeguard" in (tmp_path / ".git/info/attributes").read_text(), "it stays"
    run(sys.executable, "-m", "mergeguard", "install", "--no-sources")
    run("git", "merge", "theirs", ok=False)
    assert text != file.read_bytes()
