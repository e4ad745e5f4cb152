"""The same three texts give the same bytes, whoever merges them: ``merge-file``, the driver under plain
``git merge`` and ``git rebase``, ``sync``, ``sync --stepwise`` and ``sync --rebase``."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from mergeguard.hooks import asked
from mergeguard.hooks.mergefile import main
from tests.support.story import Story, git

ROOT = Path(__file__).parents[1] / "scenarios" / "merge"
# Of the classes of wrong merges one scenario each: solved clean, clean with a finding, and conflicts. A
# process a file is dear: of the hooks only some are asked.
CLASSES = tomllib.loads((ROOT / "classes.toml").read_text())["class"]
CASES = [ROOT / "working" / one["scenarios"][0] for one in CLASSES if one.get("hooks")]
OTHERS = [ROOT / "working" / one["scenarios"][0] for one in CLASSES if not one.get("hooks")]


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """A fork and its upstream that have edited every scenario's file."""
    story = _begun(tmp_path_factory.mktemp("strength"), CASES)
    assert story.run("install", "--sources").code == 0
    git(story.fork, "tag", "start")
    return story


def _begun(folder: Path, cases: list[Path]) -> Story:
    story = Story(folder / "upstream", folder / "fork")
    for root in (story.upstream, story.fork):
        root.mkdir()
    git(story.upstream, "init", "-q", "-b", "main")
    _put(story.upstream, "base", cases)
    story.upstream_commits("release 1")
    git(story.fork, "clone", "-q", "-o", "upstream", str(story.upstream), ".")
    git(story.fork, "checkout", "-q", "-b", "fork", "--no-track")
    _put(story.fork, "ours", cases)
    story.commits("local")
    _put(story.upstream, "theirs", cases)
    story.upstream_commits("release 2")
    story.fetch()
    return story


@pytest.fixture
def fresh(story):
    """The fork before any merge."""
    yield story
    git(story.fork, "rebase", "--abort", check=False)
    story.run("sync", "--abort")
    git(story.fork, "checkout", "-q", "-f", "-B", "fork", "start")


def _put(root: Path, side: str, cases: list[Path]) -> None:
    for case in cases:
        (root / f"{case.name}.cu").write_bytes((case / f"{side}.cu").read_bytes())


def _merged_by_file(folder: Path, ours: str, theirs: str, cases: list[Path] = CASES) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for case in cases:
        target = folder / f"{case.name}.cu"
        target.write_bytes((case / f"{ours}.cu").read_bytes())
        main(["merge-file", "-q", str(target), str(case / "base.cu"), str(case / f"{theirs}.cu")])
        found[case.name] = target.read_bytes()
    return _unlabelled(found)


def _in_fork(story: Story, cases: list[Path] = CASES) -> dict[str, bytes]:
    return _unlabelled({case.name: (story.fork / f"{case.name}.cu").read_bytes() for case in cases})


def _unlabelled(texts: dict[str, bytes]) -> dict[str, bytes]:
    return {name: re.sub(rb"^([<>]{7}) .*", rb"\1", text, flags=re.M) for name, text in texts.items()}


def test_a_merge(fresh, tmp_path):
    wanted = _merged_by_file(tmp_path, "ours", "theirs")
    conflicts = {name for name, text in wanted.items() if b"<<<<<<<" in text}
    assert conflicts and len(conflicts) < len(wanted)
    for command in (["sync", "upstream/main"], ["sync", "--stepwise", "upstream/main"]):
        assert fresh.run(*command).code == 1
        assert _in_fork(fresh) == wanted, command
        listed = git(fresh.fork, "diff", "--name-only", "--diff-filter=U").split()
        assert {name.removesuffix(".cu") for name in listed} == conflicts
        assert fresh.run("sync", "--abort").code == 0
    git(fresh.fork, "merge", "--no-edit", "upstream/main", check=False)
    assert _in_fork(fresh) == wanted
    git(fresh.fork, "merge", "--abort")


def test_a_rebase(fresh, tmp_path):
    wanted = _merged_by_file(tmp_path, "theirs", "ours")
    assert fresh.run("sync", "--rebase", "upstream/main").code == 1
    assert _in_fork(fresh) == wanted
    assert fresh.run("sync", "--abort").code == 0
    git(fresh.fork, "rebase", "upstream/main", check=False)
    assert _in_fork(fresh) == wanted


def test_the_other_classes_in_sync_and_in_the_driver(tmp_path, monkeypatch):
    folder = tmp_path / "files"
    folder.mkdir()
    wanted = _merged_by_file(folder, "ours", "theirs", OTHERS)
    story = _begun(tmp_path, OTHERS)
    assert story.run("sync", "upstream/main").code == 1
    assert _in_fork(story, OTHERS) == wanted
    assert story.run("sync", "--abort").code == 0

    monkeypatch.chdir(story.fork)
    for case in OTHERS:
        files = [str(folder / f"{case.name}.{side}") for side in ("base", "ours", "theirs")]
        for name, side in zip(files, ("base", "ours", "theirs"), strict=True):
            Path(name).write_bytes((case / f"{side}.cu").read_bytes())
        conflicts = asked.main(["merge-driver", *files, "7", f"{case.name}.cu"])
        text = _unlabelled({case.name: Path(files[1]).read_bytes()})[case.name]
        assert (text, bool(conflicts)) == (wanted[case.name], b"<<<<<<<" in wanted[case.name]), case.name


def test_findings_are_said(fresh):
    ran = fresh.run("sync", "upstream/main", "--dry-run")
    told = {case.name for case in CASES if (case / "findings.txt").read_text().split()}
    clean = {case.name for case in CASES if b"<<<<<<<" not in (case / "expected.cu").read_bytes()}
    assert told & clean
    said = "".join(ran.out.split())
    assert all(f"{name}.cu" in said for name in told & clean)
