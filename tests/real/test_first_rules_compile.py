"""A first rule is more than well-formed: the shards it makes are the program that the monolith was."""

from __future__ import annotations

import pytest

from mergeguard.cpp.source import parse
from mergeguard.propose.propose import propose
from tests.support import toolchain

# For each monolith a flavour in which it has kernels.
CASES = {
    "attention": "gfx9",
    "paged_attention_v1": "none",
    "selective_scan_fwd": "none",
    "skinny_gemms": "gfx9",
    "skinny_gemms_int4": "gfx11",
    "skinny_gemms_int8": "sweep",
}


def program(tree, name, units):
    flags = toolchain.FLAVOURS[CASES[name]]
    objects = toolchain.compile_units(tree, [*units, f"drivers/{name}.cpp"], flags)
    return toolchain.output(toolchain.link(tree, objects))


@pytest.mark.parametrize("name", toolchain.MONOLITHS)
def test_proposed_layouts_run_as_the_monolith(name, tmp_path):
    toolchain.require_compiler()
    path = toolchain.MONOLITHS[name]
    text = (toolchain.COMPILE / path).read_bytes()
    layout = propose(parse(text), path, lambda p: (toolchain.COMPILE / p).exists()).layout
    whole = toolchain.prepare(tmp_path / "whole")
    tree = toolchain.prepare(tmp_path / "split", {file.path: file.text for file in layout.files})
    units = [file.path for file in layout.files if file.is_unit]
    assert len(units) >= 3
    expected = program(whole, name, [path])
    assert expected.count("\n") > 20
    assert program(tree, name, units) == expected
