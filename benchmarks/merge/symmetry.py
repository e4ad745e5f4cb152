"""Merges made both ways round: ``python -m benchmarks.merge symmetry``.

Who merges whom must not decide whether a merge is a conflict, nor what is in its result. (Whose layout wins,
and which of two insertions at one place goes first, it may.)
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.merge.execution.__main__ import FAMILIES, Pair, pairs
from mergeguard.cpp.tokens import END_OF_COMMENT, END_OF_DIRECTIVE, tokens_of
from mergeguard.merge import MergeResult, merge

SAME, ORDER, ASYMMETRIC = "same", "same but for order", "ASYMMETRIC"
KINDS = (SAME, ORDER, ASYMMETRIC)


@dataclass(frozen=True)
class Mirrored:
    """A pair of edits and its merge, ours into theirs and the reverse; ``kind`` is one of ``KINDS``."""

    pair: Pair
    kind: str
    results: tuple[MergeResult, MergeResult]


def mirrored(found: Iterator[Pair]) -> Iterator[Mirrored]:
    """Each pair merged both ways round."""
    for pair in found:
        base, ours, theirs = (text.encode() for text in (pair.base, pair.ours, pair.theirs))
        results = merge(base, ours, theirs), merge(base, theirs, ours)
        yield Mirrored(pair, _kind(*results), results)


def _kind(one: MergeResult, two: MergeResult) -> str:
    if one.clean != two.clean:
        return ASYMMETRIC
    if not one.clean:
        return SAME
    first, second = (_said(result) for result in (one, two))
    if first == second:
        return SAME
    return ORDER if Counter(first) == Counter(second) else ASYMMETRIC


def _said(result: MergeResult) -> list[bytes]:
    """The tokens of a result, without what is layout."""
    return [k for k in tokens_of(result.render()).keys if k not in (END_OF_COMMENT, END_OF_DIRECTIVE)]


def main(arguments: Sequence[str]) -> int:
    """``symmetry``: 1 if a merge comes out otherwise when its sides are exchanged."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.merge symmetry", description=__doc__)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--show", type=int, default=5, help="how many asymmetric ones to print")
    options = parser.parse_args(arguments)
    counts: dict[str, Counter[str]] = {family: Counter() for family in options.families.split(",")}
    left = options.show
    for one in mirrored(pairs(options.seed, options.pairs, tuple(counts))):
        counts[one.pair.family][one.kind] += 1
        if one.kind == ASYMMETRIC and left > 0:
            left -= 1
            print(_told(one))
    print(f"{'family':12}" + "".join(f"{kind:>20}" for kind in KINDS))
    for family, count in (*counts.items(), ("all", sum(counts.values(), Counter()))):
        print(f"{family:12}" + "".join(f"{count[kind]:>20}" for kind in KINDS))
    return int(any(count[ASYMMETRIC] for count in counts.values()))


def _told(one: Mirrored) -> str:
    pair = one.pair
    parts = [f"==== {pair.family} {pair.number}"]
    texts = {"base": pair.base, "ours": pair.ours, "theirs": pair.theirs}
    for name, text in texts.items():
        parts.append(f"-- {name}\n{text}")
    for name, result in zip(("ours with theirs", "theirs with ours"), one.results, strict=True):
        said = result.render().decode() if result.clean else "a conflict"
        parts.append(f"-- {name}: {[note.code for note in result.notes]}\n{said}")
    return "\n".join(parts)
