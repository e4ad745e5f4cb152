"""Tokens and preprocessor lines: every byte is in one token or in a gap, whatever the bytes are."""

from __future__ import annotations

import inspect
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.cpp import lexer
from mergeguard.cpp.lexer import TokenKind, lex, spell
from mergeguard.cpp.text import line_of

# Fragments that open, close or hide things; joined at random they reach what random bytes don't.
FRAGMENTS = [
    b"/*", b"*/", b"//", b'"', b"'", b"\\", b"\n", b"\r\n", b"#", b"#if A\n", b"#else\n", b"#endif\n",
    b"#define X ",
    b'R"x(', b')x"', b"{", b"}", b"(", b")", b"<", b">", b">>>", b";", b"template ", b"struct ", b"case 1:",
    b"switch", b"if", b"else ", b"namespace n ", b"int f", b"=", b",", b"::", b"operator", b" ", b"\t", b"\0",
    b"\xff", b"\xef\xbb\xbf", b"1'0", b".5e+", b"#include <a//b>\n", b"extern \"C\" ", b"default:", b"do ",
]  # fmt: skip
SOURCE_BYTES = st.one_of(
    st.binary(max_size=200), st.lists(st.sampled_from(FRAGMENTS), max_size=60).map(b"".join)
)


def texts(text: bytes) -> list[bytes]:
    lexed = lex(text)
    assert [text[start : lexed.end(index)] for index, start in enumerate(lexed.starts)] == lexed.texts
    return lexed.texts


@given(SOURCE_BYTES)
@settings(max_examples=500)
def test_tokens_are_ordered_and_gaps_hold_only_white_space(text):
    lexed = lex(text)
    position = 0
    for index, start in enumerate(lexed.starts):
        assert position <= start < lexed.end(index) <= len(text)
        gap = text[position:start]
        assert gap == lexed.gap(index)
        assert not gap.removeprefix(b"\xef\xbb\xbf").replace(b"\\", b"").strip()
        position = lexed.end(index)
    assert not text[position:].removeprefix(b"\xef\xbb\xbf").replace(b"\\", b"").strip()


@given(SOURCE_BYTES)
@settings(max_examples=500)
def test_directives_cover_whole_lines_of_tokens(text):
    lexed = lex(text)
    end = 0
    for number, directive in enumerate(lexed.directives):
        assert end <= directive.first < directive.last
        assert text[directive.start : directive.start + 1] == b"#"
        assert set(lexed.directive_of[directive.first : directive.last]) == {number}
        end = directive.last
    assert sum(d.last - d.first for d in lexed.directives) == sum(i >= 0 for i in lexed.directive_of)


RAW = [b'R"', b"R", b"u8", b"L", b'"', b"'", b"x(", b')x"', b"(", b")", b"\\", b"\\\n", b"\n", b" ", b"1",
       b"a", b"/*", b"*/", b"//", b"\t\\ \r\n", b"\xff"]  # fmt: skip


@given(st.lists(st.sampled_from(RAW), max_size=14).map(b"".join))
@settings(max_examples=800)
def test_texts_without_raw_strings_are_read_the_short_way_alike(text):
    found = [(gap, token) for gap, token, _ in lexer._token().findall(text) if token]
    lexed = inspect.unwrap(lex)(text)
    assert [token for _, token in found] == lexed.texts
    assert [gap for gap, _ in found] == [lexed.gap(index) for index in range(len(lexed))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"a<<<b, c>>>(d)", [b"a", b"<<<", b"b", b",", b"c", b">>>", b"(", b"d", b")"]),
        (b"1'000 .5e+3f 0x1p-3", [b"1'000", b".5e+3f", b"0x1p-3"]),
        (b'R"x(a)" )x" b', [b'R"x(a)" )x"', b"b"]),
        (b'u8"a" L\'b\' U"c"', [b'u8"a"', b"L'b'", b'U"c"']),
        (b"'it\nb", [b"'it", b"b"]),
        (b'"a\\\nb" c', [b'"a\\\nb"', b"c"]),
        (b"// a \\\n b\nc", [b"// a \\\n b", b"c"]),
        (b"a /* b", [b"a", b"/* b"]),
        (b'R"(open', [b'R"(open']),
        (b"\xef\xbb\xbfint a", [b"int", b"a"]),
        (b"int \xc3\xa9", [b"int", b"\xc3\xa9"]),
        (b"#include <a//b.h>\nx", [b"#", b"include", b"<a//b.h>", b"x"]),
        (b"#include <a/*b.h>\nx", [b"#", b"include", b"<a/*b.h>", b"x"]),
        (b"// #include <a//b.h>\nx", [b"// #include <a//b.h>", b"x"]),
    ],
)
def test_tokens(text, expected):
    assert texts(text) == expected


def test_identifier_spliced_by_a_continuation_is_one_word():
    lexed = lex(b"int foo\\\nbar;")
    assert [lexed.word(index) for index in range(len(lexed))] == ["int", "foobar", ";"]


def test_directive_runs_over_continuations_and_block_comments():
    text = b"#define X(a) \\\n  do_it(a) /* one\n two */ and_more\nint x; # not\n"
    (directive,) = lex(text).directives
    assert directive.name == "define"
    assert text[directive.start : directive.end].endswith(b"and_more")


def test_directive_may_follow_a_comment():
    assert [d.name for d in lex(b"/* a */ # define X\n#\n").directives] == ["define", ""]


def test_hash_inside_a_macro_body_starts_no_directive():
    assert len(lex(b"#define S(x) \\\n#x\n").directives) == 1


def test_kinds():
    kinds = [TokenKind(kind).name for kind in lex(b"a 1 \"s\" 'c' + /**/").kinds]
    assert kinds == ["IDENT", "NUMBER", "STRING", "CHAR", "PUNCT", "COMMENT"]


def test_line_of_counts_from_one():
    assert [line_of(b"a\nb\nc", offset) for offset in (0, 1, 2, 4)] == [1, 1, 2, 3]


def test_spell_keeps_bytes_that_are_not_utf8():
    assert spell(b"\xff").encode("utf-8", "surrogateescape") == b"\xff"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (b"\\", [b"\\"]),
        (b"a \\ b", [b"a", b"\\", b"b"]),
        (b"END\\\n  rest", [b"END", b"rest"]),
        (b"do\\ x", [b"do", b"\\", b"x"]),
        (b"1' x", [b"1", b"' x"]),
    ],
)
def test_what_a_part_of_a_gap_or_a_token_has_read_in_vain_is_read_again(text, tokens):
    assert lex(text).texts == tokens


_PIECES = st.sampled_from(
    [" ", "\n", "// a\n", "// a \\\n*/ b\n", "// \\a\r\n", "/* a\n// b */", "/***/", "/* * / */"]
)


@given(st.lists(_PIECES).map("".join), st.sampled_from(["x", "#", "/ 2", '"', ""]))
def test_what_stands_before_code(head, code):
    text = (head + code).encode()
    match = re.compile(lexer.BEFORE_CODE).match(text)
    assert match is not None
    assert match.end() == len(head)


@pytest.mark.parametrize("torn", [b"/* a */ /* x", b"// x", b"// x \\\n y", b"/"])
def test_a_comment_without_an_end_is_not_before_code(torn):
    match = re.compile(lexer.BEFORE_CODE + rb"(\w)").match(torn + b"\\")
    assert match is None
