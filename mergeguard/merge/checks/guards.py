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
_COMMENT_OR_STRING = re.compile(rb"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"")
_TALLEST = 30  # lines of a condition that are looked at
_OPENING = re.compile(rb"[ \t]*\{?[ \t]*(?://[^\n]*)?\r?\n")
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
        spans = [
            *((line, *_branch(result, line)) for line in _directives(lacking, result, changes)),
            *((line, *_guarded(merged, result, line)) for line in _tests(lacking, result, changes)),
        ]
        for line, start, end in sorted(spans):
            condition = b"".join(result[line].split())
            if known[other][condition] >= now[condition]:
                continue  # the other side has the condition as well: it is not what changed
            # (What only went from under it is gone whatever the condition says.)
            if any(c.b0 < c.b1 and start < c.b1 and c.b0 < end for c in edits[other]):
                said = f"{who} side edited the condition at line {line + 1}"
                message = f"{said}, the other side what stands under it"
                notes.append(Note("guard-changed", message, True, line + 1))
    return notes


def brought(side: Sequence[bytes], result: Sequence[bytes]) -> list[Change]:
    """What the result has other than a side, but for layout and comments: the other side's edits."""
    head = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(side, result, strict=False)))
    old, new = ([b"".join(_code(line).split()) for line in lines[head:]] for lines in (side, result))
    return [
        Change(*(head + place for place in change))
        for change in diff(old, new)
        if b"".join(old[change.a0 : change.a1]) != b"".join(new[change.b0 : change.b1])
    ]


def _code(line: bytes) -> bytes:
    """A line without its comments. (Of one that goes on over lines, the words count as code.)"""
    return _COMMENT_OR_STRING.sub(lambda found: b"" if found[0][:1] == b"/" else found[0], line)


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


def _branch(lines: Sequence[bytes], start: int) -> tuple[int, int]:
    """The lines (0-based, the end exclusive) of the group that the condition at ``start`` belongs to, from
    behind it to the ``#endif`` (an edited ``#if`` decides its ``#else`` as well)."""
    begin = start + 1
    while begin < len(lines) and lines[begin - 1].rstrip().endswith(b"\\"):
        begin += 1
    depth = 0
    for index in range(start + 1, len(lines)):
        word = _DIRECTIVE.match(lines[index])
        if word is None:
            continue
        if word.group(1).startswith(b"if"):
            depth += 1
        elif word.group(1) == b"endif":
            if depth == 0:
                return begin, index
            depth -= 1
    return begin, len(lines)


def _guarded(text: bytes, lines: Sequence[bytes], start: int) -> tuple[int, int]:
    """The lines (0-based, the end exclusive) of the statement that the ``if`` of line ``start`` guards (no
    ``else``); where it begins on a line of the condition, with that."""
    offset = sum(map(len, lines[:start]))
    at = _TEST_WORD.search(text, offset)
    depth, begin = 0, -1
    for match in _MARK.finditer(text, at.end() if at else offset):
        mark = match.group()
        depth += (mark in _OPEN) - (mark in _CLOSE)
        if depth > 0 or (mark not in _CLOSE and mark != b";"):
            continue
        line = start + text.count(b"\n", offset, match.start())
        if begin >= 0:
            return begin, line
        # The end of the condition.
        begin = line + (_OPENING.match(text, match.end()) is not None)
    return (begin if begin >= 0 else start), len(lines)
