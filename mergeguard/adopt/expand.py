"""Text of upstream's that a split by hand made a macro of, put back where the macro is used.

Shards that all need one prologue, or one list of parameters, get it from an object-like macro of the split's
own. To compare such a function with upstream's, the macro's body stands in its place again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from mergeguard.values import dataclass

_DEFINE = re.compile(rb"^[ \t]*#[ \t]*define[ \t]+(\w+)(?=[ \t\\])((?:[^\n]*\\\r?\n)*[^\n]*)", re.MULTILINE)
_WORD = re.compile(rb"[A-Za-z_]\w*")
_LEAST_WORDS = 4  # a shorter body is a constant


@dataclass(frozen=True, slots=True)
class Expanded:
    """A file with macros replaced; ``lines`` has the 1-based line in the file of each line of ``text``."""

    text: bytes
    lines: tuple[int, ...]


def text_macros(files: Mapping[str, bytes], monolith: bytes) -> dict[bytes, list[bytes]]:
    """The object-like macros that only the split has and that stand for text: name to lines of the body."""
    known = set(_WORD.findall(monolith))
    bodies: dict[bytes, list[bytes]] = {}
    times: Counter[bytes] = Counter()
    for text in files.values():
        for found in _DEFINE.finditer(text):
            times[found[1]] += 1
            lines = [line.rstrip().removesuffix(b"\\").rstrip() for line in found[2].splitlines()]
            bodies[found[1]] = [line for line in lines if line.strip()]
    return {
        name: body
        for name, body in bodies.items()
        if times[name] == 1
        and name not in known
        and len(_WORD.findall(b" ".join(body))) >= _LEAST_WORDS
        and name not in _WORD.findall(b" ".join(body))
    }


def expand(text: bytes, macros: Mapping[bytes, list[bytes]]) -> Expanded:
    """``text`` with the macros' bodies in place of their uses, the lines that define them left alone."""
    out: list[bytes] = []
    numbers: list[int] = []
    continued = defining = False
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        directive = continued or line.lstrip().startswith(b"#")
        if not continued:
            found = _DEFINE.match(line)
            defining = found is not None and found[1] in macros
        continued = directive and line.rstrip().endswith(b"\\")
        new = line
        if macros and not defining:
            new = _in_line(line, macros, b" " if directive else b"\n")
        pieces = new.splitlines(keepends=True) or [new]
        out += pieces
        numbers += [number] * len(pieces)
    return Expanded(b"".join(out), (*numbers, (numbers or [1])[-1]))


def _in_line(line: bytes, macros: Mapping[bytes, list[bytes]], joint: bytes) -> bytes:
    code, comment, rest = line.partition(b"//")
    return (
        _WORD.sub(lambda word: joint.join(macros[word[0]]) if word[0] in macros else word[0], code)
        + comment
        + rest
    )
