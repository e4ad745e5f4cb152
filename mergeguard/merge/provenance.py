"""Where each token of a merged text is from: the certificate that ``mergeguard.certify`` checks.

Made after the merge, from the four texts alone: what the merge meant to do plays no part. The texts are cut
where all four agree (``merge.apart``); what each token is taken for is told by ``merge.steps``. Declarations
that a side moved are put in the result's order first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import accumulate, pairwise
from typing import Any

from mergeguard.certify import FORMAT, Rejected, Text, certified
from mergeguard.cpp.items import Kind
from mergeguard.cpp.leaves import Leaf, blocks, leaves_of, match
from mergeguard.merge.apart import stretches
from mergeguard.merge.declarations.leafmerge import renames_of_both
from mergeguard.merge.renames import Rename, exchanged, made_by_both
from mergeguard.merge.result import shown
from mergeguard.merge.steps import Unaccounted, account

_OTHER = {"ours": "theirs", "theirs": "ours"}

# What has no place of its own: includes are a set, and what opens or ends a block goes with the block.
_PLACED = frozenset((Kind.INCLUDE, Kind.CONDITIONAL, Kind.OPAQUE))
_WORD = re.compile(rb"[A-Za-z_$][\w$]*")

Rank = tuple[int, int]


def certificate_of(base: bytes, ours: bytes, theirs: bytes, result: bytes) -> dict[str, Any]:
    """The certificate of a merge's clean result; ``Unaccounted`` or ``Rejected`` if there is none.

    Of several accounts as cheap as each other the search finds one, which need not be one that the checker
    accepts: with the sides exchanged it is another one.
    """
    texts = [Text(text) for text in (base, ours, theirs, result)]
    renames = _renames(base, ours, theirs)
    try:
        made = _accepted(texts, renames)
    except (Unaccounted, Rejected):
        inside = _renames_inside(base, ours, theirs)
        if not inside:
            raise
        made = _accepted(texts, [*renames, *inside])
    import hashlib  # as in ``certify.check``

    digests = [hashlib.sha256(text.text).hexdigest() for text in texts]
    named = dict(zip(("base", "ours", "theirs", "result"), digests, strict=True))
    return {"format": FORMAT, "digests": named, **made}


Renamed = list[tuple[str, str, str]]  # side, old name, new name


def _renames(base: bytes, ours: bytes, theirs: bytes) -> Renamed:
    mine, other = renames_of_both(base, ours, theirs)
    alike = made_by_both(base, ours, theirs)
    mine = (*mine, *alike, *exchanged(base, ours, theirs))
    other = (*other, *alike, *exchanged(base, theirs, ours))
    return [*_by_sides(mine, other)]


def _renames_inside(base: bytes, ours: bytes, theirs: bytes) -> Renamed:
    """The renames of what one declaration has by itself: its parameters and locals."""
    old, mine, other = (leaves_of(text)[0] for text in (base, ours, theirs))
    in_ours, in_theirs = ({b: own for own, b in match(old, side).items()} for side in (mine, other))
    found: dict[tuple[str, str, str], None] = {}
    for index, leaf in enumerate(old):
        if index in in_ours and index in in_theirs:
            texts = leaf.text, mine[in_ours[index]].text, other[in_theirs[index]].text
            found |= dict.fromkeys(_by_sides(*renames_of_both(*texts)) if len(set(texts)) > 1 else ())
    return list(found)


def _by_sides(mine: Iterable[Rename], other: Iterable[Rename]) -> Iterator[tuple[str, str, str]]:
    for side, found in (("ours", mine), ("theirs", other)):
        yield from ((side, shown(rename.old), shown(rename.new)) for rename in found)


def _accepted(texts: Sequence[Text], renames: Renamed) -> dict[str, Any]:
    """A certificate of the last of four texts that the checker accepts, but for what says which they are."""
    try:
        made = certificate(texts[0], texts[1], texts[2], texts[3], renames)
        certified(texts[0], texts[1], texts[2], texts[3], made)
    except (Unaccounted, Rejected) as refused:
        renames = [(_OTHER[side], old, new) for side, old, new in renames]
        try:
            made = _exchanged(certificate(texts[0], texts[2], texts[1], texts[3], renames))
            certified(texts[0], texts[1], texts[2], texts[3], made)
        except (Unaccounted, Rejected):
            raise refused from None
    return made


def _exchanged(made: dict[str, Any]) -> dict[str, Any]:
    """A certificate with the names of the sides exchanged."""
    exchanged_runs = {part: [[n, two, one] for n, one, two in made[part]] for part in ("result", "base")}
    return {
        **made,
        **exchanged_runs,
        "renames": sorted([_OTHER[side], old, new] for side, old, new in made["renames"]),
    }


def unproved(base: bytes, ours: bytes, theirs: bytes, result: bytes) -> str:
    """Why a clean result can't be shown to be the sum of both sides' edits, "" if it can.

    Where the four texts differ first: mostly that is enough, and a few lines.
    """
    apart = stretches((base, ours, theirs, result))
    if apart is not None:
        renames = _renames(base, ours, theirs)
        with suppress(Unaccounted, Rejected):
            for stretch in apart:
                _accepted(stretch.texts, renames)
            return ""
    try:
        certificate_of(base, ours, theirs, result)
    except (Unaccounted, Rejected) as refused:
        return f"it can't be proved that the merged text holds both sides' edits and nothing else: {refused}"
    return ""


def certificate(
    base: Text, ours: Text, theirs: Text, result: Text, renames: Iterable[tuple[str, str, str]] = ()
) -> dict[str, Any]:
    """The certificate of ``result`` (see ``certify.check``), but for its format and the digests.

    ``renames`` are (side, old name, new name). Errors: ``Unaccounted`` if there is none.
    """
    new_names = {old.encode(): new.encode() for _, old, new in renames}

    def key(token: bytes) -> bytes:
        if not new_names or token in new_names or token[:1] not in b'/"':
            return new_names.get(token, token)
        return _WORD.sub(lambda word: new_names.get(word[0], word[0]), token)

    texts = (base, ours, theirs, result)
    includes = _includes(texts)
    apart = [{group[which] for group in includes} for which in range(4)]
    orders = [
        [i for i in order if i not in found] for order, found in zip(_orders(*texts), apart, strict=True)
    ]
    keys = [[key(text.tokens[i]) for i in order] for text, order in zip(texts, orders, strict=True)]
    in_base = [(-1, -1)] * len(base.tokens)
    in_result = [(-1, -1)] * len(result.tokens)
    for b, o, t, r in includes:
        if b >= 0:
            in_base[b] = (o, t)
        if r >= 0:
            in_result[r] = (o, t)
    of_base, of_ours, of_theirs, of_result = orders
    b = o = t = r = 0
    for step in account(keys, result):
        pair = (of_ours[o] if step[1] else -1, of_theirs[t] if step[2] else -1)
        if step[0]:
            in_base[of_base[b]] = pair
        if step[3]:
            in_result[of_result[r]] = pair
        b, o, t, r = b + step[0], o + step[1], t + step[2], r + step[3]
    return {
        "renames": _respelled(texts, in_base, in_result),
        "result": _runs(in_result),
        "base": _runs(in_base),
    }


def _respelled(
    texts: Sequence[Text], in_base: Sequence[tuple[int, int]], in_result: Sequence[tuple[int, int]]
) -> list[list[str]]:
    """The renames as tokens: [side, old, new] where a side's token is another than the base's."""
    found: set[tuple[str, bytes, bytes]] = set()
    for which, side in ((0, "ours"), (1, "theirs")):
        tokens = texts[1 + which].tokens
        for old, pair in enumerate(in_base):
            if pair[which] >= 0 and texts[0].tokens[old] != tokens[pair[which]]:
                found.add((side, texts[0].tokens[old], tokens[pair[which]]))
        for index, pair in enumerate(in_result):
            if pair[1 - which] >= 0:
                word = texts[2 - which].tokens[pair[1 - which]]
                if word != texts[3].tokens[index]:
                    found.add((side, word, texts[3].tokens[index]))
    return [
        [side, *(word.decode("utf-8", "surrogateescape") for word in pair)] for side, *pair in sorted(found)
    ]


def _includes(texts: Sequence[Text]) -> list[tuple[int, ...]]:
    """The includes that no text has twice, wherever they stand: they are a set. Each as its index in the
    base, ours, theirs and the result, -1 where it is not."""
    places: list[dict[bytes, list[int]]] = [{} for _ in texts]
    for text, found in zip(texts, places, strict=True):
        for index, token in enumerate(text.tokens):
            if token.startswith(b"#include"):
                found.setdefault(token, []).append(index)
    groups: list[tuple[int, ...]] = []
    for token in sorted({token for found in places for token in found}):
        group = [found.get(token, [-1]) for found in places]
        if max(map(len, group)) == 1:
            groups.append(tuple(indices[0] for indices in group))
    return groups


def _runs(pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The pairs as runs [count, index in ours, index in theirs], in which the indices step together."""
    runs: list[list[int]] = []
    for one, two in pairs:
        if runs:
            count, first, second = runs[-1]
            if one == (first + count if first >= 0 else -1) and two == (
                second + count if second >= 0 else -1
            ):
                runs[-1][0] += 1
                continue
        runs.append([1, one, two])
    return runs


def _orders(base: Text, ours: Text, theirs: Text, result: Text) -> list[list[int]]:
    """The indices of each text's tokens with its declarations in the order that the result has them in."""
    leaves = [leaves_of(text.text)[0] for text in (base, ours, theirs, result)]
    places = [match(leaves[3], version) for version in leaves[:3]]
    same = [list(range(len(text.tokens))) for text in (base, ours, theirs, result)]
    if all(_in_order(version, place) for version, place in zip(leaves, places, strict=False)):
        return same
    ranks = [_ranks(leaves[0], places[0], {})]
    for which in (1, 2):
        old = match(leaves[0], leaves[which])
        ranks.append(_ranks(leaves[which], places[which], {own: ranks[0][b] for own, b in old.items()}))
    orders = [
        _ordered(text, version, rank)
        for text, version, rank in zip((base, ours, theirs), leaves[:3], ranks, strict=True)
    ]
    return [*orders, same[3]]


def _in_order(leaves: Sequence[Leaf], places: Mapping[int, int]) -> bool:
    wanted = [places[own] for own in sorted(places) if leaves[own].kind not in _PLACED]
    return wanted == sorted(wanted)


def _ranks(leaves: Sequence[Leaf], places: Mapping[int, int], given: Mapping[int, Rank]) -> list[Rank]:
    """Where each leaf is in the result's order. What the result lacks goes where ``given`` says, or behind
    what stands before it; what opens a block, before what comes first in that, and what ends it, behind
    what comes last."""
    ranks: list[Rank] = []
    for index, leaf in enumerate(leaves):
        last = ranks[-1] if ranks else (-1, 0)
        if leaf.kind in _PLACED:
            ranks.append(last)
        elif index in places:
            ranks.append((places[index], 0))
        else:
            ranks.append(given.get(index, (last[0], index + 1)))
    for block in blocks(leaves):
        inside = ranks[block.opening + 1 : block.closing]
        if inside:
            ranks[block.opening], ranks[block.closing] = min(inside), max(inside)
    return ranks


def _ordered(text: Text, leaves: Sequence[Leaf], ranks: Sequence[Rank]) -> list[int]:
    """The indices of the tokens, by the rank of the leaf that each is in."""
    same = list(range(len(text.tokens)))
    if all(one <= two for one, two in pairwise(ranks)):
        return same
    ends = [*accumulate(len(leaf.text) for leaf in leaves)]
    groups: list[list[int]] = [[] for _ in leaves]
    leaf = 0
    for index in same:
        while leaf + 1 < len(leaves) and text.offsets[index] >= ends[leaf]:
            leaf += 1
        groups[leaf].append(index)
    return [i for index in sorted(range(len(leaves)), key=lambda i: ranks[i]) for i in groups[index]]
