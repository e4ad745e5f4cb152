"""Every workflow x every file x every kind of upstream change: plain git ends where the lens does.

A cell is one of the six files in one run of one git command; a run has all six files split, so that a test
is a row of six cells. What counts: the resulting tree is the lens' own answer to the last byte, the same for
every workflow; upstream's file is in it with the fork's edit and nothing else; and where the lens has a
conflict, git shows that very conflict (index stages, markers in the files, the edit still there).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from mergeguard.git import worktree
from mergeguard.git.objects import Entry
from mergeguard.git.snapshot import snapshot
from mergeguard.treemerge import trees as treemerge
from mergeguard.treemerge.trees import Merged
from mergeguard.verbs import rebase
from mergeguard.verbs.rebase import RebaseOutcome
from tests.workflows.world import OURS, RULES, SCENARIOS, World, advance, build, edited, in_function

WORKFLOWS = (
    "merge",
    "pull",
    "rebase",
    "pull --rebase",
    "cherry-pick",
    "revert",
    "stash pop",
    "sync",
    "sync --rebase",
)


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """By scenario: the fork, and upstream one commit further."""
    folder = tmp_path_factory.mktemp("worlds")
    start = build(folder / "start")
    made: dict[str, World] = {}

    def world(scenario: str) -> World:
        if scenario not in made:
            made[scenario] = start.copy(folder / scenario)
            advance(made[scenario], scenario)
        return made[scenario]

    return world


@dataclass(frozen=True)
class Answers:
    """By scenario: what the lens gives, worked out once for all the workflows that ask the same of it.

    Made in the scenario's own world, whose copies then have the objects.
    """

    merged: Callable[[str], Merged]
    rebased: Callable[[str], RebaseOutcome]


@pytest.fixture(scope="module")
def answers(before):
    def rebased(scenario: str) -> RebaseOutcome:
        world = before(scenario)
        onto, head = (world.out("rev-parse", revision) for revision in ("upstream", "fork"))
        return rebase.rebase(world.repository, onto, head=head)

    return Answers(
        cache(lambda scenario: merge_of(before(scenario), "base", "fork", "upstream")), cache(rebased)
    )


@dataclass
class Run:
    """What a workflow should give: a clean ``tree``, or ``stages`` and a ``tree`` with markers."""

    tree: str
    stages: Mapping[str, Mapping[int, Entry]]
    code: int = 0
    committed: bool = True
    keeps_edit: bool = True

    @classmethod
    def of(cls, merged: Merged, **facts: bool) -> Run:
        return cls(merged.tree, merged.stages, **facts)


def merge_of(world: World, base: str, ours: str, theirs: str) -> Merged:
    bases, sides = (world.out("rev-parse", base),), [world.out("rev-parse", r) for r in (ours, theirs)]
    labels = ("HEAD", "theirs")
    return treemerge.merge_trees(world.repository, bases, sides[0], sides[1], labels=labels, placed=False)


def merge(world: World, merged: Merged, *command: str) -> Run:
    expected = Run.of(merged)
    expected.code = world.git(*command, ok=False).returncode
    return expected


def replay(world: World, outcome: RebaseOutcome, *command: str) -> Run:
    done = world.git(*command, ok=False)
    if (world.root / ".git" / "rebase-merge").exists():
        # git itself stops where upstream has deleted the file that the fork splits.
        assert not world.out("ls-files", "-u"), done.stderr
        done = world.git("rebase", "--continue", ok=False)
    if outcome.merged is not None:
        return Run(outcome.merged.tree, outcome.merged.stages, 1)
    return Run(world.repository.tree_of(outcome.tip), {}, done.returncode)


def cherry_pick(world: World, merged: Merged) -> Run:
    assert world.out("rev-parse", "upstream^") == world.out("rev-parse", "base")
    expected = Run.of(merged)
    done = world.git("cherry-pick", "upstream", ok=False)
    # Upstream deleted what the fork splits: git stops, and the lens' conflicts are shown at once.
    expected.code = done.returncode
    return expected


def revert(world: World) -> Run:
    local = world.out("rev-parse", "fork")
    world.git("merge", "-q", "--no-edit", "upstream", ok=False)
    if world.out("ls-files", "-u"):
        world.git("add", "-A")
        world.git("commit", "-q", "--no-edit")
    expected = Run.of(merge_of(world, local, "HEAD", f"{local}^"), keeps_edit=False)
    expected.code = world.git("revert", "--no-edit", local, ok=False).returncode
    return expected


def stash_pop(world: World) -> Run:
    world.git("reset", "-q", "--hard", "split")
    edits = {name: lambda text: in_function(text, OURS) for name in RULES}
    world.git("read-tree", "-m", "-u", "HEAD", edited(world, "HEAD", edits))
    world.git("reset", "-q")
    world.git("stash")
    if world.git("merge", "-q", "--no-edit", "upstream", ok=False).returncode:
        # git stops where upstream deleted what it sees edited; there is nothing for a person to decide.
        assert not world.out("ls-files", "-u")
        world.git("commit", "-q", "--no-edit")
    expected = Run.of(merge_of(world, "stash^1", "HEAD", "stash"), committed=False)
    expected.code = world.git("stash", "pop", ok=False).returncode
    return expected


def mergeguard(world: World, *arguments: str) -> tuple[str, ...]:
    world.git("config", "alias.guard", "!python -m mergeguard")
    return "guard", *arguments


def run(workflow: str, scenario: str, answers: Answers, fresh: Callable[[], World]) -> tuple[World, Run]:
    """The fork after the workflow, and what the lens answers; the fork is made when that is known."""
    if workflow in ("merge", "pull", "cherry-pick", "sync"):
        merged = answers.merged(scenario)
        world = fresh()
        if workflow == "merge":
            return world, merge(world, merged, "merge", "--no-edit", "upstream")
        if workflow == "pull":
            return world, merge(world, merged, "pull", "-q", "--no-rebase", "--no-edit", ".", "upstream")
        if workflow == "sync":
            return world, merge(world, merged, *mergeguard(world, "sync", "upstream"))
        return world, cherry_pick(world, merged)
    if workflow in ("rebase", "pull --rebase", "sync --rebase"):
        outcome = answers.rebased(scenario)
        world = fresh()
        if workflow == "rebase":
            return world, replay(world, outcome, "rebase", "upstream")
        if workflow == "pull --rebase":
            return world, replay(world, outcome, "pull", "-q", "--rebase", ".", "upstream")
        return world, replay(world, outcome, *mergeguard(world, "sync", "--rebase", "upstream"))
    world = fresh()
    return world, revert(world) if workflow == "revert" else stash_pop(world)


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_plain_git_gives_what_the_lens_gives(before, answers, tmp_path: Path, workflow: str, scenario: str):
    world, expected = run(workflow, scenario, answers, lambda: before(scenario).copy(tmp_path / "fork"))
    if expected.stages and workflow == "stash pop":
        # No hook runs here: git shows the edited file that is gone, where the lens has the monolith.
        assert expected.code == 1
        shows_the_edits(world, world.out("diff", "--name-only", "--diff-filter=U").split())
    elif expected.stages:
        shows_the_conflict(world, expected)
    else:
        is_the_lens_answer(world, expected)
        holds_both_sides(world, expected)
        if expected.keeps_edit and answers.merged(scenario).clean:
            assert expected.tree == answers.merged(scenario).tree


def is_the_lens_answer(world: World, expected: Run) -> None:
    repository = world.repository
    tree = repository.tree_of("HEAD") if expected.committed else snapshot(repository)
    assert world.out("diff", "--stat", tree, expected.tree) == ""
    assert expected.code == 0
    assert not (world.root / ".git" / "mergeguard" / "pending").exists()
    if expected.committed:
        assert world.out("status", "--porcelain") == ""


def holds_both_sides(world: World, expected: Run) -> None:
    """Upstream's file with the fork's edit in it and nothing else."""
    commit = world.out("commit-tree", expected.tree, "-m", "result")
    for name in RULES:
        # The fork keeps what upstream has deleted.
        upstream = world.monolith("upstream", name) or world.monolith("base", name) or b""
        lines = (world.monolith(commit, name) or b"").splitlines(keepends=True)
        assert sum(OURS in line for line in lines) == int(expected.keeps_edit), name
        assert b"".join(line for line in lines if OURS not in line) == upstream, name


def shows_the_conflict(world: World, expected: Run) -> None:
    repository = world.repository
    assert expected.code == 1
    index, _ = worktree.read_index(repository)
    assert {path: stages for path, stages in index.items() if set(stages) != {0}} == expected.stages
    world.git("add", "-A")
    # Labels name the sides as the user typed them; nothing else may differ.
    for path in world.out("diff", "--name-only", world.out("write-tree"), expected.tree).split():
        assert b"<<<<<<<" in (world.root / path).read_bytes(), path
    shows_the_edits(world, expected.stages)


def shows_the_edits(world: World, paths: Iterable[str]) -> None:
    texts = [(world.root / path).read_bytes() for path in paths if (world.root / path).exists()]
    assert b"".join(texts).count(OURS) >= len(RULES)
