"""The build list: shards beside every mention of the monolith, and gone again without a trace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergeguard.lens.buildlist import add, mentions, remove

MONOLITH = "csrc/a.cu"
SHARDS = ("csrc/a/one.cu", "csrc/a/two.cu")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            b'set(S\n  "csrc/a.cu"\n  "csrc/b.cu")\n',
            b'set(S\n  "csrc/a/one.cu"\n  "csrc/a/two.cu"\n  "csrc/a.cu"\n  "csrc/b.cu")\n',
        ),
        (b"set(S csrc/a.cu)\n", b"set(S csrc/a/one.cu csrc/a/two.cu csrc/a.cu)\n"),
        (
            b"set(S\r\n\tcsrc/a.cu\r\n)\r\n",
            b"set(S\r\n\tcsrc/a/one.cu\r\n\tcsrc/a/two.cu\r\n\tcsrc/a.cu\r\n)\r\n",
        ),
        (b"# csrc/a.cu\nset(S xcsrc/a.cu csrc/a.cuh)", b"# csrc/a.cu\nset(S xcsrc/a.cu csrc/a.cuh)"),
        (b'#[[ "csrc/a.cu" ]]', b'#[[ "csrc/a.cu" ]]'),
        (
            b'list(A "csrc/a.cu")\nlist(B "csrc/a.cu")',
            b"list(A %s)\nlist(B %s)" % ((b'"csrc/a/one.cu" "csrc/a/two.cu" "csrc/a.cu"',) * 2),
        ),
    ],
)
def test_shards_are_listed_with_the_monolith(before, after):
    assert add(before, MONOLITH, SHARDS) == after
    assert remove(after, MONOLITH, SHARDS) == before
    assert add(after, MONOLITH, SHARDS) == after


def test_shards_of_the_users_own_lists_stay():
    text = b"set(S csrc/a/one.cu csrc/b.cu)\nset(T csrc/a.cu)\n"
    assert remove(add(text, MONOLITH, SHARDS), MONOLITH, SHARDS) == text


def test_mentions_are_arguments():
    text = b'f(csrc/a.cu "csrc/a.cu" "x csrc/a.cu" -csrc/a.cu) # csrc/a.cu\n'
    assert mentions(text, MONOLITH) == 2


WORDS = [
    b"set(S", b")", b"\n", b"\r\n", b"  ", b" ", b"\t", b"csrc/a.cu", b'"csrc/a.cu"', b"csrc/b.cu",
    b"# note\n", b"# csrc/a.cu\n", b'"', b"#[[", b"]]", b"\\", b"${X}", b"\xff",
]  # fmt: skip


def test_a_shard_that_the_user_commented_out_does_not_take_the_monolith_along():
    text = b'set(S\n  "csrc/a/two.cu"\n  # "csrc/a/one.cu"\n  "csrc/a.cu")\n'
    assert remove(text, MONOLITH, SHARDS) == text
    text = b'set(S\n  # "csrc/a/one.cu"\n  "csrc/a/two.cu"\n  "csrc/a.cu")\n'
    assert remove(text, MONOLITH, SHARDS) == b'set(S\n  # "csrc/a/one.cu"\n  "csrc/a.cu")\n'


@given(st.lists(st.sampled_from(WORDS), max_size=14).map(b"".join))
def test_adding_is_undone_whatever_the_text(text):
    added = add(text, MONOLITH, SHARDS)
    assert remove(added, MONOLITH, SHARDS) == text
    assert add(added, MONOLITH, SHARDS) == added
    if not mentions(text, MONOLITH):
        assert added == text
