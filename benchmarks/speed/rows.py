"""The rows: what is measured, beside what, and the goal."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.speed import worlds
from benchmarks.speed.growth import Growth, measured
from benchmarks.speed.measure import MERGEGUARD, PYTHON, Command, cpu, paired, run
from benchmarks.speed.odd import MOST, table
from benchmarks.speed.worlds import ATTENTION, NEW, back_to_now, sides_of


@dataclass(frozen=True)
class Row:
    """One figure: CPU milliseconds, those of the peer (``beside``), and the goal as ratio or milliseconds."""

    name: str
    ours: float
    beside: str
    peer: float
    ratio: float | None = None
    most: float | None = None

    @property
    def met(self) -> bool:
        """Whether the goal, if there is one, is reached."""
        if self.ratio is not None:
            return self.ours <= self.ratio * self.peer
        return self.most is None or self.ours <= self.most

    def __str__(self) -> str:
        goal = "" if self.ratio is None else f"<= {self.ratio:g} x"
        goal = goal if self.most is None else f"<= {self.most:g} ms"
        against = f"{self.ours / self.peer:7.1f} x {self.beside} ({self.peer:.0f} ms)" if self.peer else ""
        return f"{'ok  ' if self.met else 'MISS'} {self.name:<46} {self.ours:8.0f} ms {against:<34} {goal}"


@dataclass
class Bench:
    """Where the worlds are made, and how much is measured."""

    root: Path
    runs: int
    quick: bool

    def row(
        self,
        name: str,
        ours: Command,
        beside: str,
        peer: Command,
        *,
        ratio: float | None = None,
        most: float | None = None,
    ) -> Row:
        """Both commands measured in turn."""
        mine, theirs = paired(ours, peer, self.runs)
        return Row(name, mine, beside, theirs, ratio, most)


def _mergeguard(folder: Path, *words: str, ok: tuple[int, ...] = (0,), reset: bool = False) -> Command:
    return Command(folder, (*MERGEGUARD, *words), back_to_now(folder) if reset else lambda: None, ok)


def start(bench: Bench) -> Iterator[Row]:
    """What every call pays, and the verbs that only look."""
    upstream = worlds.upstream(bench.root / "upstream")
    bare = worlds.unsplit_fork(upstream, bench.root / "no-rules")
    python = Command(bare, PYTHON)
    yield bench.row("--version", _mergeguard(bare, "--version"), "python", python, ratio=4)
    yield bench.row("--help", _mergeguard(bare, "--help"), "python", python, ratio=4)
    six = worlds.unsplit_fork(upstream, bench.root / "six")
    worlds.split(six)
    back = back_to_now(six)
    first = replace(_mergeguard(six, "status"), reset=back)
    yield bench.row("status, six rules, the first look at a commit", first, "python", python, ratio=10)
    yield bench.row("status, six rules, asked again", _mergeguard(six, "status"), "python", python, ratio=10)

    def committed() -> None:
        run(six, "git", "commit", "-q", "--allow-empty", "-m", "something else")

    after = replace(_mergeguard(six, "status"), reset=committed)
    yield bench.row("status, six rules, after a commit", after, "python", python, ratio=10)
    back()
    again = _mergeguard(six, "check", ok=(0, 1))

    def forget() -> None:
        for found in ("verdicts", "proofs"):  # a fork that nobody has checked has neither
            shutil.rmtree(six / ".git/mergeguard" / found, ignore_errors=True)

    first = replace(again, reset=forget)
    yield bench.row("check, six rules, the first time", first, "python", python, most=600)
    yield bench.row("check, six rules, again", again, "python", python, most=600)
    first.reset()
    for name, folder, ratio in (("none", bare, 3), ("six", six, 5)):
        hook = _mergeguard(folder, "hook", "post-merge", "0")
        yield bench.row(f"hook with nothing to do, rules: {name}", hook, "python", python, ratio=ratio)
    shard = "csrc/rocm/attention/kernels.cuh"
    blamed = Command(six, ("git", "blame", shard))
    yield bench.row("blame of a shard", _mergeguard(six, "blame", shard), "git blame", blamed, ratio=4)


def syncs(bench: Bench) -> Iterator[Row]:
    """A release merged with the caches as the split has left them: what a user's first sync finds."""
    unsplit = worlds.unsplit_fork(bench.root / "upstream", bench.root / "merged")
    merge = Command(unsplit, ("git", "merge", "-q", "-m", "m", f"v{NEW}"), back_to_now(unsplit))
    sync = _mergeguard(bench.root / "six", "sync", f"v{NEW}", reset=True)
    yield bench.row("sync of a release, six rules", sync, "git merge", merge, ratio=2.5)
    sync.reset()
    bare = _mergeguard(bench.root / "six", "sync", "--no-audit", f"v{NEW}", reset=True)
    yield bench.row("the same without the audit", bare, "git merge", merge)


def continued(bench: Bench) -> Iterator[Row]:
    """What a conflict costs, and on its way into a commit what it costs resolved, the audit included."""
    forks = {}
    for kind in ("split", "whole"):
        fork = worlds.unsplit_fork(bench.root / "upstream", bench.root / f"stopped-{kind}")
        if kind == "split":
            worlds.split(fork)
        worlds.conflicting_edit(fork, split=kind == "split")
        forks[kind] = fork, back_to_now(fork)

    (fork, reset), (whole, back) = forks["split"], forks["whole"]
    stopping = Command(fork, (*MERGEGUARD, "sync", f"v{NEW}"), reset, ok=(1,))
    conflicting = Command(whole, ("git", "merge", "-q", "-m", "m", f"v{NEW}"), back, ok=(1,))
    yield bench.row("sync that stops at a conflict, six rules", stopping, "git merge", conflicting)

    def stopped(kind: str, *words: str) -> Callable[[], None]:
        fork, reset = forks[kind]

        def reset_and_merge() -> None:
            reset()
            run(fork, *words, ok=(1,))
            worlds.take_ours(fork)

        return reset_and_merge

    merge = stopped("split", *MERGEGUARD, "sync", f"v{NEW}")
    ours = Command(
        fork, (*MERGEGUARD, "sync", "--continue"), merge, ok=range(2)
    )  # 1: the audit finds something
    plain = stopped("whole", "git", "merge", "-q", "-m", "m", f"v{NEW}")
    commit = Command(whole, ("git", "commit", "-q", "-m", "m"), plain)
    yield bench.row("sync --continue, six rules, with audit", ours, "git commit", commit, ratio=5)


def plans(bench: Bench) -> Iterator[Row]:
    """The plan of a fork that is far behind, and the same asked again."""
    fork, behind = worlds.far_behind(bench.root / "far", 100 if bench.quick else 1_069)
    reset = back_to_now(fork)
    cold = Command(fork, (*MERGEGUARD, "plan", "origin/main", "--json"), reset, range(2))
    again = replace(cold, reset=lambda: None)
    yield Row(f"plan, {behind} commits behind", cpu(cold), "", 0, most=10_000)
    yield Row(f"plan, {behind} commits behind, again", cpu(again), "", 0, most=1_000)


def rebases(bench: Bench) -> Iterator[Row]:
    """Local commits replayed, each fifth of which edits a layout."""
    for count in (20,) if bench.quick else (10, 100, 300):
        forks = {}
        for kind, edited in (("split", "csrc/rocm/attention/kernels.cuh"), ("whole", ATTENTION)):
            fork = worlds.unsplit_fork(bench.root / "upstream", bench.root / f"{kind}-{count}", edits=False)
            if kind == "split":
                worlds.split(fork)
            worlds.local_commits(fork, count, edited, b"template <")
            forks[kind] = fork
        plain = Command(forks["whole"], ("git", "rebase", "-q", f"v{NEW}"), back_to_now(forks["whole"]))
        ours = _mergeguard(forks["split"], "sync", "--rebase", f"v{NEW}", reset=True)
        yield bench.row(f"sync --rebase, {count} commits", ours, "git rebase", plain, ratio=1)


def plain_commands(bench: Bench) -> Iterator[Row]:
    """What plain git commands cost in a fork with hooks, where they have nothing to do with layouts."""
    forks = {}
    for kind in ("hooks", "no-hooks"):
        fork = worlds.unsplit_fork(bench.root / "upstream", bench.root / kind)
        worlds.split(fork)
        worlds.unrelated_branches(fork)
        if kind == "hooks":
            run(fork, *MERGEGUARD, "install")
        forks[fork] = back_to_now(fork)
    for name, words in (
        ("git commit", ("git", "commit", "-q", "--allow-empty", "-m", "m")),
        ("git merge that fast-forwards", ("git", "merge", "-q", "--ff-only", "ahead")),
        ("git merge of an unrelated change", ("git", "merge", "-q", "-m", "m", "beside")),
    ):
        ours, plain = (Command(fork, words, reset) for fork, reset in forks.items())
        yield bench.row(f"{name}, hooks, six rules", ours, words[1], plain, most=150)
    count = 20
    replayed = {}
    for kind, edited in (("split", "csrc/rocm/attention/kernels.cuh"), ("whole", ATTENTION)):
        fork = worlds.unsplit_fork(bench.root / "upstream", bench.root / f"hooked-{kind}", edits=False)
        if kind == "split":
            worlds.split(fork)
            run(fork, *MERGEGUARD, "install")
        worlds.local_commits(fork, count, edited, b"template <")
        replayed[kind] = Command(fork, ("git", "rebase", "-q", f"v{NEW}"), back_to_now(fork))
    yield bench.row(
        f"git rebase of {count} commits, hooks", replayed["split"], "git rebase", replayed["whole"], ratio=3
    )


def many_rules(bench: Bench) -> Iterator[Row]:
    """Rules of which one changes: what the others cost."""
    syncs: dict[int, float] = {}
    checks: dict[int, float] = {}
    for count in (1, 10) if bench.quick else (1, 10, 100):
        fork = worlds.many_rules(bench.root / f"rules-{count}", count)
        whole = worlds.many_rules(bench.root / f"unsplit-{count}", count, is_split=False)
        merge = Command(whole, ("git", "merge", "-q", "-m", "m", "new"), back_to_now(whole))
        sync = _mergeguard(fork, "sync", "new", reset=True)
        row = bench.row(f"sync, {count} rule(s), one changed", sync, "git merge", merge)
        syncs[count] = row.ours
        yield row
        sync.reset()
        if count <= 10:
            checks[count] = cpu(_mergeguard(fork, "check", ok=(0, 1)))
        run(fork, *MERGEGUARD, "install")
        hooked = Command(fork, merge.words, back_to_now(fork))
        limit = 150 if count < 100 else 200
        yield bench.row(f"git merge with hooks, {count} rule(s)", hooked, "git merge", merge, most=limit)
    last = max(syncs)
    yield Row(f"sync, {last} rules against 1", syncs[last], "1 rule", syncs[1], ratio=1.3)
    yield Row("check, each rule more", (checks[10] - checks[1]) / 9, "", 0, most=25)


def trees(bench: Bench) -> Iterator[Row]:
    """Files in the tree that have nothing to do with rules."""
    count = 5_000 if bench.quick else 100_000
    fork, whole = (
        worlds.many_rules(bench.root / f"tree-{name}", 1, is_split=name == "split", files=count)
        for name in ("split", "whole")
    )
    status = Command(whole, ("git", "status"))
    yield bench.row(f"status, {count} files", _mergeguard(fork, "status"), "git status", status, ratio=2)
    merge = Command(whole, ("git", "merge", "-q", "-m", "m", "new"), back_to_now(whole))
    sync = _mergeguard(fork, "sync", "new", reset=True)
    yield bench.row(f"sync, {count} files", sync, "git merge", merge, ratio=2)


def single_files(bench: Bench) -> Iterator[Row]:
    """The merge of one file, and the split of one that is unlike others."""
    folder = bench.root / "files"
    folder.mkdir()
    text = (bench.root / "no-rules" / ATTENTION).read_bytes()
    indented = text.replace(b"\n  ", b"\n    ")
    edited = text.replace(b"const int ", b"const  long ", 40)
    sides = sides_of(folder, "attention", text, indented, edited)
    yield _merge_file(bench, "merge-file, attention.cu re-indented and edited", folder, sides, most=250)
    lines = (text * 6).splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if line.startswith(b"  const int ")]
    places = {starts[len(starts) * part // 4] for part in (1, 2, 3)}

    def with_words(words: bytes) -> bytes:
        return b"".join(words + line if number in places else line for number, line in enumerate(lines))

    ours, theirs = with_words(b"  int mine; "), with_words(b"  int yours; ")
    sides = sides_of(folder, "large", text * 6, ours, theirs)
    name = f"merge-file, {len(lines)} lines, three conflicts"
    yield _merge_file(bench, name, folder, sides, most=500)
    yield _many_items(bench)


def _merge_file(bench: Bench, name: str, folder: Path, sides: tuple[str, str, str], *, most: float) -> Row:
    ours = Command(folder, (*MERGEGUARD, "merge-file", "-p", *sides), ok=range(128))
    git = Command(folder, ("git", "merge-file", "-p", *sides), ok=range(128))
    return bench.row(name, ours, "git merge-file", git, most=most)


def _many_items(bench: Bench) -> Row:
    times: list[float] = []
    counts = (1_000, 4_000)
    for count in counts:
        fork = worlds.many_rules(bench.root / f"items-{count}", 1, is_split=False)
        file = fork / "csrc/rocm/kernels_000.cu"
        more = b"".join(b"static int f%d() { return %d; }\n" % (number, number) for number in range(count))
        file.write_bytes(file.read_bytes() + more)
        worlds.add_rules(fork, 1)
        worlds.commit(fork, "many items")
        times.append(cpu(_mergeguard(fork, "split", "--dry-run", "--upstream", "HEAD")))
    fixed = cpu(_mergeguard(bench.root / "no-rules", "status"))
    grown = (times[1] - fixed) / max(times[0] - fixed, 1)
    exponent = math.log(grown) / math.log(counts[1] / counts[0])
    name = f"split of {counts[1]} small items (exponent {exponent:.2f})"
    return Row(name, times[1], "", 0, most=2_000)


def growth(bench: Bench) -> Iterator[Row | Growth]:
    """How costs grow with rules, commits, distance, lines and files, beside git's."""
    for one in measured(bench.root / "growth", bench.quick):
        if isinstance(one, Growth):
            yield one


def odd(bench: Bench) -> Iterator[Row]:
    """256 kB that no person wrote: what the dearest of all verbs costs on it."""
    for cells in table(64_000 if bench.quick else 256_000):
        dearest = max(cells, key=lambda cell: cell.cost)
        yield Row(f"dearest verb, {dearest.shape}: {dearest.verb}", dearest.cost, "", 0, most=MOST)


#: The parts of the benchmark, in order; later ones use the repositories of the first.
PARTS: tuple[Callable[[Bench], Iterator[Row | Growth]], ...] = (
    start,
    syncs,
    continued,
    plans,
    rebases,
    plain_commands,
    many_rules,
    trees,
    single_files,
    growth,
    odd,
)
