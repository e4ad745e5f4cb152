"""Merges judged by what the merged programs do: ``python -m benchmarks.merge execution``."""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.merge.execution import blocks, crossings, families, flows, likes, members, rows
from benchmarks.merge.execution.judge import Judge, has_compiler, sane
from benchmarks.merge.execution.trees import (
    Delete,
    Edit,
    Extract,
    Node,
    Rename,
    Replace,
    Several,
    Wrap,
    condition_over_edit,
    one_intention,
    outdated,
)
from mergeguard.merge import merge
from mergeguard.merge.lines import merge_lines
from mergeguard.merge.result import MergeResult, Piece

FAMILIES: dict[str, families.Family] = {
    "expression": families.expression,
    "statements": families.statements,
    "parameters": families.parameters,
    "class": blocks.a_class,
    "namespace": blocks.spaces,
    "lists": blocks.lists,
    "guards": blocks.guards,
    **rows.FAMILIES,
    **flows.FAMILIES,
    **members.FAMILIES,
    **crossings.FAMILIES,
    **likes.FAMILIES,
}
RIGHT, WRONG, CONFLICT, NEEDLESS = "right", "WRONG", "conflict", "needless conflict"
SAID = "said"  # wrong, clean for git, and a finding says so
ORDERED = "in one order"  # both additions to one list, as one of the orders has them, and a finding says so
_ORDER_IS_A_CHOICE = "side-by-side"


@dataclass(frozen=True)
class Pair:
    """Two edits of one program. ``orders`` are the programs with one edit made after the other, in each
    order (None where the second can't be made), each side's locals apart from the other's; ``same``: both
    bring one text for one purpose, ``shared``: the same text at all; ``conditional``: one changes a
    condition, the other what stands under it; ``outdated``: one gives a name another meaning, the other
    uses it anew; ``several``: each side makes several edits."""

    family: str
    number: int
    base: str
    ours: str
    theirs: str
    orders: tuple[str | None, str | None]
    same: bool
    shared: bool
    conditional: bool
    outdated: bool
    several: bool


@dataclass(frozen=True)
class Verdict:
    """What came of a pair: see ``_judged``."""

    pair: Pair
    kind: str
    merged: str
    findings: tuple[str, ...]


def pairs(seed: int, count: int, wanted: Sequence[str], edits: int = 1) -> Iterator[Pair]:
    """``count`` pairs of edits that both change the program, families in turn; each of ``edits`` edits."""
    number = 0
    for index in range(count * 20):
        family = wanted[index % len(wanted)]
        rng = random.Random(f"{seed}-{family}-{index}")
        found = _pair(family, index, rng, edits)
        if found is not None:
            number += 1
            yield found
        if number == count:
            return


def _pair(family: str, number: int, rng: random.Random, edits: int) -> Pair | None:
    root, edit = FAMILIES[family](families.Maker(rng))
    one, two = (_drawn(edit, edits) for _ in range(2))
    if one is None or two is None or _end_went(one, two) or _end_went(two, one):
        return None
    ours, theirs = one.made(root), two.made(root)
    if ours is None or theirs is None:
        return None
    texts = [root.render(), ours.render(), theirs.render()]
    if len(set(texts)) < 3:
        return None
    apart = one.apart(1), two.apart(2)
    made = [edit.made(root) for edit in apart]
    assert made[0] is not None and made[1] is not None
    orders = _orders(root, *apart, *made)
    shared = bool(one.brings(root).keys() & two.brings(root).keys())
    if edits > 1 and (shared or _in_common(one, two)):
        return None  # which of several edits are one intention, nobody can tell by what the program does
    same = one_intention(root, one, two)
    conditional = condition_over_edit(root, one, two)
    return Pair(family, number, *texts, orders, same, shared, conditional, outdated(one, two), edits > 1)


def _drawn(edit: Callable[[], Edit | None], edits: int) -> Edit | None:
    """What one side does; of several edits none renames, since what the other brings takes part in that."""
    if edits == 1:
        return edit()
    drawn = [part for part in (edit() for _ in range(edits)) if part is not None]
    parts = [part for part in drawn if not (isinstance(part, Replace) and part.head == part.old)]
    return Several(parts) if parts and not any(isinstance(part, Rename) for part in parts) else None


def _in_common(one: Edit, two: Edit) -> bool:
    """Whether both sides do one thing, or put blocks of one kind around something."""
    mine, other = ([*edit.parts] if isinstance(edit, Several) else [edit] for edit in (one, two))
    heads = [{part.block.head for part in parts if isinstance(part, Wrap)} for parts in (mine, other)]
    return any(part in other for part in mine) or not heads[0].isdisjoint(heads[1])


def _end_went(wrap: Edit, other: Edit) -> bool:
    """Whether the first or last of several things that one side puts a block around, or takes out, goes on
    the other: what the edit by itself means then, only its maker could say."""
    return (
        isinstance(wrap, Wrap | Extract)
        and isinstance(other, Delete)
        and wrap.first != wrap.last
        and other.name in (wrap.first, wrap.last)
    )


def _orders(root: Node, one: Edit, two: Edit, ours: Node, theirs: Node) -> tuple[str | None, str | None]:
    """The programs with both edits; a rename takes in what the other edit brings, so that it comes last."""
    if isinstance(one, Rename):
        return (_after(one, theirs),) * 2
    if isinstance(two, Rename):
        return (_after(two, ours),) * 2
    return _after(two, ours), _after(one, theirs)


def _after(edit: Edit, root: Node) -> str | None:
    made = edit.made(root)
    if made is None and edit.is_done(root):
        made = root
    return made.render() if made is not None else None


def judged(found: Sequence[Pair], judge: Judge) -> Iterator[Verdict]:
    """The verdict on the merge of each pair.

    Clean is right where the merged program does what both orders do; where both sides bring the same text,
    where it does what either side does. A conflict is needless where both orders do the same.
    """
    results = [_merged(pair) for pair in found]
    texts = [text for pair in found for text in (pair.base, pair.ours, pair.theirs)]
    texts += (order for pair in found for order in pair.orders if order is not None)
    judge.run(t for t in (*texts, *(r.render().decode() for r in results if r.clean)) if sane(t))
    for pair, result in zip(found, results, strict=True):
        if "" in (judge.known.get(text, "") for text in (pair.base, pair.ours, pair.theirs)):
            continue  # no program to begin with
        merged = result.render().decode()
        kind = _verdict(pair, merged, judge) if result.clean else _conflict(pair, judge)
        if kind == WRONG and result.findings and MergeResult(_lines(pair)).clean:
            kind = SAID
        if kind == RIGHT and pair.outdated:
            kind = SAID if result.findings else WRONG
        if kind == WRONG and _is_in_one_order(pair, result, judge):
            kind = ORDERED
        yield Verdict(pair, kind, merged, tuple(note.code for note in result.findings))


def _merged(pair: Pair) -> MergeResult:
    return merge(pair.base.encode(), pair.ours.encode(), pair.theirs.encode())


def _verdict(pair: Pair, merged: str, judge: Judge) -> str:
    does = judge.known.get(merged, "")
    if None in pair.orders and not pair.several:
        orders = {""}
    else:
        # An order that is no program tells nothing: its second edit went where it has no meaning.
        orders = {judge.known.get(order, "") for order in pair.orders if order is not None} - {""}
    sides = {judge.known[pair.ours], judge.known[pair.theirs]}
    if not does:
        return WRONG
    if not orders - {""} and sides == {judge.known[pair.base]}:
        return RIGHT if {does} == sides else WRONG  # neither side changed what the program does
    if pair.same or (pair.shared and does in sides):
        # One intention: there once is right, there twice is not.
        return RIGHT if does in sides else WRONG
    if pair.several and does in orders:
        return RIGHT  # of several edits one may take back, or have no place after, what the other side did
    return RIGHT if orders == {does} else WRONG


def _is_in_one_order(pair: Pair, result: MergeResult, judge: Judge) -> bool:
    """Whether a result does what one order of the edits does, and says that the order is a choice."""
    orders = {judge.known.get(order or "", "") for order in pair.orders} - {""}
    said = any(note.code == _ORDER_IS_A_CHOICE for note in result.findings)
    return said and not pair.same and judge.known.get(result.render().decode(), "") in orders


def _conflict(pair: Pair, judge: Judge) -> str:
    orders = {judge.known.get(order, "") if order is not None else "" for order in pair.orders}
    together = len(orders) == 1 and "" not in orders and not pair.same and not pair.outdated
    return NEEDLESS if together else CONFLICT


def main(arguments: Sequence[str]) -> int:
    """``execution``: 1 if a clean result does what no order of the edits does."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.merge execution", description=__doc__)
    parser.add_argument("--pairs", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--edits", type=int, default=1, help="how many edits each side makes")
    parser.add_argument("--keep", type=Path, help="write the wrong ones here")
    parser.add_argument("--show", type=int, default=5, help="how many wrong ones to print")
    options = parser.parse_args(arguments)
    if not has_compiler():
        print("g++ is needed: no program can be run without it", file=sys.stderr)
        return 2
    found = list(pairs(options.seed, options.pairs, options.families.split(","), options.edits))
    verdicts = list(judged(found, Judge()))
    _show(verdicts)
    wrong = [v for v in verdicts if v.kind == WRONG]
    for verdict in wrong[: options.show]:
        print(_told(verdict))
    if options.keep:
        for verdict in wrong:
            _keep(options.keep, verdict)
    return int(bool(wrong))


def _show(verdicts: Sequence[Verdict]) -> None:
    kinds = (RIGHT, ORDERED, CONFLICT, NEEDLESS, SAID, WRONG)
    heads = (*kinds, "git needless", "right, noted", "of a condition")
    print(f"{'family':16}" + "".join(f"{head:>18}" for head in heads))
    for family in (*FAMILIES, ""):
        rows = [v for v in verdicts if v.pair.family == family or not family]
        if not rows:
            continue
        counts = Counter(v.kind for v in rows)
        noted = [v for v in rows if v.kind == RIGHT and v.findings]
        asked = sum(v.pair.conditional and set(v.findings) == {"guard-changed"} for v in noted)
        git = sum(v.kind in (RIGHT, NEEDLESS) and not MergeResult(_lines(v.pair)).clean for v in rows)
        cells = [*(counts[kind] for kind in kinds), git, len(noted), asked]
        print(f"{family or 'all':16}" + "".join(f"{n:>18}" for n in cells))


def _lines(pair: Pair) -> tuple[Piece, ...]:
    return merge_lines(pair.base.encode(), pair.ours.encode(), pair.theirs.encode())


def _told(verdict: Verdict) -> str:
    pair = verdict.pair
    parts = [f"==== {pair.family} {pair.number} findings {verdict.findings} same {pair.same}"]
    for name, text in (("base", pair.base), ("ours", pair.ours), ("theirs", pair.theirs)):
        parts.append(f"-- {name}\n{text}")
    parts.append(f"-- merged\n{verdict.merged}")
    return "\n".join(parts)


def _keep(folder: Path, verdict: Verdict) -> None:
    place = folder / f"{verdict.pair.family}-{verdict.pair.number}"
    place.mkdir(parents=True, exist_ok=True)
    pair = verdict.pair
    for name, text in (
        ("base", pair.base),
        ("ours", pair.ours),
        ("theirs", pair.theirs),
        ("got", verdict.merged),
    ):
        (place / f"{name}.cu").write_text(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
