"""Source lists of build files merge as sets, and nothing else of a build file does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergeguard.merge.lines import merge_lines
from mergeguard.merge.lists import has_lists, merge_build_file
from mergeguard.merge.result import MergeResult

CMAKE = b"""project(x)
set(VLLM_EXT_SRC
  "csrc/a.cu"
  "csrc/b.cu"
  "csrc/c.cu")

if(HIP)
  list(APPEND VLLM_EXT_SRC "csrc/hip.cu")
endif()
"""


def merged(base: bytes, ours: bytes, theirs: bytes, path: str = "CMakeLists.txt") -> MergeResult:
    return MergeResult(merge_build_file(path, base, ours, theirs, merge_lines(base, ours, theirs)))


def _add(text: bytes, after: bytes, *names: bytes) -> bytes:
    return text.replace(b'"%s"' % after, b'"%s"' % after + b"".join(b'\n  "%s"' % n for n in names), 1)


def test_both_sides_list_a_new_source_at_one_place() -> None:
    result = merged(CMAKE, _add(CMAKE, b"csrc/b.cu", b"mine.cu"), _add(CMAKE, b"csrc/b.cu", b"new.cu"))
    assert result.clean
    assert result.render() == _add(CMAKE, b"csrc/b.cu", b"new.cu", b"mine.cu")


def test_the_bracket_behind_the_last_entry_is_nobodys() -> None:
    result = merged(CMAKE, _add(CMAKE, b"csrc/c.cu", b"mine.cu"), _add(CMAKE, b"csrc/c.cu", b"new.cu"))
    assert result.clean
    assert result.render() == _add(CMAKE, b"csrc/c.cu", b"new.cu", b"mine.cu")


def test_a_removal_next_to_an_insertion() -> None:
    ours = CMAKE.replace(b'  "csrc/b.cu"\n', b"")
    result = merged(CMAKE, ours, _add(CMAKE, b"csrc/b.cu", b"new.cu"))
    assert result.clean
    assert result.render() == CMAKE.replace(b"csrc/b.cu", b"new.cu")


def test_both_replace_one_entry_is_a_conflict() -> None:
    ours, theirs = CMAKE.replace(b"csrc/b.cu", b"csrc/b1.cu"), CMAKE.replace(b"csrc/b.cu", b"csrc/b2.cu")
    assert merged(CMAKE, ours, theirs).conflicts == 1


def test_an_entry_removed_here_and_commented_there_is_a_conflict() -> None:
    ours = CMAKE.replace(b'  "csrc/b.cu"\n', b"")
    theirs = CMAKE.replace(b'"csrc/b.cu"', b'"csrc/b.cu" # slow')
    assert merged(CMAKE, ours, theirs).conflicts == 1


def test_comments_travel_with_their_entry() -> None:
    ours = CMAKE.replace(b'  "csrc/c.cu"', b'  # ours alone\n  "mine.cu"  # small\n  "csrc/c.cu"')
    theirs = _add(CMAKE, b"csrc/b.cu", b"new.cu")
    result = merged(CMAKE, ours, theirs)
    assert result.clean
    assert b'  "new.cu"\n  # ours alone\n  "mine.cu"  # small\n  "csrc/c.cu")' in result.render()


def test_lists_on_one_line() -> None:
    ours = CMAKE.replace(b'"csrc/hip.cu")', b'"csrc/hip.cu" "mine.cu")')
    theirs = CMAKE.replace(b'"csrc/hip.cu")', b'"csrc/hip.cu" "new.cu")')
    result = merged(CMAKE, ours, theirs)
    assert result.render() == CMAKE.replace(b'"csrc/hip.cu")', b'"csrc/hip.cu" "new.cu" "mine.cu")')


def test_one_side_sorts_the_list_the_other_adds() -> None:
    base = CMAKE.replace(b"csrc/a.cu", b"csrc/z.cu")
    ours = _add(base, b"csrc/b.cu", b"csrc/b2.cu")
    theirs = base.replace(b'  "csrc/z.cu"\n', b"").replace(b'"csrc/c.cu"', b'"csrc/c.cu"\n  "csrc/z.cu"')
    result = merged(base, ours, theirs)
    assert result.render() == _add(theirs, b"csrc/b.cu", b"csrc/b2.cu")


def test_target_sources_keep_to_their_keyword() -> None:
    base = b"target_sources(x\n  PRIVATE\n    a.cc\n  PUBLIC\n    b.h\n)\n"
    ours, theirs = base.replace(b"    a.cc", b"    a.cc\n    m.cc"), base.replace(b"a.cc", b"a.cc\n    n.cc")
    assert merged(base, ours, theirs).render() == base.replace(b"a.cc", b"a.cc\n    n.cc\n    m.cc")
    moved = base.replace(b"    a.cc\n", b"").replace(b"b.h", b"a.cc\n    b.h")
    assert not merged(base, moved, theirs).clean


@pytest.mark.parametrize(
    ("base", "mine", "yours"),
    [
        (b"set(FLAGS\n  -O2\n  -g)\n", b"-O2\n  -fa", b"-O2\n  -fb"),
        (b"set(CMAKE_MODULE_PATH\n  cmake\n  x)\n", b"cmake\n  m1", b"cmake\n  m2"),
        (b"foreach(f\n  cmake\n  b.cu)\n", b"cmake\n  m1.cu", b"cmake\n  m2.cu"),
    ],
)
def test_what_is_no_list_of_sources_stays_a_conflict(base: bytes, mine: bytes, yours: bytes) -> None:
    word = mine.split(b"\n")[0]
    assert merged(base, base.replace(word, mine), base.replace(word, yours)).conflicts == 1


@pytest.mark.parametrize(
    ("path", "base"),
    [
        (
            "csrc/BUILD.bazel",
            b'cc_library(\n    name = "x",\n    srcs = [\n        "a.cc",\n        "b.cc",\n    ],\n)\n',
        ),
        ("meson.build", b"x_sources = [\n  'a.cc',\n  'b.cc'\n]\n"),
        (
            "setup.py",
            b"ext = Extension(\n    name='x',\n    sources=[\n        'a.cc',\n        'b.cc',\n    ],\n)\n",
        ),
    ],
)
def test_other_build_files(path: str, base: bytes) -> None:
    quote = b'"' if b'"a.cc"' in base else b"'"
    a = quote + b"a.cc" + quote + b",\n"
    indent = base[base.index(a) - 8 : base.index(a)].rsplit(b"\n", 1)[-1]

    def added(*names: bytes) -> bytes:
        return base.replace(a, a + b"".join(indent + quote + n + quote + b",\n" for n in names))

    result = merged(base, added(b"m.cc"), added(b"n.cc"), path)
    assert result.clean
    assert result.render() == added(b"n.cc", b"m.cc")
    assert has_lists(path)


def test_the_end_of_a_list_without_a_last_comma() -> None:
    base = b"x_sources = [\n  'a.cc',\n  'b.cc'\n]\n"
    ours, theirs = (
        base.replace(b"'b.cc'", b"'b.cc',\n  'm.cc'"),
        base.replace(b"'b.cc'", b"'b.cc',\n  'n.cc'"),
    )
    assert merged(base, ours, theirs, "meson.build").render() == base.replace(
        b"'b.cc'", b"'b.cc',\n  'n.cc',\n  'm.cc'"
    )


NAMES = st.lists(st.sampled_from([b"%c.cu" % c for c in b"abcdefg"]), unique=True, max_size=7)


@given(NAMES, NAMES, NAMES)
def test_a_clean_list_is_the_sum_of_both_sides(
    base: list[bytes], ours: list[bytes], theirs: list[bytes]
) -> None:
    def text(names: list[bytes]) -> bytes:
        return b"set(S\n  keep.cu\n" + b"".join(b"  %s\n" % n for n in names) + b")\n"

    result = merged(text(base), text(ours), text(theirs))
    mirrored = merged(text(base), text(theirs), text(ours))
    assert result.clean == mirrored.clean
    by_lines = MergeResult(merge_lines(text(base), text(ours), text(theirs))).clean
    if by_lines or not result.clean:
        return
    got = result.render().split()[2:-1]
    b, o, t = set(base), set(ours), set(theirs)
    assert len(got) == len(set(got))
    assert set(got) == ((o & t) | (o - b) | (t - b))


FRAGMENTS = [
    b"set(S",
    b")",
    b"\n",
    b" ",
    b"a.cu",
    b'"b.cu"',
    b"# c\n",
    b'"',
    b"#[[",
    b"]]",
    b"\\",
    b"\xff",
    b"srcs = [",
    b"]",
    b",",
]
TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=12).map(b"".join)


@given(st.sampled_from(["CMakeLists.txt", "BUILD"]), TEXTS, TEXTS, TEXTS)
def test_whatever_the_bytes(path: str, base: bytes, ours: bytes, theirs: bytes) -> None:
    assert merged(base, base, theirs, path).render() == theirs
    assert merged(base, ours, base, path).render() == ours
    assert merged(base, ours, ours, path).render() == ours
    assert merged(base, ours, theirs, path).clean == merged(base, theirs, ours, path).clean
