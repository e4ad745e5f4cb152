"""The pure checks: each is shown to see what it is for, also where a real fork would need a bug for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.cpp.source import parse
from mergeguard.findings import CODES, Reporter
from mergeguard.fork import check
from mergeguard.lens.emit import split
from mergeguard.lens.hunks import Hunk, Reason
from mergeguard.lens.layout import Layout, LayoutFile, Piece, Role
from mergeguard.lens.overlay import Recomposed, recompose
from mergeguard.lens.rule import parse_rule
from mergeguard.lens.unsplit import unsplit
from mergeguard.merge import merge
from mergeguard.verify.flatten import LayoutText

PATH = "src/run.cu"
RULE = parse_rule(
    b"""
schema = 1
monolith = "src/run.cu"
[[move]]
to = "common.h"
items = ["include *"]
needed = true
[[partition]]
entry = "run"
over = { in = "run", switch = "n" }
discriminator = "n"
body = "body.h"
rest = "two.cu"
[partition.shards]
"one.cu" = [1]
"two.cu" = [2]
""",
    "run.toml",
)
MONOLITH = b"""#include "beside.h"

template <int N>
int work(int x) { return x * N; }

int run(int n, int x) {
  switch (n) {
    case 1: return work<1>(x);
    case 2: return work<2>(x);
    default: return -1;
  }
}
"""


def transform(text: bytes) -> Layout:
    return split(RULE, "run", PATH, text)


LAYOUT = transform(MONOLITH)
BODY = "src/run/body.h"


def traced(**changed: bytes | None):
    """Unsplit of the layout with files changed, by base name without its suffix."""
    files: dict[str, bytes | None] = {f.path: f.text for f in LAYOUT.files}
    for path in files:
        stem = path.rpartition("/")[2].partition(".")[0]
        files[path] = changed.get(stem, files[path])
    return files, unsplit(LAYOUT, files, transform)


def text_of(path: str) -> bytes:
    return LAYOUT.by_path[path].text


def test_laws_hold_and_are_seen_broken():
    assert list(check.check_laws("run", LAYOUT, transform(MONOLITH))) == []
    again = transform(MONOLITH.replace(b"work", b"toil"))
    assert [f.code for f in check.check_laws("run", LAYOUT, again)] == ["law 4"]


def broken(pieces):
    """A layout of b"abcdef" with these pieces, past the constructor's own assertion."""
    layout = Layout(PATH, b"abcdef", (LayoutFile(PATH, Role.ENTRY, (Piece(b"abcdef", 0),)),))
    object.__setattr__(layout, "files", (LayoutFile(PATH, Role.ENTRY, tuple(pieces)),))
    return layout


@pytest.mark.parametrize(
    ("pieces", "seen"),
    [
        ([Piece(b"abcdef", 0)], []),
        ([Piece(b"abc", 0), Piece(b"ef", 4)], ["law 3", "law 1"]),
        ([Piece(b"abcd", 0), Piece(b"cdef", 2)], ["law 3", "law 1"]),
        ([Piece(b"abcXef", 0)], ["law 1"]),
    ],
)
def test_bytes_with_no_home_or_two(pieces, seen):
    layout = broken(pieces)
    assert [f.code for f in check.check_laws("run", layout, layout)] == seen


def test_what_is_typed_must_come_back():
    now, before = traced(body=text_of(BODY).replace(b"return -1", b"return -2"))
    assert b"return -2" in before.monolith
    merged = recompose(before, now, before.layout, merge)
    assert list(check.check_recomposed("run", now, before, merged)) == []
    lost = Recomposed({**merged.files, BODY: text_of(BODY)}, {}, ())
    (found,) = check.check_recomposed("run", now, before, lost)
    assert found.code == "law 2" and found.path == BODY
    assert found.line is not None
    assert (now[BODY] or b"").splitlines()[found.line - 1].strip() == b"default: return -2;"


def test_a_layout_of_other_files_is_drift():
    now, before = traced()
    merged = recompose(before, now, before.layout, merge)
    fewer = Recomposed({p: t for p, t in merged.files.items() if p != BODY}, {}, ())
    more = Recomposed({**merged.files, "src/run/new.h": b""}, {}, ())
    for other, path in ((fewer, BODY), (more, "src/run/new.h")):
        (found,) = check.check_recomposed("run", now, before, other)
        assert (found.code, found.path) == ("drift", path)
    result = merge(b"a\n", b"b\n", b"c\n")
    conflict = Recomposed(merged.files, {BODY: result}, ())
    (found,) = check.check_recomposed("run", now, before, conflict)
    assert "conflict" in found.message


def test_hunks_become_findings():
    guard = b"#if defined(MG_SHARD_one)"
    _, before = traced(
        body=text_of(BODY).replace(guard, guard + b" || 1"),
        one=text_of("src/run/one.cu") + b"int mine;\n",
        common=None,
    )
    found = {f.code: f for f in check.check_hunks("run", before)}
    assert set(found) == {"overlay", "unmapped", "layout file"}
    assert (
        found["overlay"].message == "an edit of glue (text that only the layout has), kept: 1 line became 1"
    )
    assert found["unmapped"].message.startswith("1 line added: ")
    assert [f.fails for f in found.values()].count(False) == 1


@pytest.mark.parametrize(
    ("use", "seen"),
    [
        (b"::work<1>(x)", True),
        (b"return ::work<1>(x)", True),
        (b"f(::work<1>(x))", True),
        (b"a::work<1>(x)", False),
        (b"std::vector<int>::work(x)", False),
        (b"/* ::work */ work<1>(x)", False),
        (b'"::work"', False),
        (b"::other(x)", False),
    ],
)
def test_global_names(use, seen):
    text = b"namespace MG_NS {\nint work(int x) { return x; }\nint run() {\n  %s;\n}\n}\n" % use
    body = LayoutFile(BODY, Role.BODY, ())
    found = list(check.check_global_names("run", [body], {BODY: text}))
    assert [f.line for f in found] == ([4] if seen else [])
    header = replace(body, role=Role.HEADER)
    assert not list(check.check_global_names("run", [header], {BODY: text}))


def hunk(path, line, new, old=b"", reason=Reason.NO_HOME):
    return Hunk(path, line, line, old, new, reason, None)


def homes(files, hunks=()):
    source = parse(MONOLITH)
    return list(check.check_homes("run", source, files, frozenset({"run"}), hunks, PATH))


def test_double_homes():
    files = {f.path: f.text for f in LAYOUT.files}
    assert homes(files) == []
    copy = b"template <int N>\nint work(int x) { return x * N; }\n"
    (found,) = homes({**files, "src/run/one.cu": files["src/run/one.cu"] + copy})
    assert (found.name, found.path, str(found.severity)) == ("work", "src/run/one.cu", "warning")
    other = copy.replace(b"*", b"+")
    (found,) = homes({**files, "src/run/one.cu": files["src/run/one.cu"] + other})
    assert str(found.severity) == "error"
    # What was typed by hand is to blame, not what comes last.
    common = copy + files["src/run/common.h"]
    (found,) = homes({**files, "src/run/common.h": common}, [hunk("src/run/common.h", 1, copy)])
    assert (found.path, found.line) == ("src/run/common.h", 1)
    # Of a layout as it was emitted, the monolith tells.
    assert not check.has_new_doubles(MONOLITH, MONOLITH.replace(b"x", b"y"))
    assert check.has_new_doubles(MONOLITH, MONOLITH + copy)
    # A member of the same name is another function, and so is an overload.
    fine = b"struct S { int work(int x) { return x; } };\nint work(long x) { return 1; }\n"
    assert homes({**files, "src/run/one.cu": files["src/run/one.cu"] + fine}) == []


def test_copied_lines():
    lines = b"    case 1: return work<1>(x);\n    case 2: return work<2>(x);\n    default: return -1;\n"
    (found,) = check.check_copied_text("run", MONOLITH, PATH, [hunk("src/run/one.cu", 9, lines)])
    assert (found.line, "lines 8 " in found.message) == (9, True)
    few = hunk("src/run/one.cu", 9, lines[:30])
    other = hunk("src/run/one.cu", 9, lines.replace(b"1", b"3"))
    edited = hunk("src/run/one.cu", 9, lines, old=b"something else\n")
    assert not list(check.check_copied_text("run", MONOLITH, PATH, [few, other, edited]))


def test_includes_by_what_exists():
    def found(*existing):
        return [
            (f.name, str(f.severity))
            for f in check.check_includes("run", RULE, LAYOUT, set(existing).__contains__)
        ]

    assert found() == []
    assert found("src/beside.h") == [('"beside.h"', "error")]
    assert found("src/run/beside.h") == [('"beside.h"', "error")]
    assert found("include/beside.h") == []


def test_an_undef_that_comes_before_what_it_came_after():
    """Also of a macro that no file of the layout defines."""
    text = MONOLITH.replace(b"x * N", b"x * N * WIDTH") + b"#undef WIDTH\n"
    layout = transform(text)
    units = {f.path: f.text for f in layout.files}

    def seen(files):
        given = [LayoutText(f.path, files[f.path], f.is_unit) for f in layout.files]
        return [f.code for f in check.check_program("run", PATH, text, given)]

    assert seen(units) == []
    common = "src/run/common.h"
    early = units[common].replace(b"template", b"#undef WIDTH\ntemplate", 1)
    assert "environment" in seen({**units, common: early})


def test_findings_in_the_entry_have_lines_of_the_entry():
    files = {f.path: f.text for f in LAYOUT.files}
    entry = b"\n" * 30 + files[PATH] + b"}\n"
    given = [LayoutText(f.path, entry if f.path == PATH else f.text, f.is_unit) for f in LAYOUT.files]
    (found,) = [f for f in check.check_program("run", PATH, MONOLITH, given) if f.code == "unreadable"]
    assert found.line == len(entry.splitlines())
    # What is nowhere in the layout has a line of the monolith only.
    given = [LayoutText(f.path, f.text, f.is_unit) for f in LAYOUT.files]
    (lost,) = check.check_program("run", PATH, MONOLITH + b"\nint other() { return 1; }\n", given)
    assert (lost.code, lost.line, lost.name) == ("lost", None, "other")
    assert "line 14 of the monolith" in lost.message


def test_strangers():
    paths = ["src/run/a.cu", "src/run/b.cpp", "src/run/c.h"]
    found = list(check.check_strangers("run", paths, frozenset({"src/run/b.cpp"})))
    assert [(f.path, f.fails) for f in found] == [("src/run/a.cu", True), ("src/run/b.cpp", False)]


def test_every_check_is_listed_and_an_unlisted_one_refused():
    assert all(meaning.short for meaning in CODES.values())
    with pytest.raises(AssertionError):
        Reporter("run").note("no such check", "message", PATH)


LINES = st.sampled_from(
    sorted({line for f in LAYOUT.files for line in f.text.splitlines(keepends=True)})
    + [
        b"\n",
        b"int a;\n",
        b"}\n",
        b"{\n",
        b"/* \n",
        b"#if X\n",
        b"#endif\n",
        b"case 3: return work<3>(x);\n",
        b"\xff\r\n",
    ]
)
EDITS = st.lists(
    st.tuples(
        st.integers(0, len(LAYOUT.files) - 1),
        st.integers(0, 40),
        st.integers(0, 2),
        st.lists(LINES, max_size=2),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=150)
@given(EDITS)
def test_any_edit_is_reported_or_sound_but_never_breaks_a_law(edits):
    files: dict[str, bytes | None] = {f.path: f.text for f in LAYOUT.files}
    for number, at, removed, added in edits:
        path = LAYOUT.files[number].path
        lines = (files[path] or b"").splitlines(keepends=True)
        lines[at : at + removed] = added
        files[path] = b"".join(lines)
    before = unsplit(LAYOUT, files, transform)
    merged = recompose(before, files, before.layout, merge)
    layout = before.layout
    found = list(check.check_laws("run", layout, transform(layout.monolith)))
    found += check.check_recomposed("run", files, before, merged)
    assert [f for f in found if f.code.startswith("law")] == []
    texts = {path: text for path, text in files.items() if text is not None}
    hunks = list(check.check_hunks("run", before))
    assert len(hunks) == len(before.hunks)
    list(check.check_homes("run", parse(MONOLITH), texts, frozenset({"run"}), before.hunks, PATH))
    list(check.check_global_names("run", layout.files, texts))
    units = [LayoutText(f.path, texts[f.path], f.is_unit) for f in LAYOUT.files]
    for one in check.check_program("run", PATH, before.monolith, units, hunks=before.hunks):
        assert one.path in {*texts, PATH}
        assert one.line is None or 1 <= one.line <= len((files.get(one.path) or MONOLITH).splitlines()) + 1
