"""sync in merge mode: upstream into the fork, through the lens."""

from __future__ import annotations

from dataclasses import dataclass

from mergeguard.git.repository import Repository
from mergeguard.treemerge import Merged, Progress, Replayed, RuleOutcome, State, local_edits, merge_trees
from mergeguard.workspace import Splitting

__all__ = ["Replayed", "RuleOutcome", "State", "SyncOutcome", "local_edits", "merge_commits"]


@dataclass(frozen=True)
class SyncOutcome(Merged):
    """A merge of two commits that has not landed."""

    ours: str = ""
    theirs: str = ""
    bases: tuple[str, ...] = ()
    up_to_date: bool = False


def merge_commits(
    repository: Repository,
    ours: str,
    theirs: str,
    *,
    bases: tuple[str, ...] | None = None,
    labels: tuple[str, str] = ("HEAD", "upstream"),
    splitting: Splitting | None = None,
    progress: Progress = lambda _: None,
) -> SyncOutcome:
    """Merge commit ``theirs`` into commit ``ours`` through the lens; nothing lands.

    ``bases`` are the merge bases (found in history if None). ``labels`` name the two sides in conflict
    markers. Errors: NoMergeBase, and MergeguardError where a rule does not fit what the merge gives.
    """
    if bases is None:
        bases = repository.merge_bases(ours, theirs)
    if theirs in bases:
        tree = repository.tree_of(ours)
        return SyncOutcome(tree, (), {}, (), ours, theirs, bases, up_to_date=True)
    merged = merge_trees(
        repository, bases, ours, theirs, labels=labels, splitting=splitting, progress=progress
    )
    return SyncOutcome(merged.tree, merged.rules, merged.stages, merged.messages, ours, theirs, bases)
