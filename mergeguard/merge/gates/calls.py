"""New calls of one side that the head of what they call, which the other side changed, no longer takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from mergeguard.cpp.scopes import DIRECTIVE, Statement
from mergeguard.merge.checks.heads import head_changed
from mergeguard.merge.checks.suspects import recalled
from mergeguard.merge.edits import side_edit
from mergeguard.merge.gates.fault import Compared, Fault, GateVersion
from mergeguard.merge.parameters import list_of, nesting

_Keys = tuple[bytes, ...]
_OF_OTHERS = ((b".",), (b"->",), (b"::",))  # before a name: a member's, or another namespace's
_ANGLES = (b"<", b">", b">>")  # brackets of a type, or signs of an expression


def misfitting(merge: Compared) -> Iterator[Fault]:
    """A call that one side brings, with as many arguments as the old head took and the other side's does not.

    Doubtful: with what a macro makes of the arguments, or an overload from elsewhere, it may be right.
    """
    edits = [side_edit(merge.base.text, side.text) for side in merge.sides]
    for number, who in enumerate(("our", "their")):
        side = merge.sides[number]
        for name in sorted(recalled(merge.base.text, side.text, edits[number], edits[1 - number])):
            said = name.decode("utf-8", "replace")
            places = tuple(merge.merged.span(one) for one in _misfits(merge, side, name))
            if places:
                yield Fault("signature-changed", said, head_changed(said, who), places, doubtful=True)


def _misfits(merge: Compared, changer: GateVersion, name: bytes) -> Iterator[Statement]:
    """Where the result has calls that the side with the new head has not, and that fit only the old one."""
    old, new = merge.base.of(_heads, name), merge.merged.of(_heads, name)
    if not old or not new:
        return
    known = Counter(call for call, _ in changer.of(_calls, name))
    for call, one in merge.merged.of(_calls, name):
        known[call] -= 1
        told = not any(sign in part.split() for part in call for sign in _ANGLES)
        if known[call] < 0 and told and _fits(call, old) and not _fits(call, new):
            yield one


def _fits(call: _Keys, heads: Sequence[range]) -> bool:
    return any(len(call) in head for head in heads)


def _heads(version: GateVersion, name: bytes) -> list[range]:
    """How many arguments each declaration of a function, and each macro, of a name takes."""
    found: list[range] = []
    for one in version.statements:
        for at in _places(one, name):
            if not _declares(one, at):
                continue
            parts = _arguments(one.keys, at + 1, types=True)
            least = sum(b"=" not in part and b"..." not in part for part in parts)
            most = len(parts) if not any(b"..." in part for part in parts) else 1 << 10
            found.append(range(least, most + 1))
    return found


def _calls(version: GateVersion, name: bytes) -> list[tuple[_Keys, Statement]]:
    """The calls of a name with their arguments, each as one word, and where they stand."""
    return [
        (tuple(b" ".join(part) for part in _arguments(one.keys, at + 1)), one)
        for one in version.statements
        for at in _places(one, name)
        if not _declares(one, at) and one.keys[at - 1 : at] not in _OF_OTHERS
    ]


def _places(one: Statement, name: bytes) -> Iterator[int]:
    """Where a statement has a name with a list in round brackets behind it."""
    keys = one.keys
    for at, key in enumerate(keys):
        if key == name and keys[at + 1 : at + 2] == (b"(",):
            yield at


def _declares(one: Statement, at: int) -> bool:
    """Whether what stands there is the head of a function or macro rather than a call."""
    if one.kind == DIRECTIVE:
        return at == 2 and one.keys[1] == b"define"
    return list_of(one.keys) == at + 2


def _arguments(keys: _Keys, opening: int, *, types: bool = False) -> list[_Keys]:
    """The elements of the list whose bracket stands at ``opening``; ``types``: ``<`` is a bracket in it."""
    parts: list[_Keys] = []
    depth, start = 0, opening + 1
    for at in range(opening, len(keys)):
        depth += nesting(keys[at]) if types or keys[at] not in _ANGLES else 0
        if (depth == 1 and keys[at] == b",") or depth == 0:
            parts.append(keys[start:at])
            start = at + 1
        if depth == 0:
            break
    return [] if parts == [()] else parts
