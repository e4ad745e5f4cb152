"""Read what a comparison needs from 64-bit little-endian ELF: sections, symbols, bodies with relocations.

``nm`` names symbols but can't say whether two bodies are equal. Here a body's digest covers its bytes and
what its relocations point at, by name, so that equal code in two object files has equal digests although
offsets and section numbers differ. Format: System V ABI, chapters 4 and 5; CUDA cubins and AMD code objects
are ELF files of the same shape.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections import defaultdict
from collections.abc import Iterator

from mergeguard.values import dataclass

MACHINE_X86_64, MACHINE_CUDA, MACHINE_AMDGPU = 62, 190, 224

_SHT_SYMTAB, _SHT_RELA, _SHT_NOBITS, _SHT_REL, _SHT_DYNSYM, _SHT_SYMTAB_SHNDX = 2, 4, 8, 9, 11, 18
_SHF_WRITE, _SHF_ALLOC, _SHF_EXECINSTR, _SHF_MERGE, _SHF_STRINGS = 1, 2, 4, 0x10, 0x20
_SHN_LORESERVE, _SHN_ABS, _SHN_COMMON, _SHN_XINDEX = 0xFF00, 0xFFF1, 0xFFF2, 0xFFFF
_STT_SECTION, _STT_FILE = 3, 4
_BINDINGS = {0: "local", 1: "global", 2: "weak", 10: "unique"}
_TYPES = {0: "none", 1: "object", 2: "function", 5: "common", 6: "tls", 10: "ifunc"}
_R_X86_64_PC_RELATIVE = (2, 4)  # PC32, PLT32: the addend counts from the end of a four-byte field


class ElfError(ValueError):
    """Not an ELF file that this module reads, or a damaged one."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section header: ``offset`` and ``size`` in bytes of the file, ``address`` 0 in an object."""

    index: int
    name: str
    type: int
    flags: int
    offset: int
    size: int
    link: int
    info: int
    entry_size: int
    address: int

    @property
    def is_code(self) -> bool:
        return bool(self.flags & _SHF_EXECINSTR)

    @property
    def is_writable(self) -> bool:
        return bool(self.flags & _SHF_WRITE)


@dataclass(frozen=True, slots=True)
class ElfSymbol:
    """A symbol table entry. ``place``: "undefined", "absolute", "common", "text", "data" or "rodata"."""

    name: str
    binding: str  # "local", "global", "weak", "unique"
    type: str  # "none", "object", "function", "tls", ...
    place: str
    section: int | None
    value: int
    size: int


@dataclass(frozen=True, slots=True)
class _Relocation:
    offset: int
    type: int
    symbol: int
    addend: int


class Elf:
    """One ELF file in memory. Raises ElfError from the constructor and, for damaged tables, from reading."""

    def __init__(self, data: bytes) -> None:
        if data[:4] != b"\x7fELF" or len(data) < 64:
            raise ElfError("not an ELF file")
        if data[4] != 2 or data[5] != 1:
            raise ElfError("only 64-bit little-endian ELF is read")
        self.data = data
        self.machine: int = struct.unpack_from("<H", data, 18)[0]
        self.flags: int = struct.unpack_from("<I", data, 48)[0]
        try:
            self.sections = self._read_sections()
            self._table, self.symbols = self._read_symbols()
        except (struct.error, IndexError) as error:
            raise ElfError(f"damaged ELF file: {error}") from error
        self._relocations: dict[int, list[_Relocation]] | None = None

    def _read_sections(self) -> tuple[Section, ...]:
        start, size, count, names = struct.unpack_from("<Q10xHHH", self.data, 40)
        if start == 0:
            return ()
        headers = struct.Struct("<IIQQQQIIQQ")
        first = headers.unpack_from(self.data, start)
        # More than 65279 sections (template-heavy objects have them): the real numbers are in section 0.
        count = count or first[5]
        names = first[6] if names == _SHN_XINDEX else names
        raw = [headers.unpack_from(self.data, start + index * size) for index in range(count)]
        text = raw[names][4] if raw else 0
        return tuple(
            Section(i, self._string(text + r[0]), r[1], r[2], r[4], r[5], r[6], r[7], r[9], r[3])
            for i, r in enumerate(raw)
        )

    def _string(self, offset: int) -> str:
        return self.data[offset : self.data.index(b"\0", offset)].decode("utf-8", "replace")

    def section(self, name: str) -> bytes | None:
        """The bytes of the first section called ``name``."""
        for section in self.sections:
            if section.name == name and section.type != _SHT_NOBITS:
                return self.data[section.offset : section.offset + section.size]
        return None

    def _read_symbols(self) -> tuple[list[ElfSymbol], tuple[ElfSymbol, ...]]:
        tables = [section for section in self.sections if section.type == _SHT_SYMTAB]
        if not tables:  # stripped: the dynamic table is all there is
            tables = [section for section in self.sections if section.type == _SHT_DYNSYM]
        rows: list[ElfSymbol] = []
        for table in tables[:1]:
            text = self.sections[table.link].offset
            extended = next(
                (s for s in self.sections if s.type == _SHT_SYMTAB_SHNDX and s.link == table.index), None
            )
            for position in range(table.size // 24):
                name, info, _, index, value, size = struct.unpack_from(
                    "<IBBHQQ", self.data, table.offset + position * 24
                )
                if index == _SHN_XINDEX and extended is not None:
                    index = struct.unpack_from("<I", self.data, extended.offset + position * 4)[0]
                    section: int | None = index
                else:
                    section = index if 0 < index < _SHN_LORESERVE else None
                kind = _TYPES.get(info & 15, "other")
                if info & 15 == _STT_SECTION and section is not None:
                    kind, label = "section", self.sections[section].name
                else:
                    label = self._string(text + name)
                if info & 15 == _STT_FILE:
                    kind = "file"
                rows.append(
                    ElfSymbol(
                        label,
                        _BINDINGS.get(info >> 4, "other"),
                        kind,
                        self._place(index, section),
                        section,
                        value,
                        size,
                    )
                )
        return rows, tuple(row for row in rows if row.name and row.type not in ("section", "file"))

    def _place(self, index: int, section: int | None) -> str:
        if section is None:
            return {_SHN_ABS: "absolute", _SHN_COMMON: "common"}.get(index, "undefined")
        found = self.sections[section]
        if found.is_code:
            return "text"
        return "data" if found.is_writable else "rodata"

    def digest(self, symbol: ElfSymbol) -> str:
        """A digest of a defined symbol's body, equal for equal code in different files; "" if undefined."""
        if symbol.section is None:
            return ""
        section = self.sections[symbol.section]
        state = hashlib.sha256(f"{symbol.place}:{symbol.size}".encode())
        if section.type == _SHT_NOBITS:
            return state.hexdigest()
        end = symbol.value + symbol.size
        # In a linked image a symbol's value is its address, in an object its place in the section.
        start = section.offset + symbol.value - section.address
        body = bytearray(self.data[start : start + symbol.size])
        for relocation in self._of_section(symbol.section):
            if symbol.value <= relocation.offset < end:
                state.update(f"{relocation.offset - symbol.value}:{relocation.type}:".encode())
                state.update(self._target(relocation))
        state.update(body)
        return state.hexdigest()

    def _of_section(self, index: int) -> list[_Relocation]:
        if self._relocations is None:
            found: dict[int, list[_Relocation]] = defaultdict(list)
            for section in self.sections:
                if section.type == _SHT_RELA:
                    found[section.info] += self._rela(section)
            self._relocations = found
        return self._relocations.get(index, [])

    def _rela(self, section: Section) -> Iterator[_Relocation]:
        end = section.offset + section.size
        for offset, info, addend in struct.iter_unpack("<QQq", self.data[section.offset : end]):
            yield _Relocation(offset, info & 0xFFFFFFFF, info >> 32, addend)

    def _target(self, relocation: _Relocation) -> bytes:
        """What a relocation points at, in words that do not depend on where this file put it."""
        target = self._table[relocation.symbol]
        # Assembler labels (.LC0) are numbered per file: only what they label means anything.
        if target.type != "section" and not (target.binding == "local" and target.name.startswith(".L")):
            return f"{stable_name(target.name)}+{relocation.addend}".encode()
        if target.section is None:
            return b"?"
        section = self.sections[target.section]
        start = relocation.addend + target.value
        if self.machine == MACHINE_X86_64 and relocation.type in _R_X86_64_PC_RELATIVE:
            start += 4
        data = self.data[section.offset : section.offset + section.size]
        if section.flags & _SHF_STRINGS and 0 <= start < len(data):
            return b"string:" + data[start : data.find(b"\0", start)]
        if section.flags & _SHF_MERGE and section.entry_size and 0 <= start < len(data):
            return b"constant:" + data[start : start + section.entry_size]
        # Jump tables, unwind data: laid out by the file as a whole; the code that uses them is compared.
        return f"section:{stable_name(section.name)}".encode()


_COUNTED = re.compile(r"\.(constprop|isra|part|cold|llvm|str|lto_priv)(\.\d+)*(?=\.|$)")
_NVCC_UNIQUE = re.compile(r"(_GLOBAL__N__|_INTERNAL_)[0-9a-f]{8}_\d+_\w+?_[0-9a-f]{8}(?:_\d+)?")


def stable_name(name: str) -> str:
    """A symbol's name without what a compiler numbers or hashes per file (clones, unique namespaces)."""
    return _NVCC_UNIQUE.sub(r"\1", _COUNTED.sub(r".\1", name))
