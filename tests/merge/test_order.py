"""Declarations in another order: what both sides moved, and what may not stand in another order."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from mergeguard.cpp.leaves import leaves_of
from mergeguard.merge import merge
from mergeguard.merge.declarations.order import commute, merged_order, out_of_order
from mergeguard.merge.markers import render_markers

PARTS = [b"int f%d(int a) {\n  return a + %d;\n}\n\n" % (i, i) for i in range(5)]


def _file(order: list[int], parts: list[bytes] = PARTS) -> bytes:
    return b"#include <a.h>\n\n" + b"".join(parts[i] for i in order)


def test_each_side_moves_another_function() -> None:
    base, ours, theirs = _file([0, 1, 2, 3, 4]), _file([1, 2, 0, 3, 4]), _file([0, 1, 2, 4, 3])
    assert merge(base, ours, theirs).render() == _file([1, 2, 0, 4, 3])


def test_theirs_wins_where_both_move_one_function() -> None:
    base, ours, theirs = _file([0, 1, 2, 3, 4]), _file([1, 2, 0, 3, 4]), _file([1, 2, 3, 4, 0])
    result = merge(base, ours, theirs)
    assert result.render() == theirs


def test_an_order_that_means_something_stays_a_conflict() -> None:
    # 1 before 0 on our side, 2 before 1 on theirs, 0 before 2 on both: no order has it all.
    orders = [0, 1, 2], [1, 0, 2], [0, 2, 1]
    assert merge(*map(_file, orders)).clean
    calls = [b"int f%d(int a) {\n  return f%d(a) + 1;\n}\n\n" % (i, (i + 1) % 3) for i in range(3)]
    assert not merge(*(_file(order, calls) for order in orders)).clean


def test_what_commutes() -> None:
    text = b"#define W 32\nint f() {\n  return W;\n}\nint g() {\n  return 1;\n}\nint x = 1;\nint y = 2;\n"
    macro, f, g, x, y = leaves_of(text)[0]
    assert commute(f, g) and commute(macro, g) and commute(g, x)
    assert not commute(macro, f) and not commute(x, y)
    one, two, user = leaves_of(b"enum A { P, Q };\nint f() {\n  return 1;\n}\nint g() {\n  return Q;\n}\n")[0]
    assert commute(one, two) and not commute(one, user)


def test_use_before_declaration() -> None:
    one, two = b"int f() {\n  return 1;\n}\n", b"int g() {\n  return f();\n}\n"
    good, bad = leaves_of(one + two)[0], leaves_of(two + one)[0]
    assert out_of_order([good], [bad]) == ["f"]
    assert out_of_order([bad], [bad]) == []


ORDERS = st.sampled_from(list(permutations(range(5))))


@given(ORDERS, ORDERS, st.sets(st.frozensets(st.integers(0, 4), min_size=2, max_size=2)))
def test_each_sides_changes_of_order_count(
    ours: tuple[int, ...], theirs: tuple[int, ...], tied: set[frozenset[int]]
) -> None:
    base = range(5)
    order = merged_order(base, ours, theirs, lambda one, two: frozenset((one, two)) not in tied)
    if order is None:
        return
    assert sorted(order) == list(base)
    for one, two in permutations(base, 2):
        if frozenset((one, two)) in tied:
            in_ours, in_theirs = ours.index(one) < ours.index(two), theirs.index(one) < theirs.index(two)
            wanted = in_theirs if in_ours == (one < two) else in_ours
            assert (order.index(one) < order.index(two)) == wanted


@given(ORDERS, ORDERS)
def test_functions_that_do_not_call_each_other_merge_in_any_order(
    ours: tuple[int, ...], theirs: tuple[int, ...]
) -> None:
    """Clean wherever one order has what both sides changed. Where none has, a clean order is no sum of both
    sides' edits, and what a certificate can't show may be a conflict: with every word in it."""
    base = _file([0, 1, 2, 3, 4])
    result = merge(base, _file(list(ours)), _file(list(theirs)))
    if result.clean:
        assert sorted(result.render().split()) == sorted(base.split())
        return
    assert merged_order(range(5), ours, theirs, lambda one, two: False) is None
    shown = render_markers(result.pieces, style="merge").split()
    assert not Counter(base.split()) - Counter(shown)
