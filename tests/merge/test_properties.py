"""What holds for every three-way merge, whatever the bytes."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.cpp.tokens import tokens_of
from mergeguard.merge import Conflict, MergeResult, merge
from mergeguard.merge.lines import merge_lines
from mergeguard.merge.markers import render_markers
from mergeguard.merge.stretch.weave import Clash, weave

FRAGMENTS = st.sampled_from(
    [
        b"int f(int a, int b) {\n",
        b"  return a + b;\n",
        b"}\n",
        b"\n",
        b"#if A\n",
        b"#else\n",
        b"#endif\n",
        b"#define X(a) \\\n  a\n",
        b"// a word\n",
        b"/* block\n * more */",
        b"case 1: f(); break;\n",
        b"case 2:\n  g();\n  break;\n",
        b"template <typename T>\n",
        b'void g() { x = "a;b"; }\n',
        b"x",
        b"\r\n",
        b"{",
        b"\\\n",
        b"'",
        b'"',
        b"\xff\x00",
    ]
)
SOURCES = st.one_of(st.lists(FRAGMENTS, max_size=12).map(b"".join), st.binary(max_size=40))


def _mirror(result: MergeResult) -> tuple[object, ...]:
    return tuple(Conflict(p.base, p.theirs, p.ours) if isinstance(p, Conflict) else p for p in result.pieces)


def _conflicts(result: MergeResult, swap: bool = False) -> list[tuple[bytes, bytes, bytes]]:
    found = [p for p in result.pieces if isinstance(p, Conflict)]
    return [(p.base, p.theirs, p.ours) if swap else (p.base, p.ours, p.theirs) for p in found]


@settings(max_examples=400)
@given(SOURCES)
def test_tokens_and_gaps_are_the_source(text: bytes) -> None:
    assert tokens_of(text).source() == text


@settings(max_examples=200)
@given(SOURCES, SOURCES)
def test_one_sided_changes_come_through(base: bytes, other: bytes) -> None:
    assert merge(base, other, base).render() == other
    assert merge(base, base, other).render() == other
    assert merge(base, other, other).render() == other
    assert weave(base, other, base) == other
    assert weave(base, base, other) == other


@settings(max_examples=300)
@given(SOURCES, SOURCES, SOURCES)
def test_any_bytes_merge_or_conflict(base: bytes, ours: bytes, theirs: bytes) -> None:
    result = merge(base, ours, theirs)
    mirrored = merge(base, theirs, ours)
    assert _conflicts(result) == _conflicts(mirrored, swap=True)
    for style in ("merge", "diff3", "zdiff3"):
        assert isinstance(render_markers(result.pieces, style=style), bytes)


@settings(max_examples=300)
@given(SOURCES, SOURCES, SOURCES)
def test_lines_mirror_and_resolve_to_each_side(base: bytes, ours: bytes, theirs: bytes) -> None:
    pieces = merge_lines(base, ours, theirs)
    mirrored = MergeResult(merge_lines(base, theirs, ours))
    assert _mirror(mirrored) == pieces


@settings(max_examples=300)
@given(SOURCES, SOURCES, SOURCES)
def test_a_clean_token_merge_keeps_what_was_added_and_drops_what_was_deleted(
    base: bytes, ours: bytes, theirs: bytes
) -> None:
    try:
        merged = Counter(tokens_of(weave(base, ours, theirs)).keys)
    except Clash:
        return
    b, o, t = (Counter(tokens_of(x).keys) for x in (base, ours, theirs))
    for token in set(b) | set(o) | set(t):
        added = max(o[token] - b[token], 0), max(t[token] - b[token], 0)
        if b[token] == 0 and bool(added[0]) != bool(added[1]):
            assert merged[token] == sum(added)
        if b[token] and (o[token] == 0 or t[token] == 0):
            # A side that deletes every one of them and adds none: none survives, unless the other adds.
            assert merged[token] <= max(o[token], t[token])


def test_a_huge_broken_file_is_merged_by_lines() -> None:
    base = b"{" * 1_000_000
    result = merge(base, base + b"a", base + b"b")
    assert result.conflicts == 1
    assert [note.code for note in result.notes] == ["huge"]
