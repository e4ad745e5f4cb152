"""Each rule as it stands, worked out: for ``status``, which keeps what comes of it."""

from __future__ import annotations

from mergeguard.cpp.diff import diff
from mergeguard.errors import MergeguardError
from mergeguard.fork import keepmarks
from mergeguard.fork.fork import Fork
from mergeguard.fork.localedits import local_edits
from mergeguard.fork.stale import first_said, stale
from mergeguard.fork.workspace import Guarded, Workspace
from mergeguard.lens.emissions import emission_of
from mergeguard.treemerge import fates
from mergeguard.treemerge.fates import Standing
from mergeguard.values import replace
from mergeguard.verbs.knownstatus import Beside, RuleStatus


def rules(fork: Fork, workspace: Workspace, beside: Beside | None) -> tuple[RuleStatus, ...]:
    """Every rule of a tree, beside what upstream has.

    All that is asked of the tree is asked of ``workspace.repository``.
    """
    return tuple(_rule_status(fork, workspace, guarded, beside) for guarded in workspace.guarded)


def with_history(fork: Fork, workspace: Workspace, rows: tuple[RuleStatus, ...]) -> tuple[RuleStatus, ...]:
    """The rows, with what history holds against the layouts where nothing else is wrong."""
    from mergeguard.treemerge import witness

    held = witness.problems(workspace, fork.head(), text=False)
    return tuple(replace(row, problem=row.problem or held.get(row.name)) for row in rows)


def with_splits_by_hand(fork: Fork, tree: str, rows: tuple[RuleStatus, ...]) -> tuple[RuleStatus, ...]:
    """The rows; a rule that does not fit since its file is split by hand already says that."""
    from mergeguard.treemerge import handmade

    workspace, base = Workspace.load(fork.repository, tree), handmade.known_base(fork)

    def is_by_hand(row: RuleStatus) -> bool:
        not_split = row.state == "not split" and row.problem is not None
        return not_split and handmade.find(workspace, workspace.rule(row.name), base) is not None

    return tuple(replace(r, state="split by hand", problem=None) if is_by_hand(r) else r for r in rows)


def _unfit(workspace: Workspace, guarded: Guarded, path: str) -> str | None:
    """Why a rule can't split the whole file that is here; None where it can."""
    try:
        workspace.split_now(guarded, path, workspace.read(path) or b"", emission_of(guarded.rule))
    except MergeguardError as error:
        return f"the rule does not fit: {error}" + (f"; {error.hint}" if error.hint else "")
    return None


def _rule_status(
    fork: Fork,
    workspace: Workspace,
    guarded: Guarded,
    beside: Beside | None,
) -> RuleStatus:
    path = workspace.monolith_path(guarded)
    repository = fork.repository
    upstream = Standing()
    if beside is not None:
        upstream = fates.standing(repository, guarded, path, beside.base, beside.theirs)
    if guarded.lock is None:
        if (lost := workspace.lost_lock(guarded)) is not None:
            return RuleStatus(guarded.name, path, "broken", None, None, (), (), (), str(lost))
        whole = "made by the build" if guarded.in_build else "not split"
        state = upstream.state or (whole if path is not None else "no monolith")
        unfit = None if path is None or guarded.in_build else _unfit(workspace, guarded, path)
        return RuleStatus(guarded.name, path, state, None, None, (), (), (), unfit)
    try:
        overlay, unmapped = keepmarks.sort_out(workspace, guarded)
        edits = local_edits(workspace, guarded)
    except MergeguardError as error:
        return RuleStatus(guarded.name, path, "broken", guarded.lock.upstream, None, (), (), (), str(error))
    drift = None
    state = upstream.state or ("split" if guarded.lock.rule == guarded.rule_oid else "split by an older rule")
    there = repository.entry(beside.theirs, upstream.path) if beside is not None and upstream.path else None
    if there is not None and beside is not None and beside.merged:
        # What upstream's branch names has been merged, and perhaps more: nothing waits there.
        drift = (0, 0)
    elif there is not None:
        old = repository.read_blob(guarded.lock.upstream).splitlines()
        new = repository.read_blob(there.oid).splitlines() if there.oid != guarded.lock.upstream else old
        changes = diff(old, new)
        drift = (sum(c.b1 - c.b0 for c in changes), sum(c.a1 - c.a0 for c in changes))
    known = workspace.outline(guarded)
    problem = first_said(stale(workspace, guarded)) if known is None else known.stale
    return RuleStatus(
        guarded.name, path, state, guarded.lock.upstream, drift, edits, overlay, unmapped, problem or None
    )
