"""`python -m benchmarks.replay.splits REPOSITORY… [--splits N]`: edits of an old file, on splits people made.

A split is a commit that takes three or more declarations out of one source file and puts them into others as
they were. One side is that commit; the other edits the old file above or inside of something that went, or
adds a helper that it uses. Right is: the edit at the declaration's new place, and nothing else changed. No
matching of mergeguard's own says where that is: the declaration's lines do, which one new file alone has.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.replay.__main__ import commit_of, sizes_of
from mergeguard.cpp.filenames import SOURCES
from mergeguard.cpp.items import Kind
from mergeguard.cpp.leaves import leaves_of
from mergeguard.git.repository import Repository
from mergeguard.treemerge.trees import merge_trees
from tests.support import corpus

_LEAST_MOVED, _LEAST_LINES, _PER_SPLIT = 3, 5, 3
_MARK = b"fork_was_here"
_HELPER = b"static int " + _MARK + b"() {\n  return 1;\n}\n\n"
_KINDS = ("inside", "comment", "helper")


@dataclass(frozen=True)
class Split:
    """A commit of people's: the old file before, everything that it changed after, what went where."""

    commit: str
    path: str
    before: Mapping[str, bytes]
    after: Mapping[str, bytes]
    moved: tuple[tuple[bytes, str], ...]  # the lines of a declaration, and the file that has them now


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repositories", nargs="*")
    parser.add_argument("--released", nargs=3, metavar=("PROJECT", "OLD", "NEW"), help="two releases instead")
    parser.add_argument(
        "--here", action="store_true", help="the other way round: ours edits, upstream splits"
    )
    parser.add_argument("--splits", type=int, default=25)
    chosen = parser.parse_args(arguments)
    counts: Counter[tuple[str, str]] = Counter()
    done = 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "init", "-q", folder], check=True)
        repository = Repository.discover(Path(folder))
        for split in _found(chosen):
            done += 1
            verdicts = [
                (kind, _verdict(repository, split, *edit, here=chosen.here)) for kind, edit in _edits(split)
            ]
            counts.update(verdicts)
            said = " ".join(f"{kind}:{verdict}" for kind, verdict in verdicts)
            print(f"{split.commit[:14]} {split.path}: {len(split.moved)} moved  {said}", flush=True)
    print(f"\n{done} splits")
    for kind in _KINDS:
        row = {verdict: n for (k, verdict), n in sorted(counts.items()) if k == kind}
        print(f"{kind:10} {row}")
    return 0


def _found(chosen: argparse.Namespace) -> Iterator[Split]:
    if chosen.released:
        yield from _released(*chosen.released)
    for source in chosen.repositories:
        yield from _splits(source, max(1, chosen.splits // len(chosen.repositories)))


# -- the splits ------------------------------------------------------------------------------------------


def _splits(source: str, most: int) -> Iterator[Split]:
    def git(*words: str) -> bytes:
        done = subprocess.run(["git", "-C", source, *words], capture_output=True)
        return done.stdout if done.returncode == 0 else b""

    log = git("log", "--no-merges", "--no-renames", "--name-status", "--format=@%H", "--", *_globs())
    found = 0
    for block in log.decode("utf-8", "replace").split("@")[1:]:
        commit, *lines = block.splitlines()
        changed = [line.split("\t") for line in lines if "\t" in line]
        new = [path for status, path in changed if status == "A"]
        old = [path for status, path in changed if status in "MD"]
        if not new or not old or len(changed) > 60:
            continue
        for path in old:
            split = _split(git, commit, path, [p for _, p in changed])
            if split is not None:
                yield split
                found += 1
                if found == most:
                    return


def _globs() -> list[str]:
    return [f"*{ending}" for ending in SOURCES]


def _split(git: Callable[..., bytes], commit: str, path: str, changed: list[str]) -> Split | None:
    before = {p: text for p in changed if (text := git("show", f"{commit}^:{p}")) and b"\0" not in text}
    after = {p: text for p in changed if (text := git("show", f"{commit}:{p}")) and b"\0" not in text}
    return _split_of(commit, path, before, after)


def _split_of(
    name: str, path: str, before: Mapping[str, bytes], after: Mapping[str, bytes], most: int = 400_000
) -> Split | None:
    """The split of the file at ``path`` (of at most ``most`` bytes), if what went is enough of it."""
    old, now = before.get(path, b""), after.get(path, b"")
    if not old or len(old) > most or len(now) > 0.9 * len(old):
        return None
    moved = []
    for leaf in leaves_of(old)[0]:
        lines = leaf.text.strip(b"\r\n")
        if (
            leaf.kind not in (Kind.FUNCTION, Kind.KERNEL)
            or not leaf.defines
            or lines.count(b"\n") < _LEAST_LINES
        ):
            continue
        here = [p for p, text in after.items() if lines in text]
        if len(here) == 1 and here[0] != path and lines not in before.get(here[0], b""):
            moved.append((lines, here[0]))
    if len(moved) < _LEAST_MOVED or old.count(moved[0][0]) != 1:
        return None
    return Split(name, path, before, after, tuple(moved))


def _released(project: str, first: str, second: str) -> Iterator[Split]:
    """The splits between two releases (source distributions from PyPI) of a project."""

    def texts(version: str) -> dict[str, bytes]:
        folder = corpus.cache_directory().parent / "projects" / project / version
        if not folder.is_dir():
            corpus.fetch(project, version, folder, lambda p: p.name.endswith(SOURCES))
        files = (p for p in folder.rglob("*") if p.is_file() and p.name.endswith(SOURCES))
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}

    old, new = texts(first), texts(second)
    changed = [p for p in {*old, *new} if old.get(p) != new.get(p)]
    before = {p: old[p] for p in changed if p in old and b"\0" not in old[p]}
    after = {p: new[p] for p in changed if p in new and b"\0" not in new[p]}
    for path in sorted(before):
        folder = path.rpartition("/")[0]
        near = {p for p in changed if p.startswith(folder + "/")}
        split = _split_of(
            f"{first}..{second}",
            path,
            {p: t for p, t in before.items() if p in near},
            {p: t for p, t in after.items() if p in near},
            most=1_000_000,
        )
        if split is not None:
            yield split


# -- the edits -------------------------------------------------------------------------------------------


def _edits(split: Split) -> Iterator[tuple[str, tuple[bytes, bytes, str]]]:
    """Kind, and the old text, the new text (both unique in their files), the file in which it belongs."""
    step = max(1, len(split.moved) // _PER_SPLIT)
    for lines, home in split.moved[::step][:_PER_SPLIT]:
        rows = lines.split(b"\n")
        ends = [n for n, row in enumerate(rows) if row.rstrip().endswith(b";")]
        if ends:
            inside = [*rows[: ends[0] + 1], b"  " + _MARK + b"();", *rows[ends[0] + 1 :]]
            yield "inside", (lines, b"\n".join(inside), home)
            yield "helper", (lines, _HELPER + b"\n".join(inside), home)
        yield "comment", (lines, b"// " + _MARK + b"\n" + lines, home)


def _verdict(repository: Repository, split: Split, old: bytes, new: bytes, home: str, *, here: bool) -> str:
    text = split.before[split.path]
    if text.count(old) != 1 or split.after[home].count(old) != 1:
        return "skipped"
    base = commit_of(repository, split.before, ())
    theirs = commit_of(repository, {**split.before, split.path: text.replace(old, new)}, (base,))
    ours = commit_of(repository, split.after, (base,))
    sides = (theirs, ours) if here else (ours, theirs)
    outcome = merge_trees(repository, (base,), *sides, placed=False)
    got = {path: repository.read_blob(entry.oid) for path, entry in repository.objects.walk(outcome.tree)}
    if outcome.stages:
        lines = sum(size for part in got.values() for size in sizes_of(part))
        return "conflict" if lines <= 40 else "large"
    right = {**split.after, home: split.after[home].replace(old, new)}
    if {p: t.split() for p, t in got.items()} == {p: t.split() for p, t in right.items()}:
        return "right"
    there = [path for path, part in got.items() if _MARK in part]
    if there == [home]:
        return "elsewhere"
    return "other file" if len(there) == 1 else "WRONG"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
