"""A landing killed at every point: the repository is as before or as after, and the next run says which."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from mergeguard import store
from mergeguard.git import errors
from mergeguard.git.landing import Outcome, land
from mergeguard.git.objects import MODE_FILE, Entry
from mergeguard.git.recovery import Recovery, forget, pending, recover
from tests.git.conftest import Sandbox
from tests.git.landings import (
    conflict_outcome,
    discard_outcome,
    leftovers,
    named_outcome,
    noted,
    populate,
    snapshot,
    stage_outcome,
    stopped,
    upstream,
)
from tests.support import faulting

OUTCOMES: dict[str, Callable[[Sandbox], Outcome]] = {
    "clean": named_outcome,
    "conflict": conflict_outcome,
    "discard": discard_outcome,
    "stage": stage_outcome,
}
PREPARED: dict[str, Callable[[Sandbox], None]] = {"clean": noted, "discard": stopped}


def in_child(action: Callable[[], object], **variables: str) -> int:
    """Run ``action`` in a forked process, watched if the variables say so (``support.faulting``); its exit
    status (-9: killed at a step, 1: an expected error).
    """
    child = os.fork()
    if child == 0:
        os.environ.update(variables)
        faulting.install()
        try:
            action()
        except errors.RepositoryError:
            os._exit(1)
        except BaseException:
            traceback.print_exc()
            os._exit(99)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def watched(folder: Path, **more: str) -> dict[str, str]:
    """The variables for a child that works in ``folder``."""
    trace = folder.parent / f"{folder.name}.trace"
    trace.unlink(missing_ok=True)
    return faulting.environment(folder, trace, **more)


KILLED = -signal.SIGKILL


class Case:
    """A prepared repository, copied anew for each landing, with its states before and after."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self.kind = kind
        self.outcome = OUTCOMES[kind]
        self.template = Sandbox(folder / "template")
        populate(self.template)
        upstream(self.template)
        if kind in PREPARED:
            PREPARED[kind](self.template)
        self.copies = 0
        done = self.copy()
        self.before = snapshot(done)
        assert self.land(done) == 0
        self.after = snapshot(done)
        assert self.after != self.before
        self.steps = Path(f"{done.root}.trace").read_text().splitlines()

    def copy(self) -> Sandbox:
        self.copies += 1
        root = self.folder / f"copy{self.copies}"
        shutil.copytree(self.template.root, root, symlinks=True)
        return Sandbox.at(root)

    def land(self, sandbox: Sandbox, **variables: str) -> int:
        """Land it; ``AT`` and ``HOW`` are as in ``support.faulting``."""
        outcome = self.outcome(sandbox)
        return in_child(lambda: land(sandbox.repository, outcome), **watched(sandbox.root, **variables))

    def state(self, sandbox: Sandbox, *, harmless: tuple[str, ...] = ()) -> str:
        found = snapshot(sandbox)
        assert [name for name in leftovers(sandbox) if name not in harmless] == []
        if found == self.before:
            return "before"
        assert found == self.after
        return "after"


@pytest.fixture(scope="module", params=sorted(OUTCOMES))
def case(request, tmp_path_factory) -> Case:
    return Case(tmp_path_factory.mktemp(request.param), request.param)


def test_killed_at_every_step(case, capsys):
    survived = {"before": 0, "after": 0}
    for number, name in enumerate(case.steps, 1):
        sandbox = case.copy()
        assert case.land(sandbox, **{faulting.AT: str(number)}) == KILLED, name
        interrupted = pending(sandbox.repository)
        recovered = recover(sandbox.repository)
        state = case.state(sandbox)
        assert (recovered is not None) == interrupted, name
        if recovered is not None:
            assert recovered.outcome == state, name
            assert recovered.saved == ()
        survived[state] += 1
        assert recover(sandbox.repository) is None
        shutil.rmtree(sandbox.root)
    assert survived["before"] + survived["after"] == len(case.steps) > 10
    assert survived["before"] > 0
    assert survived["after"] > 0
    with capsys.disabled():
        print(f"\n{len(case.steps)} steps, {survived['before']} undone, {survived['after']} finished")


def test_failing_at_every_step(case):
    """A full disk: undone at once, with an error; or finished, once the ref moved."""
    if case.kind == "stage":
        pytest.skip("its steps are among those of a clean landing")
    for number, name in enumerate(case.steps, 1):
        sandbox = case.copy()
        code = case.land(sandbox, **{faulting.AT: str(number), faulting.HOW: "full"})
        assert code in (0, 1), name
        # A lock file that nobody holds says nothing.
        state = case.state(sandbox, harmless=("lock",))
        assert state == ("after" if code == 0 else "before"), name
        shutil.rmtree(sandbox.root)


def test_recovery_killed_at_every_step(case, request):
    """… and the recovery after it, and only the one after that runs through."""
    if case.kind in ("stage", "conflict") and not request.config.getoption("--all-faults"):
        pytest.skip("only with --all-faults")
    stride = 1 if request.config.getoption("--all-faults") else 3
    moments = {
        "git -c core.fsmonitor=false read-tree": "in the work tree",
        "rename .git/mergeguard/new-journal": "at the journal",
        "fsync .git/mergeguard/index": "at the new index",
        "git update-ref": "at the ref",
        "rename .git/mergeguard/index": "at the index",
        "remove .git/index.lock": "at its lock",
        "remove .git/mergeguard/journal": "at the end",
    }
    total = 0
    for number, name in enumerate(case.steps, 1):
        if not name.startswith(tuple(moments)):
            continue
        killed = case.copy()
        assert case.land(killed, **{faulting.AT: str(number)}) == KILLED
        # Without --all-faults every third, from another one each time.
        again = 1 + number % stride
        while True:
            sandbox = Sandbox.at(killed.root.with_name("again"))
            shutil.copytree(killed.root, sandbox.root, symlinks=True)
            variables = watched(sandbox.root, **{faulting.AT: str(again)})
            code = in_child(lambda box=sandbox: recover(box.repository), **variables)  # type: ignore[misc]
            if code == KILLED:
                recover(sandbox.repository)
                total += 1
            case.state(sandbox)
            shutil.rmtree(sandbox.root)
            again += stride
            if code != KILLED:
                assert code == 0
                break
    assert total > 10


def big_files(sandbox: Sandbox, count: int = 20) -> Outcome:
    """A landing of many files in which git can be stopped half-way."""
    repository = sandbox.repository
    head = repository.head().oid
    assert head is not None
    tree = repository.edit_tree(
        repository.tree_of("HEAD"),
        {
            f"f{number:02}": Entry(MODE_FILE, repository.write_blob(b"new %d\n" % number * 20_000))
            for number in range(count)
        },
    )
    return Outcome(tree, head, "test: big", repository.commit_object(tree, (head,), "big\n"))


@pytest.fixture
def big(sandbox: Sandbox) -> Sandbox:
    sandbox.commit_files({f"f{number:02}": f"old {number}\n" for number in range(20)})
    return sandbox


def test_git_killed_while_it_writes(big):
    """The disk's limit ends git in the middle of a file: undone at once."""
    outcome = big_files(big)
    before = snapshot(big)

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        land(big.repository, outcome)

    assert in_child(limited) == 1
    assert snapshot(big) == before
    assert leftovers(big) == []


def kill_at(sandbox: Sandbox, path: str) -> None:
    """Have the checkout of ``path`` kill all of its process group: git, and mergeguard with it."""
    sandbox.write("../killer", f'#!/bin/sh\n[ "$1" = {path} ] && kill -9 0\ncat\n').chmod(0o755)
    sandbox.git("config", "filter.killer.smudge", f"{sandbox.root.parent}/killer %f")
    sandbox.write(".git/info/attributes", "f* filter=killer\n")


def killed_half_way(sandbox: Sandbox) -> Outcome:
    """Land many files and be killed in the middle."""
    outcome = big_files(sandbox)
    kill_at(sandbox, "f10")

    def grouped() -> None:
        os.setpgid(0, 0)
        land(sandbox.repository, outcome)

    assert in_child(grouped) == -signal.SIGKILL
    sandbox.git("config", "--unset", "filter.killer.smudge")
    _wait_until_unlocked(sandbox.repository.private_dir / "lock")
    return outcome


def _wait_until_unlocked(lock: Path) -> None:
    """The child's git, killed with it, may take a moment to let go of the lock that it inherited."""
    with lock.open("rb") as file:
        for _ in range(500):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.02)
            else:
                fcntl.flock(file, fcntl.LOCK_UN)
                return
    raise AssertionError("the killed git is still at work")


def test_both_killed_while_git_writes(big):
    """Some files are new, some old, one is gone: nothing but the journal knows."""
    before = snapshot(big)
    outcome = killed_half_way(big)
    assert big.read("f03").startswith(b"new 3\n")
    assert big.read("f15") == b"old 15\n"
    # git itself keeps its hands off a half landing.
    assert big.git("commit", "-q", "-a", "-m", "half", ok=False) == ""
    assert big.git("rev-parse", "HEAD") == outcome.expected_head
    assert recover(big.repository) == Recovery("before", "test: big")
    assert snapshot(big) == before
    assert leftovers(big) == []


def test_work_done_after_the_crash_is_saved(big):
    killed_half_way(big)
    big.write("f03", "edited after the crash\n")
    big.write("f04", big.read("f04")[:100])  # torn, not edited
    recovered = recover(big.repository)
    assert recovered is not None
    assert [path.name for path in recovered.saved] == ["f03"]
    assert recovered.saved[0].read_bytes() == b"edited after the crash\n"
    assert big.git("status", "--porcelain") == ""


def test_when_somebody_moved_on_after_the_crash(big):
    """The user removed git's lock and went on: not ours to undo any more, and said so."""
    killed_half_way(big)
    (big.root / ".git/index.lock").unlink()
    big.git("commit", "-q", "-a", "-m", "moved on")
    before = snapshot(big)
    with pytest.raises(errors.UnfinishedLanding) as caught:
        recover(big.repository)
    assert "--forget" in (caught.value.hint or "")
    with pytest.raises(errors.UnfinishedLanding):
        land(big.repository, big_files(big))
    assert snapshot(big) == before
    forget(big.repository)
    assert snapshot(big) == before
    assert leftovers(big) == []
    land(big.repository, big_files(big))


def test_a_journal_of_another_version(sandbox):
    sandbox.commit(a="1")
    note = '{"version": 99}'
    journal = sandbox.write(".git/mergeguard/journal", store.sealed(note.encode()).decode())
    with pytest.raises(errors.UnfinishedLanding, match="version 99"):
        recover(sandbox.repository)
    journal.write_text(note)  # from before journals had a checksum
    with pytest.raises(errors.UnfinishedLanding, match=r"checksum .* written by another version"):
        recover(sandbox.repository)
    assert journal.read_text() == note


def test_nothing_can_be_written(sandbox):
    sandbox.commit(a="1")
    outcome = Outcome(sandbox.repository.tree_of("HEAD"), sandbox.repository.head().oid, "test: land")
    blocker = sandbox.write(".git/mergeguard", "no folder can be made here")
    with pytest.raises(errors.RepositoryError, match="can't write"):
        land(sandbox.repository, outcome)
    assert blocker.read_text() == "no folder can be made here"
    assert not (sandbox.root / ".git/index.lock").exists()
