"""One side's edit that contains the other's, and what only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergeguard.merge.stretch.containing import larger

BASE = "OLD_CHECK ( gemm ( handle , m , n ) ) ; store ( c , n ) ;"
LEFT = BASE.replace(" store ( c , n ) ;", "")


def _keys(text: str) -> tuple[bytes, ...]:
    return tuple(text.encode().split())


@pytest.mark.parametrize(
    ("small", "large"),
    [
        (BASE.replace("OLD", "NEW"), BASE.replace("OLD", "NEW").replace("gemm", "gemm_ex")),
        (
            BASE.replace(" store ( c , n ) ;", ""),
            BASE.replace(" store ( c , n ) ;", "").replace("gemm", "go"),
        ),
        (f"{BASE} flush ( c , n , 0 ) ;", f"{BASE} flush ( c , n , 0 , true ) ; sync ( ) ;"),
        # `store` is the word that follows as well: the removal could stand one token further down.
        (f"{BASE} store ( d ) ;", f"{LEFT} store ( d ) ;"),
        # (The other way round, `m` would be back.)
        (BASE.replace("m , n ) )", "m , last ) )"), BASE.replace("m , n ) )", "last ) )")),
    ],
    ids=[
        "a word more",
        "a removal more",
        "inside of what was added, and behind it",
        "added for removed",
        "a removal beside it",
    ],
)
def test_contained(small, large):
    assert larger(_keys(BASE), _keys(small), _keys(large)) == "theirs"
    assert larger(_keys(BASE), _keys(large), _keys(small)) == "ours"


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (BASE.replace("OLD", "NEW"), BASE.replace("OLD", "LAST")),
        (BASE.replace("m , n", "m , n , k"), BASE.replace("m , n", "m")),
        (BASE.replace(" store ( c , n ) ;", ""), BASE.replace("store ( c , n )", "keep ( c )")),
        ("int x = 2 ;", "int x = pick ( 2 , y ) ;"),
        # Which of two equal arguments the second side took out again, nobody knows.
        (BASE.replace("m , n", "m , n , m , n"), BASE.replace("handle , m", "m")),
    ],
    ids=["other words", "undone", "something else in its place", "a number", "a copy"],
)
def test_not_contained(one, two):
    base = "int x = 1 ;" if one.startswith("int") else BASE
    assert larger(_keys(base), _keys(one), _keys(two)) is None
    assert larger(_keys(base), _keys(two), _keys(one)) is None


WORDS = st.lists(st.sampled_from([b"alpha", b"beta", b"(", b")", b",", b";", b"7"]), max_size=12)


@given(WORDS, WORDS, WORDS)
def test_the_sides_may_change_places(base, ours, theirs):
    swapped = {"ours": "theirs", "theirs": "ours", None: None}
    if ours != theirs:
        assert larger(base, theirs, ours) == swapped[larger(base, ours, theirs)]
