"""The shape of a split made by hand: which declarations only the split needs, and what they stand for.

What people do to a function whose arms they deal out: its lines move to a launcher, to macros, or to one
function for each shard (*pieces*); each arm becomes a call of a *launcher* that a shard defines, and that
launcher only calls on. What it calls may be upstream's text under another name, or the fork's own function in
place of upstream's arms: the *replacements*, which no comparison of lines explains.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from mergeguard.adopt.takenapart import ApartSide, Row, keys_of, words_of
from mergeguard.cpp.diff import matches
from mergeguard.cpp.leaves import Leaf
from mergeguard.cpp.likeness import PIECE_OF_FUNCTION
from mergeguard.cpp.source import Kind
from mergeguard.values import cached_property, dataclass

DEFINING = frozenset({Kind.FUNCTION, Kind.KERNEL, Kind.TYPE, Kind.ALIAS, Kind.VARIABLE, Kind.MACRO})
_CALLABLE = frozenset({Kind.FUNCTION, Kind.KERNEL, Kind.MACRO})
_PIECE_LINES = 3
_SMALL = 120  # tokens of a function that may be there only to call another
_FORWARDING = 2  # statements of a function that only calls on
_ARM = re.compile(rb"\b(?:case\b[^:]*|default\s*):(?!:)")
_ENDS_ARM = re.compile(rb"^(?:break;|return\b.*;|\})")
_LOCAL = re.compile(
    rb"^\s*(?:const\s+|constexpr\s+)*[A-Za-z_][\w:<>]*[\s*&]+(\w+\s*(?:,\s*\w+\s*)*)(?:=[^=]|;|\{)"
)


class Shape:
    """What the new declarations of the hand-made files are to the functions that the rule partitions."""

    def __init__(
        self,
        base: Sequence[Leaf],
        base_rows: Sequence[list[Row]],
        sides: Sequence[ApartSide],
        apart: frozenset[str],
        text_macros: Collection[bytes],
        only_instantiates: Callable[[str], bool],
    ) -> None:
        """``apart`` are the names of those functions, ``text_macros`` the macros that stand for their text;
        ``sides`` know what they were matched with."""
        self.text_macros = text_macros
        self.base, self.base_rows, self.sides = base, base_rows, sides
        self.apart = apart
        self._only_instantiates = only_instantiates

    @cached_property
    def pieces(self) -> Mapping[int, list[ApartSide]]:
        """New declarations that hold lines of a function that the rule partitions, by that function."""
        apart = {
            index: keys_of(self.base_rows[index])
            for index, leaf in enumerate(self.base)
            if leaf.short in self.apart and leaf.defines
        }
        found: dict[int, list[ApartSide]] = {}
        for side in self.sides:
            if side.base is not None or side.leaf.kind not in DEFINING or side.leaf.word in self.text_macros:
                continue
            # Two functions may be much alike: a piece is one's alone.
            scored = [
                (
                    self.base[index].short == side.leaf.short,
                    sum(m.size for m in matches(keys, keys_of(side.rows))),
                    -index,
                )
                for index, keys in apart.items()
            ]
            named, same, index = max(scored, default=(False, 0, 0))
            enough = same >= min(_PIECE_LINES, len(apart.get(-index, ())))
            if same and enough and (named or same >= PIECE_OF_FUNCTION * len(side.rows)):
                found.setdefault(-index, []).append(side)
        return found

    @cached_property
    def launchers(self) -> frozenset[bytes]:
        """New functions that arms call, and that only call on."""
        return frozenset(
            side.leaf.word
            for side in self._new
            if side.leaf.word in self._called and side.leaf.kind in _CALLABLE and _forwards(side)
        )

    @cached_property
    def replacements(self) -> frozenset[bytes]:
        """New declarations that arms come to, by way of launchers, and that are neither pieces nor
        launchers: what the fork has in place of upstream's arms."""
        reached = set(self._called & self._names(self._new))
        pending = list(reached)
        while pending:
            name = pending.pop()
            for side in self._new:
                if side.leaf.word == name:
                    more = (words_of(side.leaf.text) & self._names(self._new)) - reached
                    reached |= more
                    pending += more
        return frozenset(reached) - self.launchers

    @cached_property
    def split_names(self) -> frozenset[bytes]:
        """Names that only the split needs: of pieces and launchers, and of what only calls those."""
        names = {side.leaf.word for several in self.pieces.values() for side in several}
        names |= self.launchers
        names |= set(self.text_macros)
        # Macros that tell a guarded body for which shard it is compiled.
        names |= {
            side.leaf.word
            for side in self._new
            if side.leaf.kind is Kind.MACRO and self._only_instantiates(side.leaf.home)
        }
        grown = bool(names)
        while grown:
            grown = False
            for side in self._new:
                if side.leaf.word in names or side.leaf.word in self.replacements or not _forwards(side):
                    continue
                called = words_of(side.leaf.text) & (names | self.replacements)
                if called and len(side.leaf.code) < _SMALL:
                    names.add(side.leaf.word)
                    grown = True
        return frozenset(names)

    @cached_property
    def declaring(self) -> frozenset[bytes]:
        """Macros of the split's own that declare launchers, by their names: ``DECLARE_LAUNCH(1)``."""
        parts = {re.sub(rb"\d+\w*$", b"", name) for name in self.launchers} - {b""}
        return frozenset(
            side.leaf.word
            for side in self.sides
            if side.base is None
            and side.leaf.kind is Kind.MACRO
            and any(key.endswith(b"##") for key in side.leaf.code)
            and not any(key.endswith(b"{") for key in side.leaf.code)
            and any(
                word.startswith(part) or part.startswith(word)
                for part in parts
                for word in words_of(side.leaf.text)
                if len(word) > 3
            )
        )

    def locals_for_launchers(self, twin: ApartSide, base: Iterable[Row]) -> frozenset[bytes]:
        """Local variables, new in a function, that are there to be handed to launchers."""
        old = {word for row in base for word in row.words}
        declared = {
            word
            for row in twin.rows
            if (found := _LOCAL.match(twin.leaf.text[row.start : row.end]))
            for word in re.findall(rb"\w+", found[1])
        } - old
        text = twin.leaf.text
        calls = b" ".join(
            call[0]
            for name in self.launchers
            for call in re.finditer(rb"\b%s\b[^;]*;" % re.escape(name), text)
        )
        return frozenset(declared & words_of(calls))

    def is_replaced(self, twin: ApartSide) -> bool:
        """Whether the arms of a function come to something in place of upstream's."""
        reached = _words_in_arms(twin) & (self.launchers | self.replacements)
        for side in self._new:
            if side.leaf.word in reached:
                reached |= words_of(side.leaf.text)
        return not self.replacements.isdisjoint(reached)

    def replaced_in(self) -> set[str]:
        """The functions of which that is so."""
        return {
            self.base[side.base].name
            for side in self.sides
            if side.base is not None and self.base[side.base].short in self.apart and self.is_replaced(side)
        }

    # ------------------------------------------------------------------------------------------------

    @cached_property
    def _new(self) -> list[ApartSide]:
        pieces = {id(side) for several in self.pieces.values() for side in several}
        return [
            side
            for side in self.sides
            if side.base is None
            and side.leaf.kind in DEFINING
            and id(side) not in pieces
            and (side.leaf.defines or side.leaf.kind is Kind.MACRO)
        ]

    @cached_property
    def _called(self) -> frozenset[bytes]:
        """What the arms of the functions that were taken apart name."""
        found: set[bytes] = set()
        for side in self.sides:
            if side.base is not None and self.base[side.base].short in self.apart:
                found |= _words_in_arms(side)
        return frozenset(found)

    @staticmethod
    def _names(sides: Iterable[ApartSide]) -> frozenset[bytes]:
        return frozenset(side.leaf.word for side in sides)


def _words_in_arms(side: ApartSide) -> set[bytes]:
    words: set[bytes] = set()
    inside = False
    for row in side.rows:
        inside = inside or bool(_ARM.search(side.leaf.text[row.start : row.end]))
        if inside:
            words |= set(row.words)
        if inside and _ENDS_ARM.match(row.key):
            inside = False
    return words


def _forwards(side: ApartSide) -> bool:
    body = side.leaf.text.partition(b"{")[2]
    return (body.count(b";") or side.leaf.text.count(b";")) <= _FORWARDING


@dataclass(frozen=True)
class Needed:
    """New declarations that some functions come to: each with the first user's number, what it uses before
    it; and those that one file can't hold, with why."""

    order: tuple[tuple[ApartSide, int], ...]
    unfit: tuple[tuple[ApartSide, str], ...]


def needed(sides: Sequence[ApartSide], users: Mapping[int, bytes], known: set[bytes]) -> Needed:
    """The new declarations among ``sides`` that the texts of ``users`` (by number) come to, by name.

    ``known`` are the names that the monolith defines. Equal copies count once.
    """
    new: dict[bytes, list[ApartSide]] = {}
    unfit: list[tuple[ApartSide, str]] = []
    for side in sides:
        if side.base is not None or side.leaf.kind not in DEFINING or not _is_real(side.leaf):
            continue
        here = new.setdefault(side.leaf.word, [])
        if any(other.leaf.code == side.leaf.code for other in here):
            continue
        if any(_identity(other.leaf) == _identity(side.leaf) for other in here):
            unfit.append((side, "the split has several of this name and signature: one file can hold one"))
            continue
        here.append(side)
    order: list[tuple[ApartSide, int]] = []
    done: set[int] = set()

    def visit(words: Iterable[bytes], user: int) -> None:
        for word in sorted(words):
            for side in new.get(word, ()):
                if id(side) not in done:
                    done.add(id(side))
                    visit(words_of(side.leaf.text) - {word}, user)
                    order.append((side, user))

    for user, text in users.items():
        visit(words_of(text), user)
    used = {side.leaf.word for side, _ in order}
    return Needed(tuple(order), tuple((side, why) for side, why in unfit if side.leaf.word in used))


def _is_real(leaf: Leaf) -> bool:
    return leaf.defines and leaf.kind is not Kind.INCLUDE


def _identity(leaf: Leaf) -> tuple[object, ...]:
    return leaf.kind, leaf.name, leaf.arguments, leaf.template, leaf.parameters, leaf.condition
