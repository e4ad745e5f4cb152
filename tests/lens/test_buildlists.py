"""The build list: shards beside every mention of the monolith, and gone again without a trace."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergeguard.lens import buildlists
from mergeguard.lens.buildlists.protocol import Joint

FILE = "CMakeLists.txt"


def add(text, monolith, shards):
    return buildlists.add(FILE, text, monolith, shards)


def remove(text, monolith, shards):
    return buildlists.remove(FILE, text, monolith, shards)


def mentions(text, monolith):
    return buildlists.mentions(FILE, text, monolith)


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


# -- other languages, other folders --------------------------------------------------------------------

# What stands between « and » is the monolith's entry; `glue` is what parts it from the next one.
ONE_LIST = [
    # CMake: nested, target_sources, variables with base folders
    ("csrc/CMakeLists.txt", "add_library(x\n  «a.cu»\n  b.cu)", "\n  "),
    ("CMakeLists.txt", "target_sources(x PRIVATE «csrc/a.cu»)", " "),
    ("CMakeLists.txt", 'set(S «"${CMAKE_SOURCE_DIR}/csrc/a.cu"»)', " "),
    ("CMakeLists.txt", "set(D csrc)\nset(S «${D}/a.cu» b)", " "),
    ("csrc/sub/CMakeLists.txt", "f(«${CMAKE_CURRENT_LIST_DIR}/../a.cu»)", " "),
    ("cmake/sources.cmake", "list(APPEND S «${ROOT}/csrc/a.cu»)", " "),
    # Python: torch and setuptools extensions
    ("setup.py", 'E(sources=[«"csrc/a.cu"», "b.cu"])', ", "),
    ("setup.py", "S = [\n    'b.cu',\n    «'csrc/a.cu'»\n]", ",\n    "),
    ("setup.py", 'x = [«os.path.join(here, "csrc", "a.cu")»]', ", "),
    ("setup.py", 'x = [«str(HERE / "csrc" / "a.cu")»,]', ", "),
    ("setup.py", 'x = [«f"{here}/csrc/a.cu"»]', ", "),
    ("setup.py", 'S += [«"csrc/a.cu"»]  # csrc/a.cu', ", "),
    ("setup.py", 'return («"csrc/a.cu"», "b.cc")', ", "),
    ("csrc/setup.py", '[«"a.cu"»]', ", "),
    ("pyproject.toml", '[[tool.setuptools.ext-modules]]\nsources = [«"csrc/a.cu"»]\n', ", "),
    # Bazel
    ("csrc/BUILD.bazel", 'x(\n    srcs = [\n        «"a.cu"»,\n    ],\n)', ",\n        "),
    ("BUILD", 'srcs = [«"//csrc:a.cu"»]', ", "),
    ("csrc/BUILD", 'srcs = [«":a.cu"»] + select({"//c": ["b.cu"]})', ", "),
    # Meson
    ("meson.build", "library('x', «'csrc/a.cu'», 'b.cc')", ", "),
    ("csrc/meson.build", "s += files(«'a.cu'»)", ", "),
    # Make
    ("Makefile", "SRCS = «csrc/a.cu» b.cu", " "),
    ("Makefile", "SRCS := b.cu \\\n\t«csrc/a.cu» \\\n\tc.cu\n", " \\\n\t"),
    ("csrc/rules.mk", "SRCS += «$(ROOT)/csrc/a.cu»", " "),
]


@pytest.mark.parametrize(("path", "template", "glue"), ONE_LIST)
def test_every_language_lists_the_shards_as_it_spells_the_monolith(path, template, glue):
    head, entry, tail = re.split("[«»]", template)
    shards = [re.sub(r"a\.cu(?=\W*$)", f"a/{name}.cu", entry) for name in ("one", "two")]
    before = f"{head}{entry}{tail}".encode()
    after = f"{head}{glue.join([*shards, entry])}{tail}".encode()
    assert buildlists.add(path, before, MONOLITH, SHARDS) == after
    assert buildlists.remove(path, after, MONOLITH, SHARDS) == before
    assert buildlists.add(path, after, MONOLITH, SHARDS) == after
    assert all(buildlists.lists(path, after, unit) for unit in (MONOLITH, *SHARDS))
    assert not buildlists.unclear(path, after, MONOLITH)


UNCLEAR = [
    ("Makefile", b"a.o: csrc/a.cu\n\tnvcc -c $< -o $@\n", (1,)),
    ("Makefile", b"all:\n\tnvcc csrc/a.cu\n", (2,)),
    ("setup.py", b'SRC = "csrc/a.cu"\n', (1,)),
    ("setup.py", b'f("csrc/a.cu")\n', (1,)),
    ("setup.py", b'x = ["csrc/a.cu" if cuda else "b.cc"]\n', (1,)),
    ("setup.py", b'd["csrc/a.cu"] = 1\n', (1,)),
    ("setup.py", b'x = {"csrc/a.cu": 1}\n', (1,)),
    ("CMakeLists.txt", b'set(S "csrc/a.cu;csrc/b.cu")', (1,)),
    ("other/CMakeLists.txt", b"set(S ${SOMEWHERE}/a.cu)", (1,)),
    ("meson.build", b"custom_target('x', input: 'csrc/a.cu')", (1,)),
]


@pytest.mark.parametrize(("path", "text", "lines"), UNCLEAR)
def test_what_can_not_be_added_to_is_left_and_told(path, text, lines):
    assert buildlists.add(path, text, MONOLITH, SHARDS) == text
    assert buildlists.unclear(path, text, MONOLITH) == lines


OTHERS = [
    ("CMakeLists.txt", b"set(S other/a.cu)"),
    ("CMakeLists.txt", b"set(S csrc/xa.cu csrc/a.cu.in)"),
    ("CMakeLists.txt", b"set(D other)\nset(S ${D}/a.cu)"),
    ("setup.py", b'x = ["other/a.cu"]'),
    ("lib/BUILD", b'srcs = ["//other:a.cu", "@far//csrc:b.cu"]'),
    ("README.md", b"csrc/a.cu"),
    ("CMakeLists.txt", b"# csrc/a.cu"),
]


@pytest.mark.parametrize(("path", "text"), OTHERS)
def test_another_file_of_the_name_is_another_file(path, text):
    assert buildlists.add(path, text, MONOLITH, SHARDS) == text
    assert not buildlists.lists(path, text, MONOLITH) and not buildlists.unclear(path, text, MONOLITH)


@pytest.mark.parametrize(
    ("path", "text", "unit", "listed"),
    [
        ("CMakeLists.txt", b"file(GLOB S csrc/*.cu)", "csrc/a.cu", True),
        ("CMakeLists.txt", b"file(GLOB S csrc/*.cu)", "csrc/a/one.cu", False),
        ("CMakeLists.txt", b"file(GLOB_RECURSE S csrc/*.cu)", "csrc/a/one.cu", True),
        ("csrc/CMakeLists.txt", b"file(GLOB S CONFIGURE_DEPENDS a/*.cu)", "csrc/a/one.cu", True),
        ("setup.py", b'S = glob.glob("csrc/**/*.cu", recursive=True)', "csrc/a/one.cu", True),
        ("csrc/BUILD", b'srcs = glob(["**/*.cu"])', "csrc/a/one.cu", True),
        ("csrc/BUILD", b'srcs = glob(["*.cu"])', "csrc/a/one.cu", False),
        ("Makefile", b"S = $(wildcard csrc/*.cu)", "csrc/a.cu", True),
        ("CMakeLists.txt", b"file(GLOB S ${ROOT}/csrc/*.cu)", "csrc/a.cu", True),
    ],
)
def test_patterns_list_what_they_match(path, text, unit, listed):
    assert buildlists.lists(path, text, unit) is listed


WORDS_OF = {
    "setup.py": """[ ] ( ) , "csrc/a.cu" 'csrc/a/one.cu' "b.cu" # x= " join return {""",
    "Makefile": "S= S+= csrc/a.cu csrc/a/one.cu \\ # $(D)/ x: b.cu $(wildcard",
    "BUILD": """[ ] //csrc:a.cu "//csrc:a.cu" "//csrc:a/one.cu" , # glob( )""",
    "meson.build": """files( 'csrc/a.cu' 'csrc/a/two.cu' , ) [ ] #""",
}


@pytest.mark.parametrize("path", WORDS_OF)
@given(st.data())
def test_adding_is_undone_in_every_language(path, data):
    words = st.sampled_from([*WORDS_OF[path].split(), " ", "\n", "\r\n", "\n    ", "\t", ", "])
    text = data.draw(st.lists(words, max_size=12).map("".join)).encode()
    added = buildlists.add(path, text, MONOLITH, SHARDS)
    assert buildlists.remove(path, added, MONOLITH, SHARDS) == buildlists.remove(path, text, MONOLITH, SHARDS)
    assert buildlists.add(path, added, MONOLITH, SHARDS) == added


UNITS = tuple(
    (f"csrc/{name}.cu", tuple(f"csrc/{name}/{shard}.cu" for shard in "xyz"[:n]))
    for n, name in enumerate(("a", "b", "aa", "c"), 1)
)
NAMED = [name for monolith, shards in UNITS for name in (monolith, *shards)]


@given(
    st.lists(
        st.sampled_from([*NAMED, "set(S", ")", "# ", '"csrc/a.cu"', "list(APPEND T", "other.cu"]), max_size=14
    ),
    st.lists(st.sampled_from([" ", "\n  ", "\n"]), min_size=14, max_size=14),
    st.lists(st.sampled_from(UNITS), max_size=5),
)
def test_all_at_once_is_one_after_the_other(words, gaps, units):
    text = "".join(word + gap for word, gap in zip(words, gaps, strict=False)).encode()
    added = removed = text
    for unit in units:
        added, removed = add(added, *unit), remove(removed, *unit)
    assert buildlists.add_all(FILE, text, units) == added
    assert buildlists.remove_all(FILE, text, units) == removed


@given(
    st.lists(
        st.sampled_from(
            [b"a.cu", b"x/a.cu", b"b.cu", b" ", b", ", b",", b"\n", b"\r\n", b"\t", b"(", b"=", b"#"]
        )
    ),
    st.sampled_from([(b" ", b""), (b", ", b","), (b" ", b" \\")]),
    st.integers(0, 6),
)
def test_a_run_of_files_is_what_an_expression_finds(pieces, joints, low):
    text = b"".join(pieces)
    files = [b"a.cu", b"x/a.cu", b"b.cu"]
    joint = Joint(*joints)
    parted = rb"(?:%s|%s\r?\n[ \t]*)" % tuple(map(re.escape, joints))
    spelled = b"|".join(map(re.escape, files))
    run = re.compile(rb"(?:(?<![^\s(\[,=])(?:%s)%s)+\Z" % (spelled, parted))
    found = run.search(text, low)
    first = found.start() if found else len(text)
    assert buildlists._run_before(text, len(text), low, files, joint) == first
