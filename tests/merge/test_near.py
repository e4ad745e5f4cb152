"""Edits of the two sides that nearly touch, or only touch in a list."""

from __future__ import annotations

import pytest

from mergeguard.cpp.tokens import tokens_of
from mergeguard.merge.lines import Region, RegionKind, diff3
from mergeguard.merge.stretch.differences import token_diff
from mergeguard.merge.stretch.elements import beside_in_list
from mergeguard.merge.stretch.near import Neighbours, neighbours


def _pair(base: str, ours: str, theirs: str) -> Neighbours:
    keys = [tokens_of(text.encode()).keys for text in (base, ours, theirs)]
    regions = diff3(keys[0], keys[1], keys[2], token_diff)
    [found] = neighbours(regions, *keys)
    return found


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        ("f(a, b);", "f(x, b);", "f(a, y);"),
        ("return a && b;", "return x && b;", "return a && y;"),
        ('g("int a, int b");', 'g("long a, int b");', 'g("int a, half b");'),
        ("f(a);\nb();", "f(x);\nb();", "f(a);\ny();"),
        ("f(a, k b);", "f(a, c, k b);", "f(a, k y);"),
    ],
)
def test_edits_of_two_elements(base: str, ours: str, theirs: str) -> None:
    found = _pair(base, ours, theirs)
    assert found.of_two_elements and not found.independent


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        ("f(a);", "g(a);", "f(y);"),
        ("a.b();", "x.b();", "a.y();"),
        ("int n = a;", "int m = a;", "int n = y;"),
        ("g<a>(c);", "h<a>(c);", "g<y>(c);"),
    ],
)
def test_edits_of_two_parts_of_one_thing(base: str, ours: str, theirs: str) -> None:
    found = _pair(base, ours, theirs)
    assert found.of_two_parts and not found.of_two_elements and not found.independent


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        ("return a + b;", "return x + b;", "return a + y;"),
        ("return a < b;", "return x < b;", "return a < y;"),
        ("a::b();", "x::b();", "a::y();"),
    ],
)
def test_edits_of_one_expression(base: str, ours: str, theirs: str) -> None:
    found = _pair(base, ours, theirs)
    assert not found.of_two_parts and not found.of_two_elements and not found.independent


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        ("return a + a;", "return x + a;", "return a + x;"),
        ("// of one\nint a;", "// of two\nint a;", "// of one\nlong a;"),
    ],
)
def test_the_same_exchange_and_comments_are_independent_of_what_is_near(
    base: str, ours: str, theirs: str
) -> None:
    assert _pair(base, ours, theirs).independent


def _kinds(base: str, ours: str, theirs: str) -> list[RegionKind] | None:
    """What becomes of the elements between the brackets of a call."""
    b, o, t = (tokens_of(f"f({text});".encode()) for text in (base, ours, theirs))
    region = Region(RegionKind.CONFLICT, 2, len(b) - 2, 2, len(o) - 2, 2, len(t) - 2)
    found = beside_in_list(b, o, t, region)
    return None if found is None else [one.kind for one in found]


def test_elements_that_are_edited_beside_those_that_come_are_both_made() -> None:
    assert _kinds("k a", "k x", "k c, k a") == [RegionKind.THEIRS, RegionKind.OURS]
    assert _kinds("k a", "k x", "k a, k c") == [RegionKind.OURS, RegionKind.THEIRS]
    assert _kinds("k a, k b", "k x, k b", "k a, k y") == [RegionKind.OURS, RegionKind.THEIRS]


def test_elements_are_left_to_people_where_their_places_are_a_choice() -> None:
    assert _kinds("a", "x, c", "d, a") is None, "both add one"
    assert _kinds("a, b", "a", "a, b, c") is None, "one removes what the other adds behind"
    assert _kinds("a, a", "a, a, a", "a, x") is None, "nobody can tell which one came"
    assert _kinds("a { b }", "a { x ; }", "c, a { b }") is None, "no list"
