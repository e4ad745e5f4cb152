"""A year with a fork: 25 local commits on six files, upstream's releases merged and rebased by plain git.

Five files are vLLM's own, as each release has them: moved, rewritten for another ABI, come and gone. The
sixth, which was never released, is put beside them. Where upstream deletes a file that the fork has edited,
the fork keeps it.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mergeguard.cpp.source import Item, Kind, nested, parse
from tests.support import corpus
from tests.support.rules import full_rules
from tests.workflows.world import ROOT, World, monolith_path

INT8 = (Path(ROOT) / "fixtures" / "int8" / "skinny_gemms_int8.cu").read_bytes()
FIRST = "0.22.0"
#: How each release is taken in, and how many commits of the fork's come before.
YEAR = (
    (7, "merge", "0.24.0"),
    (6, "rebase", "0.26.0"),
    (6, "merge", "0.30.0"),
    (4, "rebase", "0.32.0"),
    (2, "merge", "0.33.0"),
)


# -- what the fork's people type -----------------------------------------------------------------------


def tag(number: int) -> bytes:
    """Stands in every line that commit ``number`` adds or changes."""
    return b"fork: %02d" % number


_ASSIGNMENT = re.compile(rb"^ +(?!return\b)[\w ]+ = [^\n;\\]+;\n", re.MULTILINE)


@dataclass
class Desk:
    """The layout of one rule in the work tree, and a person who edits it."""

    world: World
    name: str
    number: int

    def files(self, pattern: str) -> list[Path]:
        """The layout's files that match, biggest first."""
        lock = (self.world.root / ".mergeguard" / "locks" / f"{self.name}.toml").read_text()
        entry = re.search(r'^monolith = "(.*)\.cu"', lock, re.MULTILINE)
        assert entry
        folder = self.world.root / entry[1]
        return sorted(folder.glob(pattern), key=lambda file: -file.stat().st_size)

    def functions(self, file: Path) -> list[Item]:
        source = parse(file.read_bytes())
        items = [inner for item in source.items for inner in (*nested(source, item), item)]
        return [i for i in items if i.kind in (Kind.FUNCTION, Kind.KERNEL) and i.body]

    def home(self) -> Path:
        """The file with the layout's kernels."""
        return max(self.files("*"), key=lambda file: len(self.functions(file)))

    def insert(self, file: Path, at: int, *lines: bytes) -> None:
        text = file.read_bytes()
        new = b"".join(line + b"  // " + tag(self.number) + b"\n" for line in lines)
        file.write_bytes(text[:at] + new + text[at:])

    # -- kinds of change

    def statement(self) -> None:
        """Add a statement at the beginning of a function."""
        file = self.home()
        functions = self.functions(file)
        function = functions[self.number % len(functions)]
        assert function.body is not None
        at = file.read_bytes().find(b"\n", function.body[0]) + 1
        self.insert(file, at, b"  static_assert(sizeof(int) == 4);")

    def tuned(self) -> None:
        """Change a line of a function."""
        file = self.home()
        text = file.read_bytes()
        functions = self.functions(file)
        after = functions[self.number % len(functions)].code_start
        found = _ASSIGNMENT.search(text, after) or _ASSIGNMENT.search(text)
        assert found
        new = found[0].replace(b" = ", b" = 1 * ").rstrip() + b"  // " + tag(self.number) + b"\n"
        file.write_bytes(text[: found.start()] + new + text[found.end() :])

    def helper(self) -> None:
        """Add a function above another."""
        file = self.home()
        functions = self.functions(file)
        function = functions[self.number % len(functions)]
        self.insert(
            file,
            function.code_start,
            b"static inline int fork_helper_%02d(int n) {" % self.number,
            b"  return n + %d;" % self.number,
            b"}",
        )

    def at_include(self, line: bytes) -> None:
        file = next(f for name in ("common.h", "kernel.cuh") for f in self.files(name))
        text = file.read_bytes()
        self.insert(file, text.index(b"\n", text.index(b"#include")) + 1, line)

    def macro(self) -> None:
        """Define a macro where the includes are."""
        self.at_include(b"#define FORK_TUNING_%02d 4" % self.number)

    def header(self) -> None:
        """Add a header of the fork's own, and include it."""
        header = self.world.root / "csrc" / f"fork_tuning_{self.number:02}.h"
        header.write_bytes(b"#pragma once\n#define FORK_WAVES 4  // %b\n" % tag(self.number))
        path = os.path.relpath(header, self.files("*")[0].parent)
        self.at_include(b'#include "%b"' % path.encode())

    def arm(self) -> None:
        """Deal with one more value of the switch that the layout is split by."""
        file = next(f for f in self.files("*") if re.search(rb"^ +case \d+:", f.read_bytes(), re.MULTILINE))
        text = file.read_bytes()
        case = re.search(rb"^ +case \d+:.*\n", text, re.MULTILINE)
        assert case
        new = b"      case %d: /* %b */ break;" % (1000 + self.number, tag(self.number))
        # int4's switch stands in a macro.
        new += b"  \\\n" if case[0].endswith(b"\\\n") else b"\n"
        file.write_bytes(text[: case.start()] + new + text[case.start() :])


#: The commits: which rule's layout, and what is typed.
COMMITS: tuple[tuple[str, Callable[[Desk], None]], ...] = (
    ("paged_attention_v1", Desk.statement),
    ("attention", Desk.tuned),
    ("skinny_gemms", Desk.helper),
    ("selective_scan_fwd", Desk.macro),
    ("skinny_gemms_int8", Desk.header),
    ("paged_attention_v1", Desk.arm),
    ("selective_scan_fwd", Desk.tuned),
    # 0.24.0: moved, and rewritten for a stable ABI
    ("attention", Desk.helper),
    ("skinny_gemms", Desk.tuned),
    ("paged_attention_v1", Desk.macro),
    ("selective_scan_fwd", Desk.helper),
    ("skinny_gemms_int8", Desk.arm),
    ("attention", Desk.statement),
    # 0.26.0: paged_attention_v1 is gone, skinny_gemms_int4 is new
    ("skinny_gemms_int4", Desk.tuned),
    ("skinny_gemms", Desk.arm),
    ("skinny_gemms_int4", Desk.helper),
    ("selective_scan_fwd", Desk.statement),
    ("skinny_gemms_int8", Desk.macro),
    ("attention", Desk.macro),
    # 0.30.0
    ("skinny_gemms_int4", Desk.header),
    ("skinny_gemms", Desk.macro),
    ("selective_scan_fwd", Desk.helper),
    ("skinny_gemms_int4", Desk.arm),
    # 0.32.0: selective_scan_fwd moves again
    ("skinny_gemms_int8", Desk.tuned),
    ("skinny_gemms", Desk.statement),
    # 0.33.0: attention is gone
)


def commit(world: World, number: int) -> None:
    name, kind = COMMITS[number - 1]
    kind(Desk(world, name, number))
    world.git("add", "-A")
    world.git("commit", "-q", "-m", f"change {number:02}")


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
        if file.exists():
            file.write_bytes(_CONFLICT.sub(side, file.read_bytes()))
        world.git("add", path)


def guard(world: World, *arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
    world.git("config", "alias.guard", "!python -m mergeguard")
    return world.git("guard", *arguments, ok=ok)


def take_in(world: World, how: str, release: str) -> None:
    """What a person does for a release: the plain command, and whatever it asks for."""
    git = world.root / ".git"
    world.git(how, *(["-q", "--no-edit"] if how == "merge" else ["-q"]), f"v{release}", ok=False)
    if (git / "rebase-merge").exists():
        # git itself stops where upstream has deleted what the fork splits; there is nothing to decide yet.
        assert not world.out("ls-files", "-u")
        world.git("rebase", "--continue", ok=False)
    for _ in range(len(COMMITS)):
        if world.out("ls-files", "-u"):
            resolve(world, how)
        if (git / "MERGE_HEAD").exists():
            world.git("commit", "-q", "--no-edit")
        elif (git / "mergeguard" / "rebase.json").exists():
            guard(world, "sync", "--continue", ok=False)
        else:
            break
    assert world.out("status", "--porcelain") == ""
    assert world.out("symbolic-ref", "--short", "HEAD") == "fork"
    assert not (git / "mergeguard" / "pending").exists()


def split(world: World, unlisted: str) -> None:
    """Split whatever is not split yet; no build file lists the monolith of the rule ``unlisted``."""
    guard(world, "rules", "add", "vllm")
    rules = world.root / ".mergeguard" / "rules"
    for path, full in full_rules().items():
        if (added := rules / Path(path).name).exists() and b'interface = "thin"' in added.read_bytes():
            added.write_bytes(full)
    rule = world.root / ".mergeguard" / "rules" / f"{unlisted}.toml"
    text = rule.read_text(encoding="utf-8")
    rule.write_text(text.replace("monolith =", "build = []\nmonolith =", 1), encoding="utf-8")
    guard(world, "split")
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "split")
    guard(world, "install")


def found(world: World, number: int) -> int:
    """In how many lines of the fork's sources change ``number`` stands."""
    listed = world.git("grep", "-h", tag(number).decode(), "HEAD", "--", "csrc", ok=False)
    return len(listed.stdout.splitlines())


def texts(root: Path) -> dict[str, bytes]:
    """What compilers and cmake read, by path."""
    files = [root / "CMakeLists.txt", *(file for file in (root / "csrc").rglob("*") if file.is_file())]
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in files}


def test_a_year(tmp_path: Path):
    releases = (FIRST, *(release for _, _, release in YEAR))
    also = {monolith_path("skinny_gemms_int8"): INT8}
    world = World(corpus.repository(releases, tmp_path / "fork", also=also))
    world.git("checkout", "-q", "-b", "fork", f"v{FIRST}")
    split(world, "skinny_gemms_int8")
    numbers = itertools.count(1)
    typed: dict[int, int] = {}
    for commits, how, release in YEAR:
        for number in itertools.islice(numbers, commits):
            commit(world, number)
            typed[number] = found(world, number)
        take_in(world, how, release)
        assert {number: found(world, number) for number in typed} == typed, release
        if release == "0.26.0":
            # The kept file needs what went with it; and there is a new one to split.
            world.git("checkout", f"v{FIRST}", "--", "csrc/attention/*.cuh", "csrc/attention/*.h")
            split(world, "paged_attention_v1")
    assert len(typed) == len(COMMITS) == 25 and all(typed.values())

    done = guard(world, "check", ok=False)
    assert done.returncode == 0, done.stdout

    newest = f"v{releases[-1]}"
    patches = tmp_path / "patches"
    guard(world, "export", "--upstream", newest, "-o", str(patches))
    world.git("worktree", "add", "-q", str(tmp_path / "upstream"), newest)
    upstream = World(tmp_path / "upstream")
    upstream.git("am", "-q", *sorted(map(str, patches.glob("*.patch"))))
    assert {number: found(upstream, number) for number in typed} == typed
    whole = tmp_path / "whole"
    guard(world, "unsplit", "--to", str(whole))
    assert texts(whole) == texts(upstream.root)
