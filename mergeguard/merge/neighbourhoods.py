"""A large text as what is around its edits: stretches that can be merged each by itself.

Reading a file of twenty thousand lines as declarations, four versions of it, costs a second or more, and the
edits are in a few of them. Where neither side's edits have a name in common with the other side's in another
stretch, nothing that a merge looks for crosses from one into the other, and each stretch is merged alone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate, compress

from mergeguard.cpp.borders import Unbalanced, borders
from mergeguard.cpp.leaves import leaves_of
from mergeguard.cpp.lexer import TokenKind, lex
from mergeguard.merge.lines import Region, RegionKind, diff3, line_diff, split_lines

Versions = tuple[bytes, bytes, bytes]
_Names = dict[bytes, set[int]]  # by name, the numbers of the stretches that have it

#: Lines of a text that is read whole in any case: no time is to be won.
_FEW_LINES = 5_000
_MARGIN = 40  # lines on both sides of an edit: what a merge looks at beside it
_WORTH_IT = 0.7  # of the text; where more is around edits, it is read whole
_IS_NAME = bytes(kind == TokenKind.IDENT for kind in range(256))
# Words of the language: that both sides write them says nothing.
_RESERVED = frozenset(
    b"alignas alignof auto bool break case catch char class const constexpr continue decltype default "
    b"define delete do double elif else endif enum extern false float for friend if ifdef ifndef include "
    b"inline int long namespace new noexcept nullptr operator private protected public return short signed "
    b"sizeof static static_assert static_cast struct switch template this throw true try typedef typename "
    b"undef union unsigned using virtual void volatile while".split()
)


def neighbourhoods(base: bytes, ours: bytes, theirs: bytes) -> list[Versions] | None:
    """The three versions as stretches, in order, that do not depend on each other; joined they are the
    versions. None for texts that are better read whole: short ones, edits all over, brackets that do not
    pair, names that both sides' edits have in different stretches.
    """
    if max(text.count(b"\n") + 1 for text in (base, ours, theirs)) < _FEW_LINES:
        return None
    lines = [split_lines(text) for text in (base, ours, theirs)]
    if max(map(len, lines)) < _FEW_LINES:
        return None
    try:
        edges = borders(lex(base))
    except Unbalanced:
        return None
    regions = diff3(lines[0], lines[1], lines[2], line_diff)
    starts = [[0, *accumulate(map(len, version))] for version in lines]
    spans = _spans(regions, starts[0], edges)
    if sum(end - start for start, end in spans) > _WORTH_IT * len(base):
        return None
    stretches = _cut((base, ours, theirs), regions, starts, spans)
    changed = [parts for parts in stretches if len(set(parts)) > 1]
    return stretches if all(map(_is_whole, changed)) and _are_apart(changed) else None


def _spans(regions: Sequence[Region], starts: Sequence[int], edges: Sequence[int]) -> list[tuple[int, int]]:
    """The byte ranges of the base around edits, from border to border."""
    last = len(starts) - 1
    found: list[tuple[int, int]] = []
    for region in regions:
        if region.kind is RegionKind.SAME:
            continue
        before = bisect_right(edges, starts[max(region.b0 - _MARGIN, 0)]) - 1
        after = bisect_left(edges, starts[min(region.b1 + _MARGIN, last)])
        start = edges[before] if before >= 0 else 0
        end = edges[after] if after < len(edges) else starts[-1]
        if found and start <= found[-1][1]:
            start, end = found[-1][0], max(end, found.pop()[1])
        found.append((start, end))
    return found


def _cut(
    versions: Versions,
    regions: Sequence[Region],
    starts: Sequence[Sequence[int]],
    spans: Iterable[tuple[int, int]],
) -> list[Versions]:
    """The versions, cut at the ends of ``spans`` (of the base), which stand in what all have in common."""
    firsts = [region.b0 for region in regions]
    found: list[Versions] = []
    at = (0, 0, 0)
    for offset in [*(edge for span in spans for edge in span), len(versions[0])]:
        if offset == len(versions[0]):
            to = (len(versions[0]), len(versions[1]), len(versions[2]))
        else:
            line = bisect_left(starts[0], offset)
            region = regions[bisect_right(firsts, line) - 1]
            step = line - region.b0
            to = (starts[0][line], starts[1][region.o0 + step], starts[2][region.t0 + step])
        base, ours, theirs = (text[a:b] for text, a, b in zip(versions, at, to, strict=True))
        if base or ours or theirs:
            found.append((base, ours, theirs))
        at = to
    return found


def _is_whole(parts: Versions) -> bool:
    """Whether each version of a stretch closes what it opens."""
    try:
        for text in parts:
            borders(lex(text))
    except Unbalanced:
        return False
    return True


def _are_apart(stretches: Sequence[Versions]) -> bool:
    """Whether no name that one side's edits bring, take away or are about is in the other's elsewhere."""
    touched: tuple[_Names, _Names] = (defaultdict(set), defaultdict(set))
    counted: tuple[_Names, _Names] = (defaultdict(set), defaultdict(set))
    for number, (base, *sides) in enumerate(stretches):
        for which, side in enumerate(sides):
            if side == base:
                continue
            for name in _declared(base, side):
                touched[which][name].add(number)
            for name in _recounted(base, side):
                counted[which][name].add(number)
    return not (
        _meet(counted[0], counted[1]) or _meet(touched[0], counted[1]) or _meet(counted[0], touched[1])
    )


def _declared(base: bytes, side: bytes) -> set[bytes]:
    """The names of the declarations that a side has otherwise than the base."""
    one, two = ({(leaf.word, leaf.text) for leaf in leaves_of(text)[0]} for text in (base, side))
    return {name for name, _ in one ^ two if name}


def _recounted(base: bytes, side: bytes) -> set[bytes]:
    """The names that a side has more or less often than the base."""
    one, two = (
        Counter(compress(lexed.texts, lexed.kinds.translate(_IS_NAME))) for lexed in (lex(base), lex(side))
    )
    return {name for name in one.keys() | two.keys() if one[name] != two[name]} - _RESERVED


def _meet(ours: _Names, theirs: _Names) -> bool:
    """Whether a name is in a stretch of the one and in another stretch of the other."""
    return any(len(ours[name] | theirs[name]) > 1 for name in ours.keys() & theirs.keys())
