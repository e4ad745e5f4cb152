"""A HIP compiler for the real ROCm files, put together from packages alone: no ROCm, no AMD GPU.

Objects are made and their symbols compared; nothing runs. Everything stands outside the checkout, in
``$MERGEGUARD_HIP`` (by default ``~/.cache/mergeguard/hip``):

| part | from |
|---|---|
| clang, lld, llvm-as, offload bundler | Debian (clang-22, else clang-19), or ``$MERGEGUARD_CLANG`` |
| HIP runtime headers | PyPI, triton's AMD backend |
| ocml.bc, ockl.bc | the same, of the last version whose bitcode the compiler reads |
| fp16 and complex headers | Debian, libamdhip64-dev (5.2.3), a few lines adjusted |
| hipsparse headers | Debian, libhipsparse-dev |
| PyTorch's headers and its hipify | PyPI, torch, headers hipified in place |
| bf16, fp8, hipblas, hipsolver, thrust | small stubs of our own, below: types and conversions only |
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

TRITON, TORCH = "3.9.0", "2.14.1"
# By clang's version: the triton whose device libraries it can read.
CLANGS = {"22": "3.9.0", "19": "3.1.0"}
_WHEELS = {
    f"triton=={TRITON}": ("triton/backends/amd/include/",),
    f"torch=={TORCH}": ("torch/include/", "torch/utils/hipify/"),
}
_LIBRARIES = "triton/backends/amd/lib/"
ARCHITECTURE = "gfx1151"
_DEBS = ("libamdhip64-dev", "libhipsparse-dev")
# What clang asks for in a device library folder, as constants that each file defines.
_SWITCHES = {
    "oclc_finite_only": "__oclc_finite_only_opt",
    "oclc_unsafe_math": "__oclc_unsafe_math_opt",
    "oclc_daz_opt": "__oclc_daz_opt",
    "oclc_correctly_rounded_sqrt": "__oclc_correctly_rounded_sqrt32",
    "oclc_wavefrontsize64": "__oclc_wavefrontsize64",
}
_ABI_VERSIONS = (400, 500, 600)
_ISA = {"gfx1151": 11501, "gfx1100": 11000, "gfx1201": 12001, "gfx942": 9402, "gfx90a": 9010}


def home() -> Path:
    """Where the toolchain stands."""
    return Path(os.environ.get("MERGEGUARD_HIP") or Path.home() / ".cache" / "mergeguard" / "hip")


def clang() -> str | None:
    """The clang++ to use: ``$MERGEGUARD_CLANG``, else the newest of Debian's that is installed."""
    named = os.environ.get("MERGEGUARD_CLANG")
    if named:
        return shutil.which(named)
    return next((found for v in CLANGS if (found := shutil.which(f"clang++-{v}"))), None)


def _version() -> str:
    """The clang's major version, as its Debian name ends; "" where another is named."""
    return (clang() or "").rpartition("clang++-")[2]


def _triton() -> str:
    return CLANGS.get(_version(), TRITON)


def assemble() -> Path:
    """Download and put together what is not there yet; the folder. SystemExit names what is missing."""
    if clang() is None:
        raise SystemExit("no clang: apt-get install clang-19 lld-19 llvm-19 clang-tools-19 (or -22)")
    root = home()
    parts = root / "x"
    parts.mkdir(parents=True, exist_ok=True)
    for wheel, kept in _WHEELS.items():
        if not all((parts / folder).is_dir() for folder in kept):
            _take_wheel(wheel, kept, parts)
    libraries = parts / f"triton-{_triton()}"
    if not libraries.is_dir():
        _take_wheel(f"triton=={_triton()}", (_LIBRARIES + "ocml.bc", _LIBRARIES + "ockl.bc"), libraries)
    if not (parts / "deb").is_dir():
        _take_debs(parts)
    _headers(parts, root / "include")
    _device_libraries(libraries / _LIBRARIES, root / "rocm")
    _torch(parts, root / "torch")
    return root


def command(
    source: Path, output: Path, csrc: Path, architectures: tuple[str, ...] = (ARCHITECTURE,)
) -> list[str]:
    """How vLLM's cmake compiles one hipified file, by this toolchain."""
    root = home()
    return [
        clang() or "clang++",
        *("-x", "hip", *(f"--offload-arch={arch}" for arch in architectures)),
        *(f"--rocm-path={root}/rocm", f"--rocm-device-lib-path={root}/rocm/amdgcn/bitcode"),
        *("-std=c++20", "-O3", "-fPIC", "-fno-gpu-rdc", "-DNDEBUG", "-w"),
        *("-D__HIP_PLATFORM_AMD__=1", "-DUSE_ROCM=1", "-DHIPBLAS_V2", "-DENABLE_FP8"),
        *("-U__HIP_NO_HALF_CONVERSIONS__", "-U__HIP_NO_HALF_OPERATORS__", "-Werror=unused-variable"),
        *(f"-I{csrc}", f"-isystem{root}/include"),
        *(f"-isystem{root}/torch", f"-isystem{root}/torch/torch/csrc/api/include"),
        *("-c", str(source), "-o", str(output)),
    ]


def hipify(tree: Path) -> None:
    """vLLM's own step on a copy of its ``csrc``: torch's hipify puts a copy of each file beside it."""
    globs = ("csrc/rocm/*", "csrc/*.h", "csrc/core/*", "csrc/quantization/*", "csrc/libtorch_stable/*")
    arguments = {"includes": [f"{tree}/{glob}" for glob in globs], "is_pytorch_extension": True}
    _torch_hipify(tree, {**arguments, "header_include_dirs": [str(tree)], "hipify_extra_files_only": False})


def hipified(path: str) -> str:
    """What hipify calls its copy of a translation unit."""
    return path.removesuffix(".cu") + ".hip"


def kernels(made: Path) -> frozenset[str]:
    """The kernels that an object holds for the device, by mangled name."""
    version = f"-{_version()}" if _version() else ""
    with tempfile.TemporaryDirectory() as folder:
        bundle, device = Path(folder, "bundle"), Path(folder, "device")
        dump = [f"llvm-objcopy{version}", f"--dump-section=.hip_fatbin={bundle}", str(made), "/dev/null"]
        if subprocess.run(dump, capture_output=True, check=False).returncode or not bundle.exists():
            return frozenset()
        target = f"hipv4-amdgcn-amd-amdhsa--{ARCHITECTURE}"
        unbundle = [f"clang-offload-bundler{version}", "--unbundle", "--type=o", f"--targets={target}"]
        subprocess.run([*unbundle, f"--input={bundle}", f"--output={device}"], check=True)
        read = [f"llvm-readelf{version}", "-s", "--wide", str(device)]
        listed = subprocess.run(read, capture_output=True, text=True, check=True).stdout
    names = (line.split()[-1] for line in listed.splitlines() if " OBJECT " in line)
    return frozenset(name.removesuffix(".kd") for name in names if name.endswith(".kd"))


@dataclass(frozen=True, slots=True)
class Measured:
    """One compilation: peak of the largest process in MB, CPU seconds, kernels in the object."""

    unit: str
    peak: float
    cpu: float
    kernels: frozenset[str]


def compiled(tree: Path, unit: str) -> Measured:
    """Compile one hipified unit of ``tree``, alone, and measure it."""
    made = tree / (unit.replace("/", "_") + ".o")
    words = command(tree / hipified(unit), made, tree / "csrc")
    process = subprocess.Popen(words, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{unit} does not compile:\n{said.decode(errors='replace')[:4000]}")
    return Measured(unit, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, kernels(made))


def looked_at(tree: Path, copy: str) -> float:
    """Have a hipified unit parsed and checked, for host and device, without code; CPU seconds."""
    words = command(tree / copy, Path(os.devnull), tree / "csrc")
    before = os.times()
    done = subprocess.run([*words, "-fsyntax-only"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{copy} does not compile:\n{done.stderr[:4000]}")
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _torch_hipify(project: Path, arguments: dict[str, object]) -> None:
    """torch's hipify, from its wheel: it needs nothing else of torch."""
    keywords = {"project_directory": str(project), "output_directory": str(project), **arguments}
    script = (
        f"import sys; sys.path.insert(0, {str(home() / 'x/torch/utils')!r});"
        f"from hipify import hipify_python; hipify_python.hipify(show_detailed=False, **{keywords!r})"
    )
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)


def _take_wheel(wheel: str, kept: tuple[str, ...], parts: Path) -> None:
    download = parts.parent / "download"
    download.mkdir(exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*pip, "-d", str(download), wheel], check=True)
    (found,) = download.glob(f"{wheel.partition('=')[0]}-*.whl")
    with zipfile.ZipFile(found) as archive:
        archive.extractall(parts, [name for name in archive.namelist() if name.startswith(kept)])
    found.unlink()


def _take_debs(parts: Path) -> None:
    download = parts.parent / "download"
    download.mkdir(exist_ok=True)
    subprocess.run(["apt-get", "download", *_DEBS], cwd=download, check=True)
    for package in download.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(package), str(parts / "deb")], check=True)


def _headers(parts: Path, include: Path) -> None:
    shutil.rmtree(include, ignore_errors=True)
    shutil.copytree(parts / "triton/backends/amd/include", include)
    old = parts / "deb/usr/include"
    for name in ("hip_fp16.h", "hip_complex.h"):
        shutil.copy(old / "hip" / name, include / "hip" / name)
    for name in ("amd_hip_fp16.h", "amd_hip_complex.h", "hip_fp16_gcc.h"):
        if (old / "hip/amd_detail" / name).exists():
            shutil.copy(old / "hip/amd_detail" / name, include / "hip/amd_detail" / name)
    shutil.copytree(old / "hipsparse", include / "hipsparse", dirs_exist_ok=True)
    fp16 = include / "hip/amd_detail/amd_hip_fp16.h"
    fp16.write_text(adjusted_fp16(fp16.read_text(encoding="utf-8")), encoding="utf-8")
    numbers = include / "hip/amd_detail/amd_hip_complex.h"
    # Operators that the newer vector types have by themselves.
    numbers.write_text(
        re.sub(r"(?m)^COMPLEX_(?:MUL|DIV)_(?:PRE)?OP_OVERLOAD\(.*\)$", "", numbers.read_text("utf-8")),
        "utf-8",
    )
    for name, text in STUBS.items():
        place = include / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


def adjusted_fp16(text: str) -> str:
    """The old fp16 header for a new clang: a built-in of another name, and halves as newer ones have them."""
    text = re.sub(r"__llvm_amdgcn_rcp_f16\(", "__builtin_amdgcn_rcph(", text)
    start = text.index("struct __half2_raw")
    end = text.index("};", text.index("unsigned short y;", start))
    halves = re.sub(r"unsigned short ([xy]);", r"__half_raw \1;", text[start:end])
    return text[:start] + halves + text[end:]


def _device_libraries(libraries: Path, rocm: Path) -> None:
    folder = rocm / "amdgcn" / "bitcode"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("ocml.bc", "ockl.bc"):
        shutil.copy(libraries / name, folder / name)
    constants: dict[str, tuple[str, int]] = {}
    for name, symbol in _SWITCHES.items():
        constants |= {f"{name}_off": (symbol, 0), f"{name}_on": (symbol, 1)}
    constants |= {f"oclc_abi_version_{v}": ("__oclc_ABI_version", v) for v in _ABI_VERSIONS}
    constants |= {f"oclc_isa_version_{arch[3:]}": ("__oclc_ISA_version", v) for arch, v in _ISA.items()}
    for name, (symbol, value) in constants.items():
        kind = "i32" if "version" in symbol else "i8"
        line = f"@{symbol} = linkonce_odr hidden local_unnamed_addr addrspace(4) constant {kind} {value}\n"
        _assembled(folder / f"{name}.bc", line)
    for name in ("opencl", "hip"):
        _assembled(folder / f"{name}.bc", "")
    (rocm / "share/hip").mkdir(parents=True, exist_ok=True)
    version = "HIP_VERSION_MAJOR=7\nHIP_VERSION_MINOR=1\nHIP_VERSION_PATCH=0\n"
    (rocm / "share/hip/version").write_text(version, encoding="utf-8")
    include = rocm / "include"
    if not include.exists():
        include.symlink_to(rocm.parent / "include")


def _assembled(target: Path, text: str) -> None:
    suffix = (clang() or "").rpartition("clang++")[2]
    head = 'target triple = "amdgcn-amd-amdhsa"\n'
    subprocess.run([f"llvm-as{suffix}", "-o", str(target)], input=head + text, text=True, check=True)


def _torch(parts: Path, target: Path) -> None:
    if target.exists():
        return
    made = target.with_name("torch.making")
    shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(parts / "torch/include", made)
    globs = ("ATen/*", "c10/cuda/*", "torch/csrc/*", "caffe2/*")
    includes = [f"{made}/{glob}" for glob in globs]
    _torch_hipify(made, {"includes": includes, "is_pytorch_extension": False, "out_of_place_only": False})
    made.rename(target)


_COMPLEX_FUNCTIONS = (
    "conj exp log log10 sqrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh proj".split()
)
# Kernels here do no complex arithmetic: it only has to be declared.
STUBS: dict[str, str] = {
    "hip/hip_bf16.h": """#pragma once
#include <float.h>
#include <hip/hip_runtime.h>
#define MG_BOTH __host__ __device__ inline
struct __hip_bfloat16_raw { unsigned short x; };
struct __hip_bfloat16 {
  unsigned short __x;
  __hip_bfloat16() = default;
  __host__ __device__ __hip_bfloat16(const __hip_bfloat16_raw& r) : __x(r.x) {}
  __host__ __device__ __hip_bfloat16(float v) {
    unsigned u = __builtin_bit_cast(unsigned, v);
    __x = (unsigned short)((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
  }
  __host__ __device__ operator float() const { return __builtin_bit_cast(float, (unsigned)__x << 16); }
};
struct __hip_bfloat162 { __hip_bfloat16 x, y; };
MG_BOTH float __bfloat162float(__hip_bfloat16 v) { return (float)v; }
MG_BOTH __hip_bfloat16 __float2bfloat16(float v) { return __hip_bfloat16(v); }
MG_BOTH __hip_bfloat16 __float2bfloat16_rn(float v) { return __hip_bfloat16(v); }
MG_BOTH __hip_bfloat16 __ushort_as_bfloat16(unsigned short v) { return __hip_bfloat16_raw{v}; }
MG_BOTH __hip_bfloat162 __bfloat162bfloat162(__hip_bfloat16 v) { return {v, v}; }
MG_BOTH __hip_bfloat162 __float22bfloat162_rn(float2 v) {
  return {__hip_bfloat16(v.x), __hip_bfloat16(v.y)};
}
MG_BOTH float2 __bfloat1622float2(__hip_bfloat162 v) { return float2{(float)v.x, (float)v.y}; }
MG_BOTH __hip_bfloat16 __hadd(__hip_bfloat16 a, __hip_bfloat16 b) { return (float)a + (float)b; }
MG_BOTH __hip_bfloat16 __hsub(__hip_bfloat16 a, __hip_bfloat16 b) { return (float)a - (float)b; }
MG_BOTH __hip_bfloat16 __hmul(__hip_bfloat16 a, __hip_bfloat16 b) { return (float)a * (float)b; }
MG_BOTH __hip_bfloat16 __hfma(__hip_bfloat16 a, __hip_bfloat16 b, __hip_bfloat16 c) {
  return __hadd(__hmul(a, b), c);
}
MG_BOTH __hip_bfloat162 __hadd2(__hip_bfloat162 a, __hip_bfloat162 b) {
  return {__hadd(a.x, b.x), __hadd(a.y, b.y)};
}
MG_BOTH __hip_bfloat162 __hmul2(__hip_bfloat162 a, __hip_bfloat162 b) {
  return {__hmul(a.x, b.x), __hmul(a.y, b.y)};
}
MG_BOTH __hip_bfloat162 __hfma2(__hip_bfloat162 a, __hip_bfloat162 b, __hip_bfloat162 c) {
  return __hadd2(__hmul2(a, b), c);
}
""",
    "hip/hip_bfloat16.h": "#pragma once\n#include <hip/hip_bf16.h>\n",
    "hip/hip_fp8.h": """#pragma once
#include <hip/hip_fp16.h>
#include <hip/hip_bf16.h>
#define HIP_FP8_TYPE_OCP 1
typedef unsigned char __hip_fp8_storage_t;
typedef unsigned short __hip_fp8x2_storage_t;
enum __hip_fp8_interpretation_t { __HIP_E4M3, __HIP_E5M2, __HIP_E4M3_FNUZ, __HIP_E5M2_FNUZ };
enum __hip_saturation_t { __HIP_NOSAT, __HIP_SATFINITE };
template <__hip_fp8_interpretation_t I> struct __mg_fp8 {
  __hip_fp8_storage_t __x;
  static constexpr __hip_saturation_t __default_saturation = __HIP_SATFINITE;
  static constexpr __hip_fp8_interpretation_t __default_interpret = I;
  __mg_fp8() = default;
  __host__ __device__ explicit __mg_fp8(float v) : __x((unsigned char)v) {}
  __host__ __device__ operator float() const { return __x; }
};
template <__hip_fp8_interpretation_t I> struct __mg_fp8x2 {
  __hip_fp8x2_storage_t __x;
  __host__ __device__ operator float2() const { return float2{(float)(__x & 255), (float)(__x >> 8)}; }
};
typedef __mg_fp8<__HIP_E4M3> __hip_fp8_e4m3;
typedef __mg_fp8<__HIP_E4M3_FNUZ> __hip_fp8_e4m3_fnuz;
typedef __mg_fp8x2<__HIP_E4M3> __hip_fp8x2_e4m3;
typedef __mg_fp8x2<__HIP_E4M3_FNUZ> __hip_fp8x2_e4m3_fnuz;
MG_BOTH __hip_fp8_storage_t __hip_cvt_float_to_fp8(float v, __hip_saturation_t, __hip_fp8_interpretation_t) {
  return (unsigned char)v;
}
MG_BOTH __hip_fp8x2_storage_t __hip_cvt_float2_to_fp8x2(
    float2 v, __hip_saturation_t, __hip_fp8_interpretation_t) {
  return (unsigned short)v.x;
}
MG_BOTH __hip_fp8_storage_t __hip_cvt_halfraw_to_fp8(
    __half_raw v, __hip_saturation_t, __hip_fp8_interpretation_t) {
  return (unsigned char)v.x;
}
MG_BOTH __hip_fp8x2_storage_t __hip_cvt_halfraw2_to_fp8x2(
    __half2_raw v, __hip_saturation_t, __hip_fp8_interpretation_t) {
  return v.x.x;
}
MG_BOTH __half_raw __hip_cvt_fp8_to_halfraw(__hip_fp8_storage_t v, __hip_fp8_interpretation_t) {
  __half_raw r; r.x = v; return r;
}
MG_BOTH __half2_raw __hip_cvt_fp8x2_to_halfraw2(__hip_fp8x2_storage_t v, __hip_fp8_interpretation_t) {
  __half2_raw r; r.x.x = v; r.y.x = v; return r;
}
""",
    "hipblas/hipblas.h": "#pragma once\ntypedef void* hipblasHandle_t;\ntypedef int hipblasStatus_t;\n",
    "hipblaslt/hipblaslt.h": "#pragma once\ntypedef void* hipblasLtHandle_t;\n",
    "hipblaslt/hipblaslt-ext.hpp": "#pragma once\n",
    "hipsolver/hipsolver.h": "#pragma once\ntypedef void* hipsolverHandle_t;\n"
    "typedef void* hipsolverDnHandle_t;\nenum hipsolverStatus_t { HIPSOLVER_STATUS_SUCCESS };\n",
    "thrust/complex.h": """#pragma once
namespace thrust {
template <typename T> struct complex {
  T r, i;
  __host__ __device__ complex(T a = T(), T b = T()) : r(a), i(b) {}
  template <typename U> __host__ __device__ complex(const complex<U>& o) : r(o.r), i(o.i) {}
  __host__ __device__ T real() const { return r; }
  __host__ __device__ T imag() const { return i; }
};
#define MG_T template <typename T> __host__ __device__
#define MG_TU template <typename T, typename U> __host__ __device__
MG_T T abs(const complex<T>& a) { return a.r; }
MG_T T arg(const complex<T>& a) { return a.r; }
MG_T complex<T> polar(T r, T t = T()) { return {r, t}; }
MG_T complex<T> pow(const complex<T>& a, const complex<T>&) { return a; }
MG_T complex<T> pow(const complex<T>& a, const T&) { return a; }
MG_T complex<T> pow(const T& a, const complex<T>&) { return a; }
MG_TU complex<T> pow(const complex<T>& a, const complex<U>&) { return a; }
MG_TU complex<T> pow(const complex<T>& a, const U&) { return a; }
MG_TU complex<U> pow(const T& a, const complex<U>&) { return a; }
"""
    + "".join(f"MG_T complex<T> {name}(const complex<T>& a) {{ return a; }}\n" for name in _COMPLEX_FUNCTIONS)
    + "}\n",
}
