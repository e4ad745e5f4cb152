"""No permission, no space: a clear error, and the repository as before; or all of it done."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.safety.test_interrupted import FLOWS, FOLDER, SHARD, Case, start
from tests.support import faulting
from tests.workflows.world import ROOT

__all__ = ["start"]

PLACES = ("the git folder", "objects", "refs", "a folder", "a file")
VERBS = ("sync", "sync --rebase", "sync --skip", "leave", "install")
PLAIN = ("merge", "rebase", "cherry-pick")


def places(root: Path, name: str) -> dict[Path, int]:
    """What may not be written (or, a file, not even read), with the permissions to set."""
    git_dir = root / ".git"
    if name == "the git folder":
        return {git_dir: 0o555}
    if name == "objects":
        return dict.fromkeys((git_dir / "objects", *(git_dir / "objects").iterdir()), 0o555)
    if name == "refs":
        return {path: 0o555 for path in ((git_dir / "refs"), *(git_dir / "refs").rglob("*")) if path.is_dir()}
    if name == "a folder":
        return {root / FOLDER: 0o555}
    return {root / SHARD: 0o000}


@contextmanager
def denied(root: Path, name: str) -> Iterator[None]:
    """While it lasts, permissions are missing; processes must be started by ``support.denied`` to feel it."""
    before = {path: path.stat().st_mode & 0o777 for path in places(root, name)}
    for path, mode in places(root, name).items():
        path.chmod(mode)
    try:
        yield
    finally:
        for path, mode in before.items():
            if path.exists():
                path.chmod(mode)


def run(root: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.support.denied", *command],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def cases(start, tmp_path_factory):
    made: dict[str, Case] = {}

    def case(name: str) -> Case:
        if name not in made:
            made[name] = Case(start, FLOWS[name], tmp_path_factory.mktemp(name.replace(" ", "")))
        return made[name]

    return case


@pytest.fixture(autouse=True)
def _may_drop() -> None:
    if run(ROOT, "true").returncode:
        pytest.skip("this process may not give up the right to pass over permissions")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", VERBS)
def test_verb_without_permission(cases, tmp_path, name, place):
    case = cases(name)
    root = tmp_path / "repository"
    faulting.copy(case.template.root, root)
    with denied(root, place):
        done = run(root, "git", *case.flow.command)
    assert "Traceback" not in done.stderr and "internal error" not in done.stderr, done.stderr
    if done.returncode == 2:
        assert "error:" in done.stderr and "next:" in done.stderr, done.stderr
        assert case.check(root) == "before"
    else:
        assert place != "the git folder"
        assert case.check(root) == "after", done.stderr


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", PLAIN)
def test_hooks_without_permission(cases, tmp_path, name, place):
    """git itself fails, or its result is right, or the next command knows that it is not."""
    if (name, place) == ("rebase", "a folder"):
        pytest.skip("git itself leaves files there that are in its own way when it gives up")
    case = cases(name)
    root = tmp_path / "repository"
    faulting.copy(case.template.root, root)
    with denied(root, place):
        done = run(root, "git", *case.flow.command)
    assert "Traceback" not in done.stderr and "internal error" not in done.stderr, done.stderr
    case.check(root)


@pytest.mark.parametrize("name", ["sync", "sync --skip", "install", "report", "export"])
def test_full_disk(cases, request, name):
    """At every step, or (without ``--all-faults``, and beside ``test_failing_at_every_step``) at a few."""
    case = cases(name)
    stride = 1 if request.config.getoption("--all-faults") else max(1, len(case.steps) // 4)
    for number in range(1, len(case.steps) + 1, stride):
        world = case.copy("full")
        done = case.run(world, **{faulting.AT: str(number), faulting.HOW: "full"})
        step = case.steps[number - 1]
        assert "Traceback" not in done.stderr and "internal error" not in done.stderr, (step, done.stderr)
        assert case.check(world.root) == ("before" if done.returncode == 2 else "after"), (step, done.stderr)
        shutil.rmtree(world.root)
