"""Where a text can be cut: never in the code of a declaration."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.cpp.borders import Unbalanced, borders, declarations
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


def test_declarations_are_counted_without_reading_them():
    text = b"#if A\nint a;\n#endif\nvoid f() {\n  g(1);\n  h();\n}\n#define M {;};\nstruct S { int x; };\n"
    assert declarations(lex(text)) == 7  # the end of the struct and its semicolon count both


def test_what_closes_nothing_counts_as_declarations():
    assert declarations(lex(b"}\n" * 9)) == declarations(lex(b"int a;\n" * 9)) == 9
