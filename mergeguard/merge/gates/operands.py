"""What both sides inserted at different places of one statement: operands, arguments, elements of lists."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from mergeguard.cpp.diff import diff
from mergeguard.cpp.scopes import Statement
from mergeguard.merge.edits import LANGUAGE
from mergeguard.merge.gates.doubled import shown
from mergeguard.merge.gates.fault import Compared, Fault, aligned

_TELLING = re.compile(rb"[A-Za-z_]\w*|\.?[0-9].*|\"=.*|'.*", re.DOTALL)
_OPEN, _CLOSE = frozenset((b"(", b"[", b"{")), frozenset((b")", b"]", b"}"))
_STARTS_OPERAND = frozenset((b"(", b"[", b"{", b"<", b",", b"return", b"="))
Keys = tuple[bytes, ...]


def operands(merge: Compared) -> Iterator[Fault]:
    """A statement of the result that has twice what each side inserted once."""
    if not merge.woven:
        return
    to_ours, to_theirs = (_counterparts(merge, number) for number in (0, 1))
    numbers = {id(one): k for k, one in enumerate(merge.merged.statements)}
    for one in merge.woven:
        at = numbers[id(one)]
        ours, theirs = to_ours.get(at), to_theirs.get(at)
        if ours is None or theirs is None or ours[0] is None or ours[0] != theirs[0]:
            continue
        base = merge.base.statements[ours[0]].keys
        twice = inserted_twice(base, ours[1].keys, theirs[1].keys, one.keys)
        if twice:
            message = f"both sides put `{shown(twice)}` into one statement, and the result has it twice"
            yield Fault("doubled-code", shown(twice), message, (merge.merged.span(one),))


def _counterparts(merge: Compared, number: int) -> dict[int, tuple[int | None, Statement]]:
    """For statements of the result, the base's and the side's that they stand for."""
    side = merge.sides[number]
    return {
        m: (merge.edits[number].get(j), side.statements[j]) for m, j in aligned(side, merge.merged).items()
    }


def inserted_twice(base: Keys, ours: Keys, theirs: Keys, merged: Keys) -> Keys:
    """What both sides inserted and ``merged`` has once more than either; empty if there is nothing."""
    runs = [_inserted(base, side) for side in (ours, theirs)]
    for run in runs[0]:
        if run in runs[1] and _times(run, merged) > max(_times(run, ours), _times(run, theirs)):
            return run
    b, o, t, m = map(Counter, (base, ours, theirs, merged))
    for key in m:
        if not _TELLING.fullmatch(key) or key in LANGUAGE or b[key] or not (o[key] and t[key]):
            continue
        if m[key] > max(o[key], t[key]) and not _apart(key, base, ours, theirs):
            return (key,)
    return ()


def _inserted(base: Keys, side: Keys) -> list[Keys]:
    """The operands that a side inserted or put in the place of others, without signs around them."""
    found: list[Keys] = []
    for change in diff(base, side):
        run = list(side[change.b0 : change.b1])
        while run and not (_TELLING.fullmatch(run[-1]) or run[-1] in _CLOSE):
            run.pop()
        while run and not (_TELLING.fullmatch(run[0]) or run[0] in _OPEN):
            run.pop(0)
        if any(map(_TELLING.fullmatch, run)):
            found.append(tuple(run))
    return found


def _times(run: Keys, keys: Keys) -> int:
    return sum(keys[k : k + len(run)] == run for k in range(len(keys) - len(run) + 1))


def _apart(key: bytes, base: Keys, ours: Keys, theirs: Keys) -> bool:
    """Whether the sides have a word in two elements of a list that are different things (`int a` and
    `int b`): then it may be there twice."""
    known = Counter(elements(base))
    new = [[part for part in (Counter(elements(side)) - known) if key in part] for side in (ours, theirs)]
    if not all(new):
        return False
    return all(_differ(key, one, two) for one in new[0] for two in new[1])


def _differ(key: bytes, one: Keys, two: Keys) -> bool:
    """Whether each element has a telling word that the other lacks, and neither is named by the key."""
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


__all__ = ["elements", "inserted_twice", "operands"]
