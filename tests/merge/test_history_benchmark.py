"""``python -m benchmarks.merge history`` on a small repository whose merges are known."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks.merge.history import __main__ as history
from benchmarks.merge.history.rows import History, Row, rows_of
from benchmarks.merge.history.tools import MERGE_FILE, OWN
from benchmarks.merge.history.verdicts import Cost, break_even
from tests.support.hermetic import git_environment

BASE = "int add(int a, int b) {\n  return a + b;\n}\n"
OURS = BASE.replace("a + b", "a + b + 1")
THEIRS = BASE.replace("int b)", "int b, int c)").replace("  return a + b", "    return a + b")
RIGHT = "int add(int a, int b, int c) {\n    return a + b + 1;\n}\n"


class _Upstream:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        return self._run(["git", *arguments])

    def _run(self, command: list[str], given: str | None = None) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=git_environment(),
            input=given,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, text: str, *parents: str, path: str = "a.cu") -> str:
        blob = self._run(["git", "hash-object", "-w", "--stdin"], text)
        self.git("read-tree", "--empty")
        self.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
        named = [word for parent in parents for word in ("-p", parent)]
        return self.git("commit-tree", self.git("write-tree"), *named, "-m", "x")


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three merges of one conflict: resolved; committed with markers, resolved later; renamed by us."""
    made = _Upstream(tmp_path_factory.mktemp("history") / "project")
    base = made.commit(BASE)
    ours, theirs = made.commit(OURS, base), made.commit(THEIRS, base)
    resolved = made.commit(RIGHT, ours, theirs)
    marked = made.commit(f"<<<<<<< ours\n{OURS}=======\n{THEIRS}>>>>>>> theirs\n", ours, theirs)
    later = made.commit("// resolved\n" + RIGHT, marked)
    renamed = made.commit(RIGHT, made.commit(OURS, base, path="b.cu"), theirs, path="b.cu")
    for number, tip in enumerate((resolved, later, renamed)):
        made.git("update-ref", f"refs/heads/tip{number}", tip)
    return made.folder


def test_the_answer_is_what_people_committed_be_it_in_a_later_id(upstream: Path) -> None:
    opened = History(upstream)
    answers = {(row.path, opened.read(row.answer or "").decode()) for row in rows_of(opened)}
    assert answers == {("a.cu", RIGHT), ("a.cu", "// resolved\n" + RIGHT), ("b.cu", RIGHT)}


def _run(upstream: Path, folder: Path, *options: str) -> dict[str, list[dict[str, object]]]:
    report = folder / "report.json"
    assert history.main(["--repo", str(upstream), "--json", str(report), *options]) == 0
    found: dict[str, list[dict[str, object]]] = {}
    for record in json.loads(report.read_text()):
        found.setdefault(record["tool"], []).append(record)
    return found


def test_verdicts_costs_and_texts_to_read(
    upstream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _run(upstream, tmp_path, "--dump", str(tmp_path / "read"))
    assert [r["verdict"] for r in found[MERGE_FILE]] == ["conflict"] * 3
    assert sorted(str(r["verdict"]) for r in found[OWN]) == ["different", "equal", "equal"]
    [place] = (tmp_path / "read" / "different").iterdir()
    assert "// resolved" in (place / "answer-result.diff").read_text()
    assert "even if all 1 unread results" in capsys.readouterr().out


def test_a_result_that_was_read_or_compiled_costs_what_it_is(upstream: Path, tmp_path: Path) -> None:
    [different] = [r for r in _run(upstream, tmp_path)[OWN] if r["verdict"] == "different"]
    assert different["wrong"] is None
    reading = tmp_path / "read.jsonl"
    said = {name: different[name] for name in ("merge", "path", "result")}
    for verdict, wrong in (("right", False), ("wrong", True)):
        reading.write_text(json.dumps({**said, "verdict": verdict}) + "\n")
        after = _run(upstream, tmp_path, "--read", str(reading))[OWN]
        assert [r["wrong"] for r in after if r["verdict"] == "different"] == [wrong]


def test_a_result_that_does_not_compile_is_wrong(upstream: Path, tmp_path: Path) -> None:
    # Accepts both parents and the people's answer, refuses the clean result that lacks their comment.
    judge = "sh -c '! grep -q int.c {} || ! grep -q b...1 {} || grep -q resolved {}'"
    for command, wrong in ((judge, True), ("true", None), ("false", None)):
        found = _run(upstream, tmp_path, "--judge", command)[OWN]
        assert [r["wrong"] for r in found if r["verdict"] == "different"] == [wrong]


def test_a_clone_that_lacks_texts(upstream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lacking = tmp_path / "lacking"
    shutil.copytree(upstream, lacking)
    rows = list(rows_of(History(upstream)))
    markers = _id(upstream, "tip1^:a.cu")
    (lacking / ".git/objects" / markers[:2] / markers[2:]).unlink()
    opened = History(lacking)
    merges = {row.merge for row in rows} - {_id(upstream, "tip1^")}
    assert {row.merge for row in rows_of(opened)} == merges
    assert opened.left_out == 1
    for row in rows:
        (lacking / ".git/objects" / row.theirs[:2] / row.theirs[2:]).unlink(missing_ok=True)
    listed = tmp_path / "listed.jsonl"
    listed.write_text("".join(json.dumps(asdict(row) | {"answer": row.merge}) + "\n" for row in rows))
    for options in ((), ("--merges", str(listed))):
        assert history.main(["--repo", str(lacking), *options]) == 0
        assert "0 merges" in (said := capsys.readouterr().err)
        assert "3 more left out" in said


def _id(folder: Path, name: str) -> str:
    return subprocess.check_output(["git", "rev-parse", name], cwd=folder, text=True).strip()


def test_other_peoples_texts_stay_outside_the_checkout(upstream: Path) -> None:
    inside = Path(history.__file__).parent / "dump"
    assert history.main(["--repo", str(upstream), "--dump", str(inside)]) == 2
    assert not inside.exists()


def test_the_price_at_which_git_is_cheaper() -> None:
    assert break_even(Cost(10, 0, 0), Cost(4, 1, 1)) == 3
    assert break_even(Cost(10, 1, 0), Cost(4, 0, 1)) is None
    assert Cost(4, 1, 1).at(10) == (14, 24)


def test_names_of_rows_are_names_of_folders() -> None:
    assert Row("a/b", "c" * 40, "d/e.cu", "", "", "", None).name == "a-b-cccccccc-d-e.cu"
