"""Patches: whatever bytes the files hold, both readers of patches and our own get the same result."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergeguard.errors import LayoutError
from mergeguard.fork.patches import FilePatch, PatchHunk, apply, git_lines, read, unified

PATH = "folder/file.cu"
LINES = [
    b"",
    b"a",
    b"b ",
    b"\t{",
    b"-- minus",
    b"++ plus",
    b"- x",
    b"@@ -1 +1 @@",
    b"\\ No newline at end of file",
    b"\xff\x85",
    b"form\x0cfeed",
    b"lone\rcr",
    b"dos\r",
    "\u2028 sep".encode(),
    b"diff --git a/x b/x",
]
texts = st.builds(
    lambda lines, last: b"".join(line + b"\n" for line in lines) + last,
    st.lists(st.sampled_from(LINES), max_size=30),
    st.sampled_from([b"", b"", b"no newline"]),
)


@st.composite
def edited(draw):
    old = draw(texts)
    lines = git_lines(old)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(lines)))
        if draw(st.booleans()):
            lines[at : at + 1] = []
        else:
            lines.insert(at, draw(st.sampled_from(LINES)) + b"\n")
    whole = [line if line.endswith(b"\n") else line + b"\n" for line in lines[:-1]] + lines[-1:]
    return old, b"".join(whole)


@given(edited(), st.booleans())
def test_a_patch_turns_old_into_new(pair, recount):
    old, new = pair
    patch = unified(PATH, old, new)
    assert bool(patch) == (old != new)
    assert apply(read(patch, recount=recount), {PATH: old}).get(PATH, old) == new


@pytest.mark.parametrize("path", [PATH, "with space/f.cu", 'quo"te\\d.cu', "ünï.cu", "tab\tbed.cu"])
@pytest.mark.parametrize("command", [("git", "apply"), ("patch", "-p1", "-s")], ids=lambda c: c[0])
def test_others_accept_it(tmp_path, command, path):
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    old = b"".join(b"%d \xff\r\n" % n for n in range(40)) + b"end"
    new = old.replace(b"3 \xff\r\n", b"three\n", 1).replace(b"38 ", b"+++ ") + b" and more\n"
    target = tmp_path / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(old)
    options = ["--binary"] if command[0] == "patch" else ["--whitespace=nowarn"]
    patch = unified(path, old, new)
    subprocess.run([*command, *options], cwd=tmp_path, input=patch, check=True, capture_output=True)
    assert target.read_bytes() == new
    assert apply(read(patch), {path: old}) == {path: new}


def test_files_that_come_and_go(tmp_path):
    added, removed = unified("new", None, b"a\nb"), unified("old", b"c\n", None)
    assert [(p.old_path, p.new_path) for p in read(added + removed)] == [(None, "new"), ("old", None)]
    assert apply(read(added + removed), {"old": b"c\n"}) == {"new": b"a\nb", "old": None}
    (tmp_path / "old").write_bytes(b"c\n")
    subprocess.run(["git", "apply"], cwd=tmp_path, input=added + removed, check=True)
    assert (tmp_path / "new").read_bytes() == b"a\nb"
    assert not (tmp_path / "old").exists()


def test_a_hunk_finds_its_lines_where_they_moved():
    old = b"".join(b"line %d\n" % n for n in range(20))
    patch = read(unified(PATH, old, old.replace(b"line 9\n", b"line nine\n")))
    moved = b"one\ntwo\nthree\n" + old
    assert apply(patch, {PATH: moved})[PATH] == moved.replace(b"line 9\n", b"line nine\n")


def test_counts_may_be_wrong_after_an_edit_by_hand():
    patch = unified(PATH, b"a\nb\n\nc\n", b"a\nB\n\nc\n")
    # An editor has stripped the blank of an empty context line, too.
    edited_ = patch.replace(b"+B\n", b"+B\n+and more\n").replace(b"\n \n", b"\n\n")
    with pytest.raises(LayoutError, match="longer than expected"):
        read(edited_)
    assert apply(read(edited_, recount=True), {PATH: b"a\nb\n\nc\n"})[PATH] == b"a\nB\nand more\n\nc\n"


@pytest.mark.parametrize(
    ("patch", "files", "message"),
    [
        (unified(PATH, b"a\n", b"b\n"), {PATH: b"c\n"}, "lines it changes are not there"),
        (unified(PATH, b"a\n", b"b\n"), {}, "is not there"),
        (unified(PATH, None, b"b\n"), {PATH: b"c\n"}, "already there"),
        (unified(PATH, b"a\n", None), {PATH: b"a\nmore\n"}, "other text"),
        (b"--- a/x\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n", {"x": b"a\n"}, "renames"),
    ],
)
def test_what_does_not_fit_is_refused(patch, files, message):
    with pytest.raises(LayoutError, match=message):
        apply(read(patch), files)


def test_a_hunk_without_lines_to_find_goes_where_it_says():
    insert = FilePatch(PATH, PATH, (PatchHunk(2, (), (b"x\n",)),))
    assert apply([insert], {PATH: b"a\nb\nc\n"})[PATH] == b"a\nb\nx\nc\n"
