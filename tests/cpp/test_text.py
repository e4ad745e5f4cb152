"""Lines of a text: whatever was asked before, a byte's line and a directive's end are the same."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.cpp import lexer
from mergeguard.cpp.lexer import Lexed
from mergeguard.cpp.text import line_of

TEXTS = (b"a\nb\n\nccc\n" * 9, b"\n" * 40, b"one line")


@given(st.lists(st.tuples(st.sampled_from(TEXTS), st.integers(0, 80)), max_size=30))
def test_the_line_of_a_byte_does_not_hang_on_what_was_asked_before(asked):
    for text, offset in asked:
        assert line_of(text, offset) == text[:offset].count(b"\n") + 1


PIECES = [
    *(b"#define A", b"#if B", b" ", b"\\\n", b"\\ \n", b"\\\r\n", b"\n", b"\\", b"\\\\\n", b"x", b"1", b"("),
    *(b'"a', b'"', b"'", b"//c", b"/*", b"*/", b'R"(', b')"', b"\n\n"),
]


def line_ends(lexed: Lexed, first: int) -> int:
    """The token behind a preprocessor line: each newline is looked at that is in no token."""
    for index in range(first + 1, len(lexed)):
        gap = lexer.SPLICE.sub(b"", lexed.gap(index))
        if b"\n" in gap:
            return index
    return len(lexed)


@given(st.lists(st.sampled_from(PIECES), max_size=25).map(b"".join))
@settings(max_examples=200)
def test_a_preprocessor_line_ends_behind_its_continuations(text):
    made = lexer.lex(text)
    for directive in made.directives:
        assert directive.last == line_ends(made, directive.first)
