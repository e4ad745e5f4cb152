"""Which commit changed how often a word stands somewhere: as `git log -S` says."""

from __future__ import annotations

import random

import pytest

from mergeguard.git.pickaxe import Pickaxe

WORDS = ("alpha", "alphabet", "b.c(d)")


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Commits that write, move and remove words in three files, one of them with an odd name."""
    from tests.git.conftest import Sandbox

    sandbox = Sandbox(tmp_path_factory.mktemp("history") / "fork")
    dice = random.Random(5)
    base = sandbox.commit(start="1")
    files = ("a.cu", "b.cu", "sub/\1 odd.cu")
    for number in range(14):
        path = dice.choice(files)
        text = "\n".join(dice.choice((*WORDS, "x_alpha", "x", "(alpha)")) for _ in range(6))
        there = (sandbox.root / path).exists()
        if there and dice.random() < 0.3:
            sandbox.commit_files({path: None}, f"no {number}")
        else:
            sandbox.commit_files({path: text}, f"change {number}")
    (sandbox.root / "c.cu").write_text(text)
    sandbox.git("mv", "-f", files[0] if (sandbox.root / files[0]).exists() else path, "d.cu")
    sandbox.commit("renamed")
    return sandbox, base, (*files, "c.cu", "d.cu")


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("some", [slice(None), slice(0, 1), slice(1, 3), slice(3, None)])
def test_like_git(history, word, some):
    sandbox, base, files = history
    paths = tuple(sorted(files[some]))
    escaped = "".join(f"\\{c}" if c in ".()" else c for c in word)
    expression = f"(^|[^A-Za-z0-9_]){escaped}([^A-Za-z0-9_]|$)"
    options = ("--format=%H %s", "--no-merges", f"-S{expression}", "--pickaxe-regex")
    said = sandbox.git("log", "-1", *options, f"{base}..HEAD", "--", *paths)
    found = Pickaxe(sandbox.repository, base, "HEAD", paths).newest(word.encode())
    assert (f"{found.oid} {found.subject}" if found else "") == said
    listed = sandbox.git("log", "--format=%H", f"{base}..HEAD", "--", *paths).split()
    assert [c.oid for c in Pickaxe(sandbox.repository, base, "HEAD", paths).commits] == listed


def test_of_a_submodule_nothing_is_read(sandbox):
    base = sandbox.commit(a="1")
    sandbox.git("update-index", "--add", "--cacheinfo", f"160000,{base},sub")
    sandbox.git("commit", "-q", "-m", "a submodule")
    found = Pickaxe(sandbox.repository, base, "HEAD", ("sub",))
    assert [c.subject for c in found.commits] == ["a submodule"]
    assert found.newest(b"alpha") is None
