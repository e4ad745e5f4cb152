"""Added text keeps its place: what a layout was made of is what it is read as, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.cpp.source import parse, units
from mergeguard.lens.emit import split
from mergeguard.lens.order import hints, labels
from mergeguard.lens.rule import parse_rule
from mergeguard.lens.unsplit import reading_of, unsplit

RULE = parse_rule(
    b"""schema = 1
monolith = "src/run.cu"
[[move]]
to = "common.h"
items = ["include *", "macro *"]
[[move]]
to = "kernel.cuh"
items = ["template *", "kernel *"]
needed = true
[[partition]]
entry = "run"
over = { in = "run", switch = "n" }
body = "dispatch.cuh"
shards = { "one.cu" = [1], "two.cu" = [2] }
rest = "two.cu"
""",
    "run.toml",
)
MONOLITH = b"""// A licence.
#include <cstdio>
#define FIRST(x) (x)
template <int N> int scale(int x) { return FIRST(x) * N; }
int kept(int x) { return x + 1; }
#define SECOND(x) (x + 1)
template <int N> int shift(int x) { return SECOND(x) << N; }
void run(int n) {
  switch (n) {
    case 1: std::printf("%d", scale<1>(n)); break;
    case 2: std::printf("%d", shift<2>(n)); break;
    default: std::printf("no");
  }
}
#undef SECOND
int kept_too(int x) { return x - 1; }
"""
ADDED = (
    b"\nvoid extra_%d(int a) {\n  if (a) {\n    a = 3;\n  }\n}\n",
    b"template <typename T>\nT fresh_%d(T x) {\n  return x;\n}\n",
    b"#define EXTRA_%d(x) x\n",
    b"\n// Of the fork.\nstatic int helper_%d() { return 4; }\n",
)
CUTS = [unit.end for unit in units(parse(MONOLITH))]


def derive(text: bytes):
    return split(RULE, "run", "src/run.cu", text)


PRISTINE = derive(MONOLITH)


def read_back(text: bytes) -> tuple[bytes, bool]:
    """What the layout of ``text`` is read as with its lock's hints, and whether it needed any."""
    layout = derive(text)
    order, basis = reading_of(PRISTINE, layout, derive)
    assert not basis
    files = {file.path: file.text for file in layout.files}
    return unsplit(PRISTINE, files, derive, order).monolith, bool(order)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(CUTS), st.sampled_from(ADDED)), min_size=1, max_size=4))
def test_what_a_patch_adds_stands_where_the_patch_has_it(additions):
    text = MONOLITH
    for number, (at, added) in sorted(enumerate(additions), key=lambda a: -a[1][0]):
        text = text[:at] + added % number + text[at:]
    assert read_back(text)[0] == text


def test_only_what_the_layout_can_not_say_needs_a_hint():
    beside = MONOLITH.replace(b"int kept_too", ADDED[0] % 1 + b"int kept_too")
    assert read_back(beside) == (beside, False)
    # In the entry, before all that other files have: the layout alone would put it behind that.
    before = MONOLITH.replace(b"template <int N> int scale", ADDED[0] % 1 + b"template <int N> int scale")
    assert read_back(before) == (before, True)
    (hint,) = hints(MONOLITH, before)
    assert hint[0].startswith("function extra_1 ") and hint[1].startswith("macro FIRST ")


def test_hints_that_no_longer_fit_do_no_harm():
    layout = derive(MONOLITH.replace(b"#undef", ADDED[0] % 1 + b"#undef"))
    files = {file.path: file.text for file in layout.files}
    plain = unsplit(PRISTINE, files, derive)
    odd = (("function extra_1 00000000", "macro FIRST 00000000"), ("function gone 1", "function kept 2"))
    assert unsplit(PRISTINE, files, derive, odd) == plain


@pytest.mark.parametrize("use", [True, False])
def test_a_definition_goes_before_its_use(use):
    """Between two macros of a header the monolith has a template that uses the new one, and other text."""
    monolith = MONOLITH.replace(b"// A licence.\n", b"")
    pristine = split(RULE_BY_NAME, "run", "src/run.cu", monolith)
    files = {file.path: file.text for file in pristine.files}
    header, body = "src/run/last.h", "src/run/later.h"
    files[header] = files[header].replace(b"#define SECOND", b"#define TWICE(x) ((x) * 2)\n#define SECOND")
    if use:
        files[body] = files[body].replace(b"FIRST(x) * N", b"FIRST(TWICE(x)) * N")
    read = unsplit(pristine, files, lambda text: split(RULE_BY_NAME, "run", "src/run.cu", text))
    assert not read.hunks
    defined, used = read.monolith.index(b"#define TWICE"), read.monolith.index(b"int scale")
    assert (defined < used) is use


RULE_BY_NAME = parse_rule(
    b"""schema = 1
monolith = "src/run.cu"
[[move]]
to = "common.h"
items = ["include *", "host kept?"]
[[move]]
to = "last.h"
items = ["macro *"]
[[move]]
to = "later.h"
items = ["template *"]
needed = true
[[partition]]
entry = "run"
over = { in = "run", switch = "n" }
body = "dispatch.cuh"
shards = { "one.cu" = [1], "two.cu" = [2] }
rest = "two.cu"
""",
    "run.toml",
)


def test_edits_of_neighbours_that_are_none_in_the_monolith_are_edits_in_place():
    files = {file.path: file.text for file in PRISTINE.files}
    header = "src/run/kernel.cuh"
    assert b"* N; }\ntemplate <int N> int shift" in files[header]
    files[header] = files[header].replace(
        b"* N; }\ntemplate <int N> int shift(int x) {", b"* (N); }\ntemplate <int N> int shift(long x) {"
    )
    read = unsplit(PRISTINE, files, derive)
    assert not read.hunks
    expected = MONOLITH.replace(b"* N; }", b"* (N); }").replace(b"int shift(int x)", b"int shift(long x)")
    assert read.monolith == expected


def test_labels_are_pinned_as_locks_hold_them():
    text = b"""#include <a.h>
#define M(x) x
template <typename T> struct S<T*> { int a; };
template void f<int>(int);
int g(int a, char b) { return a; }
int g(int a) { return a; }
#if A
int h() { return 1; }
#endif
#undef M
#undef M
"""
    assert labels(parse(text)) == [
        "include <a.h> a60123da",
        "macro M f008296e",
        "type S 9c8420a7",
        "instantiation f d9da1904",
        "function g c323e6cd",
        "function g daa9f7ab",
        "function h dea64e54",
        "undef M a60123da",
        "undef M a60123da 2",
    ]
