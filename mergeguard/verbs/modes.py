"""mode: where a rule's layout is, committed in the tree or made by the build; changed over in one staged
change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import tomlkit

from mergeguard.errors import Location, RuleError
from mergeguard.fork import treelens
from mergeguard.fork.fork import Fork
from mergeguard.fork.workspace import REGULAR, Guarded, Workspace
from mergeguard.git.objects import Entry
from mergeguard.lens.hunks import Hunk
from mergeguard.values import dataclass
from mergeguard.verbs import splitting

Mode = Literal["tree", "build"]


@dataclass(frozen=True, slots=True)
class ModeChange:
    """What changing over makes: the tree to stage, the rules that change, and what a monolith has no place
    for."""

    tree: str
    changed: tuple[str, ...]
    hunks: tuple[Hunk, ...]


def change(fork: Fork, names: Sequence[str], mode: Mode, upstream: str | None = None) -> ModeChange:
    """The index with the named rules in ``mode``; nothing is staged.

    Into build mode, local edits go into the monoliths; ``hunks`` (overlay and unmapped ones) have no place
    there: the caller refuses to go on while there are any, or keeps them as patches
    (``splitting.leftovers``). Into tree mode, the layouts are derived as ``split`` derives them. Raises
    RuleError for an unknown name or a rule that can't be edited.
    """
    workspace = fork.staged()
    chosen = [g for g in (workspace.rule(name) for name in names) if not _is_in(g, mode)]
    hunks: tuple[Hunk, ...] = ()
    tree = workspace.tree
    if mode == "build":
        hunks = tuple(h for g in chosen if g.is_split for h in workspace.hunks(g))
        split = tuple(g for g in chosen if g.is_split)
        tree = treelens.monolithic_tree(Workspace(workspace.repository, tree, split, workspace.splitting))
    for guarded in chosen:
        tree = _with_mode(fork, workspace, tree, guarded, mode)
    if mode == "tree" and chosen:
        edited = Workspace.load(fork.repository, tree, workspace.splitting)
        tree = splitting.split_in(fork, edited, [g.name for g in chosen], upstream)
    return ModeChange(tree, tuple(g.name for g in chosen), hunks)


def _is_in(guarded: Guarded, mode: Mode) -> bool:
    return guarded.rule.mode == mode and guarded.is_split == (mode == "tree")


def _with_mode(fork: Fork, workspace: Workspace, tree: str, guarded: Guarded, mode: Mode) -> str:
    text = workspace.read(guarded.rule_path)
    if text is None:
        raise RuleError(
            "the rule's file is not in the tree",
            where=Location(guarded.rule_path),
            hint="bring it back first",
        )
    document = tomlkit.parse(text.decode("utf-8-sig"))
    if mode == "build":
        document["mode"] = mode
    elif "mode" in document:
        del document["mode"]  # the default
    blob = fork.repository.write_blob(document.as_string().encode())
    entry = fork.repository.entry(tree, guarded.rule_path)
    rule = Entry(entry.mode if entry is not None else REGULAR, blob)
    return fork.repository.edit_tree(tree, {guarded.rule_path: rule})
