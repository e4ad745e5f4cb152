"""What `check` found in a tree is told again of trees that are alike in all that it read, and no others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mergeguard.findings import Finding
from mergeguard.fork import verdicts
from mergeguard.fork.watched import WatchedRepository, holds
from mergeguard.fork.workspace import Workspace
from mergeguard.verbs import checking
from mergeguard.verbs.checking import layouts
from tests.git.conftest import Sandbox
from tests.support.forks import fork, split, written
from tests.verbs.test_checking import ENTRY, EXTRA, FOLDER, NAME, RULE


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    sandbox = Sandbox(tmp_path_factory.mktemp("verdicts") / "fork")
    return split(fork(sandbox, NAME), NAME)


def looked(workspace: Workspace, monkeypatch) -> bool:
    """Whether a check of the workspace looks at its rule, rather than tell what it found before."""
    seen: list[str] = []
    real = layouts.LayoutChecker.findings

    def noted(self: layouts.LayoutChecker) -> Iterator[Finding]:
        seen.append(self.name)
        return real(self)

    with monkeypatch.context() as patch:
        patch.setattr(layouts.LayoutChecker, "findings", noted)
        checking.run(workspace)
    return seen == [NAME]


def test_a_second_check_tells_the_same_and_looks_at_nothing(workspace, monkeypatch):
    changed = written(workspace, FOLDER + "shard_small.cu", (workspace.read(ENTRY) or b"") + EXTRA)
    first = checking.run(changed)
    assert len(first) > 3
    assert checking.run(changed) == first
    assert not looked(changed, monkeypatch)
    elsewhere = written(changed, "docs/notes/a.md", b"of no concern\n")
    assert not looked(elsewhere, monkeypatch)
    assert checking.run(elsewhere) == first


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (FOLDER + "common.h", b"// other\n"),
        (FOLDER + "mine.cu", b"int mine;\n"),  # a unit that nothing compiles
        ("CMakeLists.txt", b"# lists nothing\n"),
        ("csrc/libtorch_stable/attention/CMakeLists.txt", b"add_library(x paged_attention_v1.cu)\n"),
        ("csrc/libtorch_stable/attention/attention_kernels.cuh", b"#pragma once\n"),
        (RULE, b"schema = 1\n"),
        (RULE, None),
        (".mergeguard/kept/ab12cd34.toml", b'why = "so"\n'),
    ],
)
def test_whatever_a_check_read_is_held_against_the_tree(workspace, path, text):
    checking.run(workspace)
    if path == RULE and text is not None:
        text = (workspace.read(RULE) or b"") + b"# edited\n"
    changed = written(workspace, path, text)
    fresh = layouts.LayoutChecker(changed, changed.rule(NAME), lambda: None)
    assert checking.run(changed) == tuple(dict.fromkeys(fresh.findings()))


def test_other_code_judges_anew(workspace, monkeypatch):
    checking.run(workspace)
    assert not looked(workspace, monkeypatch)
    monkeypatch.setattr(verdicts, "code", lambda: "another")
    assert looked(workspace, monkeypatch)


def test_a_damaged_verdict_is_none(workspace, monkeypatch):
    checking.run(workspace)
    for kept in (workspace.repository.private_dir / "verdicts").iterdir():
        kept.write_bytes(kept.read_bytes()[:-3])
    assert looked(workspace, monkeypatch)
    assert not looked(workspace, monkeypatch)


def test_what_is_asked_beyond_the_notes_is_told(workspace):
    tree = workspace.tree
    watched = WatchedRepository.of(workspace.repository, tree)
    assert watched.read_file(tree, ENTRY) == workspace.read(ENTRY)
    assert watched.entry(tree, "no/such/file") is None
    watched.list_tree(tree, FOLDER)
    watched.files_in(tree, "")
    assert watched.is_told
    assert holds(workspace.repository, tree, watched.answers)
    for changed in ("CMakeLists.txt", FOLDER + "x.h", ENTRY, "no/such/file"):
        assert not holds(workspace.repository, written(workspace, changed, b"new\n").tree, watched.answers)


def test_what_is_not_noted_is_told(workspace):
    listed, compared = (WatchedRepository.of(workspace.repository, workspace.tree) for _ in range(2))
    listed.list_tree(workspace.tree)
    compared.diff_trees(workspace.tree, workspace.tree)
    assert (listed.is_told, compared.is_told) == (False, False)
