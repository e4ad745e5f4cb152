"""Two runs at once, locks of dead and of living processes, linked work trees."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.safety.test_interrupted import start, state
from tests.workflows.world import ROOT, World

__all__ = ["start"]


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """The lock of a work tree, held as another mergeguard holds it."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump({"pid": 4711, "host": "elsewhere", "since": 0, "purpose": "sync upstream/main"}, file)
        file.flush()
        yield


def test_two_syncs_at_once(start, tmp_path):
    alone, both = start.copy(tmp_path / "alone"), start.copy(tmp_path / "both")
    alone.git("guard", "sync", "upstream")
    command = ["git", "guard", "sync", "upstream"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    runs = [
        subprocess.Popen(command, cwd=both.root, env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [run.communicate()[1] for run in runs]
    codes = sorted(run.returncode for run in runs)
    # The second is told so, or finds that all is done.
    assert codes in ([0, 0], [0, 2]), said
    assert "Traceback" not in "".join(said)
    assert state(both.root) == state(alone.root)


def test_living_lock_is_respected_and_named(start, tmp_path):
    world = start.copy(tmp_path / "fork")
    before = state(world.root)
    with held(world.root / ".git" / "mergeguard"):
        done = world.git("guard", "sync", "upstream", ok=False)
    assert done.returncode == 2
    assert "process 4711 on elsewhere" in done.stderr and "next:" in done.stderr
    assert state(world.root) == before


def test_dead_lock_is_not_in_the_way(start, tmp_path):
    world = start.copy(tmp_path / "fork")
    with held(world.root / ".git" / "mergeguard"):
        pass
    assert (world.root / ".git" / "mergeguard" / "lock").exists()
    world.git("guard", "sync", "upstream")
    assert not (world.root / ".git" / "mergeguard" / "lock").exists()


def test_hook_does_not_race_a_running_command(start, tmp_path):
    """git merges while another mergeguard works: the hook stands back, and the next command completes it."""
    world = start.copy(tmp_path / "fork")
    expected = start.copy(tmp_path / "expected")
    expected.git("merge", "-q", "--no-edit", "upstream")
    with held(world.root / ".git" / "mergeguard"):
        done = world.git("merge", "-q", "--no-edit", "upstream", ok=False)
        assert "nothing was committed; correct that and commit again" in done.stderr
    if world.repository.operation_in_progress() == "merge":
        world.git("commit", "-q", "--no-edit")
    world.git("guard", "repair")
    assert world.out("rev-parse", "HEAD^{tree}") == expected.out("rev-parse", "HEAD^{tree}")
    assert world.out("status", "--porcelain") == ""


def test_linked_work_tree_has_its_own_lock(start, tmp_path):
    world = start.copy(tmp_path / "fork")
    world.git("worktree", "add", "-q", "-b", "linked", str(tmp_path / "linked"), "fork")
    with held(world.root / ".git" / "mergeguard"):
        linked = World(tmp_path / "linked")
        linked.git("guard", "sync", "upstream")
    assert linked.out("status", "--porcelain") == ""
    assert linked.out("rev-parse", "HEAD^2") == world.out("rev-parse", "upstream")
