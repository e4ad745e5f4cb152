"""CMake: arguments of commands, bare or quoted, parted by white space."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mergeguard.cpp.remember import remembered
from mergeguard.lens.buildlists.protocol import Joint, ListEntry, blank_of, occurrences

_COMMENT_OR_STRING = re.compile(rb'#\[(=*)\[.*?\]\1\]|#[^\n]*|"(?:[^"\\]|\\.)*"', re.DOTALL)
_BARE = re.compile(rb'[^\s()"#]+')
_COMMAND = re.compile(rb"([A-Za-z_]\w*)\s*\Z")
_SET = re.compile(rb"\bset\s*\(\s*(\w+)\s+\"?([^\s\")]+)\"?\s*\)", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{(\w*)\}")
_JOINT = Joint(b" ", b"")

#: Commands whose arguments are no list of sources, whatever they name.
_NO_LISTS = frozenset(
    b"if elseif else while endif message string configure_file install include get_filename_component "
    b"execute_process add_custom_command add_custom_target foreach math option return".split()
)
_HERE = frozenset({"CMAKE_CURRENT_SOURCE_DIR", "CMAKE_CURRENT_LIST_DIR"})
_TOP = frozenset({"CMAKE_SOURCE_DIR", "PROJECT_SOURCE_DIR"})


class _Parted(NamedTuple):
    """Where comments and strings stand, each with its first byte, where they begin, and the text with them
    blanked."""

    spans: tuple[tuple[int, int, bytes], ...]
    starts: tuple[int, ...]
    bare: bytes


@remembered
def _parted(text: bytes) -> _Parted:
    """The parts of a text: every unit of every rule is looked up in the same few texts."""
    spans = tuple((*found.span(), found[0][:1]) for found in _COMMENT_OR_STRING.finditer(text))
    return _Parted(spans, tuple(start for start, _, _ in spans), _without(text, spans))


def _without(text: bytes, spans: Iterable[tuple[int, int, bytes]]) -> bytes:
    """The text with some spans blanked."""
    out: list[bytes] = []
    at = 0
    for start, end, _ in spans:
        out += (text[at:start], blank_of(text[start:end]))
        at = end
    return b"".join((*out, text[at:]))


@remembered
def _quiet(text: bytes) -> bytes:
    return _without(text, (span for span in _parted(text).spans if span[2] == b"#"))


class CMake:
    """``CMakeLists.txt`` and ``*.cmake``."""

    def speaks(self, name: str) -> bool:
        return name == "CMakeLists.txt" or name.endswith(".cmake")

    def quiet(self, text: bytes) -> bytes:
        return _quiet(text)

    def entries(self, text: bytes, word: bytes, folder: str) -> Iterator[ListEntry]:
        parted, told = _parted(text), 0
        for at in occurrences(text, word):
            if at < told:
                continue
            start, end = self._token(text, parted, at)
            if start == end:
                continue
            told = end
            command, group = _command(parted.bare, start)
            if command.lower() in _NO_LISTS:
                continue
            spelled = text[start:end].strip(b'"').decode("utf-8", "surrogateescape")
            is_file, is_glob = command.lower() == b"file", "*" in spelled
            words = text[group[0] : start].upper() if is_file or is_glob else b""
            if is_file and b"GLOB" not in words:
                continue
            recursive = b"GLOB_RECURSE" in words
            yield ListEntry(start, end, _resolved(spelled, text, folder), group, _JOINT, is_glob, recursive)

    def _token(self, text: bytes, parted: _Parted, at: int) -> tuple[int, int]:
        """The argument that holds ``at``; an empty range where that is a comment or something else's part."""
        bare, number = parted.bare, bisect_right(parted.starts, at) - 1
        if number >= 0:
            start, end, first = parted.spans[number]
            if at < end:
                return (start, end) if first == b'"' and _alone(text, start, end) else (at, at)
        start = at
        while start > 0 and _BARE.fullmatch(bare[start - 1 : start]) and bare[start - 1] != 0:
            start -= 1
        found = _BARE.match(bare, start)
        if found is None or b"\0" in found[0] or not _alone(text, *found.span()):
            return (at, at)
        return found.span()


def _alone(text: bytes, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    return (not before or before in b" \t\r\n\f\v(") and (not after or after in b" \t\r\n\f\v)")


def _command(bare: bytes, at: int) -> tuple[bytes, tuple[int, int]]:
    """The name of the command around ``at``, and the range of its arguments."""
    start = bare.rfind(b"(", 0, at) + 1
    end = bare.find(b")", at)
    name = _COMMAND.search(bare, max(0, start - 80), max(0, start - 1))
    return name[1] if name else b"", (start, end if end >= 0 else len(bare))


@remembered
def _variables(text: bytes) -> dict[str, str]:
    """The variables that the file sets to one word."""
    return {m[1].decode(): m[2].decode("utf-8", "surrogateescape") for m in _SET.finditer(text)}


def _resolved(spelled: str, text: bytes, folder: str) -> str:
    """The path with the variables that the file itself sets; ``${}`` for the others, ``/`` for the root."""
    if "${" not in spelled:
        return spelled
    known = _variables(text)

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name in _HERE:
            return f"//{folder}" if folder else "//."
        return "//." if name in _TOP else known.get(name, "${}")

    for _ in range(4):
        if "${" not in spelled:
            break
        spelled = _VARIABLE.sub(value, spelled)
    return _VARIABLE.sub("${}", spelled)
