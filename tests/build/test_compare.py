"""Both programs built for real and compared: the six shapes on the host, small ones on devices."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mergeguard.build.commands import Command, from_template
from mergeguard.build.compare import Comparison, MeasuredProgram, compare, compare_built
from mergeguard.build.measure import CompileError
from mergeguard.cpp.source import parse
from mergeguard.findings import Severity
from mergeguard.lens.emit import split
from mergeguard.lens.layout import Layout
from mergeguard.lens.rule import parse_rule
from tests.support import toolchain

RULES = Path(__file__).resolve().parents[2] / "rules" / "vllm"
CASES = [("paged_attention_v1", "none"), ("selective_scan_fwd", "none")]
if os.environ.get("MERGEGUARD_REQUIRE_ALL"):  # CI: the others take a minute more
    CASES += [("skinny_gemms", "gfx9"), ("skinny_gemms_int4", "gfx11")]
    CASES += [("skinny_gemms_int8", "gfx9"), ("attention", "gfx9")]
CLANG = next((c for c in ("clang++-19", "clang++") if shutil.which(c)), None)
BUNDLER = any(map(shutil.which, ("clang-offload-bundler", "clang-offload-bundler-19")))


def spaces_of(layout: Layout) -> tuple[str, ...]:
    found = []
    for file in layout.files:
        for line in file.text.splitlines():
            if line.startswith(b"#define MG_NS "):
                found.append(line.split()[2].decode())
    return tuple(found)


def layout_of(name: str) -> Layout:
    path = toolchain.MONOLITHS[name]
    rule = parse_rule((RULES / f"{name}.toml").read_bytes(), name)
    return split(rule, name, path, (toolchain.COMPILE / path).read_bytes())


def host_command(flags: tuple[str, ...]) -> Command:
    compiler = toolchain.require_compiler()
    options = " ".join(["-std=c++17 -O0 -w -fPIC", *flags])
    return from_template(
        f"{compiler} {options} -I{{root}}/stubs -I{{root}}/csrc -x c++ -c {{source}} -o {{output}}"
    )


def built(name: str, flavour: str, directory: Path, spoil: Callable[[dict[str, bytes]], None] | None = None):
    layout = layout_of(name)
    files = {file.path: file.text for file in layout.files}
    units = tuple(file.path for file in layout.files if file.is_unit)
    if spoil is not None:
        spoil(files)
    before = toolchain.prepare(directory / "before")
    after = toolchain.prepare(directory / "after", files)
    flags = toolchain.FLAVOURS[flavour]
    outcome = compare(
        parse(layout.monolith),
        MeasuredProgram(before, (layout.path,)),
        MeasuredProgram(after, units),
        spaces_of(layout),
        host_command(flags),
        directory / "objects",
    )
    return outcome, before, after, flags


@pytest.mark.parametrize(("name", "flavour"), CASES, ids=lambda value: value)
def test_the_layout_is_the_same_program_and_prints_the_same(tmp_path: Path, name: str, flavour: str) -> None:
    outcome, before, after, flags = built(name, flavour, tmp_path)
    assert [f for f in outcome.findings if f.severity is not Severity.NOTE] == []
    assert outcome.same
    assert outcome.symbols > 0
    assert outcome.monolith.library is not None
    # Nor is that said of any objects: one shard's in the place of another is named.
    layout, source = layout_of(name), parse(layout_of(name).monolith)
    entry, first, _, *others = outcome.layout.objects
    swapped = replace(outcome.layout, objects=(entry, first, first, *others))
    wrong = compare_built(source, outcome.monolith, swapped, spaces_of(layout), host_command(flags))
    codes = {f.code for f in wrong.findings if f.severity is Severity.ERROR}
    assert not wrong.same
    assert codes & {"lost", "unresolved"}
    assert outcome.layout.library is not None

    def printed(tree: Path, objects: tuple[Path, ...]) -> str:
        driver = toolchain.compile_units(tree, [f"drivers/{name}.cpp"], flags)
        return toolchain.output(toolchain.link(tree, [*driver, *objects]))

    expected = printed(before, outcome.monolith.objects)
    assert len(expected.splitlines()) > 15
    assert printed(after, outcome.layout.objects) == expected
    assert printed(after, outcome.layout.objects[::-1]) == expected


def test_the_trap_in_our_own_layout_would_be_seen(tmp_path: Path) -> None:
    folder = "csrc/libtorch_stable/attention/paged_attention_v1/"

    def without_namespace(files: dict[str, bytes]) -> None:
        name = folder + "dispatch.cuh"
        head, _, tail = files[name].partition(b"namespace MG_NS {\n")
        launcher, _, entry = tail.partition(b"void paged_attention_v1(")
        # The launcher leaves the shards' namespaces; everything else stays as it was.
        files[name] = head + launcher + b"namespace MG_NS {\nvoid paged_attention_v1(" + entry

    outcome, *_ = built("paged_attention_v1", "none", tmp_path, without_namespace)
    found = [f for f in outcome.findings if f.severity is Severity.ERROR]
    assert not outcome.same
    assert {f.code for f in found} == {"odr"}
    assert all("paged_attention_v1_launcher<" in f.name for f in found)
    assert all(len(f.units) == 3 for f in found)


ONE_OR_TWO = """#pragma once
inline const char* own(int n) {
  %s
  return n > 1 ? "one" : "two";
}
const char* one(int n);
const char* two(int n);
"""


@pytest.mark.parametrize(
    ("line", "severity", "said"),
    [
        # As an optimiser may make different code of one text: what it sees differs, the text without it not.
        ("if (OPTIMISED && UNIT == 2) n *= 3;", Severity.NOTE, "equal at -O0"),
        ("if (UNIT == 2) n *= 3;", Severity.ERROR, "different bodies"),
        ('if (n == 7) return UNIT == 2 ? "a" : "b";', Severity.ERROR, "different bodies"),
    ],
)
def test_what_the_optimiser_makes_of_one_text(
    tmp_path: Path, line: str, severity: Severity, said: str
) -> None:
    macros = "#ifdef __OPTIMIZE__\n#define OPTIMISED 1\n#else\n#define OPTIMISED 0\n#endif\n"
    (tmp_path / "own.h").write_text(macros + ONE_OR_TWO % line)
    bodies = {
        name: f"const char* {name}(int n) {{ return own(n + own(n)[0]); }}\n" for name in ("one", "two")
    }
    for number, (name, body) in enumerate(bodies.items(), 1):
        (tmp_path / f"{name}.cpp").write_text(f'#define UNIT {number}\n#include "own.h"\n{body}')
    text = '#define UNIT 1\n#include "own.h"\n' + "".join(bodies.values()) + "int own;\n"
    (tmp_path / "m.cpp").write_text(text.replace("int own;\n", ""))
    command = from_template(f"{toolchain.require_compiler()} -O1 -fno-inline -c {{source}} -o {{output}}")
    outcome = compare(
        parse(text.encode()),  # as if the file said `own`, so that it is not the header's business alone
        MeasuredProgram(tmp_path, ("m.cpp",)),
        MeasuredProgram(tmp_path, ("one.cpp", "two.cpp")),
        (),
        command,
        tmp_path / "objects",
    )
    (found,) = [one for one in outcome.findings if one.code == "odr"]
    assert (found.severity, outcome.same) == (severity, severity is Severity.NOTE)
    assert said in found.message


def test_a_layout_that_does_not_compile_is_an_error_and_not_a_finding(tmp_path: Path) -> None:
    def broken(files: dict[str, bytes]) -> None:
        name = next(name for name in files if name.endswith("common.h"))
        files[name] = b"#pragma once\n#error broken on purpose\n"

    with pytest.raises(CompileError, match="broken on purpose"):
        built("paged_attention_v1", "none", tmp_path, broken)


def test_a_monolith_without_symbols_of_its_own_proves_nothing(tmp_path: Path) -> None:
    text = "static int count() { static int n; return ++n; }\nstatic int first = count();\n"
    (tmp_path / "m.cpp").write_text(text)
    program = MeasuredProgram(tmp_path, ("m.cpp",))
    command = from_template(f"{toolchain.require_compiler()} -O0 -c {{source}} -o {{output}}")
    outcome = compare(parse(text.encode()), program, program, (), command, tmp_path / "objects")
    assert not outcome.same
    assert {finding.code for finding in outcome.findings} == {"empty"}


SCALE_RULE = b"""
schema = 1
monolith = "scale.cu"
build = []

[[move]]
to = "common.h"
items = ["include *", "macro *", "kernel *", "namespace *"]

[[partition]]
entry = "scale"
over = { in = "scale_launcher", switch = "n" }
discriminator = "n"
body = "dispatch.cuh"
shards = { "small.cu" = [32, 64], "large.cu" = [128, 256] }
rest = "large.cu"
"""
SCALE = b"""#include "device.h"
#define LAUNCH(N) scale_kernel<T, N><<<1, 32>>>(data)

template <typename T, int N>
__global__ void scale_kernel(T* data) {
  for (int i = 0; i < N; ++i) data[i] = data[i] * T(N);
}

template <typename T>
void scale_launcher(T* data, int n) {
  switch (n) {
    case 32: LAUNCH(32); break;
    case 64: LAUNCH(64); break;
    case 128: LAUNCH(128); break;
    case 256: LAUNCH(256); break;
    default: unsupported(n);
  }
}

void scale(float* a, double* b, int n) {
  scale_launcher(a, n);
  scale_launcher(b, n);
}
"""
DEVICE_H = """#pragma once
inline void unsupported(int) {}
#ifdef __HIP__
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
#endif
"""


def device(
    tmp_path: Path, template: str, spoil: Callable[[dict[str, bytes]], None] | None = None
) -> Comparison:
    layout = split(parse_rule(SCALE_RULE, "scale.toml"), "scale", "scale.cu", SCALE)
    files = {file.path: file.text for file in layout.files}
    if spoil is not None:
        spoil(files)
    programs = []
    for root, texts in ((tmp_path / "before", {"scale.cu": SCALE}), (tmp_path / "after", files)):
        for name, text in {"device.h": DEVICE_H.encode(), **texts}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(text)
        units = tuple(name for name in texts if name.endswith(".cu"))
        programs.append(MeasuredProgram(root, units))
    command = from_template(template)
    before, after = programs
    return compare(parse(SCALE), before, after, spaces_of(layout), command, tmp_path / "objects")


DEVICES = [
    pytest.param(
        "nvcc -std=c++17 -gencode arch=compute_90,code=sm_90 -Xcompiler -fPIC "
        "-I {root} -c {source} -o {output}",
        id="nvcc",
        marks=pytest.mark.skipif(shutil.which("nvcc") is None, reason="nvcc is not installed"),
    ),
    pytest.param(
        f"{CLANG} -x hip --offload-arch=gfx1100 --offload-arch=gfx90a -nogpulib -nogpuinc -fPIC -O1 "
        "-I {root} -c {source} -o {output}",
        id="hip",
        marks=pytest.mark.skipif(
            CLANG is None or not BUNDLER,
            reason="clang++ with clang-offload-bundler is not installed",
        ),
    ),
]


@pytest.mark.parametrize("template", DEVICES)
def test_every_kernel_once_on_a_device(tmp_path: Path, template: str) -> None:
    outcome = device(tmp_path, template)
    assert [f for f in outcome.findings if f.severity is not Severity.NOTE] == []
    assert outcome.kernels == 8 * len(outcome.architectures)
    assert outcome.entry_kernels == 0
    assert set(outcome.architectures) in ({"sm_90"}, {"gfx1100", "gfx90a"})


@pytest.mark.parametrize("template", DEVICES)
def test_a_lost_and_a_shared_kernel_are_named(tmp_path: Path, template: str) -> None:
    def spoil(files: dict[str, bytes]) -> None:
        body = files["scale/dispatch.cuh"]
        files["scale/dispatch.cuh"] = body.replace(b"LAUNCH(64)", b"LAUNCH(128)")

    outcome = device(tmp_path, template, spoil)
    found = {(f.code, f.name) for f in outcome.findings if f.code.startswith("kernel")}
    assert found == {
        ("kernel lost", "void scale_kernel<float, 64>(float*)"),
        ("kernel lost", "void scale_kernel<double, 64>(double*)"),
        # One of the two that both units compile now, to the same machine code, stands for both.
        ("kernel shared", "void scale_kernel<double, 128>(double*)"),
    }
    again = compare_built(
        parse(SCALE), outcome.monolith, outcome.monolith, (), from_template("g++ {source} {output}")
    )
    assert again.same
