"""Arms of a ``switch`` that a macro writes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from mergeguard.cpp.scopes import STATEMENT, Scope, Statement
from mergeguard.merge.gates.doubled import shown
from mergeguard.merge.gates.fault import Compared, Fault, GateVersion
from mergeguard.merge.parameters import arguments


def written(merge: Compared) -> Iterator[Fault]:
    """An arm that a macro writes (``ARM(4, x)`` right in a ``switch``), there once from each side: the first
    argument is what tells the arms apart, if it does so in the base."""
    base, ours, theirs, now = (
        version.of(_written_arms) for version in (merge.base, *merge.sides, merge.merged)
    )
    known = Counter(key[:2] for key, found in base.items() for _ in found)
    for key in (key for key in now if key in ours and key in theirs):
        keyed = known[key[:2]] == sum(other[:2] == key[:2] for other in base)
        most = max(len(version.get(key, ())) for version in (base, ours, theirs))
        if keyed and len(now[key]) > most:
            said = f"{shown((key[1],))}({shown(key[2])}, …)"
            places = tuple(map(merge.merged.span, now[key]))
            did = "moved" if key in base else "brought"
            yield Fault("duplicate-arm", said, f"both sides {did} an arm `{said}` of one switch", places)


def _written_arms(version: GateVersion) -> dict[tuple[Scope, bytes, tuple[bytes, ...]], list[Statement]]:
    """The calls of macros right in a ``switch``, by the switch, the macro and the first argument."""
    found: dict[tuple[Scope, bytes, tuple[bytes, ...]], list[Statement]] = defaultdict(list)
    for one in version.statements:
        scope = one.scope[one.conditions :]
        if one.kind == STATEMENT and scope and scope[-1].startswith(b"switch") and one.keys[1:2] == (b"(",):
            given = arguments(one.keys, 1)
            found[scope, one.keys[0], given[0] if given else ()].append(one)
    return found
