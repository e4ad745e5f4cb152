"""What history holds against layouts, as values; ``healing`` mends it."""

from __future__ import annotations

from mergeguard.fork.workspace import Workspace
from mergeguard.treemerge.lockhistory import Behind, LockHistory
from mergeguard.treemerge.losses import Loss, losses
from mergeguard.values import dataclass


@dataclass(frozen=True)
class Ailment:
    """What history holds against a tree: locks that are behind, and text that merges have lost."""

    behind: tuple[Behind, ...] = ()
    lost: tuple[Loss, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.behind or self.lost)

    @property
    def merges(self) -> tuple[str, ...]:
        """The merges that lost text, oldest first."""
        return tuple(dict.fromkeys(loss.merge for loss in self.lost))


def examine(workspace: Workspace, head: str, *, text: bool = True) -> Ailment:
    """Hold the layouts of a tree made on top of commit ``head`` against history; ``text``: not the locks
    alone, which is quick."""
    history = LockHistory(workspace.repository, workspace.splitting)
    behind = history.behind(workspace, head)
    return Ailment(behind, losses(workspace, head, history) if text else ())
