"""How alike is the same: every share from which two texts count as one, in one place.

Shares are from 0 (nothing common) to 1. They were set on the releases that `tests/real` reads and on the
merges of `benchmarks.merge history`, where too low a share pairs strangers (a wrong merge) and too high a one
misses a rename (a conflict): whoever changes one runs both, and reads what differs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

# -- a declaration in two versions of a text --------------------------------------------------------------

#: Two declarations whose keys differ are one, edited, from this likeness of their tokens on.
SAME_DECLARATION = 0.7
#: Two candidates that are this near to each other: neither is certainly the one.
TOO_CLOSE = 0.02
#: Two declarations are one under a new name: only what is nearly unchanged can be told by its body alone.
RENAMED_DECLARATION = 0.85
#: A name is gone, and a new definition that is so like the old one took its place: said, not acted upon.
TAKEN_PLACE = 0.6
#: A name became another if so much of its uses became that one.
RENAMED_USES = 0.5
#: Two statements are one, edited.
SAME_STATEMENT = 0.5

# -- a declaration in another file ------------------------------------------------------------------------

#: A file holds a declaration only if it has so much of its lines: below, its body isn't even looked at.
LINES_THERE = 0.3
#: How like its old self a moved declaration is, by body: under its name, and under another.
MOVED_SAME_NAME, MOVED_OTHER_NAME = 0.5, RENAMED_DECLARATION
#: What stayed under the old name and is less like it is another thing (a wrapper that calls what moved).
LEFT_UNDER_NAME = 0.5
#: By how much the best candidate of another name must beat the next.
AHEAD = 0.1

# -- a file ------------------------------------------------------------------------------------------------

#: Of the definitions of a file that is gone: so many in one new file, and it is that file, rewritten.
FILE_REWRITTEN = 0.6
#: So many of those that were found again in one file, and the others' homes are no split.
NEARLY_ALL = 0.9
#: So many of a file's definitions found again anywhere, and its code lives on. Fewer are chance.
CODE_LIVES_ON = 0.34
#: A file of the fork's own counts as copied if this share of its telling lines is in one of upstream's.
COPIED_SHARE = 0.5

# -- a layout made by hand ---------------------------------------------------------------------------------

#: A new declaration is a piece of a function that was taken apart if so much of it is that function's.
PIECE_OF_FUNCTION = 0.5
#: A row of a piece is the row of upstream's that it is so like, edited.
SAME_ROW = 0.6
#: So much of upstream's body in one piece, and what is left of the function only forwards to it.
WHOLE_BODY = 0.8

# -- a place for an unmapped hunk --------------------------------------------------------------------------

#: How much of what is missing to certainty a declaration gains that the hunk calls by its name.
CALLED_BY_NAME = 0.25

# ----------------------------------------------------------------------------------------------------------


def likeness(a: Sequence[bytes], b: Sequence[bytes]) -> float:
    """How much of two runs of tokens is common, order aside: 0 to 1."""
    return 2 * (Counter(a) & Counter(b)).total() / (len(a) + len(b)) if a or b else 1.0


def likenesses(
    rows: Sequence[Sequence[bytes]], others: Sequence[Sequence[bytes]], least: float
) -> list[list[float]]:
    """The ``likeness`` of each row with each other; 0.0 for what is less than ``least``."""
    counted = [(Counter(other), len(other)) for other in others]
    return [
        [_at_least(own, len(row), *other, least) for other in counted]
        for row, own in zip(rows, map(Counter, rows), strict=True)
    ]


def _at_least(a: Counter[bytes], of_a: int, b: Counter[bytes], of_b: int, least: float) -> float:
    if not of_a and not of_b:
        return 1.0
    if 2 * min(of_a, of_b) / (of_a + of_b) < least:
        return 0.0  # whatever they have in common
    found = 2 * sum(min(times, b[key]) for key, times in a.items() if key in b) / (of_a + of_b)
    return found if found >= least else 0.0
