"""Whether a clean merge of lines needs the gates: by the lines that came and went, without a parser."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from mergeguard.cpp.diff import Change, diff
from mergeguard.merge.edits import COMMENT, LANGUAGE, SideEdit, labels, side_edit
from mergeguard.merge.lines import split_lines

NEAR = 30  # lines between edits of the two sides that may be of one statement
_MARKS = re.compile(
    rb"^[ \t]*#[ \t]*(ifdef|ifndef|if|elif|else|endif)\b|[{}]|\b(if|else|for|while|case)\b", re.MULTILINE
)
_DECLARED = re.compile(rb"[\w>&*\]][\s&*]+([A-Za-z_]\w*)\s*(?:[=;,{(\[)]|$)", re.MULTILINE)
# A line of an enumeration, or of what a constructor initialises.
_LISTED = re.compile(
    rb"^[ \t]*[:,]?[ \t]*([A-Za-z_]\w*)[ \t]*(?:=[^=;\n]*|\([^;\n]*\)|,)[ \t]*[,{]?[ \t]*$", re.M
)
_NUMBERED = re.compile(rb"^[ \t]*[A-Za-z_]\w*[ \t]*=[ \t]*([-\d][^=;,\n]*?)[ \t]*,?[ \t]*$", re.M)
_SPECIALISED = re.compile(rb"\b(?:struct|class|union)\s+(\w+)\s*<")
_REGISTERS = re.compile(rb"\.\s*(?:def|impl)\s*\(")
_COMMENT_MARK = re.compile(rb"/\*|\*/")
_STRING = re.compile(rb"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'")


@lru_cache(maxsize=16)  # a sync's merges, and its audit, ask of the same texts
def may_be_faulty(base: bytes, ours: bytes, theirs: bytes) -> bool:
    """Whether a clean merge of lines may have a fault that a gate finds."""
    mine, other = side_edit(base, ours), side_edit(base, theirs)
    return (
        _same_lines(mine, other)
        or _same_names(mine, other)
        or all(_REGISTERS.search(edit.added_code) for edit in (mine, other))
        or all(_COMMENT_MARK.search(b"".join(edit.added)) for edit in (mine, other))
        or _close_or_open(base, ours, theirs)
    )


def _same_lines(mine: SideEdit, other: SideEdit) -> bool:
    both = {line.strip() for line in mine.added} & {line.strip() for line in other.added}
    return any(re.search(rb"\w", line) for line in both)


def _same_names(mine: SideEdit, other: SideEdit) -> bool:
    """Whether both declare a name or a case, or one no longer declares what the other newly says."""
    came = [set(_DECLARED.findall(edit.added_code)) - LANGUAGE for edit in (mine, other)]
    gone = [set(_DECLARED.findall(edit.removed_code)) - LANGUAGE for edit in (mine, other)]
    listed = [set(_LISTED.findall(edit.added_code)) for edit in (mine, other)]
    numbered = [set(_NUMBERED.findall(edit.added_code)) for edit in (mine, other)]
    special = [set(_SPECIALISED.findall(edit.added_code)) for edit in (mine, other)]
    if (
        listed[0] & listed[1]
        or numbered[0] & numbered[1]
        or special[0] & special[1]
        or labels(mine.added_code) & labels(other.added_code)
    ):
        return True
    return bool(came[0] & came[1] or gone[0] & other.added_words or gone[1] & mine.added_words)


def may_have_twins(base: bytes, ours: bytes, theirs: bytes) -> bool:
    """Whether both sides may have added one declaration: then they added words of it."""
    return not side_edit(base, ours).added_words.isdisjoint(side_edit(base, theirs).added_words)


def _close_or_open(base: bytes, ours: bytes, theirs: bytes) -> bool:
    """Whether the sides edited lines near each other, or one where the other opened or closed a block by
    itself. Comments do not count."""
    lines = [split_lines(text) for text in (base, ours, theirs)]
    other = _telling(lines[0], lines[2])
    mine = _telling(lines[0], lines[1]) if other else []
    if any(a.a0 - NEAR <= c.a1 and c.a0 - NEAR <= a.a1 for a in mine for c in other):
        return True
    reaches = _reach(lines[0], lines[1], mine), _reach(lines[0], lines[2], other)
    return any(
        c.a0 <= reach.stop and reach.start <= c.a1
        for reach, changes in zip(reaches, (other, mine), strict=True)
        if reach
        for c in changes
    )


def _telling(base: Sequence[bytes], side: Sequence[bytes]) -> list[Change]:
    """The changes of a side, but for those of whole comments and blank lines."""
    return [
        change
        for change in diff(base, side)
        if not (_is_silent(base[change.a0 : change.a1]) and _is_silent(side[change.b0 : change.b1]))
    ]


def _is_silent(lines: Sequence[bytes]) -> bool:
    """Whether lines are whole comments. (What ends in a backslash takes the next line along.)"""
    text = b"".join(lines)
    return b"\\" not in text and not COMMENT.sub(b"", text).strip()


def _reach(base: Sequence[bytes], side: Sequence[bytes], changes: Sequence[Change]) -> range:
    """The lines of the base that may stand in another block for the side: the functions around the changes
    that do not open what they close; empty if there are none."""
    torn = [change for change in changes if not _is_whole(base, side, change)]
    if not torn:
        return range(0)
    gone = [mark for c in torn for mark in _marks(base[c.a0 : c.a1])]
    came = [mark for c in torn for mark in _marks(side[c.b0 : c.b1])]
    if _open(gone) != _open(came):
        return range(len(base) + 1)
    ends = (n for n in range(torn[-1].a1, len(base)) if base[n][:1] == b"}")
    starts = (n for n in range(torn[0].a0 - 1, -1, -1) if base[n][:1] == b"}")
    return range(max(next(starts, 0) - NEAR, 0), next(ends, len(base)) + NEAR)


def _is_whole(base: Sequence[bytes], side: Sequence[bytes], change: Change) -> bool:
    """Whether a change by itself opens what it closes, before and after, and leaves the tests be."""
    gone, came = _marks(base[change.a0 : change.a1]), _marks(side[change.b0 : change.b1])
    return gone == came or (_closed(gone) and _closed(came))


def _open(marks: Sequence[bytes]) -> tuple[int, int]:
    """How many braces and groups are opened and not closed."""
    groups = sum(mark.startswith(b"if") and mark != b"if" for mark in marks)
    return marks.count(b"{") - marks.count(b"}"), groups - marks.count(b"endif")


def _marks(lines: Sequence[bytes]) -> list[bytes]:
    code = COMMENT.sub(b" ", _STRING.sub(b" ", b"".join(lines)))
    return [m.group(1) or m.group() for m in _MARKS.finditer(code)]


def _closed(marks: Sequence[bytes]) -> bool:
    """Whether the marks open what they close; a test without braces or a branch may be half of one."""
    depth = group = 0
    for mark in marks:
        depth += (mark == b"{") - (mark == b"}")
        group += mark.startswith(b"if") and mark != b"if"
        if mark in (b"else", b"elif", b"case") or depth < 0:
            return False
        group -= mark == b"endif"
        if group < 0:
            return False
    return depth == group == 0 and marks[-1:] not in ([b"if"], [b"for"], [b"while"])
