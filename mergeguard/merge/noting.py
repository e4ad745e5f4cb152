"""What is said of a result that stands: names that are old, lines that moved, code that came out of order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mergeguard.merge.declarations.leafmerge import renames_of_both
from mergeguard.merge.result import Note, shown

if TYPE_CHECKING:
    from mergeguard.merge.checks.suspects import Suspects
    from mergeguard.merge.renames import Rename


def old_names(
    base: bytes, ours: bytes, theirs: bytes, merged: bytes, why: Suspects, known: Sequence[Note]
) -> list[Note]:
    """Findings: names that one side gave up, and that new comments or strings of the other still say."""
    said = why.mentioned | why.lost_names
    if not said:
        return []
    from mergeguard.merge.edits import words

    renames = (r for side in renames_of_both(base, ours, theirs) for r in side if r.old in said)
    return [
        old_name(r)
        for r in renames
        if words(merged, r.old) and not any(shown(r.old) in note.message for note in known)
    ]


def old_name(r: Rename) -> Note:
    """The finding that new text says a name that the other side has renamed."""
    message = f"{shown(r.old)} is {shown(r.new)} now, and new text still says the old name"
    return Note("old-name", message, True)


def moved_line(lines: Sequence[bytes], merged: bytes) -> Note:
    """The finding that a line is there more or less often than both sides' edits make it."""
    line = max(lines, key=len)
    at = merged.find(line)
    where = merged.count(b"\n", 0, at) + 1 if at >= 0 else None
    shown = line.strip().decode("utf-8", "replace")
    message = f"one side moved what the other removed or edited, and the result may have both: `{shown}`"
    return Note("moved-line", message, True, where)


def early_uses(versions: Sequence[bytes], merged: bytes) -> list[Note]:
    """Findings on names that the merged text uses before it declares them, as on no side."""
    from mergeguard.cpp.leaves import leaves_of
    from mergeguard.merge.declarations.order import out_of_order

    known = [leaves_of(text)[0] for text in versions]
    return [
        Note("early-use", f"{name} is used before it is declared, which neither side does", True)
        for name in out_of_order(known, [leaves_of(merged)[0]])
    ]


def swallowed_includes(versions: Sequence[bytes], merged: bytes) -> list[Note]:
    """Findings on includes that came into a namespace or a branch of the preprocessor, as on no side."""
    from mergeguard.cpp.leaves import leaves_of
    from mergeguard.merge.declarations.order import out_of_branch

    known = [leaves_of(text)[0] for text in versions]
    said = "came under a condition or into a namespace, which neither side means"
    return [
        Note("swallowed-include", f"{name} {said}", True)
        for name in out_of_branch(known, [leaves_of(merged)[0]])
    ]
