"""What a gate sees, and what it says: four versions of a text, and a fault of the merged one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from operator import add
from typing import Any, TypeVar

from mergeguard.cpp.conditions import MIDDLES, OPENERS
from mergeguard.cpp.diff import diff
from mergeguard.cpp.lexer import TokenRole, lex
from mergeguard.cpp.likeness import SAME_STATEMENT, likeness, likenesses
from mergeguard.cpp.remember import remembered
from mergeguard.cpp.scopes import DIRECTIVE, Statement, statements_of
from mergeguard.cpp.text import line_of
from mergeguard.cpp.tokens import END_OF_COMMENT, Tokens, is_comment, tokens_of
from mergeguard.values import cached_property, dataclass

Made = TypeVar("Made")

_RAW = (b'R"', b'u8R"', b'uR"', b'UR"', b'LR"')
# (Strings are read over, and what is in them.)
_COMMENT = re.compile(rb"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_WORDISH = re.compile(rb"\w")
UNBALANCED = "unbalanced"
BRACKETS = ((b"(", b")"), (b"[", b"]"), (b"{", b"}"))
_BRACES = frozenset((TokenRole.BRACE, TokenRole.CLOSE_BRACE))
_MOST_PAIRS = 10_000  # of statements that are compared between two that both texts have
_BLOCKS = (b"if", b"for", b"macro")
_BLOCK = re.compile(rb"\{%[-+]?\s*((?:end)?(?:if|for|macro))\b")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a merged text, as with no side. ``places`` are the byte ranges of the merged text
    that a person has to look at; none if no place can be told. ``doubtful``: it may be meant; what git merges
    cleanly stands, with a finding. ``of_meaning``: each edit is in its place, and the two do not fit
    together; where there are conflicts, a person looks at the file anyway."""

    code: str
    name: str
    message: str
    places: tuple[tuple[int, int], ...] = ()
    doubtful: bool = False
    of_meaning: bool = False


def misfit(code: str, name: str, message: str, places: tuple[tuple[int, int], ...]) -> Fault:
    """A fault of what two edits mean together, which nobody can be sure of by the text."""
    return Fault(code, name, message, places, doubtful=True, of_meaning=True)


class _Asked:
    """Something of which gates make what they need, each once: a merge has several results that one asks
    them of, and they share the three versions."""

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], Any] = {}

    def of(self, make: Callable[..., Made], *others: object) -> Made:
        """What ``make`` makes of it, and of ``others``; not to be changed."""
        key = (make, *others)
        if key not in self._made:
            self._made[key] = make(self, *others)
        made: Made = self._made[key]
        return made


class GateVersion(_Asked):
    """One text as statements, with what gates ask of it."""

    def __init__(self, text: bytes) -> None:
        super().__init__()
        self.text = text

    @cached_property
    def tokens(self) -> Tokens:
        return tokens_of(self.text)

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        return statements_of(self.text)

    @cached_property
    def by_keys(self) -> dict[tuple[bytes, ...], list[Statement]]:
        found: dict[tuple[bytes, ...], list[Statement]] = defaultdict(list)
        for one in self.statements:
            found[one.keys].append(one)
        return dict(found)

    @cached_property
    def counts(self) -> Counter[tuple[bytes, ...]]:
        return Counter(one.keys for one in self.statements)

    @cached_property
    def frames(self) -> frozenset[bytes]:
        """Every condition, namespace, test, … that something stands in."""
        return frozenset(frame for one in self.statements for frame in one.scope)

    @cached_property
    def pairs(self) -> frozenset[tuple[bytes, bytes]]:
        """All neighbours among the tokens of the statements."""
        return frozenset(
            pair for one in self.statements for pair in zip(one.keys, one.keys[1:], strict=False)
        )

    @cached_property
    def _ends(self) -> list[int]:
        return [*accumulate(map(add, map(len, self.tokens.gaps), map(len, self.tokens.texts)), initial=0)]

    def span(self, one: Statement) -> tuple[int, int]:
        """The bytes of a statement."""
        return self._ends[one.start] + len(self.tokens.gaps[one.start]), self._ends[one.end]

    def parts(self, one: Statement) -> tuple[bytes, ...]:
        """The keys of a statement with each string literal, and each line of a raw one, as one, and a comma
        between neighbours: they are the elements of a list as much as arguments are."""
        if b'"<' not in one.keys:
            return tuple(part for key in one.keys for part in _lines_of(key))
        found: list[bytes] = []
        inside = False
        for index in range(one.start, one.end):
            key = self.tokens.keys[index].removeprefix(b"#")
            if inside and key != b'">':
                if b'"' in self.tokens.gaps[index]:
                    found += [b",", b'"=']
                found[-1] += key.removeprefix(b'"=')
            elif key == b'"<':
                found.append(b'"=')
            elif key and not is_comment(key) and key not in (b"\n", b'">', END_OF_COMMENT):
                found += _lines_of(key)
            inside = key == b'"<' or (inside and key != b'">')
        return tuple(found)

    def left_open(self, opening: bytes, closing: bytes) -> int:
        """How many brackets of a kind are opened and not closed; negative for the reverse."""
        return self._brackets.count(opening) - self._brackets.count(closing)

    @cached_property
    def _brackets(self) -> bytes:
        """The roles of the tokens outside of preprocessor lines; those of brackets are their signs."""
        lexed = lex(self.text)
        roles = bytearray(lexed.roles)
        for line in lexed.directives:
            roles[line.first : line.last] = bytes(line.last - line.first)
        return bytes(roles)

    @cached_property
    def open_blocks(self) -> frozenset[bytes]:
        """The words whose blocks (Jinja's ``{% if … %}``) do not pair."""
        words = Counter(_BLOCK.findall(self.text))
        return frozenset(word for word in _BLOCKS if words[word] != words[b"end" + word])

    @cached_property
    def nested_comments(self) -> list[tuple[int, int]]:
        """The bytes of block comments in which another one begins."""
        return [
            found.span()
            for found in _COMMENT.finditer(self.text)
            if found[0].startswith(b"/*") and b"/*" in found[0][2:]
        ]

    @cached_property
    def is_odd(self) -> bool:
        """Whether an ``#if`` has no end or two ``#else``, or the reverse."""
        others: list[bool] = []  # by open group: whether its #else has come
        for one in self.statements:
            word = directive_of(one)
            if word in (b"if", b"ifdef", b"ifndef"):
                others.append(False)
            elif word in (b"else", b"elif", b"endif"):
                if not others or (word != b"endif" and others[-1]):
                    return True
                if word == b"endif":
                    others.pop()
                else:
                    others[-1] = word == b"else"
        return bool(others)

    @cached_property
    def torn(self) -> list[tuple[int, int]]:
        """The bytes between braces that pair, but stand in different branches of the preprocessor."""
        lexed = lex(self.text)
        branch: tuple[int, ...] = ()  # the directives that began the open groups' branches
        line = 0
        opened: list[tuple[int, tuple[int, ...]]] = []
        found: list[tuple[int, int]] = []
        for index, role in enumerate(lexed.roles):
            if role not in _BRACES or lexed.directive_of[index] >= 0:
                continue
            while line < len(lexed.directives) and lexed.directives[line].first < index:
                word = lexed.directives[line].name
                if word in OPENERS:
                    branch = (*branch, line)
                elif branch and (word in MIDDLES or word == "endif"):
                    branch = (*branch[:-1], line) if word in MIDDLES else branch[:-1]
                line += 1
            if role == TokenRole.BRACE:
                opened.append((lexed.starts[index], branch))
            elif opened:
                start, there = opened.pop()
                if there != branch:
                    found.append((start, lexed.end(index)))
        return found

    def body(self, head: Statement) -> tuple[int, int]:
        """The bytes of a head with what it opens, to the brace behind its last statement."""
        start, end = self.span(head)
        at = self.statements.index(head) + 1
        inner = (*head.scope, head.declares)
        while at < len(self.statements) and self.statements[at].scope[: len(inner)] == inner:
            end = self.span(self.statements[at])[1]
            at += 1
        return start, max(end, self.text.find(b"}", end) + 1)

    def line(self, one: Statement) -> int:
        """The 1-based line on which a statement begins."""
        return line_of(self.text, self.span(one)[0])


def _lines_of(key: bytes) -> Sequence[bytes]:
    """The lines of a raw string that say something, as a list; any other key itself."""
    if b"\n" not in key or not key.startswith(_RAW):
        return (key,)
    lines = [line.strip() for line in key.split(b"\n")]
    return [part for line in lines for part in (b",", b'"=' + line if _WORDISH.search(line) else line)][1:]


def directive_of(one: Statement) -> bytes:
    """The word of a directive; empty for any other statement."""
    return one.keys[1] if one.kind == DIRECTIVE and len(one.keys) > 1 else b""


@remembered
def _version_of(text: bytes) -> GateVersion:
    """The text's version: one that a merge, its repairs and its audit have looked at is not read again."""
    return GateVersion(text)


class Compared(_Asked):
    """The three versions of a merge and what came out."""

    def __init__(
        self,
        base: bytes,
        ours: bytes,
        theirs: bytes,
        merged: bytes,
        renamed: frozenset[bytes] = frozenset(),
    ) -> None:
        super().__init__()
        self.base, self.ours, self.theirs, self.merged = map(_version_of, (base, ours, theirs, merged))
        self.renamed = renamed

    @property
    def sides(self) -> tuple[GateVersion, GateVersion]:
        return self.ours, self.theirs

    @cached_property
    def is_sound(self) -> bool:
        """Whether both sides close what the base closes: else nobody knows what stands in what."""
        return all(
            side.is_odd == self.base.is_odd
            and all(side.left_open(*kind) == self.base.left_open(*kind) for kind in BRACKETS)
            for side in self.sides
        )

    @cached_property
    def brought(self) -> frozenset[tuple[bytes, ...]]:
        """The statements that the base lacks and both sides have."""
        return frozenset((self.ours.counts.keys() & self.theirs.counts.keys()) - self.base.counts.keys())

    @cached_property
    def woven(self) -> tuple[Statement, ...]:
        """The statements of the result that no version has, even under other names."""
        known = self.base.counts.keys() | self.ours.counts.keys() | self.theirs.counts.keys()
        return tuple(
            one
            for one in self.merged.statements
            if one.keys not in known and self.renamed.isdisjoint(one.keys)
        )

    @cached_property
    def edits(self) -> tuple[dict[int, int], dict[int, int]]:
        """For each side: which of its statements stands for which of the base."""
        return self.ours.of(_edits_of, self.base), self.theirs.of(_edits_of, self.base)


def _edits_of(side: GateVersion, base: GateVersion) -> dict[int, int]:
    return aligned(base, side)


def aligned(base: GateVersion, side: GateVersion) -> dict[int, int]:
    """Number of a statement of ``side`` -> number of the base's that it is, or is an edit of."""
    a, b = ([one.keys for one in version.statements] for version in (base, side))
    pairs: dict[int, int] = {}
    at_a = at_b = 0
    for change in [*diff(a, b), None]:
        end = change.a0 if change else len(a)
        pairs.update((at_b + k, at_a + k) for k in range(end - at_a))
        if change is None:
            break
        at_a, at_b = change.a1, change.b1
        pairs.update(_edited(a, b, range(change.a0, change.a1), range(change.b0, change.b1)))
    return pairs | _moved(base, side, pairs)


def _moved(base: GateVersion, side: GateVersion, pairs: Mapping[int, int]) -> dict[int, int]:
    """What stands elsewhere now, where there is no doubt which it is."""
    old, new = (
        _by_keys(version, set(range(len(version.statements))) - taken)
        for version, taken in ((base, set(pairs.values())), (side, set(pairs)))
    )
    return {
        places[0]: old[keys][0] for keys, places in new.items() if len(places) == len(old.get(keys, ())) == 1
    }


def _by_keys(version: GateVersion, numbers: set[int]) -> dict[tuple[bytes, ...], list[int]]:
    """Of some statements, by what they say, the numbers."""
    found: dict[tuple[bytes, ...], list[int]] = defaultdict(list)
    for number in sorted(numbers):
        found[version.statements[number].keys].append(number)
    return found


def _edited(
    a: Sequence[tuple[bytes, ...]], b: Sequence[tuple[bytes, ...]], old: range, new: range
) -> Iterator[tuple[int, int]]:
    """In order, the statements of ``new`` with those of ``old`` that they are an edit of: as much as possible
    of both is common then (rows of registrations are all alike, and each is most like itself)."""
    if len(old) * len(new) > _MOST_PAIRS:
        yield from _first_alike(a, b, old, new)
        return
    alike = likenesses([a[i] for i in old], [b[j] for j in new], SAME_STATEMENT)
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]  # of what is left of both
    for i in reversed(range(len(old))):
        for j in reversed(range(len(new))):
            paired = alike[i][j] + best[i + 1][j + 1] if alike[i][j] else 0.0
            best[i][j] = max(paired, best[i + 1][j], best[i][j + 1])
    i = j = 0
    while i < len(old) and j < len(new) and best[i][j]:
        if alike[i][j] and best[i][j] == alike[i][j] + best[i + 1][j + 1]:
            yield new[j], old[i]
            i, j = i + 1, j + 1
        elif best[i][j] == best[i][j + 1]:
            j += 1
        else:
            i += 1


def _first_alike(
    a: Sequence[tuple[bytes, ...]], b: Sequence[tuple[bytes, ...]], old: range, new: range
) -> Iterator[tuple[int, int]]:
    """In order, the statements of ``new`` with the first of ``old`` that they may be an edit of."""
    start = old.start
    for j in new:
        found = next((i for i in range(start, old.stop) if likeness(a[i], b[j]) >= SAME_STATEMENT), None)
        if found is not None:
            yield j, found
            start = found + 1
