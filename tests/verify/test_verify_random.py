"""No token of the monolith can go missing, and none of the dispatch, without verification saying so."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.cpp.lexer import lex
from mergeguard.verify.same_program import failures
from tests.support.faults import base


@cache
def tokens_of(name: str, file: str) -> list[tuple[int, int]]:
    lexed = lex(base(name).files[file])
    return [(lexed.starts[n], lexed.end(n)) for n in lexed.code()]


@pytest.mark.parametrize("name", ["paged_attention_v1", "selective_scan_fwd", "state"])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_token_that_goes_missing_is_named(name: str, data: st.DataObject) -> None:
    tree = base(name)
    # A parameter's name in a declaration is nobody's business; all else in these files is.
    file = data.draw(st.sampled_from(sorted(set(tree.files) - {"launch.h"})))
    start, end = data.draw(st.sampled_from(tokens_of(name, file)))
    text = tree.files[file]
    tree.files[file] = text[:start] + b" " + text[end:]
    assert failures(tree.findings()), f"{file}: {text[start - 40 : end + 40]!r} without {text[start:end]!r}"


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_bytes_can_be_verified(data: st.DataObject) -> None:
    tree = base("state")
    file = data.draw(st.sampled_from(sorted(tree.files)))
    text = tree.files[file]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    openers = [b"#if X\n", b"{", b"}", b"/*", b'R"(', b"#endif\n"]
    junk = data.draw(st.binary(max_size=8) | st.sampled_from(openers))
    tree.files[file] = text[:start] + junk + text[end:]
    assert isinstance(tree.findings(), tuple)
