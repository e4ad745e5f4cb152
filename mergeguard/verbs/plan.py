"""The catch-up plan: how a fork that is hundreds of commits behind gets there step by step.

In memory, the longest runs of upstream commits that merge cleanly and audit clean are found: merges are tried
where the files say that something meets (``foresight``), and by bisection where it comes earlier. Each commit
that conflicts becomes a step of its own, so that one conflict is looked at at a time. What has been tried is
kept by object names in ``<git-dir>/mergeguard/plan.json``, every few seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping

from mergeguard import __version__, store
from mergeguard.errors import MergeguardError
from mergeguard.fork import treelens
from mergeguard.fork.splitting import Splitting
from mergeguard.fork.workspace import Workspace
from mergeguard.git.durable import write_atomic
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.tables import table
from mergeguard.treemerge.trees import merge_trees
from mergeguard.values import dataclass, field
from mergeguard.verbs import auditing
from mergeguard.verbs.foresight import Foresight

_CACHE = "plan.json"
_CACHE_LIMIT = 5_000
_KEPT = 40  # merges tried, whose trees are kept in memory
_SAVED_EVERY = 5.0  # seconds

Progress = Callable[[str], None]


@table
class Verdict:
    """What merging one upstream commit into one state of the fork gives. ``tree`` goes on from there."""

    tree: str
    conflicts: tuple[str, ...]
    findings: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Whether nobody has to look."""
        return not self.conflicts and not self.findings


@table
class _Kept:
    """What earlier plans found: merges by their trees, and whether three versions of a file make one text."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    settled: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlanStep:
    """A run of upstream commits to be merged at once: ``count`` commits, ``first`` to ``last``, which change
    ``files`` files.

    A step with conflicts or findings is a single commit.
    """

    first: str
    last: str
    count: int
    files: int
    conflicts: tuple[str, ...]
    findings: tuple[str, ...]
    subject: str

    @property
    def clean(self) -> bool:
        """Whether the step needs nobody."""
        return not self.conflicts and not self.findings


@dataclass(frozen=True)
class Plan:
    """The steps from ``head`` to ``upstream``. After the first step that needs a person, the rest is a
    forecast: it takes upstream's side of every conflict for granted.
    """

    head: str
    upstream: str
    commits: int
    probes: int
    steps: tuple[PlanStep, ...]


def plan(
    repository: Repository, upstream: str, *, audit: bool = True, progress: Progress = lambda _: None
) -> Plan:
    """The plan to merge ``upstream`` into HEAD. Nothing is changed but the cache."""
    head = repository.resolve("HEAD")
    target = repository.resolve(upstream)
    planner = _Planner(repository, missing(repository, head, target), audit, progress)
    try:
        steps = tuple(planner.steps(head))
    finally:
        planner.save()
    return Plan(head, target, len(planner.commits), planner.probes, steps)


def steps(
    repository: Repository, upstream: str, *, audit: bool = True, progress: Progress = lambda _: None
) -> Generator[PlanStep, None, None]:
    """The steps of ``plan``, each as soon as it is found."""
    head = repository.resolve("HEAD")
    planner = _Planner(repository, missing(repository, head, repository.resolve(upstream)), audit, progress)
    try:
        yield from planner.steps(head)
    finally:
        planner.save()


def missing(repository: Repository, head: str, target: str) -> tuple[str, ...]:
    """Upstream's own line of commits that ``head`` does not have, oldest first."""
    return repository.rev_list("--reverse", "--first-parent", f"{head}..{target}")


class _Planner:
    def __init__(
        self, repository: Repository, commits: tuple[str, ...], audit: bool, progress: Progress
    ) -> None:
        self.repository = repository
        self.commits = commits
        self.progress = progress
        self.splitting = Splitting.of(repository)
        self.reader = auditing.FactsReader(repository) if audit else None
        self.probes = 0
        self.saved = time.monotonic()
        self.path = repository.private_dir / _CACHE
        kept = self._load()
        self.known, self.settled = kept.verdicts, kept.settled

    def steps(self, fork: str) -> Iterator[PlanStep]:
        at = 0
        while at < len(self.commits):
            verdict = self._probe(fork, at)
            last = at
            if verdict.clean:
                last, verdict = self._furthest(fork, at, verdict)
            subject = self.repository.commit_info(self.commits[last]).subject
            yield PlanStep(
                self.commits[at],
                self.commits[last],
                last - at + 1,
                self._files(at, last),
                verdict.conflicts,
                verdict.findings,
                subject,
            )
            fork = self.repository.commit_object(verdict.tree, (fork, self.commits[last]), "planned\n")
            at = last + 1

    def _furthest(self, fork: str, at: int, verdict: Verdict) -> tuple[int, Verdict]:
        """The furthest commit that merges cleanly in one step: up to where trouble is foreseen, and on from
        there, or from the end of the series that it comes with, where it is none."""
        ahead = self._foresight(fork, at)
        good, end = at, len(self.commits) - 1
        bad: set[int] = set()  # that were tried
        while good < end:
            doubtful = min(ahead.next_trouble(good), end, *(number for number in bad if number > good))
            tried = self._probe(fork, doubtful)
            if tried.clean:
                good, verdict = doubtful, tried
                continue
            good, verdict = self._between(fork, good, doubtful, verdict, bad)
            beyond = [number for number in ahead.series(good + 1) if number not in bad]
            clean = ((n, tried) for n in beyond if (tried := self._probe(fork, n)).clean)
            if (found := next(clean, None)) is None:
                break
            good, verdict = found
        return good, verdict

    def _between(
        self, fork: str, good: int, doubtful: int, verdict: Verdict, bad: set[int]
    ) -> tuple[int, Verdict]:
        """The last commit that merges cleanly before the next that does not: right before ``doubtful``, which
        does not, or found by bisection. What was tried and does not is added to ``bad``."""
        middle = doubtful - 1
        bad.add(doubtful)
        while doubtful - good > 1:
            tried = self._probe(fork, middle)
            if tried.clean:
                good, verdict = middle, tried
            else:
                doubtful = middle
                bad.add(middle)
            middle = (good + doubtful) // 2
        return good, verdict

    def _foresight(self, fork: str, at: int) -> Foresight:
        repository = self.repository
        bases = repository.merge_bases(fork, self.commits[at])
        base, ours = repository.tree_of(bases[0]), repository.tree_of(fork)
        try:
            workspace = Workspace.load(repository, ours, self.splitting, lenient=True)
            ours = treelens.monolithic_tree(workspace)
            split = frozenset(g.lock.monolith for g in workspace.split_rules if g.lock is not None)
        except MergeguardError:  # a layout that can't be read makes the guesses worse
            split = frozenset()
        return Foresight(repository, self.commits, base, ours, split, self.settled)

    def _files(self, at: int, last: int) -> int:
        """How many files the commits from ``at`` to ``last`` change."""
        parents = self.repository.commit_info(self.commits[at]).parents[:1]
        before = self.repository.tree_of(parents[0]) if parents else self.repository.empty_tree
        after = self.repository.tree_of(self.commits[last])
        return len(self.repository.diff_trees(before, after, renames=False))

    def _probe(self, fork: str, number: int) -> Verdict:
        theirs = self.commits[number]
        bases = self.repository.merge_bases(fork, theirs)
        trees = (self.repository.tree_of(commit) for commit in (*bases, fork, theirs))
        key = " ".join((__version__, "audited" if self.reader else "merged", *trees))
        verdict = self.known.get(key)
        if verdict is None or not self.repository.has_object(verdict.tree):
            self.probes += 1
            if self.probes % _KEPT == 0:
                self.splitting = Splitting.of(self.repository)  # it keeps every tree it has seen
            self.progress(f"{number + 1} of {len(self.commits)} commits, {self.probes} merges tried")
            verdict = self._try(bases, fork, theirs)
            self.known[key] = verdict
            if time.monotonic() > self.saved + _SAVED_EVERY:  # a kill loses a few seconds
                self.save()
                self.saved = time.monotonic()
        return verdict

    def _try(self, bases: tuple[str, ...], fork: str, theirs: str) -> Verdict:
        if theirs in bases:
            return Verdict(self.repository.tree_of(fork), (), ())
        try:
            merged = merge_trees(self.repository, bases, fork, theirs, splitting=self.splitting, placed=False)
        except MergeguardError as error:
            return Verdict(self._without_layouts(fork, theirs), (str(error),), ())
        findings = [f"{rule.name}: {finding}" for rule in merged.rules for finding in rule.findings]
        findings += merged.findings
        findings += [f"{rule.name}: {rule.state}" for rule in merged.rules if rule.needs_a_look]
        if merged.clean and self.reader is not None:
            found = auditing.findings_of(
                self.repository, bases, fork, theirs, merged.tree, self.reader, self.splitting
            )
            findings += [f"{f.code} {f.places[0].path}:{f.places[0].line} {f.message}" for f in found]
        laid_out = {path for rule in merged.rules for path in rule.conflicts}
        stages = {
            path: there.get(3) or (there.get(2) or there.get(1) if path in laid_out else None)
            for path, there in merged.stages.items()
        }
        return Verdict(self._going_on(merged.tree, stages), tuple(sorted(stages)), tuple(findings))

    def _going_on(self, tree: str, theirs: Mapping[str, Entry | None]) -> str:
        """The tree to plan on with: upstream's side of each conflict, as a person would often take."""
        return self.repository.edit_tree(tree, theirs) if theirs else tree

    def _without_layouts(self, fork: str, theirs: str) -> str:
        """The same where a rule does not fit what the merge gives: with the splits ended."""
        repository = self.repository
        workspace = Workspace.load(repository, repository.tree_of(fork), self.splitting)
        parents = repository.commit_info(fork).parents
        whole = repository.commit_object(treelens.monolithic_tree(workspace), parents, "planned\n")
        outcome = repository.merge_trees(whole, theirs)
        return self._going_on(outcome.tree, {c.path: dict(c.stages).get(3) for c in outcome.conflicts})

    def _load(self) -> _Kept:
        try:
            return store.decode(store.opened(self.path.read_bytes()), _Kept)
        except (OSError, store.Unreadable):
            return _Kept()

    def save(self) -> None:
        """Keep what was tried for the next run; what is oldest goes first."""
        newest = _Kept(
            dict([*self.known.items()][-_CACHE_LIMIT:]), dict([*self.settled.items()][-_CACHE_LIMIT:])
        )
        data = store.sealed(store.encode(newest))
        try:
            write_atomic(self.path, data, self.path.with_name("tmp"), sync=False)
        except OSError:
            return  # a cache that can't be written costs time, nothing else


def message(repository: Repository, step: PlanStep, upstream: str) -> str:
    """The merge commit's message: what the step brings."""
    base = repository.commit_info(step.first).parents[:1]
    span = f"{base[0] if base else step.first}..{step.last}"
    subjects = repository.git(
        "log", "--first-parent", "--reverse", "--format=%h %s", "--max-count=100", span
    ).text.splitlines()
    count = f"{step.count} commit{'s' if step.count != 1 else ''}"
    lines = [f"Merge {count} of {upstream}, up to {step.last[:12]}", "", *(f"  {s}" for s in subjects)]
    if step.count > len(subjects):
        lines.append(f"  ... and {step.count - len(subjects)} more")
    return "\n".join(lines) + "\n"
