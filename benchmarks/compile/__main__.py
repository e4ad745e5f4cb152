"""What splitting costs and saves, measured with real compilers.

    python -m benchmarks.compile host [--rows 100]           any C++17 compiler, a minute or two
    python -m benchmarks.compile fixtures [RULE]...          the six shapes with g++, some minutes
    python -m benchmarks.compile vllm RULE VERSION           nvcc, PyTorch's headers, vLLM's sources
    python -m benchmarks.compile toolchain hip               a HIP compiler out of packages
    python -m benchmarks.compile hip RULE VERSION            a real ROCm file with it: monolith against layout
    python -m benchmarks.compile slice                       a minute of the same, for CI
    python -m benchmarks.compile modes RULE VERSION [UNIT…]  objects of both modes, of a real ROCm file
    python -m benchmarks.compile report                      tables and pictures of what was measured

``vllm`` and ``hip`` take the sources from where the tests keep them (tests/support/corpus.py); ``hip`` takes
those of a commit with ``--repo CLONE``. RULE is one of ``rules/vllm``, or FOLDER/NAME below ``rules``.
``vllm`` takes PyTorch's headers from ``--torch`` (the ``torch/include`` of an unpacked wheel). Figures land
in benchmarks/results/, which git ignores; ``report`` writes RESULTS.md and the pictures, which are committed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from benchmarks.compile import rocm, tables
from benchmarks.compile.running import ROOT, build_folder, run, shipped_rule
from mergeguard.build.commands import from_template
from mergeguard.cpp.source import Kind, parse
from mergeguard.lens.emit import split
from mergeguard.lens.rule import parse_rule

HERE = Path(__file__).resolve().parent

NVCC = (
    "nvcc -std=c++20 -gencode arch=compute_90,code=sm_90 --expt-relaxed-constexpr --expt-extended-lambda -O2 "
    "-DNDEBUG -Xcompiler -fPIC -DENABLE_FP8 -DUSE_CUDA {stable} {compress} "
    "-isystem {stubs} -isystem {torch} -isystem {torch}/torch/csrc/api/include "
    "-I {{root}}/csrc -c {{source}} -o {{output}}"
)
# The libraries' headers are not needed beyond their handle types.
STUBS = {
    "cublas_v2.h": (
        "#pragma once\ntypedef struct cublasContext* cublasHandle_t;\ntypedef int cublasStatus_t;\n"
    ),
    "cublasLt.h": "typedef struct cublasLtContext* cublasLtHandle_t;\n",
    "cusparse.h": "typedef struct cusparseContext* cusparseHandle_t;\n",
    "cusolverDn.h": "#pragma once\ntypedef struct cusolverDnContext* cusolverDnHandle_t;\n",
    "cusolver_common.h": "#pragma once\ntypedef int cusolverStatus_t;\n",
}


def host(arguments: argparse.Namespace) -> None:
    monolith = (HERE / "heavy.cpp").read_bytes()
    rule = parse_rule((HERE / "heavy.toml").read_bytes(), "heavy.toml")
    command = from_template(
        f"{arguments.compiler} -std=c++17 -O1 -fPIC -DROWS={arguments.rows} -c {{source}} -o {{output}}"
    )
    layout = split(rule, "heavy", "heavy.cpp", monolith)
    run(f"host-rows{arguments.rows}", layout, None, command, arguments.parallel)


def vllm(arguments: argparse.Namespace) -> None:
    sys.path.insert(0, str(ROOT))
    from tests.support import corpus

    rule, _, name = shipped_rule(arguments.rule)
    sources = corpus.require(arguments.version) or Path.home() / ".cache/mergeguard/vllm" / arguments.version
    tree = Path(sources)
    path = next(path for path in rule.paths() if (tree / path).is_file())
    layout = split(rule, name, path, (tree / path).read_bytes())
    stubs = build_folder() / "stubs"
    stubs.mkdir(parents=True, exist_ok=True)
    for name, content in STUBS.items():
        (stubs / name).write_text(content, encoding="utf-8")
    compress = f"--compress-mode={arguments.compress}" if arguments.compress else ""
    # vLLM moved its kernels to PyTorch's stable interface, whose headers refuse the others and vice versa.
    stable = "-DTORCH_TARGET_VERSION=0x020B000000000000ULL" if "libtorch_stable" in path else ""
    command = from_template(NVCC.format(stable=stable, compress=compress, stubs=stubs, torch=arguments.torch))
    base = build_folder() / f"sources-{arguments.version}"
    if not (base / "csrc").is_dir():
        shutil.copytree(tree / "csrc", base / "csrc")
    suffix = f"-{arguments.compress}" if arguments.compress else ""
    run(f"{name}-{arguments.version}{suffix}", layout, base, command, arguments.parallel)


FIXTURES = {
    "skinny_gemms": "gfx9",
    "skinny_gemms_int4": "gfx11",
    "skinny_gemms_int8": "sweep",
    "attention": "gfx9",
    "paged_attention_v1": "none",
    "selective_scan_fwd": "none",
}


# On the host a kernel of the fixtures costs next to nothing, on a device it is what costs. So each
# instantiation of a kernel gets weight: a chain of class templates of its own (its local type is its own).
WEIGHT = """#pragma once
namespace weight {
template <typename Owner, int Row, int Length>
struct Chain { static constexpr int value = (Chain<Owner, Row, Length - 1>::value * 31 + Row) % 1009; };
template <typename Owner, int Row>
struct Chain<Owner, Row, 0> { static constexpr int value = Row; };
}  // namespace weight
"""
LOAD = b" struct MgOwner {}; " + b"".join(
    b"static_assert(weight::Chain<MgOwner, %d, 500>::value >= 0); " % row for row in range(6)
)


def weighted(text: bytes) -> bytes:
    """The text with weight in each kernel's body; lines stay."""
    source = parse(text)
    for item in reversed(source.items):
        if item.kind is Kind.KERNEL and item.body is not None:
            text = text[: item.body[0] + 1] + LOAD + text[item.body[0] + 1 :]
    return text


def fixtures(arguments: argparse.Namespace) -> None:
    """The six shapes as host programs: what has no GPU headers here is measured on its fixture."""
    from tests.support import toolchain

    def change(text: bytes) -> bytes:
        return toolchain.translate(weighted(text))

    for name in arguments.names or FIXTURES:
        path = toolchain.MONOLITHS[name]
        rule, _, _ = shipped_rule(name)
        layout = split(rule, name, path, (toolchain.COMPILE / path).read_bytes())
        files = {file.path: file.text for file in layout.files}
        base = build_folder() / f"fixture-sources-{name}"
        shutil.rmtree(base, ignore_errors=True)
        toolchain.prepare(base, files)
        (base / "stubs" / "weight.h").write_text(WEIGHT, encoding="utf-8")
        flags = " ".join(toolchain.FLAVOURS[FIXTURES[name]])
        command = from_template(
            f"g++ -std=c++17 -O2 -w -fPIC {flags} -I{{root}}/stubs -I{{root}}/csrc -include weight.h -x c++ "
            "-c {source} -o {output}"
        )
        run(f"fixture-{name}", layout, base, command, arguments.parallel, change)


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    verbs = parser.add_subparsers(required=True)
    one = verbs.add_parser("host")
    one.add_argument("--rows", type=int, default=100)
    one.add_argument("--compiler", default="g++")
    one.set_defaults(run=host)
    two = verbs.add_parser("vllm")
    two.add_argument("rule")
    two.add_argument("version")
    two.add_argument("--torch", type=Path, default=Path.home() / ".cache/mergeguard/torch/torch/include")
    two.add_argument("--compress", default="", help="nvcc's --compress-mode")
    two.set_defaults(run=vllm)
    for verb in (one, two):
        verb.add_argument("--parallel", type=int, nargs="*", default=[2], help="real parallel runs to make")
    three = verbs.add_parser("fixtures")
    three.add_argument("names", nargs="*")
    three.add_argument("--parallel", type=int, nargs="*", default=[])
    three.set_defaults(run=fixtures)
    made = verbs.add_parser("toolchain")
    made.add_argument("which", choices=["hip"])
    made.set_defaults(run=rocm.toolchain)
    four = verbs.add_parser("hip")
    four.add_argument("rule")
    four.add_argument("version", help="a release, or a commit of --repo")
    four.add_argument("--repo", type=Path, help="take the sources from this clone")
    four.add_argument("--arch", action="append", help="an architecture to compile for, gfx1151 by default")
    four.add_argument("--parallel", type=int, nargs="*", default=[], help="real parallel runs to make")
    four.set_defaults(run=rocm.real_hip)
    five = verbs.add_parser("modes")
    five.add_argument("rule")
    five.add_argument("version")
    five.add_argument("unit", nargs="*")
    five.set_defaults(run=rocm.modes)
    verbs.add_parser("slice").set_defaults(run=rocm.hip_slice)
    rewriting = verbs.add_parser("hipify")
    rewriting.add_argument("tree", type=Path)
    rewriting.set_defaults(run=rocm.hipify)
    verbs.add_parser("report").set_defaults(run=tables.report)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
