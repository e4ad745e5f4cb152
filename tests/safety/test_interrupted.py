"""Plain git with our hooks, and our own verbs, ended at every step that changes something.

A run is watched once, and an image of the whole repository is kept before each step (``support.faulting``):
that is what a power cut there leaves, git's own half-done work included. Each image then has to come out as
before or as after; or git is in the middle of its own command, then the next command says so, and going on,
or giving up, ends where it should. A sample is run again and killed for real (all with ``--all-faults``).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mergeguard.errors import MergeguardError
from mergeguard.fork.fork import Fork
from mergeguard.git.recovery import TOKEN
from mergeguard.hooks import pending, repairing
from mergeguard.verbs import rebase
from tests.git.conftest import Sandbox
from tests.git.landings import snapshot
from tests.support import faulting
from tests.workflows.world import World, advance, build, in_function

RULE = "paged_attention_v1"
FOLDER = f"csrc/libtorch_stable/attention/{RULE}"
ENTRY, SHARD = f"{FOLDER}.cu", f"{FOLDER}/dispatch.cuh"
TYPED = {"typed.txt": "not added to git yet\n"}


@dataclass(frozen=True)
class Flow:
    """A command, how the repository is prepared for it, and whether it ends with everything done."""

    command: tuple[str, ...]
    prepare: Callable[[World], None] = lambda _: None
    clean: bool = True


def clashing(world: World) -> None:
    """Upstream changes the very place that the fork has edited."""
    world.git("checkout", "-q", "upstream")
    file = world.root / ENTRY
    file.write_bytes(in_function(file.read_bytes(), b"upstream: something else"))
    world.git("commit", "-q", "-am", "upstream: clash")
    world.git("checkout", "-q", "fork")


def elsewhere(world: World) -> None:
    """The fork and upstream change another file, too, and differently."""
    (world.root / "README").write_text("the fork's\n")
    world.git("commit", "-q", "-am", "our README")


def merged(world: World) -> None:
    world.git("merge", "-q", "--no-edit", "upstream")


def uncommitted(world: World) -> None:
    world.git("merge", "-q", "--no-commit", "upstream")


def stopped(world: World) -> None:
    """A merge that waits for a person, who has resolved it."""
    clashing(world)
    world.git("merge", "-q", "--no-edit", "upstream", ok=False)
    resolve(world)


def resolve(world: World) -> None:
    text = (world.root / SHARD).read_bytes()
    (world.root / SHARD).write_bytes(re.sub(rb"^(<{7}|={7}|>{7}|\|{7}).*\n", b"", text, flags=re.MULTILINE))
    world.git("add", SHARD)


def waiting(world: World) -> None:
    """A ``sync --rebase`` that has stopped; the person has begun to resolve it."""
    clashing(world)
    world.git("guard", "sync", "--rebase", "upstream", ok=False)
    text = (world.root / SHARD).read_bytes()
    (world.root / SHARD).write_bytes(text.replace(b"something else", b"something else, half resolved"))


def answered(world: World) -> None:
    waiting(world)
    resolve(world)


def incomplete(world: World) -> None:
    """A merge whose hook could not run."""
    hook = world.root / ".git" / "hooks" / "post-merge"
    hook.rename(hook.with_suffix(".off"))
    world.git("merge", "-q", "--no-edit", "upstream")
    hook.with_suffix(".off").rename(hook)


def own_hooks(world: World) -> None:
    """Nothing of ours is installed; the user has hooks of their own."""
    world.git("guard", "uninstall")
    for name in ("post-commit", "pre-push"):
        hook = world.root / ".git" / "hooks" / name
        hook.write_text("#!/bin/sh\nexit 0\n")
        hook.chmod(0o755)


def mine_installed(world: World) -> None:
    own_hooks(world)
    world.git("guard", "install", "--gitattributes")


FLOWS = {
    "merge": Flow(("merge", "--no-edit", "upstream")),
    "merge, conflict": Flow(("merge", "--no-edit", "upstream"), clashing, clean=False),
    "merge, conflict elsewhere": Flow(("merge", "--no-edit", "upstream"), elsewhere, clean=False),
    "merge --squash": Flow(("merge", "--squash", "upstream")),
    "commit of a merge": Flow(("commit", "-q", "--no-edit"), uncommitted),
    "commit after a conflict": Flow(("commit", "-q", "--no-edit"), stopped),
    "rebase": Flow(("rebase", "upstream")),
    "rebase, conflict": Flow(("rebase", "upstream"), clashing, clean=False),
    "cherry-pick": Flow(("cherry-pick", "upstream")),
    "cherry-pick, conflict": Flow(("cherry-pick", "upstream"), clashing, clean=False),
    "revert": Flow(("revert", "--no-edit", "HEAD^2"), merged),
    "sync": Flow(("guard", "sync", "upstream")),
    "sync, conflict": Flow(("guard", "sync", "upstream"), clashing, clean=False),
    "sync --rebase": Flow(("guard", "sync", "--rebase", "upstream")),
    "sync --stepwise": Flow(("guard", "sync", "--stepwise", "--branches", "step", "upstream")),
    "sync --continue": Flow(("guard", "sync", "--continue"), answered),
    "sync --skip": Flow(("guard", "sync", "--skip"), waiting),
    "sync --abort": Flow(("guard", "sync", "--abort"), waiting),
    "sync --quit": Flow(("guard", "sync", "--quit"), waiting),
    "repair": Flow(("guard", "repair"), incomplete),
    "leave": Flow(("guard", "leave", RULE)),
    "rules add": Flow(("guard", "rules", "add", "vllm")),
    "install": Flow(("guard", "install", "--gitattributes"), own_hooks),
    "uninstall": Flow(("guard", "uninstall"), mine_installed),
    "report": Flow(("guard", "report", "-o", "report.html")),
    "export": Flow(("guard", "export", "-o", "patches", "--upstream", "upstream")),
}
SAMPLE = 2  # how many steps of a flow are killed for real without --all-faults, about


def state(root: Path) -> dict[str, object]:
    """What is compared: git's state and files; hooks, configuration and attributes; what waits."""
    found = snapshot(Sandbox.at(root))
    # What git writes before it does anything, or for its own messages, does not tell one from the other.
    state_files = found["state"]
    assert isinstance(state_files, dict)
    for name in ("ORIG_HEAD", "MERGE_MSG", "AUTO_MERGE"):
        state_files.pop(name, None)
    git_dir = root / ".git"
    setup = [git_dir / "config", git_dir / "info" / "attributes", *(git_dir / "hooks").glob("*")]
    found["setup"] = {
        path.name: (path.stat().st_mode & 0o777, path.read_bytes())
        for path in setup
        if path.exists() and path.suffix != ".sample"
    }
    found["rebase"] = rebase.read_pending(World(root).repository)
    return found


def unlike(found: dict[str, object], wanted: dict[str, object]) -> dict[str, object]:
    """The parts of a state that are not as wanted, with both values."""
    return {name: (found[name], wanted[name]) for name in found if found[name] != wanted[name]}


@dataclass
class Tally:
    """How many steps there were and what became of the repository after each."""

    steps: int = 0
    images: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)

    def count(self, outcome: str) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = build(tmp_path_factory.mktemp("start") / "repository", (RULE,))
    world.git("config", "alias.guard", "!python -m mergeguard")
    advance(world, "same-function", (RULE,))
    return world


class Case:
    """A flow's repository before and after, and a watched run of it."""

    def __init__(self, start: World, flow: Flow, folder: Path) -> None:
        self.flow, self.folder = flow, folder
        self.template = start.copy(folder / "template")
        flow.prepare(self.template)
        for path, text in TYPED.items():
            (self.template.root / path).write_text(text)
        self.before = state(self.template.root)
        run = self.copy("run")
        self.trace, images = folder / "trace", folder / "images"
        images.mkdir()
        done = self.run(run, **{faulting.IMAGES: str(images)})
        assert done.returncode in (0, 1, 128), done.stderr
        self.after = state(run.root)
        self.steps = self.trace.read_text().splitlines()
        self.images = [images / str(number) for number in range(1, len(self.steps) + 1)]

    def copy(self, name: str) -> World:
        faulting.copy(self.template.root, self.folder / name)
        return World(self.folder / name)

    def run(self, world: World, **more: str) -> subprocess.CompletedProcess[str]:
        self.trace.unlink(missing_ok=True)
        variables = faulting.environment(world.root, self.trace, **more)
        return subprocess.run(
            ["git", *self.flow.command],
            cwd=world.root,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )

    def distinct(self) -> Iterator[tuple[str, Path]]:
        """The images that are not the same as one before, with the step that came next."""
        seen: set[str] = set()
        for name, image in zip(self.steps, self.images, strict=True):
            digest = fingerprint(image)
            if digest not in seen:
                seen.add(digest)
                yield name, image

    def check(self, root: Path) -> str:
        """What the next command makes of it: ``before``, ``after``, or how git's own half-done work ends."""
        for path, text in TYPED.items():
            assert (root / path).read_text() == text
        clear_locks_of_git(root)
        here = Fork.open(str(root))
        found = state(root)
        if found == self.before:
            return "before"
        if found == self.after:
            return "after"
        if self.flow.command[0] == "guard":
            assert found == self.after
        operation = here.repository.operation_in_progress()
        said = repairing.describe(here.repository)
        differing = [key for key in found if found[key] != self.before[key]]
        assert said is not None or operation is not None, (differing, unlike(found, self.after))
        if operation not in (None, "bisect"):
            return self.give_up(root, str(operation))
        return self.repaired(root, here)

    def give_up(self, root: Path, operation: str) -> str:
        World(root).git(operation, "--abort")
        here = Fork.open(str(root))
        found = state(root)
        if self.flow.clean and found["refs"] != self.before["refs"]:
            # git had made its commit, and was ended before it had tidied up.
            return self.repaired(root, here)
        assert not {"HEAD", "refs", "index", "files", "rebase"} & set(unlike(found, self.before))
        return f"git's {operation} is given up"

    def repaired(self, root: Path, here: Fork) -> str:
        try:
            repairing.repair(here.repository)
        except MergeguardError as error:
            # It can't, and says what can.
            hint = str(error.hint)
        else:
            assert self.flow.clean or here.repository.dirty()
            if self.flow.clean:
                assert pending.read(here.repository.git_dir) is None
                assert state(root)["files"] == self.after["files"]
                return "repaired"
            return "the conflict is shown by repair"
        if hint.startswith("commit them"):
            World(root).git("commit", "-q", "-m", "as said")
            assert pending.read(here.repository.git_dir) is None
            assert state(root)["files"] == self.after["files"]
            return "completed by the commit, as repair says"
        back = re.search(r"`git (reset --\w+(?: \w+)?)`", hint)
        assert back is not None, hint
        World(root).git(*back[1].split())
        assert state(root)["files"] == self.before["files"]
        return "back as repair says"


def clear_locks_of_git(root: Path) -> None:
    """What git tells its user to do after a crash of its own; the index lock of a landing stays."""
    for left in root.glob(".merge_file_*"):
        left.unlink()
    for lock in (root / ".git").rglob("*.lock"):
        if "mergeguard" not in lock.parts and not lock.read_bytes().startswith(TOKEN.encode()):
            lock.unlink()


def fingerprint(root: Path) -> str:
    """Files and git's state, without what only saves time (scratch, caches, objects) or is for people."""
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in ("objects", "tmp", "layouts", "logs"))
        for name in sorted(names):
            path = Path(folder) / name
            if not name.startswith("new-") and name != "lock" and not path.is_symlink():
                digest.update(f"{path.relative_to(root)} {path.stat().st_mode}".encode() + path.read_bytes())
    return digest.hexdigest()


@pytest.mark.parametrize("name", FLOWS)
def test_ended_at_every_step(start, tmp_path, request, capsys, name):
    case = Case(start, FLOWS[name], tmp_path)
    tally = Tally(len(case.steps))
    for step, image in case.distinct():
        tally.images += 1
        try:
            tally.count(case.check(image))
        except AssertionError as error:
            raise AssertionError(f"before {step!r}: {error}") from error
    everything = request.config.getoption("--all-faults")
    numbers = range(1, len(case.steps) + 1)
    # From another step in each flow, so that the sample covers all kinds of them.
    chosen = numbers if everything else numbers[len(name) % 3 :: max(1, len(case.steps) // SAMPLE)]
    for number in chosen:
        world = case.copy("killed")
        case.run(world, **{faulting.AT: str(number)})
        tally.count("killed: " + case.check(world.root))
        shutil.rmtree(world.root)
    assert tally.steps > 0
    with capsys.disabled():
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(tally.outcomes.items()))
        print(f"\n{name}: {tally.steps} steps, {tally.images} distinct states: {outcomes}")
