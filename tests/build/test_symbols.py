"""Object files of real compilers: what is read from them, and what a comparison of two builds names."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mergeguard.build.elf import Elf
from mergeguard.build.symbols import ObjectError, demangle, kernels_of, read_device, read_host
from mergeguard.verify.symbols import Names, ObjectSymbols, Symbol, all_names, compare_device, compare_host

TRAP = Path(__file__).parent / "odr_trap"
CLANG = next((c for c in ("clang++-19", "clang++") if shutil.which(c)), None)
needs_gxx = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
needs_nvcc = pytest.mark.skipif(shutil.which("nvcc") is None, reason="nvcc is not installed")
needs_clang = pytest.mark.skipif(CLANG is None, reason="clang++ is not installed")


def compile_text(text: str, path: Path, command: tuple[str, ...] = ("g++", "-O1", "-fPIC", "-c")) -> Path:
    path.write_text(text)
    output = path.with_suffix(".o")
    subprocess.run([*command, str(path), "-o", str(output)], check=True, cwd=path.parent)
    return output


def host(text: str, path: Path) -> ObjectSymbols:
    return read_host(compile_text(text, path), path.stem)


def names(
    objects: list[ObjectSymbols], own: set[str], namespaces: tuple[str, ...] = (), **more: set
) -> Names:
    mangled = all_names(objects, [])
    required = frozenset(more.get("required", set()))
    inlined = frozenset(more.get("inlined", set()))
    return Names(demangle(mangled), frozenset(own), required, namespaces, inlined)


def checks(findings) -> list[tuple[str, str]]:
    return [(f.code, f.name) for f in findings if f.severity != "note"]


@needs_gxx
@pytest.mark.skipif(shutil.which("nm") is None, reason="nm is not installed")
def test_symbol_table_is_the_one_nm_shows(tmp_path: Path) -> None:
    text = """
    #include <map>
    #include <string>
    static int hidden = 3; int shown; extern int elsewhere; const char* const word = "x";
    template <class T> T twice(T x) { static T last; last = x; return x + x + hidden + elsewhere; }
    template int twice<int>(int);
    namespace { __attribute__((noinline)) int local(int x) { return x * hidden++; } }
    int use(std::map<std::string, int>& m, int x) { m["a"] = local(x); return local(m.size()); }
    """
    path = compile_text(text, tmp_path / "a.cpp")
    shown = subprocess.run(["nm", str(path)], capture_output=True, text=True, check=True).stdout
    by_nm = {line.split()[-1]: line.split()[-2] for line in shown.splitlines()}
    letters = {}
    for s in read_host(path, "a").symbols:
        if s.binding == "weak":
            letter = "V" if s.place == "data" else "W"
        elif s.binding == "unique":
            letter = "u"
        else:
            letter = {"undefined": "U", "text": "t", "data": "d", "rodata": "r"}[s.place]
            letter = letter.upper() if s.binding == "global" else letter
        letters[s.name] = letter
    # nm tells zeroed data (b) and data from each other, and leaves assembler labels out.
    simple = {name: letter.replace("b", "d").replace("B", "D") for name, letter in by_nm.items()}
    ours = {name: letter for name, letter in letters.items() if not name.startswith(".L")}
    assert ours == simple
    assert {"W", "u", "U", "t", "T", "d"} <= set(ours.values())


@needs_gxx
def test_digest_does_not_see_places_and_sees_bodies(tmp_path: Path) -> None:
    body = 'template <class T> const char* f(T x) {{ return x > 1.5 ? "{}" : "no"; }}\n'
    body += "template const char* f(double);"
    before = 'const char* other() { return "some text"; } double pi() { return 3.14; }\n'
    texts = {"same": before + body.format("yes"), "moved": body.format("yes"), "other": body.format("yep")}
    digests = {}
    for name, text in texts.items():
        one = host(text, tmp_path / f"{name}.cpp")
        digests[name] = next(s.digest for s in one.symbols if s.name == "_Z1fIdEPKcT_")
    assert digests["same"] == digests["moved"] != digests["other"]


@needs_gxx
def test_the_trap_links_runs_the_wrong_arm_and_is_named(tmp_path: Path) -> None:
    objects = []
    for source in ("monolith", "entry", "small", "medium", "large"):
        output = tmp_path / f"{source}.o"
        subprocess.run(["g++", "-O1", "-c", str(TRAP / f"{source}.cpp"), "-o", str(output)], check=True)
        objects.append(output)

    def run(*parts: Path) -> str:
        program = tmp_path / "program"
        linked = subprocess.run(
            ["g++", *map(str, parts), "-o", str(program)], capture_output=True, check=True
        )
        assert linked.stderr == b""  # not a word from the linker
        shown = subprocess.run([str(program)], capture_output=True, text=True, check=True)
        return shown.stdout.splitlines()[-1]

    monolith, entry, small, medium, large = objects
    assert run(monolith) == "0 of 6 wrong"
    assert run(entry, small, medium, large) == "4 of 6 wrong"
    assert run(entry, large, medium, small) == "4 of 6 wrong"

    read = [read_host(path, path.stem) for path in objects]
    found = compare_host(read[0], read[1:], names(read, {"launcher", "run", "main"}))
    assert checks(found) == [("odr", "int launcher<float>(float, int)")]
    assert found[0].units == ("small", "medium", "large")


@needs_gxx
def test_shards_in_namespaces_of_their_own_are_the_same_program(tmp_path: Path) -> None:
    body = (TRAP / "launcher.h").read_text().replace("#include <cstdio>", "")
    read = [read_host(compile_text((TRAP / "monolith.cpp").read_text(), copy(tmp_path, "monolith.cpp")), "m")]
    for shard in ("small", "medium", "large"):
        text = f"#include <cstdio>\n#define SHARD_{shard.upper()}\nnamespace mg_{shard} {{\n{body}\n}}\n"
        text += f"int run_{shard}(float s, int h) {{ return mg_{shard}::launcher<float>(s, h); }}"
        read.append(host(text, tmp_path / f"{shard}.cpp"))
    read.append(read_host(compile_text((TRAP / "entry.cpp").read_text(), tmp_path / "entry.cpp"), "entry"))
    spaces = ("mg_small", "mg_medium", "mg_large")
    assert compare_host(read[0], read[1:], names(read, {"launcher", "run", "main"}, spaces)) == ()


def copy(directory: Path, name: str) -> Path:
    shutil.copy(TRAP / "launcher.h", directory)
    return directory / name


MONOLITH = """
template <class T> T work(T x) { static int calls; return x * 3 + calls++; }
template int work<int>(int);
template float work<float>(float);
static int state;
int count() { return ++state; }
int entry(int x) { return work(x) + count(); }
"""
WORK = "template <class T> T work(T x) { static int calls; return x * 3 + calls++; }\n"


@needs_gxx
def test_lost_doubled_unresolved_and_divided(tmp_path: Path) -> None:
    own = {"work", "state", "count", "entry"}
    monolith = host(MONOLITH, tmp_path / "monolith.cpp")

    def against(*parts: str) -> list[tuple[str, str]]:
        layout = [host(text, tmp_path / f"s{number}.cpp") for number, text in enumerate(parts)]
        known = names([monolith, *layout], own, required={"work"})
        return checks(compare_host(monolith, layout, known))

    state = "static int state;\nint count() { return ++state; }\n"
    good = [
        WORK + "template int work<int>(int);",
        WORK + "template float work<float>(float);",
        "template <class T> T work(T); int count(); int entry(int x) { return work(x) + count(); }\n" + state,
    ]
    assert against(*good) == []
    assert against(good[0], good[2]) == [
        *(("lost", "float work<float>(float)"), ("lost", "work<float>(float)::calls")),
    ]
    assert ("unresolved", "int work<int>(int)") in against(good[1], good[2])
    assert ("lost", "count()") in against(good[0], good[1], good[2].replace(state, ""))
    assert ("lost", "count()") in against(
        good[0], good[1], good[2].replace("int count()", "static int count()")
    )
    assert ("doubled", "count()") in against(*good, "static int state; int count() { return ++state; }")
    divided = against(*good, "static int state; int count2() { return ++state; }")
    assert divided == [("divided state", "state")]
    other = WORK.replace("3", "4")
    assert against(*good, other + "template int work<int>(int);") == [("odr", "int work<int>(int)")]
    assert against("", *good) == [("empty", "")]


@needs_gxx
def test_a_function_that_became_inline_may_be_emitted_nowhere(tmp_path: Path) -> None:
    monolith = host("int help() { return 2; } int entry() { return help(); }", tmp_path / "m.cpp")
    layout = host("inline int help() { return 2; } int entry() { return help(); }", tmp_path / "l.cpp")
    known = names([monolith, layout], {"help", "entry"})
    assert checks(compare_host(monolith, [layout], known)) == [("lost", "help()")]
    known = names([monolith, layout], {"help", "entry"}, inlined={"help"})
    found = compare_host(monolith, [layout], known)
    assert checks(found) == []
    assert [f.message for f in found] == ["is inline now, and every call of it was inlined"]


def test_empty_lists_prove_nothing() -> None:
    nobody = Names({}, frozenset())
    assert [f.code for f in compare_host(ObjectSymbols("m", ()), [], nobody)] == ["empty"]
    assert [f.code for f in compare_device([], [], nobody)] == ["empty"]


def test_what_is_no_object_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.o").write_bytes(b"\x7fELF but not really")
    with pytest.raises(ObjectError, match="not an ELF file"):
        read_host(tmp_path / "x.o", "x")
    with pytest.raises(ObjectError, match="can't read"):
        read_host(tmp_path / "y.o", "y")


KERNELS = """
namespace k { template <class T, int N> __global__ void scale(T* p) { p[N] = p[N] * T(N) / p[0]; } }
__global__ void plain(double* p) { *p = 1; }
"""
LAUNCH = (
    "template <class T> void launch(T* p) { k::scale<T, 1><<<1, 1>>>(p); k::scale<T, 2><<<1, 1>>>(p); }\n"
)
ALL = KERNELS + LAUNCH + "template void launch(float*); template void launch(double*);"
NVCC = ("nvcc", "-std=c++17", "-gencode", "arch=compute_90,code=sm_90", "-c")


@needs_nvcc
@pytest.mark.parametrize("extra", [(), ("--compress-mode=size",)])
def test_cuda_kernels_each_once(tmp_path: Path, extra: tuple[str, ...]) -> None:
    from mergeguard.build.symbols import find_cuobjdump

    if extra and find_cuobjdump() is None:
        pytest.skip("compressed device code needs cuobjdump")
    shared = KERNELS.replace("__global__ void plain(double* p) { *p = 1; }", "") + LAUNCH
    plain = "__global__ void plain(double* p) { *p = 1; }\n"
    texts = {
        "monolith": ALL,
        "a": shared + "template void launch(float*);",
        "b": shared + plain + "template void launch(double*);",
        "other": (shared + plain).replace("p[N] *", "p[N] +") + "template void launch(double*);",
        "twice": shared + "template void launch(float*); template void launch(double*);",
    }
    images = {
        name: read_device(compile_text(text, tmp_path / f"{name}.cu", (*NVCC, *extra)), name)
        for name, text in texts.items()
    }
    assert [image.arch for image in images["monolith"]] == ["sm_90"]
    assert len(images["monolith"][0].kernels) == 5
    known = Names(demangle(all_names([], [i for one in images.values() for i in one])), frozenset({"k"}))
    assert compare_device(images["monolith"], [*images["a"], *images["b"]], known) == ()
    lost = compare_device(images["monolith"], images["a"], known)
    assert {f.code for f in lost} == {"kernel lost"}
    assert [f.name for f in lost] == [
        *("plain(double*)", "void k::scale<double, 1>(double*)", "void k::scale<double, 2>(double*)"),
    ]
    # What two units compile alike is right, if dear; what they compile otherwise under one name is not.
    (alike,) = compare_device(images["monolith"], [*images["twice"], *images["b"]], known)
    assert (alike.code, alike.severity, alike.units) == ("kernel shared", "note", ("twice", "b"))
    doubled = compare_device(images["monolith"], [*images["twice"], *images["other"]], known)
    assert [(f.code, f.severity) for f in doubled] == [("kernel doubled", "error")] * 2


HIP_STUB = """
#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __host__ __attribute__((host))
typedef unsigned long size_t;
struct dim3 { unsigned x, y, z; __host__ __device__ dim3(unsigned a = 1) : x(a), y(1), z(1) {} };
typedef struct ihipStream_t* hipStream_t;
typedef int hipError_t;
extern "C" hipError_t __hipPushCallConfiguration(dim3, dim3, size_t = 0, hipStream_t = 0);
extern "C" hipError_t __hipPopCallConfiguration(dim3*, dim3*, size_t*, hipStream_t*);
extern "C" hipError_t hipLaunchKernel(const void*, dim3, dim3, void**, size_t, hipStream_t);
"""


@needs_clang
def test_hip_kernels_in_an_offload_bundle(tmp_path: Path) -> None:
    assert CLANG is not None
    flags = ("-x", "hip", "--offload-arch=gfx1100", "-nogpulib", "-nogpuinc", "-O1", "-c")
    device_only = (CLANG, *flags, "--cuda-device-only", "--no-gpu-bundle-output")
    path = compile_text(HIP_STUB + ALL, tmp_path / "k.hip", device_only)
    (image,) = read_device(path, "k")
    assert len(image.kernels) == 5
    assert kernels_of(Elf(path.read_bytes())) == image.kernels
    # The same code elsewhere in a linked image is the same code.
    more = "__global__ void first(float* p) { p[3] = 2; }\n" + ALL
    (other,) = read_device(compile_text(HIP_STUB + more, tmp_path / "more.hip", device_only), "more")
    assert len(image.digests) == 5 and image.digests.items() <= other.digests.items()
    if any(shutil.which(f"clang-offload-bundler{suffix}") for suffix in ("", "-19")):
        for extra in ((), ("--offload-compress",)):
            both = compile_text(HIP_STUB + ALL, tmp_path / "both.hip", (CLANG, *flags, *extra))
            (bundled,) = read_device(both, "k")
            assert bundled.arch == "gfx1100"
            assert bundled.kernels == image.kernels


def test_without_a_demangler_nothing_is_called_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert demangle(["main"]) == {"main": "main"}
    with pytest.raises(ObjectError, match=r"c\+\+filt is not here") as caught:
        demangle(["main", "_Z1fv"])
    assert "binutils" in (caught.value.hint or "")


def test_an_entry_without_a_definition_is_empty_by_design() -> None:
    symbol = Symbol("run", "global", "text", 4, "digest")
    full, nothing = (ObjectSymbols(unit, symbols) for unit, symbols in (("s", (symbol,)), ("e", ())))
    known = Names({}, frozenset({"run"}))
    before = ObjectSymbols("m", (symbol,))
    assert [f.code for f in compare_host(before, [nothing, full], known)] == ["empty"]
    assert compare_host(before, [nothing, full], known, frozenset({"e"})) == ()
    # All of it empty is never by design.
    assert "empty" in {f.code for f in compare_host(before, [nothing], known, frozenset({"e"}))}
