"""The seeded faults of ``tests.support.faults`` in real forks, as ``mergeguard check`` sees them."""

from __future__ import annotations

from pathlib import Path

from mergeguard.fork.workspace import Workspace, file_edits
from mergeguard.verbs import checking
from tests.git.conftest import Sandbox
from tests.support import forks
from tests.support.faults import base
from tests.support.smallfaults import PROGRAMS
from tests.support.spoiling import Fault, Tree

YOURS = "your edit"


class SeededForks:
    """A split fork for each layout, below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.split: dict[str, Workspace] = {}

    def spoilt(self, fault: Fault) -> Workspace:
        """The fork's tree with the fault in it."""
        good, bad = base(fault.base), base(fault.base)
        fault.spoil(bad)
        workspace = self._split(good, fault.base)
        edits: dict[str, bytes | None] = {
            bad.full(n): text for n, text in bad.files.items() if good.files.get(n) != text
        }
        edits |= {bad.full(n): None for n in good.files if n not in bad.files}
        if bad.after != good.after:
            edits["CMakeLists.txt"] = bad.after
        repository = workspace.repository
        tree = repository.edit_tree(workspace.tree, file_edits(repository, edits))
        return Workspace.load(repository, tree)

    def _split(self, good: Tree, name: str) -> Workspace:
        if name not in self.split:
            sandbox = Sandbox(self.folder / name)
            if name in PROGRAMS:
                small = PROGRAMS[name]
                rule = {f".mergeguard/rules/{name}.toml": small.rule}
                sandbox.commit_files({small.path: small.text, "CMakeLists.txt": small.build, **rule})
                workspace = forks.load(sandbox)
            else:
                workspace = forks.fork(sandbox, name)
            self.split[name] = forks.split(workspace, name)
        return self.split[name]

    def checked(self, fault: Fault) -> tuple[str, ...]:
        """The checks that name it; ``YOURS`` alone where it is a mapped edit of upstream's text.

        Then ``check`` has nothing to say: the fork's monolith is what the user made of it, and the layout is
        that program. ``status`` and ``report`` list the edit, and ``verify --upstream`` names it.
        """
        workspace = self.spoilt(fault)
        found = checking.failures(checking.run(workspace))
        if not found and workspace.unsplit(workspace.guarded[0]).edits:
            return (YOURS,)
        return tuple(dict.fromkeys(finding.code for finding in found))
