"""Ends a process at each step that changes something on disk, or keeps an image of the disk there.

Steps are not named by the product: an audit hook sees every file that Python opens for writing, renames,
links, makes or removes, every fsync, and every git that changes more than objects. So a write that nobody
thought of is a step as well. Only what is below the root counts.

``tests/faultsite`` on PYTHONPATH installs it in each Python of a git command (hooks, driver), ``install`` in
this process. Environment: see the constants; steps are numbered from 1 over all processes of a run.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

ROOT = "MG_FAULT_ROOT"  # the folder that is watched; without it nothing happens
TRACE = "MG_FAULT_TRACE"  # a file with the steps passed, one a line
AT = "MG_FAULT_AT"  # the number of the step that is fatal …
HOW = "MG_FAULT_HOW"  # … "kill" (SIGKILL), "group" (its process group, too), "full", "denied" (OSError)
IMAGES = "MG_FAULT_IMAGES"  # a folder that gets a copy of the root before each step

SITE = Path(__file__).parent / "faultsite"
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_RANDOM = re.compile(r"tmp\w{8}|[0-9a-f]{24,64}|(?<=pending-)\d+|(?<=/saved/)\w+")
# git commands that write nothing, or objects that nothing refers to.
_READING = {
    "blame", "cat-file", "check-attr", "commit-tree", "diff", "diff-files", "diff-index", "diff-tree",
    "for-each-ref", "hash-object", "log", "ls-files", "ls-tree", "merge-base", "merge-file", "merge-tree",
    "name-rev", "reflog", "remote", "rev-list", "rev-parse", "show", "status", "var", "write-tree",
    "--version",
}  # fmt: skip
# Neither are objects that are written here: nothing refers to them either.
_OBJECTS = f"{os.sep}.git{os.sep}objects{os.sep}"
_busy = False


def environment(root: Path, trace: Path, **more: str) -> dict[str, str]:
    """Variables for a git command whose Python processes are watched."""
    path = os.pathsep.join((str(SITE), str(SITE.parents[2])))
    return {ROOT: str(root), TRACE: str(trace), "PYTHONPATH": path, **more}


def install() -> None:
    """Watch this process from now on (an audit hook can't be taken away again)."""
    if not os.environ.get(ROOT):
        return
    sys.addaudithook(_audit)
    real = os.fsync

    def fsync(file: Any) -> None:
        descriptor = file if isinstance(file, int) else file.fileno()
        _step("fsync", os.readlink(f"/proc/self/fd/{descriptor}"))
        real(file)

    os.fsync = fsync  # type: ignore[assignment]


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _busy:
        return
    if event == "open":
        path, _, flags = arguments
        if isinstance(flags, int) and flags & _WRITES and not isinstance(path, int):
            _step("write", path)
    elif event in ("os.rename", "os.link", "os.symlink"):
        _step(event[3:], *arguments[:2])
    elif event in ("os.remove", "os.mkdir", "os.rmdir", "os.chmod"):
        # What is named from an open folder (by rmtree) is scratch; making what is there is no step.
        path, folder = arguments[0], arguments[-1]
        if folder == -1 and isinstance(path, str | bytes | os.PathLike):
            if os.path.lexists(path) == (event != "os.mkdir"):
                _step(event[3:], path)
    elif event == "os.posix_spawn":
        words, variables = [os.fsdecode(word) for word in arguments[1]], arguments[2]
        if words[:2] == ["git", "-C"]:
            del words[1:3]
        if words[:1] == ["git"] and _changes(words[1:], variables):
            _step("git " + " ".join(words[1:]), os.environ[ROOT])


def _changes(words: list[str], variables: Any) -> bool:
    rest = iter(words)
    verb = next((w for w in rest if w == "--version" or not (w.startswith("-") or "=" in w)), "")
    if verb in _READING or (verb == "config" and not {"--add", "--unset-all", "--replace-all"} & set(words)):
        return False
    if verb == "symbolic-ref" and len([w for w in rest if not w.startswith("-")]) < 2:
        return False
    return "/mergeguard/tmp/" not in str(variables.get("GIT_INDEX_FILE", ""))


def _step(what: str, *paths: Any) -> None:
    global _busy
    root = os.environ[ROOT]
    found = [os.path.join(os.getcwd(), os.fsdecode(path)) for path in paths]
    if not any(path == root or path.startswith(root + os.sep) for path in found):
        return
    if all(_OBJECTS in path for path in found):
        return
    _busy = True
    try:
        names = [os.path.relpath(path, root) for path in found]
        name = _RANDOM.sub("*", f"{what} {' -> '.join(names)}".removesuffix(" ."))
        number = _number(name)
        images = os.environ.get(IMAGES)
        if images:
            copy(root, os.path.join(images, str(number)))
        if os.environ.get(AT) == str(number):
            _end(name)
    finally:
        _busy = False


def _number(name: str) -> int:
    with open(os.environ[TRACE], "a+b") as trace:
        fcntl.flock(trace, fcntl.LOCK_EX)
        trace.seek(0)
        number = trace.read().count(b"\n") + 1
        trace.write(name.replace("\n", " ").encode("utf-8", "surrogateescape") + b"\n")
    return number


def _end(name: str) -> None:
    how = os.environ.get(HOW, "kill")
    if how in ("full", "denied"):
        code = errno.ENOSPC if how == "full" else errno.EACCES
        raise OSError(code, os.strerror(code), name)
    os.kill(0 if how == "group" else os.getpid(), signal.SIGKILL)


def copy(source: str | Path, target: str | Path) -> None:
    """A copy of a repository; objects, which never change, are linked."""

    def one(old: str, new: str) -> None:
        try:
            if _OBJECTS in old:
                os.link(old, new, follow_symlinks=False)
            else:
                shutil.copy2(old, new, follow_symlinks=False)
        except FileNotFoundError:
            pass  # gone between listing and copying: another process's

    shutil.copytree(source, target, symlinks=True, copy_function=one)
