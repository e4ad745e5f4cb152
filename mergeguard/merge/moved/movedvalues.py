"""What is known of declarations that one side moved to another file: the files, the moves, the doubtful ones.

The *editor* is the side that edited the declaration, the *mover* the one that moved it; either may be ours.
"""

from __future__ import annotations

from mergeguard.values import dataclass


@dataclass(frozen=True, slots=True)
class File:
    """A file that the mover changed; None where a version does not have it.

    ``path`` is where the base has it (a new file: the mover), ``home`` where the mover has it; they differ
    where the mover renamed it. ``editor`` and ``mover`` are the bytes of the two sides.
    """

    path: str
    home: str
    base: bytes | None
    editor: bytes | None
    mover: bytes | None


@dataclass(frozen=True, slots=True)
class BaseDefinition:
    """A definition of the base's file: its lines (0-based, the end excluded), its name, the word that it is
    looked for by, and whether the moving side has it there no more."""

    start: int
    end: int
    name: str
    word: bytes
    gone: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """Where a declaration may be now: path, 1-based line and name on the moving side."""

    path: str
    line: int
    name: str


@dataclass(frozen=True, slots=True)
class Unsure:
    """An edit (or a removal) of a declaration that can't be carried over with certainty: it stays where it
    was made. ``line`` is 1-based in the editor's file (0: it is not there)."""

    name: str
    path: str
    line: int
    why: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """A declaration of ``path`` that the mover has in ``home`` (as ``new_name``, at ``start`` to ``end``).

    The three texts are its versions; ``old`` is the number of its leaf in the base's file. ``along`` are the
    numbers of new leaves of the editor's file, right before it, that only it uses; ``brought`` is their text.
    ``uses`` are new names in the edit that stay behind in ``path``.
    """

    name: str
    path: str
    old: int
    home: str
    new_name: str
    start: int
    end: int
    base: bytes
    editor: bytes
    mover: bytes
    along: tuple[int, ...] = ()
    brought: bytes = b""
    uses: tuple[str, ...] = ()
