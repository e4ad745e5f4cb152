"""Names looked up in their function: none declared twice, none used that its function no longer declares."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from mergeguard.cpp.scopes import HEAD, STATEMENT, Scope, Statement, frame_of, root_in
from mergeguard.merge.edits import LANGUAGE
from mergeguard.merge.gates.fault import Compared, Fault, GateVersion, misfit
from mergeguard.merge.parameters import MAY_NOT_BE_TYPES as _NO_TYPE
from mergeguard.merge.parameters import initialised_by, numbers_of, parameters_of, values_of
from mergeguard.merge.parameters import may_end_type as _may_end_type
from mergeguard.merge.parameters import nesting as _nests

_WORD = re.compile(rb"[A-Za-z_]\w*")
_IN_TYPE = frozenset((b"::", b"<", b">", b">>", b"*", b"&", b"&&", b",", b"..."))
_BEHIND = frozenset((b"=", b";", b"(", b"{", b"[", b",", b")", b":"))
_LOOPS = (b"for", b"if", b"while", b"switch")
_Declared = tuple[int, Scope, Statement]  # the function or class it is in, its scope, where it stands


def listed_twice(merge: Compared) -> Iterator[Fault]:
    """A name that one list declares twice: a parameter, a member that a constructor initialises, a value of
    an enumeration; and a number that two values of one enumeration have."""
    known = {(kind, name) for v in (merge.base, *merge.sides) for kind, name, _ in v.of(_twice_in_a_list)}
    for kind, name, one in merge.merged.of(_twice_in_a_list):
        if (kind, name) not in known:
            said = name.decode("utf-8", "replace")
            where = (
                frame_of(one.keys) if one.kind == HEAD else one.scope[-1:] and one.scope[-1]
            ) or b"one list"
            message = (
                f"both sides added the {kind} {said} to {where.decode('utf-8', 'replace')},"
                " and the result has it twice"
            )
            yield Fault("duplicate-name", said, message, (merge.merged.span(one),))


def _twice_in_a_list(version: GateVersion) -> list[tuple[str, bytes, Statement]]:
    return [
        (kind, name, one)
        for one in version.statements
        for kind, name in _repeated(one.kind, one.keys, bool(one.scope) and one.scope[-1].startswith(b"enum"))
    ]


@lru_cache(maxsize=1 << 13)  # versions have most statements in common
def _repeated(kind: str, keys: tuple[bytes, ...], in_enum: bool) -> tuple[tuple[str, bytes], ...]:
    """What a statement lists more than once, and what it is a list of."""
    return tuple(
        (what, name)
        for what, names in _listed(kind, keys, in_enum)
        for name, times in Counter(names).items()
        if times > 1
    )


def _listed(kind: str, keys: tuple[bytes, ...], in_enum: bool) -> Iterator[tuple[str, Iterable[bytes]]]:
    """The lists of names that a statement declares, and what each is a list of."""
    if kind == STATEMENT and in_enum:
        yield "value", values_of(keys)
        yield "number", numbers_of(keys)
    elif kind in (HEAD, STATEMENT) and b"(" in keys:
        yield "parameter", parameters_of(keys)
        if kind == HEAD:
            yield "initialiser of", initialised_by(keys)


# -- locals and members


def declared_twice(merge: Compared) -> Iterator[Fault]:
    """A local or a member that both sides brought and that one scope, or one within the other, has twice."""
    base, ours, theirs = (version.of(_declared) for version in (merge.base, *merge.sides))
    fresh = {key for key in (ours.keys() & theirs.keys()) - base.keys() if key[1] not in merge.renamed}
    if not fresh:
        return
    now = merge.merged.of(_declared)
    for key in sorted(fresh & now.keys()):
        pair = _clash(now[key])
        if pair is not None and _clash(ours[key]) is None and _clash(theirs[key]) is None:
            name = key[1].decode("utf-8", "replace")
            line = merge.merged.line(pair[1][2])
            message = f"both sides brought a {name}, and one declaration has both at line {line}"
            yield Fault("duplicate-name", name, message, tuple(merge.merged.span(one[2]) for one in pair))


def _declared(version: GateVersion) -> dict[tuple[bytes, bytes], list[_Declared]]:
    """The declarations of each name in each outermost function or class."""
    found: dict[tuple[bytes, bytes], list[_Declared]] = defaultdict(list)
    opens = 0  # the number of the last function or class that has begun
    for one in version.statements:
        root = _root(one)
        opens += one.kind == HEAD and not one.root and bool(root)
        for name, scope in _declares(one) if root else ():
            found[root, name].append((one.root or opens, scope, one))
    return found


def _root(one: Statement) -> bytes:
    """The outermost function or class that a statement is in, or that a head opens."""
    return root_in((*one.scope, frame_of(one.keys)) if one.kind == HEAD else one.scope)


def _declares(one: Statement) -> Iterator[tuple[bytes, Scope]]:
    """The names that a statement declares, with the scope that they have."""
    if one.kind == HEAD and one.keys[0] not in _LOOPS:
        frame = frame_of(one.keys)
        yield from ((name, (*one.scope, frame)) for name in _parameters(one.keys))
        return
    if one.kind not in (HEAD, STATEMENT):
        return
    in_loop = one.kind == HEAD
    keys = one.keys[2:] if in_loop else one.keys
    index = _type_end(keys)
    if not index:
        return
    scope = (*one.scope, b" ".join(one.keys)) if in_loop else one.scope
    if not in_loop and keys[index + 1 : index + 2] == (b"(",) and scope[-1:] and not _in_function(scope):
        return  # a member function
    yield keys[index], scope


@lru_cache(maxsize=4096)
def _parameters(head: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(parameters_of(head))


def _in_function(scope: Scope) -> bool:
    return any(frame.endswith(b"()") for frame in scope)


@lru_cache(maxsize=1 << 13)  # versions have most statements in common
def _type_end(keys: tuple[bytes, ...]) -> int:
    """The index of the name that a statement declares; 0 if it declares none."""
    depth = 0
    for index, key in enumerate(keys):
        if index and depth == 0 and key in _BEHIND and key != b",":
            named = _WORD.fullmatch(keys[index - 1]) and keys[index - 1] not in LANGUAGE
            before = keys[index - 2] if index > 1 else b""
            typed = before and before != b"::" and _may_end_type(before)
            return index - 1 if named and typed and keys[0] not in _NO_TYPE else 0
        depth += _nests(key)
        if not (_WORD.fullmatch(key) or key in _IN_TYPE or depth > 0):
            return 0
    return 0


def _clash(found: Sequence[_Declared]) -> tuple[_Declared, _Declared] | None:
    """The first two declarations of one name of which one is in force where the other is."""
    for k, two in enumerate(found):
        for one in found[:k]:
            loops = any(x[2].kind == HEAD and x[2].keys[0] in _LOOPS for x in (one, two))
            shorter, longer = sorted((one[1], two[1]), key=len)
            if one[0] == two[0] and not loops and longer[: len(shorter)] == shorter:
                return one, two
    return None


def lost_locals(merge: Compared) -> Iterator[Fault]:
    """A local that one side took away and the other newly uses, whatever else has its name."""
    versions = [version.of(_functions) for version in (merge.base, *merge.sides, merge.merged)]
    base, now = versions[0], versions[3]
    for side, other in ((versions[1], versions[2]), (versions[2], versions[1])):
        for root in (root for root in now if root in base and root in side and root in other):
            gone = (base[root][0] & side[root][0]) - other[root][0] - now[root][0] - merge.renamed
            for name in sorted(gone):
                found = [one for one in now[root][1] if name in one.keys and not _is_member(one.keys, name)]
                if not found or any(name in one.keys for one in other[root][1]):
                    continue
                said, where = (x.decode("utf-8", "replace") for x in (name, root))
                message = f"one side took the local {said} of {where} away, and the other newly uses it"
                yield Fault("lost-name", said, message, tuple(map(merge.merged.span, found)))


def early(merge: Compared) -> Iterator[Fault]:
    """A local that one side moved down behind what the other newly uses it in. Doubtful: something outside
    may have its name."""
    versions = [version.of(_functions) for version in (merge.base, *merge.sides, merge.merged)]
    bodies = [{root: [one.keys for one in body] for root, (_, body) in found.items()} for found in versions]
    for root, body in bodies[3].items():
        if any(body == other.get(root, body) for other in bodies[:3]):
            continue
        known = {name for version in versions[:3] for name, _ in _used_early(version[root])}
        for name, used in _used_early(versions[3][root]):
            if name not in known:
                said, where = (x.decode("utf-8", "replace") for x in (name, root))
                message = f"one side moved the local {said} of {where} behind a use that the other brings"
                yield misfit("early-use", said, message, (merge.merged.span(used),))


def _used_early(function: tuple[set[bytes], list[Statement]]) -> list[tuple[bytes, Statement]]:
    """The names that a function declares once, behind a use of them, with the first such use."""
    names, body = function
    places = {name: (number, scope) for number, one in enumerate(body) for name, scope in _declares(one)}
    often = Counter(name for one in body for name, _ in _declares(one))
    found: dict[bytes, Statement] = {}
    for number, one in enumerate(body):
        for name in names.intersection(one.keys):
            at, scope = places[name]
            inside = one.scope[: len(scope)] == scope
            if number < at and often[name] == 1 and inside and not _is_member(one.keys, name):
                found.setdefault(name, one)
    return sorted(found.items())


def hidden(merge: Compared) -> Iterator[Fault]:
    """A name that one side newly uses where the other newly declares a local of it: it means that one now.

    Doubtful: what both mean may come to the same.
    """
    base, *sides = (version.of(_declared) for version in (merge.base, *merge.sides))
    now = merge.merged.of(_declared)
    before = merge.base.of(_how_often_declared)
    for number in (0, 1):
        mine, other = sides[number], sides[1 - number]
        more = merge.sides[number].of(_how_often_declared)
        for key in sorted(mine.keys() & now.keys()):
            root, name = key
            # (What moved, or stands in a function with another name, is not one more.)
            if more[name] <= before[name] or key in other.keys() - base.keys():
                continue
            inner = (one for one in now[key] if _is_new(merge, one, number) and _is_inside(one, now[key]))
            used = next(filter(None, (_used_in(merge, one, name, 1 - number) for one in inner)), None)
            if used is not None:
                said, where = (x.decode("utf-8", "replace") for x in (name, root))
                message = f"one side newly uses {said} in {where}, where the other declares its own {said}"
                yield misfit("hidden-name", said, message, (merge.merged.span(used),))


def _is_new(merge: Compared, declared: _Declared, number: int) -> bool:
    """Whether one side alone brings a declaration."""
    keys = declared[2].keys
    others = merge.base.counts[keys] + merge.sides[1 - number].counts[keys]
    return not others and merge.sides[number].counts[keys] > 0


def _is_inside(declared: _Declared, found: Sequence[_Declared]) -> bool:
    """Whether another declaration of the name holds around that one."""
    root, scope, _ = declared
    outer = (one[1] for one in found if one[0] == root and len(one[1]) < len(scope))
    return any(scope[: len(one)] == one for one in outer)


def _how_often_declared(version: GateVersion) -> Counter[bytes]:
    """How many locals, members and parameters of each name there are."""
    return Counter(name for (_, name), found in version.of(_declared).items() for _ in found)


def _used_in(merge: Compared, declared: _Declared, name: bytes, user: int) -> Statement | None:
    """The first statement that a side brings, not the one with the declaration alone, and that uses a name
    where that holds."""
    _, scope, place = declared
    for one in merge.merged.statements:
        holds = one.start > place.start and one.scope[: len(scope)] == scope
        if holds and name in one.keys and not _is_member(one.keys, name) and _is_brought(merge, one, user):
            if name not in (declares for declares, _ in _declares(one)):
                return one
    return None


def _is_brought(merge: Compared, one: Statement, user: int) -> bool:
    """Whether one side alone brings a statement, or it is there once where both brought it."""
    versions = (merge.base, merge.sides[user], merge.sides[1 - user], merge.merged)
    base, mine, other, now = (version.counts[one.keys] for version in versions)
    return mine > max(base, other) or (min(mine, other) > base and now < mine + other - base)


def _is_member(keys: Sequence[bytes], name: bytes) -> bool:
    return (
        all(
            before in (b".", b"->", b"::") for before, key in zip(keys, keys[1:], strict=False) if key == name
        )
        and keys[0] != name
    )


def _functions(version: GateVersion) -> dict[bytes, tuple[set[bytes], list[Statement]]]:
    """For each function: the names it declares, and its statements."""
    found: dict[bytes, tuple[set[bytes], list[Statement]]] = {}
    for one in version.statements:
        root = _root(one)
        if root.endswith(b"()"):
            names, body = found.setdefault(root, (set(), []))
            names.update(name for name, _ in _declares(one))
            body.append(one)
    return found
