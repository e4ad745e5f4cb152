"""What a build language has to say for the build list's part of the transform.

A language finds the *entries* of a build file: words that are elements of a list of files, with the file each
may mean. Everything else (which file an entry names, where glue goes, taking it out again) is the same for
all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from mergeguard.cpp.remember import remembered
from mergeguard.values import dataclass


@dataclass(frozen=True, slots=True)
class ListEntry:
    """An element of a list: ``text[start:end]`` in the file, quotes and all.

    ``spelled`` is the path as the element says it, with ``${}`` for what can't be told from the file;
    ``joint`` is what parts it from the element before it on one line, ``(b", ", b",")`` being that and the
    same where a line break follows. Elements of one ``group`` are of one list.
    """

    start: int
    end: int
    spelled: str
    group: tuple[int, int]
    joint: Joint
    is_glob: bool = False
    recursive: bool = False


@dataclass(frozen=True, slots=True)
class Joint:
    """How two elements are parted: on one line, and before a line break."""

    inline: bytes
    at_break: bytes


class Language(Protocol):
    """One build language. Stateless; ``folder`` is where the file is, relative to the repository's root."""

    def speaks(self, name: str) -> bool:
        """Whether a file of this name (without folder) is written in the language."""

    def entries(self, text: bytes, word: bytes, folder: str) -> Iterator[ListEntry]:
        """The elements that hold ``word`` (a file's name, or ``*`` for the patterns), in the file's order."""

    def quiet(self, text: bytes) -> bytes:
        """The text with comments blanked, offsets and lines kept."""


@remembered
def blanked(text: bytes, token: re.Pattern[bytes], comment: bytes) -> bytes:
    """The text with the tokens that begin like a comment blanked; lines and offsets stay."""

    def blank(found: re.Match[bytes]) -> bytes:
        return blank_of(found[0]) if found[0].startswith(comment) else found[0]

    return token.sub(blank, text)


def blank_of(text: bytes) -> bytes:
    """A NUL for every byte but the line ends."""
    if b"\n" not in text and b"\r" not in text:
        return b"\0" * len(text)
    return re.sub(rb"[^\r\n]", b"\0", text)


def occurrences(text: bytes, word: bytes) -> Iterator[int]:
    """Where the word begins, every time."""
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + 1)
