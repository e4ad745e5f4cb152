"""What could split a file: its branchings and explicit instantiations, with what stands in the way.

``survey`` reads a monolith without any rule. Each choice says which public function it belongs to, the
value it branches on in terms of that function's parameters, and what each arm would take along.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

from mergeguard.cpp.backwards import origin, same_value, words_of
from mergeguard.cpp.blocks import opened, qualified_name
from mergeguard.cpp.branches import Arm, Branching, branchings, choices
from mergeguard.cpp.declaration import qualifiers
from mergeguard.cpp.source import Item, Kind, Source, parse
from mergeguard.cpp.text import code_tokens
from mergeguard.lens.homes.instances import full_name, written_instantiations
from mergeguard.propose.reach import Reach, last_name
from mergeguard.values import dataclass

_HIDDEN = {
    "static": "has internal linkage",
    "anonymous": "is in an anonymous namespace",
    "template": "is a template",
}
_CALLED = re.compile(rb"([A-Za-z_]\w*)[ \t]*\(")
_MACRO = re.compile(rb"^[ \t]*#[ \t]*define[ \t]+(\w+)\(((?:[^\n]*\\\r?\n)*[^\n]*)", re.MULTILINE)
_LABEL = re.compile(rb"\bcase\b[^;{}]*:")


@dataclass(frozen=True, slots=True)
class ArmShare:
    """One arm: labels, 1-based lines, the kernels and templates of the file it reaches, and their bytes.

    ``weight`` is the model's cost of compiling the arm (see ``core.reach``); ``joined`` says that it falls
    through into the next arm.
    """

    labels: tuple[str, ...]
    line: int
    last_line: int
    is_default: bool
    joined: bool
    takes: tuple[str, ...]
    bytes: int
    weight: int


@dataclass(frozen=True, slots=True)
class SurveyedChoice:
    """A switch or an if / else-if chain that could be dealt to shards.

    ``subject``: the switch's expression, or the name that all conditions of the chain use. ``entry``: the
    public function whose calls would be dispatched, "" if there is none. ``discriminator``: the subject in
    terms of the entry's parameters, "" if it can't be traced (a chain has none). ``problem``: why it can't be
    dealt as it stands, "" if nothing is known to stand in the way. ``interface``: of the rule that could deal
    it; where it is "thin", the entry is the function itself, and ``obstacle`` says why it is not "full".
    ``then`` is the subject of the inner ones of two nested switches, whose arms are labelled ``outer/inner``.
    ``weight`` is the model's cost of the whole entry, ``peak`` that of the heaviest unit if each arm had a
    shard of its own.
    """

    kind: str
    function: str
    entry: str
    subject: str
    macro: str
    line: int
    last_line: int
    depth: int
    arms: tuple[ArmShare, ...]
    discriminator: str
    problem: str
    weight: int
    peak: int
    interface: str = "full"
    obstacle: str = ""
    then: str = ""

    def __str__(self) -> str:
        if self.kind == "switch":
            what = f"switch ({self.subject})" + (f" and switch ({self.then})" if self.then else "")
        elif self.kind == "sequence":
            what = f"ifs that return, over `{self.subject}`" if self.subject else "ifs that return"
        else:
            what = f"if / else if over `{self.subject}`" if self.subject else "if / else if"
        return f"{what} in {self.function.removeprefix('::')}, line {self.line}"


@dataclass(frozen=True, slots=True)
class Instantiated:
    """A template that the file instantiates explicitly: 1-based line of the first, the argument lists."""

    template: str
    line: int
    arguments: tuple[str, ...]
    bytes: int
    weight: int

    def __str__(self) -> str:
        return f"{len(self.arguments)} explicit instantiations of {self.template}, line {self.line}"


@dataclass(frozen=True, slots=True)
class Survey:
    """Everything that could split a file. ``weight`` is the model's cost of compiling it."""

    choices: tuple[SurveyedChoice, ...]
    instantiated: tuple[Instantiated, ...]
    weight: int

    def to_json(self) -> dict[str, Any]:
        """As plain values for ``json.dumps``."""
        return asdict(self)


def survey(source: Source) -> Survey:
    """The branchings of host functions (in macros, too) and the explicit instantiations of a file."""
    key = (survey,)
    if key not in source.derived:
        source.derived[key] = _Surveyor(source).survey()
    found: Survey = source.derived[key]
    return found


class _Surveyor:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.line_ends = [found.start() for found in re.finditer(b"\n", source.text)]
        self.label_macros = [name for name, body in _MACRO.findall(source.text) if _LABEL.search(body)]
        self.reach = Reach(source)
        self.places = {item.start: (unit, item) for unit in opened(source).units for item in unit.items}
        self.functions = [
            item
            for item in self.reach.items
            if item.kind is Kind.FUNCTION and "definition" in item.flags and "device" not in item.flags
        ]
        self.times = Counter(self.name(f) for f in self.functions)  # that a name is there
        self.weight_of = {
            f.start: self.reach.weight(f.code_start, f.code_end)
            for f in self.functions
            if "template" not in f.flags
        }

    def survey(self) -> Survey:
        instantiated = self.instantiated()
        total = sum(self.weight_of.values()) + sum(i.weight for i in instantiated)
        found = [
            self.dealt(function, branching)
            for function in self.functions
            for branching in choices(self.source, function)
        ]
        for function in self.functions:
            found += self.products(function)
        for item in self.reach.items:
            if item.kind is Kind.MACRO:
                found += [self.dealt(item, b) for b in branchings(self.source, item)]
        return Survey(tuple(sorted(found, key=lambda c: c.line)), tuple(instantiated), total)

    def line(self, offset: int) -> int:
        """The 1-based line that holds a byte."""
        return bisect_left(self.line_ends, offset) + 1

    # -- explicit instantiations ---------------------------------------------------------------------

    def instantiated(self) -> list[Instantiated]:
        found: dict[str, list[tuple[Item, str]]] = defaultdict(list)
        for unit, item in self.places.values():
            for one in written_instantiations(self.source, item):
                name = full_name(unit, item, one)
                plain = item.kind is Kind.INSTANTIATION and one.arguments and not unit.scopes
                name = name if plain or "::" in name else f"::{name}"
                found[name].append((item, one.arguments or one.deduced))
        result = []
        for name, pairs in found.items():
            items = [item for item, _ in pairs]
            weight = sum(
                self.reach.weight(d.code_start, d.code_end)
                for d in self.reach.definitions.get(last_name(name), ())
                if "specialization" not in d.flags
            )
            if all(item.kind is Kind.FUNCTION for item in items):
                weight = sum(self.reach.weight(i.code_start, i.code_end) for i in items) // len(items)
            takes = self.taken([(item.code_start, item.code_end) for item in items])
            result.append(
                Instantiated(
                    name,
                    self.line(items[0].code_start),
                    tuple(arguments for _, arguments in pairs),
                    sum(i.end - i.start for i in takes),
                    weight * len(items),
                )
            )
        return result

    def taken(self, ranges: Sequence[tuple[int, int]]) -> list[Item]:
        """The kernels and templates of the file that some text reaches."""
        names = self.reach.reached(ranges)
        return [
            item
            for item in self.reach.items
            if item.kind in (Kind.KERNEL, Kind.FUNCTION)
            and "definition" in item.flags
            and (item.kind is Kind.KERNEL or "template" in item.flags)
            and last_name(item.name) in names
        ]

    # -- branchings ----------------------------------------------------------------------------------

    def dealt(self, holder: Item, branching: Branching) -> SurveyedChoice:
        """The choice as a rule can deal it: with a public entry, or in the place where it stands."""
        found = self.choice(holder, branching)
        if not found.problem or not found.subject or len(found.arms) < 2:
            return found
        users = self.users(holder) if holder.kind is Kind.MACRO else [holder]
        if len(users) != 1 or users[0].start not in self.places:
            return found
        (function,) = users
        dealable = sum(not arm.is_default for arm in found.arms) > 1
        name = self.name(function)
        if not dealable or self.times[name] > 1:
            return found
        weight, peak = self.cost(function, None, branching, found.arms)
        name = name if "::" in name else f"::{name}"
        found = replace(found, problem="", obstacle=found.problem, discriminator="", interface="thin")
        return replace(found, function=name, entry=name, weight=weight, peak=peak)

    def products(self, function: Item) -> Iterator[SurveyedChoice]:
        """Switches with switches over one value in two arms at least: what they choose is their product."""
        found = [b for b in branchings(self.source, function) if b.kind == "switch" and b.macro is None]
        name = self.name(function)
        if function.start not in self.places or self.times[name] > 1:
            return
        for outer in found:
            for then in dict.fromkeys(one.subject for one in found if one.depth > outer.depth):
                inner = [
                    [b for b in found if b.subject == then and arm.start <= b.start and b.end <= arm.end]
                    for arm in outer.arms
                ]
                if then != outer.subject and max(map(len, inner)) == 1 and sum(map(bool, inner)) > 1:
                    pairs = [(arm, b) for arm, here in zip(outer.arms, inner, strict=True) for b in here]
                    yield self.product(function, outer, pairs)

    def product(
        self, function: Item, outer: Branching, pairs: Sequence[tuple[Arm, Branching]]
    ) -> SurveyedChoice:
        name = self.name(function)
        name = name if "::" in name else f"::{name}"
        arms = tuple(
            replace(
                share,
                labels=tuple(f"{one}/{other}" for one in arm.labels for other in share.labels),
                joined=share.joined,
            )
            for arm, inner in pairs
            for share in self.arms(inner)
        )
        dealt = [(a.start, a.end) for _, inner in pairs for a in inner.arms if not a.is_default]
        whole = self.reach.weight(function.code_start, function.code_end)
        rest = self.reach.weight(function.code_start, function.code_end, dealt)
        weights = [share.weight for share in arms if not share.is_default]
        peak = rest + (whole - rest) * max(weights, default=0) // max(sum(weights), 1)
        line, last = self.line(outer.start), self.line(outer.end - 1)
        about = "switch", name, name, outer.subject, "", line, last, outer.depth, arms, ""
        then = pairs[0][1].subject
        problem = "" if len(weights) > 1 else "it has fewer than two arms to deal"
        return SurveyedChoice(*about, problem, whole, peak, "thin", "two switches", then)

    def name(self, item: Item) -> str:
        """What a rule calls an item: in a block by its qualified name."""
        place = self.places.get(item.start)
        if place is None or not place[0].scopes or item.kind is Kind.MACRO:
            return item.name
        name = qualified_name(*place)
        return name if "::" in name else f"::{name}"

    def flags(self, item: Item) -> frozenset[str]:
        """An item's flags, with what the blocks around it say."""
        scopes = self.places[item.start][0].scopes if item.start in self.places else ()
        return item.flags | ({"anonymous"} if any(scope.hidden for scope in scopes) else set())

    def arm_macro(self, branching: Branching) -> str:
        """The file's macro whose calls are the arms of a switch, which no token of it is; "" for none."""
        text = self.source.text
        called = set(_CALLED.findall(text[branching.start : branching.end]))
        made = [name for name in self.label_macros if name in called]
        return made[0].decode("utf-8", "surrogateescape") if made else ""

    def choice(self, holder: Item, branching: Branching) -> SurveyedChoice:
        users = self.users(holder) if holder.kind is Kind.MACRO else []
        if len(users) == 1:  # the arms are those of the function that the macro writes a part of
            holder = users[0]
        entry, problem = self.entry(holder)
        if holder.kind is Kind.MACRO and users:
            who = ", ".join(dict.fromkeys(user.name for user in users))
            problem = f"the macro {holder.name} is used by several functions: {who}"
        subject, discriminator = branching.subject, ""
        if branching.kind != "switch":
            subject = self.common_name(branching, entry)
            if not subject:
                problem = problem or "its conditions have no name in common"
            elif entry is not None and not self.chain_in_terms_of(entry, holder, branching):
                problem = problem or f"its conditions use more than the parameters of {entry.name}"
        elif entry is not None:
            discriminator = origin(self.source, holder, entry, subject).text
            if not discriminator:
                problem = problem or f"can't say `{subject}` in terms of the parameters of {entry.name}"
        arms = self.arms(branching)
        weight, peak = self.cost(holder, entry, branching, arms)
        if len([arm for arm in arms if not arm.is_default]) < 2:
            macro = self.arm_macro(branching)
            made = f"its arms are made by calls of the macro {macro}" if macro else ""
            problem = problem or made or "it has fewer than two arms to deal"
        return SurveyedChoice(
            str(branching.kind),
            self.name(holder),
            self.name(entry) if entry is not None else "",
            subject,
            branching.macro or "",
            self.line(branching.start),
            self.line(branching.end - 1),
            branching.depth,
            arms,
            discriminator,
            problem,
            weight,
            peak,
        )

    def arms(self, branching: Branching) -> tuple[ArmShare, ...]:
        result = []
        for arm in branching.arms:
            takes = self.taken([(arm.start, arm.end)])
            result.append(
                ArmShare(
                    arm.labels,
                    self.line(arm.start),
                    self.line(max(arm.start, arm.end - 1)),
                    arm.is_default,
                    arm.falls_through,
                    tuple(dict.fromkeys(item.name for item in takes)),
                    sum(item.end - item.start for item in takes),
                    self.reach.weight(arm.start, arm.end),
                )
            )
        return tuple(result)

    def cost(
        self, holder: Item, entry: Item | None, branching: Branching, arms: Sequence[ArmShare]
    ) -> tuple[int, int]:
        """The entry's weight, and that of its heaviest shard if each arm had its own."""
        root = entry or holder
        whole = self.reach.weight(root.code_start, root.code_end)
        apart = 0  # a function that the entry only calls is compiled beside it
        if root is not holder and not {"template", "inline"} & holder.flags and holder.kind is Kind.FUNCTION:
            apart = self.reach.weight(holder.code_start, holder.code_end)
            whole += apart
        dealt = [
            (arm.start, arm.end)
            for arm, share in zip(branching.arms, arms, strict=True)
            if not arm.is_default
        ]
        rest = self.reach.weight(root.code_start, root.code_end, dealt)
        rest += self.reach.weight(holder.code_start, holder.code_end, dealt) if apart else 0
        weights = [share.weight for share in arms if not share.is_default]
        total = sum(weights)
        if not total:
            return whole, whole
        # The branching may be reached many times: what one arm weighs there is its part of the difference.
        return whole, rest + (whole - rest) * max(weights) // total

    def entry(self, holder: Item) -> tuple[Item | None, str]:
        """The public function that leads to ``holder``, and what stands in the way of it."""
        if holder.kind is Kind.MACRO:
            return None, f"no function here uses the macro {holder.name}"
        if holder.start not in self.places:
            return None, f"{holder.name} stands in a block that can't be opened"
        hidden = next((why for flag, why in _HIDDEN.items() if flag in self.flags(holder)), "")
        if not hidden:
            return holder, self.not_an_entry(holder)
        name = last_name(holder.name)
        callers = [
            f
            for f in self.functions
            if f is not holder and name in self.reach.through_macros(f.code_start, f.code_end)
        ]
        if not callers:
            return None, f"{holder.name} {hidden} and nothing here calls it"
        if len(callers) > 1:
            who = ", ".join(dict.fromkeys(c.name for c in callers))
            return None, f"{holder.name} {hidden} and has several callers: {who}"
        why = next((text for flag, text in _HIDDEN.items() if flag in self.flags(callers[0])), "")
        if why:
            return None, f"{holder.name} {hidden}, and its caller {callers[0].name} {why}"
        return callers[0], self.not_an_entry(callers[0])

    def users(self, macro: Item) -> list[Item]:
        """The host functions whose text expands a macro at file scope."""
        return [
            function
            for function in self.functions
            if macro.name in self.reach.through_macros(function.code_start, function.code_end)
        ]

    def not_an_entry(self, item: Item) -> str:
        if item.start not in self.places:
            return f"{item.name} stands in a block that can't be opened"
        if qualifiers(self.source, item):
            return f"{item.name} is a member function, or defined outside of its namespace"
        head = code_tokens(self.source, item.code_start, item.declarator_start + 20)[:2]
        in_c = any(scope.is_of_c for scope in self.places[item.start][0].scopes)
        if in_c or head == ["extern", '"C"']:
            return f"{item.name} has C linkage"
        if item.parameter_list is None or item.body is None:
            return f"can't read the parameters of {item.name}"
        if sum(f.name == item.name for f in self.functions) > 1:
            return f"{item.name} is defined more than once"
        return ""

    # -- what it branches on -------------------------------------------------------------------------

    def common_name(self, branching: Branching, entry: Item | None) -> str:
        """The name that every condition of a chain has; the entry's parameters come first."""
        conditions = [arm.labels[0] for arm in branching.arms if not arm.is_default]
        common = [
            word
            for word in dict.fromkeys(_words(conditions[0]))
            if all(word in _words(c) for c in conditions)
        ]
        parameters = {p.name for p in entry.parameters} if entry is not None else set()
        return next((w for w in common if w in parameters), common[0] if common else "")

    def chain_in_terms_of(self, entry: Item, holder: Item, branching: Branching) -> bool:
        """Whether the entry can ask the same: its conditions mean there what they mean in ``holder``."""
        parameters = {p.name for p in entry.parameters}
        for arm in branching.arms:
            if arm.is_default:
                continue
            value = origin(self.source, holder, entry, arm.labels[0]).value
            known = all(word in parameters for word in _words(arm.labels[0]))
            if not known or value is not None and not same_value(value, words_of(arm.labels[0])):
                return False
        return True


def _words(text: str) -> list[str]:
    """The names in an expression that are values: no members, qualified names, literals."""
    source = parse(text.encode("utf-8", "surrogateescape") + b";")
    tokens = code_tokens(source, 0, len(source.text))
    return [
        token
        for before, token, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False)
        if (token[0].isalpha() or token[0] == "_")
        and not token.endswith(('"', "'"))
        and before not in (".", "->", "::")
        and after != "::"
        and token not in ("true", "false", "nullptr", "and", "or", "not")
    ]
