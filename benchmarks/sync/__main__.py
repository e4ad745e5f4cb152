"""`python -m benchmarks.sync [FROM TO [RUNS]]`: `mergeguard sync` against `git merge`, as whole processes.

A fork of release FROM (0.30.0) with every rule split and three local edits merges release TO (0.32.0); beside
it the same fork unsplit, by plain git. The two run in turn; the ratio is that of the medians.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mergeguard.data import shipped_rules
from tests import corpus
from tests.hermetic import git_environment

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
        times: dict[str, list[float]] = {"git merge": [], "mergeguard sync": []}
        for _ in range(int(runs) + 1):
            times["git merge"].append(_timed(unsplit, "git", "merge", "-q", "-m", "merge", f"v{new}"))
            times["mergeguard sync"].append(
                _timed(split, sys.executable, "-m", "mergeguard", "sync", f"v{new}")
            )
            for fork in (unsplit, split):
                _git(fork, "reset", "-q", "--hard", "ORIG_HEAD")
        medians = {name: statistics.median(seconds[1:]) for name, seconds in times.items()}
        for name, seconds in medians.items():
            print(f"{name}: {seconds:.3f} s (median of {runs}, after a warm-up)")
        print(f"ratio: {medians['mergeguard sync'] / medians['git merge']:.1f}")
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


def _timed(fork: Path, *command: str) -> float:
    start = time.perf_counter()
    _run(fork, *command)
    return time.perf_counter() - start


def _git(folder: Path, *arguments: str) -> None:
    _run(folder, "git", *arguments)


def _run(folder: Path, *command: str) -> None:
    environment = git_environment() | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
