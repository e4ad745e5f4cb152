"""Real ROCm files by the HIP toolchain of ``hip``: the verbs ``toolchain``, ``hip``, ``modes``, ``slice``."""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from benchmarks.compile import hip
from benchmarks.compile.running import build_folder, placed, run, shipped_rule
from mergeguard.build.commands import Command, PrepareStep
from mergeguard.build.generate import GenerateOptions, generate
from mergeguard.build.symbols import read_device, read_host
from mergeguard.lens.emit import split
from mergeguard.lens.layout import Layout

SLICE = ("skinny_gemms_int4", "0.30.0")
# Of sources that come by `git archive`: what a unit of csrc/rocm may include.
_SUFFIXES = (".h", ".cuh", ".hpp", ".cu")
_STEP = PrepareStep((sys.executable, "-m", "benchmarks.compile", "hipify", "{root}"))


def toolchain(_: argparse.Namespace) -> None:
    """Put the HIP toolchain together."""
    print(f"the HIP toolchain is in {hip.assemble()}, its compiler is {hip.clang()}")


def hipify(arguments: argparse.Namespace) -> None:
    """vLLM's hipify step on a tree, as `--prepare` would name it."""
    hip.hipify(arguments.tree)


def real_hip(arguments: argparse.Namespace) -> None:
    """A real ROCm file: the monolith and every unit of its layout, measured one by one and compared."""
    hip.assemble()
    name, layout, base, command = chosen(
        arguments.rule, arguments.version, arguments.repo, tuple(arguments.arch or (hip.ARCHITECTURE,))
    )
    run(name, layout, base, command, arguments.parallel)


def chosen(
    rule: str, version: str, repo: Path | None, architectures: tuple[str, ...]
) -> tuple[str, Layout, Path, Command]:
    """What to call a split, its layout, the other sources, and the command."""
    parsed, _, own = shipped_rule(rule)
    base = sources(version, repo)
    layout = split(parsed, own, parsed.monolith, (base / parsed.monolith).read_bytes())
    many = "" if len(architectures) == 1 else f"-{len(architectures)}-architectures"
    return f"hip-{own}-{version}{many}", layout, base, command_for(architectures)


def command_for(architectures: tuple[str, ...]) -> Command:
    """The compile command with its holes, hipify before it."""
    words = hip.command(Path("{source}"), Path("{output}"), Path("{root}/csrc"), architectures)
    return Command(tuple(words), _STEP)


def sources(version: str, repo: Path | None) -> Path:
    """A folder with the ``csrc`` of a release, or of a commit of ``repo``."""
    from tests.support import corpus

    if repo is None:
        return _copied(corpus.path(version), version)
    base = build_folder() / f"hip-sources-{version}"
    if not base.is_dir():
        words = ["git", "-C", str(repo), "archive", version, "csrc"]
        packed = subprocess.run(words, check=True, capture_output=True).stdout
        made = base.with_name(base.name + ".making")
        shutil.rmtree(made, ignore_errors=True)
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            wanted = [one for one in archive.getmembers() if _is_read(one.name)]
            archive.extractall(made, wanted, filter="data")
        made.rename(base)
    return base


def _copied(release: Path, version: str) -> Path:
    base = build_folder() / f"hip-sources-{version}"
    if not base.is_dir():
        leave_out = shutil.ignore_patterns(
            "*.cpp", "cutlass*", "moe", "sparse", "machete", "gptq*", "marlin*"
        )
        shutil.copytree(release / "csrc", base / "csrc", ignore=leave_out)
    return base


def _is_read(name: str) -> bool:
    light = not re.search("cutlass|/moe/|/sparse/|machete|gptq|marlin", name)
    return light and (name.endswith(_SUFFIXES[:-1]) or name.startswith("csrc/rocm/"))


def hip_slice(_: argparse.Namespace) -> None:
    """What CI can pay for: each unit of a real ROCm file looked at by the compiler, one of them compiled."""
    hip.assemble()
    name, version = SLICE
    rule, _, _ = shipped_rule(name)
    base = sources(version, None)
    layout = split(rule, name, rule.monolith, (base / rule.monolith).read_bytes())
    units = [file.path for file in layout.files if file.is_unit]
    files = {file.path: file.text for file in layout.files}
    command = command_for((hip.ARCHITECTURE,))
    program = placed(build_folder() / f"hip-slice-{name}", files, units, base, command)
    for unit in units:
        seconds = hip.looked_at(program.root, program.copies[unit])
        print(f"{unit}: host and device pass in {seconds:.1f} CPU s", flush=True)
    one = hip.compiled(program.root, units[1])
    if not one.kernels:
        raise SystemExit(f"{one.unit} was compiled without a kernel")
    print(f"{one.unit}: {one.peak:.0f} MB, {one.cpu:.1f} CPU s, {len(one.kernels)} kernels")
    print(f"skipped: {version}'s monolith, the other units' objects, the other files (`hip RULE VERSION`)")


def modes(arguments: argparse.Namespace) -> None:
    """A real ROCm file's layout as the tree has it and as the build makes it: symbols and machine code."""
    from tests.support import corpus

    hip.assemble()
    parsed, text, name = shipped_rule(arguments.rule)
    monolith = corpus.file(arguments.version, parsed.monolith)
    layout = split(parsed, name, parsed.monolith, monolith)
    base = build_folder() / f"modes-{name}-{arguments.version}"
    shutil.rmtree(base, ignore_errors=True)
    tree, source, build = base / "tree", base / "source", base / "build"
    for folder in (tree, source):
        shutil.copytree(corpus.path(arguments.version) / "csrc", folder / "csrc")
    for file in layout.files:
        (tree / file.path).parent.mkdir(parents=True, exist_ok=True)
        (tree / file.path).write_bytes(file.text)
    rule = source / ".mergeguard" / "rules" / f"{name}.toml"
    rule.parent.mkdir(parents=True)
    rule.write_bytes(text.replace(b"monolith =", b'mode = "build"\nmonolith =', 1))
    generate(source, build, GenerateOptions(mirror=("csrc",)))
    hip.hipify(tree)
    hip.hipify(build)
    units = arguments.unit or [file.path for file in layout.files if file.is_unit]
    for unit in units:
        both = [objects(root, unit) for root in (tree, build)]
        (symbols, code), (_, other) = both
        verdict = "the same in both modes" if both[0] == both[1] else "NOT THE SAME"
        print(f"{unit}: {len(symbols)} symbols, {len(code)} kernels with their code: {verdict}", flush=True)
        for one in sorted({*code.items()} ^ {*other.items()}):
            print(f"  {one[0]}")


def objects(root: Path, unit: str) -> tuple[frozenset[tuple[str, str]], dict[str, str]]:
    """The symbols of a unit's object with their binding, and a digest of each kernel's machine code."""
    hip.compiled(root, unit)
    made = root / (unit.replace("/", "_") + ".o")
    # What clang names after a hash of the file's path is another in each tree.
    hashed = re.compile("__hip_|.*_[0-9a-f]{16}$")
    host = read_host(made, unit).symbols
    symbols = frozenset((s.name, s.binding) for s in host if not hashed.match(s.name))
    images = read_device(made, unit)
    return symbols, {f"{i.arch} {kernel}": digest for i in images for kernel, digest in i.digests.items()}
