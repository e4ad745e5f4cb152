"""Monolith and layout through a host compiler: the same external symbols, and what each costs."""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mergeguard.build.commands import Command
from mergeguard.build.cost import FloorProgram, MeasuredProgram, SplitCost, measure_split
from mergeguard.build.floor import floors
from mergeguard.build.measure import CompileError
from mergeguard.build.symbols import demangle, read_device
from mergeguard.lens.layout import Layout

_OWN_SPACE = re.compile(r"\bmergeguard_\w+::")


@dataclass(frozen=True)
class Compiled:
    """CPU seconds and peak KiB: of the monolith, of all units together (CPU) and of the largest (peak).

    ``floor_cpu`` and ``floor_peak`` are of the monolith's headers alone, where they were measured.
    ``problem`` says how the layout is another program, ``skipped`` why there is nothing to compare.
    """

    whole_cpu: float = 0.0
    whole_peak: int = 0
    cpu: float = 0.0
    peak: int = 0
    floor_cpu: float = 0.0
    floor_peak: int = 0
    symbols: int = 0
    kernels: int = 0
    problem: str = ""
    skipped: str = ""

    @property
    def same(self) -> bool:
        return not self.problem and not self.skipped

    def __str__(self) -> str:
        if not self.same:
            return self.problem or f"not compiled: {self.skipped}"
        floor = f" (headers {self.floor_cpu:.1f} s, {self.floor_peak // 1024} MB)" if self.floor_cpu else ""
        made = f"{self.symbols} symbols" + (f", {self.kernels} kernels" if self.kernels else "")
        return (
            f"{made}; {self.whole_cpu:.1f} s, {self.whole_peak // 1024} MB{floor} -> "
            f"{self.cpu:.1f} s, {self.peak // 1024} MB"
        )


@dataclass(frozen=True)
class Program:
    """A monolith's text at ``path``, and the files of a layout of it, of which ``units`` are compiled."""

    path: str
    monolith: bytes
    files: Mapping[str, bytes]
    units: tuple[str, ...]

    @classmethod
    def of(cls, layout: Layout) -> Program:
        files = {file.path: file.text for file in layout.files}
        return cls(layout.path, layout.monolith, files, tuple(f.path for f in layout.files if f.is_unit))


def compile_both(root: Path, program: Program, command: Sequence[str], *, cost: bool = False) -> Compiled:
    """Compile the monolith in ``root`` and the layout in a copy of its folder, and compare the symbols.

    ``cost``: also compile the headers alone, and measure as `mergeguard cost` does.
    """
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        _lay_out(root, place / "whole", program.path, {program.path: program.monolith})
        _lay_out(root, place / "split", program.path, program.files)
        if cost:
            return _cost(root, place, program, command)
        flags = [*command, "-w", "-c"]
        whole = _run([*flags, program.path, "-o", "../whole.o"], place / "whole")
        if whole.error:
            return Compiled(skipped=_first(whole.error))
        units = program.units
        done = [_run([*flags, u, "-o", f"../{n}.o"], place / "split") for n, u in enumerate(units)]
        costs = (whole.cpu, whole.peak, sum(d.cpu for d in done), max(d.peak for d in done))
        for unit, one in zip(units, done, strict=True):
            if one.error:
                return Compiled(*costs, problem=f"{unit} does not compile: {_first(one.error)}")
        if "-fsyntax-only" in command:
            return Compiled(*costs)
        return _linked(Compiled(*costs), place / "whole.o", [place / f"{n}.o" for n in range(len(units))])


def _lay_out(root: Path, tree: Path, path: str, files: Mapping[str, bytes]) -> None:
    """``files`` in ``tree``, among links to what ``root`` has around ``path``."""
    _mirror(root, tree, posixpath.dirname(path), {*files})
    for name, text in files.items():
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text)


def _linked(measured: Compiled, whole: Path, units: Sequence[Path]) -> Compiled:
    """With what the linker says of the units, and their symbols against the monolith's."""
    together = whole.with_name("all.o")
    link = ["ld", "-r", "-o", str(together), *map(str, units)]
    linked = subprocess.run(link, capture_output=True, text=True, check=False)
    if linked.returncode:
        return replace(measured, problem=_first(linked.stderr))
    before, after = _symbols(whole), _symbols(together)
    old, new = _kernels([whole]), _kernels(units)
    # A kernel in a header is static, each unit's own: its host stub is no symbol of the file any more.
    own = {name for name in before["strong"] if name.replace("_Z", "_ZL", 1) in after["local"]}
    own = {name for name in own if any(f"__device_stub_{name}" in other for other in after["local"])}
    for symbols in (before, after):
        symbols["strong"] = {n for n in symbols["strong"] - own if "__device_stub__" not in n}
    old = old - set(demangle([*own]).values())
    problem = _difference(before, after)
    for what, names in (("lost", old - new), ("added", new - old)):
        if names and not problem:
            problem = f"kernels {what}: {', '.join(sorted(names)[:3])}"
    return replace(measured, symbols=len(before["strong"]), kernels=len(old), problem=problem)


def _kernels(objects: Sequence[Path]) -> set[str]:
    """The kernels in the objects' device code, by names that don't tell which file they were compiled in."""
    images = [image for path in objects for image in read_device(path, path.name)]
    if unread := next((image.unreadable for image in images if image.unreadable), ""):
        raise SystemExit(f"device code can't be read: {unread}")
    kernels = [kernel for image in images for kernel in image.kernels]
    readable = demangle(kernels)
    return {_OWN_SPACE.sub("", readable.get(kernel, kernel)) for kernel in kernels}


def _cost(root: Path, place: Path, program: Program, command: Sequence[str]) -> Compiled:
    """As ``compile_both``, of trees that are laid out, by what `mergeguard cost` measures."""
    units = program.units
    bare = floors(program.path, program.monolith, program.files, units)
    _lay_out(root, place / "headers", program.path, bare.files)
    whole, *objects = (
        place / "objects" / kind / (path.replace("/", "_") + ".o")
        for kind, path in (("monolith", program.path), *(("layout", unit) for unit in units))
    )
    try:
        found = measure_split(
            MeasuredProgram(place / "whole", (program.path,)),
            MeasuredProgram(place / "split", units),
            FloorProgram(MeasuredProgram(place / "headers", bare.units), bare),
            Command((*command, "-w", "-c", "{source}", "-o", "{output}")),
            place / "objects",
        )
    except CompileError as error:
        # The monolith is compiled before the layout.
        said = _first(str(error))
        return Compiled(problem=said) if whole.exists() else Compiled(skipped=said)
    return _linked(Compiled(*_figures(found)), whole, objects)


def _figures(found: SplitCost) -> tuple[float, int, float, int, float, int]:
    floor = (found.floor.cpu, found.floor.peak // 1024) if found.floor is not None else (0.0, 0)
    whole = found.monolith.cpu, found.monolith.peak // 1024
    return (*whole, sum(u.cpu for u in found.units), max(u.peak for u in found.units) // 1024, *floor)


def _difference(before: dict[str, set[str]], after: dict[str, set[str]]) -> str:
    """How the linked units define other symbols than the monolith; "" where they don't."""
    lost = before["strong"] - after["strong"] - after["weak"]
    added = {
        name for name in after["strong"] - before["strong"] - before["weak"] if "mergeguard_" not in name
    }
    # Another unit may call what the monolith had inlined, of a library: what is missed is the file's own.
    own = {name.replace("_ZL", "_Z", 1) for name in before["local"]}
    asked = (after["asked"] - before["asked"] - before["strong"] - before["weak"]) & own
    for what, names in (("lost", lost), ("added", added), ("unresolved", asked)):
        if names:
            return f"{what}: {', '.join(sorted(names)[:3])}"
    return ""


@dataclass(frozen=True)
class _Done:
    cpu: float
    peak: int
    error: str


def _run(command: Sequence[str], where: Path) -> _Done:
    process = subprocess.Popen(command, cwd=where, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu = usage.ru_utime + usage.ru_stime
    return _Done(cpu, usage.ru_maxrss, (error or "failed") if process.returncode else "")


def _first(error: str) -> str:
    lines = [line for line in error.splitlines() if "error" in line or "definition" in line]
    return (lines or error.splitlines() or ["failed"])[0][-200:]


def _mirror(root: Path, target: Path, folder: str, own: set[str]) -> None:
    """Links to all that stands beside the monolith, and on the way to it."""
    parts = [p for p in folder.split("/") if p]
    at = Path()
    for part in [*parts, None]:
        (target / at).mkdir(parents=True, exist_ok=True)
        for entry in (root / at).iterdir():
            path = (at / entry.name).as_posix()
            inside = any(o == path or o.startswith(f"{path}/") for o in own)
            if entry.name != part and not inside and not (target / path).exists():
                (target / path).symlink_to(entry)
        if part is not None:
            at = at / part


def _symbols(path: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {"strong": set(), "weak": set(), "asked": set(), "local": set()}
    kinds = {
        **dict.fromkeys("TDBRG", "strong"),
        **dict.fromkeys("WVu", "weak"),
        **dict.fromkeys("tdbr", "local"),
        "U": "asked",
    }
    nm = shutil.which("nm") or "nm"
    for line in subprocess.run([nm, path], capture_output=True, text=True, check=True).stdout.splitlines():
        *_, kind, name = line.split()
        if kind in kinds:
            found[kinds[kind]].add(name)
    return found
