"""What a comparison needs from an object file: symbols, sections, bodies and what their relocations name.

``nm`` names symbols but can't say whether two bodies are equal. Here a body's digest covers its bytes and
what its relocations point at, by name, so that equal code in two object files has equal digests although
offsets and section numbers differ. CUDA cubins and AMD code objects are ELF files of the same shape. The
format itself is pyelftools' work.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections import defaultdict
from io import BytesIO
from itertools import islice

from elftools.common.exceptions import ELFError
from elftools.construct.lib.container import Container
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import Relocation, RelocationSection
from elftools.elf.sections import Section, Symbol, SymbolTableIndexSection, SymbolTableSection

from mergeguard.values import dataclass

MACHINE_X86_64, MACHINE_CUDA, MACHINE_AMDGPU = 62, 190, 224

_BINDINGS = {
    "STB_LOCAL": "local",
    "STB_GLOBAL": "global",
    "STB_WEAK": "weak",
    "STB_LOOS": "unique",  # STB_GNU_UNIQUE is the same number
}
_TYPES = {
    "STT_NOTYPE": "none",
    "STT_OBJECT": "object",
    "STT_FUNC": "function",
    "STT_SECTION": "section",
    "STT_FILE": "file",
    "STT_COMMON": "common",
    "STT_TLS": "tls",
    "STT_LOOS": "ifunc",  # STT_GNU_IFUNC is the same number
}
_R_X86_64_PC_RELATIVE = (2, 4)  # PC32, PLT32: the addend counts from the end of a four-byte field


class NotReadable(ValueError):
    """Not an ELF file that is read here, or a damaged one."""


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


class Elf:
    """One ELF file in memory. Raises NotReadable where it is none, or damaged."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        try:
            file = ELFFile(BytesIO(data))
            if file.elfclass != 64 or not file.little_endian:
                raise NotReadable("only 64-bit little-endian ELF is read")
            # The field itself: not every machine has a name there.
            self.machine = int.from_bytes(data[18:20], "little")
            self.flags: int = file["e_flags"]
            self.sections: list[Section] = list(file.iter_sections())
            self._table = self._read_symbols()
            self._relocations = self._read_relocations()
        except (ELFError, IndexError, UnicodeDecodeError, AssertionError) as error:
            raise NotReadable(f"not an ELF file, or a damaged one: {error}") from error
        self.symbols = tuple(s for s in self._table if s.name and s.type not in ("section", "file"))

    def section(self, name: str) -> bytes | None:
        """The bytes of the first section called ``name``."""
        for section in self.sections:
            if section.name == name and section["sh_type"] != "SHT_NOBITS":
                return self._bytes(section)
        return None

    def _bytes(self, section: Section) -> bytes:
        start = section["sh_offset"]
        return self.data[start : start + section["sh_size"]]

    def _read_symbols(self) -> list[ElfSymbol]:
        """The symbol table's entries; of a stripped file, the dynamic table's, which is all there is."""
        tables = [s for s in self.sections if isinstance(s, SymbolTableSection)]
        tables.sort(key=lambda table: table["sh_type"] != "SHT_SYMTAB")
        if not tables:
            return []
        table = tables[0]
        number = self.sections.index(table)
        extended = next(
            (s for s in self.sections if isinstance(s, SymbolTableIndexSection) and s["sh_link"] == number),
            None,
        )
        return [self._symbol(symbol, at, extended) for at, symbol in enumerate(table.iter_symbols())]

    def _symbol(self, symbol: Symbol, at: int, extended: SymbolTableIndexSection | None) -> ElfSymbol:
        info: Container = symbol["st_info"]
        index: int | str = symbol["st_shndx"]
        # More than 65279 sections (template-heavy objects have them): the number stands in a table beside.
        if index == "SHN_XINDEX" and extended is not None:
            index = extended.get_section_index(at)
        section = index if isinstance(index, int) and index < len(self.sections) else None
        kind = _TYPES.get(info["type"], "other")
        name = self.sections[section].name if kind == "section" and section is not None else symbol.name
        return ElfSymbol(
            name,
            _BINDINGS.get(info["bind"], "other"),
            kind,
            self._place(index, section),
            section,
            symbol["st_value"],
            symbol["st_size"],
        )

    def _place(self, index: int | str, section: int | None) -> str:
        if section is None:
            return {"SHN_ABS": "absolute", "SHN_COMMON": "common"}.get(str(index), "undefined")
        flags = self.sections[section]["sh_flags"]
        if flags & SH_FLAGS.SHF_EXECINSTR:
            return "text"
        return "data" if flags & SH_FLAGS.SHF_WRITE else "rodata"

    def _read_relocations(self) -> dict[int, list[Relocation]]:
        """The relocations by the number of the section that they are applied to, by offset."""
        found: dict[int, list[Relocation]] = defaultdict(list)
        for section in self.sections:
            if isinstance(section, RelocationSection) and section.is_RELA():
                found[section["sh_info"]] += section.iter_relocations()
        for rows in found.values():
            rows.sort(key=_offset)
        return found

    def digest(self, symbol: ElfSymbol) -> str:
        """A digest of a defined symbol's body, equal for equal code in different files; "" if undefined."""
        if symbol.section is None:
            return ""
        section = self.sections[symbol.section]
        state = hashlib.sha256(f"{symbol.place}:{symbol.size}".encode())
        if section["sh_type"] == "SHT_NOBITS":
            return state.hexdigest()
        end = symbol.value + symbol.size
        # In a linked image a symbol's value is its address, in an object its place in the section.
        start = section["sh_offset"] + symbol.value - section["sh_addr"]
        relocations = self._relocations.get(symbol.section, [])
        for relocation in islice(relocations, bisect_left(relocations, symbol.value, key=_offset), None):
            offset = _offset(relocation)
            if offset >= end:
                break
            state.update(f"{offset - symbol.value}:{relocation['r_info_type']}:".encode())
            state.update(self._target(relocation))
        state.update(self.data[start : start + symbol.size])
        return state.hexdigest()

    def _target(self, relocation: Relocation) -> bytes:
        """What a relocation points at, in words that do not depend on where this file put it."""
        target = self._table[relocation["r_info_sym"]]
        addend = relocation["r_addend"]
        # Assembler labels (.LC0) are numbered per file: only what they label means anything.
        if target.type != "section" and not (target.binding == "local" and target.name.startswith(".L")):
            return f"{stable_name(target.name)}+{addend}".encode()
        if target.section is None:
            return b"?"
        section = self.sections[target.section]
        start = addend + target.value
        if self.machine == MACHINE_X86_64 and relocation["r_info_type"] in _R_X86_64_PC_RELATIVE:
            start += 4
        data = self._bytes(section)
        flags, size = section["sh_flags"], section["sh_entsize"]
        if flags & SH_FLAGS.SHF_STRINGS and 0 <= start < len(data):
            return b"string:" + data[start : data.find(b"\0", start)]
        if flags & SH_FLAGS.SHF_MERGE and size and 0 <= start < len(data):
            return b"constant:" + data[start : start + size]
        # Jump tables, unwind data: laid out by the file as a whole; the code that uses them is compared.
        return f"section:{stable_name(section.name)}".encode()


def _offset(relocation: Relocation) -> int:
    offset: int = relocation["r_offset"]
    return offset


_COUNTED = re.compile(r"\.(constprop|isra|part|cold|llvm|str|lto_priv)(\.\d+)*(?=\.|$)")
_NVCC_UNIQUE = re.compile(r"(_GLOBAL__N__|_INTERNAL_)[0-9a-f]{8}_\d+_\w+?_[0-9a-f]{8}(?:_\d+)?")


def stable_name(name: str) -> str:
    """A symbol's name without what a compiler numbers or hashes per file (clones, unique namespaces)."""
    return _NVCC_UNIQUE.sub(r"\1", _COUNTED.sub(r".\1", name))
