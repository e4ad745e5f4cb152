"""Every statement keeps the conditions, namespaces, linkage and branches that its own side gave it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet

from mergeguard.cpp.scopes import DIRECTIVE, HEAD, Scope, Statement
from mergeguard.merge.gates.doubled import included, is_include, root_of, shown
from mergeguard.merge.gates.fault import Compared, Fault, GateVersion
from mergeguard.merge.gates.stacks import Stacks

_WORD = re.compile(rb"[A-Za-z_]\w*")
_CONDITIONAL = frozenset((b"if", b"ifdef", b"ifndef", b"else", b"elif", b"endif", b"pragma", b""))
_TESTS = (b"if ", b"else ")
_ALSO = frozenset((b"else", b"return", b"break", b"continue"))


def scopes(merge: Compared) -> Iterator[Fault]:
    """Statements that stand under something that no side put them under."""
    return _Keeping(merge).faults() if merge.is_sound else iter(())


class _Keeping:
    def __init__(self, merge: Compared) -> None:
        self.merge = merge
        self.known = merge.base.frames | merge.ours.frames | merge.theirs.frames
        self.by_ours, self.by_theirs = (
            Stacks(merge.base, side, pairs) for side, pairs in zip(merge.sides, merge.edits, strict=True)
        )

    def faults(self) -> Iterator[Fault]:
        wanted = self._wanted()
        for keys, found in self.merge.merged.by_keys.items():
            if keys not in wanted or not _telling(found[0]):
                continue
            for one in found:
                if one.scope in wanted[keys]:  # most: the others are looked at one by one
                    continue
                if not any(self._fits(one.scope, scope) for scope in wanted[keys]):
                    yield self._fault(one, wanted[keys])
        yield from self._left()
        yield from self._torn()

    def _fault(self, one: Statement, wanted: Iterable[Scope]) -> Fault:
        place = (self._place(one),)
        lost = set(min(wanted)) - set(one.scope)
        if is_include(one) and not lost:
            name = included(self.merge.merged, one).decode("utf-8", "surrogateescape")
            message = f"{name} came under a condition or into a namespace, which neither side means"
            return Fault("swallowed-include", name, message, place, doubtful=True)
        where = shown((min(lost),)) if lost else shown(one.scope[-1:]) or "the file"
        said = f"would no longer stand in `{where}`" if lost else f"would come to stand in `{where}`"
        message = f"`{shown(one.keys)}` {said}, which neither side means"
        # Of a function that a side copied or took apart, either part may be the one that is meant.
        root = root_of(one)
        doubtful = root in self.known and root not in self.merge.base.frames
        return Fault("left-scope", shown(one.keys), message, place, doubtful)

    def _place(self, one: Statement) -> tuple[int, int]:
        """Where a person has to look: at the statement, and of one that leaves the function at all of that,
        since it left another place, too."""
        merged, root = self.merge.merged, root_of(one)
        leaves = one.keys[0] in _ALSO and root
        spans = [merged.span(x) for x in merged.statements if leaves and root_of(x) == root]
        return (spans[0][0], spans[-1][1]) if spans else merged.span(one)

    def _wanted(self) -> dict[tuple[bytes, ...], set[Scope]]:
        """Where the statements may stand, by what they say."""
        merge = self.merge
        wanted: dict[tuple[bytes, ...], set[Scope]] = defaultdict(set)
        stands = [
            {i: side.statements[j].scope for j, i in pairs.items()}
            for side, pairs in zip(merge.sides, merge.edits, strict=True)
        ]
        for number, side in enumerate(merge.sides):
            elsewhere, by_other = stands[1 - number], (self.by_theirs, self.by_ours)[number]
            for j, one in enumerate(side.statements):
                old = merge.edits[number].get(j)
                if old is None and is_include(one):
                    # Beside includes that the other side put under a condition, it is not one of them.
                    wanted[one.keys] |= {one.scope, *by_other.of(one, whole=True)}
                elif old is None or old not in elsewhere:
                    wanted[one.keys] |= {one.scope, *by_other.of(one)}
                else:
                    base = merge.base.statements[old].scope
                    wanted[one.keys] |= self._merged(base, one, elsewhere[old], by_other)
        return wanted

    def _merged(self, base: Scope, own: Statement, others: Scope, by_other: Stacks) -> AbstractSet[Scope]:
        """Where a statement may stand that one side has as ``own`` and the other in ``others``."""
        if own.scope in (base, others):
            return {others}
        if others == base:
            return {own.scope, *by_other.of(own)}
        return by_other.of(own) or {own.scope, others}

    def _fits(self, scope: Scope, wanted: Scope) -> bool:
        """Whether two stacks are the same; what no version has is the merge of two edits of one line."""
        return scope == wanted or (
            len(scope) == len(wanted)
            and all(
                a == b or (a not in self.known and a.split(b" ", 1)[0] == b.split(b" ", 1)[0])
                for a, b in zip(scope, wanted, strict=True)
            )
        )

    def _left(self) -> Iterator[Fault]:
        """What both sides have under one stack, and the result has under another one."""
        merge = self.merge
        for keys, found in merge.merged.by_keys.items():
            stacks = [_stacks(version, keys) for version in (merge.base, *merge.sides)]
            now = [one.scope for one in found]
            if not all(stacks[1:]) or now in stacks[1:] or not _telling(found[0]):
                continue  # (what stands as on one side leaves nothing that both have)
            base, ours, theirs, scopes = map(Counter, (*stacks, now))
            for scope, least in (ours & theirs).items():
                if base[scope] > least or scopes[scope] >= least:
                    continue
                strays = {x for x in scopes if scopes[x] > max(ours[x], theirs[x])}
                if scopes.total() >= least and strays and not any(self._fits(x, scope) for x in strays):
                    yield self._fault(next(x for x in found if x.scope in strays), [scope])

    def _torn(self) -> Iterator[Fault]:
        """What one side edited in a block whose statements the other side dealt to several blocks."""
        merge = self.merge
        for number, side in enumerate(merge.sides):
            torn = _dealt(merge.base, side, merge.edits[number])
            other = merge.sides[1 - number]
            for keys, found in other.by_keys.items() if torn else ():
                now = merge.merged.by_keys.get(keys, [])
                if len(now) <= side.counts[keys]:
                    continue  # the side that dealt them has it too, and knew where
                old = Counter(one.scope for one in merge.base.by_keys.get(keys, ()))
                for one in found:
                    within = next((x for x in torn if _is_inside(one.scope, x)), None)
                    if within is not None and not old[one.scope]:
                        yield self._torn_fault(now[0], within, torn)

    def _torn_fault(self, one: Statement, within: Scope, torn: Mapping[Scope, AbstractSet[Scope]]) -> Fault:
        """The fault over all that came of the blocks, since any of it may be the right place."""
        merged = self.merge.merged
        # (What came to stand in no block, or at the outermost level, says nothing of where to look.)
        images = {image[:-1] for block in torn for image in torn[block] if image[:-1]}
        inside = [x for x in merged.statements if any(x.scope[: len(i) + 1][:-1] == i for i in images)]
        spans = [merged.span(x) for x in (one, *(x for x in inside if x.scope[-1].startswith(_TESTS)))]
        place = min(start for start, _ in spans), max(end for _, end in spans)
        fault = self._fault(one, [within])
        return Fault(fault.code, fault.name, fault.message, (place,), fault.doubtful)


def _telling(one: Statement) -> bool:
    """Whether a statement is more than a mark: its place means something."""
    if one.kind == DIRECTIVE:
        return one.keys[1:2] != () and one.keys[1] not in _CONDITIONAL
    if one.kind == HEAD and one.keys == (b"else",):
        return False
    # (A value that is returned tells one `return` from the next.)
    words = one.keys[1:] if one.keys[0] in _ALSO else one.keys
    return any(map(_WORD.fullmatch, words))


def _stacks(version: GateVersion, keys: tuple[bytes, ...]) -> list[Scope]:
    """Under what a version has a statement, each time."""
    return [one.scope for one in version.by_keys.get(keys, ())]


def _dealt(base: GateVersion, side: GateVersion, pairs: Mapping[int, int]) -> dict[Scope, set[Scope]]:
    """The tests under which the base has statements, and the side has them under several others: those."""
    found: dict[Scope, set[Scope]] = defaultdict(set)
    for j, i in pairs.items():
        found[base.statements[i].scope].add(side.statements[j].scope)
    torn = {
        scope: images
        for scope, images in found.items()
        if scope and scope[-1].startswith(_TESTS) and len(images) > 1 and scope not in images
    }
    return {**{_sibling(scope): images for scope, images in torn.items()}, **torn}


def _sibling(scope: Scope) -> Scope:
    """The other branch of a test."""
    last = scope[-1]
    return (*scope[:-1], last.removeprefix(b"else ") if last.startswith(b"else ") else b"else " + last)


def _is_inside(scope: Scope, block: Scope) -> bool:
    """Whether a stack is a block's, whatever conditions are around it."""
    frames = list(scope)
    return all(frame in frames for frame in block)
