"""Statements that were read before, in another text or elsewhere, are as if read for the first time."""

from __future__ import annotations

import inspect
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.cpp import scopes

PIECES = [
    b"int f() { return 1; }\n", b"namespace a {\n", b"}\n", b"#if A\n", b"#else\n", b"#elif B\n", b"#endif\n",
    b"void g(int x) {\n  if (x) y();\n  else { z(); }\n  switch (x) { case 1: a(); default: b(); }\n}\n",
    b"struct S { int a; public: void f(); };\n", b"// a comment\n", b'extern "C" {\n', b";", b"CALL(x)\n",
    b"TEST(a, b) {\n  CHECK(x)\n  foo();\n}\n", b"TEST(a, b) {\n  CHECK(x) foo();\n}\n", b"if (a) ", b"else ",
    b"#define M(x) \\\n  do { a(); b(); } while (0)\n", b"for (;;) {\n", b"{", b"(", b")", b"label: ",
    b"int t[] = {{1, 2, 3, 4}, {5, 6, 7, 8}, {1, 2, 3, 4, 5, 6}};\n", b"DECL(a)(b)\n", b"case 1: ",
    b"#define N(x) \\\n  { CHECK(a) \\\n  b(); }\n",
]  # fmt: skip
TEXTS = st.lists(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=20).map(b"".join), min_size=2, max_size=4
)
statements_of = inspect.unwrap(scopes.statements_of)


def alone(text: bytes) -> tuple[scopes.Statement, ...]:
    scopes._PIECES.clear()
    found: tuple[scopes.Statement, ...] = statements_of(text)
    return found


@given(TEXTS)
@settings(max_examples=100)
def test_statements_are_as_if_read_alone(texts):
    expected = [alone(text) for text in texts]
    scopes._PIECES.clear()
    assert [statements_of(text) for text in texts] == expected


def test_a_declaration_is_read_once(monkeypatch):
    text = b"".join(b"namespace n {\nint f%d(int a) { return a + %d; }\n}\n" % (n, n) for n in range(30))
    alone(text)
    taken, take = count(), scopes._ScopeReader._take

    def counting(self, index, read):
        next(taken)
        return take(self, index, read)

    monkeypatch.setattr(scopes._ScopeReader, "_take", counting)
    other = text.replace(b"a + 7", b"a - 7")
    found = statements_of(other)
    whole = 18 * 30  # tokens
    assert next(taken) < whole / 3  # the namespaces, and the one that was edited
    assert [one.keys for one in found] == [one.keys for one in alone(other)]


def test_what_is_opened_beyond_all_measure_is_not_told_apart():
    text = b"#if A\n" * 300 + b"struct S {\n" * 300 + b"int a;\n" + b"};\n" * 300 + b"#endif\n" * 300
    (inner,) = (one for one in statements_of(text) if one.keys == (b"int", b"a", b";"))
    assert inner.scope[: inner.conditions] == (b"if A",) * inner.conditions
    assert len(inner.scope) < 200
