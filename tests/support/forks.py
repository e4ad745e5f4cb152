"""Forks for tests: real repositories that hold the compile fixtures and shipped rules."""

from __future__ import annotations

from pathlib import Path

from mergeguard.fork import treelens
from mergeguard.fork.builds import UnitListing
from mergeguard.fork.workspace import Workspace, file_edits
from tests.support.rules import full_rules

COMPILE = Path(__file__).resolve().parents[2] / "fixtures" / "compile"


def fork(sandbox, *names, **files):
    """A commit with every fixture's sources and the shipped rules ``names``; its workspace."""
    tree = {
        path.relative_to(COMPILE).as_posix(): path.read_bytes()
        for folder in ("csrc", "CMakeLists.txt")
        for path in [COMPILE / folder, *(COMPILE / folder).rglob("*")]
        if path.is_file()
    }
    rules = {f".mergeguard/rules/{n}.toml": full_rules()[f"vllm/{n}.toml"] for n in names}
    sandbox.commit_files({**tree, **rules, **files})
    return load(sandbox)


def load(sandbox):
    repository = sandbox.repository
    return Workspace.load(repository, repository.tree_of("HEAD"))


def split(workspace, name):
    """The workspace with the rule's monolith split."""
    guarded = workspace.rule(name)
    path = workspace.monolith_path(guarded)
    text = workspace.read(path)
    laid = treelens.lay_out(workspace, guarded, path, text)
    upstream = workspace.repository.write_blob(text)
    edits = treelens.layout_edits(workspace, guarded, laid, upstream)
    tree = workspace.repository.edit_tree(workspace.tree, edits)
    edits = treelens.list_shards(workspace.repository, tree, [UnitListing.of(guarded.rule, laid.layout)])
    tree = workspace.repository.edit_tree(tree, edits)
    return Workspace.load(workspace.repository, tree)


def written(workspace, path, text):
    """The workspace with one file changed (None removes it)."""
    repository = workspace.repository
    tree = repository.edit_tree(workspace.tree, file_edits(repository, {path: text}))
    return Workspace.load(repository, tree)
