"""The entry of a layout: upstream's text that stays, its includes of the layout, where it calls shards."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable

from mergeguard.cpp.declaration import qualifiers
from mergeguard.cpp.environment import environment_of
from mergeguard.cpp.source import Kind, Unit, identifiers, parse
from mergeguard.cpp.source import code_tokens as token_texts
from mergeguard.lens import glue, signature
from mergeguard.lens.agreement import choices
from mergeguard.lens.frame import Frame
from mergeguard.lens.homes.assignment import ENTRY, DealtPartition, needed_headers
from mergeguard.lens.inlay import Inlay
from mergeguard.lens.layout import Glue, LayoutFile, Piece, Role
from mergeguard.lens.rule import Instantiate
from mergeguard.lens.thin import ThinGlue, conditional

BOM = b"\xef\xbb\xbf"


def _asked(partition: DealtPartition) -> frozenset[str]:
    """The names in what a choice asks for, and in the labels of its arms."""
    branching = partition.branching
    texts = [branching.subject, *(label for arm in branching.arms for label in arm.labels)]
    return frozenset(re.findall(r"[A-Za-z_]\w*", " ".join(texts)))


class EntryText:
    """Of one layout; ``thin`` is there if its interface is."""

    def __init__(self, frame: Frame, inlay: Inlay, thin: ThinGlue | None) -> None:
        self.frame = frame
        self.rule, self.source, self.text = frame.rule, frame.source, frame.text
        self.assignment = frame.assignment
        self.inlay = inlay
        self.thin = thin

    def file(self) -> LayoutFile:
        pieces: list[Piece] = []
        includes = self._entry_includes()
        for number, (unit, home) in enumerate(zip(self.assignment.units, self.assignment.homes, strict=True)):
            start = unit.start
            if number == 0 and self.text.startswith(BOM):
                pieces.append(Piece(BOM, 0))
                start = len(BOM)
            if lines := includes.pop(number, []):
                pieces.append(self.frame.lines(lines, Glue.INCLUDE)._replace(anchor=(start, start)))
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
                pieces.append(Piece(glue.line_end() + self.frame.newline, None, Glue.GUARD))
            pieces.append(self.frame.lines(offers, Glue.OFFER))
        return LayoutFile(self.frame.path, Role.ENTRY, tuple(pieces))

    def _staying(self, unit: Unit, start: int) -> list[Piece]:
        """A unit of the entry, with glue in the place of what is dealt."""
        if self.thin is None:
            return self.inlay.slice(start, unit.end)
        pieces: list[Piece] = []
        at = start
        for item in unit.items:
            if offers := self.thin.offers(item):
                pieces += self.inlay.slice(at, item.start)
                at = item.start
                pieces.append(self.frame.lines(offers, Glue.OFFER))
            for cut in self.thin.cuts(item):
                pieces += self.inlay.slice(at, cut.start)
                text = self.frame.newline.join(self.thin.replacement(cut))
                # Whole lines of upstream's give way to whole lines.
                text += self.frame.newline if self.text[: cut.end].endswith(b"\n") else b""
                pieces.append(Piece(text, None, Glue.DISPATCH, (cut.start, cut.end)))
                at = cut.end
        return [*pieces, *self.inlay.slice(at, unit.end)]

    def _entry_includes(self) -> dict[int, list[bytes]]:
        """What the entry includes of the layout, by the unit before which it does."""
        kept = (part for unit in self.frame.units(ENTRY) for part in self._kept_ranges(unit))
        used = frozenset[str]().union(*(identifiers(self.source, *part) for part in kept))
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

    def _include_place(self) -> int:
        """The number of the unit before which the entry includes the layout: outside of any block."""
        shared = self.assignment.shared
        found = (
            number
            for number, (unit, home) in enumerate(
                zip(self.assignment.units, self.assignment.homes, strict=True)
            )
            # What is shared is declared before it is defined.
            if home != ENTRY or any(unit.start <= start < unit.end for start in shared)
        )
        return self._outside(next(found, -1))

    def _outside(self, number: int) -> int:
        """The unit with which the outermost block around a unit begins; the unit itself if there is none."""
        units = self.assignment.units
        if number >= 0 and units[number].scopes:
            scope = units[number].scopes[0]
            edge = next(n for n, unit in enumerate(units) if unit.start <= scope.start < unit.end)
            # A later branch of an `#if` begins where the first one does.
            for _ in range(scope.opening.count(b"\n") if scope.is_branch else 0):
                edge = next(n for n in range(edge - 1, -1, -1) if not (units[n].items or units[n].scopes))
            return edge
        return number

    def _first_host_function(self) -> int:
        first = self.assignment.parted[0].function
        return self._outside(
            next(
                number
                for number, unit in enumerate(self.assignment.units)
                if any(item is first for item in unit.items)
            )
        )

    def _kept_ranges(self, unit: Unit) -> Iterable[tuple[int, int]]:
        """A unit's bytes without what is dealt of it."""
        at = unit.start
        for item in unit.items if self.thin is not None else ():
            for cut in self.thin.cuts(item) if self.thin is not None else ():
                yield at, cut.start
                at = cut.end
        yield at, unit.end

    def _entry_include(self, name: str) -> bytes:
        return b'#include "%s"' % posixpath.join(self.frame.home_folder, name).encode(
            "utf-8", "surrogateescape"
        )

    def _forward_declaration(self, rule: Instantiate) -> list[bytes]:
        """A declaration of the template for the entry, unless upstream declares it there itself.

        A member is declared by its class.
        """
        for item in self.frame.items(ENTRY):
            if item.kind is Kind.DECLARATION and self.frame.is_named(item, rule.template):
                return []
        for item in self.frame.items(rule.header):
            if self.frame.is_named(item, rule.template) and item.parameter_list and item.template_header:
                if self.assignment.qualified and qualifiers(self.source, item):
                    return []
                first, last = item.template_header
                header = signature.collapsed(self.source, first, last)
                lines = signature.declaration(self.source, item, defaults=True, end=b";")
                declared = b" ".join(line.strip() for line in lines)
                return self.frame.in_blocks(item, [glue.declaration(header + b" " + declared)])
        return []

    def _made_elsewhere(self, rule: Instantiate) -> list[bytes]:
        """``extern template`` lines: the entry sees the template and need not instantiate it itself."""
        lines: list[bytes] = []
        for dealt in self.assignment.instantiations:
            if dealt.rule is rule and dealt.item.kind is Kind.INSTANTIATION:
                text = signature.collapsed(self.source, dealt.item.code_start, dealt.item.code_end)
                lines += self.frame.in_branches(dealt.item, [glue.declaration(b"extern " + text)])
        return lines

    def _dispatch(self, partition: DealtPartition) -> bytes:
        rule, entry = partition.rule, partition.entry
        arguments = b", ".join(signature.parameter_name(entry, n) for n in range(len(entry.parameters)))
        name = entry.name.rpartition("::")[2] if self.assignment.qualified else entry.name

        def call(shard: str) -> bytes:
            return b"return %s::%s(%s);" % (
                self.frame.namespace(shard),
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
            for shard in self.frame.shards_of(partition):
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
        lines = conditional(self.frame.inner_conditions(entry), lines)
        return self.frame.lines([b"", *lines], Glue.DISPATCH).text

    def _discriminator(self, partition: DealtPartition) -> str:
        """The switch's value in terms of the entry's parameters: the rule's word, else the text's."""
        choice = next(choices(self.source, partition), None)
        if choice is None:
            raise self.frame.mismatch(
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
                raise self.frame.mismatch(
                    partition.entry,
                    f"{what} `{expression}` uses `{token}`, "
                    f"which is not a parameter of `{partition.entry.name}`",
                    "say it in terms of the entry's parameters",
                )
