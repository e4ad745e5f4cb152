"""Glue that stands inside the monolith's own text: guards around arms, linkage words, re-based includes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable

from mergeguard.cpp.blocks import walk
from mergeguard.cpp.branches import Arm
from mergeguard.cpp.source import Item, Kind, flattened
from mergeguard.cpp.text import line_of
from mergeguard.errors import Location, RuleMismatch
from mergeguard.lens import glue, signature
from mergeguard.lens.frame import Frame
from mergeguard.lens.homes.assignment import DealtPartition, DealtPlace
from mergeguard.lens.layout import Glue, Piece


class Inlay:
    """Filled first, then asked for slices of the monolith; ``keeps`` are shards that ``MG_ONLY_*`` names."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.rule, self.source, self.text = frame.rule, frame.source, frame.text
        self.assignment = frame.assignment
        # By the monolith offset before which glue stands.
        self.inside: dict[int, list[tuple[bytes, Glue]]] = defaultdict(list)
        # And the offset after which it stands: it stays with what it ends, wherever the next item goes.
        self.after: dict[int, list[tuple[bytes, Glue]]] = defaultdict(list)
        self._glue_sorted: tuple[int, list[int]] = (0, [])
        self.keeps: set[str] = set()

    def slice(self, start: int, end: int) -> list[Piece]:
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

    def guard_arms(self, partition: DealtPartition) -> None:
        for place in partition.places:
            self._guard_arms_of(partition, place)

    def _guard_arms_of(self, partition: DealtPartition, place: DealtPlace) -> None:
        branching = place.branching
        keep = branching.macro is not None or (not self.assignment.parted and self._in_arguments(partition))
        runs: list[tuple[str, list[Arm]]] = []
        for arm, shard in zip(branching.arms, place.shard_of, strict=True):
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
                    where=Location(self.frame.path, line_of(self.text, start)),
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
        at_lines = self.at_line_start(start) and self.at_line_start(end)
        if at_lines:
            ending = b" \\" + self.frame.newline if continued else self.frame.newline
            self.inside[start].append((glue.keep_open(symbol) + ending, Glue.GUARD))
            self.after[end].append((glue.keep_close(symbol) + ending, Glue.GUARD))
        else:
            self.inside[start].append((glue.keep_open(symbol) + b" ", Glue.GUARD))
            self.after[end].append((b" " + glue.keep_close(symbol), Glue.GUARD))

    def _own_line(self, offset: int, *lines: bytes, name: str | None = None) -> bytes:
        text = b"".join(line + self.frame.newline for line in lines)
        return text if self.at_line_start(offset) else glue.line_end(name) + self.frame.newline + text

    def at_line_start(self, offset: int) -> bool:
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

    def rebase_includes(self, items: Iterable[Item]) -> None:
        for item in flattened(self.source, items):
            if item.kind is not Kind.INCLUDE:
                continue
            found = glue.rebase_point(self.text[item.code_start : item.code_end])
            if found is None:
                continue
            offset, target = found
            name = target.decode("utf-8", "surrogateescape")
            way = self.rule.includes.way(name)
            if way == "beside":
                self.inside[item.code_start + offset].append((self.frame.back, Glue.INCLUDE_PATH))
            elif way == "either":
                before, after = glue.include_choice(target, self.frame.back)
                line = self.text.rfind(b"\n", 0, item.code_start) + 1
                self.inside[line].append((self._own_line(line, *before), Glue.GUARD))
                end = self.text.find(b"\n", item.code_end) + 1 or len(self.text)
                self.after[end].append((self._own_line(end, after), Glue.GUARD))

    def linkage(self, items: Iterable[Item]) -> None:
        """`inline` (or `static`) for definitions that every unit of the layout will see."""
        for item in flattened(self.source, items):
            word = signature.linkage_word(self.source, item)
            if word:
                self._add_linkage(item, word)

    def linkage_of_dealt(self, header: str) -> None:
        """As ``_linkage``, and `inline` for internal functions: a unit need not use each of them."""
        for unit in self.frame.units(header):
            for item, hidden in walk(self.source, unit):
                word = None if hidden else signature.linkage_word(self.source, item)
                if signature.may_be_unused(self.source, item, hidden=hidden):
                    word = b"inline"
                if word:
                    self._add_linkage(item, word)

    def share(self) -> None:
        """What the units share: out of its anonymous namespace and into one of the layout's, not static."""
        for one in self.assignment.shared.values():
            space = self.frame.shared_space(anonymous=one.hidden)
            if not self.frame.in_c:
                line = self.text.rfind(b"\n", 0, one.item.code_start) + 1
                opening, closing = [b"namespace %s {" % space], [b"}", b"using namespace %s;" % space]
                if one.hidden:
                    opening, closing = [b"}", *opening], [*closing, b"namespace {"]
                self.inside[line].append((self._own_line(line, *map(glue.scope_line, opening)), Glue.SCOPE))
                end = one.item.end
                self.after[end].append((self._own_line(end, *map(glue.scope_line, closing)), Glue.SCOPE))
            if one.static is not None:
                start, end = one.static
                self.inside[start].append((glue.shared_open(), Glue.LINKAGE))
                self.after[end].append((glue.shared_close(), Glue.LINKAGE))

    def _add_linkage(self, item: Item, word: bytes) -> None:
        offset = item.declarator_start
        line_start = self.text.rfind(b"\n", 0, offset) + 1
        if line_start >= item.start and not self.text[line_start:offset].strip():
            offset = line_start
        own_line = self.at_line_start(offset)
        text = word + self.frame.newline if own_line else glue.linkage_in_line(word)
        self.inside[offset].append((text, Glue.LINKAGE))
