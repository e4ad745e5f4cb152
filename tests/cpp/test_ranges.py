"""Ranges hold what any of them holds, however they lie."""

from hypothesis import given
from hypothesis import strategies as st

from mergeguard.cpp.ranges import Ranges


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)).map(sorted).map(tuple)), st.integers(0, 21))
def test_an_offset_is_held_where_one_range_has_it(ranges, offset):
    assert Ranges.of(ranges).holds(offset) == any(start <= offset < end for start, end in ranges)
