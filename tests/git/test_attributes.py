"""Our block in an attributes file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergeguard.git.attributes import block_lines, pattern, with_block, without_block


@given(st.binary(max_size=60).filter(lambda text: b"mergeguard" not in text))
def test_taking_it_back_restores_every_byte(text):
    once = with_block(text, [b"/a merge=x"])
    assert block_lines(once) == (b"/a merge=x",)
    assert with_block(once, [b"/a merge=x"]) == once
    changed = with_block(once, [b"/b merge=x", b"/c merge=x"])
    assert block_lines(changed) == (b"/b merge=x", b"/c merge=x")
    assert without_block(changed) == text
    assert with_block(changed, []) == text


def test_crlf_is_kept():
    new = with_block(b"*.c text\r\n", [b"/a merge=x"])
    assert new.count(b"\n") == new.count(b"\r\n") == 4


def test_lines_after_the_block_stay():
    new = with_block(b"", [b"/a merge=x"]) + b"*.c text\n"
    assert without_block(new) == b"*.c text\n"


@pytest.mark.parametrize(
    "path",
    [
        "csrc/a.cu",
        "with space.cu",
        "st*r/[x]?.cu",
        'quo"te\\back.cu',
        "ü/non\udcffutf8",
        "!bang",
        "#hash",
        "a\tb",
    ],
)
def test_a_pattern_matches_its_path_alone(sandbox, path):
    sandbox.write(".git/info/attributes", with_block(b"", [pattern(path) + b" merge=ours"]))
    others = ["csrc/b.cu", "sub/csrc/a.cu", "stair/x1.cu", "with", "bang"]
    out = sandbox.git("check-attr", "-z", "merge", "--", path, *others).split("\0")
    assert out[2::3] == ["ours"] + ["unspecified"] * len(others)
