"""Run one command and measure its whole process tree: time, CPU time and memory over time.

A compiler driver is a small parent of large children (cc1plus, cicc, ptxas, lld, ...). What a build
machine needs is the memory of *all of them at one moment*, which no single number of the kernel gives, so
the tree is sampled; the largest single process comes from the kernel's own high-water marks as well.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO

from mergeguard.values import dataclass

SAMPLE_SECONDS = 0.05
# A unit that is done in a tenth of a second has a peak, too.
FIRST_SECONDS, FIRST_SAMPLE_SECONDS = 0.5, 0.005
SAID_BYTES = 4000
MARK_SLACK_BYTES = 4_000_000
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Run:
    """One finished command. Times in seconds, memory in bytes, ``series`` as (seconds since start, bytes)."""

    argv: tuple[str, ...]
    exit_code: int
    wall: float
    user: float
    system: float
    peak: int  # of the whole process tree at one moment (sampled; never less than ``largest``)
    largest: int  # the largest single process of the tree
    series: tuple[tuple[float, int], ...]
    said: str  # what it wrote to its outputs; of long texts the beginning and the end
    sampled: bool  # False where there is no /proc: then ``peak`` is only ``largest``


class ProcessTree:
    """The processes of one session, read from /proc.

    The session (not the parent chain) names the tree, so that children whose parent has already gone still
    count. Resident memory is summed: pages shared between processes count in each, which for compilers
    (separate programs, private heaps) overstates by a few per cent at most and never understates.
    """

    def __init__(self, session: int) -> None:
        self._session = str(session).encode()
        self.largest = 0

    def resident(self) -> int:
        """Bytes resident now in all live processes of the session; updates ``largest``."""
        total = 0
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            # A process can end between any two reads.
            with suppress(OSError):
                with open(f"/proc/{name}/stat", "rb") as stat:
                    fields = stat.read().rpartition(b")")[2].split()
                # After the command name: state ppid pgrp session ...; rss (pages) is field 24 of stat.
                if len(fields) < 22 or fields[3] != self._session:
                    continue
                total += int(fields[21]) * _PAGE
                self.largest = max(self.largest, _high_water(name))
        return total


def _high_water(pid: str) -> int:
    with open(f"/proc/{pid}/status", "rb") as status:
        for line in status:
            if line.startswith(b"VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


class Measured:
    """A running command that is measured: ``sample()`` now and then, until it returns a ``Run``.

    ``scratch`` is the folder for temporary files, ours and the command's (the system's if None).
    """

    def __init__(
        self,
        argv: Sequence[str],
        cwd: str,
        env: Mapping[str, str] | None = None,
        scratch: str | None = None,
    ) -> None:
        self.argv = tuple(argv)
        if scratch is not None:
            env = {**(os.environ if env is None else env), "TMPDIR": scratch}
        self._errors: IO[bytes] = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 (closed with the run)
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            self.argv,
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=self._errors,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        # ru_maxrss of a child starts at what its parent had resident when it forked (Linux keeps the mark
        # across exec), so marks at or near our own say nothing about the compiler. Our mark is read when the
        # child has begun, and is counted by the kernel in batches: hence the slack.
        self._floor = _maxrss_bytes(resource.getrusage(resource.RUSAGE_SELF)) + MARK_SLACK_BYTES
        self._tree = ProcessTree(self._process.pid) if os.path.isdir("/proc/self") else None
        self._series: list[tuple[float, int]] = []

    @property
    def pid(self) -> int:
        return self._process.pid

    def pause(self) -> float:
        """Seconds until the next sample is due: few at first, since small units end soon."""
        young = time.monotonic() - self._started < FIRST_SECONDS
        return FIRST_SAMPLE_SECONDS if young else SAMPLE_SECONDS

    def resident(self) -> int:
        """Bytes of the tree at the last sample."""
        return self._series[-1][1] if self._series else 0

    def sample(self) -> Run | None:
        """Take one sample; the ``Run`` once the command has ended."""
        if self._tree is not None:
            self._series.append((time.monotonic() - self._started, self._tree.resident()))
        pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
        if pid == 0:
            return None
        wall = time.monotonic() - self._started
        self._process.returncode = os.waitstatus_to_exitcode(status)
        marked = _maxrss_bytes(usage)
        largest = max(self._tree.largest if self._tree else 0, marked if marked > self._floor else 0)
        if self._tree is None or largest == 0:
            largest = max(largest, marked)
        peak = max([largest, *(memory for _, memory in self._series)])
        said = _ends_of(self._errors)
        self._errors.close()
        return Run(
            argv=self.argv,
            exit_code=self._process.returncode,
            wall=wall,
            user=usage.ru_utime,
            system=usage.ru_stime,
            peak=peak,
            largest=largest,
            series=tuple(self._series),
            said=said,
            sampled=self._tree is not None,
        )

    def stop(self) -> None:
        """End the command and every process of its session that is still in its group; waits for it."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._errors.close()


def _ends_of(file: IO[bytes]) -> str:
    # The first error explains the rest; the last lines say why it gave up.
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size <= SAID_BYTES:
        return file.read().decode("utf-8", "replace")
    head = file.read(SAID_BYTES // 2)
    file.seek(size - SAID_BYTES // 2)
    return (head + b"\n[...]\n" + file.read()).decode("utf-8", "replace")


def _maxrss_bytes(usage: resource.struct_rusage) -> int:
    # Linux counts kilobytes, macOS bytes.
    return usage.ru_maxrss * (1 if os.uname().sysname == "Darwin" else 1024)


def run(argv: Sequence[str], cwd: str, env: Mapping[str, str] | None = None) -> Run:
    """Run ``argv`` to its end and measure it. Raises OSError if it can't be started."""
    measured = Measured(argv, cwd, env)
    try:
        while True:
            outcome = measured.sample()
            if outcome is not None:
                return outcome
            time.sleep(measured.pause())
    except BaseException:
        measured.stop()
        raise


def thin(series: Sequence[tuple[float, int]], most: int = 400) -> tuple[tuple[float, int], ...]:
    """At most ``most`` points, each the maximum of its stretch, so that peaks survive; times keep order."""
    if len(series) <= most:
        return tuple(series)
    step = len(series) / most
    kept = []
    for index in range(most):
        stretch = series[int(index * step) : max(int((index + 1) * step), int(index * step) + 1)]
        kept.append((stretch[0][0], max(memory for _, memory in stretch)))
    return tuple(kept)
