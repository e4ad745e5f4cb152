"""Switches and chains: arms with their exact bytes, in plain code, lambdas and macro bodies."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from mergeguard.cpp.branches import Branching, branchings
from mergeguard.cpp.source import Source, parse
from tests.cpp.test_lexer import SOURCE_BYTES
from tests.support import corpus


def all_branchings(source: Source) -> list[Branching]:
    found: list[Branching] = []
    for item in source.items:
        inside = branchings(source, item)
        for branching in inside:
            check_ranges(source, branching)
            assert item.code_start <= branching.start < branching.end or branching.start >= item.start
        found.extend(inside)
    return found


def check_ranges(source: Source, branching: Branching) -> None:
    """Arms are contiguous, in order, and inside the statement."""
    position = branching.start
    for number, arm in enumerate(branching.arms):
        assert arm.start == position or number == 0
        assert branching.start <= arm.start <= arm.end <= branching.end <= len(source.text)
        assert arm.labels
        position = arm.end


def of(text: bytes) -> list[Branching]:
    source = parse(text)
    assert not source.problems
    return all_branchings(source)


def arms(text: bytes) -> list[tuple[tuple[str, ...], bytes]]:
    (branching,) = of(text)
    return [(arm.labels, text[arm.start : arm.end]) for arm in branching.arms]


# ---- real files


def test_paged_attention_v1_selects_by_head_size(corpus_version):
    for version, path in corpus.releases_with("paged_attention_v1", [corpus_version]):
        source = parse(corpus.file(version, path))
        (item,) = [i for i in source.items if i.name == "paged_attention_v1_launcher" and i.body]
        (switch,) = [b for b in branchings(source, item) if b.subject == "head_size"]
        assert len(switch.arms) == 10
        assert [arm.is_default for arm in switch.arms] == [False] * 9 + [True]
        assert not any(arm.falls_through for arm in switch.arms)
        sizes = [int(arm.labels[0]) for arm in switch.arms[:-1]]
        assert sizes == [32, 64, 80, 96, 112, 120, 128, 192, 256]


def test_attention_selects_by_cache_type(corpus_version):
    for version, path in corpus.releases_with("attention", [corpus_version]):
        source = parse(corpus.file(version, path))
        (item,) = [i for i in source.items if i.name == "paged_attention" and i.body]
        chains = [
            b for b in branchings(source, item) if b.depth == 0 and "kv_cache_dtype" in b.arms[0].labels[0]
        ]
        assert [len(chain.arms) for chain in chains] == [3]
        assert [arm.is_default for arm in chains[0].arms] == [False, False, True]


def test_skinny_gemms_selects_by_n(corpus_version):
    for version, path in corpus.releases_with("skinny_gemms", [corpus_version]):
        source = parse(corpus.file(version, path))
        found = {
            i.name: b for i in source.items for b in branchings(source, i) if b.kind == "switch" and i.body
        }
        assert {"wvSplitK", "wvSplitKQ"} <= set(found)
        for name in ("wvSplitK", "wvSplitKQ"):
            switch = found[name]
            assert (switch.subject, switch.macro) == ("N_in", None)
            labels = [arm.labels[0] for arm in switch.arms]
            assert labels in (["1", "2", "3", "4", "default"], ["1", "2", "3", "4", "5", "default"])
            assert not any(arm.falls_through for arm in switch.arms)
        if "wvSplitKrc" in found:
            assert found["wvSplitKrc"].arms[-1].is_default


def test_int4_selects_inside_a_function_local_macro(corpus_version):
    for version, path in corpus.releases_with("skinny_gemms_int4", [corpus_version]):
        source = parse(corpus.file(version, path))
        (item,) = [i for i in source.items if i.name == "wvSplitK_int4_g" and i.body]
        (switch,) = [b for b in branchings(source, item) if b.kind == "switch" and b.subject == "N_in"]
        assert switch.macro == "WVSPLIT_INT4G_DISPATCH"
        assert [arm.labels[0] for arm in switch.arms] == ["1", "2", "3", "4", "5", "default"]
        for arm in switch.arms:
            assert all(
                line.endswith(b"\\") for line in source.text[arm.start : arm.end].splitlines() if line.strip()
            )


def test_every_monolith_is_read(monolith):
    _, version, path = monolith
    source = parse(corpus.file(version, path))
    assert all_branchings(source)


# ---- switches


def test_arms_of_a_switch():
    text = b"""void f() {
  switch (n) {
    // outside
    case 1:  // first
      a();
      break;  // trailing

    // about 2
    case 2: case 3:
    case 4: {
      return;
    }
    default:
      b();
  }
}
"""
    assert arms(text) == [
        (("1",), b"    case 1:  // first\n      a();\n      break;  // trailing\n\n"),
        (("2", "3", "4"), b"    // about 2\n    case 2: case 3:\n    case 4: {\n      return;\n    }\n"),
        (("default",), b"    default:\n      b();\n"),
    ]
    (switch,) = of(text)
    assert (switch.kind, switch.subject, switch.macro, switch.depth) == ("switch", "n", None, 0)
    assert text[switch.start : switch.end].startswith(b"switch (n)")
    assert text[switch.start : switch.end].endswith(b"  }")


def test_arms_on_one_line():
    text = b"void f() { switch (a(1)) { case A::x: b(); break; default: c(); } }\n"
    assert arms(text) == [(("A::x",), b"case A::x: b(); break; "), (("default",), b"default: c(); ")]


def test_case_label_with_a_conditional_expression():
    text = b"void f() { switch (n) { case (a ? 1 : 2): x(); break; case b ? 3 : 4: y(); } }\n"
    assert [labels for labels, _ in arms(text)] == [("(a ? 1:2)",), ("b ? 3:4",)]


def test_switch_without_arms():
    (switch,) = of(b"void f() { switch (n) { } }\n")
    assert switch.arms == ()


@pytest.mark.parametrize(
    ("body", "falls"),
    [
        (b"a(); break;", False),
        (b"return a();", False),
        (b"{ a(); { break; } }", False),
        (b"MACRO(1) break;", False),
        (b"throw x;", False),
        (b"if (a) b(); break;", False),
        (b"a();", True),
        (b"a(); [[fallthrough]];", True),
        (b"{ a(); }", True),
        (b"if (a) break;", True),
        (b"if (a) { return b(); } else { return c(); }", False),
        (b"if (a) return; else if (b) throw x; else { c(); break; }", False),
        (b"if (a) { return; } else { c(); }", True),
        (b"if (a) { return; } else if (b) { break; }", True),
        (b"for (;;) break;", True),
    ],
)
def test_falling_through(body, falls):
    found = of(b"void f() { switch (n) { case 1: " + body + b" default: z(); } }\n")
    (switch,) = (branching for branching in found if branching.kind == "switch")
    assert [arm.falls_through for arm in switch.arms] == [falls, False]


def test_switch_in_a_lambda_in_a_macro_argument():
    text = b"""void f() {
  AT_DISPATCH(x, [&] {
    switch (n) {
      case 1:
        LAUNCH(1)
        break;
      default:
        throw std::runtime_error("n");
    }
  });
}
"""
    assert [labels for labels, _ in arms(text)] == [("1",), ("default",)]


def test_switch_in_a_function_local_macro():
    text = b"""void f() {
#define DISPATCH(n)   \\
  switch (n) {        \\
    case 1:           \\
      a();            \\
      break;          \\
    default:          \\
      b();            \\
  }
  DISPATCH(x)
#undef DISPATCH
}
"""
    (switch,) = of(text)
    assert switch.macro == "DISPATCH"
    assert [text[arm.start : arm.end] for arm in switch.arms] == [
        b"    case 1:           \\\n      a();            \\\n      break;          \\\n",
        b"    default:          \\\n      b();            \\\n",
    ]


def test_switch_in_a_top_level_macro():
    text = b"#define D(n) \\\n  switch (n) { \\\n    case 1: x(); \\\n  }\n"
    (switch,) = of(text)
    assert switch.macro == "D"


def test_condition_around_an_arm_goes_with_it():
    text = b"""void f() {
  switch (n) {
    case 1:
      a();
      break;
#if X
    case 2:
      b();
      break;
#endif
    default:
      c();
  }
}
"""
    assert arms(text)[1] == (("2",), b"#if X\n    case 2:\n      b();\n      break;\n#endif\n")


def test_condition_around_the_first_arm_goes_with_it():
    text = b"void f() {\n  switch (n) {\n#if X\n    case 1:\n      a();\n#endif\n    case 2: b();\n  }\n}\n"
    assert arms(text)[0] == (("1",), b"#if X\n    case 1:\n      a();\n#endif\n")


def test_arms_that_share_a_condition_are_one():
    text = b"""void f() {
  switch (n) {
#if X
    case 1: a(); break;
    case 2: b(); break;
#else
    case 1: c(); break;
#endif
    default: d();
  }
}
"""
    found = arms(text)
    assert [labels for labels, _ in found] == [("1", "2"), ("default",)]
    assert found[0][1].startswith(b"#if X\n")
    assert found[0][1].endswith(b"#endif\n")


def test_condition_inside_an_arm():
    text = b"""void f() {
  switch (n) {
    case 1:
#if X
      a();
#else
      b();
#endif
      break;
    case 2:
      c();
  }
}
"""
    found = arms(text)
    assert [labels for labels, _ in found] == [("1",), ("2",)]
    assert found[1][1] == b"    case 2:\n      c();\n"


def test_nested_switches_have_depth():
    text = b"void f() { switch (a) { case 1: switch (b) { case 2: x(); } break; case 3: y(); } }\n"
    outer, inner = of(text)
    assert (outer.subject, outer.depth, inner.subject, inner.depth) == ("a", 0, "b", 1)
    assert [arm.labels for arm in outer.arms] == [("1",), ("3",)]


# ---- chains


def test_arms_of_a_chain():
    text = b"""void f() {
  if (t == "auto") {
    a();
  } else if (t == "fp8" ||
             t == "e4m3") {
    b();
  }
  // about else
  else {
    c();
  }  // end
  d();
}
"""
    assert arms(text) == [
        (('t == "auto"',), b'  if (t == "auto") {\n    a();\n  }'),
        (
            ('t == "fp8" || t == "e4m3"',),
            b' else if (t == "fp8" ||\n             t == "e4m3") {\n    b();\n  }\n',
        ),
        (("else",), b"  // about else\n  else {\n    c();\n  }  // end\n"),
    ]
    (chain,) = of(text)
    assert (chain.kind, chain.subject) == ("chain", "")
    assert [arm.is_default for arm in chain.arms] == [False, False, True]


def test_chain_without_braces():
    text = b"void f() {\n  if (a) x();\n  else if (b) y();\n  else z();\n}\n"
    assert [piece for _, piece in arms(text)] == [
        b"  if (a) x();\n",
        b"  else if (b) y();\n",
        b"  else z();\n",
    ]


def test_chain_of_macros_without_semicolon():
    text = b"void f() {\n  if (a)\n    LAUNCH(1)\n  else\n    LAUNCH(2)\n}\n"
    assert [labels for labels, _ in arms(text)] == [("a",), ("else",)]


def test_constexpr_chain():
    text = b"void f() { if constexpr (a < b) { x(); } else if constexpr (c) { y(); } }\n"
    assert [labels for labels, _ in arms(text)] == [("a<b",), ("c",)]


def test_else_belongs_to_the_nearest_if():
    text = b"void f() { if (a) if (b) x(); else y(); z(); }\n"
    (chain,) = of(text)
    assert chain.arms[0].labels == ("b",)


def test_if_in_an_else_block_is_no_arm():
    text = b"void f() { if (a) { x(); } else { if (b) y(); else z(); } }\n"
    outer, inner = of(text)
    assert [arm.labels for arm in outer.arms] == [("a",), ("else",)]
    assert [arm.labels for arm in inner.arms] == [("b",), ("else",)]
    assert (outer.depth, inner.depth) == (0, 1)


def test_lone_if_is_no_choice():
    assert of(b"void f() { if (a) { x(); } for (;;) if (b) y(); }\n") == []


@pytest.mark.parametrize(
    "statement",
    [
        b"for (;;) if (b) x(); else y();",
        b"do x(); while (c);",
        b"while (b) { x(); }",
        b"try { } catch (...) { }",
    ],
)
def test_statements_of_all_kinds_end_where_they_end(statement):
    text = b"void f() { if (a) " + statement + b" else z(); w(); }\n"
    outer = of(text)[0]
    assert [arm.labels for arm in outer.arms] == [("a",), ("else",)]
    assert text[outer.arms[1].start : outer.arms[1].end] == b" else z();"


def test_chain_with_a_conditional_arm():
    text = b"void f() {\n  if (a) {\n  }\n#if X\n  else if (b) {\n  }\n#endif\n  else {\n  }\n}\n"
    assert [labels for labels, _ in arms(text)] == [("a",), ("b",), ("else",)]


def test_braces_split_by_a_condition_do_not_confuse():
    text = b"""void f() {
#if A
  {
#endif
    switch (n) {
      case 1: x(); break;
      default: y();
    }
#if A
  }
#endif
}
"""
    assert [labels for labels, _ in arms(text)] == [("1",), ("default",)]


def test_dead_text_is_not_read():
    assert of(b"void f() {\n#if 0\n  switch (n) { case 1: x(); }\n#endif\n}\n") == []


# ---- any bytes


@given(SOURCE_BYTES)
@settings(max_examples=500)
def test_any_bytes(text):
    source = parse(text)
    for item in source.items:
        for branching in branchings(source, item):
            check_ranges(source, branching)


def test_great_depth():
    depth = 10_000
    nested = b"void f(){" + b"if(a){" * depth + b"}else{}" * depth + b"}"
    assert len(of(nested)) == depth
    assert of(nested)[-1].depth == depth - 1
    switches = b"void f(){" + b"switch(a){case 1:" * depth + b"}" * depth + b"}"
    assert len(of(switches)) == depth
    assert of(b"void f(){" + b"if(a)" * depth + b";}") == []
