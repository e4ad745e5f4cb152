"""Renames: a name that one side gave up everywhere for another, so that the other side's edits can follow.

A rename commutes with an edit: with the rename applied to the base and to the other side, only the edits are
left to merge. It counts as one only if the old name is gone from that side, the new one was unknown to all
versions, and the two stand in each other's place nearly everywhere in unchanged surroundings.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from functools import lru_cache

from mergeguard.cpp.diff import Change, diff, matches
from mergeguard.cpp.likeness import RENAMED_DECLARATION, RENAMED_USES, TOO_CLOSE
from mergeguard.cpp.remember import remembered
from mergeguard.cpp.tokens import Tokens, tokens_of, units_of
from mergeguard.values import dataclass

_NAME = re.compile(rb"[A-Za-z_]\w*")
_KEY = re.compile(rb"[#/]*([A-Za-z_]\w*)$")
_STRING = re.compile(rb'#?"=')
_COMMENT = re.compile(rb"#?/[^/*\n]")
_SPECIAL = re.compile(rb"_|[0-9]|[a-z][A-Z]")
_ACCESS = frozenset((b".", b"->", b"::"))
_MANY = 4  # uses, in which one side alone calls a thing by a new name
_USES = 2  # in which both sides call a thing by a new name, at least
_DECLARING = frozenset(
    (b"define", b"struct", b"class", b"enum", b"union", b"namespace", b"using", b"typename")
)
_NOT_A_TYPE = frozenset(
    (b"return", b"case", b"else", b"throw", b"goto", b"new", b"delete", b"defined", b"ifdef")
)
_IN_A_TYPE = frozenset((b"::", b"<", b">", b"*", b"&", b"&&"))
_BEFORE_DECLARATION = frozenset((b";", b"{", b"}", b"(", b",", b"\n", b":", b"/\n"))
_AFTER_DECLARATOR = frozenset((b"(", b"=", b";", b",", b")", b"{", b"[", b":"))


@dataclass(frozen=True, slots=True)
class Rename:
    """``old`` became ``new`` on one side: in code; in comments where that side has no ``old`` left at all;
    in strings and behind `.`, `->` or `::` only if the base has it there (else that is another thing)."""

    old: bytes
    new: bytes
    comments: bool
    strings: bool
    members: bool


def find_renames(base: bytes, side: bytes, other: bytes) -> tuple[Rename, ...]:
    """The renames that ``side`` made and ``other`` does not contradict."""
    gone, new = gone_and_new(base, side, other)
    if not gone or not new:
        return ()
    new_said = _words_of(side)
    b, s = tokens_of(base), tokens_of(side)
    # Only what the file itself declares (a call of somebody else's function is no rename), and not what the
    # other side declares anew: that is another thing of the same name.
    declared, anew = declarations(b, frozenset(gone)), declarations(tokens_of(other), frozenset(gone))
    gone = frozenset(name for name in gone if 0 < declared[name] >= anew[name])
    if not gone:
        return ()
    pairs = _replaced(b, s, gone, new)
    uses = Counter(name for key in b.keys for name in _name_of(key) if name in gone)
    found: list[Rename] = []
    for old in sorted({old for old, _ in pairs}):
        ranked = [(count, new_name) for (was, new_name), count in pairs.items() if was == old]
        count, best = max(ranked)
        contested = sum(n for (was, now), n in pairs.items() if now == best and was != old)
        if (
            count >= max(1, RENAMED_USES * uses[old])
            and contested == 0
            and count == sum(n for n, _ in ranked)
        ):
            everywhere = old not in new_said
            strings, comments = (
                everywhere and old in _words_behind(base, mark) for mark in (_STRING, _COMMENT)
            )
            # A word of English in a comment is no use of the name.
            comments = comments or (everywhere and _SPECIAL.search(old) is not None)
            found.append(Rename(old, best, comments, strings, old in _members_of(base)))
    return tuple(found)


def gone_and_new(base: bytes, side: bytes, other: bytes) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """The names that ``side`` alone lacks, and those that it alone has; none where it has no new word."""
    # Comments count here, which at worst looks at a name in vain: most merges end after three searches.
    said, new_said, other_said = map(_words_of, (base, side, other))
    if not new_said - said - other_said:
        return frozenset(), frozenset()
    known, there, elsewhere = names(base), names(side), names(other)
    return (known & elsewhere) - there, there - known - elsewhere


@remembered
def _words_behind(text: bytes, mark: re.Pattern[bytes]) -> frozenset[bytes]:
    """The words of the tokens that begin with a mark: of strings, or of comments."""
    return frozenset(name for key in tokens_of(text).keys if mark.match(key) for name in _NAME.findall(key))


@remembered
def _words_of(text: bytes) -> frozenset[bytes]:
    """Every word of a text, comments included."""
    return frozenset(_NAME.findall(text))


def made_by_both(base: bytes, ours: bytes, theirs: bytes) -> tuple[Rename, ...]:
    """Names of the base that neither side has any more, since both call the thing by one new name.

    One side must show it, having the new name in the old one's place in every use that it left as it was;
    the other must have the new name, too. What either removed or edited beside the name is its edit, then,
    and the name none.
    """
    known, mine, other = names(base), names(ours), names(theirs)
    gone, new = known - mine - other, (mine & other) - known
    if not gone or not new:
        return ()
    b = tokens_of(base)
    uses = Counter(name for key in b.keys for name in _name_of(key) if name in gone)
    found: dict[bytes, set[bytes]] = defaultdict(set)
    for side in (ours, theirs):
        pairs = _replaced(b, tokens_of(side), gone, new)
        for old in gone:
            became = {now: count for (was, now), count in pairs.items() if was == old}
            if len(became) == 1 and sum(became.values()) >= max(_USES, RENAMED_USES * uses[old]):
                found[old] |= became.keys()
    single = {old: min(now) for old, now in found.items() if len(now) == 1}
    shared = Counter(single.values())
    return tuple(
        Rename(old, now, False, False, True) for old, now in sorted(single.items()) if shared[now] == 1
    )


def exchanged(base: bytes, side: bytes, other: bytes) -> tuple[Rename, ...]:
    """Names that ``side`` exchanged for another in all that it left of the base, and ``other`` still has.

    They need not be the file's own (a macro of some header): what else such an edit touches is only a name.
    One that the base declares is none of them if ``other`` newly uses it: that use has to follow.
    """
    known, there, elsewhere = names(base), names(side), names(other)
    gone, new = (known & elsewhere) - there, there - known
    if not gone or not new:
        return ()
    b = tokens_of(base)
    uses = Counter(name for key in b.keys for name in _name_of(key) if name in gone)
    pairs = _replaced(b, tokens_of(side), gone, new)
    found = [
        (old, now) for (old, now), count in pairs.items() if count >= max(_MANY, RENAMED_USES * uses[old])
    ]
    befores, afters = Counter(old for old, _ in pairs), Counter(now for _, now in pairs)
    found = sorted((old, now) for old, now in found if befores[old] == 1 and afters[now] == 1)
    following: set[bytes] = set()
    if found:
        declared = {*declarations(b, frozenset(old for old, _ in found)), *owners_of_members(base)}
        following = declared & _newly_used(b, tokens_of(other))
    return tuple(Rename(old, now, False, False, True) for old, now in found if old not in following)


def _newly_used(base: Tokens, side: Tokens) -> set[bytes]:
    """The names in tokens of a side that are not from the base."""
    kept = {match.b + k for match in matches(base.keys, side.keys) for k in range(match.size)}
    return {name for index, key in enumerate(side.keys) if index not in kept for name in _name_of(key)}


def renamed_where_kept(base: bytes, side: bytes, renames: Iterable[Rename]) -> bytes:
    """``side`` with the new names in each token of code that it has from the base."""
    table = {mark + rename.old: rename.new for rename in renames for mark in (b"", b"#")}
    old, now = tokens_of(base), tokens_of(side)
    kept = {match.b + k for match in matches(old.keys, now.keys) for k in range(match.size)}
    words = [
        table.get(key, text) if index in kept else text
        for index, (key, text) in enumerate(zip(now.keys, now.texts, strict=True))
    ]
    return b"".join(gap + word for gap, word in zip(now.gaps, words, strict=True)) + now.tail


@remembered
def _members_of(text: bytes) -> frozenset[bytes]:
    """What stands behind `.`, `->` or `::` somewhere."""
    keys = [key.lstrip(b"#") for key in tokens_of(text).keys]
    return frozenset(key for before, key in zip(keys, keys[1:], strict=False) if before in _ACCESS)


def of_the_file(renames: Iterable[Rename], base: bytes, side: bytes) -> tuple[Rename, ...]:
    """Those of the renames that concern the whole file: of its namespaces, and of what it declares at its top
    level, where the new declaration is nearly the old one, and no twin of either is left over. Any other name
    means something in its own declaration only."""
    from mergeguard.cpp.items import Kind
    from mergeguard.cpp.leaves import leaves_of, similarity

    renames = tuple(renames)
    if not renames:
        return ()
    leaves = [leaves_of(text)[0] for text in (base, side)]
    old, new = ({x.word: x for x in found if not x.placed} for found in leaves)
    before, now = (Counter(x.word for x in found if x.kind is Kind.OPAQUE) for found in leaves)
    left = [x.code for name, x in old.items() if name not in new]
    right = [x.code for name, x in new.items() if name not in old]

    def certain(r: Rename) -> bool:
        spaces = [b"namespace %s {" % name for name in (r.old, r.new)]
        if 0 < before[spaces[0]] == now[spaces[1]] and not now[spaces[0]]:
            return True
        if r.old not in old or r.new not in new:
            return False
        was, became = old[r.old].code, new[r.new].code
        if (alike := similarity(was, became)) < RENAMED_DECLARATION:
            return False
        twins = [
            sum(similarity(x, y) >= alike - TOO_CLOSE for x in side)
            for side, y in ((left, became), (right, was))
        ]
        return twins[0] == twins[1]

    return tuple(filter(certain, renames))


def changed_by_both(name: bytes, base: bytes, ours: bytes, theirs: bytes) -> bool:
    """Whether the declaration of ``name``, which all versions have, is another one on both sides."""
    from mergeguard.cpp.leaves import leaves_of

    codes = [[x.code for x in leaves_of(text)[0] if x.word == name] for text in (base, ours, theirs)]
    return codes[0] not in codes[1:] and codes[1] != codes[2]


@remembered
def names(text: bytes) -> frozenset[bytes]:
    """Every name in the code of ``text`` (comments and strings apart)."""
    return frozenset(name for key in set(tokens_of(text).keys) for name in _name_of(key))


def apply_renames(text: bytes, renames: Iterable[Rename]) -> bytes:
    """``text`` with every use of an old name made the new one."""
    from mergeguard.cpp.lexer import TokenKind, lex

    table = {rename.old: rename for rename in renames}
    if not any(old in text for old in table):
        return text
    parts: list[bytes] = []
    at = 0
    before = b""
    lexed = lex(text)
    for kind, start, word in zip(lexed.kinds, lexed.starts, lexed.texts, strict=True):
        new = word
        if kind == TokenKind.IDENT:
            rename = table.get(word)
            if rename is not None and (rename.members or before not in _ACCESS):
                new = rename.new
        elif kind in (TokenKind.COMMENT, TokenKind.STRING):
            for rename in table.values():
                if rename.comments if kind == TokenKind.COMMENT else rename.strings:
                    whole = rb"(?<![A-Za-z0-9_])" + re.escape(rename.old) + rb"(?![A-Za-z0-9_])"
                    new = re.sub(whole, rename.new, new)
        if new is not word:
            parts += (text[at:start], new)
            at = start + len(word)
        if kind != TokenKind.COMMENT:
            before = word
    return b"".join([*parts, text[at:]])


@lru_cache(maxsize=1 << 14)
def _name_of(key: bytes) -> Sequence[bytes]:
    if key[:1] == b"/" or key[:2] == b"#/":
        return ()
    match = _KEY.match(key)
    return (match.group(1),) if match else ()


def declarations(tokens: Tokens, wanted: frozenset[bytes]) -> Counter[bytes]:
    """How often each of the wanted names is declared: after a type, ``#define``, ``class`` and the like."""
    return Counter(name for name, _ in _declared(tokens, wanted))


@remembered
def owners_of_members(text: bytes) -> frozenset[bytes]:
    """The classes and namespaces that a file defines functions of (`void Row::add() {`): as good as declared
    in it, wherever that may be."""
    from mergeguard.cpp.leaves import leaves_of

    found: set[bytes] = set()
    for leaf in leaves_of(text)[0]:
        head = leaf.code[: leaf.code.index(b"(")] if {b"(", b"{"} <= set(leaf.code) else ()
        if len(head) > 2 and head[-2] == b"::":
            found.add(head[-3])
    return frozenset(found)


def _declared(tokens: Tokens, wanted: frozenset[bytes]) -> Iterator[tuple[bytes, int]]:
    keys = tokens.keys
    marked = wanted | {b"#" + name for name in wanted}
    for index in range(1, len(keys) - 1):
        if keys[index] not in marked:
            continue
        before, after = keys[index - 1].lstrip(b"#") or b"#", keys[index + 1].lstrip(b"#") or b"#"
        if before in (b"*", b"&", b"&&", b">"):
            # `T* x` where a declaration may begin, not the product `a * x`.
            back = index - 2
            while back > 0 and (
                keys[back].lstrip(b"#") in _IN_A_TYPE or _NAME.fullmatch(keys[back].lstrip(b"#"))
            ):
                back -= 1
            named = back < index - 2 and (
                back < 0 or (keys[back].lstrip(b"#") or b"#") in _BEFORE_DECLARATION
            )
        else:
            named = _NAME.fullmatch(before) is not None and before not in _NOT_A_TYPE
        if before in _DECLARING or (named and after in _AFTER_DECLARATOR):
            yield keys[index].lstrip(b"#"), index


def _replaced(b: Tokens, s: Tokens, gone: Set[bytes], new: Set[bytes]) -> Counter[tuple[bytes, bytes]]:
    """How often which lost name stands where which new name stands now.

    The names that may take part are blanked out first, so that a unit that differs in nothing else matches.
    """
    blank_b = [b"\0" if any(n in gone for n in _name_of(k)) else k for k in b.keys]
    blank_s = [b"\0" if any(n in new for n in _name_of(k)) else k for k in s.keys]
    starts_b, starts_s = units_of(b), units_of(s)
    units_b = [tuple(blank_b[i:j]) for i, j in zip(starts_b, starts_b[1:], strict=False)]
    units_s = [tuple(blank_s[i:j]) for i, j in zip(starts_s, starts_s[1:], strict=False)]
    pairs: Counter[tuple[bytes, bytes]] = Counter()
    left_b: dict[tuple[bytes, ...], list[int]] = defaultdict(list)
    left_s: dict[tuple[bytes, ...], list[int]] = defaultdict(list)

    def pair(unit_b: int, unit_s: int) -> None:
        i, j = starts_b[unit_b], starts_s[unit_s]
        for k in range(len(units_b[unit_b])):
            if blank_b[i + k] == b"\0":
                pairs[_name_of(b.keys[i + k])[0], _name_of(s.keys[j + k])[0]] += 1

    at_b = at_s = 0
    end = Change(len(units_b), len(units_b), len(units_s), len(units_s))
    for change in [*diff(units_b, units_s), end]:
        for offset in range(change.a0 - at_b):
            pair(at_b + offset, at_s + offset)
        for table, units, first, last in (
            (left_b, units_b, change.a0, change.a1),
            (left_s, units_s, change.b0, change.b1),
        ):
            for index in range(first, last):
                if b"\0" in units[index]:
                    table[units[index]].append(index)
        at_b, at_s = change.a1, change.b1
    # Code that moved: the same unit elsewhere, where there is no doubt which.
    for key, places in left_b.items():
        if len(places) == len(left_s.get(key, ())):
            for unit_b, unit_s in zip(places, left_s[key], strict=True):
                pair(unit_b, unit_s)
    return pairs
