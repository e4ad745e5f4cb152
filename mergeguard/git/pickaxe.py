"""Which commit of a range changed how often something stands in some files: as ``git log -S`` says, for many
questions about the same commits at the price of one ``git log``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mergeguard.git.objects import MODE_SUBMODULE
from mergeguard.git.process import split_nul
from mergeguard.git.repository import Repository
from mergeguard.values import cached_property, dataclass, field

_BEGINS = "\1"  # before the name of each commit
_FORMAT = "--format=%x01%H%x00%s"
_PART = re.compile(rb"\w")  # of a word


@dataclass(frozen=True, slots=True)
class TouchingCommit:
    """A commit and the pairs of blobs that it made of one another (all zeros: none) in these files."""

    oid: str
    subject: str
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Pickaxe:
    """The commits of ``base..tip`` that are no merges and touch ``paths``."""

    repository: Repository
    base: str
    tip: str
    paths: tuple[str, ...]
    _counts: dict[tuple[str, bytes], int] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def commits(self) -> tuple[TouchingCommit, ...]:
        """All of them, newest first."""
        span = f"{self.base}..{self.tip}"
        options = ("--no-merges", "--no-show-signature", _FORMAT, "--raw", "--no-abbrev", "-z")
        return tuple(_read(split_nul(self.repository.git("log", *options, span, "--", *self.paths).out)))

    def newest(self, word: bytes) -> TouchingCommit | None:
        """The newest that changed how often the word stands in a file, letters and digits beside it apart."""
        for commit in self.commits:
            if any(self._count(old, word) != self._count(new, word) for old, new in commit.pairs):
                return commit
        return None

    def _count(self, blob: str, word: bytes) -> int:
        if (blob, word) not in self._counts:
            text = self.repository.read_blob(blob) if blob.strip("0") else b""
            self._counts[blob, word] = sum(1 for _ in _standing(word, text))
        return self._counts[blob, word]


def _standing(word: bytes, text: bytes) -> Iterator[int]:
    """Where the word stands by itself."""
    # No expression: it would be tried at each byte, which costs a hundred times a search.
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        if not (_PART.match(text, at - 1) if at else None) and not _PART.match(text, end):
            yield at
        at = text.find(word, end)


def _read(fields: list[str]) -> Iterator[TouchingCommit]:
    """The commits of what ``git log`` printed, in its order."""
    left = iter(fields)
    oid = subject = ""
    pairs: list[tuple[str, str]] = []
    for word in left:
        if word.startswith(_BEGINS):
            if oid:
                yield TouchingCommit(oid, subject, tuple(pairs))
            oid, subject, pairs = word.removeprefix(_BEGINS), next(left), []
        elif (change := word.lstrip("\n")).startswith(":"):
            old_mode, mode, old, new, letter = change.removeprefix(":").split(" ")
            for _ in range(2 if letter[0] in "RC" else 1):
                next(left)  # its paths
            if MODE_SUBMODULE not in (int(old_mode, 8), int(mode, 8)):
                pairs.append((old, new))
    if oid:
        yield TouchingCommit(oid, subject, tuple(pairs))
