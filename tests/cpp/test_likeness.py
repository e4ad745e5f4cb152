"""How alike two runs of tokens are: many at once as one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mergeguard.cpp.likeness import SAME_STATEMENT, likeness, likenesses

ROWS = st.lists(st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=6), max_size=4)


@given(ROWS, ROWS)
def test_many_at_once_are_as_one_by_one(rows, others):
    singly = [[likeness(row, other) for other in others] for row in rows]
    assert likenesses(rows, others, 0.0) == singly
    told = [[found if found >= SAME_STATEMENT else 0.0 for found in row] for row in singly]
    assert likenesses(rows, others, SAME_STATEMENT) == told
