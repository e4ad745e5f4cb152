"""What the entry chooses a shard by, held against what the body chooses its arm by.

Both are upstream's text: the switch's variable is followed back through initialisers and arguments to the
entry's parameters. A rule may say the value itself; then the two are compared, and where the text does not
tell, the rule's word is *assumed*, resting on the statements that feed the variable.
"""

from __future__ import annotations

from collections.abc import Iterator

from mergeguard.cpp.backwards import Origin, origin, same_value, words_of
from mergeguard.cpp.items import Source
from mergeguard.lens.homes.assign import assigned
from mergeguard.lens.homes.assignment import DealtPartition
from mergeguard.lens.reading import monolith_source
from mergeguard.lens.rule import Rule
from mergeguard.values import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """One value that entry and body both ask for: the entry as ``stated``, the body as ``asked``."""

    entry: str
    stated: str
    asked: str
    origin: Origin

    @property
    def is_assumed(self) -> bool:
        """Whether the text does not tell that the two are the same."""
        return self.origin.value is None

    @property
    def differs(self) -> bool:
        """Whether the text tells that they are not."""
        return self.origin.value is not None and not same_value(self.origin.value, words_of(self.stated))


def choices(source: Source, partition: DealtPartition) -> Iterator[Choice]:
    """The values that a partition's entry chooses by; of a switch without a discriminator, the derived one.

    A switch that neither the rule nor the text gives a value for has none.
    """
    entry, holder, branching = partition.entry, partition.holder, partition.branching
    if branching.kind != "switch":
        for arm in branching.arms:
            if not arm.is_default:
                found = origin(source, holder, entry, arm.labels[0])
                yield Choice(entry.name, arm.labels[0], arm.labels[0], found)
        return
    found = origin(source, holder, entry, branching.subject)
    stated = partition.rule.discriminator or found.text
    if stated:
        yield Choice(entry.name, stated, branching.subject, found)


def all_choices(rule: Rule, path: str, text: bytes) -> tuple[Choice, ...]:
    """Those of every partition of a rule in the monolith ``text``.

    Raises RuleMismatch if it does not fit, and SourceError where the text can't be read as items.
    """
    source = monolith_source(rule, path, text)
    assignment = assigned(rule, path, source)
    if assignment.parted:
        return ()  # a thin entry chooses where the host function does, by upstream's own expression
    return tuple(choice for partition in assignment.partitions for choice in choices(source, partition))
