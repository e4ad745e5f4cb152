"""A layout with a thin interface, for ``verify.same_program``: read by its own spelling, not by the map.

Two things are asked. Put back where it came from, is the dealt text the monolith's? That is asked of
``whole``: the same files with every guard open, the launch functions' text back in the host functions, and no
launch function left. And does each place where the text stood choose the shard that has the arm, and call it
with what it takes? That is ``check_choices``.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from mergeguard.cpp.branches import Branching
from mergeguard.cpp.definitions import definitions
from mergeguard.cpp.environment import environment_of
from mergeguard.cpp.items import Item, Kind, Source
from mergeguard.cpp.lexer import lex
from mergeguard.cpp.source import flattened, nested, parse
from mergeguard.cpp.text import code_tokens, join_expression
from mergeguard.values import dataclass
from mergeguard.verify.dispatching import (
    ELSEWHERE,
    DealtBranching,
    LabelTargets,
    Problem,
    Route,
    check_regions,
    closing_parenthesis,
    dealt_arms,
)
from mergeguard.verify.flatten import FlatUnit, LayoutText, flatten


class _Spelling(NamedTuple):
    """Something that glue spells: a pattern, and the ``mark`` that is in each of its matches. Most files have
    it nowhere, and are not searched."""

    mark: bytes
    pattern: re.Pattern[bytes]

    def found(self, text: bytes) -> Iterator[re.Match[bytes]]:
        """Every match in a text."""
        return self.pattern.finditer(text) if self.mark in text else iter(())

    def replaced(self, text: bytes, by: Callable[[re.Match[bytes]], bytes] | bytes = b"") -> bytes:
        """The text with something else, or nothing, in place of each match."""
        return self.pattern.sub(by, text) if self.mark in text else text


def _spelling(mark: bytes, pattern: bytes, flags: int = 0) -> _Spelling:
    return _Spelling(mark, re.compile(pattern, flags | re.MULTILINE))


_PARTED = _spelling(b"// MG_PARTED ", rb"^// MG_PARTED (\w+)\r?\n")
_BLOCK = _spelling(b"// MG_PARTED ", rb"^// MG_PARTED (\w+)\r?\n(.*?)^// MG_END \1[ \t]*\r?\n", re.DOTALL)
_LAUNCH = _spelling(
    b"}  // MG_END ",
    rb"^(template <[^\n]*\r?\n)?[\w:][^\n(#;]* (\w+)\(([^;{]*?)\) \{\r?\n(.*?)^\}  // MG_END \2[ \t]*\r?\n",
    re.DOTALL,
)
_CHOICE = _spelling(b"/* MG_LAUNCH ", rb"/\* MG_LAUNCH (\w+) \*/(.*?)/\* MG_END \1 \*/", re.DOTALL)
_OFFER = _spelling(b"// MG_OFFER", rb"^// MG_OFFER\r?\n(.*?)^// MG_END MG_OFFER[ \t]*\r?\n", re.DOTALL)
_MADE = _spelling(b" MG_NS::", rb"^template [\w:][^\n(;]* MG_NS::(\w+)<([^\n]*)>\((?:[^;]*)\);[ \t]*\r?\n")
_USING_HOST = _spelling(b"using namespace ", rb"^using namespace mergeguard_\w+_host;[ \t]*\r?\n")
_GUARD = _spelling(b"MG_SHARD_", rb"^[ \t]*#(?:if defined\(MG_SHARD_\w+\)|endif  // MG_SHARD_\w+)[ \t]*\r?\n")
_ELSE = _spelling(b"#else  // MG_SHARD_", rb"^[ \t]*#else  // (MG_SHARD_\w+)\r?\n[^\n]*\n")
_ONLY = _spelling(
    b"MG_ONLY_",
    rb"MG_ONLY_\w+\((?:[ ]?\\?\r?\n|[ ])|[ ]?/\*[ ]MG_ONLY_\w+[ ]\*/\)(?:[ ]\\)?(?:\r?\n)?",
)
_CONSTANT = _spelling(b"// MG_CONSTANT", rb"^[^\n;]*;  // MG_CONSTANT[ \t]*\r?\n")
_DECLARED = re.compile(
    rb"^(?:template <[^\n]*\r?\n)?[\w:][^\n(#;]* (\w+)\(([^;{]*?)\);[ \t]*\r?\n", re.MULTILINE
)
_INCLUDED = re.compile(rb'^#include "([^"\n]+)"[ \t]*\r?$', re.MULTILINE)
_MARKS = (b"MG_LAUNCH", b"MG_PARTED")


@dataclass(frozen=True, slots=True)
class _ThinCall:
    """Where the entry chooses a shard for a launch function: ``text`` at ``offset`` of ``path``."""

    name: str
    path: str
    offset: int
    words: list[str]


def is_thin(files: Sequence[LayoutText]) -> bool:
    """Whether a layout has launch functions."""
    return any(mark in file.text for file in files for mark in _MARKS)


def whole(files: Sequence[LayoutText]) -> list[LayoutText]:
    """The files as if nothing were dealt: host functions whole, every guard open, no launch function left."""
    blocks: dict[bytes, bytes] = {}
    bodies: dict[bytes, LayoutText] = {}
    for file in files:
        launches = list(_LAUNCH.found(file.text))
        bodies |= {found[2]: file for found in launches}
        blocks |= {found[1]: found[2] for found in _BLOCK.found(file.text)}
        blocks |= {found[2]: _CONSTANT.replaced(found[4]) for found in launches}
    made: list[LayoutText] = []
    for file in files:
        text = file.text
        if not any(name in text for name in (b"MG_", b"mergeguard_", *blocks)):
            made.append(file)  # a header of the monolith's own text: nothing was dealt in it
            continue
        for glue in (_BLOCK, _LAUNCH, _MADE, _OFFER, _USING_HOST):
            text = glue.replaced(text)
        text = _known_to(file, bodies) + text
        text = _DECLARED.sub(lambda found: b"" if found[1] in blocks else found[0], text)
        text = _PARTED.replaced(text, lambda found: blocks.get(found[1], found[0]))
        text = _CHOICE.replaced(text, lambda found: blocks.get(found[1], found[0]))
        text = _ONLY.replaced(_GUARD.replaced(_ELSE.replaced(text)))
        made.append(LayoutText(file.path, text, file.is_unit))
    return made


def _known_to(file: LayoutText, bodies: Mapping[bytes, LayoutText]) -> bytes:
    """For a header that declares launch functions: the includes of their bodies.

    What the dealt text reads in the shards is there for the entry, too, where the text is put back.
    """
    declared = {found[1] for found in _DECLARED.finditer(file.text)}
    folder = posixpath.dirname(file.path) or "."
    lines: dict[bytes, None] = {}
    for body in dict.fromkeys(bodies[name] for name in bodies if name in declared):
        for name in _INCLUDED.findall(body.text):
            path = posixpath.join(posixpath.dirname(body.path), name.decode("utf-8", "surrogateescape"))
            target = posixpath.relpath(path, folder).encode("utf-8", "surrogateescape")
            lines[b'#include "%s"\n' % target] = None
    return b"".join(lines)


def check_choices(
    before: Source, files: Sequence[LayoutText], roots: Sequence[str] = ()
) -> Iterator[Problem]:
    """Every problem with guards, launch functions and the places that call them."""
    units = [flatten(file.path, files, roots=roots) for file in files if file.is_unit]
    opened = [flatten(file.path, files, everything=True, roots=roots) for file in files if file.is_unit]
    for unit in (*units, *opened):
        for path, offset, message in unit.problems:
            yield "glue", message, path, offset, ""
    yield from check_regions(files, units)
    dealt, problems = dealt_arms(opened)
    yield from problems
    yield from _check_texts(files)
    yield from _check_constants(before, files)
    own = frozenset(one.short for one in definitions(before))
    for place in _places(files, units, dealt):
        yield from place.problems()
        call = place.call
        yield from _check_names(own, call, [unit for unit in units if unit.path == call.path])
    yield from _check_offers(before, files)


def wrong_choices(files: Sequence[LayoutText]) -> Iterator[Problem]:
    """Of what ``check_choices`` says, the places that choose otherwise than shards have arms."""
    units = [flatten(file.path, files) for file in files if file.is_unit]
    dealt, _ = dealt_arms([flatten(unit.path, files, everything=True) for unit in units])
    for place in _places(files, units, dealt):
        yield from place.problems()


def _places(
    files: Sequence[LayoutText], units: Sequence[FlatUnit], dealt: Sequence[DealtBranching]
) -> Iterator[_Place]:
    shards = {unit.namespace: unit for unit in units if unit.namespace}
    return (_Place(call, shards, dealt, files) for call in _calls(files))


def _check_names(own: frozenset[str], call: _ThinCall, units: Sequence[FlatUnit]) -> Iterator[Problem]:
    """What the entry asks for of the monolith's ``own`` names is known in the entry."""
    asked = own.intersection(call.words)
    for unit in units if asked else ():
        missing = sorted(asked - {one.short for one in definitions(unit.source)})
        if missing:
            text = f"{', '.join(missing)} not declared before it here"
            yield "self-contained", text, call.path, call.offset, call.name


def _calls(files: Sequence[LayoutText]) -> Iterator[_ThinCall]:
    for file in files:
        for found in _CHOICE.found(file.text):
            words = lex(found[2]).words()
            yield _ThinCall(found[1].decode(), file.path, found.start(), words)


def _check_texts(files: Sequence[LayoutText]) -> Iterator[Problem]:
    """Each dealt text stands in one body, and is called for, or left out, in one place."""
    there: dict[bytes, list[tuple[str, int]]] = {}
    asked: dict[bytes, list[tuple[str, int]]] = {}
    for file in files:
        if b"MG_" not in file.text:
            continue
        inside = [found.span() for found in _BLOCK.found(file.text)]
        for spelling, group in ((_BLOCK, 1), (_LAUNCH, 2)):
            for found in spelling.found(file.text):
                there.setdefault(found[group], []).append((file.path, found.start()))
        for spelling in (_PARTED, _CHOICE):
            for found in spelling.found(file.text):
                if not any(start <= found.start() < end for start, end in inside):
                    asked.setdefault(found[1], []).append((file.path, found.start()))
    for name in sorted({*there, *asked}):
        places = there.get(name, []), asked.get(name, [])
        if len(places[0]) != 1 or len(places[1]) != 1:
            text = (
                f"the text {name.decode()} is dealt {len(places[1])} times and stands {len(places[0])} times"
            )
            path, offset = next(iter([*places[0], *places[1]]))
            yield "lost" if len(places[0]) < 1 else "glue", text, path, offset, name.decode()


def _check_constants(before: Source, files: Sequence[LayoutText]) -> Iterator[Problem]:
    """What a launch function declares again is what the host function declares."""
    files = [file for file in files if b"// MG_CONSTANT" in file.text]
    if not files:
        return
    functions = {item.name.replace("::", "_"): item for item in flattened(before, before.items) if item.body}
    for file in files:
        for launch in _LAUNCH.found(file.text):
            host = functions.get(launch[2].decode().rpartition("_launch")[0])
            words = code_tokens(before, *host.body) if host is not None and host.body else []
            for constant in _CONSTANT.found(launch[4]):
                text = constant[0].partition(b"//")[0].strip().decode("utf-8", "surrogateescape")
                if not _stands(_tokens(text), words):
                    offset = launch.start(4) + constant.start()
                    said = f"the host function has no `{text}`"
                    yield "changed", said, file.path, offset, launch[2].decode()


def _stands(part: Sequence[str], words: Sequence[str]) -> bool:
    """Whether one text stands in another, word for word."""
    at = -1
    with suppress(ValueError):
        while part:
            at = words.index(part[0], at + 1)
            if words[at : at + len(part)] == part:
                return True
    return not part


@dataclass(frozen=True, slots=True)
class _Place:
    """One place where the entry chooses, held against the launch function of each shard."""

    call: _ThinCall
    shards: dict[str, FlatUnit]
    dealt: Sequence[DealtBranching]
    files: Sequence[LayoutText]

    def problems(self) -> Iterator[Problem]:
        name, path, offset = self.call.name, self.call.path, self.call.offset
        launch = self.launch()
        if launch is None:
            yield "dispatch", f"no shard has {name}", path, offset, name
            return
        item, source = launch
        parameters = [parameter.name for parameter in item.parameters]
        subject, routes, plain = _choice(self.call.words, name, parameters)
        if not plain:
            yield "dispatch", f"it does more, or less, than choose a shard for {name}", path, offset, name
            return
        branching, symbols = self.branching(item, source)
        if branching is None:
            yield "dispatch", f"{name} comes to no branching whose arms are dealt", path, offset, name
            return
        if branching.kind == "switch" and join_expression(subject) != branching.subject:
            text = f"it chooses by {join_expression(subject)}, the arms by {branching.subject}"
            yield "dispatch", text, path, offset, name
        targets = LabelTargets(routes)
        for number, arm in enumerate(branching.arms):
            symbol = symbols.get(number)
            if symbol is None or arm.is_default:
                continue
            for space in targets.of(arm.labels):
                target = self.shards.get(space)
                if target is None or symbol not in target.shards:
                    text = f"{', '.join(arm.labels)} goes to {space or 'no shard'}{ELSEWHERE}{symbol}"
                    yield "dispatch", text, path, offset, name
        spaces = list(dict.fromkeys(route.namespace for route in routes))
        for space in spaces:
            yield from self.declared(space, spaces[0], item, source)

    def unit(self, space: str) -> str:
        """The path of the shard that has a namespace."""
        return self.shards[space].path if space in self.shards else ""

    def launch(self) -> tuple[Item, Source] | None:
        """The launch function as the first shard that is called has it."""
        for word in self.call.words:
            unit = self.shards.get(word)
            if unit is not None:
                for item in _inside(unit.source, word):
                    if f"::{item.name}".endswith(f"::{word}::{self.call.name}") and item.body is not None:
                        return item, unit.source
        return None

    def branching(self, item: Item, source: Source) -> tuple[Branching | None, dict[int, str]]:
        """The dealt branching that the launch function holds, or comes to through macros."""
        words = environment_of(source).closure(code_tokens(source, *(item.body or (0, 0))), item.end)
        for one in self.dealt:
            last = one.item.name.rpartition("::")[2]
            if last == self.call.name or (one.branching.macro or last) in words:
                return one.branching, one.symbols
        return None, {}

    def declared(self, space: str, first: str, item: Item, source: Source) -> Iterator[Problem]:
        """What the entry is told of the function is what the shard has, for the types that ``first`` has."""
        path, offset, name = self.call.path, self.call.offset, self.call.name
        wanted = _head(source, item)
        heads = [
            _head(parsed, one)
            for file in self.files
            if not file.is_unit and space.encode() in file.text
            for parsed in [parse(file.text)]
            for one in _inside(parsed, space)
            if f"::{one.name}".endswith(f"::{space}::{name}")
            and one.body is None
            and one.parameter_list is not None
        ]
        if not heads:
            yield "dispatch", f"{space}::{name} is called and not declared", path, offset, name
        elif any(head != wanted for head in heads):
            text = f"{space}::{name} is declared for the entry with other parameters than it has"
            yield "dispatch", text, path, offset, name
        if "template" in item.flags:
            here, others = ({*_instances(self.files, self.unit(one), name)} for one in (space, first))
            if not here:
                yield "dispatch", f"{space} instantiates no {name}", path, offset, name
            elif here != others:
                yield "dispatch", f"{space} instantiates {name} for other types", path, offset, name


def _instances(files: Sequence[LayoutText], path: str, name: str) -> list[bytes]:
    texts = (file.text for file in files if file.path == path)
    return [found[2] for text in texts for found in _MADE.found(text) if found[1].decode() == name]


def _inside(source: Source, space: str) -> Iterator[Item]:
    """What stands in a shard's namespace, which may stand in others."""
    waiting = [item for item in source.items if item.kind is Kind.NAMESPACE]
    while waiting:
        inner = nested(source, item := waiting.pop(0))
        if item.name.rpartition("::")[2] == space:
            yield from inner
        waiting += [i for i in inner if i.kind is Kind.NAMESPACE]


def _head(source: Source, item: Item) -> list[str]:
    """The tokens from the template's head to the closing parenthesis."""
    assert item.parameter_list is not None
    return code_tokens(source, item.code_start, item.parameter_list[1])


def _choice(words: list[str], name: str, parameters: Sequence[str]) -> tuple[list[str], list[Route], bool]:
    """Subject and routes of what stands in the place of a launch, and whether it is that and nothing else."""
    position = 1
    while words[position : position + 1] == ["static_assert"]:
        position = words.index(";", position) + 1
    start = position
    routes: list[Route] = []
    subject: list[str] = []
    if words[position : position + 1] == ["switch"]:
        closing = closing_parenthesis(words, position + 1)
        subject = words[position + 2 : closing]
    labels: list[str] | None = []
    for at in range(position, len(words)):
        if words[at] == "case":
            colon = words.index(":", at)
            labels = [*(labels or []), join_expression(words[at + 1 : colon])]
        elif words[at] == "default" or (words[at] == "else" and words[at + 1 : at + 2] == ["{"]):
            labels = None
        elif words[at] == "if":
            labels = [join_expression(words[at + 2 : closing_parenthesis(words, at + 1)])]
        elif words[at + 1 : at + 3] == ["::", name]:
            routes.append(Route(None if labels is None else tuple(labels), words[at]))
            labels = []
    types = _types(words, name)
    first = next((n for n in range(len(words)) if words[n + 1 : n + 3] == ["::", name]), 0)
    returns = words[first - 1 : first] == ["return"]
    rebuilt = _rebuilt(subject, routes, [name, *types], parameters, returns)
    return subject, routes, words[:1] == ["{"] and words[start:] == [*rebuilt, "}"]


def _types(words: Sequence[str], name: str) -> list[str]:
    """The type arguments of the first call, with their angles."""
    at = list(words).index(name) + 1 if name in words else len(words)
    return list(words[at : list(words).index("(", at)]) if at < len(words) and words[at] == "<" else []


def _rebuilt(
    subject: Sequence[str],
    routes: Sequence[Route],
    called: Sequence[str],
    parameters: Sequence[str],
    returns: bool,
) -> list[str]:
    """What glue has for these routes, as tokens; ``returns``: it hands on what the shard's function gives."""
    arguments = [token for parameter in parameters for token in (",", parameter)][1:]
    out: list[str] = ["switch", "(", *subject, ")", "{"] if subject else []
    for number, route in enumerate(routes):
        call = ["return"] * returns + [route.namespace, "::", *called, "(", *arguments, ")", ";"]
        if subject:
            for label in route.labels or ():
                out += ["case", *_tokens(label), ":"]
            out += ["default", ":"] if route.labels is None else []
            out += call if route.labels is None or returns else [*call, "break", ";"]
        elif route.labels is None:
            out += ["}", "else", "{", *call]
        else:
            out += ["if"] if number == 0 else ["}", "else", "if"]
            out += ["(", *_tokens(route.labels[0]), ")", "{", *call]
    return [*out, "}"]


def _tokens(text: str) -> list[str]:
    return lex(text.encode("utf-8", "surrogateescape")).words()


def _check_offers(before: Source, files: Sequence[LayoutText]) -> Iterator[Problem]:
    """Functions that the entry offers the shards: declared as defined, and only handed on."""
    defined: dict[str, tuple[list[str], str, int]] = {}
    declared: dict[str, list[str]] = {}
    for file in files:
        for block in _OFFER.found(file.text):
            source = parse(block[1])
            for space in source.items:
                for item in nested(source, space):
                    if item.parameter_list is None:
                        continue
                    last = item.name.rpartition("::")[2]
                    if item.body is None:
                        declared[last] = _head(source, item)
                        continue
                    defined[last] = _head(source, item), file.path, block.start()
                    given = [token for p in item.parameters for token in (",", p.name)][1:]
                    words = code_tokens(source, *item.body)
                    called = words[2 : words.index("(")] if "(" in words else []
                    wanted = ["{", "return", *called, "(", *given, ")", ";", "}"]
                    names = called[:1] == ["::"] and "".join(called[1:]).rpartition("::")[2] == last
                    if words != wanted or not names:
                        yield "dispatch", f"{last} is not handed on as it is", file.path, block.start(), last
    if not defined and not declared:
        return
    known = {one.short for one in definitions(before) if one.item.kind is Kind.FUNCTION}
    for name, (head, path, offset) in defined.items():
        if declared.get(name) != head or name not in known:
            yield "dispatch", f"{name} is offered to the shards as something else", path, offset, name
    for name in declared.keys() - defined.keys():
        yield "lost", f"{name} is declared for the shards, and no unit offers it", "", None, name
