"""Conflicts of build files in git's merge of trees, settled where they are inside source lists."""

from __future__ import annotations

from mergeguard.git.durable import scratch_folder
from mergeguard.git.linemerge import merge_bytes_with_git
from mergeguard.git.merging import MergeOutcome
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.merge.result import MergeResult
from mergeguard.values import replace


def settle_lists(repository: Repository, outcome: MergeOutcome) -> MergeOutcome:
    """The outcome without the conflicts of build files that are merged cleanly once lists are sets.

    A build file with any other conflict stays as git left it.
    """
    if not outcome.conflicts:
        return outcome
    from mergeguard.merge.lists import has_lists, merge_build_file

    edits: dict[str, Entry | None] = {}
    for conflict in outcome.conflicts:
        stages = conflict.stages
        if not has_lists(conflict.path) or set(stages) != {1, 2, 3} or not is_plain(conflict.path, outcome):
            continue
        base, ours, theirs = (repository.read_blob(stages[number].oid) for number in (1, 2, 3))
        with scratch_folder(repository.private_dir) as folder:
            lines = merge_bytes_with_git(base, ours, theirs, folder)
        if lines.pieces is None:
            continue
        settled = MergeResult(merge_build_file(conflict.path, base, ours, theirs, lines.pieces))
        if settled.clean:
            edits[conflict.path] = Entry(stages[2].mode, repository.write_blob(settled.render()))
    if not edits:
        return outcome
    conflicts = tuple(c for c in outcome.conflicts if c.path not in edits)
    messages = tuple(m for m in outcome.messages if not set(m.paths) <= edits.keys())
    return replace(
        outcome,
        tree=repository.edit_tree(outcome.tree, edits),
        conflicts=conflicts,
        messages=messages,
        clean=outcome.clean or not conflicts,
    )


def is_plain(path: str, outcome: MergeOutcome) -> bool:
    """Whether git's only trouble with the path is its contents (no rename, no mode)."""
    kinds = {m.kind for m in outcome.messages if path in m.paths and m.kind.startswith("CONFLICT")}
    return kinds <= {"CONFLICT (contents)"}
