"""git's merges through the repository: the outcome is git's own."""

from __future__ import annotations

import pytest

from mergeguard.git.errors import GitError
from mergeguard.git.objects import MODE_FILE, Entry
from tests.git.conftest import Sandbox


def lines(*texts: str) -> bytes:
    return b"".join(text.encode() + b"\n" for text in texts)


Files = dict[str, bytes | str | None]


def fork(sandbox: Sandbox, base: Files, ours: Files, theirs: Files) -> None:
    sandbox.commit_files(base, "base")
    sandbox.git("checkout", "-q", "-b", "topic/x")
    sandbox.commit_files(theirs, "theirs")
    sandbox.git("checkout", "-q", "main")
    sandbox.commit_files(ours, "ours")


LONG = lines(*(f"line {number}" for number in range(40)))


def test_clean_merge_equals_git_merge(sandbox):
    fork(
        sandbox,
        {"a": LONG, "gone": "x", "moved": LONG + b"m\n"},
        {"a": b"top\n" + LONG, "moved": b"first\n" + LONG + b"m\n"},
        {"a": LONG + b"bottom\n", "moved": None, "sub/moved": LONG + b"m\n", "gone": None},
    )
    outcome = sandbox.repository.merge_trees("main", "topic/x")
    assert outcome.clean
    assert outcome.conflicts == ()
    sandbox.git("merge", "-q", "--no-edit", "topic/x")
    assert outcome.tree == sandbox.git("rev-parse", "HEAD^{tree}")
    assert sandbox.read("sub/moved").startswith(b"first\n")


@pytest.mark.parametrize("style", ["merge", "diff3", "zdiff3"])
def test_conflict_equals_git_merge(sandbox, style):
    fork(
        sandbox,
        {"a": "1\n2\n3\n", "deleted": "x\n", "same": "s\n"},
        {"a": "1\nours\n3\n", "deleted": None, "same": "t\n"},
        {"a": "1\ntheirs\n3\n", "deleted": "y\n", "same": "t\n"},
    )
    repository = sandbox.repository
    outcome = repository.merge_trees("main", "topic/x", conflict_style=style, labels=("HEAD", "topic/x"))
    sandbox.git("-c", f"merge.conflictStyle={style}", "merge", "topic/x", ok=False)
    assert not outcome.clean
    expected: dict[str, dict[int, str]] = {}
    for line in sandbox.git("ls-files", "-u", "-z").split("\0")[:-1]:
        facts, _, path = line.partition("\t")
        expected.setdefault(path, {})[int(facts.split()[2])] = facts.split()[1]
    found = {
        conflict.path: {stage: entry.oid for stage, entry in conflict.stages.items()}
        for conflict in outcome.conflicts
    }
    assert found == expected
    entry = repository.entry(outcome.tree, "a")
    assert entry is not None
    assert repository.read_blob(entry.oid) == sandbox.read("a")
    kinds = {message.kind for message in outcome.messages}
    assert kinds >= {"CONFLICT (contents)", "CONFLICT (modify/delete)"}
    assert any("deleted in HEAD and modified in topic/x" in message.text for message in outcome.messages)


def test_the_users_configuration_counts(sandbox):
    fork(
        sandbox,
        {"a": "1\n2\n3\n", "old": LONG},
        {"a": "1\nours\n3\n", "old": LONG + b"ours\n"},
        {"a": "1\ntheirs\n3\n", "old": None, "new": b"theirs\n" + LONG},
    )
    sandbox.git("config", "merge.conflictStyle", "diff3")
    repository = sandbox.repository
    outcome = repository.merge_trees("main", "topic/x")
    assert {conflict.path for conflict in outcome.conflicts} == {"a"}
    entry = repository.entry(outcome.tree, "a")
    assert entry is not None
    assert b"|||||||" in repository.read_blob(entry.oid)
    # Which keys the merge reads differs between versions of git; the outcome is what `git merge` leaves.
    sandbox.git("config", "merge.renames", "false")
    outcome = repository.merge_trees("main", "topic/x", labels=("HEAD", "topic/x"))
    sandbox.git("merge", "topic/x", ok=False)
    unmerged = sandbox.git("diff", "--name-only", "--diff-filter=U").splitlines()
    assert sorted(conflict.path for conflict in outcome.conflicts) == unmerged
    assert set(repository.list_tree(outcome.tree)) == set(sandbox.git("ls-files").splitlines())


def test_directory_renames_can_be_switched_off(sandbox):
    folder: Files = {f"old/{name}": LONG + name.encode() for name in "abcd"}
    moved: Files = dict.fromkeys(folder)
    moved |= {path.replace("old/", "new/"): data for path, data in folder.items()}
    fork(sandbox, folder, moved, {"old/added": "1"})
    repository = sandbox.repository
    for value, expected in (("true", "new/added"), ("false", "old/added")):
        sandbox.git("config", "merge.directoryRenames", value)
        outcome = repository.merge_trees("main", "topic/x")
        assert repository.entry(outcome.tree, expected) is not None


def test_marker_size_keeps_the_users_attributes(sandbox, tmp_path):
    fork(sandbox, {"a": "1\n", "b": "1\n"}, {"a": "2\n", "b": "2\n"}, {"a": "3\n", "b": "3\n"})
    attributes = tmp_path / "attributes"
    attributes.write_text("b merge=union\n")
    sandbox.git("config", "core.attributesFile", str(attributes))
    repository = sandbox.repository
    outcome = repository.merge_trees("main", "topic/x", marker_size=11, labels=("HEAD", "topic/x"))
    assert [conflict.path for conflict in outcome.conflicts] == ["a"]
    listed = repository.list_tree(outcome.tree)
    assert repository.read_blob(listed["a"].oid) == (
        b"<<<<<<<<<<< HEAD\n2\n===========\n3\n>>>>>>>>>>> topic/x\n"
    )
    assert repository.read_blob(listed["b"].oid) == b"2\n3\n"


def test_file_against_folder_gets_the_label_in_its_path(sandbox):
    fork(sandbox, {"a": "1\n"}, {"d": "file\n"}, {"d/x": "below\n"})
    repository = sandbox.repository
    outcome = repository.merge_trees("main", "topic/x", labels=("HEAD", "topic/x"))
    sandbox.git("merge", "topic/x", ok=False)
    assert set(repository.list_tree(outcome.tree)) == {"a", "d/x", "d~HEAD"}
    assert (sandbox.root / "d~HEAD").exists()
    assert [conflict.path for conflict in outcome.conflicts] == ["d~HEAD"]


def test_virtual_commits_set_the_base(sandbox: Sandbox) -> None:
    """What sync builds: three trees that no commit of the history holds."""
    repository = sandbox.repository
    sandbox.commit(a="x")

    def tree(text: bytes) -> str:
        return repository.edit_tree(None, {"a": Entry(MODE_FILE, repository.write_blob(text))})

    base = repository.commit_object(tree(LONG), (), "base")
    ours = repository.commit_object(tree(LONG + b"ours\n"), (base,), "ours")
    theirs = repository.commit_object(tree(b"theirs\n" + LONG), (base,), "theirs")
    outcome = repository.merge_trees(ours, theirs)
    assert outcome.clean
    assert outcome.tree == tree(b"theirs\n" + LONG + b"ours\n")


@pytest.mark.parametrize("algorithm", ["myers", "histogram"])
@pytest.mark.parametrize("style", ["merge", "diff3", "zdiff3"])
def test_merge_file(sandbox, algorithm, style):
    repository = sandbox.repository
    text, conflicts = repository.merge_file(
        b"a\r\nb\r\nc",
        b"a\r\nX\r\n1\r\nc",
        b"a\r\nX\r\n2\r\nc",
        style=style,
        labels=("local", "pristine", "up\\stream"),
        marker_size=9,
        algorithm=algorithm,
    )
    assert conflicts == 1
    assert text.startswith(b"a\r\n")
    assert text.endswith(b"\r\nc")
    assert b"<<<<<<<<< local" in text
    assert b">>>>>>>>> up\\stream" in text
    assert (b"||||||||| pristine" in text) == (style != "merge")
    assert not list((sandbox.root / ".git/mergeguard/tmp").iterdir())


@pytest.mark.parametrize("algorithm", ["myers", "histogram"])
def test_merge_file_clean_and_counted(sandbox, algorithm):
    repository = sandbox.repository
    merged = repository.merge_file(LONG, b"top\n" + LONG, LONG + b"bottom\n", algorithm=algorithm)
    assert merged == (b"top\n" + LONG + b"bottom\n", 0)
    ours = LONG.replace(b"line 5\n", b"o\n").replace(b"line 30\n", b"o\n")
    theirs = LONG.replace(b"line 5\n", b"t\n").replace(b"line 30\n", b"t\n")
    text, conflicts = repository.merge_file(LONG, ours, theirs, algorithm=algorithm)
    assert conflicts == 2
    assert text.count(b"<<<<<<< ours\n") == 2


def test_merge_file_ignores_attributes_and_drivers_of_the_repository(sandbox):
    sandbox.write(".gitattributes", "* merge=union text eol=crlf\n")
    text, conflicts = sandbox.repository.merge_file(b"1\n", b"2\n", b"3\n")
    assert (text, conflicts) == (b"<<<<<<< ours\n2\n=======\n3\n>>>>>>> theirs\n", 1)


def test_merge_file_binary(sandbox):
    with pytest.raises(GitError, match="binary"):
        sandbox.repository.merge_file(b"\0", b"1\0", b"2\0")
