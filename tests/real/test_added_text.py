"""Text that a fork adds to a real file keeps its place through upstream's next release, byte for byte."""

from __future__ import annotations

import random

import pytest

from mergeguard.cpp.source import parse, units
from mergeguard.lens.emit import split
from mergeguard.lens.rule import parse_rule
from mergeguard.lens.unsplit import reading_of, unsplit
from mergeguard.merge.lines import merge_lines
from mergeguard.merge.result import MergeResult
from tests.support import corpus
from tests.support.faults import ROOT

ADDED = (
    b"\nvoid mg_extra(int a) {\n  if (a) {\n    a = 3;\n  }\n}\n",
    b"\ntemplate <typename T>\n__global__ void mg_kernel(T* p) {\n  p[0] = 1;\n}\n",
    b"\n#define MG_MACRO(x) x\n",
)


@pytest.mark.parametrize(
    ("name", "path", "before", "after"),
    [
        ("skinny_gemms", "csrc/rocm/skinny_gemms.cu", "0.24.0", "0.26.0"),
        ("attention", "csrc/rocm/attention.cu", "0.30.0", "0.32.0"),
    ],
)
def test_added_text_keeps_its_place_through_a_release(name, path, before, after):
    corpus.require(before)
    corpus.require(after)
    rule = parse_rule((ROOT / "rules" / "vllm" / f"{name}.toml").read_bytes(), name)
    old, new = (corpus.file(version, path) for version in (before, after))
    cuts = [unit.end for unit in units(parse(old))]
    random.Random(name).shuffle(cuts)

    def derive(monolith: bytes):
        return split(rule, name, path, monolith)

    pristine, hinted = derive(new), 0
    for added in ADDED:
        merges = (MergeResult(merge_lines(old, old[:at] + added + old[at:], new)) for at in cuts)
        text = next(merged for merged in merges if merged.clean).render("ours")
        layout = derive(text)
        order, basis = reading_of(pristine, layout, derive)
        assert not basis
        hinted += bool(order)
        files = {file.path: file.text for file in layout.files}
        assert unsplit(pristine, files, derive, order).monolith == text
    assert hinted
