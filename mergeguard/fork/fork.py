"""A fork as the verbs see it: its repository, its state, and the one way to stage a change.

The verbs' modules take and return values; ``mergeguard.cli`` prints them. Each change of the repository
goes through ``mergeguard.git.landing``, so it is as before or as after, whatever happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mergeguard.errors import LayoutError
from mergeguard.git.atwork import may_be_interrupted
from mergeguard.git.repository import Repository
from mergeguard.git.snapshot import snapshot, unchanged
from mergeguard.values import dataclass

if TYPE_CHECKING:
    from mergeguard.fork.workspace import Workspace
    from mergeguard.git.outcome import StateFile
    from mergeguard.git.recovery import Recovery

STATE = ".mergeguard"
#: The pins of the fork's own work, where it keeps some (``verbs.ownwork``).
LEDGER = f"{STATE}/ledger.toml"
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
        if not may_be_interrupted(repository.private_dir, repository.common_dir / "mergeguard"):
            return cls(repository, None)
        from mergeguard.git.recovery import recover

        return cls(repository, recover(repository))

    def head(self) -> str:
        """HEAD's commit; LayoutError on a branch without commits."""
        head = self.repository.head()
        if head.oid is None:
            raise LayoutError(f"the branch {head.name} has no commits yet", hint="commit something first")
        return head.oid

    def _loaded(self, tree: str) -> Workspace:
        # The lens takes a while to load, and not every verb comes to need it.
        from mergeguard.fork.workspace import Workspace

        return Workspace.load(self.repository, tree)

    def work_tree(self) -> Workspace:
        """The work tree as git would commit it, with what is in ``.mergeguard`` even if not yet added."""
        return self._loaded(self.tree())

    def tree(self) -> str:
        """The tree that ``work_tree`` is read from."""
        self.head()
        return snapshot(self.repository, [STATE])

    def unchanged(self) -> str | None:
        """HEAD's tree where the work tree is as it; None where ``tree`` has to look at what differs."""
        self.head()
        return unchanged(self.repository, [STATE])

    def at_head(self) -> Workspace:
        """HEAD's tree: what can be shown while files are in conflict."""
        return self._loaded(self.repository.tree_of(self.head()))

    def staged(self) -> Workspace:
        """The index, with the rules as they are in the work tree."""
        self.head()
        return self._loaded(snapshot(self.repository, [STATE], tracked=False))

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

    def stage_files(self, files: Mapping[str, bytes], what: str) -> None:
        """Stage the index with ``files`` (path to text) written over it; ``what`` names the command."""
        from mergeguard.fork import treelens
        from mergeguard.fork.workspace import file_edits

        edits = file_edits(self.repository, files)
        self.stage(treelens.apply(self.repository, self.staged().tree, edits), what)

    def stage(self, tree: str, what: str, state: tuple[StateFile, ...] = ()) -> None:
        """Land ``tree`` in index and work tree, without a commit; ``what`` names the command.

        ``state`` are files below the git folder that land with it.
        """
        from mergeguard.git import landing

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
