"""Where one side's edit of a stretch contains the other's: the larger one is both.

The larger side must read as an edit made *after* the smaller one: whatever the smaller side added is there,
in its place, and nothing that it removed is back. What the two have in common is then no accident: it stands
in longer runs than what differs around it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from mergeguard.cpp.diff import Change, slack, telling_diff
from mergeguard.cpp.tokens import is_comment, is_comment_anywhere, tokens_of
from mergeguard.merge.result import Conflict, Piece, Resolved, join

Keys = Sequence[bytes]

# Of what the smaller side added, the larger may break up one token in so many.
_BREAKS = 8
_LEAST = 3  # tokens that say enough to be no accident
_TELLING = re.compile(rb"[A-Za-z_]{2}")
_LEAVING = frozenset((b"break", b"continue", b"return"))  # they say nothing by themselves
_ENDS = frozenset((b";", b"{", b"}", b"#\n"))  # of statements and of lines
_OPERATORS = frozenset(b"+ - * / % << >> | ^ && || == != <= >=".split())
_VALUE = re.compile(rb"[\w)\]]")
_WORDS = re.compile(rb"\w")
_NAME = re.compile(rb"[#/]?[A-Za-z_]\w*|#?\"=.*\w.*", re.DOTALL)


def larger(base: Keys, ours: Keys, theirs: Keys) -> str | None:
    """``ours`` or ``theirs`` if that side's edit contains the other's, else None (also where each contains
    the other: then nobody knows which came later)."""
    in_theirs, in_ours = _contains(base, ours, theirs), _contains(base, theirs, ours)
    if in_theirs == in_ours:
        return None
    return "theirs" if in_theirs else "ours"


def without_contained(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """The pieces with each conflict gone in which one side's edit contains the other's, or is the same but
    for layout (then theirs is taken)."""
    return join(_settled(piece) if isinstance(piece, Conflict) else piece for piece in pieces)


def _settled(conflict: Conflict) -> Piece:
    base, ours, theirs = (tokens_of(text).keys for text in (conflict.base, conflict.ours, conflict.theirs))
    side = "theirs" if ours == theirs else larger(base, ours, theirs)
    if side is None:
        return conflict
    return Resolved(conflict.ours if side == "ours" else conflict.theirs)


def _contains(base: Keys, small: Keys, large: Keys) -> bool:
    before, after = telling_diff(base, small), telling_diff(small, large)
    if not before or not after:
        return False
    if not _says_enough(base, small, before) or any(_is_argument(small, x, after) for x in before):
        return False
    later = [_covered(small, change) for change in after if not _adds_includes(large, change)]
    for change in before:
        # Includes are a set: one that came in the place of another is no edit of that.
        removes = _is_includes(base[change.a0 : change.a1]) and change.b0 == change.b1
        # (Of a removal between its like, what came in its place may stand at its other end.)
        covered = _covered(base, change)
        places = range(change.b0 + covered.a0 - change.a0, change.b0 + covered.a1 - change.a1 + 1)
        if not _stands(change, places, later if removes else [_covered(small, x) for x in after], large):
            return False
    if any(_is_put_back(base, small, large, change, after) for change in before):
        return False
    if any(_is_only_the_bases(base, small, large, change, after) for change in before):
        return False
    return not _is_back(base, small, large, before) and not _is_moved(base, small, large, before)


def _is_only_the_bases(base: Keys, small: Keys, large: Keys, change: Change, after: Sequence[Change]) -> bool:
    """Whether the larger side has what the smaller edit added only with more in it, and half of its words
    because the base had them: a new statement is not in one that the larger side only edited."""
    came = Counter(key for key in small[change.b0 : change.b1] if _WORDS.search(key))
    beside = not any(map(_TELLING.search, came))  # beside numbers, what is added may make others of them
    places = range(change.b0 + (not beside), change.b1 + beside)
    if not came or not any(later.a0 in places and later.b0 < later.b1 for later in after):
        return False
    return 2 * (came - (Counter(large) - Counter(base))).total() >= came.total()


def _adds_includes(large: Keys, change: Change) -> bool:
    return change.a0 == change.a1 and _is_includes(large[change.b0 : change.b1])


def _is_includes(keys: Keys) -> bool:
    """Whether the tokens are whole lines of includes."""
    starts = [i for i, key in enumerate(keys) if key == b"##"]
    ends = sum(key == b"#\n" for key in keys)
    return (
        bool(starts)
        and starts[0] == 0
        and ends == len(starts)
        and keys[-1] == b"#\n"
        and all(keys[i + 1] == b"#include" for i in starts)
    )


def _is_argument(small: Keys, change: Change, after: Sequence[Change]) -> bool:
    """Whether a change only adds to a list inside of a statement that the larger side changed further: the
    same argument on both sides may be two."""
    came = small[change.b0 : change.b1]
    if change.a0 < change.a1 or b"," not in came or any(key in _ENDS for key in came):
        return False
    start, end = change.b0, change.b1
    while start > 0 and small[start - 1] not in _ENDS:
        start -= 1
    while end < len(small) and small[end - 1] not in _ENDS:
        end += 1
    return any(later.a0 < end and start < max(later.a1, later.a0 + 1) for later in after)


def _covered(text: Keys, change: Change) -> Change:
    """A deletion with all the places where it could stand as well."""
    if change.a0 == change.a1 or change.b0 < change.b1:
        return change
    up, down = slack(text, change.a0, change.a1, 0, len(text))
    # Whole statements stand where statements stand: that the next one begins alike moves nothing.
    steps = range(-up, down + 1)
    whole = [n for n in steps if _begins_statement(text, change.a0 + n) and text[change.a1 + n - 1] in _ENDS]
    first, last = (whole[0], whole[-1]) if whole else (-up, down)
    return Change(change.a0 + first, change.a1 + last, change.b0, change.b1)


def _begins_statement(text: Keys, at: int) -> bool:
    return at == 0 or text[at - 1] in _ENDS


def _stands(change: Change, places: range, after: Sequence[Change], large: Keys) -> bool:
    """Whether the later edits leave alone what ``change`` made: they may add to it, and beside it, and remove
    more than it did. ``places``: where it may stand, if it is a removal."""
    start, end = change.b0, change.b1
    inside = 0
    for later in after:
        if later.a0 == later.a1:
            if start == end and later.a0 in places:
                return False  # something else came in the place of what was removed
            comment = all(map(is_comment_anywhere, large[later.b0 : later.b1]))
            within = start < later.a0 < end and not comment
            if within and _is_operand(large, later):
                return False
            inside += within
        elif start == end:
            if later.a0 <= start <= later.a1 and later.b0 < later.b1:
                return False
        elif later.a0 < end and start < later.a1:
            return False
    return inside * _BREAKS <= end - start


def _is_operand(large: Keys, later: Change) -> bool:
    """Whether an insertion gives an expression one operand more: it has another value then, and which was
    meant is a choice."""
    first, last = large[later.b0], large[later.b1 - 1]
    return later.b1 - later.b0 > 1 and (
        (first in _OPERATORS and _VALUE.match(last) is not None)
        or (last in _OPERATORS and _VALUE.match(first) is not None)
    )


def _says_enough(base: Keys, small: Keys, changes: Sequence[Change]) -> bool:
    """Whether the smaller edit is one that nobody makes by accident: a name, or several tokens."""
    for change in changes:
        came = [key for key in small[change.b0 : change.b1] if not is_comment(key)]
        gone = [key for key in base[change.a0 : change.a1] if not is_comment(key)]
        if any(_TELLING.search(key) and key not in _LEAVING for key in came) or len(came) >= _LEAST:
            return True
        if not came and len(gone) >= _LEAST:
            return True
    return not any(not is_comment(key) for c in changes for key in (*small[c.b0 : c.b1], *base[c.a0 : c.a1]))


def _is_back(base: Keys, small: Keys, large: Keys, changes: Sequence[Change]) -> bool:
    """Whether what the smaller edit took away is in the larger side: a name or a word of a string that is
    gone altogether, or several tokens in a row."""
    kept, there = set(small), set(large)
    for change in changes:
        gone = tuple(base[change.a0 : change.a1])
        if any(k in there and k not in kept and k != b"#include" for k in gone if _NAME.fullmatch(k)):
            return True
        if len(gone) >= _LEAST and _times(gone, large) > _times(gone, small):
            return True
    return False


def _is_put_back(base: Keys, small: Keys, large: Keys, change: Change, after: Sequence[Change]) -> bool:
    """Whether the larger side has at the very place a name that the smaller edit took away there."""
    gone = Counter(base[change.a0 : change.a1]) - Counter(small[change.b0 : change.b1])
    beside = (later for later in after if later.a0 <= change.b1 and change.b0 <= later.a1)
    return any(key in gone and _NAME.fullmatch(key) for later in beside for key in large[later.b0 : later.b1])


def _is_moved(base: Keys, small: Keys, large: Keys, changes: Sequence[Change]) -> bool:
    """Whether the larger side only moved what the smaller edit put in once more."""
    for change in changes:
        came = tuple(small[change.b0 : change.b1])
        if change.a0 == change.a1 and _times(came, base) > 0 and _times(came, large) <= _times(came, base):
            return True
    return False


def _times(run: tuple[bytes, ...], keys: Keys) -> int:
    """How often a run of tokens is in a text."""
    size = len(run)
    return sum(key == run[0] and tuple(keys[at : at + size]) == run for at, key in enumerate(keys))
