"""The build list's part of the transform: shards are listed wherever the monolith is.

``add`` writes the shards before every mention of the monolith in a CMake file, ``remove`` takes them
out again. The glue is known by what it says (a quoted or bare path of a shard), so nothing else about
it needs to be stored. An edit of upstream's or the user's anywhere else in the file is not touched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_COMMENT_OR_STRING = re.compile(rb'#\[(=*)\[.*?\]\1\]|#[^\n]*|"(?:[^"\\]|\\.)*"', re.DOTALL)


def add(text: bytes, monolith: str, shards: Sequence[str]) -> bytes:
    """The CMake file with ``shards`` (repository paths) listed before each mention of ``monolith``.

    A mention with a line to itself gets a line for each shard, with its indentation and quotes; one
    amid a line gets them on that line. A list that names a shard already is left without that one.
    """
    out: list[bytes] = []
    at = 0
    for start, end in _mentions(text, monolith):
        quote = b'"' if text[start : start + 1] == b'"' else b""
        listed = _command_around(text, start)
        missing = [_raw(s) for s in shards if _raw(s) not in listed]
        line_start = text.rfind(b"\n", 0, start) + 1
        indent = text[line_start:start]
        if indent.strip():
            glue = b"".join(quote + shard + quote + b" " for shard in missing)
        else:
            newline = b"\r\n" if text[text.find(b"\n", end) - 1 : text.find(b"\n", end)] == b"\r" else b"\n"
            glue = b"".join(quote + shard + quote + newline + indent for shard in missing)
        out += [text[at:start], glue]
        at = start
    return b"".join([*out, text[at:]])


def remove(text: bytes, monolith: str, shards: Sequence[str]) -> bytes:
    """The CMake file without what ``add`` wrote for these shards: the inverse of ``add``."""
    if not shards:
        return text
    names = b"|".join(re.escape(_raw(s)) for s in shards)
    # Only a run of shards that leads up to a mention of the monolith is glue; any other is the user's.
    glue = re.compile(rb'(?:("?)(?:%s)\1(?: |\r?\n[ \t]*))+(?="?%s"?)' % (names, re.escape(_raw(monolith))))
    out: list[bytes] = []
    at = 0
    # A shard that the user commented out is the user's: taken away, its comment would hold the monolith.
    for run in glue.finditer(_without_comments(text)):
        out.append(text[at : run.start()])
        at = run.end()
    return b"".join([*out, text[at:]])


def _without_comments(text: bytes) -> bytes:
    """The text with comments blanked, offsets and lines kept."""

    def blank(token: re.Match[bytes]) -> bytes:
        return re.sub(rb"[^\r\n]", b"\0", token[0]) if token[0].startswith(b"#") else token[0]

    return _COMMENT_OR_STRING.sub(blank, text)


def mentions(text: bytes, monolith: str) -> int:
    """How often the file lists the monolith, comments apart."""
    return len(_mentions(text, monolith))


def _mentions(text: bytes, path: str) -> list[tuple[int, int]]:
    """The byte ranges (quotes included) of arguments that are the path."""
    found: list[tuple[int, int]] = []
    name = _raw(path)
    quiet = list(_COMMENT_OR_STRING.finditer(text))
    for token in quiet:
        if token[0] == b'"' + name + b'"':
            found.append(token.span())
    for bare in re.finditer(rb"(?<![^\s(])%s(?![^\s)])" % re.escape(name), text):
        if not any(token.start() <= bare.start() < token.end() for token in quiet):
            found.append(bare.span())
    return sorted(found)


def _raw(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _command_around(text: bytes, offset: int) -> bytes:
    """The arguments of the command that holds ``offset``, roughly: to the nearest parentheses."""
    start = text.rfind(b"(", 0, offset) + 1
    end = text.find(b")", offset)
    return text[start : end if end >= 0 else len(text)]
