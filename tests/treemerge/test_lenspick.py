"""Commits that edit a layout are replayed by presumed readings, where a split shows what comes of them.

That the outcome is that of a merge of all rules is held by ``tests/verbs/test_rebase.py``.
"""

from __future__ import annotations

import pytest

from mergeguard.fork import treelens
from mergeguard.fork.splitting import Presuming, Splitting
from mergeguard.fork.workspace import Workspace
from mergeguard.git.objects import MODE_FILE, Entry
from mergeguard.treemerge.lenspick import LensPicks
from mergeguard.treemerge.plainpick import PlainPicks
from tests.git.conftest import Sandbox
from tests.support.smallfaults import STATE, STATE_RULE

PATH, RULE = "src/state.cu", ".mergeguard/rules/state.toml"
COMMON, ONE = "src/state/common.h", "src/state/one.cu"
UPSTREAM = STATE.replace(b"using Index = int;", b"using Index = long;")


class Noting(LensPicks):
    """Notes by which readings it merges."""

    def _merged(self, parent, commit, tip, edited, reading):
        self.notes = [*getattr(self, "notes", ()), type(reading)]
        return super()._merged(parent, commit, tip, edited, reading)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return Sandbox(tmp_path_factory.mktemp("lenspick")).repository


def split(repository, text):
    """The tree that has a monolith split."""
    files = {PATH: text, RULE: STATE_RULE}
    entries = {path: Entry(MODE_FILE, repository.write_blob(data)) for path, data in files.items()}
    tree = repository.edit_tree(None, entries)
    workspace = Workspace.load(repository, tree)
    (guarded,) = workspace.guarded
    laid = treelens.lay_out(workspace, guarded, PATH, text)
    edits = treelens.layout_edits(workspace, guarded, laid, repository.hash_blob(text))
    return repository.edit_tree(tree, edits)


def picked(repository, path, old, new):
    """An edit of the fork's layout replayed onto the layout of upstream's newer file: the readings
    by which it is merged, and the file."""
    fork, tip = (
        repository.commit_object(split(repository, text), (), "split\n") for text in (STATE, UPSTREAM)
    )
    tree = repository.tree_of(fork)
    text = repository.read_file(tree, path)
    assert old in text
    edit = {path: Entry(MODE_FILE, repository.write_blob(text.replace(old, new, 1)))}
    commit = repository.commit_object(repository.edit_tree(tree, edit), (fork,), "an edit\n")
    splitting = Splitting()
    picks = Noting(repository, splitting, PlainPicks(repository, splitting))
    made = picks.pick(fork, commit, tip, frozenset({"state"}))
    return picks.notes, made and repository.read_file(made, path)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (COMMON, b"return n * kLimit", b"return n + kLimit"),
        (COMMON, b"constexpr int kLimit = 3;\n", b"constexpr int kLimit = 3;\nconstexpr int kMore = 4;\n"),
        (COMMON, b"constexpr int kLimit = 3;\n", b"// a note\nconstexpr int kLimit = 3;\n"),
        (PATH, b"REGISTER_OPS(state, m) { ", b"REGISTER_OPS(state, m) {\n"),
    ],
)
def test_an_ordinary_edit_is_presumed_to_hold(repository, path, old, new):
    readings, text = picked(repository, path, old, new)
    assert readings == [Presuming]
    assert new in text and old not in text.replace(new, b"")


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (COMMON, b"#pragma once\n", b"#pragma once\n// beside the map\n"),  # an edit of glue
        (COMMON, b"using Index = int;", b"using Index = short;"),  # a conflict with upstream's
        # The rule has such declarations elsewhere.
        (PATH, b"REGISTER_OPS(", b"constexpr int kOwn = 7;\n\nREGISTER_OPS("),
    ],
)
def test_what_does_not_hold_is_merged_with_readings_that_a_split_has_shown(repository, path, old, new):
    readings, _ = picked(repository, path, old, new)
    assert readings[-1] is Splitting
