"""References are read from their own files as git reads them."""

from __future__ import annotations

import pytest

from mergeguard.git.ownfiles import References

NAMES = (
    "HEAD", "ORIG_HEAD", "MERGE_HEAD", "refs/heads/main", "refs/heads/topic/one", "refs/heads/topic",
    "refs/heads/gone", "refs/remotes/up/main", "refs/remotes/up/HEAD", "refs/tags/v1", "refs/tags/noted",
    "refs/heads/../config", "refs/notes/commits", "config", "main",
)  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
def test_like_git(sandbox, packed):
    first, second = sandbox.commit(a="1"), sandbox.commit(a="2")
    sandbox.git("update-ref", "refs/heads/topic/one", first)
    sandbox.git("update-ref", "refs/remotes/up/main", first)
    sandbox.git("symbolic-ref", "refs/remotes/up/HEAD", "refs/remotes/up/main")
    sandbox.git("tag", "v1", first)
    sandbox.git("tag", "-a", "-m", "noted", "noted")
    sandbox.git("branch", "gone")
    sandbox.git("notes", "add", "-m", "a note")
    if packed:
        sandbox.git("pack-refs", "--all")
        sandbox.git("update-ref", "refs/heads/topic/one", second)
    sandbox.git("branch", "-D", "gone")
    repository = sandbox.repository
    references = References(repository.git_dir, repository.common_dir)
    told = {name: references.find(name) for name in NAMES}
    for name, oid in told.items():
        if oid is not None:
            assert sandbox.git("rev-parse", "--verify", "--quiet", name, ok=False) == oid, name
    assert told["refs/heads/topic/one"] == (second if packed else first)
    assert told["refs/heads/gone"] == told["refs/heads/topic"] == told["MERGE_HEAD"] == ""
    assert {name for name, oid in told.items() if oid is None} == {
        "HEAD", "refs/remotes/up/HEAD", "refs/heads/../config", "refs/notes/commits", "config", "main",
    }  # fmt: skip
    assert repository.first_of(["refs/remotes/up/gone", "refs/remotes/up/HEAD"]) == "refs/remotes/up/HEAD"
    assert repository.first_of(["refs/remotes/up/gone", "refs/heads/main"]) == "refs/heads/main"


def test_what_only_git_can_tell(sandbox):
    """Where references are kept otherwise, none that has no file is taken for absent."""
    sandbox.commit(a="1")
    repository = sandbox.repository
    (repository.common_dir / "reftable").mkdir()
    assert References(repository.git_dir, repository.common_dir).find("refs/heads/other") is None
    assert References(repository.git_dir, repository.common_dir).find("MERGE_HEAD") is None
