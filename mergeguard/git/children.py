"""Child processes: asking git takes little of what ``subprocess`` offers, and loading that costs 3 ms of CPU,
a twentieth of a ``status``; a merge with hooks paid it twice.

POSIX only. Of our descriptors a child has those alone that it is given.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

_CHUNK = 1 << 16
# SIGPIPE and SIGXFSZ: Python ignores them, children must not (loading `signal` for the names costs, too).
_IGNORED = (13, 25)
_KILL = 9
# A child that was interrupted with us has this long to clean up: so many looks, so many seconds between them.
_LOOKS, _PAUSE = 25, 0.01


class Ended(NamedTuple):
    """How a child ended: its exit status (negative: the signal that ended it), and what it wrote."""

    code: int
    out: bytes
    err: bytes


class Conversation:
    """A child that is left running, to be talked to; what it says on its standard error is not heard."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it. Errors: OSError (``FileNotFoundError``: no such program on the PATH)."""
        (said, say), (hear, heard) = os.pipe(), os.pipe()
        self._child: int | None = _start(
            words, environment, (said, heard, os.open(os.devnull, os.O_WRONLY)), (say, hear)
        )
        self.stdin, self.stdout = os.fdopen(say, "wb"), os.fdopen(hear, "rb")

    def end(self) -> None:
        """Hang up, and wait until it has ended."""
        for pipe in (self.stdin, self.stdout):
            with suppress(OSError):
                pipe.close()
        if self._child is not None:
            _wait(self._child)
            self._child = None


def run(
    words: Sequence[str],
    environment: Mapping[str, str],
    stdin: bytes = b"",
    inherit: Sequence[int] = (),
) -> Ended:
    """Run a program to its end; it reads ``stdin`` and keeps the descriptors ``inherit`` open.

    Errors: OSError (``FileNotFoundError``: no such program on the PATH).
    """
    (read, into), (out, written), (err, said) = os.pipe(), os.pipe(), os.pipe()
    child = _start(words, environment, (read, written, said), (into, out, err), inherit)
    try:
        heard = _talk(into, stdin, out, err)
    except BaseException:
        _stop(child)
        raise
    return Ended(_wait(child), *heard)


def _start(
    words: Sequence[str],
    environment: Mapping[str, str],
    theirs: tuple[int, int, int],
    ours: Sequence[int],
    inherit: Sequence[int] = (),
) -> int:
    """The process; ``theirs``, its standard streams, are closed here, ``ours`` where it can't be started."""
    standard = [(os.POSIX_SPAWN_DUP2, mine, number) for number, mine in enumerate(theirs)]
    try:
        for descriptor in inherit:
            os.set_inheritable(descriptor, True)
        return os.posix_spawnp(words[0], [*words], environment, file_actions=standard, setsigdef=_IGNORED)
    except BaseException:
        _close(ours)
        raise
    finally:
        for descriptor in inherit:
            os.set_inheritable(descriptor, False)
        _close(theirs)


def _talk(into: int, stdin: bytes, out: int, err: int) -> tuple[bytes, bytes]:
    """Write ``stdin`` and read both outputs, each when it is ready; all three are closed."""
    rest, heard = memoryview(stdin), {out: bytearray(), err: bytearray()}
    opened = {into: select.POLLOUT, out: select.POLLIN, err: select.POLLIN}
    poller = select.poll()
    for descriptor, awaited in opened.items():
        poller.register(descriptor, awaited)
    try:
        while opened:
            for descriptor, _ in poller.poll():
                if descriptor == into:
                    rest = _written(into, rest)
                    is_done = not rest
                else:
                    data = os.read(descriptor, _CHUNK)
                    heard[descriptor] += data
                    is_done = not data
                if is_done:
                    poller.unregister(descriptor)
                    del opened[descriptor]
                    os.close(descriptor)
    finally:
        _close(opened)
    return bytes(heard[out]), bytes(heard[err])


def _written(into: int, rest: memoryview) -> memoryview:
    """What is left to write once the pipe has taken what it surely can take."""
    try:
        return rest[os.write(into, rest[: select.PIPE_BUF]) :]
    except BrokenPipeError:  # who does not want to read it need not
        return rest[:0]


def _wait(child: int) -> int:
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except ChildProcessError:  # somebody has us ignore children: it has ended, and nobody knows how
        return 0


def _stop(child: int) -> None:
    """End it, now that nobody listens any more."""
    with suppress(ChildProcessError, ProcessLookupError):
        for _ in range(_LOOKS):
            if os.waitpid(child, os.WNOHANG)[0]:
                return
            time.sleep(_PAUSE)
        os.kill(child, _KILL)
        os.waitpid(child, 0)


def _close(descriptors: Sequence[int] | Mapping[int, int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
