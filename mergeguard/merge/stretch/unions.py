"""Insertions of both sides at one place that do not contradict each other: both are kept.

Only where it is certain: includes, ``using`` lines and pragmas (sets), macros of different names, functions
and types of different names that do not need each other, registrations under different names, and case arms
of different labels that do not fall through. The order is theirs (upstream) first, then ours, except that
case arms with numbers go by number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mergeguard.cpp.items import Kind
from mergeguard.cpp.leaves import Leaf, leaves_of, needs
from mergeguard.cpp.tokens import Tokens, is_comment, units_of
from mergeguard.merge.lines import Region
from mergeguard.merge.parameters import parameters_of
from mergeguard.merge.stretch.conjuncts import conjuncts

Slice = tuple[Tokens, int, int]

_LEAVES = frozenset((b"break", b"return", b"continue", b"goto", b"throw"))
# Through a member of a module or library, or by a macro.
_REGISTERS = re.compile(rb"[A-Za-z_]\w*\.(?:def|impl|attr)|[A-Z][A-Z0-9_]{3,}")
_DEFINING = frozenset((Kind.FUNCTION, Kind.KERNEL, Kind.TYPE, Kind.DECLARATION))
_WHOLE = ((b";",), (b"}",))
_NUMBER = re.compile(rb"\d+$")


def union(b: Tokens, o: Tokens, t: Tokens, r: Region) -> list[Slice] | None:
    """What to copy, in order, or None where the insertions may not simply be joined."""
    if r.b0 != r.b1:
        return _edited_arms(b, o, t, r)
    if r.o0 == r.o1 or r.t0 == r.t1:
        return None
    return (
        _set_of_lines(o, t, r)
        or _macros(o, t, r)
        or _registrations(o, t, r)
        or _arms(b, o, t, r)
        or conjuncts(b, o, t, r)
        or _definitions(o, t, r)
    )


def _set_of_lines(o: Tokens, t: Tokens, r: Region) -> list[Slice] | None:
    ours, theirs = _units(o, r.o0, r.o1), _units(t, r.t0, r.t1)
    if not all(_is_set_member(source, s, e) for source, s, e in [*ours, *theirs]):
        return None
    there = {_keys(part) for part in theirs}
    names = {_named(*part): _keys(part) for part in theirs}
    if any(names.get(_named(*part), _keys(part)) != _keys(part) for part in ours):
        return None  # one name for two things
    return [*theirs, *(part for part in ours if _keys(part) not in there)]


def _units(source: Tokens, start: int, end: int) -> list[Slice]:
    starts = units_of(source, start, end)
    return [(source, s, e) for s, e in zip(starts, starts[1:], strict=False)]


def _is_set_member(source: Tokens, start: int, end: int) -> bool:
    keys = source.keys[start:end]
    if keys[0] == b"##" and keys[-1] == b"#\n":
        return keys[1:2] == (b"#include",)
    return keys[0] == b"using" and keys[-1] == b";" and b"namespace" not in keys


def _keys(part: Slice) -> tuple[bytes, ...]:
    source, start, end = part
    return source.keys[start:end]


def _named(source: Tokens, start: int, end: int) -> tuple[bytes, ...]:
    """What a ``using`` brings into scope: the alias, or the last of ``a::b``; of an include, all of it."""
    keys = source.keys[start:end]
    if keys[0] != b"using":
        return keys
    return keys[1:2] if b"=" in keys else keys[-2:-1]


def _macros(o: Tokens, t: Tokens, r: Region) -> list[Slice] | None:
    names: list[set[bytes]] = []
    for source, start, end in ((o, r.o0, r.o1), (t, r.t0, r.t1)):
        keys = source.keys[start:end]
        if keys[-1] != b"#\n":
            return None
        found: set[bytes] = set()
        line: list[bytes] = []
        for key in keys:
            line.append(key)
            if key != b"#\n":
                continue
            if line[:2] != [b"##", b"#define"] or len(line) < 4 or line[2] in found:
                return None
            found.add(line[2])
            line = []
        names.append(found)
    if names[0] & names[1]:
        return None
    return [(t, r.t0, r.t1), (o, r.o0, r.o1)]


def _definitions(o: Tokens, t: Tokens, r: Region) -> list[Slice] | None:
    """Whole functions, their prototypes and types, where no name is on both sides."""
    mine, other = (o, r.o0, r.o1), (t, r.t0, r.t1)
    ours, theirs = _defined(*mine), _defined(*other)
    if not ours or not theirs or {leaf.word for leaf in ours} & {leaf.word for leaf in theirs}:
        return None
    pairs = ((one, two) for one in ours for two in theirs)
    return None if any(needs(one, two) or needs(two, one) for one, two in pairs) else [other, mine]


def _defined(source: Tokens, start: int, end: int) -> list[Leaf]:
    """The functions and types that a stretch declares or defines; none where it is anything else."""
    text = b"".join(source.gaps[k] + source.texts[k] for k in range(start, end))
    leaves, sound = leaves_of(text)
    return list(leaves) if sound and all(map(_is_definition, leaves)) else []


def _is_definition(leaf: Leaf) -> bool:
    if leaf.kind not in _DEFINING or leaf.placed or leaf.code[-1:] not in _WHOLE:
        return False
    return leaf.defines or any(parameters_of(leaf.code))


def _registrations(o: Tokens, t: Tokens, r: Region) -> list[Slice] | None:
    """Statements that register something under a name (``m.def("name", …);``, ``REGISTER("name", …);``)."""
    mine, other = (o, r.o0, r.o1), (t, r.t0, r.t1)
    ours, theirs = _registered(*mine), _registered(*other)
    if not ours or not theirs or {name for _, name in ours} & {name for _, name in theirs}:
        return None
    if {how for how, _ in ours} != {how for how, _ in theirs}:
        return None  # two lists side by side, perhaps of different things
    return [other, mine]


def _registered(source: Tokens, start: int, end: int) -> set[tuple[tuple[bytes, ...], bytes]]:
    """How and under which names a stretch registers; nothing where it does anything else."""
    found: set[tuple[tuple[bytes, ...], bytes]] = set()
    for _, first, last in _units(source, start, end):
        keys = _plain(source.keys[first:last])
        if not keys:
            continue
        at = keys.index(b"(") + 1 if b"(" in keys else len(keys)
        head = tuple(keys[: at - 1])
        named = keys[at : at + 1] == [b'"<'] and keys[-2:] == [b")", b";"]
        if not named or not _REGISTERS.fullmatch(b"".join(head)):
            return set()
        close = keys.index(b'">', at) if b'">' in keys[at:] else len(keys)
        found.add((head, b"".join(key[2:] for key in keys[at + 1 : close]).partition(b"(")[0].strip()))
    return found


def _arms(b: Tokens, o: Tokens, t: Tokens, r: Region) -> list[Slice] | None:
    ours, theirs = _arm_labels(o, r.o0, r.o1), _arm_labels(t, r.t0, r.t1)
    if not ours or not theirs or set(ours) & set(theirs):
        return None
    if _falls_into(o, r.o0) or _falls_into(t, r.t0):
        return None
    mine, other = (o, r.o0, r.o1), (t, r.t0, r.t1)
    numbers = [_NUMBER.match(label) for label in (*ours, *theirs)]
    if all(numbers) and max(map(int, ours)) < min(map(int, theirs)):
        return [mine, other]
    return [other, mine]


def _edited_arms(b: Tokens, o: Tokens, t: Tokens, r: Region) -> list[Slice] | None:
    """Closed arms of which the sides removed, added and edited different ones: none can fall into another."""
    base, ours, theirs = (_closed_arms(*part) for part in ((b, r.b0, r.b1), (o, r.o0, r.o1), (t, r.t0, r.t1)))
    if base is None or ours is None or theirs is None:
        return None
    if _falls_into(o, r.o0) or _falls_into(t, r.t0):
        return None
    order = [label for label in base if label in ours and label in theirs]
    if any([x for x in side if x in order] != order for side in (ours, theirs)):
        return None
    chosen: dict[bytes, Slice] = {}
    for label in {**theirs, **ours}:
        mine, other, old = ours.get(label), theirs.get(label), base.get(label)
        keys = [part and _keys(part) for part in (mine, other, old)]
        if mine and (keys[1] == keys[2] or keys[0] == keys[1]):
            chosen[label] = mine
        elif other and keys[0] == keys[2]:
            chosen[label] = other
        elif (mine or other) and not (keys[2] in keys[:2] and None in keys[:2]):
            return None  # both changed it
    result = [label for label in theirs if label in chosen]
    before: bytes | None = None
    for label in ours:
        if label in chosen and label not in result:
            at = result.index(before) + 1 if before is not None else 0
            while at < len(result) and result[at] not in base and result[at] not in ours:
                at += 1
            result.insert(at, label)
        before = label if label in result else before
    parts = [chosen[label] for label in result]
    labels = [one for part in parts for one in _arm_labels(*part) or ()]
    return parts if len(set(labels)) == len(labels) else None


def _closed_arms(source: Tokens, start: int, end: int) -> dict[bytes, Slice] | None:
    """The arms of a stretch by their labels, each with the comments above it; None if it is anything else."""
    if start == end:
        return {}
    if _arm_labels(source, start, end) is None:
        return None
    depth = 0
    starts: list[int] = []
    for index in range(start, end):
        key = source.keys[index]
        depth += (key in (b"{", b"(", b"[")) - (key in (b"}", b")", b"]"))
        if key == b"case" and depth == 0 and (index == start or source.keys[index - 1] != b":"):
            while index > start and is_comment(source.keys[index - 1]):
                index -= 1
            starts.append(index)
    if not starts or starts[0] != start or any(b"\n" not in source.gaps[k] for k in starts):
        return None  # a comment behind an arm is not of the next one
    arms = [(source, i, j) for i, j in zip(starts, [*starts[1:], end], strict=True)]
    labels = [b" ".join(_arm_labels(*arm) or ()) for arm in arms]
    return dict(zip(labels, arms, strict=True)) if all(labels) and len(set(labels)) == len(labels) else None


def _arm_labels(source: Tokens, start: int, end: int) -> list[bytes] | None:
    """The labels of whole, closed case arms; None if the stretch is anything else."""
    keys = _plain(source.keys[start:end])
    if not keys or keys[0] != b"case":
        return None
    labels: list[bytes] = []
    depth = 0
    always = [True]  # by depth: whether what stands there runs whenever the arm does
    last_statement: list[bytes] = []
    statement: list[bytes] = []
    for index, key in enumerate(keys):
        if key in (b"{", b"(", b"["):
            depth += 1
            always.append(always[-1] and key == b"{" and not statement)
        elif key in (b"}", b")", b"]"):
            depth -= 1
            if depth < 0:
                return None
            always.pop()
        if key == b"default" and depth == 0:
            return None
        if key == b"case" and depth == 0:
            if labels and not _leaves(last_statement) and not _is_label_end(keys, index):
                return None
            colon = index + 1
            while colon < len(keys) and keys[colon] != b":":
                colon += 1
            labels.append(b" ".join(keys[index + 1 : colon]))
            statement = last_statement = []
        elif key in (b";", b"{", b"}"):
            if statement and always[-2 if key == b"{" else -1]:
                last_statement = statement
            statement = []
        elif key == b":" and depth == 0 and b"?" not in statement:
            statement = []
        else:
            statement.append(key)
    if depth or not _leaves(last_statement) or len(set(labels)) != len(labels):
        return None
    return labels


def _falls_into(source: Tokens, index: int) -> bool:
    """Whether what stands before ``index`` may run on into a case arm that is put there."""
    keys = _plain(source.keys[:index])
    while keys[-1:] == [b"}"]:  # of a plain block, else it is a condition's
        depth = at = 0
        for at in range(len(keys) - 1, -1, -1):
            depth += (keys[at] == b"}") - (keys[at] == b"{")
            if depth == 0:
                break
        if keys[at - 1 : at] not in ([b":"], [b";"]):
            return True
        keys.pop()
    if keys[-1:] == [b"{"]:
        return False  # the first arm
    if keys[-1:] != [b";"]:
        return True
    begin = len(keys) - 1
    while begin and keys[begin - 1] not in (b";", b"{", b"}"):
        begin -= 1
    statement = keys[begin:]
    while statement[:1] in ([b"case"], [b"default"]) and b":" in statement:
        statement = statement[statement.index(b":") + 1 :]
    return not _leaves(statement)


def misplaced_arm(
    base: Sequence[bytes], ours: Sequence[bytes], theirs: Sequence[bytes], merged: Sequence[bytes]
) -> bytes | None:
    """The label of a case arm that only one side edited and that is otherwise in the merge: arms with the
    same statements look alike where a side changed their order."""
    if b"case" not in merged:
        return None
    b, o, t, m = map(_arms_by_label, (base, ours, theirs, merged))
    for label in b.keys() & o.keys() & t.keys() & m.keys():
        if b[label] == o[label] != t[label] != m[label] or b[label] == t[label] != o[label] != m[label]:
            return label
    return None


def _arms_by_label(keys: Sequence[bytes]) -> dict[bytes, list[tuple[bytes, ...]]]:
    """The statements of the case arms with each label, sorted."""
    found: dict[bytes, list[tuple[bytes, ...]]] = {}
    open_arms: list[tuple[int, bytes, int]] = []  # depth, label, where the statements begin
    plain = _plain(keys)
    depth = 0

    def close(end: int) -> None:
        while open_arms and open_arms[-1][0] >= depth:
            _, label, start = open_arms.pop()
            found.setdefault(label, []).append(tuple(plain[start:end]))

    for index, key in enumerate(plain):
        if key == b"}":
            close(index)
            depth -= 1
        elif key == b"{":
            depth += 1
        elif key in (b"case", b"default"):
            close(index)
            colon = index
            while colon < len(plain) and plain[colon] != b":":
                colon += 1
            open_arms.append((depth, b" ".join(plain[index + 1 : colon]) or key, colon + 1))
    depth = -1
    close(len(plain))
    return {label: sorted(arms) for label, arms in found.items()}


def _plain(keys: Sequence[bytes]) -> list[bytes]:
    """The keys as in code that is no directive, without comments."""
    plain = (key[1:] if len(key) > 1 and key[:1] == b"#" else key for key in keys)
    return [key for key in plain if not is_comment(key)]


def _leaves(statement: list[bytes]) -> bool:
    return bool(statement) and statement[0] in _LEAVES


def _is_label_end(keys: list[bytes], index: int) -> bool:
    return index > 0 and keys[index - 1] == b":"
