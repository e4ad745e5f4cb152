"""Calls that no head takes: new ones of one side under the head that the other changed, and grown ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from mergeguard.cpp.scopes import DIRECTIVE, Statement, without_template
from mergeguard.merge.checks.heads import head_changed
from mergeguard.merge.checks.suspects import recalled
from mergeguard.merge.edits import called_more, side_edit
from mergeguard.merge.gates.fault import Compared, Fault, GateVersion, misfit
from mergeguard.merge.gates.operands import edited_by_both, elements
from mergeguard.merge.parameters import arguments, list_of

_Keys = tuple[bytes, ...]
_NAME = re.compile(rb"[A-Za-z_]\w*")
_OF_OTHERS = ((b".",), (b"->",), (b"::",))  # before a name: a member's, or another namespace's
_ANGLES = (b"<", b">", b">>")  # brackets of a type, or signs of an expression


def misfitting(merge: Compared) -> Iterator[Fault]:
    """A call that one side brings, with as many arguments as the old head took and the other side's does not.

    Doubtful: with what a macro makes of the arguments, or an overload from elsewhere, it may be right.
    """
    edits = [side_edit(merge.base.text, side.text) for side in merge.sides]
    for number, who in enumerate(("our", "their")):
        side = merge.sides[number]
        for name in sorted(recalled(merge.base.text, side.text, called_more(edits[1 - number]))):
            said = name.decode("utf-8", "replace")
            places = tuple(merge.merged.span(one) for one in _misfits(merge, side, name))
            if places:
                yield misfit("signature-changed", said, head_changed(said, who), places)


def grown(merge: Compared) -> Iterator[Fault]:
    """A call to which both sides added arguments, so that it has more than either means; not where a head
    here takes as many."""
    for one, versions in merge.of(edited_by_both):
        known, mine, other = (Counter(elements(keys)) for keys in versions[:3])
        if (mine - known) & (other - known):
            continue  # one argument from both: another gate's question
        base, ours, theirs, now = (_sizes(keys) for keys in versions)
        for name in sorted(now.keys() & base.keys() & ours.keys() & theirs.keys()):
            if not base[name] < min(ours[name], theirs[name]) <= max(ours[name], theirs[name]) < now[name]:
                continue
            if not _list_of(one.keys) and not any(
                now[name] in head for head in merge.merged.of(_heads, name)
            ):
                said = name.decode("utf-8", "replace")
                message = f"both sides added arguments to one call of {said}: which stands where is a choice"
                yield misfit("close-edits", said, message, (merge.merged.span(one),))


def _sizes(keys: _Keys) -> dict[bytes, int]:
    """How many arguments each name is called with that a statement calls once."""
    names = Counter(name for name, sign in zip(keys, keys[1:], strict=False) if sign == b"(")
    return {
        keys[at]: len(arguments(keys, at + 1))
        for at in range(len(keys) - 1)
        if keys[at + 1] == b"(" and names[keys[at]] == 1 and _NAME.fullmatch(keys[at])
    }


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
            parts = arguments(one.keys, at + 1, types=True)
            least = sum(b"=" not in part and b"..." not in part for part in parts)
            most = len(parts) if not any(b"..." in part for part in parts) else 1 << 10
            found.append(range(least, most + 1))
    return found


def _calls(version: GateVersion, name: bytes) -> list[tuple[_Keys, Statement]]:
    """The calls of a name with their arguments, each as one word, and where they stand."""
    return [
        (tuple(b" ".join(part) for part in arguments(one.keys, at + 1)), one)
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
    return _list_of(one.keys) == at + 2


def _list_of(keys: _Keys) -> int:
    """Where the parameters of a head begin, whatever template it is of; 0 for what is no head."""
    rest = without_template(keys)
    start = list_of(rest)
    return start + len(keys) - len(rest) if start else 0
