"""The time requirements of the merge, measured: ``python -m benchmarks.merge.timing``.

Three figures, in processor seconds: many files merged in one process where git merges them cleanly, as a
multiple of as many ``git merge-file`` runs (at most 3); the time ``mergeguard merge-file`` takes to start and
answer; the largest file of the corpus where the structured merge is needed (under a second). Each is the best
of ``--rounds``.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path

from benchmarks.merge import transforms
from benchmarks.merge.scenarios import Step, chains, commuting
from mergeguard.cpp import leaves, lexer, source, tokens
from mergeguard.git.linemerge import merge_bytes_with_git
from mergeguard.merge import edits, merge

Versions = tuple[bytes, bytes, bytes]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.merge.timing", description=__doc__)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    steps = [step for step in chains() if len(step.texts) >= 3]
    with tempfile.TemporaryDirectory(prefix="mergeguard-bench-") as folder:
        scratch = Path(folder)
        clean = _clean_cases(steps, arguments.seed, arguments.files, scratch)
        one, two = (
            _best(run, arguments.rounds)
            for run in (lambda: _git(clean, scratch), lambda: _own(clean, scratch))
        )
        print(
            f"{len(clean)} files that git merges cleanly: git merge-file {one:.2f} s,"
            f" mergeguard {two:.2f} s, {two / one:.2f} x"
        )
        start, bare = _start(clean[0], scratch, arguments.rounds)
        print(
            f"the command: git merge-file {bare * 1000:.0f} ms, mergeguard merge-file {start * 1000:.0f} ms"
        )
        for name, versions in _largest(steps):
            spent = _best(partial(_cold, versions), arguments.rounds)
            lines = versions[0].count(b"\n")
            print(f"{name}, {lines} lines, structured: {spent:.2f} s")
    return 0


def _best(run: Callable[[], object], rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        _forget()
        started = _cpu()
        run()
        best = min(best, _cpu() - started)
    return best


def _cpu() -> float:
    """Processor seconds of this process and its children: what else the machine does is no matter."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _forget() -> None:
    """Empties what a process remembers of texts, so that each round pays in full."""
    read = (lexer.lex, source.parse, leaves.leaves_of, tokens._of_file, tokens._of_declaration)
    for cached in (*read, edits.side_edit):
        cached.cache_clear()


def _clean_cases(steps: list[Step], seed: int, count: int, scratch: Path) -> list[Versions]:
    found: list[Versions] = []
    for case in islice(commuting(steps, random.Random(seed)), 2 * count):
        versions = case.single
        if versions is not None and merge_bytes_with_git(*versions, scratch).clean is not None:
            found.append(versions)
    return found[:count]


def _git(cases: list[Versions], scratch: Path) -> None:
    names = [str(scratch / name) for name in ("ours", "base", "theirs")]
    for base, ours, theirs in cases:
        for name, text in zip(names, (ours, base, theirs), strict=True):
            Path(name).write_bytes(text)
        subprocess.run(["git", "merge-file", "-p", *names], capture_output=True, check=True)


def _own(cases: list[Versions], scratch: Path) -> None:
    for base, ours, theirs in cases:
        lines = merge_bytes_with_git(base, ours, theirs, scratch)
        merge(base, ours, theirs, git_clean=lines.clean, git_pieces=lines.pieces)


def _start(versions: Versions, scratch: Path, rounds: int) -> tuple[float, float]:
    """Seconds of one ``mergeguard merge-file`` and of one ``git merge-file``, process start included."""
    base, ours, theirs = versions
    names = [str(scratch / name) for name in ("ours.cu", "base.cu", "theirs.cu")]
    for name, text in zip(names, (ours, base, theirs), strict=True):
        Path(name).write_bytes(text)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    own = [sys.executable, "-m", "mergeguard", "merge-file", "-p", *names]
    spent = [
        _best(partial(subprocess.run, c, capture_output=True, check=True, env=environment), 3 * rounds)
        for c in (own, ["git", "merge-file", "-p", *names])
    ]
    return spent[0], spent[1]


def _largest(steps: list[Step]) -> list[tuple[str, Versions]]:
    """The file with the most lines and its next release: re-formatted, and re-ordered, on one side."""
    step, i = max(
        ((s, i) for s in steps for i in range(len(s.texts) - 1)), key=lambda x: x[0].texts[x[1]].count(b"\n")
    )
    old, new = step.texts[i], step.texts[i + 1]
    found: list[tuple[str, Versions]] = []
    for kind in ("reformat", "reorder", "rename-local"):
        made = transforms.make(kind, step.path, old, new, random.Random(1))
        if made is not None:
            found.append((f"{step.path} ({kind})", (old, new, made[0][step.path])))
    return found


def _cold(versions: Versions) -> None:
    base, ours, theirs = versions
    with tempfile.TemporaryDirectory() as folder:
        lines = merge_bytes_with_git(base, ours, theirs, Path(folder))
    merge(base, ours, theirs, git_clean=lines.clean, git_pieces=lines.pieces)


if __name__ == "__main__":
    sys.exit(main())
