"""Conditions that one side edited while the other edited what stands under them: of the preprocessor, and
``if`` and ``while``. No line of the two overlaps, and yet what the code under it means has changed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

from mergeguard.cpp.diff import Change, diff
from mergeguard.merge.edits import has_branch, has_guard, has_test
from mergeguard.merge.lines import split_lines
from mergeguard.merge.result import Note

_DIRECTIVE = re.compile(rb"\s*#\s*(\w+)")
_TEST_WORD = re.compile(rb"\b(?:if|while)\b")
# Brackets and semicolons; comments and literals are read over.
_MARK = re.compile(rb"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|[(){}\[\];]", re.DOTALL)
_TALLEST = 30  # lines of a condition that are looked at
_OPEN, _CLOSE = frozenset((b"(", b"{", b"[")), frozenset((b")", b"}", b"]"))


def edited_guards(ours: bytes, theirs: bytes, merged: bytes) -> list[Note]:
    """The findings about a clean result: conditions that one side edited, or parted with a new branch, while
    the other edited what stands under them."""
    result = split_lines(merged)
    notes: list[Note] = []
    sides = {"our": split_lines(ours), "their": split_lines(theirs)}
    # What a side has not is what the other side brought.
    edits = {"our": brought(sides["their"], result), "their": brought(sides["our"], result)}
    known = {who: Counter(b"".join(line.split()) for line in lines) for who, lines in sides.items()}
    now = Counter(b"".join(line.split()) for line in result)
    for who, other in (("our", "their"), ("their", "our")):
        lacking, changes = sides[other], edits[who]
        if not changes or not edits[other]:
            continue
        ends = [
            *((line, _branch_end(result, line)) for line in _directives(lacking, result, changes)),
            *((line, _statement_end(merged, result, line)) for line in _tests(lacking, result, changes)),
        ]
        for line, end in sorted(ends):
            condition = b"".join(result[line].split())
            if known[other][condition] >= now[condition]:
                continue  # the other side has the condition as well: it is not what changed
            # (What only went from under it is gone whatever the condition says.)
            if any(c.b0 < c.b1 and line < c.b1 and c.b0 < end for c in edits[other]):
                said = f"{who} side edited the condition at line {line + 1}"
                message = f"{said}, the other side what stands under it"
                notes.append(Note("guard-changed", message, True, line + 1))
    return notes


def brought(side: Sequence[bytes], result: Sequence[bytes]) -> list[Change]:
    """What the result has other than a side, but for layout: the other side's edits."""
    head = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(side, result, strict=False)))
    old, new = ([b"".join(line.split()) for line in lines[head:]] for lines in (side, result))
    return [
        Change(*(head + place for place in change))
        for change in diff(old, new)
        if b"".join(old[change.a0 : change.a1]) != b"".join(new[change.b0 : change.b1])
    ]


def _directives(
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


def _tests(lacking: Sequence[bytes], result: Sequence[bytes], changes: Iterable[Change]) -> Iterator[int]:
    """The lines of the result (0-based) that begin another ``if`` or ``while`` than the side's that lacks the
    changes."""
    for change in changes:
        old = {_condition(lacking, line) for line in range(change.a0, change.a1) if has_test([lacking[line]])}
        if not old:
            continue
        for line in range(change.b0, change.b1):
            if has_test([result[line]]) and _condition(result, line) not in old:
                yield line


def _condition(lines: Sequence[bytes], start: int) -> bytes:
    """The first condition from line ``start`` on, however it is laid out."""
    text = b"".join(lines[start : start + _TALLEST])
    begin = _TEST_WORD.search(text)
    depth = 0
    for match in _MARK.finditer(text, begin.end() if begin else 0):
        depth += (match.group() in _OPEN) - (match.group() in _CLOSE)
        if depth == 0 and match.group() in _CLOSE:
            return b"".join(text[begin.start() if begin else 0 : match.end()].replace(b"\\\n", b" ").split())
    return b"".join(text.split())


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


def _statement_end(text: bytes, lines: Sequence[bytes], start: int) -> int:
    """The line (0-based) behind the statement that the ``if`` of line ``start`` guards (no ``else``)."""
    offset = sum(map(len, lines[:start]))
    begin = _TEST_WORD.search(text, offset)
    depth, tested = 0, False
    for match in _MARK.finditer(text, begin.end() if begin else offset):
        mark = match.group()
        if mark in _OPEN:
            depth += 1
        elif mark in _CLOSE:
            depth -= 1
        if depth <= 0 and (mark in _CLOSE or mark == b";"):
            if tested:
                return start + text.count(b"\n", offset, match.start())
            tested = True  # the end of the condition
    return len(lines)
