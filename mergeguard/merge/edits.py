"""What one side did to a text, line by line: cheap questions that every merge asks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import repeat

from mergeguard.cpp.diff import unequal_middle
from mergeguard.merge.lines import split_lines
from mergeguard.values import cached_property, dataclass

_IDENT = re.compile(rb"[A-Za-z_]\w*")
# (Looked for from where a name begins, and given up with it: each letter would be tried else.)
_CALLED = re.compile(rb"(?<![A-Za-z_])([A-Za-z_]\w*+)\s*+(?:<([^<>;(){}]*+)>\s*+)?\(")
_ELSE_IF = re.compile(rb"\belse\s+if\s*\(([^\n]*)\)")
_CASE = re.compile(rb"\bcase\s+([^:;{}]+?)\s*:")
_BRANCH = re.compile(rb"\s*#\s*(?:elif|else)")
_TEST = re.compile(rb"\s*(?:\}\s*)?(?:else\s+)?(?:if|while)\b")
_INSTANTIATION = re.compile(rb"\s*(?:extern\s+)?template\s+[^<\s]")
_GUARD = re.compile(rb"\s*#\s*(?:if|elif|else|ifdef|ifndef)\b")
_ENDIF = re.compile(rb"\s*#\s*endif\b")
COMMENT = re.compile(rb"//[^\n]*|/\*.*?\*/")
LANGUAGE = frozenset(
    b"""
    if for while switch return sizeof case break default else do const constexpr auto void int float double
    bool char long short unsigned signed static inline template typename class struct enum using namespace
    static_cast reinterpret_cast const_cast dynamic_cast decltype alignas alignof true false nullptr public
    private protected operator new delete this define include ifdef ifndef endif elif defined pragma unroll
    __global__ __device__ __host__ __forceinline__ __restrict__ __shared__ uint32_t int32_t int64_t uint64_t
    uint8_t int8_t size_t half std torch at c10
    """.split()
)


@dataclass(frozen=True)
class SideEdit:
    """The lines that one side added and removed, their code without comments, and the words in it."""

    added: tuple[bytes, ...]
    removed: tuple[bytes, ...]

    @cached_property
    def added_code(self) -> bytes:
        return COMMENT.sub(b" ", b"".join(self.added))

    @cached_property
    def removed_code(self) -> bytes:
        return COMMENT.sub(b" ", b"".join(self.removed))

    @cached_property
    def added_words(self) -> frozenset[bytes]:
        return frozenset(_IDENT.findall(self.added_code))

    @cached_property
    def added_names(self) -> frozenset[bytes]:
        """As ``added_words``, with the words of comments."""
        return frozenset(_IDENT.findall(b"".join(self.added)))

    @cached_property
    def removed_words(self) -> frozenset[bytes]:
        return frozenset(_IDENT.findall(self.removed_code))


@lru_cache(maxsize=8)
def side_edit(base: bytes, side: bytes) -> SideEdit:
    """What ``side`` added and removed, as bags of lines (a line that only moved is neither).

    (A merge asks for the same versions again and again.)
    """
    start, end_b, end_s = unequal_middle(base, side)
    old, new = Counter(split_lines(base[start:end_b])), Counter(split_lines(side[start:end_s]))
    return SideEdit(tuple(_more(new, old)), tuple(_more(old, new)))


def _more(one: Counter[bytes], other: Counter[bytes]) -> Iterator[bytes]:
    """The lines that ``one`` has more often. (A difference of counters looks at each line twice.)"""
    count = other.get
    for line, times in [(line, times) for line, times in one.items() if times > count(line, 0)]:
        yield from repeat(line, times - count(line, 0))


def may_define(edit: SideEdit, name: bytes) -> bool:
    """Whether the lines that a side added may define ``name``."""
    head = rb"(?:#\s*define|struct|class|enum|union|using|typedef[^;\n]*)\s+" + name + rb"\b"
    variable = rb"(?m)^\S[^\n(]*[\w>&*\]]\s*" + name + rb"\s*(?:[=;{\[]|$)"
    function = rb"(?m)(?:^|[\w>&*]\s+|[&*>])(?:\w+::)*" + name + rb"\s*\("
    return any(re.search(pattern, edit.added_code) for pattern in (head, variable, function))


def called(code: bytes) -> set[bytes]:
    """The names that code without comments calls, or defines."""
    return {name for name, _ in _CALLED.findall(code)}


def newly_called(edit: SideEdit) -> set[bytes]:
    """The names that an edit calls, or defines, where it did not, or not with these template arguments."""
    new, old = _calls_of(edit)
    return {name for name, _ in new.keys() - old.keys()}


def called_more(edit: SideEdit) -> set[bytes]:
    """The names that an edit calls, or defines, more often than it did."""
    new, old = _calls_of(edit)
    return {name for name, _ in new - old}


def _calls_of(edit: SideEdit) -> tuple[Counter[tuple[bytes, bytes]], Counter[tuple[bytes, bytes]]]:
    """How often the lines that came, and those that went, have each name with each template arguments."""
    new, old = (
        Counter((name, b"".join(arguments.split())) for name, arguments in _CALLED.findall(code))
        for code in (edit.added_code, edit.removed_code)
    )
    return new, old


def labels(code: bytes) -> set[bytes]:
    """The case labels of code without comments (see ``label_key``)."""
    return {label_key(label) for label in _CASE.findall(code)} if b"case" in code else set()


def later_tests(code: bytes) -> Counter[bytes]:
    """How often each test of an ``else if`` stands in code without comments, white space left out."""
    found = _ELSE_IF.findall(code) if b"else" in code else ()
    return Counter(b"".join(test.split()) for test in found)


def label_key(label: bytes) -> bytes:
    """A case label without white space, a number by its value."""
    key = b"".join(label.split())
    digits = key.rstrip(b"uUlL").replace(b"'", b"")
    try:
        return b"%d" % int(digits, 8 if digits[:1] == b"0" and digits[1:2].isdigit() else 0)
    except ValueError:
        return key


def instantiations(lines: Iterable[bytes]) -> set[bytes]:
    """The lines that begin an explicit instantiation, without white space."""
    return {b"".join(line.split()) for line in lines if _INSTANTIATION.match(line)}


def has_guard(lines: Iterable[bytes]) -> bool:
    """Whether a line is a condition of the preprocessor."""
    return any(_GUARD.match(line) for line in lines)


def edits_guards(mine: SideEdit, other: SideEdit) -> bool:
    """Whether one side edited a condition or added a branch, and the other did anything at all."""
    return any(
        (_replaces(edit, _GUARD) or has_branch(edit.added) or _replaces(edit, _TEST))
        and bool(rest.added or rest.removed)
        for edit, rest in ((mine, other), (other, mine))
    )


def adds_guards(mine: SideEdit, other: SideEdit) -> bool:
    """Whether one side added the end of a conditional group, and the other a line of code."""
    return any(
        any(map(_ENDIF.match, edit.added)) and any(line.strip() for line in rest.added)
        for edit, rest in ((mine, other), (other, mine))
    )


def _replaces(edit: SideEdit, kind: re.Pattern[bytes]) -> bool:
    """Whether lines of a kind went and others came, indentation apart."""
    gone = {b"".join(line.split()) for line in edit.removed if kind.match(line)}
    came = {b"".join(line.split()) for line in edit.added if kind.match(line)} if gone else gone
    return bool(gone - came and came - gone)


def has_test(lines: Iterable[bytes]) -> bool:
    """Whether a line begins an ``if`` or a ``while``."""
    return any(_TEST.match(line) for line in lines)


def has_branch(lines: Iterable[bytes]) -> bool:
    """Whether a line begins a further branch of a conditional group."""
    return any(_BRANCH.match(line) for line in lines)


def missing(text: bytes, names: AbstractSet[bytes]) -> set[bytes]:
    """Those of ``names`` that ``text`` does not hold as words."""
    if len(names) > 20:
        return set(names) - set(_IDENT.findall(text))
    return {name for name in names if not words(text, name)}


def words(text: bytes, word: bytes) -> int:
    """How often a text holds a name as a whole word."""
    if word not in text:
        return 0
    return len(re.findall(rb"(?<![A-Za-z0-9_])" + re.escape(word) + rb"(?![A-Za-z0-9_])", text))
