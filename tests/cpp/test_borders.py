"""Where a text can be cut: never in the code of a declaration."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.cpp.borders import Unbalanced, borders, extent
from mergeguard.cpp.leaves import leaves_of
from mergeguard.cpp.lexer import lex
from tests.cpp.test_resuming import ITEM

DECLARATIONS = st.sampled_from(
    (
        ITEM,
        b"int a; // of a\n",
        b"#if A\nint b;\n#else\nvoid f() {\n}\n#endif\n",
        b"#if A\nvoid f() {\n#else\nvoid g() {\n#endif\n}\n",
        b"/* a\n   comment */\nint c(int x)\n{ return x; }\n\n",
        b"struct S {\n  int a;\n};\n",
        b"// alone\n\n",
        b"#define M(x) \\\n  { x; }\n",
        b'const char* s = R"(\n}\n;\n)";\n',
        b"auto x = [] { return 1; }();\n",
        b"typedef struct {\n} T\n;\n",
    )
)


@given(st.lists(DECLARATIONS, max_size=8).map(b"".join))
@settings(max_examples=60)
def test_no_border_is_in_the_code_of_a_declaration(text):
    found = borders(lex(text))
    start = 0
    for leaf in leaves_of(text)[0]:
        end = start + len(leaf.text)
        inside = [at for at in found if start < at < end]
        assert not [at for at in inside if lex(text[start:at]).code() and lex(text[at:end]).code()]
        start = end


def test_every_line_between_declarations_is_one():
    text = b"int a;  // a\nvoid f() {\n  g();\n}\n#if A\nint b;\n#endif\nint c;\n"
    assert [text[at:].split(b"\n")[0] for at in borders(lex(text))] == [b"void f() {", b"#if A", b"int c;"]


UNEVEN = [b"{\n", b"}\n", b"#if A\n", b"#endif\n", b"/* a\n", b'R"(\n', b"int a[\n"]


@pytest.mark.parametrize("text", UNEVEN)
def test_what_does_not_pair_has_none(text):
    with pytest.raises(Unbalanced):
        borders(lex(text))


def test_a_call_of_a_macro_needs_no_semicolon():
    text = b"REGISTER(a,\n  b)\n// of g\nint g(int x)\n{\n}\nCALL(c)\nCALL(d)\n"
    assert [text[at:].split(b"\n")[0] for at in borders(lex(text))] == [b"// of g", b"CALL(c)", b"CALL(d)"]


def test_the_extent_of_a_text_is_told_without_reading_it():
    text = b"#if A\nint a;\n#endif\nvoid f() {\n  g(1);\n  h();\n}\n#define M {;};\nstruct S { int x; };\n"
    found = extent(lex(text))
    assert found.declarations == 7  # the end of the struct and its semicolon count both
    assert found.longest == len(lex(b"void f() { g(1); h(); }"))
    assert extent(lex(b"CALL(a)\n" * 9)).declarations == 8


def test_what_closes_nothing_counts_as_declarations():
    assert extent(lex(b"}\n" * 9)).declarations == extent(lex(b"int a;\n" * 9)).declarations == 9
    assert extent(lex(b"")) == (0, 0, 0)
