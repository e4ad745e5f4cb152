"""A commit that no rule has to do with, replayed as an edit of a tree: as git's own merge, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mergeguard.data import shipped_rules
from mergeguard.fork.splitting import Splitting
from mergeguard.fork.workspace import RULES
from mergeguard.git.objects import MODE_FILE, Entry
from mergeguard.treemerge.plainpick import PlainPicks
from tests.git.conftest import Sandbox

# Few names and few texts, so that folders come, go and are renamed, and files meet folders.
PATHS = st.sampled_from(["a", "b", "d/a", "d/b", "d/e/a", "f/a", "f/b", "f/e/a", "d/e", "x/d/a"])
TEXTS = st.sampled_from(["one\n" * 9, "one\n" * 9 + "more\n", "two\n" * 9, "three\n" * 9])
EDITS = st.dictionaries(PATHS, st.none() | TEXTS, max_size=4)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return Sandbox(tmp_path_factory.mktemp("plain")).repository


def changed(repository, tree, edits):
    """The tree with what of the edits can be made in it."""
    for path, text in edits.items():
        entry = None if text is None else Entry(MODE_FILE, repository.write_blob(text.encode()))
        try:
            tree = repository.edit_tree(tree, {path: entry})
        except Exception:
            continue
    return tree


def by_git(repository, parent, commit, tip):
    root = repository.commit_object(parent, (), "parent\n")
    sides = [repository.commit_object(tree, (root,), "side\n") for tree in (tip, commit)]
    return repository.merge_trees(*sides)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EDITS, EDITS, EDITS)
def test_it_gives_what_gits_merge_gives(repository, first, theirs, ours):
    empty = repository.edit_tree(None, {})
    parent = changed(repository, empty, {"d/a": "one\n" * 9, "f/b": "two\n" * 9, **first})
    commit, tip = changed(repository, parent, theirs), changed(repository, parent, ours)

    picked = PlainPicks(repository, Splitting()).pick(parent, commit, tip)

    if picked is not None:
        merged = by_git(repository, parent, commit, tip)
        assert merged.clean
        assert picked == merged.tree


def test_most_commits_are_plain(repository):
    parent = changed(repository, repository.edit_tree(None, {}), {"d/a": "one\n", "b": "two\n"})
    commit = changed(repository, parent, {"d/new": "new\n", "b": "edited\n"})
    tip = changed(repository, parent, {"d/a": "upstream\n", "f/a": "upstream\n"})
    picked = PlainPicks(repository, Splitting()).pick(parent, commit, tip)
    assert picked == changed(repository, tip, {"d/new": "new\n", "b": "edited\n"})


@pytest.mark.parametrize(
    "path",
    [
        "CMakeLists.txt",
        ".gitattributes",
        "docs/.gitattributes",
        f"{RULES}/skinny_gemms_int4.toml",
        "csrc/rocm/skinny_gemms_int4.cu",
        "csrc/rocm/skinny_gemms_int4/kernel.cuh",
        "csrc/rocm/skinny_gemms_int4/a_file_of_the_forks_own.h",
    ],
)
def test_what_a_rule_has_to_do_with_is_left_to_the_merge(repository, path):
    shipped = shipped_rules().items()
    files = {f"{RULES}/{Path(name).name}": text.decode() for name, text in shipped if "int4" in name}
    tip = changed(repository, repository.edit_tree(None, {}), {**files, "README": "ours\n"})
    picks = PlainPicks(repository, Splitting())

    assert picks.pick(tip, changed(repository, tip, {path: "edited\n"}), tip) is None
    assert picks.pick(tip, changed(repository, tip, {"csrc/other.cu": "new\n"}), tip) is not None
