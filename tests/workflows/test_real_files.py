"""Plain git on the real files: a fork of one release takes the changes of the next ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from mergeguard.treemerge import trees as treemerge
from mergeguard.verbs import rebase
from tests.support import corpus
from tests.workflows.world import OURS, World, start_fork

RELEASES = ("0.26.0", "0.30.0", "0.33.0")
# Those that all of them have; the newest has moved selective_scan_fwd.
REAL = ("skinny_gemms", "skinny_gemms_int4", "selective_scan_fwd")


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """A fork of the first release, all real files split."""
    folder = tmp_path_factory.mktemp("real")
    world = World(corpus.repository(RELEASES, folder / "repository"))
    world.git("checkout", "-q", f"v{RELEASES[0]}")
    start_fork(world, REAL)
    return world


@pytest.fixture
def world(start, tmp_path: Path):
    return start.copy(tmp_path / "fork")


def has_every_edit(world: World, release: str) -> None:
    assert world.out("status", "--porcelain") == ""
    for name in REAL:
        lines = (world.monolith("HEAD", name) or b"").splitlines(keepends=True)
        assert sum(OURS in line for line in lines) == 1, name
        assert b"".join(line for line in lines if OURS not in line) == world.monolith(f"v{release}", name), (
            name
        )


def test_merge_each_release(world):
    for release in RELEASES[1:]:
        repository = world.repository
        ours, theirs = repository.resolve("HEAD"), repository.resolve(f"v{release}")
        bases = repository.merge_bases(ours, theirs)
        expected = treemerge.merge_trees(repository, bases, ours, theirs, placed=False)
        world.git("merge", "-q", "--no-edit", f"v{release}")
        assert world.out("rev-parse", "HEAD^{tree}") == expected.tree
        has_every_edit(world, release)


def test_rebase_onto_each_release(world):
    for release in RELEASES[1:]:
        repository = world.repository
        head, onto = repository.resolve("HEAD"), repository.resolve(f"v{release}")
        expected = rebase.rebase(repository, onto, head=head)
        world.git("rebase", "-q", f"v{release}")
        assert world.out("rev-parse", "HEAD^{tree}") == repository.tree_of(expected.tip)
        has_every_edit(world, release)
