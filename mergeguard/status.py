"""status: each rule, how far upstream has moved, and which local edits are where."""

from __future__ import annotations

from dataclasses import dataclass

from mergeguard import kept
from mergeguard.core.diff import diff
from mergeguard.core.report import LocalEdit
from mergeguard.core.unsplit import Hunk
from mergeguard.errors import MergeguardError
from mergeguard.fork import Fork
from mergeguard.treemerge import local_edits
from mergeguard.workspace import Guarded, Workspace


@dataclass(frozen=True)
class RuleStatus:
    """One rule as ``status`` shows it. ``drift`` is (lines added, lines removed) upstream since the lock."""

    name: str
    path: str | None
    state: str
    upstream: str | None
    drift: tuple[int, int] | None
    edits: tuple[LocalEdit, ...]
    overlay: tuple[Hunk, ...]
    unmapped: tuple[Hunk, ...]
    problem: str | None = None


def status(fork: Fork, upstream: str | None) -> tuple[RuleStatus, ...]:
    """Every rule of the work tree; of HEAD while files are in conflict."""
    workspace = fork.at_head() if fork.unmerged() else fork.work_tree()
    ref = fork.upstream(upstream)
    theirs = fork.repository.tree_of(ref) if ref is not None else None
    return tuple(_rule_status(fork, workspace, guarded, theirs) for guarded in workspace.guarded)


def _rule_status(fork: Fork, workspace: Workspace, guarded: Guarded, theirs: str | None) -> RuleStatus:
    path = workspace.monolith_path(guarded)
    if guarded.lock is None:
        state = "not split" if path is not None else "no monolith"
        return RuleStatus(guarded.name, path, state, None, None, (), (), ())
    try:
        overlay, unmapped = kept.sort_out(workspace, guarded)
        edits = local_edits(workspace, guarded)
    except MergeguardError as error:
        return RuleStatus(guarded.name, path, "broken", guarded.lock.upstream, None, (), (), (), str(error))
    drift = None
    state = "split"
    if guarded.lock.rule != guarded.rule_oid:
        state = "split by an older rule"
    if theirs is not None:
        there = next(
            (
                e
                for p in (guarded.lock.monolith, *guarded.rule.paths())
                if (e := fork.repository.entry(theirs, p))
            ),
            None,
        )
        if there is None:
            state = "gone upstream"
        else:
            old = fork.repository.read_blob(guarded.lock.upstream).splitlines()
            new = (
                fork.repository.read_blob(there.oid).splitlines()
                if there.oid != guarded.lock.upstream
                else old
            )
            changes = diff(old, new)
            drift = (sum(c.b1 - c.b0 for c in changes), sum(c.a1 - c.a0 for c in changes))
    return RuleStatus(guarded.name, path, state, guarded.lock.upstream, drift, edits, overlay, unmapped)
