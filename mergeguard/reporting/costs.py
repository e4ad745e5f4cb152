"""What a split costs and saves as one self-contained HTML page: tables, advice, the schedule, the machine."""

from __future__ import annotations

from collections.abc import Mapping

from mergeguard.build.cost import SplitCost
from mergeguard.build.drawing import svg as svg
from mergeguard.reporting.page import page


def render(costs: Mapping[str, SplitCost], version: str) -> str:
    """The whole page for the rules' measured costs, by rule; ``version`` is mergeguard's."""
    return page(
        "cost.html",
        title=f"mergeguard cost: {', '.join(costs)}",
        version=version,
        costs=costs,
        pictures={name: svg(cost.picture()) for name, cost in costs.items()},
    )
