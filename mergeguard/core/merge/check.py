"""What a clean merge does not prove: a look at the result for what no line merge can see.

Two stages. ``suspects`` compares only the lines that each side added and removed, so that an innocent merge
pays next to nothing; what it suspects is then looked at with the parser (``examine``).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mergeguard.core.diff import diff
from mergeguard.core.merge.lines import split_lines
from mergeguard.core.merge.result import Note

_IDENT = re.compile(rb"[A-Za-z_]\w*")
_CALLED = re.compile(rb"([A-Za-z_]\w*)\s*(?:<[^<>;(){}]*>\s*)?\(")
_CASE = re.compile(rb"\bcase\s+([^:;{}]+?)\s*:")
_DEFINE = re.compile(rb"#\s*define\s+(\w+)")
_GUARD = re.compile(rb"\s*#\s*(?:if|elif|else|ifdef|ifndef)\b")
_BLANK = re.compile(rb"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_DEFINING = (b"{", b"noexcept", b"const ", b"const\n", b"override")
_PAREN = re.compile(rb"[()]")
_NAMED = re.compile(rb"([A-Za-z_]\w*)\s*(?=[(/])")
_MACRO_HEAD = re.compile(rb"#\s*define\s+$")
_COMMENT = re.compile(rb"//[^\n]*|/\*.*?\*/")
_WORDS_OF_THE_LANGUAGE = frozenset(
    b"""
    if for while switch return sizeof case break default else do const constexpr auto void int float double
    bool char long short unsigned signed static inline template typename class struct enum using namespace
    static_cast reinterpret_cast const_cast dynamic_cast decltype alignas alignof true false nullptr public
    private protected operator new delete this define include ifdef ifndef endif elif defined pragma unroll
    __global__ __device__ __host__ __forceinline__ __restrict__ __shared__ uint32_t int32_t int64_t uint64_t
    uint8_t int8_t size_t half std torch at c10
    """.split()
)
_COPIED_KINDS = ("function", "kernel", "declaration")
_COPY, _ALIKE = 16, 0.8  # how many tokens a copy has at least, and how like its original it is


@dataclass(frozen=True, slots=True)
class SideEdit:
    """The lines that one side added and removed, and the code words in them."""

    added: tuple[bytes, ...]
    removed: tuple[bytes, ...]

    @property
    def added_words(self) -> set[bytes]:
        return _words(self.added)

    @property
    def removed_words(self) -> set[bytes]:
        return _words(self.removed)


@dataclass(frozen=True, slots=True)
class Suspects:
    """Why a merge needs a closer look; empty sets are falsy all round for an innocent one."""

    new_names: frozenset[bytes]  # names that both sides brought
    labels: frozenset[bytes]  # case labels that both sides brought
    lost_names: frozenset[bytes]  # names one side no longer has and the other side newly uses
    signatures: frozenset[bytes]  # functions whose declaration one side edited and the other newly calls
    guards: bool  # a condition was edited and something else too

    def __bool__(self) -> bool:
        return bool(self.new_names or self.labels or self.lost_names or self.signatures or self.guards)


def suspects(base: bytes, ours: bytes, theirs: bytes) -> Suspects:
    """The cheap stage: what could be wrong with any clean merge of these three."""
    mine, other = side_edit(base, ours), side_edit(base, theirs)
    labels = _labels(mine.added) & _labels(other.added)
    ours_words, theirs_words = mine.added_words, other.added_words
    common = (ours_words & theirs_words) - _WORDS_OF_THE_LANGUAGE
    new_names = {
        name for name in _missing(base, common) if may_define(mine, name) and may_define(other, name)
    }
    twice = b"".join(line for line in set(mine.added) & set(other.added) if len(line.strip()) > 8)
    for name in set(_CALLED.findall(twice)) - _WORDS_OF_THE_LANGUAGE - new_names:
        # The same head on both sides: a specialisation of an old name, perhaps.
        before = definitions(base, name).total()
        if definitions(ours, name).total() > before and definitions(theirs, name).total() > before:
            new_names.add(name)
    lost: set[bytes] = set()
    for edit, side, words in ((mine, ours, theirs_words), (other, theirs, ours_words)):
        lost |= _missing(side, (edit.removed_words & words) - _WORDS_OF_THE_LANGUAGE)
    signatures = {
        name
        for edit, side, rest in ((mine, ours, other), (other, theirs, mine))
        if edit.removed
        for name in _called(rest.added) - _called(rest.removed) - _WORDS_OF_THE_LANGUAGE
        if name in base and (new := definitions(side, name)) and definitions(base, name).keys() - new.keys()
    }
    guards = edits_guards(mine, other)
    return Suspects(frozenset(new_names), frozenset(labels), frozenset(lost), frozenset(signatures), guards)


def edits_guards(mine: SideEdit, other: SideEdit) -> bool:
    """Whether one side edited a condition, and the other anything at all."""
    return any(
        has_guard(edit.removed) and has_guard(edit.added) and bool(rest.added or rest.removed)
        for edit, rest in ((mine, other), (other, mine))
    )


def side_edit(base: bytes, side: bytes) -> SideEdit:
    """What ``side`` added and removed, as bags of lines (a line that only moved is neither)."""
    start, end_b, end_s = unequal_middle(base, side)
    old, new = Counter(split_lines(base[start:end_b])), Counter(split_lines(side[start:end_s]))
    return SideEdit(tuple((new - old).elements()), tuple((old - new).elements()))


def returned(base: bytes, ours: bytes, theirs: bytes, merged: bytes) -> list[str]:
    """Definitions and includes that ``merged`` has though one side removed them, or has twice: a side moved
    them, and to lines that is an insertion. Parses only where the lines do not add up."""
    edits = [side_edit(base, text) for text in (ours, theirs, merged)]
    o, t, m = (_bag(edit) for edit in edits)
    if all(
        m[line] == o[line] + t[line] or o[line] * t[line] > 0
        for line in o.keys() | t.keys() | m.keys()
        if len(line.strip()) > 12
    ):
        return []
    from mergeguard.core.merge.declarations import leaves_of

    def defined(text: bytes) -> dict[tuple[object, ...], str]:
        return {
            (x.kind, x.name, x.arguments, x.parameters, x.condition): x.name
            for x in leaves_of(text)[0]
            if x.defines or x.kind == "include"
        }

    old, result = defined(base), defined(merged)
    kept = defined(ours).keys() & defined(theirs).keys()
    twice = (name for name, *_ in duplicates(base, ours, theirs, merged))
    return sorted({*(name for key, name in result.items() if key in old and key not in kept), *twice})


def places(text: bytes, names: Sequence[str]) -> list[tuple[int, int]]:
    """Where ``text`` defines ``names``: byte ranges with the leading comments."""
    from mergeguard.core.merge.declarations import leaves_of

    found: list[tuple[int, int]] = []
    at = 0
    for leaf in leaves_of(text)[0] if names else ():
        if leaf.defines and leaf.name in names:
            found.append((at, at + len(leaf.text)))
        at += len(leaf.text)
    return found


def _bag(edit: SideEdit) -> Counter[bytes]:
    bag = Counter(edit.added)
    bag.subtract(edit.removed)
    return bag


def unequal_middle(a: bytes, b: bytes) -> tuple[int, int, int]:
    """The range in which two texts differ, widened to whole lines."""
    start = a.rfind(b"\n", 0, _common(a, b, from_end=False)) + 1
    rest_a, rest_b = a[start:], b[start:]
    tail = _common(rest_a, rest_b, from_end=True)
    cut = rest_a.find(b"\n", len(rest_a) - tail) if tail else -1
    tail = len(rest_a) - cut - 1 if cut >= 0 else 0
    return start, len(a) - tail, len(b) - tail


def _common(a: bytes, b: bytes, *, from_end: bool) -> int:
    """The length of the longest common prefix (or suffix), by halving: comparing slices is quick."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        size = (low + high + 1) // 2
        equal = a[len(a) - size :] == b[len(b) - size :] if from_end else a[:size] == b[:size]
        low, high = (size, high) if equal else (low, size - 1)
    return low


def _words(lines: Iterable[bytes]) -> set[bytes]:
    return set(_IDENT.findall(_COMMENT.sub(b" ", b"".join(lines))))


def may_define(edit: SideEdit, name: bytes) -> bool:
    """Whether the lines that a side added may define ``name``."""
    text = _COMMENT.sub(b" ", b"".join(edit.added))
    head = rb"(?:#\s*define|struct|class|enum|union|using|typedef[^;\n]*)\s+" + name + rb"\b"
    variable = rb"(?m)^\S[^\n(]*[\w>&*\]]\s*" + name + rb"\s*(?:[=;{\[]|$)"
    function = rb"(?m)(?:^|[\w>&*]\s+|[&*>])(?:\w+::)*" + name + rb"\s*\("
    return any(re.search(pattern, text) for pattern in (head, variable, function))


def _called(lines: Iterable[bytes]) -> set[bytes]:
    return set(_CALLED.findall(_COMMENT.sub(b" ", b"".join(lines))))


def _labels(lines: Iterable[bytes]) -> set[bytes]:
    return {b" ".join(label.split()) for label in _CASE.findall(_COMMENT.sub(b" ", b"".join(lines)))}


def has_guard(lines: Iterable[bytes]) -> bool:
    """Whether a line is a condition of the preprocessor."""
    return any(_GUARD.match(line) for line in lines)


def _missing(text: bytes, names: set[bytes]) -> set[bytes]:
    """Those of ``names`` that ``text`` does not hold as words."""
    if len(names) > 20:
        return names - set(_IDENT.findall(text))
    return {name for name in names if not _has_word(text, name)}


def _has_word(text: bytes, word: bytes) -> bool:
    if word not in text:
        return False
    return re.search(rb"(?<![A-Za-z0-9_])" + re.escape(word) + rb"(?![A-Za-z0-9_])", text) is not None


def balance(
    base: bytes, ours: bytes, theirs: bytes, merged: bytes, renamed: frozenset[bytes] = frozenset()
) -> str:
    """Why ``merged`` can't be the sum of both sides' edits, "" if it can.

    It must hold each token as often as the base and both edits make it; statements that both sides added or
    removed alike count once or twice, and a token whose number both changed in one direction may be one edit.
    Where comments and directives end, and names in ``renamed``, are not counted.
    """
    from mergeguard.core.merge.tokens import END_OF_COMMENT, END_OF_DIRECTIVE, tokens_of, units_of

    tokens = [tokens_of(text) for text in (base, ours, theirs, merged)]
    units: list[Counter[tuple[bytes, ...]]] = []
    for version in tokens[:3]:
        starts = units_of(version)
        units.append(Counter(version.keys[i:j] for i, j in zip(starts, starts[1:], strict=False)))
    same_added = _tokens_in((units[1] - units[0]) & (units[2] - units[0]))
    same_removed = _tokens_in((units[0] - units[1]) & (units[0] - units[2]))
    b, o, t, m = (Counter(version.keys) for version in tokens)
    for key in b.keys() | o.keys() | t.keys() | m.keys():
        if key in (END_OF_COMMENT, END_OF_DIRECTIVE) or any(name in key for name in renamed):
            continue
        mine, other = o[key] - b[key], t[key] - b[key]
        added = m[key] - b[key]
        low, high = mine + other - same_added[key], mine + other + same_removed[key]
        if mine * other > 0:
            low, high = min(low, mine, other), max(high, mine, other)
        if not low <= added <= high:
            what = key.decode("utf-8", "replace").strip("#/\n")
            return f"`{what}` would be {'lost' if added < low else 'doubled'} against the sum of both sides"
    return ""


def _tokens_in(units: Counter[tuple[bytes, ...]]) -> Counter[bytes]:
    count: Counter[bytes] = Counter()
    for unit, times in units.items():
        for key in unit:
            count[key] += times
    return count


def examine(base: bytes, ours: bytes, theirs: bytes, merged: bytes, why: Suspects) -> list[Note]:
    """The findings of a clean merge; duplicates of definitions have the code ``duplicate-definition``."""
    notes: list[Note] = []
    if why.lost_names:
        notes += _lost(ours, theirs, merged, why.lost_names)
    if why.new_names:
        notes += _duplicates(base, ours, theirs, merged)
    if why.labels:
        notes += _double_arms(ours, theirs, merged, why.labels)
    if why.signatures:
        notes += _signatures(base, ours, why.signatures)
    if why.guards:
        notes += _guards(ours, theirs, merged)
    return notes


def copied(base: Sequence[bytes], ours: Sequence[bytes], theirs: Sequence[bytes]) -> list[Note]:
    """Findings: a declaration that one side edited and of which the other made a copy, without the edit."""
    from mergeguard.core.merge.declarations import Leaf, leaves_of, match, similarity

    def read(texts: Sequence[bytes]) -> list[Leaf]:
        return [leaf for text in texts for leaf in leaves_of(text)[0]]

    old, sides = read(base), [read(ours), read(theirs)]
    pairs = [match(old, side) for side in sides]
    notes: list[Note] = []
    for who, editor, copier in (("our", 0, 1), ("their", 1, 0)):
        new = [
            leaf
            for j, leaf in enumerate(sides[copier])
            if j not in pairs[copier] and leaf.kind in _COPIED_KINDS and len(leaf.code) >= _COPY
        ]
        if not new:
            continue
        for j, i in pairs[editor].items():
            edited = old[i]
            if edited.kind not in _COPIED_KINDS or edited.code == sides[editor][j].code:
                continue
            copies = sorted({x.name for x in new if similarity(edited.code, x.code) >= _ALIKE})
            if copies:
                message = (
                    f"{edited.name} is edited on {who} side, and the other side brings {', '.join(copies)},"
                    " which is much like it: the edit is not there"
                )
                notes.append(Note("copied-code", message, True))
    return notes


def _line(text: bytes, offset: int) -> int:
    return text.count(b"\n", 0, offset) + 1


def _lost(ours: bytes, theirs: bytes, merged: bytes, names: Iterable[bytes]) -> list[Note]:
    from mergeguard.core.merge.declarations import leaves_of
    from mergeguard.core.merge.renames import declarations
    from mergeguard.core.merge.tokens import tokens_of

    wanted = frozenset(names)
    notes: list[Note] = []
    known: set[bytes] = set()
    line = 1
    for leaf in leaves_of(merged)[0]:
        here = {name for name in wanted - known if name in leaf.text}
        declared = declarations(tokens_of(leaf.text), wanted) if here else Counter[bytes]()
        code = set(leaf.code) if here else set()
        for name in sorted(here):
            # Once is enough; what a declaration itself declares may be another thing of the same name.
            if not declared[name] and (name in code or b"#" + name in code):
                known.add(name)
                who = "our" if not _has_word(ours, name) else "their"
                what = name.decode("utf-8", "replace")
                message = (
                    f"{what} is gone on {who} side and newly used on the other, in {leaf.name or 'the file'}"
                )
                notes.append(Note("lost-name", message, True, line))
            elif declared[name]:
                known.add(name)
                what = name.decode("utf-8", "replace")
                message = f"{what}, which one side renamed or removed, is a name of its own in {leaf.name}"
                notes.append(Note("old-name", message, True, line))
        line += leaf.text.count(b"\n")
    return notes


def duplicates(
    base: bytes, ours: bytes, theirs: bytes, merged: bytes
) -> list[tuple[str, int, int, int, int]]:
    """Definitions that ``merged`` has more often than any version: (name, start, end, start, end) of the
    first and the last, in bytes of ``merged``."""
    from mergeguard.core.merge.declarations import Leaf, leaves_of

    def key(leaf: Leaf) -> tuple[object, ...]:
        if leaf.kind == "macro":
            return (leaf.kind, leaf.name, leaf.condition)
        return (leaf.kind, leaf.name, leaf.arguments, leaf.returns, leaf.parameters, leaf.condition)

    most: dict[tuple[object, ...], int] = defaultdict(int)
    for version in (base, ours, theirs):
        for k, n in Counter(key(leaf) for leaf in leaves_of(version)[0] if leaf.defines).items():
            most[k] = max(most[k], n)
    found: dict[tuple[object, ...], list[tuple[int, int]]] = defaultdict(list)
    names: dict[tuple[object, ...], str] = {}
    at = 0
    for leaf in leaves_of(merged)[0]:
        if leaf.defines and leaf.name and not leaf.placed:
            found[key(leaf)].append((at, at + len(leaf.text)))
            names[key(leaf)] = leaf.name
        at += len(leaf.text)
    return [
        (names[k], *places[0], *places[-1]) for k, places in found.items() if len(places) > max(most[k], 1)
    ]


def _duplicates(base: bytes, ours: bytes, theirs: bytes, merged: bytes) -> list[Note]:
    return [
        Note(
            "duplicate-definition",
            f"both sides brought a definition of {name}; the first is at line {_line(merged, start)}",
            True,
            _line(merged, last),
        )
        for name, start, _, last, _ in duplicates(base, ours, theirs, merged)
    ]


def _double_arms(ours: bytes, theirs: bytes, merged: bytes, labels: Iterable[bytes]) -> list[Note]:
    from mergeguard.core.branches import branchings
    from mergeguard.core.source import parse

    def arms(text: bytes) -> Counter[tuple[int, str]]:
        source = parse(text)
        count: Counter[tuple[int, str]] = Counter()
        number = 0
        for item in source.items:
            for branching in branchings(source, item):
                if branching.kind != "switch":
                    continue
                number += 1
                count.update((number, label) for arm in branching.arms for label in arm.labels)
        return count

    before = max((max(arms(side).values(), default=1) for side in (ours, theirs)), default=1)
    wanted = {label.replace(b" ", b"") for label in labels}
    return [
        Note("duplicate-arm", f"both sides brought an arm `case {label}:` of one switch", True)
        for (_, label), count in arms(merged).items()
        if count > before and label.encode("utf-8", "surrogateescape").replace(b" ", b"") in wanted
    ]


def definitions(text: bytes, name: bytes) -> Counter[bytes]:
    """How often and with which parameter lists, without white space and comments, ``text`` defines a function
    or macro ``name``; found by its brackets alone, since this runs on every merge."""
    found: Counter[bytes] = Counter()
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        alone = not (text[at - 1 : at].isalnum() or text[at - 1 : at] == b"_") if at else True
        parameters = _defined_with(text, at, end) if alone else None
        if parameters is not None:
            found[parameters] += 1
        at = text.find(name, end)
    return found


def _defined_with(text: bytes, at: int, end: int) -> bytes | None:
    """The parameters of the function or macro whose name is ``text[at:end]``; None if it is no definition."""
    opening = _BLANK.match(text, end)
    at_paren = opening.end() if opening else end
    if text[at_paren : at_paren + 1] != b"(":
        return None
    depth, close = 0, at_paren
    for match in _PAREN.finditer(text, at_paren):
        depth += 1 if match.group() == b"(" else -1
        if depth == 0:
            close = match.end()
            break
    rest = _BLANK.match(text, close)
    following = text[rest.end() if rest else close :][:9]
    line = text[text.rfind(b"\n", 0, at) + 1 : at]
    if following.startswith(_DEFINING) or _MACRO_HEAD.search(line):
        return b"".join(_COMMENT.sub(b"", text[at_paren:close]).split())
    return None


def changed_parameters(base: bytes, side: bytes) -> frozenset[bytes]:
    """The functions and macros of ``base`` that ``side`` no longer defines with the same parameters, by the
    brackets alone as ``definitions``; only around what differs, so that a small edit costs little."""
    start, end_b, end_s = unequal_middle(base, side)
    start = max(base.rfind(b"\n}", 0, start), 0)  # a parameter list is not longer than its declaration
    tail = base.find(b"\n}", end_b)
    rest = len(base) - end_b if tail < 0 else tail + 2 - end_b
    old, new = (
        Counter(
            (match.group(1), parameters)
            for match in _NAMED.finditer(text)
            if (parameters := _defined_with(text, match.start(1), match.end(1))) is not None
        )
        for text in (base[start : end_b + rest], side[start : end_s + rest])
    )
    return frozenset(name for name, _ in old - new)


def _signatures(base: bytes, ours: bytes, names: Iterable[bytes]) -> list[Note]:
    notes: list[Note] = []
    for name in sorted(names):
        who = "our" if definitions(base, name).keys() - definitions(ours, name).keys() else "their"
        notes.append(
            Note(
                "signature-changed",
                f"the parameters of {name.decode('utf-8', 'replace')} changed on {who} side,"
                " and the other side brings new calls of it",
                True,
            )
        )
    return notes


def _guards(ours: bytes, theirs: bytes, merged: bytes) -> list[Note]:
    result = split_lines(merged)
    notes: list[Note] = []
    sides = {"our": split_lines(ours), "their": split_lines(theirs)}
    # What a side has not is what the other side brought.
    brought = {"our": diff(sides["their"], result), "their": diff(sides["our"], result)}
    for who, other in (("our", "their"), ("their", "our")):
        for change in brought[who]:
            lacking = sides[other]
            if not has_guard(lacking[change.a0 : change.a1]):
                continue
            there = {b"".join(line.split()) for line in lacking[change.a0 : change.a1]}
            for line in range(change.b0, change.b1):
                # Another line ending or indentation is no other condition.
                if not _GUARD.match(result[line]) or b"".join(result[line].split()) in there:
                    continue
                end = _branch_end(result, line)
                if any(line < c.b1 and c.b0 < end or line < c.b0 == c.b1 < end for c in brought[other]):
                    notes.append(
                        Note(
                            "guard-changed",
                            f"{who} side edited the condition at line {line + 1},"
                            " the other side what stands under it",
                            True,
                            line + 1,
                        )
                    )
    return notes


def _branch_end(lines: Sequence[bytes], start: int) -> int:
    """The line after the ``#endif`` of the group that ``start`` belongs to (an edited ``#if`` decides its
    ``#else`` as well)."""
    depth = 0
    for index in range(start + 1, len(lines)):
        word = re.match(rb"\s*#\s*(\w+)", lines[index])
        if word is None:
            continue
        if word.group(1).startswith(b"if"):
            depth += 1
        elif word.group(1) == b"endif":
            if depth == 0:
                return index
            depth -= 1
    return len(lines)
