"""Compile, link and run the C++ fixtures on the host: no GPU, no CUDA, no torch.

The fixtures launch kernels as the real files do, ``kernel<<<grid, block>>>(x)``. A host compiler can't read
that, so the text is rewritten first (as hipify does for real builds); the layouts that mergeguard derives are
derived from the unrewritten text and go the same way.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest

COMPILE = Path(__file__).resolve().parents[2] / "fixtures" / "compile"

# The monoliths of fixtures/compile, at upstream's paths; drivers/<name>.cpp calls each.
MONOLITHS = {
    "skinny_gemms": "csrc/rocm/skinny_gemms.cu",
    "skinny_gemms_int4": "csrc/rocm/skinny_gemms_int4.cu",
    "skinny_gemms_int8": "csrc/rocm/skinny_gemms_int8.cu",
    "attention": "csrc/rocm/attention.cu",
    "paged_attention_v1": "csrc/libtorch_stable/attention/paged_attention_v1.cu",
    "selective_scan_fwd": "csrc/mamba/selective_scan_fwd.cu",
}

# What a device compiler would define, by device family; "none" takes every fallback branch.
FLAVOURS: dict[str, tuple[str, ...]] = {
    "none": (),
    "gfx9": ("-D__HIPCC__", "-D__gfx942__", "-DUSE_ROCM"),
    "gfx11": ("-D__HIPCC__", "-D__GFX11__", "-DUSE_ROCM"),
    "gfx12": ("-D__HIPCC__", "-D__GFX12__", "-DUSE_ROCM"),
    "sweep": ("-D__HIPCC__", "-D__gfx942__", "-DUSE_ROCM", "-DVLLM_SKINNY_GEMM_SWEEP"),
}

_SOURCES = (".cu", ".cuh", ".h", ".hpp", ".cpp")


class CompileError(AssertionError):
    """The compiler or the linker refused; the text is what it said."""


@cache
def compiler() -> str | None:
    """The C++ compiler of this machine, None if it has none."""
    for name in (os.environ.get("CXX"), "g++", "clang++", "c++"):
        if name and shutil.which(name):
            return name
    return None


def require_compiler() -> str:
    """The compiler; skips the test without one (with MERGEGUARD_REQUIRE_ALL set, as in CI: fails)."""
    found = compiler()
    if found is not None:
        return found
    reason = "no C++ compiler found: install g++ or clang++, or name one in CXX"
    if os.environ.get("MERGEGUARD_REQUIRE_ALL"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def translate(text: bytes) -> bytes:
    """Kernel launches rewritten so that a host compiler reads them; line numbers stay."""
    return text.replace(b"<<<", b" % ::mg::config(").replace(b">>>", b")")


def prepare(dest: Path, changes: Mapping[str, bytes | None] | None = None) -> Path:
    """Copy fixtures/compile to ``dest``, ready to compile.

    ``changes`` are files of the tree by path, as git would hold them: new bytes, or None for a file that is
    gone. All sources below csrc/ are translated.
    """
    shutil.copytree(COMPILE, dest, dirs_exist_ok=True)
    for name, data in (changes or {}).items():
        place = dest / name
        if data is None:
            place.unlink()
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
    for place in (dest / "csrc").rglob("*"):
        if place.suffix in _SOURCES:
            place.write_bytes(translate(place.read_bytes()))
    return dest


def compile_units(tree: Path, units: Sequence[str], flags: Sequence[str] = ()) -> tuple[Path, ...]:
    """Compile each translation unit of a prepared tree, by path, to an object of its own."""
    command = require_compiler()
    objects = []
    for unit in units:
        target = tree / "objects" / (unit.replace("/", "_") + ".o")
        target.parent.mkdir(exist_ok=True)
        # No optimisation: inlining would hide two different bodies under one weak symbol.
        options = ("-std=c++17", "-O0", "-w", *flags, "-Istubs", "-Icsrc", "-Idrivers", "-x", "c++", "-c")
        _call([command, *options, unit, "-o", str(target)], tree)
        objects.append(target)
    return tuple(objects)


def link(tree: Path, objects: Sequence[Path]) -> Path:
    """Link objects, in this order, to a program."""
    program = tree / "objects" / "program"
    _call([require_compiler(), *map(str, objects), "-o", str(program)], tree)
    return program


def output(program: Path) -> str:
    """What the program prints; it must exit with 0."""
    return _call([str(program)], program.parent)


def _call(command: Sequence[str], where: Path) -> str:
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise CompileError(f"{' '.join(command)}\nexit status {done.returncode}\n{done.stderr[:8000]}")
    return done.stdout
