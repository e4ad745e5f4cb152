"""Upstream edit x local edit pairs with a known answer.

For three releases A, B, C (A and B successive): one side has A -> B, the other has B -> C with the first
change reversed out (where git can do that cleanly: X); the answer is C. Three forks merge the same pair:
(i) git on the unsplit fork, (ii) plain git on the split fork, (iii) sync on the split fork. Both
directions.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.releases.forks import Bench, release
from mergeguard.errors import MergeguardError
from mergeguard.treemerge.trees import merge_trees
from tests.support import corpus

# C is one of so many releases after B that changed the file.
REACH = 3
RIGHT, CONFLICT, WRONG = "right", "conflict", "wrong"


@dataclass(frozen=True, slots=True)
class Pair:
    """One pair: the versions, which side the fork has, and each tool's verdict."""

    name: str
    versions: tuple[str, str, str]
    fork_has: str
    unsplit: str
    plain: str
    sync: str


def pairs(name: str, versions: Sequence[str]) -> Iterator[Pair]:
    """Every pair of a monolith over these releases (those in which it keeps its path)."""
    having = _distinct(corpus.releases_with(name, versions))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench.make(Path(folder) / "repository", name)
        for (a, pa), (b, pb), *later in (having[n:] for n in range(len(having) - 2)):
            for c, pc in later[:REACH]:
                if pa == pb == pc:
                    yield from _triple(bench, name, (a, b, c), pa)


def _distinct(having: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The releases in which the file changed, and the first."""
    kept: list[tuple[str, str]] = []
    for version, path in having:
        if not kept or kept[-1][1] != path or corpus.file(version, path) != corpus.file(*kept[-1]):
            kept.append((version, path))
    return kept


def _triple(bench: Bench, name: str, versions: tuple[str, str, str], path: str) -> Iterator[Pair]:
    (a, cmake), (b, _), (c, _) = (release(v, path) for v in versions)
    if a == b or b == c:
        return
    other, conflicts = bench.repository.merge_file(b, a, c)
    if conflicts or other in (a, b, c):
        return
    base = bench.commit(bench.tree(path, a, cmake))
    for fork_has, (mine, theirs) in (("A..B", (b, other)), ("B..C", (other, b))):
        verdicts = _verdicts(bench, path, cmake, base, a, mine, theirs, c)
        if verdicts is not None:
            yield Pair(name, versions, fork_has, *verdicts)


def _verdicts(
    bench: Bench, path: str, cmake: bytes, base: str, old: bytes, mine: bytes, theirs: bytes, answer: bytes
) -> tuple[str, str, str] | None:
    repository = bench.repository
    upstream = bench.commit(bench.tree(path, theirs, cmake), base)
    unsplit_fork = bench.commit(bench.tree(path, mine, cmake), base)
    outcome = repository.merge_trees(unsplit_fork, upstream)
    unsplit = CONFLICT if not outcome.clean else _judge(bench, outcome.tree, {path: answer})
    try:
        split_fork = bench.commit(bench.split_tree(bench.tree(path, mine, cmake), path, mine, old), base)
        expected = {f.path: f.text for f in bench.layout(path, answer).files}
    except MergeguardError:
        return None  # the half-way file X is not always a program; then there is nothing to compare
    plain_outcome = repository.merge_trees(split_fork, upstream)
    plain = CONFLICT if not plain_outcome.clean else _judge(bench, plain_outcome.tree, expected)
    try:
        merged = merge_trees(repository, (base,), split_fork, upstream, placed=False)
        sync = CONFLICT if not merged.clean else _judge(bench, merged.tree, expected)
    except MergeguardError:
        sync = CONFLICT
    return unsplit, plain, sync


def _judge(bench: Bench, tree: str, expected: dict[str, bytes]) -> str:
    for path, text in expected.items():
        entry = bench.repository.entry(tree, path)
        if entry is None or bench.repository.read_blob(entry.oid) != text:
            return WRONG
    return RIGHT


def table(found: Sequence[Pair]) -> str:
    """Markdown: per file and in sum, right / conflict / wrong of each tool, and where sync is behind."""
    lines = ["| file | pairs | git, unsplit | git, split | sync | sync behind git |", "|-|-|-|-|-|-|"]
    names = [*dict.fromkeys(p.name for p in found)]
    for name in [*names, ""]:
        rows = [p for p in found if name in ("", p.name)]
        cells = [_cell(Counter(getattr(p, tool) for p in rows)) for tool in ("unsplit", "plain", "sync")]
        lines.append(f"| {name or 'all'} | {len(rows)} | {' | '.join(cells)} | {len(behind(rows))} |")
    lines.append("\n(right / conflict / wrong)")
    return "\n".join(lines)


def behind(found: Sequence[Pair]) -> list[Pair]:
    """The pairs on which sync does worse than git on the unsplit fork."""
    order = [RIGHT, CONFLICT, WRONG]
    return [p for p in found if order.index(p.sync) > order.index(p.unsplit)]


def _cell(counts: Counter[str]) -> str:
    return f"{counts[RIGHT]} / {counts[CONFLICT]} / {counts[WRONG]}"
