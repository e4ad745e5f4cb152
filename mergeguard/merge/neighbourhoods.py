"""A large text as what is around its edits: stretches that can be merged each by itself.

Reading a file of twenty thousand lines as declarations, four versions of it, costs a second or more, and the
edits are in a few of them. Where neither side's edits have a name in common with the other side's in another
stretch, nothing that a merge looks for crosses from one into the other, and each stretch is merged alone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate, combinations, compress, pairwise
from typing import NamedTuple

from mergeguard.cpp.borders import Unbalanced, borders
from mergeguard.cpp.diff import Change
from mergeguard.cpp.leaves import leaves_of
from mergeguard.cpp.lexer import TokenKind, lex
from mergeguard.merge.lines import Region, RegionKind, diff3, line_diff, split_lines, trivial

Versions = tuple[bytes, bytes, bytes]

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
    if not all(_is_whole(text) for parts in changed for text in parts):
        return None
    return stretches if _are_apart(*_names_of_sides(stretches)) else None


def cut_alike(stretches: Sequence[Versions], merged: bytes) -> list[bytes] | None:
    """A result, whoever made it, cut where its versions' ``stretches`` are. None if one of them is not to be
    told in it, or if what is neither side's there has to do with edits in another stretch.
    """
    base = split_lines(b"".join(parts[0] for parts in stretches))
    lines = split_lines(merged)
    ends = [*accumulate(parts[0].count(b"\n") for parts in stretches)][:-1]
    places = _places(line_diff(base, lines), ends)
    if places is None:
        return None
    texts = [b"".join(lines[a:b]) for a, b in pairwise((0, *places, len(lines)))]
    woven = [text for text, versions in zip(texts, stretches, strict=True) if text != trivial(*versions)]
    if not all(map(_is_whole, woven)):
        return None
    own = _names_of_result(stretches, texts)
    sides = _names_of_sides(stretches)
    return texts if _are_apart(*sides, own) and not _meet(own.counted, own.counted) else None


def _places(changes: Iterable[Change], ends: Iterable[int]) -> list[int] | None:
    """The lines of a text that stand for those of the base; None if one is not in the text."""
    found: list[int] = []
    changes = [*changes]
    before = 0  # changes
    for line in ends:
        while before < len(changes) and changes[before].a1 <= line:
            before += 1
        if before < len(changes) and changes[before].a0 < line:
            return None
        found.append(line + (changes[before - 1].b1 - changes[before - 1].a1 if before else 0))
    return found


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


def _is_whole(text: bytes) -> bool:
    """Whether a text closes what it opens."""
    try:
        borders(lex(text))
    except Unbalanced:
        return False
    return True


class _Names(NamedTuple):
    """The names that the edits of one version are about (``touched``) and that they bring or take away
    (``counted``), with the numbers of the stretches in which they do."""

    touched: dict[bytes, set[int]]
    counted: dict[bytes, set[int]]


def _names_of_sides(stretches: Iterable[Versions]) -> tuple[_Names, _Names]:
    ours, theirs = _Names(defaultdict(set), defaultdict(set)), _Names(defaultdict(set), defaultdict(set))
    for number, (base, *sides) in enumerate(stretches):
        for names, side in zip((ours, theirs), sides, strict=True):
            if side != base:
                _add(names.touched, (name for name, _ in _declared(base) ^ _declared(side)), number)
                _add(names.counted, _differing(_counts(base), _counts(side)), number)
    return ours, theirs


def _names_of_result(stretches: Iterable[Versions], texts: Iterable[bytes]) -> _Names:
    """What a result has by itself: declarations that are on no side, names more or less often than both sides
    together make them."""
    own = _Names(defaultdict(set), defaultdict(set))
    for number, (versions, text) in enumerate(zip(stretches, texts, strict=True)):
        if text != trivial(*versions):
            base, ours, theirs = map(_counts, versions)
            both = {name: ours[name] + theirs[name] - base[name] for name in ours.keys() | theirs.keys()}
            known = set().union(*map(_declared, versions))
            _add(own.touched, (name for name, _ in _declared(text) - known), number)
            _add(own.counted, _differing(Counter(both), _counts(text)), number)
    return own


def _add(names: dict[bytes, set[int]], more: Iterable[bytes], stretch: int) -> None:
    for name in more:
        names[name].add(stretch)


def _are_apart(*versions: _Names) -> bool:
    """Whether no name that one's edits bring, take away or are about is in another's elsewhere."""
    return not any(
        _meet(one.counted, two.counted) or _meet(one.touched, two.counted) or _meet(one.counted, two.touched)
        for one, two in combinations(versions, 2)
    )


def _declared(text: bytes) -> set[tuple[bytes, bytes]]:
    """The named declarations of a text: name and bytes."""
    return {(leaf.word, leaf.text) for leaf in leaves_of(text)[0] if leaf.word}


def _counts(text: bytes) -> Counter[bytes]:
    """How often a text has each name."""
    lexed = lex(text)
    return Counter(compress(lexed.texts, lexed.kinds.translate(_IS_NAME)))


def _differing(one: Counter[bytes], two: Counter[bytes]) -> set[bytes]:
    """The names that one has more or less often than the other."""
    return {name for name in one.keys() | two.keys() if one[name] != two[name]} - _RESERVED


def _meet(ours: dict[bytes, set[int]], theirs: dict[bytes, set[int]]) -> bool:
    """Whether a name is in a stretch of the one and in another stretch of the other."""
    return any(len(ours[name] | theirs[name]) > 1 for name in ours.keys() & theirs.keys())
