"""The documents are true: each command of README, tutorials and how-tos runs, in the order of its page.

A page is typed in a repository as its reader has one; what only the reader knows (an id, a number) is put in
its place. Text blocks show what was printed, line for line. Tutorials run on vLLM's released sources.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support import corpus, handmade
from tests.support.story import PAGED, Story, git

ROOT = Path(__file__).resolve().parents[2]
HEAVY = "csrc/heavy.cu"
#: The command as the reader has it installed.
SHELL = f'mergeguard() {{ {shlex.quote(sys.executable)} -m mergeguard "$@"; }}'
RESOLVE = "git checkout -q --ours -- $(git diff --name-only --diff-filter=U) && git add -u"


def steps(page: str) -> list[str]:
    """The commands of a page in its order, and its text blocks (which begin with a line break)."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found: list[str] = []
    for part in re.finditer(r"^```text\n((?:(?!```).*\n)*)```$|^((?: {4}.*\n)+)", text, re.MULTILINE):
        if part[1] is not None:
            found.append("\n" + part[1])
        else:
            found += [re.sub(r"\s{2,}# .*", "", line).strip() for line in part[2].splitlines()]
    return found


@dataclass
class Reader:
    """Somebody who types what a page says. ``instead`` is what is typed for a text of the page, ``before`` a
    command what the page asks for in words."""

    story: Story
    instead: dict[str, str] = field(default_factory=dict)
    before: dict[str, Callable[[Story], None]] = field(default_factory=dict)
    found: set[str] = field(default_factory=set)  # commands that end with a finding

    def reads(self, page: str) -> None:
        screen = ""
        for step in steps(page):
            if step.startswith("\n"):
                missing = [line for line in step.strip("\n").splitlines() if line not in screen]
                assert missing == [], screen
                screen = ""
                continue
            code, said = self.types(step)
            assert code == (1 if step in self.found else 0), f"{page}: {step}\n{said}"
            screen += said

    def types(self, step: str) -> tuple[int, str]:
        if step in self.before:
            self.before[step](self.story)
        for text, typed in self.instead.items():
            step = step.replace(text, typed)
        if step.startswith("mergeguard ") and "*" not in step:
            ran = self.story.run(*shlex.split(step)[1:])
            return ran.code, ran.out + ran.err
        run = subprocess.run(
            ["bash", "-c", f"{SHELL}\n{step}"],
            cwd=self.story.fork,
            env=os.environ | {"GIT_PAGER": "cat"},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        return run.returncode, run.stdout + run.stderr


# -- repositories as readers have them ---------------------------------------------------------------------


def with_heavy(folder: Path, *, split: bool) -> Story:
    """A fork whose upstream has a heavy file where the pages look for it; split, with an edit of its own."""
    story = Story.begin(folder)
    text = (story.upstream / f"{PAGED}.cu").read_bytes()
    (story.upstream / HEAVY).write_bytes(text)
    for header in (story.upstream / PAGED).parent.glob("*.*h"):
        shutil.copy(header, story.upstream / "csrc" / header.name)
    lists = story.upstream / "CMakeLists.txt"
    lists.write_text(lists.read_text().replace(f"{PAGED}.cu", HEAVY))
    story.upstream_commits("a heavy file")
    story.fetch()
    git(story.fork, "reset", "-q", "--hard", "upstream/main")
    if split:
        for verb in (["init", HEAVY], ["split"]):
            assert story.run(*verb).code == 0
        story.commits("Split csrc/heavy.cu")
        clashing = next(p for p in (story.fork / "csrc" / "heavy").iterdir() if "case 64" in p.read_text())
        clashing.write_text(clashing.read_text().replace("case 64:", "case 64:  // ours"))
        story.commits("Tune")
    return story


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("heavy")
    with_heavy(folder, split=True)
    return folder


@pytest.fixture
def story(heavy: Path, tmp_path: Path) -> Story:
    """The fork with a split file; upstream has made a commit that goes well, and one that clashes."""
    return Story.copied(heavy, tmp_path)


def goes_on(story: Story, *, clash: bool = False) -> None:
    old = "case 64:" if clash else "case 32:"
    story.edit(HEAVY, old, old + "  // theirs", upstream=True)
    story.upstream_commits("upstream goes on")
    story.fetch()


def resolved(story: Story) -> None:
    subprocess.run(["bash", "-c", RESOLVE], cwd=story.fork, check=True)


# -- the pages -------------------------------------------------------------------------------------------


def test_the_readme_splits_a_fork(tmp_path: Path):
    story = Story.begin(tmp_path)
    story.edit(f"{PAGED}.cu", "case 32:", "case 32:  // theirs", upstream=True)
    story.upstream_commits("theirs")
    story.fetch()
    typed = [step for step in steps("README.md") if step.startswith(("mergeguard", "git"))]
    assert typed[0] == "mergeguard preview upstream/main" and "mergeguard sync upstream/main" in typed
    reader = Reader(story)
    for step in typed:
        code, said = reader.types(step)
        assert code == 0, f"{step}\n{said}"
    assert "// theirs" in story.text(f"{PAGED}/dispatch.cuh")


def test_catching_up(story: Story):
    goes_on(story)
    goes_on(story, clash=True)
    sync = "mergeguard sync --stepwise --branches catch-up upstream/main"
    reader = Reader(story, found={sync})
    reader.reads("docs/howto/catch-up.md")
    resolved(story)
    assert story.run("sync", "--continue").code == 0
    assert reader.types(sync)[0] == 0


def test_reviewing_a_merge_and_a_split(story: Story):
    goes_on(story, clash=True)
    sync = "mergeguard sync --two-commits upstream/main"
    reader = Reader(story, before={"mergeguard sync --continue": resolved}, found={sync})
    reader.reads("docs/howto/review-a-split.md")
    show = next(step for step in steps("docs/howto/review-a-split.md") if step.startswith("git show"))
    split = git(story.fork, "log", "--format=%h", "--grep=Split csrc").strip()
    _, said = reader.types(show.replace("HEAD", f"--color {split}"))
    added = [line for line in said.splitlines() if re.match(r"\x1b\[[\d;]*m\+", line)]
    new = [line for line in added if line.startswith("\x1b[32m")]
    assert 0 < len(new) < len(added)  # glue, the rule and its lock


def test_a_colleague_without_it(story: Story):
    goes_on(story)
    git(story.fork, "merge", "-q", "--no-edit", "-s", "ours", "upstream/main")
    Reader(story, found={"mergeguard check"}).reads("docs/howto/without-the-tool.md")
    assert story.run("check").code == 0


def test_upstream_splits_it_too(story: Story):
    text = (story.upstream / HEAVY).read_text()
    at = text.index("void paged_attention_v1(")
    (story.upstream / "csrc" / "launch.cuh").write_text("#pragma once\n" + text[:at])
    (story.upstream / HEAVY).write_text('#include "launch.cuh"\n' + text[at:])
    story.upstream_commits("upstream splits it")
    story.fetch()
    assert story.run("sync", "upstream/main").code in (0, 1)
    resolved(story) if git(story.fork, "ls-files", "-u") else None
    story.run("sync", "--continue")
    Reader(story, found={"mergeguard status"}).reads("docs/howto/upstream-splits-it-too.md")
    assert not (story.fork / ".mergeguard" / "rules" / "heavy.toml").exists()


def test_keeping_ones_own_work(story: Story):
    goes_on(story, clash=True)
    story.run("sync", "upstream/main")
    git(story.fork, "checkout", "-q", "--theirs", "csrc/heavy")
    git(story.fork, "add", "-A")
    story.run("sync", "--continue")
    lost = re.search(r"--accept (\w+)", story.run("ledger").out)
    assert lost is not None
    reader = Reader(story, instead={"--accept ID": lost[0]}, found={"mergeguard ledger"})
    reader.reads("docs/howto/keep-your-own-work.md")
    assert story.run("ledger").code == 0


def test_in_ci_by_hand(heavy: Path, tmp_path: Path):
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{heavy / 'fork'}", str(shallow))
    git(shallow, "remote", "add", "upstream", str(heavy / "upstream"))
    story = Story(heavy / "upstream", shallow)
    typed = [step for step in steps("docs/howto/ci.md") if step.startswith("git ")]
    assert len(typed) == 2
    for step in typed:
        assert Reader(story).types(step)[0] == 0
    assert story.run("check").code == 0
    assert story.run("preview", "upstream/main").code == 0


def test_a_split_made_by_hand(tmp_path: Path):
    story = Story.begin(tmp_path)
    host = tmp_path / "host.git"
    git(tmp_path, "clone", "-q", "--bare", str(story.upstream), str(host))
    git(story.fork, "remote", "add", "origin", str(host))
    for path, data in handmade.files((story.fork / handmade.ENTRY).read_bytes()).items():
        story.write(path, data)
    lists = story.fork / "CMakeLists.txt"
    entry = f'    "{handmade.ENTRY}"'
    units = "".join(f'    "{handmade.FOLDER}instantiate_n{n}.cu"\n' for n in range(1, 6))
    lists.write_text(lists.read_text().replace(entry, units + entry))
    story.commits("Split by hand")
    git(story.fork, "push", "-q", "origin", "HEAD:refs/pull/7/head")
    git(story.fork, "reset", "-q", "--hard", "upstream/main")
    story.edit(handmade.ENTRY, "  int waves = div2;", "  int waves = div2;  // theirs", upstream=True)
    story.upstream_commits("theirs")
    story.fetch()
    Reader(story, instead={"pull/NUMBER/": "pull/7/"}).reads("docs/howto/keep-a-hand-made-split.md")
    assert (story.fork / ".mergeguard" / "locks" / "skinny_gemms.toml").exists()


@pytest.mark.parametrize("page", ["tutorials/tree.md", "tutorials/build.md"])
def test_a_tutorial_on_vllm(page: str, tmp_path: Path):
    upstream = corpus.repository(
        ("0.24.0", "0.26.0"), tmp_path / "upstream", also={".gitignore": b"build/\n"}
    )
    clone = "git clone --origin upstream https://github.com/vllm-project/vllm && cd vllm"
    assert steps(f"docs/{page}")[0] == clone
    git(tmp_path, "clone", "-q", "--origin", "upstream", str(upstream), "vllm")
    reader = Reader(Story(upstream, tmp_path / "vllm"), instead={clone: "true"})
    reader.reads(f"docs/{page}")
