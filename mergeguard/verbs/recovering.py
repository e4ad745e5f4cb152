"""recover: settle what an interrupted run left, or forget it."""

from __future__ import annotations

from pathlib import Path

from mergeguard.git import recovery
from mergeguard.git.recovery import Recovery
from mergeguard.git.repository import Repository
from mergeguard.values import dataclass


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of the interrupted run (None if there was none), and the locks of git that are left."""

    run: Recovery | None
    locks: tuple[Path, ...]


def recover(folder: str) -> Recovered:
    """Bring the repository around ``folder`` to before or after the run that was interrupted."""
    repository = Repository.discover(folder)
    found = recovery.recover(repository)
    return Recovered(found, tuple(recovery.locks_of_git(repository)))


def forget(folder: str) -> None:
    """Drop the record of the interrupted run; every file stays as it is."""
    recovery.forget(Repository.discover(folder))
