"""Source lists of build files are sets: what two sides list at one place is no conflict.

CMake (``set``, ``list(APPEND)``, ``target_sources``, ``add_library`` and their like), and lists of strings in
Bazel, Meson and ``setup.py`` whose name says that they hold sources. Only entries that are paths of sources
count as members; everything else in a list (keywords, variables) has to be the same in all three versions.
Where git conflicts inside one such list, its three versions are merged entry by entry and take the place of
the list in all three files; then lines are merged again.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence

from mergeguard.merge.lines import merge_lines
from mergeguard.merge.result import Conflict, MergeResult, Piece
from mergeguard.values import dataclass

_SOURCE = re.compile(rb"\.(?:cu|cuh|hip|c|cc|cpp|cxx|h|hh|hpp|hxx|inl|S|asm|m|mm)[\"']?$")
_CMAKE_COMMAND = re.compile(rb"(?m)^[ \t]*(\w+)[ \t]*\(")
_CMAKE_LISTS = re.compile(
    rb"(?i)set|list|target_sources|(?:\w+_)?add_(?:library|executable|module)|\w+_add_library|\w+_add_executable"
)
_CMAKE_TOKEN = re.compile(
    rb"(?P<comment>#\[(=*)\[.*?\]\2\]|#[^\n]*)|(?P<close>\))|(?P<entry>\"(?:[^\"\\]|\\.)*\"|[^\s()#\"]+)"
    rb"|(?P<space>\s+)|(?P<other>.)",
    re.DOTALL,
)
_NAMED_LIST = re.compile(
    rb"(?mi)^[ \t]*(?:\w+[_.])?(srcs|sources|source_files|hdrs|headers)[ \t]*\+?=[ \t]*\["
)
_NAMED_TOKEN = re.compile(
    rb"(?P<comment>#[^\n]*)|(?P<close>\])|(?P<comma>,)|(?P<entry>\"[^\"\\\n]*\"|'[^'\\\n]*')"
    rb"|(?P<space>\s+)|(?P<other>.)",
    re.DOTALL,
)
_COMMENT_OR_STRING = re.compile(rb'#\[(=*)\[.*?\]\1\]|#[^\n]*|"(?:[^"\\]|\\.)*"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class _ListElement:
    """One entry: its text, what stands before it (white space, the comment lines above it), and the comment
    behind it on its line."""

    before: bytes
    text: bytes
    after: bytes = b""

    @property
    def name(self) -> bytes:
        return self.text.strip(b"\"'")

    @property
    def comments(self) -> bytes:
        return b"".join((self.before + self.after).split())


@dataclass(frozen=True, slots=True)
class _List:
    """A list of a build file: bytes ``start`` to ``end`` are its entries and ``tail``, up to its bracket."""

    head: bytes
    start: int
    end: int
    entries: tuple[_ListElement, ...]
    tail: bytes
    comma: bytes  # what parts entries
    ended: bool  # whether it stands after the last one, too

    def source(self) -> bytes:
        last = len(self.entries) - 1
        parts = [
            e.before + e.text + (self.comma if i < last or self.ended else b"") + e.after
            for i, e in enumerate(self.entries)
        ]
        return b"".join(parts) + self.tail

    @property
    def names(self) -> list[bytes]:
        return [entry.name for entry in self.entries]


def has_lists(path: str) -> bool:
    """Whether the file at ``path`` is a build file whose source lists are known."""
    return _is_cmake(path) or _is_named(path)


def merge_build_file(
    path: str, base: bytes, ours: bytes, theirs: bytes, pieces: tuple[Piece, ...]
) -> tuple[Piece, ...]:
    """``pieces``, git's merge of the build file at ``path``, with conflicts inside a source list settled.

    Entries that one side added are kept, theirs (upstream's) first where both added at one place; what one
    side removed is gone; comments go with the entry below them or before them on the line. The order of the
    side that re-ordered stands, theirs if both did. Any other conflict stays as it is.
    """
    if not has_lists(path) or not any(isinstance(piece, Conflict) for piece in pieces):
        return pieces
    versions = [base, ours, theirs]
    found = [list(_lists(path, text)) for text in versions]
    replaced: list[list[tuple[int, int, bytes]]] = [[], [], []]
    for triple in _matched(*found):
        parts = [_whole_lines(text, part) for text, part in zip(versions, triple, strict=True)]
        if MergeResult(merge_lines(*parts)).clean:
            continue  # what lines can do is done by lines
        merged = _merge(*triple)
        if merged is not None:
            for edits, version in zip(replaced, triple, strict=True):
                edits.append((version.start, version.end, merged))
    if not replaced[0]:
        return pieces
    settled = merge_lines(*(_spliced(text, edits) for text, edits in zip(versions, replaced, strict=True)))
    return settled if _size(settled) < _size(pieces) else pieces


def _size(pieces: Sequence[Piece]) -> tuple[int, int]:
    conflicts = [p for p in pieces if isinstance(p, Conflict)]
    return len(conflicts), sum(len(p.ours) + len(p.theirs) for p in conflicts)


def _whole_lines(text: bytes, part: _List) -> bytes:
    """The lines on which the list stands, with what opens and closes it."""
    start = text.rfind(b"\n", 0, part.start - len(part.head)) + 1
    end = text.find(b"\n", part.end)
    return text[start : end + 1 if end >= 0 else len(text)]


def _spliced(text: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


# -- reading -----------------------------------------------------------------------------------------------


def _is_cmake(path: str) -> bool:
    name = path.rsplit("/", 1)[-1]
    return name == "CMakeLists.txt" or name.endswith(".cmake")


def _is_named(path: str) -> bool:
    name = path.rsplit("/", 1)[-1]
    return name in ("BUILD", "meson.build", "setup.py") or name.endswith((".bazel", ".bzl"))


def _lists(path: str, text: bytes) -> Iterator[_List]:
    quiet = [m.span() for m in _COMMENT_OR_STRING.finditer(text)]
    if _is_cmake(path):
        for command in _CMAKE_COMMAND.finditer(text):
            if _CMAKE_LISTS.fullmatch(command[1]) and not _inside(quiet, command.start(1)):
                found = _read(text, command.start(1), command.end(), _CMAKE_TOKEN, b"")
                if found is not None:
                    yield found
    else:
        for opening in _NAMED_LIST.finditer(text):
            if not _inside(quiet, opening.start(1)):
                found = _read(text, opening.start(1), opening.end(), _NAMED_TOKEN, b",")
                if found is not None:
                    yield found


def _inside(spans: Sequence[tuple[int, int]], offset: int) -> bool:
    return any(start < offset < end for start, end in spans)


def _read(text: bytes, head: int, start: int, token: re.Pattern[bytes], comma: bytes) -> _List | None:
    """The list whose first entry may stand at ``start``; None if it holds anything but entries."""
    entries: list[_ListElement] = []
    before = b""
    parted, ended = True, False
    at = start
    while match := token.match(text, at):
        at = match.end()
        if match["close"]:
            return _List(text[head:start], start, at - 1, tuple(entries), before, comma, ended)
        if match["entry"]:
            if not parted:
                return None  # two strings that the language joins
            entries.append(_ListElement(before, match["entry"]))
            before, parted, ended = b"", not comma, False
        elif match["space"]:
            before += match["space"]
        elif match["comment"]:
            if entries and b"\n" not in before:
                last = entries[-1]
                entries[-1] = _ListElement(last.before, last.text, last.after + before + match["comment"])
                before = b""
            else:
                before += match["comment"]
        elif comma and match["comma"] and not parted and not before.strip():
            before, parted, ended = b"", True, True
        else:
            return None
    return None


def _matched(
    base: list[_List], ours: list[_List], theirs: list[_List]
) -> Iterator[tuple[_List, _List, _List]]:
    """The lists that are the same one in all three versions: by what opens them and most of their entries."""
    mine, other = _pairs(base, ours), _pairs(base, theirs)
    for index, old in enumerate(base):
        if index in mine and index in other:
            yield old, ours[mine[index]], theirs[other[index]]


def _pairs(base: list[_List], side: list[_List]) -> dict[int, int]:
    """Index in ``base`` -> index in ``side``."""
    holders: dict[tuple[bytes, bytes], list[int]] = defaultdict(list)
    for j, new in enumerate(side):
        for key in _keyed(new):
            holders[key].append(j)
    common: Counter[tuple[int, int]] = Counter()
    for i, old in enumerate(base):
        common.update((i, j) for key in _keyed(old) for j in holders[key])
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for (i, j), score in sorted(common.items(), key=lambda s: (-s[1], abs(s[0][0] - s[0][1]), s[0])):
        if i in pairs or j in taken:
            continue
        rivals = any(n == score and (x == i) != (y == j) for (x, y), n in common.items())
        if not rivals or len(base) == len(side):
            pairs[i] = j
            taken.add(j)
    return pairs


def _keyed(found: _List) -> set[tuple[bytes, bytes]]:
    head = b"".join(found.head.split()).lower()
    return {(head, name) for name in found.names}


# -- merging -----------------------------------------------------------------------------------------------


def _merge(base: _List, ours: _List, theirs: _List) -> bytes | None:
    """The entries of the merged list as bytes; None where the three are no sets or one entry conflicts."""
    b, o, t = base.names, ours.names, theirs.names
    if any(len(set(names)) != len(names) for names in (b, o, t)):
        return None
    changed = (set(b) ^ set(o)) | (set(b) ^ set(t))
    if not all(_SOURCE.search(name) for name in changed):
        return None
    sections = [_sections(names) for names in (b, o, t)]
    if any(len({s[n] for s in sections if n in s}) > 1 for n in {*b, *o, *t}):
        return None  # an entry went to the other side of a keyword (PRIVATE, a variable)
    gone = set(b) - set(o) - set(t)
    if gone and (set(o) - set(b)) != (set(t) - set(b)):
        return None  # both replaced an entry, perhaps
    if any(not _unedited(n, base, side) for side in (ours, theirs) for n in set(b) - (set(o) & set(t))):
        return None
    kept = {name for name in (*o, *t) if (name in o and name in t) or name not in b}
    # The side that put the common entries into another order leads.
    lead, other = (ours, theirs) if _ordered(t, b) and not _ordered(o, b) else (theirs, ours)
    order = [name for name in lead.names if name in kept]
    for index, name in enumerate(other.names):
        if name in kept and name not in order:
            previous = next((n for n in reversed(other.names[:index]) if n in order), None)
            at = order.index(previous) + 1 if previous is not None else 0
            while other is ours and at < len(order) and order[at] not in b and order[at] not in o:
                at += 1  # behind what theirs added there
            order.insert(at, name)
    entries = [_entry(name, base, ours, theirs) for name in order]
    if any(entry is None for entry in entries):
        return None
    laid = _laid_out([e for e in entries if e is not None], set(order) - set(lead.names))
    tail = other.tail if lead.tail == base.tail else lead.tail
    merged = _List(lead.head, 0, 0, tuple(laid), tail, lead.comma, lead.ended)
    token = _NAMED_TOKEN if lead.comma else _CMAKE_TOKEN
    closing = b"]" if lead.comma else b")"
    again = _read(merged.source() + closing, 0, 0, token, lead.comma)
    if again is None or again.names != order or again.source() != merged.source():
        return None
    return merged.source()


def _sections(names: Sequence[bytes]) -> dict[bytes, int]:
    """Each entry with the number of entries before it that are no sources; those with their own number."""
    found: dict[bytes, int] = {}
    number = 0
    for name in names:
        number += not _SOURCE.search(name)
        found[name] = number
    return found


def _unedited(name: bytes, base: _List, side: _List) -> bool:
    """Whether ``side`` has the entry as the base has it, or not at all."""
    old, new = (next((e for e in x.entries if e.name == name), None) for x in (base, side))
    return old is None or new is None or (old.text, old.comments) == (new.text, new.comments)


def _ordered(names: Sequence[bytes], base: Sequence[bytes]) -> bool:
    """Whether what is common stands in the base's order."""
    common = set(names) & set(base)
    return [n for n in names if n in common] == [n for n in base if n in common]


def _entry(name: bytes, base: _List, ours: _List, theirs: _List) -> _ListElement | None:
    """The entry as the side has it that changed it (its quotes, its comments); None if both did."""
    old, mine, other = (next((e for e in x.entries if e.name == name), None) for x in (base, ours, theirs))
    if mine is None or other is None:
        return mine or other
    if (mine.text, mine.comments) == (other.text, other.comments):
        return other
    if old is not None and (mine.text, mine.comments) == (old.text, old.comments):
        return other
    if old is not None and (other.text, other.comments) == (old.text, old.comments):
        return mine
    return None


def _laid_out(entries: Sequence[_ListElement], added: Collection[bytes]) -> list[_ListElement]:
    """The entries, those in ``added`` as those of the list are: on lines of their own, so far indented."""
    laid: list[_ListElement] = []
    lines = [e.before for e in entries if b"\n" in e.before and _SOURCE.search(e.name)]
    for entry in entries:
        before = entry.before
        if laid and not before.strip() and entry.name in added:
            like = laid[-1].before if b"\n" in laid[-1].before else lines[0] if lines else b""
            alone = b"\n" in before or bool(laid[-1].after) or 2 * len(lines) > len(entries)
            newline = b"\r\n" if b"\r\n" in like else b"\n"
            before = (newline + like.rpartition(b"\n")[2] if like else before) if alone else before or b" "
        laid.append(_ListElement(before, entry.text, entry.after))
    return laid
