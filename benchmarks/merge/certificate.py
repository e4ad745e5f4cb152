"""What the certificate's checker accepts and refuses: ``python -m benchmarks.merge certificate``.

Right results are those that both orders of two edits without a word in common give (made by the edits, not
by the merge): ``right`` is what the merge gives, too, before it asks for a certificate, ``unmerged`` what it
does not. Of a raw string, one token, no edits of both sides can be certified: its family is left out. Lies
are structured results of the merge with one thing wrong, each with a certificate made for it.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from unittest.mock import patch

from benchmarks.merge.execution.__main__ import FAMILIES, Pair, pairs
from mergeguard.certify import Text
from mergeguard.merge import MergeResult, merge
from mergeguard.merge.lines import merge_lines
from mergeguard.merge.provenance import unproved
from tests.support.lies import lies

RIGHT = "right"
UNMERGED = "unmerged"  # right, and not what the merge gives: there one side mostly moves what the other edits
# (What is right of hidden names has names of its own.)
PROVABLE = tuple(family for family in FAMILIES if family not in ("raw", "hidden"))
Texts = tuple[bytes, bytes, bytes]


def texts_of(pair: Pair) -> Texts:
    """Base, ours and theirs of a pair."""
    return pair.base.encode(), pair.ours.encode(), pair.theirs.encode()


def drawn(pair: Pair, each: int) -> Iterator[tuple[str, bytes]]:
    """What is to be certified of a pair, with its kind: the right result, and ``each`` lies of every kind."""
    texts = texts_of(pair)
    with patch("mergeguard.merge.provenance.unproved", return_value=""):
        result = merge(*texts)
    if not pair.shared and pair.orders[0] is not None and pair.orders[0] == pair.orders[1]:
        right = pair.orders[0].encode()
        merged = result.clean and Text(result.render()).tokens == Text(right).tokens
        yield RIGHT if merged else UNMERGED, right
    if result.clean and not MergeResult(merge_lines(*texts)).clean:
        yield from lies(f"{pair.family}-{pair.number}", *texts, result.render(), each)


def main(arguments: Sequence[str]) -> int:
    """``certificate``: 1 if a lie is accepted, or a right result of the merge refused."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.merge certificate", description=__doc__)
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", type=int, default=3, help="lies of every kind of each result")
    parser.add_argument("--show", type=int, default=5, help="how many wrong verdicts to print")
    options = parser.parse_args(arguments)
    counts, refused = Counter[str](), Counter[str]()
    left = options.show
    started = time.process_time()
    for pair in pairs(options.seed, options.pairs, PROVABLE):
        for kind, text in drawn(pair, options.each):
            why = unproved(*texts_of(pair), text)
            counts[kind] += 1
            refused[kind] += bool(why)
            if bool(why) == (kind in (RIGHT, UNMERGED)) and left > 0:
                left -= 1
                print(f"==== {pair.family} {pair.number} {kind}: {why}\n{text.decode()}")
    spent = (time.process_time() - started) / max(counts.total(), 1)
    print(f"{'':12}{'certified':>12}{'refused':>12}")
    for kind, count in counts.items():
        print(f"{kind:12}{count - refused[kind]:>12}{refused[kind]:>12}")
    lied = [kind for kind in counts if kind not in (RIGHT, UNMERGED)]
    print(f"{sum(counts[kind] for kind in lied)} lies; {1000 * spent:.0f} ms of the processor each")
    return int(any(counts[kind] > refused[kind] for kind in lied) or refused[RIGHT] > 0)
