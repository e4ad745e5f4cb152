"""What the hooks share: the merge at work, a commit given the lens' tree, and how either lands.

Nothing here is amended but a commit that this clone has just made and nobody else can have: what a
remote-tracking ref or a tag reaches gets a commit on top instead (``move_head``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mergeguard.git import landing
from mergeguard.git.merging import UnmergedPath
from mergeguard.git.objectnames import FULL_NAME
from mergeguard.git.objects import CommitInfo, Entry
from mergeguard.git.outcome import StateFile
from mergeguard.git.repository import Repository
from mergeguard.hooks import conflictindex, lensmerge, mergework, moving, pending
from mergeguard.hooks.mergework import GitChange
from mergeguard.hooks.moving import listed, move_head, replace_head, say
from mergeguard.hooks.pending import PendingNote
from mergeguard.treemerge import rederiving
from mergeguard.treemerge.trees import Merged
from mergeguard.values import replace

_REVERTS = re.compile(
    rf"^This reverts commit ({FULL_NAME})(?:, reversing\s+changes made to ({FULL_NAME}))?".encode(),
    re.MULTILINE,
)


def settle_merge(repository: Repository, info: CommitInfo, change: GitChange) -> None:
    """Give a merge commit the lens' tree."""
    pending.write(repository.git_dir, PendingNote("merge", change.ours, change.theirs))
    outcome = lensmerge.merged(repository, change)
    conflicts = lensmerge.conflicts(repository, change, outcome)
    if conflicts:
        say(f"the merge conflicts in split files: {listed(conflicts)}")
        say("next: `mergeguard repair` takes the commit back and shows the conflicts")
        return
    tree = lensmerge.true_tree(repository, change, outcome, info.tree)
    tree = lensmerge.with_typed(repository, change, outcome, info, tree)
    tree = _rederived(repository, info, tree)
    replace_head(repository, info, tree, "merge")


def _rederived(repository: Repository, info: CommitInfo, tree: str) -> str:
    parents = (repository.tree_of(commit) for commit in info.parents)
    return rederiving.rederived(repository, tree, parents, lensmerge.splitting(repository))


def with_settled(note: PendingNote, theirs: str) -> PendingNote:
    return replace(note, settled=theirs)


def next_change(
    repository: Repository, note: PendingNote, head: str, message: Path | None
) -> tuple[GitChange | None, PendingNote]:
    """What the commit that is about to be made brings to HEAD, and the note that says so."""
    ours = note.became.get(head, head)
    merging = state_file(repository, "MERGE_HEAD")
    if merging is not None:
        return mergework.merge_change(repository, ours, merging), replace(note, theirs=merging)
    if note.operation == "merge":
        # It was aborted, or squashed.
        return None, note
    base, theirs = note.base, note.theirs
    picked = state_file(repository, "CHERRY_PICK_HEAD")
    reverted = state_file(repository, "REVERT_HEAD")
    text = message.read_bytes() if message is not None and message.exists() else b""
    said = _REVERTS.search(text)
    if picked is not None:
        if theirs != picked:
            base, theirs = repository.commit_info(picked).parents[0], picked
    elif said is not None and reverted in (None, said[1].decode()):
        base = said[1].decode()
        theirs = said[2].decode() if said[2] else repository.commit_info(base).parents[0]
    elif reverted is not None and base != reverted:
        base, theirs = reverted, repository.commit_info(reverted).parents[0]
    if base is None or theirs is None:
        return None, note
    shown = picked or theirs
    labels = ("HEAD", f"{shown[:7]} ({repository.commit_info(shown).subject})")
    return GitChange((base,), ours, theirs, labels), replace(note, base=base, theirs=theirs)


def settle_commit(repository: Repository, note: PendingNote, info: CommitInfo) -> None:
    """Work out what ``info``, a commit made under ``note``, should be; land it if it is the last one."""
    parent = info.parents[0]
    if len(info.parents) == 2:
        change = mergework.merge_change(repository, *info.parents)
        if note.settled == info.parents[1]:
            replace_head(repository, info, _rederived(repository, info, info.tree), "merge")
        else:
            settle_merge(repository, info, change)
        return
    found, note = next_change(repository, note, parent, None)
    ours = note.became.get(parent, parent)
    if found is None:
        # Not known what was applied: it is what the commit changed.
        found = GitChange((parent,), ours, info.oid)
    if note.settled == found.theirs and (note.base, note.theirs) != (None, None):
        tree = info.tree
    else:
        outcome = lensmerge.merged(repository, found)
        conflicts = lensmerge.conflicts(repository, found, outcome)
        if conflicts:
            say(f"{info.oid[:9]} conflicts in split files: {listed(conflicts)}")
            say("next: `git reset --hard HEAD^`, then apply it again")
            return
        tree = lensmerge.true_tree(repository, found, outcome, info.tree, repository.tree_of(parent))
        tree = lensmerge.with_typed(repository, found, outcome, info, tree)
    if tree == repository.tree_of(ours) and info.tree != repository.tree_of(parent):
        say(f"{info.oid[:9]} ({info.subject}) changes nothing here and was left out")
        new = ours
    else:
        new = moving.true_commit(repository, info, tree, (ours,))
    if _more_to_pick(repository):
        pending.write(repository.git_dir, note.next(info.oid, {**note.became, info.oid: new}))
        return
    move_head(repository, info.oid, new, "cherry-pick")


def _more_to_pick(repository: Repository) -> bool:
    """Whether git has more picks to make after the current one."""
    todo = repository.git_dir / "sequencer" / "todo"
    try:
        lines = [line for line in todo.read_text(errors="replace").splitlines() if line[:1] not in ("", "#")]
    except FileNotFoundError:
        return False
    return len(lines) > 1


# -- landing -------------------------------------------------------------------------------------------


def stage(
    repository: Repository,
    tree: str,
    stages: Mapping[str, Mapping[int, Entry]],
    state: tuple[StateFile, ...],
) -> None:
    """Land a tree in index and work tree, HEAD left alone."""
    landing.land(
        repository,
        landing.Outcome(
            tree=tree,
            expected_head=repository.head().oid,
            reflog="mergeguard hook",
            base_tree=repository.index_tree(),
            conflicts=tuple(UnmergedPath(path, dict(found)) for path, found in sorted(stages.items())),
            state=state,
        ),
    )


def show_conflicts(
    repository: Repository,
    change: GitChange,
    outcome: Merged,
    note: PendingNote,
    state: Sequence[StateFile] = (),
) -> None:
    """Put the merge with its conflicts where git would have left it, for a person to resolve; the note that
    says so lands with it.
    """
    conflicts = lensmerge.conflicts(repository, change, outcome)
    tree = lensmerge.true_tree(repository, change, outcome, repository.index_tree())
    stage(repository, tree, conflicts, (pending.landed(note), *state))
    for path in sorted(conflicts):
        say(f"CONFLICT: Merge conflict in {path}")
    say("next: resolve the markers, `git add` the files, and go on as after any conflict")


def put(repository: Repository, change: GitChange, outcome: Merged, note: PendingNote) -> None:
    """The layouts' share of a stopped merge, into an index that holds conflicts; the note lands with it."""
    share = lensmerge.share(repository, change, outcome)
    shown = conflictindex.put(repository, share, outcome, (pending.landed(note),))
    for path in shown:
        say(f"CONFLICT: Merge conflict in {path}")
    if not repository.git("ls-files", "-u", "-z").out:
        say("all conflicts were in split files, and are settled")
        say("next: git commit")


def state_file(repository: Repository, name: str) -> str | None:
    """The (first) commit in a state file of git's."""
    try:
        words = (repository.git_dir / name).read_text(errors="replace").split()
    except FileNotFoundError:
        return None
    return words[0] if words else None
