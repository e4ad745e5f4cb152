"""Merge cases from real releases whose answer is known by construction; deterministic for a seed.

A case is bytes: ``files`` maps a path to (base, ours, theirs), any of the three None where the file does not
exist there, and ``answer`` maps every path of the right result to its bytes; None says that the only right
answer is a conflict or a finding.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

from benchmarks.merge import transforms, traps
from mergeguard.cpp.diff import Change, diff
from tests.support import corpus

EXTENSIONS = (".cu", ".cuh", ".hip", ".h", ".hpp", ".cpp", ".cc", ".c")
Versions = tuple[bytes | None, bytes | None, bytes | None]


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    kind: str
    files: dict[str, Versions]
    answer: dict[str, bytes] | None

    @property
    def single(self) -> tuple[bytes, bytes, bytes] | None:
        """The three versions of a case of one file, else None."""
        if len(self.files) != 1:
            return None
        base, ours, theirs = next(iter(self.files.values()))
        assert base is not None and ours is not None and theirs is not None
        return base, ours, theirs


@dataclass(frozen=True, slots=True)
class Step:
    """A file in successive releases in which it changed."""

    path: str
    versions: tuple[str, ...]
    texts: tuple[bytes, ...]


def chains(versions: tuple[str, ...] | None = None) -> list[Step]:
    """Every file of csrc/ with the contents it had, oldest first, equal neighbours dropped."""
    files: dict[str, list[tuple[str, bytes]]] = {}
    for version in versions or corpus.all_versions():
        root = corpus.path(version)
        for path in sorted((root / "csrc").rglob("*")):
            if path.suffix in EXTENSIONS and path.is_file():
                name = path.relative_to(root).as_posix()
                text = path.read_bytes()
                history = files.setdefault(name, [])
                if not history or history[-1][1] != text:
                    history.append((version, text))
    return [
        Step(name, tuple(v for v, _ in history), tuple(x for _, x in history))
        for name, history in sorted(files.items())
    ]


def draws(steps: list[Step], rng: random.Random, span: int, full: bool) -> Iterator[tuple[Step, int]]:
    """A file and the index of one of its versions with ``span`` more after it: at random without end, or
    each once."""
    if full:
        yield from ((step, i) for step in steps for i in range(len(step.texts) - span))
        return
    while True:
        step = rng.choice(steps)
        yield step, rng.randrange(len(step.texts) - span)


def _of_each_kind(
    kinds: Sequence[str],
    steps: list[Step],
    rng: random.Random,
    span: int,
    full: bool,
    attempt: Callable[[str, Step, int], Case | None],
) -> Iterator[Case]:
    """What ``attempt`` makes of each kind in turn; 200 draws are tried for a kind before the next."""
    for kind in kinds if full else cycle(kinds):
        drawn = draws(steps, rng, span, full)
        made = (
            case for step, i in (drawn if full else islice(drawn, 200)) if (case := attempt(kind, step, i))
        )
        yield from made if full else islice(made, 1)


Hunk = tuple[int, int, list[Any]]  # base[start:end] becomes these


def _apply(base: list[Any], hunks: list[Hunk]) -> bytes:
    out: list[Any] = []
    at = 0
    for start, end, new in sorted(hunks, key=lambda h: (h[0], h[1])):
        out += base[at:start]
        out += new
        at = end
    return b"".join([*out, *base[at:]])


def _lines(text: bytes) -> list[bytes]:
    return text.splitlines(keepends=True)


def _hunks(changes: list[Change], new: list[Any]) -> list[Hunk]:
    return [(c.a0, c.a1, new[c.b0 : c.b1]) for c in changes]


def _back(first: list[Change], hunks: list[Hunk]) -> list[Hunk]:
    """``hunks`` on version 1 in the coordinates of version 0; those that touch a change of ``first`` drop."""
    result: list[Hunk] = []
    for start, end, new in hunks:
        shift = 0
        for c in first:
            if c.b1 < start:
                shift += (c.a1 - c.a0) - (c.b1 - c.b0)
            elif c.b0 <= end:
                break
        else:
            result.append((start + shift, end + shift, new))
            continue
        if c.b0 > end:
            result.append((start + shift, end + shift, new))
    return result


def commuting(steps: list[Step], rng: random.Random, full: bool = False) -> Iterator[Case]:
    """(a): two successive releases' edits, the second moved before the first; whole, and random subsets."""
    for step, i in draws(steps, rng, 2, full):
        v0, v1, v2 = (_lines(x) for x in step.texts[i : i + 3])
        first = diff(v0, v1)
        one, two = _hunks(first, v1), _back(first, _hunks(diff(v1, v2), v2))
        if not one or not two:
            continue
        subset = rng.random() < 0.5
        if subset:
            one = rng.sample(one, rng.randint(1, len(one)))
            two = rng.sample(two, rng.randint(1, len(two)))
        base = step.texts[i]
        sides = [_apply(v0, one), _apply(v0, two)]
        if rng.random() < 0.5:
            sides.reverse()
        answer = _apply(v0, one + two)
        if _doubled(answer, (base, *sides)):
            continue  # code that both sides add, or that a subset takes from its old place on no side
        yield Case(
            f"{step.path}@{step.versions[i]}",
            "subset" if subset else "whole",
            {step.path: (base, sides[0], sides[1])},
            {step.path: answer},
        )


def _doubled(answer: bytes, versions: tuple[bytes, ...]) -> bool:
    """Whether the answer has the head of a definition (a line at the margin) more often than any version."""

    def heads(text: bytes) -> Counter[bytes]:
        return Counter(x for x in text.splitlines() if x[:1].strip() and x.rstrip().endswith((b"{", b"(")))

    most = Counter[bytes]()
    for version in versions:
        most |= heads(version)
    return bool(heads(answer) - most)


_WORD = re.compile(rb"[A-Za-z0-9_]+|\s+|//|/\*|\*/|[^\sA-Za-z0-9_]")


def _token_hunks(old: bytes, new: bytes) -> tuple[list[bytes], list[Hunk]]:
    """The edits from ``old`` to ``new`` as token hunks: line hunks first, then the tokens inside them.

    Two hunks with no token between them but white space are one.
    """
    a, b = _lines(old), _lines(new)
    base: list[bytes] = []
    hunks: list[Hunk] = []
    at = 0
    for change in [*diff(a, b), Change(len(a), len(a), len(b), len(b))]:
        base += _WORD.findall(b"".join(a[at : change.a0]))
        offset = len(base)
        x, y = (
            _WORD.findall(b"".join(a[change.a0 : change.a1])),
            _WORD.findall(b"".join(b[change.b0 : change.b1])),
        )
        for c in diff(x, y):
            hunk = (c.a0 + offset, c.a1 + offset, y[c.b0 : c.b1])
            if hunks:
                s, e, text = hunks[-1]
                between = x[e - offset : c.a0] if s >= offset else [b"."]
                if not b"".join(between).strip():
                    hunks[-1] = (s, hunk[1], [*text, *between, *hunk[2]])
                    continue
            hunks.append(hunk)
        base += x
        at = change.a1
    return base, hunks


def both_edit(steps: list[Step], rng: random.Random, full: bool = False) -> Iterator[Case]:
    """(c): neighbouring token edits of two real releases dealt at random to the two sides."""
    for step, i in draws(steps, rng, 2, full):
        base, hunks = _token_hunks(step.texts[i], step.texts[i + rng.choice((1, 2))])
        if len(hunks) < 2:
            continue
        start = rng.randrange(len(hunks) - 1)
        cluster = [hunks[start]]
        for hunk in hunks[start + 1 : start + rng.randint(2, 8)]:
            if hunk[0] - cluster[-1][1] > 60:  # tokens: a few lines
                break
            cluster.append(hunk)
        if len(cluster) < 2:
            continue
        dealt = [rng.random() < 0.5 for _ in cluster]
        if all(dealt) or not any(dealt):
            dealt[rng.randrange(len(dealt))] ^= True
        one = [h for h, d in zip(cluster, dealt, strict=True) if d]
        two = [h for h, d in zip(cluster, dealt, strict=True) if not d]
        yield Case(
            f"{step.path}@{step.versions[i]}",
            "tokens",
            {step.path: (step.texts[i], _apply(base, one), _apply(base, two))},
            {step.path: _apply(base, cluster)},
        )


def overlapping(steps: list[Step], rng: random.Random, full: bool = False) -> Iterator[Case]:
    """(c), where a conflict is right: both sides give the same tokens a different text."""
    for step, i in draws(steps, rng, 1, full):
        base, hunks = _token_hunks(step.texts[i], step.texts[i + 1])
        edits = [h for h in hunks if b"".join(base[h[0] : h[1]]).strip() and b"".join(h[2]).strip()]
        if len(edits) < 2:
            continue
        one, other = rng.sample(edits, 2)
        two = (one[0], one[1], other[2])
        old, new1, new2 = (b"".join(b"".join(x).split()) for x in (base[one[0] : one[1]], one[2], other[2]))
        # Neither may contain the other, or one side's edit could be seen as a part of the other's.
        if new1 in new2 or new2 in new1 or old in new1 or old in new2:
            continue
        yield Case(
            f"{step.path}@{step.versions[i]}",
            "overlap",
            {step.path: (step.texts[i], _apply(base, [one]), _apply(base, [two]))},
            None,
        )


def squares(
    steps: list[Step], rng: random.Random, full: bool = False, kinds: tuple[str, ...] | None = None
) -> Iterator[Case]:
    """(b): a transformation on one side, a real upstream edit on the other; both directions."""

    def attempt(kind: str, step: Step, i: int) -> Case | None:
        old, new = step.texts[i], step.texts[i + 1]
        made = transforms.make(kind, step.path, old, new, rng)
        if made is None:
            return None
        before, after = made  # path -> bytes: T applied to old and to new
        if before == {step.path: old} or before == after:
            return None
        flip = rng.random() < 0.5
        files: dict[str, Versions] = {}
        for path in sorted({step.path, *before, *after}):
            b = old if path == step.path else None
            edited = new if path == step.path else None
            changed = before.get(path)
            files[path] = (b, edited, changed) if flip else (b, changed, edited)
        return Case(f"{step.path}@{step.versions[i]}", kind, files, after)

    names = [name for name in transforms.KINDS if kinds is None or name in kinds]
    return _of_each_kind(names, steps, rng, 1, full, attempt)


def trap_cases(steps: list[Step], rng: random.Random, full: bool = False) -> Iterator[Case]:
    """(d): what only a person can decide."""

    def attempt(kind: str, step: Step, i: int) -> Case | None:
        made = traps.make(kind, step.texts[i], rng)
        if made is None:
            return None
        base, ours, theirs, answer = made
        if rng.random() < 0.5:
            ours, theirs = theirs, ours
        right = None if answer is None else {step.path: answer}
        return Case(f"{step.path}@{step.versions[i]}", kind, {step.path: (base, ours, theirs)}, right)

    return _of_each_kind(traps.KINDS, steps, rng, 0, full, attempt)


SETS: dict[str, Callable[[list[Step], random.Random, bool], Iterator[Case]]] = {
    "a": commuting,
    "b": squares,
    "c": both_edit,
    "c-overlap": overlapping,
    "d": trap_cases,
}
