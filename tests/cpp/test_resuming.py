"""A text that begins as one before it did is read from there on, and comes out as if it were read alone."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.cpp import lexer, source
from mergeguard.cpp.lexer import Lexed, lex
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
assert len(ITEMS) > lexer.WORTH_RESUMING
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
    lexer._RECENT.clear()
    source._READINGS.clear()


def facts(text: bytes, calls_end: bool) -> tuple[object, ...]:
    """Everything about a text as it is read now."""
    made, asks = parse(text, calls_end)
    lexed = made.lexed
    tokens = [getattr(lexed, name) for name in Lexed.__annotations__]
    return made.items, inside(made, made.items), made.problems, asks, tokens


def inside(made: Source, items: tuple[Item, ...]) -> list[object]:
    blocks = [nested(made, item, calls_end=True) for item in items if item.kind is Kind.NAMESPACE]
    return [*blocks, *(inside(made, block) for block in blocks)]


FEW = st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=4).map(b"".join)


@given(st.integers(4096, len(ITEMS)), FEW, st.sampled_from((0, 1, 7, 400)), st.booleans())
@settings(max_examples=8)
def test_a_text_read_after_another_is_as_if_read_alone(at, inserted, removed, calls_end):
    text = ITEMS[:at] + inserted + ITEMS[at + removed :]
    forget()
    expected = facts(text, calls_end)
    forget()
    facts(ITEMS, calls_end)
    assert facts(text, calls_end) == expected


def test_what_both_begin_with_is_not_made_again():
    first, _ = parse(ITEMS, True)
    second, _ = parse(ITEMS.replace(b"int f100", b"long f100"), True)
    shared = [item for item in second.items if any(item is other for other in first.items)]
    assert len(shared) > len(second.items) / 2
    assert [item.name for item in second.items] == [item.name for item in first.items]
