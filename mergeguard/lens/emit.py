"""split: a rule and a monolith in, the layout and its map out; see docs/lens.md.

An emission version pins the bytes: the same rule, monolith and version give the same layout for
ever. Golden files hold version 1; a change of any glue or placement is a new version, registered in
``EMISSIONS`` beside the old one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from mergeguard.cpp.blocks import is_of_a_macro, space_of, words_of
from mergeguard.cpp.source import Item, ItemScope, Kind, Unit, units
from mergeguard.errors import Location, RuleMismatch
from mergeguard.lens import glue, signature
from mergeguard.lens.emissions import EMISSIONS, emission_of
from mergeguard.lens.entry import BOM, EntryText
from mergeguard.lens.frame import Frame
from mergeguard.lens.homes.assign import assign, assigned
from mergeguard.lens.homes.assignment import Declared, needed_headers
from mergeguard.lens.homes.globs import ArgumentShards
from mergeguard.lens.inlay import Inlay
from mergeguard.lens.layout import Glue, Layout, LayoutFile, Piece, Role
from mergeguard.lens.reading import monolith_source
from mergeguard.lens.rule import Instantiate, Rule
from mergeguard.lens.thin import ThinGlue, conditional
from mergeguard.values import cached_property


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
        return _Emitter(Frame(rule, path, source, assignment)).layout()
    except RuleMismatch as problem:
        if not version.thin or assignment.parted or not assignment.notes:
            raise
        message = f"{problem.message}; and {assignment.notes[-1]}"
        raise RuleMismatch(message, where=problem.where, hint=problem.hint) from problem


def _in_shard(scopes: tuple[ItemScope, ...]) -> tuple[ItemScope, ...]:
    """The blocks of a body's text, with the shard's namespace inside of them.

    So what the text does not define is found as it was, and what it defines by the names that it had. What
    is internal in its block needs no name of its own.
    """
    if any(scope.hidden for scope in scopes):
        return scopes
    if any(map(is_of_a_macro, scopes)):
        return (*scopes, ItemScope(-1, "", b"namespace MG_NS {", b"}\nusing namespace MG_NS;"))
    path = "::".join(("", *filter(None, (space_of(scopes),)), "MG_NS")).encode("utf-8", "surrogateescape")
    return (*scopes, ItemScope(-1, "", b"namespace MG_NS {", b"}\nusing namespace %s;" % path))


class _Emitter:
    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.rule, self.source, self.text = frame.rule, frame.source, frame.text
        self.assignment = frame.assignment
        self.inlay = Inlay(frame)
        self.thin: ThinGlue | None = None
        if frame.assignment.parted:
            helpers = (frame.namespace, frame.shards_of, frame.in_branches)
            self.thin = ThinGlue(frame.source, frame.rule, frame.assignment, *helpers)

    def layout(self) -> Layout:
        for body in self.frame.bodies:
            for item in self.frame.items(body):
                if item.kind is Kind.INCLUDE:
                    raise self.frame.mismatch(
                        item, f"an include can't go to {body}: its text stands in a namespace"
                    )
        for partition in self.assignment.partitions:
            self.inlay.guard_arms(partition)
        for home in (*self.frame.headers, *self.frame.bodies, *self.rule.shard_files()):
            self.inlay.rebase_includes(self.frame.items(home))
        self.inlay.share()
        for home in self.frame.headers:
            if self.assignment.qualified or any(deal.header == home for deal in self.rule.deal):
                self.inlay.linkage_of_dealt(home)
            else:
                self.inlay.linkage(self.frame.items(home))
        files = [EntryText(self.frame, self.inlay, self.thin).file()]
        files += [
            self._header(to, before)
            for to, before in zip(self.frame.headers, self._before(self.frame.headers), strict=True)
        ]
        files += [self._body(body) for body in self.frame.bodies]
        files += [
            self._declarations(to)
            for to in dict.fromkeys(p.rule.declarations for p in self.assignment.partitions)
        ]
        files += [shard for shard_file in self.rule.shard_files() if (shard := self._shard(shard_file))]
        return Layout(self.frame.path, self.text, tuple(files), self.assignment.notes)

    def _header(self, to: str, before: tuple[str, ...]) -> LayoutFile:
        lines = [b"#pragma once", *(b'#include "%s"' % self.frame.between(to, other) for other in before)]
        if self.thin is not None and not before:
            units = (u for home in (*self.frame.headers, *self.frame.bodies) for u in self.frame.units(home))
            lines += self.thin.light_includes((unit.start, unit.end) for unit in units)
        return self.frame.file(to, Role.HEADER, [self.frame.lines(lines, Glue.PREAMBLE), *self._moved(to)])

    def _before(self, names: tuple[str, ...]) -> list[tuple[str, ...]]:
        return [names[:n] for n in range(len(names))]

    def _body(self, body: str) -> LayoutFile:
        lines = [
            b"#pragma once",
            *(b'#include "%s"' % self.frame.between(body, header) for header in self.frame.headers),
        ]
        thin = self.thin
        lines += thin.helper_declarations() if thin else []
        if self.assignment.qualified:
            pieces = [self.frame.lines(lines, Glue.PREAMBLE), *self._moved(body), *self._dealt_text(body)]
            return self.frame.file(body, Role.BODY, pieces)
        lines += [b"", b"namespace MG_NS {", *(thin.used_helpers() if thin else [])]
        pieces = [self.frame.lines(lines, Glue.PREAMBLE), *self._moved(body), *self._dealt_text(body)]
        ending = [b"", b"}  // namespace MG_NS"]
        if not b"".join(p.text for p in pieces).endswith(b"\n"):
            ending.insert(0, b"")
        return self.frame.file(body, Role.BODY, [*pieces, self.frame.lines(ending, Glue.CLOSING)])

    def _dealt_text(self, body: str) -> Iterable[Piece]:
        """What host functions of the entry leave to the shards."""
        for parted in self.assignment.parted:
            function = parted.function
            cuts = [c for c in self.thin.cuts(function) if c.partition.rule.body == body] if self.thin else []
            wanted = self.frame.inner_conditions(function)
            conditions = conditional(wanted, [])[: len(wanted)] if cuts else []
            blocks = self.assignment.scopes(function)
            blocks = _in_shard(blocks) if self.assignment.qualified and cuts else ()
            if blocks:
                yield self.frame.lines(self.frame.between_scopes((), blocks), Glue.SCOPE)
            if conditions:
                yield self.frame.lines(conditions, Glue.PREAMBLE)
            for cut in cuts:
                assert self.thin is not None
                yield self.frame.lines(self.thin.opening(cut), Glue.PREAMBLE)
                yield from self.inlay.slice(cut.start, cut.end)
                ending = self.thin.closing(cut)
                if not self.text[: cut.end].endswith(b"\n"):
                    ending.insert(0, b"")
                yield self.frame.lines(ending, Glue.CLOSING)
            if conditions:
                yield self.frame.lines([b"#endif"] * len(conditions), Glue.CLOSING)
            if blocks:
                yield self.frame.lines(self.frame.between_scopes(blocks, ()), Glue.SCOPE)

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
            b'#include "%s"' % self.frame.between(to, h)
            for h in needed_headers(self.source, used, self.rule, self.assignment)
        ]
        for partition in partitions:
            lines.append(b"")
            head = signature.declaration(self.source, partition.entry, defaults=False, end=b";")
            declared = [
                line
                for shard in self.frame.shards_of(partition)
                for line in (b"namespace %s {" % self.frame.namespace(shard), *head, b"}")
            ]
            lines += self.frame.in_branches(partition.entry, declared)
        return self.frame.file(to, Role.DECLARATIONS, [self.frame.lines(lines, Glue.DECLARATION)])

    def _launch_declarations(self, thin: ThinGlue, to: str) -> LayoutFile:
        names = needed_headers(self.source, thin.used_names(to), self.rule, self.assignment)
        lines = [b"#pragma once", *(b'#include "%s"' % self.frame.between(to, name) for name in names)]
        return self.frame.file(
            to, Role.DECLARATIONS, [self.frame.lines([*lines, *thin.declared(to)], Glue.DECLARATION)]
        )

    def _shard(self, shard: str) -> LayoutFile | None:
        bodies = [p.rule.body for p in self.assignment.partitions if shard in self.frame.shards_of(p)]
        instantiations = [d for d in self.assignment.instantiations if d.shard == shard]
        added = self._added_to.get(shard, ())
        dealt = [d.header for d in self.rule.deal if shard in {*d.shards, *self.rule.parts(d), d.rest}]
        if not bodies and not instantiations and not added and not dealt:
            return None
        lines: list[bytes] = []
        if bodies:
            lines.append(b"#define MG_SHARD_%s" % glue.symbol(shard).encode("utf-8", "surrogateescape"))
            lines.append(b"#define MG_NS %s" % self.frame.namespace(shard))
            lines += self.thin.definitions() if self.thin is not None else []
            for other in self._keep_symbols():
                arguments = b" __VA_ARGS__" if other == glue.symbol(shard) else b""
                lines.append(
                    b"#define MG_ONLY_%s(...)%s" % (other.encode("utf-8", "surrogateescape"), arguments)
                )
        headers = [d.rule.header for d in instantiations] + [i.header for i, _ in added]
        lines += [
            b'#include "%s"' % self.frame.between(shard, other)
            for other in dict.fromkeys([*dealt, *headers, *bodies])
        ]
        pieces = [self.frame.lines(lines, Glue.PREAMBLE), *self._moved(shard)]
        if added:
            made = [line for i, a in added for line in self._added(i, a)]
            pieces.append(self.frame.lines(made, Glue.INSTANTIATION))
        if self.thin is not None and (instances := self.thin.instantiations(shard)):
            pieces.append(self.frame.lines(instances, Glue.INSTANTIATION))
        return self.frame.file(shard, Role.SHARD, pieces)

    def _keep_symbols(self) -> list[str]:
        return [symbol for f in self.rule.shard_files() if (symbol := glue.symbol(f)) in self.inlay.keeps]

    def _moved(self, home: str) -> list[Piece]:
        pieces: list[Piece] = []
        scopes: tuple[ItemScope, ...] = ()

        def enter(wanted: tuple[ItemScope, ...]) -> None:
            nonlocal scopes
            if pieces and (not pieces[-1].text.endswith(b"\n") or self._goes_on(pieces[-1].text)):
                # The monolith's last line has no line ending, or two items share a line.
                pieces.append(Piece(glue.line_end() + self.frame.newline, None, Glue.GUARD))
            if scopes != wanted:
                pieces.append(self.frame.lines(self.frame.between_scopes(scopes, wanted), Glue.SCOPE))
            scopes = wanted

        spaced = self.assignment.qualified and home in self.frame.bodies
        renamed = self._renamed(home)
        for part in self._parts(home):
            if renamed and self._start(part) >= self._behind_includes:
                enter(())
                pieces.append(self.frame.lines(renamed, Glue.DECLARATION))
                renamed = []
            enter(_in_shard(part.scopes) if spaced else part.scopes)
            if isinstance(part, Declared):
                lines = self._declared(part)
                pieces.append(self.frame.lines(lines, Glue.DECLARATION))
                continue
            start = part.start
            if start == 0 and self.text.startswith(BOM):
                start = len(BOM)
            pieces += self.inlay.slice(start, part.end)
        if scopes:
            enter(())
        if renamed:
            enter(())
            pieces.append(self.frame.lines(renamed, Glue.DECLARATION))
        return pieces

    def _renamed(self, home: str) -> list[bytes]:
        """In C the lines that give what the units share names that no other file has."""
        if home != self._declaring() or not self.frame.in_c:
            return []
        names = dict.fromkeys(one.item.name for one in self.assignment.shared.values())
        texts = (name.encode("utf-8", "surrogateescape") for name in names)
        space = self.frame.shared_space()
        return [glue.declaration(b"#define %s %s_%s" % (name, space, name)) for name in texts]

    @cached_property
    def _behind_includes(self) -> int:
        """Where the last include of the file ends, and the block around it."""
        including = (
            item.end
            for unit in units(self.source)
            for item in unit.items
            if any(one.kind is Kind.INCLUDE for one in unit.items)
        )
        return max(including, default=0)

    @staticmethod
    def _start(part: Unit | Declared) -> int:
        return part.start if isinstance(part, Unit) else part.item.code_start

    def _goes_on(self, text: bytes) -> bool:
        """Whether a macro's last line ends in a continuation, so that it has the next line, too."""
        return bool(self.rule.deal) and text.rstrip(b"\r\n").endswith(b"\\")

    def _parts(self, home: str) -> list[Unit | Declared]:
        """What a file has in the monolith's order: units, and the declarations of a deal's header."""
        parts: list[Unit | Declared] = [*self.frame.units(home)]
        if home == self._declaring():
            parts += self.assignment.declared
        return sorted(parts, key=self._start)

    def _declaring(self) -> str | None:
        """The header that declares functions of other files: the one that has what units turn out to need."""
        headers = [deal.header for deal in self.rule.deal]
        return next(iter([*headers, *(move.to for move in self.rule.move if move.needed)]), None)

    def _declared(self, declared: Declared) -> list[bytes]:
        """A declaration of a function that another unit defines."""
        item = declared.item
        if item.start in self.assignment.shared:
            return self._declared_shared(item)
        lines = signature.declaration(self.source, item, defaults=False, end=b";", named=False)
        text = lines[0] + b" ".join(line.strip() for line in lines[1:])
        if item.template_header is not None:
            text = signature.collapsed(self.source, *item.template_header) + b" " + text
        # The conditions of opened blocks come first in the path, and the header has opened them.
        conditions = item.condition[sum(scope.is_branch for scope in declared.scopes) :]
        return [glue.declaration(line) for line in conditional(conditions, [text])]

    def _declared_shared(self, item: Item) -> list[bytes]:
        """What the units share, declared on one line."""
        end = signature.heads_value(self.source, item)
        if item.parameter_list is not None:
            end = item.body[0] if item.body is not None else item.code_end
        words = signature.collapsed(self.source, item.code_start, end).rstrip(b"; ")
        text = b"extern %s;" % re.sub(rb"\bstatic\b ?", b"", words, count=1)
        if not self.frame.in_c:
            space = self.frame.shared_space(anonymous=self.assignment.shared[item.start].hidden)
            text = b"namespace %s { %s } using namespace %s;" % (space, text, space)
        return [glue.declaration(text)]

    @cached_property
    def _added_to(self) -> Mapping[str, Sequence[tuple[Instantiate, str]]]:
        """By shard the template arguments that the rule adds to it."""
        found: dict[str, list[tuple[Instantiate, str]]] = {}
        for rule in self.rule.instantiate:
            shards = ArgumentShards(rule)
            for arguments in rule.add:
                found.setdefault(shards.of(arguments) or rule.rest, []).append((rule, arguments))
        return found

    def _added(self, rule: Instantiate, arguments: str) -> list[bytes]:
        """`template R name<arguments>(parameters);` with the template's own parameter types."""
        for item in self.frame.items(rule.header):
            if self.frame.is_named(item, rule.template) and item.parameter_list and item.name_range:
                text = b" ".join(signature.declaration(self.source, item, defaults=False, end=b";"))
                name = self.text[slice(*item.name_range)]
                added = b"template " + text.replace(
                    name + b"(", name + b"<" + arguments.encode("utf-8", "surrogateescape") + b">(", 1
                )
                return self.frame.in_blocks(item, [added])
        raise RuleMismatch(
            f"`{rule.template}` is not defined in {rule.header}", where=Location(self.frame.path)
        )
