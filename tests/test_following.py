"""Edits that follow their declarations from file to file; a new case is a folder, no Python.

Each folder of ``tests/scenarios/following`` has the trees ``base``, ``ours``, ``theirs`` and ``expected``;
``said.txt`` is what the merge says of declarations that moved, ``conflicts.txt`` names paths in conflict.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.treemerge import Merged, merge_trees
from mergeguard.workspace import REGULAR
from tests.story import git

ROOT = Path(__file__).parent / "scenarios" / "following"
CASES = sorted(path.name for path in ROOT.iterdir())


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    git(tmp_path, "init", "-q")
    return Repository.discover(tmp_path)


def tree(repository: Repository, files: dict[str, bytes]) -> str:
    write = repository.write_blob
    return repository.edit_tree(None, {path: Entry(REGULAR, write(text)) for path, text in files.items()})


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def texts(repository: Repository, tree: str) -> dict[str, bytes]:
    return {path: repository.read_blob(entry.oid) for path, entry in repository.objects.walk(tree)}


def merged(
    repository: Repository, base: dict[str, bytes], ours: dict[str, bytes], theirs: dict[str, bytes]
) -> Merged:
    root = repository.commit_object(tree(repository, base), (), "base\n")
    left, right = (
        repository.commit_object(tree(repository, side), (root,), "side\n") for side in (ours, theirs)
    )
    return merge_trees(repository, (root,), left, right, placed=False)


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("case", CASES)
def test_scenario(repository: Repository, case: str) -> None:
    versions = [files(ROOT / case / name) for name in ("base", "ours", "theirs")]
    outcome = merged(repository, *versions)
    assert texts(repository, outcome.tree) == files(ROOT / case / "expected")
    assert [edit.message for edit in outcome.followed] == lines_of(ROOT / case / "said.txt")
    assert sorted(outcome.stages) == lines_of(ROOT / case / "conflicts.txt")
