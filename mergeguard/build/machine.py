"""What figures were measured with: the machine, and the compiler."""

from __future__ import annotations

import os
import platform
import re
import shutil
from contextlib import suppress
from pathlib import Path

from mergeguard.build.processes import run


def machine() -> str:
    """A short description of what the figures were measured on: processor, cores, kernel."""
    model = platform.processor() or platform.machine()
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def compiler_identity(program: str) -> str:
    """What tells two installed compilers of one name apart: the resolved path, its size and its time."""
    found = shutil.which(program)
    if found is None:
        return program
    real = os.path.realpath(found)
    info = os.stat(real)
    return f"{real}:{info.st_size}:{info.st_mtime_ns}"


def compiler_version(program: str) -> str:
    """The line of ``program --version`` that has the version in it; the program's name if it says none."""
    with suppress(OSError):
        for line in run([program, "--version"], os.getcwd()).said.splitlines():
            if re.search(r"\d\.\d", line):
                return line.strip()
    return program
