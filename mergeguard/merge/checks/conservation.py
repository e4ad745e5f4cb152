"""A clean merge is the sum of both sides' edits: nothing lost, nothing doubled, nothing back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from mergeguard.cpp.diff import unequal_middle
from mergeguard.merge.edits import SideEdit, side_edit

_WORD = re.compile(rb"\w")
_SHORT = 12  # bytes of a line, without white space around it, that say nothing alone


def balance(
    base: bytes, ours: bytes, theirs: bytes, merged: bytes, renamed: frozenset[bytes] = frozenset()
) -> str:
    """Why ``merged`` can't be the sum of both sides' edits, "" if it can.

    It must hold each token as often as the base and both edits make it; statements that both sides added or
    removed alike count once or twice, and a token whose number both changed in one direction may be one edit.
    Where comments and directives end, and names in ``renamed``, are not counted.
    """
    from mergeguard.cpp.tokens import END_OF_COMMENT, END_OF_DIRECTIVE, tokens_of

    tokens = [tokens_of(text) for text in (base, ours, theirs, merged)]
    units = [_units(text) for text in (base, ours, theirs)]
    same_added = _tokens_in((units[1] - units[0]) & (units[2] - units[0]))
    same_removed = _tokens_in((units[0] - units[1]) & (units[0] - units[2]))
    b, o, t, m = (Counter(version.keys) for version in tokens)
    wrong: dict[bytes, str] = {}
    for key in dict.fromkeys((*m, *b, *o, *t)):
        if key in (END_OF_COMMENT, END_OF_DIRECTIVE) or any(name in key for name in renamed):
            continue
        mine, other = o[key] - b[key], t[key] - b[key]
        added = m[key] - b[key]
        low, high = mine + other - same_added[key], mine + other + same_removed[key]
        if mine * other > 0:
            low, high = min(low, mine, other), max(high, mine, other)
        if not low <= added <= high:
            wrong[key] = "lost" if added < low else "there once too often"
    if not wrong:
        return ""
    told = next(filter(_WORD.search, wrong), next(iter(wrong)))  # a name says more than a bracket
    what = told.decode("utf-8", "replace").strip("#/\n")
    return f"`{what}` would be {wrong[told]}: neither side means that"


def lacks_one_more(base: bytes, ours: bytes, theirs: bytes, merged: bytes) -> bool:
    """Whether a side has one more of a statement of the base's, the other side has as many as the base, and
    ``merged`` too: then one of them was taken for the other, which only stands elsewhere now."""
    b, o, t, m = map(_units, (base, ours, theirs, merged))
    return any(
        m[unit] < count
        for side, other in ((o, t), (t, o))
        for unit, count in side.items()
        if count > b[unit] == other[unit] > 0 and any(map(_WORD.search, unit))
    )


def _units(text: bytes) -> Counter[tuple[bytes, ...]]:
    """The statements of a text, as token keys."""
    from mergeguard.cpp.tokens import tokens_of, units_of

    tokens = tokens_of(text)
    starts = units_of(tokens)
    return Counter(tokens.keys[i:j] for i, j in zip(starts, starts[1:], strict=False))


def _tokens_in(units: Counter[tuple[bytes, ...]]) -> Counter[bytes]:
    count: Counter[bytes] = Counter()
    for unit, times in units.items():
        for key in unit:
            count[key] += times
    return count


def uneven_lines(base: bytes, ours: bytes, theirs: bytes, merged: bytes) -> list[bytes]:
    """The lines (long enough to mean something) that ``merged`` has more or less often than both sides' edits
    make it: one side moved what the other removed or edited, and to lines a move is an insertion."""
    if _is_sum(base, ours, theirs, merged):
        return []
    o, t, m = (_bag(side_edit(base, text)) for text in (ours, theirs, merged))
    return [
        line
        for line in dict.fromkeys((*m, *o, *t))
        if m[line] != o[line] + t[line]
        and o[line] * t[line] <= 0
        and len(line.strip()) > _SHORT
        and _WORD.search(line)
    ]


def _is_sum(base: bytes, ours: bytes, theirs: bytes, merged: bytes) -> bool:
    """Whether ``merged`` has more and less of each line than one side as the other than the base.

    Told where that other changed few lines.
    """
    for side, other in ((ours, theirs), (theirs, ours)):
        start, end, end_other = unequal_middle(base, other)
        if max(end, end_other) - start < len(base) // 4:
            return _bag(side_edit(side, merged)) == _bag(side_edit(base, other))
    return False


def returned(base: bytes, ours: bytes, theirs: bytes, merged: bytes) -> list[str]:
    """Definitions and includes that ``merged`` has though one side removed them, or has twice."""
    from mergeguard.cpp.leaves import leaves_of
    from mergeguard.merge.checks.examine import duplicates

    def defined(text: bytes) -> dict[tuple[object, ...], str]:
        return {x.signature: x.name for x in leaves_of(text)[0] if x.defines or x.kind == "include"}

    old, result = defined(base), defined(merged)
    kept = defined(ours).keys() & defined(theirs).keys()
    twice = (name for name, *_ in duplicates(base, ours, theirs, merged))
    return sorted({*(name for key, name in result.items() if key in old and key not in kept), *twice})


def places(text: bytes, names: Sequence[str]) -> list[tuple[int, int]]:
    """Where ``text`` defines ``names``: byte ranges with the leading comments."""
    from mergeguard.cpp.leaves import leaves_of

    found: list[tuple[int, int]] = []
    at = 0
    for leaf in leaves_of(text)[0] if names else ():
        if leaf.defines and leaf.name in names:
            found.append((at, at + len(leaf.text)))
        at += len(leaf.text)
    return found


def _bag(edit: SideEdit) -> Counter[bytes]:
    bag = Counter(edit.added)
    bag.subtract(edit.removed)
    return bag
