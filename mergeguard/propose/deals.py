"""Which dealing of a file's definitions would pay: into how many units, and with which seed.

A dealing is by the hash of each name, so that it is stable; how even it is, is luck. The seed is the luck:
of many, the one that balances the file as it is now is written into the rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from mergeguard.cpp.source import Source
from mergeguard.errors import Location, RuleMismatch
from mergeguard.lens.homes.dealing import ENTRY, Cluster, clusters, sharing, unit_for
from mergeguard.lens.rule import Deal, Rule
from mergeguard.propose.headers import most_units
from mergeguard.propose.reach import Reach
from mergeguard.values import dataclass, replace

_MOST_UNITS = 5
_SEEDS = 200
# An even dealing: the heaviest unit is at most so many per cent over its share.
_EVEN = 8
# What one unit more costs, in per cent of the file: it reads the headers again.
_UNIT = 3


@dataclass(frozen=True, slots=True)
class Dealing:
    """A [[deal]] that could be written. ``weight`` and ``peak`` are the model's (see ``propose.reach``).

    ``way`` is what its rule says of what goes by itself. ``definitions`` is how many do; ``heaviest`` is the
    largest thing that stays together, and ``share`` its part of the whole in per cent. ``units`` counts the
    entry; it is 0 where no dealing into several makes sense. ``repeated``: of what goes by itself some has
    one name, so that overloads might be dealt; ``called``: some of what stays in the entry is a macro's call.
    """

    definitions: int
    units: int
    seed: int
    weight: int
    peak: int
    heaviest: Cluster
    share: int
    way: Deal
    repeated: bool
    called: bool

    def __str__(self) -> str:
        what = "definitions and macro calls" if self.way.calls else "definitions"
        return f"{self.definitions} independent {what}, dealt to {self.units} units"


def dealing(source: Source, path: str, reach: Reach, way: Deal, headers: int = 0) -> Dealing | RuleMismatch:
    """The best dealing of the file at ``path``, or why there is none.

    ``way`` says what goes by itself (macro calls, overloads, kernels, what the file keeps to itself); its
    units and its seed are what is looked for. ``headers`` weighs what each unit reads again.
    """
    rule = Rule(schema=1, monolith=path, deal=(replace(way, units=2),))
    try:
        found = clusters(rule, path, source)
    except RuleMismatch as error:
        return error
    if not found:
        return RuleMismatch("it defines nothing for other files", where=Location(path))
    loads = _Loads(found, reach)
    total = loads.of(loads.keys)
    weights = {key: loads.of([key]) for key in loads.keys}
    alone = [loads.weight(cluster.own) for cluster in found]
    heaviest = found[max(range(len(found)), key=lambda n: (weights[found[n].key], alone[n]))]
    share = 100 * weights[heaviest.key] // max(total, 1)
    definitions = len(weights.keys() - {""})
    best: tuple[int, int, int, int] | None = None
    # Against headers counts the text as it stands.
    most = most_units(headers, len(source.lexed), _MOST_UNITS)
    for units in range(2, min(most, definitions) + 1):
        seed, peak = _best_seed(rule, loads, units)
        score = peak + units * _UNIT * total // 100
        if best is None or score < best[0]:
            best = score, units, seed, peak
    _, units, seed, peak = best or (0, 0, 0, total)
    repeated = sum(bool(cluster.key) for cluster in found) > definitions
    called = any(cluster.called for cluster in found)
    return Dealing(definitions, units, seed, total, peak, heaviest, share, way, repeated, called)


class _Loads:
    """What units weigh that get some of the clusters: each its own text, and all that they need once."""

    def __init__(self, found: Sequence[Cluster], reach: Reach) -> None:
        self.reach = reach
        numbers: dict[tuple[int, int], int] = {}
        self.own: dict[str, int] = defaultdict(int)
        self.needs: dict[str, int] = defaultdict(int)  # of each key the helpers, a bit for each
        for cluster in found:
            self.own[cluster.key] += self.weight(cluster.own)
            for helper in cluster.helpers:
                self.needs[cluster.key] |= 1 << numbers.setdefault(helper, len(numbers))
        self.helpers = [self.weight([helper]) for helper in numbers]
        self.keys = list(self.own)

    def weight(self, ranges: Iterable[tuple[int, int]]) -> int:
        return sum(self.reach.weight(start, end) for start, end in ranges)

    def of(self, keys: Iterable[str]) -> int:
        """What one unit weighs that has all of these."""
        own = needs = 0
        for key in keys:
            own += self.own[key]
            needs |= self.needs[key]
        return own + sum(weight for n, weight in enumerate(self.helpers) if needs >> n & 1)


def _best_seed(rule: Rule, loads: _Loads, units: int) -> tuple[int, int]:
    """Of the first seeds the one whose heaviest unit is lightest, and what that weighs."""
    names = _parts(rule, units)
    alone = [loads.of([key]) for key in loads.keys]
    ideal = max(loads.of(loads.keys) // units, *alone)
    found: list[tuple[int, int]] = []
    for seed in range(_SEEDS):
        dealt: dict[str, list[str]] = {name: [] for name in names}
        for key in loads.keys:
            # What stays in the entry does so whatever the seed.
            dealt[unit_for(key, names, seed) if key else ENTRY].append(key)
        weights = [loads.of(keys) for keys in dealt.values()]
        # A unit that gets nothing would be odd, and costs the headers.
        peak = max(weights) if all(dealt.values()) else sum(alone)
        found.append((peak, seed))
        if peak * 100 <= ideal * (100 + _EVEN):
            break
    peak, seed = min(found)
    return seed, peak


def _parts(rule: Rule, units: int) -> Sequence[str]:
    """So many homes: the entry, and a file for each further one."""
    deal = Deal(header="internal.h", units=units - 1, entry=True)
    return sharing(deal, rule.parts(deal))
