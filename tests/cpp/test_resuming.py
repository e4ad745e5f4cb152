"""A text that begins as one before it did is read from there on, and comes out as if it were read alone."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.cpp import beginnings, lexer, segment, source, tokens, view
from mergeguard.cpp.environment import environment_of
from mergeguard.cpp.knownitems import KnownItems
from mergeguard.cpp.lexer import Lexed, directives_of, lex
from mergeguard.cpp.source import Item, Kind, Source, nested
from tests.cpp.test_lexer import FRAGMENTS

ITEM = b"""// of @
namespace n {
int f@(int x) { return x; }
#if A@
struct S@ { int a; };
#endif
}
#define M@(x) \\
  x
CALL(@)
template <int N> __global__ void k@() {
  if (N) {
  }
}
"""
ITEMS = b"".join(ITEM.replace(b"@", b"%d" % number) for number in range(110))
parse, read = (
    inspect.unwrap(source._parse),
    inspect.unwrap(lex),
)  # nothing is remembered of the very same text


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """The texts of a test are the only ones that were read."""
    monkeypatch.setattr(source, "lex", read)
    forget()


def forget() -> None:
    lexer._CHUNKS.clear()
    tokens._known.clear()
    KnownItems.forget()
    beginnings.forget()


def facts(text: bytes, calls_end: bool) -> tuple[object, ...]:
    """Everything about a text as it is read now."""
    made, asks = parse(text, calls_end)
    lexed = made.lexed
    assert directives_of(text) == lexed.directives
    tokens = [getattr(lexed, name) for name in Lexed.__annotations__ if name != "pairs"]
    macros = [*environment_of(made).defined()]
    return made.items, inside(made, made.items), made.problems, asks, tokens, macros


def inside(made: Source, items: tuple[Item, ...]) -> list[object]:
    blocks = [nested(made, item, calls_end=True) for item in items if item.kind is Kind.NAMESPACE]
    return [*blocks, *(inside(made, block) for block in blocks)]


FEW = st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=4).map(b"".join)


@given(st.integers(0, len(ITEMS)), FEW, st.sampled_from((0, 1, 7, 400)), st.booleans())
@settings(max_examples=8)
def test_a_text_read_after_another_is_as_if_read_alone(at, inserted, removed, calls_end):
    text = ITEMS[:at] + inserted + ITEMS[at + removed :]
    forget()
    expected = facts(text, calls_end)
    forget()
    facts(ITEMS, calls_end)
    assert facts(text, calls_end) == expected


# What depends on what stands around it: on macros, on the token behind, on where a block is, on an edge.
PIECES = [
    b"#ifdef M\nvoid g(\n#ifndef M\nint x) {\n#else\n) {\n#endif\n}\n#endif\n",
    b"#define M 1\n", b"#undef M\n", b"int a; ", b"int b;\n", b"void f() try { }\n", b"catch (...) { }\n",
    b"struct S { int i; }", b";\n", b"CALL(c)\n", b"CALL(d)", b"\n", b"#pragma once\n", b"int z = 1;  // a\n",
    b"/* b\n\n */\n", b"#if A\nint q;\n#elif B\nint r;\n#else\nint s;\n#endif\n", b"#if A\n", b"#endif\n",
    b"namespace n {\n", b"}\n", b"#define OPEN namespace o {\n", b"OPEN\n", b"N_BEGIN\n", b"# \n",
    b"#\\\nif A\n", b"template <int N>\n",
    b"void k() {\n  if (x) {\n    y();\n  }\n}\n\n", b"#define L(x) \\\n  x\n\n",
    b'const char* t = R"(a\n\n)";\n', b"; " * 40, b";" * 70, b"#\n" * 70,
]  # fmt: skip
MANY = st.lists(st.sampled_from(PIECES), min_size=8, max_size=30)


@given(MANY, MANY, st.lists(st.integers(0, 29), max_size=6), st.booleans())
@settings(max_examples=40)
def test_a_text_of_pieces_of_another_is_as_if_read_alone(pieces, more, moved, calls_end):
    other = list(pieces)
    for place in moved:
        other.insert(place, other.pop(place % len(other)))
    filler = b"int f(int a, int b) { return a + b; }\n" * 8
    first, second = filler + b"".join(pieces) + filler, b"".join(other + more) + filler
    forget()
    expected = facts(second, calls_end)
    forget()
    facts(first, calls_end)
    assert facts(second, calls_end) == expected


@given(MANY, st.lists(st.sampled_from(PIECES), max_size=6), st.lists(st.sampled_from(PIECES), max_size=6),
       st.integers(0, 40), st.booleans())  # fmt: skip
@settings(max_examples=60)
def test_a_text_that_begins_as_another_is_as_if_read_alone(common, one, other, cut, calls_end):
    """However little they share, and wherever they part: in a comment, an `#if`, a name, a macro's body."""
    begin = b"".join(common)
    first, second = begin + b"".join(one), begin[: len(begin) - cut] + b"".join(other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(beginnings, "_SHORTEST", 1)
        patch.setattr(lexer, "_WORTH_CUTTING", 1)
        patch.setattr(lexer, "_LONGEST_PIECE", 16)
        patch.setattr(lexer, "_WORTH_FINDING", 1)
        patch.setattr(segment, "_BETWEEN_MARKS", 1)
        forget()
        expected = facts(second, calls_end)
        forget()
        facts(first, calls_end)
        beginning = beginnings.shared(second)
        assert beginning is None or beginning.beginning.text == first
        assert facts(second, calls_end) == expected


WORDS = [
    b"// a\n",
    b"}  // b\n",
    b'"s"\n',
    b"}\n",
    b"\n",
    b"#define A \\\n",
    b"x = 1;\n",
    b"/* c\n\n",
    b"*/\n",
]
LINES = st.lists(st.sampled_from(WORDS), min_size=10, max_size=60).map(b"".join)


@given(LINES, LINES, st.integers(0, 400))
@settings(max_examples=60)
def test_merge_tokens_are_made_of_pieces_as_of_the_whole(first, second, at):
    """Wherever a text is cut: before or behind a comment of several lines, joined strings, a macro's body."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "_WORTH_CUTTING", 1)
        patch.setattr(tokens, "_ONE_IN", 1)
        patch.setattr(lexer, "_LONGEST_PIECE", 16)
        forget()
        for text in (first, first[:at] + second + first[at:]):
            lexed = read(text)
            whole = tokens._read(lexed, 0, len(lexed), 0, len(text))
            assert tokens._tokens_of(text) == whole
            assert whole.source() == text


def test_what_two_units_begin_with_is_not_made_again(monkeypatch):
    first, _ = parse(ITEMS + b"int of_one;\n", True)
    made_from: list[int] = []
    build = source._SourceBuilder.build

    def noting(self, segmented, start, stop, *, header):
        made_from.append(start)
        return build(self, segmented, start, stop, header=header)

    monkeypatch.setattr(source._SourceBuilder, "build", noting)
    second, _ = parse(ITEMS + b"int of_another;\n", True)
    assert made_from[0] > len(ITEMS) * 0.9
    assert [item is other for item, other in zip(first.items, second.items, strict=True)].count(False) < 20


def test_what_both_begin_with_is_not_made_again():
    first, _ = parse(ITEMS, True)
    second, _ = parse(ITEMS.replace(b"int f100", b"long f100"), True)
    named = [
        item for item in second.items if item.kind is not Kind.NAMESPACE
    ]  # those are told apart by number
    shared = [item for item in named if any(item is other for other in first.items)]
    assert len(shared) > len(named) * 0.8
    assert [item.name for item in second.items] == [item.name for item in first.items]


@pytest.mark.parametrize("edit", [b"int f1()", b"#include <x>\nint f1()", b"#if Q\nint q;\n#endif\nint f1()"])
def test_what_both_end_with_is_not_read_again(edit, monkeypatch):
    parse(ITEMS, True)
    read_again: list[int] = []
    make = source._SourceBuilder.item

    def counting(self, part, start, end):
        read_again.append(part.first)
        return make(self, part, start, end)

    monkeypatch.setattr(source._SourceBuilder, "item", counting)
    edited = ITEMS.replace(b"int f1(int x)", edit, 1)
    made, _ = parse(edited, True)
    assert 0 < len(read_again) < len(made.items) / 4
    assert b"".join(edited[item.start : item.end] for item in made.items) == edited


def test_what_a_macro_before_it_decides_is_read_again():
    """A definition ends what an `#if` says of its macro: items under it may be others."""
    under = b"#ifdef M\nvoid g(\n#ifndef M\nint x) {\n#else\n) {\n#endif\n}\n#endif\n"
    text = ITEMS + under + b"int last;\n"
    forget()
    parse(text, True)
    edited = b"#define M 1\n" + text
    found = facts(edited, True)
    forget()
    assert found == facts(edited, True)


@given(st.lists(st.tuples(st.integers(0, 400), FEW), min_size=2, max_size=5), st.booleans())
@settings(max_examples=30)
def test_a_text_with_several_edits_is_as_if_read_alone(edits, calls_end):
    """What stands between them is taken from the other text, wherever a comment or a body is cut."""
    first = ITEM.replace(b"@", b"1") + LINES_OF_MANY + ITEM.replace(b"@", b"2")
    second = first
    for at, inserted in edits:
        second = second[:at] + inserted + second[at + 3 :]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(beginnings, "_SHORTEST", 1)
        patch.setattr(lexer, "_WORTH_CUTTING", 1)
        patch.setattr(lexer, "_WORTH_FINDING", 1)
        patch.setattr(lexer, "_LONGEST_PIECE", 16)
        forget()
        expected = facts(second, calls_end)
        forget()
        facts(first, calls_end)
        lexer._CHUNKS.clear()
        assert facts(second, calls_end) == expected


LINES_OF_MANY = b"".join(b"int a%d;\n/* %d\n\n*/\n#define B%d \\\n  c\n\n" % (n, n, n) for n in range(12))


INNERMOST = (
    b"int f(int a) { if (a) { g(a); } return 1; }\n",
    b"#if A\nint x;\n#endif\n",
    b"int t[] = {1, (2)};\n",
)
BLOCKS = st.recursive(
    st.sampled_from(INNERMOST),
    lambda inner: st.lists(inner, min_size=1, max_size=4).map(
        lambda many: b"namespace n {\n%b}\n" % b"".join(many)
    ),
    max_leaves=12,
)


@given(st.lists(BLOCKS, min_size=1, max_size=3).map(b"".join))
@settings(max_examples=40)
def test_blocks_are_passed_over_as_if_read(text):
    """From a bracket to the one that was found to close it, whatever stands between."""

    def opened(far: int) -> list[tuple[object, ...]]:
        forget()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(view, "_FAR", far)
            made, _ = parse(text, False)
            items: list[tuple[object, ...]] = [
                (i.key, i.start, i.end, i.body) for i in source.flattened(made, made.items)
            ]
            assert not (far and made.lexed.pairs)
            return items

    assert opened(0) == opened(1 << 30)
