"""Same program, without a compiler: what a layout's units define, against what the monolith defined.

Works on items and tokens (``core.source``); nothing is guessed where tokens can't tell (types, overload
resolution): that is what the compiled comparison is for (``core.symbols``). Each finding names the check that
made it; ``findings.PROGRAM_CODES`` lists them all.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache

from mergeguard.cpp.declaration import Declaration, Identity
from mergeguard.cpp.definitions import definitions, same_tokens, without_static
from mergeguard.cpp.environment import environment_of
from mergeguard.cpp.lexer import SPLICE
from mergeguard.cpp.source import Item, Kind, Source, nested, parse
from mergeguard.cpp.text import line_of
from mergeguard.findings import PROGRAM_CODES, Finding, Severity, in_tree
from mergeguard.lens.buildlists import mentions
from mergeguard.lens.glue import asked_for
from mergeguard.values import dataclass
from mergeguard.verify import thin
from mergeguard.verify.dispatching import ELSEWHERE, check_arms
from mergeguard.verify.flatten import LayoutText, flatten, has_guards, is_guarded
from mergeguard.verify.incommon import UnitDeclarations
from mergeguard.verify.initialisation import disordered
from mergeguard.verify.linkage import LinkClash, Program, clashes, divided, doubled, folded
from mergeguard.verify.standard import is_of_the_language

# Whatever else a verdict rests on; where a place can be named, a finding of ``assumed`` does.
TAKEN_FOR_GRANTED = "overloads and types resolve alike, and macros of headers outside the layout are the same"


@dataclass(frozen=True, slots=True)
class BuildFile:
    """A build file before the split (listing the monolith) and after it."""

    path: str
    before: bytes
    after: bytes


_LINKAGE = re.compile(rb'"C(?:\+\+)?"')
# What they mean is decided where they are used.
_DIRECTIVES = frozenset({Kind.PRAGMA, Kind.MACRO, Kind.UNDEF})


def compare(
    path: str,
    monolith: bytes,
    files: Sequence[LayoutText],
    build: Sequence[BuildFile] = (),
    roots: Sequence[str] = (),
) -> tuple[Finding, ...]:
    """Every way in which the layout ``files`` is not the program that ``monolith`` (at ``path``) is.

    Empty, or notes only: the same program as far as tokens can tell. ``roots`` are folders that quoted
    includes are also looked for in; layouts of a rule need none.
    """
    return tuple(dict.fromkeys((*proof(path, monolith, files, roots), *listing(path, files, build))))


def proof(
    path: str, monolith: bytes, files: Sequence[LayoutText], roots: Sequence[str] = ()
) -> tuple[Finding, ...]:
    """As ``compare``, without a look at build files: it depends on the texts alone."""
    if not thin.is_thin(files):
        return _Comparison(path, monolith, files, roots).findings()
    comparison = _Comparison(path, monolith, thin.whole(files), roots)
    found = list(comparison.findings())
    comparison.found, comparison.files = list(_not_apart(files, roots)), {file.path: file for file in files}
    for check, message, where, offset, item in thin.check_choices(comparison.before, files, roots):
        comparison.report(check, message, path=where, offset=offset, item=item)
    return tuple(dict.fromkeys((*found, *comparison.found)))


def _not_apart(files: Sequence[LayoutText], roots: Sequence[str]) -> Iterator[Finding]:
    """The launch functions of a thin layout that no namespace keeps apart."""
    if not any(_LINKAGE.search(SPLICE.sub(b"", file.text)) for file in files):
        return  # nothing says that its names are C's
    program = Program.of(files, roots)
    texts = {file.path: file.text for file in files}
    for clash in doubled(program, lambda one: len(texts)):
        if clash.one.spaced and program.has_c_linkage(clash.one):
            path, offset = program.units[clash.one.index].place(clash.one.item.code_start)
            line = line_of(texts[path], offset)
            yield in_tree(clash.check, clash.severity, clash.message, path, line, clash.one.plain)


def listing(path: str, files: Sequence[LayoutText], build: Sequence[BuildFile]) -> Iterator[Finding]:
    """The units that build files do not list as often as they listed the monolith at ``path``."""
    units = [file.path for file in files if file.is_unit]
    for file in build:
        lists = {unit: mentions(file.path, file.after, unit) for unit in units}
        wanted, which = mentions(file.path, file.before, path), "the monolith"
        if not wanted:  # where shards are listed, the entry has been
            wanted, which = max((lists[unit] for unit in lists if unit != path), default=0), "others"
        for unit, listed in lists.items():
            if wanted and listed != wanted:
                message = f"{unit} is listed {listed} times, {which} {wanted}"
                yield in_tree("build list", Severity.ERROR, message, file.path)


def check_units(
    files: Sequence[LayoutText], roots: Sequence[str] = (), *, relocatable: bool = False
) -> tuple[Finding, ...]:
    """What is wrong with the units among ``files`` without a monolith to compare with: ``verify.linkage``.

    ``relocatable``: whether the build links device code, so that ``__device__`` functions have symbols.
    """
    program = Program.of(files, roots, relocatable=relocatable)
    texts = {file.path: file.text for file in files}
    found: list[Finding] = []
    for clash in clashes(program):
        path, offset = program.units[clash.one.index].place(clash.one.item.code_start)
        line = line_of(texts[path], offset)
        found.append(in_tree(clash.check, clash.severity, clash.message, path, line, clash.one.plain))
    return tuple(found)


def unusable(files: Sequence[LayoutText]) -> tuple[Finding, ...]:
    """Why a layout that was just derived can't become a program at all: for a split to refuse."""
    program = Program.of(files)
    texts = {file.path: file.text for file in files}
    found = list(_not_the_language(program))
    for clash in doubled(program, lambda one: len(texts)):
        path, offset = program.units[clash.one.index].place(clash.one.item.code_start)
        line = line_of(texts[path], offset)
        found.append(in_tree(clash.check, clash.severity, clash.message, path, line, clash.one.plain))
    return tuple(found)


def never_called(monolith: bytes, files: Sequence[LayoutText]) -> Iterator[tuple[str, str, int, str]]:
    """The arms that the entry does not send their values to: (path, message, offset there, function)."""
    if thin.is_thin(files):
        problems = thin.wrong_choices(files)
    else:
        units = [flatten(file.path, files) for file in files if file.is_unit]
        opened = [flatten(unit.path, files, everything=True) for unit in units]
        problems = check_arms(parse(monolith), files, units, opened)
    for check, message, path, offset, item in problems:
        if check == "dispatch" and ELSEWHERE in message and offset is not None:
            yield path, message, offset, item


def _not_the_language(program: Program) -> Iterator[Finding]:
    for unit in program.units:
        if unit.path.endswith(".c") and program.spaces:
            message = "a C file has no namespaces, and shards of a partition need them; a [[deal]] does not"
            yield in_tree("language", Severity.ERROR, message, unit.path)


class _Comparison:
    def __init__(
        self,
        path: str,
        monolith: bytes,
        files: Sequence[LayoutText],
        roots: Sequence[str],
    ) -> None:
        self.path = path
        self.files = {file.path: file for file in files}
        self.before = parse(monolith, calls_end=True)
        self.environment = environment_of(self.before)
        self.originals = definitions(self.before)
        self.own_names = {one.short for one in self.originals}
        self.plain_names = {one.plain for one in self.originals}
        self.times = Counter(one.identity for one in self.originals)  # that the monolith has each
        self.program = Program.of(files, roots)
        self.units = self.program.units
        # The body as the monolith has it: the guards of all shards open at once.
        self.open, self.whole = list(self.units), self.program.every
        if has_guards(files):
            self.open = [flatten(unit.path, files, everything=True, roots=roots) for unit in self.units]
            self.whole = UnitDeclarations.by(self.open, self.program.spaces)
        self.asked = {
            posixpath.normpath(posixpath.join(posixpath.dirname(file.path), name))
            for file in files
            for name in asked_for(file.text)
        }
        self.found: list[Finding] = []
        self.spaces: dict[int, Mapping[str, int]] = {}

    def report(
        self,
        check: str,
        message: str,
        definition: Declaration | None = None,
        *,
        path: str = "",
        offset: int | None = None,
        severity: Severity = Severity.ERROR,
        item: str = "",
    ) -> None:
        assert check in PROGRAM_CODES
        if definition is not None:
            item = item or definition.plain
            if definition.index >= 0:
                path, offset = self.units[definition.index].place(definition.item.code_start)
            else:
                path, offset = self.path, definition.item.code_start
        text = self.files[path].text if path in self.files else None
        if definition is not None and definition.index < 0:
            text = self.before.text
        line = line_of(text, offset) if text is not None and offset is not None else None
        self.found.append(in_tree(check, severity, message, path or self.path, line, item))

    def report_clash(self, clash: LinkClash) -> None:
        self.report(clash.check, clash.message, clash.one, severity=clash.severity)

    def findings(self) -> tuple[Finding, ...]:
        self.check_files()
        if not self.units:
            self.report("lost", "the layout has no translation unit")
            return tuple(self.found)
        self.check_includes()
        self.check_definitions()
        for clash in doubled(self.program, self.before_count):
            self.report_clash(clash)
        self.check_visibility()
        self.check_assumed_linkage()
        for clash in (*folded(self.program), *divided(self.program)):
            self.report_clash(clash)
        if not self.path.endswith(".c"):  # what C initialises from is constant
            for check, late, message in disordered(self.originals, self.program.parts):
                self.report(check, message, late)
        self.check_environment()
        for check, message, path, offset, item in check_arms(
            self.before, list(self.files.values()), self.units, self.open
        ):
            severity = Severity.NOTE if check == "assumed" else Severity.ERROR
            self.report(check, message, path=path, offset=offset, item=item, severity=severity)
        return tuple(dict.fromkeys(self.found))

    # -- files -------------------------------------------------------------------------------------

    def check_files(self) -> None:
        for file in self.files.values():
            if not file.is_unit and not is_guarded(file.text):
                self.report("header guard", "the header has no include guard", path=file.path, offset=0)
            taken = any(file.path in unit.files for unit in self.units)
            if not taken:
                self.report("lost", "no unit takes this file in", path=file.path, offset=0)
        for unit in (*self.units, *self.open):
            for path, offset, message in unit.problems:
                self.report("glue", message, path=path, offset=offset)
            for offset, message in unit.source.problems:
                path, there = unit.place(offset)
                self.report("unreadable", message, path=path, offset=there)
        self.found += _not_the_language(self.program)

    def check_includes(self) -> None:
        wanted = [self.include(item, self.path) for item in self.before.items if item.kind is Kind.INCLUDE]
        meant: dict[tuple[str, tuple[str, ...]], list[int]] = defaultdict(list)
        for number, (spelled, resolved, condition) in enumerate(wanted):
            for name in {spelled, resolved}:
                meant[name, condition].append(number)
        seen: set[int] = set()
        enclosed = {item.name for item in enclosed_includes(self.before)}
        for unit in self.units:
            for item in enclosed_includes(unit.source):
                if item.name not in enclosed:
                    path, offset = unit.place(item.code_start)
                    message = f"{item.name} is taken in inside a namespace here"
                    self.report("include", message, path=path, offset=offset, item=item.name)
            order: list[int] = []
            for item in unit.source.items:
                if item.kind is not Kind.INCLUDE:
                    continue
                path, offset = unit.place(item.code_start)
                mine = self.include(item, path)
                near = {n for name in mine[:2] for n in meant.get((name, mine[2]), ())}
                matches = sorted(n for n in near if self.same_include(mine, wanted[n]))
                if not matches:
                    message = f"the monolith has no include that means {item.name} from here"
                    self.report("include", message, path=path, offset=offset, item=item.name)
                    continue
                seen.update(matches)
                # One header can be included twice: it counts as the occurrence that keeps the order.
                last = order[-1] if order else 0
                order.append(next((n for n in matches if n >= last), matches[0]))
            pairs = zip(order, order[1:], strict=False)
            late = next((b for a, b in pairs if b < a and not is_of_the_language(wanted[b][0])), None)
            if late is not None:
                self.report(
                    "include order", f"{wanted[late][0]} comes later than in the monolith", path=unit.path
                )
        for number, (spelled, _, condition) in enumerate(wanted):
            if number not in seen:
                under = f" under {' and '.join(condition)}" if condition else ""
                self.report("include", f"no unit includes {spelled}{under}", path=self.path, item=spelled)

    @staticmethod
    def include(item: Item, path: str) -> tuple[str, str, tuple[str, ...]]:
        """How an include is spelled, what it means beside ``path``, and under which conditions."""
        spelled = item.name
        resolved = spelled
        if spelled.startswith('"'):
            resolved = posixpath.normpath(posixpath.join(posixpath.dirname(path), spelled.strip('"')))
        return spelled, resolved, item.key.condition

    def same_include(
        self, mine: tuple[str, str, tuple[str, ...]], other: tuple[str, str, tuple[str, ...]]
    ) -> bool:
        if mine[2] != other[2]:
            return False
        # A path with dots means what it means beside its file; a plain one may be found by -I, and so may one
        # of which the layout has asked first whether it is there.
        dotted = mine[0].startswith(('"./', '"../'))
        return mine[1] == other[1] or (mine[0] == other[0] and (not dotted or other[1] in self.asked))

    # -- definitions -------------------------------------------------------------------------------

    def check_definitions(self) -> None:
        made_elsewhere = {one.identity for one in self.originals if one.is_made_elsewhere}
        occurrences: dict[Identity, list[Declaration]] = defaultdict(list)
        for one in self.whole:
            glued = one.is_made_elsewhere and one.identity not in made_elsewhere
            declared = one.kind is Kind.VARIABLE and not one.is_definition and self.program.is_shared(one)
            if not self.program.is_dispatch(one) and not glued and not declared:
                occurrences[one.identity].append(one)
        texts: dict[Identity, list[tuple[str, ...]]] = defaultdict(list)
        for original in self.originals:
            texts[original.identity].append(original.tokens)
        # Units take one text in together: what counts is where it stands.
        homes = {
            identity: len({self.open[one.index].place(one.item.code_start) for one in here})
            for identity, here in occurrences.items()
        }
        for original in self.originals:
            if homes.get(original.identity, 0) < self.times[original.identity]:
                self.report("lost", self.lost_message(original), original)
        for identity, here in occurrences.items():
            known = dict.fromkeys(texts[identity]) if identity in texts else None
            for one in here:
                shared = self.program.is_shared(one)
                if known is None:
                    self.report_added(one)
                elif shared and any(without_static(text) == one.tokens for text in known):
                    if one.spaced and self.program.has_c_linkage(one):
                        self.report("added", "it has C linkage: other files know it by its bare name", one)
                elif one.tokens not in known and not any(same_tokens(text, one.tokens) for text in known):
                    self.report("changed", "its tokens are not the monolith's", one)

    def lost_message(self, original: Declaration) -> str:
        what = {
            Kind.INSTANTIATION: f"instantiation <{original.item.arguments}>",
            Kind.DECLARATION: "declaration",
            Kind.KERNEL: "kernel",
            Kind.PRAGMA: "pragma",
            Kind.MACRO: "macro",
            Kind.UNDEF: "#undef",
        }.get(original.item.kind, "definition")
        if original.is_registration:
            what = "registration"
        return f"this {what} is in no unit of the layout"

    def report_added(self, one: Declaration) -> None:
        if one.item.kind is Kind.PRAGMA or one.spaced and one.item.kind is Kind.DECLARATION:
            return
        if one.item.kind is Kind.DECLARATION and one.plain in self.plain_names:
            return  # a forward declaration of something that is there
        if one.item.kind is Kind.INSTANTIATION:
            text = f"instantiation <{one.item.arguments}> is not in the monolith"
            self.report("added", text, one, severity=Severity.NOTE)
            return
        self.report("added", "the monolith has no such definition", one)

    def check_visibility(self) -> None:
        by_identity: dict[Identity, list[Declaration]] = defaultdict(list)
        for one in self.program.parts:
            by_identity[one.identity].append(one)
        in_sight: dict[Identity, tuple[list[Declaration], bool]] = {}
        for original in self.originals:
            if not original.must_be_once or original.is_registration:
                continue
            if {"device", "global"} & original.item.flags:
                continue
            identity = original.identity
            if identity not in in_sight:  # of one identity there may be thousands
                here = [d for d in by_identity.get(identity, ()) if not d.spaced]
                in_sight[identity] = here, any(d.must_be_once for d in here)
            here, is_kept = in_sight[identity]
            if identity in by_identity and not here:
                self.report("lost", "only shards have it, under names of their own", original)
            elif here and not is_kept:
                word = "static" if all(d.is_internal for d in here) else "inline"
                severity = Severity.NOTE if word == "inline" else Severity.WARNING
                text = f"{word} now: a file elsewhere that declares it for itself will not link"
                if word == "static" or original.item.kind is not Kind.VARIABLE:
                    self.report("visibility", text, here[0], severity=severity)

    def check_assumed_linkage(self) -> None:
        """Macros of other headers before a function that shards define: each may say ``extern "C"``."""
        for index, own in enumerate(self.program.parts.own):
            known = self.program.environments[index].names
            for one in own:
                if not one.spaced or not one.must_be_once or one.item.kind is not Kind.FUNCTION:
                    continue
                unknown = [w for w in one.head if w.isidentifier() and w.isupper() and w not in known]
                if unknown:
                    text = f'that {", ".join(unknown)}, which nothing here defines, does not say extern "C"'
                    self.report("assumed", text, one, severity=Severity.NOTE)

    def before_count(self, one: Declaration) -> int:
        return self.times[one.identity]

    # -- macros and names in force -----------------------------------------------------------------

    def check_environment(self) -> None:
        special = specialisations(self.originals)
        providers = first_places(self.originals)
        originals: dict[Identity, Declaration] = {}
        for original in self.originals:
            originals.setdefault(original.identity, original)
        mine: list[Mapping[str, int]] = []
        for index, own in enumerate(self.program.parts.own):
            before, until = self.program.parts.repeated[index]
            known_before = {name: at for name, at in mine[before].items() if at < until} if until else {}
            mine.append(first_places(own, known_before))
            macros = self.environment.names | self.program.environments[index].names
            mine_special = specialisations(self.program.parts.of(index)) if special else {}
            for one in own:
                known = originals.get(one.identity)
                if known is None or one.item.kind in _DIRECTIVES or self.program.is_dispatch(one):
                    continue
                words: Set[str] = frozenset(one.tokens)
                if not (macros.isdisjoint(words) and macros.isdisjoint(one.condition_words)):
                    self.check_macros(one, known)
                    words = self.environment.closure(words, known.item.code_start)
                self.check_names(one, known, words, providers, mine[index])
                if "::" in words:
                    self.check_spaces(one, known, index)
                if special:
                    self.check_specialisations(one, known, words, special, mine_special)

    def check_macros(self, one: Declaration, known: Declaration) -> None:
        words = [*one.tokens, *one.condition_words]
        before = self.environment.at(words, known.item.code_start)
        now = self.program.environments[one.index].at(words, one.item.code_start)
        for name in sorted({*before, *now}):
            if before.get(name) != now.get(name) and not self.begins_anew(name, known):
                text = f"macro {name} is not what it is in the monolith here"
                if name not in now:
                    text = f"macro {name} is not defined here, in the monolith it is"
                elif name not in before:
                    text = f"macro {name} is defined here, in the monolith it is not"
                self.report("environment", text, one)

    def begins_anew(self, name: str, known: Declaration) -> bool:
        """Whether a definition defines a macro itself, so that what it was before does not matter to it."""
        item = known.item
        return name not in known.condition_words and self.environment.begins_anew(
            name, item.code_start, item.code_end
        )

    def check_names(
        self,
        one: Declaration,
        known: Declaration,
        words: Set[str],
        providers: Mapping[str, int],
        mine: Mapping[str, int],
    ) -> None:
        missing = sorted(
            word
            for word in providers.keys() & words
            if word != one.short
            and providers[word] < known.item.code_start
            and mine.get(word, one.item.code_start + 1) > one.item.code_start
            and not self.begins_anew(word, known)
        )
        if missing:
            self.report("self-contained", f"{', '.join(missing)} not declared before it here", one)

    def check_spaces(self, one: Declaration, known: Declaration, index: int) -> None:
        """`a::f` needs `namespace a` before it, if that is where the monolith has `f`.

        What the monolith does not define is another header's, which has its namespace, too.
        """
        wanted, mine = self.spaces_before(-1), self.spaces_before(index)
        asked = {space for space, name in _qualified(one.tokens) if name in self.own_names or name in wanted}
        missing = sorted(
            name
            for name in asked & wanted.keys()
            if wanted[name] < known.item.code_start
            and mine.get(name, one.item.code_start) >= one.item.code_start
        )
        if missing:
            self.report(
                "self-contained", f"namespace {', '.join(missing)} does not stand before it here", one
            )

    def spaces_before(self, index: int) -> Mapping[str, int]:
        """Where the monolith (-1) or a unit first has each namespace."""
        if index not in self.spaces:
            found: dict[str, int] = {}
            waiting = list((self.before if index < 0 else self.units[index].source).items)
            source = self.before if index < 0 else self.units[index].source
            while waiting:
                item = waiting.pop()
                if item.kind is Kind.NAMESPACE:
                    waiting += nested(source, item)
                    for part in item.name.split("::"):
                        found[part] = min(found.get(part, item.code_start), item.code_start)
            self.spaces[index] = found
        return self.spaces[index]

    def check_specialisations(
        self,
        one: Declaration,
        known: Declaration,
        words: Set[str],
        special: Mapping[str, Mapping[Identity, int]],
        mine: Mapping[str, Mapping[Identity, int]],
    ) -> None:
        """A unit that does not see a specialisation where it uses the template takes the general text."""
        for word in sorted(special.keys() & words - {one.short}):
            here = mine.get(word, {})
            for identity, at in special[word].items():
                seen = here.get(identity, one.item.code_start) < one.item.code_start
                if at < known.item.code_start and not seen:
                    text = f"the specialisation {word}<{identity[2]}> does not stand before it here"
                    self.report("self-contained", text, one)


def first_places(parts: Iterable[Declaration], before: Mapping[str, int] | None = None) -> dict[str, int]:
    """For each name that is declared at file scope, where it is first; ``before`` are those that stand there
    before all of ``parts``."""
    found = dict(before or ())
    for one in parts:
        if one.item.kind in (Kind.PRAGMA, Kind.OPAQUE, Kind.INSTANTIATION) or not one.short:
            continue
        if one.item.key.arguments or one.owners:
            continue  # a specialisation, or a member outside of its class, declares nothing new
        if one.short in ("static_assert", "_Static_assert"):
            continue
        found[one.short] = min(found.get(one.short, one.item.code_start), one.item.code_start)
    return found


@lru_cache(maxsize=4096)
def _qualified(tokens: tuple[str, ...]) -> frozenset[tuple[str, str]]:
    """Each ``a::f`` among tokens, as (a, f). (Units share most definitions.)"""
    following = zip(tokens, tokens[1:], tokens[2:], strict=False)
    return frozenset((a, name) for a, between, name in following if between == "::")


def enclosed_includes(source: Source) -> Iterator[Item]:
    """The includes that stand inside a namespace."""
    pending = [item for item in source.items if item.kind is Kind.NAMESPACE]
    while pending:
        for item in nested(source, pending.pop(), calls_end=True):
            if item.kind is Kind.INCLUDE:
                yield item
            elif item.kind is Kind.NAMESPACE:
                pending.append(item)


def specialisations(parts: Iterable[Declaration]) -> dict[str, dict[Identity, int]]:
    """For each template's name, its explicit specialisations and where each stands first."""
    found: dict[str, dict[Identity, int]] = defaultdict(dict)
    for one in parts:
        if "specialization" in one.item.flags:
            # A declaration of it will do: the kind, which the identity begins with, does not matter.
            found[one.short].setdefault(("", *one.identity[1:]), one.item.code_start)
    return found


def inlined(findings: Iterable[Finding]) -> frozenset[str]:
    """The functions that findings say became ``inline``: a compiler may emit none of them."""
    notes = (f for f in findings if f.code == "visibility" and f.severity is Severity.NOTE)
    return frozenset(finding.name.rpartition("::")[2] for finding in notes)


def bare(files: Sequence[LayoutText]) -> frozenset[str]:
    """The units that define nothing by their text, so that an empty object is what they are to become."""
    program = Program.of(files)
    parts = program.parts

    def defines(unit: int) -> bool:
        return any(one.must_be_once or one.item.kind is Kind.INSTANTIATION for one in parts.of(unit))

    return frozenset(unit.path for number, unit in enumerate(program.units) if not defines(number))


def failures(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that fail a check: all but the notes."""
    return tuple(finding for finding in findings if finding.severity is not Severity.NOTE)
