"""split: a rule and a monolith in, the layout and its map out; see docs/lens.md.

An emission version pins the bytes: the same rule, monolith and version give the same layout for
ever. Golden files hold version 1; a change of any glue or placement is a new version, registered in
``EMISSIONS`` beside the old one.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from mergeguard.cpp.blocks import space_of, words_of
from mergeguard.cpp.branches import Arm
from mergeguard.cpp.environment import environment_of
from mergeguard.cpp.source import Item, ItemScope, Kind, Source, Unit, flattened, identifiers, line_of, parse
from mergeguard.cpp.source import code_tokens as token_texts
from mergeguard.errors import Location, RuleMismatch
from mergeguard.lens import glue, signature
from mergeguard.lens.agreement import choices
from mergeguard.lens.assign import assign, assigned
from mergeguard.lens.assignment import ENTRY, Assignment, DealtPartition, needed_headers
from mergeguard.lens.dealing import Declared
from mergeguard.lens.fitting import deal_arguments
from mergeguard.lens.layout import Glue, Layout, LayoutFile, Piece, Role
from mergeguard.lens.reading import monolith_source
from mergeguard.lens.rule import Instantiate, Rule
from mergeguard.lens.thin import ThinGlue, conditional
from mergeguard.lens.traits import walk
from mergeguard.values import dataclass

_BOM = b"\xef\xbb\xbf"


def _in_shard(scopes: tuple[ItemScope, ...]) -> tuple[ItemScope, ...]:
    """The blocks of a body's text, with the shard's namespace inside of them.

    So what the text does not define is found as it was, and what it defines by the names that it had. What
    is internal in its block needs no name of its own.
    """
    if any(scope.hidden for scope in scopes):
        return scopes
    path = "::".join(("", *filter(None, (space_of(scopes),)), "MG_NS")).encode("utf-8", "surrogateescape")
    return (*scopes, ItemScope(-1, "", b"namespace MG_NS {", b"}\nusing namespace %s;" % path))


def split(rule: Rule, name: str, path: str, text: bytes, emission: int | None = None) -> Layout:
    """The layout that ``rule`` (called ``name``) makes of the monolith ``text`` at ``path``.

    ``emission`` is a version of ``EMISSIONS``; without it the one of new layouts. Raises SourceError where
    the text can't be read as items (binary, unbalanced, unterminated), and RuleMismatch where the rule does
    not fit it.
    """
    version = EMISSIONS[emission or emission_of(rule)]
    source = monolith_source(rule, path, text, opens=version.opens)
    find = assigned if version.thin else assign
    assignment = find(rule, path, source, opens=version.opens)
    try:
        return _Emitter(rule, name, path, source, assignment).layout()
    except RuleMismatch as problem:
        if not version.thin or assignment.parted or not assignment.notes:
            raise
        message = f"{problem.message}; and {assignment.notes[-1]}"
        raise RuleMismatch(message, where=problem.where, hint=problem.hint) from problem


@dataclass(frozen=True, slots=True)
class Emission:
    """What a version knows: ``thin`` interfaces, rules that name what stands in blocks (``opens`` them)."""

    thin: bool
    opens: bool


EMISSIONS: Mapping[int, Emission] = {
    1: Emission(thin=False, opens=False),
    2: Emission(thin=True, opens=False),
    3: Emission(thin=True, opens=True),
}


def emission_of(rule: Rule) -> int:
    """The emission version of new layouts by a rule: the oldest that knows what the rule asks for."""
    if rule.is_qualified:
        return 3
    return 2 if rule.interface == "thin" else 1


def _asked(partition: DealtPartition) -> frozenset[str]:
    """The names in what a choice asks for, and in the labels of its arms."""
    branching = partition.branching
    texts = [branching.subject, *(label for arm in branching.arms for label in arm.labels)]
    return frozenset(re.findall(r"[A-Za-z_]\w*", " ".join(texts)))


class _Emitter:
    def __init__(self, rule: Rule, name: str, path: str, source: Source, assignment: Assignment) -> None:
        self.rule = rule
        self.name = name
        self.path = path
        self.source = source
        self.text = source.text
        self.assignment = assignment
        # As most lines end: an edit of one line should not change the glue of every file.
        self.newline = b"\r\n" if 2 * self.text.count(b"\r\n") > self.text.count(b"\n") else b"\n"
        self.folder = rule.folder(path)
        self.home_folder = posixpath.relpath(self.folder, posixpath.dirname(path) or ".")
        self.back = b"../" * (self.home_folder.count("/") + 1)
        self.notes = list(assignment.notes)
        # Glue that goes inside the monolith's text, by the monolith offset before which it stands.
        self.inside: dict[int, list[tuple[bytes, Glue]]] = defaultdict(list)
        # And the offset after which it stands: it stays with what it ends, wherever the next item goes.
        self.after: dict[int, list[tuple[bytes, Glue]]] = defaultdict(list)
        self._glue_sorted: tuple[int, list[int]] = (0, [])
        self.bodies = tuple(dict.fromkeys(p.rule.body for p in assignment.partitions))
        self.headers = tuple(
            m.to for m in rule.move if self._units(m.to) or m.needed and self.assignment.declared
        )
        self.headers += tuple(d.header for d in rule.deal)
        self.keeps: set[str] = set()
        self.thin: ThinGlue | None = None
        if assignment.parted:
            helpers = (self._namespace, self._shards_of, self._in_branches)
            self.thin = ThinGlue(source, rule, assignment, *helpers)

    # -- the files ---------------------------------------------------------------------------------

    def layout(self) -> Layout:
        for body in self.bodies:
            for item in self._items(body):
                if item.kind is Kind.INCLUDE:
                    raise self._mismatch(
                        item, f"an include can't go to {body}: its text stands in a namespace"
                    )
        for partition in self.assignment.partitions:
            self._guard_arms(partition)
        for home in (*self.headers, *self.bodies, *self.rule.shard_files()):
            self._rebase_includes(self._items(home))
        for home in self.headers:
            if self.assignment.qualified or any(deal.header == home for deal in self.rule.deal):
                self._linkage_of_dealt(home)
            else:
                self._linkage(self._items(home))
        files = [self._entry()]
        files += [
            self._header(to, before)
            for to, before in zip(self.headers, self._before(self.headers), strict=True)
        ]
        files += [self._body(body) for body in self.bodies]
        files += [
            self._declarations(to)
            for to in dict.fromkeys(p.rule.declarations for p in self.assignment.partitions)
        ]
        files += [shard for shard_file in self.rule.shard_files() if (shard := self._shard(shard_file))]
        return Layout(self.path, self.text, tuple(files), tuple(self.notes))

    def _entry(self) -> LayoutFile:
        pieces: list[Piece] = []
        includes = self._entry_includes()
        for number, (unit, home) in enumerate(zip(self.assignment.units, self.assignment.homes, strict=True)):
            start = unit.start
            if number == 0 and self.text.startswith(_BOM):
                pieces.append(Piece(_BOM, 0))
                start = len(_BOM)
            if lines := includes.pop(number, []):
                pieces.append(self._lines(lines, Glue.INCLUDE)._replace(anchor=(start, start)))
            if home == ENTRY:
                pieces += self._staying(unit, start)
                continue
            for partition in self.assignment.partitions:
                if any(item is partition.entry for item in unit.items):
                    pieces.append(
                        Piece(self._dispatch(partition), None, Glue.DISPATCH, (unit.start, unit.end))
                    )
        if self.thin is not None and (offers := self.thin.offers_at_end()):
            if not self.text.endswith(b"\n"):
                pieces.append(Piece(glue.line_end() + self.newline, None, Glue.GUARD))
            pieces.append(self._lines(offers, Glue.OFFER))
        return LayoutFile(self.path, Role.ENTRY, tuple(pieces))

    def _include_place(self) -> int:
        """The number of the unit before which the entry includes the layout: outside of any block."""
        return self._outside(next((n for n, home in enumerate(self.assignment.homes) if home != ENTRY), -1))

    def _outside(self, number: int) -> int:
        """The unit with which the outermost block around a unit begins; the unit itself if there is none."""
        units = self.assignment.units
        if number >= 0 and units[number].scopes:
            outermost = units[number].scopes[0].start
            return next(n for n, unit in enumerate(units) if unit.start <= outermost < unit.end)
        return number

    def _staying(self, unit: Unit, start: int) -> list[Piece]:
        """A unit of the entry, with glue in the place of what is dealt."""
        if self.thin is None:
            return self._slice(start, unit.end)
        pieces: list[Piece] = []
        at = start
        for item in unit.items:
            if offers := self.thin.offers(item):
                pieces += self._slice(at, item.start)
                at = item.start
                pieces.append(self._lines(offers, Glue.OFFER))
            for cut in self.thin.cuts(item):
                pieces += self._slice(at, cut.start)
                text = self.newline.join(self.thin.replacement(cut))
                # Whole lines of upstream's give way to whole lines.
                text += self.newline if self.text[: cut.end].endswith(b"\n") else b""
                pieces.append(Piece(text, None, Glue.DISPATCH, (cut.start, cut.end)))
                at = cut.end
        return [*pieces, *self._slice(at, unit.end)]

    def _header(self, to: str, before: tuple[str, ...]) -> LayoutFile:
        lines = [b"#pragma once", *(b'#include "%s"' % self._between(to, other) for other in before)]
        if self.thin is not None and not before:
            units = (u for home in (*self.headers, *self.bodies) for u in self._units(home))
            lines += self.thin.light_includes((unit.start, unit.end) for unit in units)
        return self._file(to, Role.HEADER, [self._lines(lines, Glue.PREAMBLE), *self._moved(to)])

    def _body(self, body: str) -> LayoutFile:
        lines = [
            b"#pragma once",
            *(b'#include "%s"' % self._between(body, header) for header in self.headers),
        ]
        thin = self.thin
        lines += thin.helper_declarations() if thin else []
        if self.assignment.qualified:
            pieces = [self._lines(lines, Glue.PREAMBLE), *self._moved(body), *self._dealt_text(body)]
            return self._file(body, Role.BODY, pieces)
        lines += [b"", b"namespace MG_NS {", *(thin.used_helpers() if thin else [])]
        pieces = [self._lines(lines, Glue.PREAMBLE), *self._moved(body), *self._dealt_text(body)]
        ending = [b"", b"}  // namespace MG_NS"]
        if not b"".join(p.text for p in pieces).endswith(b"\n"):
            ending.insert(0, b"")
        return self._file(body, Role.BODY, [*pieces, self._lines(ending, Glue.CLOSING)])

    def _dealt_text(self, body: str) -> Iterable[Piece]:
        """What host functions of the entry leave to the shards."""
        for parted in self.assignment.parted:
            function = parted.function
            cuts = [c for c in self.thin.cuts(function) if c.partition.rule.body == body] if self.thin else []
            wanted = self._inner_conditions(function)
            conditions = conditional(wanted, [])[: len(wanted)] if cuts else []
            blocks = self.assignment.scopes(function)
            blocks = _in_shard(blocks) if self.assignment.qualified and cuts else ()
            if blocks:
                yield self._lines(self._between_scopes((), blocks), Glue.SCOPE)
            if conditions:
                yield self._lines(conditions, Glue.PREAMBLE)
            for cut in cuts:
                assert self.thin is not None
                yield self._lines(self.thin.opening(cut), Glue.PREAMBLE)
                yield from self._slice(cut.start, cut.end)
                ending = self.thin.closing(cut)
                if not self.text[: cut.end].endswith(b"\n"):
                    ending.insert(0, b"")
                yield self._lines(ending, Glue.CLOSING)
            if conditions:
                yield self._lines([b"#endif"] * len(conditions), Glue.CLOSING)
            if blocks:
                yield self._lines(self._between_scopes(blocks, ()), Glue.SCOPE)

    def _declarations(self, to: str) -> LayoutFile:
        if self.thin is not None:
            return self._launch_declarations(self.thin, to)
        lines = [b"#pragma once"]
        partitions = [p for p in self.assignment.partitions if p.rule.declarations == to]
        used = frozenset[str]().union(
            *(
                signature.names(self.source, p.entry) | words_of(self.assignment.scopes(p.entry))
                for p in partitions
            )
        )
        lines += [
            b'#include "%s"' % self._between(to, h)
            for h in needed_headers(self.source, used, self.rule, self.assignment)
        ]
        for partition in partitions:
            lines.append(b"")
            declared = [
                line
                for shard in self._shards_of(partition)
                for line in (
                    b"namespace %s {" % self._namespace(shard),
                    *signature.declaration(self.source, partition.entry, defaults=False, end=b";"),
                    b"}",
                )
            ]
            lines += self._in_branches(partition.entry, declared)
        return self._file(to, Role.DECLARATIONS, [self._lines(lines, Glue.DECLARATION)])

    def _launch_declarations(self, thin: ThinGlue, to: str) -> LayoutFile:
        names = needed_headers(self.source, thin.used_names(to), self.rule, self.assignment)
        lines = [b"#pragma once", *(b'#include "%s"' % self._between(to, name) for name in names)]
        return self._file(
            to, Role.DECLARATIONS, [self._lines([*lines, *thin.declared(to)], Glue.DECLARATION)]
        )

    def _shard(self, shard: str) -> LayoutFile | None:
        bodies = [p.rule.body for p in self.assignment.partitions if shard in self._shards_of(p)]
        instantiations = [d for d in self.assignment.instantiations if d.shard == shard]
        added = [(i, a) for i in self.rule.instantiate for a in i.add if (self._deal_added(i, a)) == shard]
        dealt = [d.header for d in self.rule.deal if shard in {*d.shards, *self.rule.parts(d), d.rest}]
        if not bodies and not instantiations and not added and not dealt:
            return None
        lines: list[bytes] = []
        if bodies:
            lines.append(b"#define MG_SHARD_%s" % glue.symbol(shard).encode("utf-8", "surrogateescape"))
            lines.append(b"#define MG_NS %s" % self._namespace(shard))
            for other in self._keep_symbols():
                arguments = b" __VA_ARGS__" if other == glue.symbol(shard) else b""
                lines.append(
                    b"#define MG_ONLY_%s(...)%s" % (other.encode("utf-8", "surrogateescape"), arguments)
                )
        headers = [d.rule.header for d in instantiations] + [i.header for i, _ in added]
        lines += [
            b'#include "%s"' % self._between(shard, other)
            for other in dict.fromkeys([*dealt, *headers, *bodies])
        ]
        pieces = [self._lines(lines, Glue.PREAMBLE), *self._moved(shard)]
        if added:
            made = [line for i, a in added for line in self._added(i, a)]
            pieces.append(self._lines(made, Glue.INSTANTIATION))
        if self.thin is not None and (instances := self.thin.instantiations(shard)):
            pieces.append(self._lines(instances, Glue.INSTANTIATION))
        return self._file(shard, Role.SHARD, pieces)

    def _file(self, name: str, role: Role, pieces: Iterable[Piece]) -> LayoutFile:
        return LayoutFile(posixpath.join(self.folder, name), role, tuple(p for p in pieces if p.text))

    # -- the monolith's text -----------------------------------------------------------------------

    def _units(self, home: str) -> list[Unit]:
        return [u for u, h in zip(self.assignment.units, self.assignment.homes, strict=True) if h == home]

    def _items(self, home: str) -> list[Item]:
        return [item for unit in self._units(home) for item in unit.items]

    def _moved(self, home: str) -> list[Piece]:
        pieces: list[Piece] = []
        scopes: tuple[ItemScope, ...] = ()

        def enter(wanted: tuple[ItemScope, ...]) -> None:
            nonlocal scopes
            if pieces and (not pieces[-1].text.endswith(b"\n") or self._goes_on(pieces[-1].text)):
                # The monolith's last line has no line ending, or two items share a line.
                pieces.append(Piece(glue.line_end() + self.newline, None, Glue.GUARD))
            if scopes != wanted:
                pieces.append(self._lines(self._between_scopes(scopes, wanted), Glue.SCOPE))
            scopes = wanted

        spaced = self.assignment.qualified and home in self.bodies
        for part in self._parts(home):
            enter(_in_shard(part.scopes) if spaced else part.scopes)
            if isinstance(part, Declared):
                lines = self._declared(part)
                pieces.append(self._lines(lines, Glue.DECLARATION))
                continue
            start = part.start
            if start == 0 and self.text.startswith(_BOM):
                start = len(_BOM)
            pieces += self._slice(start, part.end)
        if scopes:
            enter(())
        return pieces

    def _goes_on(self, text: bytes) -> bool:
        """Whether a macro's last line ends in a continuation, so that it has the next line, too."""
        return bool(self.rule.deal) and text.rstrip(b"\r\n").endswith(b"\\")

    def _parts(self, home: str) -> list[Unit | Declared]:
        """What a file has in the monolith's order: units, and the declarations of a deal's header."""
        parts: list[Unit | Declared] = [*self._units(home)]
        if home == self._declaring():
            parts += self.assignment.declared
        return sorted(parts, key=lambda p: p.start if isinstance(p, Unit) else p.item.code_start)

    def _declaring(self) -> str | None:
        """The header that declares functions of other files: the one that has what units turn out to need."""
        headers = [deal.header for deal in self.rule.deal]
        return next(iter([*headers, *(move.to for move in self.rule.move if move.needed)]), None)

    def _declared(self, declared: Declared) -> list[bytes]:
        """A declaration of a function that another unit defines."""
        item = declared.item
        lines = signature.declaration(self.source, item, defaults=False, end=b";", named=False)
        text = lines[0] + b" ".join(line.strip() for line in lines[1:])
        if item.template_header is not None:
            text = signature.collapsed(self.source, *item.template_header) + b" " + text
        # The conditions of opened blocks come first in the path, and the header has opened them.
        conditions = item.condition[sum(scope.opening.startswith(b"#if") for scope in declared.scopes) :]
        return [glue.declaration(line) for line in conditional(conditions, [text])]

    def _between_scopes(self, before: tuple[ItemScope, ...], after: tuple[ItemScope, ...]) -> list[bytes]:
        """The lines that close the blocks of what came before and open those of what follows."""
        same = 0
        while same < min(len(before), len(after)) and before[same] == after[same]:
            same += 1
        lines = [line for scope in reversed(before[same:]) for line in scope.closing.split(b"\n")]
        lines += [line for scope in after[same:] for line in scope.opening.split(b"\n")]
        return [glue.scope_line(line) for line in lines]

    def _in_blocks(self, item: Item, lines: list[bytes]) -> list[bytes]:
        """Lines of glue in the opened blocks around an item, which are opened again."""
        scopes = self.assignment.scopes(item)
        return [*self._between_scopes((), scopes), *lines, *self._between_scopes(scopes, ())]

    def _in_branches(self, item: Item, lines: list[bytes]) -> list[bytes]:
        """Lines of glue under the conditions of an item, in the opened blocks around it."""
        return self._in_blocks(item, conditional(self._inner_conditions(item), lines))

    def _inner_conditions(self, item: Item) -> Sequence[str]:
        """The conditions around an item within the opened blocks, which come first in its path."""
        opened = sum(scope.opening.startswith(b"#if") for scope in self.assignment.scopes(item))
        return item.condition[opened:]

    def _slice(self, start: int, end: int) -> list[Piece]:
        """Monolith bytes, with the glue that stands inside them."""
        pieces: list[Piece] = []
        at = start
        offsets = self._glued()
        for offset in offsets[bisect_left(offsets, start) : bisect_right(offsets, end)]:
            if offset > at:
                pieces.append(Piece(self.text[at:offset], at))
            if offset > start:
                pieces += [Piece(text, None, kind) for text, kind in self.after.get(offset, ())]
            if offset < end:
                pieces += [Piece(text, None, kind) for text, kind in self.inside.get(offset, ())]
            at = offset
        if end > at:
            pieces.append(Piece(self.text[at:end], at))
        return pieces

    def _glued(self) -> list[int]:
        """Where glue stands in the monolith's text, in order; sorted anew only once there is more."""
        if len(self.inside) + len(self.after) != self._glue_sorted[0]:
            self._glue_sorted = len(self.inside) + len(self.after), sorted({*self.inside, *self.after})
        return self._glue_sorted[1]

    def _guard_arms(self, partition: DealtPartition) -> None:
        branching = partition.branching
        keep = branching.macro is not None or (self.thin is None and self._in_arguments(partition))
        runs: list[tuple[str, list[Arm]]] = []
        for arm, shard in zip(branching.arms, partition.shard_of, strict=True):
            if arm.is_default:
                runs.append(("", [arm]))
            elif branching.kind == "switch" and runs and runs[-1][0] == shard:
                runs[-1][1].append(arm)
            else:
                runs.append((shard, [arm]))
        for number, (shard, arms) in enumerate(runs):
            if not shard:
                continue
            symbol = glue.symbol(shard)
            start, end = arms[0].start, arms[-1].end
            # The next arm's `else` needs an `if` where the first arm is left out.
            begins = branching.kind == "chain" and number == 0 and len(runs) > 1
            if begins and branching.macro is not None:
                raise RuleMismatch(
                    f"the chain stands in the macro {branching.macro}, where its first arm can't be left out",
                    where=Location(self.path, line_of(self.text, start)),
                    hint="deal a switch, or a chain that is not in a macro's body",
                )
            # Compilers take a directive in a macro's arguments, with a warning at most.
            has_directive = begins or (self._has_directive(start, end) and branching.macro is None)
            if keep and not has_directive:
                self.keeps.add(symbol)
                self._keep(symbol, start, end, continued=branching.macro is not None)
                continue
            opening = self._own_line(start, glue.guard_open(symbol), name=symbol)
            closing = [glue.guard_close(symbol)]
            if begins:
                closing = [glue.guard_else(symbol), glue.guard_nothing(symbol), *closing]
            self.inside[start].append((opening, Glue.GUARD))
            self.after[end].append((self._own_line(end, *closing, name=symbol), Glue.GUARD))

    def _keep(self, symbol: str, start: int, end: int, *, continued: bool) -> None:
        at_lines = self._at_line_start(start) and self._at_line_start(end)
        if at_lines:
            ending = b" \\" + self.newline if continued else self.newline
            self.inside[start].append((glue.keep_open(symbol) + ending, Glue.GUARD))
            self.after[end].append((glue.keep_close(symbol) + ending, Glue.GUARD))
        else:
            self.inside[start].append((glue.keep_open(symbol) + b" ", Glue.GUARD))
            self.after[end].append((b" " + glue.keep_close(symbol), Glue.GUARD))

    def _own_line(self, offset: int, *lines: bytes, name: str | None = None) -> bytes:
        text = b"".join(line + self.newline for line in lines)
        return text if self._at_line_start(offset) else glue.line_end(name) + self.newline + text

    def _at_line_start(self, offset: int) -> bool:
        # After other glue at the same place the line is fresh, too: glue ends with a line ending.
        return (
            offset == 0
            or self.text[offset - 1 : offset] == b"\n"
            or bool(self.inside.get(offset) or self.after.get(offset))
        )

    def _in_arguments(self, partition: DealtPartition) -> bool:
        """Whether the branching stands inside parentheses, so possibly in a macro's arguments."""
        holder = next(
            item
            for item in flattened(self.source, (i for u in self.assignment.units for i in u.items))
            if item.start <= partition.branching.start < item.end and item.body is not None
        )
        assert holder.body is not None
        depth = 0
        for token in signature.tokens_of(self.source, holder.body[0], partition.branching.start):
            depth += (token == b"(") - (token == b")")
        return depth > 0

    def _has_directive(self, start: int, end: int) -> bool:
        return any(line.lstrip().startswith(b"#") for line in self.text[start:end].splitlines())

    def _rebase_includes(self, items: Iterable[Item]) -> None:
        for item in flattened(self.source, items):
            if item.kind is not Kind.INCLUDE:
                continue
            found = glue.rebase_point(self.text[item.code_start : item.code_end])
            if found is None:
                continue
            offset, target = found
            name = target.decode("utf-8", "surrogateescape")
            if name.startswith(("./", "../")) or any(fnmatchcase(name, g) for g in self.rule.includes.beside):
                self.inside[item.code_start + offset].append((self.back, Glue.INCLUDE_PATH))
            elif any(fnmatchcase(name, g) for g in self.rule.includes.searched):
                continue
            elif any(fnmatchcase(name, g) for g in self.rule.includes.either):
                before, after = glue.include_choice(target, self.back)
                line = self.text.rfind(b"\n", 0, item.code_start) + 1
                self.inside[line].append((self._own_line(line, *before), Glue.GUARD))
                end = self.text.find(b"\n", item.code_end) + 1 or len(self.text)
                self.after[end].append((self._own_line(end, after), Glue.GUARD))

    def _linkage(self, items: Iterable[Item]) -> None:
        """`inline` (or `static`) for definitions that every unit of the layout will see."""
        for item in flattened(self.source, items):
            word = signature.linkage_word(self.source, item)
            if word:
                self._add_linkage(item, word)

    def _linkage_of_dealt(self, header: str) -> None:
        """As ``_linkage``, and `inline` for internal functions: a unit need not use each of them."""
        for unit in self._units(header):
            for item, hidden in walk(self.source, unit):
                word = None if hidden else signature.linkage_word(self.source, item)
                if signature.may_be_unused(self.source, item, hidden=hidden):
                    word = b"inline"
                if word:
                    self._add_linkage(item, word)

    def _add_linkage(self, item: Item, word: bytes) -> None:
        offset = item.declarator_start
        line_start = self.text.rfind(b"\n", 0, offset) + 1
        if line_start >= item.start and not self.text[line_start:offset].strip():
            offset = line_start
        own_line = self._at_line_start(offset)
        text = word + self.newline if own_line else glue.linkage_in_line(word)
        self.inside[offset].append((text, Glue.LINKAGE))

    # -- derived glue ------------------------------------------------------------------------------

    def _lines(self, lines: list[bytes], kind: Glue) -> Piece:
        return Piece(b"".join(line + self.newline for line in lines), None, kind)

    def _before(self, names: tuple[str, ...]) -> list[tuple[str, ...]]:
        return [names[:n] for n in range(len(names))]

    def _between(self, source: str, target: str) -> bytes:
        return posixpath.relpath(target, posixpath.dirname(source) or ".").encode("utf-8", "surrogateescape")

    def _namespace(self, shard: str) -> bytes:
        return glue.namespace(posixpath.basename(self.folder), shard).encode("utf-8", "surrogateescape")

    def _keep_symbols(self) -> list[str]:
        return [symbol for f in self.rule.shard_files() if (symbol := glue.symbol(f)) in self.keeps]

    def _shards_of(self, partition: DealtPartition) -> list[str]:
        serving = {*partition.shard_of, partition.rule.rest}
        order = [*partition.rule.shards, partition.rule.rest]
        return [shard for shard in dict.fromkeys(order) if shard in serving]

    def _entry_includes(self) -> dict[int, list[bytes]]:
        """What the entry includes of the layout, by the unit before which it does."""
        used: frozenset[str] = frozenset()
        for unit in self._units(ENTRY):
            for start, end in self._kept_ranges(unit):
                used |= identifiers(self.source, start, end)
        for partition in self.assignment.partitions:
            if self.thin is None:
                used |= signature.names(self.source, partition.entry)
            elif self.assignment.qualified:
                used |= _asked(partition)
        if any("template" in parted.function.flags for parted in self.assignment.parted):
            # What a template of the entry launches, it may launch through a macro that moved.
            used = environment_of(self.source).closure(used, len(self.text))
        names = list(needed_headers(self.source, used, self.rule, self.assignment))
        names += [d.header for d in self.rule.deal]
        declarations = list(dict.fromkeys(p.rule.declarations for p in self.assignment.partitions))
        homes = self.assignment.homes
        moved = self._include_place()
        found: dict[int, list[bytes]] = defaultdict(list)
        for name in names:
            # A thin entry keeps includes of its own: each header comes where upstream has its text.
            place = moved if self.thin is None else self._outside(homes.index(name))
            found[place].append(self._entry_include(name))
        place = moved if self.thin is None else self._first_host_function()
        found[place] += [self._entry_include(name) for name in declarations]
        for instantiate in self.rule.instantiate:
            if instantiate.header not in names:
                found[moved] += self._forward_declaration(instantiate)
            elif self.assignment.qualified and instantiate.template.rpartition("::")[2] in used:
                found[moved] += self._made_elsewhere(instantiate)
        return found

    def _made_elsewhere(self, rule: Instantiate) -> list[bytes]:
        """``extern template`` lines: the entry sees the template and need not instantiate it itself."""
        lines: list[bytes] = []
        for dealt in self.assignment.instantiations:
            if dealt.rule is rule and dealt.item.kind is Kind.INSTANTIATION:
                text = signature.collapsed(self.source, dealt.item.code_start, dealt.item.code_end)
                lines += self._in_branches(dealt.item, [glue.declaration(b"extern " + text)])
        return lines

    def _kept_ranges(self, unit: Unit) -> Iterable[tuple[int, int]]:
        """A unit's bytes without what is dealt of it."""
        at = unit.start
        for item in unit.items if self.thin is not None else ():
            for cut in self.thin.cuts(item) if self.thin is not None else ():
                yield at, cut.start
                at = cut.end
        yield at, unit.end

    def _first_host_function(self) -> int:
        first = self.assignment.parted[0].function
        return self._outside(
            next(
                number
                for number, unit in enumerate(self.assignment.units)
                if any(item is first for item in unit.items)
            )
        )

    def _entry_include(self, name: str) -> bytes:
        return b'#include "%s"' % posixpath.join(self.home_folder, name).encode("utf-8", "surrogateescape")

    def _forward_declaration(self, rule: Instantiate) -> list[bytes]:
        """A declaration of the template for the entry, unless upstream declares it there itself."""
        for item in self._items(ENTRY):
            if item.kind is Kind.DECLARATION and self._is_named(item, rule.template):
                return []
        for item in self._items(rule.header):
            if self._is_named(item, rule.template) and item.parameter_list and item.template_header:
                first, last = item.template_header
                header = signature.collapsed(self.source, first, last)
                lines = signature.declaration(self.source, item, defaults=True, end=b";")
                declared = b" ".join(line.strip() for line in lines)
                return self._in_blocks(item, [glue.declaration(header + b" " + declared)])
        return []

    def _is_named(self, item: Item, name: str) -> bool:
        """Whether a rule's name is an item's."""
        return fnmatchcase(item.name, name.removeprefix("::") if self.assignment.qualified else name)

    def _dispatch(self, partition: DealtPartition) -> bytes:
        rule, entry = partition.rule, partition.entry
        arguments = b", ".join(signature.parameter_name(entry, n) for n in range(len(entry.parameters)))
        name = entry.name.rpartition("::")[2] if self.assignment.qualified else entry.name

        def call(shard: str) -> bytes:
            return b"return %s::%s(%s);" % (
                self._namespace(shard),
                name.encode("utf-8", "surrogateescape"),
                arguments,
            )

        lines = signature.declaration(self.source, entry, defaults=True, end=b" {")
        arms = [
            (a, s)
            for a, s in zip(partition.branching.arms, partition.shard_of, strict=True)
            if not a.is_default
        ]
        if partition.branching.kind == "switch":
            discriminator = self._discriminator(partition)
            self._only_parameters(partition, discriminator, "the discriminator")
            lines.append(b"  switch (%s) {" % discriminator.encode("utf-8", "surrogateescape"))
            for shard in self._shards_of(partition):
                # The rest needs no labels of its own: the default leads to it.
                labels = [label for arm, s in arms if s == shard != rule.rest for label in arm.labels]
                lines += [b"    case %s:" % label.encode("utf-8", "surrogateescape") for label in labels]
                if labels:
                    lines.append(b"      " + call(shard))
            lines += [b"    default:", b"      " + call(rule.rest), b"  }"]
        else:
            for arm, shard in arms:
                self._only_parameters(partition, arm.labels[0], "the arm's condition")
                lines += [
                    b"  if (%s) {" % arm.labels[0].encode("utf-8", "surrogateescape"),
                    b"    " + call(shard),
                    b"  }",
                ]
            lines.append(b"  " + call(rule.rest))
        lines.append(b"}")
        lines = conditional(self._inner_conditions(entry), lines)
        return self._lines([b"", *lines], Glue.DISPATCH).text

    def _discriminator(self, partition: DealtPartition) -> str:
        """The switch's value in terms of the entry's parameters: the rule's word, else the text's."""
        choice = next(choices(self.source, partition), None)
        if choice is None:
            raise self._mismatch(
                partition.entry,
                f"can't say `{partition.branching.subject}` of `{partition.holder.name}` in terms of the "
                f"parameters of `{partition.entry.name}`",
                "say it in the rule: `discriminator` of the [[partition]]",
            )
        return choice.stated

    def _only_parameters(self, partition: DealtPartition, expression: str, what: str) -> None:
        known = {p.name for p in partition.entry.parameters}
        expression_source = parse(expression.encode("utf-8", "surrogateescape") + b";")
        tokens = token_texts(expression_source, 0, len(expression_source.text))
        for before, token, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
            is_name = (token[0].isalpha() or token[0] == "_") and token not in (
                "true",
                "false",
                "nullptr",
                "sizeof",
                "static_cast",
                "int",
                "long",
                "and",
                "or",
                "not",
            )
            if is_name and before not in (".", "->", "::") and after != "::" and token not in known:
                raise self._mismatch(
                    partition.entry,
                    f"{what} `{expression}` uses `{token}`, "
                    f"which is not a parameter of `{partition.entry.name}`",
                    "say it in terms of the entry's parameters",
                )

    def _deal_added(self, rule: Instantiate, arguments: str) -> str:
        return deal_arguments(rule, arguments) or rule.rest

    def _added(self, rule: Instantiate, arguments: str) -> list[bytes]:
        """`template R name<arguments>(parameters);` with the template's own parameter types."""
        for item in self._items(rule.header):
            if self._is_named(item, rule.template) and item.parameter_list and item.name_range:
                text = b" ".join(signature.declaration(self.source, item, defaults=False, end=b";"))
                name = self.text[slice(*item.name_range)]
                added = b"template " + text.replace(
                    name + b"(", name + b"<" + arguments.encode("utf-8", "surrogateescape") + b">(", 1
                )
                return self._in_blocks(item, [added])
        raise RuleMismatch(f"`{rule.template}` is not defined in {rule.header}", where=Location(self.path))

    def _mismatch(self, item: Item, message: str, hint: str | None = None) -> RuleMismatch:
        line = line_of(self.text, item.code_start)
        return RuleMismatch(message, where=Location(self.path, line, item.name or None), hint=hint)
