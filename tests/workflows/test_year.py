"""A year with a fork: 25 local commits on real files, upstream's releases merged and rebased by plain git."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from pathlib import Path

from mergeguard.core.source import Kind, parse
from mergeguard.data import shipped_rules
from tests import corpus
from tests.workflows.world import ROOT, World, laid_out

FILES = ("skinny_gemms", "skinny_gemms_int4", "selective_scan_fwd")
FIRST = "0.26.0"
#: How each release is taken in, and how many commits of the fork's come before.
YEAR = (
    (10, "merge", "0.27.0"),
    (8, "rebase", "0.30.0"),
    (5, "merge", "0.32.0"),
    (2, "rebase", "0.33.0"),
)


def note(number: int) -> bytes:
    return b"fork: change number %02d" % number


def noted(text: bytes, number: int) -> bytes:
    """The text with a line at the beginning of the body of its ``number``-th function (round about)."""
    functions = [i for i in parse(text).items if i.kind in (Kind.FUNCTION, Kind.KERNEL) and i.body]
    body = functions[number % len(functions)].body
    assert body is not None
    at = body[0] + 1
    return text[:at] + b"\n  // " + note(number) + b"\n" + text[at:]


def commit(world: World, number: int) -> None:
    name = FILES[number % len(FILES)]
    text = noted(world.monolith("HEAD", name) or b"", number)
    world.commit_tree(laid_out(world, world.repository.tree_of("HEAD"), {name: text}), f"change {number:02}")


_CONFLICT = re.compile(
    rb"^<{7} [^\n]*\n(.*?)(?:^\|{7} [^\n]*\n.*?)?^={7}\n(.*?)^>{7} [^\n]*\n", re.DOTALL | re.MULTILINE
)


def resolve(world: World, how: str) -> None:
    """Resolve every conflict as a person would: upstream's code, with the fork's lines in it."""

    def side(match: re.Match[bytes]) -> bytes:
        upper, lower = match[1], match[2]
        upstream, own = (lower, upper) if how == "merge" else (upper, lower)
        kept = [line for line in own.splitlines(keepends=True) if b"fork: " in line and line not in upstream]
        return b"".join(kept) + upstream

    for path in world.out("diff", "--name-only", "--diff-filter=U").split():
        file = world.root / path
        file.write_bytes(_CONFLICT.sub(side, file.read_bytes()))
        world.git("add", path)


def guard(world: World, *arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
    world.git("config", "alias.guard", "!python -m mergeguard")
    return world.git("guard", *arguments, ok=ok)


def take_in(world: World, how: str, release: str) -> None:
    world.git(how, *(["-q", "--no-edit"] if how == "merge" else ["-q"]), f"v{release}", ok=False)
    for _ in range(25):
        if not world.out("diff", "--name-only", "--diff-filter=U"):
            break
        resolve(world, how)
        if how == "merge":
            world.git("commit", "-q", "--no-edit")
        else:
            guard(world, "sync", "--continue", ok=False)
    assert world.out("status", "--porcelain") == ""
    assert world.out("symbolic-ref", "--short", "HEAD") == "fork"
    assert not (world.root / ".git" / "mergeguard" / "pending").exists()


def test_a_year(tmp_path: Path):
    releases = (FIRST, *(release for _, _, release in YEAR))
    world = World(corpus.repository(releases, tmp_path / "fork"))
    world.git("checkout", "-q", "-b", "fork", f"v{FIRST}")
    for name in FILES:
        rule = world.root / ".mergeguard" / "rules" / f"{name}.toml"
        rule.parent.mkdir(parents=True, exist_ok=True)
        rule.write_bytes(shipped_rules()[f"vllm/{name}.toml"])
    guard(world, "split")
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "split")
    guard(world, "install")
    numbers = itertools.count(1)
    done = 0
    for commits, how, release in YEAR:
        for number in itertools.islice(numbers, commits):
            commit(world, number)
            done = number
        take_in(world, how, release)
    assert done == 25

    assert guard(world, "check", ok=False).returncode == 0
    whole = b"".join(world.monolith("HEAD", name) or b"" for name in FILES)
    assert [n for n in range(1, done + 1) if whole.count(note(n)) != 1] == []

    newest = f"v{releases[-1]}"
    patches = tmp_path / "patches"
    guard(world, "export", "--upstream", newest, "-o", str(patches))
    world.git("worktree", "add", "-q", str(tmp_path / "upstream"), newest)
    upstream = World(tmp_path / "upstream")
    am = subprocess.run(
        ["git", "am", "-q", *sorted(map(str, patches.glob("*.patch")))],
        cwd=upstream.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert am.returncode == 0, am.stderr
    for name in FILES:
        assert upstream.monolith("HEAD", name) == world.monolith("fork", name), name
