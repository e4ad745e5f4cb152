"""The gates of the merge, asked of every file of a tree that is neither side's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mergeguard.audit.context import Trees
from mergeguard.audit.model import BASE, MERGED, OURS, SIDES, THEIRS, Changed, Finding
from mergeguard.merge.checks.screen import may_be_faulty

if TYPE_CHECKING:
    from mergeguard.merge.gates import Fault

# The audit's word for what a merge calls otherwise; what it looks for over the whole tree by itself, and
# what only the merge of a file says.
_CODES = {"lost-name": "gone-name"}
_NOT_HERE = frozenset(("signature-changed", "same-count", "close-edits"))


def gated(trees: Trees) -> Iterator[Finding]:
    """What no result may have, whoever merged it."""
    for _, file in trees.woven:
        if any(file.of(version) is None for version in (BASE, *SIDES)):
            continue
        base, ours, theirs, merged = (file.text(version) for version in (BASE, *SIDES, MERGED))
        if may_be_faulty(base, ours, theirs):
            from mergeguard.merge.gates.around import faults_around  # many modules, for few files

            found = faults_around(base, ours, theirs, merged)
            yield from (_finding(trees, file, fault) for fault in found if fault.code not in _NOT_HERE)


def _finding(trees: Trees, file: Changed, fault: Fault) -> Finding:
    places = tuple(trees.place(file, MERGED, start) for start, _ in reversed(fault.places))
    code = _CODES.get(fault.code, fault.code)
    return Finding(
        code, fault.name, fault.message, _bringer(file, fault), places or (trees.place(file, MERGED, 0),)
    )


def _bringer(file: Changed, fault: Fault) -> str:
    """The side that has what stands at the last place."""
    if not fault.places:
        return THEIRS
    start, end = fault.places[-1]
    return OURS if file.text(MERGED)[start:end] not in file.text(THEIRS) else THEIRS
