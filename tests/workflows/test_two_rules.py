"""Two branches change one rule: the rule is for a person to resolve, all that is derived from it is not."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from mergeguard.hooks import pending
from mergeguard.hooks.pending import PendingNote
from tests.support.story import Story
from tests.workflows.world import OURS, World, build

RULE = "skinny_gemms_int8"
RULE_PATH = f".mergeguard/rules/{RULE}.toml"
LOCK_PATH = f".mergeguard/locks/{RULE}.toml"
FOLDER = "csrc/rocm/skinny_gemms_int8"
DEALT = b'"instantiate_n1.cu" = [1]\n"instantiate_n2.cu" = [2]\n'


def guard(world: World, *arguments: str):
    return Story(world.root, world.root).run(*arguments)


def dealt(world: World, shard: str) -> None:
    """The rule's file with the first two arms in one shard of that name."""
    text = world.git("show", f"fork:{RULE_PATH}").stdout.encode()
    assert DEALT in text
    (world.root / RULE_PATH).write_bytes(text.replace(DEALT, f'"{shard}" = [1, 2]\n'.encode()))


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """Branches ``one`` and ``two``, in which the rule and the layout differ; ``one`` is checked out."""
    world = build(tmp_path_factory.mktemp("rules") / "fork", (RULE,))
    for branch in ("two", "one"):
        world.git("checkout", "-q", "-b", branch, "fork")
        dealt(world, f"{branch}.cu")
        assert guard(world, "split").code == 0
        world.git("commit", "-q", "-am", branch)
    assert guard(world, "install").code == 0
    return world


@pytest.fixture
def world(begun, tmp_path: Path):
    return begun.copy(tmp_path / "fork")


def is_of_the_rule(world: World) -> None:
    """What is committed is the layout of the rule as resolved, with the fork's edit."""
    assert world.out("status", "--porcelain") == ""
    assert (world.root / FOLDER / "both.cu").exists()
    assert not (world.root / FOLDER / "one.cu").exists() and not (world.root / FOLDER / "two.cu").exists()
    listed = (world.root / "CMakeLists.txt").read_text()
    assert listed.count("both.cu") == 1 and "one.cu" not in listed and "two.cu" not in listed
    assert OURS in (world.monolith("HEAD", RULE) or b"")
    assert guard(world, "check").code == 0


def test_plain_merge_asks_for_the_rule_alone(world):
    assert world.git("merge", "--no-edit", "two", ok=False).returncode == 1
    assert world.out("diff", "--name-only", "--diff-filter=U") == RULE_PATH
    dealt(world, "both.cu")
    world.git("add", RULE_PATH)
    world.git("-c", "core.editor=true", "merge", "--continue")
    is_of_the_rule(world)


def test_sync_asks_for_the_rule_alone(world):
    assert guard(world, "sync", "two").code == 1
    assert world.out("diff", "--name-only", "--diff-filter=U") == RULE_PATH
    dealt(world, "both.cu")
    world.git("add", RULE_PATH)
    assert guard(world, "sync", "--continue").code == 0
    is_of_the_rule(world)


def test_a_rule_that_was_resolved_to_nonsense_can_be_committed_and_corrected(world):
    world.git("merge", "--no-edit", "two", ok=False)
    world.git("add", RULE_PATH)
    world.git("commit", "-q", "--no-edit")
    assert "a conflict marker stands here" in guard(world, "check").err
    dealt(world, "both.cu")
    assert guard(world, "split").code == 0
    world.git("commit", "-q", "-am", "resolve the rule")
    is_of_the_rule(world)


def test_what_a_hook_prints_when_it_refuses_works(world):
    world.git("checkout", "-q", "two")
    (world.root / LOCK_PATH).write_text("schema = 1\n")
    world.git("commit", "-q", "-am", "a damaged lock")
    world.git("checkout", "-q", "one")
    world.git("merge", "--no-edit", "two", ok=False)
    # As the merge driver leaves it where it comes to one file, and the lens then fails on the whole.
    pending.write(
        world.repository.git_dir, PendingNote("merge", *(world.out("rev-parse", r) for r in ("one", "two")))
    )
    world.git("checkout", "-q", "--ours", "--", ".")
    world.git("add", "-A")
    refused = world.git("commit", "--no-edit", ok=False)
    assert refused.returncode
    (command,) = re.findall(r"next: (\w+=1 git commit .*)$", refused.stderr, re.MULTILINE)
    done = subprocess.run(command, shell=True, cwd=world.root, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(world.out("rev-list", "--parents", "-1", "HEAD").split()) == 3
