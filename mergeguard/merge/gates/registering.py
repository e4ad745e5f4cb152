"""What is registered under a name must not be there twice: bindings, and operators of a torch library."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from mergeguard.cpp.scopes import Statement
from mergeguard.merge.gates.fault import Compared, Fault, GateVersion
from mergeguard.values import dataclass

_VERBS = frozenset((b"def", b"impl"))
_LIBRARY = b"TORCH_LIBRARY"
_WORD = re.compile(rb"[A-Za-z_]\w*")
# The keys by which torch chooses between the implementations of an operator.
_DISPATCH_KEYS = frozenset(
    b"CPU CUDA HIP XPU MPS Meta PrivateUse1 Autograd AutogradCPU AutogradCUDA QuantizedCPU QuantizedCUDA"
    b" SparseCPU SparseCUDA CompositeExplicitAutograd CompositeImplicitAutograd BackendSelect".split()
)


def registrations(merge: Compared) -> Iterator[Fault]:
    """What is registered in the same words at one place more often than on either side."""
    if not any(mark in merge.merged.text for mark in (b".def", b".impl", b". def", b". impl")):
        return
    most: Counter[tuple[object, ...]] = Counter()
    for side in merge.sides:
        most |= Counter(key for key, _ in registered(side))
    found: dict[tuple[object, ...], list[Statement]] = defaultdict(list)
    for key, one in registered(merge.merged):
        found[key].append(one)
    for key, places in found.items():
        if len(places) > max(most[key], 1) and isinstance(key[1], bytes):
            yield _fault(merge, key[1], places)


def _fault(merge: Compared, name: bytes, places: list[Statement]) -> Fault:
    said = name.decode("utf-8", "replace")
    spans = tuple(map(merge.merged.span, dict.fromkeys(places)))
    return Fault("duplicate-registration", said, f"`{said}` is registered twice now", spans)


def registered(version: GateVersion) -> Iterator[tuple[tuple[object, ...], Statement]]:
    """Each ``.def("name", …)`` and ``.impl("name", …)`` with the statement it is in: (verb, name, scope)."""
    for one in version.statements:
        keys = one.keys
        for at in registers(keys):
            # Of a chain `py::class_<A>(m, "A").def(…).def(…)` what comes before the first.
            yield (keys[at + 1], _string(keys, at + 3), one.scope, keys[: keys.index(b".")]), one


def registers(keys: tuple[bytes, ...]) -> Iterator[int]:
    """Where `.def("` or `.impl("` begins."""
    for at in range(1, len(keys) - 4):
        if keys[at] == b"." and keys[at + 1] in _VERBS and keys[at + 2 : at + 4] == (b"(", b'"<'):
            yield at


def _string(keys: tuple[bytes, ...], at: int) -> bytes:
    """The name in the string that begins at a key: what comes before its schema's bracket."""
    end = next((k for k in range(at + 1, len(keys)) if keys[k] == b'">'), len(keys))
    return b"".join(key[2:] for key in keys[at + 1 : end]).partition(b"(")[0].strip()


@dataclass(frozen=True, slots=True)
class _Implementation:
    """One operator's implementation in a torch library, for some of the dispatch keys (none told: any)."""

    where: Statement
    dispatch: frozenset[bytes]

    def meets(self, other: _Implementation) -> bool:
        return not (self.dispatch and other.dispatch and self.dispatch.isdisjoint(other.dispatch))


def implementations(merge: Compared) -> Iterator[Fault]:
    """An operator that both sides newly implement in one library, each in its own words."""
    if _LIBRARY not in merge.merged.text:
        return
    base, ours, theirs, now = (
        version.of(_implemented) for version in (merge.base, *merge.sides, merge.merged)
    )
    for key, places in now.items():
        most = max(_meeting(side.get(key, [])) for side in (ours, theirs))
        if key in ours and key in theirs and key not in base and _meeting(places) > most:
            yield _fault(merge, key[1], [one.where for one in places])


def _implemented(version: GateVersion) -> dict[tuple[bytes, bytes], list[_Implementation]]:
    """By library and operator what a torch library's blocks implement: with `impl`, or with a macro that
    takes the operator's name first."""
    found: dict[tuple[bytes, bytes], list[_Implementation]] = defaultdict(list)
    for one in version.statements:
        head = one.scope[-1].split(b" ") if one.scope else []
        if len(head) < 3 or not head[0].startswith(_LIBRARY):
            continue
        at = one.keys.index(b'"<') if b'"<' in one.keys else -1
        verb = one.keys[at - 2] if at > 1 and one.keys[at - 1] == b"(" else b""
        if verb != b"def" and _WORD.fullmatch(verb):
            words = {
                part for key in (*head, *one.keys) for part in (*key.split(b"_"), key.removeprefix(b"k"))
            }
            operator = head[2], _string(one.keys, at)
            found[operator].append(_Implementation(one, frozenset(words & _DISPATCH_KEYS)))
    return found


def _meeting(found: list[_Implementation]) -> int:
    """How many pairs are for the same dispatch key."""
    return sum(one.meets(two) for k, one in enumerate(found) for two in found[:k])


__all__ = ["implementations", "registered", "registers", "registrations"]
