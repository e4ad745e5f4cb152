"""What a clean merge does not prove: a look at the result for what no line merge can see."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable

from mergeguard.merge.checks.beside import added_beside
from mergeguard.merge.checks.counts import counts_alike
from mergeguard.merge.checks.guards import edited_guards
from mergeguard.merge.checks.heads import definitions, head_changed
from mergeguard.merge.checks.macros import macro_clash, used_after_undef
from mergeguard.merge.checks.repeated import repeated_tests
from mergeguard.merge.checks.suspects import Suspects
from mergeguard.merge.edits import label_key, words
from mergeguard.merge.result import Note, shown


def examine(base: bytes, ours: bytes, theirs: bytes, merged: bytes, why: Suspects) -> list[Note]:
    """The findings of a clean merge; duplicates of definitions have the code ``duplicate-definition``."""
    notes: list[Note] = []
    if why.lost_names:
        notes += _lost(base, ours, theirs, merged, why.lost_names)
    macros = why.macros
    if why.new_names or why.instantiations:
        found = duplicates(base, ours, theirs, merged)
        macros -= {name.encode("utf-8", "surrogateescape") for name, *_ in found}
        notes += _duplicates(merged, found)
    if macros:
        notes += _double_macros(base, ours, theirs, merged, macros)
    if why.undefined:
        notes += _undefined(ours, theirs, merged, why.undefined)
    if why.labels:
        notes += _double_arms(ours, theirs, merged, why.labels)
    if why.tests:
        notes += repeated_tests(base, ours, theirs, merged, why.tests)
    if why.signatures:
        notes += _signatures(base, ours, why.signatures)
    if why.counts:
        notes += (
            Note("same-count", said, True, _line(merged, at))
            for said, at in counts_alike(merged, sorted(why.counts))
        )
    if why.guards:
        notes += edited_guards(ours, theirs, merged)
        notes += added_beside(ours, theirs, merged)
    return notes


def _line(text: bytes, offset: int) -> int:
    return text.count(b"\n", 0, offset) + 1


def _exchanged_heads(base: bytes, side: bytes) -> set[bytes]:
    """The macros that begin a definition or a registration, and another one does on a side."""
    from mergeguard.cpp.leaves import leaves_of

    there = {leaf.code[1:]: leaf.code[:1] for leaf in leaves_of(side)[0]}
    return {
        leaf.word
        for leaf in leaves_of(base)[0]
        if leaf.code[:1] == (leaf.word,) and there.get(leaf.code[1:], leaf.code[:1]) != leaf.code[:1]
    }


def _values(text: bytes) -> set[bytes]:
    """The names of all values of enumerations."""
    from mergeguard.cpp.leaves import leaves_of
    from mergeguard.merge.parameters import values_of

    found: set[bytes] = set()
    for leaf in leaves_of(text)[0]:
        code = leaf.code if b"enum" in leaf.code else ()
        for at in (at for at, key in enumerate(code) if key == b"enum"):
            start = next((k for k in range(at, len(code)) if code[k] in (b"{", b";")), len(code))
            end = next((k for k in range(start, len(code)) if code[k] == b"}"), start)
            found.update(values_of(code[start + 1 : end]))
    return found


def _lost(base: bytes, ours: bytes, theirs: bytes, merged: bytes, names: Iterable[bytes]) -> list[Note]:
    from mergeguard.cpp.leaves import leaves_of
    from mergeguard.cpp.tokens import tokens_of
    from mergeguard.merge.renames import declarations, owners_of_members

    # What the base does not declare comes from elsewhere: whoever newly uses it sees to it.
    wanted = frozenset(declarations(tokens_of(base), frozenset(names)))
    # (A leaf that begins with its own name is a call of a macro, or a static_assert: it declares nothing.)
    old = {leaf.word for leaf in leaves_of(base)[0] if leaf.code[:1] != (leaf.word,)}
    old |= _exchanged_heads(base, ours) | _exchanged_heads(base, theirs)
    wanted |= (old | _values(base) | owners_of_members(base)).intersection(names)
    notes: list[Note] = []
    known: set[bytes] = set()
    line = 1
    for leaf in leaves_of(merged)[0]:
        here = {name for name in wanted - known if name in leaf.text}
        declared = declarations(tokens_of(leaf.text), wanted) if here else Counter[bytes]()
        code = set(leaf.code) if here else set()
        for name in sorted(here):
            # Once is enough; what a declaration itself declares may be another thing of the same name.
            if not declared[name] and (name in code or b"#" + name in code):
                known.add(name)
                who = "our" if not words(ours, name) else "their"
                what = shown(name)
                message = (
                    f"{what} is gone on {who} side and newly used on the other, in {leaf.name or 'the file'}"
                )
                notes.append(Note("lost-name", message, True, line))
            elif declared[name] and leaf.word in old:  # (what is new altogether says what it means)
                known.add(name)
                what = shown(name)
                message = f"{what}, which one side renamed or removed, is a name of its own in {leaf.name}"
                notes.append(Note("old-name", message, True, line))
        line += leaf.text.count(b"\n")
    return notes


def duplicates(
    base: bytes, ours: bytes, theirs: bytes, merged: bytes
) -> list[tuple[str, int, int, int, int]]:
    """Definitions that ``merged`` has more often than any version: (name, start, end, start, end) of the
    first and the last, in bytes of ``merged``."""
    from mergeguard.cpp.leaves import Leaf, leaves_of

    def key(leaf: Leaf) -> tuple[object, ...]:
        if leaf.kind == "macro":
            return (leaf.kind, leaf.name, leaf.condition)
        return leaf.overload

    most: dict[tuple[object, ...], int] = defaultdict(int)
    for version in (base, ours, theirs):
        for k, n in Counter(key(leaf) for leaf in leaves_of(version)[0]).items():
            most[k] = max(most[k], n)
    found: dict[tuple[object, ...], list[tuple[int, int]]] = defaultdict(list)
    names: dict[tuple[object, ...], str] = {}
    at = 0
    for leaf in leaves_of(merged)[0]:
        if (leaf.defines or leaf.kind == "instantiation") and leaf.name and not leaf.placed:
            found[key(leaf)].append((at, at + len(leaf.text)))
            names[key(leaf)] = leaf.name
        at += len(leaf.text)
    return [
        (names[k], *places[0], *places[-1]) for k, places in found.items() if len(places) > max(most[k], 1)
    ]


def _duplicates(merged: bytes, found: Iterable[tuple[str, int, int, int, int]]) -> list[Note]:
    return [
        Note(
            "duplicate-definition",
            f"both sides brought a definition of {name}; the first is at line {_line(merged, start)}",
            True,
            _line(merged, last),
        )
        for name, start, _, last, _ in found
    ]


def _double_arms(ours: bytes, theirs: bytes, merged: bytes, labels: Collection[bytes]) -> list[Note]:
    from mergeguard.cpp.branches import branchings
    from mergeguard.cpp.source import parse

    def arms(text: bytes) -> Counter[tuple[int, bytes]]:
        source = parse(text)
        count: Counter[tuple[int, bytes]] = Counter()
        number = 0
        for item in source.items:
            for branching in branchings(source, item):
                if branching.kind != "switch":
                    continue
                number += 1
                count.update(
                    (number, label_key(label.encode("utf-8", "surrogateescape")))
                    for arm in branching.arms
                    for label in arm.labels
                )
        return count

    before = max((max(arms(side).values(), default=1) for side in (ours, theirs)), default=1)
    return [
        Note("duplicate-arm", f"both sides brought an arm `case {shown(label)}:` of one switch", True)
        for (_, label), count in arms(merged).items()
        if count > before and label in labels
    ]


def _signatures(base: bytes, ours: bytes, names: Iterable[bytes]) -> list[Note]:
    notes: list[Note] = []
    for name in sorted(names):
        who = "our" if definitions(base, name).keys() - definitions(ours, name).keys() else "their"
        notes.append(Note("signature-changed", head_changed(shown(name), who), True))
    return notes


def _double_macros(
    base: bytes, ours: bytes, theirs: bytes, merged: bytes, names: Iterable[bytes]
) -> list[Note]:
    notes: list[Note] = []
    for name in sorted(names):
        clash = macro_clash(base, ours, theirs, merged, name)
        if clash is None:
            continue
        if clash.both:
            line = _line(merged, clash.added.offset)
            lines = f"{_line(merged, clash.rival.offset)} and {line}"
            said = f"{shown(name)} is defined twice now, at lines {lines}"
            notes.append(Note("duplicate-macro", f"{said}: the second definition silently wins", True, line))
        else:
            message = f"one side changed what {shown(name)} is, the other defines it once more"
            notes.append(Note("duplicate-macro", message, True))
    return notes


def _undefined(ours: bytes, theirs: bytes, merged: bytes, names: Iterable[bytes]) -> list[Note]:
    """Macros that are undefined before a use, as on no side."""
    notes: list[Note] = []
    for name in sorted(names):
        found = used_after_undef(merged, name)
        if found is not None and not any(used_after_undef(side, name) for side in (ours, theirs)):
            line = _line(merged, found[0])
            message = (
                f"{shown(name)} is undefined at line {line}, and used behind that, which neither side does"
            )
            notes.append(Note("lost-name", message, True, _line(merged, found[1])))
    return notes
