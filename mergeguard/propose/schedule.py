"""Predict a parallel build from measured units: memory over time, makespan, peak; and fit arms to a budget.

Pure: measured numbers in, numbers out. Times are seconds, memory is bytes, a profile is a step function
given as (seconds since the unit's start, bytes), each value holding until the next.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from mergeguard.values import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """A measured unit: how long it runs and what its process tree holds while it does."""

    name: str
    wall: float
    peak: int
    series: tuple[tuple[float, int], ...] = ()

    def steps(self) -> tuple[tuple[float, int], ...]:
        """The memory steps of the unit; a unit without samples is a block as high as its peak.

        Sampling can miss the top by a moment: where no sample reaches the kernel's mark, the highest
        sample is raised to it, so that a prediction never forgets a peak that was there.
        """
        if not self.series:
            return ((0.0, self.peak),)
        top = max(range(len(self.series)), key=lambda index: self.series[index][1])
        return tuple(
            (time, max(memory, self.peak) if index == top else memory)
            for index, (time, memory) in enumerate(self.series)
        )


@dataclass(frozen=True, slots=True)
class Span:
    """One unit in a schedule: which job slot ran it, from when to when."""

    name: str
    slot: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """A simulated build with ``jobs`` at a time."""

    jobs: int
    spans: tuple[Span, ...]
    makespan: float
    peak: int
    memory: tuple[tuple[float, int], ...]  # steps of the sum over all running units


def simulate(profiles: Sequence[Profile], jobs: int) -> Schedule:
    """Greedy list scheduling, as make and ninja do it: units start in the order given as slots come free.

    Times are taken as measured alone: contention for memory bandwidth or cores is not modelled, so a real
    run with more jobs than cores is slower than this; memory, which is what a build dies of, is not.
    """
    if jobs < 1:
        raise ValueError("a build needs at least one job")
    free = [(0.0, slot) for slot in range(jobs)]
    heapq.heapify(free)
    spans: list[Span] = []
    deltas: list[tuple[float, int]] = []
    for profile in profiles:
        start, slot = heapq.heappop(free)
        end = start + profile.wall
        heapq.heappush(free, (end, slot))
        spans.append(Span(profile.name, slot, start, end))
        before = 0
        for time, memory in profile.steps():
            moment = min(start + time, end)
            deltas.append((moment, memory - before))
            before = memory
        deltas.append((end, -before))
    total, peak = _sum(deltas)
    return Schedule(jobs, tuple(spans), max((span.end for span in spans), default=0.0), peak, total)


def _sum(deltas: list[tuple[float, int]]) -> tuple[tuple[tuple[float, int], ...], int]:
    # At one moment, what ends counts before what begins: a slot is free only when its unit has gone.
    deltas.sort(key=lambda delta: (delta[0], delta[1]))
    steps: list[tuple[float, int]] = []
    total = peak = 0
    for moment, change in deltas:
        total += change
        peak = max(peak, total)
        if steps and steps[-1][0] == moment:
            steps[-1] = (moment, total)
        else:
            steps.append((moment, total))
    return tuple(steps), peak


def longest_first(profiles: Sequence[Profile]) -> tuple[Profile, ...]:
    """The order that keeps the tail short (longest processing time first, Graham 1969)."""
    return tuple(sorted(profiles, key=lambda profile: (-profile.wall, profile.name)))


def worst_peak(profiles: Sequence[Profile], jobs: int) -> int:
    """The sum of the ``jobs`` highest peaks: what no order of units can exceed, at most ``jobs`` at once."""
    return sum(sorted((profile.peak for profile in profiles), reverse=True)[:jobs])


@dataclass(frozen=True, slots=True)
class MeasuredArm:
    """What one arm costs above the floor (the headers that each unit pays for)."""

    name: str
    seconds: float
    memory: int  # bytes above the floor


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """One way to deal arms to shards, with what it is expected to cost."""

    shards: tuple[tuple[str, ...], ...]  # names of arms, in their original order within a shard
    memory: int  # the largest shard, floor included
    peak: int  # the ``jobs`` largest units at once
    makespan: float  # with ``jobs`` at a time, longest first
    cpu: float  # the sum over all units, floors included
    fits: bool
    price: float  # seconds of waiting, and CPU seconds at their price


@dataclass(frozen=True, slots=True)
class Budget:
    """What the build machine gives, and what each unit pays before its first arm.

    ``others`` are units that are built beside the shards whatever the dealing (the entry); ``cpu_price`` is
    how many seconds of waiting a CPU second is worth.
    """

    memory: int
    jobs: int
    floor_seconds: float
    floor_memory: int
    others: tuple[Profile, ...] = ()
    cpu_price: float = 0.0


def arm_costs(
    measured: Sequence[tuple[Sequence[str], float, int]], floor_seconds: float, floor_memory: int
) -> tuple[MeasuredArm, ...]:
    """Share measured units out to their arms: (arms, seconds, peak bytes) of each unit.

    What a unit needs above the floor is shared evenly between its arms, the best that a measurement per
    unit can say; measure shards of one arm each for exact figures.
    """
    arms: list[MeasuredArm] = []
    for names, seconds, memory in measured:
        count = max(len(names), 1)
        for name in names:
            arms.append(
                MeasuredArm(
                    name, max(seconds - floor_seconds, 0.0) / count, max(memory - floor_memory, 0) // count
                )
            )
    return tuple(arms)


def deal(arms: Sequence[MeasuredArm], count: int, budget: Budget) -> BuildPlan:
    """Deal ``arms`` to ``count`` shards: the heaviest first, each to the shard that is lightest then.

    Longest-processing-time-first is within 4/3 of the best makespan (Graham 1969); the weight is the
    larger share of time or memory, so that neither resource is forgotten. Deterministic: ties go by the
    arms' order.
    """
    if not 1 <= count <= len(arms):
        raise ValueError(f"{len(arms)} arms can't be dealt to {count} shards")
    all_seconds = sum(arm.seconds for arm in arms) or 1.0
    all_memory = sum(arm.memory for arm in arms) or 1

    def weight(arm: MeasuredArm) -> float:
        return max(arm.seconds / all_seconds, arm.memory / all_memory)

    order = sorted(range(len(arms)), key=lambda index: (-weight(arms[index]), index))
    loads = [0.0] * count
    dealt: list[list[int]] = [[] for _ in range(count)]
    for index in order:
        lightest = min(range(count), key=lambda shard: (loads[shard], len(dealt[shard]), shard))
        loads[lightest] += weight(arms[index])
        dealt[lightest].append(index)
    shards = sorted(sorted(shard) for shard in dealt)
    return _plan(arms, shards, budget)


def _plan(arms: Sequence[MeasuredArm], shards: Sequence[Sequence[int]], budget: Budget) -> BuildPlan:
    profiles = []
    for number, shard in enumerate(shards):
        seconds = budget.floor_seconds + sum(arms[index].seconds for index in shard)
        memory = budget.floor_memory + sum(arms[index].memory for index in shard)
        profiles.append(Profile(str(number), seconds, memory))
    names = tuple(tuple(arms[index].name for index in shard) for shard in shards)
    return plan_of(names, profiles, budget)


def plan_of(shards: tuple[tuple[str, ...], ...], profiles: Sequence[Profile], budget: Budget) -> BuildPlan:
    """The plan for shards of these arms and profiles."""
    units = (*profiles, *budget.others)
    peak = worst_peak(units, budget.jobs)
    makespan = simulate(longest_first(units), budget.jobs).makespan
    cpu = sum(unit.wall for unit in units)
    largest = max((profile.peak for profile in profiles), default=0)
    price = makespan + budget.cpu_price * cpu
    return BuildPlan(shards, largest, peak, makespan, cpu, peak <= budget.memory, price)


def plans(arms: Sequence[MeasuredArm], budget: Budget, most: int | None = None) -> tuple[BuildPlan, ...]:
    """One plan for each shard count from 1 to ``most`` (default: one arm per shard)."""
    limit = len(arms) if most is None else min(most, len(arms))
    return tuple(deal(arms, count, budget) for count in range(1, limit + 1))


def best(candidates: Sequence[BuildPlan], spare: float = 0.05) -> BuildPlan | None:
    """The plan to take: of those that fit, the fewest shards within ``spare`` of the cheapest build.

    Without a price for CPU time the cheapest build is the shortest. Fewer shards pay fewer header floors, so
    the last per cents of it are not worth a shard. None if nothing fits.
    """
    fitting = [plan for plan in candidates if plan.fits]
    if not fitting:
        return None
    cheapest = min(plan.price for plan in fitting)
    return next(plan for plan in fitting if plan.price <= cheapest * (1 + spare))
