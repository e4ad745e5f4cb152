"""Languages whose lists stand in brackets, parted by commas: Python, TOML, Starlark (Bazel), Meson.

An element is a string, or a join of strings and names that gives one path (``os.path.join(here, "a.cu")``,
``HERE / "a.cu"``). Strings elsewhere (alone, amid an expression, an argument of a function that takes no
sources) are no elements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mergeguard.cpp.remember import remembered
from mergeguard.lens.buildlists.protocol import Joint, ListEntry, blank_of, blanked, occurrences
from mergeguard.values import dataclass

_TOKEN = re.compile(
    rb"#[^\n]*|(?:\b[rbufRBUF]{1,2})?(?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''"
    rb"|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')",
    re.DOTALL,
)
_JOINT = Joint(b", ", b",")
#: Functions that join their arguments to one path, or pass one on.
_JOINS = re.compile(
    rb"(?:[\w.]*\.)?(?:join|Path|PurePath|str|joinpath|abspath|realpath|fspath|join_paths|f)\Z"
)
_CALLEE = re.compile(rb"([\w.]+)\s*\Z")
_GLOBS = re.compile(rb"(?:[\w.]*\.)?r?glob\Z")
_BETWEEN = re.compile(rb"[\w.\s(),/+]*")
_NAME = re.compile(rb"([A-Za-z_][\w.]*)(\s*\()?")
_KEYWORDS = frozenset(b"return in yield and or not else".split())
_WORDS_OF_CHOICE = re.compile(rb"\b(?:if|else|for|in|and|or|not|lambda|await|yield)\b")


@remembered
def _parted(text: bytes) -> tuple[tuple[re.Match[bytes], ...], bytes]:
    """The strings of a text, and the text with them and its comments blanked."""
    strings = tuple(m for m in _TOKEN.finditer(text) if not m[0].startswith(b"#"))
    return strings, _TOKEN.sub(lambda m: blank_of(m[0]), text)


@dataclass(frozen=True)
class CommaLists:
    """One of the languages: the names of its files, and the functions whose arguments are sources."""

    names: re.Pattern[str]
    calls: re.Pattern[bytes]
    labels: bool = False

    def speaks(self, name: str) -> bool:
        return self.names.fullmatch(name) is not None

    def quiet(self, text: bytes) -> bytes:
        return blanked(text, _TOKEN, b"#")

    def entries(self, text: bytes, word: bytes, folder: str) -> Iterator[ListEntry]:
        strings, bare = _parted(text)
        told = 0
        for at in occurrences(text, word):
            string = next((m for m in strings if m.start() <= at < m.end()), None)
            if string is None or at < told:
                continue
            found = self._element(bare, string.start())
            if found is None:
                continue
            start, end, group, is_glob = found
            inside = [m for m in strings if start <= m.start() and m.end() <= end]
            spelled = _spelled(text, bare, start, end, inside)
            if spelled is None:
                continue
            told = end
            recursive = b"recursive=True" in bare[group[0] : group[1] + 40].replace(b" ", b"")
            spelled = _label(spelled) if self.labels else spelled
            yield ListEntry(start, end, spelled, group, _JOINT, is_glob or "*" in spelled, recursive)

    def _element(self, bare: bytes, at: int) -> tuple[int, int, tuple[int, int], bool] | None:
        """The element of a list that holds ``at``: its range, the list's, and whether that is of patterns."""
        inner, is_glob = at, False
        for _ in range(6):
            opening = _opening(bare, inner)
            if opening is None:
                return None
            callee = _CALLEE.search(bare, max(0, opening - 80), opening)
            callee = None if callee is None or callee[1] in _KEYWORDS else callee
            if bare[opening : opening + 1] == b"[":
                if callee or bare[:opening].rstrip()[-1:] in (b")", b"]", b"\0"):
                    return None  # a subscript
                return (*_range(bare, opening, at), is_glob)
            if callee is None:
                whole = _range(bare, opening, at)
                return (*whole, is_glob) if b"," in bare[whole[2][0] : whole[2][1]] else None
            if self.calls.fullmatch(callee[1]):
                return (*_range(bare, opening, at), is_glob)
            if _GLOBS.fullmatch(callee[1]):
                return (*_range(bare, opening, at), True)
            if not _JOINS.fullmatch(callee[1]):
                return None
            inner = opening
        return None


def _opening(bare: bytes, at: int) -> int | None:
    """Where the bracket stands that is open at ``at``."""
    depth = 0
    for offset in range(at - 1, -1, -1):
        char = bare[offset : offset + 1]
        if char in (b")", b"]", b"}"):
            depth += 1
        elif char in (b"(", b"[", b"{"):
            if depth == 0:
                return offset if char != b"{" else None
            depth -= 1
    return None


def _range(bare: bytes, opening: int, at: int) -> tuple[int, int, tuple[int, int]]:
    """The element of the bracket at ``opening`` that holds ``at``, without white space, and the list."""
    depth, start, end = 0, opening + 1, len(bare)
    offset = start
    while offset < len(bare):
        char = bare[offset : offset + 1]
        if char in (b"(", b"[", b"{"):
            depth += 1
        elif char in (b")", b"]", b"}"):
            if depth == 0:
                end = min(end, offset) if end > at else end
                break
            depth -= 1
        elif char == b"," and depth == 0:
            if offset < at:
                start = offset + 1
            elif end == len(bare):
                end = offset
        offset += 1
    while start < at and bare[start : start + 1].isspace():
        start += 1
    # A comment before the element is not of it.
    start = _past_comments(bare, start, at)
    stop = end
    while stop > at and bare[stop - 1 : stop].isspace():
        stop -= 1
    return start, stop, (opening + 1, offset)


def _past_comments(bare: bytes, start: int, at: int) -> int:
    """The beginning of the element's own text: after lines that hold nothing else (blanked comments)."""
    while True:
        newline = bare.find(b"\n", start, at)
        if newline < 0 or bare[start:newline].strip(b"\0 \t\r"):
            return start
        start = newline + 1
        while start < at and bare[start : start + 1].isspace():
            start += 1


def _spelled(text: bytes, bare: bytes, start: int, end: int, strings: list[re.Match[bytes]]) -> str | None:
    """The path that an element says, names as ``${}``; None where it is an expression that may say others."""
    parts: list[str] = []
    at = start
    for string in strings:
        parts += _glue_between(bare[at : string.start()], bool(parts))
        value = re.sub(rb"\A[rbufRBUF]*(?:\"\"\"|'''|\"|')|(?:\"\"\"|'''|\"|')\Z", b"", string[0])
        if b"\\" in value or b"\n" in value:
            return None
        shown = value.decode("utf-8", "surrogateescape")
        parts.append(re.sub(r"\{[^{}]*\}", "${}", shown) if string[0][:1] in b"fF" else shown)
        at = string.end()
    rest = bare[at:end]
    outside = b"".join(bare[a:b] for a, b in _gaps(start, end, strings))
    if not _BETWEEN.fullmatch(outside) or _WORDS_OF_CHOICE.search(outside) or rest.strip(b" \t\r\n,)"):
        return None
    return "".join(parts)


def _gaps(start: int, end: int, strings: list[re.Match[bytes]]) -> Iterator[tuple[int, int]]:
    at = start
    for string in strings:
        yield at, string.start()
        at = string.end()
    yield at, end


def _glue_between(gap: bytes, after: bool) -> list[str]:
    """What stands between two strings of a join: a slash, nothing, or a name of its own."""
    names = [name for name, call in _NAME.findall(gap) if not call]
    slash = b"," in gap or b"/" in gap
    out = ["/"] if after and slash else []
    if names:
        out += ["${}", "/" if slash else ""]
    return out


def _label(spelled: str) -> str:
    """A Bazel label as a path: ``//a:b`` is ``//a/b``, ``:b`` is ``b``; another repository's is none."""
    if spelled.startswith("@"):
        return "${}"
    return spelled.removeprefix(":").replace(":", "/", 1)


_NOTHING = re.compile(rb"(?!)")
PYTHON = CommaLists(re.compile(r"setup\.py|.*(?:build|setup|ext).*\.py"), _NOTHING)
TOML = CommaLists(re.compile(r"pyproject\.toml"), _NOTHING)
STARLARK = CommaLists(re.compile(r"BUILD|WORKSPACE|.*\.bazel|.*\.bzl"), _NOTHING, labels=True)
MESON = CommaLists(
    re.compile(r"meson\.build"),
    re.compile(
        rb"files|library|shared_library|static_library|both_libraries|shared_module|executable|jar|"
        rb"[\w.]*\.extension_module"
    ),
)
