"""The sum of both sides' edits, counted: what a clean merge must hold how often."""

from __future__ import annotations

from collections import Counter

from mergeguard.audit.context import Trees
from mergeguard.audit.model import MERGED, OURS, THEIRS
from mergeguard.merge.edits import SideEdit

Keys = Counter[bytes]


def adds_up(trees: Trees, index: int) -> bool:
    """Whether the sum is right line by line, as after nearly every merge: then it is right token by token."""
    if index not in trees.adding_up:
        trees.adding_up[index] = _adds_up(trees, index)
    return trees.adding_up[index]


def _adds_up(trees: Trees, index: int) -> bool:
    mine, yours, made = (trees.edit(index, version).lines for version in (OURS, THEIRS, MERGED))
    # What all have alike counts for nothing: it is enough to know what each has more and less than the base.
    o, t, m = map(_more_and_less, (mine, yours, made))
    lacking, extra = excess(Counter(), o, t, m, both(mine, yours))
    return not +lacking and not +extra


def _more_and_less(edit: SideEdit) -> Keys:
    """How much more often a text has each line than the base, white space around it left out."""
    found = Counter(line.strip() for line in edit.added)
    found.subtract(line.strip() for line in edit.removed)
    return found


def both(mine: SideEdit, yours: SideEdit) -> tuple[Keys, Keys]:
    """The lines that both sides added, and those that both removed: merged once."""

    def both(a: tuple[bytes, ...], b: tuple[bytes, ...]) -> Keys:
        return Counter(line.strip() for line in a) & Counter(line.strip() for line in b)

    return both(mine.added, yours.added), both(mine.removed, yours.removed)


def excess(b: Keys, o: Keys, t: Keys, m: Keys, common: tuple[Keys, Keys]) -> tuple[Keys, Keys]:
    """How often each token is missing, and how often it is there too many times; negative is room left."""
    lacking: Keys = Counter()
    extra: Keys = Counter()
    for key in b.keys() | o.keys() | t.keys() | m.keys():
        mine, yours, got = o[key] - b[key], t[key] - b[key], m[key] - b[key]
        total = mine + yours
        least, most = total - common[0][key], total + common[1][key]
        if mine * yours > 0:
            # Perhaps both made the same edit.
            least, most = min(least, mine, yours), max(most, mine, yours)
        if got != least:
            lacking[key] = least - got
        if got != most:
            extra[key] = got - most
    return lacking, extra
