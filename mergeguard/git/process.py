"""Running git: a clean environment, bytes in and out, one error type.

Asking git takes little of what ``subprocess`` offers, and loading that costs 3 ms of CPU, a twentieth of a
``status``. POSIX only; of our descriptors a child has those alone that it is given.
"""

from __future__ import annotations

import os
import re
import select
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from mergeguard.git.atwork import ACTIVE_VARIABLE
from mergeguard.git.errors import GitError, GitMissing, GitTooOld
from mergeguard.values import dataclass

MINIMUM_GIT = (2, 38)

_CHUNK = 1 << 16
# SIGPIPE and SIGXFSZ: Python ignores them, children must not (loading `signal` for the names costs, too).
_IGNORED = (13, 25)
_KILL = 9
# A child that was interrupted with us has this long to clean up: so many looks, so many seconds between them.
_LOOKS, _PAUSE = 25, 0.01

# What ties a process to one repository (`git rev-parse --local-env-vars`). Inherited from a hook or from a
# git of another repository, they would redirect our children; what must be honoured is set explicitly.
# GIT_CONFIG_PARAMETERS and GIT_CONFIG_COUNT are left: the user's `git -c key=value mergeguard …` counts.
LOCAL_VARIABLES = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_CONFIG",
        "GIT_OBJECT_DIRECTORY",
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_GRAFT_FILE",
        "GIT_INDEX_FILE",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_REPLACE_REF_BASE",
        "GIT_PREFIX",
        "GIT_SHALLOW_FILE",
        "GIT_COMMON_DIR",
        "GIT_INTERNAL_SUPER_PREFIX",
    }
)
# Would change how paths or diffs are read or printed by the commands run here.
MISLEADING_VARIABLES = frozenset(
    {
        "GIT_DIFF_OPTS",
        "GIT_EXTERNAL_DIFF",
        "GIT_GLOB_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
        "GIT_REFLOG_ACTION",
    }
)


@dataclass(frozen=True, slots=True)
class Completed:
    """The end of a git command: its exit status, standard output as bytes, and what it said on stderr."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """Standard output as text without the final newline; bytes that are not UTF-8 survive."""
        return decode(self.out).removesuffix("\n")


def decode(raw: bytes) -> str:
    """A path or name of git's as text; ``encode`` gives the same bytes back, valid UTF-8 or not."""
    return raw.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """The inverse of ``decode``."""
    return text.encode("utf-8", "surrogateescape")


def split_nul(raw: bytes) -> list[str]:
    """The fields of NUL-terminated output."""
    return [decode(field) for field in raw.split(b"\0")[:-1]] if raw else []


def child_environment(inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """``inherited`` (default: this process's environment) without what ties it to a repository."""
    source = os.environ if inherited is None else inherited
    dropped = LOCAL_VARIABLES | MISLEADING_VARIABLES
    environment = {name: value for name, value in source.items() if name not in dropped}
    # Messages are parsed; LANGUAGE wins over LC_ALL for translations and leaves the character set alone.
    environment["LANGUAGE"] = "C"
    # Reading must not fight with the user's own git over the index lock.
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    environment["GIT_LITERAL_PATHSPECS"] = "1"
    environment[ACTIVE_VARIABLE] = "1"
    return environment


def run_git(
    arguments: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    stdin: bytes | None = None,
    ok: Sequence[int] = (0,),
    inherit: Sequence[int] = (),
) -> Completed:
    """Run git and wait. An exit status not in ``ok`` raises ``GitError`` with what git said.

    ``inherit`` lists file descriptors that git keeps open.
    """
    try:
        ended = run_child(["git", "-C", str(cwd), *arguments], environment, stdin or b"", inherit)
    except FileNotFoundError as error:
        raise GitMissing("git is not installed, or not on PATH", hint="install git 2.38 or newer") from error
    completed = Completed(ended.code, ended.out, decode(ended.err))
    if completed.code not in ok:
        if not cwd.is_dir():
            raise GitError(f"the folder {cwd} does not exist")
        verb = next((part for part in arguments if not part.startswith("-") and "=" not in part), "git")
        said = completed.err.strip() or f"exit status {completed.code}"
        raise GitError(f"git {verb} failed: {said}", hint=write_hint(said))
    return completed


def start_git(arguments: Sequence[str], *, cwd: Path, environment: Mapping[str, str]) -> Conversation:
    """Run git and leave it running, to be talked to; what it says on stderr is not heard.

    Replacement refs do not count: what is read must be what has that name.
    """
    words = ["git", "-C", str(cwd), *arguments]
    return Conversation(words, {**environment, "GIT_NO_REPLACE_OBJECTS": "1"})


def pass_through(arguments: Sequence[str], *, cwd: Path, stdin: bytes | None = None) -> int:
    """Run git as the user would: their environment, their terminal (or ``stdin``); its exit status."""
    import subprocess

    sys.stdout.flush()
    return subprocess.run(["git", *arguments], cwd=cwd, input=stdin, check=False).returncode


def write_hint(said: str) -> str | None:
    """What to do about an error of git's or of the system's that says that something can't be written."""
    causes = ("Permission denied", "No space left", "Read-only file system", "Disk quota exceeded")
    if any(cause in said for cause in causes):
        return "check the permissions and the free space, then run it again"
    return None


@cache
def git_version() -> tuple[int, ...]:
    """The version of the git on PATH, e.g. ``(2, 39, 5)``."""
    found = run_git(["--version"], cwd=Path(os.sep), environment=child_environment()).text
    match = re.search(r"(\d+(?:\.\d+)+)", found)
    return tuple(int(part) for part in match[1].split(".")) if match else (0,)


def require_git(version: tuple[int, ...] | None = None) -> None:
    """Raise ``GitTooOld`` for a git without ``merge-tree --write-tree``."""
    version = git_version() if version is None else version
    if version < MINIMUM_GIT:
        raise GitTooOld(
            f"git {'.'.join(map(str, version))} is too old: git merge-tree --write-tree came with 2.38",
            hint="install git 2.38 or newer",
        )


def _found_on_path(name: str) -> str | None:
    """The program that ``name`` runs, as ``shutil.which`` finds it, which takes long to load."""
    if os.name != "posix":
        import shutil

        return shutil.which(name)
    places = (os.path.join(folder, name) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep))
    return next((place for place in places if os.path.isfile(place) and os.access(place, os.X_OK)), None)


_GITS = 4  # programs that are noted


def require_known_git(note: Path) -> None:
    """As ``require_git``, without a question where ``note`` says that this very program was new enough.

    The note is written only where its folder is. It names several by size and time, so that a copy of one (in
    a hook, git is that of its own folder) is known, too.
    """
    program = _found_on_path("git")
    facts = os.stat(program) if program is not None else None
    known = f"{facts.st_mtime_ns} {facts.st_size}" if facts is not None else ""
    noted: list[str] = []
    with suppress(OSError, ValueError):
        noted = note.read_text(encoding="utf-8").splitlines()
    if known and known in noted:
        return
    require_git()
    if known and note.parent.is_dir():
        with suppress(OSError, ValueError):  # one that can't be written is asked again
            note.write_text("".join(f"{line}\n" for line in [known, *noted][:_GITS]), encoding="utf-8")


# --- children ------------------------------------------------------------------------------------------


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


def run_child(
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
