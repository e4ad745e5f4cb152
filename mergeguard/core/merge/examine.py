"""What a clean merge does not prove: a look at the result for what no line merge can see."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from mergeguard.core.diff import Change, diff
from mergeguard.core.merge.edits import has_branch, has_guard, has_word, label_key
from mergeguard.core.merge.heads import definitions
from mergeguard.core.merge.lines import split_lines
from mergeguard.core.merge.macros import macro_definitions, rival_definitions
from mergeguard.core.merge.result import Note
from mergeguard.core.merge.suspects import Suspects

_DIRECTIVE = re.compile(rb"\s*#\s*(\w+)")


def examine(base: bytes, ours: bytes, theirs: bytes, merged: bytes, why: Suspects) -> list[Note]:
    """The findings of a clean merge; duplicates of definitions have the code ``duplicate-definition``."""
    notes: list[Note] = []
    if why.lost_names:
        notes += _lost(ours, theirs, merged, why.lost_names)
    macros = why.macros
    if why.new_names or why.instantiations:
        found = duplicates(base, ours, theirs, merged)
        macros -= {name.encode("utf-8", "surrogateescape") for name, *_ in found}
        notes += _duplicates(merged, found)
    if why.locals:
        notes += _double_locals(ours, theirs, merged, why.locals)
    if macros:
        notes += double_macros(base, ours, theirs, merged, macros)
    if why.undefined:
        notes += _undefined(merged, why.undefined)
    if why.labels:
        notes += _double_arms(ours, theirs, merged, why.labels)
    if why.signatures:
        notes += _signatures(base, ours, why.signatures)
    if why.guards:
        notes += guards(ours, theirs, merged)
    return notes


def _shown(name: bytes) -> str:
    return name.decode("utf-8", "replace")


def _line(text: bytes, offset: int) -> int:
    return text.count(b"\n", 0, offset) + 1


def _lost(ours: bytes, theirs: bytes, merged: bytes, names: Iterable[bytes]) -> list[Note]:
    from mergeguard.core.merge.declarations import leaves_of
    from mergeguard.core.merge.renames import declarations
    from mergeguard.core.merge.tokens import tokens_of

    wanted = frozenset(names)
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
                who = "our" if not has_word(ours, name) else "their"
                what = _shown(name)
                message = (
                    f"{what} is gone on {who} side and newly used on the other, in {leaf.name or 'the file'}"
                )
                notes.append(Note("lost-name", message, True, line))
            elif declared[name]:
                known.add(name)
                what = _shown(name)
                message = f"{what}, which one side renamed or removed, is a name of its own in {leaf.name}"
                notes.append(Note("old-name", message, True, line))
        line += leaf.text.count(b"\n")
    return notes


def duplicates(
    base: bytes, ours: bytes, theirs: bytes, merged: bytes
) -> list[tuple[str, int, int, int, int]]:
    """Definitions that ``merged`` has more often than any version: (name, start, end, start, end) of the
    first and the last, in bytes of ``merged``."""
    from mergeguard.core.merge.declarations import Leaf, leaves_of

    def key(leaf: Leaf) -> tuple[object, ...]:
        if leaf.kind == "macro":
            return (leaf.kind, leaf.name, leaf.condition)
        return (leaf.kind, leaf.name, leaf.arguments, leaf.returns, leaf.parameters, leaf.condition)

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
    from mergeguard.core.branches import branchings
    from mergeguard.core.source import parse

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
        Note("duplicate-arm", f"both sides brought an arm `case {_shown(label)}:` of one switch", True)
        for (_, label), count in arms(merged).items()
        if count > before and label in labels
    ]


def _signatures(base: bytes, ours: bytes, names: Iterable[bytes]) -> list[Note]:
    notes: list[Note] = []
    for name in sorted(names):
        who = "our" if definitions(base, name).keys() - definitions(ours, name).keys() else "their"
        notes.append(
            Note(
                "signature-changed",
                f"the head of {_shown(name)} changed on {who} side,"
                " and the other side brings new calls of it",
                True,
            )
        )
    return notes


def guards(ours: bytes, theirs: bytes, merged: bytes) -> list[Note]:
    """The conditions of the preprocessor that one side edited, or parted with a new branch, while the other
    edited what stands under them."""
    result = split_lines(merged)
    notes: list[Note] = []
    sides = {"our": split_lines(ours), "their": split_lines(theirs)}
    # What a side has not is what the other side brought.
    brought = {"our": diff(sides["their"], result), "their": diff(sides["our"], result)}
    for who, other in (("our", "their"), ("their", "our")):
        for line in _edited_conditions(sides[other], result, brought[who]):
            end = _branch_end(result, line)
            if any(line < c.b1 and c.b0 < end or line < c.b0 == c.b1 < end for c in brought[other]):
                message = (
                    f"{who} side edited the condition at line {line + 1}, the other side what stands under it"
                )
                notes.append(Note("guard-changed", message, True, line + 1))
    return notes


def _edited_conditions(
    lacking: Sequence[bytes], result: Sequence[bytes], changes: Iterable[Change]
) -> Iterator[int]:
    """The lines of the result (0-based) that are another condition than the side's that lacks the changes,
    and those that are a new branch of a group that it has."""
    for change in changes:
        old = lacking[change.a0 : change.a1]
        there = {b"".join(line.split()) for line in old}
        depth = 0
        for line in range(change.b0, change.b1):
            word = _DIRECTIVE.match(result[line])
            if word is None:
                continue
            depth += (word[1].startswith(b"if")) - (word[1] == b"endif")
            if not has_guard([result[line]]) or b"".join(result[line].split()) in there:
                continue  # another line ending or indentation is no other condition
            if has_guard(old) or (depth <= 0 and has_branch([result[line]])):
                yield line


def _branch_end(lines: Sequence[bytes], start: int) -> int:
    """The line after the ``#endif`` of the group that ``start`` belongs to (an edited ``#if`` decides its
    ``#else`` as well)."""
    depth = 0
    for index in range(start + 1, len(lines)):
        word = _DIRECTIVE.match(lines[index])
        if word is None:
            continue
        if word.group(1).startswith(b"if"):
            depth += 1
        elif word.group(1) == b"endif":
            if depth == 0:
                return index
            depth -= 1
    return len(lines)


def _double_locals(ours: bytes, theirs: bytes, merged: bytes, names: Iterable[bytes]) -> list[Note]:
    """Variables and members that one declaration has twice now: each side brought one."""
    from mergeguard.core.merge.declarations import leaves_of
    from mergeguard.core.merge.renames import declared_twice
    from mergeguard.core.merge.tokens import tokens_of

    wanted = frozenset(names)

    def twice(text: bytes) -> dict[tuple[str, bytes], int]:
        found: dict[tuple[str, bytes], int] = {}
        line = 1
        for leaf in leaves_of(text)[0]:
            here = frozenset(name for name in wanted if name in leaf.text)
            for name in declared_twice(tokens_of(leaf.text), here) if here else ():
                found[leaf.short, name] = line
            line += leaf.text.count(b"\n")
        return found

    known = twice(ours).keys() | twice(theirs).keys()
    return [
        Note("duplicate-name", f"both sides brought a {_shown(name)} into {where or 'one place'}", True, line)
        for (where, name), line in twice(merged).items()
        if (where, name) not in known
    ]


def double_macros(
    base: bytes, ours: bytes, theirs: bytes, merged: bytes, names: Iterable[bytes]
) -> list[Note]:
    """Macros that two definitions give different texts, one after the other, as on no side; and those that
    one side changed and the other defines once more."""
    notes: list[Note] = []
    for name in sorted(names):
        versions = [macro_definitions(text, name) for text in (base, ours, theirs, merged)]
        rivals = [rival_definitions(found) for found in versions]
        if len(rivals[3]) > max(len(rivals[1]), len(rivals[2])):
            first, last = rivals[3][-1]
            message = (
                f"{_shown(name)} is defined twice now, at lines {_line(merged, first.offset)} and"
                f" {_line(merged, last.offset)}: the second definition silently wins"
            )
            notes.append(Note("duplicate-macro", message, True, _line(merged, last.offset)))
            continue
        old, mine, other = ([d.text for d in found] for found in versions[:3])
        for one, two in ((mine, other), (other, mine)):
            changed = Counter(old) - Counter(one)
            if changed and len(two) > len(old) and not Counter(old) - Counter(two):
                message = f"one side changed what {_shown(name)} is, the other defines it once more"
                notes.append(Note("duplicate-macro", message, True, _line(merged, versions[3][-1].offset)))
    return notes


def _undefined(merged: bytes, names: Iterable[bytes]) -> list[Note]:
    """Macros that are undefined, though the other side brought a use behind that."""
    notes: list[Note] = []
    for name in sorted(names):
        gone = re.search(rb"#\s*undef\s+" + re.escape(name) + rb"\b", merged)
        if gone is not None and has_word(merged[gone.end() :], name):
            line = _line(merged, gone.start())
            message = f"{_shown(name)} is undefined at line {line}, and the other side brought a use of it"
            notes.append(Note("lost-name", message, True, line))
    return notes
