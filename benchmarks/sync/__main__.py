"""`python -m benchmarks.sync [FROM TO [RUNS]]`: `mergeguard sync` against `git merge`, as whole processes.

A fork of release FROM (0.30.0) with every rule split and three local edits merges release TO (0.32.0); beside
it the same fork unsplit, by plain git, and the sync without its audit. They run in turn; the ratios are
those of the medians.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mergeguard.data import shipped_rules
from tests.support import corpus
from tests.support.hermetic import git_environment

EDITS = (
    ("csrc/rocm/skinny_gemms.cu", b"int mindiv(", b"// fork: an edit\nint mindiv("),
    ("csrc/rocm/skinny_gemms_int4.cu", b"#define LDS_SIZE", b"// fork: an edit\n#define LDS_SIZE"),
    ("csrc/rocm/attention.cu", b"#define MAX(a, b)", b"// fork: an edit\n#define MAX(a, b)"),
)


def main(arguments: list[str]) -> int:
    old, new, runs = (*arguments, *("0.30.0", "0.32.0", "5")[len(arguments) :])
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        corpus.repository([old, new], root / "upstream")
        unsplit = _fork(root, "unsplit", old)
        split = _fork(root, "split", old)
        for name, text in shipped_rules().items():
            target = split / ".mergeguard" / "rules" / Path(name).name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)
        _run(split, sys.executable, "-m", "mergeguard", "split", "--upstream", f"v{old}")
        _git(split, "add", "-A")
        _git(split, "commit", "-q", "-m", "split")
        sync = (sys.executable, "-m", "mergeguard", "sync", f"v{new}")
        commands = {
            "git merge": (unsplit, "git", "merge", "-q", "-m", "merge", f"v{new}"),
            "mergeguard sync": (split, *sync),
            "mergeguard sync --no-audit": (split, *sync, "--no-audit"),
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(int(runs) + 1):
            for name, (fork, *command) in commands.items():
                times[name].append(_timed(fork, *command))
                _git(fork, "reset", "-q", "--hard", "ORIG_HEAD")
        medians = {
            name: [statistics.median(column) for column in zip(*taken[1:], strict=True)]
            for name, taken in times.items()
        }
        for name, (seconds, cpu) in medians.items():
            print(f"{name}: {seconds:.3f} s, CPU {cpu:.3f} s (medians of {runs}, after a warm-up)")
        (git, _), (audited, audited_cpu), (plain, plain_cpu) = medians.values()
        print(f"ratio to git: {audited / git:.1f}; without the audit: {plain / git:.1f}")
        print(f"the audit adds {audited / plain - 1:.0%} (CPU {audited_cpu / plain_cpu - 1:.0%})")
    return 0


def _fork(root: Path, name: str, release: str) -> Path:
    fork = root / name
    _git(root, "clone", "-q", str(root / "upstream"), str(fork))
    _git(fork, "checkout", "-q", "-b", "fork", f"v{release}")
    for path, before, after in EDITS:
        text = (fork / path).read_bytes()
        (fork / path).write_bytes(text.replace(before, after, 1))
    _git(fork, "commit", "-q", "-a", "-m", "local edits")
    return fork


def _timed(fork: Path, *command: str) -> tuple[float, float]:
    """Seconds by the clock, and of CPU."""

    def cpu() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    start, cpu_start = time.perf_counter(), cpu()
    _run(fork, *command)
    return time.perf_counter() - start, cpu() - cpu_start


def _git(folder: Path, *arguments: str) -> None:
    _run(folder, "git", *arguments)


def _run(folder: Path, *command: str) -> None:
    environment = git_environment() | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
