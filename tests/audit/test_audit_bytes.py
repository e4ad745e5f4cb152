"""The audit of any bytes: names that are no UTF-8 are names like others, and nothing raises."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.audit.test_audit import FILLER, HELPER, A, H, codes, look

WORDS = st.sampled_from(
    [b"int", b"f", b"\xff", b"g\xe9", b"(", b")", b"{", b"}", b";", b"#define ", b"#include ", b'"', b"\n"]
    + [
        b"#if ",
        b"#endif",
        b"\\\n",
        b"switch",
        b"case ",
        b":",
        b"ops.impl(",
        b"TORCH_LIBRARY(",
        b"&",
        b"<",
        b">",
    ]
    + [b"/*", b"*/", b"//", b"\r\n", b"\0", b"\xf0\x9f", b"namespace ", b"template", b",", b"x", b"1"]
)
TEXTS = st.one_of(st.binary(max_size=60), st.lists(WORDS, max_size=40).map(b" ".join))


@given(*[st.tuples(TEXTS, TEXTS) for _ in range(4)])
def test_any_four_versions_are_audited(base, ours, theirs, merged):
    versions = ({A: FILLER.encode() + a, H: b} for a, b in (base, ours, theirs, merged))
    first, second, third, result = versions
    for finding in look(first, second, third, result):
        assert finding.code and finding.places and all(place.line >= 1 for place in finding.places)


def test_a_name_that_is_no_utf_8_is_found_when_it_is_gone():
    helper = HELPER.encode().replace(b"reduce(", b"red\xe9uce(")
    base = {H: helper + FILLER.encode(), A: FILLER.encode()}
    use = FILLER.encode() + b"__global__ void mine(int* p) { *p = red\xe9uce(1, 2); }\n"
    found = look(base, {A: use}, {H: FILLER.encode()})
    assert [f.code for f in found] == ["gone-name"]
    assert codes(base, {A: use}, {}) == []
