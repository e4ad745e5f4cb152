"""Plain `git rebase` as people use it: reordered, squashed, stopped to type something, aborted."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.hermetic import git_environment
from tests.workflows.world import OURS, ROOT, World, advance, build, in_function

RULE = "skinny_gemms_int8"
KERNEL = "csrc/rocm/skinny_gemms_int8/kernel.cuh"
SIZE = ("LDS_SIZE 64 * 1024", "LDS_SIZE 65 * 1024")
TEXT = ("no kernel for this device", "no kernel for your device")
HALF = ("__float2half(v);", "__float2half(v + 0);")
TYPED = ("return 64 * 1024;", "return 63 * 1024;")
TUNE, SPLIT = "Tune for our boards", "Split the heavy files"


def change(world: World, old: str, new: str) -> None:
    file = world.root / KERNEL
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """A fork of five commits beside the split's, three of them in the same shard; upstream has moved on."""
    world = build(tmp_path_factory.mktemp("start") / "repository", (RULE,))
    advance(world, "same-function", (RULE,))
    for message, edit in (("size", SIZE), ("text", TEXT), ("half", HALF)):
        change(world, *edit)
        world.git("commit", "-q", "-am", message)
    return world


@pytest.fixture
def world(start, tmp_path: Path):
    return start.copy(tmp_path / "fork")


def shell(world: World, script: str, *, ok: bool = True) -> subprocess.CompletedProcess[str]:
    """Run what a person types; ``todo EDIT`` is an interactive rebase whose list sed edits."""
    todo = "todo() { git -c sequence.editor=\"sed -i '$1'\" rebase -q -i upstream; }; "
    done = subprocess.run(
        ["sh", "-ec", todo + script],
        cwd=world.root,
        env={**git_environment(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not ok or done.returncode == 0, done.stderr
    return done


def is_upstream_with(world: World, *edits: tuple[str, str]) -> None:
    """Upstream's file has the fork's first edit and these, and the layout is the one derived from it."""
    text = in_function(world.monolith("base", RULE) or b"", OURS)
    before, line = (text[slice(*at)] for at in _around(text))
    expected = (world.monolith("upstream", RULE) or b"").replace(before, before + line)
    for old, new in edits:
        expected = expected.replace(old.encode(), new.encode())
    assert world.monolith("HEAD", RULE) == expected
    workspace = world.workspace("HEAD")
    (guarded,) = workspace.split_rules
    unsplit = workspace.unsplit(guarded)
    assert not unsplit.hunks
    now = workspace.layout_files(workspace.pristine(guarded))
    assert all(now[file.path] == file.text for file in unsplit.layout.files)
    assert world.out("status", "--porcelain") == ""
    assert not (world.root / ".git" / "mergeguard" / "pending").exists()


def _around(text: bytes) -> tuple[tuple[int, int], tuple[int, int]]:
    start = text.rindex(b"\n", 0, text.index(OURS)) + 1
    return (start - 60, start), (start, text.index(b"\n", start) + 1)


@pytest.mark.parametrize(
    ("typed", "edits", "log"),
    [
        ("todo 4s/^pick/squash/", (SIZE, TEXT, HALF), ["half", "size", TUNE, SPLIT]),
        ("todo '5s/^pick/fixup/'", (SIZE, TEXT, HALF), ["text", "size", TUNE, SPLIT]),
        ("todo 3d", (TEXT, HALF), ["half", "text", TUNE, SPLIT]),
        ("todo '3{h;d};5{G}'", (SIZE, TEXT, HALF), ["size", "half", "text", TUNE, SPLIT]),
        ("git rebase -q -x true upstream", (SIZE, TEXT, HALF), ["half", "text", "size", TUNE, SPLIT]),
        ("git rebase -q --apply upstream", (SIZE, TEXT, HALF), ["half", "text", "size", TUNE, SPLIT]),
        (
            "git branch mid HEAD^; git rebase -q --update-refs upstream; git diff --exit-code mid HEAD^",
            (SIZE, TEXT, HALF),
            ["half", "text", "size", TUNE, SPLIT],
        ),
    ],
)
def test_interactive(world, typed, edits, log):
    shell(world, typed)
    is_upstream_with(world, *edits)
    assert world.out("log", "--format=%s", "upstream..").splitlines() == log


TYPE = f"sed -i 's/return 64 . 1024;/{TYPED[1]}/' {KERNEL}"


@pytest.mark.parametrize(
    ("typed", "edits", "log"),
    [
        (
            f"todo 3s/^pick/edit/; {TYPE}; git commit -qa --amend --no-edit; git rebase --continue",
            (SIZE, TEXT, HALF, TYPED),
            ["half", "text", "size", TUNE, SPLIT],
        ),
        (
            f"todo 3s/^pick/edit/; {TYPE}; git commit -qam more; git rebase --continue",
            (SIZE, TEXT, HALF, TYPED),
            ["half", "text", "more", "size", TUNE, SPLIT],
        ),
        (
            f"todo '3d;4s/^pick/edit/'; {TYPE}; git commit -qam more; git rebase --continue",
            (TEXT, HALF, TYPED),
            ["half", "more", "text", TUNE, SPLIT],
        ),
    ],
)
def test_what_is_typed_at_a_stop_is_kept(world, typed, edits, log):
    shell(world, typed)
    is_upstream_with(world, *edits)
    assert world.out("log", "--format=%s", "upstream..").splitlines() == log


def test_what_is_typed_at_a_stop_conflicts_with_what_comes_after(world):
    typed = f"sed -i 's/{TEXT[0]}/no kernel for any device/' {KERNEL}"
    said = shell(
        world, f"todo 3s/^pick/edit/; {typed}; git commit -qam more; git rebase --continue", ok=False
    )
    assert "mergeguard sync --continue" in said.stderr
    assert world.out("diff", "--name-only", "--diff-filter=U") == KERNEL
    text = (world.root / KERNEL).read_text()
    assert "no kernel for any device" in text and TEXT[1] in text


def test_a_push_after_an_aborted_rebase_and_a_sync(world, tmp_path):
    shell(world, "git rebase -q -x false upstream || git rebase --abort")
    shell(world, "python -m mergeguard sync upstream")
    world.git("init", "-q", "--bare", str(tmp_path / "origin"))
    world.git("push", "-q", str(tmp_path / "origin"), "fork")
    is_upstream_with(world, SIZE, TEXT, HALF)
