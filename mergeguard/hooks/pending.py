"""The note of a git command that is not settled yet: ``<git-dir>/mergeguard/pending``.

The merge driver writes it when git merges a file of a layout, because git then goes on with a result that
only the hooks make complete. While it is there, ``status`` says so and ``git push`` is refused. Nothing but
the standard library is imported: hooks look here first, and mostly find nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mergeguard import store
from mergeguard.git.atwork import NOTE, PUT_OFF
from mergeguard.git.durable import remove, write_atomic
from mergeguard.values import dataclass, field, replace

if TYPE_CHECKING:
    from mergeguard.git.outcome import StateFile

#: Ends a file that the driver could not merge by itself: a commit that holds it is not complete.
MARK = b"mergeguard: provisional"

Operation = Literal["merge", "rebase", "pick"]


@dataclass(frozen=True, slots=True)
class PendingNote:
    """What git was doing. All names are commits.

    ``head`` is HEAD when it began (of a rebase: the old tip) and ``theirs`` what is merged (of a rebase: its
    new base). For picks, ``base`` and ``theirs`` are the two whose difference is applied next (None while
    not known), ``became`` maps the commits that git has made to what they should have been, and ``settled``
    is a ``theirs`` whose conflicts a person has been shown.
    """

    operation: Operation
    head: str
    theirs: str | None = None
    base: str | None = None
    settled: str | None = None
    became: Mapping[str, str] = field(default_factory=dict)

    def covers(self, commit: str) -> bool:
        """Whether the note is about the history that ends with ``commit``."""
        return commit == self.head or commit in self.became

    def next(self, head: str, became: Mapping[str, str]) -> PendingNote:
        """The note for the next step of a sequence of picks."""
        return replace(self, head=head, theirs=None, base=None, settled=None, became=dict(became))


def read(git_dir: Path) -> PendingNote | None:
    """The open note, if there is one (an unreadable one counts as none: it is only ever a hint)."""
    try:
        return PendingNote(**store.read_json((git_dir / NOTE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def write(git_dir: Path, note: PendingNote) -> None:
    """Open or change the note, in one step."""
    path = git_dir / NOTE
    remove(git_dir / PUT_OFF)
    write_atomic(path, _dump(note), path.parent / "tmp")


def clear(git_dir: Path) -> None:
    """Close the note."""
    remove(git_dir / NOTE)


def _dump(note: PendingNote) -> bytes:
    return json.dumps({name: getattr(note, name) for name in PendingNote.__slots__}).encode()


def landed(note: PendingNote | None) -> StateFile:
    """The note (None: its end) as a part of what a landing changes."""
    from mergeguard.git.outcome import StateFile

    return StateFile(NOTE, None if note is None else _dump(note))
