"""Differences of sequences: what they say is so, and what can't be found is known beforehand."""

from hypothesis import given
from hypothesis import strategies as st

from mergeguard.cpp import diff

_TEXTS = st.lists(st.integers(0, 5), max_size=12)


@given(_TEXTS, _TEXTS)
def test_a_difference_makes_one_of_the_other(one, other):
    made, at = [], 0
    for change in diff.diff(one, other):
        made += [*one[at : change.a0], *other[change.b0 : change.b1]]
        at = change.a1
    assert [*made, *one[at:]] == other


@given(_TEXTS, _TEXTS)
def test_no_difference_has_fewer_edits_than_elements_are_in_one_alone(one, other):
    edits = sum(c.a1 - c.a0 + c.b1 - c.b0 for c in diff.diff(one, other))
    assert edits >= diff._least_edits(one, other)


def test_a_stretch_that_must_have_too_many_edits_is_replaced_as_a_whole():
    few, many = [2, 2, 3, 3], [3, 3, 2, 2, *range(4, 1_000)]
    assert diff.diff(few, many) == [diff.Change(0, len(few), 0, len(many))]
