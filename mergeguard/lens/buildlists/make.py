"""Make: words of variables' values; a rule's prerequisites and recipes are no lists (``$<`` is the first)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mergeguard.lens.buildlists.protocol import Joint, ListEntry, blanked, occurrences

_COMMENT = re.compile(rb"(?<!\\)#[^\n]*")
_ASSIGNMENT = re.compile(
    rb"[ ]*(?:(?:export|override|private)[ \t]+)*(?:define[ \t]+)?([\w.%-]+)[ \t]*(?:::?:?|\?|\+|!)?=[ \t]*"
)
_SET = re.compile(rb"^([\w.-]+)[ \t]*(?:::?:?|\?)?=[ \t]*(\S+)[ \t]*$", re.MULTILINE)
_WORD = re.compile(rb"[^\s\\]+")
_VARIABLE = re.compile(r"\$[({](\w[\w.-]*)[)}]")
_JOINT = Joint(b" ", b" \\")


class Make:
    """``Makefile``, ``GNUmakefile``, ``*.mk``."""

    def speaks(self, name: str) -> bool:
        return name in ("Makefile", "makefile", "GNUmakefile") or name.endswith((".mk", ".mak"))

    def quiet(self, text: bytes) -> bytes:
        return blanked(text, _COMMENT, b"#")

    def entries(self, text: bytes, word: bytes, folder: str) -> Iterator[ListEntry]:
        quiet = self.quiet(text)
        known = {m[1].decode(): m[2].decode("utf-8", "surrogateescape") for m in _SET.finditer(quiet)}
        told = 0
        for at in occurrences(quiet, word):
            line = _logical_line(quiet, at)
            assigned = _ASSIGNMENT.match(quiet, line[0], line[1])
            if at < told or assigned is None or at < assigned.end():
                continue
            found = next((w for w in _WORD.finditer(quiet, assigned.end(), line[1]) if w.end() > at), None)
            if found is None or found.start() > at:
                continue
            told = found.end()
            before = quiet[assigned.end() : found.start()]
            if b"$(" in found[0] and b")" not in found[0]:
                continue  # a function's first word
            glob = before.rstrip().endswith((b"$(wildcard", b"${wildcard"))
            if before.count(b"(") != before.count(b")") and not glob:
                continue
            spelled = found[0].rstrip(b")") if glob else found[0]
            text_ = _resolved(spelled.decode("utf-8", "surrogateescape"), known)
            yield ListEntry(*found.span(), text_, (assigned.end(), line[1]), _JOINT, "*" in text_)


def _logical_line(text: bytes, at: int) -> tuple[int, int]:
    """The line that holds ``at``, with those that it is continued on."""
    start = text.rfind(b"\n", 0, at) + 1
    while start > 0 and text[:start].rstrip(b"\r\n").endswith(b"\\"):
        start = text.rfind(b"\n", 0, start - 1) + 1
    end = at
    while True:
        end = text.find(b"\n", end)
        if end < 0:
            return start, len(text)
        if not text[start:end].rstrip(b"\r").endswith(b"\\"):
            return start, end
        end += 1


def _resolved(spelled: str, known: dict[str, str]) -> str:
    for _ in range(4):
        if "$" not in spelled:
            break
        spelled = _VARIABLE.sub(lambda m: known.get(m[1], "${}"), spelled)
    return re.sub(r"\$[({][^)}]*[)}]|\$\w", "${}", spelled)
