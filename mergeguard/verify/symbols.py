"""Compare what two builds define: the monolith's object file against those of the layout.

Pure: symbol tables and lists of device kernels in, findings out. Reading object files is
``mergeguard.build.symbols``' work, ELF itself ``core.elf``'s.

What a comparison has to know (measured on real object files):

* names are compared *mangled* where collisions are looked for: demangled, functions of two anonymous
  namespaces look alike although the linker keeps them apart. nvcc emits anonymous functions as weak symbols
  under a name that is unique per file, so "is it weak?" is the wrong question; "is one weak name defined
  in two units with different bodies?" is the right one;
* names are compared *demangled, without the namespaces that the layout adds*, where the question is
  whether something of the monolith is still there;
* device images list helper functions that the compiler numbers per file (``$__internal_0_$...``, weak): only
  global functions count, each once, although dynamic and static tables both list them;
* two empty lists are equal, and mean that nothing was compiled.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mergeguard.findings import Finding, Severity
from mergeguard.values import dataclass, field


@dataclass(frozen=True, slots=True)
class Symbol:
    """One symbol of an object file. ``digest`` is equal for equal bodies, "" for an undefined symbol."""

    name: str  # mangled
    binding: str  # "local", "global", "weak", "unique"
    place: str  # "text", "data" (writable), "rodata", "common", "absolute", "undefined"
    size: int
    digest: str

    @property
    def defined(self) -> bool:
        return self.place != "undefined"

    @property
    def shared(self) -> bool:
        """Whether the linker folds definitions of this name into one without a word."""
        return self.defined and self.binding in ("weak", "unique")

    @property
    def strong(self) -> bool:
        return self.defined and self.binding == "global"


@dataclass(frozen=True, slots=True)
class ObjectSymbols:
    """The symbols of one compiled unit."""

    unit: str
    symbols: tuple[Symbol, ...]


@dataclass(frozen=True, slots=True)
class DeviceImage:
    """What one unit's device code for one architecture defines: global functions (kernels), mangled.

    ``digests``, by kernel, are equal for equal machine code; a kernel without one is like no other.
    """

    unit: str
    arch: str
    kernels: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    unreadable: str = ""  # why the image could not be read; its kernels are then unknown


@dataclass(frozen=True, slots=True)
class SymbolFinding(Finding):
    """One difference, named by the demangled name. ``symbol`` is mangled; ``units`` are where it was seen."""

    symbol: str = ""
    units: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "check": self.code,
            "severity": self.severity,
            "message": self.message,
            "symbol": self.symbol,
            "readable": self.name,
            "units": self.units,
        }


def differs(
    code: str,
    severity: Severity,
    message: str,
    symbol: str = "",
    readable: str = "",
    units: tuple[str, ...] = (),
) -> SymbolFinding:
    """A finding about ``symbol``, which reads ``readable``, or about whole ``units``."""
    return SymbolFinding(code, readable, message, "", (), grade=severity, symbol=symbol, units=units)


@dataclass(frozen=True, slots=True)
class Names:
    """How names of this program are judged.

    ``demangle`` maps mangled to readable names (missing: the name itself). ``own`` holds the identifiers
    that the monolith itself declares: what a header of a library brings along is not this check's business.
    ``required`` are identifiers whose every instantiation must survive even if no unit refers to it (explicit
    instantiations). ``namespaces`` are those that the layout adds to keep shards apart, ``inlined`` the
    functions that became ``inline`` with their move to a header: a compiler may then emit none of them.
    """

    demangle: Mapping[str, str]
    own: frozenset[str]
    required: frozenset[str] = frozenset()
    namespaces: tuple[str, ...] = ()
    inlined: frozenset[str] = frozenset()

    def readable(self, mangled: str) -> str:
        return self.demangle.get(mangled, mangled)

    def identity(self, mangled: str) -> str:
        """The readable name without the layout's namespaces: what the monolith would have called it."""
        text = self.readable(mangled)
        for namespace in self.namespaces:
            text = re.sub(rf"(?<![\w:]){re.escape(namespace)}::", "", text)
        # Anonymous namespaces of the layout are internal linkage as glue, not part of a name's meaning.
        return text.replace("(anonymous namespace)::", "")

    def is_own(self, mangled: str) -> bool:
        return not self.own.isdisjoint(base_identifiers(self.identity(mangled)))

    def is_required(self, mangled: str) -> bool:
        return not self.required.isdisjoint(base_identifiers(self.identity(mangled)))


def base_identifiers(readable: str) -> tuple[str, ...]:
    """The identifiers of the entity itself, without those in its template arguments and parameters.

    ``void vllm::scale<float, ns::T>(int)`` has ``void``, ``vllm`` and ``scale``.
    """
    out: list[str] = []
    depth = 0
    for token in re.findall(r"[A-Za-z_]\w*|[<>()\[\]{}]|.", readable.replace("operator()", "operator_call")):
        if token in "<([{":
            if token == "(" and depth == 0:
                break
            depth += 1
        elif token in ">)]}":
            depth = max(depth - 1, 0)
        elif depth == 0 and (token[0].isalpha() or token[0] == "_"):
            out.append(token)
    return tuple(out)


# What a compiler adds to each file, under a name made from the file's path or content.
_PER_FILE = re.compile(r"__hip_(?:cuid|fatbin|gpubin_handle|module_ctor|module_dtor)")
_LIBRARY_MARKS = ("guard variable", "vtable for", "typeinfo", "VTT for")


def compare_host(
    monolith: ObjectSymbols,
    layout: Sequence[ObjectSymbols],
    names: Names,
    bare: frozenset[str] = frozenset(),
) -> tuple[SymbolFinding, ...]:
    """Every difference between what the monolith's object and the layout's objects together define.

    ``bare`` are the units that have nothing to define by their text: an entry that keeps comments only, say.
    """
    if not any(symbol.defined for symbol in monolith.symbols):
        return (_nothing("monolith", monolith.unit),)
    empty = [one.unit for one in layout if not any(s.defined for s in one.symbols)]
    findings = [_nothing("layout", unit) for unit in empty if unit not in bare]
    if not layout or len(empty) == len(layout) and not findings:
        findings.append(_nothing("layout", ""))
    defined = _definitions(layout)
    findings += _collisions(defined, names)
    findings += _lost(monolith, layout, names)
    findings += _unresolved(monolith, layout, names)
    findings += _divided_state(monolith, layout, names)
    return tuple(findings)


def _nothing(which: str, unit: str) -> SymbolFinding:
    return differs(
        "empty",
        Severity.ERROR,
        f"the {which}'s object {unit} defines nothing: an empty list proves nothing",
        units=(unit,) if unit else (),
    )


_Definitions = Mapping[str, list[tuple[str, Symbol]]]


def _definitions(objects: Iterable[ObjectSymbols]) -> _Definitions:
    found: dict[str, list[tuple[str, Symbol]]] = defaultdict(list)
    for one in objects:
        for symbol in one.symbols:
            if symbol.shared or symbol.strong:
                found[symbol.name].append((one.unit, symbol))
    return found


def _collisions(defined: _Definitions, names: Names) -> list[SymbolFinding]:
    """One name in two units: an error at link time (strong), or silently one of the bodies (weak)."""
    out: list[SymbolFinding] = []
    for name, places in sorted(defined.items()):
        units = tuple(unit for unit, _ in places)
        strong = [unit for unit, symbol in places if symbol.strong]
        readable = names.readable(name)
        if len(strong) > 1:
            out.append(
                differs(
                    "doubled", Severity.ERROR, "defined in more than one unit", name, readable, tuple(strong)
                )
            )
            continue
        if len(places) < 2 or len({symbol.digest for _, symbol in places}) == 1:
            continue
        own = names.is_own(name)
        text = (
            "one weak name, different bodies: the linker keeps one of them and says nothing"
            if own
            else "a library's inline function was compiled differently in these units"
        )
        severity = Severity.ERROR if own else Severity.NOTE
        out.append(differs("odr", severity, text, name, readable, units))
    return out


def _lost(monolith: ObjectSymbols, layout: Sequence[ObjectSymbols], names: Names) -> list[SymbolFinding]:
    kept = {
        names.identity(symbol.name)
        for one in layout
        for symbol in one.symbols
        if symbol.defined and symbol.binding != "local"
    }
    local = {
        names.identity(symbol.name)
        for one in layout
        for symbol in one.symbols
        if symbol.defined and symbol.binding == "local"
    }
    out: list[SymbolFinding] = []
    for symbol in sorted(monolith.symbols, key=lambda s: s.name):
        if not (symbol.shared or symbol.strong) or _PER_FILE.match(symbol.name):
            continue
        identity = names.identity(symbol.name)
        if identity in kept or not (names.is_own(symbol.name) or symbol.strong):
            continue
        readable = names.readable(symbol.name)
        if symbol.strong:
            severity, text = Severity.ERROR, "was visible to other units, is local now"
            if identity not in local:
                text = "is defined nowhere now"
                if not names.inlined.isdisjoint(base_identifiers(identity)):
                    severity, text = Severity.NOTE, "is inline now, and every call of it was inlined"
            out.append(differs("lost", severity, text, symbol.name, readable))
        elif names.is_required(symbol.name):
            text = "an explicit instantiation that no unit of the layout makes"
            out.append(differs("lost", Severity.ERROR, text, symbol.name, readable))
        elif identity not in local and not any(readable.startswith(mark) for mark in _LIBRARY_MARKS):
            text = "the monolith's object has it, no unit of the layout emits it, and none asks for it"
            out.append(differs("not emitted", Severity.NOTE, text, symbol.name, readable))
    return out


def _unresolved(
    monolith: ObjectSymbols, layout: Sequence[ObjectSymbols], names: Names
) -> list[SymbolFinding]:
    outside = {symbol.name for symbol in monolith.symbols if not symbol.defined}
    defined = {s.name for one in layout for s in one.symbols if s.defined and s.binding != "local"}
    asked: dict[str, list[str]] = defaultdict(list)
    for one in layout:
        for symbol in one.symbols:
            if not symbol.defined and symbol.name not in defined and symbol.name not in outside:
                asked[symbol.name].append(one.unit)
    out: list[SymbolFinding] = []
    for name, units in sorted(asked.items()):
        own = names.is_own(name)
        text = (
            "no unit of the layout defines it: it will not link"
            if own
            else "a library symbol that the monolith did not need"
        )
        severity = Severity.ERROR if own else Severity.NOTE
        out.append(differs("unresolved", severity, text, name, names.readable(name), tuple(units)))
    return out


def _divided_state(
    monolith: ObjectSymbols, layout: Sequence[ObjectSymbols], names: Names
) -> list[SymbolFinding]:
    """Writable objects of which the monolith had one and the layout has one in each of several units."""

    def writable(one: ObjectSymbols) -> dict[str, Symbol]:
        found: dict[str, Symbol] = {}
        for symbol in one.symbols:
            if symbol.place in ("data", "common") and symbol.size and names.is_own(symbol.name):
                found[names.identity(symbol.name)] = symbol
        return found

    before = writable(monolith)
    seen: dict[str, list[tuple[str, Symbol]]] = defaultdict(list)
    for one in layout:
        for identity, symbol in writable(one).items():
            if identity in before:
                seen[identity].append((one.unit, symbol))
    out: list[SymbolFinding] = []
    for identity, places in sorted(seen.items()):
        # One mangled name with a folding binding is still one object after linking.
        separate = {symbol.name if symbol.shared else (symbol.name, unit) for unit, symbol in places}
        if len(separate) > 1:
            text = "one object of the monolith became one for each of these units"
            units = tuple(unit for unit, _ in places)
            out.append(differs("divided state", Severity.ERROR, text, before[identity].name, identity, units))
    return out


def compare_device(
    monolith: Sequence[DeviceImage], layout: Sequence[DeviceImage], names: Names
) -> tuple[SymbolFinding, ...]:
    """Every kernel of the monolith exactly once in the layout, for each architecture."""
    out: list[SymbolFinding] = []
    for image in (*monolith, *layout):
        if image.unreadable:
            text = f"device code for {image.arch} can't be read: {image.unreadable}"
            out.append(differs("unreadable", Severity.ERROR, text, units=(image.unit,)))
    if out:
        return tuple(out)
    before, after = _by_arch(monolith, names), _by_arch(layout, names)
    code = {(i.arch, i.unit, kernel): digest for i in layout for kernel, digest in i.digests.items()}
    shared: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    if not any(before.values()):
        text = "the monolith's object holds no kernel: an empty list proves nothing"
        return (differs("empty", Severity.ERROR, text),)
    for arch in sorted({*before, *after}):
        old, new = before.get(arch, {}), after.get(arch, {})
        for identity in sorted({*old, *new}):
            units = tuple(unit for _, unit in new.get(identity, []))
            symbol = (old.get(identity) or new[identity])[0][0]
            found: tuple[str, str] | None = None
            if not units:
                found = ("kernel lost", f"no unit of the layout has this kernel for {arch}")
            elif identity not in old:
                found = ("kernel added", f"the monolith had no such kernel for {arch}")
            elif len(units) > len(old[identity]):
                if _is_one(new[identity], arch, code):
                    shared[arch, units].append(identity)
                    continue
                found = ("kernel doubled", f"compiled more often than in the monolith for {arch}")
            if found is not None:
                out.append(differs(found[0], Severity.ERROR, found[1], symbol, identity, units))
    for (arch, units), kernels in shared.items():
        text = f"and {len(kernels) - 1} more: " if len(kernels) > 1 else ""
        text += (
            f"each of these units compiles it for {arch}, to the same machine code: right, and paid for twice"
        )
        out.append(differs("kernel shared", Severity.NOTE, text, "", kernels[0], units))
    return tuple(out)


def _is_one(places: Sequence[tuple[str, str]], arch: str, code: Mapping[tuple[str, str, str], str]) -> bool:
    """Whether units that compile one kernel (its mangled name, the unit) make the same of it."""
    digests = {code.get((arch, unit, kernel), "") for kernel, unit in places}
    return len(digests) == 1 and "" not in digests and len({kernel for kernel, _ in places}) == 1


def _by_arch(
    images: Sequence[DeviceImage], names: Names
) -> Mapping[str, Mapping[str, list[tuple[str, str]]]]:
    found: dict[str, dict[str, list[tuple[str, str]]]] = defaultdict(lambda: defaultdict(list))
    for image in images:
        for kernel in dict.fromkeys(image.kernels):
            found[image.arch][names.identity(kernel)].append((kernel, image.unit))
    return found


def summary(findings: Sequence[SymbolFinding]) -> dict[str, int]:
    """How many findings of each check count as failures."""
    counts: dict[str, int] = {}
    for finding in findings:
        if finding.severity is not Severity.NOTE:
            counts[finding.code] = counts.get(finding.code, 0) + 1
    return counts


def all_names(objects: Iterable[ObjectSymbols], images: Iterable[DeviceImage]) -> tuple[str, ...]:
    """Every mangled name, once and sorted: what a demangler has to be asked."""
    found = {symbol.name for one in objects for symbol in one.symbols}
    found.update(kernel for image in images for kernel in image.kernels)
    return tuple(sorted(found))


Demangler = Callable[[Sequence[str]], Mapping[str, str]]
