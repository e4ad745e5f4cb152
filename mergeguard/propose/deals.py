"""Which dealing of a file's definitions would pay: into how many units, and with which seed.

A dealing is by the hash of each name, so that it is stable; how even it is, is luck. The seed is the luck:
of many, the one that balances the file as it is now is written into the rule.
"""

from __future__ import annotations

from collections.abc import Sequence

from mergeguard.cpp.source import Source
from mergeguard.errors import Location, RuleMismatch
from mergeguard.lens.homes.dealing import ENTRY, Cluster, clusters, sharing, unit_for
from mergeguard.lens.rule import Deal, Rule
from mergeguard.propose.headers import most_units
from mergeguard.propose.reach import Reach
from mergeguard.values import dataclass

_MOST_UNITS = 5
_SEEDS = 200
# An even dealing: the heaviest unit is at most so many per cent over its share.
_EVEN = 8
# What one unit more costs, in per cent of the file: it reads the headers again.
_UNIT = 3


@dataclass(frozen=True, slots=True)
class Dealing:
    """A [[deal]] that could be written. ``weight`` and ``peak`` are the model's (see ``propose.reach``).

    ``definitions`` is how many go by themselves; ``heaviest`` is the largest thing that stays together, and
    ``share`` its part of the whole in per cent. ``units`` counts the entry; it is 0 where no dealing into
    several makes sense.
    """

    definitions: int
    units: int
    seed: int
    weight: int
    peak: int
    heaviest: Cluster
    share: int
    calls: bool = False
    external: tuple[str, ...] = ()
    overloads: bool = False
    shared: tuple[str, ...] = ()

    def __str__(self) -> str:
        what = "definitions and macro calls" if self.calls else "definitions"
        return f"{self.definitions} independent {what}, dealt to {self.units} units"


def dealing(
    source: Source,
    path: str,
    reach: Reach,
    headers: int = 0,
    external: tuple[str, ...] = (),
    *,
    calls: bool = False,
    overloads: bool = False,
    shared: tuple[str, ...] = (),
) -> Dealing | RuleMismatch:
    """The best dealing of the file at ``path``, or why there is none.

    ``calls``: of macro calls, too; ``overloads``: of each overload by itself; ``shared``: selectors of what
    the file keeps to itself and the units share. ``headers`` weighs what
    each unit reads again; ``external`` are constants that headers declare.
    """
    deal = Deal("internal.h", units=2, calls=calls, external=external, overloads=overloads, shared=shared)
    rule = Rule(schema=1, monolith=path, deal=(deal,))
    try:
        found = clusters(rule, path, source)
    except RuleMismatch as error:
        return error
    alone = [_weight(cluster, reach) for cluster in found]
    weights = {c.key: 0 for c in found}
    for cluster, weight in zip(found, alone, strict=True):
        weights[cluster.key] += weight
    total = sum(weights.values())
    if not found:
        return RuleMismatch("it defines nothing for other files", where=Location(path))
    heaviest = found[max(range(len(found)), key=lambda n: (weights[found[n].key], alone[n]))]
    share = 100 * weights[heaviest.key] // max(total, 1)
    kept = weights.pop("", 0)
    best: tuple[int, int, int, int] | None = None
    # What several clusters need is in each one's weight; against headers counts the text as it stands.
    most = most_units(headers, len(source.lexed), _MOST_UNITS)
    for units in range(2, min(most, len(weights)) + 1):
        seed, peak = _best_seed(rule, weights, units, kept)
        score = peak + units * _UNIT * total // 100
        if best is None or score < best[0]:
            best = score, units, seed, peak
    _, units, seed, peak = best or (0, 0, 0, total)
    return Dealing(
        len(weights), units, seed, total, peak, heaviest, share, calls, external, overloads, shared
    )


def _weight(cluster: Cluster, reach: Reach) -> int:
    return sum(reach.weight(start, end) for start, end in (*cluster.own, *cluster.helpers))


def _best_seed(rule: Rule, weights: dict[str, int], units: int, kept: int) -> tuple[int, int]:
    """Of the first seeds the one whose heaviest unit is lightest, and what that weighs.

    ``kept`` is what stays in the entry whatever the seed.
    """
    names = _parts(rule, units)
    heavy = sorted([*weights.values(), kept], reverse=True)
    ideal = max(sum(heavy) // units, heavy[0])
    found: list[tuple[int, int]] = []
    for seed in range(_SEEDS):
        loads = dict.fromkeys(names, 0)
        loads[ENTRY] = kept
        for key, weight in weights.items():
            loads[unit_for(key, names, seed)] += weight
        # A unit that gets nothing would be odd, and costs the headers.
        peak = max(loads.values()) if min(loads.values()) else sum(heavy)
        found.append((peak, seed))
        if peak * 100 <= ideal * (100 + _EVEN):
            break
    peak, seed = min(found)
    return seed, peak


def _parts(rule: Rule, units: int) -> Sequence[str]:
    """So many homes: the entry, and a file for each further one."""
    deal = Deal(header="internal.h", units=units - 1, entry=True)
    return sharing(deal, rule.parts(deal))
