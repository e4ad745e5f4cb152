"""The build list's part of the transform: shards are listed wherever the monolith is, in any build language.

``add`` writes the shards before every entry that is the monolith, spelled as that entry is (its quotes, its
variables, its base folder), ``remove`` takes them out again. The glue is known by what it says, so nothing
else about it needs to be stored. An edit of upstream's or the user's anywhere else in the file is not
touched. What names the monolith in a way that can't be added to is told by ``unclear``.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise

from mergeguard.cpp.remember import remembered
from mergeguard.lens.buildlists.cmake import CMake
from mergeguard.lens.buildlists.commas import MESON, PYTHON, STARLARK, TOML
from mergeguard.lens.buildlists.make import Make
from mergeguard.lens.buildlists.protocol import Joint, Language, ListEntry, occurrences
from mergeguard.values import dataclass

__all__ = ["add", "add_all", "is_build_file", "lists", "mentions", "remove", "remove_all", "unclear"]

#: A monolith and its shards, as repository paths.
ListedUnit = tuple[str, Sequence[str]]

_LANGUAGES: tuple[Language, ...] = (CMake(), Make(), PYTHON, TOML, STARLARK, MESON)


def is_build_file(path: str) -> bool:
    """Whether the file at ``path`` is, by its name, one that lists sources."""
    return _language(path) is not None


@lru_cache(maxsize=1 << 14)
def _language(path: str) -> Language | None:
    name = posixpath.basename(path)
    return next((language for language in _LANGUAGES if language.speaks(name)), None)


class _Match(IntEnum):
    NO, UNSURE, YES = range(3)


def _meant(spelled: str, folder: str) -> frozenset[str]:
    """The paths that an entry of a build file in ``folder`` may mean, spelled without variables."""
    if folder == "" and spelled[:1] not in "./" and "/." not in spelled and "//" not in spelled:
        return frozenset((spelled,))
    bases = ("",) if spelled.startswith("//") else (folder, "")
    return frozenset(posixpath.normpath(posixpath.join(base, spelled.lstrip("/"))) for base in bases)


def _names(entry: ListEntry, folder: str, path: str) -> _Match:
    """Whether an entry of a build file in ``folder`` is the file at ``path``."""
    spelled = entry.spelled
    head, variable, rest = spelled.rpartition("${}")
    if not variable:
        return _Match.YES if path in _meant(spelled, folder) else _Match.NO
    rest = rest.lstrip("/")
    if "${}" in head or not rest or not (path == rest or path.endswith(f"/{rest}")):
        return _Match.NO
    # The variable can't be told: a folder of the path beside the name makes it sure, or the whole path.
    return _Match.YES if "/" in rest or path == rest else _Match.UNSURE


@dataclass(frozen=True, slots=True)
class _Mention:
    """An entry that is the monolith; ``text`` is its own."""

    entry: ListEntry
    text: bytes

    def of(self, monolith: str, shards: Sequence[str]) -> tuple[bytes, ...]:
        """The shards as this entry spells the monolith, without those that the spelling can't hold."""
        return _spelled_as(self.text, monolith, tuple(shards))


@lru_cache(maxsize=1 << 12)
def _spelled_as(entry: bytes, monolith: str, shards: tuple[str, ...]) -> tuple[bytes, ...]:
    name, folder = _raw(posixpath.basename(monolith)), posixpath.dirname(monolith)
    at = entry.rfind(name)
    paths = (_raw(_from(folder, shard)) for shard in shards) if at >= 0 else ()
    known = (path for path in paths if not re.search(rb"[\"'\\\s;$]", path))
    return tuple(entry[:at] + path + entry[at + len(name) :] for path in known)


def _from(folder: str, path: str) -> str:
    """A path of the repository as it is spelled from a folder of it."""
    if not folder or path.startswith(f"{folder}/"):
        return path[len(folder) + 1 :] if folder else path
    return posixpath.relpath(path, folder)


class _Index:
    """The entries of one build file, looked for once for each name of a file: layouts have files of the same
    names, and a list has those of all rules."""

    def __init__(self, path: str, text: bytes, language: Language) -> None:
        self._text, self._language = text, language
        self._folder = posixpath.dirname(path)
        self._by_name: dict[bytes, tuple[dict[str, list[ListEntry]], list[ListEntry]]] = {}
        self._mentions: dict[str, tuple[_Mention, ...]] = {}

    def mentions(self, unit: str) -> tuple[_Mention, ...]:
        """The entries that are the file ``unit``, in the file's order."""
        if unit not in self._mentions:
            plain, others = self._entries(_raw(posixpath.basename(unit)))
            found = [
                *plain.get(unit, ()),
                *(e for e in others if _names(e, self._folder, unit) is _Match.YES),
            ]
            found.sort(key=lambda entry: entry.start)
            self._mentions[unit] = tuple(_Mention(e, self._text[e.start : e.end]) for e in found)
        return self._mentions[unit]

    def _entries(self, name: bytes) -> tuple[dict[str, list[ListEntry]], list[ListEntry]]:
        """The entries with a file's name in them: by the paths that they mean; and those with variables."""
        if name not in self._by_name:
            plain: dict[str, list[ListEntry]] = {}
            others: list[ListEntry] = []
            for entry in self._language.entries(self._text, name, self._folder):
                if entry.is_glob:
                    continue
                if "${}" in entry.spelled:
                    others.append(entry)
                else:
                    for path in _meant(entry.spelled, self._folder):
                        plain.setdefault(path, []).append(entry)
            self._by_name[name] = plain, others
        return self._by_name[name]


@remembered
def _index(text: bytes, path: str) -> _Index | None:
    """The index of a text; None where no language of ours says what it lists."""
    language = _language(path)
    return None if language is None else _Index(path, text, language)


def _mentions(path: str, text: bytes, monolith: str) -> tuple[_Mention, ...]:
    index = _index(text, path)
    return () if index is None else index.mentions(monolith)


def mentions(path: str, text: bytes, unit: str) -> int:
    """How often the build file at ``path`` lists the file ``unit`` by name, comments apart."""
    return len(_mentions(path, text, unit))


def lists(path: str, text: bytes, unit: str) -> bool:
    """Whether the build file lists ``unit``: by name, or by a pattern."""
    return mentions(path, text, unit) > 0 or any(
        _covers(g, posixpath.dirname(path), unit) for g in _globs(path, text)
    )


def _globs(path: str, text: bytes) -> Iterator[ListEntry]:
    language = _language(path)
    if language is not None and b"*" in text:
        yield from (entry for entry in language.entries(text, b"*", posixpath.dirname(path)) if entry.is_glob)


_WILD = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _covers(entry: ListEntry, folder: str, unit: str) -> bool:
    """Whether a pattern of a build file in ``folder`` matches a file."""
    head, variable, rest = entry.spelled.rpartition("${}")
    pattern = (rest if variable else entry.spelled).lstrip("/")
    if entry.recursive and "**" not in pattern:
        pattern = posixpath.join(posixpath.dirname(pattern), "**", posixpath.basename(pattern))
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    meaning = "".join(_WILD.get(piece, re.escape(piece)) for piece in pieces)
    bases = {"", f"{folder}/"} if folder and not variable else {""}
    start = "(?:.*/)?" if variable else ""
    return not head and any(re.fullmatch(f"{start}{re.escape(base)}{meaning}", unit) for base in bases)


def add(path: str, text: bytes, monolith: str, shards: Sequence[str]) -> bytes:
    """The build file at ``path`` with ``shards`` (repository paths) before each entry that is ``monolith``.

    An entry with a line to itself gets a line for each shard, with its indentation and spelling; one amid a
    line gets them on that line. A list that names a shard already is left without that one. Where the
    outcome could not be taken back, the text is left as it is.
    """
    return _added(text, path, monolith, tuple(shards))


# Every side of every merge of a run asks the same of the same few build files.
@remembered
def _added(text: bytes, path: str, monolith: str, shards: tuple[str, ...]) -> bytes:
    added = _inserted(text, [place for place, _ in _additions(path, text, monolith, shards)])
    if added != text and remove(path, added, monolith, shards) != remove(path, text, monolith, shards):
        return text
    return added


_Addition = tuple[tuple[int, bytes], list[bytes]]


def _additions(path: str, text: bytes, monolith: str, shards: Sequence[str]) -> Iterator[_Addition]:
    """What ``add`` puts where, each with the shards as they are spelled there."""
    for mention in _mentions(path, text, monolith):
        glue, spelled = _glue(text, mention, monolith, shards)
        yield (mention.entry.start, glue), spelled


def _inserted(text: bytes, places: Iterable[tuple[int, bytes]]) -> bytes:
    out: list[bytes] = []
    at = 0
    for start, glue in sorted(places):
        out += [text[at:start], glue]
        at = start
    return b"".join([*out, text[at:]])


def add_all(path: str, text: bytes, units: Iterable[ListedUnit]) -> bytes:
    """As ``add`` for each monolith and its shards in turn; the text is read once for all."""
    return _all_added(text, path, tuple((monolith, tuple(shards)) for monolith, shards in units))


@remembered
def _all_added(text: bytes, path: str, units: tuple[tuple[str, tuple[str, ...]], ...]) -> bytes:
    found = [[*_additions(path, text, *unit)] for unit in units]
    if not _say_the_same(found):
        added = _inserted(text, [place for one in found for place, _ in one])
        if remove_all(path, added, units) == remove_all(path, text, units):
            return added
    # Units that say the same, or could not be taken back: what each adds depends on those before.
    for monolith, shards in units:
        text = add(path, text, monolith, shards)
    return text


def _say_the_same(found: Sequence[Sequence[_Addition]]) -> bool:
    """Whether something that one monolith's shards add stands in what another one's do."""
    glue = [b"\0".join(added for (_, added), _ in one) for one in found]
    return any(
        name in other
        for number, one in enumerate(found)
        for name in {name for _, spelled in one for name in spelled}
        for other in (*glue[:number], *glue[number + 1 :])
    )


def _glue(text: bytes, mention: _Mention, monolith: str, shards: Sequence[str]) -> tuple[bytes, list[bytes]]:
    start, (first, last), joint = mention.entry.start, mention.entry.group, mention.entry.joint
    listed = text[first:last]
    spelled = [shard for shard in mention.of(monolith, shards) if shard not in listed]
    line = text.rfind(b"\n", 0, start) + 1
    indent = text[line:start]
    if indent.strip() or line < first:
        return b"".join(shard + joint.inline for shard in spelled), spelled
    end = text.find(b"\n", start)
    newline = b"\r\n" if text[end - 1 : end] == b"\r" else b"\n"
    return b"".join(shard + joint.at_break + newline + indent for shard in spelled), spelled


def remove(path: str, text: bytes, monolith: str, shards: Sequence[str]) -> bytes:
    """The build file without what ``add`` wrote for these shards: the inverse of ``add``."""
    return _removed(text, path, monolith, tuple(shards))


@remembered
def _removed(text: bytes, path: str, monolith: str, shards: tuple[str, ...]) -> bytes:
    return _cut(text, list(_glued(path, text, monolith, shards)))


def _glued(path: str, text: bytes, monolith: str, shards: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The runs of shards that lead up to the monolith."""
    language = _language(path)
    if language is None or not shards:
        return
    quiet = language.quiet(text)
    at = 0
    for mention in _mentions(path, text, monolith):
        start, joint = mention.entry.start, mention.entry.joint
        texts = mention.of(monolith, shards)
        places = [place for s in texts if (place := quiet.find(s, at, start)) >= 0]
        if not places:
            continue
        # Only a run of shards that leads up to the monolith is glue; any other is the user's, as is one that
        # the user has commented out: taken away, its comment would hold the monolith.
        first = _run_before(quiet, start, min(places), texts, joint)
        if first < start:
            yield first, start
            at = start


_BLANKS = frozenset(b" \t")
_BEFORE_A_FILE = frozenset(b" \t\n\r\f\v([,=")


def _run_before(text: bytes, end: int, low: int, files: Sequence[bytes], joint: Joint) -> int:
    """Where the longest run of files begins that, each with its joint behind it, reaches ``end``; not before
    ``low``; ``end`` where there is none. (As an expression it would be compiled for each list of files.)"""
    first, waiting = end, [end]
    while waiting:
        for stop in _without_joint(text, waiting.pop(), low, joint):
            for file in files:
                start = stop - len(file)
                if text.endswith(file, low, stop) and (start == 0 or text[start - 1] in _BEFORE_A_FILE):
                    waiting.append(start)
                    first = min(first, start)
    return first


def _without_joint(text: bytes, end: int, low: int, joint: Joint) -> Iterator[int]:
    """Where what stands before a joint that ends at ``end`` may end: within a line, at a line's end."""
    if text.endswith(joint.inline, low, end):
        yield end - len(joint.inline)
    line = end
    while line > low and text[line - 1] in _BLANKS:
        line -= 1
    for newline in (b"\n", b"\r\n"):
        if text.endswith(joint.at_break + newline, low, line):
            yield line - len(joint.at_break + newline)


def _cut(text: bytes, ranges: Iterable[tuple[int, int]]) -> bytes:
    out: list[bytes] = []
    at = 0
    for start, end in ranges:
        out.append(text[at:start])
        at = end
    return b"".join([*out, text[at:]])


def remove_all(path: str, text: bytes, units: Iterable[ListedUnit]) -> bytes:
    """As ``remove`` for each monolith and its shards in turn; the text is read once for all."""
    return _all_removed(text, path, tuple((monolith, tuple(shards)) for monolith, shards in units))


@remembered
def _all_removed(text: bytes, path: str, units: tuple[tuple[str, tuple[str, ...]], ...]) -> bytes:
    ranges = sorted(found for unit in units for found in _glued(path, text, *unit))
    if all(before[1] <= after[0] for before, after in pairwise(ranges)):
        return _cut(text, ranges)
    for monolith, shards in units:
        text = remove(path, text, monolith, shards)
    return text


def unclear(path: str, text: bytes, monolith: str) -> tuple[int, ...]:
    """The 1-based lines on which the build file names the monolith in a way that shards can't be added to."""
    language = _language(path)
    if language is None:
        return ()
    quiet, word = language.quiet(text), _raw(posixpath.basename(monolith))
    known = [(m.entry.start, m.entry.end) for m in _mentions(path, text, monolith)]
    folder = posixpath.dirname(path)
    others = [
        (e.start, e.end)
        for e in language.entries(text, word, folder)
        if _names(e, folder, monolith) is _Match.NO and e.spelled.endswith(posixpath.basename(monolith))
    ]
    lines = [
        text.count(b"\n", 0, at) + 1
        for at in occurrences(quiet, word)
        if not any(start <= at < end for start, end in (*known, *others))
        and not re.match(rb"[\w.+-]", quiet[at + len(word) : at + len(word) + 1])
        and not re.match(rb"[\w.+-]", quiet[max(0, at - 1) : at])
    ]
    return tuple(dict.fromkeys(lines))


def _raw(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
