"""`python -m benchmarks.speed.growth [--quick] [DIMENSION…]`: how costs grow, beside git's, as exponents.

Dimensions: rules, hooks, status, commits, distance, lines, sync_lines, files. Of each the CPU at some sizes,
and the exponent from the smallest to the largest, a start's cost taken off: 1 is linear, 0 is no growth.
1 if one of ours is above git's by more than 0.1 from the smallest size to the largest.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed import worlds
from benchmarks.speed.measure import MERGEGUARD, Command, cpu, paired, run
from benchmarks.speed.texts import edits_that_meet, kernels
from benchmarks.speed.worlds import NEW, back_to_now, sides_of

_MORE = 0.1  # than git's exponent


@dataclass(frozen=True)
class Point:
    """CPU milliseconds at one size, ours and git's."""

    size: int
    ours: float
    git: float


def rules(root: Path, quick: bool) -> Iterator[Point]:
    """`sync` with so many rules, of which one changes."""
    for count in (1, 10) if quick else (1, 10, 100):
        fork = worlds.many_rules(root / f"split-{count}", count)
        whole = worlds.many_rules(root / f"whole-{count}", count, is_split=False)
        yield _point(count, fork, ("sync", "new"), whole, "new")


def hooks(root: Path, quick: bool) -> Iterator[Point]:
    """`git merge` with hooks and so many rules, of which one changes."""
    for count in (1, 10) if quick else (1, 10, 100):
        fork = worlds.many_rules(root / f"split-{count}", count)
        run(fork, *MERGEGUARD, "install")
        whole = worlds.many_rules(root / f"whole-{count}", count, is_split=False)
        words = ("git", "merge", "-q", "-m", "m", "new")
        hooked, merge = (Command(folder, words, back_to_now(folder)) for folder in (fork, whole))
        yield Point(count, *paired(hooked, merge, 1))


def status(root: Path, quick: bool) -> Iterator[Point]:
    """`status` with so many rules, after a commit that edits one's layout."""
    edited = "csrc/rocm/kernels_000/kernel.cuh"
    for count in (1, 10) if quick else (1, 10, 100):
        fork = worlds.many_rules(root / str(count), count)
        run(fork, *MERGEGUARD, "status")
        file = fork / edited
        file.write_bytes(file.read_bytes() + b"// of the fork\n")
        worlds.commit(fork, "an edit")
        ours = _mergeguard(fork, "status")
        yield Point(count, *paired(ours, Command(fork, ("git", "status")), 1))


def distance(root: Path, quick: bool) -> Iterator[Point]:
    """`sync` of a fork that is so many commits behind."""
    for count in (10, 100) if quick else (10, 100, 1_000, 2_000):
        fork, behind = worlds.far_behind(root / str(count), count)
        whole = worlds.unsplit_clone(fork, root / f"{count}-whole")
        yield _point(behind, fork, ("sync", "origin/main"), whole, "origin/main")


def files(root: Path, quick: bool) -> Iterator[Point]:
    """`sync` in a tree of so many files."""
    for count in (1_000, 5_000) if quick else (1_000, 20_000, 100_000):
        forks = [
            worlds.many_rules(root / f"{name}-{count}", 1, is_split=name == "split", files=count)
            for name in ("split", "whole")
        ]
        yield _point(count, forks[0], ("sync", "new"), forks[1], "new")


def commits(root: Path, quick: bool) -> Iterator[Point]:
    """`sync --rebase` of so many commits, each fifth of which edits a layout."""
    upstream = worlds.upstream(root / "upstream")
    for count in (10, 30) if quick else (10, 100, 300):
        forks = []
        for kind, edited in (("split", "csrc/rocm/attention/kernels.cuh"), ("whole", worlds.ATTENTION)):
            fork = worlds.unsplit_fork(upstream, root / f"{kind}-{count}", edits=False)
            if kind == "split":
                worlds.split(fork)
            worlds.local_commits(fork, count, edited, b"template <")
            forks.append(fork)
        ours = _mergeguard(forks[0], "sync", "--rebase", f"v{NEW}")
        git = Command(forks[1], ("git", "rebase", "-q", f"v{NEW}"), back_to_now(forks[1]))
        yield Point(count, *paired(ours, git, 1))


def lines(root: Path, quick: bool) -> Iterator[Point]:
    """`merge-file` of ordinary code of so many lines, with three conflicts."""
    for count in (1_000, 4_000) if quick else (1_000, 4_000, 16_000, 64_000):
        sides = sides_of(root, str(count), *edits_that_meet(kernels(count)))
        ours = Command(root, (*MERGEGUARD, "merge-file", "-p", *sides), ok=range(128))
        git = Command(root, ("git", "merge-file", "-p", *sides), ok=range(128))
        yield Point(count, *paired(ours, git, 1))


def sync_lines(root: Path, quick: bool) -> Iterator[Point]:
    """`sync` of a comment on top of a split file of so many lines, and of a statement in its middle."""
    for count in (1_000, 4_000) if quick else (1_000, 4_000, 16_000, 64_000):
        statement = b"in[i] * %d;" % (count // 16)
        edit = statement, statement.replace(b"*", b"+")
        forks = [
            worlds.many_rules(
                root / f"{name}-{count}", 1, is_split=name == "split", more=kernels(count), edit=edit
            )
            for name in ("split", "whole")
        ]
        yield _point(count, forks[0], ("sync", "new"), forks[1], "new")


DIMENSIONS: tuple[Callable[[Path, bool], Iterator[Point]], ...] = (
    rules,
    hooks,
    status,
    commits,
    distance,
    lines,
    sync_lines,
    files,
)


def _mergeguard(folder: Path, *words: str) -> Command:
    return Command(folder, (*MERGEGUARD, *words), back_to_now(folder))


def _point(size: int, fork: Path, ours: tuple[str, ...], whole: Path, theirs: str) -> Point:
    """A sync beside a merge of the same in a fork that is not split; conflicts are no failure."""
    sync = Command(fork, (*MERGEGUARD, *ours), back_to_now(fork), range(2))
    merge = Command(whole, ("git", "merge", "-q", "-m", "m", theirs), back_to_now(whole), range(2))
    return Point(size, *paired(sync, merge, 1))


def exponent(sizes: tuple[int, int], costs: tuple[float, float], fixed: float) -> float:
    """That of the growth from one size to another, what a start costs taken off."""
    few, many = (max(cost - fixed, 1.0) for cost in costs)
    return math.log(many / few) / math.log(sizes[1] / sizes[0])


@dataclass(frozen=True)
class Growth:
    """How one dimension grew from its smallest size to its largest, as exponents; a row of the benchmark."""

    name: str
    sizes: tuple[int, int]
    ours: float
    git: float

    @property
    def met(self) -> bool:
        """Whether ours is above git's by a tenth at most."""
        return self.ours <= self.git + _MORE

    def __str__(self) -> str:
        few, many = self.sizes
        name = f"growth, {self.name}, {few} to {many}"
        verdict = "ok  " if self.met else "MISS"
        return f"{verdict} {name:<46} {self.ours:8.2f}       git {self.git:.2f}{'':<22} <= git + {_MORE:g}"


def measured(root: Path, quick: bool, dimensions: Sequence[str] = ()) -> Iterator[Point | Growth]:
    """The points of each dimension (all, where none is named), and what they come to."""
    root.mkdir(exist_ok=True)
    bare = worlds.many_rules(root / "bare", 1, is_split=False)
    start, git_start = paired(
        Command(bare, (*MERGEGUARD, "--version")), Command(bare, ("git", "--version")), 3
    )
    cpu(Command(bare, (*MERGEGUARD, "--help")))
    for dimension in DIMENSIONS:
        if dimensions and dimension.__name__ not in dimensions:
            continue
        place = root / dimension.__name__
        place.mkdir()
        points = []
        for point in dimension(place, quick):
            yield point
            points.append(point)
        ours, git = _exponents(points[0], points[-1], start, git_start)
        yield Growth(dimension.__name__, (points[0].size, points[-1].size), ours, git)


def main(arguments: list[str]) -> int:
    """Print the points and exponents; 1 if one grows faster than git's."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.growth", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("dimensions", nargs="*", metavar="DIMENSION")
    chosen = parser.parse_args(arguments)
    faster = 0
    with tempfile.TemporaryDirectory() as folder:
        for one in measured(Path(folder), chosen.quick, chosen.dimensions):
            if isinstance(one, Growth):
                faster += not one.met
                print(one, flush=True)
            else:
                print(f"  {one.size:>7}: {one.ours:8.0f} ms, git {one.git:7.0f} ms", flush=True)
    return int(faster > 0)


def _exponents(few: Point, many: Point, start: float, git_start: float) -> tuple[float, float]:
    sizes = few.size, many.size
    return (
        exponent(sizes, (few.ours, many.ours), start),
        exponent(sizes, (few.git, many.git), git_start),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
