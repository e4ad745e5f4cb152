"""Measuring a command: CPU (user and system) of the process and of all its children, in milliseconds.

CPU, not the clock: a busy machine changes the second far more than the first. What still drifts (caches,
clock rates) hits both sides of a ratio, since they are measured in turn in one run.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.hermetic import git_environment

#: The command line of this checkout.
MERGEGUARD = (sys.executable, "-m", "mergeguard")
#: The least that a program in Python costs.
PYTHON = (sys.executable, "-c", "pass")


@dataclass(frozen=True)
class Command:
    """A command in a folder. ``reset`` brings back the state it starts from; it is not measured.

    ``ok`` are the exit statuses that count as having worked.
    """

    folder: Path
    words: Sequence[str]
    reset: Callable[[], None] = lambda: None
    ok: Sequence[int] = (0,)
    stdin: bytes = b""


def environment() -> dict[str, str]:
    """Of every process: a git of known configuration, this checkout's code, compiled."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return git_environment(inherited) | {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "mergeguard-speed-pycache"),
    }


def cpu(command: Command) -> float:
    """CPU milliseconds of one run; raises where it fails."""
    command.reset()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command.words,
        cwd=command.folder,
        env=environment(),
        input=command.stdin,
        capture_output=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in command.ok:
        said = done.stderr.decode(errors="replace") + done.stdout.decode(errors="replace")
        raise RuntimeError(f"{' '.join(command.words)}: exit status {done.returncode}\n{said}")
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def paired(ours: Command, peer: Command, runs: int) -> tuple[float, float]:
    """The medians of both, measured in turn ``runs`` times; a peer of few milliseconds five times a turn.

    One of less than half a second twice: files as old as their index take git twice the time, until the clock
    is in the next second.
    """
    mine: list[float] = []
    theirs: list[float] = []
    for _ in range(runs):
        theirs.append(cpu(peer))
        more = 4 if theirs[-1] < 50 else 1 if theirs[-1] < 500 else 0
        theirs += [cpu(peer) for _ in range(more)]
        mine.append(cpu(ours))
    return statistics.median(mine), statistics.median(theirs)


def run(folder: Path, *words: str, ok: Sequence[int] = (0,)) -> str:
    """Run something that is not measured; its standard output."""
    done = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, check=False)
    if done.returncode not in ok:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode(errors="replace").strip()
