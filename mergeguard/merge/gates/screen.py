"""Whether a clean merge of lines needs the gates: by the lines that came and went, without a parser."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mergeguard.cpp.diff import Change, diff
from mergeguard.merge.edits import COMMENT, LANGUAGE, SideEdit, side_edit
from mergeguard.merge.lines import split_lines

NEAR = 30  # lines between edits of the two sides that may be of one statement
_MARKS = re.compile(
    rb"^[ \t]*#[ \t]*(ifdef|ifndef|if|elif|else|endif)\b|[{}]|\b(if|else|for|while|case)\b", re.MULTILINE
)
_DECLARED = re.compile(rb"[\w>&*\]][\s&*]+([A-Za-z_]\w*)\s*(?:[=;,{(\[)]|$)", re.MULTILINE)
_REGISTERS = re.compile(rb"\.\s*(?:def|impl)\s*\(")
_STRING = re.compile(rb"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'")


def may_be_faulty(base: bytes, ours: bytes, theirs: bytes) -> bool:
    """Whether a clean merge of lines may have a fault that a gate finds."""
    mine, other = side_edit(base, ours), side_edit(base, theirs)
    return (
        _same_lines(mine, other)
        or _same_names(mine, other)
        or all(_REGISTERS.search(edit.added_code) for edit in (mine, other))
        or _close_or_open(base, ours, theirs)
    )


def _same_lines(mine: SideEdit, other: SideEdit) -> bool:
    both = {line.strip() for line in mine.added} & {line.strip() for line in other.added}
    return any(re.search(rb"\w", line) for line in both)


def _same_names(mine: SideEdit, other: SideEdit) -> bool:
    """Whether both declare a name, or one no longer declares what the other newly says."""
    came = [set(_DECLARED.findall(edit.added_code)) - LANGUAGE for edit in (mine, other)]
    gone = [set(_DECLARED.findall(edit.removed_code)) - LANGUAGE for edit in (mine, other)]
    return bool(came[0] & came[1] or gone[0] & other.added_words or gone[1] & mine.added_words)


def _close_or_open(base: bytes, ours: bytes, theirs: bytes) -> bool:
    """Whether the sides edited lines near each other, or one a block that it did not both open and close."""
    lines = [split_lines(text) for text in (base, ours, theirs)]
    mine, other = (diff(lines[0], side) for side in lines[1:])
    if any(
        not _is_whole(lines[0], side, changes) for side, changes in zip(lines[1:], (mine, other), strict=True)
    ):
        return True
    return any(a.a0 - NEAR <= c.a1 and c.a0 - NEAR <= a.a1 for a in mine for c in other)


def _is_whole(base: Sequence[bytes], side: Sequence[bytes], changes: Sequence[Change]) -> bool:
    """Whether every change by itself opens what it closes, before and after, and leaves the tests be."""
    for change in changes:
        old, new = base[change.a0 : change.a1], side[change.b0 : change.b1]
        if (a := _marks(old)) == (b := _marks(new)):
            continue
        if not (_closed(a) and _closed(b)):
            return False
    return True


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
