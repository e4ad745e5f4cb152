"""Edits of the two sides that nearly touch: whether they are of one thing, or of two side by side.

Two edits of one expression with hardly anything between them are a conflict, even where no token is in
both: together they may say what neither side means. They are of two things where something that parts
elements stands between them or where one of them ends; and they are no two opinions of one thing where both
exchange the same for the same, or one is of a comment alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise

from mergeguard.cpp.tokens import END_OF_COMMENT, END_OF_DIRECTIVE, is_comment_anywhere
from mergeguard.merge.lines import Region, RegionKind
from mergeguard.values import dataclass

Keys = Sequence[bytes]

# Edits of the two sides with fewer tokens between them than this are near.
NEAR = 3

# What parts elements of a list, conjuncts, statements and lines: what is done to two of them is done to two
# things. And what parts a call from its arguments and from what it is called on, a head from its body, a name
# from its value: two parts of one thing, which a person should look at together.
_OF_ELEMENTS = frozenset((b",", b";", b"&&", b"||", b"{", b"}", b"\n"))
_OF_PARTS = frozenset((b"(", b")", b":", b"=", b".", b"->"))
_IN_ARGUMENTS = frozenset((b"<", b",", b"::", b"*", b"&", b"..."))  # of a template
_LONGEST_ARGUMENTS = 60  # tokens
_WORD = re.compile(rb"\w+")
_IN_A_STRING = (b'"=', b'#"=')  # words of string literals, as tokens have them
_ENDS_OF_WORDS = (b",", b";")


@dataclass(frozen=True, slots=True)
class NearEdit:
    """What one side has instead of a run of the base's tokens."""

    old: tuple[bytes, ...]
    new: tuple[bytes, ...]

    @property
    def is_comment(self) -> bool:
        """Whether it changes comments alone."""
        return all(is_comment_anywhere(key) or key == END_OF_COMMENT for key in (*self.old, *self.new))

    @property
    def negates(self) -> bool:
        """Whether it turns a condition into its opposite, and nothing else."""
        return {sign_of(key) for key in (*self.old, *self.new)} == {b"!"}

    def has_at_end(self, signs: AbstractSet[bytes]) -> bool:
        """Whether old and new both end with the same one of ``signs``, as far as they are not empty."""
        return _is_one_of(signs, [run[-1] for run in map(without_blanks, (self.old, self.new)) if run])

    def has_at_beginning(self, signs: AbstractSet[bytes]) -> bool:
        """The same for their beginnings."""
        return _is_one_of(signs, [run[0] for run in (self.old, self.new) if run])


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Two edits of different sides, the first before the second, and the base's tokens between them."""

    one: NearEdit
    between: tuple[bytes, ...]
    two: NearEdit
    around_all: bool = False  # both add arguments to a call of one: before it, and behind it

    @property
    def independent(self) -> bool:
        """Whether nobody needs to look at them together, whatever they are of."""
        return self.one == self.two or self.one.is_comment or self.two.is_comment

    @property
    def of_two_elements(self) -> bool:
        return self._parted(_OF_ELEMENTS)

    @property
    def of_two_parts(self) -> bool:
        return self._parted(_OF_PARTS)

    def _parted(self, signs: AbstractSet[bytes]) -> bool:
        if self.around_all or self.one.negates or self.two.negates:
            return False
        between = any(sign_of(key) in signs for key in self.between)
        return between or self.one.has_at_end(signs) or self.two.has_at_beginning(signs)


def neighbours(regions: Sequence[Region], base: Keys, ours: Keys, theirs: Keys) -> Iterator[Neighbours]:
    """The edits of the two sides, of a three-way merge without conflicts, that are near each other."""
    edits = [region for region in regions if region.kind is not RegionKind.SAME]
    sides = {RegionKind.OURS, RegionKind.THEIRS}
    for one, two in pairwise(edits):
        if {one.kind, two.kind} == sides and two.b0 - one.b1 < NEAR:
            first, second = (_edit(region, base, ours, theirs) for region in (one, two))
            between = (b"(" if _opens_arguments(base, at) else base[at] for at in range(one.b1, two.b0))
            yield Neighbours(first, tuple(between), second, _around_all(base, one.b1, two.b0, first, second))


def _around_all(base: Keys, start: int, end: int, one: NearEdit, two: NearEdit) -> bool:
    """Whether two additions stand at both ends of what a call has for its only argument."""
    opened = start > 0 and (sign_of(base[start - 1]) == b"(" or _opens_arguments(base, start - 1))
    closed = end < len(base) and sign_of(base[end]) in (b")", b">")
    return opened and closed and end - start == 1 and not one.old and not two.old


def _edit(region: Region, base: Keys, ours: Keys, theirs: Keys) -> NearEdit:
    of_ours = region.kind is RegionKind.OURS
    new = ours[region.o0 : region.o1] if of_ours else theirs[region.t0 : region.t1]
    return NearEdit(tuple(base[region.b0 : region.b1]), tuple(new))


def _opens_arguments(keys: Keys, at: int) -> bool:
    """Whether a ``<`` opens the arguments of a template: a name is before it, and nothing but names, numbers
    and what stands between these up to its ``>``."""
    if sign_of(keys[at]) != b"<" or at == 0 or not _WORD.fullmatch(sign_of(keys[at - 1])):
        return False
    depth = 0
    for key in keys[at : at + _LONGEST_ARGUMENTS]:
        sign = sign_of(key)
        depth += (sign == b"<") - sign.count(b">") * (sign.strip(b">") == b"")
        if depth <= 0:
            return True
        if sign not in _IN_ARGUMENTS and not _WORD.fullmatch(sign):
            return False
    return False


def _is_one_of(signs: AbstractSet[bytes], ends: Sequence[bytes]) -> bool:
    found = {sign_of(key) for key in ends}
    return len(found) == 1 and found <= signs


def sign_of(key: bytes) -> bytes:
    """A token as what it parts: of a word of a string the comma at its end, of a line's end its break."""
    if key.startswith(_IN_A_STRING):
        word = key.rstrip()
        return word[-1:] if word.endswith(_ENDS_OF_WORDS) else word
    return b"\n" if key in (END_OF_COMMENT, END_OF_DIRECTIVE) else key.removeprefix(b"#")


def without_blanks(run: Keys) -> Keys:
    """A run without the blank words of strings at its end."""
    end = len(run)
    while end and run[end - 1].startswith(_IN_A_STRING) and not run[end - 1].partition(b"=")[2].strip():
        end -= 1
    return run[:end]
