"""A first rule for a file: the best of what a survey found, written down and tried.

Every candidate is written as a rule, split, and compared with the monolith (``same_program``); only what
passes is proposed, so a guess that doesn't fit costs a try and nothing else.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from mergeguard.cpp.blocks import opened
from mergeguard.cpp.source import Kind, Source, parse
from mergeguard.cpp.text import line_of
from mergeguard.errors import Location, MergeguardError, RuleMismatch, SourceError
from mergeguard.lens.emissions import emission_of
from mergeguard.lens.emit import split
from mergeguard.lens.homes.globs import ArgumentShards
from mergeguard.lens.homes.instances import template_arguments
from mergeguard.lens.homes.shared import shared_items
from mergeguard.lens.layout import Layout
from mergeguard.lens.rule import Deal, Instantiate, parse_rule
from mergeguard.propose.deals import Dealing, dealing
from mergeguard.propose.headers import (
    DEVICE_SUFFIXES,
    NO_HEADERS,
    UNIT_MORE,
    RepositoryHeaders,
    declared_constants,
    declared_functions,
    header_weight,
)
from mergeguard.propose.included import of_one_unit, parted
from mergeguard.propose.reach import Reach
from mergeguard.propose.refusal import TOO_LITTLE, Tried, refusal
from mergeguard.propose.ruletext import (
    DraftPart,
    Exists,
    RuleText,
    literal,
    meant_otherwise,
    searched_with_dots,
)
from mergeguard.propose.survey import ArmShare, Instantiated, SurveyedChoice, survey
from mergeguard.values import dataclass, replace
from mergeguard.verify import same_program
from mergeguard.verify.flatten import LayoutText

_MOST_SHARDS = 5
# Work that a layout adds over the monolith counts a tenth of what the heaviest unit weighs: build time is
# what the split is for, but not at any price.
_OVERHEAD = 10
# Per cent by which the heaviest unit has to become lighter; less is not worth a rule.
_LEAST_GAIN = 10
# Per cent of the whole file's cost, headers included, above which the heaviest unit is hardly lighter.
_LITTLE = 80
# A dealing whose heaviest unit has more than this of the file (per cent) is held together by something.
_TOGETHER = 60
# What the units of a dealing may share instead.
_SHARED = ("variable *", "function *")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rule that splits the file: its TOML text, what it deals, its layout, what was tried before it.

    ``heaviest`` is what the heaviest unit weighs by the model, in per cent of the whole file's own text;
    ``with_headers`` the same with the headers that each unit reads, ``work`` what all units weigh then.
    """

    name: str
    text: bytes
    chosen: tuple[str, ...]
    layout: Layout
    tried: tuple[Tried, ...]
    heaviest: int = 100
    with_headers: int = 100
    work: int = 100

    @property
    def advice(self) -> str:
        """Where a split can't pay, so in a sentence; "" where it may."""
        if self.with_headers <= _LITTLE:
            return ""
        return (
            "it pays little: headers and their templates are most of a unit's cost, the heaviest would be "
            f"{self.with_headers} % of the file's and all together {self.work} %"
        )


def propose(
    source: Source,
    path: str,
    exists: Exists,
    headers: RepositoryHeaders = NO_HEADERS,
    doubt: Callable[[Proposal], str] = lambda _: "",
) -> Proposal:
    """A first rule for the monolith at ``path``. ``exists`` tells whether the repository has a path, and
    ``headers`` what its headers include (for the estimate of what each unit reads). ``doubt`` has a last word
    on what would be proposed: why not, or "".

    Raises SourceError for a file that can't be read as items, RuleMismatch that lists what was found if
    nothing in it can be dealt to shards.
    """
    if source.problems:
        offset, problem = source.problems[0]
        raise SourceError(problem, where=Location(path, line_of(source.text, offset)))
    return _Proposer(source, path, exists, headers).proposal(doubt)


def rule_name(path: str) -> str:
    """The name of a first rule for a monolith: its file name without the suffix."""
    stem = posixpath.splitext(posixpath.basename(path))[0]
    return re.sub(r"[^\w.-]", "_", stem, flags=re.ASCII) or "rule"


class _Proposer:
    def __init__(self, source: Source, path: str, exists: Exists, headers: RepositoryHeaders) -> None:
        self.source = source
        self.path = path
        self.exists = exists
        self.repository = headers
        self.headers = header_weight(source, path, headers)
        self.headers_of_thin = header_weight(source, path, headers, without_host=True)
        self.suffix = posixpath.splitext(path)[1] or ".cu"
        self.reach = Reach(source)
        self.survey = survey(source)
        self.name = rule_name(path)
        self.text = RuleText(source, path, exists)
        self.tried: list[Tried] = []
        self.way = Deal("internal.h", external=declared_constants(source, path, headers))
        self.of_one_unit = [*of_one_unit(source, path, headers)]
        self.deal = self.dealt(self.way)

    def proposal(self, doubt: Callable[[Proposal], str]) -> Proposal:
        parts = self.parts()
        for part in parts:
            whole = part.found.weight if isinstance(part.found, Dealing) else self.survey.weight
            gain = 100 - 100 * part.peak // max(whole, 1)
            if gain < _LEAST_GAIN:
                self.note((part,), f"{TOO_LITTLE}{gain} % lighter")
                continue
            made = self.attempt((part,))
            if made is None:
                continue
            if isinstance(part.found, Dealing) and not self.path.endswith(DEVICE_SUFFIXES):
                whole = len(self.source.lexed)
            made = self.weighed(self.with_more(part, parts, made), part, whole, 100 - gain)
            if not (reason := doubt(made)):
                return made
            self.note((part,), reason)
        folder = shlex.quote(posixpath.dirname(self.path) or ".")
        raise RuleMismatch(
            f"nothing in this file can be dealt to shards: {self.refusal()}",
            where=Location(self.path),
            hint=f"`mergeguard init {folder}` ranks the other files",
        )

    def weighed(self, made: Proposal, part: DraftPart, own: int, heaviest: int) -> Proposal:
        """With what its units weigh by the model, without and with headers."""
        thin = isinstance(part.found, SurveyedChoice) and part.found.interface == "thin"
        headers = self.headers
        again = self.headers_of_thin if thin else headers
        whole = max(headers + own, 1)
        # A unit has what it uses of the headers' templates, too, as others have it.
        peak = max(UNIT_MORE * again + own * heaviest // 100, headers if thin else 0)
        peak = min(peak, whole)
        work = headers + own + UNIT_MORE * again * len(made.layout.shards)
        return replace(made, heaviest=heaviest, with_headers=100 * peak // whole, work=100 * work // whole)

    def with_more(self, part: DraftPart, parts: Sequence[DraftPart], made: Proposal) -> Proposal:
        """The proposal with further functions that choose among the same values, if they fit, too."""
        taken = [part]
        for other in parts:
            if not _is_twin(other, part) or any(_entry(other) == _entry(t) for t in taken):
                continue
            more = self.attempt((*taken, replace(other, groups=part.groups, names=part.names)))
            if more is not None:
                taken.append(other)
                made = more
        return replace(made, tried=tuple(self.tried))

    def refusal(self) -> str:
        return refusal(self.path, self.deal, self.tried, self.survey.choices)

    # -- candidates ----------------------------------------------------------------------------------

    def parts(self) -> list[DraftPart]:
        """What can be dealt, best first."""
        found = [self.partition(c) for c in self.survey.choices if not c.problem]
        dealings = list(self.dealings())
        # Of a host file a dealing takes the instantiations along with the rest, and more becomes lighter.
        if not dealings or self.path.endswith(DEVICE_SUFFIXES):
            found += [p for i in self.survey.instantiated if (p := self.instantiation(i)) is not None]
        found += [DraftPart(d, (), (), d.peak, d.peak) for d in dealings]
        return sorted(found, key=self.score)

    def score(self, part: DraftPart) -> int:
        """What a part's heaviest unit weighs, and a tenth of what the layout adds: small is good.

        Of device code the model knows less: kernels outweigh headers by more than it tells.
        """
        if self.path.endswith(DEVICE_SUFFIXES):
            return part.score
        thin = isinstance(part.found, SurveyedChoice) and part.found.interface == "thin"
        again = UNIT_MORE * (self.headers_of_thin if thin else self.headers)
        whole, more = self.survey.weight, len(part.names)
        if isinstance(part.found, Dealing):
            whole, more = part.found.weight, part.found.units - 1
        own = len(self.source.lexed) * part.score // max(whole, 1)
        return own + again + again * more // _OVERHEAD

    def dealings(self) -> Iterator[Dealing]:
        """Of definitions by name; where that would not pay, of overloads or of macro calls, too.

        Where one of them keeps half of the file together, also with kernels by themselves, or with what the
        file keeps to itself shared.
        """
        known, lightest = 0, 100
        for found in self.by_definitions():
            if not found.units or found.definitions <= known:
                continue
            yield found
            known, lightest = found.definitions, 100 * found.peak // max(found.weight, 1)
            if lightest <= 100 - _LEAST_GAIN:
                break
        if lightest <= _TOGETHER:
            return
        shared = replace(self.way, shared=_SHARED)
        ways = [shared] if self.shares(shared) else []
        if self.path.endswith(DEVICE_SUFFIXES) and any(i.kind is Kind.KERNEL for i in self.reach.items):
            ways.insert(0, replace(self.way, kernels=True))
        for way in ways:
            more = self.dealt(way)
            if isinstance(more, Dealing) and more.units and more.definitions > known:
                yield more

    def by_definitions(self) -> Iterator[Dealing]:
        """The dealing by names; that of overloads, and of macro calls, where they can be another."""
        plain = self.deal
        if isinstance(plain, RuleMismatch):
            return  # which is not about names
        yield plain
        ways = [replace(self.way, overloads=True)] if plain.repeated else []
        ways += [replace(self.way, calls=True)] if plain.called else []
        for way in ways:
            found = self.dealt(way)
            if isinstance(found, Dealing):
                yield found

    def shares(self, way: Deal) -> bool:
        """Whether the file has anything that a way of dealing would share."""
        source = parse(self.source.text, calls_end=True)
        return bool(shared_items(source, opened(source), way, in_c=self.path.endswith(".c"))[0])

    def dealt(self, way: Deal) -> Dealing | RuleMismatch:
        source = parse(self.source.text, calls_end=True)  # as a layout with a [[deal]] reads it
        return dealing(source, self.path, self.reach, way, self.headers)

    def partition(self, choice: SurveyedChoice) -> DraftPart:
        runs = _runs(choice.arms)
        weights = [sum(arm.weight for arm in run) for run in runs]
        grouped = _balanced(weights, _MOST_SHARDS)
        labels = _labels(choice)
        groups = tuple(
            tuple(labels[arm.labels] for n in group for arm in runs[n] if arm.labels in labels)
            for group in grouped
        )
        heaviest = max(sum(weights[n] for n in group) for group in grouped)
        total = sum(weights)
        # `peak` was for one shard an arm, so it tells what the arms weigh where the entry reaches them.
        most = max(weights)
        dealt = (choice.weight - choice.peak) * total // (total - most) if total > most else 0
        rest = choice.weight - dealt
        peak = rest + dealt * heaviest // max(total, 1)
        peak = max(peak, self.survey.weight - choice.weight)
        overhead = rest * (len(groups) - 1)
        return DraftPart(choice, groups, self.names(groups), peak, peak + overhead // _OVERHEAD)

    def instantiation(self, found: Instantiated) -> DraftPart | None:
        split_arguments = [_arguments(a) for a in found.arguments]
        if len(set(found.arguments)) < 2 or not all(split_arguments):
            return None
        for position in range(min(len(a) for a in split_arguments)):
            values = list(dict.fromkeys(a[position] for a in split_arguments))
            if len(values) < 2:
                continue
            times = Counter(a[position] for a in split_arguments)
            counts = [times[v] for v in values]
            grouped = _balanced(counts, _MOST_SHARDS)
            before = "*," if position else ""
            after = ",*" if any(len(a) > position + 1 for a in split_arguments) else ""
            globs = [before + literal(v) + after for v in values]
            groups = tuple(tuple(globs[n] for n in group) for group in grouped)
            names = self.names(tuple(tuple(values[n] for n in group) for group in grouped))
            part = DraftPart(found, groups, names, 0, 0)
            if not self.deals_as_meant(part, found, position):
                continue
            heaviest = max(sum(counts[n] for n in group) for group in grouped)
            peak = found.weight * heaviest // len(found.arguments)
            peak = max(peak, self.survey.weight - found.weight)
            return replace(part, peak=peak, score=peak)
        return None

    def deals_as_meant(self, part: DraftPart, found: Instantiated, position: int) -> bool:
        shards = dict(zip(part.names, part.groups, strict=True))
        dealt = ArgumentShards(Instantiate(found.template, "kernel.cuh", shards, part.names[-1]))
        meant: dict[str, str | None] = {}
        for arguments in found.arguments:
            value = _arguments(arguments)[position]
            shard = dealt.of(arguments)
            if shard is None or meant.setdefault(value, shard) != shard:
                return False
        return len(set(meant.values())) == len(part.names)

    def names(self, groups: Sequence[Sequence[str]]) -> tuple[str, ...]:
        names: list[str] = []
        labels = [_word(label) for group in groups for label in group]
        short = iter(_without_prefix(labels))
        for group in groups:
            words = [next(short) for _ in group]
            word = words[0] if len(words) == 1 else f"{words[0]}_to_{words[-1]}"
            name = f"shard_{word}{self.suffix}"
            while name in names:
                name = f"shard_{word}_{len(names)}{self.suffix}"
            names.append(name)
        return tuple(names)

    # -- trying --------------------------------------------------------------------------------------

    def attempt(self, parts: Sequence[DraftPart]) -> Proposal | None:
        """The first way of writing these parts down that passes; None, and the reason in ``tried``.

        Where functions that other files can call would become ``inline``, one that leaves them as they are
        is better: that of a rule that opens blocks.
        """
        made = self.written(parts)
        opening = tuple(_opening(part) for part in parts)
        if made is None or opening == tuple(parts) or not self.hides(made.layout):
            return made
        tried = len(self.tried)
        better = self.written(opening)
        del self.tried[tried:]
        return made if better is None or self.hides(better.layout) else better

    def hides(self, layout: Layout) -> bool:
        """Whether a function that other files can call is ``inline`` in a layout."""
        files = [LayoutText(f.path, f.text, f.is_unit) for f in layout.files]
        findings = same_program.compare(self.path, self.source.text, files)
        return any(finding.code == "visibility" for finding in findings)

    def written(self, parts: Sequence[DraftPart]) -> Proposal | None:
        """As ``attempt``, by the names that the parts have."""
        reason = ""
        for kinds in (False, True):
            for layout_name in self.layout_names():
                text = self.text.write(parts, by_kind=kinds, layout=layout_name)
                outcome = self.split(text)
                if isinstance(outcome, Layout):
                    if any(self.exists(file.path) for file in outcome.files[1:]):
                        reason = f"{outcome.files[1].path} or one of its neighbours exists already"
                        continue
                    return Proposal(self.name, text, tuple(str(p) for p in parts), outcome, tuple(self.tried))
                reason = outcome
                break
        self.note(parts, reason)
        return None

    def note(self, parts: Sequence[DraftPart], reason: str) -> None:
        """Remember a candidate that was not taken."""
        deals = any(isinstance(part.found, Dealing) for part in parts)
        self.tried.append(Tried(" with ".join(map(str, parts)), reason, deals))

    def layout_names(self) -> Iterator[str]:
        stem = posixpath.splitext(posixpath.basename(self.path))[0]
        # The folder stands in includes and in namespaces: one that can't is named anew.
        plain = rule_name(self.path)
        yield "" if plain == stem else plain
        yield from (f"{plain}_shards", f"{plain}_mergeguard")

    def split(self, text: bytes) -> Layout | str:
        """The layout by a rule's text, or what is wrong with it."""
        try:
            rule = parse_rule(text, f"{self.name}.toml")
            layout = split(rule, self.name, self.path, self.source.text, emission_of(rule))
        except MergeguardError as error:
            return str(error)
        files = [LayoutText(f.path, f.text, f.is_unit) for f in layout.files]
        found = same_program.compare(self.path, self.source.text, files)
        failed = same_program.failures(found)
        if failed:
            first = failed[0]
            where = ":".join(str(part) for part in (first.path, first.line, first.name) if part)
            return f"{where}: {first.message}"
        inline = [finding.name for finding in found if finding.code == "visibility"]
        for name, header in declared_functions(self.source, self.path, self.repository, inline):
            return f"`{name}`, which {header} declares for other files, would be inline"
        folder = posixpath.dirname(self.path)
        dotted = searched_with_dots(self.source, folder, self.exists)
        if other := meant_otherwise(dotted, folder, self.exists):
            return f"`{other}`, which the file has from a search path, is another from the layout's folder"
        return next((one.message for one in parted(layout, self.of_one_unit)), layout)


# -- helpers ------------------------------------------------------------------------------------------


def _entry(part: DraftPart) -> str:
    if isinstance(part.found, Instantiated):
        return part.found.template
    return part.found.entry if isinstance(part.found, SurveyedChoice) else ""


def _opening(part: DraftPart) -> DraftPart:
    """A partition with names that make the rule open blocks."""
    found = part.found
    if not isinstance(found, SurveyedChoice) or "::" in found.entry or "::" in found.function:
        return part
    return replace(part, found=replace(found, entry=f"::{found.entry}", function=f"::{found.function}"))


def _is_twin(part: DraftPart, other: DraftPart) -> bool:
    """Whether two parts choose among the same values, so that the same shards can serve both."""
    one, two = part.found, other.found
    if isinstance(one, Instantiated) and isinstance(two, Instantiated):
        return one is not two and set(one.arguments) == set(two.arguments)
    if not isinstance(one, SurveyedChoice) or not isinstance(two, SurveyedChoice) or one is two:
        return False
    if one.interface != two.interface or one.then != two.then:
        return False
    return one.kind == two.kind == "switch" and _label_set(one) == _label_set(two)


def _label_set(choice: SurveyedChoice) -> frozenset[str]:
    return frozenset(label for arm in choice.arms if not arm.is_default for label in arm.labels)


def _runs(arms: Sequence[ArmShare]) -> list[list[ArmShare]]:
    """The arms but the default, those that fall through together with the next."""
    runs: list[list[ArmShare]] = []
    joined = False
    for arm in arms:
        if arm.is_default:
            joined = False
            continue
        if joined:
            runs[-1].append(arm)
        else:
            runs.append([arm])
        joined = arm.joined
    return runs


def _balanced(weights: Sequence[int], most: int) -> list[list[int]]:
    """Indices in at most ``most`` runs, in order, with the heaviest run as light as it can be."""
    if len(weights) <= most:
        return [[n] for n in range(len(weights))]

    def runs(limit: int) -> list[list[int]]:
        made: list[list[int]] = []
        load = limit + 1
        for n, weight in enumerate(weights):
            if load + weight > limit:
                made.append([])
                load = 0
            made[-1].append(n)
            load += weight
        return made

    low, high = max(weights), sum(weights)
    while low < high:
        middle = (low + high) // 2
        if len(runs(middle)) <= most:
            high = middle
        else:
            low = middle + 1
    return runs(low)


def _labels(choice: SurveyedChoice) -> dict[tuple[str, ...], str]:
    """What a rule writes for each arm: a case label, or text that only that arm's condition has."""
    arms = [arm.labels for arm in choice.arms if not arm.is_default]
    if choice.kind == "switch":
        return {labels: labels[0] for labels in arms}
    texts: dict[tuple[str, ...], str] = {}
    for labels in arms:
        others = [other[0] for other in arms if other != labels]
        literals = re.findall(r'"[^"]*"', labels[0])
        fitting = [text for text in literals if not any(text in other for other in others)]
        texts[labels] = fitting[0] if fitting else labels[0]
    return texts


def _word(text: str) -> str:
    """A label as part of a file name: its last words."""
    text = re.sub(r"^.*::", "", text.strip('"*,'))
    return re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_").lower() or "arm"


def _arguments(text: str) -> list[str]:
    """Template arguments, white space removed."""
    return [*template_arguments("".join(text.split()))]


def _without_prefix(words: Sequence[str]) -> list[str]:
    """Words as parts of file names, without the parts before `_` that all of them begin with."""
    split = [word.split("_") for word in words]
    same = 0
    while len(words) > 1 and all(len(s) > same + 1 and s[same] == split[0][same] for s in split):
        same += 1
    return ["_".join(s[same:])[-24:].strip("_") or "arm" for s in split]
