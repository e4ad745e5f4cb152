"""Layouts on a GPU: monolith against layout, built with nvcc and called through PyTorch, to the last bit.

    python -m benchmarks.compile.gpu prepare DIR   lay out both programs of two real files of vLLM 0.24.0
    python benchmarks/compile/gpu.py run DIR       with nvcc, PyTorch 2.11 or newer and a GPU: build, compare

``run`` needs nothing of mergeguard, so that DIR can be taken to a machine that has the GPU; without one it
says so and does nothing.
"""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

VERSION = "0.24.0"
RULES = ("paged_attention_v1", "selective_scan_fwd")
# One library for each program: the same functions under another namespace of torch.ops.
BINDINGS = """#include <optional>
#include <string>
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/tensor.h>
{declarations}
STABLE_TORCH_LIBRARY_FRAGMENT({space}, ops) {{ ops.def("{schema}"); }}
STABLE_TORCH_LIBRARY_IMPL({space}, CUDA, ops) {{ ops.impl("{name}", TORCH_BOX(&{name})); }}
"""
SCHEMAS = {
    "paged_attention_v1": (
        "paged_attention_v1(Tensor! out, Tensor query, Tensor key_cache, Tensor value_cache, "
        "int num_kv_heads, float scale, Tensor block_tables, Tensor seq_lens, int block_size, "
        "int max_seq_len, Tensor? alibi_slopes, str kv_cache_dtype, Tensor k_scale, Tensor v_scale, "
        "int tp_rank, int local, int vert, int sparse_size, int sliding) -> ()"
    ),
    "selective_scan_fwd": (
        "selective_scan_fwd(Tensor! u, Tensor! delta, Tensor! A, Tensor! B, Tensor! C, Tensor? D, "
        "Tensor!? z, Tensor? delta_bias, bool softplus, Tensor? start, Tensor? indices, Tensor? has_state, "
        "Tensor! states, int null_block, int block_size, Tensor? first, Tensor? last, Tensor? initial, "
        "Tensor? chunks, Tensor? chunk) -> ()"
    ),
}
FLAGS = (
    "-std=c++20 -gencode arch=compute_90,code=sm_90 --expt-relaxed-constexpr --expt-extended-lambda -O2 "
    "-DNDEBUG -Xcompiler -fPIC -DENABLE_FP8 -DUSE_CUDA -DTORCH_TARGET_VERSION=0x020B000000000000ULL"
).split()


def prepare(folder: Path) -> None:
    """Lay out monolith and layout of each file below ``folder``."""
    from mergeguard.data import shipped_rules
    from mergeguard.lens.emit import split
    from mergeguard.lens.rule import parse_rule
    from tests.support import corpus

    for name in RULES:
        rule = parse_rule(shipped_rules()[f"vllm/{name}.toml"], name)
        path = next(p for p in rule.paths() if (corpus.path(VERSION) / p).is_file())
        layout = split(rule, name, path, corpus.file(VERSION, path))
        for kind in ("monolith", "layout"):
            tree = folder / name / kind
            shutil.rmtree(tree, ignore_errors=True)
            kept = shutil.ignore_patterns("*.cpp", "*.cu", "cutlass*", "moe", "cpu", "rocm")
            shutil.copytree(corpus.path(VERSION) / "csrc", tree / "csrc", ignore=kept)
            files = {f.path: f.text for f in layout.files} if kind == "layout" else {path: layout.monolith}
            for file, text in files.items():
                (tree / file).parent.mkdir(parents=True, exist_ok=True)
                (tree / file).write_bytes(text)
            units = [f.path for f in layout.files if f.is_unit] if kind == "layout" else [path]
            (tree / "units.json").write_text(json.dumps(units), encoding="utf-8")
            (tree / "bindings.cpp").write_text(_bindings(name, kind, layout.monolith), encoding="utf-8")


def _bindings(name: str, kind: str, monolith: bytes) -> str:
    """The host function registered for torch.ops, by its own head."""
    text = monolith.decode()
    start = text.index(f"\nvoid {name}(")
    head = text[start : text.index(") {", start)] + ");"
    return BINDINGS.format(declarations=head, space=f"mg_{kind}", schema=_line(SCHEMAS[name]), name=name)


def _line(text: str) -> str:
    return " ".join(text.split())


def run(folder: Path) -> int:
    """Build and compare; 0 where every case is equal, or where there is no GPU to ask."""
    try:
        import torch
    except ImportError:
        torch = None
    if torch is None or not torch.cuda.is_available() or shutil.which("nvcc") is None:
        print("skipped: it takes nvcc, PyTorch and a GPU")
        return 0
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
    programs = [(name, kind) for name in RULES for kind in ("monolith", "layout")]
    with ThreadPoolExecutor(len(programs)) as pool:
        list(pool.map(lambda one: _build(folder, *one), programs))
    bad = 0
    for name in RULES:
        for kind in ("monolith", "layout"):
            torch.ops.load_library(str(folder / name / kind / "lib.so"))
        cases = _attention(torch) if name == "paged_attention_v1" else _scan(torch)
        outcomes = [_compared(torch, name, label, arguments) for label, arguments in cases]
        refused = sum(outcome == "refused alike" for outcome in outcomes)
        equal = outcomes.count("equal")
        asked = len(outcomes) - refused
        print(f"{name}: {equal} of {asked} cases equal to the last bit, {refused} refused alike")
        bad += asked - equal
    return 1 if bad else 0


def _build(folder: Path, name: str, kind: str) -> None:
    from torch.utils.cpp_extension import include_paths, library_paths

    tree = folder / name / kind
    units = json.loads((tree / "units.json").read_text(encoding="utf-8"))
    found = [word for path in include_paths("cuda") for word in ("-isystem", path)]
    includes = [*found, f"-I{tree}/csrc"]
    began = time.monotonic()

    def compile_one(unit: str) -> tuple[str, float]:
        made = str(tree / (unit.replace("/", "_") + ".o"))
        start = time.monotonic()
        _do("nvcc", *FLAGS, *includes, "-c", str(tree / unit), "-o", made)
        return made, time.monotonic() - start

    with ThreadPoolExecutor(len(units)) as pool:
        made = list(pool.map(compile_one, units))
    wall = time.monotonic() - began
    bindings = str(tree / "bindings.o")
    _do("nvcc", *FLAGS, *includes, "-c", str(tree / "bindings.cpp"), "-o", bindings)
    objects = [*(path for path, _ in made), bindings]
    links = [f"-L{path}" for path in library_paths("cuda")]
    _do(
        "nvcc",
        "-shared",
        "-Xlinker",
        "-Bsymbolic",
        "-o",
        str(tree / "lib.so"),
        *objects,
        *links,
        "-ltorch_cuda",
    )
    print(f"{name}, {kind}: {len(units)} units in {wall:.0f} s", [round(s) for _, s in made], flush=True)


def _do(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}\n{done.stderr[:4000]}")


def _compared(torch: Any, name: str, label: str, arguments: list[Any]) -> str:
    """One case through both programs: every tensor that it was given has the same bytes afterwards."""
    after = []
    for space in (torch.ops.mg_monolith, torch.ops.mg_layout):
        given = [one.clone() if isinstance(one, torch.Tensor) else one for one in arguments]
        try:
            getattr(space, name)(*given)
            torch.cuda.synchronize()
            after.append([one.view(torch.uint8) for one in given if isinstance(one, torch.Tensor)])
        except RuntimeError as error:
            after.append(str(error).partition("Exception raised")[0])
    whole, split = after
    if isinstance(whole, str) or isinstance(split, str):
        same = isinstance(whole, str) and isinstance(split, str) and _said(whole) == _said(split)
        outcome = "refused alike" if same else "differs"
    else:
        outcome = "equal" if all(map(torch.equal, whole, split)) else "differs"
    if outcome == "differs":
        print(f"{name} {label}: {outcome}\n  {str(whole)[:300]}\n  {str(split)[:300]}")
    return outcome


def _said(error: str) -> str:
    """An error without the place in a file, which is another one in a layout."""
    return error.rpartition("Unsupported")[2].partition("(")[0].strip()


def _attention(torch: Any) -> Iterator[tuple[str, list[Any]]]:
    sizes = (32, 64, 80, 96, 112, 120, 128, 192, 256)
    types = (torch.float32, torch.float16, torch.bfloat16)
    for case in itertools.product(types, sizes, (8, 16, 32), ("auto", "fp8"), (False, True)):
        yield str(case), _paged(torch, *case)
    for head_size, block_size, kind in ((48, 16, "auto"), (64, 64, "auto"), (64, 16, "int3")):
        case = (torch.float16, head_size, block_size, kind, False)
        yield str(case), _paged(torch, *case)


def _paged(torch: Any, dtype: Any, head_size: int, block_size: int, kind: str, alibi: bool) -> list[Any]:
    generator = torch.Generator(device="cuda").manual_seed(head_size * block_size)

    def random(*shape: int) -> Any:
        return torch.randn(*shape, generator=generator, device="cuda").to(dtype)

    heads, kv_heads, blocks, sequences = 8, 4, 64, 3
    at_once = 16 // (1 if kind == "fp8" else dtype.itemsize)
    # Rounded up: a head of 120 takes seven and a half vectors in fp8. Values are read by the keys' strides.
    shape = (blocks, kv_heads, -(-head_size // at_once), block_size, at_once)
    if kind == "fp8":
        bytes_ = {"generator": generator, "device": "cuda", "dtype": torch.uint8}
        keys = torch.randint(0, 0x60, shape, **bytes_)
        values = torch.randint(0, 0x60, (blocks, kv_heads, shape[2] * at_once, block_size), **bytes_)
    else:
        keys, values = random(*shape), random(blocks, kv_heads, head_size, block_size)
    lengths = torch.tensor([1, 77, 150], device="cuda", dtype=torch.int32)
    width = -(-150 // block_size)
    tables = torch.randint(
        0, blocks, (sequences, width), generator=generator, device="cuda", dtype=torch.int32
    )
    slopes = torch.rand(heads, generator=generator, device="cuda") if alibi else None
    one = torch.ones(1, device="cuda")
    query = random(sequences, heads, head_size)
    return [
        *(torch.zeros_like(query), query, keys, values, kv_heads, head_size**-0.5, tables, lengths),
        *(block_size, 150, slopes, kind, one, one.clone(), 0, 0, 0, 64, 0),
    ]


def _scan(torch: Any) -> Iterator[tuple[str, list[Any]]]:
    types = (torch.float32, torch.float16, torch.bfloat16)
    for case in itertools.product(types, (1, 16, 100, 1030), (16, 64), *[(False, True)] * 3):
        yield str(case), _scanned(torch, *case)


def _scanned(
    torch: Any, dtype: Any, length: int, state: int, gated: bool, softplus: bool, full: bool
) -> list[Any]:
    generator = torch.Generator(device="cuda").manual_seed(length * state)

    def random(*shape: int, of: Any = None) -> Any:
        return torch.randn(*shape, generator=generator, device="cuda").to(of or dtype)

    batch, width, groups = 2, 64, 1
    u, delta = random(batch, width, length), 0.5 * random(batch, width, length).abs()
    rates = -random(width, state, of=torch.float32).abs()
    b, c = random(batch, groups, state, length), random(batch, groups, state, length)
    skip = random(width, of=torch.float32) if full else None
    bias = random(width, of=torch.float32) if full else None
    gate = random(batch, width, length) if gated else None
    states = torch.zeros(batch, width, state, device="cuda", dtype=torch.float32 if full else dtype)
    return [
        u,
        delta,
        rates,
        b,
        c,
        skip,
        gate,
        bias,
        softplus,
        None,
        None,
        None,
        states,
        -1,
        1024,
        *[None] * 5,
    ]


if __name__ == "__main__":
    verb, where = sys.argv[1:3]
    sys.exit(prepare(Path(where)) if verb == "prepare" else run(Path(where)))
