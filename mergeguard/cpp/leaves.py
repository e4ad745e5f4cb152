"""A file as *leaves*: its declarations in order, namespaces opened, and which is which in another version.

The ladder of matches goes down: the exact key, then the same code, then ever fewer parts of the key,
then similarity of the body. Directives and comments have no identity of their own; they are matched by
their place between what has one.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache

from mergeguard.cpp.diff import diff
from mergeguard.cpp.items import NAMED_KINDS, Item, ItemKey, Kind, Source
from mergeguard.cpp.likeness import SAME_DECLARATION, TOO_CLOSE
from mergeguard.cpp.remember import remembered
from mergeguard.cpp.source import nested, parse
from mergeguard.cpp.tokens import is_comment, tokens_of
from mergeguard.values import dataclass, field, replace

# Kinds whose name says nothing about which one it is.
_PLACED = frozenset((Kind.CONDITIONAL, Kind.COMMENT, Kind.OPAQUE, Kind.PRAGMA, Kind.UNDEF))
_SIMILAR_KINDS = frozenset((Kind.FUNCTION, Kind.KERNEL, Kind.TYPE, Kind.MACRO))
_BLANK_LINES = re.compile(rb"\A(?:[ \t]*\r?\n)+")
_SIMILAR_TOKENS = 12
_ENUM = frozenset((b"enum", b"class", b"struct"))
_IDENT = re.compile(rb"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One piece of a file: ``text`` with its leading comments; ``home`` is the file it is in."""

    home: str
    text: bytes
    key: ItemKey
    defines: bool = False
    nested: bool = False
    _keys: list[tuple[bytes, ...]] = field(default_factory=list, compare=False, repr=False)

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The tokens, comments included; computed once."""
        if not self._keys:
            self._keys.append(tokens_of(self.text).keys)
        return self._keys[0]

    @property
    def code(self) -> tuple[bytes, ...]:
        """The tokens of the code alone."""
        return _code_of(self.text)

    @property
    def identifiers(self) -> frozenset[bytes]:
        """The identifiers of the code, those of directives too."""
        return frozenset(key.lstrip(b"#") for key in self.code if _IDENT.fullmatch(key.lstrip(b"#")))

    @property
    def short(self) -> str:
        return self.name.rsplit("::", 1)[-1]

    @property
    def word(self) -> bytes:
        """``short`` as it stands in the text."""
        return self.short.encode("utf-8", "surrogateescape")

    @property
    def placed(self) -> bool:
        return self.kind in _PLACED or not self.name

    @property
    def kind(self) -> Kind:
        return self.key.kind

    @property
    def name(self) -> str:
        return self.key.name

    @property
    def arguments(self) -> str:
        return self.key.arguments

    @property
    def template(self) -> str:
        return self.key.template

    @property
    def parameters(self) -> str:
        return self.key.parameters

    @property
    def condition(self) -> tuple[str, ...]:
        return self.key.condition

    @property
    def overload(self) -> tuple[object, ...]:
        return self.key.overload

    @property
    def signature(self) -> tuple[object, ...]:
        return self.key.signature

    @property
    def named(self) -> tuple[Kind, str]:
        return self.key.named


@remembered
def _code_of(text: bytes) -> tuple[bytes, ...]:
    return tuple(key for key in tokens_of(text).keys if not is_comment(key))


@lru_cache(maxsize=16)
def leaves_of(text: bytes, home: str = "") -> tuple[tuple[Leaf, ...], bool]:
    """The leaves of a file, which concatenate to it, and whether it could be read without a problem.

    (A merge asks for the same versions again and again.)
    """
    source = parse(text, calls_end=True)
    found: list[Leaf] = []
    _collect(source, source.items, home, found)
    if len(found) > 1 and found[0].kind is Kind.COMMENT:
        # The blank lines behind a file's first comment stay with it, whatever comes to stand there.
        blank = len(found[1].text) - len(_BLANK_LINES.sub(b"", found[1].text))
        comment, first = found[0].text + found[1].text[:blank], found[1].text[blank:]
        found[:2] = [replace(found[0], text=comment, _keys=[]), replace(found[1], text=first, _keys=[])]
    return tuple(found), not source.problems


def _collect(source: Source, items: Iterable[Item], home: str, found: list[Leaf]) -> None:
    for item in items:
        inner = nested(source, item, calls_end=True) if item.kind is Kind.NAMESPACE and item.body else ()
        if not inner:
            found.append(_leaf(source.text, item, item.start, item.end, home))
            continue
        opening = source.text[item.start : inner[0].start]
        found.append(
            Leaf(home, opening, ItemKey(Kind.OPAQUE, f"namespace {item.name} {{", condition=item.condition))
        )
        _collect(source, inner, home, found)
        closing = source.text[inner[-1].end : item.end]
        found.append(Leaf(home, closing, ItemKey(Kind.OPAQUE, "}", condition=item.condition)))


def _leaf(text: bytes, item: Item, start: int, end: int, home: str) -> Leaf:
    defines = item.body is not None or item.kind in (Kind.MACRO, Kind.ALIAS) or "definition" in item.flags
    return Leaf(home, text[start:end], replace(item.key, ordinal=0), defines)


def needs(one: Leaf, two: Leaf) -> bool:
    """Whether a declaration names what another one declares."""
    return two.kind in NAMED_KINDS and not two.placed and not _declared(two).isdisjoint(one.identifiers)


def _declared(leaf: Leaf) -> frozenset[bytes]:
    if leaf.kind is Kind.TYPE and b"enum" in leaf.code:
        return leaf.identifiers - _ENUM  # its enumerators
    return frozenset((leaf.word,))


def match(base: Sequence[Leaf], side: Sequence[Leaf]) -> dict[int, int]:
    """Index in ``side`` -> index in ``base`` of the same leaf; nothing is matched twice."""
    pairs: dict[int, int] = {}
    free_base = {i for i, leaf in enumerate(base) if not leaf.placed}
    free_side = {i for i, leaf in enumerate(side) if not leaf.placed}

    def step(key: Callable[[Leaf], Hashable], *, uneven: bool) -> None:
        groups: dict[Hashable, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for i in sorted(free_base):
            groups[key(base[i])][0].append(i)
        for j in sorted(free_side):
            groups[key(side[j])][1].append(j)
        for ours, theirs in groups.values():
            # Includes of one name are told apart by their place (see _match_placed).
            unequal = uneven and ours and theirs and base[ours[0]].kind is not Kind.INCLUDE
            if len(ours) == len(theirs) or unequal:
                if len(ours) != len(theirs):
                    aligned = _align([base[i] for i in ours], [side[j] for j in theirs])
                else:
                    aligned = list(zip(range(len(ours)), range(len(theirs)), strict=True))
                for x, y in aligned:
                    pairs[theirs[y]] = ours[x]
                    free_base.discard(ours[x])
                    free_side.discard(theirs[y])

    step(lambda leaf: (leaf.overload, leaf.text), uneven=True)
    step(lambda leaf: leaf.overload, uneven=True)
    step(lambda leaf: (leaf.kind, leaf.code) if len(leaf.code) > 3 else id(leaf), uneven=True)
    step(lambda leaf: (leaf.kind, leaf.short, leaf.arguments, leaf.parameters, leaf.condition), uneven=False)
    step(lambda leaf: (leaf.kind, leaf.short, leaf.arguments, leaf.parameters), uneven=False)
    step(lambda leaf: (leaf.short, leaf.arguments, leaf.condition, leaf.defines), uneven=False)
    step(lambda leaf: (leaf.short, leaf.defines), uneven=False)
    _match_similar(base, side, free_base, free_side, pairs)
    _match_placed(base, side, pairs)
    _match_blocks(base, side, pairs)
    return pairs


def _align(base: Sequence[Leaf], side: Sequence[Leaf]) -> list[tuple[int, int]]:
    """Pairs of leaves with equal keys whose numbers differ: those with the same code first, in order."""
    from mergeguard.cpp.diff import matches

    pairs = [
        (m.a + k, m.b + k)
        for m in matches([leaf.code for leaf in base], [leaf.code for leaf in side])
        for k in range(m.size)
    ]
    used_a, used_b = {a for a, _ in pairs}, {b for _, b in pairs}
    rest_a = [a for a in range(len(base)) if a not in used_a]
    rest_b = [b for b in range(len(side)) if b not in used_b]
    return pairs + list(zip(rest_a, rest_b, strict=False))


def similarity(a: Sequence[bytes], b: Sequence[bytes]) -> float:
    """How much of two token lists is common, order aside: 0 to 1 (Dice's coefficient of the bags)."""
    if not a or not b:
        return 0.0
    one, two = Counter(a), Counter(b)
    return 2 * (one & two).total() / (len(a) + len(b))


def _match_similar(
    base: Sequence[Leaf],
    side: Sequence[Leaf],
    free_base: set[int],
    free_side: set[int],
    pairs: dict[int, int],
) -> None:
    scored: list[tuple[float, int, int]] = []
    for i in free_base:
        if base[i].kind not in _SIMILAR_KINDS or len(base[i].code) < _SIMILAR_TOKENS:
            continue
        for j in free_side:
            if side[j].kind in _SIMILAR_KINDS and base[i].defines == side[j].defines:
                score = similarity(base[i].code, side[j].code)
                if score >= SAME_DECLARATION:
                    scored.append((-score, i, j))
    scored.sort()
    for score, i, j in scored:
        if i not in free_base or j not in free_side:
            continue
        rivals = (
            (x, y)
            for other, x, y in scored
            if (x == i) != (y == j) and other <= score + TOO_CLOSE and x in free_base and y in free_side
        )
        if next(rivals, None) is None:
            pairs[j] = i
            free_base.discard(i)
            free_side.discard(j)


def _match_placed(base: Sequence[Leaf], side: Sequence[Leaf], pairs: dict[int, int]) -> None:
    """Directives, comments and the like: by their place among what is matched already."""

    def symbol(leaf: Leaf) -> Hashable:
        return (leaf.kind, leaf.code or leaf.keys)

    in_side = {i: j for j, i in pairs.items()}
    a = [("leaf", i) if i in in_side else symbol(leaf) for i, leaf in enumerate(base)]
    b = [("leaf", pairs[j]) if j in pairs else symbol(leaf) for j, leaf in enumerate(side)]
    at_a = at_b = 0
    changes = diff(a, b)
    for change in [*changes, None]:
        end_a = change.a0 if change else len(a)
        for offset in range(end_a - at_a):
            i, j = at_a + offset, at_b + offset
            if i not in in_side and j not in pairs:
                pairs[j] = i
        if change is None:
            break
        at_a, at_b = change.a1, change.b1
        # Inside a change: an edited directive or comment goes with the only one of its kind.
        for word in {_word(base[i]) for i in range(change.a0, change.a1) if base[i].placed}:
            ours = [i for i in range(change.a0, change.a1) if base[i].placed and _word(base[i]) == word]
            theirs = [j for j in range(change.b0, change.b1) if side[j].placed and _word(side[j]) == word]
            if len(ours) == len(theirs):
                for i, j in zip(ours, theirs, strict=True):
                    if i not in in_side and j not in pairs:
                        pairs[j] = i


@dataclass(slots=True)
class LeafBlock:
    """What one ``#if`` or ``namespace`` opens: the indices of its leaves."""

    opening: int
    middles: list[int] = field(default_factory=list)
    closing: int = -1


def blocks(leaves: Sequence[Leaf]) -> list[LeafBlock]:
    """The conditional groups and namespaces that are closed, in the order of their ends."""
    open_ones: dict[Kind, list[LeafBlock]] = {Kind.CONDITIONAL: [], Kind.OPAQUE: []}
    closed: list[LeafBlock] = []
    for index, leaf in enumerate(leaves):
        stack = open_ones.get(leaf.kind)
        if stack is None:
            continue
        if leaf.name.startswith(("#if", "namespace ")):
            stack.append(LeafBlock(index))
        elif leaf.name in ("#endif", "}"):
            if stack:
                stack[-1].closing = index
                closed.append(stack.pop())
        elif stack and leaf.kind is Kind.CONDITIONAL:
            stack[-1].middles.append(index)
    return closed


def _match_blocks(base: Sequence[Leaf], side: Sequence[Leaf], pairs: dict[int, int]) -> None:
    """What ends a block goes with what opens it: one ``}`` or ``#endif`` is like another."""
    old, new = blocks(base), blocks(side)
    by_opening = {block.opening: block for block in new}
    in_side = {i: j for j, i in pairs.items()}
    for block in new:
        for j in (*block.middles, block.closing):
            pairs.pop(j, None)
    rest = set(range(len(base))) - set(pairs.values())
    for block in old:
        found = by_opening.get(in_side.get(block.opening, -1))
        if found is None:
            continue
        ours = [i for i in (*block.middles, block.closing) if i in rest]
        theirs = [*found.middles, found.closing]
        for a, b in _align([base[i] for i in ours], [side[j] for j in theirs]):
            if _word(base[ours[a]]) == _word(side[theirs[b]]):
                pairs[theirs[b]] = ours[a]


def _word(leaf: Leaf) -> Hashable:
    # `#if`, `#ifdef` and `#ifndef` are one word: a guard that is rewritten is still that guard.
    if leaf.kind is Kind.CONDITIONAL:
        code = leaf.code
        word = code[1] if len(code) > 1 else b""
        return b"#if" if word.startswith(b"#if") else word
    return (leaf.kind, leaf.name) if leaf.kind is Kind.OPAQUE else leaf.kind
