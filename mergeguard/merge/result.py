"""What a three-way merge gives back: resolved bytes, honest conflicts, and what a person should know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from mergeguard.values import dataclass

Side = Literal["base", "ours", "theirs"]


@dataclass(frozen=True, slots=True)
class Resolved:
    """Bytes of the merged file on which there is nothing to decide."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Conflict:
    """A place only a person can decide: the bytes of the three versions there."""

    base: bytes
    ours: bytes
    theirs: bytes

    def side(self, side: Side) -> bytes:
        return self.base if side == "base" else self.ours if side == "ours" else self.theirs


Piece = Resolved | Conflict


@dataclass(frozen=True, slots=True)
class Note:
    """Something to tell: ``finding`` needs a look, otherwise it only says what the merge did.

    ``code`` is stable ("renamed", "duplicate-definition", ...), ``line`` is 1-based in the merged text
    with every conflict resolved to ours, or None where no place can be named.
    """

    code: str
    message: str
    finding: bool = False
    line: int | None = None


# Base, ours and theirs made more alike before they are merged, and what is to be said of that.
Prepared = tuple[tuple[bytes, bytes, bytes], Note]


@dataclass(frozen=True, slots=True)
class MergeResult:
    """The merged file as pieces that concatenate to it; see ``markers`` for conflict markers.

    ``renamed`` are names that were exchanged in some declarations only, because one side renamed them there.
    """

    pieces: tuple[Piece, ...]
    notes: tuple[Note, ...] = ()
    renamed: frozenset[bytes] = frozenset()

    @property
    def conflicts(self) -> int:
        return sum(isinstance(piece, Conflict) for piece in self.pieces)

    @property
    def clean(self) -> bool:
        return self.conflicts == 0

    @property
    def findings(self) -> tuple[Note, ...]:
        return tuple(note for note in self.notes if note.finding)

    def render(self, side: Side = "ours") -> bytes:
        """The whole file with every conflict resolved to ``side``."""
        return b"".join(p.text if isinstance(p, Resolved) else p.side(side) for p in self.pieces)


def join(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """The same pieces, empty ones dropped and neighbouring resolved ones made one."""
    joined: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Resolved):
            if not piece.text:
                continue
            if joined and isinstance(joined[-1], Resolved):
                joined[-1] = Resolved(joined[-1].text + piece.text)
                continue
        elif not (piece.base or piece.ours or piece.theirs):
            continue
        elif piece.ours == piece.theirs:
            joined.append(Resolved(piece.ours))
            continue
        joined.append(piece)
    return tuple(joined)


def shown(name: bytes) -> str:
    """A name for a message."""
    return name.decode("utf-8", "replace")
