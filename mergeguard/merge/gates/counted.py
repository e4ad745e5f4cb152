"""Numbers that both sides raised alike, over entries of both."""

from __future__ import annotations

from collections.abc import Iterator

from mergeguard.merge.checks.counts import counted_alike, counts_alike
from mergeguard.merge.edits import side_edit
from mergeguard.merge.gates.fault import Compared, Fault, misfit


def raised_alike(merge: Compared) -> Iterator[Fault]:
    """A number that both sides raised alike, where each added something of its own: as a count it lacks one
    side's. Doubtful: it may count nothing."""
    mine, other = (side_edit(merge.base.text, side.text) for side in merge.sides)
    lines = sorted(counted_alike(mine, other).items())
    for said, at in counts_alike(merge.merged.text, lines):
        yield misfit("same-count", said, said, ((at, at + 1),))
