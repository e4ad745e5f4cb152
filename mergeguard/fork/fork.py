"""A fork as the verbs see it: its repository, its state, and the one way to stage a change.

The verbs' modules take and return values; ``mergeguard.cli`` prints them. Each change of the repository
goes through ``mergeguard.git.landing``, so it is as before or as after, whatever happens.
"""

from __future__ import annotations

from mergeguard.errors import LayoutError
from mergeguard.fork.workspace import Workspace
from mergeguard.git import landing
from mergeguard.git.recovery import Recovery, recover
from mergeguard.git.repository import Repository
from mergeguard.git.snapshot import snapshot
from mergeguard.values import dataclass

STATE = ".mergeguard"
_UPSTREAM_GUESSES = ("upstream/main", "upstream/master", "upstream/HEAD")


@dataclass(frozen=True)
class Fork:
    """An opened repository. ``recovered`` says what became of an interrupted run, if there was one."""

    repository: Repository
    recovered: Recovery | None

    @classmethod
    def open(cls, folder: str = ".") -> Fork:
        """The repository around ``folder``, an interrupted landing settled first."""
        repository = Repository.discover(folder)
        return cls(repository, recover(repository))

    def head(self) -> str:
        """HEAD's commit; LayoutError on a branch without commits."""
        head = self.repository.head()
        if head.oid is None:
            raise LayoutError(f"the branch {head.name} has no commits yet", hint="commit something first")
        return head.oid

    def work_tree(self) -> Workspace:
        """The work tree as git would commit it, with what is in ``.mergeguard`` even if not yet added."""
        self.head()
        return Workspace.load(self.repository, snapshot(self.repository, [STATE]))

    def at_head(self) -> Workspace:
        """HEAD's tree: what can be shown while files are in conflict."""
        return Workspace.load(self.repository, self.repository.tree_of(self.head()))

    def staged(self) -> Workspace:
        """The index, with the rules as they are in the work tree."""
        self.head()
        return Workspace.load(self.repository, snapshot(self.repository, [STATE], tracked=False))

    def upstream(self, ref: str | None) -> str | None:
        """The upstream ref: the one given, the configured ``mergeguard.upstream``, or the usual name."""
        if ref is not None:
            self.repository.resolve(ref)
            return ref
        configured = self.repository.config("mergeguard.upstream")
        if configured is not None:
            return configured
        found = self.repository.first_of([f"refs/remotes/{guess}" for guess in _UPSTREAM_GUESSES])
        return None if found is None else found.removeprefix("refs/remotes/")

    def stage(self, tree: str, what: str, state: tuple[landing.StateFile, ...] = ()) -> None:
        """Land ``tree`` in index and work tree, without a commit; ``what`` names the command.

        ``state`` are files below the git folder that land with it.
        """
        landing.land(
            self.repository,
            landing.Outcome(
                tree=tree,
                expected_head=self.head(),
                reflog=f"mergeguard {what}",
                base_tree=self.repository.index_tree(),
                state=state,
            ),
        )
