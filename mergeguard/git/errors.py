"""What can go wrong with a repository, one class for each thing a caller may want to tell apart."""

from __future__ import annotations

from collections.abc import Sequence

from mergeguard.errors import GitError, RepositoryError

__all__ = [
    "BareRepository",
    "DirtyWorkTree",
    "GitError",
    "GitMissing",
    "GitTooOld",
    "HeadMoved",
    "LandingFailed",
    "MissingObject",
    "NoMergeBase",
    "NotARepository",
    "OperationInProgress",
    "PathConflict",
    "RepositoryError",
    "RepositoryLocked",
    "ShallowHistory",
    "UnfinishedLanding",
    "UnknownRevision",
    "UnrelatedHistories",
    "UnsupportedRepository",
]


class GitMissing(RepositoryError):
    """There is no git to run."""


class GitTooOld(RepositoryError):
    """git lacks ``merge-tree --write-tree`` (2.38)."""


class NotARepository(RepositoryError):
    """The folder is not inside a git work tree."""


class BareRepository(RepositoryError):
    """The repository has no work tree."""


class UnsupportedRepository(RepositoryError):
    """A repository format that can't be read here (an object format that is not known)."""


class UnknownRevision(RepositoryError):
    """A name that is no commit of this repository."""


class MissingObject(RepositoryError):
    """An object is not here, and no promisor remote delivers it."""


class NoMergeBase(RepositoryError):
    """Two commits have no common ancestor here."""


class ShallowHistory(NoMergeBase):
    """The clone is shallow: the common ancestor may exist, but was not fetched."""


class UnrelatedHistories(NoMergeBase):
    """The whole history is here, and the two commits share none of it."""


class PathConflict(RepositoryError):
    """A path can't be both a file and a folder."""


class DirtyWorkTree(RepositoryError):
    """Uncommitted or untracked work stands where files would be written; ``paths`` lists it."""

    def __init__(self, message: str, *, paths: Sequence[str], hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.paths = tuple(paths)


class OperationInProgress(RepositoryError):
    """A merge, rebase, cherry-pick, … is not finished."""


class RepositoryLocked(RepositoryError):
    """Another git or mergeguard works in this repository."""


class HeadMoved(RepositoryError):
    """HEAD is no longer where it was when the work was planned."""


class LandingFailed(RepositoryError):
    """Writing the result failed (disk full, permissions, a hook); the state from before was restored."""


class UnfinishedLanding(RepositoryError):
    """An interrupted landing can't be completed or undone without a person's decision."""
