"""Classes that a unit needs and does not name: behind a member that a header declares, ``impl->run()``.

A header of the project declares ``class Api { struct Impl* impl; };``, and the file defines ``Impl``. What
says that ``Api::run`` needs ``Impl`` is that it reaches through ``impl`` to a member that only ``Impl`` has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from mergeguard.cpp.declaration import Declaration
from mergeguard.cpp.items import Kind
from mergeguard.cpp.source import Source, code_tokens

Owner = tuple[str, ...]
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_BEHIND_MEMBER = frozenset({";", "=", "(", "[", "{", ",", ":"})


def reached_types(source: Source, declared: Sequence[Sequence[Declaration]]) -> Mapping[int, frozenset[str]]:
    """For units (by number) the types of the file that they reach through a member; ``declared``: of each."""
    types = _members(source, declared)
    if not types:
        return {}
    reaching = [
        (number, one.owners, tuple(_reached(one.tokens)))
        for number, here in enumerate(declared)
        for one in here
        if one.item.kind is Kind.FUNCTION and one.owners
    ]
    behind: dict[tuple[Owner, str], set[str]] = defaultdict(set)
    for _, owner, pairs in reaching:
        for handle, member in pairs:
            if member in types:
                behind[owner, handle].add(types[member])
    found: dict[int, frozenset[str]] = {}
    for number, owner, pairs in reaching:
        names = frozenset(name for handle, _ in pairs for name in behind.get((owner, handle), ()))
        if names:
            found[number] = found.get(number, frozenset()) | names
    return found


def _members(source: Source, declared: Sequence[Sequence[Declaration]]) -> dict[str, str]:
    """The members that one type of the file alone has, and which it is."""
    owner: dict[str, set[str]] = defaultdict(set)
    for here in declared:
        for one in here:
            if one.item.kind is Kind.TYPE and one.item.body is not None and one.item.name:
                for member in _declared_in(code_tokens(source, *one.item.body)):
                    owner[member].add(one.short)
    return {member: min(types) for member, types in owner.items() if len(types) == 1}


def _declared_in(body: Sequence[str]) -> Iterator[str]:
    """Names that may be those of members: what is declared directly in a class's body (with its braces)."""
    depth = 0
    for token, after in zip(body, [*body[1:], ";"], strict=True):
        if token in _OPENING:
            depth += 1
        elif token in _CLOSING:
            depth -= 1
        elif depth == 1 and token.isidentifier() and after in _BEHIND_MEMBER:
            yield token


def _reached(tokens: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each ``handle->member`` of a function's own names."""
    for before, handle, arrow, member in zip(["", *tokens], tokens, tokens[1:], tokens[2:], strict=False):
        if arrow == "->" and handle.isidentifier() and before not in (".", "::") and handle != "this":
            yield handle, member
