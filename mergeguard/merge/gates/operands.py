"""What both sides inserted at different places of one statement: operands, arguments, elements of lists."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from mergeguard.cpp.diff import diff
from mergeguard.cpp.scopes import Statement
from mergeguard.merge.edits import LANGUAGE
from mergeguard.merge.gates.doubled import shown
from mergeguard.merge.gates.fault import Compared, Fault, aligned

_TELLING = re.compile(rb"[A-Za-z_]\w*|\.?[0-9].*|\"=.*|'.*", re.DOTALL)
_NAME = re.compile(rb"[A-Za-z_]\w*")
_OPEN, _CLOSE = frozenset((b"(", b"[", b"{")), frozenset((b")", b"]", b"}"))
_CHAIN = frozenset((b"&&", b"||"))
_STARTS_OPERAND = frozenset((b"(", b"[", b"{", b"<", b",", b"return", b"="))
Keys = tuple[bytes, ...]


def operands(merge: Compared) -> Iterator[Fault]:
    """A statement of the result that has twice what each side inserted once."""
    for one, (base, ours, theirs, merged) in merge.of(edited_by_both):
        twice = inserted_twice(base, ours, theirs, merged)
        if twice:
            message = f"both sides put `{shown(twice)}` into one statement, and the result has it twice"
            yield Fault("doubled-code", shown(twice), message, (merge.merged.span(one),))


def returned(merge: Compared) -> Iterator[Fault]:
    """What one side removed from a statement and the other only moved in it: it is there again."""
    for one, (base, ours, theirs, merged) in merge.of(edited_by_both):
        back = _word_back(base, ours, theirs, merged) or _element_back(base, ours, theirs, merged)
        if back:
            said = shown(back)
            message = f"one side removed `{said}` from a statement, and the other moved it there: it is back"
            yield Fault("undone-removal", said, message, (merge.merged.span(one),))


def _word_back(base: Keys, ours: Keys, theirs: Keys, merged: Keys) -> Keys:
    """The first word that one side has less often than the base and the other side, unlike ``merged``.

    A name; a number or a string only where the other side kept every word, and so only moved it: else it may
    have put the same value in the place of something else.
    """
    b, o, t, m = map(Counter, (base, ours, theirs, merged))
    for kept, removed in ((o, t), (t, o)):
        moved = b <= kept
        for key in b:
            if removed[key] < b[key] == kept[key] <= m[key] and (moved or _NAME.fullmatch(key)):
                if _TELLING.fullmatch(key):
                    return (key,)
    return ()


def _element_back(base: Keys, ours: Keys, theirs: Keys, merged: Keys) -> Keys:
    """The first element of a list, a number too, that one side removed and ``merged`` has as often as the
    base, where the other side kept every element. (If it removed some, it may have put the same value in the
    place of another one: then nothing is back.)"""
    b, o, t, m = (
        Counter(part for part in elements(keys) if _OPEN.isdisjoint(part))
        for keys in (base, ours, theirs, merged)
    )
    for kept, removed in ((o, t), (t, o)):
        if b <= kept:
            for part in b - removed:
                if any(map(_TELLING.fullmatch, part)) and kept[part] == b[part] <= m[part]:
                    return part
    return ()


def lost(merge: Compared) -> Iterator[Fault]:
    """What one side put into a statement once more than the result has it, though the other took nothing."""
    for one, (base, ours, theirs, merged) in merge.of(edited_by_both):
        b, o, t, m = map(Counter, (base, ours, theirs, merged))
        for key in o | t:
            if 0 < min(o[key], t[key]) == b[key] < max(o[key], t[key]) > m[key] and _TELLING.fullmatch(key):
                said = shown((key,))
                message = f"one side added `{said}` to a statement that has it already, and it would be lost"
                yield Fault("lost-operand", said, message, (merge.merged.span(one),))
                break


def edited_by_both(merge: Compared) -> list[tuple[Statement, tuple[Keys, Keys, Keys, Keys]]]:
    """The statements of the result that both sides edited, with what they say in base, ours, theirs and the
    result."""
    if all(len(version.counts - merge.base.counts) == 0 for version in merge.sides):
        return []
    found: list[tuple[Statement, tuple[Keys, Keys, Keys, Keys]]] = []
    to_ours, to_theirs = (_counterparts(merge, number) for number in (0, 1))
    for at, one in enumerate(merge.merged.statements):
        ours, theirs = to_ours.get(at), to_theirs.get(at)
        if ours is None or theirs is None or ours[0] is None or ours[0] != theirs[0]:
            continue
        base = merge.base.statements[ours[0]]
        if base.keys not in (ours[1].keys, theirs[1].keys) and merge.renamed.isdisjoint(one.keys):
            versions = merge.base, *merge.sides, merge.merged
            b, o, t, m = (
                version.parts(statement)
                for version, statement in zip(versions, (base, ours[1], theirs[1], one), strict=True)
            )
            found.append((one, (b, o, t, m)))
    return found


def _counterparts(merge: Compared, number: int) -> dict[int, tuple[int | None, Statement]]:
    """For statements of the result, the base's and the side's that they stand for."""
    side = merge.sides[number]
    return {
        m: (merge.edits[number].get(j), side.statements[j]) for m, j in aligned(side, merge.merged).items()
    }


def inserted_twice(base: Keys, ours: Keys, theirs: Keys, merged: Keys) -> Keys:
    """What both sides inserted and ``merged`` has once more than either; empty if there is nothing."""
    tables = [_table(keys) for keys in (base, ours, theirs, merged)]
    if tables[0][1] and len({rest for rest, _ in tables}) == 1:
        return _row_twice(*(rows for _, rows in tables))
    runs = [_inserted(base, side) for side in (ours, theirs)]
    exchanged = _exchanged_by_both(base, ours, theirs)
    for run in sorted(runs[0] & runs[1]):
        if _times(run, merged) > max(_times(run, ours), _times(run, theirs)) and run not in exchanged:
            if not _apart(run, base, ours, theirs, merged):
                return run
    old, mine, other, now = (Counter(elements(keys)) for keys in (base, ours, theirs, merged))
    # (What the base has already may be an element of several things: `add(a, w).add(b, w)`.)
    for part in sorted((mine.keys() & other.keys()) - old.keys() - exchanged):
        if now[part] > max(mine[part], other[part]) and any(map(_TELLING.fullmatch, part)):
            return part
    b, o, t, m = map(Counter, (base, ours, theirs, merged))
    for key in m:
        if not _TELLING.fullmatch(key) or key in LANGUAGE or b[key] or not (o[key] and t[key]):
            continue
        if (key,) in exchanged:
            continue
        if m[key] > max(o[key], t[key]) and not _apart((key,), base, ours, theirs, merged):
            return (key,)
    return ()


def _row_twice(
    base: Counter[Keys], ours: Counter[Keys], theirs: Counter[Keys], merged: Counter[Keys]
) -> Keys:
    """The first row that both sides added and ``merged`` has once more than either."""
    both = (ours - base) & (theirs - base)
    return next((row for row in both if merged[row] > max(ours[row], theirs[row])), ())


def _inserted(base: Keys, side: Keys) -> set[Keys]:
    """The operands that a side inserted or put in the place of others, without signs around them; of an
    insertion that could as well stand further up or down each that it could be."""
    found: set[Keys] = set()
    for change in diff(base, side):
        start, end = change.b0, change.b1
        if change.a0 == change.a1:
            while start > 0 and side[start - 1] == side[end - 1]:
                start, end = start - 1, end - 1
        size = end - start
        found.add(_bare(side[start:end]))
        while change.a0 == change.a1 and start + size < len(side) and side[start] == side[start + size]:
            start += 1
            found.add(_bare(side[start : start + size]))
    return {run for run in found if any(map(_TELLING.fullmatch, run))}


def _exchanged_by_both(base: Keys, ours: Keys, theirs: Keys) -> set[Keys]:
    """What both sides have only by one and the same exchange (`4` for `WIDTH`), each at places of its own:
    neither added anything."""
    mine, other = _exchanges(base, ours), _exchanges(base, theirs)
    return {run for run, exchange in mine.items() if exchange and other.get(run) == exchange}


def _exchanges(base: Keys, side: Keys) -> dict[Keys, tuple[Keys, Keys] | None]:
    """What a side put in, as a run and word by word, with what it exchanged for what there; None where it
    only added it, or not in one and the same exchange each time."""
    found: dict[Keys, tuple[Keys, Keys] | None] = {}
    for change in diff(base, side):
        old, new = base[change.a0 : change.a1], side[change.b0 : change.b1]
        exchange = (old, new) if old and new else None
        for run in {new, *((key,) for key in new)}:
            found[run] = exchange if found.get(run, exchange) == exchange else None
    return found


def _bare(run: Keys) -> Keys:
    """A run without the signs at its ends."""
    start, end = 0, len(run)
    while start < end and not (_TELLING.fullmatch(run[end - 1]) or run[end - 1] in _CLOSE):
        end -= 1
    while start < end and not (_TELLING.fullmatch(run[start]) or run[start] in _OPEN):
        start += 1
    return run[start:end]


def _times(run: Keys, keys: Keys) -> int:
    return sum(keys[k : k + len(run)] == run for k in range(len(keys) - len(run) + 1))


def _apart(run: Keys, base: Keys, ours: Keys, theirs: Keys, merged: Keys) -> bool:
    """Whether the sides have a run of words in two elements of a list that are different things (`int a` and
    `int b`), or in two conditions of a chain: then it may be there twice."""
    known = Counter(elements(base))
    new = [
        [part for part in (Counter(elements(side)) - known) if _times(run, part)] for side in (ours, theirs)
    ]
    if _in_other_conditions(run, ours, theirs, merged):
        return True
    if not all(new) or _most(run, merged) > max(_most(run, side) for side in (base, ours, theirs)):
        return False
    return all(_differ(one, two) for one in new[0] for two in new[1])


def _in_other_conditions(run: Keys, ours: Keys, theirs: Keys, merged: Keys) -> bool:
    """Whether each side has a run in conditions of a chain that the other lacks, and ``merged`` has it only
    in such and in those of both."""
    mine, other = set(_conditions(ours)), set(_conditions(theirs))
    found = [one for one in _conditions(merged) if _times(run, one)]
    return (
        sum(_times(run, one) for one in found) == _times(run, merged)
        and mine.union(other).issuperset(found)
        and any(one not in other for one in found)
        and any(one not in mine for one in found)
    )


def _conditions(keys: Keys) -> list[Keys]:
    """The operands of the chains of ``&&`` and ``||``, each with the brackets in it."""
    found: list[Keys] = []
    stack = [[0]]  # by open bracket where its operands begin
    for index, key in enumerate((*keys, b";")):
        if key in _CHAIN:
            stack[-1].append(index + 1)
        elif key in _OPEN:
            stack.append([index + 1])
        elif key in _CLOSE or key in (b",", b";"):
            starts = stack.pop()
            if len(starts) > 1:
                found += (keys[i : j - 1] for i, j in pairwise([*starts, index + 1]))
            if key not in _CLOSE or not stack:
                stack.append([index + 1])
    return found


def _most(run: Keys, keys: Keys) -> int:
    """How often one element of a statement has a run at most."""
    return max((_times(run, part) for part in elements(keys)), default=0)


def _differ(one: Keys, two: Keys) -> bool:
    """Whether each element has a telling word that the other lacks, and they are not called alike."""
    a, b = ({k for k in part if _TELLING.fullmatch(k) and k not in LANGUAGE} for part in (one, two))
    return bool(a - b and b - a) and _name(one) != _name(two)


def _name(element: Keys) -> bytes:
    """What an element is called if it declares something: its last word before a default."""
    head = element[: element.index(b"=")] if b"=" in element else element
    return next((key for key in reversed(head) if _TELLING.fullmatch(key)), b"")


def elements(keys: Sequence[bytes]) -> list[Keys]:
    """The elements of all lists in a statement: the innermost stretches between commas and brackets."""
    found: list[Keys] = []
    stack: list[list[bytes]] = [[]]
    for key in keys:
        if key == b"," or key == b";":
            found.append(tuple(stack[-1]))
            stack[-1] = []
        elif key in _OPEN:
            stack[-1].append(key)
            stack.append([])
        elif key in _CLOSE:
            inner = stack.pop() if len(stack) > 1 else stack[0]
            found.append(tuple(inner))
            if inner is stack[0]:
                stack[0] = []
            stack[-1].extend([*inner, key])
        else:
            stack[-1].append(key)
    found += (tuple(part) for part in stack)
    return [part for part in found if part]


def _table(keys: Sequence[bytes]) -> tuple[Keys, Counter[Keys]]:
    """What is left of a statement without the rows of its table, and those: calls of one name in a row, as a
    macro has them that is written for each (`f(a, 1) f(a, 2)`)."""
    calls: list[tuple[int, int]] = []
    depth = start = 0
    for index, key in enumerate(keys):
        if key == b"(" and depth == 0:
            start = index - 1
        depth += (key in _OPEN) - (key in _CLOSE)
        if key == b")" and depth == 0 and start >= 0 and _NAME.fullmatch(keys[start]):
            calls.append((start, index + 1))
    rows = {
        span
        for pair in zip(calls, calls[1:], strict=False)
        for span in pair
        if pair[0][1] == pair[1][0] and keys[pair[0][0]] == keys[pair[1][0]]
    }
    inside = {index for start, end in rows for index in range(start, end)}
    rest = tuple(key for index, key in enumerate(keys) if index not in inside)
    return rest, Counter(tuple(keys[start:end]) for start, end in rows)


__all__ = ["elements", "inserted_twice", "operands"]
