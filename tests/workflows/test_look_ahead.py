"""A sync that stops has looked at the layouts without a conflict: what concludes it need not."""

from __future__ import annotations

from mergeguard.fork.verdicts import Verdicts
from mergeguard.fork.workspace import Workspace
from tests.support.story import Story
from tests.workflows.world import THEIRS, build, elsewhere, in_function, monolith_path

STOPPED, CLEAN = "skinny_gemms_int8", "paged_attention_v1"


def test_a_stopped_sync_leaves_what_it_found_about_the_other_layouts(tmp_path):
    world = build(tmp_path / "fork", (STOPPED, CLEAN))
    world.git("checkout", "-q", "upstream")
    for name, edit in ((STOPPED, in_function), (CLEAN, elsewhere)):
        file = world.root / monolith_path(name)
        file.write_bytes(edit(file.read_bytes(), THEIRS))
    world.git("commit", "-q", "-a", "-m", "edits, one where the fork has one")
    world.git("checkout", "-q", "fork")
    fork = Story(world.root, world.root)
    assert fork.run("sync", "upstream").code == 1
    unmerged = world.out("diff", "--name-only", "--diff-filter=U").splitlines()
    assert unmerged and all("int8" in path for path in unmerged)
    world.git("checkout", "-q", "--ours", "--", *unmerged)
    world.git("add", "--", *unmerged)
    repository = world.repository
    resolved = Workspace.load(repository, repository.index_tree())
    verdicts = Verdicts(repository.private_dir)
    assert verdicts.known(resolved, resolved.rule(STOPPED)) is None
    found = verdicts.known(resolved, resolved.rule(CLEAN))
    assert found is not None and found.files
    assert fork.run("sync", "--continue").code == 0
    assert fork.run("check").code == 0
