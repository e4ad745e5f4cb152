"""A layout edited in place: its monolith's new text, where the changed bytes stand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.lens.emit import split
from mergeguard.lens.inplace import edited_in_place
from mergeguard.lens.rule import parse_rule
from tests.support.smallfaults import STATE, STATE_RULE

PATH = "src/state.cu"
RULE = parse_rule(STATE_RULE, "rule.toml")
LAYOUT = split(RULE, "state", PATH, STATE)
TEXTS = (b"", b"x", b"// a note\n", b"int added = 1;\n", b"\n")


def texts(layout):
    return {file.path: file.text for file in layout.files}


def glue(layout):
    return {file.path: [p.text for p in file.pieces if p.source is None] for file in layout.files}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(STATE)), st.integers(0, 3), st.sampled_from(TEXTS)),
        max_size=4,
        unique_by=lambda edit: edit[0] // 8,
    )
)
def test_it_has_the_text_and_the_glue_of_before(edits):
    text = STATE
    for at, gone, new in sorted(edits, reverse=True):
        text = text[:at] + new + text[at + gone :]
    edited = edited_in_place(LAYOUT, text)
    if edited is not None:
        assert edited.monolith == text and glue(edited) == glue(LAYOUT)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"return n * kLimit", b"return n + kLimit"),
        (b"  switch (n) {\n", b"  // by size\n  switch (n) {\n"),
        (b"constexpr int kLimit = 3;\n", b"// a note\nconstexpr int kLimit = 3;\n"),
        (b" + kNames[1][0];", b";"),
    ],
)
def test_ordinary_edits_are_where_the_split_has_them(old, new):
    text = STATE.replace(old, new, 1)
    edited = edited_in_place(LAYOUT, text)
    assert edited is not None
    assert texts(edited) == texts(split(RULE, "state", PATH, text))


def test_several_edits_are_told_apart():
    text = STATE.replace(b"kLimit = 3", b"kLimit = 4").replace(b"unsupported", b"not supported")
    edited = edited_in_place(LAYOUT, text)
    assert edited is not None
    assert texts(edited) == texts(split(RULE, "state", PATH, text))


def test_what_has_bytes_of_several_pieces_has_no_place():
    start, end = STATE.index(b"kNames[]"), STATE.index(b"run(int n)")
    assert edited_in_place(LAYOUT, STATE[:start] + STATE[end:]) is None
