"""What the last sync reported, kept in the git folder so that ``report`` can show it later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mergeguard import store
from mergeguard.audit.findings import Located
from mergeguard.fork.report import ELSEWHERE, LANDED, WAITING, LastSync, SyncedRule
from mergeguard.git.outcome import StateFile
from mergeguard.git.repository import Repository
from mergeguard.values import replace

if TYPE_CHECKING:
    from mergeguard.treemerge.trees import RuleOutcome

NAME = "mergeguard/last-sync.json"
__all__ = ["ELSEWHERE", "LANDED", "NAME", "WAITING", "concluded", "read", "state"]


def state(
    upstream: str,
    ours: str,
    theirs: str,
    commit: str | None,
    commits: int,
    rules: Iterable[RuleOutcome] = (),
    stages: Mapping[str, object] | None = None,
    messages: tuple[str, ...] = (),
    audit: tuple[Located, ...] | None = None,
    *,
    two_commits: bool = False,
) -> StateFile:
    """The file that lands with a sync. ``commits`` came from upstream; ``stages`` are those of ``Merged``,
    ``audit`` is None for a sync that was not audited."""
    last = LastSync(
        upstream,
        ours,
        theirs,
        commit,
        commits,
        WAITING if stages else LANDED,
        tuple(sorted(stages or ())),
        messages,
        tuple(SyncedRule(r.name, r.path, r.state.value, r.conflicts, r.notes, r.findings) for r in rules),
        audit,
        two_commits,
    )
    return StateFile(NAME, store.encode(last))


def concluded(repository: Repository, commit: str, audit: tuple[Located, ...] | None) -> None:
    """Note that the sync that waited is the merge ``commit`` now, and what its audit found."""
    last = read(repository)
    if last is not None:
        path = repository.git_dir / NAME
        partial = path.with_suffix(".new")
        partial.write_bytes(store.encode(replace(last, commit=commit, state=LANDED, audit=audit)))
        partial.replace(path)


def read(repository: Repository) -> LastSync | None:
    """The last sync in this work tree, its state as of now, without a commit that this branch does not have;
    None if there was none that can be read."""
    try:
        last = store.decode((repository.git_dir / NAME).read_bytes(), LastSync)
    except (OSError, store.Unreadable):
        return None
    head = repository.head().oid
    if last.commit is not None and not _is_below(repository, last.commit, head):
        last = replace(last, commit=None)
    return replace(last, state=_now(repository, last, head))


def _is_below(repository: Repository, commit: str, head: str | None) -> bool:
    if head is None or not repository.has_object(commit):
        return False
    # (Right after a sync it is HEAD, or a parent of HEAD.)
    if commit == head or commit in repository.commit_info(head).parents:
        return True
    return repository.is_ancestor(commit, head)


def _now(repository: Repository, last: LastSync, head: str | None) -> str:
    if _is_below(repository, last.theirs, head):
        return LANDED
    merging = repository.reference("MERGE_HEAD")
    return WAITING if merging == last.theirs else ELSEWHERE
