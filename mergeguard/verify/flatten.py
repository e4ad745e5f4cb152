"""What the compiler sees of a layout: each translation unit with the layout's own includes taken in.

Only what the layout itself knows is resolved: includes of its own files, ``#pragma once``, and the macros
that glue defines (``MG_SHARD_*``, ``MG_ONLY_*``, ``MG_NS``). Everything of the monolith's, its conditions
above all, stays as it is, so that a unit can be compared with the monolith item by item.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_right
from collections.abc import Container, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from mergeguard.cpp.diff import in_common
from mergeguard.cpp.environment import environment_of
from mergeguard.cpp.lexer import Directive, directives_of
from mergeguard.cpp.remember import remembered
from mergeguard.cpp.source import Source, parse
from mergeguard.lens.glue import blank_include_choices
from mergeguard.values import cached_property, dataclass, field

_INCLUDE = re.compile(rb'#[ \t]*include[ \t]*"([^"\n]*)"')
_SHARD_TEST = re.compile(
    rb"#\s*(?:if\s+defined\s*\(\s*(MG_SHARD_\w+)\s*\)|(?:if\s+defined|ifdef)\s+(MG_SHARD_\w+))\s*$"
)
_COMMENTS = re.compile(rb"//[^\n]*|/\*.*?\*/", re.DOTALL)
# What glue defines: a symbol without a value, a namespace, a macro that keeps its arguments or drops them.
_GLUE_DEFINE = re.compile(
    rb"#[ \t]*define[ \t]+(?:MG_SHARD_\w+|MG_NS[ \t]+\w+|MG_ONLY_\w+\(\.\.\.\)(?:[ \t]+__VA_ARGS__)?)[ \t]*$"
)
_WORDS = frozenset(
    "define elif elifdef elifndef else endif error ident if ifdef ifndef import include include_next line "
    "pragma undef warning".split()
)
_DEFINE = re.compile(rb"#[ \t]*define[ \t]+(MG_\w+)(\(\.\.\.\))?[ \t]*(.*)$", re.DOTALL)
_ONLY = re.compile(
    rb"(MG_ONLY_\w+)\((?:[ ]?\\?\r?\n|[ ])?(.*?)[ ]?/\*[ ](MG_ONLY_\w+)[ ]\*/\)(?:[ ]\\)?(?:\r?\n)?",
    re.DOTALL,
)
_NAMESPACE = re.compile(rb"\bMG_NS\b")
_SHARED_SPACE = re.compile(rb"^namespace (mergeguard_\w+_(?:own|anonymous)) \{", re.MULTILINE)
_RENAMED = re.compile(rb"#define (\w+) mergeguard_\w+_own_\1(?!\w)")


@dataclass(frozen=True, slots=True)
class LayoutText:
    """A file of a layout: its path in the repository, its bytes, whether the build compiles it by itself."""

    path: str
    text: bytes
    is_unit: bool


@dataclass(frozen=True, slots=True)
class FlatRegion:
    """A guarded run of a layout file: bytes ``start`` to ``end`` of ``path`` belong to shard ``symbol``.

    ``otherwise`` is what the other shards have in its place (of a chain: an ``if`` that is never taken).
    """

    path: str
    start: int
    end: int
    symbol: str
    otherwise: str = ""


@dataclass(frozen=True)
class FlatUnit:
    """One translation unit. ``places`` maps its bytes back: (start here, path, start there), ascending."""

    path: str
    text: bytes
    places: tuple[tuple[int, str, int], ...]
    namespace: str  # what MG_NS stands for, "" if it is not defined
    shards: frozenset[str]  # the MG_SHARD_ symbols in force
    files: tuple[str, ...]  # layout files taken in, this one included
    regions: tuple[
        tuple[FlatRegion, int, int], ...
    ]  # guarded runs that are in force, and where they are here
    problems: tuple[tuple[str, int, str], ...]  # path, offset there, message
    renamed: frozenset[str] = frozenset()  # in C what the units share, by the monolith's name

    @property
    def spaces(self) -> frozenset[str]:
        """The namespaces that glue makes in this unit."""
        made = {name.decode() for name in _SHARED_SPACE.findall(self.text)}
        return frozenset(filter(None, (self.namespace, *made)))

    @cached_property
    def source(self) -> Source:
        """The unit as items; read when it is first asked for, since most questions are about a few units."""
        return parse(self.text, calls_end=True)

    def same_up_to(self, other: FlatUnit) -> int:
        """With how many bytes, of the same places in the layout, two units begin."""
        length = in_common(self.text, other.text)
        for (start, *mine), (there, *theirs) in zip(self.places, other.places, strict=False):
            if start >= length:
                break
            if start != there or mine != theirs:
                return min(start, there)
        return length

    @cached_property
    def _starts(self) -> list[int]:
        return [start for start, _, _ in self.places]

    def place(self, offset: int) -> tuple[str, int]:
        """The layout file and the offset in it of a byte of this unit."""
        index = max(bisect_right(self._starts, offset) - 1, 0)
        if not self.places:
            return self.path, 0
        start, path, there = self.places[index]
        return path, there + max(offset - start, 0)


@dataclass(slots=True)
class _FlattenState:
    files: Mapping[str, LayoutText]
    everything: bool
    roots: Sequence[str] = ()
    alone: bool = False  # whether only one file is read, its includes left as they are
    out: list[bytes] = field(default_factory=list)
    length: int = 0
    places: list[tuple[int, str, int]] = field(default_factory=list)
    defined: dict[str, bytes] = field(default_factory=dict)
    once: set[str] = field(default_factory=set)
    taken: list[str] = field(default_factory=list)
    regions: list[tuple[FlatRegion, int, int]] = field(default_factory=list)
    problems: list[tuple[str, int, str]] = field(default_factory=list)
    renamed: set[str] = field(default_factory=set)
    unarmed: dict[str, list[tuple[str, int, str]]] = field(default_factory=dict)  # by macro, as problems

    def emit(self, text: bytes, path: str, offset: int) -> None:
        if text:
            start, last, there = self.places[-1] if self.places else (0, "", 0)
            if path != last or offset - there != self.length - start:
                self.places.append((self.length, path, offset))
            self.out.append(text)
            self.length += len(text)


@dataclass(slots=True)
class _FlatGuard:
    symbol: str
    active: bool
    outer: bool  # whether what surrounds it is compiled
    start: int
    flat_start: int
    in_else: bool = False
    end: int = 0
    flat_end: int = 0
    otherwise_start: int = 0


def flatten(
    unit: str, files: Sequence[LayoutText], everything: bool = False, roots: Sequence[str] = ()
) -> FlatUnit:
    """The translation unit that starts at the file ``unit``.

    With ``everything``, the guards of all shards are open at once: the body as the monolith has it. ``roots``
    are folders in which a quoted include is looked for if it is not beside its file.
    """
    state = _FlattenState({file.path: file for file in files}, everything, roots)
    _take_in(state, unit)
    text = b"".join(state.out)
    if state.unarmed:
        state.problems += _unarmed_in_use(state, parse(text, calls_end=True))
    shards = frozenset(name for name in state.defined if name.startswith("MG_SHARD_"))
    return FlatUnit(
        unit,
        text,
        tuple(state.places),
        state.defined.get("MG_NS", b"").decode("utf-8", "replace"),
        shards,
        tuple(dict.fromkeys(state.taken)),
        tuple(state.regions),
        tuple(state.problems),
        frozenset(state.renamed),
    )


def has_guards(files: Sequence[LayoutText]) -> bool:
    """Whether a layout file has text for some shards only: where none has, ``everything`` makes no
    difference."""
    return any(
        b"MG_ONLY_" in file.text or any(step.kind for step in _script_of(file.text).steps) for file in files
    )


def regions_of(file: LayoutText) -> tuple[FlatRegion, ...]:
    """Every guarded run of a layout file, by its text alone."""
    if b"MG_SHARD_" not in file.text and b"MG_ONLY_" not in file.text:
        return ()
    state = _FlattenState({file.path: file}, True, alone=True)
    _take_in(state, file.path)
    return tuple(region for region, _, _ in state.regions)


@dataclass(frozen=True, slots=True)
class _Step:
    """A directive that flattening does something about, with its own line ``[line, after)`` in the file."""

    directive: Directive
    line: int
    after: int
    words: bytes  # of the directive, on one line
    kind: str  # "if", "else" or "endif" of a shard's guard, else ""
    symbol: str = ""  # of the shard, where a guard opens


@dataclass(frozen=True, slots=True)
class _Script:
    """A layout file as flattening reads it: what is between the steps is copied as it is."""

    text: bytes
    steps: tuple[_Step, ...]
    unclosed: tuple[tuple[int, str], ...]  # guards without an end: where, and whose
    is_guarded: bool


@remembered
def _script_of(raw: bytes) -> _Script:
    """The script of a layout file, which each unit takes in as often as it likes."""
    text = blank_include_choices(raw)
    directives = directives_of(text)
    steps: list[_Step] = []
    parted = b"MG_ONLY_" in text  # what it holds is looked for between two directives
    stack: list[tuple[str, int]] = []  # the shard of each open condition, "" if it is none of ours
    after = 0
    for directive in directives:
        line = max(text.rfind(b"\n", 0, directive.start) + 1, after)
        after = _after_line(text, directive)
        words = text[directive.start : directive.end]
        if b"\\" in words:
            words = _SPLICES.sub(b" ", words)
        kind, symbol = "", ""
        if directive.name in ("if", "ifdef", "ifndef"):
            found = _SHARD_TEST.match(words)
            symbol = (found[1] or found[2]).decode() if found else ""
            kind = "if" if symbol else ""
            stack.append((symbol, after))
        elif directive.name in ("else", "elif", "elifdef", "elifndef") and stack and stack[-1][0]:
            kind = "else"
        elif directive.name == "endif" and stack:
            kind = "endif" if stack.pop()[0] else ""
        if kind or parted or _is_step(directive.name, words):
            steps.append(_Step(directive, line, after, words, kind, symbol))
    unclosed = tuple((start, symbol) for symbol, start in stack if symbol)
    return _Script(text, tuple(steps), unclosed, is_guarded(text))


def _is_step(name: str, words: bytes) -> bool:
    """Whether a directive is more to flattening than text to copy."""
    is_once = name == "pragma" and b"once" in words
    ours = b"MG_" in words or _RENAMED.match(words) is not None
    return name == "include" or is_once or _is_unknown(name) or ours


def _is_unknown(name: str) -> bool:
    """Whether a directive is none of the language's; a `#` alone is one, which does nothing."""
    return name != "" and name not in _WORDS


def _take_in(state: _FlattenState, path: str) -> None:
    script = _script_of(state.files[path].text)
    text = script.text
    if path in state.once:
        return
    if state.taken.count(path) > 50:
        state.problems.append((path, 0, "includes itself without a guard"))
        return
    if path in state.taken and not script.is_guarded:
        state.problems.append((path, 0, "is included twice by one unit, and has no include guard"))
    state.taken.append(path)
    stack: list[_FlatGuard] = []
    at = 0
    live = True
    for step in script.steps:
        directive, line, after = step.directive, step.line, step.after
        if live:
            _copy(state, text, at, line, path)
        at = after
        if step.kind == "if":
            active = state.everything or step.symbol in state.defined
            stack.append(_FlatGuard(step.symbol, active, live, after, state.length))
            live = live and active
            continue
        if step.kind == "else":
            stack[-1].in_else = True
            stack[-1].end = line
            stack[-1].flat_end = state.length
            stack[-1].otherwise_start = after
            live = stack[-1].outer and not stack[-1].active
            continue
        if step.kind == "endif":
            guard = stack.pop()
            if not guard.in_else:
                guard.end, guard.flat_end, guard.otherwise_start = line, state.length, line
            _close_region(state, guard, path, text[guard.otherwise_start : line])
            live = guard.outer
            continue
        if not live:
            continue
        if _is_unknown(directive.name):
            state.problems.append((path, directive.start, f"#{directive.name} is no directive"))
        meaning = _meaning(directive.name, step.words)
        if not _handled(state, directive, meaning, path):
            _copy(state, text, line, after, path, meaning.macro)
    if live:
        _copy(state, text, at, len(text), path)
    for start, symbol in script.unclosed:
        state.problems.append((path, start, f"#if defined({symbol}) without #endif"))


_SPLICES = re.compile(rb"\\[ \t]*\r?\n")


def _after_line(text: bytes, directive: Directive) -> int:
    newline = text.find(b"\n", directive.end)
    return len(text) if newline < 0 else newline + 1


class _Meaning(NamedTuple):
    """What a directive's words are to flattening; of a directive of the monolith's own all is empty."""

    once: bool = False
    included: str | None = None
    is_followed: bool = False  # whether text stands behind the include
    renamed: str = ""
    defined: str = ""
    value: bytes = b""
    is_glue: bool = True  # whether a definition is one that glue makes
    undefined: str = ""
    macro: str = ""  # that any definition is of


# Each unit takes the same headers in, which may have thousands of directives.
@lru_cache(maxsize=1 << 16)
def _meaning(name: str, words: bytes) -> _Meaning:
    if name == "pragma":
        return _Meaning(once=words.split()[1:] == [b"once"])
    if name == "include" and (found := _INCLUDE.match(words)) is not None:
        spelled = found[1].decode("utf-8", "surrogateescape")
        behind = _COMMENTS.sub(b"", words[found.end() :]).strip()
        return _Meaning(included=spelled, is_followed=bool(behind))
    if name == "define":
        if (given := _RENAMED.match(words)) is not None:
            return _Meaning(renamed=given[1].decode())
        macro = b"".join(words.split(None, 2)[1:2]).partition(b"(")[0].decode("utf-8", "replace")
        if (found := _DEFINE.match(words)) is None:
            return _Meaning(macro=macro)
        is_glue = _GLUE_DEFINE.match(_COMMENTS.sub(b"", words)) is not None
        return _Meaning(defined=found[1].decode(), value=found[3].strip(), is_glue=is_glue, macro=macro)
    if name == "undef" and (last := words.split()[-1]).startswith(b"MG_"):
        return _Meaning(undefined=last.decode())
    return _Meaning()


def _handled(state: _FlattenState, directive: Directive, meaning: _Meaning, path: str) -> bool:
    """Whether a directive is the layout's own and therefore leaves no text."""
    if meaning.once:
        state.once.add(path)
        return True
    if meaning.included is not None:
        target = None if state.alone else included(meaning.included, path, state.files, state.roots)
        if target is None:
            return False
        if meaning.is_followed:
            state.problems.append((path, directive.start, "text behind an include"))
        _take_in(state, target)
        return True
    if meaning.renamed:
        state.renamed.add(meaning.renamed)
        return True
    if meaning.defined:
        if not meaning.is_glue:
            state.problems.append((path, directive.start, "no definition that glue makes"))
        state.defined[meaning.defined] = meaning.value
        return True
    if meaning.undefined:
        state.defined.pop(meaning.undefined, None)
        return True
    return False


def included(name: str, path: str, known: Container[str], roots: Sequence[str] = ()) -> str | None:
    """The path among ``known`` that ``#include "name"`` in the file ``path`` means; None for another."""
    beside = _beside(path, name)
    if beside in known:
        return beside
    candidates = (_joined(folder, name) for folder in roots)
    return next((candidate for candidate in candidates if candidate in known), None)


@lru_cache(maxsize=1 << 16)
def _beside(path: str, name: str) -> str:
    return _joined(posixpath.dirname(path), name)


def _joined(folder: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(folder, name))


# Each unit closes the same regions, most of which leave the others nothing.
@lru_cache(maxsize=1 << 10)
def _words_of(text: bytes) -> str:
    code = re.sub(rb"//[^\n]*", b"", text)
    return " ".join(re.findall(r"\w+|\S", code.decode("utf-8", "replace")))


def _close_region(state: _FlattenState, guard: _FlatGuard, path: str, otherwise: bytes) -> None:
    if guard.active and guard.outer:
        region = FlatRegion(path, guard.start, guard.end, guard.symbol, _words_of(otherwise))
        state.regions.append((region, guard.flat_start, guard.flat_end))


def _copy(state: _FlattenState, text: bytes, start: int, end: int, path: str, macro: str = "") -> None:
    """Copy a stretch, opening or dropping what ``MG_ONLY_*`` holds.

    What it holds in the body of ``macro`` stays: there it means nothing until a unit uses the macro, and a
    macro at file scope is compared with the monolith's. Only the regions say which unit has which arm.
    """
    at = start
    for found in _ONLY.finditer(text, start, end) if text.find(b"MG_ONLY_", start, end) >= 0 else ():
        _copy_plain(state, text, at, found.start(), path)
        at = found.end()
        name = found[1].decode()
        if found[1] != found[3]:
            state.problems.append((path, found.start(), f"{name}( is not closed by its own end"))
        if not state.everything and name not in state.defined:
            problem = (path, found.start(), f"{name} is not defined in this unit")
            state.unarmed.setdefault(macro, []).append(problem)
        in_force = state.everything or state.defined.get(name) == b"__VA_ARGS__"
        flat = state.length
        if in_force or macro:
            _copy_plain(state, text, found.start(2), found.end(2), path)
        if in_force:
            symbol = name.replace("MG_ONLY_", "MG_SHARD_")
            region = FlatRegion(path, found.start(2), found.end(2), symbol)
            state.regions.append((region, flat, state.length))
    _copy_plain(state, text, at, end, path)


def _unarmed_in_use(state: _FlattenState, source: Source) -> list[tuple[str, int, str]]:
    """What ``MG_ONLY_*`` holds in a unit that does not define it, where the unit can come to it."""
    lexed, environment = source.lexed, environment_of(source)
    code = {lexed.word(n) for n in range(len(lexed)) if lexed.directive_of[n] < 0}
    reached = environment.closure(code, len(source.text)) | {""}
    return [problem for macro, problems in state.unarmed.items() if macro in reached for problem in problems]


def _copy_plain(state: _FlattenState, text: bytes, start: int, end: int, path: str) -> None:
    at = start
    if text.find(b"MG_", start, end) < 0:  # most text by far
        state.emit(text[start:end], path, start)
        return
    for found in _NAMESPACE.finditer(text, start, end):
        state.emit(text[at : found.start()], path, at)
        state.emit(state.defined.get("MG_NS", b"MG_NS"), path, found.start())
        at = found.end()
    state.emit(text[at:end], path, at)
    unclosed = text.find(b"MG_ONLY_", start, end)
    if unclosed >= 0:
        state.problems.append((path, unclosed, "MG_ONLY_ without its end"))


def is_guarded(text: bytes) -> bool:
    """Whether a header may be included twice: ``#pragma once``, or #ifndef and #define of one name first."""
    directives = directives_of(text)
    for directive in directives:
        if directive.name == "pragma" and text[directive.start : directive.end].split()[1:] == [b"once"]:
            return True
    if len(directives) < 3 or directives[0].name != "ifndef" or directives[1].name != "define":
        return False
    names = [text[d.start : d.end].split()[-1:] for d in directives[:2]]
    return names[0] == names[1] and directives[-1].name == "endif"
