"""Entries that both sides add to one list at one place: both are kept, theirs (upstream's) first.

The lists are the members of a class, the captures of a lambda, the values of an enumeration, the rows of a
table that has a line for each, the labels of one ``case`` arm, bindings in a chain, and a macro that is a
list of calls. Not the parameters or arguments of a call, nor statements: what they mean together is for a
person. Two entries with one name are two opinions of one thing, and no union. Where a position means
something (in a table, in an enumeration, among data members), it is said that the order is a choice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from mergeguard.cpp.scopes import frame_of, without_template
from mergeguard.cpp.tokens import CLOSERS, OPENERS, Tokens, is_comment_anywhere
from mergeguard.merge.lines import Region
from mergeguard.merge.result import Note
from mergeguard.values import dataclass

Slice = tuple[Tokens, int, int]
Keys = tuple[bytes, ...]

_ENDS = frozenset((b";", b"{", b"}"))
_TYPES = (b"struct", b"class", b"union")
_NAME = re.compile(rb"[A-Za-z_]\w*")
_BINDS = re.compile(rb"def(?:_\w+)?|value")
_NEAR = 8  # tokens behind a place that are looked at
_SECTIONS = frozenset((b"public", b"private", b"protected", b"case", b"default"))
_NAME_ENDS = frozenset((b";", b"=", b"{", b"[", b":", b","))
_NOT_DATA = frozenset(
    (b"friend", b"using", b"typedef", b"struct", b"class", b"union", b"enum", b"static_assert")
)


@dataclass(frozen=True, slots=True)
class KeyedEntry:
    """One entry of a list: what tells it from others, what it gives that name, and whether its place among
    its like means something."""

    name: Keys
    value: Keys = ()
    positional: bool = True


_Reader = Callable[[Keys], "list[KeyedEntry] | None"]


def entries(b: Tokens, o: Tokens, t: Tokens, r: Region) -> tuple[list[Slice], Note | None] | None:
    """What to copy, in order, and what to say of it; None where the insertions are not two runs of entries
    of one list."""
    if r.b0 != r.b1 or r.o0 == r.o1 or r.t0 == r.t1:
        return None
    mine, other = (o, r.o0, r.o1), (t, r.t0, r.t1)
    for read in _readers(b, r.b0, (mine, other)):
        ours, theirs = read(_code(*mine)), read(_code(*other))
        if not ours or not theirs:
            continue
        if {entry.name for entry in ours} & {entry.name for entry in theirs}:
            return None
        values = [entry.value for entry in (*theirs, *ours)]
        if any(values) and (not all(values) or len(set(values)) < len(values) or _counts_on(b, r.b0)):
            return None  # a value that none is given counts on from the one before
        positional = all(any(entry.positional for entry in run) for run in (ours, theirs)) and not all(values)
        return [other, mine], _note(mine, other) if positional else None
    return None


def _counts_on(b: Tokens, at: int) -> bool:
    """Whether the next value of an enumeration is given no number, or nothing is known of what comes."""
    behind = _code(b, at, min(at + _NEAR, len(b)))
    name = behind[1:] if behind[:1] == (b",",) else behind
    return not name or (_NAME.fullmatch(name[0]) is not None and name[1:2] != (b"=",))


def _note(mine: Slice, other: Slice) -> Note:
    first, then = (_first_line(*run) for run in (other, mine))
    message = f"both sides added entries at one place: `{first}` (theirs) comes before `{then}` (ours)"
    return Note("side-by-side", message, True)


def _first_line(source: Tokens, start: int, end: int) -> str:
    text = source.texts[start] + b"".join(source.gaps[k] + source.texts[k] for k in range(start + 1, end))
    lines = (line.strip(b", \t\r\\") for line in text.split(b"\n"))
    return next(filter(None, lines), b"").decode("utf-8", "replace")


def _readers(b: Tokens, at: int, runs: Sequence[Slice]) -> Iterator[_Reader]:
    """How the entries of the list may be read that the place is in."""
    marked = [[key.startswith(b"#") for key in source.keys[start:end]] for source, start, end in runs]
    if any(map(any, marked)):
        if all(map(all, marked)):
            yield _rows_of_a_macro
        return  # a directive among entries is no entry
    yield _labels
    yield _bindings
    opener = _opener(b.keys, at)
    if opener >= 0 and _begins_lambda(b.keys, opener):
        yield _captures
    if opener < 0 or b.keys[opener] != b"{":
        return
    begin = opener
    while begin and b.keys[begin - 1] not in _ENDS:
        begin -= 1
    head = _plain(b.keys[begin:opener])
    frame = frame_of(head)
    if frame.startswith(_TYPES):
        yield lambda keys: _members(keys, frame.split()[-1])
    elif frame.startswith(b"enum"):
        yield _values
    elif _is_table(head) and all(map(_has_lines, runs)):
        rows = _split(_plain(b.keys[opener + 1 : at])) or []
        firsts = [_first_of(row) for row in rows]
        yield lambda keys: _rows(keys, by_first=len(set(firsts)) == len(firsts))


def _begins_lambda(keys: Sequence[bytes], at: int) -> bool:
    """Whether a bracket opens the captures of a lambda: no index, and no attribute."""
    before = keys[at - 1] if at else b";"
    words = _NAME.fullmatch(before) is not None and before != b"return"
    return keys[at] == b"[" and not words and before not in CLOSERS | {b"["}


def _is_table(head: Keys) -> bool:
    """Whether an initialiser is of an array or a container: the values of a structure are no rows."""
    return head[-1:] == (b"=",) and (b"[" in head or b">" in head)


def _opener(keys: Sequence[bytes], at: int) -> int:
    """The innermost bracket that is open at a place; -1 for none."""
    depth = 0
    for index in range(at - 1, -1, -1):
        if keys[index] in CLOSERS:
            depth += 1
        elif keys[index] in OPENERS:
            if depth == 0:
                return index
            depth -= 1
    return -1


def _plain(keys: Sequence[bytes]) -> Keys:
    return tuple(key for key in keys if not is_comment_anywhere(key) and key != b"/\n")


def _code(source: Tokens, start: int, end: int) -> Keys:
    return _plain(source.keys[start:end])


def _has_lines(run: Slice) -> bool:
    """Whether each entry of a run begins a line."""
    source, start, end = run
    depth, fresh = 0, True
    for index in range(start, end):
        key = source.keys[index]
        if fresh and key != b"," and not is_comment_anywhere(key) and key != b"/\n":
            if b"\n" not in source.gaps[index] and source.keys[index - 1 : index] != (b"/\n",):
                return False
            fresh = False
        depth += (key in OPENERS) - (key in CLOSERS)
        fresh = fresh or (key == b"," and depth == 0)
    return True


def _split(keys: Keys) -> list[Keys] | None:
    """The elements of a run that ends, or begins, with a comma; None if brackets do not pair in it."""
    found: list[Keys] = []
    depth, start = 0, 0
    for index, key in enumerate((*keys, b",")):
        depth += (key in OPENERS) - (key in CLOSERS)
        if depth < 0 or key == b";":
            return None
        if key == b"," and depth == 0:
            found.append(keys[start:index])
            start = index + 1
    return [row for row in found if row] if depth == 0 else None


def _elements(keys: Keys) -> list[Keys] | None:
    """The elements of an insertion: with a comma behind each, or before each."""
    commas = keys[:1] == (b",",), keys[-1:] == (b",",)
    found = _split(keys)
    return found if commas[0] != commas[1] and found else None


def _first_of(row: Keys) -> Keys:
    """The first column of a row in braces, what a designated value is for; anything else as a whole."""
    if row[:1] in ((b".",), (b"[",)) and b"=" in row:
        return row[: row.index(b"=")]
    if row[:1] != (b"{",) or row[-1:] != (b"}",):
        return row
    return (_split(row[1:-1]) or [row])[0]


def _rows(keys: Keys, *, by_first: bool) -> list[KeyedEntry] | None:
    found = _elements(keys)
    return [KeyedEntry(_first_of(row) if by_first else row) for row in found] if found else None


def _values(keys: Keys) -> list[KeyedEntry] | None:
    found = _elements(keys)
    if found is None or not all(_NAME.fullmatch(row[0]) and row[1:2] in ((), (b"=",)) for row in found):
        return None
    return [KeyedEntry(row[:1], row[2:]) for row in found]


def _captures(keys: Keys) -> list[KeyedEntry] | None:
    found = _elements(keys) or []
    names = [next((key for key in row if _NAME.fullmatch(key)), b"") for row in found]
    return [KeyedEntry((name,), positional=False) for name in names] if names and all(names) else None


def _labels(keys: Keys) -> list[KeyedEntry] | None:
    found: list[KeyedEntry] = []
    start = 0
    for index, key in enumerate(keys):
        if (index == start) != (key == b"case"):
            return None
        if key == b":":
            found.append(KeyedEntry(keys[start + 1 : index], positional=False))
            start = index + 1
    return found if start == len(keys) else None


def _bindings(keys: Keys) -> list[KeyedEntry] | None:
    """Calls in a chain that bind something to a name: ``.def("name", …)``, ``.value("name", …)``."""
    found: list[KeyedEntry] = []
    start = 0
    while start < len(keys):
        head = keys[start : start + 4]
        if len(head) < 4 or head[0] != b"." or not _BINDS.fullmatch(head[1]) or head[2:] != (b"(", b'"<'):
            return None
        end = _closing(keys, start + 2)
        found.append(KeyedEntry((_split(keys[start + 3 : end]) or [()])[0], positional=False))
        start = end + 1
    return found


def _rows_of_a_macro(keys: Keys) -> list[KeyedEntry] | None:
    """Calls of one thing, one behind the other."""
    found: list[KeyedEntry] = []
    plain = tuple(key.removeprefix(b"#") for key in keys)
    start = depth = 0
    for index, key in enumerate(plain):
        if index == start and (
            key != plain[0] or not _NAME.fullmatch(key) or plain[index + 1 : index + 2] != (b"(",)
        ):
            return None
        depth += (key in OPENERS) - (key in CLOSERS)
        if key == b")" and depth == 0:
            found.append(KeyedEntry((_split(plain[start + 2 : index]) or [plain[start:index]])[0]))
            start = index + 1
    return found if start == len(plain) else None


def _members(keys: Keys, of: bytes) -> list[KeyedEntry] | None:
    """The members that a run declares in the class of that name."""
    found: list[KeyedEntry] = []
    depth, start = 0, 0
    for index, key in enumerate(keys):
        depth += (key in OPENERS) - (key in CLOSERS)
        if depth < 0 or (depth == 0 and (key in _SECTIONS or (key == b":" and index == start + 1))):
            return None
        ends = key == b";" or (key == b"}" and keys[index + 1 : index + 2] not in ((b";",), (b",",), (b"(",)))
        if depth == 0 and ends:
            entry = _member(keys[start : index + 1], of)
            if entry is None:
                return None
            found.append(entry)
            start = index + 1
    return found if start == len(keys) else None


def _member(keys: Keys, of: bytes) -> KeyedEntry | None:
    """One member; None where several are declared, or it has no name to tell it by."""
    keys = tuple(without_template(keys))
    if b"operator" in keys:
        at = keys.index(b"operator")
        return KeyedEntry(keys[at : at + 2], positional=False)
    angles = 0
    for index, key in enumerate(keys):
        if angles == 0 and key == b"(":
            return _called(keys, index, of)
        if angles == 0 and index and key in _NAME_ENDS:
            name = keys[index - 1 : index]
            fixed = keys[0] in _NOT_DATA or b"static" in keys[:index]
            return KeyedEntry(name, positional=not fixed) if _NAME.fullmatch(name[0]) else None
        angles += key.count(b"<") - key.count(b">") if not key.strip(b"<>") else 0
    return None


def _called(keys: Keys, at: int, of: bytes) -> KeyedEntry | None:
    """A member with a parenthesis: a function, a pointer to one, a constructor, a macro's call."""
    if keys[at + 1 : at + 2] == (b"*",):
        return KeyedEntry(keys[at + 2 : at + 3])
    if at == 1 and keys[0] != of:
        first = (_split(keys[2 : _closing(keys, at)]) or [()])[0]
        return KeyedEntry((keys[0], *first), positional=False)
    return KeyedEntry(keys[at - 1 : at], positional=False) if at else None


def _closing(keys: Keys, opener: int) -> int:
    depth = 0
    for index in range(opener, len(keys)):
        depth += (keys[index] in OPENERS) - (keys[index] in CLOSERS)
        if depth == 0:
            return index
    return len(keys)
