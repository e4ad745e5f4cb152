#!/usr/bin/env python3
"""Set up and run mergeguard from a fresh clone; needs only Python 3.11 and git.

    python3 run.py demo [ARGS]   the main job on a small fork and upstream made on the spot
    python3 run.py test [ARGS]   lint, format check, types, then the tests (ARGS go to pytest)
    python3 run.py setup         only make the environment
    python3 run.py lowest        try the main verbs with the lowest versions that pyproject.toml allows
    python3 run.py exec CMD ...  run a command of the environment (mergeguard, python, pytest, ...)

Everything is installed into .venv beside this file (ignored by git; `lowest` into .venv/lowest), again only
when pyproject.toml or the interpreter changed. Uses nothing but the standard library.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
LOWEST = VENV / "lowest"
STAMP = VENV / "mergeguard-setup"
OLDEST_PYTHON = (3, 11)
# What a newcomer types first, and a verb of each kind of output.
SMOKE = (
    "demo {folder}/demo",
    "--help",
    "-C {folder}/demo/fork status",
    "-C {folder}/demo/fork check",
    "-C {folder}/demo/fork report --format html",
    "-C {folder}/demo/fork report --format sarif",
    "-C {folder}/demo/fork unmapped",
    "-C {folder}/demo/fork rules explain paged_attention_v1",
)


class SetupError(Exception):
    """The environment can't be made; the text says why and what to do."""


def tool(name: str) -> Path:
    """The path of an executable of the environment."""
    if os.name == "nt":
        return VENV / "Scripts" / f"{name}.exe"
    return VENV / "bin" / name


def interpreter() -> str:
    """The Python that the environment is made with: not the environment's own, which `--clear` would remove
    under its feet (an activated .venv, or one that is first on the PATH)."""
    return str(Path(getattr(sys, "_base_executable", None) or sys.executable).resolve())


def fingerprint() -> str:
    """What the installed environment depends on: the interpreter, where it stands, what it must hold."""
    parts = (sys.version, interpreter(), str(ROOT), (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def set_up() -> None:
    """Make .venv and install mergeguard (editable) with its development tools, unless that is done."""
    if sys.version_info < OLDEST_PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        raise SetupError(f"Python 3.11 or newer is needed, this is {found}: run `python3.11 run.py ...`")
    if shutil.which("git") is None:
        raise SetupError("git is not on the PATH: install it (2.38 or newer) and run this again")
    wanted = fingerprint()
    if STAMP.exists() and STAMP.read_text(encoding="utf-8") == wanted:
        return
    say("setting up .venv")
    for command in (
        [interpreter(), "-m", "venv", "--clear", str(VENV)],
        [str(tool("python")), "-m", "pip", "install", "--quiet", "--editable", f"{ROOT}[dev]"],
    ):
        if subprocess.run(command, cwd=ROOT, env=environment(), check=False).returncode:
            raise SetupError(
                f"failed: {' '.join(command)}\n"
                "Is the package index reachable, and is the venv module there (Debian: python3-venv)?"
            )
    STAMP.write_text(wanted, encoding="utf-8")


def lowest() -> int:
    """The main verbs with the lowest dependencies that pyproject.toml declares; 0 where all of them work."""
    python = LOWEST / "bin" / "python"
    stamp, wanted = LOWEST / "mergeguard-setup", fingerprint()
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        say("installing the lowest dependencies")
        pins = [requirement.replace(">=", "==") for requirement in declared()]
        for command in (
            [interpreter(), "-m", "venv", "--clear", str(LOWEST)],
            [str(python), "-m", "pip", "install", "--quiet", "--editable", str(ROOT), *pins],
        ):
            if subprocess.run(command, cwd=ROOT, env=environment(), check=False).returncode:
                raise SetupError(f"failed: {' '.join(command)}")
        stamp.write_text(wanted, encoding="utf-8")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for verb in SMOKE:
            command = [str(python), "-m", "mergeguard", *verb.format(folder=folder).split()]
            done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, check=False)
            print(f"{'ok' if done.returncode == 0 else done.returncode}  mergeguard {verb}", flush=True)
            if done.returncode:
                print(done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"), sep="\n")
                failed += 1
    return int(failed > 0)


def declared() -> list[str]:
    """The dependencies of pyproject.toml, as ``name>=version``."""
    import tomllib  # not at the top: an older Python shall be told what it lacks

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return list(project["dependencies"])


def environment() -> dict[str, str]:
    """The caller's environment with .venv in front and no foreign Python settings."""
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONHOME", "PYTHONPATH")}
    env["VIRTUAL_ENV"] = str(VENV)
    env["PATH"] = os.pathsep.join((str(tool("python").parent), env.get("PATH", "")))
    env.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    return env


def run(command: Sequence[str]) -> int:
    """Run one command of the environment from the checkout's root; its exit status."""
    return subprocess.run(
        [str(tool(command[0])), *command[1:]], cwd=ROOT, env=environment(), check=False
    ).returncode


def test(arguments: Sequence[str]) -> int:
    """All checks in turn; the tests run last, so that their summary closes the output."""
    failed = []
    for title, command in (
        ("lint", ["ruff", "check", "."]),
        ("format", ["ruff", "format", "--check", "."]),
        ("types", ["mypy"]),
        ("layers", ["lint-imports", "--no-cache"]),
        ("tests", ["pytest", "-n", "auto", *arguments]),
    ):
        say(title)
        if run(command):
            failed.append(title)
            say(f"{title}: FAILED")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def say(text: str) -> None:
    """Print a step's title at once, whatever buffers stand behind standard output."""
    print(f"== {text}", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Run the command named by the first argument."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if arguments else 2
    verb, rest = arguments[0], list(arguments[1:])
    if verb not in ("demo", "test", "setup", "lowest", "exec") or (verb == "exec" and not rest):
        print(f"error: unknown command {' '.join(arguments)!r}\n\n{__doc__}", file=sys.stderr)
        return 2
    try:
        set_up()
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if verb == "demo":
        return run(["python", "-m", "mergeguard", "demo", *rest])
    if verb == "test":
        return test(rest)
    if verb == "lowest":
        return lowest()
    return run(rest) if verb == "exec" else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
