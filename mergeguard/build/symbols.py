"""Read object files: host symbols, and the device images inside (CUDA fat binaries, HIP offload bundles).

Bodies and symbol tables are read by ``build.elf``; the outside tools are needed only to take images out of
containers (cuobjdump; clang-offload-bundler for compressed bundles) and to demangle (c++filt).
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from mergeguard.build.elf import MACHINE_CUDA, Elf, ElfSymbol, NotReadable
from mergeguard.errors import Location, MergeguardError
from mergeguard.verify.symbols import DeviceImage, ObjectSymbols, Symbol

_BUNDLE = b"__CLANG_OFFLOAD_BUNDLE__"
_COMPRESSED_BUNDLE = b"CCOB"
_FATBIN_MAGIC = 0xBA55ED50
_FATBIN_ELF = 2
_HOST_TRIPLE = "host-"


class ObjectError(MergeguardError):
    """An object file that can't be read."""


def read_host(path: Path, unit: str) -> ObjectSymbols:
    """The symbols of an ELF object with a digest of each defined body. Raises ObjectError."""
    elf = _elf(path)
    return ObjectSymbols(unit, tuple(_symbol(elf, symbol) for symbol in elf.symbols))


def _elf(path: Path) -> Elf:
    try:
        return Elf(path.read_bytes())
    except OSError as error:
        raise ObjectError(f"can't read the object file: {error}", where=Location(str(path))) from error
    except NotReadable as error:
        hint = "only ELF objects are compared; leave out -flto, whose objects hold no machine code"
        raise ObjectError(str(error), where=Location(str(path)), hint=hint) from error


def _symbol(elf: Elf, symbol: ElfSymbol) -> Symbol:
    return Symbol(symbol.name, symbol.binding, symbol.place, symbol.size, elf.digest(symbol))


def kernels_of(elf: Elf) -> tuple[str, ...]:
    """The kernels of a device image, each once: its global functions; on AMD, those with a ``.kd``."""
    functions = [
        symbol.name
        for symbol in elf.symbols
        if symbol.type == "function" and symbol.binding == "global" and symbol.place == "text"
    ]
    described = {s.name.removesuffix(".kd") for s in elf.symbols if s.name.endswith(".kd")}
    if elf.machine != MACHINE_CUDA:
        # Kernel templates are weak on AMD, so the descriptor decides, not the binding.
        functions = sorted(described)
    return tuple(dict.fromkeys(functions))


def _image(elf: Elf, unit: str, arch: str) -> DeviceImage:
    """A device image with its kernels, and a digest of each one's machine code."""
    code = {symbol.name: symbol for symbol in elf.symbols if symbol.type == "function"}
    kernels = kernels_of(elf)
    return DeviceImage(
        unit, arch, kernels, {name: elf.digest(code[name]) for name in kernels if name in code}
    )


def read_device(path: Path, unit: str) -> tuple[DeviceImage, ...]:
    """The device images in an object file (or in a device-only ELF); empty where there is no device code.

    What has to be unpacked for it is unpacked beside the file.
    """
    elf = _elf(path)
    if elf.machine == MACHINE_CUDA:
        return (_image(elf, unit, _cuda_arch(elf)),)
    if any(symbol.name.endswith(".kd") for symbol in elf.symbols):
        return (_image(elf, unit, "amdgcn"),)
    if elf.section(".nv_fatbin") is not None:
        return _cuda_images(path, elf, unit)
    bundle = elf.section(".hip_fatbin")
    if bundle is not None:
        return _bundle_images(bundle, unit, path.parent)
    return ()


def _cuda_arch(elf: Elf) -> str:
    # CUDA 13 cubins have the architecture in the second byte of the flags, older ones in the first.
    second = elf.flags >> 8 & 0xFF
    return f"sm_{second if 50 <= second <= 199 else elf.flags & 0xFF}"


def _cuda_images(path: Path, elf: Elf, unit: str) -> tuple[DeviceImage, ...]:
    tool = find_cuobjdump()
    if tool is not None:
        return _with_cuobjdump(tool, path, unit)
    fatbin = elf.section(".nv_fatbin") or b""
    return tuple(_fatbin_images(fatbin, unit))


def find_cuobjdump() -> str | None:
    """NVIDIA's cuobjdump: on the path, or from its package on PyPI (which puts nothing on the path)."""
    found = shutil.which("cuobjdump")
    packaged = sorted(Path(sysconfig.get_path("purelib")).glob("nvidia/*/bin/cuobjdump"))
    return found or (str(packaged[-1]) if packaged else None)


def _with_cuobjdump(tool: str, path: Path, unit: str) -> tuple[DeviceImage, ...]:
    images: list[DeviceImage] = []
    with tempfile.TemporaryDirectory(dir=path.parent) as directory:
        outcome = subprocess.run(
            [tool, "-xelf", "all", str(path.resolve())], cwd=directory, capture_output=True, check=False
        )
        for cubin in sorted(Path(directory).glob("*.cubin")):
            elf = _elf(cubin)
            named = re.search(r"\.(sm_\w+)\.cubin$", cubin.name)
            images.append(_image(elf, unit, named.group(1) if named else _cuda_arch(elf)))
    if not images and outcome.returncode != 0:
        reason = outcome.stderr.decode("utf-8", "replace").strip() or f"cuobjdump exit {outcome.returncode}"
        return (DeviceImage(unit, "cuda", unreadable=reason),)
    return tuple(images)


def _fatbin_images(data: bytes, unit: str) -> list[DeviceImage]:
    """Walk the regions and entries of a fat binary; compressed images are reported, not guessed.

    A region is a 16-byte header (magic, version, header size, size of what follows), an entry starts with
    kind, version, header size and padded payload size; the compressed size at 16 is zero when it is stored
    as it is. The layout is not published by NVIDIA: whatever does not fit it is reported as unreadable.
    """
    images: list[DeviceImage] = []
    position = 0
    while position + 16 <= len(data):
        magic, _, head, size = struct.unpack_from("<IHHQ", data, position)
        if magic != _FATBIN_MAGIC:
            position += 8  # alignment between regions
            continue
        entry, end = position + head, position + head + size
        while entry + 20 <= min(end, len(data)):
            kind, _, header, payload, packed = struct.unpack_from("<HHIQI", data, entry)
            body = data[entry + header : entry + header + payload]
            if kind == _FATBIN_ELF:
                images.append(_fatbin_image(body, bool(packed), unit))
            if header + payload == 0:
                break
            entry += header + payload
        position = end
    return images


def _fatbin_image(body: bytes, packed: bool, unit: str) -> DeviceImage:
    if packed or body[:4] != b"\x7fELF":
        return DeviceImage(unit, "cuda", unreadable="the image is compressed; install cuobjdump to read it")
    try:
        elf = Elf(body)
    except NotReadable as error:
        return DeviceImage(unit, "cuda", unreadable=str(error))
    return _image(elf, unit, _cuda_arch(elf))


def _bundle_images(data: bytes, unit: str, folder: Path) -> tuple[DeviceImage, ...]:
    """The images of clang offload bundles: magic, count, then (offset, size, triple) of each entry.

    Format: Clang's documentation of the offload bundler. Linked objects hold several bundles in a row.
    """
    images: list[DeviceImage] = []
    if data[:4] == _COMPRESSED_BUNDLE:
        data = _unbundled(data, folder)
        if not data:
            reason = "the bundle is compressed; install clang-offload-bundler to read it"
            return (DeviceImage(unit, "amdgcn", unreadable=reason),)
    start = data.find(_BUNDLE)
    while start >= 0:
        position = start + len(_BUNDLE)
        (count,) = struct.unpack_from("<Q", data, position)
        position += 8
        for _ in range(count):
            offset, size, length = struct.unpack_from("<QQQ", data, position)
            triple = data[position + 24 : position + 24 + length].decode("ascii", "replace")
            position += 24 + length
            if triple.startswith(_HOST_TRIPLE) or not size:
                continue
            arch = triple.rpartition("--")[2] or triple
            try:
                elf = Elf(data[start + offset : start + offset + size])
                images.append(_image(elf, unit, arch))
            except NotReadable as error:
                images.append(DeviceImage(unit, arch, unreadable=str(error)))
        start = data.find(_BUNDLE, start + len(_BUNDLE))
    return tuple(images)


def _unbundled(data: bytes, folder: Path) -> bytes:
    tool = _newest("clang-offload-bundler")
    if tool is None:
        return b""
    with tempfile.TemporaryDirectory(dir=folder) as directory:
        source = Path(directory, "in.hipfb")
        source.write_bytes(data)
        listed = subprocess.run(
            [tool, "--list", "--type=o", f"--input={source}"], capture_output=True, text=True, check=False
        )
        triples = [t for t in listed.stdout.split() if not t.startswith(_HOST_TRIPLE)]
        if listed.returncode or not triples:
            return b""
        outputs = [Path(directory, f"{number}.o") for number in range(len(triples))]
        subprocess.run(
            [
                tool,
                "--unbundle",
                "--type=o",
                f"--input={source}",
                f"--targets={','.join(triples)}",
                *(f"--output={output}" for output in outputs),
            ],
            check=False,
            capture_output=True,
        )
        return _rebundled(triples, [o.read_bytes() if o.exists() else b"" for o in outputs])


def _rebundled(triples: Sequence[str], images: Sequence[bytes]) -> bytes:
    """An uncompressed bundle of the images, so that one reader serves both kinds."""
    head = _BUNDLE + struct.pack("<Q", len(triples))
    offset = len(head) + sum(24 + len(triple) for triple in triples)
    table = b""
    for triple, image in zip(triples, images, strict=True):
        table += struct.pack("<QQQ", offset, len(image), len(triple)) + triple.encode()
        offset += len(image)
    return head + table + b"".join(images)


def _newest(tool: str) -> str | None:
    for suffix in ("", *(f"-{version}" for version in range(25, 13, -1))):
        found = shutil.which(tool + suffix)
        if found is not None:
            return found
    return None


def demangle(names: Sequence[str]) -> Mapping[str, str]:
    """Readable names by mangled ones, by c++filt. Raises ObjectError where it is not there, or fails.

    Without readable names nothing would be known as the monolith's own, and two programs always the same.
    """
    if not any(name.startswith("_Z") for name in names):
        return {name: name for name in names}
    tool = shutil.which("c++filt") or _newest("llvm-cxxfilt")
    hint = "install binutils (or llvm): its c++filt reads the names of C++ symbols"
    if tool is None:
        raise ObjectError("c++filt is not here, so the objects can't be compared", hint=hint)
    text = "\n".join(names) + "\n"
    outcome = subprocess.run([tool], input=text, capture_output=True, text=True, check=False)
    lines = outcome.stdout.splitlines()
    if outcome.returncode != 0 or len(lines) != len(names):
        raise ObjectError(f"{tool} can't read the objects' names (exit {outcome.returncode})", hint=hint)
    return dict(zip(names, lines, strict=True))
