"""The C++ fixtures are real programs: each monolith compiles, links and runs on the host."""

from __future__ import annotations

import re

import pytest

from tests.support import toolchain

# Which device families' kernels each monolith has; "none" is the fallback.
CASES = [
    ("skinny_gemms", "none"),
    ("skinny_gemms", "gfx9"),
    ("skinny_gemms", "gfx12"),
    ("skinny_gemms_int4", "gfx11"),
    ("skinny_gemms_int8", "gfx9"),
    ("skinny_gemms_int8", "gfx11"),
    ("skinny_gemms_int8", "sweep"),
    ("attention", "none"),
    ("attention", "gfx9"),
    ("attention", "gfx11"),
    ("attention", "gfx12"),
    ("paged_attention_v1", "none"),
    ("selective_scan_fwd", "none"),
    ("selective_scan_fwd", "gfx9"),
]

# The message with which each monolith's default arm answers an unknown value of its discriminator.
UNKNOWN = {
    "skinny_gemms": r"n=6 .*Unsupported N value: 8,16,6",
    "skinny_gemms_int4": r"n=6 .*Unsupported N value: 6",
    "skinny_gemms_int8": r"n=6 .*Unsupported N value: 24,16,6",
    "attention": r"fp8_e5m2 .*Unsupported KV cache dtype: fp8_e5m2",
    "paged_attention_v1": r"head_size=512 .*Unsupported head size: 512",
    "selective_scan_fwd": r"Byte .*not implemented for input type 'Byte'",
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    toolchain.require_compiler()
    return toolchain.prepare(tmp_path_factory.mktemp("monoliths"))


@pytest.mark.parametrize(("name", "flavour"), CASES, ids=lambda value: value)
def test_monolith_compiles_links_and_runs(tree, name, flavour):
    flags = toolchain.FLAVOURS[flavour]
    units = [toolchain.MONOLITHS[name], f"drivers/{name}.cpp"]
    printed = toolchain.output(toolchain.link(tree, toolchain.compile_units(tree, units, flags)))
    lines = printed.splitlines()
    results = {line.rsplit(": ", 1)[1] for line in lines if re.search(r": [0-9a-f]{8}$", line)}
    unserved = {line.split(" ", 1)[0] for line in lines if line.endswith("no kernel for this device")}
    if flavour == "none" and name in ("skinny_gemms", "attention"):
        assert unserved >= {{"skinny_gemms": "wvSplitK", "attention": "paged_attention"}[name]}
    else:
        # Different arms give different results, or a shard that serves the wrong one would go unseen.
        assert len(results) > 15
        assert unserved <= {"wvSplitKrc"}, printed  # its only kernel is for a device not compiled for here
    assert re.search(UNKNOWN[name], printed), printed


def test_every_arm_gives_a_result_of_its_own(tree):
    flags = toolchain.FLAVOURS["gfx9"]
    units = [toolchain.MONOLITHS["skinny_gemms"], "drivers/skinny_gemms.cpp"]
    printed = toolchain.output(toolchain.link(tree, toolchain.compile_units(tree, units, flags)))
    by_n = {n: re.search(rf"wvSplitK Half n={n} m=24: ([0-9a-f]{{8}})", printed) for n in range(1, 6)}
    assert len({found[1] for found in by_n.values() if found}) == 5


def test_a_source_error_is_reported(tree):
    (tree / "broken.cu").write_text("int f( {", encoding="utf-8")
    with pytest.raises(toolchain.CompileError, match=r"broken\.cu"):
        toolchain.compile_units(tree, ["broken.cu"])


def test_launches_are_translated_and_lines_kept():
    text = b"kernel<T, 2>\n    <<<grid, block, 0, stream>>>(a, b);\n"
    assert toolchain.translate(text) == b"kernel<T, 2>\n     % ::mg::config(grid, block, 0, stream)(a, b);\n"


def test_the_build_list_names_the_monoliths():
    listed = (toolchain.COMPILE / "CMakeLists.txt").read_text(encoding="utf-8")
    for path in re.findall(r'"(csrc/[^"]+)"', listed):
        assert (toolchain.COMPILE / path).is_file(), path
    assert all(f'"{path}"' in listed for path in toolchain.MONOLITHS.values())
