"""State files carry paths of any bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergeguard import store
from tests.support.story import Story, git


@given(st.dictionaries(st.binary(), st.binary()))
def test_any_bytes_come_back(value):
    names = {
        k.decode("utf-8", "surrogateescape"): v.decode("utf-8", "surrogateescape") for k, v in value.items()
    }
    stored = store.encode(names)
    assert stored.isascii() and store.decode(stored, dict[str, str]) == names


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"a": 1}', b"\xff"])
def test_what_is_no_such_value_is_refused(data):
    with pytest.raises(store.Unreadable):
        store.decode(data, dict[str, str])


def test_a_conflict_and_a_finding_in_files_with_odd_names(tmp_path):
    story = Story.begin(tmp_path)
    both, traps = (b"caf\xe9.txt", b"caf\xe9.cuh")

    def write(root, name, text):
        with open(bytes(root) + b"/" + name, "wb") as file:
            file.write(text)

    lines = b"".join(b"int odd%d();\n" % n for n in range(9))
    for root, word in ((story.upstream, b"base"), (story.fork, b"ours"), (story.upstream, b"theirs")):
        write(root, both, word + b"\n")
        macro = b"#define ODD_%b\n" % word if word == b"base" else b"#define ODD_TILE 1\n"
        write(root, traps, macro + lines if word != b"theirs" else b"#define ODD_base\n" + lines + macro)
        if root is story.fork:
            story.commits("ours")
            continue
        story.upstream_commits("theirs")
        story.fetch()
        ran = story.run("sync", "upstream/main")
    assert ran.code == 1 and "conflict" in ran.out
    git(story.fork, "checkout", "-q", "--ours", ".")
    git(story.fork, "add", "-A")
    ran = story.run("sync", "--continue")
    assert ran.code == 1 and "duplicate-macro" in ran.out
    for form in ("terminal", "json", "sarif", "markdown", "html"):
        assert "duplicate-macro" in story.run("report", "--format", form).out
