"""The emission versions: what each knows, and which one a new layout gets."""

from __future__ import annotations

from collections.abc import Mapping

from mergeguard.lens.rule import Rule
from mergeguard.values import dataclass


@dataclass(frozen=True, slots=True)
class Emission:
    """What a version knows: ``thin`` interfaces, rules that name what stands in blocks (``opens`` them)."""

    thin: bool
    opens: bool


EMISSIONS: Mapping[int, Emission] = {
    1: Emission(thin=False, opens=False),
    2: Emission(thin=True, opens=False),
    3: Emission(thin=True, opens=True),
}


def emission_of(rule: Rule) -> int:
    """The emission version of new layouts by a rule: the oldest that knows what the rule asks for."""
    if rule.is_qualified:
        return 3
    return 2 if rule.interface == "thin" else 1
