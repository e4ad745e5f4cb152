"""The order of declarations: when it may be another one, and how two re-orderings become one.

Two declarations *commute* if neither names what the other declares (the independence relation of trace
theory: A. Mazurkiewicz, "Concurrent Program Schemes and their Interpretations", 1977). A preprocessor
directive, a comment that stands alone and two variables (whose initialisation has an order) never commute.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from mergeguard.cpp.diff import increasing
from mergeguard.cpp.items import NAMED_KINDS, Kind
from mergeguard.cpp.leaves import Leaf, blocks, needs
from mergeguard.merge.declarations.invocations import arguments_of

_IDENT = re.compile(rb"[A-Za-z_]\w*")
_MARKS = frozenset((Kind.CONDITIONAL, Kind.OPAQUE, Kind.COMMENT))


def commute(one: Leaf, two: Leaf) -> bool:
    """Whether the order of two declarations means nothing."""
    if one.kind is Kind.INCLUDE and two.kind is Kind.INCLUDE:
        return True
    if one.kind not in NAMED_KINDS or two.kind not in NAMED_KINDS or one.placed or two.placed:
        return False
    if one.kind is Kind.VARIABLE and two.kind is Kind.VARIABLE:
        return False
    if one.kind is Kind.INSTANTIATION and two.kind is Kind.INSTANTIATION:
        return True
    if one.short == two.short and arguments_of(one) and arguments_of(two):
        return one.code != two.code  # rows of one list
    return not needs(one, two) and not needs(two, one)


def runs_commute(one: Iterable[Leaf], two: Iterable[Leaf]) -> bool:
    """Whether the order of two runs of declarations means nothing. What their conditions and namespaces hold
    is another question (a gate's), and a comment may stand anywhere."""
    others = [leaf for leaf in two if leaf.kind not in _MARKS]
    return all(commute(leaf, other) for leaf in one if leaf.kind not in _MARKS for other in others)


def merged_order(
    base: Sequence[int], ours: Sequence[int], theirs: Sequence[int], may_swap: Callable[[int, int], bool]
) -> list[int] | None:
    """One order for what all three have, after both sides re-ordered; None where only a person can tell.

    Of two elements, the side counts that changed their order. If all these wishes can be had, that is the
    order. Else theirs stands, and what ours moved and theirs did not goes behind the one it follows in ours;
    where a wish is not met, ``may_swap`` must say that the order of the two means nothing.
    """
    common = set(base) & set(ours) & set(theirs)
    b, o, t = ([x for x in ids if x in common] for ids in (base, ours, theirs))
    in_base, in_ours, in_theirs = ({x: k for k, x in enumerate(ids)} for ids in (b, o, t))

    def wanted(one: int, two: int) -> bool:
        """Whether ``one`` goes first."""
        first = in_ours[one] < in_ours[two]
        return in_theirs[one] < in_theirs[two] if first == (in_base[one] < in_base[two]) else first

    before = {one: sum(wanted(one, two) for two in b if two != one) for one in b}
    order = sorted(b, key=lambda one: -before[one])
    if len(set(before.values())) == len(b):
        return order
    order = list(t)
    steady_o, steady_t = _steady(o, in_base), _steady(t, in_base)
    for index, element in enumerate(o):
        if element in steady_o or element not in steady_t:
            continue
        order.remove(element)
        order.insert(order.index(o[index - 1]) + 1 if index else 0, element)
    pairs = ((one, two) for k, one in enumerate(order) for two in order[k + 1 :])
    return order if all(wanted(one, two) or may_swap(one, two) for one, two in pairs) else None


def _steady(ids: Sequence[int], rank: Mapping[int, int]) -> set[int]:
    return {ids[k] for k in increasing([rank[x] for x in ids])}


def out_of_order(known: Sequence[Sequence[Leaf]], merged: Sequence[Sequence[Leaf]]) -> list[str]:
    """The names that a file of ``merged`` uses before it declares them, though no file of ``known`` does."""
    # Comments and strings count at first, which is quick; what is left is looked at more closely.
    found = set[bytes]().union(*(_early(leaves, None) for leaves in merged))
    found = set[bytes]().union(*(_early(leaves, found) for leaves in merged if found))
    left = found.difference(*(_early(leaves, found) for leaves in known if found))
    return sorted(name.decode("utf-8", "surrogateescape") for name in left)


def out_of_branch(known: Sequence[Sequence[Leaf]], merged: Sequence[Sequence[Leaf]]) -> list[str]:
    """The includes that ``merged`` has under preprocessor conditions, or inside of a namespace, as no file of
    ``known`` has them."""
    before, after = ({place for leaves in files for place in _includes(leaves)} for files in (known, merged))
    return sorted({name for name, _, _ in after - before})


def _includes(leaves: Sequence[Leaf]) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """Each include: its name, its conditions, and whether it is in a namespace."""
    inside = {
        index
        for block in blocks(leaves)
        if leaves[block.opening].kind is Kind.OPAQUE
        for index in range(block.opening, block.closing)
    }
    for index, leaf in enumerate(leaves):
        if leaf.kind is Kind.INCLUDE:
            yield leaf.name, leaf.condition, index in inside


def _early(leaves: Sequence[Leaf], names: Collection[bytes] | None) -> set[bytes]:
    """The names declared behind a use of theirs; of ``names`` alone, and those in code, if they are given."""
    own = [leaf.word if leaf.kind in NAMED_KINDS and not leaf.placed else b"" for leaf in leaves]
    wanted = set(own) - {b""} if names is None else set(names)
    early: set[bytes] = set()
    used: set[bytes] = set()
    declared: set[bytes] = set()
    for leaf, name in zip(leaves, own, strict=True):
        if name in wanted and name not in declared:
            declared.add(name)
            if name in used:
                early.add(name)
        if leaf.kind is not Kind.MACRO:  # a macro's body is read where the macro is used
            here = wanted.intersection(_IDENT.findall(leaf.text))
            used |= here if names is None or not here else here & leaf.identifiers
    return early
