"""Commits are as whole as the one they go on from, and a long branch is gone over once."""

from __future__ import annotations

import pytest

from mergeguard.fork.whole import LOCKS, KnownWhole
from mergeguard.git.objects import MODE_FILE, Entry
from tests.git.conftest import Sandbox

LONG = 250  # commits, more than one look goes back


class Counting(KnownWhole):
    """How often a commit is held against its parent."""

    steps = 0

    def _before(self, commit):
        self.steps += 1
        return super()._before(commit)


@pytest.fixture
def branch(tmp_path):
    """A repository, and a branch of it, the newest commit last; all commits have one lock."""
    repository = Sandbox(tmp_path / "repo").repository
    tree = repository.edit_tree(
        None, {f"{LOCKS}/one.toml": Entry(MODE_FILE, repository.write_blob(b"a lock\n"))}
    )
    commits = [repository.commit_object(tree, (), "0")]
    for number in range(1, LONG):
        commits.append(repository.commit_object(tree, (commits[-1],), str(number)))
    return repository, commits


def test_a_branch_that_nobody_knows_is_gone_over_once(branch):
    repository, commits = branch
    known = Counting(repository)
    assert not any(known.holds(commit) for commit in reversed(commits))
    assert known.steps == len(commits)


def test_what_goes_on_from_a_whole_commit_is_whole(branch):
    repository, commits = branch
    KnownWhole(repository).keep(commits[100])
    known = Counting(repository)
    assert [n for n, commit in enumerate(commits) if known.holds(commit)] == [*range(100, LONG)]
    assert KnownWhole(repository).holds(commits[-1])


def test_what_was_passed_in_vain_is_whole_once_that_is_noted(branch):
    repository, commits = branch
    known = KnownWhole(repository)
    assert not known.holds(commits[-1])
    known.keep(commits[-1])
    assert known.holds(commits[-1])
