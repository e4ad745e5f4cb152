"""ledger: what only the fork has, and what a merge made of it; pins; losses that were meant."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mergeguard.audit.ownwork import WorkFate, outcomes, works
from tests.support.story import PAGED, Story, git

BASE = (
    b"namespace n {\nint first(int a) {\n  return a + 100;\n}\nint second(int a) {\n  return a + 200;\n}\n}\n"
)
OURS = BASE.replace(b"a + 100;", b"a + 100 + tuned_for_us;")
FILE = f"{PAGED}.cu"
RULE = "paged_attention_v1"


@pytest.mark.parametrize(
    ("merged", "theirs", "fate"),
    [
        (OURS, BASE, WorkFate.SURVIVES),
        (BASE.replace(b"200", b"300"), BASE.replace(b"200", b"300"), WorkFate.OVERWRITTEN),
        (OURS.replace(b"200", b"300"), OURS.replace(b"200", b"300"), WorkFate.UPSTREAMS),
        (BASE.replace(b"first", b"renamed"), BASE.replace(b"first", b"renamed"), WorkFate.LOST),
    ],
)
def test_what_became_of_an_edit(merged: bytes, theirs: bytes, fate: WorkFate):
    (work,) = works({"a.cu": BASE}, {"a.cu": OURS})
    assert (work.name, work.change.value, work.line) == ("n::first", "edited", 2)
    (found,) = outcomes([work], {"a.cu": theirs}, {"a.cu": merged})
    assert found.fate is fate


def test_work_is_followed_to_another_file():
    (work,) = works({"a.cu": BASE}, {"a.cu": OURS})
    rest = BASE[: BASE.index(b"int first")] + BASE[BASE.index(b"int second") :]
    (found,) = outcomes([work], {}, {"a.cu": rest, "b.cuh": OURS})
    assert (found.fate, found.path, found.line) == (WorkFate.MOVED, "b.cuh", 2)


def test_what_the_fork_removed_may_come_back():
    without = BASE[: BASE.index(b"int second")] + b"}\n"
    (work,) = works({"a.cu": BASE}, {"a.cu": without})
    assert work.change.value == "removed"
    assert outcomes([work], {}, {"a.cu": without})[0].fate is WorkFate.SURVIVES
    assert outcomes([work], {"a.cu": BASE}, {"a.cu": BASE})[0].fate is WorkFate.BACK


def test_layout_is_no_work():
    assert works({"a.cu": BASE}, {"a.cu": BASE.replace(b"  return", b"\treturn")}) == ()


# -- the verb --------------------------------------------------------------------------------------------


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """A split fork that tuned a kernel launch; upstream edited the same line, and the fork's edit was
    dropped."""
    story = Story.begin(tmp_path, RULE)
    body = f"{PAGED}/dispatch.cuh"
    story.edit(body, "  dim3 block(NUM_THREADS);\n", "  dim3 block(NUM_THREADS / 2);\n")
    story.write("notes/tuning.md", b"what we have learned about our boards\n")
    story.write(".mergeguard/ledger.toml", b'[[feature]]\nname = "docs"\npaths = ["notes/*"]\n')
    story.commits("tune")
    story.edit(FILE, "  dim3 block(NUM_THREADS);\n", "  dim3 block(NUM_THREADS * 2);\n", upstream=True)
    story.upstream_commits("theirs")
    story.fetch()
    assert story.run("sync", "upstream/main").code == 1
    text = story.text(body)
    start, end = text.index("<<<<<<<"), text.index(">>>>>>>")
    resolved = text[:start] + "  dim3 block(NUM_THREADS * 2);\n" + text[text.index("\n", end) + 1 :]
    (story.fork / body).write_text(resolved)
    git(story.fork, "add", "-A")
    story.run("sync", "--continue")
    return story


def told(story: Story) -> Any:
    return json.loads(story.run("ledger", "--json").out)


def test_an_edit_that_a_resolution_dropped_is_red_until_it_is_accepted(story: Story):
    found = told(story)
    (lost,) = [work for work in found["work"] if work["fate"] == "overwritten"]
    assert (lost["path"], lost["name"]) == (FILE, "paged_attention_v1_launcher")
    (kept,) = [work for work in found["work"] if work["feature"] == "docs"]
    assert kept["fate"] == "survives"
    shown = story.run("ledger")
    assert (shown.code, f"--accept {lost['id']}" in shown.out) == (1, True)
    checked = story.run("check")
    assert (checked.code, "overwritten in the merge" in checked.out) == (1, True)
    assert story.run("ledger", "--accept", "00000000", "--why", "x").code == 2
    assert story.run("ledger", "--accept", lost["id"], "--why", "upstream's is better").code == 0
    assert story.run("ledger").code == 0
    assert story.run("check").code == 0
    assert told(story)["work"][0]["id"]


def test_a_pin_that_breaks_is_named(tmp_path: Path):
    story = Story.begin(tmp_path, RULE)
    pins = f'[[pin]]\ntext = "case 64:"\npaths = ["{FILE}"]\ncount = 1\nwhy = "our boards"\n'
    story.write(".mergeguard/ledger.toml", pins.encode())
    story.commits("pin")
    assert story.run("check").code == 0
    story.write(".mergeguard/ledger.toml", pins.replace("case 64", "case 6400").encode())
    ran = story.run("check")
    assert (ran.code, "our boards" in ran.out) == (1, True)
    story.write(".mergeguard/ledger.toml", b'[[pin]]\ntext = "("\n')
    ran = story.run("check")
    assert (ran.code, "no regular expression" in ran.err) == (2, True)


def test_sync_and_the_hooks_fail_on_a_loss_until_it_is_accepted(tmp_path: Path):
    story = Story.begin(tmp_path, RULE)
    story.edit(f"{PAGED}/common.h", "stream>>>(", "stream /* ours */>>>(")
    story.write(".mergeguard/ledger.toml", b"")
    story.commits("ours")
    story.edit(FILE, "stream>>>(", "stream /* theirs */>>>(", upstream=True)
    story.upstream_commits("theirs")
    story.fetch()
    before = git(story.fork, "rev-parse", "HEAD").strip()
    assert story.run("sync", "upstream/main").code == 1
    git(story.fork, "checkout", "-q", "--theirs", f"{PAGED}/common.h")
    git(story.fork, "add", "-A")
    ran = story.run("sync", "--continue")
    assert ran.code == 1 and "was overwritten in the merge" in ran.out
    assert f"error {PAGED}/common.h:" in ran.out  # where it can be typed again
    assert f"^1:{PAGED}/common.h'` has it" in ran.out
    (lost,) = (line for line in told(story)["work"] if line["fate"] == "overwritten")
    assert story.run("ledger", "--accept", lost["id"], "--why", "theirs is better").code == 0
    # The same with plain git, whose hook can only say it.
    git(story.fork, "reset", "-q", "--hard", before)
    assert story.run("install").code == 0
    git(story.fork, "merge", "--no-edit", "upstream/main", check=False)
    git(story.fork, "checkout", "-q", "--theirs", f"{PAGED}/common.h")
    git(story.fork, "add", "-A")
    done = subprocess.run(
        ["git", "commit", "--no-edit"], cwd=story.fork, capture_output=True, text=True, check=True
    )
    assert f"{PAGED}/common.h:" in done.stderr and "`mergeguard ledger` names what was lost" in done.stderr
