"""Which files of a fork the merge driver and the hooks are set up for."""

from __future__ import annotations

from mergeguard.errors import MergeguardError
from mergeguard.fork.footprint import Footprints
from mergeguard.fork.workspace import Guarded, Workspace
from mergeguard.git import hooks
from mergeguard.git.hooks import Action
from mergeguard.git.repository import Repository
from mergeguard.hooks import aftermath
from mergeguard.lens.emissions import emission_of


def paths(workspace: Workspace) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The paths of all rules' files, and the file names that upstream may move elsewhere."""
    found: dict[str, None] = {}
    names: dict[str, None] = {}
    for guarded in workspace.guarded:
        monoliths = [*guarded.paths, *([guarded.lock.monolith] if guarded.lock else [])]
        found |= dict.fromkeys((*monoliths, *workspace.build_files(guarded), guarded.lock_path))
        names |= dict.fromkeys(path.rpartition("/")[2] for path in monoliths)
        try:
            found |= dict.fromkeys(_layout_paths(workspace, guarded))
        except MergeguardError:
            # A layout that can't be read now: the files are added by the next `install`.
            continue
    return tuple(found), tuple(names)


def _layout_paths(workspace: Workspace, guarded: Guarded) -> tuple[str, ...]:
    """The paths of a rule's layout, or of the one that it would get."""
    if guarded.lock is not None:
        return workspace.layout_paths(guarded)
    path = workspace.monolith_path(guarded)
    text = workspace.read(path) if path is not None else None
    if path is None or text is None:
        return ()
    layout = workspace.split_now(guarded, path, text, emission_of(guarded.rule))
    return tuple(file.path for file in layout.files)


def install(
    repository: Repository,
    workspace: Workspace,
    *,
    committed_attributes: bool = False,
    sources: bool | None = None,
) -> tuple[Action, ...]:
    """Set up the clone for the rules of ``workspace``; may be repeated when rules were added.

    ``sources``: have git ask the merge driver about every C, C++, CUDA and HIP file; None: as it was.
    """
    found, names = paths(workspace)
    Footprints(repository, workspace.splitting).of(workspace.tree)
    aftermath.describe(repository)  # the hooks ask for both first
    return hooks.install(
        repository,
        found,
        names=names,
        committed_attributes=committed_attributes,
        sources=sources,
    )


def uninstall(repository: Repository) -> tuple[Action, ...]:
    """Take it back."""
    return hooks.uninstall(repository)
