"""Random trees, each landed on the other, whole and interrupted: files come, go, become folders and back."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from mergeguard.git.landing import Outcome, land
from mergeguard.git.objects import MODE_EXECUTABLE, MODE_FILE, MODE_SYMLINK, Entry
from mergeguard.git.recovery import recover
from mergeguard.git.repository import Repository
from tests.git.conftest import Sandbox
from tests.git.landings import leftovers, snapshot
from tests.git.test_faults import KILLED, in_child, watched
from tests.support import faulting

NAMES = ["a", "b", "c d", "ü", "new\nline", 'quo"te', "*", "non\udcffutf8", "-x"]


def random_tree(repository: Repository, chance: random.Random) -> str:
    """A tree of up to 12 files in up to three levels, in which names are files here and folders there."""
    chosen: dict[str, Entry] = {}
    for _ in range(chance.randrange(1, 13)):
        path = "/".join(chance.choice(NAMES) for _ in range(chance.randrange(1, 4)))
        prefixes = {path[:i] for i, letter in enumerate(path) if letter == "/"}
        if path in chosen or prefixes & set(chosen) or any(other.startswith(path + "/") for other in chosen):
            continue
        mode = chance.choice([MODE_FILE, MODE_FILE, MODE_EXECUTABLE, MODE_SYMLINK])
        text = b"nowhere" if mode == MODE_SYMLINK else b"%d\n" % chance.randrange(3)
        chosen[path] = Entry(mode, repository.write_blob(text))
    return repository.edit_tree(repository.empty_tree, chosen)


def on_disk(sandbox: Sandbox) -> dict[str, object]:
    files = snapshot(sandbox)["files"]
    assert isinstance(files, dict)
    return files


@pytest.mark.parametrize("seed", range(8))
def test_random_trees(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    sandbox = Sandbox(tmp_path / "repo")
    repository = sandbox.repository
    sandbox.commit()
    head = repository.resolve("HEAD")
    for step in range(4):
        tree = random_tree(repository, chance)
        commit = repository.commit_object(tree, (head,), f"step {step}\n")
        outcome = Outcome(tree, head, "test: random", commit)
        before = snapshot(sandbox)
        # Interrupted on a copy, at any point that there may be.
        copy = Sandbox.at(tmp_path / "copy")
        shutil.copytree(sandbox.root, copy.root, symlinks=True)
        number = chance.randrange(1, 40)
        variables = watched(copy.root, **{faulting.AT: str(number)})
        code = in_child(lambda to=copy, what=outcome: land(to.repository, what), **variables)  # type: ignore[misc]
        assert code in (0, KILLED)
        recover(copy.repository)
        interrupted = snapshot(copy)
        assert leftovers(copy) == []
        shutil.rmtree(copy.root)
        # And whole.
        land(repository, outcome)
        after = snapshot(sandbox)
        assert leftovers(sandbox) == []
        assert after["status"] == ""
        assert sandbox.git("write-tree") == tree
        assert interrupted in (before, after)
        # The files are what git itself checks out.
        clone = tmp_path / "clone"
        sandbox.git("worktree", "add", "-q", "--detach", str(clone), commit)
        assert on_disk(sandbox) == on_disk(Sandbox.at(clone))
        sandbox.git("worktree", "remove", "--force", str(clone))
        assert not os.path.lexists(clone)
        head = commit
