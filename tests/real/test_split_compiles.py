"""Law 5 on a real compiler: the shards of a layout are the program that the monolith was."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from mergeguard.build.symbols import read_host
from mergeguard.lens.layout import Layout, Role
from mergeguard.verify.symbols import Symbol
from tests.support import toolchain
from tests.support.layouts import FORK, Case

FORKS = Case("skinny_gemms_int4", FORK)
THIN = Case("skinny_gemms_int4", FORK, "thin")


@pytest.fixture(scope="module")
def monoliths(tmp_path_factory):
    toolchain.require_compiler()
    return toolchain.prepare(tmp_path_factory.mktemp("monoliths"))


@pytest.fixture(scope="module")
def layouts(tmp_path_factory):
    """For each monolith its layout, and a tree that has the layout in the monolith's place."""
    toolchain.require_compiler()
    made = {}
    for case in (*(Case(name, None) for name in toolchain.MONOLITHS), FORKS, THIN):
        layout = case.split(case.text)
        name = case.name if case.release is None else str(case)
        tree = toolchain.prepare(tmp_path_factory.mktemp(name), {f.path: f.text for f in layout.files})
        made[name] = (layout, tree)
    return made


@pytest.fixture(scope="module")
def programs():
    """What is compiled already, by what the compiler sees: most flavours differ in some of the files only."""
    return {}


def _units(layout: Layout) -> list[str]:
    return [file.path for file in layout.files if file.is_unit]


def _build(
    programs: dict[bytes, tuple[str, dict[str, tuple[Symbol, ...]]]],
    tree: Path,
    units: Sequence[str],
    flags: Sequence[str],
) -> tuple[str, dict[str, tuple[Symbol, ...]]]:
    """What the program prints, and the symbols of each unit."""
    command = [toolchain.require_compiler(), "-E", "-P", "-std=c++17", *flags]
    command += ["-Istubs", "-Icsrc", "-Idrivers", "-x", "c++", *units]
    seen = subprocess.run(command, cwd=tree, capture_output=True, check=True).stdout
    key = hashlib.sha256(seen + b"\0".join(unit.encode() for unit in units)).digest()
    if key not in programs:
        objects = toolchain.compile_units(tree, units, flags)
        printed = toolchain.output(toolchain.link(tree, objects))
        # Were two of the names the same, the order would decide which body runs.
        assert toolchain.output(toolchain.link(tree, objects[::-1])) == printed
        symbols = {unit: read_host(o, unit).symbols for unit, o in zip(units, objects, strict=True)}
        programs[key] = (printed, symbols)
    return programs[key]


def _collisions(symbols: Mapping[str, tuple[Symbol, ...]]) -> dict[str, set[str]]:
    """The visible symbols that two units define with different bodies, with the units.

    By mangled name: an anonymous namespace's members look alike when demangled. Equal bodies are fine: the
    linker keeps one of them, and it does not matter which.
    """
    bodies: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for unit, defined in symbols.items():
        for symbol in defined:
            if symbol.strong or symbol.shared:
                bodies[symbol.name][symbol.digest].add(unit)
    return {name: set().union(*by.values()) for name, by in bodies.items() if len(by) > 1}


@pytest.mark.parametrize("flavour", toolchain.FLAVOURS)
@pytest.mark.parametrize("name", toolchain.MONOLITHS)
def test_layout_is_the_monoliths_program(name, flavour, monoliths, layouts, programs):
    flags = toolchain.FLAVOURS[flavour]
    driver = f"drivers/{name}.cpp"
    layout, tree = layouts[name]
    expected, whole = _build(programs, monoliths, [toolchain.MONOLITHS[name], driver], flags)
    printed, parts = _build(programs, tree, [*_units(layout), driver], flags)
    assert expected.count("\n") > 20
    assert printed == expected

    assert not _collisions(parts)
    # Whatever another file of the project could link against is still there; once, or weak (now `inline`).
    wanted = {s.name for s in whole[toolchain.MONOLITHS[name]] if s.strong}
    units = _units(layout)
    strong = [s.name for unit in units for s in parts[unit] if s.strong]
    there = {s.name for unit in units for s in parts[unit] if s.strong or s.shared}
    assert len(set(strong)) == len(strong)
    # What stays inside the shards is called by nothing else: its name is the shard's own.
    assert {name for name in wanted - there if not any(_base(name) in other for other in there)} == set()


@pytest.mark.parametrize(("case", "flavour"), [(FORKS, "gfx11"), (THIN, "sweep")], ids=str)
def test_the_shape_of_the_fork_is_the_same_program(case, flavour, layouts, programs, tmp_path):
    """Dispatch macros at file scope, used twice by a host function; the sweep stays in the entry."""
    path, driver = FORKS.path, "drivers/skinny_gemms_int4.cpp"
    whole = toolchain.prepare(tmp_path, {path: FORKS.text})
    flags = toolchain.FLAVOURS[flavour]
    expected, before = _build(programs, whole, [path, driver], flags)
    layout, tree = layouts[str(case)]
    printed, after = _build(programs, tree, [*_units(layout), driver], flags)
    assert printed == expected
    assert expected.count("\n") > 100
    assert not _collisions(after)
    kernels = {s.name for s in before[path] if "wvSplitK_int4_hf" in s.name}
    homes = [{s.name for s in after[unit]} & kernels for unit in _units(layout)]
    assert set().union(*homes) == kernels
    entry, *shards = homes
    assert not entry if flavour == "gfx11" else all("sml" in name for name in entry)
    assert sum(len(home) for home in shards) == len(set().union(*shards))


def _base(mangled: str) -> str:
    """The length-prefixed name of a mangled function at global scope: ``11is_navi_gpu``."""
    found = re.match(r"_Z(\d+)", mangled)
    assert found is not None, mangled
    return mangled[2 : 2 + len(found[1]) + int(found[1])]


def test_the_trap_would_be_seen(layouts, tmp_path):
    """The same layout with one namespace for all shards, as made by hand: it links, and is wrong."""
    layout, _ = layouts["paged_attention_v1"]
    shards = [file.path for file in layout.files if file.role is Role.SHARD]
    files = {file.path: file.text for file in layout.files}
    for number, shard in enumerate(shards):
        # Only the launcher template is shared: the functions that call it keep names of their own.
        text = files[shard]
        namespace = text.partition(b"#define MG_NS ")[2].split(b"\n")[0]
        body = text.replace(b"#define MG_NS " + namespace, b"#define MG_NS mergeguard_shared")
        files[shard] = body.replace(
            b'#include "dispatch.cuh"',
            b"#define paged_attention_v1 paged_attention_v1_of_shard_%d\n" % number
            + b'#include "dispatch.cuh"',
        )
    tree = toolchain.prepare(tmp_path, files)
    objects = toolchain.compile_units(tree, shards)
    found = _collisions({unit: read_host(o, unit).symbols for unit, o in zip(shards, objects, strict=True)})
    assert any("paged_attention_v1_launcher" in name for name in found)
