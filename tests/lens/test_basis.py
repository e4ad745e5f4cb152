"""Layouts that are read over the text that they were made of, not over upstream's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergeguard.fork.locks import Lock, parse_lock
from mergeguard.lens.basis import based, basis_of, edits_between
from mergeguard.lens.emit import split
from mergeguard.lens.hunks import applied
from mergeguard.lens.rule import parse_rule
from mergeguard.lens.unsplit import reading_of, unsplit
from tests.lens.test_thin import HEAD, RULE_TEXT, RUN

TWO = RULE_TEXT + RULE_TEXT[RULE_TEXT.index(b"[[partition]]") :].replace(b'"run"', b'"run_more"').replace(
    b'body = "dispatch.cuh"', b'body = "dispatch.cuh"\noptional = true'
)
RULE = parse_rule(TWO, "run.toml")
UPSTREAM = HEAD + RUN
MORE = RUN.replace(b" run(", b" run_more(").replace(b'"run"', b'"run_more"')
LAUNCHES = (b"    switch (n) {", b"    if (count) {\n    switch (n) {")
# What changes the dealing: a second dealt function, one under a condition, the choice in a macro of its own.
DEALINGS = {
    "another function": UPSTREAM + b"\n" + MORE,
    "one instead of it, and another": HEAD + MORE + b"\n" + RUN,
    "under a condition": HEAD + b"#ifdef RUNS\n" + RUN + b"#endif\n",
    "in a macro": HEAD
    + RUN.replace(b"    switch (n) {", b"#define CHOOSE() \\\n    switch (n) { \\")
    .replace(b"      case 1:\n        LAUNCH(1);\n        break;\n", b"      case 1: LAUNCH(1); break; \\\n")
    .replace(b"      case 2:\n        LAUNCH(2);\n        break;\n", b"      case 2: LAUNCH(2); break; \\\n")
    .replace(
        b'      default:\n        throw std::runtime_error("n = " + std::to_string(n));\n    }\n',
        b'      default: throw std::runtime_error("n"); \\\n    }\n    CHOOSE()\n',
    )
    .replace(b"#undef LAUNCH", b"#undef CHOOSE\n#undef LAUNCH"),
}


def derive(text: bytes):
    return split(RULE, "run", "src/run.cu", text)


def files_of(layout):
    return {file.path: file.text for file in layout.files}


@pytest.mark.parametrize("name", DEALINGS)
def test_a_change_of_what_is_dealt_is_read_as_it_was_made(name):
    text = DEALINGS[name]
    pristine, layout = derive(UPSTREAM), derive(text)
    order, basis = reading_of(pristine, layout, derive)
    over = derive(based(UPSTREAM, basis)) if basis else None
    found = unsplit(pristine, files_of(layout), derive, order, over)
    assert found.monolith == text
    assert not found.hunks
    assert applied(UPSTREAM, [(e.start, e.end, e.text) for e in found.edits]) == text


def test_what_is_typed_later_is_read_over_the_basis():
    text = DEALINGS["another function"]
    pristine, layout = derive(UPSTREAM), derive(text)
    _, basis = reading_of(pristine, layout, derive)
    assert basis  # no single change of the layout holds over upstream's
    files = files_of(layout)
    (header,) = (path for path in files if path.endswith("common.h"))
    files[header] = files[header].replace(b"int lds) {}", b"int lds) { }")
    body = "src/run/dispatch.cuh"
    files[body] = files[body].replace(b"#pragma once\n", b"#pragma once  // mine\n")
    found = unsplit(pristine, files, derive, (), derive(text))
    assert found.monolith == text.replace(b"int lds) {}", b"int lds) { }")
    assert {header, "src/run.cu"} <= {edit.path for edit in found.edits}
    assert [(hunk.path, hunk.new) for hunk in found.overlay] == [(body, b"#pragma once  // mine\n")]
    assert found.over.monolith == text


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_any_text_is_made_of_any_other(pristine, monolith):
    assert based(pristine, basis_of(pristine, monolith)) == monolith


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_a_lock_keeps_any_basis(pristine, monolith):
    made = Lock.made("a.cu", "0" * 40, "1" * 40, 1, (), basis_of(pristine, monolith))
    read = parse_lock("l.toml", made.to_toml())
    assert read == made
    assert read.basis_over(pristine) == monolith
    assert read.schema == (3 if pristine != monolith else 1)


@pytest.mark.parametrize("basis", [((3, 2, b""),), ((0, 9, b""),), ((0, 2, b""), (1, 3, b""))])
def test_a_basis_of_another_text_is_refused(basis):
    with pytest.raises(ValueError, match="none of the 4"):
        based(b"abcd", basis)


def test_edits_name_the_file_that_has_the_text_now():
    layout = derive(UPSTREAM.replace(b"int lds) {}", b"int lds) { }"))
    (edit,) = edits_between(UPSTREAM, layout)
    assert edit.path == "src/run/common.h"
    assert layout.by_path[edit.path].text.splitlines()[edit.line - 1] == edit.text.rstrip()
