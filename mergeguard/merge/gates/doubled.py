"""What both sides brought must not be there twice: statements, definitions, what one opening opens."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TypeVar

from mergeguard.cpp.scopes import (
    DIRECTIVE,
    HEAD,
    LABEL,
    PLAIN,
    STATEMENT,
    Scope,
    Statement,
    frame_of,
    root_in,
)
from mergeguard.merge.gates.fault import Compared, Fault, GateVersion
from mergeguard.merge.gates.registering import registers
from mergeguard.merge.parameters import overload_of, parameters_of

_WORD = re.compile(rb"[A-Za-z_]\w*")
# They leave a block: where it ends is no thing done.
_LEAVING = frozenset((b"break", b"continue", b"return", b"goto", b"throw"))
_CASES = frozenset((b"case", b"default"))
_TESTS = frozenset((b"if", b"while"))
_CHANGES = frozenset(b"++ -- = += -= *= /= %= &= |= ^= <<= >>=".split())
_OPENERS = frozenset((b"if", b"ifdef", b"ifndef"))
_DECLARING = frozenset((b"template", b"using", b"typedef", b"extern"))  # twice is once, or another's question
_NAMED_SCOPES = (b"namespace", b"inline namespace", b"struct ", b"class ", b"union ")
_CLASSES = (b"struct ", b"class ", b"union ")
_TRANSPARENT = (b"extern", b"public", b"private", b"protected")
_Key = TypeVar("_Key")
_Function = tuple[Scope, bytes, tuple[tuple[bytes, ...], ...]]


def statements(merge: Compared) -> Iterator[Fault]:
    """A statement that both sides added where the base lacks it, there more often than on either."""
    base, ours, theirs = (version.counts for version in (merge.base, *merge.sides))
    for keys in _in_all(merge.merged.counts, ours, theirs):
        old, most = base[keys], max(ours[keys], theirs[keys])
        found = merge.merged.by_keys[keys]
        if min(ours[keys], theirs[keys]) <= old or len(found) <= most or not _does_something(found[0]):
            continue
        blocks = {_block(one) for one in merge.base.by_keys.get(keys, ())}
        new = [[x for x in v.by_keys[keys] if _block(x) not in blocks] for v in (*merge.sides, merge.merged)]
        pairs = [_overlaps(found) for found in new]
        more = {root for root, count in pairs[2].items() if count > max(pairs[0][root], pairs[1][root])}
        together = [
            one
            for one in new[2]
            if root_of(one) in more and any(_both_run(one, other) for other in new[2] if other is not one)
        ]
        if together:
            message = f"both sides added `{shown(keys)}`, and the result has it twice"
            yield Fault("doubled-code", shown(keys), message, tuple(map(merge.merged.span, together)))


def _in_all(result: Mapping[_Key, object], *sides: Mapping[_Key, object]) -> Iterator[_Key]:
    """What is in the result and on every side, in the result's order: faults are told in one order."""
    return (key for key in result if all(key in side for side in sides))


def labels(merge: Compared) -> Iterator[Fault]:
    """A case or a label to jump to that is there more often than in any version in one ``switch`` or
    function: no program."""
    base, ours, theirs, now = (version.of(_labelled) for version in (merge.base, *merge.sides, merge.merged))
    for key in _in_all(now, ours, theirs):
        found = now[key]
        if _meeting(found) > max(_meeting(known.get(key, [])) for known in (base, ours, theirs)):
            said = shown(key[1]).replace(" :", ":")
            arm = key[1][0] in _CASES
            what = f"an arm `{said}` of one switch" if arm else f"the label `{said}`"
            places = tuple(map(merge.merged.span, found))
            yield Fault(
                "duplicate-arm" if arm else "doubled-code", said, f"both sides brought {what}", places
            )


def _labelled(version: GateVersion) -> dict[tuple[Scope, tuple[bytes, ...]], list[Statement]]:
    """The labels by what they belong to (a ``switch``, else a function) and what they say."""
    found: dict[tuple[Scope, tuple[bytes, ...]], list[Statement]] = defaultdict(list)
    for one in version.statements:
        if one.kind == LABEL and root_of(one):
            of_switch = one.keys[0] in _CASES
            found[one.scope[one.conditions :] if of_switch else (root_of(one),), one.keys].append(one)
    return found


def _block(one: Statement) -> tuple[Scope, bool]:
    """The block that a statement is in."""
    return one.scope, bool(one.root)


def _does_something(one: Statement) -> bool:
    """Whether a statement changes anything."""
    return _changes_something(one.kind, one.keys, bool(one.root))


@lru_cache(maxsize=1 << 13)  # versions have most statements in common
def _changes_something(kind: str, keys: tuple[bytes, ...], is_inside: bool) -> bool:
    if kind == HEAD:
        return keys[0] in _TESTS and not _CHANGES.isdisjoint(keys)
    if kind in (LABEL, DIRECTIVE) or keys[0] in _LEAVING or any(registers(keys)):
        return False
    if keys[-1] != b";" or (not is_inside and (keys[0] in _DECLARING or _is_prototype(keys))):
        return False
    return any(map(_WORD.fullmatch, keys))


def _is_prototype(keys: tuple[bytes, ...]) -> bool:
    """Whether a statement outside of functions declares one by its parameters. (Without any it may as well be
    an object that is made; with a default, once more is once too often.)"""
    return keys[-2:] == (b")", b";") and b"=" not in keys and any(parameters_of(keys))


def root_of(one: Statement) -> bytes:
    """The outermost function or class that a statement is in; empty at file level."""
    return root_in(one.scope)


def _overlaps(found: list[Statement]) -> Counter[bytes]:
    """How many pairs of statements may both be run through, by the function that they are in."""
    return Counter(root_of(a) for k, a in enumerate(found) for b in found[:k] if _both_run(a, b))


def _both_run(a: Statement, b: Statement) -> bool:
    return a.root == b.root and all(
        _within(x, y)
        for x, y in (
            (a.scope[: a.conditions], b.scope[: b.conditions]),
            (a.scope[a.conditions :], b.scope[b.conditions :]),
        )
    )


def _within(a: Scope, b: Scope) -> bool:
    """Whether one of two stacks is within the other."""
    return a[: len(b)] == b or b[: len(a)] == a


def returned(merge: Compared) -> Iterator[Fault]:
    """What one side removed from its function, block or table, and the other only moved: it is there again.
    What both moved, to two places. And what one added once more where the other moved it: one is lost."""
    if not merge.is_sound:
        return
    told: set[tuple[int, int]] = set()
    base, ours, theirs, now = (version.of(_by_place) for version in (merge.base, *merge.sides, merge.merged))
    for key, found in now.items():
        old, mine, other = (len(places.get(key, ())) for places in (base, ours, theirs))
        both_moved = mine == other == old and 0 < old < len(found)
        is_back = min(mine, other) < old == max(mine, other) <= len(found)
        # (Of a block, the other side may have put the new one into a block of its own.)
        one_lost = 0 < old == min(mine, other) <= len(found) < max(mine, other) and isinstance(key[0], bytes)
        places = tuple(map(merge.merged.span, found))
        if not (both_moved or is_back or one_lost) or told.issuperset(places):
            continue
        told.update(places)
        said = shown(key[1])
        if both_moved:
            yield Fault("doubled-code", said, f"both sides moved `{said}`, to two places", places)
        elif one_lost:
            message = f"one side has `{said}` once more and the other moved it: the one would be lost"
            yield Fault("lost-operand", said, message, places)
        else:
            message = f"one side removed `{said}`, and by the other's edit it is back"
            yield Fault("undone-removal", said, message, places)


def moved_apart(merge: Compared) -> Iterator[Fault]:
    """What every version does once, wherever, and the result does twice: both sides moved it, to two places.
    Doubtful: where functions were taken apart, one of them may be another thing."""
    versions = (merge.base, *merge.sides)
    for keys, found in merge.merged.by_keys.items():
        once = len(found) > 1 and all(version.counts[keys] == 1 for version in versions)
        if once and _does_something(found[0]) and root_of(found[0]):
            said = shown(keys)
            places = tuple(map(merge.merged.span, found))
            message = f"both sides moved `{said}`, to two places"
            yield Fault("doubled-code", said, message, places, doubtful=True)


def rows(merge: Compared) -> Iterator[Fault]:
    """A row that both sides brought to one table, at two places of it."""
    base, ours, theirs, now = (version.of(_rows_of) for version in (merge.base, *merge.sides, merge.merged))
    for key in _in_all(now, ours, theirs):
        if key in base or len(now[key]) <= max(len(ours[key]), len(theirs[key])):
            continue
        said = shown(key[1])
        message = f"both sides added the row `{said}` to one table, and the result has it twice"
        yield Fault("doubled-code", said, message, tuple(map(merge.merged.span, now[key])))


_Place = tuple[object, tuple[bytes, ...]]


def _by_place(version: GateVersion) -> dict[_Place, list[Statement]]:
    """What is done, by the function that it is in and again by the very block, and the rows of tables, by
    their table; with what they say."""
    found: dict[_Place, list[Statement]] = defaultdict(list)
    for one in version.statements:
        root = root_of(one)
        does = root and _does_something(one)
        if does:
            found[root, one.keys].append(one)
        if does or (root and one.scope[-1] != root and one.keys[0] in _LEAVING):
            found[one.scope, one.keys].append(one)
    found.update(version.of(_rows_of))
    return found


def _rows_of(version: GateVersion) -> dict[_Place, list[Statement]]:
    """What stands in the inner braces of tables, by the table."""
    found: dict[_Place, list[Statement]] = defaultdict(list)
    table: tuple[object, ...] = ()
    for one in version.statements:
        if one.kind == HEAD and one.keys[-1] == b"=":
            table = (one.scope, _declared_name(one.keys))
        elif one.kind == STATEMENT and one.scope[-2:] == (PLAIN, PLAIN):
            found[table, one.keys].append(one)
    return found


def _declared_name(keys: tuple[bytes, ...]) -> bytes:
    """What a head `type name[size] =` declares."""
    head = keys[: keys.index(b"[")] if b"[" in keys else keys
    return next((key for key in reversed(head) if _WORD.fullmatch(key)), b"")


def definitions(merge: Compared) -> Iterator[Fault]:
    """A function or a specialised class that both sides brought, there more often than on either where
    no condition parts them."""
    ours, theirs, now = (version.of(_heads) for version in (*merge.sides, merge.merged))
    known = merge.base.of(_heads)
    for key in _in_all(now, ours, theirs):
        if key in known:
            continue
        found = now[key]
        if _meeting(found) > max(_meeting(ours[key]), _meeting(theirs[key])):
            name = key[1].decode("utf-8", "replace").removesuffix("()")
            message = f"both sides brought a definition of {name}, and the result has it twice"
            yield Fault("duplicate-definition", name, message, tuple(map(merge.merged.body, found)))


def _heads(version: GateVersion) -> dict[_Function, list[Statement]]:
    """The heads of functions and specialised classes, not local ones, by what tells them apart."""
    found: dict[_Function, list[Statement]] = defaultdict(list)
    for one in version.statements:
        frame = frame_of(one.keys) if one.kind == HEAD else b""
        specialised = frame.startswith(_CLASSES) and b"<" in frame
        if not frame.endswith(b"()") and not specialised:
            continue
        frames = one.scope[one.conditions :]
        spaces = tuple(f for f in frames if f.startswith(_NAMED_SCOPES))
        if len(spaces) == sum(not f.startswith(_TRANSPARENT) for f in frames):
            found[spaces, frame, () if specialised else overload_of(one.keys)].append(one)
    return found


def _meeting(found: list[Statement]) -> int:
    """How many pairs in one function, or outside of any, stand under conditions of which one is within the
    other."""
    stand = [(one.root, one.scope[: one.conditions]) for one in found]
    return sum(a[0] == b[0] and _within(a[1], b[1]) for k, a in enumerate(stand) for b in stand[:k])


def openings(merge: Compared) -> Iterator[Fault]:
    """A condition, namespace or linkage inside of its like, as on no side."""
    known = {text for version in (merge.base, *merge.sides) for text, _ in version.of(_within_its_like)}
    for text, one in merge.merged.of(_within_its_like):
        if text not in known:
            said = shown(text.split(b" "))
            inside = [x for x in merge.merged.statements if x.scope.count(text) > 1]
            spans = [merge.merged.span(x) for x in (one, *inside)]
            place = min(s for s, _ in spans), max(e for _, e in spans)
            yield Fault("doubled-code", said, f"`{said}` came to stand inside of another one", (place,))


def _within_its_like(version: GateVersion) -> list[tuple[bytes, Statement]]:
    found: list[tuple[bytes, Statement]] = []
    for one in version.statements:
        text = b""
        if one.kind == HEAD and one.keys[0] in (b"namespace", b"extern", b"inline"):
            text = frame_of(one.keys)
        elif one.kind == DIRECTIVE and one.keys[1:2] and one.keys[1] in _OPENERS:
            text = b" ".join(one.keys[1:])
        if text and text in one.scope:
            found.append((text, one))
    return found


def includes(merge: Compared) -> Iterator[Fault]:
    """One file that the sides include under different spellings, and the result under both."""
    ours, theirs = (side.of(_included) for side in merge.sides)
    if not (ours.keys() - theirs.keys() and theirs.keys() - ours.keys()):
        return
    now = _included(merge.merged)
    for mine in sorted(ours.keys() - theirs.keys()):
        for other in sorted(theirs.keys() - ours.keys()):
            if mine in now and other in now and _same_file(mine, other):
                said = f"`{mine.decode()}` and `{other.decode()}`"
                message = f"both sides moved one include under different names: {said}"
                yield Fault(
                    "doubled-code", said, message, tuple(map(merge.merged.span, (now[mine], now[other])))
                )


def _included(version: GateVersion) -> dict[bytes, Statement]:
    """What a text includes (see ``included``)."""
    found: dict[bytes, Statement] = {}
    for one in version.statements:
        if is_include(one):
            found[included(version, one)] = one
    return found


def is_include(one: Statement) -> bool:
    return one.kind == DIRECTIVE and one.keys[1:2] == (b"include",)


def included(version: GateVersion, one: Statement) -> bytes:
    """What an include names, brackets or quotes included."""
    start, end = version.span(one)
    _, _, rest = version.text[start:end].partition(b"include")
    return rest.split(b"//")[0].strip()


def _same_file(one: bytes, two: bytes) -> bool:
    shorter, longer = sorted((b"/" + x.strip(b'<>"') for x in (one, two)), key=len)
    return longer.endswith(shorter)


def shown(keys: tuple[bytes, ...] | list[bytes]) -> str:
    """Code for a message."""
    text = b" ".join(keys[:16]).decode("utf-8", "replace")
    for sign in '"<', '">':
        text = text.replace(f"{sign} ", '"').replace(f" {sign}", '"').replace(sign, '"')
    return text.replace('"=', "").replace(" ;", ";") + (" …" if len(keys) > 16 else "")
