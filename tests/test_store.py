"""State files carry paths of any bytes."""

from __future__ import annotations

import pytest
import tomlkit
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


TEXTS = st.one_of(
    st.text(alphabet=st.characters(codec="utf-8")), st.from_regex(r"[a-z0-9/._-]{1,40}", fullmatch=True)
)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
        st.one_of(TEXTS, st.integers(-9, 1 << 40), st.booleans()),
    )
)
def test_plain_values_are_written_as_the_library_writes_them(values):
    document = tomlkit.document()
    document.add(tomlkit.comment("a comment"))
    for key, value in values.items():
        document.add(key, tomlkit.item(value))
    assert store.write_toml("a comment", values) == tomlkit.dumps(document).encode()
    assert store.read_toml(store.write_toml("a comment", values)) == values


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
    head, call = b"int odd(int a) { return a; }\n", b"int mine() { return odd(1); }\n"
    texts = {
        b"base": head + lines,
        b"ours": head + lines + call,
        b"theirs": head.replace(b"a)", b"a, int b)") + lines,
    }
    for root, word in ((story.upstream, b"base"), (story.fork, b"ours"), (story.upstream, b"theirs")):
        write(root, both, word + b"\n")
        write(root, traps, texts[word])
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
    assert ran.code == 1 and "changed-signature" in ran.out
    for form in ("terminal", "json", "sarif", "markdown", "html"):
        assert "changed-signature" in story.run("report", "--format", form).out
