"""The result is well formed where every version is: brackets, conditions, separators, nothing emptied."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from mergeguard.cpp.scopes import HEAD, Statement, frame_of
from mergeguard.merge.gates.doubled import shown
from mergeguard.merge.gates.fault import BRACKETS, UNBALANCED, Compared, Fault, GateVersion, directive_of

# (A string beside a name may be a macro's.)
_OPERAND_END = re.compile(rb"[A-Za-z_0-9].*|\.[0-9].*|\)|\]|'.*", re.DOTALL)
_OPERAND_START = re.compile(rb"[A-Za-z_0-9].*|\.[0-9].*|'.*", re.DOTALL)
_SIGNS = frozenset(
    b", + - * / % << >> && || & | ^ = == != <= >= ? : . -> :: ;".split(),
)
_NO_UNARY = frozenset(b", / % << >> && || | ^ = == != <= >= ? . -> ;".split())
_BRANCHES = frozenset((b"if", b"ifdef", b"ifndef", b"elif"))
_BRANCH_ENDS = frozenset((b"else", b"elif", b"endif"))


def brackets(merge: Compared) -> Iterator[Fault]:
    """Brackets of the result that do not nest as the sum of both sides' do."""
    for opening, closing in BRACKETS:
        b, o, t, m = (v.left_open(opening, closing) for v in (merge.base, *merge.sides, merge.merged))
        total = o + t - b
        both = (o, t) if (o - b) * (t - b) > 0 else (total,)
        if not min(*both, total) <= m <= max(*both, total):
            name = f"{opening.decode()}{closing.decode()}"
            yield Fault(UNBALANCED, name, f"the brackets `{name}` of the result do not pair")


def branches(merge: Compared) -> Iterator[Fault]:
    """A block that begins in one branch of the preprocessor and ends in another, where the sides' do not."""
    b, o, t, m = (len(version.torn) for version in (merge.base, *merge.sides, merge.merged))
    if m <= max(o, t, o + t - b):
        return
    known = Counter(version.text[a:z] for version in (merge.base, *merge.sides) for a, z in version.torn)
    new = [(a, z) for a, z in merge.merged.torn if not known[merge.merged.text[a:z]]]
    message = "a block begins in one branch of a condition and ends in another"
    yield Fault(UNBALANCED, "{}", message, tuple(new))


def conditions(merge: Compared) -> Iterator[Fault]:
    """An ``#if`` without its end, or with two ``#else``, as in no version."""
    if merge.merged.is_odd and not any(v.is_odd for v in (merge.base, *merge.sides)):
        yield Fault(UNBALANCED, "#if", "the conditions of the result do not pair")


def comments(merge: Compared) -> Iterator[Fault]:
    """A comment that begins inside of another one, more often than in any version: it ends too early."""
    most = max(len(version.nested_comments) for version in (merge.base, *merge.sides))
    found = merge.merged.nested_comments
    if len(found) > most:
        message = "a comment begins inside of another one, which ends with it"
        yield Fault(UNBALANCED, "/*", message, tuple(found))


def blocks(merge: Compared) -> Iterator[Fault]:
    """A block of a code template (``{% if … %}``) without its end, or the reverse, where the base has none.

    Doubtful: it may be a side's own.
    """
    if b"{%" not in merge.merged.text or merge.base.open_blocks or not merge.merged.open_blocks:
        return
    word = max(merge.merged.open_blocks).decode("ascii")
    message = f"the blocks `{{% {word} %}}` of the result do not pair"
    yield Fault(UNBALANCED, word, message, doubtful=True)


def separators(merge: Compared) -> Iterator[Fault]:
    """Neighbours that no version has and no grammar: two operands, two signs of which none can lead one."""
    if not merge.woven:
        return
    known = merge.base.pairs | merge.ours.pairs | merge.theirs.pairs
    for one in merge.woven:
        for pair in zip(one.keys, one.keys[1:], strict=False):
            if pair in known or not _odd_pair(pair):
                continue
            place = (merge.merged.span(one),)
            yield Fault("lost-separator", shown(pair), f"`{shown(pair)}` came to stand side by side", place)
            break


def _odd_pair(pair: tuple[bytes, bytes]) -> bool:
    one, two = pair
    if _OPERAND_END.fullmatch(one) and _OPERAND_START.fullmatch(two):
        return True
    if two == b"," and one in (b"(", b"[", b"{", b","):
        return True
    return (one in _SIGNS and two in _NO_UNARY) or (one in _SIGNS and two in (b")", b"]"))


def emptied(merge: Compared) -> Iterator[Fault]:
    """A branch of a condition, or a namespace, with nothing in it where the sides have something."""
    most = max((version.of(_empty) for version in (merge.base, *merge.sides)), key=len)
    found = merge.merged.of(_empty)
    known = Counter(one.keys for version in (merge.base, *merge.sides) for one in version.of(_empty))
    if len(found) <= len(most):
        return
    for one in found:
        if not known[one.keys]:
            said = shown(one.keys)
            message = f"one side wrapped in `{said}` what the other removed"
            yield Fault("emptied-block", said, message, (merge.merged.span(one),))


def _empty(version: GateVersion) -> list[Statement]:
    """The directives that begin a branch with nothing in it."""
    return [
        before
        for before, one in zip(version.statements, version.statements[1:], strict=False)
        if (directive_of(one) in _BRANCH_ENDS and directive_of(before) in _BRANCHES)
        or (directive_of(one) == b"endif" and directive_of(before) == b"else")
    ]


def stubs(merge: Compared) -> Iterator[Fault]:
    """Something of a name that one side removed and of which the other made another one: a stub, a twin."""
    base, ours, theirs, now = (v.of(_defined) for v in (merge.base, *merge.sides, merge.merged))
    for one, other in ((ours, theirs), (theirs, ours)):
        for name in now:
            if name in base and name not in one and len(other.get(name, ())) > len(base[name]):
                said = name.decode("utf-8", "replace")
                message = f"one side removed {said}, and the other made another one of it"
                yield Fault("kept-stub", said, message, tuple(map(merge.merged.span, now[name])))


def _defined(version: GateVersion) -> dict[bytes, list[Statement]]:
    """The heads of functions and types at file level, by name."""
    found: dict[bytes, list[Statement]] = {}
    for one in version.statements:
        name = frame_of(one.keys) if one.kind == HEAD else b""
        if name.endswith(b"()") and not any(frame.endswith(b"()") for frame in one.scope):
            found.setdefault(name, []).append(one)
    return found
