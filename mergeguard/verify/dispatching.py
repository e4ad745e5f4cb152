"""Whether every arm of a dealt branching is compiled by exactly one shard, and the entry sends it there.

Pure; part of ``same_program``. The guards of a layout are matched with the arms of the body as the monolith
has it (all guards open), the entry's glue is read token by token.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from mergeguard.cpp.backwards import Origin, origin, same_value, words_of
from mergeguard.cpp.branches import Arm, Branching, choices
from mergeguard.cpp.declaration import unspaced
from mergeguard.cpp.environment import environment_of
from mergeguard.cpp.lexer import TokenKind, lex
from mergeguard.cpp.source import Item, Kind, Source, code_tokens, nested
from mergeguard.cpp.text import join_expression
from mergeguard.values import cached_property, dataclass, field
from mergeguard.verify.flatten import FlatRegion, FlatUnit, LayoutText, regions_of

# How a message goes on where the entry sends a value past its arm.
ELSEWHERE = ", its arm is in "
Problem = tuple[str, str, str, int | None, str]  # check, message, path, offset there, item


@dataclass(frozen=True, slots=True)
class Route:
    """Where the entry sends a value: a switch's labels or an ``if``'s condition; None: the default."""

    labels: tuple[str, ...] | None
    namespace: str


@dataclass(frozen=True)
class Dispatch:
    """The entry's glue for one function."""

    item: Item
    kind: str  # "switch" or "chain"
    subject: tuple[str, ...]  # what it switches on, as tokens; of a chain nothing
    routes: tuple[Route, ...]
    wrong_arguments: tuple[str, ...]  # namespaces that are not called with the parameters in order
    plain: bool  # whether it chooses a shard and does nothing else

    def target(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        """The namespaces that the labels of one arm are sent to, each once."""
        return self._targets.of(labels)

    @cached_property
    def _targets(self) -> LabelTargets:
        return LabelTargets(self.routes)


class LabelTargets:
    """Where routes send labels: each to the first that has it."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._default = next((route.namespace for route in routes if route.labels is None), "")
        self._by_label: dict[str, str] = {}
        for route in routes:
            for label in route.labels or ():
                self._by_label.setdefault(label, route.namespace)

    def of(self, labels: Sequence[str]) -> tuple[str, ...]:
        """The namespaces that the labels of one arm are sent to, each once."""
        return tuple(dict.fromkeys(self._by_label.get(label, self._default) for label in labels))


@dataclass(slots=True)
class DealtBranching:
    """A branching of the body with what its arms are guarded by; ``name`` is the monolith's for ``item``."""

    item: Item
    name: str
    branching: Branching
    symbols: dict[int, str] = field(default_factory=dict)


def check_arms(
    before: Source, files: Sequence[LayoutText], units: Sequence[FlatUnit], opened: Sequence[FlatUnit]
) -> Iterator[Problem]:
    """Every problem with guards, arms and the entry's dispatch, for ``verify.same_program`` to report."""
    yield from check_regions(files, units)
    spaces = {unit.namespace: unit for unit in units if unit.namespace}
    dealt, problems = dealt_arms(opened)
    yield from problems
    yield from _check_complete(before, dealt)
    for unit in units:
        for dispatch in dispatches(unit.source, frozenset(spaces)):
            yield from _check_signature(before, unit, dispatch)
            served = _served(dispatch, dealt, spaces)
            yield from _check_dispatch(unit, dispatch, served, spaces)
            yield from _check_agreement(before, unit, dispatch, served)
    yield from _check_declarations(units, frozenset(spaces))


def dealt_arms(opened: Sequence[FlatUnit]) -> tuple[list[DealtBranching], list[Problem]]:
    """The branchings whose arms are guarded, each once, and what is wrong with the guards."""
    dealt: list[DealtBranching] = []
    problems: list[Problem] = []
    done: set[str] = set()
    for unit in opened:
        for found in _dealt(unit, done):
            if isinstance(found, DealtBranching):
                dealt.append(found)
            else:
                problems.append(found)
        done.update(region.path for region, _, _ in unit.regions)
    return dealt, problems


def check_regions(files: Sequence[LayoutText], units: Sequence[FlatUnit]) -> Iterator[Problem]:
    """Every guarded run is compiled by one unit."""
    active: dict[FlatRegion, list[str]] = defaultdict(list)
    for unit in units:
        for region, _, _ in unit.regions:
            if unit.path not in active[region]:
                active[region].append(unit.path)
    for file in files:
        for region in regions_of(file):
            shards = active.get(region, [])
            if not shards:
                yield "arm", f"no unit compiles what {region.symbol} guards", file.path, region.start, ""
            elif len(shards) > 1:
                text = f"{region.symbol} is in force in {' and '.join(shards)}"
                yield "arm", text, file.path, region.start, ""


def _walk(source: Source, items: Sequence[Item]) -> Iterator[Item]:
    for item in items:
        yield item
        if item.kind is Kind.NAMESPACE:
            yield from _walk(source, nested(source, item))


class _Tokens:
    """Positions by the next code token, so that comments and blanks at an arm's edge do not matter."""

    def __init__(self, source: Source) -> None:
        self._lexed = source.lexed

    def at(self, offset: int) -> int:
        index = self._lexed.index_at(offset)
        while index < len(self._lexed) and self._lexed.kinds[index] == TokenKind.COMMENT:
            index += 1
        return index


def _dealt(unit: FlatUnit, done: set[str]) -> Iterator[DealtBranching | Problem]:
    regions = [r for r in unit.regions if r[0].path not in done]
    if not regions:
        return
    source = unit.source
    position = _Tokens(source)
    for item in list(_walk(source, source.items)):
        if item.kind is Kind.NAMESPACE:
            continue
        inside = [r for r in regions if item.start <= r[1] and r[2] <= item.end]
        if not inside:
            continue
        ways = choices(source, item)
        name = unspaced(item.name, {unit.namespace})
        found: dict[int, DealtBranching] = {}
        edges = [_Edges.of(choice, position) for choice in ways]
        for region, start, end in inside:
            hit = _arms_of(edges, position.at(start), position.at(end))
            if hit is None:
                text = f"what {region.symbol} guards is not a run of whole arms"
                yield "arm", text, region.path, region.start, item.name
                continue
            number, arms = hit
            wanted = _NEVER if _begins_chain(ways[number], arms) else ""
            if region.otherwise != wanted:
                text = (
                    f"the other shards need `{wanted}` here" if wanted else "#else text that no shard needs"
                )
                yield "glue", text, region.path, region.start, item.name
            entry = found.setdefault(number, DealtBranching(item, name, ways[number]))
            for covered in arms:
                entry.symbols[covered] = region.symbol
        yield from found.values()
        for dealt in found.values():
            for number, arm in enumerate(dealt.branching.arms):
                path, offset = unit.place(arm.start)
                if number not in dealt.symbols and not arm.is_default:
                    text = f"arm {', '.join(arm.labels)} is in every shard: no guard around it"
                    yield "arm", text, path, offset, item.name
                if number in dealt.symbols and arm.is_default:
                    text = "the default is in one shard only; every shard needs it"
                    yield "arm", text, path, offset, item.name


_NEVER = "if ( false ) { }"


def _begins_chain(choice: Branching, arms: range) -> bool:
    """Whether the `else` of what follows these arms would have no `if` where they are left out."""
    return choice.kind == "chain" and arms.start == 0 and arms.stop < len(choice.arms)


class _Edges(NamedTuple):
    """The arms of a branching by the tokens that they begin and end at; of several the first."""

    starts: Mapping[int, int]
    ends: Mapping[int, int]

    @classmethod
    def of(cls, choice: Branching, position: _Tokens) -> _Edges:
        starts: dict[int, int] = {}
        ends: dict[int, int] = {}
        for number, arm in enumerate(choice.arms):
            starts.setdefault(position.at(arm.start), number)
            ends.setdefault(position.at(arm.end), number)
        return cls(starts, ends)


def _arms_of(branchings: Sequence[_Edges], first: int, last: int) -> tuple[int, range] | None:
    for number, edges in enumerate(branchings):
        start, end = edges.starts.get(first), edges.ends.get(last)
        if start is not None and end is not None and start <= end:
            return number, range(start, end + 1)
    return None


def _check_complete(before: Source, dealt: Sequence[DealtBranching]) -> Iterator[Problem]:
    """Arms of the monolith that the body no longer has are named; changed text is found elsewhere."""
    original: dict[str, list[Branching]] = {one.name: [] for one in dealt}
    for item in _walk(before, before.items) if original else ():
        if item.kind is not Kind.NAMESPACE and item.name in original:
            original[item.name] += choices(before, item)
    for one in dealt:
        name = one.name
        labels = [label for arm in one.branching.arms for label in arm.labels]
        same = [
            choice
            for choice in original[name]
            if choice.kind == one.branching.kind and choice.subject == one.branching.subject
        ]
        if not same or any(_labels(choice) == labels for choice in same):
            continue
        nearest = max(same, key=lambda choice: len(set(_labels(choice)) & set(labels)))
        gone = [label for label in _labels(nearest) if label not in labels]
        if gone:
            yield "arm", f"arm {', '.join(gone)} is in no shard", "", None, name


def _labels(choice: Branching) -> list[str]:
    return [label for arm in choice.arms for label in arm.labels]


def dispatches(source: Source, spaces: frozenset[str]) -> tuple[Dispatch, ...]:
    """The entry's functions that call into the shards' namespaces."""
    key = (dispatches, spaces)
    if key not in source.derived:
        source.derived[key] = tuple(_dispatches(source, spaces))
    found: tuple[Dispatch, ...] = source.derived[key]
    return found


def _dispatches(source: Source, spaces: frozenset[str]) -> Iterator[Dispatch]:
    for item in _walk(source, source.items):
        if item.kind is not Kind.FUNCTION or item.body is None:
            continue
        body = source.text[slice(*item.body)]
        if not any(space.encode() in body for space in spaces) and b"\\" not in body:
            continue  # (behind a backslash, a name may go on in the next line)
        words = code_tokens(source, *item.body)
        if spaces.isdisjoint(words):
            continue
        parameters = [p.name for p in item.parameters]
        routes, wrong = _routes(words, spaces, parameters)
        plain = words == _rebuilt(source, item, words, routes, parameters)
        kind = "switch" if "switch" in words else "chain"
        yield Dispatch(item, kind, _subject(words), tuple(routes), wrong, plain)


def _subject(words: Sequence[str]) -> tuple[str, ...]:
    if "switch" not in words:
        return ()
    opening = words.index("switch") + 1
    return tuple(words[opening + 1 : closing_parenthesis(words, opening)])


def _rebuilt(
    source: Source, item: Item, words: Sequence[str], routes: Sequence[Route], parameters: Sequence[str]
) -> list[str]:
    """The body that glue would have for these routes, as tokens."""
    called = ["::", item.name.rpartition("::")[2]]
    arguments = [token for parameter in parameters for token in (",", parameter)][1:]

    def call(route: Route) -> list[str]:
        return ["return", route.namespace, *called, "(", *arguments, ")", ";"]

    def tokens(text: str) -> list[str]:
        return lex(text.encode("utf-8", "surrogateescape")).words()

    out = ["{"]
    if "switch" in words:
        opening = words.index("switch") + 1
        out += ["switch", *words[opening : closing_parenthesis(words, opening) + 1], "{"]
        for route in routes:
            for label in route.labels or ():
                out += ["case", *tokens(label), ":"]
            out += ["default", ":"] if route.labels is None else []
            out += call(route)
        return [*out, "}", "}"]
    for route in routes:
        if route.labels is None:
            out += call(route)
        else:
            out += ["if", "(", *tokens(route.labels[0]), ")", "{", *call(route), "}"]
    return [*out, "}"]


def _routes(
    words: Sequence[str], spaces: frozenset[str], parameters: Sequence[str]
) -> tuple[list[Route], tuple[str, ...]]:
    routes: list[Route] = []
    wrong: list[str] = []
    labels: list[str] | None = []
    condition: tuple[str, ...] | None = None
    switch = "switch" in words
    position = 0
    while position < len(words):
        word = words[position]
        if word == "case":
            end = _label_end(words, position)
            label = join_expression(words[position + 1 : end])
            labels = [*(labels or []), label]
            position = end
        elif word == "default":
            labels = None
        elif word == "if" and not switch:
            end = closing_parenthesis(words, position + 1)
            condition = (join_expression(words[position + 2 : end]),)
            position = end
        elif word in spaces and words[position + 1 : position + 2] == ["::"]:
            if "(" not in words[position:]:
                wrong.append(word)  # it is named, and not called
                break
            opening = position + words[position:].index("(")
            closing = closing_parenthesis(words, opening)
            given = [part for part in words[opening + 1 : closing] if part != ","]
            if given != list(parameters):
                wrong.append(word)
            keys = (None if labels is None else tuple(labels)) if switch else condition
            routes.append(Route(keys, word))
            labels, condition = [], None
            position = closing
        position += 1
    return routes, tuple(wrong)


def _label_end(words: Sequence[str], start: int) -> int:
    position = start + 1
    while position < len(words) and words[position] != ":":
        position += 1
    return position


def closing_parenthesis(words: Sequence[str], opening: int) -> int:
    """Where the parenthesis that opens at a word is closed; the last word if it is not."""
    depth = 0
    for position in range(opening, len(words)):
        depth += (words[position] == "(") - (words[position] == ")")
        if depth == 0:
            return position
    return len(words) - 1


def _check_signature(before: Source, unit: FlatUnit, dispatch: Dispatch) -> Iterator[Problem]:
    wanted = [
        _types(before, item)
        for item in _walk(before, before.items)
        if item.kind is Kind.FUNCTION and item.name == dispatch.item.name and item.parameter_list is not None
    ]
    if dispatch.item.parameter_list is None or _types(unit.source, dispatch.item) not in wanted:
        path, offset = unit.place(dispatch.item.code_start)
        yield "dispatch", "its type is not the monolith's", path, offset, dispatch.item.name


def _served(
    dispatch: Dispatch, dealt: Sequence[DealtBranching], spaces: Mapping[str, FlatUnit]
) -> tuple[DealtBranching, ...]:
    """The dealt branchings that a dispatch leads to."""
    name = dispatch.item.name
    words = _reachable(spaces, name)
    last = name.rpartition("::")[2]
    return tuple(
        one for one in dealt if (plain := one.item.name.rpartition("::")[2]) == last or plain in words
    )


def _check_dispatch(
    unit: FlatUnit, dispatch: Dispatch, served: Sequence[DealtBranching], spaces: Mapping[str, FlatUnit]
) -> Iterator[Problem]:
    name = dispatch.item.name
    path, offset = unit.place(dispatch.item.code_start)
    for space in dispatch.wrong_arguments:
        yield "dispatch", f"{space} is not called with the parameters in order", path, offset, name
    if not dispatch.plain:
        yield "dispatch", "it does more, or less, than choose a shard", path, offset, name
    if not any(route.labels is None for route in dispatch.routes):
        yield "dispatch", "no shard is called for values that no label names", path, offset, name
    for one in served:
        for number, arm in enumerate(one.branching.arms):
            symbol = one.symbols.get(number)
            if symbol is None or arm.is_default or not _comparable(dispatch, one, arm):
                continue
            for space in dispatch.target(arm.labels):
                target = spaces.get(space)
                if target is None or symbol not in target.shards:
                    text = f"{', '.join(arm.labels)} goes to {space or 'no shard'}{ELSEWHERE}{symbol}"
                    yield "dispatch", text, path, offset, name


def _check_agreement(
    before: Source, unit: FlatUnit, dispatch: Dispatch, served: Sequence[DealtBranching]
) -> Iterator[Problem]:
    """The entry must ask for the value that the body asks for, followed back through the monolith's text."""
    name = dispatch.item.name
    path, offset = unit.place(dispatch.item.code_start)
    for one in served:
        if not _alike(dispatch, one):
            continue
        for asked, stated in _questions(dispatch, one):
            origins = _origins(before, name, one, asked)
            known = [found.value for found in origins if found.value is not None]
            if not known and origins:
                text = f"nothing tells that `{asked}` in the body is `{join_expression(stated)}` in the entry"
                yield "assumed", text, path, offset, name
            elif known and not any(same_value(value, stated) for value in known):
                here, there = join_expression(stated), join_expression(known[0])
                text = f"the entry asks for `{here}`, the body for `{there}`"
                yield "discriminator", text, path, offset, name


def _questions(dispatch: Dispatch, one: DealtBranching) -> Iterator[tuple[str, Sequence[str]]]:
    """What the body asks for, and what the entry asks in its place."""
    if dispatch.kind == "switch":
        yield one.branching.subject, dispatch.subject
        return
    stated = {route.labels[0] for route in dispatch.routes if route.labels}
    for arm in one.branching.arms:
        if not arm.is_default and arm.labels[0] in stated:
            yield arm.labels[0], words_of(arm.labels[0])


def _origins(before: Source, entry: str, one: DealtBranching, asked: str) -> list[Origin]:
    """Where the monolith's text says that the value comes from; several where conditions give several."""
    every = list(_walk(before, before.items))
    functions = [i for i in every if i.kind is Kind.FUNCTION and i.body is not None]
    macros = [i for i in every if i.kind is Kind.MACRO]
    wanted = (one.branching.kind, one.branching.subject)
    holders = [
        item
        for item in (*functions, *macros)
        if item.name == one.name
        and any((choice.kind, choice.subject) == wanted for choice in choices(before, item))
    ]
    entries = [item for item in functions if item.name == entry]
    return [origin(before, holder, item, asked) for holder in holders for item in entries]


def _alike(dispatch: Dispatch, one: DealtBranching) -> bool:
    """Whether entry and body choose in one way: by a value, or by one condition after the other."""
    return (dispatch.kind == "switch") == (one.branching.kind == "switch")


def _comparable(dispatch: Dispatch, one: DealtBranching, arm: Arm) -> bool:
    if not _alike(dispatch, one):
        return False
    return arm.labels != ("else",)


def _reachable(spaces: Mapping[str, FlatUnit], name: str) -> frozenset[str]:
    """Every word that the shards' function ``name`` leads to, through functions and macros."""
    words: set[str] = set()
    for space, unit in spaces.items():
        source = unit.source
        environment = environment_of(source)
        bodies: dict[str, list[Item]] = defaultdict(list)
        for item in _walk(source, source.items):
            if item.kind is Kind.FUNCTION and item.body is not None:
                bodies[unspaced(item.name, {space}).rpartition("::")[2]].append(item)
        waiting = [name.rpartition("::")[2]]
        seen: set[str] = set()
        while waiting:
            current = waiting.pop()
            if current in seen:
                continue
            seen.add(current)
            for item in bodies.get(current, ()):
                used = environment.closure(code_tokens(source, *(item.body or (0, 0))), item.end)
                words |= used
                waiting += [word for word in used if word in bodies]
    return frozenset(words)


def _check_declarations(units: Sequence[FlatUnit], spaces: frozenset[str]) -> Iterator[Problem]:
    """What the entry is told about the shards' functions must be what they define."""
    defined: dict[str, list[list[str]]] = defaultdict(list)
    declared: dict[str, tuple[FlatUnit, Item]] = {}
    called: dict[str, tuple[FlatUnit, Item]] = {}
    for unit in units:
        for item in _walk(unit.source, unit.source.items):
            if unspaced(item.name, spaces) == item.name:
                continue
            if item.parameter_list is None:
                continue
            if item.kind is Kind.FUNCTION and item.body is not None:
                defined[item.name].append(_types(unit.source, item))
            elif item.kind is Kind.DECLARATION:
                declared[item.name] = (unit, item)
        for dispatch in dispatches(unit.source, spaces):
            for route in dispatch.routes:
                outer, _, last = dispatch.item.name.rpartition("::")
                name = "::".join(filter(None, (outer, route.namespace, last)))
                called[name] = (unit, dispatch.item)
    for name, (unit, item) in called.items():
        if name not in declared:
            path, offset = unit.place(item.code_start)
            yield "dispatch", f"{name} is called and not declared", path, offset, item.name
    for name, (unit, item) in declared.items():
        path, offset = unit.place(item.code_start)
        if name not in defined:
            yield "dispatch", "declared for the entry, and no unit defines it", path, offset, name
        elif _types(unit.source, item) not in defined[name]:
            yield "dispatch", "declared for the entry with other parameters than it has", path, offset, name


def _types(source: Source, item: Item) -> list[str]:
    """What is before the name, each parameter's type, and what follows, without names and defaults."""
    assert item.parameter_list is not None
    start = item.name_range[0] if item.name_range else item.parameter_list[0]
    stop = item.body[0] if item.body else item.code_end
    opening, closing = item.parameter_list
    commas = code_tokens(source, opening, closing).count(",")
    for parameter in item.parameters:
        if parameter.default_start is not None:
            commas -= code_tokens(source, parameter.default_start, parameter.end).count(",")
    found = [" ".join(code_tokens(source, item.declarator_start, start)), "," * commas]
    found.append(" ".join(code_tokens(source, closing, stop)).removesuffix(";").strip())
    if item.body is None and source.text[item.code_end - 1 : item.code_end] != b";":
        found.append("no ; at its end")
    for parameter in item.parameters:
        end = parameter.end if parameter.default_start is None else parameter.default_start
        words = code_tokens(source, parameter.start, end)
        if parameter.name and parameter.name in words:
            words.reverse()
            words.remove(parameter.name)
            words.reverse()
        if not parameter.name and words and words[-1].startswith("mg_argument_"):
            words.pop()
        found.append(" ".join(word for word in words if not word.startswith("mg_argument_")))
    return found
