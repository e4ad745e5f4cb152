"""`python -m benchmarks.plan [--commits N]`: `plan` and `sync --stepwise` of a fork that is N commits behind.

Upstream's history is vLLM's releases hunk by hunk (see ``history``). The fork splits every shipped rule's
monolith and has two kinds of edits, in the split files and in others: lines of its own, and lines that
upstream will change as well, which conflict. The steps' conflicts are resolved by taking upstream's side.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.plan import history
from mergeguard.cpp.diff import diff
from mergeguard.data import shipped_rules
from tests.support import corpus
from tests.support.hermetic import git_environment

SPLIT = tuple(path for paths in corpus.MONOLITHS.values() for path in paths)
OTHERS = 40  # files outside the rules that the fork edits
CLASHING = 20  # of all edited files, those in which upstream will edit the same line


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--commits", type=int, default=2000)
    parser.add_argument("--from", dest="first", default="0.16.0", metavar="RELEASE")
    parser.add_argument("--keep", metavar="FOLDER", help="make the repositories there, and leave them")
    parser.add_argument("--plan-only", action="store_true")
    chosen = parser.parse_args(arguments)
    versions = corpus.all_versions()
    versions = versions[versions.index(chosen.first) :]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(chosen.keep or folder)
        upstream, fork = root / "upstream", root / "fork"
        behind = history.make(versions, chosen.commits, upstream)
        _git(root, "clone", "-q", str(upstream), str(fork))
        make_fork(fork)
        print(f"{behind} commits behind", flush=True)
        _plan(fork, "first")
        _plan(fork, "again")
        if not chosen.plan_only:
            _stepwise(fork)
    return 0


def make_fork(fork: Path) -> None:
    """Branch `fork` of a clone at upstream's first commit: local edits, then every shipped rule's split."""
    first = _git(fork, "rev-list", "--max-parents=0", "HEAD").strip()
    _git(fork, "checkout", "-q", "-b", "fork", first)
    for name, text in shipped_rules().items():
        target = fork / ".mergeguard" / "rules" / Path(name).name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text)
    listed = _git(fork, "diff", "--name-only", "--diff-filter=M", first, "origin/main").splitlines()
    present = [p for p in SPLIT if (fork / p).is_file()]
    others = [p for p in listed if p.endswith((".cu", ".cuh", ".h", ".cpp")) and p not in present]
    edited = [*present, *others[:: max(1, len(others) // OTHERS)][:OTHERS]]
    for number, path in enumerate(edited):
        new = subprocess.run(
            ["git", "-C", str(fork), "show", f"origin/main:{path}"],
            capture_output=True,
            env=git_environment(),
        ).stdout
        _edit(fork / path, new, clash=number % max(2, len(edited) // CLASHING) == 1)
    _git(fork, "commit", "-q", "-a", "-m", "local edits")
    _mergeguard(fork, "split", "--upstream", first)
    _git(fork, "add", "-A")
    _git(fork, "commit", "-q", "-m", "split")


def _edit(path: Path, new: bytes, *, clash: bool) -> None:
    """A comment behind a statement near the middle, or on a line that upstream's newest version replaces."""
    lines = path.read_bytes().splitlines(keepends=True)
    changes = [c for c in diff(lines, new.splitlines(keepends=True)) if c.a1 > c.a0] if new else []
    if clash and changes:
        at = changes[len(changes) // 2].a0
        lines[at] = (
            lines[at].rstrip(b"\r\n\\ ")
            + b"  /* fork */"
            + (b" \\\n" if lines[at].rstrip().endswith(b"\\") else b"\n")
        )
    else:
        ends = [n for n, line in enumerate(lines) if line.endswith(b";\n") and line.startswith(b"  ")]
        near = min(ends, key=lambda n: abs(n - len(lines) // 2), default=len(lines) - 1)
        lines.insert(near + 1, b"  // fork: a line of its own\n")
    path.write_bytes(b"".join(lines))


def _plan(fork: Path, which: str) -> None:
    printed, seconds, cpu = _mergeguard(fork, "plan", "origin/main", "--json")
    plan = json.loads(printed)
    steps = plan["steps"]
    conflicts = sum(bool(s["conflicts"]) for s in steps)
    findings = sum(bool(s["findings"]) for s in steps)
    print(
        f"plan, {which}: {seconds:.1f} s (CPU {cpu:.1f} s), {plan['probes']} merges tried;"
        f" {len(steps)} steps, {conflicts} with conflicts, {findings} with findings",
        flush=True,
    )


def _stepwise(fork: Path) -> None:
    start = time.perf_counter()
    stops = 0
    while True:
        _mergeguard(fork, "sync", "origin/main", "--stepwise", "--json")
        unmerged = {line.split("\t")[1] for line in _git(fork, "ls-files", "-u").splitlines()}
        if not unmerged:
            break
        stops += 1
        for path in unmerged:
            _take_theirs(fork, path)
        _git(fork, "add", "-A")
        _mergeguard(fork, "sync", "--continue")
    merges = _git(fork, "rev-list", "--count", "--merges", "HEAD").strip()
    left = _git(fork, "rev-list", "--count", "HEAD..origin/main").strip()
    seconds = time.perf_counter() - start
    print(f"sync --stepwise: {seconds:.1f} s, {merges} merges, {stops} stops, {left} commits left")


def _take_theirs(fork: Path, path: str) -> None:
    stages = _git(fork, "ls-files", "-u", "--", path)
    if any(line.split()[2] == "3" for line in stages.splitlines()):
        _git(fork, "checkout", "-q", "--theirs", "--", path)
    else:
        _git(fork, "rm", "-q", "--cached", "--", path)
        (fork / path).unlink(missing_ok=True)


def _mergeguard(fork: Path, *arguments: str) -> tuple[bytes, float, float]:
    """What a command printed, its seconds by the clock and of CPU. Findings and conflicts are no failure."""

    def cpu() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    environment = git_environment() | {"PYTHONPATH": os.pathsep.join(sys.path)}
    start, cpu_start = time.perf_counter(), cpu()
    command = [sys.executable, "-m", "mergeguard", *arguments]
    done = subprocess.run(command, cwd=fork, env=environment, capture_output=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr.decode(errors='replace')}")
    return done.stdout, time.perf_counter() - start, cpu() - cpu_start


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=git_environment(), check=True, capture_output=True
    ).stdout.decode("utf-8", "surrogateescape")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
