"""Why nothing in a file can be dealt to shards, in a sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mergeguard.errors import RuleMismatch
from mergeguard.propose.deals import Dealing
from mergeguard.propose.survey import SurveyedChoice
from mergeguard.values import dataclass


@dataclass(frozen=True, slots=True)
class Tried:
    """A candidate that was not taken, and why. ``deals``: it was a dealing of definitions."""

    candidate: str
    reason: str
    deals: bool = False


def refusal(
    path: str, deal: Dealing | RuleMismatch, tried: Sequence[Tried], choices: Sequence[SurveyedChoice]
) -> str:
    """What keeps the definitions of the file at ``path`` together, and what is in the way of the best choice.

    ``deal`` is the file's dealing by names, ``tried`` what was tried, best first, ``choices`` what the survey
    found.
    """
    definitions = of_definitions(deal, [one for one in tried if one.deals])
    choice = of_choices(path, [one for one in tried if not one.deals], choices)
    return f"{definitions}; {choice}" if choice else definitions


def of_definitions(deal: Dealing | RuleMismatch, tried: Sequence[Tried]) -> str:
    """Why its definitions go no several ways."""
    if isinstance(deal, RuleMismatch):
        line = deal.where.line if deal.where is not None else None
        return f"its definitions can't be dealt: line {line}: {deal.message}" if line else deal.message
    failed = next((one for one in tried if not one.reason.startswith(TOO_LITTLE)), None)
    if failed is not None:
        return f"{failed.candidate}: {failed.reason}"
    heaviest = deal.heaviest
    together = len(heaviest.own)
    if together > 1 and heaviest.held:
        return f"{together} of its definitions, {deal.share} % of it, hang together by `{heaviest.held}`"
    if deal.definitions == 1:
        return f"all that it defines for other files is `{heaviest.label}`"
    if heaviest.label.startswith("#"):
        return f"what stands under `{heaviest.label}`, which goes one way, is {deal.share} % of it"
    return f"`{heaviest.label}` with what it calls is {deal.share} % of it"


TOO_LITTLE = "the heaviest unit would be only "


def of_choices(path: str, tried: Sequence[Tried], choices: Sequence[SurveyedChoice]) -> str:
    """Why its most promising choice is not dealt; "" if it has none."""
    if tried:
        return f"nor can {tried[0].candidate}: {_clause(path, tried[0].reason)}"
    if choices:
        return f"nor can {choices[0]}: {choices[0].problem}"
    return ""


def _clause(path: str, reason: str) -> str:
    """The part of a mismatch's message that says why: no place, which the choice names, no second reason."""
    for second in ("; nor full: ", "; and the shards read what"):
        reason = reason.partition(second)[0]
    if reason.startswith(path):
        reason = _PLACE.sub("", reason.removeprefix(path))
    return _OF.sub("", reason).removeprefix("the interface can't be thin: ")


_PLACE = re.compile(r"^(:\d+)?(:\S+)?( \([^()]*\))?: ")
_OF = re.compile(r"^partition of `[^`]*`: ")
