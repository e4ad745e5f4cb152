"""Seeded faults: each spoils a good layout in one way that a compiler and a linker may well accept.

``python -m tests.support.faults`` prints which check names each.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path

from mergeguard.lens.rule import parse_rule
from mergeguard.verify.same_program import failures
from tests.support import smallfaults
from tests.support.rules import full_rules
from tests.support.spoiling import Fault, Tree, layout_of, sequence, swap

ROOT = Path(__file__).resolve().parents[2]


def fixture(name: str) -> Tree:
    """The layout of one of the compile fixtures under the real file's rule, the full interface.

    Faults of thin layouts are in ``tests/lens/test_thin.py``.
    """
    rule_text = full_rules()[f"vllm/{name}.toml"]
    fixtures = ROOT / "fixtures" / "compile"
    for path in parse_rule(rule_text, name).paths():
        if (fixtures / path).is_file():
            build = (fixtures / "CMakeLists.txt").read_bytes()
            return layout_of(rule_text, name, path, (fixtures / path).read_bytes(), build)
    raise AssertionError(f"no fixture for {name}")


PA, SS, I4, SK, AT = (
    "paged_attention_v1",
    "selective_scan_fwd",
    "skinny_gemms_int4",
    "skinny_gemms",
    "attention",
)
SMALL, MEDIUM, LARGE = (f"shard_{size}" for size in ("small", "medium", "large"))
SPACE = "mergeguard_paged_attention_v1_"
TILE_3 = "WVSPLIT_INT4G_TILE(sYT, 3, _HAS_ZP)"
INSTANTIATION = "template void selective_scan_fwd_cuda<{}>(SSMParamsBase &params, cudaStream_t stream);"
BFLOAT = INSTANTIATION.format("torch::headeronly::BFloat16, float, float")
GFX1X = "#if defined(__GFX11__) || defined(__GFX12__)\n  #define __HIP__GFX1X__\n#endif\n"
REGISTRATION = 'REGISTER_OPS(state, m) { m.def("run", &run); }'
HALF = "template <>\nstruct scalar<c10::Half> {\n  using type = half;\n};\n"
ASSERTION = 'static_assert(sizeof(Index) == sizeof(Settings), "one limit");\n'
SPECIALISATION = "template <> struct Size<float> { static constexpr Index value = 4; };\n"
TUNED = "inline\nint tuned(int n) { return n * kLimit * Size<float>::value; }\n"
COUNTED = (
    "static int tuned(int n) { static int calls; return n * kLimit * Size<float>::value + 0 * ++calls; }\n"
)
LEAK = "using namespace std;\nusing Index"
NESTED = '\nnamespace MG_NS {\n#include "common.h"\n'
CASE_64 = "    case 64:\n      LAUNCH_PAGED_ATTENTION_V1(64);\n      break;\n"
CASE_96 = "    case 96:\n      LAUNCH_PAGED_ATTENTION_V1(96);\n      break;\n"


def listed(name: str, new: Callable[[str], str]) -> Callable[[Tree], object]:
    def spoil(tree: Tree) -> None:
        line = f'"{tree.full(name)}"'
        tree.cmake(line, new(line))

    return spoil


def nowhere_listed(tree: Tree) -> None:
    """No shard, and not the entry, is in the build file."""
    for unit in tree.units:
        tree.cmake(f'"{tree.full(unit)}"', "")


def drop_file(name: str) -> Callable[[Tree], object]:
    def spoil(tree: Tree) -> None:
        del tree.files[name]
        tree.units = [unit for unit in tree.units if unit != name]

    return spoil


def renamed(name: str, new: str) -> Callable[[Tree], object]:
    def spoil(tree: Tree) -> None:
        tree.files[new] = tree.files.pop(name)
        tree.units = [new if unit == name else unit for unit in tree.units]

    return spoil


def behind_its_use(tree: Tree) -> None:
    """The fork's own constant stands behind what uses it in a header; in the monolith, before."""
    tree.replace("common.h", TUNED, TUNED.replace("kLimit", "kMost") + "constexpr int kMost = 4;\n")
    plain = TUNED.removeprefix("inline\n").encode()
    assert plain in tree.monolith
    new = b"constexpr int kMost = 4;\n" + plain.replace(b"kLimit", b"kMost")
    tree.monolith = tree.monolith.replace(plain, new)


def without_dispatch(tree: Tree) -> None:
    text = tree.files["entry"].decode()
    start, end = text.index("void paged_attention_v1("), text.index("#undef MAX")
    tree.files["entry"] = (text[:start] + text[end:]).encode()


def define(symbol: str) -> str:
    return f"#define MG_SHARD_{symbol}\n"


FAULTS: tuple[Fault, ...] = (
    # Arms and guards.
    Fault("arm dropped", PA, "changed", swap("dispatch.cuh", CASE_64, "")),
    Fault("arm dropped, inside a macro", I4, "changed", swap("dispatch.cuh", f"{TILE_3} break;", "break;")),
    Fault("arm launches another size", PA, "changed", swap("dispatch.cuh", "V1(80)", "V1(64)")),
    Fault("arm twice", PA, "changed", swap("dispatch.cuh", CASE_64, CASE_64 * 2)),
    Fault(
        "break lost: falls through", PA, "changed", swap("dispatch.cuh", "V1(64);\n      break;", "V1(64);")
    ),
    Fault(
        "default's message changed", PA, "changed", swap("dispatch.cuh", "Unsupported head size", "Bad size")
    ),
    Fault(
        "guard's symbol misspelt",
        PA,
        "arm",
        swap("dispatch.cuh", "defined(MG_SHARD_shard_small)", "defined(MG_SHARD_shard_smal)"),
    ),
    Fault(
        "guard gone: arms in every shard",
        PA,
        "arm",
        sequence(
            swap("dispatch.cuh", "#if defined(MG_SHARD_shard_small)\n", ""),
            swap("dispatch.cuh", "#endif  // MG_SHARD_shard_small\n", ""),
        ),
    ),
    Fault(
        "guard cuts an arm in two",
        PA,
        "arm",
        sequence(
            swap(
                "dispatch.cuh",
                "      break;\n#endif  // MG_SHARD_shard_small\n",
                "#endif  // MG_SHARD_shard_small\n      break;\n",
            )
        ),
    ),
    Fault(
        "guard takes the default in",
        PA,
        "arm",
        sequence(
            swap("dispatch.cuh", "#endif  // MG_SHARD_shard_large\n", ""),
            swap(
                "dispatch.cuh",
                "size);\n      break;\n",
                "size);\n      break;\n#endif  // MG_SHARD_shard_large\n",
            ),
        ),
    ),
    Fault("guard not closed", PA, "glue", swap("dispatch.cuh", "#endif  // MG_SHARD_shard_large\n", "")),
    Fault("shard does not define its symbol", PA, "arm", swap("shard_small.cu", define(SMALL), "")),
    Fault(
        "two shards define one symbol",
        PA,
        "arm",
        swap("shard_medium.cu", define(MEDIUM), define(MEDIUM) + define(SMALL)),
    ),
    Fault(
        "macro guard opens for the wrong shard",
        I4,
        "arm",
        swap("instantiate_n1.cu", "n2(...)\n", "n2(...) __VA_ARGS__\n"),
    ),
    Fault(
        "macro guard closed by another's end",
        I4,
        "glue",
        swap("dispatch.cuh", "/* MG_ONLY_instantiate_n1 */)", "/* MG_ONLY_instantiate_n2 */)"),
    ),
    Fault(
        "macro guard not defined in a shard",
        I4,
        "glue",
        swap("instantiate_n3.cu", "#define MG_ONLY_instantiate_n5(...)\n", ""),
    ),
    Fault(
        "chain without its never-taken if",
        AT,
        "glue",
        swap("dispatch.cuh", "if (false) { }  // MG_SHARD_dispatch_auto\n", ""),
    ),
    # The entry's dispatch.
    Fault("label missing in the dispatch", PA, "dispatch", swap("entry", "    case 80:\n", "")),
    Fault(
        "label sent to another shard",
        PA,
        "dispatch",
        swap("entry", f"{SPACE}{SMALL}::", f"{SPACE}{MEDIUM}::"),
    ),
    Fault(
        "stale discriminator",
        PA,
        "discriminator",
        swap("entry", "switch (query.size(2))", "switch (query.size(1))"),
    ),
    Fault(
        "arm never called",
        PA,
        "dispatch",
        swap("dispatch.cuh", CASE_64, CASE_64 + CASE_64.replace("64", "72")),
    ),
    Fault(
        "condition of the dispatch changed",
        AT,
        "dispatch",
        swap("entry", 'kv_cache_dtype == "auto"', 'kv_cache_dtype == "fp8"'),
    ),
    Fault(
        "arguments swapped",
        PA,
        "dispatch",
        swap("entry", "(out, query, key_cache,", "(out, key_cache, query,"),
    ),
    Fault(
        "default missing in the dispatch", PA, "dispatch", swap("entry", "    default:\n", "    case 256:\n")
    ),
    Fault(
        "arm moved to a shard that is not asked",
        PA,
        "dispatch",
        sequence(
            swap("dispatch.cuh", CASE_96, ""),
            swap(
                "dispatch.cuh",
                "#endif  // MG_SHARD_shard_small\n",
                CASE_96 + "#endif  // MG_SHARD_shard_small\n",
            ),
        ),
    ),
    Fault(
        "declaration with another type",
        PA,
        "dispatch",
        swap("launch.h", "int64_t num_kv_heads", "int num_kv_heads"),
    ),
    # Names and linkage.
    Fault(
        "two shards in one namespace",
        PA,
        "doubled",
        swap("shard_medium.cu", f"{SPACE}{MEDIUM}", f"{SPACE}{SMALL}"),
    ),
    Fault(
        "shard's namespace gone: the trap",
        PA,
        "odr",
        sequence(
            swap("dispatch.cuh", "namespace MG_NS {\n", ""),
            swap("dispatch.cuh", "}  // namespace MG_NS\n", ""),
        ),
    ),
    Fault(
        "template in a header differs by shard",
        SK,
        "odr",
        swap(
            "kernel.cuh",
            "struct scalar {};",
            "struct scalar {\n#ifdef MG_SHARD_instantiate_n1\n  int only_here;\n#endif\n};",
        ),
    ),
    Fault(
        "C linkage doubled",
        "state",
        "doubled",
        swap("dispatch.h", "int run(int n)", 'extern "C" int run(int n)'),
    ),
    Fault("inline missing on a moved function", SK, "doubled", swap("kernel.cuh", "inline\n", "")),
    Fault(
        "inline missing, small program",
        "state",
        "doubled",
        swap("common.h", "inline\nint tuned", "int tuned"),
    ),
    Fault("entry function gone", PA, "lost", without_dispatch),
    Fault(
        "entry function made static",
        PA,
        "visibility",
        swap("entry", "void paged_attention_v1(", "static void paged_attention_v1("),
    ),
    Fault(
        "constant became a writable object",
        "state",
        "divided state",
        swap("common.h", "constexpr int kLimit", "static int kLimit"),
    ),
    # Definitions.
    Fault("kernel's body changed", SK, "changed", swap("kernel.cuh", "UNREACHABLE_CODE\n}", "}")),
    Fault("specialisation lost", I4, "lost", swap("kernel.cuh", HALF, "")),
    Fault(
        "condition of a kernel changed",
        I4,
        "lost",
        swap("kernel.cuh", "#if defined(__HIP__GFX1X__)\ntemplate", "#if defined(__GFX11__)\ntemplate"),
    ),
    Fault(
        "function added to a shard",
        PA,
        "added",
        swap(
            "shard_small.cu",
            '#include "dispatch.cuh"\n',
            '#include "dispatch.cuh"\nint helper() { return 1; }\n',
        ),
    ),
    Fault("instantiation lost", SS, "lost", swap("shard_bf16.cu", BFLOAT, "")),
    Fault(
        "instantiation doubled",
        SS,
        "doubled",
        swap(
            "shard_bf16.cu",
            '#include "kernel.cuh"\n',
            '#include "kernel.cuh"\n' + INSTANTIATION.format("float, float, float") + "\n",
        ),
    ),
    Fault(
        "instantiation with another type",
        SS,
        "lost",
        swap("shard_fp16.cu", "<float, float, float>", "<float, double, float>"),
    ),
    Fault("registration lost", "state", "lost", swap("entry", REGISTRATION, "")),
    Fault(
        "registration in a header",
        "state",
        "doubled",
        swap("common.h", "inline\nint tuned", REGISTRATION + "\ninline\nint tuned"),
    ),
    Fault(
        "registration doubled",
        "state",
        "doubled",
        swap("one.cu", '#include "dispatch.h"\n', '#include "dispatch.h"\n' + REGISTRATION + "\n"),
    ),
    # Macros and includes.
    Fault(
        "macro defined otherwise in one shard",
        PA,
        "environment",
        swap("shard_small.cu", "#include", "#define WARP_SIZE 64\n#include"),
    ),
    Fault(
        "macro changed in the header", PA, "changed", swap("common.h", "((a) + (b) - 1) / (b)", "(a) / (b)")
    ),
    Fault(
        "macro undefined too early",
        PA,
        "environment",
        swap("dispatch.cuh", "namespace MG_NS {\n", "#undef DIVIDE_ROUND_UP\nnamespace MG_NS {\n"),
    ),
    Fault("#undef lost", PA, "lost", swap("entry", "#undef MIN\n", "")),
    Fault("condition's macro lost", I4, "environment", swap("kernel.cuh", GFX1X, "")),
    Fault("include guard missing", PA, "header guard", swap("common.h", "#pragma once\n", "")),
    Fault(
        "header not self-contained",
        PA,
        "self-contained",
        sequence(swap("dispatch.cuh", '#include "common.h"\n', "")),
    ),
    Fault(
        "include not re-based", PA, "include", swap("common.h", '"../../torch_utils.h"', '"../torch_utils.h"')
    ),
    Fault("include dropped", PA, "include", swap("common.h", '#include "../../../cuda_compat.h"\n', "")),
    Fault(
        "includes in another order",
        PA,
        "include order",
        sequence(
            swap("common.h", '#include "../../torch_utils.h"\n', ""),
            swap(
                "common.h",
                '#include "../../../cuda_compat.h"\n',
                '#include "../../../cuda_compat.h"\n#include "../../torch_utils.h"\n',
            ),
        ),
    ),
    Fault(
        "shard without its body",
        PA,
        "lost",
        sequence(
            swap("shard_small.cu", '#include "dispatch.cuh"\n', ""),
            swap("shard_medium.cu", '#include "dispatch.cuh"\n', ""),
            swap("shard_large.cu", '#include "dispatch.cuh"\n', ""),
        ),
    ),
    Fault("alias of another type", "state", "changed", swap("common.h", "Index = int", "Index = long")),
    Fault("static_assert lost", "state", "lost", swap("common.h", ASSERTION, "")),
    Fault(
        "specialisation behind its first use",
        "state",
        "self-contained",
        sequence(swap("common.h", SPECIALISATION, ""), swap("common.h", TUNED, TUNED + SPECIALISATION)),
    ),
    Fault("added item behind its use", "state", "self-contained", behind_its_use),
    Fault("unit that is compiled as C", "state", "language", renamed("one.cu", "one.c")),
    Fault("helper made static, with a counter", "state", "changed", swap("common.h", TUNED, COUNTED)),
    Fault(
        "object in an unnamed namespace of a header",
        "state",
        "divided state",
        swap("common.h", "constexpr int", "namespace { int calls; }\nconstexpr int"),
    ),
    Fault(
        "non-inline function added to a header",
        "state",
        "doubled",
        swap("common.h", "constexpr int", "int twice(int n) { return 2 * n; }\nconstexpr int"),
    ),
    Fault("using namespace in a header", "state", "added", swap("common.h", "using Index", LEAK)),
    Fault(
        "header taken in inside a namespace",
        PA,
        "include",
        swap("dispatch.cuh", '#include "common.h"\n\nnamespace MG_NS {\n', NESTED),
    ),
    Fault(
        "condition's macro defined before a header in one shard",
        AT,
        "environment",
        swap("dispatch_fp8.cu", '#include "dispatch.cuh"', '#define __gfx942__\n#include "dispatch.cuh"'),
    ),
    Fault(
        "one shard takes another in",
        PA,
        "dispatch",
        swap(
            "shard_large.cu", '#include "dispatch.cuh"', '#include "dispatch.cuh"\n#include "shard_small.cu"'
        ),
    ),
    # Build.
    Fault("shard file missing", PA, "arm", drop_file("shard_medium.cu")),
    Fault("source missing from CMake", PA, "build list", listed("shard_small.cu", lambda line: "")),
    Fault(
        "source twice in CMake", PA, "build list", listed("shard_large.cu", lambda line: f"{line}\n  {line}")
    ),
    Fault("entry missing from CMake", PA, "build list", listed("entry", lambda line: "")),
    Fault(
        "source commented out in CMake", PA, "build list", listed("shard_small.cu", lambda line: f"# {line}")
    ),
    Fault("unit in no build list", PA, "build list", nowhere_listed),
    *smallfaults.FAULTS,
)


@cache
def _base(name: str) -> Tree:
    small = smallfaults.PROGRAMS.get(name)
    if small is None:
        return fixture(name)
    return layout_of(small.rule, name, small.path, small.text, small.build)


def base(name: str) -> Tree:
    """A fresh, unspoilt layout."""
    return deepcopy(_base(name))


@cache
def caught(fault: Fault) -> tuple[str, ...]:
    """The checks that name a fault, without repeats."""
    tree = base(fault.base)
    fault.spoil(tree)
    return tuple(dict.fromkeys(finding.code for finding in failures(tree.findings())))


def table(checked: Callable[[Fault], tuple[str, ...]]) -> list[str]:
    """The table of docs/verify-and-cost.md, line by line; ``checked`` says what ``check`` names."""
    rows = ["| # | fault | layout | `verify --upstream` | `check` |", "|---|---|---|---|---|"]
    for number, fault in enumerate(FAULTS, 1):
        names = (", ".join(found) or "NOTHING" for found in (caught(fault), checked(fault)))
        rows.append(f"| {number} | {fault.name} | {fault.base} | {' | '.join(names)} |")
    return rows


def main() -> None:
    from tempfile import TemporaryDirectory

    from tests.support.seeded import SeededForks

    with TemporaryDirectory() as folder:
        print("\n".join(table(SeededForks(Path(folder)).checked)))


if __name__ == "__main__":
    main()
