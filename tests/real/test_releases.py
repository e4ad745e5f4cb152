"""Law 1 on real input: each shipped rule on each vLLM release that has its file (``--all-releases``: on all).

The monolith comes back byte for byte from its layout, every byte of it has one home, and an unedited layout
holds nothing that would count as a local edit.
"""

from __future__ import annotations

import pytest

from mergeguard.lens import buildlists
from mergeguard.lens.layout import Role
from mergeguard.lens.unsplit import unsplit
from tests.support import corpus
from tests.support.layouts import Case

CMAKE = "CMakeLists.txt"
# The layout of the origin case: the files that each rule has to make of its monolith (others may come along).
EXPECTED = {
    "skinny_gemms": {"kernel.cuh", "dispatch.cuh", "launch.h"},
    "skinny_gemms_int4": {"kernel.cuh", "dispatch.cuh", "launch.h"},
    "attention": {"kernels.cuh", "launcher.h", "launch_macros.h", "dispatch_auto.cu", "dispatch_fp8.cu"},
    "paged_attention_v1": {"common.h", "shard_small.cu", "shard_medium.cu", "shard_large.cu"},
    "selective_scan_fwd": {"kernel.cuh", "shard_fp16.cu", "shard_bf16.cu"},
}
for _name in ("skinny_gemms", "skinny_gemms_int4"):
    EXPECTED[_name] |= {f"instantiate_n{n}.cu" for n in range(1, 6)}


def test_monolith_comes_back_from_its_layout(monolith):
    name, version, path = monolith
    case = Case(name, version)
    layout = case.split(case.text)
    assert layout.path == layout.files[0].path == path
    result = unsplit(layout, {file.path: file.text for file in layout.files}, case.split)
    assert result.monolith == case.text
    assert not result.edits and not result.hunks
    folder = path.removesuffix(".cu") + "/"
    made = {file.path.removeprefix(folder) for file in layout.files[1:]}
    assert made >= EXPECTED[name]
    # Every file says something of its own; an output that is always empty would be a dead rule.
    assert all(file.text.strip() for file in layout.files)
    for file in layout.files:
        assert (file.role is Role.SHARD) == (file.path.endswith(".cu") and file.path != path)


def test_every_byte_can_be_found_from_both_sides(monolith):
    name, version, _ = monolith
    case = Case(name, version)
    layout = case.split(case.text)
    for offset in range(0, len(case.text), 997):
        file, at = layout.to_layout(offset)
        assert layout.to_monolith(file.path, at) == offset
        assert file.text[at] == case.text[offset]


def test_build_list_follows_and_comes_back(corpus_version):
    cases = [Case(name, corpus_version) for name in EXPECTED if corpus.releases_with(name, [corpus_version])]
    if not cases:
        pytest.skip(f"vLLM {corpus_version} has none of the monoliths")
    text = listed = corpus.file(corpus_version, CMAKE)
    shards = {
        case.path: tuple(f.path for f in case.split(case.text).files if f.role is Role.SHARD)
        for case in cases
    }
    for path, added in shards.items():
        listed = buildlists.add(CMAKE, listed, path, added)
        assert {buildlists.mentions(CMAKE, listed, shard) for shard in added} == {
            buildlists.mentions(CMAKE, text, path)
        }
    assert listed != text
    for path, added in shards.items():
        listed = buildlists.remove(CMAKE, listed, path, added)
    assert listed == text
