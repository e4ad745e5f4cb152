"""Where text that the fork added stands in the monolith, where the layout alone can't say.

Between two neighbours of a layout file the monolith may have items that went to other files: text typed
there has several places. What is known of the place, from a patch or a merge, is kept as hints: each an added
unit and the unit that it follows, by their labels, never by lines. Read with the hints, a layout gives the
monolith that it was made of, byte for byte; without them it is read as ever.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from mergeguard.cpp.diff import diff
from mergeguard.cpp.items import Kind, Source, Unit
from mergeguard.cpp.remember import remembered
from mergeguard.cpp.source import parse, units
from mergeguard.digests import blake2b
from mergeguard.values import cached_property, dataclass, replace

START = ""  # follows nothing: at the monolith's start

Hint = tuple[str, str]  # the label of an added unit, and that of the unit before it


def hints(pristine: bytes, monolith: bytes) -> tuple[Hint, ...]:
    """Where ``monolith`` has the units that ``pristine`` has not, in its order."""
    before, after = map(_labels_of, (pristine, monolith))
    return tuple(
        (after[n], after[n - 1] if n else START)
        for change in diff(before, after)
        for n in range(change.b0, change.b1)
    )


@remembered
def _labels_of(text: bytes) -> list[str]:
    return labels(parse(text))


def labels(source: Source) -> list[str]:
    """A name for each unit that survives edits of its body, told apart by number where several are equal."""
    seen: Counter[str] = Counter()
    found: list[str] = []
    for unit in units(source):
        label = _label(unit)
        seen[label] += 1
        found.append(label if seen[label] == 1 else f"{label} {seen[label]}")
    return found


def _label(unit: Unit) -> str:
    silent = (Kind.COMMENT, Kind.CONDITIONAL)
    item = next((i for i in unit.items if i.kind not in silent), unit.items[0])
    key = item.key
    exact = "\0".join(
        (key.arguments, key.returns, key.template, key.parameters, *key.condition, str(len(unit.items) > 1))
    )
    name = item.name.encode("ascii", "backslashreplace").decode()
    return " ".join(filter(None, (str(item.kind), "".join(name.split()), _digest(exact))))


@lru_cache(maxsize=4096)
def _digest(exact: str) -> str:
    return blake2b(exact.encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()


@dataclass(frozen=True, slots=True)
class Part:
    """Added text, its offset in the pristine monolith, and its rank among what was added there."""

    text: bytes
    at: int
    rank: int


@dataclass(frozen=True)
class Order:
    """The hints of a lock, asked for the places of typed text in ``pristine``."""

    pristine: bytes
    hints: tuple[Hint, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.hints)

    @cached_property
    def _ends(self) -> dict[str, int]:
        """Where each unit of the pristine monolith ends, by label."""
        source = parse(self.pristine)
        ends = {label: unit.end for label, unit in zip(labels(source), units(source), strict=True)}
        return {START: 0, **ends}

    @cached_property
    def boundaries(self) -> frozenset[int]:
        """The offsets between the pristine monolith's units."""
        return frozenset(self._ends.values())

    @cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        """For each hinted unit its offset in the pristine monolith, and its rank among those added there."""
        found: dict[str, tuple[int, int]] = {}
        for number, (label, before) in enumerate(self.hints):
            at = self._ends.get(before, found.get(before, (-1, 0))[0])
            if at >= 0:
                found[label] = (at, number)
        return found

    def parts(self, text: bytes) -> list[Part]:
        """Typed text cut where the monolith has it in several places, in the order in which it was typed.

        Empty if no hint speaks of its first unit, or if it is no run of whole units.
        """
        source = parse(text)
        if source.problems:
            return []
        found: list[Part] = []
        expected = (-1, -1)  # what follows the last part in the monolith, too
        ahead = b""  # a comment, which at the start of a text is a unit, and elsewhere a part of the next
        for label, unit in zip(labels(source), units(source), strict=True):
            own, place = ahead + text[unit.start : unit.end], self._places.get(label)
            if found and (place is None or place == expected):
                found[-1] = replace(found[-1], text=found[-1].text + own)
            elif place is not None:
                found.append(Part(own, *place))
                ahead = b""
            elif unit.items[0].kind is Kind.COMMENT and not ahead:
                ahead = own
            else:
                return []
            if place is not None:
                expected = (place[0], place[1] + 1)
        return found
