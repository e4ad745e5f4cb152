"""Build the monolith and its layout, and compare what the objects define: ``verify --compile``.

The files are laid out by the caller, each program in a tree of its own inside the repository's git
directory. Nothing is guessed from names of files: objects are listed one by one, because a stale shard's
object next to them would silently change what links.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mergeguard.build.advice import growth_advice
from mergeguard.build.cache import Cache
from mergeguard.build.commands import Command, CommandError, is_device
from mergeguard.build.cost import MeasuredProgram, unit_commands
from mergeguard.build.machine import machine
from mergeguard.build.measure import CompileError, Progress, UnitCost, linked_size, measure, require_success
from mergeguard.build.symbols import demangle, read_device, read_host
from mergeguard.cpp.definitions import definitions
from mergeguard.cpp.source import Kind, Source
from mergeguard.findings import Severity
from mergeguard.values import dataclass, replace
from mergeguard.verify.symbols import (
    DeviceImage,
    Names,
    ObjectSymbols,
    SymbolFinding,
    all_names,
    compare_device,
    compare_host,
    differs,
)

# By compiler, what has it translate each function as it stands, with constants where they are compared; and,
# if it can, also those that nothing calls, as an optimiser does which looks for overriders.
_AS_IT_STANDS = ("-O0", "-fmerge-constants", "-fkeep-inline-functions")
_UNOPTIMISED: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("g++", "gcc", "c++", "cc"), _AS_IT_STANDS),
    **dict.fromkeys(("clang++", "clang", "hipcc", "amdclang++"), ("-O0",)),
    "nvcc": ("-O0", *(f"-Xcompiler={option}" for option in _AS_IT_STANDS)),
}


@dataclass(frozen=True, slots=True)
class Built:
    """A compiled program: what each unit cost, and its objects, in the order of the units."""

    program: MeasuredProgram
    costs: tuple[UnitCost, ...]
    objects: tuple[Path, ...]
    library: int | None  # bytes of the objects linked to a shared library, None if they don't link


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcome of a compiled comparison. Sizes in bytes."""

    findings: tuple[SymbolFinding, ...]
    monolith: Built
    layout: Built
    symbols: int  # external symbols that the monolith's object defines
    kernels: int  # device kernels of the monolith, over all architectures
    entry_kernels: int  # those that the layout's entry compiles: none that was dealt to a shard
    architectures: tuple[str, ...]
    machine: str
    advice: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether nothing but notes was found."""
        return all(finding.severity is Severity.NOTE for finding in self.findings)

    def to_json(self) -> dict[str, object]:
        return {
            "same": self.same,
            "symbols": self.symbols,
            "kernels": self.kernels,
            "entry_kernels": self.entry_kernels,
            "architectures": list(self.architectures),
            "machine": self.machine,
            "advice": list(self.advice),
            "findings": [finding.to_json() for finding in self.findings],
            "units": {
                "monolith": [cost.to_json() for cost in self.monolith.costs],
                "layout": [cost.to_json() for cost in self.layout.costs],
            },
            "library_bytes": {"monolith": self.monolith.library, "layout": self.layout.library},
        }


def build(
    program: MeasuredProgram,
    command: Command,
    objects: Path,
    jobs: int = 1,
    cache: Cache | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    linker: Sequence[str] = ("g++",),
) -> Built:
    """Compile a program's units. Raises CompileError at the first unit that fails, CommandError without
    a compiler."""
    command.require()
    commands = unit_commands(program, command, objects)
    costs = measure(commands, jobs, cache, on_progress, need_outputs=True)
    require_success(commands, costs)
    outputs = tuple(one.output for one in commands)
    return Built(program, costs, outputs, linked_size(outputs, objects / "linked.so", linker))


def names_of(
    source: Source, mangled: Sequence[str], namespaces: Sequence[str], inlined: frozenset[str] = frozenset()
) -> Names:
    """How the symbols of this monolith are judged; see ``core.symbols.Names``."""
    declared = definitions(source)
    own = {one.short for one in declared if one.item.kind not in (Kind.USING, Kind.MACRO, Kind.UNDEF)}
    required = {one.short for one in declared if one.item.kind is Kind.INSTANTIATION}
    own.discard("")
    return Names(demangle(mangled), frozenset(own), frozenset(required), tuple(namespaces), inlined)


def compare(
    source: Source,
    monolith: MeasuredProgram,
    layout: MeasuredProgram,
    namespaces: Sequence[str],
    command: Command,
    directory: Path,
    jobs: int = 1,
    cache: Cache | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    linker: Sequence[str] = ("g++",),
    inlined: frozenset[str] = frozenset(),
    bare: frozenset[str] = frozenset(),
) -> Comparison:
    """Build both programs below ``directory`` and compare their objects.

    ``source`` is the parsed monolith, ``namespaces`` are those that the layout's glue makes
    (``lens.glue.namespace``), ``inlined`` the functions that became inline (``same_program.inlined``),
    ``bare`` the units that have nothing to define (``same_program.bare``).
    Raises CompileError, CommandError, ObjectError.
    """
    before = build(monolith, command, directory / "monolith", jobs, cache, on_progress, linker)
    after = build(layout, command, directory / "layout", jobs, cache, on_progress, linker)
    found = compare_built(source, before, after, namespaces, command, inlined, bare)
    options = _UNOPTIMISED.get(command.compiler)
    if not _doubtful(found) or options is None:
        return found
    plain = replace(command, arguments=(*command.arguments, *options))
    try:
        unoptimised = build(layout, plain, directory / "unoptimised", jobs, cache, on_progress, linker)
    except (CommandError, CompileError):
        return found  # a build that wants its optimiser: the objects as they are have the last word
    return _settled(found, _read(unoptimised)[0])


def _doubtful(found: Comparison) -> set[str]:
    """The symbols of which two units have different code under one name."""
    return {one.symbol for one in found.findings if one.code == "odr" and one.severity is Severity.ERROR}


def _settled(found: Comparison, unoptimised: Sequence[ObjectSymbols]) -> Comparison:
    """The comparison with a note for each function that is one text: without the optimiser, which inlines as
    it sees fit in each unit, its code is the same in all of them."""
    doubtful = _doubtful(found)
    bodies: dict[str, list[str]] = defaultdict(list)
    for one in unoptimised:
        for symbol in one.symbols:
            if symbol.defined and symbol.name in doubtful:
                bodies[symbol.name].append(symbol.digest)
    alike = {name for name, digests in bodies.items() if len(digests) > 1 and len(set(digests)) == 1}
    text = "one text, of which the optimiser made different code in these units: equal at -O0"
    return replace(
        found,
        findings=tuple(
            replace(one, message=text, grade=Severity.NOTE)
            if one.code == "odr" and one.symbol in alike
            else one
            for one in found.findings
        ),
    )


def compare_built(
    source: Source,
    before: Built,
    after: Built,
    namespaces: Sequence[str],
    command: Command,
    inlined: frozenset[str] = frozenset(),
    bare: frozenset[str] = frozenset(),
) -> Comparison:
    """Compare objects that are there already."""
    old, old_images = _read(before)
    new, new_images = _read(after)
    mangled = all_names([*old, *new], [*old_images, *new_images])
    names = names_of(source, mangled, namespaces, inlined)
    merged = ObjectSymbols(before.program.units[0], tuple(symbol for one in old for symbol in one.symbols))
    findings = list(compare_host(merged, new, names, bare))
    arguments = command.arguments
    if old_images or new_images or is_device(arguments):
        findings += compare_device(old_images, new_images, names)
    external = {s.name for s in merged.symbols if (s.shared or s.strong) and names.is_own(s.name)}
    if not external and not old_images:
        text = "the monolith's object defines no symbol of its own: an empty list proves nothing"
        findings.append(differs("empty", Severity.ERROR, text))
    return Comparison(
        findings=tuple(findings),
        monolith=before,
        layout=after,
        symbols=len(external),
        kernels=sum(len(image.kernels) for image in old_images),
        entry_kernels=sum(len(i.kernels) for i in new_images if i.unit == after.program.units[0]),
        architectures=tuple(sorted({image.arch for image in old_images})),
        machine=machine(),
        advice=growth_advice(before.library, after.library, command),
    )


def _read(built: Built) -> tuple[list[ObjectSymbols], list[DeviceImage]]:
    hosts: list[ObjectSymbols] = []
    images: list[DeviceImage] = []
    for unit, path in zip(built.program.units, built.objects, strict=True):
        hosts.append(read_host(path, unit))
        images += read_device(path, unit)
    return hosts, images


__all__ = ["Built", "Comparison", "MeasuredProgram", "build", "compare", "compare_built", "names_of"]
