"""Every error that a user can meet: what happened, where, what was left untouched, what to do next.

The command line renders these once (see ``mergeguard.cli``); nothing else prints them.
"""

from __future__ import annotations

import sys
from enum import IntEnum

from mergeguard.values import dataclass

TYPE_CHECKING = False  # without `typing`, which costs more than all of this
if TYPE_CHECKING:
    from typing import NoReturn


def counted(number: int, thing: str, things: str = "") -> str:
    """``1 hunk``, ``2 hunks``: for messages; ``things`` is the plural where an s does not make it."""
    return f"{number} {thing if number == 1 else things or thing + 's'}"


#: What comes before the command that goes on, while files are in conflict.
RESOLVE = "resolve the markers, `git add` the files, then "


class ExitCode(IntEnum):
    """The exit status of every command; documented in docs/promises.md."""

    CLEAN = 0
    FINDINGS = 1  # conflicts, unmapped hunks, a failed check: the command worked, a person is needed
    USAGE = 2  # bad input: nothing was changed
    INTERNAL = 3  # a bug in mergeguard: nothing was changed


def interrupted() -> NoReturn:
    """Exit as after Ctrl-C: one word for the person, and the status that shells give it."""
    sys.stderr.write("interrupted\n")
    sys.exit(130)


@dataclass(frozen=True, slots=True)
class Location:
    """A place to look at: a path relative to the repository's root, a 1-based line, an item's name."""

    path: str
    line: int | None = None
    item: str | None = None

    def __str__(self) -> str:
        text = self.path if self.line is None else f"{self.path}:{self.line}"
        return text if self.item is None else f"{text} ({self.item})"


class MergeguardError(Exception):
    """Base of all expected errors.

    ``message`` says what is wrong, ``where`` points at it, ``hint`` is the next command or edit.
    Unless ``changed`` says otherwise, nothing in the repository was changed.
    """

    exit_code = ExitCode.USAGE
    default_hint: str | None = None

    def __init__(
        self,
        message: str,
        *,
        where: Location | None = None,
        hint: str | None = None,
        changed: str = "nothing was changed",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint or self.default_hint
        self.changed = changed

    def __str__(self) -> str:
        return self.message if self.where is None else f"{self.where}: {self.message}"


class RuleError(MergeguardError):
    """A rule file is broken, or its selectors do not fit themselves."""

    default_hint = "correct the rule; `mergeguard rules schema` says what a rule may hold"


class RuleMismatch(MergeguardError):
    """A rule is well formed but does not fit a monolith: names the item it can't place."""

    default_hint = "adapt the rule; `mergeguard rules explain` shows where each item goes"


class SourceError(MergeguardError):
    """A source file that can't be read as C++/CUDA/HIP items (unterminated comment, unbalanced braces)."""

    default_hint = "correct the file, or end its split: `mergeguard leave RULE`"


class LayoutError(MergeguardError):
    """A layout in the tree can't be read back (files missing, lock out of step)."""


class RepositoryError(MergeguardError):
    """The git repository is in a state in which the command can't run."""


class GitError(RepositoryError):
    """A git command failed; carries what it printed."""
