"""Revisions, objects, trees and state of a repository."""

from __future__ import annotations

import pytest

from mergeguard.git import errors
from mergeguard.git.objectnames import SHA1
from mergeguard.git.objects import MODE_EXECUTABLE, MODE_FILE, MODE_TREE, Entry, Identity
from mergeguard.git.repository import Head
from mergeguard.git.status import StatusEntry
from tests.git.conftest import Sandbox


def test_resolve(sandbox):
    first = sandbox.commit(a="1")
    second = sandbox.commit(a="2")
    sandbox.git("tag", "-a", "-m", "release", "v1", first)
    repository = sandbox.repository
    assert repository.resolve("main") == second
    assert repository.resolve("HEAD~1") == first
    assert repository.resolve("v1") == first
    assert repository.resolve(first[:10]) == first


@pytest.mark.parametrize("revision", ["nothing", "HEAD~9", "-x", "--all", "", "main:a", "f" * 40])
def test_resolve_unknown(sandbox, revision):
    sandbox.commit(a="1")
    with pytest.raises(errors.UnknownRevision) as caught:
        sandbox.repository.resolve(revision)
    assert "git fetch" in (caught.value.hint or "")


def test_resolve_unknown_branch_of_a_known_remote(sandbox, tmp_path):
    sandbox.git("remote", "add", "upstream", str(tmp_path))
    with pytest.raises(errors.UnknownRevision) as caught:
        sandbox.repository.resolve("upstream/main")
    assert caught.value.hint == "`git fetch upstream`"


def test_head(sandbox):
    repository = sandbox.repository
    assert repository.head() == Head(None, "refs/heads/main")
    assert repository.head().unborn
    oid = sandbox.commit(a="1")
    assert repository.head() == Head(oid, "refs/heads/main")
    assert repository.head().name == "main"
    sandbox.git("checkout", "-q", "--detach")
    assert repository.head() == Head(oid, None)
    assert repository.head().detached


def test_merge_bases(sandbox):
    base = sandbox.commit(a="1")
    sandbox.git("checkout", "-q", "-b", "topic")
    topic = sandbox.commit(b="1")
    sandbox.git("checkout", "-q", "main")
    main = sandbox.commit(c="1")
    repository = sandbox.repository
    assert repository.merge_bases("main", "topic") == (base,)
    assert repository.is_ancestor(base, main)
    assert not repository.is_ancestor(topic, main)
    # Criss-cross: two best common ancestors.
    left = repository.commit_object(SHA1.empty_tree, (main, topic), "left")
    right = repository.commit_object(SHA1.empty_tree, (topic, main), "right")
    assert set(repository.merge_bases(left, right)) == {main, topic}


def test_unrelated_histories(sandbox):
    sandbox.commit(a="1")
    repository = sandbox.repository
    other = repository.commit_object(SHA1.empty_tree, (), "alone")
    with pytest.raises(errors.UnrelatedHistories):
        repository.merge_bases("HEAD", other)


def test_shallow_clone_without_the_base(sandbox, tmp_path):
    sandbox.commit(a="1")
    sandbox.git("checkout", "-q", "-b", "topic")
    sandbox.commit(b="1")
    sandbox.git("checkout", "-q", "main")
    sandbox.commit(c="1")
    url = f"file://{sandbox.root}"
    sandbox.git("clone", "-q", "--depth=1", "--no-single-branch", url, str(tmp_path / "clone"))
    repository = Sandbox.at(tmp_path / "clone").repository
    with pytest.raises(errors.ShallowHistory) as caught:
        repository.merge_bases("origin/main", "origin/topic")
    assert caught.value.hint == "`git fetch --unshallow`"


def test_rev_list(sandbox):
    first = sandbox.commit(a="1")
    second = sandbox.commit(a="2")
    third = sandbox.commit(a="3")
    repository = sandbox.repository
    assert repository.rev_list("--reverse", f"{first}..HEAD") == (second, third)
    assert repository.rev_list("--first-parent", "--max-count=2", "HEAD") == (third, second)


def test_blobs(sandbox):
    repository = sandbox.repository
    data = b"\r\n\xff\x00no newline"
    oid = repository.hash_blob(data)
    assert not repository.has_object(oid)
    assert repository.write_blob(data) == oid
    assert repository.read_blob(oid) == data
    assert sandbox.git("cat-file", "-t", oid) == "blob"


def test_missing_object(sandbox):
    sandbox.commit(a="1")
    with pytest.raises(errors.MissingObject) as caught:
        sandbox.repository.read_blob("1" * 40)
    assert caught.value.hint


def test_object_written_by_git_after_the_store_was_opened(sandbox):
    repository = sandbox.repository
    repository.write_blob(b"open it")
    sandbox.commit(a="new")
    sandbox.git("repack", "-adq")
    entry = repository.entry(repository.tree_of("HEAD"), "a")
    assert entry is not None
    assert repository.read_blob(entry.oid) == b"new"


def test_entries(sandbox):
    sandbox.commit_files({"a": "1", "d/e/f": "2", "d/g": "3", "non\udcffutf8": "4"})
    repository = sandbox.repository
    tree = repository.tree_of("HEAD")
    assert repository.entry(tree, "d/e/f") == Entry(MODE_FILE, repository.hash_blob(b"2"))
    folder = repository.entry(tree, "d/e")
    assert folder is not None
    assert folder.mode == MODE_TREE
    assert repository.entry(tree, "d/none") is None
    assert repository.entry(tree, "a/below") is None
    assert set(repository.list_tree(tree)) == {"a", "d/e/f", "d/g", "non\udcffutf8"}
    assert set(repository.list_tree(tree, "d/")) == {"d/e/f", "d/g"}
    assert set(repository.list_tree(tree, "a")) == {"a"}
    assert repository.list_tree(tree, "none") == {}


def test_edit_tree_equals_what_git_writes(sandbox):
    sandbox.commit_files({"a": "1", "a.b": "1", "d/e/f": "2", "d/g": "3"})
    repository = sandbox.repository
    before = repository.tree_of("HEAD")
    blob = repository.write_blob(b"new")
    after = repository.edit_tree(
        before,
        {
            "a": None,
            "a/x": Entry(MODE_FILE, blob),  # a file makes room for a folder
            "d/e": Entry(MODE_EXECUTABLE, blob),  # and a folder for a file
            "d/e/f": None,
            "none/at/all": None,
        },
    )
    (sandbox.root / "a").unlink()
    sandbox.write("a/x", "new")
    (sandbox.root / "d/e/f").unlink()
    (sandbox.root / "d/e").rmdir()
    sandbox.write("d/e", "new").chmod(0o755)
    sandbox.git("add", "-A")
    assert after == sandbox.git("write-tree")
    sandbox.git("fsck", "--strict")


def test_edit_tree_to_nothing(sandbox):
    sandbox.commit_files({"d/e/f": "2"})
    repository = sandbox.repository
    assert repository.edit_tree(repository.tree_of("HEAD"), {"d/e/f": None}) == SHA1.empty_tree


@pytest.mark.parametrize("path", ["a/x", "d", "", "a//b", "../x", ".git/x", "d/", "/d"])
def test_edit_tree_refuses(sandbox, path):
    sandbox.commit_files({"a": "1", "d/e": "2"})
    repository = sandbox.repository
    blob = repository.write_blob(b"new")
    with pytest.raises(errors.PathConflict):
        repository.edit_tree(repository.tree_of("HEAD"), {path: Entry(MODE_FILE, blob)})


def test_virtual_commits_are_deterministic(sandbox):
    sandbox.commit(a="1")
    repository = sandbox.repository
    tree = repository.tree_of("HEAD")
    once = repository.commit_object(tree, ("1" * 40,), "virtual")
    assert once == repository.commit_object(tree, ("1" * 40,), "virtual")
    info = repository.commit_info(once)
    assert info.tree == tree
    assert info.parents == ("1" * 40,)
    assert info.message == b"virtual"
    assert info.author.when == (0, "+0000")


def test_commit_info_round_trip(sandbox):
    """Every header survives: reading a commit and writing it again gives the same object."""
    sandbox.commit(a="1")
    repository = sandbox.repository
    signature = b"-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----"
    oid = repository.commit_object(
        repository.tree_of("HEAD"),
        (repository.resolve("HEAD"),),
        b"caf\xe9\n\nbody\n\n",
        Identity("Zoë <z@example.org> 1700000000 +0130".encode()),
        Identity(b"C <c@example.org> 1700000001 -0800"),
        encoding="latin-1",
        extra=(("mergetag", b"object 1\ntype commit"), ("gpgsig", signature)),
    )
    info = repository.commit_info(oid)
    assert (info.author.name, info.author.email) == ("Zoë", "z@example.org")
    assert info.author.when == (1700000000, "+0130")
    assert info.subject == "café"
    assert dict(info.extra)["gpgsig"] == signature
    again = repository.commit_object(
        info.tree,
        info.parents,
        info.message,
        info.author,
        info.committer,
        encoding=info.encoding,
        extra=info.extra,
    )
    assert again == oid
    sandbox.git("fsck", "--strict", oid)


def test_commit_info_of_gits_own_commit(sandbox):
    oid = sandbox.commit("subject\n\nbody", a="1")
    info = sandbox.repository.commit_info(oid)
    assert info.author.name == "Fork Author"
    assert info.committer.email == "committer@example.org"
    assert info.message == b"subject\n\nbody\n"


def test_identity(sandbox):
    identity = sandbox.repository.identity("author")
    assert (identity.name, identity.email) == ("Fork Author", "author@example.org")


def test_diff_names(sandbox):
    text = "".join(f"line {number}\n" for number in range(50))
    sandbox.commit_files({"old": text, "keep": "1", "gone": "x"})
    sandbox.commit_files({"old": None, "sub/new": text + "more\n", "keep": "2", "gone": None, "add": "q"})
    repository = sandbox.repository
    changes = repository.diff_names(repository.tree_of("HEAD~1"), repository.tree_of("HEAD"))
    assert set(changes) == {
        ("R", "old", "sub/new"),
        ("M", "keep", "keep"),
        ("D", "gone", "gone"),
        ("A", "add", "add"),
    }


def test_dirty(sandbox):
    sandbox.commit_files({"a": "1", "b": "1", "c": "1", "with space": "1", ".gitignore": "ignored/\n*.o\n"})
    repository = sandbox.repository
    assert repository.dirty() == ()
    sandbox.write("a", "2")
    sandbox.write("b", "2")
    sandbox.git("add", "b")
    sandbox.write("with space", "2")
    (sandbox.root / "c").unlink()
    sandbox.write("new", "1")
    sandbox.write("ignored/x/y", "1")
    sandbox.write("z.o", "1")
    assert set(repository.dirty()) == {
        StatusEntry("a", "changed", ".", "M"),
        StatusEntry("b", "changed", "M", "."),
        StatusEntry("c", "changed", ".", "D"),
        StatusEntry("with space", "changed", ".", "M"),
    }
    assert set(repository.dirty(["a", "new", "none", "ignored/x/y", "ignored/none", "z.o"])) == {
        StatusEntry("a", "changed", ".", "M"),
        StatusEntry("new", "untracked", "?", "?"),
        StatusEntry("ignored/x/y", "untracked", "?", "?"),
        StatusEntry("z.o", "untracked", "?", "?"),
    }


def test_dirty_tolerates_submodules_and_sparse_checkouts(sandbox, tmp_path):
    inner = Sandbox(tmp_path / "inner")
    inner.commit(a="1")
    sandbox.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.root), "sub")
    sandbox.commit_files({"kept/a": "1", "left/out/b": "1"})
    (sandbox.root / "sub" / "a").write_text("changed inside")
    sandbox.git("sparse-checkout", "set", "--cone", "--sparse-index", "kept")
    assert not (sandbox.root / "left").exists()
    assert sandbox.repository.dirty() == ()


def test_unmerged_is_dirty(sandbox):
    sandbox.commit(a="1")
    sandbox.git("checkout", "-q", "-b", "topic")
    sandbox.commit(a="2")
    sandbox.git("checkout", "-q", "main")
    sandbox.commit(a="3")
    sandbox.git("merge", "topic", ok=False)
    repository = sandbox.repository
    assert repository.dirty() == (StatusEntry("a", "unmerged", "U", "U"),)
    assert repository.operation_in_progress() == "merge"
    sandbox.git("merge", "--abort")
    assert repository.operation_in_progress() is None


@pytest.mark.parametrize("operation", ["rebase", "cherry-pick", "revert", "am", "bisect"])
def test_operation_in_progress(sandbox, operation):
    sandbox.commit(a="1")
    sandbox.git("checkout", "-q", "-b", "topic")
    sandbox.commit(a="2")
    patch = sandbox.root / "patch"
    patch.write_text(sandbox.git("format-patch", "-1", "--stdout") + "\n")
    sandbox.git("checkout", "-q", "main")
    sandbox.commit(a="3")
    commands = {
        "rebase": ("rebase", "topic"),
        "cherry-pick": ("cherry-pick", "topic"),
        "revert": ("revert", "--no-edit", "topic"),
        "am": ("am", str(patch)),
        "bisect": ("bisect", "start"),
    }
    sandbox.git(*commands[operation], ok=False)
    assert sandbox.repository.operation_in_progress() == operation


def test_config(sandbox):
    repository = sandbox.repository
    assert repository.config("x.y") is None
    sandbox.git("config", "x.y", "one\ntwo")
    sandbox.git("config", "--add", "x.z", "1")
    sandbox.git("config", "--add", "x.z", "2")
    sandbox.git("config", "x.flag", "yes")
    assert repository.config("x.y") == "one\ntwo"
    assert repository.config_all("x.z") == ("1", "2")
    assert repository.config_bool("x.flag")
    assert not repository.config_bool("x.none")


def test_replaced_environment_does_not_reach_children(sandbox, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    oid = sandbox.repository.write_blob(b"here")
    monkeypatch.delenv("GIT_OBJECT_DIRECTORY")
    assert sandbox.git("cat-file", "-p", oid) == "here"


@pytest.mark.parametrize(
    "value", ["true", "Yes", "on", "1", "-2", "3k", "", "false", "No", "off", "0", "0m", "maybe", "1.5"]
)
def test_truth_is_read_as_git_reads_it(sandbox, value):
    repository = sandbox.repository
    repository.git("config", "Some.Sub Section.Key", value)
    by_git = repository.git("config", "--type=bool", "--get", "some.Sub Section.key", ok=(0, 128))
    for default in (True, False):
        wanted = by_git.text == "true" if by_git.code == 0 else default
        assert repository.config_bool("Some.Sub Section.kEy", default) is wanted
    assert repository.config("some.Sub Section.key") == value
    assert repository.config("some.sub section.key") is None


def test_configuration_is_read_again_where_it_was_written(sandbox):
    repository = sandbox.repository
    assert repository.config_all("own.key") == ()
    for value in ("one", "two\nlines"):
        repository.git("config", "--add", "own.key", value)
    assert (
        repository.config_all("own.key") == ("one", "two\nlines")
        and repository.config("own.key") == "two\nlines"
    )
    with (sandbox.root / ".git/config").open("a") as file:
        file.write("[own]\n\tbare\n")
    assert repository.config_bool("own.bare") and repository.config("own.bare") == ""
