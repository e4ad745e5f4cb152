"""A side that changed contents alone, merged without git: what git's own merge gives, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mergeguard.treemerge.contents import ContentMerges
from tests.git.conftest import Sandbox
from tests.treemerge.test_plainpick import EDITS, by_git, changed

LINES = [b"line %d\n" % number for number in range(12)]
MONOLITH = "d/a"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    return Sandbox(tmp_path_factory.mktemp("contents"))


@pytest.fixture
def repository(sandbox):
    return sandbox.repository


def text(edited: dict[int, str]) -> str:
    """The twelve lines, some of them others."""
    return "".join(edited.get(number, line.decode()) for number, line in enumerate(LINES))


VERSIONS = st.dictionaries(st.integers(0, 11), st.sampled_from(("", "new\n", "new\nnewer\n")), max_size=2)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EDITS, VERSIONS, VERSIONS, st.dictionaries(st.sampled_from(["f/b", "x"]), st.just("theirs\n" * 9)))
def test_it_gives_what_gits_merge_gives(repository, ours, our_text, their_text, others):
    base = changed(repository, repository.edit_tree(None, {}), {"f/b": "two\n" * 9, MONOLITH: text({})})
    tip = changed(repository, changed(repository, base, {MONOLITH: text(our_text)}), ours)
    commit = changed(repository, base, {MONOLITH: text(their_text), **others})

    found = ContentMerges(repository).merge(base, tip, commit, {MONOLITH})

    if found is not None:
        merged = by_git(repository, base, commit, tip)
        assert merged.clean
        assert found.tree == merged.tree


def merged(repository, base, ours, theirs, monoliths=frozenset({MONOLITH})):
    """The merge of three texts of the monolith; None where git is to be asked."""
    empty = repository.edit_tree(None, {})
    old, mine, yours = (changed(repository, empty, {MONOLITH: one}) for one in (base, ours, theirs))
    found = ContentMerges(repository).merge(old, mine, yours, monoliths)
    return None if found is None else repository.read_file(found.tree, MONOLITH)


ONE, OTHER = text({1: "mine\n"}), text({10: "yours\n"})
BOTH = text({1: "mine\n", 10: "yours\n"}).encode()


def test_edits_apart_are_merged(repository):
    assert merged(repository, text({}), ONE, OTHER) == BOTH


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(ONE, text({1: "yours\n"})), (ONE, ONE), (text({1: "mine\n", 10: "yours\n"}), OTHER), (ONE, None)],
    ids=["conflict", "alike", "there already", "removed"],
)
def test_git_is_asked_where_lines_do_not_just_add_up(repository, ours, theirs):
    assert merged(repository, text({}), ours, theirs) is None


def test_git_is_asked_about_a_file_that_is_no_monolith(repository):
    assert merged(repository, text({}), ONE, OTHER, frozenset()) is None


@pytest.mark.parametrize(
    ("attribute", "asked"),
    [("-merge", True), ("merge=union", True), ("merge=mergeguard", False), ("merge", False)],
)
def test_attributes_may_have_git_do_something_else(repository, attribute, asked):
    attributes = repository.git_dir / "info" / "attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text(f"/{MONOLITH} {attribute}\n")
    try:
        assert merged(repository, text({}), ONE, OTHER) == (None if asked else BOTH)
    finally:
        attributes.unlink()


@pytest.mark.parametrize("setting", [("merge.default", "union"), ("merge.renormalize", "true")])
def test_configuration_may_have_git_do_something_else(sandbox, setting):
    sandbox.repository.git("config", *setting)
    try:
        assert merged(sandbox.repository, text({}), ONE, OTHER) is None
    finally:
        sandbox.repository.git("config", "--unset", setting[0])
