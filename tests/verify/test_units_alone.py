"""``check FILE…`` says of units what a linker would do with them, and nothing that is not so."""

from __future__ import annotations

from pathlib import Path

import pytest

from mergeguard.findings import Finding
from mergeguard.verify.flatten import LayoutText
from mergeguard.verify.same_program import check_units

DECLARING = b"""#pragma once
#define DECLARE_LAUNCH(N)        \\
  template <typename T>          \\
  void launch_n##N(T* out, int rows);

DECLARE_LAUNCH(1)
DECLARE_LAUNCH(2)
#undef DECLARE_LAUNCH
"""
DEFINING = DECLARING.replace(b"template <typename T>", b"").replace(
    b"T* out, int rows);", b"int n) { use(n); }"
)
GUARDED = b"""#pragma once
#ifdef MAIN_UNIT
int table[4] = {1, 2, 3, 4};
int lookup(int n) { return table[n]; }
#else
extern int table[4];
int lookup(int n);
#endif
"""
DEVICE = b"__device__ float half_of(float x) { return x / 2; }\n"
BOTH = b"__host__ __device__ float half_of(float x) { return x / 2; }\n"


def found(header: bytes, *heads: bytes, relocatable: bool = False) -> list[tuple[str, str]]:
    files = [LayoutText("a.h", header, False)]
    files += [LayoutText(f"u{n}.cu", head + b'#include "a.h"\n', True) for n, head in enumerate(heads)]
    return [(one.code, one.name) for one in check_units(files, relocatable=relocatable)]


def test_calls_of_a_macro_that_declares_are_no_definitions() -> None:
    assert found(DECLARING, b"", b"") == []


def test_calls_of_a_macro_that_defines_are() -> None:
    assert found(DEFINING, b"", b"") == [("doubled", "DECLARE_LAUNCH")] * 2


def test_an_unknown_macro_may_register_something() -> None:
    assert found(b"#pragma once\nREGISTER_OP(x)\n", b"", b"") == [("doubled", "REGISTER_OP")]


def test_what_one_unit_turns_on_is_its_alone() -> None:
    assert found(GUARDED, b"#define MAIN_UNIT\n", b"", b"") == []


@pytest.mark.parametrize(
    "heads",
    [
        (b"#define MAIN_UNIT\n", b"#define MAIN_UNIT\n"),  # two units turn it on
        (b"#ifdef WHOLE\n#define MAIN_UNIT\n#endif\n", b""),  # whether one does hangs on the build
        (b"", b""),  # the build may define it for all
    ],
)
def test_a_guard_that_does_not_keep_units_apart_is_named(heads: tuple[bytes, ...]) -> None:
    assert ("doubled", "lookup") in found(GUARDED, *heads)


def test_a_switch_inside_of_a_function_is_still_the_trap() -> None:
    header = b"inline int f() {\n#ifdef MAIN_UNIT\n  return 1;\n#else\n  return 2;\n#endif\n}\n"
    assert found(header, b"#define MAIN_UNIT\n", b"") == [("odr", "f")]


def test_device_functions_have_symbols_where_device_code_is_linked() -> None:
    assert found(DEVICE, b"", b"") == []
    assert found(DEVICE, b"", b"", relocatable=True) == [("doubled", "half_of")]
    assert found(BOTH, b"", b"") == [("doubled", "half_of")]


def test_the_units_that_differ_are_all_named() -> None:
    files = [
        LayoutText(f"u{n}.cu", b"template <class T> int run(T x) { return %d; }\n" % n, True)
        for n in range(3)
    ]
    (trap,) = check_units(files)
    assert "u0.cu, u1.cu and u2.cu" in trap.message


# -- the files of the pull request, where this machine has them ----------------------------------------------

HAND_MADE = Path.home() / ".cache" / "mergeguard" / "handmade"


def hand_made(name: str) -> tuple[Finding, ...]:
    root = HAND_MADE / name
    if not root.is_dir():
        pytest.skip(f"the hand-made layout {name} is not on this machine")
    paths = [path for path in root.rglob("*") if path.suffix in (".cu", ".cuh", ".h")]
    return check_units(
        [LayoutText(str(p.relative_to(root)), p.read_bytes(), p.suffix == ".cu") for p in paths]
    )


@pytest.mark.parametrize("name", ["int8", "attention"])
def test_nothing_untrue_is_said_of_the_real_layouts(name: str) -> None:
    assert hand_made(name) == ()


def test_the_trap_of_the_real_layout_is_found() -> None:
    (trap,) = hand_made("v1")
    assert (trap.code, trap.name) == ("odr", "paged_attention_v1_launcher")
