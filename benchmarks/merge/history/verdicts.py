"""What an outcome is worth beside what people committed, and what a whole history costs with a tool."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.merge.history.rows import Row
from benchmarks.merge.history.tools import Outcome
from benchmarks.merge.scoring import squeeze

VERDICTS = ("equal", "white space", "different", "conflict", "no answer")
PRICES = (1, 2, 5, 10, 20, 50, 100)


@dataclass(frozen=True, slots=True)
class Judged:
    """A tool's outcome on a row; ``verdict`` is one of ``VERDICTS``.

    ``wrong`` is None where the result differs from the people's and nobody has read it or seen it fail.
    """

    row: Row
    tool: str
    outcome: Outcome
    verdict: str
    wrong: bool | None


def verdict(outcome: Outcome, answer: bytes | None) -> str:
    """``different`` says only that: people re-write while they merge, and forget edits."""
    if not outcome.clean:
        return "conflict"
    if answer is None:
        return "no answer"
    if outcome.text == answer:
        return "equal"
    return "white space" if squeeze(outcome.text) == squeeze(answer) else "different"


def blob_id(text: bytes) -> str:
    """The id git gives a text."""
    return hashlib.sha1(b"blob %d\0" % len(text) + text, usedforsecurity=False).hexdigest()


class Readings:
    """Results that somebody has read: JSON lines of ``merge``, ``path``, ``result`` (the blob id) and
    ``verdict`` (``right`` or ``wrong``), with ``why``. Another result of the same merge is not read yet."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._known: dict[tuple[str, str, str], str] = {}
        for file in files:
            for line in file.read_text(encoding="utf-8").splitlines():
                given = json.loads(line)
                self._known[given["merge"], given["path"], given["result"]] = given["verdict"]

    def wrong(self, row: Row, result: bytes) -> bool | None:
        said = self._known.get((row.merge, row.path, blob_id(result)))
        return None if said is None else said == "wrong"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a tool left to people: conflicts, and clean results known to be wrong or not known to be right."""

    conflicts: int
    wrong: int
    unread: int

    @classmethod
    def of(cls, judged: Iterable[Judged]) -> Cost:
        seen = list(judged)
        return cls(
            sum(j.verdict == "conflict" for j in seen),
            sum(j.wrong is True for j in seen),
            sum(j.wrong is None for j in seen),
        )

    def at(self, price: float) -> tuple[float, float]:
        """The cost where a wrong merge costs ``price`` conflicts: with every unread result right, and wrong.

        After Schesch et al., "Evaluation of Version Control Merge Tools", 2024.
        """
        return self.conflicts + price * self.wrong, self.conflicts + price * (self.wrong + self.unread)


def break_even(peer: Cost, own: Cost) -> float | None:
    """The price of a wrong merge above which ``peer`` is cheaper, every unread result of ``own`` taken for
    wrong and none of the peer's; None if there is no such price."""
    more_wrong = own.wrong + own.unread - peer.wrong
    return (peer.conflicts - own.conflicts) / more_wrong if more_wrong > 0 else None


def table(by_tool: Mapping[str, Sequence[Judged]]) -> str:
    """The counts of every tool, one line each."""
    heads = ("merges", *VERDICTS, "hunks", "lines", "finding", "(noted)", "CPU s")
    lines = [f"{'tool':20}" + "".join(f"{head:>12}" for head in heads)]
    for tool, judged in by_tool.items():
        counts = Counter(j.verdict for j in judged)
        right = [j for j in judged if j.verdict in ("equal", "white space")]
        row = [
            len(judged),
            *(counts[name] for name in VERDICTS),
            sum(j.outcome.hunks for j in judged),
            sum(j.outcome.lines for j in judged),
            sum(j.outcome.clean and bool(j.outcome.findings) for j in judged),
            sum(bool(j.outcome.findings) for j in right),
        ]
        spent = sum(j.outcome.seconds for j in judged)
        lines.append(f"{tool:20}" + "".join(f"{value:>12}" for value in row) + f"{spent:>12.1f}")
    return "\n".join(lines)


def solved(peer: Sequence[Judged], own: Sequence[Judged]) -> str:
    """What became of the peer's conflicts, and where ``own`` shows more lines of conflict than the peer."""
    pairs = [(p, o) for p, o in zip(peer, own, strict=True) if p.verdict == "conflict"]
    counts = Counter(o.verdict for _, o in pairs)
    clean = len(pairs) - counts["conflict"]
    same = counts["equal"] + counts["white space"]
    before = sum(p.outcome.lines for p, _ in pairs)
    after = sum(o.outcome.lines for _, o in pairs)
    larger = [o for p, o in zip(peer, own, strict=True) if o.outcome.lines > p.outcome.lines]
    how = f"{counts['equal']} in bytes), {counts['different']} differently"
    return "\n  ".join(
        (
            f"{len(pairs)} conflicts of {peer[0].tool}: {clean} solved ({_share(clean, len(pairs))})",
            f"  {same} of them as people did ({_share(same, clean)}; {how}",
            f"  conflict lines {before} -> {after} ({_share(before - after, before)} fewer)",
            f"  larger than {peer[0].tool}'s: {len(larger)}",
            *(f"    {judged.row.name}" for judged in larger),
        )
    )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "none"


def curve(by_tool: Mapping[str, Sequence[Judged]]) -> str:
    """Each tool's cost, in conflicts, over the price of a wrong merge (least..most for what is unread)."""
    costs = {tool: Cost.of(judged) for tool, judged in by_tool.items()}
    lines = [f"{'price of a wrong merge':28}" + "".join(f"{price:>14}" for price in PRICES)]
    for tool, cost in costs.items():
        cells = []
        for price in PRICES:
            low, high = cost.at(price)
            cells.append(f"{low:.0f}" if low == high else f"{low:.0f}..{high:.0f}")
        known = f"{tool} ({cost.wrong} wrong)"
        lines.append(f"{known:28}" + "".join(f"{cell:>14}" for cell in cells))
    return "\n".join(lines)
