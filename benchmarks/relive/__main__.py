"""The life of AMD's gfx11 fork, lived again with its heavy files split.

    git clone https://github.com/amd-xavierwang/vllm
    python -m benchmarks.relive --repo vllm [--tip c4e5dad28] [--main main]

Every commit of the fork's own that touches one of the six files is imported into a fork that is split at its
parent; then the six files put together have to be the commit's, byte for byte. Every merge in which both
sides had changed one of them is synced on a fork that is split at the first parent, and held against what
people committed, against git on the unsplit file, and, where it is another file than people's, against their
later commits.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.relive.world import MONOLITHS, World, marked_lines
from tests.support.hermetic import git_environment

TIP, MAIN = "c4e5dad28", "main"
_LATER = 3  # so many later commits of people may be the repair


@dataclass(frozen=True)
class MergedFile:
    """One file in one merge: conflict lines of git on the unsplit file and of ours, and how ours compares."""

    merge: str
    date: str
    rule: str
    git: int
    ours: int
    verdict: str

    @property
    def is_bad(self) -> bool:
        """Whether it has to be read: another file than anybody's, or a larger conflict than git's."""
        return self.verdict.startswith("differs") or self.ours > self.git


@dataclass(frozen=True)
class Imported:
    """One commit of the fork's own: the rules whose files it changed, and what went wrong."""

    commit: str
    date: str
    subject: str
    rules: tuple[str, ...]
    split: tuple[str, ...]  # those of them that a rule fits
    wrong: str


def own_commits(world: World, tip: str, main: str) -> list[str]:
    """The fork's commits without merges that touch one of the files, oldest first."""
    paths = (*MONOLITHS.values(),)
    return world.ask("rev-list", "--reverse", "--no-merges", tip, f"^{main}", "--", *paths).split()


def merges(world: World, tip: str, main: str) -> Iterator[tuple[str, str, str, str, tuple[str, ...]]]:
    """Merge, base, parents, and the rules whose files both sides had changed; oldest first."""
    for merge in world.ask("rev-list", "--reverse", "--merges", tip, f"^{main}").split():
        ours, theirs = world.ask("rev-parse", f"{merge}^1", f"{merge}^2").split()
        base = world.ask("merge-base", ours, theirs)
        both = tuple(
            rule
            for rule, path in MONOLITHS.items()
            if len({world.blob(commit, path) for commit in (base, ours, theirs)}) == 3
        )
        if both:
            yield merge, base, ours, theirs, both


def import_one(world: World, commit: str) -> Imported:
    """Import a commit on a fork that is split at its parent."""
    parent = world.ask("rev-parse", f"{commit}^1")
    before, after = world.slim(parent), world.slim(commit)
    world.split_fork(before)
    patch = world.git("diff", "--binary", "--full-index", before, after)
    file = world.folder / ".git" / "own.patch"
    file.write_bytes(patch)
    rules = [rule for rule, path in MONOLITHS.items() if world.blob(parent, path) != world.blob(commit, path)]
    held = tuple(rule for rule in rules if world.is_split(rule))
    done = world.tool("import", str(file))
    wrong = "" if done.code == 0 else done.said.strip().splitlines()[0]
    for rule in rules if not wrong else ():
        if world.whole(rule) != world.blob(commit, MONOLITHS[rule]):
            wrong = f"{rule} is another file"
    date, _, subject = world.ask("log", "-1", "--date=short", "--format=%ad %s", commit).partition(" ")
    return Imported(commit[:9], date, subject, tuple(rules), held, wrong)


def live_merge(
    world: World, tip: str, merge: str, base: str, ours: str, theirs: str, rules: tuple[str, ...]
) -> Iterator[MergedFile]:
    """Sync a merge on a fork that is split at its first parent."""
    start = world.slim(base)
    fork, upstream = world.slim(ours, start), world.slim(theirs, start)
    world.split_fork(fork)
    world.tool("sync", upstream, "--no-audit")
    date = world.ask("log", "-1", "--date=short", "--format=%ad", merge)
    for rule in rules:
        path = MONOLITHS[rule]
        texts = [world.blob(commit, path) or b"" for commit in (ours, base, theirs)]
        by_git = line_merge(*texts)
        conflict = world.marked(rule)
        verdict = "conflict" if conflict else _verdict(world, tip, merge, rule, by_git)
        yield MergedFile(merge[:9], date, rule, marked_lines(by_git), conflict, verdict)


def line_merge(ours: bytes, base: bytes, theirs: bytes) -> bytes:
    """What git makes of three versions of a file, with its conflict markers."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("ours", "base", "theirs")]
        for file, text in zip(files, (ours, base, theirs), strict=True):
            file.write_bytes(text)
        words = ["git", "merge-file", "-p", *map(str, files)]
        return subprocess.run(words, env=git_environment(), capture_output=True, check=False).stdout


def _verdict(world: World, tip: str, merge: str, rule: str, by_git: bytes) -> str:
    """How the merged file compares, by what is most like it."""
    path, result = MONOLITHS[rule], world.whole(rule) or b""
    if result == (world.blob(merge, path) or b""):
        return "as people"
    if result == by_git:
        return "as git"
    later = world.ask("rev-list", "--reverse", "--ancestry-path", f"{merge}..{tip}", "--", path).split()
    for commit in later[:_LATER]:
        text = world.blob(commit, path) or b""
        if result == text or result.split() == text.split():
            exactly = "" if result == text else ", up to white space"
            return f"as people's repair {commit[:9]}{exactly}"
    if result.split() == (world.blob(merge, path) or b"").split():
        return "as people, up to white space"
    return "differs"


def show_imports(imported: list[Imported]) -> None:
    """How many own commits landed, and what went wrong."""
    good = sum(not one.wrong for one in imported)
    split = sum(bool(one.split) for one in imported)
    print(f"{len(imported)} own commits, {split} of them to split files: {good} land byte for byte.\n")
    for one in imported:
        if one.wrong:
            print(f"- {one.commit} {one.date} {one.subject}: {one.wrong}")


def show_merge(file: MergedFile) -> None:
    """One row of the table, which is Markdown."""
    figures = f"{file.git} | {file.ours} | {file.verdict}"
    print(f"| {file.merge} | {file.date} | {file.rule} | {figures} |", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repo", type=Path, required=True, help="a clone of the fork")
    parser.add_argument("--tip", default=TIP)
    parser.add_argument("--main", default=MAIN, help="upstream's branch in it")
    parser.add_argument("--merge", default="", help="only this merge")
    parser.add_argument("--merges", action="store_true", help="only the merges")
    parser.add_argument("--keep", type=Path, help="live in this folder, and leave it")
    arguments = parser.parse_args()
    tip, upstream = arguments.tip, arguments.main
    with tempfile.TemporaryDirectory() as scratch:
        world = World(arguments.repo.resolve(), (arguments.keep or Path(scratch) / "life").resolve())
        own = [] if arguments.merge or arguments.merges else own_commits(world, tip, upstream)
        imported = [import_one(world, commit) for commit in own]
        show_imports(imported)
        print("| merge | date | file | git: conflict lines | here | result |\n|---|---|---|---|---|---|")
        merged: list[MergedFile] = []
        for found in merges(world, tip, upstream):
            if found[0].startswith(arguments.merge):
                for file in live_merge(world, tip, *found):
                    show_merge(file)
                    merged.append(file)
    return int(any(one.wrong for one in imported) or any(file.is_bad for file in merged))


if __name__ == "__main__":
    sys.exit(main())
