"""Three clones of a fork, two with mergeguard, one without: what one does wrong, the others mend."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
from pathlib import Path

import pytest

from tests.support import corpus
from tests.support.story import Story, git
from tests.workflows.world import OURS, THEIRS, World, advance, build, edited, in_function, start_fork

RULE = "skinny_gemms_int8"
ENTRY = "csrc/rocm/skinny_gemms_int8.cu"
LOCK = f".mergeguard/locks/{RULE}.toml"
LAYOUT = "csrc/rocm/skinny_gemms_int8/"
SHARD = LAYOUT + "dispatch.cuh"
TWO = b"upstream: two"
MINE, FIRST = b"cyd: mine", b"cyd: first"


class Clone(World):
    """A clone of the team's repository, called origin; upstream is a branch there."""

    def guard(self, *arguments: str):
        return Story(self.root, self.root).run(*arguments)

    def push(self) -> None:
        self.git("push", "-q", "--no-verify", "origin", "HEAD:fork")

    def pull(self) -> None:
        self.git("pull", "-q", "--ff-only", "origin", "fork")

    def passed(self) -> bool:
        """What `check` says, which its exit status and its JSON must say alike."""
        ran = self.guard("check", "--json")
        said = json.loads(ran.out)
        assert said["passed"] == (ran.code == 0), ran.out
        return bool(said["passed"])

    def head(self) -> str:
        return self.out("rev-parse", "HEAD")


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """The fork with one file split and an edit in it, and upstream one commit further."""
    folder = tmp_path_factory.mktemp("team")
    world = build(folder / "seed", (RULE,))
    advance(world, "same-function", (RULE,))
    world.git("checkout", "-q", "upstream")
    file = world.root / ENTRY
    before, switch, after = file.read_bytes().partition(b"  switch (")
    file.write_bytes(before + b"  // " + TWO + b"\n" + switch + after)
    world.git("commit", "-q", "-am", "upstream: two")
    world.git("checkout", "-q", "fork")
    git(folder, "clone", "-q", "--bare", "seed", "origin")
    return folder / "origin"


@pytest.fixture
def team(origin: Path, tmp_path: Path):
    """Ada and Ben have mergeguard, Cyd has not."""
    git(tmp_path, "clone", "-q", "--bare", str(origin), "origin")
    clones = []
    for name in ("ada", "ben", "cyd"):
        git(tmp_path, "clone", "-q", "-b", "fork", str(tmp_path / "origin"), name)
        clones.append(Clone(tmp_path / name))
    for clone in clones[:2]:
        assert clone.guard("install").code == 0
    return clones


def merged_plainly(cyd: Clone, side: str, ref: str = "origin/upstream") -> str:
    """A merge without mergeguard, every conflict resolved for one side."""
    cyd.git("fetch", "-q", "origin")
    cyd.git("merge", "--no-edit", ref, ok=False)
    for path in cyd.out("diff", "--name-only", "--diff-filter=U").split():
        cyd.git("checkout", "-q", f"--{side}", "--", path)
        cyd.git("add", path)
    cyd.git("commit", "-q", "--no-edit", "-m", f"Merge, {side}")
    return cyd.head()


def commits_something(clone: Clone, text: str) -> str:
    (clone.root / "NOTES").write_text(text)
    clone.git("add", "NOTES")
    clone.git("commit", "-q", "-m", text)
    return clone.head()


def monolith(clone: Clone) -> bytes:
    return clone.monolith("HEAD", RULE) or b""


# -- a colleague's wrong resolution --------------------------------------------------------------------


def test_a_merge_for_ours_is_red_whatever_is_committed_on_top_and_repair_heals_it(team):
    ada, ben, cyd = team
    merged_plainly(cyd, "ours")
    commits_something(cyd, "one more")
    cyd.push()
    published = cyd.head()
    ada.pull()
    assert ada.head() == published and THEIRS not in monolith(ada)
    assert not ada.passed()
    assert "mergeguard repair" in ada.guard("status").err
    assert ada.guard("repair").code == 0
    assert ada.out("rev-parse", "HEAD^") == published, "healed on top, nothing rewritten"
    assert ada.passed()
    assert OURS in monolith(ada) and THEIRS in monolith(ada)
    ada.push()
    ben.pull()
    assert ben.passed() and ben.guard("repair").out == "Nothing is open.\n"


def test_that_all_was_well_before_is_no_reason_to_trust_a_merge(team):
    ada, _, cyd = team
    before = ada.head()
    assert ada.passed() and ada.guard("status", "--upstream", "origin/upstream").code == 0
    assert list((ada.root / ".git/mergeguard/whole").iterdir()), "kept that nothing is open"
    merged_plainly(cyd, "ours")
    cyd.push()
    ada.pull()
    assert ada.out("rev-parse", "HEAD^1") == before
    assert not ada.passed()


def test_the_report_says_it_too(team):
    ada, _, cyd = team
    merged_plainly(cyd, "ours")
    cyd.push()
    ada.pull()
    ran = ada.guard("report", "--format", "sarif")
    results = json.loads(ran.out)["runs"][0]["results"]
    assert ran.code == 1 and any(RULE in result["message"]["text"] for result in results)


def test_a_pull_says_what_it_brought(team):
    ada, _, cyd = team
    merged_plainly(cyd, "ours")
    cyd.push()
    said = ada.git("pull", "-q", "--ff-only").stderr
    assert "mergeguard repair" in said


def test_sync_does_not_call_that_up_to_date(team):
    ada, _, cyd = team
    merged_plainly(cyd, "ours")
    cyd.push()
    ada.pull()
    ran = ada.guard("sync", "origin/upstream")
    assert ran.code == 1 and "mergeguard repair" in ran.out


def test_a_plain_rebase_resolved_for_the_fork_is_red(team):
    """Replayed onto a newer upstream, the split still has upstream's older text."""
    ada, _, cyd = team
    cyd.git("rebase", "-q", "origin/upstream", ok=False)
    while (cyd.root / ".git/rebase-merge").exists():
        for path in cyd.out("diff", "--name-only", "--diff-filter=U").split():
            cyd.git("checkout", "-q", "--theirs", "--", path)
            cyd.git("add", path)
        cyd.git("-c", "core.editor=true", "rebase", "--continue", ok=False)
    cyd.git("push", "-q", "--force", "origin", "HEAD:fork")
    ada.git("fetch", "-q", "origin")
    ada.git("reset", "-q", "--hard", "origin/fork")
    assert THEIRS not in monolith(ada)
    assert not ada.passed()
    assert ada.guard("repair").code == 0
    assert ada.passed() and THEIRS in monolith(ada) and OURS in monolith(ada)


# -- two branches of the fork --------------------------------------------------------------------------


@pytest.fixture
def branches(team):
    """Ada's branch has upstream; Cyd's has an edit of its own."""
    ada, ben, cyd = team
    ada.git("merge", "-q", "--no-edit", "origin/upstream")
    ada.push()
    # One edit is where upstream has one, the other where nobody has.
    own = edited(cyd, "HEAD", {RULE: lambda text: in_function(in_function(text, MINE, last=True), FIRST)})
    cyd.commit_tree(own, "mine")
    cyd.git("fetch", "-q", "origin")
    return ada, ben, cyd


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_text_of_either_side_that_a_merge_loses_is_red_and_comes_back(branches, side):
    ada, _, cyd = branches
    merged_plainly(cyd, side, "origin/fork")
    commits_something(cyd, "and on")
    cyd.push()
    published = cyd.head()
    ada.pull()
    assert (TWO in monolith(ada), FIRST in monolith(ada)) == (side == "theirs", side == "ours")
    assert not ada.passed()
    said = ada.guard("repair")
    if ada.out("ls-files", "-u"):
        assert said.code == 1
        assert "then `git commit`" in ada.guard("status").out
        keep_both(ada)
        ada.git("commit", "-q", "--no-edit")
    assert ada.out("rev-parse", "HEAD^") == published, said.out
    assert ada.passed(), ada.guard("check").out
    assert all(text in monolith(ada) for text in (OURS, THEIRS, TWO, MINE, FIRST))


def test_a_loss_that_was_meant_is_settled_by_the_command_that_is_printed(branches):
    ada, _, cyd = branches
    merged_plainly(cyd, "theirs", "origin/fork")
    cyd.push()
    ada.pull()
    said = ada.guard("check").out
    command = re.search(r"if it was meant: `(git commit --allow-empty [^`]*)`", said)
    assert command, said
    done = subprocess.run(command[1], shell=True, cwd=ada.root, env={**os.environ}, check=False)
    assert done.returncode == 0 and ada.passed()


def keep_both(clone: Clone) -> None:
    for path in clone.out("diff", "--name-only", "--diff-filter=U").split():
        file = clone.root / path
        marks = (b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||")
        lines = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(b"".join(line for line in lines if not line.startswith(marks)))
        clone.git("add", path)


# -- a year --------------------------------------------------------------------------------------------


class Year:
    """Releases taken in by whoever comes first, as they can; after each, another with mergeguard looks.

    Upstream and the three people write lines of their own, each with a tag, at places far enough from one
    another that no two changes are one conflict: so every tag that is not in the result is a loss.
    """

    def __init__(self, team: list[Clone], seed: int) -> None:
        self.team = team
        self.random = random.Random(seed)
        self.count = 0
        self.tags: list[str] = []  # what the published fork must have
        self.waiting: dict[Path, list[str]] = {}  # what a clone has written and not published
        self.published: list[str] = []
        text = team[0].git("show", f"origin/upstream:{ENTRY}").stdout.splitlines()
        ends = [n for n, line in enumerate(text) if line.endswith(";") and line.startswith("  ")]
        plain = [n for n in ends if text.count(text[n]) == 1]
        self.anchors = [text[n] for n, before in zip(plain[1:], plain, strict=False) if n - before > 3]
        self.random.shuffle(self.anchors)

    def write(self, clone: Clone, who: str, files: list[Path]) -> None:
        """One more line of somebody's, committed; none where no place is left."""
        if not self.anchors:
            return
        self.count += 1
        anchor, tag = self.anchors.pop(), f"{who}: {self.count:02}"
        for file in files:
            text = file.read_text()
            if text.count(anchor + "\n") == 1:
                file.write_text(text.replace(anchor + "\n", f'{anchor}\n  static_assert(true, "{tag}");\n'))
                clone.git("commit", "-q", "-am", tag)
                self.waiting.setdefault(clone.root, []).append(tag)
                return

    def release(self, upstream: Clone) -> None:
        for _ in range(2):
            self.write(upstream, "upstream", [upstream.root / ENTRY])
        upstream.git("push", "-q", "origin", "upstream")

    def bring(self, clone: Clone, ref: str) -> None:
        """A merge, by the lens or without."""
        clone.git("fetch", "-q", "origin")
        if clone is self.team[2]:
            self.merge_plainly(clone, ref)
        elif clone.guard("sync", ref).code and clone.out("ls-files", "-u"):
            keep_both(clone)
            assert clone.guard("sync", "--continue").code == 0

    def merge_plainly(self, clone: Clone, ref: str) -> None:
        clone.git("merge", "--no-edit", ref, ok=False)
        for path in clone.out("diff", "--name-only", "--diff-filter=U").split():
            clone.git("checkout", "-q", f"--{self.random.choice(('ours', 'theirs'))}", "--", path)
            clone.git("add", path)
        if (clone.root / ".git/MERGE_HEAD").exists():
            clone.git("commit", "-q", "--no-edit")

    def publish(self, clone: Clone) -> None:
        self.published.append(clone.head())
        self.tags += self.waiting.pop(clone.root, [])
        clone.push()

    def lost(self, clone: Clone) -> list[str]:
        text = monolith(clone).decode()
        return [tag for tag in self.tags if text.count(f'"{tag}"') != 1]

    def look(self, clone: Clone) -> None:
        """The next pull of somebody with mergeguard: losses are red, and repair heals them."""
        clone.git("pull", "-q", "--ff-only", "origin", "fork")
        assert clone.head() == self.published[-1], "a pull rewrites nothing"
        lost = self.lost(clone)
        assert not (lost and clone.passed()), lost
        if not clone.passed():
            assert clone.guard("repair").code == 0
            assert not clone.out("ls-files", "-u")
        assert clone.passed(), clone.guard("check").out
        assert self.lost(clone) == []
        self.publish(clone)

    def turn(self, upstream: Clone) -> None:
        self.release(upstream)
        first, second = self.random.sample(self.team, 2)
        for clone in (first, second):
            clone.git("pull", "-q", "--ff-only", "origin", "fork")
            self.write(clone, "fork", sorted((clone.root / LAYOUT).iterdir()))
        self.bring(first, "origin/upstream")
        self.tags += self.waiting.pop(upstream.root, [])
        self.publish(first)
        self.look(self.random.choice([clone for clone in self.team[:2] if clone is not second]))
        self.bring(second, "origin/fork")
        self.publish(second)
        self.look(self.random.choice([clone for clone in self.team[:2] if clone is not second]))


@pytest.mark.parametrize("seed", [1])
def test_a_year_of_releases_and_random_resolutions(team, tmp_path, seed, all_releases):
    git(tmp_path, "clone", "-q", "-b", "upstream", str(tmp_path / "origin"), "upstream")
    upstream = Clone(tmp_path / "upstream")
    year = Year(team, seed)
    for _ in range(4 if all_releases else 2):
        year.turn(upstream)
    origin = Clone(tmp_path / "origin")
    for commit in year.published:
        assert origin.git("merge-base", "--is-ancestor", commit, "fork").returncode == 0
    assert len(year.tags) >= 6


REAL, REAL_ENTRY = "skinny_gemms", "csrc/rocm/skinny_gemms.cu"


@pytest.mark.parametrize("seed", [1, 2])
def test_a_year_of_real_releases(tmp_path, seed, all_releases):
    """vLLM's own, taken in by anybody, and resolved for either side by who has no mergeguard."""
    if not all_releases:
        pytest.skip("with --all-releases")
    dice = random.Random(seed)
    versions = ("0.22.0", "0.24.0", "0.26.0", "0.27.0", "0.30.0", "0.32.0", "0.33.0")
    seed_world = World(corpus.repository(versions, tmp_path / "seed"))
    seed_world.git("checkout", "-q", f"v{versions[0]}")
    start_fork(seed_world, (REAL,))
    git(tmp_path, "clone", "-q", "--bare", "seed", "origin")
    team = []
    for name in ("ada", "ben", "cyd"):
        git(tmp_path, "clone", "-q", "-b", "fork", str(tmp_path / "origin"), name)
        team.append(Clone(tmp_path / name))
    published = []
    for version in versions[1:]:
        clone = dice.choice(team)
        clone.git("pull", "-q", "--ff-only", "origin", "fork")
        if clone is team[2]:
            clone.git("merge", "--no-edit", f"v{version}", ok=False)
            for path in clone.out("diff", "--name-only", "--diff-filter=U").split():
                clone.git("checkout", "-q", f"--{dice.choice(('ours', 'theirs'))}", "--", path)
                clone.git("add", path)
            if (clone.root / ".git/MERGE_HEAD").exists():
                clone.git("commit", "-q", "--no-edit")
        elif clone.guard("sync", f"v{version}").code and clone.out("ls-files", "-u"):
            keep_both(clone)
            assert clone.guard("sync", "--continue").code in (0, 1)
        published.append(clone.head())
        clone.push()
        other = dice.choice(team[:2])
        other.git("pull", "-q", "--ff-only", "origin", "fork")
        wanted = seed_world.git("show", f"v{version}:{REAL_ENTRY}").stdout.encode()

        def whole(there: Clone) -> list[bytes]:
            text = there.monolith("HEAD", REAL) or b""
            return [line for line in text.splitlines() if OURS not in line]

        lost = whole(other) != wanted.splitlines() or OURS not in (other.monolith("HEAD", REAL) or b"")
        history = [
            f for f in json.loads(other.guard("check", "--json").out)["findings"] if f["check"] == "history"
        ]
        assert not lost or history, version
        if history:
            repaired = other.guard("repair")
            conflicted = bool(other.out("ls-files", "-u"))
            assert repaired.code == conflicted, repaired.out
            if conflicted:
                keep_both(other)
                other.git("commit", "-q", "--no-edit")
        assert whole(other) == wanted.splitlines() and OURS in (other.monolith("HEAD", REAL) or b"")
        published.append(other.head())
        other.push()
    origin = Clone(tmp_path / "origin")
    for commit in published:
        assert origin.git("merge-base", "--is-ancestor", commit, "fork").returncode == 0
