"""A split of the fixture's skinny_gemms.cu made by hand, in the manner of the origin case.

Templates over N instead of guarded arms, a copy of the prologue in the launcher, shards that only
instantiate, `inline` and include guards where a person would put them.
"""

from __future__ import annotations

import re

from mergeguard.cpp.source import parse

FOLDER = "csrc/rocm/skinny_gemms/"
ENTRY = "csrc/rocm/skinny_gemms.cu"
PARAMETERS = b"""const at::Tensor& in_a, const at::Tensor& in_b,
                     const std::optional<at::Tensor>& in_bias,
                     const int64_t CuCount, at::Tensor& out_c"""


def _between(text: bytes, start: bytes, end: bytes) -> bytes:
    assert text.count(start) == 1, start
    rest = text[text.index(start) :]
    return rest[: rest.index(end)] if end else rest


def files(monolith: bytes) -> dict[str, bytes]:
    """The hand-made files of the monolith, by path."""
    at = {item.name: item for item in parse(monolith).items if item.name}
    device, one, two = at["get_lds_size"].start, at["LLGemm1_kernel"].start, at["LLMM1"].end
    start, end = at["wvSplitK"].start, at["wvSplitK"].end
    head, helpers = monolith[:device], monolith[device:one]
    helpers = re.sub(rb"^(?=(?:int|bool) \w+\(\) \{)", b"inline ", helpers, flags=re.MULTILINE)
    one_row, function, rest = monolith[one:two], monolith[start:end], monolith[end:]
    kernels = monolith[two:start].replace(b"int mindiv(", b"inline int mindiv(")
    kernel = b"#pragma once\n\n" + head.replace(b'"../cuda_compat.h"', b'"../../cuda_compat.h"')
    kernel += helpers + kernels
    entry = b'#include "skinny_gemms/kernel.cuh"\n#include "skinny_gemms/launch.h"\n\n' + one_row
    entry += _entry(function) + rest
    made = {
        ENTRY: entry,
        FOLDER + "kernel.cuh": kernel,
        FOLDER + "launch.h": (
            b"#ifndef SKINNY_GEMMS_LAUNCH_H\n#define SKINNY_GEMMS_LAUNCH_H\n\n#include <torch/all.h>\n\n"
            b"// Defined in dispatch.cuh, instantiated one N a file.\n"
            b"template <int N>\nvoid wvSplitK_launch(" + PARAMETERS + b");\n\n#endif\n"
        ),
        FOLDER + "dispatch.cuh": _dispatch(function),
    }
    for n in range(1, 6):
        made[f"{FOLDER}instantiate_n{n}.cu"] = (
            b'// N = %d\n#include "dispatch.cuh"\n\ntemplate void wvSplitK_launch<%d>(' % (n, n)
            + PARAMETERS
            + b");\n"
        )
    return made


def _entry(function: bytes) -> bytes:
    prologue = function[: function.index(b"  dim3 grid")]
    bx = _between(prologue, b"  auto Bx_in", b"  TORCH_CHECK(in_a.dtype")
    default = _between(function, b"        throw std::runtime_error(", b"    }\n  });")
    cases = b"".join(
        b"    case %d:\n      wvSplitK_launch<%d>(in_a, in_b, in_bias, CuCount, out_c);\n      break;\n"
        % (n, n)
        for n in range(1, 6)
    )
    switch = b"  switch (N_in) {\n" + cases + b"    default:\n" + default.replace(b"\n  ", b"\n") + b"  }\n"
    return prologue.replace(bx, b"\n") + switch + b"  return out_c;\n}\n\n"


def _dispatch(function: bytes) -> bytes:
    sizes = _between(function, b"  auto M_in", b"  TORCH_CHECK(in_a.dtype")
    sizes = sizes.replace(b"auto N_in = in_b.size(0)", b"constexpr int N_in = N")
    body = _between(function, b"  dim3 grid", b"    switch (N_in)")
    return (
        b'#pragma once\n\n#include "kernel.cuh"\n#include "launch.h"\n\n'
        b"template <int N>\nvoid wvSplitK_launch("
        + PARAMETERS
        + b") {\n"
        + sizes
        + body
        + b"    WVSPLIT_TILE(sYT, N)\n  });\n}\n"
    )
