"""What a test run left out, and what would run it: the last lines that pytest prints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

# What a reason speaks of, and what to do about it; the first that fits counts.
WAYS = (
    (r"--all-releases", "python3 run.py test --all-releases (long: every release that was ever read)"),
    (r"--all-faults", "python3 run.py test --all-faults (long: a kill at every step)"),
    (r"cmake|ninja", "install cmake and ninja (Debian: apt-get install cmake ninja-build)"),
    (r"\bmake\b", "install make (Debian: apt-get install make)"),
    (r"\bnm\b", "install nm (Debian: apt-get install binutils)"),
    (r"nvcc|cuobjdump|ptxas", "install a CUDA toolkit with nvcc on the PATH"),
    (
        r"clang-offload-bundler",
        "install clang's HIP tools (Debian: apt-get install clang-19 clang-tools-19 lld-19)",
    ),
    (r"libclang", "install libclang (pip install libclang)"),
    (r"clang", "install clang (Debian: apt-get install clang-19)"),
    (r"g\+\+|compiler", "install a C++ compiler (Debian: apt-get install g++)"),
    (r"\b(?:zsh|fish)\b", "install the shell (Debian: apt-get install zsh fish)"),
    (r"\bgdb\b", "install gdb (Debian: apt-get install gdb)"),
    (r"\bgcov\b", "install gcov (Debian: apt-get install gcc)"),
    (r"\bgit \d", "a newer git, as the reason says"),
    (r"GPU", "a machine with a GPU"),
    (
        r"corpus|package index|download|network|can't be had|source distribution of",
        "a way to a Python package index",
    ),
)


def left_out(reasons: Iterable[str]) -> Iterator[str]:
    """One line for each way to run what was skipped, how many tests it concerns first."""
    found = Counter(_way(reason) for reason in reasons)
    for way, number in sorted(found.items(), key=lambda item: (-item[1], item[0])):
        yield f"{number:5}  {way}"


def _way(reason: str) -> str:
    said = reason.removeprefix("Skipped: ")
    for pattern, way in WAYS:
        if re.search(pattern, said):
            return way
    return f"nothing: {said}"
