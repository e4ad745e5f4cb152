"""Why each unit of a monolith is where a rule puts it: the reasons behind ``lens.homes.assign``."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from mergeguard.cpp.source import Item, Kind, Source, Unit
from mergeguard.cpp.text import line_of
from mergeguard.lens.agreement import choices
from mergeguard.lens.homes.assign import assigned
from mergeguard.lens.homes.assignment import ENTRY, Assignment, DealtPartition
from mergeguard.lens.rule import Rule, selectors
from mergeguard.lens.selectors import Selector
from mergeguard.values import dataclass


class Why(StrEnum):
    """What decided an item's home."""

    SELECTOR = "selector"  # `detail` is the selector
    GROUP = "its #if group"  # another item of the group decided; `detail` names its selector
    PARTITION = "partition"  # the function that is dealt, or its public entry; `detail` is the entry
    INSTANTIATION = "instantiation"  # dealt to a shard; `detail` is the template
    NEEDED = "needed by the shards"
    SHARED = "what several units need"
    DEALT = "dealt to this unit, or needed only here"
    STAYS = "stays in the entry"


@dataclass(frozen=True, slots=True)
class Placed:
    """One item: 1-based first and last line of its code, its home ("" is the entry), and why."""

    kind: str
    name: str
    line: int
    last_line: int
    bytes: int
    condition: tuple[str, ...]
    home: str
    why: Why
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DealtArm:
    """An arm of a partition: its labels, 1-based lines, the shard that serves it.

    ``listed`` is false where no shard names the arm, so that the rest serves it. The default arm is in
    every shard's text; ``shard`` is then the one that the entry calls for unknown values.
    """

    labels: tuple[str, ...]
    line: int
    last_line: int
    shard: str
    listed: bool
    is_default: bool


@dataclass(frozen=True, slots=True)
class DealtFunction:
    """A partition as it fits the monolith; ``discriminator`` is "" for a chain."""

    entry: str
    function: str
    branching: str
    macro: str
    discriminator: str
    body: str
    arms: tuple[DealtArm, ...]


@dataclass(frozen=True, slots=True)
class DealtTemplate:
    """An explicit instantiation (1-based line) and its shard."""

    name: str
    arguments: str
    line: int
    shard: str


@dataclass(frozen=True, slots=True)
class Placement:
    """Everything that a rule does to one monolith, in the monolith's order."""

    items: tuple[Placed, ...]
    partitions: tuple[DealtFunction, ...]
    instantiations: tuple[DealtTemplate, ...]
    notes: tuple[str, ...]


def placement(rule: Rule, path: str, source: Source) -> Placement:
    """How ``rule`` deals the monolith at ``path``. Raises RuleMismatch where it does not fit."""
    assignment = assigned(rule, path, source)
    explainer = _Explainer(rule, source, assignment)
    return Placement(
        tuple(explainer.items()),
        tuple(explainer.partitions()),
        tuple(
            DealtTemplate(d.item.name, d.item.arguments, line_of(source.text, d.item.code_start), d.shard)
            for d in assignment.instantiations
        ),
        assignment.notes,
    )


class _Explainer:
    def __init__(self, rule: Rule, source: Source, assignment: Assignment) -> None:
        self.rule = rule
        self.source = source
        self.assignment = assignment
        self.offers: list[tuple[Selector, str]] = [
            (s, move.to) for move in rule.move for s in selectors(move.items)
        ]
        self.offers += [(s, p.rule.body) for p in assignment.partitions for s in selectors(p.rule.items)]
        self.offers += [
            (s, shard) for deal in rule.deal for shard, texts in deal.shards.items() for s in selectors(texts)
        ]
        self.dealt = {d.item.start: d.rule.template for d in assignment.instantiations}
        self.bound: dict[int, str] = {}
        for p in assignment.partitions:
            self.bound[p.entry.start] = p.rule.entry
            holder = self._holder(p.branching.start)
            if holder is not None:
                self.bound.setdefault(holder.start, p.rule.entry)

    def _holder(self, offset: int) -> Item | None:
        items = (item for unit in self.assignment.units for item in unit.items)
        return next((item for item in items if item.start <= offset < item.end), None)

    def items(self) -> Iterable[Placed]:
        for unit, home in zip(self.assignment.units, self.assignment.homes, strict=True):
            group = self._unit_reason(unit, home)
            for item in unit.items:
                if item.kind in (Kind.CONDITIONAL, Kind.COMMENT):
                    continue
                why, detail = self._reason(item, home) or group
                yield self._placed(item, home, why, detail)

    def _reason(self, item: Item, home: str) -> tuple[Why, str] | None:
        if item.start in self.bound:
            return Why.PARTITION, self.bound[item.start]
        if item.start in self.dealt:
            return Why.INSTANTIATION, self.dealt[item.start]
        found = [s for s, to in self.offers if to == home and s.selects(item)]
        if found:
            return Why.SELECTOR, max(found, key=lambda s: s.specificity).text
        return None

    def _unit_reason(self, unit: Unit, home: str) -> tuple[Why, str]:
        for item in unit.items:
            reason = self._reason(item, home)
            if reason is not None:
                return Why.GROUP, reason[1]
        if home == ENTRY:
            return Why.STAYS, ""
        if any(deal.header == home for deal in self.rule.deal):
            return Why.SHARED, ""
        return (Why.DEALT if self.rule.deal else Why.NEEDED), ""

    def _placed(self, item: Item, home: str, why: Why, detail: str) -> Placed:
        text = self.source.text
        return Placed(
            str(item.kind),
            item.name,
            line_of(text, item.code_start),
            line_of(text, max(item.code_start, item.code_end - 1)),
            item.end - item.start,
            item.condition,
            home,
            why,
            detail,
        )

    def partitions(self) -> Iterable[DealtFunction]:
        text = self.source.text
        for dealt in self.assignment.partitions:
            branching, rule = dealt.branching, dealt.rule
            yield DealtFunction(
                rule.entry,
                rule.over.in_,
                _spelled(dealt),
                branching.macro or "",
                _discriminator(self.source, dealt),
                rule.body,
                tuple(
                    DealtArm(
                        tuple(f"{outer}/{label}" for outer in place.under for label in arm.labels)
                        or arm.labels,
                        line_of(text, arm.start),
                        line_of(text, max(arm.start, arm.end - 1)),
                        shard,
                        arm not in dealt.unlisted and not arm.is_default,
                        arm.is_default,
                    )
                    for place in dealt.places
                    for arm, shard in zip(place.branching.arms, place.shard_of, strict=True)
                ),
            )


def _spelled(dealt: DealtPartition) -> str:
    """The choice as a reader finds it in the text."""
    over = dealt.rule.over
    if dealt.inner:
        return f"switch ({over.switch}), switch ({over.then})"
    if dealt.branching.kind == "switch":
        return f"switch ({dealt.branching.subject})"
    return f"if over {over.chain or over.sequence}"


def _discriminator(source: Source, dealt: DealtPartition) -> str:
    """What the entry switches on: the rule's word, else what the text says."""
    choice = next(choices(source, dealt), None)
    return choice.stated if choice is not None and dealt.branching.kind == "switch" else ""
