"""The catch-up plan: how a fork that is hundreds of commits behind gets there step by step.

In memory, the longest runs of upstream commits that merge cleanly (and without findings) are found by
galloping and bisection; each commit that conflicts becomes a step of its own, so that one conflict is
looked at at a time. What has been tried is kept by commit ids in ``<git-dir>/mergeguard/plan.json``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from mergeguard import jsonstate
from mergeguard.errors import MergeguardError
from mergeguard.git.repository import Repository
from mergeguard.treemerge import Merged, merge_trees
from mergeguard.workspace import Splitting

_CACHE = "plan.json"
_CACHE_LIMIT = 5_000

Progress = Callable[[str], None]


class Verdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What merging one upstream commit into one state of the fork gives. ``tree`` goes on from there."""

    tree: str
    conflicts: tuple[str, ...]
    findings: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Whether nobody has to look."""
        return not self.conflicts and not self.findings


@dataclass(frozen=True, slots=True)
class Step:
    """A run of upstream commits to be merged at once: ``count`` commits, ``first`` to ``last``.

    A step with conflicts or findings is a single commit.
    """

    first: str
    last: str
    count: int
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
    steps: tuple[Step, ...]


def plan(repository: Repository, upstream: str, *, progress: Progress = lambda _: None) -> Plan:
    """The plan to merge ``upstream`` into HEAD. Nothing is changed but the cache."""
    head = repository.resolve("HEAD")
    target = repository.resolve(upstream)
    commits = repository.rev_list("--reverse", "--first-parent", f"{head}..{target}")
    planner = _Planner(repository, commits, progress)
    try:
        steps = planner.steps(head)
    finally:
        planner.save()
    return Plan(head, target, len(commits), planner.probes, steps)


class _Planner:
    def __init__(self, repository: Repository, commits: tuple[str, ...], progress: Progress) -> None:
        self.repository = repository
        self.commits = commits
        self.progress = progress
        self.splitting = Splitting.of(repository)
        self.probes = 0
        self.path = repository.private_dir / _CACHE
        self.known = self._load()

    def steps(self, fork: str) -> tuple[Step, ...]:
        steps: list[Step] = []
        at = 0
        while at < len(self.commits):
            verdict = self._probe(fork, at)
            last = at
            if verdict.clean:
                last, verdict = self._furthest(fork, at, verdict)
            subject = self.repository.commit_info(self.commits[last]).subject
            count = last - at + 1
            steps.append(
                Step(
                    self.commits[at], self.commits[last], count, verdict.conflicts, verdict.findings, subject
                )
            )
            fork = self.repository.commit_object(verdict.tree, (fork, self.commits[last]), "planned\n")
            at = last + 1
        return tuple(steps)

    def _furthest(self, fork: str, at: int, verdict: Verdict) -> tuple[int, Verdict]:
        """The furthest commit that merges cleanly in one step, by galloping, then bisection."""
        good, stride = at, 1
        end = len(self.commits) - 1
        bad = end + 1
        while good < end:
            further = min(good + stride, end)
            tried = self._probe(fork, further)
            if not tried.clean:
                bad = further
                break
            good, verdict = further, tried
            stride *= 2
        while bad - good > 1:
            middle = (good + bad) // 2
            tried = self._probe(fork, middle)
            if tried.clean:
                good, verdict = middle, tried
            else:
                bad = middle
        return good, verdict

    def _probe(self, fork: str, number: int) -> Verdict:
        theirs = self.commits[number]
        key = f"{fork} {theirs}"
        verdict = self.known.get(key)
        if verdict is None or not self.repository.has_object(verdict.tree):
            self.probes += 1
            self.progress(f"{number + 1} of {len(self.commits)} commits, {self.probes} merges tried")
            verdict = self._try(fork, theirs)
            self.known[key] = verdict
        return verdict

    def _try(self, fork: str, theirs: str) -> Verdict:
        bases = self.repository.merge_bases(fork, theirs)
        if theirs in bases:
            return Verdict(self.repository.tree_of(fork), (), ())
        try:
            merged = merge_trees(self.repository, bases, fork, theirs, splitting=self.splitting, placed=False)
        except MergeguardError as error:
            return Verdict(self.repository.tree_of(fork), (str(error),), ())
        findings = tuple(f"{rule.name}: {finding}" for rule in merged.rules for finding in rule.findings)
        return Verdict(self._going_on(merged), tuple(sorted(merged.stages)), findings)

    def _going_on(self, merged: Merged) -> str:
        """The tree to plan on with: upstream's side of each conflict, as a person would often take."""
        edits = {
            path: stages.get(3) or stages.get(2) or stages.get(1) for path, stages in merged.stages.items()
        }
        return self.repository.edit_tree(merged.tree, edits) if edits else merged.tree

    def _load(self) -> dict[str, Verdict]:
        try:
            return jsonstate.decode(self.path.read_bytes(), dict[str, Verdict])
        except (OSError, msgspec.MsgspecError):
            return {}

    def save(self) -> None:
        """Keep what was tried for the next run; what is oldest goes first."""
        newest = dict([*self.known.items()][-_CACHE_LIMIT:])
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            partial = self.path.with_suffix(".new")
            partial.write_bytes(jsonstate.encode(newest))
            partial.replace(self.path)
        except OSError:
            return  # a cache that can't be written costs time, nothing else


def message(repository: Repository, step: Step, upstream: str) -> str:
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
